//! Hostile files cost only their own letter. This program is its own child, so it has no test harness and names each test.
#![expect(clippy::print_stdout, reason = "what it measures is said beside the tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use print::inspect::{Limits, Paper, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use print::proof::{Specimen, proof};
use print::raster::{ProofError, png};
use print::stationery::{Placement, Sides, Stationery};
use support::runner::run;
use support::{Letter, bombs, giants};

/// The tests by name.
macro_rules! tests {
    ($($test:ident),* $(,)?) => { &[$((stringify!($test), $test as fn())),*] };
}

const TESTS: &[(&str, fn())] = tests![
    an_ordinary_document_is_inspected_as_without_a_child,
    a_chain_of_lengths_is_refused,
    a_chain_of_lengths_in_disguise_is_refused,
    object_streams_that_fill_the_memory_are_refused,
    a_cross_reference_of_millions_is_refused,
    a_cross_reference_of_millions_that_hides_from_the_scan_is_refused,
    a_document_that_takes_too_long_is_refused_when_the_time_is_up,
    the_largest_documents_are_inspected_in_the_child,
    the_largest_documents_are_drawn_and_drawn_on_in_the_child,
    a_document_over_the_largest_is_refused_unseen,
    a_picture_is_the_same_as_without_a_child,
    a_picture_that_cannot_be_made_says_why,
    a_piece_is_drawn_as_without_a_child_and_a_hostile_document_costs_only_its_own_proof,
    what_cannot_be_drawn_within_bounds_has_no_picture_and_is_noticed,
    images_of_too_many_pixels_are_known_before_they_are_drawn,
    what_may_be_too_much_to_draw_costs_no_other_document,
    a_document_that_exhausts_what_draws_it_is_refused,
    a_document_that_what_draws_it_panics_on_is_inspected_but_for_its_ink,
    the_largest_scan_fits_the_memory_of_the_child,
    a_scan_in_four_colours_is_judged_alike_by_a_child_that_is_new_and_by_one_that_is_not,
    a_child_whose_parent_is_gone_exits_when_it_is_done,
    a_child_whose_parent_is_gone_is_not_busy_for_ever,
    // Last, because it is about the others.
    no_child_had_more_memory_than_it_is_allowed,
];

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some(CHILD_ARGUMENT) => serve(),
        // A child that never answers.
        Some("sleep") => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        // A child that has inspected a document and panics when it draws it.
        Some("panic") => {
            // The document comes last. Who ends before has inspected nothing.
            let (mut asked, mut part) = (Vec::new(), [0; 4096]);
            while !asked.trim_ascii_end().ends_with(b"%%EOF") {
                let read = std::io::stdin().read(&mut part).unwrap();
                assert!(read > 0, "the question broke off");
                asked.extend_from_slice(&part[..read]);
            }
            let json = serde_json::to_vec(&Report { pages: 7, ..Report::default() }).unwrap();
            let mut output = std::io::stdout();
            output.write_all(&(json.len() as u32).to_le_bytes()).unwrap();
            output.write_all(&json).unwrap();
            output.flush().unwrap();
            std::process::exit(3);
        }
        _ => run(TESTS),
    }
}

fn inspector() -> Inspector {
    Inspector::spawn(&std::env::current_exe().unwrap(), [CHILD_ARGUMENT]).unwrap()
}

/// What is expected of a document of so many pages.
fn declared(impressions: u32) -> Limits {
    Limits { impressions: Some(impressions), ..Limits::default() }
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule.as_ref()).collect()
}

/// That a file is refused with one of `expected` before the time is up, and that the next document does not suffer.
fn is_refused(file: &[u8], expected: &[&str]) {
    let mut inspector = inspector();
    let start = Instant::now();
    let report = inspector.inspect(file, &declared(1)).unwrap();
    let taken = start.elapsed();
    assert!(!report.is_ok(), "{report:?}");
    assert!(rules(&report).iter().any(|rule| expected.contains(rule)), "{report:?}");
    assert!(taken < Duration::from_secs(10), "{taken:?}");
    let next = inspector.inspect(&Letter::of(2).bytes(), &declared(2)).unwrap();
    assert!(next.is_ok() && next.pages == 2, "{next:?}");
}

fn an_ordinary_document_is_inspected_as_without_a_child() {
    let mut inspector = inspector();
    for pages in [1, 2, 3] {
        let file = Letter::of(pages).bytes();
        let report = inspector.inspect(&file, &declared(2)).unwrap();
        assert_eq!(report, print::inspect::inspect(&file, &declared(2)));
        assert_eq!(report.is_ok(), pages == 2);
    }
}

fn a_chain_of_lengths_is_refused() {
    is_refused(&support::length_chain(20_000, "/Length"), &["document.too_complex"]);
}

fn a_chain_of_lengths_in_disguise_is_refused() {
    is_refused(&support::length_chain(60_000, "/L#65ngth"), &["document.too_complex"]);
}

fn object_streams_that_fill_the_memory_are_refused() {
    is_refused(&support::zeros(10, 3_000_000), &["document.hostile"]);
}

fn a_cross_reference_of_millions_is_refused() {
    is_refused(&support::endless_cross_reference(5_500_000, "/Size", "/Index"), &["document.too_complex"]);
}

fn a_cross_reference_of_millions_that_hides_from_the_scan_is_refused() {
    let file = support::endless_cross_reference(5_500_000, "/S#69ze", "/I#6Edex");
    // As many entries as the limit on decompression lets through: whether memory suffices for them depends on the build.
    is_refused(&file, &["document.hostile", "document.damaged", "document.too_complex"]);
}

fn a_document_that_takes_too_long_is_refused_when_the_time_is_up() {
    let limit = Duration::from_millis(500);
    let mut inspector = Inspector::spawn(&std::env::current_exe().unwrap(), ["sleep"]).unwrap().with_time_limit(limit);
    let start = Instant::now();
    let report = inspector.inspect(&Letter::of(1).bytes(), &declared(1)).unwrap();
    assert_eq!(rules(&report), ["document.hostile"]);
    let taken = start.elapsed();
    assert!(taken >= limit && taken < 4 * limit, "{taken:?}");
}

/// What is out of the ordinary about a page, so that the parser for all files reads it.
const ODD: &str = "/Odd(\\101)";

/// The largest honest documents: what they are, how many pages they have, and the file.
fn giants() -> impl Iterator<Item = (&'static str, u32, Vec<u8>)> {
    let names = [
        ("one image of 100 MB", 1),
        ("the largest scan, and as much beside it", 1),
        ("a hundred images of 1 MB, read as all files", 100),
    ];
    (0..).zip(names).map(|(place, (name, pages))| {
        let file = match place {
            0 => giants::scans(1, 99_990_000, ""),
            1 => bombs::scan_beside(95_500_000),
            _ => giants::scans(100, 995_000, ODD),
        };
        (name, pages, file)
    })
}

/// The most address space that the only child of this process has had so far, bytes.
fn address_space_of_the_child() -> u64 {
    let parent = format!("PPid:\t{}\n", std::process::id());
    let statuses = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        std::fs::read_to_string(entry.ok()?.path().join("status")).ok().filter(|status| status.contains(&parent))
    });
    let peaks = statuses.filter_map(|status| {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
        peak.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    peaks.max().unwrap() << 10
}

fn the_largest_documents_are_inspected_in_the_child() {
    for (name, pages, file) in giants() {
        assert!((99_000_000..=100_000_000).contains(&file.len()), "{name}: {} bytes", file.len());
        // How long this build takes beside others says nothing.
        let mut inspector = inspector().with_time_limit(Duration::from_secs(60));
        let start = Instant::now();
        let report = inspector.inspect(&file, &declared(pages)).unwrap();
        let taken = start.elapsed();
        println!("  {name}: {taken:.1?}, {} MB", address_space_of_the_child() / 1_000_000);
        assert!(report.is_ok() && report.pages == pages, "{name}: {report:?}");
        assert!(!rules(&report).contains(&"document.ink_unchecked"), "{name}");
    }
}

fn the_largest_documents_are_drawn_and_drawn_on_in_the_child() {
    for (name, pages, file) in giants() {
        let mut inspector = inspector().with_time_limit(Duration::from_secs(60));
        let report = Report { pages, ..Report::default() };
        let said = |what: &str, start: Instant| {
            println!("  {name}: {what} {:.1?}, {} MB", start.elapsed(), address_space_of_the_child() / 1_000_000);
        };
        let start = Instant::now();
        let drawn = inspector.overlay(&file, &report, &declared(pages)).unwrap();
        said("overlay", start);
        assert!(drawn.is_ok(), "{name}: {drawn:?}");
        let start = Instant::now();
        let picture = inspector.piece(&file, &specimen()).unwrap();
        said("piece", start);
        assert!(picture.is_ok(), "{name}: {picture:?}");
        let start = Instant::now();
        assert!(inspector.proof(&file, pages - 1, 400).unwrap().is_ok(), "{name}");
        said("proof", start);
    }
}

fn a_document_over_the_largest_is_refused_unseen() {
    let most = Limits::default().max_bytes as usize;
    assert_eq!(most, 100_000_000);
    let mut file = giants::scans(4, 24_900_000, "");
    file.resize(most + 1, b' ');
    let report = inspector().inspect(&file, &declared(4)).unwrap();
    assert_eq!(rules(&report), ["document.too_large"]);
    file.pop();
    let report = inspector().inspect(&file, &declared(4)).unwrap();
    assert_ne!(rules(&report), ["document.too_large"]);
}

fn a_picture_is_the_same_as_without_a_child() {
    let file = Letter::of(2).bytes();
    let mut inspector = inspector();
    for (page, width) in [(0, 850), (1, 120)] {
        let picture = inspector.proof(&file, page, width).unwrap();
        assert!(picture.is_ok());
        assert_eq!(picture, png(&file, page as usize, width));
    }
}

fn a_picture_that_cannot_be_made_says_why() {
    let mut inspector = inspector();
    let file = Letter::of(2).bytes();
    assert_eq!(inspector.proof(&file, 2, 100).unwrap(), Err(ProofError::NoSuchPage));
    assert_eq!(inspector.proof(b"no document", 0, 100).unwrap(), Err(ProofError::Unreadable));
    assert!(inspector.proof(&file, 0, 100).unwrap().is_ok());
}

/// Asks for a picture and for an inspection of a bomb, each of which ends in time, and that the next document does not suffer.
/// The time is short, because some bombs use all of it.
fn explode(name: &str, file: &[u8]) -> (Result<Vec<u8>, ProofError>, Report) {
    let mut inspector = inspector().with_time_limit(Duration::from_secs(1));
    let start = Instant::now();
    let picture = inspector.proof(file, 0, 800).unwrap();
    let drawn = start.elapsed();
    let report = inspector.inspect(file, &declared(1)).unwrap();
    let inspected = start.elapsed() - drawn;
    println!("  {name}: {:?} in {drawn:.1?}, {:?} in {inspected:.1?}", picture.as_ref().map(Vec::len), rules(&report));
    // A busy machine may be late to notice that the time is up.
    assert!(drawn.max(inspected) < Duration::from_secs(5), "{name}: {drawn:?}, {inspected:?}");
    let next =
        inspector.with_time_limit(Duration::from_secs(10)).inspect(&Letter::of(2).bytes(), &declared(2)).unwrap();
    assert!(next.is_ok() && next.pages == 2, "{name}: {next:?}");
    (picture, report)
}

fn what_cannot_be_drawn_within_bounds_has_no_picture_and_is_noticed() {
    for (name, file) in [
        ("content of a gibibyte", bombs::content_of_a_gibibyte()),
        ("JBIG2 of 4 gigapixels", bombs::jbig2(65_535)),
        ("forms within forms, twice each", bombs::forms(30, 2)),
        ("table of a gibibyte", bombs::shading_of_a_gibibyte()),
        ("ten million fills", bombs::fills()),
        ("groups within groups", bombs::groups()),
        ("forms within forms", bombs::forms(20_000, 1)),
        ("mesh of millions", bombs::mesh()),
        ("tiny dashes", bombs::dashes()),
    ] {
        let (picture, report) = explode(name, &file);
        assert_eq!(picture, Err(ProofError::Hostile), "{name}");
        assert!(is_noticed(&report), "{name}: {report:?}");
    }
}

/// That inspection refuses a document or says that it could not draw it.
fn is_noticed(report: &Report) -> bool {
    !report.is_ok() || rules(report).contains(&"document.ink_unchecked")
}

fn a_piece_is_drawn_as_without_a_child_and_a_hostile_document_costs_only_its_own_proof() {
    let specimen = specimen();
    let mut inspector = inspector().with_time_limit(Duration::from_secs(20));
    let document = Letter::of(2).bytes();
    let drawn = inspector.piece(&document, &specimen).unwrap();
    assert_eq!(drawn, proof(&document, &specimen));
    assert!(drawn.is_ok());
    for (name, file) in [
        ("image of 10 gigapixels", bombs::image(100_000, 100_000, "", b"x")),
        ("mesh of millions", bombs::mesh()),
        ("JPEG 2000 that does not fit", bombs::jpeg2000(60_000)),
    ] {
        let hostile = inspector.piece(&file, &specimen).unwrap();
        assert!(hostile.is_err(), "{name}");
        assert_eq!(inspector.piece(&document, &specimen).unwrap(), drawn, "{name}");
    }
}

/// A letter to be seen before it is sent.
fn specimen() -> Specimen {
    let lines = |lines: [&str; 3]| lines.map(str::to_owned).to_vec();
    Specimen {
        sender: lines(["ACME INC", "PO BOX 52138", "NEW ORLEANS LA 70153"]),
        recipient: lines(["JANE DOE", "1300 PERDIDO ST", "NEW ORLEANS LA 70112"]),
        tracking: "00340000000000000000".to_owned(),
        routing: "70112".to_owned(),
        endorsement: None,
        article: None,
        services: Vec::new(),
        paper: Paper::default(),
        stationery: Stationery::default(),
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
    }
}

fn images_of_too_many_pixels_are_known_before_they_are_drawn() {
    let (picture, report) = explode("image of 10 gigapixels", &bombs::image(100_000, 100_000, "", b"x"));
    assert_eq!(picture, Err(ProofError::TooManyPixels));
    assert!(is_noticed(&report), "{report:?}");
}

fn what_may_be_too_much_to_draw_costs_no_other_document() {
    for (name, file, printed) in [
        ("image in content", bombs::image_in_content(100_000, 100_000), Some(true)),
        ("JPEG of a quarter gigapixel", bombs::progressive_jpeg(16_384), Some(false)),
        ("JPEG 2000 of 9 megapixels", bombs::jpeg2000(3_000), None),
        // How long a machine takes for it is about the limit.
        ("JPEG 2000 of 900 megapixels", bombs::jpeg2000(30_000), None),
        ("pattern of itself", bombs::pattern_of_itself(), Some(false)),
        ("pattern of tiny cells", bombs::pattern_of_tiny_cells(), Some(false)),
        ("font of itself", bombs::font_of_itself(), None),
        ("table of 32 dimensions", bombs::shading_of_many_dimensions(), Some(false)),
        ("endless path", bombs::endless_path(), Some(false)),
        ("chain of lengths", support::length_chain(60_000, "/L#65ngth"), Some(false)),
        ("object streams of zeros", support::zeros(10, 3_000_000), Some(false)),
        (
            "cross-reference of millions",
            support::endless_cross_reference(5_500_000, "/S#69ze", "/I#6Edex"),
            Some(false),
        ),
    ] {
        // Whether there is a picture is for what draws it to say, and what takes a second here may take less elsewhere.
        let (_, report) = explode(name, &file);
        if let Some(printed) = printed {
            assert_eq!(report.is_ok(), printed, "{name}: {report:?}");
        }
    }
}

fn a_document_that_exhausts_what_draws_it_is_refused() {
    let mut inspector = inspector();
    // Images that say they are small and do not fit the memory, so that nobody knows before.
    for file in [bombs::jpeg2000(60_000), bombs::jbig2(65_535)] {
        let report = inspector.inspect(&file, &declared(1)).unwrap();
        assert_eq!(rules(&report), ["document.hostile"]);
        assert!(!report.is_ok());
        assert!(inspector.inspect(&Letter::of(1).bytes(), &declared(1)).unwrap().is_ok());
    }
}

fn a_document_that_what_draws_it_panics_on_is_inspected_but_for_its_ink() {
    let program = std::env::current_exe().unwrap();
    let with = |limits: Limits| {
        let mut inspector = Inspector::spawn(&program, ["panic"]).unwrap();
        inspector.inspect(&Letter::of(1).bytes(), &limits).unwrap()
    };
    let report = with(Limits::default());
    assert_eq!(rules(&report), ["document.ink_unchecked"]);
    assert!(report.is_ok() && report.pages == 7, "{report:?}");
    // Where the address goes on the back of a card, nobody has looked.
    let report = with(Limits { paper: Paper::Card4x6, ..Limits::default() });
    assert_eq!((rules(&report), report.findings[0].page), (vec!["document.ink_unchecked"], Some(2)));
    assert!(!report.is_ok());
    // Where the address goes on the first page, nobody has looked.
    let report = with(Limits { placement: Placement::FirstPage, ..Limits::default() });
    assert_eq!(rules(&report), ["document.ink_unchecked"]);
    assert!(!report.is_ok());
}

/// A colour scan of a Legal page at 600 dpi, which is as much as a sheet can have on it.
fn the_largest_scan_fits_the_memory_of_the_child() {
    let file = bombs::scan(5_100, 8_400);
    // It is about memory: without optimisation it takes seconds.
    let picture = inspector().with_time_limit(Duration::from_secs(60)).proof(&file, 0, 400).unwrap();
    assert!(picture.is_ok(), "{picture:?}");
}

fn a_scan_in_four_colours_is_judged_alike_by_a_child_that_is_new_and_by_one_that_is_not() {
    let space = "[/DeviceN[/Cyan/Magenta/Yellow/Black]/DeviceCMYK<</FunctionType 4/Domain[0 1 0 1 0 1 0 1]\
                 /Range[0 1 0 1 0 1 0 1]>>]";
    let (large, small) = (bombs::scan_in("/DeviceCMYK", 4, 5_100, 6_600), bombs::scan_in("/DeviceCMYK", 4, 850, 1_100));
    let of_inks = bombs::scan_in(space, 4, 5_100, 6_600);
    let mut inspector = inspector().with_time_limit(Duration::from_secs(120));
    let is_drawn = |inspector: &mut Inspector, file: &[u8]| {
        let report = inspector.inspect(file, &declared(1)).unwrap();
        assert!(report.is_ok(), "{report:?}");
        !rules(&report).contains(&"document.ink_unchecked")
    };
    for file in [&large, &small, &large, &of_inks] {
        assert_eq!(is_drawn(&mut inspector, file), file == &small);
    }
    let mut fresh = self::inspector().with_time_limit(Duration::from_secs(120));
    assert!(is_drawn(&mut fresh, &small));
}

/// A child by itself, and what it is told.
fn child(order: &str, document: &[u8]) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(CHILD_ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for frame in [order.as_bytes(), document] {
        let input = child.stdin.as_mut().unwrap();
        input.write_all(&(frame.len() as u32).to_le_bytes()).unwrap();
        input.write_all(frame).unwrap();
    }
    child
}

fn a_child_whose_parent_is_gone_exits_when_it_is_done() {
    // Waiting closes its input.
    let status = child(r#"{"task":{"Proof":{"page":0,"width":100}},"seconds":5}"#, &Letter::of(1).bytes()).wait();
    assert_eq!(status.unwrap().code(), Some(0));
}

fn a_child_whose_parent_is_gone_is_not_busy_for_ever() {
    let status = child(r#"{"task":{"Proof":{"page":0,"width":100}},"seconds":1}"#, &bombs::forms(40, 2)).wait();
    const SIGXCPU: i32 = 24;
    assert_eq!(status.unwrap().signal(), Some(SIGXCPU));
}

/// Of all children so far, each of which was waited for, the one that had the most memory. A runner may give every test a
/// process, so this one has hungry children of its own.
fn no_child_had_more_memory_than_it_is_allowed() {
    object_streams_that_fill_the_memory_are_refused();
    let _ = explode("JPEG of a quarter gigapixel", &bombs::progressive_jpeg(16_384));
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("  most memory of a child: {} MB", kilobytes >> 10);
    assert!((1..=512 << 10).contains(&kilobytes), "{kilobytes}");
}
