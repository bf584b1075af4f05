//! The return address: the few lines that a client wants printed in the corner of the envelope.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::text::{self, Unfit};
use crate::fault::{Faults, Pointer};

/// Two to five lines, none of them blank.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReturnAddress {
    lines: Vec<String>,
}

impl ReturnAddress {
    /// A return address needs at least a street or box and a city.
    pub const FEWEST_LINES: usize = 2;
    /// What the corner of an envelope has room for.
    pub const MOST_LINES: usize = 5;
    /// The most characters in one line.
    pub const LINE_MOST: usize = 60;

    /// Lines are divided by a line feed, by carriage return and line feed, or by a backslash and the letter `n` as two
    /// characters, which is how the contract's own example arrives once its JSON is read.
    pub fn parse(raw: &str, at: &Pointer<'_>, faults: &mut Faults) -> Option<ReturnAddress> {
        if raw.trim().is_empty() {
            faults.push(at, "required", "A return address is required and must not be blank.");
            return None;
        }
        let before = faults.total();
        let mut lines = Vec::new();
        let mut count = 0;
        // One line more than there may be is looked at, so that the length of the text does not matter.
        for line in raw.split('\n').flat_map(|line| line.split("\\n")).take(Self::MOST_LINES + 1) {
            count += 1;
            match text::clean(line.trim_end().trim_end_matches("\\r"), Self::LINE_MOST) {
                Ok(line) if line.is_empty() => {
                    let message = format!("Line {count} of the return address is blank: remove it.");
                    faults.push(at, "return_address.blank_line", message);
                }
                Ok(line) => lines.push(line.into_owned()),
                Err(Unfit::TooLong) => {
                    let most = Self::LINE_MOST;
                    let message = format!("Line {count} of the return address has more than {most} characters.");
                    faults.push(at, "too_long", message);
                }
                Err(Unfit::Control) => {
                    let message =
                        format!("Line {count} of the return address contains a control character: remove it.");
                    faults.push(at, "characters.control", message);
                }
            }
        }
        if !(Self::FEWEST_LINES..=Self::MOST_LINES).contains(&count) {
            let message = "A return address has two to five lines, divided by line breaks.";
            faults.push(at, "return_address.lines", message);
        }
        (faults.total() == before).then_some(ReturnAddress { lines })
    }

    /// The lines, as they are printed.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Debug for ReturnAddress {
    /// A sender may be a person: no line is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnAddress").finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for ReturnAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lines = Vec::<String>::deserialize(deserializer)?;
        if !(Self::FEWEST_LINES..=Self::MOST_LINES).contains(&lines.len()) {
            return Err(de::Error::invalid_length(lines.len(), &"two to five lines"));
        }
        Ok(ReturnAddress { lines })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(raw: &str) -> Result<Vec<String>, Vec<&'static str>> {
        let mut faults = Faults::default();
        let at = Pointer::Root.key("returnAddress");
        let parsed = ReturnAddress::parse(raw, &at, &mut faults);
        assert!(faults.listed().iter().all(|fault| fault.pointer == "/returnAddress"));
        assert_eq!(parsed.is_some(), faults.is_empty());
        parsed
            .map(|address| address.lines().to_vec())
            .ok_or_else(|| faults.listed().iter().map(|fault| fault.rule).collect())
    }

    #[test]
    fn lines_are_divided_in_each_of_the_three_ways() {
        for raw in [
            "PO Box 52138\\nNew Orleans LA 70153",
            "PO Box 52138\nNew Orleans LA 70153",
            "PO Box 52138\r\nNew Orleans LA 70153",
            "PO Box 52138\\r\\nNew Orleans LA 70153",
            "  PO  Box 52138 \n\tNew Orleans LA 70153 ",
        ] {
            assert_eq!(parse(raw), Ok(vec!["PO Box 52138".to_owned(), "New Orleans LA 70153".to_owned()]), "{raw:?}");
        }
        assert_eq!(parse("a\\nb\nc\r\nd").map(|lines| lines.len()), Ok(4), "also mixed");
    }

    #[test]
    fn two_to_five_lines_are_taken_and_no_other_number() {
        for count in 1..=7 {
            let expected = if (2..=5).contains(&count) { Ok(count) } else { Err(vec!["return_address.lines"]) };
            assert_eq!(parse(&vec!["line"; count].join("\n")).map(|lines| lines.len()), expected, "{count}");
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_line() {
        assert_eq!(parse(" \n "), Err(vec!["required"]));
        assert_eq!(parse("a\n\nb"), Err(vec!["return_address.blank_line"]));
        assert_eq!(parse("a\nb\n"), Err(vec!["return_address.blank_line"]));
        assert_eq!(parse(&format!("{}\nb", "x".repeat(60))).map(|lines| lines.len()), Ok(2));
        assert_eq!(
            parse(&format!("{}\nb\tc\n ", "x".repeat(61))),
            Err(vec!["too_long", "characters.control", "return_address.blank_line"])
        );
        let mut faults = Faults::default();
        ReturnAddress::parse("a\n\nb", &Pointer::Root, &mut faults);
        assert!(faults.listed()[0].message.contains("Line 2"));
    }

    #[test]
    fn a_carriage_return_alone_divides_nothing() {
        assert_eq!(parse("a\rb\nc"), Err(vec!["characters.control"]));
    }

    #[test]
    fn debug_shows_no_line() {
        let mut faults = Faults::default();
        let address = ReturnAddress::parse("Secret 1\nSecret 2", &Pointer::Root, &mut faults).unwrap();
        assert!(!format!("{address:?}").contains("Secret"));
    }

    #[test]
    fn it_is_stored_as_its_lines_and_too_few_or_many_are_not_read() {
        let mut faults = Faults::default();
        let address = ReturnAddress::parse("a\nb", &Pointer::Root, &mut faults).unwrap();
        assert_eq!(serde_json::to_value(&address).unwrap(), json!(["a", "b"]));
        assert_eq!(serde_json::from_value::<ReturnAddress>(json!(["a", "b"])).unwrap(), address);
        for count in [0, 1, 6] {
            assert!(serde_json::from_value::<ReturnAddress>(json!(vec!["line"; count])).is_err(), "{count}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_printable_lines_or_faults(raw in any::<String>()) {
            if let Ok(lines) = parse(&raw) {
                prop_assert!((2..=5).contains(&lines.len()));
                for line in lines {
                    prop_assert!(!line.is_empty() && line.trim() == line && line.chars().count() <= 60);
                    prop_assert!(!line.chars().any(char::is_control) && !line.contains("\\n"));
                }
            }
        }

        #[test]
        fn printed_lines_parse_to_themselves(lines in prop::collection::vec("[A-Za-z0-9][A-Za-z0-9.,#]{0,29}", 2..=5)) {
            prop_assert_eq!(parse(&lines.join("\n")), Ok(lines.clone()));
            prop_assert_eq!(parse(&lines.join("\\n")), Ok(lines));
        }
    }
}
