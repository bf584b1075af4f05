//! May this document be printed? Everything that can be said about a PDF before paper is spent on it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Bounds on what is looked at. All are inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest file, bytes.
    pub max_bytes: u64,
    /// Most objects a file may have or declare.
    pub max_objects: u32,
    /// Most pages.
    pub max_pages: u32,
    /// Largest decompressed size of one object stream, cross-reference stream, or one page's content, bytes.
    pub max_decompressed: u64,
    /// Whether A4 is printed as well as Letter and Legal.
    pub a4: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 50_000_000, max_objects: 250_000, max_pages: 5_000, max_decompressed: 16 << 20, a4: false }
    }
}

/// Whether a finding keeps the document from being printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Not printed.
    Refuse,
    /// Printed, but worth a look.
    Warn,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable identifier, such as `document.encrypted`.
    pub rule: Cow<'static, str>,
    /// Whether this keeps the document from being printed.
    pub severity: Severity,
    /// The page it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// A sentence for the sender that tells how to mend it. It never repeats the document's text.
    pub message: String,
}

/// The size of a page as it will be seen: after its crop, rotation and user unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageSize {
    /// Width, inches.
    pub width: f64,
    /// Height, inches.
    pub height: f64,
}

/// What an inspection found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many pages a walk of the page tree meets. One page is one impression.
    pub pages: u32,
    /// The distinct page sizes in order of appearance.
    pub sizes: Vec<PageSize>,
    /// All that was found, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the document may be printed: nothing found refuses it.
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Refuse)
    }
}

/// Inspects a document that is declared to have `declared_impressions` pages.
///
/// A hostile file can end this process (see [`crate::isolate`]); call this only on files that are trusted or in a process
/// that may be lost.
pub fn inspect(_bytes: &[u8], _declared_impressions: u32, _limits: &Limits) -> Report {
    Report::default()
}
