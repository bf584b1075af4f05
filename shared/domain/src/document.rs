//! Documents that a client uploads to us, before any letter names them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::id::{AccountId, DocumentId};
use crate::letter::Finding;

/// The most bytes of an upload.
pub const MAX_UPLOAD: u64 = 100_000_000;

/// For how long an upload may begin.
pub const UPLOAD: SignedDuration = SignedDuration::from_mins(15);

/// For how long a document is waited for; S3 drops what was uploaded and never asked for at the same age.
pub const WAITED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentType {
    /// Something to print.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// An image for HTML to refer to.
    #[serde(rename = "image/png")]
    Png,
    /// The same.
    #[serde(rename = "image/jpeg")]
    Jpeg,
}

impl DocumentType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Pdf, Self::Png, Self::Jpeg];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// The type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether bytes begin as those of an image of this type do. What a PDF begins with, inspection says.
    pub fn is_image(self, bytes: &[u8]) -> bool {
        match self {
            Self::Pdf => false,
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
        }
    }
}

/// How far a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DocumentState {
    /// It is not uploaded yet, or not as it was declared.
    Waiting,
    /// It may be used.
    Ready,
    /// It may not, and the findings say why.
    Refused,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it is for test letters.
    pub mode: Mode,
    /// What it is.
    pub content_type: DocumentType,
    /// How many bytes it was declared to have.
    pub bytes: u64,
    /// The hash it was declared to have, in hexadecimal.
    pub sha256: String,
    /// How far it is.
    pub state: DocumentState,
    /// How many pages a PDF has, once it was inspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// What inspection found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// When it was announced.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_begins_as_its_type_says() {
        assert!(DocumentType::Png.is_image(b"\x89PNG\r\n\x1a\n..."));
        assert!(DocumentType::Jpeg.is_image(b"\xff\xd8\xff\xe0"));
        assert!(!DocumentType::Jpeg.is_image(b"\x89PNG\r\n\x1a\n..."));
        assert!(!DocumentType::Png.is_image(b""));
        assert!(!DocumentType::Pdf.is_image(b"%PDF-1.7"));
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        for kind in DocumentType::ALL {
            assert_eq!(DocumentType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(DocumentType::parse("image/svg+xml"), None);
    }
}
