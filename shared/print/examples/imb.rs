//! Encodes Intelligent Mail barcodes: a line `TRACKING [ROUTING]` in, a line of 65 letters or `error NN` out.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io::{self, BufRead};

use print::imb::Imb;

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        match Imb::encode(words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            Ok(imb) => println!("{}", imb.letters()),
            Err(error) => println!("error {:02}", error.code()),
        }
    }
    Ok(())
}
