//! The list of the pieces of a print stream, written as they are: CSV for people, JSON lines for machines.
//!
//! Both have the same columns, [`Entry`] and [`PieceRow`] side by side. After the pieces the JSON lines have one for the file,
//! `{"file": …}`, see [`Summary`].

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::assemble::{CardRow, PieceRow, Totals};
use crate::stationery::{Fold, Ounces, Sides};

/// What a manifest says of a piece beside its row: whose it is and what it was made from. What is not known is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry<'a> {
    /// The batch the letter came in.
    pub batch_id: &'a str,
    /// The sender's own name for the letter.
    pub letter_ref_id: &'a str,
    /// The 20 tracking digits of the Intelligent Mail barcode.
    pub tracking_code: &'a str,
    /// The article number of a certified piece.
    pub article_number: &'a str,
    /// The first line of the address.
    pub name: &'a str,
    /// The postal code of the address.
    pub postal_code: &'a str,
    /// SHA-256 of the document, hexadecimal.
    pub document_sha256: &'a str,
}

/// A line of the manifest: the columns in their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    piece: u32,
    batch_id: &'a str,
    letter_ref_id: &'a str,
    tracking_code: &'a str,
    article_number: &'a str,
    name: &'a str,
    postal_code: &'a str,
    document_sha256: &'a str,
    sheets: u32,
    pages: u32,
    first_page: u64,
    last_page: u64,
    place: Option<u32>,
    sides: &'a str,
    stock: String,
    paper: String,
    envelope: &'a str,
    fold: &'a str,
    return_envelope: bool,
    weight_ounces: Ounces,
    offset: u64,
    length: u64,
}

impl<'a> Line<'a> {
    fn new(entry: &Entry<'a>, row: &PieceRow) -> Self {
        Self {
            piece: row.piece,
            batch_id: entry.batch_id,
            letter_ref_id: entry.letter_ref_id,
            tracking_code: entry.tracking_code,
            article_number: entry.article_number,
            name: entry.name,
            postal_code: entry.postal_code,
            document_sha256: entry.document_sha256,
            sheets: row.sheets,
            pages: row.pages,
            first_page: row.first_page,
            last_page: row.last_page,
            place: None,
            sides: row.sides.name(),
            stock: row.stock.to_string(),
            paper: row.paper.name().to_owned(),
            envelope: row.envelope.name(),
            fold: row.fold.name(),
            return_envelope: row.return_envelope,
            weight_ounces: row.weight,
            offset: row.offset,
            length: row.length,
        }
    }

    /// A card shares its press sheet, and so pages and bytes, with those in the other places. It has no envelope, and nothing
    /// can be put into it.
    fn card(entry: &Entry<'a>, row: &CardRow) -> Self {
        Self {
            piece: row.piece,
            batch_id: entry.batch_id,
            letter_ref_id: entry.letter_ref_id,
            tracking_code: entry.tracking_code,
            article_number: entry.article_number,
            name: entry.name,
            postal_code: entry.postal_code,
            document_sha256: entry.document_sha256,
            sheets: 1,
            pages: 2,
            first_page: row.first_page,
            last_page: row.last_page,
            place: Some(row.place),
            sides: Sides::Duplex.name(),
            stock: "plain:1".to_owned(),
            paper: format!("{}x{}", row.sheet.width, row.sheet.height),
            envelope: "",
            fold: Fold::None.name(),
            return_envelope: false,
            weight_ounces: row.weight,
            offset: row.offset,
            length: row.length,
        }
    }
}

/// The text of an entry that no spreadsheet runs.
struct Texts<'a>([Cow<'a, str>; 7]);

impl<'a> Texts<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        let texts = [
            entry.batch_id,
            entry.letter_ref_id,
            entry.tracking_code,
            entry.article_number,
            entry.name,
            entry.postal_code,
            entry.document_sha256,
        ];
        Self(texts.map(|text| match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            true => format!("'{text}").into(),
            false => text.into(),
        }))
    }

    fn entry(&self) -> Entry<'_> {
        let [batch_id, letter_ref_id, tracking_code, article_number, name, postal_code, document_sha256] = &self.0;
        Entry { batch_id, letter_ref_id, tracking_code, article_number, name, postal_code, document_sha256 }
    }
}

/// A manifest as CSV (RFC 4180, lines end with a line feed): the names of the columns, then a line for each piece.
///
/// A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return. Text that a sender may choose and
/// that begins so has an apostrophe before it, as OWASP advises against CSV injection; the JSON lines have it as it is.
pub struct Csv<W: Write> {
    lines: csv::Writer<W>,
}

impl<W: Write> Csv<W> {
    /// Starts a manifest.
    pub fn new(writer: W) -> Self {
        Self { lines: csv::Writer::from_writer(writer) }
    }

    /// Writes the line of a piece.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write(&mut self, entry: &Entry<'_>, row: &PieceRow) -> io::Result<()> {
        let texts = Texts::of(entry);
        self.lines.serialize(Line::new(&texts.entry(), row)).map_err(io::Error::from)
    }

    /// Writes the line of a card.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write_card(&mut self, entry: &Entry<'_>, row: &CardRow) -> io::Result<()> {
        let texts = Texts::of(entry);
        self.lines.serialize(Line::card(&texts.entry(), row)).map_err(io::Error::from)
    }

    /// Ends the manifest and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.lines.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// The line for the file, the last of the JSON lines.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary<'a> {
    /// Pages, sheets, pieces and bytes.
    #[serde(flatten)]
    pub totals: Totals,
    /// SHA-256 of the print stream, hexadecimal.
    pub sha256: &'a str,
}

/// A manifest as JSON lines.
pub struct JsonLines<W: Write> {
    writer: W,
}

impl<W: Write> JsonLines<W> {
    /// Starts a manifest.
    pub fn new(writer: W) -> Self {
        Self { writer }
    }

    /// Writes the line of a piece.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write(&mut self, entry: &Entry<'_>, row: &PieceRow) -> io::Result<()> {
        self.line(&Line::new(entry, row))
    }

    /// Writes the line of a card.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write_card(&mut self, entry: &Entry<'_>, row: &CardRow) -> io::Result<()> {
        self.line(&Line::card(entry, row))
    }

    /// Writes the line of the file and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self, summary: &Summary<'_>) -> io::Result<W> {
        #[derive(Serialize)]
        struct File<'a> {
            file: &'a Summary<'a>,
        }
        self.line(&File { file: summary })?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, value)?;
        self.writer.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::press_sheet::PressSheet;
    use crate::stationery::{Envelope, PaperSize, Stock, Stocks};

    fn row() -> PieceRow {
        let mut stock = Stocks::default();
        stock.push(Stock::Plain, 1);
        stock.push(Stock::Perforated, 1);
        PieceRow {
            piece: 7,
            first_page: 5,
            last_page: 8,
            pages: 4,
            sheets: 2,
            sides: Sides::Duplex,
            stock,
            paper: PaperSize::Letter,
            fold: Fold::Third,
            envelope: Envelope::Number10,
            return_envelope: true,
            weight: Ounces(690),
            offset: 1_000,
            length: 5_000_000_000,
        }
    }

    const ENTRY: Entry<'static> = Entry {
        batch_id: "batch_1",
        letter_ref_id: "R-1",
        tracking_code: "00270902345678000001",
        article_number: "",
        name: "DOE, \"JO\"",
        postal_code: "70113-1234",
        document_sha256: "ab",
    };

    #[test]
    fn the_csv_names_its_columns_and_quotes_what_needs_it() {
        let mut csv = Csv::new(Vec::new());
        csv.write(&ENTRY, &row()).unwrap();
        assert_eq!(
            String::from_utf8(csv.finish().unwrap()).unwrap(),
            "piece,batchId,letterRefId,trackingCode,articleNumber,name,postalCode,documentSha256,sheets,pages,firstPage,\
             lastPage,place,sides,stock,paper,envelope,fold,returnEnvelope,weightOunces,offset,length\n\
             7,batch_1,R-1,00270902345678000001,,\"DOE, \"\"JO\"\"\",70113-1234,ab,2,4,5,8,,duplex,plain:1 perforated:2,Letter,#10,\
             third,true,0.69,1000,5000000000\n"
        );
    }

    #[test]
    fn text_that_a_spreadsheet_would_run_has_an_apostrophe_in_the_csv_and_none_in_the_json_lines() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let entry = Entry { name: text, letter_ref_id: text, ..ENTRY };
            let mut csv = Csv::new(Vec::new());
            csv.write(&entry, &row()).unwrap();
            let csv = csv.finish().unwrap();
            let record = csv::Reader::from_reader(csv.as_slice()).records().next().unwrap().unwrap();
            assert_eq!((record[2].to_owned(), record[5].to_owned()), (format!("'{text}"), format!("'{text}")));
            let mut json = JsonLines::new(Vec::new());
            json.write(&entry, &row()).unwrap();
            let line: serde_json::Value = serde_json::from_slice(&json.writer).unwrap();
            assert_eq!((&line["name"], &line["letterRefId"]), (&text.into(), &text.into()));
        }
    }

    #[test]
    fn a_card_has_the_columns_of_a_letter_and_its_place_on_the_press_sheet() {
        let sheet = PressSheet::PRESS_12X18;
        let card = CardRow {
            piece: 7,
            first_page: 3,
            last_page: 4,
            place: 2,
            sheet,
            weight: Ounces(148),
            offset: 1_000,
            length: 2_000,
        };
        let mut csv = Csv::new(Vec::new());
        csv.write(&ENTRY, &row()).unwrap();
        csv.write_card(&ENTRY, &card).unwrap();
        let csv = String::from_utf8(csv.finish().unwrap()).unwrap();
        assert!(csv.ends_with(",1,2,3,4,2,duplex,plain:1,12x18,,none,false,0.148,1000,2000\n"), "{csv}");
        let mut json = JsonLines::new(Vec::new());
        json.write_card(&ENTRY, &card).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&json.writer).unwrap();
        assert_eq!((&line["place"], &line["trackingCode"]), (&2.into(), &ENTRY.tracking_code.into()));
    }

    #[test]
    fn the_json_lines_have_the_columns_of_the_csv_and_end_with_the_file() {
        let mut json = JsonLines::new(Vec::new());
        json.write(&ENTRY, &row()).unwrap();
        let totals = Totals { pages: 4, sheets: 2, pieces: 1, bytes: 9 };
        let text = String::from_utf8(json.finish(&Summary { totals, sha256: "cd" }).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [piece, file] = lines[..] else { panic!("{text}") };
        assert_eq!(file, r#"{"file":{"pages":4,"sheets":2,"pieces":1,"bytes":9,"sha256":"cd"}}"#);
        let piece: serde_json::Value = serde_json::from_str(piece).unwrap();
        assert_eq!((&piece["weightOunces"], &piece["length"]), (&0.69.into(), &5_000_000_000u64.into()));
        let mut csv = Csv::new(Vec::new());
        csv.write(&ENTRY, &row()).unwrap();
        let csv = csv.finish().unwrap();
        let columns: Vec<String> =
            csv::Reader::from_reader(csv.as_slice()).headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(piece.as_object().unwrap().len(), columns.len());
        assert!(columns.iter().all(|column| piece.get(column).is_some()), "{columns:?}");
    }
}
