//! What can go wrong below a handler. None of it is the client's doing: what a client may have caused is an outcome in
//! the return type of the function that meets it.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use domain::tracking::codes::CodeTableError;

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// AWS refused or did not answer. The text is for the log; it holds codes and ids, no personal data.
    #[error("{operation} failed: {detail}")]
    Aws {
        /// The operation of the SDK.
        operation: &'static str,
        /// The error's code and its chain.
        detail: String,
    },
    /// An item does not read or write as what it should be. What the reader says is left out: it may quote what it read.
    #[error("an item does not read or write as {0}")]
    Item(&'static str),
    /// A value cannot be written as JSON.
    #[error("{0} cannot be written as JSON")]
    Json(&'static str),
    /// Reading or packing bytes failed.
    #[error("{what}: {source}")]
    Io {
        /// What was read or packed.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Others changed the same thing again and again.
    #[error("{0} kept changing under us")]
    Contended(&'static str),
    /// Something that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The deployment's table of scan codes cannot be used.
    #[error("codes.csv in the bucket of scans cannot be used: {0}")]
    Codes(#[from] CodeTableError),
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Entropy,
}

impl StoreError {
    /// The error of an SDK operation.
    pub(crate) fn aws<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        move |error| {
            // Only the code and our own words: a service's message may repeat what it was sent.
            let detail = match &error {
                SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown code").to_owned(),
                other => DisplayErrorContext(other).to_string(),
            };
            StoreError::Aws { operation, detail }
        }
    }

    pub(crate) fn item(what: &'static str) -> impl FnOnce(serde_dynamo::Error) -> StoreError {
        move |_| StoreError::Item(what)
    }

    pub(crate) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> StoreError {
        move |_| StoreError::Json(what)
    }

    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
        move |source| StoreError::Io { what, source }
    }
}
