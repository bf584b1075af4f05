//! Which scan code means which state: a table that a deployment can replace, and that says of each row how sure it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Feed, PostalState};

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

/// The codes of all feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTable(BTreeMap<(Feed, String), Code>);

/// A table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeTableError {
    /// The text is no table of these columns.
    #[error("line {line}: {reason}; the columns are feed, code, state, terminal, confirmed, description and source")]
    Row {
        /// The line, from 1, if none is empty and no value has a line break.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Two rows for one code.
    #[error("line {0}: the feed has that code already; leave one of the two")]
    Twice(u64),
}

/// The columns of the table as they are written.
#[derive(Deserialize)]
struct Row {
    feed: Feed,
    code: String,
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

    /// Reads a table in CSV: `feed`, `code`, `state` (a postal state, `set:` and a postal state where the feed is the mailhouse's own, or `none`), `terminal`,
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
            if row.code.is_empty() || row.source.is_empty() {
                return Err(fault("a code needs its letters and a source".to_owned()));
            }
            let code = Code { meaning, description: row.description, confirmed: row.confirmed };
            if table.insert((row.feed, row.code.to_ascii_uppercase()), code).is_some() {
                return Err(CodeTableError::Twice(line));
            }
        }
        Ok(CodeTable(table))
    }

    /// The row of a code.
    pub fn get(&self, feed: Feed, code: &str) -> Option<&Code> {
        self.0.get(&(feed, code.to_owned()))
    }

    /// What a scan with a code tells.
    pub fn meaning(&self, feed: Feed, code: &str) -> Meaning {
        self.get(feed, code).map_or(Meaning::Unknown, |code| code.meaning)
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
                .any(|code| code.meaning == Meaning::Scanned(state) || code.meaning == Meaning::Set(state));
            assert_eq!(told, !matches!(state, PostalState::Dropped | PostalState::Other), "{state}");
        }
    }

    #[test]
    fn operation_numbers_of_machines_are_marked_unconfirmed() {
        let table = CodeTable::shipped();
        assert!(table.0.iter().filter(|(key, _)| key.0 == Feed::InformedVisibility).all(|(_, code)| !code.confirmed));
        assert!(table.get(Feed::ProductTracking, "01").unwrap().confirmed);
    }

    #[test]
    fn a_table_with_an_unknown_state_a_wrong_terminal_or_a_code_twice_is_refused_by_line() {
        let table = |row: &str| {
            CodeTable::parse(&format!(
                "feed,code,state,terminal,confirmed,description,source\nproductTracking,01,Delivered,true,true,a,b\n{row}\n"
            ))
        };
        assert!(table("productTracking,02,InTransit,false,true,a,b").is_ok());
        let line = |row: &str| match table(row).unwrap_err() {
            CodeTableError::Row { line, .. } | CodeTableError::Twice(line) => line,
        };
        for row in [
            "productTracking,02,Lost,false,true,a,b",
            "productTracking,02,InTransit,true,true,a,b",
            "productTracking,,InTransit,false,true,a,b",
            "productTracking,02,InTransit,false,true,a,",
            "carrierPigeon,02,InTransit,false,true,a,b",
            "productTracking,02,InTransit",
            "productTracking,01,Delivered,true,true,a,b",
        ] {
            assert_eq!(line(row), 3, "{row}");
        }
    }

    #[test]
    fn codes_are_found_in_capitals() {
        let csv =
            "feed,code,state,terminal,confirmed,description,source\nproductTracking,of,InTransit,false,true,a,b\n";
        let table = CodeTable::parse(csv).unwrap();
        assert_eq!(table.meaning(Feed::ProductTracking, "OF"), Meaning::Scanned(PostalState::InTransit));
        assert_eq!(table.meaning(Feed::InformedVisibility, "OF"), Meaning::Unknown);
    }
}
