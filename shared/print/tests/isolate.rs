//! Hostile files cost only their own letter. This program is its own child, so it has no test harness: it names each test
//! and counts the failures itself.
#![expect(clippy::print_stdout, reason = "without a harness, this is how a test program speaks")]
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use print::inspect::{Limits, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use support::Letter;

/// The tests by name.
macro_rules! tests {
    ($($test:ident),* $(,)?) => { &[$((stringify!($test), $test as fn())),*] };
}

const TESTS: &[(&str, fn())] = tests![
    an_ordinary_document_is_inspected_as_without_a_child,
    a_chain_of_lengths_is_refused,
    a_chain_of_lengths_that_hides_from_the_scan_is_refused,
    object_streams_that_fill_the_memory_are_refused,
    a_cross_reference_of_millions_is_refused,
    a_cross_reference_of_millions_that_hides_from_the_scan_is_refused,
    a_document_that_takes_too_long_is_refused_when_the_time_is_up,
    a_large_document_fits_the_memory_of_the_child,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(CHILD_ARGUMENT) => serve(),
        // A child that never answers.
        Some("sleep") => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        // What a test runner asks of any test program.
        Some("--list") => {
            if !arguments.iter().any(|argument| argument == "--ignored") {
                TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
            }
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen =
        |name: &str| filter.is_none_or(|filter| if exact { name == filter } else { name.contains(filter.as_str()) });
    let mut failures = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| chosen(name)) {
        let start = Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
        failures += u32::from(!passed);
        println!("test {name} ... {} ({:.1} s)", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    assert!(taken < Duration::from_secs(11), "{taken:?}");
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

fn a_chain_of_lengths_that_hides_from_the_scan_is_refused() {
    is_refused(&support::length_chain(60_000, "/L#65ngth"), &["document.hostile"]);
}

fn object_streams_that_fill_the_memory_are_refused() {
    is_refused(&support::zeros(4, 3_000_000), &["document.hostile"]);
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

fn a_large_document_fits_the_memory_of_the_child() {
    let mut objects = support::one_page();
    let image = vec![0x5a; 48_000_000];
    let mut body = format!("<</Length {}>>stream\n", image.len()).into_bytes();
    body.extend(image);
    body.extend(b"\nendstream");
    objects.push(body);
    let report = inspector().inspect(&support::file(&objects), &declared(1)).unwrap();
    assert!(report.is_ok(), "{report:?}");
}
