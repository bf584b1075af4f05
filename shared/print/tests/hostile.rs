//! Every family of hostile files, through the child: each ends in time and memory with a refusal or an honest verdict, the
//! next letter does not suffer, and what is accepted can be assembled. Whatever the verdict, assembly stays in its memory.
//! This program is its own child, so it has no harness.
#![expect(clippy::print_stdout, reason = "what is found is said beside the tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::io::{self, Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use lopdf::Document;
use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};
use print::assemble::{AssembleError, Assembler, Piece, PieceRow};
use print::imb::Imb;
use print::inspect::{Limits, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use print::mend::Mend;
use print::stationery::{Placement, Sides, Stationery};
use support::hostile::{FAMILIES, Family};
use support::runner::run;
use support::{Letter, giants};

/// With this argument the program assembles its input, and says how it went.
const ASSEMBLE: &str = "assemble-child";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(CHILD_ARGUMENT) => serve(),
        Some(ASSEMBLE) => return assemble_input(),
        _ => {}
    }
    let mut tests: Vec<(_, Box<dyn Fn()>)> = Vec::new();
    for family in FAMILIES {
        tests.push((family.name, Box::new(|| survives(family))));
    }
    tests.push(("the_largest_honest_documents_are_assembled", Box::new(assembles_the_largest)));
    run(&tests)
}

/// That the largest documents become pieces, and in how much memory: what reads all files holds the streams once more.
fn assembles_the_largest() {
    for (odd, most) in [("", 160_000_000), ("/Odd(\\101)", 260_000_000)] {
        let told = assembles_within(most, &giants::scans(100, 995_000, odd));
        assert!(told.trim().ends_with(" a piece"), "{told}");
    }
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
    assembles_within(MOST, &file);
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

/// The most memory that assembly may have for a hostile document, that itself among it.
const MOST: u64 = 256_000_000;

/// That a child which does nothing but assemble the document, whether it was accepted or not, has at most so much memory, the
/// document among it, and writes no more than that. Gives what the child says of it.
fn assembles_within(most: u64, file: &[u8]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(ASSEMBLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(file).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "assembly ends by {}: {told}", output.status);
    println!("  assembled: {}", told.trim());
    let (memory, rest) = told.split_once(' ').unwrap();
    let (written, _) = rest.split_once(' ').unwrap();
    assert!(memory.parse::<u64>().unwrap() <= most, "assembly had {told}");
    assert!(written.parse::<u64>().unwrap() <= most, "assembly wrote too much: {told}");
    told
}

/// The child's side: prints the most memory that it had, how much it wrote, and what became of the piece.
fn assemble_input() -> ExitCode {
    // What goes astray takes only this process with it.
    setrlimit(Resource::RLIMIT_AS, 1 << 30, 1 << 30).unwrap();
    let mut file = Vec::new();
    io::stdin().read_to_end(&mut file).unwrap();
    let (written, outcome) = print::on_large_stack(|| {
        let mut assembler = Assembler::new(io::sink(), &Stationery::default()).unwrap();
        let outcome = add(&mut assembler, &file, None);
        (assembler.finish().unwrap().1.bytes, outcome.map_or_else(|error| error.to_string(), |_| "a piece".to_owned()))
    })
    .unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{} {written} {outcome}", kilobytes << 10);
    ExitCode::SUCCESS
}

/// That a document becomes a piece that can be read back, or is refused for a reason.
fn assembles(file: &[u8], report: &Report) {
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let pages = match in_time(|| add(&mut assembler, file, Some(report.pages))) {
        Ok(row) => row.pages,
        Err(error) => panic!("an accepted document cannot be assembled: {error}"),
    };
    let found = reads(assembler.finish().unwrap().0);
    assert_eq!(found, pages as usize, "the print stream has other pages than its manifest");
}

fn add<W: io::Write>(
    assembler: &mut Assembler<W>,
    file: &[u8],
    impressions: Option<u32>,
) -> Result<PieceRow, AssembleError> {
    let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
    let lines = ["PARISH ASSESSOR".to_owned(), "NEW ORLEANS LA 70112".to_owned()];
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
        impressions,
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
        return_envelope: false,
    };
    assembler.add(&piece)
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
