//! Fuzz targets: what inspection, mending, drawing and assembly do with documents nobody thought of.
//!
//! There are two ways to feed them: bytes as they are, and a tape of choices from which a document is made, so that changes
//! at random get past the header. The corpus is in `corpus/bytes` and `corpus/tape`.
//!
//! `cargo test -p print-fuzz` runs the corpus and a fixed number of changes to it, the same each time. `make fuzz` has an engine
//! change it that is guided by what code an input reaches.
//!
//! The corpus has no glyph that shows itself: with a byte or two changed it ends the process where pages are drawn.
//!
//! An input that ends the process, by its stack or its memory, ends libFuzzer as well, though not a Mailhouse: there the
//! parser runs in a child that may die. So the targets have tighter limits than production, and what such inputs do is
//! tested in `hostile.rs` and `isolate.rs` of the crate itself, through the child.
#![cfg(test)]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use lopdf::Document;
use print::assemble::{Assembler, Piece};
use print::imb::Imb;
use print::inspect::{Limits, Report, inspect};
use print::mend::{Mend, mend};
use print::overlay::overlay;
use print::stationery::{Placement, Sides, Stationery};
use support::tape;

fn limits() -> Limits {
    Limits { max_bytes: 1 << 20, max_objects: 5_000, max_pages: 100, max_decompressed: 1 << 20, ..Limits::default() }
}

/// Whatever the file, inspection gives a report that can be sent on, and what is done on request gives a file that can be read.
fn inspected(file: &[u8]) {
    let limits = limits();
    let report = inspect(file, &limits);
    let sent: Report = serde_json::from_slice(&serde_json::to_vec(&report).unwrap()).unwrap();
    // Lengths may differ in their last digit, and a length that is no number would not come through at all.
    assert_eq!((sent.pages, sent.findings.len()), (report.pages, report.findings.len()));
    if let Ok(drawn) = overlay(file, &report, &limits) {
        let drawn = Document::load_mem(&drawn).unwrap();
        assert!(drawn.xref_recovery.is_none(), "a drawing has a broken cross-reference");
    }
    const ALL: [Mend; 3] = [Mend::Flatten, Mend::Centre, Mend::Portrait];
    if let Ok(mended) = mend(file, &ALL, &limits) {
        let again = mend(&mended.bytes, &ALL, &limits).unwrap();
        assert_eq!((again.bytes == mended.bytes, again.done), (true, vec![]), "a second mend changed something");
        let rules = |report: Report| report.findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>();
        let (before, after) = (rules(report), rules(inspect(&mended.bytes, &limits)));
        let new = ["document.damaged", "document.page_count_untrustworthy", "document.not_a_pdf", "document.page_size"];
        for rule in new {
            assert!(before.iter().any(|r| r == rule) || after.iter().all(|r| r != rule), "mending made it {rule}");
        }
    }
}

/// What can be read can be assembled, or is refused with a reason, and the print stream can be read. What is accepted is a
/// part of that; most of what is made at random is refused for its looks.
fn assembled(file: &[u8]) {
    let report = inspect(file, &limits());
    let unread =
        ["document.not_a_pdf", "document.damaged", "document.encrypted", "document.too_complex", "document.too_large"];
    if report.findings.iter().any(|finding| unread.contains(&finding.rule.as_ref())) {
        return;
    }
    let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
    let lines = ["PARISH ASSESSOR".to_owned(), "NEW ORLEANS LA 70112".to_owned()];
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let piece = Piece {
        account: "acct_1",
        sender: &lines,
        recipient: &lines,
        imb: &imb,
        endorsement: None,
        certified: None,
        job: "job_1",
        number: 1,
        document: file,
        impressions: Some(report.pages),
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
        return_envelope: false,
    };
    let pages = match assembler.add(&piece) {
        Ok(row) => row.pages,
        Err(error) if report.is_ok() => panic!("an accepted document cannot be assembled: {error}"),
        Err(_) => 0,
    };
    let stream = Document::load_mem(&assembler.finish().unwrap().0).unwrap();
    assert!(stream.xref_recovery.is_none(), "the print stream has a broken cross-reference");
    assert_eq!(stream.page_iter().count(), pages as usize, "the print stream has other pages than its manifest");
}

/// How many changes of the corpus are tried in a plain run.
const CHANGES: u64 = 500;

/// The longest input that an engine makes, bytes.
const LONGEST: usize = 1 << 14;

/// How often a thread of the parser has panicked.
static LOST: AtomicUsize = AtomicUsize::new(0);

/// Takes note of panics where the parser runs. There they end in a finding that the file is damaged, which is right for the
/// sender and hides a fault from us. The threads of tests have names, and those of the parser have none.
fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            before(panic);
            if std::thread::current().name().is_none() {
                LOST.fetch_add(1, Ordering::Relaxed);
            }
        }));
    });
}

/// A test that feeds a target: by bolero's engine if `FUZZ` is set, else by the corpus and changes to it. The engine is told of
/// a target by the function that it is in.
macro_rules! fuzz_target {
    ($name:ident, $corpus:literal, $target:expr) => {
        #[test]
        fn $name() {
            let target: fn(&[u8]) = $target;
            if std::env::var_os("FUZZ").is_none() {
                return feed($corpus, CHANGES, target);
            }
            bolero::check!().with_max_len(LONGEST).for_each(|input: &[u8]| {
                watch();
                target(input);
                assert_eq!(LOST.load(Ordering::Relaxed), 0, "the parser's thread panicked");
            });
        }
    };
}

fuzz_target!(inspection_survives_bytes, "bytes", inspected);
fuzz_target!(inspection_survives_syntax, "tape", |choices| inspected(&tape::document(choices)));
fuzz_target!(assembly_survives_bytes, "bytes", assembled);
fuzz_target!(assembly_survives_syntax, "tape", |choices| assembled(&tape::document(choices)));

/// Feeds a target the corpus and changes to it.
fn feed(corpus: &str, changes: u64, target: fn(&[u8])) {
    watch();
    let folder = format!("{}/corpus/{corpus}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!inputs.is_empty(), "there is no corpus");
    let tried = |input: &[u8], name: &dyn std::fmt::Display| {
        assert!(catch_unwind(AssertUnwindSafe(|| target(input))).is_ok(), "{name} fails");
        assert_eq!(LOST.load(Ordering::Relaxed), 0, "the parser's thread panicked, it may be with {name}");
    };
    for (input, file) in inputs.iter().zip(&files) {
        tried(input, &file.display());
    }
    for number in 0..changes {
        tried(&changed(&inputs, number), &format_args!("change {number} of the corpus"));
    }
}

/// An input of the corpus with a few changes: the same for the same number.
fn changed(inputs: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    // Marsaglia's xorshift: any generator will do that is always the same.
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % limit.max(1)
    };
    let mut input = inputs[below(inputs.len())].clone();
    for _ in 0..=below(4) {
        let place = below(input.len());
        let end = (place + 1 + below(16)).min(input.len());
        match below(5) {
            0 if !input.is_empty() => input[place] = below(256) as u8,
            1 => drop(input.drain(place.min(end)..end)),
            2 => {
                let again = input[place.min(end)..end].to_vec();
                input.splice(place..place, again);
            }
            3 => {
                let other = &inputs[below(inputs.len())];
                let from = below(other.len());
                let part = other[from..(from + below(64)).min(other.len())].to_vec();
                input.splice(place..place, part);
            }
            _ if !input.is_empty() => input[place] ^= 1 << below(8),
            _ => {}
        }
    }
    input
}
