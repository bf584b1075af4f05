//! `parts.assemble`: makes the print file and the manifest of one part of a mail job.
//!
//! Everything in them is a function of the job, the part and its letters, so that a part that is assembled twice becomes
//! the same objects.

use std::collections::HashMap;
use std::fmt;

use domain::article_number::{ArticleNumber, ArticleService};
use domain::batch::{Batch, MailClass};
use domain::id::{BatchId, LetterRef};
use domain::job::{Job, JobState, Obstacle, Part, PartFiles};
use domain::letter::{Issue, Letter, LetterState, Piece};
use domain::tracking_code::TrackingCode;
use edge::sqs::Worked;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use print::assemble::{AssembleError, Assembler, Card, Certified};
use print::code128::{ArticleDigits, Code128Error};
use print::imb::{Imb, ImbError};
use print::manifest::{Csv, Entry, JsonLines, Summary};
use print::press_sheet::Imposition;
use sha2::{Digest, Sha256};
use store::parts::{PrintFile, SerialsExhausted};
use store::queues::Assemble;
use store::{Store, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use crate::{look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "parts.assemble";

/// How many documents are fetched ahead of the one that is being written, at most: fetching one takes tens of
/// milliseconds, writing it less than one.
const PREFETCH: usize = 32;
/// How many kilobytes of documents may be in memory at once, the one that is being written among them; one document is,
/// whatever its size. One of 100 MB is there alone, and with what is made of it and what it becomes the process has some
/// 350 MB.
const PREFETCH_KB: u32 = 48 << 10;

/// A part could not be assembled.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The store did not answer: it is tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no serial numbers left.
    #[error(transparent)]
    Serials(#[from] SerialsExhausted),
    /// A letter's document is no longer there as it was inspected.
    #[error("the document of letter {0} is gone; restore it, or give the job up")]
    Document(Named),
    /// A letter is already another piece of this job, which would be printed twice.
    #[error("a letter is another piece of this job already")]
    Assigned,
    /// A letter is not as it was planned.
    #[error("letter {0} is not ready to be printed")]
    NotReady(LetterRef),
    /// The digits make no barcode.
    #[error("the tracking code of letter {0} makes no barcode")]
    Barcode(Named, #[source] ImbError),
    /// The digits make no label.
    #[error("the article number of letter {0} makes no label")]
    Label(Named, #[source] Code128Error),
    /// A piece could not be written.
    #[error("letter {0} cannot be assembled")]
    Piece(Named, #[source] AssembleError),
    /// The file could not be completed.
    #[error("the print file cannot be completed")]
    File(#[source] AssembleError),
    /// The manifest could not be written.
    #[error("the manifest cannot be written")]
    Manifest(#[from] std::io::Error),
}

/// A letter of one of the batches of a job: what clients call their letters, several may.
#[derive(Clone, Debug)]
pub struct Named {
    batch: BatchId,
    reference: LetterRef,
}

impl Named {
    fn of(batch: &Batch, letter: &Letter) -> Self {
        Named { batch: batch.id.clone(), reference: letter.content.reference.clone() }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}

impl PartError {
    /// The letter that is to blame, with what its client is told if the job is given up; `None` when it is nobody's letter.
    fn obstacle(&self) -> Option<Obstacle> {
        let issue = |code: &str, message: String| Issue { code: code.to_owned(), message, page: None };
        let (named, issue) = match self {
            PartError::Document(named) => {
                let message = "Our copy of the document is gone. Send the document again.";
                (named, issue("assembly.document_missing", message.to_owned()))
            }
            PartError::Barcode(named, error @ (ImbError::RoutingLength(_) | ImbError::RoutingNotDigits)) => {
                (named, issue("assembly.address", format!("The address makes no barcode: {error}.")))
            }
            PartError::Piece(named, error) => {
                let (code, error) = fault_of_the_letter(error)?;
                (named, issue(code, format!("It passed inspection and cannot be printed: {error}.")))
            }
            PartError::Barcode(..)
            | PartError::Label(..)
            | PartError::Store(_)
            | PartError::Serials(_)
            | PartError::Assigned
            | PartError::NotReady(_)
            | PartError::File(_)
            | PartError::Manifest(_) => return None,
        };
        Some(Obstacle { batch: named.batch.clone(), letter: named.reference.clone(), issue })
    }
}

/// What is wrong with a letter that cannot be assembled, with a code for it; `None` when it is wrong with the house or its press,
/// whatever the letter.
fn fault_of_the_letter(error: &AssembleError) -> Option<(&'static str, &AssembleError)> {
    match error {
        AssembleError::Card { fault, .. } => fault_of_the_letter(fault),
        AssembleError::Document(_)
        | AssembleError::TooComplex
        | AssembleError::Impressions { .. }
        | AssembleError::PageSize { .. }
        | AssembleError::MixedSizes(..)
        | AssembleError::CardSize { .. } => Some(("assembly.document", error)),
        AssembleError::Line { block: "address block" | "return address", .. }
        | AssembleError::Lines { block: "address block" | "return address", .. } => Some(("assembly.address", error)),
        AssembleError::Line { .. }
        | AssembleError::Lines { .. }
        | AssembleError::Io(_)
        | AssembleError::CertifiedFirstPage
        | AssembleError::Endorsement(_)
        | AssembleError::Layout(_)
        | AssembleError::Barcode
        | AssembleError::Mark
        | AssembleError::Cards { .. } => None,
    }
}

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(store: &Store, message: Assemble) -> Result<Worked, StoreError> {
    let found = look(async || {
        // A failed job is perhaps about to be retried, and this announces it.
        let job = store.job(&message.job).await?.filter(|job| job.state != JobState::Failed);
        let part = store.part(&message.job, message.part).await?;
        Ok::<_, StoreError>(job.zip(part))
    })
    .await?;
    let Some((job, part)) = found else { return Ok(unknown(message.announced, Timestamp::now())) };
    if job.state != JobState::Assembling {
        return Ok(Worked::Done);
    }
    if part.files.is_none() {
        match assemble(store, &job, &part).await {
            Ok(files) => {
                store.finish_part(&job.id, part.number, &files, Timestamp::now()).await?;
                let (pages, bytes) = (files.pages, files.bytes);
                tracing::info!(job = %job.id, part = part.number, letters = part.letters, pages, bytes, "assembled");
            }
            Err(PartError::Store(error)) => return Err(error),
            // It would fail again: a person has to act, and then retries the job.
            Err(error) => {
                store.fail_job(&job, &reason(&part, &error), error.obstacle().as_ref(), Timestamp::now()).await?;
            }
        }
    }
    store.settle_job(&job.id, Timestamp::now()).await?;
    Ok(Worked::Done)
}

fn reason(part: &Part, error: &PartError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("part {}: {error}{cause}", part.number)
}

async fn assemble(store: &Store, job: &Job, part: &Part) -> Result<PartFiles, PartError> {
    let letters = letters(store, job, part).await?;
    let first = store.take_serials(&job.id, part, Timestamp::now()).await??;
    let config = store.config();
    let service = match job.mail_class {
        MailClass::FirstClass => &config.service_type,
        MailClass::Certified => &config.service_type_certified,
    };
    let pieces: Vec<(&Batch, &Letter, Piece)> = letters
        .iter()
        .zip(first..)
        .map(|((batch, letter), sequence)| {
            let code = TrackingCode::new(service, &config.mailer_id, sequence);
            let article = ArticleService::of(job.mail_class, batch.electronic_return_receipt)
                .map(|service| ArticleNumber::new(service, &config.mailer_id, sequence));
            (batch, letter, Piece { job: Some(job.id.clone()), part: Some(part.number), code, article })
        })
        .collect();
    // Noted before anything is printed, so that no barcode is in the world that finds no letter.
    if !store.assign(&pieces).await? {
        return Err(PartError::Assigned);
    }

    // Documents come in while others are written and uploaded. Each is paid for until it is written.
    let budget = Semaphore::new(PREFETCH_KB as usize);
    let (sender, documents) = mpsc::channel(PREFETCH);
    let fetching = async {
        let mut fetched = stream::iter(&pieces).map(|piece| fetch(store, &budget, piece)).buffered(PREFETCH);
        while let Some(document) = fetched.next().await {
            if sender.send(document).await.is_err() {
                break;
            }
        }
        drop(sender);
        std::future::pending().await
    };
    tokio::select! {
        files = write(store, job, part, &pieces, documents) => files,
        never = fetching => never,
    }
}

/// A document and what it was paid with.
type Fetched<'a> = Result<(Vec<u8>, SemaphorePermit<'a>), PartError>;

/// Fetches a piece's document as soon as there is room for it.
async fn fetch<'a>(store: &Store, budget: &'a Semaphore, (batch, letter, _): &(&Batch, &Letter, Piece)) -> Fetched<'a> {
    let reference = &letter.content.reference;
    let copy = letter.copy.as_ref().filter(|_| letter.state == LetterState::Ready);
    let copy = copy.ok_or_else(|| PartError::NotReady(reference.clone()))?;
    let kilobytes = u32::try_from(copy.bytes.div_ceil(1 << 10)).unwrap_or(PREFETCH_KB).min(PREFETCH_KB);
    // It would be refused only if the semaphore were closed, which it never is.
    let room = budget.acquire_many(kilobytes).await.map_err(|_| PartError::NotReady(reference.clone()))?;
    let document = store.read_copy(&batch.account, copy).await?;
    Ok((document.ok_or_else(|| PartError::Document(Named::of(batch, letter)))?, room))
}

/// What a part becomes, as it grows.
struct Output<'a> {
    assembler: Assembler<Vec<u8>>,
    file: PrintFile<'a>,
    hash: Sha256,
    manifest: Csv<Vec<u8>>,
    lines: JsonLines<Vec<u8>>,
}

impl Output<'_> {
    /// Uploads what was assembled since the last time.
    async fn drain(&mut self) -> Result<(), PartError> {
        let written = std::mem::take(self.assembler.writer_mut());
        self.hash.update(&written);
        Ok(self.file.write(&written).await?)
    }
}

/// Writes the pieces in their order, and uploads what is written as it grows.
async fn write(
    store: &Store,
    job: &Job,
    part: &Part,
    pieces: &[(&Batch, &Letter, Piece)],
    mut documents: mpsc::Receiver<Fetched<'_>>,
) -> Result<PartFiles, PartError> {
    let mut output = Output {
        assembler: Assembler::new(Vec::new(), &press::stationery(&job.finish))
            .map_err(|error| PartError::File(error.into()))?,
        file: store.print_file(&job.id, part.number),
        hash: Sha256::new(),
        manifest: Csv::new(Vec::new()),
        lines: JsonLines::new(Vec::new()),
    };
    match press::imposition(&job.finish) {
        None => {
            for (piece, number) in pieces.iter().zip(part.first_piece..) {
                let (document, _room) = next(&mut documents, piece).await?;
                write_letter(store, job, number, piece, &document, &mut output)?;
                output.drain().await?;
            }
        }
        Some(imposition) => {
            let places = imposition.places() as usize;
            for (cards, first) in pieces.chunks(places).zip((part.first_piece..).step_by(places)) {
                // None of them is let go before all are there. That they fit together is what `press::MAX_CARD_BYTES` is for.
                let mut held = Vec::with_capacity(cards.len());
                for card in cards {
                    held.push(next(&mut documents, card).await?);
                }
                let documents: Vec<&[u8]> = held.iter().map(|(document, _)| document.as_slice()).collect();
                write_cards(job, &imposition, first, cards, &documents, &mut output)?;
                output.drain().await?;
            }
        }
    }
    let Output { assembler, mut file, mut hash, manifest, lines } = output;
    let (rest, totals) = assembler.finish().map_err(PartError::File)?;
    hash.update(&rest);
    file.write(&rest).await?;
    file.finish().await?;
    let sha256 = hex(&hash.finalize());
    let manifest = manifest.finish()?;
    let lines = lines.finish(&Summary { totals, sha256: &sha256 })?;
    let [manifest_sha256, lines_sha256] = [&manifest, &lines].map(|bytes| hex(&Sha256::digest(bytes)));
    store.keep_manifest(&job.id, part.number, manifest, lines).await?;
    Ok(PartFiles {
        sha256,
        manifest_sha256,
        lines_sha256,
        bytes: totals.bytes,
        pages: totals.pages,
        sheets: totals.sheets,
    })
}

/// The document of the next piece, and what it was paid with.
async fn next<'a>(
    documents: &mut mpsc::Receiver<Fetched<'a>>,
    (_, letter, _): &(&Batch, &Letter, Piece),
) -> Fetched<'a> {
    documents.recv().await.ok_or_else(|| PartError::NotReady(letter.content.reference.clone()))?
}

/// Adds a letter: its cover sheet and its document.
fn write_letter(
    store: &Store,
    job: &Job,
    number: u32,
    of: &(&Batch, &Letter, Piece),
    document: &[u8],
    output: &mut Output<'_>,
) -> Result<(), PartError> {
    let (batch, letter, piece) = of;
    let address = &letter.content.address;
    let imb = barcode(of)?;
    let article = piece.article.as_ref();
    let digits = article
        .map(|article| ArticleDigits::parse(article.as_str()))
        .transpose()
        .map_err(|error| PartError::Label(Named::of(batch, letter), error))?;
    let row = output
        .assembler
        .add(&print::assemble::Piece {
            account: batch.account.as_str(),
            sender: letter.content.sender.as_ref().unwrap_or(&batch.return_address).lines(),
            recipient: &address.lines(),
            imb: &imb,
            // A certified piece is returned in any case.
            endorsement: store.config().endorsement.as_deref().filter(|_| article.is_none()),
            certified: digits
                .as_ref()
                .map(|number| Certified { number, services: press::services(batch.electronic_return_receipt) }),
            job: job.id.as_str(),
            number,
            document,
            impressions: Some(letter.content.impressions),
            placement: press::placement(&batch.finish),
            sides: press::sides(&batch.finish),
            perforated: batch.perforated,
            return_envelope: batch.finish.return_envelope,
        })
        .map_err(|error| PartError::Piece(Named::of(batch, letter), error))?;
    output.manifest.write(&entry(of), &row)?;
    output.lines.write(&entry(of), &row)?;
    Ok(())
}

/// Adds a press sheet of cards, the first of which has that number.
fn write_cards(
    job: &Job,
    imposition: &Imposition,
    first: u32,
    cards: &[(&Batch, &Letter, Piece)],
    documents: &[&[u8]],
    output: &mut Output<'_>,
) -> Result<(), PartError> {
    let barcodes: Vec<Imb> = cards.iter().map(barcode).collect::<Result<_, _>>()?;
    let recipients: Vec<Vec<String>> = cards.iter().map(|(_, letter, _)| letter.content.address.lines()).collect();
    let laid: Vec<Card<'_>> = cards
        .iter()
        .zip(&barcodes)
        .zip(&recipients)
        .zip(documents)
        .zip(first..)
        .map(|(((((batch, ..), imb), recipient), document), number)| Card {
            account: batch.account.as_str(),
            recipient,
            imb,
            job: job.id.as_str(),
            number,
            document,
        })
        .collect();
    let rows = output.assembler.add_cards(imposition, &laid).map_err(|error| {
        let at = match &error {
            AssembleError::Card { piece, .. } => Some(piece.saturating_sub(first) as usize),
            _ => None,
        };
        match at.and_then(|at| cards.get(at)) {
            Some((batch, letter, _)) => PartError::Piece(Named::of(batch, letter), error),
            None => PartError::File(error),
        }
    })?;
    for (card, row) in cards.iter().zip(&rows) {
        output.manifest.write_card(&entry(card), row)?;
        output.lines.write_card(&entry(card), row)?;
    }
    Ok(())
}

/// The barcode of a piece.
fn barcode((batch, letter, piece): &(&Batch, &Letter, Piece)) -> Result<Imb, PartError> {
    let encoded = Imb::encode(piece.code.as_str(), letter.content.address.routing());
    encoded.map_err(|error| PartError::Barcode(Named::of(batch, letter), error))
}

/// What the manifest says of a piece beside where it is.
fn entry<'a>((batch, letter, piece): &'a (&Batch, &Letter, Piece)) -> Entry<'a> {
    let address = &letter.content.address;
    Entry {
        batch_id: batch.id.as_str(),
        letter_ref_id: letter.content.reference.as_str(),
        tracking_code: piece.code.as_str(),
        article_number: piece.article.as_ref().map_or("", ArticleNumber::as_str),
        name: address.name1(),
        postal_code: address.postal_code().unwrap_or_default(),
        document_sha256: letter.copy.as_ref().map_or("", |copy| copy.sha256.as_str()),
    }
}

/// The letters of a part with their batches, in the order in which they are printed.
async fn letters(store: &Store, job: &Job, part: &Part) -> Result<Vec<(Batch, Letter)>, PartError> {
    let planned = store.pieces(&job.id, part.number).await?;
    let batches = store.batches(&job.batches).await?;
    let mut found = HashMap::with_capacity(planned.len());
    for (number, batch) in (0u32..).zip(&batches) {
        let references: Vec<LetterRef> =
            planned.iter().filter(|piece| piece.batch == number).map(|piece| piece.reference.clone()).collect();
        for letter in store.letters(batch, &references).await? {
            found.insert((number, letter.content.reference.clone()), letter);
        }
    }
    let mut letters = Vec::with_capacity(planned.len());
    for piece in planned {
        let batch = batches.get(piece.batch as usize);
        let letter = found.remove(&(piece.batch, piece.reference.clone()));
        let pair = batch.cloned().zip(letter).filter(|(_, letter)| letter.state == LetterState::Ready);
        letters.push(pair.ok_or(PartError::NotReady(piece.reference))?);
    }
    Ok(letters)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::finish::{CardSize, Finish};

    #[test]
    fn a_letter_is_to_blame_for_what_it_is_and_not_for_the_press() {
        let named = Named { batch: BatchId::random([1; 10]), reference: LetterRef::parse("LETTER01").unwrap() };
        let code = |error: AssembleError| {
            PartError::Piece(named.clone(), error).obstacle().map(|obstacle| obstacle.issue.code)
        };
        let card = |fault| AssembleError::Card { piece: 7, fault: Box::new(fault) };
        assert_eq!(code(AssembleError::TooComplex).as_deref(), Some("assembly.document"));
        assert_eq!(code(card(AssembleError::TooComplex)).as_deref(), Some("assembly.document"));
        let lines = |block| AssembleError::Lines { block, lines: 9, least: 1, most: 6 };
        assert_eq!(code(lines("address block")).as_deref(), Some("assembly.address"));
        for of_the_house in [AssembleError::Mark, card(AssembleError::Layout("barcode")), lines("label")] {
            assert_eq!(code(of_the_house), None);
        }
        let barcode = |error| PartError::Barcode(named.clone(), error).obstacle().is_some();
        assert!(barcode(ImbError::RoutingNotDigits) && !barcode(ImbError::TrackingNotDigits));
    }

    #[test]
    fn the_documents_of_a_press_sheet_fit_the_memory_that_there_is_for_documents() {
        for size in CardSize::ALL {
            let places = press::imposition(&Finish::of_card(size)).unwrap().places();
            let each = u32::try_from(press::MAX_CARD_BYTES.div_ceil(1 << 10)).unwrap();
            assert!(places * each <= PREFETCH_KB, "{size:?}: the sheet would wait for room that it holds itself");
        }
    }
}
