//! The packages under clients/ do what they say, by themselves and with the stack that runs: their own tests, run here so that
//! none is forgotten. `make up`, then `source .local/env`.

use std::path::Path;
use std::process::Command;

/// Runs a command in a folder of the project.
fn run(folder: &str, program: &str, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let output = Command::new(root.join(program)).args(arguments).current_dir(root.join(folder)).output();
    let output = output
        .unwrap_or_else(|error| panic!("{program} cannot be run, `infra/local/setup tests` installs it: {error}"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    // A folder without tests passes too.
    assert!(said.contains("Ran ") || said.contains("ℹ pass "), "nothing was run: {said}");
}

#[test]
fn the_python_client_does_what_it_says() {
    run("clients/python", ".local/tests/bin/python", &["-m", "unittest", "discover", "--start-directory", "tests"]);
}

#[test]
fn the_typescript_client_does_what_it_says() {
    run("clients/typescript", ".local/tests/bin/node", &["--test", "test/*.test.ts"]);
}
