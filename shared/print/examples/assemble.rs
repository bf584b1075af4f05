//! Assembles PDFs into a print stream to look at or to measure: `OUT FILE…`, each file one piece to a made-up address.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;

use print::assemble::{Assembler, Piece};
use print::imb::Imb;
use print::inspect::{Limits, inspect};
use print::stationery::{Placement, Sides, Stationery};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: assemble OUT FILE…")?;
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let sender = lines("Orleans Parish Assessor\nBureau of Revenue\n1300 Perdido St Rm 4E01\nNew Orleans LA 70112");
    let recipient = lines("JOSÉ MARTÍNEZ-ÅKESSON\n1600 S MARTIN LUTHER KING BLVD\nAPT 7\nNEW ORLEANS LA 70113-1234");

    let mut assembler = Assembler::new(BufWriter::new(File::create(out)?), &Stationery::default())?;
    for (file, number) in arguments.zip(1u32..) {
        let document = std::fs::read(&file)?;
        let imb = Imb::encode(&format!("00270902345678{number:06}"), "70113123400")?;
        let piece = Piece {
            account: "acct_sample",
            sender: &sender,
            recipient: &recipient,
            imb: &imb,
            endorsement: None,
            certified: None,
            job: "job_sample",
            number,
            document: &document,
            impressions: inspect(&document, &Limits::default()).pages,
            placement: Placement::Cover,
            sides: Sides::Duplex,
            perforated: number.is_multiple_of(2),
        };
        match assembler.add(&piece) {
            Ok(row) => println!("{file}: {row:?}"),
            Err(error) => println!("{file}: {error}"),
        }
    }
    println!("{:?}", assembler.finish()?.1);
    Ok(())
}
