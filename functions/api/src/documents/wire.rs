//! How documents are written on the wire.

use std::collections::BTreeMap;

use domain::document::{Document, DocumentState, DocumentType, MAX_UPLOAD};
use domain::fault::{Faults, Pointer};
use domain::id::DocumentId;
use domain::letter::Finding;
use edge::Problem;
use edge::wire::{self, Field};
use jiff::Timestamp;
use render::MAX_IMAGES;
use serde::{Deserialize, Serialize};
use store::uploads::Presigned;

/// A document as a client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentOut<'a> {
    id: &'a DocumentId,
    status: DocumentState,
    content_type: DocumentType,
    bytes: u64,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    findings: &'a [Finding],
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadOut<'a> {
    method: &'static str,
    url: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    expires_at: Timestamp,
}

impl<'a> DocumentOut<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        DocumentOut {
            id: &document.id,
            status: document.state,
            content_type: document.content_type,
            bytes: document.bytes,
            sha256: &document.sha256,
            pages: document.pages,
            findings: &document.findings,
            created_at: document.created_at,
            upload: None,
        }
    }

    /// With the request that uploads it.
    pub(super) fn with_upload(self, upload: &'a Presigned, expires_at: Timestamp) -> Self {
        let headers = upload.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        DocumentOut { upload: Some(UploadOut { method: "PUT", url: &upload.url, headers, expires_at }), ..self }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with contentType, bytes and sha256")]
struct RawDocument<'a> {
    #[serde(default, borrow)]
    content_type: Field<'a>,
    #[serde(default, borrow)]
    bytes: Field<'a>,
    #[serde(default, borrow)]
    sha256: Field<'a>,
}

/// What a client declares of an upload.
pub(super) struct Declared {
    pub(super) content_type: DocumentType,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Reads what a client declares.
///
/// # Errors
/// 400 and 422.
pub(super) fn read(body: &[u8]) -> Result<Declared, Problem> {
    let mut faults = Faults::default();
    let raw: RawDocument<'_> = wire::read_known(body, &mut faults)?;
    let root = Pointer::Root;
    let at = root.key("contentType");
    let content_type = raw.content_type.required(&at, &mut faults).text(&at, &mut faults).map(DocumentType::parse);
    if content_type == Some(None) {
        let names = DocumentType::ALL.map(DocumentType::as_str).join(", ");
        faults.push(&at, "enum", format!("Give one of {names}."));
    }
    let at = root.key("bytes");
    let most = u32::try_from(MAX_UPLOAD).unwrap_or(u32::MAX);
    let bytes = raw.bytes.required(&at, &mut faults).whole(1..=most, &at, &mut faults);
    let is_image = content_type.flatten().is_some_and(|kind| kind != DocumentType::Pdf);
    if is_image && bytes.is_some_and(|bytes| bytes as usize > MAX_IMAGES) {
        let message = format!(
            "An image may have up to {} MB ({MAX_IMAGES} bytes): HTML takes no more of all its images together. Make it smaller.",
            MAX_IMAGES >> 20
        );
        faults.push(&at, "range", message);
    }
    let at = root.key("sha256");
    let sha256 = raw.sha256.required(&at, &mut faults).text(&at, &mut faults).map(str::to_ascii_lowercase);
    let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sha256.as_ref().is_some_and(|text| !is_hash(text)) {
        faults.push(&at, "format", "Give the SHA-256 of the file in 64 hexadecimal digits.");
    }
    match (content_type.flatten(), bytes, sha256) {
        (Some(content_type), Some(bytes), Some(sha256)) if faults.is_empty() => {
            Ok(Declared { content_type, bytes: u64::from(bytes), sha256 })
        }
        _ => Err(Problem::faulty(422, "invalid", &faults)),
    }
}
