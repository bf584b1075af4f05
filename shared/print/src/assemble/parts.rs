//! Says in the print stream itself what each mail piece is: a document part with metadata (ISO 32000-2 14.12, as ISO 16612-2
//! uses it), which a digital front end reads to choose media and sides, and an inserter to fold.
//!
//! What ISO 21812-1 has a name for is under `CIP4_Root`; all there is to know is under `Mailhouse`. No part says who the
//! piece is for.

use super::piece::{Piece, PieceRow};
use crate::drawing::Digits;
use crate::stationery::Stock;
use crate::stream::{put_reference, serialize_name};

/// The body of the document part of a piece, whose pages are `first` to `last` by their object numbers.
pub(super) fn body(piece: &Piece<'_>, row: &PieceRow, parent: u64, first: u64, last: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    let text = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
    let number = |out: &mut Vec<u8>, key: &str, value: u64| {
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(Digits::integer(value).as_bytes());
    };
    text(&mut out, "<</Type/DPart/Parent ");
    put_reference(&mut out, parent);
    text(&mut out, "/Start ");
    put_reference(&mut out, first);
    text(&mut out, "/End ");
    put_reference(&mut out, last);

    text(&mut out, "/DPM<</CIP4_Root<</Type/CIP4_Root/CIP4_ExternalID");
    serialize_name(&mut out, format!("{}.{}", piece.job, piece.number).as_bytes());
    text(
        &mut out,
        // Every sheet has its back in the file, blank or not: on one side, a press would print the backs on sheets of their own.
        "/CIP4_Intent<</Type/CIP4_Intent/CIP4_ProductType/Letter/CIP4_LayoutIntent<</Type/CIP4_LayoutIntent\
         /CIP4_Sides/TwoSidedHeadToHead>>",
    );
    // The names have no way to say that sheets of one piece differ; `Media` below has.
    if let [(stock, _)] = row.stock.runs() {
        text(&mut out, "/CIP4_MediaIntent<</Type/CIP4_MediaIntent/CIP4_MediaTypeDetails/");
        text(&mut out, stock.name());
        if *stock != Stock::Coloured {
            text(&mut out, "/CIP4_MediaColor/White");
        }
        text(&mut out, ">>");
    }
    text(&mut out, ">>/CIP4_Production<</Type/CIP4_Production/CIP4_CopyCount 1>>>>");

    text(&mut out, "/Mailhouse<</Job");
    serialize_name(&mut out, piece.job.as_bytes());
    number(&mut out, "/Piece ", u64::from(piece.number));
    // Digits only.
    text(&mut out, "/TrackingCode(");
    text(&mut out, piece.imb.tracking());
    if let Some(certified) = &piece.certified {
        text(&mut out, ")/ArticleNumber(");
        text(&mut out, certified.number.as_str());
    }
    number(&mut out, ")/FirstPage ", row.first_page);
    number(&mut out, "/LastPage ", row.last_page);
    number(&mut out, "/Sheets ", u64::from(row.sheets));
    text(&mut out, "/Media[");
    let mut sheet = 1;
    for &(stock, sheets) in row.stock.runs() {
        text(&mut out, "<</Stock/");
        text(&mut out, stock.name());
        text(&mut out, "/Size/");
        text(&mut out, row.paper.name());
        number(&mut out, "/FirstSheet ", u64::from(sheet));
        number(&mut out, "/LastSheet ", u64::from(sheet + sheets - 1));
        text(&mut out, ">>");
        sheet += sheets;
    }
    text(&mut out, "]/Sides/");
    text(&mut out, row.sides.name());
    text(&mut out, "/Fold/");
    text(&mut out, row.fold.name());
    text(&mut out, "/Envelope(");
    text(&mut out, row.envelope.name());
    text(&mut out, if row.return_envelope { ")/ReturnEnvelope true" } else { ")/ReturnEnvelope false" });
    text(&mut out, "/WeightOunces ");
    out.extend_from_slice(Digits::decimal(f64::from(row.weight.0) / 1000.0).as_bytes());
    text(&mut out, ">>>>>>");
    out
}
