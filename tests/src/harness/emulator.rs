//! The AWS emulator: whichever answers at `AWS_ENDPOINT_URL`.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;

use super::Result;

/// The emulator and the clients that the tests themselves use.
#[derive(Clone)]
pub struct Emulator {
    /// Its base URL.
    pub endpoint: String,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

/// The region, which an emulator takes as it comes.
pub const REGION: &str = "us-east-1";
/// The access key and the secret of the emulator's root.
pub const ROOT: &str = "test";

impl Emulator {
    /// Finds the emulator.
    ///
    /// # Errors
    /// When none answers: a test that needs one fails then, and does not pass unseen.
    pub async fn find() -> Result<Self> {
        let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap_or_else(|_| "http://localhost:4566".to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let sdk: SdkConfig = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .endpoint_url(&endpoint)
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ROOT, ROOT, None, None, "tests"))
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        let emulator = Emulator {
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            endpoint,
        };
        let asked =
            tokio::time::timeout(Duration::from_secs(20), emulator.dynamodb.list_tables().limit(1).send()).await;
        match asked {
            Ok(Ok(_)) => Ok(emulator),
            failed => Err(format!(
                "No AWS emulator answers at {}: run `make up`, or set AWS_ENDPOINT_URL to one that does ({failed:?}).",
                emulator.endpoint
            )
            .into()),
        }
    }
}
