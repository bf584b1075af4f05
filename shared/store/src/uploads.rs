//! Documents that clients upload: what was announced, what came, and what became of it.
//!
//! A client puts an upload into our bucket by itself. It is looked at when somebody first asks for it, and what passes is copied
//! by its hash as any document is, so that whatever is put there later changes nothing.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::account::Mode;
use domain::document::{Document, DocumentState, UPLOAD};
use domain::id::{AccountId, DocumentId};
use domain::letter::Copy;

use crate::documents::content_of;
use crate::idempotency::Completion;
use crate::keys;
use crate::table;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// A request that somebody without keys may make for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigned {
    /// The URL.
    pub url: String,
    /// The headers that must be sent with it, as they are.
    pub headers: Vec<(String, String)>,
}

impl Store {
    /// Announces an upload, and keeps the answer.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_document(
        &self,
        document: &Document,
        completion: Option<Completion<'_>>,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let mut create = Transaction::default();
        create.create(table, table::keyed("a document", &keys::document(&document.id), document)?)?;
        create.complete(table, completion)?;
        self.commit(create).await?.map_err(|_| StoreError::Contended("a new document"))
    }

    /// The document of that id, if it is of that account and mode.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn document(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &DocumentId,
    ) -> Result<Option<Document>, StoreError> {
        let found: Option<Document> = self.get("a document", &keys::document(id)).await?;
        Ok(found.filter(|document| document.account == *account && document.mode == mode))
    }

    /// The request that uploads a document. S3 takes nothing by it that is not of the length and the hash that were declared.
    ///
    /// # Errors
    /// When the document's hash is none, or it cannot be signed.
    pub async fn upload_of(&self, document: &Document) -> Result<Presigned, StoreError> {
        let digits = |at: usize| document.sha256.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let hash: Option<Vec<u8>> = (0..32).map(|at| digits(at * 2)).collect();
        let hash = BASE64_STANDARD.encode(hash.ok_or(StoreError::Missing("the hash of a document"))?);
        let lasts = Duration::from_secs(UPLOAD.as_secs().unsigned_abs());
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| StoreError::Missing("the time of an upload"))?;
        let request = self
            .s3()
            .put_object()
            .bucket(&self.config.documents_bucket)
            .key(upload_key(&document.account, &document.id))
            .content_type(document.content_type.as_str())
            .content_length(i64::try_from(document.bytes).unwrap_or(i64::MAX))
            .checksum_sha256(hash)
            .presigned(lasts)
            .await
            .map_err(StoreError::aws("PutObject"))?;
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Presigned { url: request.uri().to_owned(), headers })
    }

    /// What was uploaded, at most `limit` bytes of it: `None` when there is nothing, `Some(None)` when there is more.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn uploaded(&self, document: &Document, limit: u64) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        let key = upload_key(&document.account, &document.id);
        let sent = self.s3().get_object().bucket(&self.config.documents_bucket).key(key).send().await;
        let object = match sent {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(StoreError::aws("GetObject")(error)),
        };
        Ok(Some(content_of(object, limit).await?))
    }

    /// Notes what a document that was waited for is, and answers it as it is then. Whoever comes second changes nothing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn settle_document(&self, document: &Document) -> Result<Document, StoreError> {
        let key = keys::document(&document.id);
        let change = Change::new(key.clone(), "SET #state = :state, #findings = :findings, #pages = :pages")
            .when("#state = :waiting")
            .value(":state", &document.state)?
            .value(":findings", &document.findings)?
            .value(":pages", &document.pages)?
            .value(":waiting", &DocumentState::Waiting)?;
        let mut settle = Transaction::default();
        settle.update(&self.config.table, change)?;
        let _ = self.commit(settle).await?;
        self.get("a document", &key).await?.ok_or(StoreError::Missing("the document"))
    }

    /// Our copy of a document that is ready.
    pub fn copy_of(&self, document: &Document) -> Copy {
        Copy { sha256: document.sha256.clone(), bytes: document.bytes }
    }
}

fn upload_key(account: &AccountId, id: &DocumentId) -> String {
    format!("uploads/{account}/{id}")
}
