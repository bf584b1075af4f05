//! PDFs and other objects in S3: the clients' documents, our copies of them, and the letters of additions under way.

use std::io::{Read, Write};
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use domain::id::{AccountId, AdditionId, BatchId};
use domain::letter::{Copy, Issue, NewLetter};
use domain::location::{Location, S3Path};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::idempotency::sha256;
use crate::{Store, StoreError};

/// The code of the issue that an object was written over.
pub const CHANGED: &str = "document.changed";

/// Why a client's document could not be fetched, when that is not our doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFetched {
    /// There is no such object.
    NotFound,
    /// We may not read it, or its bucket does not belong to the account that was registered as its owner.
    AccessDenied,
    /// It is larger than `limit` bytes.
    TooLarge,
    /// It has another tag than the one that was asked for: it was written over.
    Changed,
    /// S3 refuses to hand it out for another reason that will not pass, such as a bucket in another region or a disabled
    /// key: the code that it gave.
    Refused(String),
}

impl NotFetched {
    /// What a person has to do first; `limit` is the most bytes that were asked for.
    pub fn issue(&self, limit: u64) -> Issue {
        let issue = |code: &str, message: String| Issue { code: code.to_owned(), message, page: None };
        match self {
            NotFetched::NotFound => issue(
                "document.not_found",
                "There is no object at the document's path. Upload it, then retry the letter.".to_owned(),
            ),
            NotFetched::AccessDenied => issue(
                "document.access_denied",
                "The document may not be read. Grant the mailhouse s3:GetObject on it, check that the registered owner \
                 still owns the bucket, then retry the letter."
                    .to_owned(),
            ),
            NotFetched::Changed => issue(
                CHANGED,
                "The document was written over since the letter named its path. Should what is there now be mailed, send the \
                 content again with PATCH."
                    .to_owned(),
            ),
            NotFetched::Refused(code) => issue(
                "document.unreadable",
                format!(
                    "S3 does not hand the document out ({code}). It must lie in our region, under a key that we may use; \
                     then retry the letter."
                ),
            ),
            NotFetched::TooLarge => issue(
                "document.too_large",
                format!(
                    "The document is larger than {} MB. Make it smaller, then retry the letter.",
                    limit / 1_000_000
                ),
            ),
        }
    }
}

/// Refusals that may pass, or that are about us and not about the document.
const PASSING: [&str; 8] = [
    "SlowDown",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ExpiredToken",
    "InvalidToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "TooManyRequests",
];

impl Store {
    /// Fetches a client's document, at most `limit` bytes of it, and the tag of its content, which must be `etag` if one is given.
    /// The bucket must belong to the registered owner.
    ///
    /// # Errors
    /// When S3 fails in a way that may pass: the caller tries again.
    pub async fn fetch_source(
        &self,
        source: &S3Path,
        location: &Location,
        limit: u64,
        etag: Option<&str>,
    ) -> Result<Result<(Vec<u8>, Option<String>), NotFetched>, StoreError> {
        let sent = self
            .s3()
            .get_object()
            .bucket(source.bucket())
            .key(source.key())
            .expected_bucket_owner(&location.owner)
            .send()
            .await;
        let object = match sent {
            Ok(object) => object,
            Err(error) => {
                let status = match &error {
                    SdkError::ServiceError(service) => service.raw().status().as_u16(),
                    _ => 0,
                };
                let refused = match (status, error.code().unwrap_or_default()) {
                    (_, "NoSuchKey" | "NoSuchBucket" | "NotFound") | (404, _) => Some(NotFetched::NotFound),
                    (408 | 429, _) => None,
                    (_, code) if PASSING.contains(&code) => None,
                    (403, _) | (_, "InvalidObjectState") => Some(NotFetched::AccessDenied),
                    (300..=499, code) => Some(NotFetched::Refused(code.to_owned())),
                    _ => None,
                };
                return refused.map(Err).ok_or_else(|| StoreError::aws("GetObject")(error));
            }
        };
        if etag.is_some() && object.e_tag() != etag {
            return Ok(Err(NotFetched::Changed));
        }
        let etag = object.e_tag().map(str::to_owned);
        Ok(content_of(object, limit).await?.map(|bytes| (bytes, etag)).ok_or(NotFetched::TooLarge))
    }

    /// What S3 says of a client's document without handing it out: the tag of its content, and its length.
    ///
    /// # Errors
    /// It is not there, may not be read, or S3 does not say within two seconds: its inspection will tell.
    pub async fn look_at_source(&self, source: &S3Path, location: &Location) -> Result<(String, u64), StoreError> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let head = self.s3().head_object().bucket(source.bucket()).key(source.key());
        let asked = tokio::time::timeout(PATIENCE, head.expected_bucket_owner(&location.owner).send());
        let object = asked.await.map_err(|_| StoreError::Missing("an answer of S3 within two seconds"))?;
        let object = object.map_err(StoreError::aws("HeadObject"))?;
        let bytes = object.content_length().and_then(|length| u64::try_from(length).ok());
        object.e_tag.zip(bytes).ok_or(StoreError::Missing("the tag of an object"))
    }

    /// Keeps our copy of a document under the hash of its content. Doing so again changes nothing.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn keep_copy(&self, account: &AccountId, bytes: Vec<u8>) -> Result<Copy, StoreError> {
        self.keep_copy_as(account, bytes, "application/pdf").await
    }

    /// The same of a document of another type.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn keep_copy_as(
        &self,
        account: &AccountId,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<Copy, StoreError> {
        let copy = Copy { sha256: sha256(&bytes), bytes: bytes.len() as u64 };
        self.put_object(&self.config.documents_bucket, &copy_key(account, &copy.sha256), bytes, content_type).await?;
        Ok(copy)
    }

    /// Reads our copy of a document; `None` when what was inspected is no longer there as it was.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn read_copy(&self, account: &AccountId, copy: &Copy) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.get_object(&self.config.documents_bucket, &copy_key(account, &copy.sha256)).await?;
        Ok(bytes.filter(|bytes| sha256(bytes) == copy.sha256))
    }

    /// Keeps what a request brings or what was made of it until somebody inspects it, under the hash of its content. What passes is
    /// copied then; what no letter came to name, because the request was refused or died, S3 drops with the rest after 30
    /// days. Doing so again changes nothing.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn keep_incoming(
        &self,
        account: &AccountId,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<Copy, StoreError> {
        let copy = Copy { sha256: sha256(&bytes), bytes: bytes.len() as u64 };
        let key = incoming_key(account, &copy.sha256);
        self.put_object(&self.config.documents_bucket, &key, bytes, content_type).await?;
        Ok(copy)
    }

    /// Reads what a request brought, or our copy of it if it was inspected before; `None` when it is no longer there as it was.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn read_incoming(&self, account: &AccountId, copy: &Copy) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.get_object(&self.config.documents_bucket, &incoming_key(account, &copy.sha256)).await?;
        match bytes.filter(|bytes| sha256(bytes) == copy.sha256) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.read_copy(account, copy).await,
        }
    }

    /// A URL under which anyone may fetch our copy of a document for a quarter of an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn copy_url(&self, account: &AccountId, copy: &Copy) -> Result<String, StoreError> {
        self.signed_url(&self.config.documents_bucket, copy_key(account, &copy.sha256)).await
    }

    /// A URL under which anyone may fetch an object for a quarter of an hour.
    pub(crate) async fn signed_url(&self, bucket: &str, key: String) -> Result<String, StoreError> {
        let expiry = PresigningConfig::expires_in(Duration::from_secs(900))
            .map_err(|_| StoreError::Missing("a valid lifetime of a URL"))?;
        let signed = self.s3().get_object().bucket(bucket).key(key).presigned(expiry);
        Ok(signed.await.map_err(StoreError::aws("GetObject (presigned)"))?.uri().to_owned())
    }

    /// Keeps the letters of an addition, so that whoever finishes or aborts it knows them.
    ///
    /// # Errors
    /// When S3 does not take them.
    pub async fn keep_letters(
        &self,
        batch: &BatchId,
        addition: &AdditionId,
        letters: &[NewLetter],
    ) -> Result<(), StoreError> {
        let packing = StoreError::io;
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let mut line = Vec::new();
        for letter in letters {
            // Line by line, because to pack every piece of it that serde_json writes takes ten times as long.
            line.clear();
            serde_json::to_writer(&mut line, letter).map_err(StoreError::json("a letter"))?;
            line.push(b'\n');
            packed.write_all(&line).map_err(packing("packing letters"))?;
        }
        let bytes = packed.finish().map_err(packing("packing letters"))?;
        self.put_object(&self.config.documents_bucket, &letters_key(batch, addition), bytes, "application/gzip").await
    }

    /// The letters of an addition; `None` when they are not kept any more, or do not read.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn read_letters(
        &self,
        batch: &BatchId,
        addition: &AdditionId,
    ) -> Result<Option<Vec<NewLetter>>, StoreError> {
        let key = letters_key(batch, addition);
        let Some(packed) = self.get_object(&self.config.documents_bucket, &key).await? else { return Ok(None) };
        let mut text = Vec::new();
        // We packed it ourselves, from a body whose size was limited.
        if GzDecoder::new(packed.as_slice()).read_to_end(&mut text).is_err() {
            return Ok(None);
        }
        Ok(serde_json::Deserializer::from_slice(&text).into_iter().collect::<Result<_, _>>().ok())
    }

    pub(crate) async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<(), StoreError> {
        self.s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::aws("PutObject"))
    }

    pub(crate) async fn get_object(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let object = match self.s3().get_object().bucket(bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(StoreError::aws("GetObject")(error)),
        };
        content_of(object, u64::MAX).await
    }
}

/// The content of an object, or nothing if it has more than `limit` bytes, of which none is read if S3 says so. Room is made for
/// it once: to grow, or to put it together at the end, takes twice the memory.
pub(crate) async fn content_of(object: GetObjectOutput, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let declared = object.content_length().and_then(|length| u64::try_from(length).ok());
    if declared.is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(declared.unwrap_or(0)).unwrap_or(0));
    let mut body = object.body;
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| StoreError::io("an object")(error.into()))?);
        if bytes.len() as u64 > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// Copies lie apart by account: equal documents of two accounts are two objects, so that nothing about one account can
/// be learnt from another's.
pub(crate) fn copy_key(account: &AccountId, sha256: &str) -> String {
    format!("documents/{account}/{sha256}")
}

/// Apart by account, as copies are.
fn incoming_key(account: &AccountId, sha256: &str) -> String {
    format!("incoming/{account}/{sha256}")
}

fn letters_key(batch: &BatchId, addition: &AdditionId) -> String {
    format!("additions/{batch}/{addition}.jsonl.gz")
}
