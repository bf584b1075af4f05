//! Letters as a municipal client sends them: made up, no two alike, and valid.

use std::fmt::Write;

use tests::mail::people::{Dice, FIRST, LAST, PLACES, STREETS};

use super::Result;

/// The body of the request that creates a batch of `count` letters. `document` says for the number of a letter where its
/// document is and how many sides that has.
///
/// # Errors
/// When a text cannot be written, which it can.
pub(crate) fn body(count: usize, mut document: impl FnMut(usize) -> (String, u32)) -> Result<String> {
    let mut dice = Dice::new(0x4D41_494C_484F_5553);
    let mut body = String::with_capacity(count * 440);
    write!(
        body,
        r#"{{"mailClass":"FirstClass","electronicReturnReceipt":false,"usePerforatedPaper":false,"targetMailDate":"2027-01-15","letterCount":{count},"returnAddress":"City of New Orleans\nBureau of the Treasury\nPO Box 52138\nNew Orleans LA 70153","letters":["#
    )?;
    for number in 0..count {
        let first = dice.of(&FIRST);
        let last = dice.of(&LAST);
        let street = dice.of(&STREETS);
        let (city, state, zip) = dice.of(&PLACES);
        let (house, add_on, kind) = (1 + dice.below(9_999), 1_000 + dice.below(8_999), dice.below(100));
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"letterRefId":"T{number:07}","name1":"{first} {last}","#)?;
        if kind < 15 {
            write!(body, r#""name2":"c/o {} {last}","#, dice.of(&FIRST))?;
        }
        write!(body, r#""address1":"{house} {street}","#)?;
        if kind % 4 == 0 {
            write!(body, r#""address2":"Apt {}","#, 1 + dice.below(400))?;
        }
        match kind {
            98 => body.push_str(r#""city":"Toronto","state":"ON","postalCode":"M5H 2N2","country":"Canada","#),
            99 => body.push_str(r#""city":"Frankfurt am Main","state":null,"postalCode":"60311","country":"Germany","#),
            _ if kind % 3 == 0 => {
                write!(body, r#""city":"{city}","state":"{state}","postalCode":"{zip}","country":"US","#)?;
            }
            _ => write!(body, r#""city":"{city}","state":"{state}","postalCode":"{zip}-{add_on}","country":"US","#)?,
        }
        let (path, sides) = document(number);
        write!(body, r#""originalDocumentPath":"{path}","impressionCount":{sides}}}"#)?;
    }
    body.push_str("]}");
    Ok(body)
}
