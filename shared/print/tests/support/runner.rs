//! Runs tests in a program that is its own child, which a test harness would not let it be.
#![expect(clippy::print_stdout, reason = "without a harness, this is how a test program speaks")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// Does what a test runner asks of any test program by its arguments: lists the tests, which have names, or runs those chosen.
pub(crate) fn run<T: Fn()>(tests: &[(&str, T)]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |argument: &str| arguments.iter().any(|given| given == argument);
    if has("--list") {
        if !has("--ignored") {
            tests.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = |name: &str| {
        filter.is_none_or(|filter| if has("--exact") { name == filter } else { name.contains(filter.as_str()) })
    };
    let mut failures = 0;
    for (name, test) in tests.iter().filter(|(name, _)| chosen(name)) {
        let start = Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
        failures += u32::from(!passed);
        println!("test {name} ... {} ({:.1} s)", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
