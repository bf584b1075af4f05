//! A letter: what the client sent, what inspection found, and where the piece went.

use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressWarning, ReturnAddress};
use crate::article_number::ArticleNumber;
use crate::id::{AdditionId, JobId, LetterRef};
use crate::location::S3Path;
use crate::tracking_code::TrackingCode;

/// The most sides that a letter may have. A flat takes 60 sheets; a letter this thick would not be a letter.
pub const MAX_IMPRESSIONS: u32 = 120;

/// A letter as a door hands it over: every field is valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewLetter {
    /// What the client calls it.
    pub reference: LetterRef,
    /// Whom it goes to.
    pub address: Address,
    /// Where its document is.
    pub source: S3Path,
    /// How many sides the document has.
    pub impressions: u32,
    /// What is odd about it without standing in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<AddressWarning>,
    /// Where it returns to, if that is not where the others of its batch do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<ReturnAddress>,
}

/// A letter's own state on the production side. The rest of its way it shares with its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LetterState {
    /// It waits for inspection.
    Queued,
    /// Its document may be printed.
    Ready,
    /// It cannot be printed until someone acts.
    Issue,
    /// It was withdrawn.
    Canceled,
}

/// Why a letter cannot be printed now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// A stable code, such as `document.encrypted`.
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
    /// On which page of the document, counted from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

/// A part of a page, in inches from the top left of the page as it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// From the left edge of the page to its own.
    pub left: f64,
    /// From the top of the page to its own.
    pub top: f64,
    /// From its left edge to its right one.
    pub width: f64,
    /// From its top to its bottom.
    pub height: f64,
}

/// What inspection found about a document: worth knowing, whether or not it stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable code, such as `document.image_resolution`.
    pub code: String,
    /// What it is and how to mend it.
    pub message: String,
    /// Whether the document cannot be printed because of it.
    pub refuses: bool,
    /// On which page of the document, counted from one; the first, if it is on several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Where on that page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// What was measured, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// What would have been right, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

/// The most findings that are kept of a letter, each of another code: what is not among them shows when these are mended.
pub const MAX_FINDINGS: usize = 8;

/// What is kept of the findings of an inspection: one of each code, the first, and those before all others that stand in
/// the way.
pub fn keep_findings(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        if !kept.iter().any(|other| other.code == finding.code) {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| !finding.refuses);
    kept.truncate(MAX_FINDINGS);
    kept
}

/// Our copy of a letter's document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// SHA-256 of its bytes, in hexadecimal; also its key in our bucket.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A letter as a piece of a mail job, or a test letter as if it were one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The job; none of a test letter, which nobody prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The part of the job, counted from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// The digits of its barcode.
    pub code: TrackingCode,
    /// The number of its label, if it is mailed certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<ArticleNumber>,
}

/// A letter in a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// What the client sent.
    #[serde(flatten)]
    pub content: NewLetter,
    /// The addition with which this content came in.
    pub addition: AdditionId,
    /// The group of that addition in which it is inspected.
    pub group: u32,
    /// Its own state.
    pub state: LetterState,
    /// Why it cannot be printed, in the state `issue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// What inspection found about its document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Our copy of its document, once it passed inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copy>,
    /// The mail piece that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
}

impl Letter {
    /// A letter that has just come in.
    pub fn queued(content: NewLetter, addition: AdditionId, group: u32) -> Self {
        let (issue, findings, copy, piece) = (None, Vec::new(), None, None);
        Letter { content, addition, group, state: LetterState::Queued, issue, findings, copy, piece }
    }
}

/// How many letters one message has inspected, and so how many share the counting of their outcome. The event
/// that names those of them that are ready is just short of a write unit's kilobyte.
pub const INSPECTION_GROUP: usize = 64;

/// What inspection found out about one letter.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It may be printed, and what is worth knowing about it.
    Passed(Copy, Vec<Finding>),
    /// It may not, and why, and what else is worth knowing.
    Failed(Issue, Vec<Finding>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_findings_one_of_each_code_is_kept_those_first_that_stand_in_the_way() {
        let finding = |code: &str, refuses: bool, page: u32| Finding {
            code: code.to_owned(),
            message: "Mend it.".to_owned(),
            refuses,
            page: Some(page),
            area: None,
            measured: None,
            allowed: None,
        };
        let found = (1..=100).flat_map(|page| [finding("dim", false, page), finding("damaged", true, page)]);
        let kept = keep_findings(found);
        assert_eq!(kept, [finding("damaged", true, 1), finding("dim", false, 1)]);
        let many = (1..=100).map(|page| finding(&format!("rule {page}"), page == 100, page));
        let kept = keep_findings(many);
        assert_eq!((kept.len(), kept[0].page), (MAX_FINDINGS, Some(100)));
    }

    #[test]
    fn a_finding_that_was_kept_before_it_had_a_place_is_read() {
        let kept = r#"{"code":"document.ink_outside_margin","message":"Move it.","refuses":false,"page":2}"#;
        let finding: Finding = serde_json::from_str(kept).unwrap();
        assert_eq!((finding.page, finding.area), (Some(2), None));
        assert_eq!(serde_json::to_string(&finding).unwrap(), kept);
        let area = Some(Area { left: 0.25, top: 1.5, width: 2.0, height: 0.01 });
        let placed = Finding { area, ..finding };
        assert_eq!(serde_json::from_str::<Finding>(&serde_json::to_string(&placed).unwrap()).unwrap(), placed);
    }
}
