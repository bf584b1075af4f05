//! A batch: its settings, its counts, its states, and which change is allowed when.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::address::return_address::ReturnAddress;
use crate::finish::Finish;
use crate::id::{AccountId, AdditionId, BatchId, JobId};

/// How the postal service is to treat the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MailClass {
    /// First-Class Mail.
    FirstClass,
    /// Certified Mail with electronic return receipt.
    Certified,
}

impl MailClass {
    /// The class of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "FirstClass" => Some(MailClass::FirstClass),
            "Certified" => Some(MailClass::Certified),
            _ => None,
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            MailClass::FirstClass => "FirstClass",
            MailClass::Certified => "Certified",
        }
    }
}

/// Where a batch is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BatchState {
    /// The letters that came with it are being put into it.
    Initializing,
    /// They could not be put into it. Terminal.
    FailedToInitialize,
    /// It waits for letters, for their inspection, or for someone to mend those with an issue.
    NotReady,
    /// It has all its letters and each may be printed.
    Ready,
    /// It is in a mail job.
    Printing,
    /// It was handed to the postal service. Terminal on the production side.
    Mailed,
    /// It was withdrawn before it was printed. Terminal.
    Canceled,
}

impl BatchState {
    /// Every state.
    pub const ALL: [BatchState; 7] = [
        BatchState::Initializing,
        BatchState::FailedToInitialize,
        BatchState::NotReady,
        BatchState::Ready,
        BatchState::Printing,
        BatchState::Mailed,
        BatchState::Canceled,
    ];

    /// The name in our own field `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            BatchState::Initializing => "initializing",
            BatchState::FailedToInitialize => "failedToInitialize",
            BatchState::NotReady => "notReady",
            BatchState::Ready => "ready",
            BatchState::Printing => "printing",
            BatchState::Mailed => "mailed",
            BatchState::Canceled => "canceled",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        BatchState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The word that the CivicSource contract has for it. The contract knows neither `ready` nor `canceled`: both are
    /// `NotReady` there, because anything else would claim what has not happened.
    pub fn contract_status(self) -> &'static str {
        match self {
            BatchState::Initializing => "Initializing",
            BatchState::FailedToInitialize => "FailedToInitialize",
            BatchState::NotReady | BatchState::Ready | BatchState::Canceled => "NotReady",
            BatchState::Printing => "Printing",
            BatchState::Mailed => "Mailed",
        }
    }
}

/// Letters on their way into a batch: reserved, perhaps written, not yet counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAddition {
    /// How many.
    pub letters: u32,
    /// Until when its writer may be at work. After that, whoever meets it aborts it.
    pub lease: Timestamp,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Its identifier.
    pub id: BatchId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it will be printed.
    pub mode: Mode,
    /// Where it is on its way.
    pub state: BatchState,
    /// How the postal service is to treat its letters.
    pub mail_class: MailClass,
    /// Whether the sender is told electronically who signed.
    pub electronic_return_receipt: bool,
    /// Whether the first sheet after the cover sheet is perforated.
    pub perforated: bool,
    /// How its pieces are made.
    #[serde(default)]
    pub finish: Finish,
    /// What its letters have in common, if the house made it of singles. Such a batch is nothing that a client made, and
    /// clients do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// By when it is to be mailed.
    pub target_mail_date: Date,
    /// Where undeliverable letters return to.
    pub return_address: ReturnAddress,
    /// How many letters it waits for.
    pub expected: u32,
    /// How many are in.
    pub received: u32,
    /// How many more it can take: those it waits for, less those that are in or on their way in.
    pub room: u32,
    /// Over how many partitions its letters are spread; fixed when it is created.
    pub shards: u16,
    /// How many of those passed inspection. Signed, because a letter that is changed is taken off before the group in
    /// which it was inspected may have been counted.
    pub passed: i64,
    /// How many of those have an issue.
    pub issues: i64,
    /// Printed sheets of the letters that passed, cover sheets included.
    pub sheets: i64,
    /// The additions that are under way.
    pub open: BTreeMap<AdditionId, OpenAddition>,
    /// The mail job that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it became ready, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// When it was taken into its mail job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printing_at: Option<Timestamp>,
    /// When it was handed to the postal service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed_at: Option<Timestamp>,
}

/// The most letters that a batch may wait for.
pub const MAX_LETTERS: u32 = 1_000_000;
/// The most letters that one request may add to a batch that exists (CivicSource contract, status 413).
pub const MAX_LETTERS_PER_ADDITION: usize = 1_000;

/// Why letters cannot get into a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// More letters than it waits for.
    #[error("the batch waits for {expected} letters, has or is receiving {taken}, and cannot take {offered} more")]
    Overfill {
        /// How many it waits for.
        expected: u32,
        /// How many it has or is receiving.
        taken: u32,
        /// How many were offered.
        offered: u32,
    },
    /// It takes no letters any more.
    #[error("the batch is {} and takes no more letters", .0.as_str())]
    Closed(BatchState),
}

/// Why batches cannot be merged into one mail job; one reason for each batch that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMergeable {
    /// It is not ready.
    #[error("the batch is {}, not ready", .0.as_str())]
    State(BatchState),
    /// It has another mail class than the first batch named.
    #[error("its mail class is {}, the first batch's is {}", .this.as_str(), .first.as_str())]
    MailClass {
        /// Its class.
        this: MailClass,
        /// The class of the first batch.
        first: MailClass,
    },
    /// It is printed on other paper than the first batch named.
    #[error("one of it and the first batch uses perforated paper and the other does not")]
    Paper,
    /// Its pieces are made otherwise than those of the first batch named.
    #[error("its pieces are made otherwise than the first batch's: see \"finish\"")]
    Finish,
    /// It was sent with a test key.
    #[error("it is a test batch, and test mail is never printed")]
    Test,
}

impl Batch {
    /// Whether `offered` letters may get in.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, offered: u32) -> Result<(), NotAdmitted> {
        match self.state {
            BatchState::Initializing | BatchState::NotReady | BatchState::Ready if offered > self.room => {
                Err(NotAdmitted::Overfill { expected: self.expected, taken: self.expected - self.room, offered })
            }
            BatchState::Initializing | BatchState::NotReady | BatchState::Ready => Ok(()),
            closed => Err(NotAdmitted::Closed(closed)),
        }
    }

    /// Whether nothing is missing: all letters are in, and each passed inspection.
    pub fn is_complete(&self) -> bool {
        self.received == self.expected && self.passed == i64::from(self.expected)
    }

    /// Whether letters may still be replaced, withdrawn or inspected again, and the batch canceled.
    pub fn is_open(&self) -> bool {
        matches!(self.state, BatchState::NotReady | BatchState::Ready)
    }

    /// Whether the batch should have been mailed before `today`.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.target_mail_date < today && !matches!(self.state, BatchState::Mailed | BatchState::Canceled)
    }

    /// The additions whose writer cannot be at work any more. While the batch is initializing nobody may say that: the
    /// addition that it was created with waits for its worker.
    pub fn expired_additions(&self, now: Timestamp) -> impl Iterator<Item = &AdditionId> {
        let settled = self.state != BatchState::Initializing;
        self.open.iter().filter(move |(_, open)| settled && open.lease < now).map(|(id, _)| id)
    }

    /// Over how many partitions the letters of a batch are spread. A partition takes 1,000 write units a second and a
    /// letter that is added costs two, so that 20 partitions take 10,000 letters in a second; a small batch, which
    /// cannot bring as many, is not cut into pieces.
    pub fn shards(expected_at_creation: u32) -> u16 {
        expected_at_creation.div_ceil(500).clamp(1, 32) as u16
    }
}

/// Why each batch that cannot be merged with the others cannot; empty when they all can.
pub fn not_mergeable(batches: &[Batch]) -> Vec<(BatchId, NotMergeable)> {
    let Some(first) = batches.first() else { return Vec::new() };
    let reason = |batch: &Batch| {
        if batch.mode == Mode::Test {
            Some(NotMergeable::Test)
        } else if batch.state != BatchState::Ready {
            Some(NotMergeable::State(batch.state))
        } else if batch.mail_class != first.mail_class {
            Some(NotMergeable::MailClass { this: batch.mail_class, first: first.mail_class })
        } else if batch.perforated != first.perforated {
            Some(NotMergeable::Paper)
        } else if batch.finish != first.finish {
            Some(NotMergeable::Finish)
        } else {
            None
        }
    };
    batches.iter().filter_map(|batch| reason(batch).map(|reason| (batch.id.clone(), reason))).collect()
}

/// The date of a target mail date in ISO 8601; a time part is ignored.
pub fn parse_target_mail_date(text: &str) -> Option<Date> {
    let date = text.split(['T', 't', ' ']).next()?;
    if date.len() != 10 {
        return None;
    }
    date.parse().ok()
}

/// The day it is in the house's calendar at `now`.
pub fn today(now: Timestamp) -> Date {
    // The time zone data is compiled in; were it not, UTC would be at most one day off.
    let zone = TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC);
    now.to_zoned(zone).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Faults, Pointer};

    pub(crate) fn batch() -> Batch {
        Batch {
            id: BatchId::random([1; 10]),
            account: AccountId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            mode: Mode::Live,
            state: BatchState::NotReady,
            mail_class: MailClass::FirstClass,
            electronic_return_receipt: false,
            perforated: false,
            finish: Finish::default(),
            group: None,
            target_mail_date: "2026-11-22".parse().unwrap(),
            return_address: ReturnAddress::parse("PO Box 1\nTown LA 70112", &Pointer::Root, &mut Faults::default())
                .unwrap(),
            expected: 10,
            received: 0,
            room: 10,
            shards: 1,
            passed: 0,
            issues: 0,
            sheets: 0,
            open: BTreeMap::new(),
            job: None,
            created_at: Timestamp::UNIX_EPOCH,
            ready_at: None,
            printing_at: None,
            mailed_at: None,
        }
    }

    #[test]
    fn a_batch_takes_as_many_letters_as_it_waits_for_and_no_more() {
        let batch = Batch { received: 4, room: 3, ..batch() };
        assert_eq!(batch.admit(3), Ok(()));
        assert_eq!(batch.admit(4), Err(NotAdmitted::Overfill { expected: 10, taken: 7, offered: 4 }));
    }

    #[test]
    fn a_batch_that_left_the_queue_takes_no_letters() {
        for state in [BatchState::Printing, BatchState::Mailed, BatchState::Canceled, BatchState::FailedToInitialize] {
            assert_eq!(Batch { state, ..batch() }.admit(1), Err(NotAdmitted::Closed(state)));
        }
    }

    #[test]
    fn a_batch_is_complete_only_when_every_letter_passed() {
        let complete = Batch { received: 10, room: 0, passed: 10, ..batch() };
        assert!(complete.is_complete());
        assert!(!Batch { passed: 9, ..complete.clone() }.is_complete());
        assert!(!Batch { received: 9, ..complete }.is_complete());
    }

    #[test]
    fn batches_of_one_class_and_paper_merge_and_others_are_named_with_the_reason() {
        let ready = Batch { state: BatchState::Ready, ..batch() };
        assert_eq!(not_mergeable(&[ready.clone(), ready.clone()]), []);
        let certified = Batch { mail_class: MailClass::Certified, id: BatchId::random([2; 10]), ..ready.clone() };
        let waiting = Batch { state: BatchState::NotReady, id: BatchId::random([3; 10]), ..ready.clone() };
        let perforated = Batch { perforated: true, id: BatchId::random([4; 10]), ..ready.clone() };
        let test = Batch { mode: Mode::Test, id: BatchId::random([5; 10]), ..ready.clone() };
        let reasons = not_mergeable(&[ready, certified.clone(), waiting.clone(), perforated.clone(), test.clone()]);
        assert_eq!(
            reasons.iter().map(|(id, _)| id).collect::<Vec<_>>(),
            [&certified.id, &waiting.id, &perforated.id, &test.id]
        );
    }

    #[test]
    fn the_time_part_of_a_target_mail_date_is_ignored() {
        let date = Some("2019-05-10".parse().unwrap());
        for text in ["2019-05-10", "2019-05-10T23:59:59Z", "2019-05-10T00:00:00+14:00", "2019-05-10 noon"] {
            assert_eq!(parse_target_mail_date(text), date, "{text}");
        }
        for text in ["", "tomorrow", "2019-02-30", "2019-5-1", "10/05/2019"] {
            assert_eq!(parse_target_mail_date(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_new_yorks_and_not_utcs() {
        assert_eq!(today("2026-11-22T04:59:00Z".parse().unwrap()), "2026-11-21".parse().unwrap());
        assert_eq!(today("2026-07-22T04:01:00Z".parse().unwrap()), "2026-07-22".parse().unwrap());
    }

    #[test]
    fn a_name_of_a_state_is_read_back() {
        for state in BatchState::ALL {
            assert_eq!(BatchState::parse(state.as_str()), Some(state));
        }
    }
}
