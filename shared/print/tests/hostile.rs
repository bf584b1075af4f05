//! Every family of hostile files, through the child: each ends in time and memory with a refusal or an honest verdict, the
//! next letter does not suffer, and what is accepted can be assembled. This program is its own child, so it has no harness.
#![expect(clippy::print_stdout, reason = "what is found is said beside the tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use lopdf::Document;
use nix::sys::resource::{UsageWho, getrusage};
use print::assemble::{AssembleError, Assembler, Piece};
use print::imb::Imb;
use print::inspect::{Limits, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use print::mend::Mend;
use print::stationery::{Placement, Sides, Stationery};
use support::Letter;
use support::hostile::{FAMILIES, Family};
use support::runner::run;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == CHILD_ARGUMENT) {
        serve();
    }
    let tests: Vec<_> = FAMILIES.iter().map(|family| (family.name, || survives(family))).collect();
    run(&tests)
}

fn survives(family: &Family) {
    let file = (family.make)(family.size);
    let mut inspector = Inspector::spawn(&std::env::current_exe().unwrap(), [CHILD_ARGUMENT]).unwrap();
    let report = in_time(|| inspector.inspect(&file, &Limits::default()).unwrap());
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_ref()).collect();
    assert!(!(family.refused && report.is_ok()), "accepted: {report:?}");
    println!("  {} bytes, {rules:?}", file.len());
    if let Ok(drawn) = in_time(|| inspector.overlay(&file, &report, &Limits::default()).unwrap()) {
        reads(drawn);
    }
    let mends = [Mend::Flatten, Mend::Centre, Mend::Portrait];
    if let Ok(mended) = in_time(|| inspector.mend(&file, &mends, &Limits::default()).unwrap()) {
        reads(mended.bytes);
    }
    if report.is_ok() {
        assembles(&file, &report);
    }
    let next = inspector.inspect(&Letter::of(2).bytes(), &Limits::default()).unwrap();
    assert!(next.is_ok() && next.pages == 2, "the next letter suffers: {next:?}");
    // Whoever is not waited for is not counted.
    drop(inspector);
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!((1..=512 << 10).contains(&kilobytes), "a child had {kilobytes} KB");
}

/// Does something that may take no longer than a letter may hold up others.
fn in_time<R>(work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let done = work();
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    done
}

/// That a document becomes a piece that can be read back, or is refused for a reason.
fn assembles(file: &[u8], report: &Report) {
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
    let pages = match in_time(|| assembler.add(&piece)) {
        Ok(row) => row.pages,
        Err(AssembleError::Document(_)) => 0,
        Err(error) => panic!("an accepted document cannot be assembled: {error}"),
    };
    let found = reads(assembler.finish().unwrap().0);
    assert_eq!(found, pages as usize, "the print stream has other pages than its manifest");
}

/// How many pages a file has that was written here.
fn reads(file: Vec<u8>) -> usize {
    // It may nest as deeply as the hostile file did.
    let read = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let document = Document::load_mem(&file).unwrap();
        assert!(document.xref_recovery.is_none(), "a file has a broken cross-reference");
        document.page_iter().count()
    });
    read.unwrap().join().unwrap()
}
