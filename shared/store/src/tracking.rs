//! What became of mailed letters: from the digits on a piece to its letter, and scans applied to letters in groups.
//!
//! Nothing is written for a letter when it is mailed. Its piece is found through the serial numbers that were given out,
//! and what is known of it is an item of its own, there from its first scan on. One transaction changes the pieces of a
//! group, their batches' summaries and the events; a piece has a version, so that of two who change it one is refused
//! and looks again. Scans that a piece has already change nothing: whatever is applied twice is applied once.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::batch::{Batch, BatchState};
use domain::event::{Entry, EventKind};
use domain::id::{BatchId, JobId, LetterRef, ScanFileId};
use domain::job::{Job, PlannedPiece};
use domain::tracking::codes::{CodeTable, Codes};
use domain::tracking::feed::PieceNumber;
use domain::tracking::serial::Serial;
use domain::tracking::{Feed, Place, PostalState, Scan, Signature, Tracked};
use domain::tracking_code::MailerId;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::batches::{batch_event, event_item};
use crate::idempotency::{Answer, Completion, Ticket};
use crate::keys::{self, Key};
use crate::parts::{SerialRange, Serials};
use crate::table::{self, Item, Range, pause};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// A piece's item as it is kept: under 1 KB for a dozen scans.
#[derive(Serialize, Deserialize)]
struct TrackedItem {
    state: PostalState,
    version: u32,
    scans: Vec<KeptScan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Date>,
}

/// A scan without the names of its fields: milliseconds, feed, code, facility, city, state, ZIP, note, signature, expected day.
#[derive(Serialize, Deserialize)]
struct KeptScan(
    i64,
    KeptFeed,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Signature>,
    #[serde(default)] Option<Date>,
);

#[derive(Serialize, Deserialize)]
enum KeptFeed {
    I,
    P,
    A,
    M,
}

impl From<&Scan> for KeptScan {
    fn from(scan: &Scan) -> Self {
        let feed = match scan.feed {
            Feed::InformedVisibility => KeptFeed::I,
            Feed::ProductTracking => KeptFeed::P,
            Feed::AddressChange => KeptFeed::A,
            Feed::Mailhouse => KeptFeed::M,
        };
        let Place { facility, city, state, zip } = scan.place.clone();
        let (code, note, signature) = (scan.code.clone(), scan.note.clone(), scan.signature.clone());
        KeptScan(scan.at.as_millisecond(), feed, code, facility, city, state, zip, note, signature, scan.expected)
    }
}

impl KeptScan {
    fn read(self) -> Result<Scan, StoreError> {
        let KeptScan(at, feed, code, facility, city, state, zip, note, signature, expected) = self;
        let feed = match feed {
            KeptFeed::I => Feed::InformedVisibility,
            KeptFeed::P => Feed::ProductTracking,
            KeptFeed::A => Feed::AddressChange,
            KeptFeed::M => Feed::Mailhouse,
        };
        let at = Timestamp::from_millisecond(at).map_err(|_| StoreError::Item("a scan"))?;
        Ok(Scan { at, feed, code, place: Place { facility, city, state, zip }, note, signature, expected })
    }
}

impl TrackedItem {
    fn read(self) -> Result<Tracked, StoreError> {
        let scans: Result<Vec<Scan>, StoreError> = self.scans.into_iter().map(KeptScan::read).collect();
        Ok(Tracked { state: self.state, scans: scans? })
    }
}

/// Over how many items the summary of a batch is spread, at most: a worker writes to one of them, some thirty times a second.
const SUMMARY_SHARDS: u16 = 8;

fn summary_shards(batch: &Batch) -> u16 {
    batch.shards.clamp(1, SUMMARY_SHARDS)
}

/// The letter that a piece is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its batch.
    pub batch: BatchId,
    /// Its reference.
    pub letter: LetterRef,
}

/// Finds the letters of pieces, and remembers what it read on the way: pieces that were mailed together are found together
/// when they are asked for in the order of their digits.
pub struct Pieces<'a> {
    store: &'a Store,
    next: Option<u64>,
    range: Option<SerialRange>,
    part: Option<((JobId, u32), Vec<PlannedPiece>)>,
    jobs: HashMap<JobId, Option<Job>>,
    batches: HashMap<BatchId, Batch>,
}

impl<'a> Pieces<'a> {
    /// Knows nothing yet.
    pub fn new(store: &'a Store) -> Self {
        let (next, range, part) = (None, None, None);
        Pieces { store, next, range, part, jobs: HashMap::new(), batches: HashMap::new() }
    }

    /// The batches of the letters that were found.
    pub fn batches(&self) -> &HashMap<BatchId, Batch> {
        &self.batches
    }

    /// The letter of a piece that was scanned at that time; `None` when nobody knows the piece or it is not mailed yet.
    /// Of several pieces that had the number in turn it is the last whose number was given out before the scan.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&mut self, piece: &PieceNumber, scanned: Timestamp) -> Result<Option<Target>, StoreError> {
        let Some(serial) = Serial::of(piece) else { return Ok(None) };
        if serial.mailer == MailerId::test() {
            let Some((target, batch)) = self.store.test_letter(serial.number).await? else { return Ok(None) };
            self.batches.insert(target.batch.clone(), batch);
            return Ok(Some(target));
        }
        if serial.mailer != self.store.config.mailer_id {
            return Ok(None);
        }
        let next = match self.next {
            Some(next) => next,
            None => {
                let counter = keys::serials(serial.mailer.as_str());
                let held: Option<Serials> = self.store.get("the serial numbers", &counter).await?;
                *self.next.insert(held.map_or(0, |held| held.next))
            }
        };
        let mut oldest = None;
        for sequence in serial.sequences(next) {
            let Some(range) = self.range(sequence).await? else { continue };
            let before = range.at <= scanned;
            oldest = Some((range, sequence));
            if before {
                break;
            }
        }
        // Clocks and time zones err: a scan from before the number was given out at all is of the first who had it.
        match oldest {
            Some((range, sequence)) => self.letter(&range, sequence).await,
            None => Ok(None),
        }
    }

    /// The range of serial numbers in which `sequence` was given out.
    async fn range(&mut self, sequence: u64) -> Result<Option<SerialRange>, StoreError> {
        let holds = |range: &SerialRange| (range.first..range.first + u64::from(range.letters)).contains(&sequence);
        if let Some(range) = self.range.as_ref().filter(|range| holds(range)) {
            return Ok(Some(range.clone()));
        }
        let start = keys::serial_range(self.store.config.mailer_id.as_str(), sequence);
        let end = keys::serial_range(self.store.config.mailer_id.as_str(), u64::MAX);
        let range = Range { partition: start.pk, from: start.sk, to: end.sk, after: None, backwards: false, limit: 1 };
        let found = self.store.query(None, range).await?.items.into_iter().next();
        let found: Option<SerialRange> = found.map(|item| table::value("a range", item)).transpose()?;
        let found = found.filter(holds);
        if found.is_some() {
            self.range.clone_from(&found);
        }
        Ok(found)
    }

    async fn letter(&mut self, range: &SerialRange, sequence: u64) -> Result<Option<Target>, StoreError> {
        if !self.jobs.contains_key(&range.job) {
            let job = self.store.job(&range.job).await?;
            self.jobs.insert(range.job.clone(), job);
        }
        // Most jobs that are asked for are mailed, and their letters are then the same for ever.
        let Some(job) = self.jobs.get(&range.job).and_then(Option::as_ref).filter(|job| job.mailed_at.is_some()) else {
            return Ok(None);
        };
        let wanted = (range.job.clone(), range.part);
        if self.part.as_ref().is_none_or(|(part, _)| *part != wanted) {
            let pieces = self.store.pieces(&range.job, range.part).await?;
            self.part = Some((wanted, pieces));
        }
        let place = usize::try_from(sequence - range.first).unwrap_or(usize::MAX);
        let Some(piece) = self.part.as_ref().and_then(|(_, pieces)| pieces.get(place)) else { return Ok(None) };
        let Some(batch) = job.batches.get(piece.batch as usize) else { return Ok(None) };
        if !self.batches.contains_key(batch) {
            let Some(found) = self.store.batch(batch).await? else { return Ok(None) };
            self.batches.insert(batch.clone(), found);
        }
        Ok(Some(Target { batch: batch.clone(), letter: piece.reference.clone() }))
    }
}

/// The run of a scan file under which scans are applied: it counts them, and ends when the file is read again.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The file.
    pub file: &'a ScanFileId,
    /// The run.
    pub run: u32,
}

/// What became of scans that were to be applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many were new, and are now applied.
    pub new: u64,
    /// For each letter that has all the scans that it may have, how many were not taken.
    pub refused: BTreeMap<Target, usize>,
    /// Whether the run under which this was done has ended: the rest was left.
    pub superseded: bool,
}

/// A piece that is to change.
struct Changing {
    target: Target,
    was: PostalState,
    version: u32,
    new: usize,
    /// Whether it is told now, and was not before, who signed for it.
    signed: bool,
    tracked: Tracked,
}

impl Store {
    /// Applies scans to the letters that they are of, in groups as large as a transaction may be.
    ///
    /// # Errors
    /// When the store does not answer. What was applied before stays so; done again, the rest is applied.
    pub async fn apply(
        &self,
        scans: BTreeMap<Target, Vec<Scan>>,
        batches: &HashMap<BatchId, Batch>,
        codes: &CodeTable,
        run: Option<Run<'_>>,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut applied = Applied::default();
        let mut open: Vec<(Target, Vec<Scan>)> = scans.into_iter().collect();
        // So that what is read at once and not yet written is not much.
        const READ: usize = 1_000;
        while !open.is_empty() {
            let mut here: Vec<_> = open.drain(..open.len().min(READ)).collect();
            for attempt in 0.. {
                let changing = self.changing(&here, batches, codes, &mut applied).await?;
                let mut refused = Vec::new();
                for group in groups(changing) {
                    match self.commit_group(&group, batches, codes, run, None, now).await? {
                        Committed::Done => applied.new += group.iter().map(|piece| piece.new as u64).sum::<u64>(),
                        Committed::Changed => refused.extend(group.into_iter().map(|piece| piece.target)),
                        Committed::Superseded => {
                            applied.superseded = true;
                            return Ok(applied);
                        }
                    }
                }
                if refused.is_empty() {
                    break;
                }
                // Others were at the same pieces: they are read again.
                here.retain(|(target, _)| refused.contains(target));
                pause(attempt).await?;
            }
        }
        Ok(applied)
    }

    /// Applies one scan to a letter that the mailhouse itself makes now, and stores the answer with it. Answers what is then known of it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn apply_one(
        &self,
        batch: &Batch,
        letter: &LetterRef,
        scan: &Scan,
        codes: &CodeTable,
        answer: impl Fn(&Tracked) -> Option<Answer>,
        ticket: Option<&Ticket>,
    ) -> Result<Tracked, StoreError> {
        let target = Target { batch: batch.id.clone(), letter: letter.clone() };
        let batches = HashMap::from([(batch.id.clone(), batch.clone())]);
        for attempt in 0.. {
            let scans = [(target.clone(), vec![scan.clone()])];
            let mut changing = self.changing(&scans, &batches, codes, &mut Applied::default()).await?;
            let Some(piece) = changing.pop() else { return Ok(self.tracked(batch, letter).await?.unwrap_or_default()) };
            let tracked = piece.tracked.clone();
            let answer = answer(&tracked);
            let completion = answer.as_ref().and_then(|answer| Completion::of(ticket, answer));
            match self.commit_group(&[piece], &batches, codes, None, completion, scan.at).await? {
                Committed::Done => return Ok(tracked),
                Committed::Changed | Committed::Superseded => pause(attempt).await?,
            }
        }
        Err(StoreError::Contended("a letter's scans"))
    }

    /// What of these pieces is to be written: nothing of one that has all the scans already.
    async fn changing(
        &self,
        scans: &[(Target, Vec<Scan>)],
        batches: &HashMap<BatchId, Batch>,
        codes: &CodeTable,
        applied: &mut Applied,
    ) -> Result<Vec<Changing>, StoreError> {
        let mut keys = Vec::with_capacity(scans.len());
        for (target, _) in scans {
            let batch = batches.get(&target.batch).ok_or(StoreError::Missing("the batch of a scan"))?;
            keys.push(keys::tracked(&batch.id, batch.shards, &target.letter));
        }
        let read = async |keys: Vec<Key>| self.get_in_order::<TrackedItem>("a tracked piece", &keys).await;
        let chunks: Vec<Vec<Key>> = keys.chunks(100).map(<[Key]>::to_vec).collect();
        let found: Vec<Vec<Option<TrackedItem>>> = stream::iter(chunks).map(read).buffered(4).try_collect().await?;
        let mut changing = Vec::new();
        for ((target, scans), item) in scans.iter().zip(found.into_iter().flatten()) {
            let batch = batches.get(&target.batch).ok_or(StoreError::Missing("the batch of a scan"))?;
            let version = item.as_ref().map_or(0, |item| item.version);
            let mut tracked = item.map(TrackedItem::read).transpose()?.unwrap_or_default();
            let (was, was_signed) = (tracked.state, tracked.signed().is_some());
            let taken = tracked.take(scans, codes.of(batch.mail_class));
            if taken.refused > 0 {
                applied.refused.insert(target.clone(), taken.refused);
            }
            if taken.new > 0 || tracked.state != was {
                let signed = !was_signed && tracked.signed().is_some();
                changing.push(Changing { target: target.clone(), was, version, new: taken.new, signed, tracked });
            }
        }
        Ok(changing)
    }

    async fn commit_group(
        &self,
        group: &[Changing],
        batches: &HashMap<BatchId, Batch>,
        codes: &CodeTable,
        run: Option<Run<'_>>,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let table = &self.config.table;
        let mut transaction = Transaction::default();
        let run_at = match run {
            Some(Run { file, run }) => {
                let new: usize = group.iter().map(|piece| piece.new).sum();
                let change = Change::new(keys::scan_file(file), "ADD #applied :new")
                    .when("#run = :run")
                    .value(":new", &new)?
                    .value(":run", &run)?;
                Some(transaction.update(table, change)?)
            }
            None => None,
        };
        let mut entries = BTreeMap::<(&BatchId, &str), (EventKind, Vec<Entry>)>::new();
        let mut happened = |batch, kind: EventKind, entry| {
            entries.entry((batch, kind.as_str())).or_insert_with(|| (kind, Vec::new())).1.push(entry);
        };
        let mut counts = BTreeMap::<&BatchId, BTreeMap<PostalState, i64>>::new();
        for piece in group {
            let Changing { target, was, version, tracked, .. } = piece;
            let batch = batches.get(&target.batch).ok_or(StoreError::Missing("the batch of a scan"))?;
            let key = keys::tracked(&batch.id, batch.shards, &target.letter);
            let item = TrackedItem {
                state: tracked.state,
                version: version + 1,
                scans: tracked.scans.iter().map(KeptScan::from).collect(),
                expected: tracked.expected(),
            };
            if *version == 0 {
                transaction.create(table, table::keyed("a tracked piece", &key, &item)?)?;
            } else {
                let mut set = "SET #state = :state, #scans = :scans, #version = :version".to_owned();
                if item.expected.is_some() {
                    set.push_str(", #expected = :expected");
                }
                let mut change = Change::new(key, set)
                    .when("#version = :was")
                    .value(":state", &item.state)?
                    .value(":scans", &item.scans)?
                    .value(":version", &item.version)?
                    .value(":was", version)?;
                if let Some(expected) = &item.expected {
                    change = change.value(":expected", expected)?;
                }
                transaction.update(table, change)?;
            }
            if tracked.state != *was {
                happened(&target.batch, EventKind::LetterTracked, entry(piece, codes.of(batch.mail_class)));
                let counts = counts.entry(&target.batch).or_default();
                *counts.entry(*was).or_default() -= 1;
                *counts.entry(tracked.state).or_default() += 1;
            }
            if let Some(scan) = tracked.signed().filter(|_| piece.signed) {
                let data = code_and_time(scan);
                happened(&target.batch, EventKind::LetterSigned, Entry { letter: target.letter.clone(), data });
            }
        }
        for (id, counts) in counts {
            let batch = batches.get(id).ok_or(StoreError::Missing("the batch of a scan"))?;
            // Those that are as they were dropped off are not counted: they are all the others.
            let counts = counts.into_iter().filter(|(state, by)| *state != PostalState::Dropped && *by != 0);
            let counts: Vec<(PostalState, i64)> = counts.collect();
            if counts.is_empty() {
                continue;
            }
            let added: Vec<String> = counts.iter().map(|(state, _)| format!("#{state} :{state}")).collect();
            let shard = shard_of(run, now) % summary_shards(batch);
            let mut change = Change::new(keys::tracking_summary(id, shard), format!("ADD {}", added.join(", ")));
            for (state, by) in &counts {
                change = change.value(&format!(":{state}"), by)?;
            }
            transaction.update(table, change)?;
        }
        for ((id, _), (kind, entries)) in entries {
            let batch = batches.get(id).ok_or(StoreError::Missing("the batch of a scan"))?;
            let mut event = batch_event(batch, kind, BTreeMap::new(), now)?;
            event.entries = entries;
            let key = keys::event(&keys::batch(id), &event.id);
            transaction.create(table, event_item(&key, &event)?)?;
        }
        transaction.complete(table, completion)?;
        Ok(match self.commit(transaction).await? {
            Ok(()) => Committed::Done,
            Err(mut refused) => match run_at.and_then(|place| refused.at(place)) {
                Some(_) => Committed::Superseded,
                None => Committed::Changed,
            },
        })
    }

    /// What is known of a letter since it was mailed; `None` as long as it was not scanned.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tracked(&self, batch: &Batch, letter: &LetterRef) -> Result<Option<Tracked>, StoreError> {
        let item: Option<TrackedItem> =
            self.get("a tracked piece", &keys::tracked(&batch.id, batch.shards, letter)).await?;
        item.map(TrackedItem::read).transpose()
    }

    /// The postal states of those of the letters that were scanned.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn postal_states<'l>(
        &self,
        batch: &Batch,
        letters: impl Iterator<Item = &'l LetterRef>,
    ) -> Result<HashMap<LetterRef, PostalState>, StoreError> {
        let letters: Vec<&LetterRef> = letters.collect();
        // None has been scanned before it was mailed.
        if batch.state != BatchState::Mailed {
            return Ok(HashMap::new());
        }
        let keys: Vec<Key> = letters.iter().map(|letter| keys::tracked(&batch.id, batch.shards, letter)).collect();
        let found: Vec<Option<TrackedItem>> = self.get_in_order("a tracked piece", &keys).await?;
        let states = letters.into_iter().zip(found);
        Ok(states.filter_map(|(letter, item)| Some((letter.clone(), item?.state))).collect())
    }

    /// How many letters of a batch are in each postal state. While scans come in, it may be a moment's mixture.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tracking_summary(&self, batch: &Batch) -> Result<BTreeMap<PostalState, u32>, StoreError> {
        let mut counts: BTreeMap<PostalState, i64> = PostalState::ALL.into_iter().map(|state| (state, 0)).collect();
        if batch.state == BatchState::Mailed {
            let keys: Vec<Key> =
                (0..summary_shards(batch)).map(|shard| keys::tracking_summary(&batch.id, shard)).collect();
            let items: Vec<Item> = self.get_many(&keys, true).await?;
            for item in &items {
                for (state, count) in &mut counts {
                    *count += item.get(state.as_str()).and_then(number).unwrap_or(0);
                }
            }
            let scanned: i64 = counts.values().sum();
            counts.insert(PostalState::Dropped, i64::from(batch.received) - scanned);
        }
        Ok(counts.into_iter().map(|(state, count)| (state, u32::try_from(count).unwrap_or(0))).collect())
    }
}

enum Committed {
    Done,
    /// A piece was changed by others.
    Changed,
    Superseded,
}

/// What of the summary's items one worker writes to. Files are spread by their ids; what people do, by the moment.
fn shard_of(run: Option<Run<'_>>, now: Timestamp) -> u16 {
    match run {
        Some(Run { file, .. }) => {
            file.as_str().bytes().fold(0u16, |hash, byte| hash.wrapping_mul(31).wrapping_add(u16::from(byte)))
        }
        None => (now.as_millisecond() & 0x7FFF) as u16,
    }
}

/// Cuts pieces into groups that fit a transaction: each piece is a write, each batch is three, for its summary and its events
/// of states and of signatures, and the file is one.
fn groups(changing: Vec<Changing>) -> Vec<Vec<Changing>> {
    let mut groups: Vec<Vec<Changing>> = Vec::new();
    let mut writes = Transaction::LIMIT;
    for piece in changing {
        let new_batch = |group: &Vec<Changing>| group.last().is_none_or(|last| last.target.batch != piece.target.batch);
        let more = 1 + 3 * usize::from(groups.last().is_none_or(new_batch));
        match groups.last_mut() {
            Some(group) if writes + more <= Transaction::LIMIT => {
                writes += more;
                group.push(piece);
            }
            _ => {
                writes = 1 + 4;
                groups.push(vec![piece]);
            }
        }
    }
    groups
}

/// What the event says of a piece: codes and times only.
fn entry(piece: &Changing, codes: Codes<'_>) -> Entry {
    let mut data = BTreeMap::from([
        ("state".to_owned(), piece.tracked.state.to_string()),
        ("was".to_owned(), piece.was.to_string()),
    ]);
    data.extend(piece.tracked.deciding(codes).map(code_and_time).unwrap_or_default());
    Entry { letter: piece.target.letter.clone(), data }
}

fn code_and_time(scan: &Scan) -> BTreeMap<String, String> {
    BTreeMap::from([("code".to_owned(), scan.code.clone()), ("scannedAt".to_owned(), scan.at.to_string())])
}

fn number(value: &AttributeValue) -> Option<i64> {
    value.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changing(batch: u8, letter: usize) -> Changing {
        let target =
            Target { batch: BatchId::random([batch; 10]), letter: LetterRef::parse(&format!("L{letter:07}")).unwrap() };
        Changing { target, was: PostalState::Dropped, version: 0, new: 1, signed: true, tracked: Tracked::default() }
    }

    #[test]
    fn groups_fit_a_transaction_and_leave_no_piece_out() {
        for batches in [1u8, 2, 7, 100] {
            let pieces: Vec<Changing> = (0..batches)
                .flat_map(|batch| (0..1_000 / usize::from(batches)).map(move |n| changing(batch, n)))
                .collect();
            let wanted: Vec<Target> = pieces.iter().map(|piece| piece.target.clone()).collect();
            let groups = groups(pieces);
            for group in &groups {
                let mut of: Vec<_> = group.iter().map(|piece| &piece.target.batch).collect();
                of.dedup();
                assert!(1 + group.len() + 3 * of.len() <= Transaction::LIMIT);
            }
            let found: Vec<Target> = groups.into_iter().flatten().map(|piece| piece.target).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_scan_is_kept_as_it_is() {
        let scan = Scan {
            at: "2026-05-04T15:11:12.345Z".parse().unwrap(),
            feed: Feed::ProductTracking,
            code: "OF".into(),
            place: Place { facility: Some("NEW ORLEANS P&DC".into()), city: None, state: Some("LA".into()), zip: None },
            note: Some("seen".into()),
            signature: Some(Signature { signer: Some("J DOE".into()), image: None }),
            expected: Some(jiff::civil::date(2026, 5, 6)),
        };
        let scans = vec![KeptScan::from(&scan)];
        let item = TrackedItem { state: PostalState::InTransit, version: 1, scans, expected: scan.expected };
        let item = table::attributes("a tracked piece", &item).unwrap();
        let read: TrackedItem = table::value("a tracked piece", item).unwrap();
        assert_eq!(read.read().unwrap(), Tracked { state: PostalState::InTransit, scans: vec![scan] });
    }
}
