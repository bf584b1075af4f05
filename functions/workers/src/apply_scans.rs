//! `scans.apply`: reads files of scans and applies them to the letters that they are of.
//!
//! A file comes from S3 in pieces, is unpacked and read on a thread of its own, and its records are handed over in windows:
//! whatever its size, two windows are in memory and no more. A window is done as a whole before it is noted as done, so that
//! a worker that dies leaves at most one to be done again, and scans that are applied again change nothing.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use domain::tracking::Scan;
use domain::tracking::codes::CodeTable;
use domain::tracking::feed::{self, At, FeedError, PieceNumber, Record, Reject, RejectReason, Writer};
use domain::tracking::file::{Counts, FileState, Orphan, ScanFile};
use edge::sqs::Worked;
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use store::queues::ScanFiles;
use store::scans::ObjectGone;
use store::tracking::{Pieces, Run, Target};
use store::{Store, StoreError};
use tokio::sync::mpsc;

use crate::{look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "scans.apply";

/// How many records are dealt with at once. Scans of one piece among them are one write.
const WINDOW: usize = 20_000;
/// For how long a message is worked on. What is left then is announced again, so that a large file does not use up the
/// deliveries that its message has.
const WORK: Duration = Duration::from_secs(600);
/// The largest object that is read.
const MAX_OBJECT: u64 = 1 << 30;
/// The most bytes that are read of a file once it is unpacked: some ten million scans.
const MAX_UNPACKED: u64 = 4 << 30;
/// What gzip begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(store: &Store, message: ScanFiles) -> Result<Worked, StoreError> {
    let mut worked = Worked::Done;
    for record in &message.records {
        let Some(key) = record.s3.object.decoded() else {
            tracing::warn!("S3 named an object by a key that does not read");
            continue;
        };
        if work_off(store, &key, &message).await? == Worked::Later {
            worked = Worked::Later;
        }
    }
    Ok(worked)
}

async fn work_off(store: &Store, key: &str, message: &ScanFiles) -> Result<Worked, StoreError> {
    // It was removed, or overwritten and so is in another message.
    let Some(object) = store.scan_object(key).await? else { return Ok(Worked::Done) };
    let mut file = store.note_scan_file(&object, Timestamp::now()).await?;
    if let (Some(run), Some(announced)) = (message.run, message.announced) {
        let begun = look(async || {
            file = store.note_scan_file(&object, Timestamp::now()).await?;
            Ok::<_, StoreError>((file.run >= run).then_some(()))
        });
        if begun.await?.is_none() {
            return Ok(unknown(announced, Timestamp::now()));
        }
    }
    let (started, codes) = (Instant::now(), store.codes().await?);
    while file.state == FileState::Working {
        let pass = Pass { store, codes: &codes, until: started + WORK };
        let failure = match pass.read(&mut file).await? {
            Ended::Whole => None,
            Ended::OutOfTime => {
                store.announce(&[ScanFiles::ours(key, file.run, Timestamp::now())]).await?;
                return Ok(Worked::Done);
            }
            // Another worker is at it, or it is to be read again: from wherever it stands now.
            Ended::Overtaken => {
                file = store.note_scan_file(&object, Timestamp::now()).await?;
                continue;
            }
            Ended::Failed(reason) => Some(reason),
        };
        store.finish_scan_file(&file, failure.as_deref(), Timestamp::now()).await?;
        match failure {
            Some(reason) => tracing::warn!(file = %file.id, records = file.records, reason, "failed"),
            None => tracing::info!(file = %file.id, records = file.records, "read"),
        }
        return Ok(Worked::Done);
    }
    Ok(Worked::Done)
}

/// How a pass through a file ended.
enum Ended {
    Whole,
    OutOfTime,
    Overtaken,
    Failed(String),
}

/// One pass through a file, from where its reading goes on.
struct Pass<'a> {
    store: &'a Store,
    codes: &'a CodeTable,
    until: Instant,
}

/// Records that were read together.
type Window = Vec<Result<Record, Reject>>;

impl Pass<'_> {
    async fn read(&self, file: &mut ScanFile) -> Result<Ended, StoreError> {
        if file.bytes > MAX_OBJECT {
            return Ok(Ended::Failed(format!("the object has more than {MAX_OBJECT} bytes; cut it into smaller ones")));
        }
        let (sender, pieces) = mpsc::channel(1);
        let (window_sender, mut windows) = mpsc::channel(1);
        let (writer, skip) = (file.writer(), file.records);
        let reading =
            tokio::task::spawn_blocking(move || read_windows(Pieced::new(pieces), writer, skip, &window_sender));
        let object = file.clone();
        let fetching = async {
            let mut from = 0;
            while from < object.bytes {
                let piece = match self.store.read_scans(&object, from).await? {
                    Ok(piece) if piece.is_empty() => return Ok(Some(ObjectGone)),
                    Ok(piece) => piece,
                    Err(gone) => return Ok(Some(gone)),
                };
                from += piece.len() as u64;
                // Nobody reads on when the reader has given up.
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            drop(sender);
            Ok::<_, StoreError>(None)
        };
        let working = async {
            while let Some(window) = windows.recv().await {
                if !self.window(file, window).await? {
                    return Ok(Some(Ended::Overtaken));
                }
                if Instant::now() > self.until {
                    return Ok(Some(Ended::OutOfTime));
                }
            }
            Ok::<_, StoreError>(None)
        };
        // Whoever ends first with something to say ends the others: their channels close.
        let mut fetching = std::pin::pin!(fetching);
        let mut working = std::pin::pin!(working);
        let ended = tokio::select! {
            fetched = &mut fetching => match fetched? {
                Some(gone) => return Ok(Ended::Failed(gone.to_string())),
                None => working.await?,
            },
            worked = &mut working => worked?,
        };
        if let Some(ended) = ended {
            return Ok(ended);
        }
        Ok(match reading.await {
            Ok(Ok(())) => Ended::Whole,
            Ok(Err(FeedError::Io(cause))) => Ended::Failed(cause.to_string()),
            Ok(Err(error)) => Ended::Failed(error.to_string()),
            Err(_) => Ended::Failed("the file cannot be read".to_owned()),
        })
    }

    /// Deals with a window, and notes that. Answers whether nobody else was first.
    async fn window(&self, file: &mut ScanFile, window: Window) -> Result<bool, StoreError> {
        let records = window.len() as u64;
        let now = Timestamp::now();
        let mut counts = Counts::default();
        let mut rejects = Vec::new();
        let mut found: Vec<(PieceNumber, Scan, At)> = Vec::with_capacity(window.len());
        for record in window {
            match record {
                Ok(record) => {
                    self.flag(&record, &mut counts);
                    found.push((record.piece, record.scan, record.at));
                }
                Err(reject) => rejects.push(reject),
            }
        }
        // Pieces that were mailed together have numbers that lie together.
        found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let mut pieces = Pieces::new(self.store);
        let mut scans = BTreeMap::<Target, Vec<Scan>>::new();
        let mut places = BTreeMap::<Target, Vec<At>>::new();
        let mut orphans = Vec::new();
        for (piece, scan, at) in found {
            match pieces.find(&piece, scan.at).await? {
                Some(target) => {
                    places.entry(target.clone()).or_default().push(at);
                    scans.entry(target).or_default().push(scan);
                }
                None => orphans.push(Orphan { piece, scan, file: file.id.clone(), kept_at: file.received_at }),
            }
        }
        let run = Some(Run { file: &file.id, run: file.run });
        let applied = self.store.apply(scans, pieces.batches(), self.codes, run, now).await?;
        if applied.superseded {
            return Ok(false);
        }
        for (target, refused) in applied.refused {
            let of_piece = places.remove(&target).unwrap_or_default();
            let last = of_piece.into_iter().rev().take(refused);
            rejects.extend(last.map(|at| Reject { at, reason: RejectReason::TooMany }));
        }
        counts.orphans = orphans.len() as u64;
        if !orphans.is_empty() {
            self.store.keep_orphans(&orphans, now).await?;
            // A job that was mailed in this moment did not find what was not yet kept.
            counts.orphans -= self.store.match_orphans(orphans, self.codes, run, now).await?;
        }
        counts.rejected = rejects.len() as u64;
        self.store.keep_rejects(file, rejects).await?;
        if !self.store.advance_scan_file(file, records, &counts).await? {
            return Ok(false);
        }
        file.records += records;
        file.counts.rejected += counts.rejected;
        tracing::info!(file = %file.id, records, new = applied.new, orphans = counts.orphans, rejected = counts.rejected, "applied");
        Ok(true)
    }

    fn flag(&self, record: &Record, counts: &mut Counts) {
        let rows = self.codes.rows(record.scan.feed, &record.scan.code);
        counts.unknown_codes += u64::from(rows.is_empty());
        counts.unconfirmed_codes += u64::from(rows.iter().any(|(_, code)| !code.confirmed));
        counts.zones_assumed += u64::from(record.zone_assumed);
    }
}

/// Reads a file and hands its records over in windows, after the first `skip`.
fn read_windows(
    mut pieces: Pieced,
    writer: Writer,
    skip: u64,
    windows: &mpsc::Sender<Window>,
) -> Result<(), FeedError> {
    let packed = pieces.fill_buf()?.starts_with(GZIP);
    let unpacked: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(pieces)) } else { Box::new(pieces) };
    let mut input = BufReader::with_capacity(64 << 10, Limited { inner: unpacked, left: MAX_UNPACKED });
    let mut skip = skip;
    let mut window = Vec::new();
    let mut closed = false;
    let read = feed::read(&mut input, writer, &mut |record| {
        if skip > 0 {
            skip -= 1;
            return;
        }
        if closed {
            return;
        }
        window.push(record);
        if window.len() >= WINDOW {
            closed = windows.blocking_send(std::mem::take(&mut window)).is_err();
        }
    });
    if !window.is_empty() && !closed {
        // Whoever does not take it any more has given up on the file.
        drop(windows.blocking_send(window));
    }
    read
}

/// An object that comes in pieces.
struct Pieced {
    pieces: mpsc::Receiver<Vec<u8>>,
    held: Vec<u8>,
    /// How much of what is held was read.
    read: usize,
}

impl Pieced {
    fn new(pieces: mpsc::Receiver<Vec<u8>>) -> Self {
        Pieced { pieces, held: Vec::new(), read: 0 }
    }
}

impl Read for Pieced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let length = held.len().min(into.len());
        into[..length].copy_from_slice(&held[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Pieced {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.held.len()
            && let Some(piece) = self.pieces.blocking_recv()
        {
            self.held = piece;
            self.read = 0;
        }
        Ok(&self.held[self.read..])
    }

    fn consume(&mut self, length: usize) {
        self.read += length;
    }
}

/// Ends with an error where a file unpacks to too much.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into).map_err(|_| io::Error::other("the file's gzip is broken"))?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("the file unpacks to more than {MAX_UNPACKED} bytes; cut it into smaller ones"))
        })?;
        Ok(read)
    }
}
