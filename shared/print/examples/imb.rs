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

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "ATTFATTDTTADTAATTDTDTATTDAFDDFADFDFTFFFFFTATFAAAATDFFTDAADFTFDTDT";
    const ROUTED: &str = "DTTAFADDTTFTDTFTFDTDDADADAFADFATDDFTAAAFDTTADFAAATDFDTDFADDDTDFFT";

    fn answers(input: &[u8]) -> Vec<String> {
        let mut output = Vec::new();
        // A buffer of a few bytes, so that lines come in pieces.
        answer_all(&mut BufReader::with_capacity(7, input), &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn blanks_tabs_and_carriage_returns_around_the_digits_do_not_matter() {
        let input = "01234567094987654321\n01234567094987654321 01234\r\n01234567094987654321\t 01234 \t\r\n\
                     01234567094987654321 ";
        assert_eq!(answers(input.as_bytes()), [PLAIN, ROUTED, ROUTED, PLAIN]);
    }

    #[test]
    fn a_line_without_a_tracking_code_has_one_of_the_wrong_length() {
        let input = "\n \r\n 01234567094987654321\n\n01234";
        assert_eq!(answers(input.as_bytes()), ["error 09"; 5]);
    }

    #[test]
    fn words_after_the_routing_code_are_part_of_it() {
        let input = "01234567094987654321 01234 5678\n01234567094987654321 01234 extra\n01234567094987654321 a b";
        assert_eq!(answers(input.as_bytes()), ["error 12", "error 13", "error 12"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_characters_that_are_no_digits() {
        let input =
            b"0123456709498765432\xe9\n01234567094987654321 0123\xff\n\xff\xfe\x00\n01234567094987654321 \0\0\0\0\0";
        assert_eq!(answers(input), ["error 10", "error 13", "error 09", "error 13"]);
    }

    #[test]
    fn a_line_of_any_length_is_one_line() {
        for length in [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST] {
            let filler = "1".repeat(length as usize);
            let input = format!("{filler}\n01234567094987654321 {filler}\n01234567094987654321 01234\n");
            assert_eq!(answers(input.as_bytes()), ["error 09", "error 12", ROUTED], "{length}");
        }
    }

    #[test]
    fn a_routing_code_beyond_what_is_looked_at_is_not_dropped() {
        let input = format!("01234567094987654321{}01234\n", " ".repeat(LONGEST as usize));
        assert_eq!(answers(input.as_bytes()), ["error 12"]);
    }
}
