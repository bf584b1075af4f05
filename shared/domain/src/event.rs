//! The record of state changes: each is written in the transaction that makes the change.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::address::Address;
use crate::id::{AccountId, BatchId, EventId, JobId, LetterRef};
use crate::tracking::Signature;

/// What happened. The list is closed: consumers may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A batch was created.
    #[serde(rename = "batch.created")]
    BatchCreated,
    /// The letters that came with a batch are in it.
    #[serde(rename = "batch.initialized")]
    BatchInitialized,
    /// The letters that came with a batch could not be put into it.
    #[serde(rename = "batch.failed_to_initialize")]
    BatchFailedToInitialize,
    /// Letters were added to a batch.
    #[serde(rename = "batch.letters_added")]
    BatchLettersAdded,
    /// A batch has all its letters, and each may be printed.
    #[serde(rename = "batch.ready")]
    BatchReady,
    /// A batch that was ready is no longer, because a letter of it was changed, or its mail job was given up for one of them.
    #[serde(rename = "batch.not_ready")]
    BatchNotReady,
    /// A batch was taken into a mail job.
    #[serde(rename = "batch.printing")]
    BatchPrinting,
    /// A batch was handed to the postal service.
    #[serde(rename = "batch.mailed")]
    BatchMailed,
    /// A batch was withdrawn before it was printed.
    #[serde(rename = "batch.canceled")]
    BatchCanceled,
    /// A letter passed inspection, and may be printed.
    #[serde(rename = "letter.ready")]
    LetterReady,
    /// A letter cannot be printed until someone acts.
    #[serde(rename = "letter.issue")]
    LetterIssue,
    /// A letter was replaced, and will be inspected.
    #[serde(rename = "letter.replaced")]
    LetterReplaced,
    /// A letter will be inspected again.
    #[serde(rename = "letter.retried")]
    LetterRetried,
    /// A letter was withdrawn.
    #[serde(rename = "letter.withdrawn")]
    LetterWithdrawn,
    /// The postal service told where a mailed letter is, and that is another state than before.
    #[serde(rename = "letter.tracked")]
    LetterTracked,
    /// The postal service told who signed for a letter.
    #[serde(rename = "letter.signed")]
    LetterSigned,
    /// A letter that is sent by itself was created.
    #[serde(rename = "letter.created")]
    LetterCreated,
    /// Such a letter was changed by its client.
    #[serde(rename = "letter.updated")]
    LetterUpdated,
    /// Such a letter was taken back.
    #[serde(rename = "letter.canceled")]
    LetterCanceled,
    /// The send date of such a letter has come: it waits to be printed. Or its mail job was given up, and it waits again.
    #[serde(rename = "letter.released")]
    LetterReleased,
    /// Such a letter was taken into a mail job.
    #[serde(rename = "letter.in_production")]
    LetterInProduction,
    /// Such a letter was handed to the postal service.
    #[serde(rename = "letter.mailed")]
    LetterMailed,
    /// The account's callback does not accept what is pushed to it.
    #[serde(rename = "callback.failing")]
    CallbackFailing,
    /// The account's callback accepts again what is pushed to it.
    #[serde(rename = "callback.recovered")]
    CallbackRecovered,
    /// A webhook is no longer told anything, because it is gone or took nothing for days.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled,
    /// A mail job was made of batches.
    #[serde(rename = "job.created")]
    JobCreated,
    /// A mail job's print files are complete.
    #[serde(rename = "job.assembled")]
    JobAssembled,
    /// A mail job cannot be assembled until someone acts.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// A failed mail job is being assembled again.
    #[serde(rename = "job.retried")]
    JobRetried,
    /// A failed mail job was given up, and its batches are ready again but for the letter that it failed for.
    #[serde(rename = "job.canceled")]
    JobCanceled,
    /// The operator printed a mail job.
    #[serde(rename = "job.printed")]
    JobPrinted,
    /// The operator handed a mail job to the postal service.
    #[serde(rename = "job.mailed")]
    JobMailed,
}

impl EventKind {
    /// Every kind that a client is told of. What concerns the print floor alone is not among them.
    pub const TOLD: [EventKind; 25] = [
        EventKind::BatchCreated,
        EventKind::BatchInitialized,
        EventKind::BatchFailedToInitialize,
        EventKind::BatchLettersAdded,
        EventKind::BatchReady,
        EventKind::BatchNotReady,
        EventKind::BatchPrinting,
        EventKind::BatchMailed,
        EventKind::BatchCanceled,
        EventKind::LetterReady,
        EventKind::LetterIssue,
        EventKind::LetterReplaced,
        EventKind::LetterRetried,
        EventKind::LetterWithdrawn,
        EventKind::LetterTracked,
        EventKind::LetterSigned,
        EventKind::LetterCreated,
        EventKind::LetterUpdated,
        EventKind::LetterCanceled,
        EventKind::LetterReleased,
        EventKind::LetterInProduction,
        EventKind::LetterMailed,
        EventKind::CallbackFailing,
        EventKind::CallbackRecovered,
        EventKind::WebhookDisabled,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::BatchCreated => "batch.created",
            EventKind::BatchInitialized => "batch.initialized",
            EventKind::BatchFailedToInitialize => "batch.failed_to_initialize",
            EventKind::BatchLettersAdded => "batch.letters_added",
            EventKind::BatchReady => "batch.ready",
            EventKind::BatchNotReady => "batch.not_ready",
            EventKind::BatchPrinting => "batch.printing",
            EventKind::BatchMailed => "batch.mailed",
            EventKind::BatchCanceled => "batch.canceled",
            EventKind::LetterReady => "letter.ready",
            EventKind::LetterIssue => "letter.issue",
            EventKind::LetterReplaced => "letter.replaced",
            EventKind::LetterRetried => "letter.retried",
            EventKind::LetterWithdrawn => "letter.withdrawn",
            EventKind::LetterTracked => "letter.tracked",
            EventKind::LetterSigned => "letter.signed",
            EventKind::LetterCreated => "letter.created",
            EventKind::LetterUpdated => "letter.updated",
            EventKind::LetterCanceled => "letter.canceled",
            EventKind::LetterReleased => "letter.released",
            EventKind::LetterInProduction => "letter.in_production",
            EventKind::LetterMailed => "letter.mailed",
            EventKind::CallbackFailing => "callback.failing",
            EventKind::CallbackRecovered => "callback.recovered",
            EventKind::WebhookDisabled => "webhook.disabled",
            EventKind::JobCreated => "job.created",
            EventKind::JobAssembled => "job.assembled",
            EventKind::JobFailed => "job.failed",
            EventKind::JobRetried => "job.retried",
            EventKind::JobCanceled => "job.canceled",
            EventKind::JobPrinted => "job.printed",
            EventKind::JobMailed => "job.mailed",
        }
    }

    /// The kind of that name, if clients are told of it.
    pub fn parse(text: &str) -> Option<Self> {
        EventKind::TOLD.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A state change, or the same change of several letters of one batch, which are then its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its identifier; later events sort later.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Whose it is; none for what concerns only the print floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Whether it is real.
    pub mode: Mode,
    /// The batch it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The mail job it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Codes and counts: never names, addresses or document text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// The letters that it happened to, each a state change of its own; none if it happened to the batch or the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// What happened to one letter among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "KeptEntry", into = "KeptEntry")]
pub struct Entry {
    /// The letter.
    pub letter: LetterRef,
    /// Codes and counts, as in the event.
    pub data: BTreeMap<String, String>,
}

/// An entry as it is kept: one of which nothing more is said is its letter's reference alone, so that an event of a whole
/// group of letters stays small.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum KeptEntry {
    Alone(LetterRef),
    With {
        letter: LetterRef,
        #[serde(default)]
        data: BTreeMap<String, String>,
    },
}

impl From<KeptEntry> for Entry {
    fn from(kept: KeptEntry) -> Self {
        match kept {
            KeptEntry::Alone(letter) => Entry { letter, data: BTreeMap::new() },
            KeptEntry::With { letter, data } => Entry { letter, data },
        }
    }
}

impl From<Entry> for KeptEntry {
    fn from(Entry { letter, data }: Entry) -> Self {
        if data.is_empty() { KeptEntry::Alone(letter) } else { KeptEntry::With { letter, data } }
    }
}

impl Event {
    /// How many state changes it stands for, and so how many numbers it takes.
    pub fn changes(&self) -> u64 {
        self.entries.len().max(1) as u64
    }
}

/// An event in the log of its account and mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logged {
    /// Its number, or that of its first entry. The log counts from one.
    pub first: u64,
    /// When it was numbered.
    pub logged_at: Timestamp,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl Logged {
    /// The number of its last entry; of an event without entries, its own.
    pub fn last(&self) -> u64 {
        self.first + (self.event.changes() - 1)
    }

    /// What a client is told of it, number by number.
    pub fn news(&self) -> Vec<News> {
        let news = |id, place: u64, letter: Option<&LetterRef>, data| News {
            id,
            sequence: self.first + place,
            kind: self.event.kind,
            at: self.event.at,
            account: self.event.account.clone(),
            mode: self.event.mode,
            batch: self.event.batch.clone(),
            letter: letter.cloned(),
            data,
            personal: None,
        };
        if self.event.entries.is_empty() {
            return vec![news(self.event.id.clone(), 0, None, self.event.data.clone())];
        }
        let of_entry = |(place, entry): (u64, &Entry)| {
            let mut data = self.event.data.clone();
            data.extend(entry.data.clone());
            news(self.event.id.entry(place), place, Some(&entry.letter), data)
        };
        (0..).zip(&self.event.entries).map(of_entry).collect()
    }
}

/// A state change as its client is told of it, with its number in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// Names it: the event's identifier, or one made of that and the place of the entry. Always the same.
    pub id: EventId,
    /// Its number in the log of its account and mode.
    pub sequence: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    #[serde(rename = "createdAt")]
    pub at: Timestamp,
    /// Whose it is. What is in a log always is somebody's.
    #[serde(rename = "accountId")]
    pub account: Option<AccountId>,
    /// Whether it is real.
    pub mode: Mode,
    /// The batch that it is about.
    #[serde(rename = "batchId", skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The letter that it is about, by the client's reference; none if it is about the batch and all its letters.
    #[serde(rename = "letterRefId", skip_serializing_if = "Option::is_none")]
    pub letter: Option<LetterRef>,
    /// Codes and counts.
    pub data: BTreeMap<String, String>,
    /// What is personal about the letter, for those alone who asked for it.
    #[serde(flatten)]
    pub personal: Option<Personal>,
}

/// What news does not say of a letter unless it is asked for: to whom it goes, and who signed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Personal {
    /// Name and address.
    pub recipient: Address,
    /// The signature, in the news that there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// For how long what was just numbered may be seen with gaps: many times longer than a query takes.
pub const APPEARING: SignedDuration = SignedDuration::from_mins(1);

/// How many of these events of a log, which are those after the number `after` in their order, may be told. A reader does
/// not see a moment's picture: of stretches that were numbered one after the other it may see the second and not the first. So
/// it stops before a gap, until what follows the gap has been there for so long that what is missing was not about to
/// appear: it was kept as long as events are kept.
pub fn unbroken(after: u64, logged: &[Logged], now: Timestamp) -> usize {
    let mut next = after + 1;
    for (place, event) in logged.iter().enumerate() {
        if event.first > next && now.duration_since(event.logged_at) < APPEARING {
            return place;
        }
        next = event.last() + 1;
    }
    logged.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(first: u64, entries: usize, logged_at: Timestamp) -> Logged {
        let entry = |number: usize| Entry {
            letter: LetterRef::parse(&format!("L{number:07}")).unwrap(),
            data: BTreeMap::from([("state".to_owned(), "Delivered".to_owned())]),
        };
        let event = Event {
            id: EventId::new(logged_at, [7; 10]),
            kind: EventKind::LetterTracked,
            at: logged_at,
            account: Some(AccountId::parse("acct_01").unwrap()),
            mode: Mode::Live,
            batch: Some(BatchId::parse("ABCD1234").unwrap()),
            job: None,
            data: BTreeMap::from([("source".to_owned(), "scan".to_owned())]),
            entries: (0..entries).map(entry).collect(),
        };
        Logged { first, logged_at, event }
    }

    #[test]
    fn a_kind_is_stored_under_the_name_that_it_has_on_the_wire() {
        for kind in EventKind::TOLD {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("job.created"), None);
    }

    #[test]
    fn each_entry_is_news_with_a_number_and_an_identifier_of_its_own() {
        let three = logged(5, 3, Timestamp::UNIX_EPOCH);
        let news = three.news();
        assert_eq!(news.iter().map(|news| news.sequence).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(three.last(), 7);
        assert!(news.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(news.iter().all(|news| EventId::parse(news.id.as_str()).is_ok() && news.id != three.event.id));
        assert_eq!(news[1].letter.as_ref().unwrap().as_str(), "L0000001");
        assert_eq!(news[1].data.len(), 2, "what is said of all is said of each");
    }

    #[test]
    fn an_entry_of_which_nothing_is_said_is_kept_as_its_reference_alone() {
        let three = logged(5, 3, Timestamp::UNIX_EPOCH);
        let mut event = three.event.clone();
        event.entries[1].data.clear();
        let kept = serde_json::to_value(&event).unwrap();
        assert_eq!((&kept["entries"][1], kept["entries"][0].is_object()), (&"L0000001".into(), true));
        assert_eq!(serde_json::from_value::<Event>(kept).unwrap(), event);
    }

    #[test]
    fn an_event_without_entries_is_news_under_its_own_name() {
        let one = logged(5, 0, Timestamp::UNIX_EPOCH);
        let news = one.news();
        assert_eq!((news.len(), one.last(), &news[0].id, &news[0].letter), (1, 5, &one.event.id, &None));
    }

    #[test]
    fn a_reader_stops_before_what_is_still_to_appear_but_not_before_what_is_gone() {
        let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
        let fresh = |first, entries| logged(first, entries, now);
        assert_eq!(unbroken(0, &[fresh(1, 0), fresh(2, 3), fresh(5, 0)], now), 3);
        assert_eq!(unbroken(0, &[fresh(1, 0), fresh(3, 0), fresh(4, 0)], now), 1);
        assert_eq!(unbroken(0, &[fresh(2, 0)], now), 0);
        assert_eq!(unbroken(3, &[fresh(2, 3), fresh(5, 0)], now), 2, "an item may have begun before");
        assert_eq!(unbroken(0, &[logged(7, 0, then), logged(9, 0, then), fresh(10, 0), fresh(12, 0)], now), 3);
        assert_eq!(unbroken(0, &[], now), 0);
    }
}
