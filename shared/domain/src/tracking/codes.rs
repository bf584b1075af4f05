//! Which scan code means which state: a table that a deployment can replace, and that says of each row how sure it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Feed, PostalState};
use crate::batch::MailClass;

/// The table that is shipped.
const SHIPPED: &str = include_str!("codes.csv");

/// What a scan tells about its piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The piece is in this state.
    Scanned(PostalState),
    /// A person says that the piece is in this state, whatever was known before.
    Set(PostalState),
    /// Nothing about where the piece is.
    Nothing,
    /// Nobody knows: the code is not in the table.
    Unknown,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What a scan with it tells.
    pub meaning: Meaning,
    /// What the feed's owner calls it.
    pub description: String,
    /// Whether it was read in the feed owner's own words; if not, scans with it are applied and flagged.
    pub confirmed: bool,
}

/// A row, and the class of mail that it is for; none for any.
pub type ForClass = (Option<MailClass>, Code);

/// The codes of all feeds, each for the classes of mail on which it means that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTable(BTreeMap<(Feed, String), Vec<ForClass>>);

/// What codes mean on pieces of one class of mail.
#[derive(Clone, Copy, Debug)]
pub struct Codes<'t> {
    table: &'t CodeTable,
    class: MailClass,
}

impl<'t> Codes<'t> {
    /// The row of a code: the one for this class, else the one for any.
    pub fn get(self, feed: Feed, code: &str) -> Option<&'t Code> {
        let rows = self.table.rows(feed, code);
        let of = |class| rows.iter().find(|(of, _)| *of == class).map(|(_, code)| code);
        of(Some(self.class)).or_else(|| of(None))
    }

    /// What a scan with a code tells.
    pub fn meaning(self, feed: Feed, code: &str) -> Meaning {
        self.get(feed, code).map_or(Meaning::Unknown, |code| code.meaning)
    }
}

/// A table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeTableError {
    /// The text is no table of these columns.
    #[error(
        "line {line}: {reason}; the columns are feed, code, class, state, terminal, confirmed, description and source"
    )]
    Row {
        /// The line, from 1, if none is empty and no value has a line break.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Two rows for one code.
    #[error("line {0}: the feed has that code for that class already; leave one of the two")]
    Twice(u64),
}

/// The columns of the table as they are written.
#[derive(Deserialize)]
struct Row {
    feed: Feed,
    code: String,
    class: String,
    state: String,
    terminal: bool,
    confirmed: bool,
    description: String,
    source: String,
}

impl CodeTable {
    /// The table that is shipped.
    pub fn shipped() -> &'static CodeTable {
        #[expect(clippy::expect_used, reason = "the table is part of the program, and every test of scans reads it")]
        static TABLE: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::parse(SHIPPED).expect("the shipped table"));
        &TABLE
    }

    /// Reads a table in CSV: `feed`, `code`, `class` (a class of mail, or `any`), `state` (a postal state, `set:` and a postal state where the feed is the mailhouse's own, or `none`), `terminal`,
    /// `confirmed`, `description`, `source`.
    ///
    /// # Errors
    /// The first row that makes no sense.
    pub fn parse(csv: &str) -> Result<Self, CodeTableError> {
        let mut table = BTreeMap::new();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv.as_bytes());
        let heading = reader.headers().cloned().unwrap_or_default();
        for (record, line) in reader.records().zip(2..) {
            let fault = |reason: String| CodeTableError::Row { line, reason };
            let record = record.map_err(|error| fault(error.to_string()))?;
            let row: Row = record.deserialize(Some(&heading)).map_err(|error| fault(error.to_string()))?;
            let state = |word: &str| {
                let state = PostalState::parse(word).ok_or_else(|| fault(format!("there is no state `{word}`")))?;
                if state.is_terminal() == row.terminal {
                    Ok(state)
                } else {
                    Err(fault(format!("whether `{word}` is terminal is not for the table to say")))
                }
            };
            let meaning = match (row.state.as_str(), row.state.strip_prefix("set:")) {
                ("none", _) => Meaning::Nothing,
                (_, Some(_)) if row.feed != Feed::Mailhouse => {
                    return Err(fault("only a code of the mailhouse sets a state".to_owned()));
                }
                (_, Some(word)) => Meaning::Set(state(word)?),
                (word, None) => Meaning::Scanned(state(word)?),
            };
            let class = match (row.class.as_str(), MailClass::parse(&row.class)) {
                ("any", _) => None,
                (_, Some(class)) => Some(class),
                (word, None) => return Err(fault(format!("there is no class `{word}`"))),
            };
            if row.code.is_empty() || row.source.is_empty() {
                return Err(fault("a code needs its letters and a source".to_owned()));
            }
            let code = Code { meaning, description: row.description, confirmed: row.confirmed };
            let rows: &mut Vec<_> = table.entry((row.feed, row.code.to_ascii_uppercase())).or_default();
            if rows.iter().any(|(of, _)| *of == class) {
                return Err(CodeTableError::Twice(line));
            }
            rows.push((class, code));
        }
        Ok(CodeTable(table))
    }

    /// What the codes mean on pieces of that class.
    pub fn of(&self, class: MailClass) -> Codes<'_> {
        Codes { table: self, class }
    }

    /// The rows of a code, each with the class that it is for.
    pub fn rows(&self, feed: Feed, code: &str) -> &[ForClass] {
        self.0.get(&(feed, code.to_owned())).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_covers_every_feed_and_every_state_but_dropped_and_other() {
        let table = CodeTable::shipped();
        for feed in [Feed::InformedVisibility, Feed::ProductTracking, Feed::AddressChange, Feed::Mailhouse] {
            assert!(table.0.keys().any(|key| key.0 == feed), "{feed:?}");
        }
        for state in PostalState::ALL {
            let told = table
                .0
                .values()
                .flatten()
                .any(|(_, code)| code.meaning == Meaning::Scanned(state) || code.meaning == Meaning::Set(state));
            assert_eq!(told, !matches!(state, PostalState::Dropped | PostalState::Other), "{state}");
        }
    }

    #[test]
    fn operation_numbers_of_machines_are_marked_unconfirmed() {
        let table = CodeTable::shipped();
        let of_machines =
            table.0.iter().filter(|(key, _)| key.0 == Feed::InformedVisibility).flat_map(|(_, rows)| rows);
        assert!(of_machines.into_iter().all(|(_, code)| !code.confirmed));
        assert!(table.of(MailClass::Certified).get(Feed::ProductTracking, "01").unwrap().confirmed);
    }

    #[test]
    fn a_table_with_an_unknown_state_a_wrong_terminal_or_a_code_twice_is_refused_by_line() {
        let table = |row: &str| {
            CodeTable::parse(&format!(
                "feed,code,class,state,terminal,confirmed,description,source\nproductTracking,01,any,Delivered,true,true,a,b\n{row}\n"
            ))
        };
        assert!(table("productTracking,02,any,InTransit,false,true,a,b").is_ok());
        let line = |row: &str| match table(row).unwrap_err() {
            CodeTableError::Row { line, .. } | CodeTableError::Twice(line) => line,
        };
        for row in [
            "productTracking,02,any,Lost,false,true,a,b",
            "productTracking,02,any,InTransit,true,true,a,b",
            "productTracking,,any,InTransit,false,true,a,b",
            "productTracking,02,any,InTransit,false,true,a,",
            "carrierPigeon,02,any,InTransit,false,true,a,b",
            "productTracking,02,any,InTransit",
            "productTracking,02,Parcel,InTransit,false,true,a,b",
            "productTracking,01,any,Delivered,true,true,a,b",
        ] {
            assert_eq!(line(row), 3, "{row}");
        }
    }

    #[test]
    fn a_code_may_mean_one_thing_on_a_class_of_mail_and_another_on_the_others() {
        let csv = "feed,code,class,state,terminal,confirmed,description,source\n\
                   informedVisibility,918,any,InTransit,false,true,a,b\n\
                   informedVisibility,918,Certified,none,false,true,a,b\n\
                   productTracking,OF,Certified,InTransit,false,true,a,b\n";
        let table = CodeTable::parse(csv).unwrap();
        let meaning = |class, feed, code| table.of(class).meaning(feed, code);
        let in_transit = Meaning::Scanned(PostalState::InTransit);
        assert_eq!(meaning(MailClass::FirstClass, Feed::InformedVisibility, "918"), in_transit);
        assert_eq!(meaning(MailClass::Certified, Feed::InformedVisibility, "918"), Meaning::Nothing);
        assert_eq!(meaning(MailClass::Certified, Feed::ProductTracking, "OF"), in_transit);
        assert_eq!(meaning(MailClass::FirstClass, Feed::ProductTracking, "OF"), Meaning::Unknown);
        assert_eq!(
            CodeTable::parse(&format!("{csv}productTracking,of,Certified,none,false,true,a,b\n")),
            Err(CodeTableError::Twice(5))
        );
    }

    #[test]
    fn codes_are_found_in_capitals() {
        let csv = "feed,code,class,state,terminal,confirmed,description,source\nproductTracking,of,any,InTransit,false,true,a,b\n";
        let table = CodeTable::parse(csv).unwrap();
        assert_eq!(
            table.of(MailClass::FirstClass).meaning(Feed::ProductTracking, "OF"),
            Meaning::Scanned(PostalState::InTransit)
        );
        assert_eq!(table.of(MailClass::FirstClass).meaning(Feed::InformedVisibility, "OF"), Meaning::Unknown);
    }
}
