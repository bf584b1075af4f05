//! Can the file be read at all, by every reader alike? `document.not_a_pdf`, `too_large`, `too_complex`, `damaged`,
//! `encrypted`; `hostile` comes from [`crate::isolate`].

use std::borrow::Cow;
use std::ops::ControlFlow;

use lopdf::{Dictionary, Document, Object, Stream};

use super::{Finding, Limits, Report, printable};
use crate::assemble::AssembleError;
use crate::document;
use crate::prescan::Suspicion;

/// How much the compressed streams of a document may hold, bytes: a score of scanned pages without further compression.
const STREAM_BUDGET: u64 = 1 << 30;

/// How much of what is packed in more than one way is held while it is looked at, bytes: more than the largest document has.
const HELD: usize = 128 << 20;

/// How much all object streams of a document may hold, in units of what one may: as many objects as a letter may have do not
/// fill half of it, and whoever reads the document unpacks all of them.
const OBJECT_STREAMS: u64 = 4;

pub(super) fn damaged() -> Finding {
    Finding::refuse("document.damaged", "The file is damaged. Export the document to PDF again and send that file.")
}

pub(super) fn too_complex() -> Finding {
    let message = "The file has more in it than a letter can need. Print the document to a new PDF and send that file.";
    Finding::refuse("document.too_complex", message)
}

/// That the file is damaged, if that is not known yet.
pub(super) fn add_damaged(report: &mut Report) {
    if !report.has("document.damaged") {
        report.add(damaged());
    }
}

pub(super) fn suspicion(suspicion: Suspicion, limits: &Limits) -> Finding {
    match suspicion {
        Suspicion::NoHeader => {
            let message = "The file is not a PDF. Export the document to PDF and send that file.";
            Finding::refuse("document.not_a_pdf", message)
        }
        Suspicion::TooLarge { bytes } => {
            let message =
                format!("The file has more than {} bytes. Reduce the resolution of its images.", limits.max_bytes);
            let allowed = format!("{} bytes", limits.max_bytes);
            Finding::refuse("document.too_large", message).measured(format!("{bytes} bytes"), allowed)
        }
        Suspicion::TooManyObjects | Suspicion::NestedLengths => too_complex(),
    }
}

/// What keeps assembly from a file of which nothing else is wrong.
pub(super) fn not_assembled(fault: &AssembleError) -> Finding {
    match fault {
        AssembleError::TooComplex => too_complex(),
        _ => damaged(),
    }
}

/// What keeps the parser from a file.
pub(super) fn not_loaded(error: &lopdf::Error) -> Finding {
    match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => too_complex(),
        _ => damaged(),
    }
}

/// Breaks off if nothing more can be said of the file.
pub(super) fn check(document: &Document, limits: &Limits, report: &mut Report) -> ControlFlow<()> {
    // A file with an empty password is decrypted by loading it and then only says that it was.
    report.encrypted = document.is_encrypted() || document.was_encrypted() || document.trailer.has(b"Encrypt");
    if report.encrypted {
        let message = "The file is encrypted. Save it without a password and without restrictions.";
        report.add(Finding::refuse("document.encrypted", message));
    }
    if document.is_encrypted() {
        // Nothing in it can be read.
        return ControlFlow::Break(());
    }
    report.version = version(document);
    report.producer = producer(document);
    report.recovered = document.xref_recovery.is_some();
    // The parser repairs what it can and drops what it cannot read; what is printed then is a guess. In an encrypted file
    // there is more that it cannot read.
    if report.recovered || (!report.encrypted && document::has_lost_objects(document)) {
        report.add(damaged());
    }
    if document.objects.len() as u64 > u64::from(limits.max_objects) {
        report.add(too_complex());
        return ControlFlow::Break(());
    }
    check_streams(document, limits, report);
    ControlFlow::Continue(())
}

/// The version of a document: that of its catalog if it is later than that of its header (ISO 32000-2 7.5.2).
fn version(document: &Document) -> String {
    let catalog = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"Version"));
    let own = catalog.and_then(|version| version.as_name().ok()).map(printable).unwrap_or_default();
    own.max(printable(document.version.as_bytes()))
}

/// The program that made a document.
fn producer(document: &Document) -> String {
    let Ok(info) = document.trailer.get(b"Info") else { return String::new() };
    let info = document::dictionary_of(document::resolve(document, info));
    let producer = info.and_then(|info| document::lookup(document, info, b"Producer"));
    match producer {
        Some(Object::String(bytes, _)) => match bytes.strip_prefix(b"\xfe\xff") {
            // Text strings are in UTF-16 or nearly in Latin-1 (ISO 32000-2 7.9.2.2).
            Some(bytes) => {
                let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
                printable(String::from_utf16_lossy(&units).as_bytes())
            }
            None if bytes.starts_with(b"\xef\xbb\xbf") => printable(&bytes[3..]),
            None => printable(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().as_bytes()),
        },
        _ => String::new(),
    }
}

/// That compressed streams can be read to their end. The parser takes what it gets of a damaged one, and a printer may draw
/// that or stop.
fn check_streams(document: &Document, limits: &Limits, report: &mut Report) {
    let mut budget = STREAM_BUDGET;
    let mut of_objects = limits.max_decompressed.saturating_mul(OBJECT_STREAMS);
    let mut sink = vec![0; 64 << 10];
    let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
    for stream in streams {
        let filters = match document::lookup(document, &stream.dict, b"Filter") {
            Some(Object::Array(filters)) => filters.as_slice(),
            filter => filter.map(std::slice::from_ref).unwrap_or_default(),
        };
        let is_flate = |filter| document::resolve(document, filter).as_name().is_ok_and(|name| name == b"FlateDecode");
        let is_packed = filters.iter().any(is_flate);
        // What other filters, or several, make of one is not seen in its bytes.
        if document::has_type(&stream.dict, b"ObjStm") && (!is_packed || filters.len() > 1) {
            let most = usize::try_from(of_objects).unwrap_or(usize::MAX);
            let held = stream.get_plain_content_with_limit(most).ok().map(|content| content.len() as u64);
            match held.and_then(|held| of_objects.checked_sub(held)) {
                Some(left) => of_objects = left,
                None => return report.add(too_complex()),
            }
            continue;
        }
        if !is_packed {
            continue;
        }
        if document::has_type(&stream.dict, b"ObjStm") {
            match inflate(&stream.content, &mut sink, &mut of_objects) {
                Inflated::Whole => continue,
                Inflated::Damaged => return add_damaged(report),
                Inflated::TooLarge => return report.add(too_complex()),
            }
        }
        for (place, _) in filters.iter().enumerate().filter(|(_, filter)| is_flate(filter)) {
            let inflated = match before(document, stream, filters, place, &mut budget) {
                Ok(content) => inflate(&content, &mut sink, &mut budget),
                Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => Inflated::TooLarge,
                // It is in what no reader of ours reads, and so no content of a page.
                Err(
                    lopdf::Error::Unimplemented(_)
                    | lopdf::Error::Decompress(lopdf::DecompressError::TooManyFilters { .. }),
                ) => Inflated::Whole,
                Err(_) => Inflated::Damaged,
            };
            match inflated {
                Inflated::Whole => {}
                Inflated::Damaged => return add_damaged(report),
                Inflated::TooLarge => {
                    let message = "The images of the file are too large to print. Reduce their resolution.";
                    return report.add(Finding::refuse("document.too_complex", message));
                }
            }
        }
    }
}

/// What the filters before one of them make of a stream, of which the size is taken from the budget. They give what they get of data
/// that ends too early, which the next then misses.
fn before<'a>(
    document: &Document,
    stream: &'a Stream,
    filters: &[Object],
    place: usize,
    budget: &mut u64,
) -> Result<Cow<'a, [u8]>, lopdf::Error> {
    let (earlier, most) = (&filters[..place], usize::try_from(*budget).unwrap_or(usize::MAX).min(HELD));
    if earlier.is_empty() {
        return Ok(Cow::Borrowed(&stream.content));
    }
    let resolved = |object: &Object| document::resolve(document, object).clone();
    let mut dictionary = Dictionary::new();
    dictionary.set("Filter", earlier.iter().map(resolved).collect::<Vec<_>>());
    if let Some(Object::Array(parameters)) = document::lookup(document, &stream.dict, b"DecodeParms") {
        dictionary.set("DecodeParms", parameters.iter().take(place).map(resolved).collect::<Vec<_>>());
    }
    let earlier = Stream::new(dictionary, stream.content.clone());
    let content = earlier.decompressed_content_with_limit(most)?;
    *budget = budget.saturating_sub(content.len() as u64);
    Ok(Cow::Owned(content))
}

enum Inflated {
    Whole,
    Damaged,
    TooLarge,
}

/// Decompresses a stream to nowhere and takes its size from the budget.
fn inflate(content: &[u8], sink: &mut [u8], budget: &mut u64) -> Inflated {
    if content.is_empty() {
        return Inflated::Whole;
    }
    // Without the two bytes before, which no reader needs, and the checksum after, which some writers leave out.
    let Some(content) = content.get(2..) else { return Inflated::Damaged };
    let mut checksum = (1, 0);
    let mut inflater = flate2::Decompress::new(false);
    loop {
        let (read, wrote) = (inflater.total_in(), inflater.total_out());
        let rest = usize::try_from(read).ok().and_then(|read| content.get(read..)).unwrap_or_default();
        let status = inflater.decompress(rest, sink, flate2::FlushDecompress::None);
        let wrote = inflater.total_out() - wrote;
        checksum = adler32(checksum, &sink[..wrote as usize]);
        match budget.checked_sub(wrote) {
            Some(left) => *budget = left,
            None => return Inflated::TooLarge,
        }
        match status {
            Ok(flate2::Status::StreamEnd) => {
                let after = usize::try_from(inflater.total_in()).ok().and_then(|read| content.get(read..));
                let given = after.and_then(|after| after.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes));
                let differs = given.is_some_and(|given| given != checksum.1 << 16 | checksum.0);
                return if differs { Inflated::Damaged } else { Inflated::Whole };
            }
            Ok(_) if wrote > 0 || inflater.total_in() > read => {}
            // At the end of the input and not at the end of the data.
            Ok(_) | Err(_) => return Inflated::Damaged,
        }
    }
}

/// Carries the two sums of an Adler-32 checksum (RFC 1950 §8.2) on over more bytes.
fn adler32((mut low, mut high): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    // So many bytes can be added up before the sums have to be reduced.
    for chunk in bytes.chunks(5552) {
        for &byte in chunk {
            low += u32::from(byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    (low, high)
}
