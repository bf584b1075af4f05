//! The deployment's settings, read once from the environment.

use domain::calendar::{Calendar, NotClosures};
use domain::limit::Limit;
use domain::tracking_code::{MailerId, ServiceType, TrackingCodeError};

/// Names of the deployment's resources, and its settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table.
    pub table: String,
    /// The DynamoDB table of counts of requests.
    pub requests_table: String,
    /// How many requests an account may make in a mode.
    pub request_limit: Limit,
    /// Our bucket of documents and of additions under way.
    pub documents_bucket: String,
    /// Our bucket of print files and manifests.
    pub print_bucket: String,
    /// Our bucket of scan files.
    pub scans_bucket: String,
    /// URL of the queue of batches to initialise.
    pub initialise_queue: String,
    /// URL of the queue of letters to inspect.
    pub inspect_queue: String,
    /// URL of the queue of jobs to plan.
    pub plan_queue: String,
    /// URL of the queue of parts to assemble.
    pub assemble_queue: String,
    /// URL of the queue of scan files to apply.
    pub scans_queue: String,
    /// URL of the queue of mailed jobs whose orphans are to be matched.
    pub match_queue: String,
    /// URL of the queue of deliveries to prompt webhooks.
    pub deliver_queue: String,
    /// URL of the queue of deliveries to webhooks that were slow or failed.
    pub deliver_patiently_queue: String,
    /// Who mails.
    pub mailer_id: MailerId,
    /// Service type of First-Class letters.
    pub service_type: ServiceType,
    /// Service type of Certified letters.
    pub service_type_certified: ServiceType,
    /// What is printed on First-Class pieces for the postal service to act on, such as `Return Service Requested`.
    pub endorsement: Option<String>,
    /// How many letters a part has.
    pub letters_per_part: usize,
    /// URL of the queue of callbacks to tell what is new.
    pub callback_queue: String,
    /// Our bucket of archived events.
    pub archive_bucket: String,
    /// For how many days the log is kept.
    pub log_days: u16,
    /// On which days mail is made.
    pub calendar: Calendar,
    /// The gateway's usage plan on which accounts are counted; only the function that creates accounts is told it.
    pub usage_plan: Option<String>,
}

/// A setting that is missing or cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not set.
    #[error("set the environment variable {0}")]
    Missing(&'static str),
    /// Not a number above zero.
    #[error("{0} must be a whole number above zero")]
    NotANumber(&'static str),
    /// No limit of requests.
    #[error("MAILHOUSE_REQUEST_QUOTA and MAILHOUSE_REQUEST_SECONDS: {0}")]
    Limit(#[from] domain::limit::NoLimit),
    /// The Mailer ID of test letters.
    #[error("MAILHOUSE_MAILER_ID is the one that test letters have: set the one that the postal service assigned")]
    TestMailer,
    /// No dates.
    #[error("MAILHOUSE_CLOSURES: {0}")]
    Closures(#[from] NotClosures),
    /// Not part of a tracking code.
    #[error("{0}: {1}")]
    TrackingCode(&'static str, TrackingCodeError),
}

impl Config {
    /// Reads the settings. Every function is told every name; its role decides what it may touch.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be.
    pub fn from_env() -> Result<Self, ConfigError> {
        let number = |name: &'static str| {
            let value = required(name)?.parse().map_err(|_| ConfigError::NotANumber(name))?;
            if value == 0 { Err(ConfigError::NotANumber(name)) } else { Ok(value) }
        };
        let small = |name: &'static str| required(name)?.parse().map_err(|_| ConfigError::NotANumber(name));
        let service = |name: &'static str| {
            ServiceType::parse(&required(name)?).map_err(|error| ConfigError::TrackingCode(name, error))
        };
        Ok(Config {
            table: required("MAILHOUSE_TABLE")?,
            requests_table: required("MAILHOUSE_REQUESTS_TABLE")?,
            request_limit: Limit::new(small("MAILHOUSE_REQUEST_QUOTA")?, small("MAILHOUSE_REQUEST_SECONDS")?)?,
            documents_bucket: required("MAILHOUSE_DOCUMENTS_BUCKET")?,
            print_bucket: required("MAILHOUSE_PRINT_BUCKET")?,
            scans_bucket: required("MAILHOUSE_SCANS_BUCKET")?,
            initialise_queue: required("MAILHOUSE_QUEUE_INITIALISE")?,
            inspect_queue: required("MAILHOUSE_QUEUE_INSPECT")?,
            plan_queue: required("MAILHOUSE_QUEUE_PLAN")?,
            assemble_queue: required("MAILHOUSE_QUEUE_ASSEMBLE")?,
            scans_queue: required("MAILHOUSE_QUEUE_SCANS")?,
            match_queue: required("MAILHOUSE_QUEUE_MATCH")?,
            deliver_queue: required("MAILHOUSE_QUEUE_DELIVER")?,
            deliver_patiently_queue: required("MAILHOUSE_QUEUE_DELIVER_PATIENTLY")?,
            mailer_id: mailer(&required("MAILHOUSE_MAILER_ID")?)?,
            service_type: service("MAILHOUSE_SERVICE_TYPE")?,
            service_type_certified: service("MAILHOUSE_SERVICE_TYPE_CERTIFIED")?,
            endorsement: std::env::var("MAILHOUSE_ENDORSEMENT").ok().filter(|line| !line.is_empty()),
            letters_per_part: number("MAILHOUSE_PART_LETTERS")?,
            callback_queue: required("MAILHOUSE_QUEUE_CALLBACK")?,
            archive_bucket: required("MAILHOUSE_ARCHIVE_BUCKET")?,
            log_days: number("MAILHOUSE_LOG_DAYS")?.try_into().unwrap_or(u16::MAX),
            calendar: Calendar::with_closures(&std::env::var("MAILHOUSE_CLOSURES").unwrap_or_default())?,
            usage_plan: std::env::var("MAILHOUSE_USAGE_PLAN").ok().filter(|name| !name.is_empty()),
        })
    }
}

fn mailer(text: &str) -> Result<MailerId, ConfigError> {
    let parsed = MailerId::parse(text).map_err(|error| ConfigError::TrackingCode("MAILHOUSE_MAILER_ID", error))?;
    if parsed == MailerId::test() { Err(ConfigError::TestMailer) } else { Ok(parsed) }
}

fn required(name: &'static str) -> Result<String, ConfigError> {
    std::env::var(name).map_err(|_| ConfigError::Missing(name))
}
