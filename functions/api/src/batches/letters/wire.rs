//! A letter in the contract's words: what comes in, and what goes out.

use std::collections::{BTreeSet, HashSet};

use domain::address::{Address, AddressWarning, RawAddress};
use domain::batch::{Batch, BatchState};
use domain::fault::{Faults, Pointer};
use domain::id::LetterRef;
use domain::letter::{Finding, Letter, LetterState, MAX_IMPRESSIONS, NewLetter};
use domain::location::{Location, S3Path, registered_path};
use domain::tracking::PostalState;
use edge::Problem;
use edge::wire::{Field, Object};
use serde::{Deserialize, Serialize};

/// A letter in a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a letter as a JSON object")]
pub(crate) struct RawLetter<'a> {
    #[serde(default, borrow)]
    pub(crate) letter_ref_id: Field<'a>,
    #[serde(default, borrow)]
    name1: Field<'a>,
    #[serde(default, borrow)]
    name2: Field<'a>,
    #[serde(default, borrow)]
    address1: Field<'a>,
    #[serde(default, borrow)]
    address2: Field<'a>,
    #[serde(default, borrow)]
    city: Field<'a>,
    #[serde(default, borrow)]
    state: Field<'a>,
    #[serde(default, borrow)]
    postal_code: Field<'a>,
    #[serde(default, borrow)]
    country: Field<'a>,
    #[serde(default, borrow)]
    original_document_path: Field<'a>,
    #[serde(default, borrow)]
    impression_count: Field<'a>,
}

impl RawLetter<'_> {
    /// Reads the letter at `at`, or adds everything that is wrong with it.
    pub(crate) fn parse(&self, at: &Pointer<'_>, locations: &[Location], faults: &mut Faults) -> Option<NewLetter> {
        let here = at.key("letterRefId");
        let reference = self.letter_ref_id.required(&here, faults).text(&here, faults).and_then(|text| {
            let parsed = LetterRef::of_client(text);
            if parsed.is_none() {
                faults.push(&here, "letter_ref_id", "Give exactly 8 characters: letters, digits and any of - . _ ~");
            }
            parsed
        });
        let raw = RawAddress {
            name1: self.name1.text(&at.key("name1"), faults),
            name2: self.name2.text(&at.key("name2"), faults),
            address1: self.address1.text(&at.key("address1"), faults),
            address2: self.address2.text(&at.key("address2"), faults),
            city: self.city.text(&at.key("city"), faults),
            state: self.state.text(&at.key("state"), faults),
            postal_code: self.postal_code.text(&at.key("postalCode"), faults),
            country: self.country.text(&at.key("country"), faults),
        };
        let address = Address::parse(&raw, at, faults);
        if let Some((address, _)) = &address {
            check_lines(address, at, faults);
        }
        let here = at.key("originalDocumentPath");
        let source = self
            .original_document_path
            .required(&here, faults)
            .text(&here, faults)
            .and_then(|text| registered_path(text, locations, &here, faults));
        let here = at.key("impressionCount");
        let impressions = self.impression_count.required(&here, faults).whole(1..=MAX_IMPRESSIONS, &here, faults);
        let (address, warnings) = address?;
        let (reference, source, impressions) = (reference?, source?, impressions?);
        Some(NewLetter { reference, address, source, impressions, warnings, sender: None })
    }
}

/// Adds a fault for each line that would not be printed whole. A line that is made of one field is blamed on it.
fn check_lines(address: &Address, at: &Pointer<'_>, faults: &mut Faults) {
    for line in address.lines() {
        let Err(fault) = print::address_block::check_line(&line) else { continue };
        let fields = [
            ("name1", Some(address.name1())),
            ("name2", address.name2()),
            ("address1", Some(address.address1())),
            ("address2", address.address2()),
        ];
        let field = fields.iter().find(|(_, value)| *value == Some(line.as_str())).map_or("city", |(name, _)| *name);
        faults.push(&at.key(field), "line.unprintable", format!("Address block: {fault}."));
    }
}

/// Reads the letters at `at`, or adds everything that is wrong with them. Answers them, and the references that more than
/// one of them has.
pub(crate) fn parse_letters(
    raw: &[Object<RawLetter<'_>>],
    at: &Pointer<'_>,
    locations: &[Location],
    faults: &mut Faults,
) -> (Vec<NewLetter>, BTreeSet<LetterRef>) {
    let mut letters = Vec::with_capacity(raw.len());
    let mut seen = HashSet::with_capacity(raw.len());
    let mut duplicates = BTreeSet::new();
    for (index, Object(letter)) in raw.iter().enumerate() {
        letters.extend(letter.parse(&at.index(index), locations, faults));
        if let Field::Text(reference) = &letter.letter_ref_id
            && !seen.insert(reference.as_ref())
            && duplicates.len() < Faults::LISTED
        {
            duplicates.extend(LetterRef::of_client(reference));
        }
    }
    (letters, duplicates)
}

/// What is wrong with a request that brings letters, if anything is: the contract's own words where only references are.
pub(crate) fn refusal(status: u16, faults: &Faults, duplicates: &BTreeSet<LetterRef>) -> Option<Problem> {
    let problem = match (faults.is_empty(), duplicates.is_empty()) {
        (true, true) => return None,
        (true, false) => Problem::new(422, "letters.duplicate", "One or more letter IDs are identical"),
        (false, _) => Problem::faulty(status, "invalid", faults),
    };
    Some(if duplicates.is_empty() { problem } else { problem.with("duplicateIds", duplicates) })
}

/// A letter as it is shown in lists.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetterOut<'a> {
    letter_ref_id: &'a LetterRef,
    #[serde(flatten)]
    address: &'a Address,
    original_document_path: &'a S3Path,
    impression_count: u32,
    /// Its state on the production side, its own or its batch's. `state` is that of the address.
    production_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_state: Option<PostalState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<IssueOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningOut>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    article_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_sha256: Option<&'a str>,
}

impl<'a> LetterOut<'a> {
    pub(super) fn new(batch: &Batch, letter: &'a Letter, scanned: Option<PostalState>) -> Self {
        let content = &letter.content;
        LetterOut {
            letter_ref_id: &content.reference,
            address: &content.address,
            original_document_path: &content.source,
            impression_count: content.impressions,
            production_state: production_state(batch, letter),
            postal_state: postal_state(batch, letter, scanned),
            issue: IssueOut::of(letter),
            warnings: content.warnings.iter().map(warning).collect(),
            findings: &letter.findings,
            tracking_code: letter.piece.as_ref().map(|piece| piece.code.to_string()),
            article_number: letter.piece.as_ref().and_then(|piece| Some(piece.article.as_ref()?.as_str())),
            document_sha256: letter.copy.as_ref().map(|copy| copy.sha256.as_str()),
        }
    }
}

fn warning(warning: &AddressWarning) -> WarningOut {
    WarningOut { code: warning.code(), message: warning.message().to_owned() }
}

/// A letter has the production state of its batch, unless it has its own.
fn production_state(batch: &Batch, letter: &Letter) -> &'static str {
    match (letter.state, batch.state) {
        (LetterState::Canceled, _) | (_, BatchState::Canceled) => "canceled",
        (LetterState::Issue, _) => "issue",
        (_, BatchState::Mailed) => "mailed",
        (_, BatchState::Printing) => "inProduction",
        (LetterState::Queued, _) => "queued",
        (LetterState::Ready, _) => "ready",
    }
}

/// A letter's postal state: none until its batch is mailed, and that of its scans once it has any.
pub(super) fn postal_state(batch: &Batch, letter: &Letter, scanned: Option<PostalState>) -> Option<PostalState> {
    let mailed = batch.state == BatchState::Mailed && letter.state != LetterState::Canceled;
    mailed.then(|| scanned.unwrap_or(PostalState::Dropped))
}

/// Something odd that does not stand in the way.
#[derive(Serialize)]
pub(crate) struct WarningOut {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// Why a letter cannot be printed now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssueOut {
    letter_ref_id: LetterRef,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
}

impl IssueOut {
    pub(crate) fn of(letter: &Letter) -> Option<Self> {
        let issue = letter.issue.as_ref()?;
        Some(IssueOut {
            letter_ref_id: letter.content.reference.clone(),
            code: issue.code.clone(),
            message: issue.message.clone(),
            page: issue.page,
        })
    }
}
