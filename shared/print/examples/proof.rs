//! Draws a page as PNG: `proof FILE OUT.png [PAGE] [WIDTH]`, the page counted from 1, the width in pixels.
#![expect(clippy::print_stderr, reason = "this is how a program on the command line speaks")]

use std::error::Error;
use std::process::ExitCode;

use print::isolate::{CHILD_ARGUMENT, Inspector, serve};

const USAGE: &str = "usage: proof FILE OUT.png [PAGE] [WIDTH]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD_ARGUMENT) {
        serve();
    }
    match draw(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [file, out, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let number = |at: usize, usual: u32| rest.get(at).map_or(Ok(usual), |number| number.parse());
    let (page, width) = (number(0, 1)?.checked_sub(1).ok_or(USAGE)?, number(1, 850)?);
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    std::fs::write(out, inspector.proof(&std::fs::read(file)?, page, width)??)?;
    Ok(())
}
