//! How pieces are made: what of a letter the press and the inserter have to know besides its document.

use serde::{Deserialize, Serialize};

/// Which sides of its sheets a document is printed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sides {
    /// Both.
    #[default]
    Duplex,
    /// The front alone.
    Simplex,
}

impl Sides {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Sides::Duplex => "duplex",
            Sides::Simplex => "simplex",
        }
    }

    /// The sides of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Sides::Duplex, Sides::Simplex].into_iter().find(|sides| sides.as_str() == text)
    }
}

/// Where the address of a piece is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// On a sheet of its own before the document.
    #[default]
    Cover,
    /// On the first page of the document, which leaves room for it.
    FirstPage,
}

impl Placement {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Placement::Cover => "cover",
            Placement::FirstPage => "firstPage",
        }
    }

    /// The placement of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Placement::Cover, Placement::FirstPage].into_iter().find(|placement| placement.as_str() == text)
    }
}

/// What a piece is put into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Envelope {
    /// The smallest that holds it.
    #[default]
    Auto,
    /// One in which it is not folded.
    Flat,
}

impl Envelope {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Envelope::Auto => "auto",
            Envelope::Flat => "flat",
        }
    }

    /// The envelope of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Envelope::Auto, Envelope::Flat].into_iter().find(|envelope| envelope.as_str() == text)
    }
}

/// How the pieces of a batch are made. What the CivicSource door sends is made as [`Finish::default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Finish {
    /// Whether it is printed in colour.
    pub color: bool,
    /// Which sides are printed.
    pub sides: Sides,
    /// Where the address is.
    pub placement: Placement,
    /// What it is put into.
    pub envelope: Envelope,
    /// Whether an envelope for the answer is put in.
    pub return_envelope: bool,
}

impl Finish {
    /// The sheets of a piece: the cover sheet, if it has one, and those of its document.
    pub fn sheets(&self, impressions: u32) -> u32 {
        let cover = u32::from(self.placement == Placement::Cover);
        cover
            + match self.sides {
                Sides::Duplex => impressions.div_ceil(2),
                Sides::Simplex => impressions,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_a_cover_sheet_and_whole_sheets_for_its_sides() {
        let sheets = |finish: Finish| [1, 2, 3, 4].map(|impressions| finish.sheets(impressions));
        assert_eq!(sheets(Finish::default()), [2, 2, 3, 3]);
        assert_eq!(sheets(Finish { sides: Sides::Simplex, ..Finish::default() }), [2, 3, 4, 5]);
        assert_eq!(sheets(Finish { placement: Placement::FirstPage, ..Finish::default() }), [1, 1, 2, 2]);
    }

    #[test]
    fn a_word_is_stored_under_the_name_that_it_has_on_the_wire() {
        for sides in [Sides::Duplex, Sides::Simplex] {
            assert_eq!(serde_json::to_value(sides).unwrap(), sides.as_str());
            assert_eq!(Sides::parse(sides.as_str()), Some(sides));
        }
        for placement in [Placement::Cover, Placement::FirstPage] {
            assert_eq!(serde_json::to_value(placement).unwrap(), placement.as_str());
            assert_eq!(Placement::parse(placement.as_str()), Some(placement));
        }
        for envelope in [Envelope::Auto, Envelope::Flat] {
            assert_eq!(serde_json::to_value(envelope).unwrap(), envelope.as_str());
            assert_eq!(Envelope::parse(envelope.as_str()), Some(envelope));
        }
    }
}
