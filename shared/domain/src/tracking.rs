//! What becomes of a mailed piece: its postal states, the scans that tell of them, and the rule from the one to the other.
//!
//! A piece's state is a function of the *set* of its scans. In whatever order they arrive, and however often, the same scans
//! make the same state: they are taken in the order of their times, a scan seen before adds nothing, and a late one is put
//! where it belongs.

pub mod codes;
pub mod feed;
pub mod file;
pub mod life;
pub mod serial;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use codes::{Codes, Meaning};

/// Where a mailed piece is on its way. The words are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PostalState {
    /// At the origin post office.
    Dropped,
    /// Accepted by the origin post office.
    Accepted,
    /// Refused by the origin post office.
    NotMailable,
    /// On its way to the addressee.
    InTransit,
    /// Not delivered, and it cannot be returned.
    CannotReturnToSender,
    /// On its way to the return address.
    AwaitingReturn,
    /// Back with the sender.
    Returned,
    /// Delivered.
    Delivered,
    /// Nothing is known of it but a scan that nobody understands.
    Other,
}

impl PostalState {
    /// All of them, in the order of the contract's summary.
    pub const ALL: [PostalState; 9] = [
        PostalState::Dropped,
        PostalState::Accepted,
        PostalState::NotMailable,
        PostalState::InTransit,
        PostalState::CannotReturnToSender,
        PostalState::AwaitingReturn,
        PostalState::Returned,
        PostalState::Delivered,
        PostalState::Other,
    ];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            PostalState::Dropped => "Dropped",
            PostalState::Accepted => "Accepted",
            PostalState::NotMailable => "NotMailable",
            PostalState::InTransit => "InTransit",
            PostalState::CannotReturnToSender => "CannotReturnToSender",
            PostalState::AwaitingReturn => "AwaitingReturn",
            PostalState::Returned => "Returned",
            PostalState::Delivered => "Delivered",
            PostalState::Other => "Other",
        }
    }

    /// Reads the contract's word.
    pub fn parse(word: &str) -> Option<Self> {
        PostalState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether no later scan changes it.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            PostalState::NotMailable
                | PostalState::CannotReturnToSender
                | PostalState::Returned
                | PostalState::Delivered
        )
    }
}

impl fmt::Display for PostalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who made a scan, and so whose codes it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Feed {
    /// Informed Visibility: sorting machines that read the Intelligent Mail barcode.
    InformedVisibility,
    /// Product Tracking and Reporting: events of an article number, as Certified Mail has one.
    ProductTracking,
    /// Address Change Service: why a piece could not be delivered.
    AddressChange,
    /// The mailhouse itself: a returned piece that was keyed in, or a state that the operator set.
    Mailhouse,
}

/// Where a scan was made, as far as the feed tells. It says nothing about the addressee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The facility's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// Its city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Its state, two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its ZIP Code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
}

/// Who signed for a piece, as far as its feed tells. It is about a person, so that only who owns the letter is told, and no
/// log.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// The name that was taken down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Where the postal service says that the image lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

/// One scan of one piece. Two that are equal but for the signature and the expected day are one: the image may come a day after
/// the name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scan {
    /// When it was made; scans are ordered by it first.
    pub at: Timestamp,
    /// Who made it.
    pub feed: Feed,
    /// What the feed calls it, in capitals.
    pub code: String,
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// Why the mailhouse says so, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who signed, where that was told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// On which day the postal service then expected to deliver the piece, where that was told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Date>,
}

impl Scan {
    /// What makes it a scan of its own.
    fn itself(&self) -> (Timestamp, Feed, &str, &Place, Option<&str>) {
        (self.at, self.feed, &self.code, &self.place, self.note.as_deref())
    }

    /// Adds what another delivery of the same scan tells besides. Answers whether that was new. Of two that differ it is the
    /// same one that stays, whichever came first.
    fn learn(&mut self, other: &Scan) -> bool {
        let expected = self.expected.max(other.expected);
        let new = self.expected != expected;
        self.expected = expected;
        self.add_signature(other) || new
    }

    fn add_signature(&mut self, other: &Scan) -> bool {
        let Some(told) = &other.signature else { return false };
        let mut known = self.signature.clone().unwrap_or_default();
        known.signer = known.signer.max(told.signer.clone());
        known.image = known.image.max(told.image.clone());
        let new = self.signature.as_ref() != Some(&known);
        self.signature = Some(known);
        new
    }
}

/// The state that a piece is in after its scans. The order in which they are given does not matter.
pub fn state(scans: &[Scan], codes: Codes<'_>) -> PostalState {
    let mut ordered = scans.to_vec();
    ordered.sort();
    states(&ordered, codes).last().unwrap_or(PostalState::Dropped)
}

/// The states that a piece is in after each of its scans, which are in order.
pub fn states<'a>(ordered: &'a [Scan], codes: Codes<'a>) -> impl Iterator<Item = PostalState> + use<'a> {
    ordered.iter().scan(PostalState::Dropped, move |state, scan| {
        *state = after(*state, codes.meaning(scan.feed, &scan.code));
        Some(*state)
    })
}

/// The most scans that are kept of one piece, besides those of the mailhouse itself. A letter has some ten.
pub const MAX_SCANS: usize = 200;

/// What is known of a mailed piece: its scans in order, each once, and the state that they make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The state.
    pub state: PostalState,
    /// The scans.
    pub scans: Vec<Scan>,
}

/// What became of scans that came in for a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// So many were new.
    pub new: usize,
    /// So many were not taken, because the piece has [`MAX_SCANS`].
    pub refused: usize,
}

impl Default for Tracked {
    fn default() -> Self {
        Tracked { state: PostalState::Dropped, scans: Vec::new() }
    }
}

impl Tracked {
    /// Takes scans in. One that is there already changes nothing.
    pub fn take(&mut self, scans: &[Scan], codes: Codes<'_>) -> Taken {
        let mut taken = Taken::default();
        for scan in scans {
            let place = match self.scans.binary_search_by(|known| known.itself().cmp(&scan.itself())) {
                Ok(known) => {
                    taken.new += usize::from(self.scans[known].learn(scan));
                    continue;
                }
                Err(place) => place,
            };
            if self.scans.len() >= MAX_SCANS && scan.feed != Feed::Mailhouse {
                taken.refused += 1;
                continue;
            }
            self.scans.insert(place, scan.clone());
            taken.new += 1;
        }
        // Also without a new one: the table of codes may be another than when it was last looked at.
        self.state = states(&self.scans, codes).last().unwrap_or(PostalState::Dropped);
        taken
    }

    /// The scan with which it was told who signed.
    pub fn signed(&self) -> Option<&Scan> {
        self.scans.iter().rev().find(|scan| scan.signature.is_some())
    }

    /// On which day the postal service expects to deliver the piece, as its latest scan that tells says.
    pub fn expected(&self) -> Option<Date> {
        self.scans.iter().rev().find_map(|scan| scan.expected)
    }

    /// The scan that brought the piece into its state; none as long as it is as it was dropped off.
    pub fn deciding(&self, codes: Codes<'_>) -> Option<&Scan> {
        let mut before = PostalState::Dropped;
        let mut deciding = None;
        for (scan, state) in self.scans.iter().zip(states(&self.scans, codes)) {
            if state != before {
                deciding = Some(scan);
            }
            before = state;
        }
        deciding
    }
}

/// The state after one more scan.
fn after(state: PostalState, meaning: Meaning) -> PostalState {
    let told = match meaning {
        // A person who looked at the piece knows best.
        Meaning::Set(told) => return told,
        Meaning::Scanned(told) => told,
        Meaning::Nothing => return state,
        // The scan shows that the piece is somewhere, which is more than being dropped off and less than anything else.
        Meaning::Unknown => PostalState::Other,
    };
    if state.is_terminal() {
        return state;
    }
    match (state, told) {
        // Whatever is delivered on the way back is delivered to the sender.
        (PostalState::AwaitingReturn, PostalState::Delivered | PostalState::Returned) => PostalState::Returned,
        (PostalState::AwaitingReturn, told) if !told.is_terminal() => state,
        (_, PostalState::Dropped) => state,
        (PostalState::Dropped, told) => told,
        (_, PostalState::Other) => state,
        (PostalState::InTransit, PostalState::Accepted) => state,
        (_, told) => told,
    }
}

#[cfg(test)]
mod tests;
