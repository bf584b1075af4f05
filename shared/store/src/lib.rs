//! Where everything is kept: DynamoDB, S3 and SQS. This is the only crate that names the AWS SDK.
//!
//! It is concrete: its double in tests is an emulator. Functions are named for what happens, take and give domain
//! types, and each states which promise it keeps when it dies half way. See `docs/DATA-MODEL.md` for the keys.

pub mod accounts;
pub mod additions;
pub mod archive;
pub mod batches;
pub mod callbacks;
pub mod config;
pub mod deliveries;
pub mod documents;
pub mod duplicates;
mod error;
mod give_up;
pub mod idempotency;
pub mod jobs;
mod keys;
pub mod letters;
pub mod log;
pub mod parts;
pub mod queues;
mod recipients;
pub mod release;
mod requests;
pub mod scans;
pub mod shown;
pub mod singles;
mod table;
pub mod templates;
pub mod test_pieces;
pub mod tracking;
mod transaction;
pub mod uploads;
mod usage;
pub mod webhooks;

use std::sync::OnceLock;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};

pub use config::Config;
pub use error::StoreError;

/// The clients and the names of what they talk to. Clients are built on first use, so that an operation pays only for
/// those that it needs.
pub struct Store {
    config: Config,
    sdk: aws_config::SdkConfig,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    gateway: OnceLock<aws_sdk_apigateway::Client>,
}

impl Store {
    /// Opens the store that `config` names, with credentials, region and endpoint from the environment.
    pub async fn open(config: Config) -> Self {
        // Lambda gives credentials and region in the environment. To look for them wherever else they may be, the SDK
        // would build clients here, and for them read every certificate of the system, which takes longer than all the
        // rest of a start. Now the first call of AWS reads them.
        let sdk = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .credentials_provider(EnvironmentVariableCredentialsProvider::new())
            .region(EnvironmentVariableRegionProvider::new())
            .load()
            .await;
        let (dynamodb, s3, sqs, gateway) = Default::default();
        Store { config, sdk, dynamodb, s3, sqs, gateway }
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.sdk))
    }

    fn s3(&self) -> &aws_sdk_s3::Client {
        // Path style, because an emulator has no name server for buckets; AWS takes it too. Checksums only where S3 asks for
        // them: parts of an upload and the upload itself must agree on one, and our own hashes cover the content.
        self.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.sdk)
                .force_path_style(true)
                .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk))
    }

    fn gateway(&self) -> &aws_sdk_apigateway::Client {
        self.gateway.get_or_init(|| aws_sdk_apigateway::Client::new(&self.sdk))
    }
}

/// Random bytes for an identifier.
///
/// # Errors
/// When the operating system has none, which it always has once it has started.
pub fn entropy<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Entropy)?;
    Ok(bytes)
}
