//! A single: a letter or postcard that its client sends by itself, not in a batch. It is looked after one by one until it is
//! released; from then on it is a letter of a batch like others, and its production and its postal state are that letter's.

pub mod options;
pub mod party;

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::address::{AddressWarning, ReturnAddress};
use crate::batch::{Batch, BatchState};
use crate::calendar::{cutoff, due};
use crate::event::EventKind;
use crate::fault::{Faults, Pointer};
use crate::id::{AccountId, BatchId, DocumentId, LetterRef, MailingId, SingleId, TemplateId};
use crate::letter::{Copy, Finding, Issue, NewLetter};
use crate::location::S3Path;
use crate::template::Variables;
use options::Options;
use party::Party;

/// The most recipients of one request.
pub const MAX_RECIPIENTS: usize = 1_000;
/// The most pairs of metadata.
pub const MAX_METADATA: usize = 20;
/// The longest key and the longest value of metadata, characters.
pub const METADATA_MOST: (usize, usize) = (64, 512);
/// The longest external id, description or other text of that kind, characters.
pub const TEXT_MOST: usize = 99_999;
/// The most bytes that all such texts of one single and its variables may have as JSON: with them an item of the table and a kept answer
/// still hold what they must.
pub const TEXTS_MOST: usize = 250_000;
/// The most changes that a single remembers, and so may have.
pub const MAX_HISTORY: usize = 100;
/// The most singles that are released into one batch. Its events name each.
pub const MAX_RELEASED: u32 = 500;
/// For how long after a single was created another like it is a duplicate.
pub const DUPLICATE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is done about duplicates of a single, and about it when it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Guard {
    /// Nothing: its account does without.
    Off,
    /// It is refused when it is a duplicate, and later ones of it are.
    Refuse,
    /// Its client knows that it is one. Later ones of it are refused.
    Allow,
}

/// What a single is to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sheets in an envelope.
    Letter,
    /// A card without one, its address on the back.
    Postcard,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Letter => "letter",
            Kind::Postcard => "postcard",
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Kind::Letter, Kind::Postcard].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UseType {
    /// Advertising.
    Marketing,
    /// Anything that is sent because of something between sender and recipient.
    Transactional,
}

impl UseType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            UseType::Marketing => "marketing",
            UseType::Transactional => "transactional",
        }
    }

    /// The type of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [UseType::Marketing, UseType::Transactional].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where the document of a single comes from. Each kind ends as our copy of a PDF, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// An object in a location that is registered to the account, of which nothing is known until it is inspected.
    Path {
        /// Where it is.
        path: S3Path,
        /// What is done when the object shows that the single is a duplicate.
        guard: Guard,
    },
    /// An object in such a location that was looked at when it was named.
    Object {
        /// Where it is.
        path: S3Path,
        /// What S3 calls its content: another content has another tag.
        etag: String,
        /// Its length.
        bytes: u64,
    },
    /// A PDF that came with the request, of which we kept a copy.
    Pdf(Copy),
    /// A document that was uploaded before.
    Document {
        /// Which.
        id: DocumentId,
        /// Our copy of it.
        copy: Copy,
    },
    /// HTML that came with the request.
    Html {
        /// What was made of it.
        made: Made,
        /// What it was filled in with.
        variables: Variables,
    },
    /// A template.
    Template {
        /// Which.
        id: TemplateId,
        /// The version of it.
        version: u32,
        /// What was made of it.
        made: Made,
        /// What it was filled in with.
        variables: Variables,
    },
}

/// What was made of HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Made {
    /// A PDF.
    Pdf(Copy),
    /// Nothing yet: there was no time before the answer.
    Later(Unmade),
}

/// HTML that is rendered when its single is inspected. It was looked at: its variables and its images are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unmade {
    /// The HTML, without its variables.
    pub html: Copy,
    /// What it is laid out on, by its name.
    pub page_size: String,
    /// The images that it shows, by the ids of their documents.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Copy>,
    /// What is done when the PDF shows that the single is a duplicate.
    pub guard: Guard,
}

/// Where that is which is to be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a bucket of the client's.
    Theirs(&'a S3Path),
    /// In ours.
    Ours(&'a Copy),
    /// Nowhere before it is made.
    Nowhere(&'a Unmade, &'a Variables),
}

impl Content {
    /// Where its PDF is until it is inspected.
    pub fn place(&self) -> Place<'_> {
        match self {
            Content::Path { path, .. } | Content::Object { path, .. } => Place::Theirs(path),
            Content::Pdf(copy) | Content::Document { copy, .. } => Place::Ours(copy),
            Content::Html { made, variables } | Content::Template { made, variables, .. } => match made {
                Made::Pdf(copy) => Place::Ours(copy),
                Made::Later(unmade) => Place::Nowhere(unmade, variables),
            },
        }
    }

    /// Whether it is HTML that is yet to be rendered.
    pub fn is_unmade(&self) -> bool {
        matches!(self.place(), Place::Nowhere(..))
    }

    /// What is done about duplicates that only show when its document is there; of other content they show without.
    pub fn guard(&self) -> Option<Guard> {
        match self {
            Content::Path { guard, .. } => Some(*guard),
            _ => match self.place() {
                Place::Nowhere(unmade, _) => Some(unmade.guard),
                Place::Theirs(_) | Place::Ours(_) => None,
            },
        }
    }

    /// Says what is done about such duplicates.
    pub fn guard_by(&mut self, said: Guard) {
        match self {
            Content::Path { guard, .. }
            | Content::Html { made: Made::Later(Unmade { guard, .. }), .. }
            | Content::Template { made: Made::Later(Unmade { guard, .. }), .. } => *guard = said,
            _ => {}
        }
    }

    /// The same content, now that its document is there: our copy of it, and the tag that S3 has for an object of the client's.
    #[must_use]
    pub fn settled(self, copy: &Copy, etag: Option<String>) -> Self {
        let made = Made::Pdf(copy.clone());
        match (self, etag) {
            (Content::Path { path, .. }, Some(etag)) => Content::Object { path, etag, bytes: copy.bytes },
            (Content::Html { variables, .. }, _) => Content::Html { made, variables },
            (Content::Template { id, version, variables, .. }, _) => Content::Template { id, version, made, variables },
            (other, _) => other,
        }
    }

    /// What was filled in to make it.
    pub fn variables(&self) -> Option<&Variables> {
        match self {
            Content::Html { variables, .. } | Content::Template { variables, .. } => Some(variables),
            Content::Path { .. } | Content::Object { .. } | Content::Pdf(_) | Content::Document { .. } => None,
        }
    }

    /// What tells it from other documents before it is inspected: the hash of bytes, what bytes are made of, the tag and length of
    /// an object, or the place of one that nobody could look at.
    pub fn identity(&self) -> String {
        match (self, self.place()) {
            // Neither a path nor a hash begins so.
            (Content::Object { etag, bytes, .. }, _) => format!("etag:{etag}:{bytes}"),
            (_, Place::Theirs(path)) => path.to_string(),
            (_, Place::Ours(copy)) => copy.sha256.clone(),
            (_, Place::Nowhere(Unmade { html, page_size, images, .. }, variables)) => {
                let images: String = images.iter().map(|(name, image)| format!("{name}={} ", image.sha256)).collect();
                format!("{} {page_size} {images}{}", html.sha256, variables.as_str())
            }
        }
    }
}

/// A pair of metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The key, which no other pair of the single has.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A single's own state. Once it is released, the rest of its way is its batch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SingleState {
    /// It waits for inspection.
    Queued,
    /// It may be printed.
    Ready,
    /// It cannot be printed until someone acts.
    Issue,
    /// It was taken back.
    Canceled,
}

/// Where a single is on its way, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It waits for inspection.
    Queued,
    /// It may be printed.
    Ready,
    /// It is in a mail job.
    InProduction,
    /// It was handed to the postal service.
    Mailed,
    /// It cannot be printed until someone acts.
    Issue,
    /// It was taken back.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 6] =
        [Status::Queued, Status::Ready, Status::InProduction, Status::Mailed, Status::Issue, Status::Canceled];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Ready => "ready",
            Status::InProduction => "inProduction",
            Status::Mailed => "mailed",
            Status::Issue => "issue",
            Status::Canceled => "canceled",
        }
    }

    /// The status of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Something that happened to a single before it was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    #[serde(rename = "createdAt")]
    pub at: Timestamp,
}

/// What a client says of a single, every field of it valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Who sends it.
    pub sender: Party,
    /// The sender as it is printed.
    pub return_address: ReturnAddress,
    /// Who gets it.
    pub recipient: Party,
    /// What is odd about the recipient's address without standing in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<AddressWarning>,
    /// Its document.
    pub content: Content,
    /// What it is for.
    pub use_type: UseType,
    /// How it is made and mailed.
    pub options: Options,
    /// What the client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// A note of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the client wants to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<Metadata>,
}

/// A single.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Single {
    /// Its identifier.
    pub id: SingleId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it will be printed.
    pub mode: Mode,
    /// What the client says of it.
    #[serde(flatten)]
    pub order: Order,
    /// Its own state.
    pub state: SingleState,
    /// How often it was written: whoever changes it says what it read.
    pub version: u32,
    /// The mailing that it came with, as long as nobody has looked whether that was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailing: Option<MailingId>,
    /// On which day it is made.
    pub send_date: Date,
    /// Our copy of its document, once it passed inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copy>,
    /// How many sides that has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impressions: Option<u32>,
    /// What inspection found about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why it cannot be printed, in the state `issue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// The batch into which it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What happened to it, in order.
    pub history: Vec<Happened>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed by its client or by its inspection.
    pub modified_at: Timestamp,
}

/// Why a single can no longer be changed or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// The cutoff of its send date has passed.
    #[error("the letter could be changed and canceled until {0}")]
    Cutoff(Timestamp),
    /// It was taken back.
    #[error("the letter was canceled")]
    Canceled,
    /// It was changed more often than anybody would.
    #[error("the letter was changed too often: cancel it and create another")]
    TooOften,
}

/// A single that cannot be released: it is not ready, or has no copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the single is not ready to be released")]
pub struct NotReady;

impl Single {
    /// Until when, that moment included, it can be changed and taken back.
    pub fn cancelable_until(&self) -> Timestamp {
        cutoff(self.send_date)
    }

    /// Whether it may be changed now. One with an issue stays behind when others are released, and so may be mended whenever
    /// that is.
    ///
    /// # Errors
    /// Why not.
    pub fn changeable(&self, now: Timestamp) -> Result<(), TooLate> {
        let late = TooLate::Cutoff(self.cancelable_until());
        match self.state {
            SingleState::Canceled => Err(TooLate::Canceled),
            _ if self.batch.is_some() => Err(late),
            SingleState::Issue => Ok(()),
            _ if now > self.cancelable_until() => Err(late),
            SingleState::Queued | SingleState::Ready => Ok(()),
        }
    }

    /// Whether it is to be released: it is real and ready, and can no longer be taken back.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let waits = self.state == SingleState::Ready && self.batch.is_none();
        waits && self.mode == Mode::Live && self.send_date <= due(now)
    }

    /// Its status: its own until it is released, then its batch's.
    pub fn status(&self, batch: Option<&Batch>) -> Status {
        match (self.state, batch.map(|batch| batch.state)) {
            (SingleState::Canceled, _) => Status::Canceled,
            (SingleState::Issue, _) => Status::Issue,
            (SingleState::Queued, _) => Status::Queued,
            (SingleState::Ready, Some(BatchState::Mailed)) => Status::Mailed,
            (SingleState::Ready, Some(BatchState::Printing)) => Status::InProduction,
            (SingleState::Ready, _) => Status::Ready,
        }
    }

    /// What those have in common that may be in one batch: whose they are and when and how they are made. Of two singles with
    /// one group either may stand for both.
    pub fn group(&self) -> String {
        let Options { mail_class, finish, perforated, .. } = &self.order.options;
        let yes = |flag: bool| if flag { "yes" } else { "no" };
        let card = finish.card.map(|size| format!("#{}", size.as_str())).unwrap_or_default();
        let made = [
            self.account.as_str(),
            self.mode.as_str(),
            &self.send_date.to_string(),
            mail_class.as_str(),
            yes(self.order.options.electronic_return_receipt()),
            yes(*perforated),
            yes(finish.color),
            finish.sides.as_str(),
            finish.placement.as_str(),
            finish.envelope.as_str(),
            yes(finish.return_envelope),
        ];
        made.join("#") + &card
    }

    /// Where its document is: our copy, once it passed an inspection, else where its content is.
    pub fn document(&self) -> Place<'_> {
        self.copy.as_ref().map_or_else(|| self.order.content.place(), Place::Ours)
    }

    /// Whether one like it that is created now is a duplicate of it.
    pub fn guards(&self, now: Timestamp) -> bool {
        self.state != SingleState::Canceled && now.duration_since(self.created_at) < DUPLICATE
    }

    /// What it is called in its batch.
    pub fn reference(&self) -> LetterRef {
        LetterRef::of(&self.id)
    }

    /// The letter that it becomes, with its copy. `source` is where we keep that.
    ///
    /// # Errors
    /// When it is not ready.
    pub fn letter(&self, source: S3Path) -> Result<(NewLetter, Copy), NotReady> {
        let ready = self.state == SingleState::Ready;
        let (copy, impressions) = self.copy.clone().zip(self.impressions).filter(|_| ready).ok_or(NotReady)?;
        let letter = NewLetter {
            reference: self.reference(),
            address: self.order.recipient.address.clone(),
            source,
            impressions,
            warnings: self.order.warnings.clone(),
            sender: Some(self.order.return_address.clone()),
        };
        Ok((letter, copy))
    }
}

/// Which of the orders of one request are like an earlier one of it: the place of each, and of the first that it is like.
pub fn alike(orders: &[Order]) -> Vec<(usize, usize)> {
    let mut first: HashMap<String, usize> = HashMap::with_capacity(orders.len());
    let mut alike = Vec::new();
    for (place, order) in orders.iter().enumerate() {
        let earlier = *first.entry(order.likeness()).or_insert(place);
        if earlier != place {
            alike.push((place, earlier));
        }
    }
    alike
}

/// Reads metadata: at most 20 pairs with different keys.
pub fn parse_metadata<'a>(
    pairs: impl ExactSizeIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    at: &Pointer<'_>,
    faults: &mut Faults,
) -> Vec<Metadata> {
    if pairs.len() > MAX_METADATA {
        let message = format!("There are {} pairs of metadata; give at most {MAX_METADATA}.", pairs.len());
        faults.push(at, "metadata.too_many", message);
        return Vec::new();
    }
    let mut metadata: Vec<Metadata> = Vec::with_capacity(pairs.len());
    for (index, (key, value)) in pairs.enumerate() {
        let here = at.index(index);
        let length = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
        if length(key) == 0 || length(key) > METADATA_MOST.0 {
            faults.push(&here.key("key"), "metadata.key", "Give a key of 1 to 64 characters.");
        } else if metadata.iter().any(|other| Some(other.key.as_str()) == key) {
            faults.push(&here.key("key"), "metadata.duplicate", "Another pair has this key: give each key once.");
        }
        if value.is_none() || length(value) > METADATA_MOST.1 {
            faults.push(&here.key("value"), "metadata.value", "Give a value of up to 512 characters.");
        }
        if let (Some(key), Some(value)) = (key, value) {
            metadata.push(Metadata { key: key.to_owned(), value: value.to_owned() });
        }
    }
    metadata
}

impl Order {
    /// What singles of one account and mode have in common of which the later are duplicates: the document and the address block.
    /// Case and blanks do not make another recipient.
    pub fn likeness(&self) -> String {
        let mut likeness = self.content.identity();
        for line in self.recipient.address.lines() {
            likeness.push('\n');
            likeness.push_str(&line.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase());
        }
        likeness
    }

    /// How many bytes its texts and variables have as JSON, in which they are kept and told: a control character is six there.
    pub fn texts(&self) -> usize {
        let escaped = |text: &str| serde_json::to_string(text).map_or(usize::MAX / 64, |json| json.len());
        let texts = [&self.external_id, &self.description].into_iter().flatten().map(|text| escaped(text));
        let pairs = self.metadata.iter().map(|pair| escaped(&pair.key) + escaped(&pair.value));
        texts.chain(pairs).sum::<usize>() + self.content.variables().map_or(0, Variables::bytes)
    }

    /// Adds a fault when its texts are too much in all.
    pub fn check_texts(&self, at: &Pointer<'_>, faults: &mut Faults) {
        let bytes = self.texts();
        if bytes > TEXTS_MOST {
            let message = format!(
                "externalId, description, metadata and variables have {bytes} bytes in all; give at most {TEXTS_MOST}."
            );
            faults.push(at, "too_large", message);
        }
    }
}

/// The return address of a sender, or faults: mail of this house can be returned within the United States alone, and each
/// line has room for 60 characters.
pub fn return_address(sender: &Party, at: &Pointer<'_>, faults: &mut Faults) -> Option<ReturnAddress> {
    if !sender.address.is_domestic() {
        let message = "The sender's address must be in the United States: the postal service returns mail there alone.";
        faults.push(&at.key("address").key("country"), "sender.foreign", message);
        return None;
    }
    ReturnAddress::parse(&sender.address.lines().join("\n"), at, faults)
}

#[cfg(test)]
mod tests;
