//! A batch in the contract's words: what comes in, and what goes out.

use domain::account::Mode;
use domain::address::return_address::ReturnAddress;
use domain::batch::{Batch, MAX_LETTERS, MailClass, parse_target_mail_date, today};
use domain::fault::{Faults, Pointer};
use domain::id::{BatchId, JobId};
use domain::letter::NewLetter;
use domain::location::Location;
use edge::Problem;
use edge::wire::{Field, List, Object};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::letters::wire::{IssueOut, RawLetter, WarningOut, parse_letters, refusal};

/// The most letters that a batch may bring with it: so many fit the memory of those who read and write them.
const MAX_FIRST_LETTERS: usize = 200_000;

/// The body of a request to create a batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a batch as a JSON object")]
pub(super) struct RawBatch<'a> {
    #[serde(default, borrow)]
    pub(super) id: Field<'a>,
    #[serde(default, borrow)]
    mail_class: Field<'a>,
    #[serde(default, borrow)]
    electronic_return_receipt: Field<'a>,
    #[serde(default, borrow)]
    use_perforated_paper: Field<'a>,
    #[serde(default, borrow)]
    target_mail_date: Field<'a>,
    #[serde(default, borrow)]
    pub(super) letters: Option<List<Object<RawLetter<'a>>, MAX_FIRST_LETTERS>>,
    #[serde(default, borrow)]
    letter_count: Field<'a>,
    #[serde(default, borrow)]
    return_address: Field<'a>,
}

/// A request to create a batch, every field of it valid.
pub(super) struct NewBatch {
    pub(super) mail_class: MailClass,
    pub(super) electronic_return_receipt: bool,
    pub(super) perforated: bool,
    pub(super) target_mail_date: Date,
    pub(super) return_address: ReturnAddress,
    pub(super) expected: u32,
    pub(super) letters: Vec<NewLetter>,
}

impl RawBatch<'_> {
    /// Reads the request, or says everything that is wrong with it: 400 for a word that the contract does not know,
    /// else 422.
    pub(super) fn parse(&self, locations: &[Location]) -> Result<NewBatch, Problem> {
        let root = Pointer::Root;
        let mut faults = Faults::default();
        let mut unknown_word = false;

        let at = root.key("mailClass");
        let mail_class = self.mail_class.required(&at, &mut faults).text(&at, &mut faults).and_then(|text| {
            let class = MailClass::parse(text);
            if class.is_none() {
                unknown_word = true;
                faults.push(&at, "enum", "Give \"FirstClass\" or \"Certified\".");
            }
            class
        });
        let at = root.key("electronicReturnReceipt");
        let receipt = self.electronic_return_receipt.required(&at, &mut faults).flag(&at, &mut faults);
        if mail_class == Some(MailClass::Certified) && receipt == Some(false) {
            let message = "Certified Mail needs electronicReturnReceipt true: paper return receipts are not offered.";
            faults.push(&at, "certified.receipt", message);
        }
        let at = root.key("usePerforatedPaper");
        let perforated = self.use_perforated_paper.required(&at, &mut faults).flag(&at, &mut faults);
        let at = root.key("targetMailDate");
        let date = self.target_mail_date.required(&at, &mut faults).text(&at, &mut faults).and_then(|text| {
            let date = parse_target_mail_date(text);
            if date.is_none() {
                faults.push(&at, "date", "Give a date as in 2026-05-10.");
            }
            date
        });
        let at = root.key("letterCount");
        let expected = self.letter_count.required(&at, &mut faults).whole(1..=MAX_LETTERS, &at, &mut faults);
        let at = root.key("returnAddress");
        let return_address = self.return_address.required(&at, &mut faults).text(&at, &mut faults);
        let return_address = return_address.and_then(|text| ReturnAddress::parse(text, &at, &mut faults));
        if let Some(address) = &return_address {
            for line in address.lines() {
                if let Err(fault) = print::address_block::check_sender_line(line) {
                    faults.push(&at, "line.unprintable", format!("Return address: {fault}."));
                }
            }
        }

        let (raw_letters, total) =
            self.letters.as_ref().map_or((&[][..], 0), |letters| (letters.items.as_slice(), letters.total));
        if total > MAX_FIRST_LETTERS {
            let message = format!(
                "The request has {total} letters; send at most {MAX_FIRST_LETTERS} with the batch, and add the others."
            );
            return Err(Problem::new(413, "letters.too_many", message));
        }
        let at = root.key("letters");
        if let Some(expected) = expected.filter(|&expected| total > expected as usize) {
            let message = format!("There are {total} letters, but letterCount is {expected}.");
            faults.push(&at, "letters.overfill", message);
        }
        let (letters, duplicates) = parse_letters(raw_letters, &at, locations, &mut faults);
        if let Some(problem) = refusal(if unknown_word { 400 } else { 422 }, &faults, &duplicates) {
            return Err(problem);
        }

        let parts = (mail_class, receipt, perforated, date, return_address, expected);
        match parts {
            (Some(mail_class), Some(receipt), Some(perforated), Some(date), Some(return_address), Some(expected))
                if faults.is_empty() =>
            {
                Ok(NewBatch {
                    mail_class,
                    electronic_return_receipt: receipt,
                    perforated,
                    target_mail_date: date,
                    return_address,
                    expected,
                    letters,
                })
            }
            _ => Err(Problem::faulty(if unknown_word { 400 } else { 422 }, "invalid", &faults)),
        }
    }
}

/// A batch as it is shown: the contract's fields, then ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchOut {
    id: BatchId,
    mail_class: MailClass,
    electronic_return_receipt: bool,
    use_perforated_paper: bool,
    target_mail_date: Date,
    letter_count: u32,
    expected_letter_count: u32,
    state: &'static str,
    mode: Mode,
    return_address: String,
    ready_count: i64,
    issue_count: i64,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<JobId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningOut>,
    /// The first letters with an issue, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) issues: Vec<IssueOut>,
}

impl BatchOut {
    pub(crate) fn new(batch: &Batch, now: Timestamp) -> Self {
        let mut warnings = Vec::new();
        if batch.is_overdue(today(now)) {
            let message = "The target mail date has passed. The batch is first in the operator's queue.".to_owned();
            warnings.push(WarningOut { code: "target_mail_date.overdue", message });
        }
        BatchOut {
            id: batch.id.clone(),
            mail_class: batch.mail_class,
            electronic_return_receipt: batch.electronic_return_receipt,
            use_perforated_paper: batch.perforated,
            target_mail_date: batch.target_mail_date,
            letter_count: batch.received,
            expected_letter_count: batch.expected,
            state: batch.state.as_str(),
            mode: batch.mode,
            return_address: batch.return_address.lines().join("\n"),
            ready_count: batch.passed.max(0),
            issue_count: batch.issues.max(0),
            created_at: batch.created_at,
            ready_at: batch.ready_at,
            mailed_at: batch.mailed_at,
            job_id: batch.job.clone(),
            warnings,
            issues: Vec::new(),
        }
    }
}
