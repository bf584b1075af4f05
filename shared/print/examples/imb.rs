//! Encodes Intelligent Mail barcodes: a line `TRACKING [ROUTING]` in, a line of 65 letters or `error NN` out.
//!
//! The codes are those of the USPS encoder's reference test set. There is exactly one line out for each line in, whatever is
//! in it. The tracking code ends at the first blank and all that follows is the routing code, so that a line that starts with
//! a blank has no tracking code, and a ZIP+4 written with a blank is refused and not cut short.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;

use print::imb::Imb;

/// More of a line is not looked at, so that a line without an end does not fill the memory.
const LONGEST: u64 = 4096;

/// Stands for the routing code of a line that is too long: longer than any.
const OVERLONG: &str = "too long a routing code";

fn main() -> ExitCode {
    match answer_all(&mut BufReader::new(io::stdin().lock()), &mut io::stdout().lock()) {
        // Who reads the answers has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn answer_all(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let cut = line.len() as u64 == LONGEST && line.last() != Some(&b'\n');
        if cut {
            input.skip_until(b'\n')?;
        }
        writeln!(output, "{}", answer(&line, cut))?;
    }
}

fn answer(line: &[u8], cut: bool) -> String {
    let line = String::from_utf8_lossy(line);
    let (tracking, routing) = line.trim_end().split_once([' ', '\t']).unwrap_or((line.trim_end(), ""));
    let routing = if cut { OVERLONG } else { routing.trim_start() };
    match Imb::encode(tracking, routing) {
        Ok(imb) => imb.letters().to_owned(),
        Err(error) => format!("error {:02}", error.code()),
    }
}
