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

/// The size of a card when it is cut, inches: its short side by its long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CardSize {
    /// Four by six: what the postal service calls a postcard, and has a price of its own for.
    #[serde(rename = "4x6")]
    Card4x6,
    /// Six by nine, mailed at the price of a letter.
    #[serde(rename = "6x9")]
    Card6x9,
    /// Six by eleven, mailed at the price of a letter.
    #[serde(rename = "6x11")]
    Card6x11,
}

impl CardSize {
    /// Every size.
    pub const ALL: [CardSize; 3] = [CardSize::Card4x6, CardSize::Card6x9, CardSize::Card6x11];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            CardSize::Card4x6 => "4x6",
            CardSize::Card6x9 => "6x9",
            CardSize::Card6x11 => "6x11",
        }
    }

    /// The size of that name.
    pub fn parse(text: &str) -> Option<Self> {
        CardSize::ALL.into_iter().find(|size| size.as_str() == text)
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
    /// The size of the card that each piece is, if they are no letters. The address of a card is on its back, and what is
    /// said of sheets and envelopes means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardSize>,
}

impl Finish {
    /// How a card is made if its client wishes nothing.
    pub fn of_card(size: CardSize) -> Self {
        Finish { color: true, card: Some(size), ..Finish::default() }
    }

    /// The sheets of a piece: the cover sheet, if it has one, and those of its document. A card is one, however many of them
    /// are cut out of a larger one.
    pub fn sheets(&self, impressions: u32) -> u32 {
        if self.card.is_some() {
            return 1;
        }
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
        assert_eq!(sheets(Finish::of_card(CardSize::Card4x6))[..2], [1, 1]);
    }

    #[test]
    fn how_letters_are_made_is_kept_as_before_there_were_cards() {
        let kept = serde_json::to_value(Finish::default()).unwrap();
        assert!(kept.get("card").is_none(), "{kept}");
        assert_eq!(serde_json::from_value::<Finish>(kept).unwrap(), Finish::default());
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
        for size in CardSize::ALL {
            assert_eq!(serde_json::to_value(size).unwrap(), size.as_str());
            assert_eq!(CardSize::parse(size.as_str()), Some(size));
        }
    }
}
