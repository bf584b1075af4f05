//! Pictures and annotated documents, made to be looked at and kept for a day: whoever asks again within it is shown the same.

use domain::id::AccountId;

use crate::{Store, StoreError};

impl Store {
    /// Keeps something to be shown, and answers a URL under which anyone may fetch it for a quarter of an hour. The name is a
    /// function of what it is, so that keeping it again changes nothing.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn show(
        &self,
        account: &AccountId,
        name: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<String, StoreError> {
        let bucket = &self.config.documents_bucket;
        self.put_object(bucket, &key(account, name), bytes, content_type).await?;
        self.signed_url(bucket, key(account, name)).await
    }

    /// The same URL, if that is kept.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn shown_url(&self, account: &AccountId, name: &str) -> Result<Option<String>, StoreError> {
        let bucket = &self.config.documents_bucket;
        match self.s3().head_object().bucket(bucket).key(key(account, name)).send().await {
            Ok(_) => Ok(Some(self.signed_url(bucket, key(account, name)).await?)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => Err(StoreError::aws("HeadObject")(error)),
        }
    }
}

/// What is shown lies apart by account, as copies do.
fn key(account: &AccountId, name: &str) -> String {
    format!("shown/{account}/{name}")
}
