//! The keys of the table: the only place that knows how they are written.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::id::{
    AccountId, AdditionId, BatchId, DocumentId, EventId, JobId, KeyId, LetterRef, LocationId, MailingId, PushId,
    ScanFileId, SingleId, TemplateId, WebhookId,
};
use domain::single::Kind;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

/// A primary key, or where a query starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Key { pk, sk: sk.into() }
    }

    /// The key as attributes.
    pub(crate) fn attributes(&self) -> [(String, AttributeValue); 2] {
        [("pk".to_owned(), AttributeValue::S(self.pk.clone())), ("sk".to_owned(), AttributeValue::S(self.sk.clone()))]
    }
}

pub(crate) fn batch(id: &BatchId) -> Key {
    Key::new(format!("BATCH#{id}"), "BATCH")
}

/// A letter. Its partition is chosen by its reference, so that writes to one batch spread.
pub(crate) fn letter(batch: &BatchId, shards: u16, reference: &LetterRef) -> Key {
    letter_in_shard(batch, shard(shards, reference), reference)
}

pub(crate) fn letter_in_shard(batch: &BatchId, shard: u16, reference: &LetterRef) -> Key {
    Key::new(letters(batch, shard), format!("{LETTER_PREFIX}{reference}"))
}

pub(crate) const LETTER_PREFIX: &str = "LETTER#";

/// The partition of one shard of a batch's letters.
pub(crate) fn letters(batch: &BatchId, shard: u16) -> String {
    format!("BATCH#{batch}#{shard:02}")
}

/// The shard of a reference: by a hash that will be the same for as long as a batch lives.
fn shard(shards: u16, reference: &LetterRef) -> u16 {
    let hash = Sha256::digest(reference.as_str());
    (u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % u32::from(shards.max(1))) as u16
}

pub(crate) const SINGLE_PREFIX: &str = "SINGLE#";

/// How the sort keys of what leads to singles of a kind begin.
pub(crate) fn pointers(kind: Kind) -> String {
    let prefix = match kind {
        Kind::Letter => "ltr_",
        Kind::Postcard => "psc_",
    };
    format!("{SINGLE_PREFIX}{prefix}")
}

pub(crate) fn single(id: &SingleId) -> Key {
    Key::new(format!("{SINGLE_PREFIX}{id}"), "SINGLE")
}

/// The single of a key.
pub(crate) fn single_of(key: &Key) -> Option<SingleId> {
    SingleId::parse(key.pk.strip_prefix(SINGLE_PREFIX)?).ok()
}

pub(crate) fn mailing(id: &MailingId) -> Key {
    Key::new(format!("MAILING#{id}"), "MAILING")
}

/// What an account calls by that name.
pub(crate) fn external(account: &AccountId, mode: Mode, external_id: &str) -> String {
    format!("EXTERNAL#{account}#{}#{:x}", mode.as_str(), Sha256::digest(external_id))
}

/// Which single later ones like it are duplicates of.
pub(crate) fn guard(account: &AccountId, mode: Mode, likeness: &str) -> Key {
    Key::new(format!("GUARD#{account}#{}#{:x}", mode.as_str(), Sha256::digest(likeness)), "GUARD")
}

/// Over how many partitions of the index `queue` singles that are to be released are spread, by their groups.
pub(crate) const DUE_SHARDS: u16 = 8;

/// Index `queue`: singles that are to be released, those first that are due first.
pub(crate) fn due_shard(shard: u16) -> String {
    format!("DUE#{shard}")
}

/// Where in the index `queue` a single is that is to be released: those of one day and group are beside each other.
pub(crate) fn due(date: Date, group: &str, id: &SingleId) -> (String, String) {
    let hash = Sha256::digest(group);
    let shard = u16::from(hash[0]) % DUE_SHARDS;
    let group: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    (due_shard(shard), format!("{date}#{group}#{id}"))
}

/// An event, beside the thing it is about.
pub(crate) fn event(partition: &Key, id: &EventId) -> Key {
    Key::new(partition.pk.clone(), format!("EVENT#{id}"))
}

/// The event that says which letters of a group are ready. Its key is a function of the group: it is there once,
/// however often the group is inspected, and so also says that the group was counted.
pub(crate) fn inspected(batch: &BatchId, addition: &AdditionId, group: u32) -> Key {
    Key::new(format!("BATCH#{batch}"), format!("INSPECTED#{addition}#{group:05}"))
}

pub(crate) fn job(id: &JobId) -> Key {
    Key::new(format!("JOB#{id}"), "JOB")
}

pub(crate) const PART_PREFIX: &str = "PART#";

pub(crate) fn part(job: &JobId, number: u32) -> Key {
    Key::new(format!("JOB#{job}"), format!("{PART_PREFIX}{number:05}"))
}

/// The letters of a part, in order; never changed once written.
pub(crate) fn pieces(job: &JobId, number: u32) -> Key {
    Key::new(format!("JOB#{job}"), format!("PIECES#{number:05}"))
}

/// The counter of serial numbers of a Mailer ID.
pub(crate) fn serials(mailer: &str) -> Key {
    Key::new(format!("SERIALS#{mailer}"), "COUNTER")
}

/// A range of serial numbers that was given out, found by its last number.
pub(crate) fn serial_range(mailer: &str, last: u64) -> Key {
    Key::new(format!("SERIALS#{mailer}"), format!("RANGE#{last:020}"))
}

/// What is known of a mailed letter. It lies beside the letter and is there from its first scan on.
pub(crate) fn tracked(batch: &BatchId, shards: u16, reference: &LetterRef) -> Key {
    Key::new(letters(batch, shard(shards, reference)), format!("TRACKED#{reference}"))
}

/// How many letters of a batch are in each postal state: a share of the count, the shares spread as the letters are.
pub(crate) fn tracking_summary(batch: &BatchId, shard: u16) -> Key {
    Key::new(letters(batch, shard), "TRACKING")
}

/// Which letter has a serial number of the test Mailer ID.
pub(crate) fn test_piece(serial: u64) -> Key {
    Key::new(format!("TESTPIECE#{serial:09}"), "TESTPIECE")
}

pub(crate) fn scan_file(id: &ScanFileId) -> Key {
    Key::new(format!("SCANS#{id}"), "FILE")
}

/// Rejects of a run of a scan file: those of all runs, of one, or those that were met after so many records.
pub(crate) fn rejects(id: &ScanFileId, run: u32, records: u64) -> Key {
    Key::new(format!("SCANS#{id}"), format!("{}{records:012}", rejects_prefix(run)))
}

pub(crate) fn rejects_prefix(run: u32) -> String {
    format!("REJECTS#{run:05}#")
}

/// A scan that waits for its piece to be known, with those of its piece's neighbours.
pub(crate) fn orphan(group: &str, piece: &str, scan_sha256: &str) -> Key {
    Key::new(orphans(group), format!("{ORPHAN_PREFIX}{piece}#{scan_sha256}"))
}

pub(crate) const ORPHAN_PREFIX: &str = "ORPHAN#";

pub(crate) fn orphans(group: &str) -> String {
    format!("ORPHANS#{group}")
}

pub(crate) fn account(id: &AccountId) -> Key {
    Key::new(format!("ACCOUNT#{id}"), "ACCOUNT")
}

/// The log of an account and mode.
pub(crate) fn log(account: &AccountId, mode: Mode) -> String {
    format!("LOG#{account}#{}", mode.as_str())
}

/// The last number that was given out in a log.
pub(crate) fn log_counter(account: &AccountId, mode: Mode) -> Key {
    Key::new(log(account, mode), "COUNTER")
}

/// How far a log is archived.
pub(crate) fn archived(account: &AccountId, mode: Mode) -> Key {
    Key::new(log(account, mode), "ARCHIVED")
}

/// A stretch of the log, at the last of its numbers: whoever goes on behind a number finds the stretch that holds the next
/// one at the first key after it.
pub(crate) fn logged(account: &AccountId, mode: Mode, last: u64) -> Key {
    Key::new(log(account, mode), format!("NUMBER#{last:020}"))
}

/// Where an account's mail of a mode is reported.
pub(crate) fn callback(account: &AccountId, mode: Mode) -> Key {
    Key::new(format!("CALLBACK#{account}#{}", mode.as_str()), "CALLBACK")
}

/// The webhooks of an account and mode, which are always read together.
pub(crate) fn webhooks(account: &AccountId, mode: Mode) -> String {
    format!("WEBHOOKS#{account}#{}", mode.as_str())
}

pub(crate) const WEBHOOK_PREFIX: &str = "WEBHOOK#";

pub(crate) fn webhook(account: &AccountId, mode: Mode, id: &WebhookId) -> Key {
    Key::new(webhooks(account, mode), format!("{WEBHOOK_PREFIX}{id}"))
}

/// How many webhooks there are.
pub(crate) fn webhook_counter(account: &AccountId, mode: Mode) -> Key {
    Key::new(webhooks(account, mode), "COUNT")
}

pub(crate) const ATTEMPT_PREFIX: &str = "ATTEMPT#";

/// An attempt to push; later ones sort later.
pub(crate) fn push_attempt(account: &AccountId, mode: Mode, push: &PushId, attempts: u32) -> Key {
    Key::new(callback(account, mode).pk, format!("{ATTEMPT_PREFIX}{push}#{attempts:05}"))
}

/// An attempt to deliver. Its key is a function of what was attempted: it is there once, however often the message comes,
/// and so also says that the attempt was made. Later events sort later.
pub(crate) fn attempt(webhook: &WebhookId, event: &EventId, replay: Option<&str>, number: u32) -> Key {
    let replay = replay.unwrap_or("0");
    Key::new(deliveries(webhook), format!("{ATTEMPT_PREFIX}{event}#{replay}#{number:02}"))
}

/// An attempt that is to be made when its time has come.
pub(crate) fn retry(webhook: &WebhookId, event: &EventId, replay: Option<&str>, number: u32) -> Key {
    let replay = replay.unwrap_or("0");
    Key::new(deliveries(webhook), format!("RETRY#{event}#{replay}#{number:02}"))
}

/// What became of a webhook's deliveries.
pub(crate) fn deliveries(webhook: &WebhookId) -> String {
    format!("DELIVERIES#{webhook}")
}

pub(crate) const KEY_PREFIX: &str = "KEY#";

pub(crate) fn api_key(account: &AccountId, id: &KeyId) -> Key {
    Key::new(format!("ACCOUNT#{account}"), format!("{KEY_PREFIX}{id}"))
}

/// What a secret opens, found by its hash.
pub(crate) fn secret(sha256: &str) -> Key {
    Key::new(format!("SECRET#{sha256}"), "SECRET")
}

pub(crate) const LOCATION_PREFIX: &str = "LOCATION#";

pub(crate) fn location(account: &AccountId, id: &LocationId) -> Key {
    Key::new(format!("ACCOUNT#{account}"), format!("{LOCATION_PREFIX}{id}"))
}

pub(crate) fn template(id: &TemplateId) -> Key {
    Key::new(format!("TEMPLATE#{id}"), "TEMPLATE")
}

pub(crate) const VERSION_PREFIX: &str = "VERSION#";

/// A version of a template; never changed once written.
pub(crate) fn template_version(id: &TemplateId, version: u32) -> Key {
    Key::new(template(id).pk, format!("{VERSION_PREFIX}{version:06}"))
}

/// A document that a client uploads.
pub(crate) fn document(id: &DocumentId) -> Key {
    Key::new(format!("DOCUMENT#{id}"), "DOCUMENT")
}

/// The answer kept for an idempotency key.
pub(crate) fn idempotency(account: &AccountId, mode: Mode, key_sha256: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{account}#{}#{key_sha256}", mode.as_str()), "IDEMPOTENCY")
}

/// Index `by_account`: partitions of things that are listed, newest last.
pub(crate) mod by_account {
    use super::{AccountId, BatchId, Kind, Mode};

    pub(crate) fn batches(account: &AccountId, mode: Mode) -> String {
        format!("{account}#{}#BATCHES", mode.as_str())
    }

    /// Letters and postcards lie apart, so that a list of one kind does not cost reading the other.
    pub(crate) fn singles(account: &AccountId, mode: Mode, kind: Kind) -> String {
        let kind = match kind {
            Kind::Letter => "SINGLES",
            Kind::Postcard => "POSTCARDS",
        };
        format!("{account}#{}#{kind}", mode.as_str())
    }

    /// Templates of an account.
    pub(crate) fn templates(account: &AccountId, mode: Mode) -> String {
        format!("{account}#{}#TEMPLATES", mode.as_str())
    }

    /// Events of an account that are not yet numbered.
    pub(crate) fn events(account: &AccountId) -> String {
        format!("{account}#EVENTS")
    }

    /// Letters of a batch that have an issue.
    pub(crate) fn issues(batch: &BatchId) -> String {
        format!("BATCH#{batch}#ISSUES")
    }

    pub(crate) const JOBS: &str = "FLOOR#JOBS";
    pub(crate) const SCANS: &str = "FLOOR#SCANS";
    pub(crate) const ORPHANS: &str = "FLOOR#ORPHANS";
    pub(crate) const ACCOUNTS: &str = "FLOOR#ACCOUNTS";
    pub(crate) const CALLBACKS: &str = "FLOOR#CALLBACKS";
}

/// Index `queue`: ready batches, the most urgent first.
pub(crate) const QUEUE: &str = "QUEUE";

/// Index `queue`: attempts to deliver that wait for their time, the first first.
pub(crate) const RETRIES: &str = "RETRIES";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_in_sequence_spread_evenly_over_the_shards() {
        let mut counts = [0u32; 20];
        for number in 0..10_000 {
            let reference = LetterRef::parse(&format!("L{number:07}")).unwrap();
            counts[usize::from(shard(20, &reference))] += 1;
        }
        assert!(counts.iter().all(|&count| (400..=600).contains(&count)), "{counts:?}");
    }

    #[test]
    fn a_reference_never_moves_to_another_shard() {
        let reference = LetterRef::parse("L0000004").unwrap();
        assert_eq!([1, 20, 32].map(|shards| shard(shards, &reference)), [0, 16, 0]);
        assert_eq!(letter(&BatchId::parse("ABCD1234").unwrap(), 1, &reference).pk, "BATCH#ABCD1234#00");
    }
}
