//! A letter or postcard that is sent by itself, in the words of its door: what comes in, and what goes out.

use domain::account::Mode;
use domain::address::{Address, AddressWarning, RawAddress, ReturnAddress};
use domain::batch::{MailClass, parse_target_mail_date};
use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::finish::{CardSize, Envelope, Placement, Sides};
use domain::id::SingleId;
use domain::letter::{Finding, Issue};
use domain::single::options::{AddressCheck, ExtraService, Options};
use domain::single::party::{Individual, Party, RawIndividual, RawParty};
use domain::single::{
    Happened, MAX_METADATA, Metadata, Single, Status, TEXT_MOST, UseType, parse_metadata, return_address,
};
use domain::tracking::PostalState;
use edge::wire::{Field, List, Object};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use store::singles::Released;

use crate::content::{ContentOut, RawContent, VariableOut};

/// The most recipients that are read of a request: one more than there may be.
pub(super) const RECIPIENTS_READ: usize = domain::single::MAX_RECIPIENTS + 1;

/// The body of a request to create or to change a letter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a letter or postcard as a JSON object")]
pub(crate) struct RawSingle<'a> {
    #[serde(default, borrow)]
    pub(super) sender: Option<Object<RawSender<'a>>>,
    #[serde(default, borrow)]
    pub(super) recipient: Option<Object<RawRecipient<'a>>>,
    #[serde(default, borrow)]
    pub(super) recipients: Option<List<Object<RawRecipient<'a>>, RECIPIENTS_READ>>,
    #[serde(default, borrow)]
    pub(super) content: Option<Object<RawContent<'a>>>,
    #[serde(default, borrow)]
    pub(super) variables: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) use_type: Field<'a>,
    #[serde(default, borrow)]
    pub(super) external_id: Field<'a>,
    #[serde(default, borrow)]
    pub(super) description: Field<'a>,
    #[serde(default, borrow)]
    pub(super) send_date: Field<'a>,
    #[serde(default, borrow)]
    pub(super) options: Option<Object<RawOptions<'a>>>,
    /// `null` takes away what there is.
    #[serde(default, borrow, deserialize_with = "there")]
    pub(super) metadata: Option<Option<RawMetadata<'a>>>,
    #[serde(default, borrow)]
    pub(super) allow_duplicate: Field<'a>,
}

pub(super) type RawMetadata<'a> = List<Object<RawPair<'a>>, { MAX_METADATA + 1 }>;

/// Reads a member that is there, so that `null` is not taken for none.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Who sends a letter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a sender as a JSON object")]
pub(super) struct RawSender<'a> {
    #[serde(default, borrow)]
    individual: Option<Object<RawIndividualIn<'a>>>,
    #[serde(default, borrow)]
    organization: Field<'a>,
    #[serde(default, borrow)]
    address: Option<Object<RawAddressIn<'a>>>,
}

/// Who gets a letter, with what is its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a recipient as a JSON object")]
pub(super) struct RawRecipient<'a> {
    #[serde(default, borrow)]
    individual: Option<Object<RawIndividualIn<'a>>>,
    #[serde(default, borrow)]
    organization: Field<'a>,
    #[serde(default, borrow)]
    address: Option<Object<RawAddressIn<'a>>>,
    #[serde(default, borrow)]
    pub(super) external_id: Field<'a>,
    #[serde(default, borrow)]
    pub(super) metadata: Option<RawMetadata<'a>>,
    #[serde(default, borrow)]
    pub(super) variables: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a person as a JSON object")]
struct RawIndividualIn<'a> {
    #[serde(default, borrow)]
    full_name: Field<'a>,
    #[serde(default, borrow)]
    prefix: Field<'a>,
    #[serde(default, borrow)]
    first_name: Field<'a>,
    #[serde(default, borrow)]
    middle_name: Field<'a>,
    #[serde(default, borrow)]
    last_name: Field<'a>,
    #[serde(default, borrow)]
    suffix: Field<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an address as a JSON object")]
struct RawAddressIn<'a> {
    #[serde(default, borrow)]
    address1: Field<'a>,
    #[serde(default, borrow)]
    address2: Field<'a>,
    #[serde(default, borrow)]
    city: Field<'a>,
    #[serde(default, borrow)]
    state: Field<'a>,
    #[serde(default, borrow)]
    postal_code: Field<'a>,
    #[serde(default, borrow)]
    country: Field<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "options as a JSON object")]
pub(super) struct RawOptions<'a> {
    #[serde(default, borrow)]
    mail_class: Field<'a>,
    #[serde(default, borrow)]
    extra_services: Option<List<Field<'a>, 8>>,
    #[serde(default, borrow)]
    color: Field<'a>,
    #[serde(default, borrow)]
    sides: Field<'a>,
    #[serde(default, borrow)]
    placement: Field<'a>,
    #[serde(default, borrow)]
    envelope: Field<'a>,
    #[serde(default, borrow)]
    return_envelope: Field<'a>,
    #[serde(default, borrow)]
    perforated: Field<'a>,
    #[serde(default, borrow)]
    size: Field<'a>,
    #[serde(default, borrow)]
    address_check: Field<'a>,
}

#[derive(Deserialize)]
#[serde(expecting = "a pair of key and value as a JSON object")]
pub(super) struct RawPair<'a> {
    #[serde(default, borrow)]
    key: Field<'a>,
    #[serde(default, borrow)]
    value: Field<'a>,
}

/// Reads a sender or recipient, or adds everything that is wrong with it.
fn party(
    individual: Option<&Object<RawIndividualIn<'_>>>,
    organization: &Field<'_>,
    address: Option<&Object<RawAddressIn<'_>>>,
    at: &Pointer<'_>,
    faults: &mut Faults,
) -> Option<(Party, Vec<AddressWarning>)> {
    let before = faults.total();
    let here = at.key("individual");
    let individual = individual.map(|Object(raw)| {
        let mut text = |key: &str, field| text(field, &here.key(key), faults);
        RawIndividual {
            full_name: text("fullName", &raw.full_name),
            prefix: text("prefix", &raw.prefix),
            first_name: text("firstName", &raw.first_name),
            middle_name: text("middleName", &raw.middle_name),
            last_name: text("lastName", &raw.last_name),
            suffix: text("suffix", &raw.suffix),
        }
    });
    let organization = organization.text(&at.key("organization"), faults);
    let here = at.key("address");
    let Some(Object(raw)) = address else {
        faults.push(&here, "required", "This field is required.");
        return None;
    };
    let mut text = |key: &str, field| text(field, &here.key(key), faults);
    let address = RawAddress {
        name1: None,
        name2: None,
        address1: text("address1", &raw.address1),
        address2: text("address2", &raw.address2),
        city: text("city", &raw.city),
        state: text("state", &raw.state),
        postal_code: text("postalCode", &raw.postal_code),
        country: text("country", &raw.country),
    };
    let parsed = Party::parse(&RawParty { individual, organization, address }, at, faults);
    parsed.filter(|_| faults.total() == before)
}

impl RawSender<'_> {
    /// Reads a sender, or adds everything that is wrong with it.
    pub(super) fn parse(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<(Party, ReturnAddress)> {
        let (sender, _) = party(self.individual.as_ref(), &self.organization, self.address.as_ref(), at, faults)?;
        let lines = return_address(&sender, at, faults)?;
        for line in lines.lines() {
            if let Err(fault) = print::address_block::check_sender_line(line) {
                faults.push(&at.key(blame(&sender, line)), "line.unprintable", format!("Return address: {fault}."));
            }
        }
        Some((sender, lines))
    }
}

impl RawRecipient<'_> {
    /// Reads a recipient, or adds everything that is wrong with it; what is odd about its address is kept or refused as
    /// `check` says.
    pub(super) fn parse(
        &self,
        check: AddressCheck,
        at: &Pointer<'_>,
        faults: &mut Faults,
    ) -> Option<(Party, Vec<AddressWarning>)> {
        let (recipient, warnings) =
            party(self.individual.as_ref(), &self.organization, self.address.as_ref(), at, faults)?;
        for line in recipient.address.lines() {
            if let Err(fault) = print::address_block::check_line(&line) {
                faults.push(&at.key(blame(&recipient, &line)), "line.unprintable", format!("Address block: {fault}."));
            }
        }
        refuse_odd(&warnings, check, at, faults);
        Some((recipient, warnings))
    }
}

/// Adds a fault for what is odd about the address of the recipient at `at` and may not be so by `check`.
pub(super) fn refuse_odd(warnings: &[AddressWarning], check: AddressCheck, at: &Pointer<'_>, faults: &mut Faults) {
    for warning in warnings.iter().filter(|warning| check.refuses(**warning)) {
        faults.push(&at.key("address"), warning.code(), warning.message());
    }
}

fn text<'f>(field: &'f Field<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<&'f str> {
    field.text(at, faults)
}

/// Which member of a party a line that cannot be printed is made of.
fn blame(party: &Party, line: &str) -> &'static str {
    if party.individual.as_ref().is_some_and(|individual| individual.name() == line) {
        "individual"
    } else if party.organization.as_deref() == Some(line) {
        "organization"
    } else {
        "address"
    }
}

/// Reads a word of a closed list.
fn word<T>(
    field: &Field<'_>,
    at: &Pointer<'_>,
    faults: &mut Faults,
    parse: impl Fn(&str) -> Option<T>,
    words: &str,
) -> Option<T> {
    let parsed = parse(field.text(at, faults)?);
    if parsed.is_none() {
        faults.push(at, "enum", format!("Give {words}."));
    }
    parsed
}

impl RawOptions<'_> {
    /// What `options` become with those that are given.
    pub(super) fn parse(&self, mut options: Options, at: &Pointer<'_>, faults: &mut Faults) -> Options {
        let here = at.key("mailClass");
        let class = word(&self.mail_class, &here, faults, MailClass::parse, "\"FirstClass\" or \"Certified\"");
        options.mail_class = class.unwrap_or(options.mail_class);
        if let Some(services) = &self.extra_services {
            options.extra_services.clear();
            let here = at.key("extraServices");
            for (index, field) in services.items.iter().enumerate() {
                let here = here.index(index);
                let words = "\"electronicReturnReceipt\" or \"restrictedDelivery\"";
                let field = field.required(&here, faults);
                options.extra_services.extend(word(field, &here, faults, ExtraService::parse, words));
            }
            if services.total > services.items.len() {
                faults.push(&here, "too_many", "Give each extra service once.");
            }
            options.extra_services.sort();
            options.extra_services.dedup();
        }
        let finish = &mut options.finish;
        let here = at.key("size");
        if finish.card.is_some() {
            finish.card =
                word(&self.size, &here, faults, CardSize::parse, "\"4x6\", \"6x9\" or \"6x11\"").or(finish.card);
        } else if self.size.is_given() {
            let message = "Only postcards have a size: a letter is as large as its document.";
            faults.push(&here, "options.not_of_letters", message);
        }
        finish.color = self.color.flag(&at.key("color"), faults).unwrap_or(finish.color);
        let sides = word(&self.sides, &at.key("sides"), faults, Sides::parse, "\"duplex\" or \"simplex\"");
        finish.sides = sides.unwrap_or(finish.sides);
        let words = "\"cover\" or \"firstPage\"";
        let placement = word(&self.placement, &at.key("placement"), faults, Placement::parse, words);
        finish.placement = placement.unwrap_or(finish.placement);
        let envelope = word(&self.envelope, &at.key("envelope"), faults, Envelope::parse, "\"auto\" or \"flat\"");
        finish.envelope = envelope.unwrap_or(finish.envelope);
        let enclosed = self.return_envelope.flag(&at.key("returnEnvelope"), faults);
        finish.return_envelope = enclosed.unwrap_or(finish.return_envelope);
        options.perforated = self.perforated.flag(&at.key("perforated"), faults).unwrap_or(options.perforated);
        let words = "\"strict\", \"normal\" or \"relaxed\"";
        let check = word(&self.address_check, &at.key("addressCheck"), faults, AddressCheck::parse, words);
        options.address_check = check.unwrap_or(options.address_check);
        options
    }
}

/// Reads metadata.
pub(super) fn metadata(raw: &RawMetadata<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Vec<Metadata> {
    let mut pairs = Vec::with_capacity(raw.items.len());
    for (index, Object(pair)) in raw.items.iter().enumerate() {
        let here = at.index(index);
        pairs.push((pair.key.text(&here.key("key"), faults), pair.value.text(&here.key("value"), faults)));
    }
    parse_metadata(pairs.into_iter(), at, faults)
}

/// Reads a text of the client's own: what it says does not matter, only how long it is.
pub(super) fn own_text(field: &Field<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(at, faults)?;
    let length = text.chars().count();
    if length > TEXT_MOST {
        faults.push(at, "too_long", format!("This field has {length} characters; give at most {TEXT_MOST}."));
        return None;
    }
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Reads what a letter is for.
pub(super) fn use_type(field: &Field<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<UseType> {
    word(field, at, faults, UseType::parse, "\"marketing\" or \"transactional\"")
}

/// Reads a wished send date; a time part is ignored.
pub(super) fn wish(field: &Field<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<Date> {
    let date = parse_target_mail_date(field.text(at, faults)?);
    if date.is_none() {
        faults.push(at, "date", "Give a date as in 2026-05-10.");
    }
    date
}

/// A letter or postcard as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SingleOut<'a> {
    id: &'a SingleId,
    status: Status,
    mode: Mode,
    sender: PartyOut<'a>,
    recipient: PartyOut<'a>,
    content: ContentOut<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<VariableOut>,
    use_type: UseType,
    options: OptionsOut<'a>,
    send_date: Date,
    cancelable_until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    metadata: &'a [Metadata],
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impression_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<&'a Issue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningOut>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<TrackingOut<'a>>,
    events: Vec<Happened>,
    created_at: Timestamp,
    modified_at: Timestamp,
}

/// How it is made, in those words that mean something for it.
#[derive(Serialize)]
#[serde(untagged)]
enum OptionsOut<'a> {
    Letter(&'a Options),
    #[serde(rename_all = "camelCase")]
    Postcard {
        mail_class: MailClass,
        size: CardSize,
        color: bool,
        address_check: AddressCheck,
    },
}

impl<'a> OptionsOut<'a> {
    fn new(options: &'a Options) -> Self {
        match options.finish.card {
            None => OptionsOut::Letter(options),
            Some(size) => OptionsOut::Postcard {
                mail_class: options.mail_class,
                size,
                color: options.finish.color,
                address_check: options.address_check,
            },
        }
    }
}

#[derive(Serialize)]
struct PartyOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    individual: Option<&'a Individual>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    address: AddressOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddressOut<'a> {
    address1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    country: &'a str,
}

/// What is odd about an address.
#[derive(Serialize)]
pub(crate) struct WarningOut {
    code: &'static str,
    message: &'static str,
}

/// The piece that a letter became.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrackingOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    article_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_state: Option<PostalState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed_at: Option<Timestamp>,
    /// `null` says that it is not known.
    expected_delivery_date: Option<Date>,
}

impl<'a> PartyOut<'a> {
    fn new(party: &'a Party) -> Self {
        let address: &Address = &party.address;
        PartyOut {
            individual: party.individual.as_ref(),
            organization: party.organization.as_deref(),
            address: AddressOut {
                address1: address.address1(),
                address2: address.address2(),
                city: address.city(),
                state: address.state(),
                postal_code: address.postal_code(),
                country: address.country(),
            },
        }
    }
}

impl<'a> SingleOut<'a> {
    /// A letter as it is now, and what became of it; `url` is where its document can be fetched.
    pub(super) fn new(single: &'a Single, released: Option<&'a Released>, url: Option<String>) -> Self {
        let order = &single.order;
        SingleOut {
            id: &single.id,
            status: single.status(released.map(|released| &released.batch)),
            mode: single.mode,
            sender: PartyOut::new(&order.sender),
            recipient: PartyOut::new(&order.recipient),
            content: ContentOut::new(&order.content),
            variables: VariableOut::all(&order.content),
            use_type: order.use_type,
            options: OptionsOut::new(&order.options),
            send_date: single.send_date,
            cancelable_until: single.cancelable_until(),
            external_id: order.external_id.as_deref(),
            description: order.description.as_deref(),
            metadata: &order.metadata,
            url,
            impression_count: single.impressions,
            issue_message: single.issue.as_ref().map(|issue| issue.message.as_str()),
            issue: single.issue.as_ref(),
            warnings: order.warnings.iter().copied().map(WarningOut::of).collect(),
            findings: &single.findings,
            tracking: released.and_then(TrackingOut::of),
            events: happened(single, released),
            created_at: single.created_at,
            modified_at: single.modified_at,
        }
    }
}

impl WarningOut {
    pub(crate) fn of(warning: AddressWarning) -> Self {
        WarningOut { code: warning.code(), message: warning.message() }
    }
}

impl<'a> TrackingOut<'a> {
    fn of(released: &'a Released) -> Option<Self> {
        let piece = released.piece.as_ref();
        let tracking = TrackingOut {
            tracking_code: piece.map(|piece| piece.code.as_str()),
            article_number: piece.and_then(|piece| Some(piece.article.as_ref()?.as_str())),
            postal_state: released.postal_state,
            mailed_at: released.batch.mailed_at,
            expected_delivery_date: released.expected,
        };
        (piece.is_some() || released.postal_state.is_some()).then_some(tracking)
    }
}

/// What happened to a letter up to its mailing: what it remembers itself, then what its batch does.
pub(super) fn happened(single: &Single, released: Option<&Released>) -> Vec<Happened> {
    let mut events = single.history.clone();
    if let Some(Released { batch, .. }) = released {
        let of_batch = [(EventKind::LetterInProduction, batch.printing_at), (EventKind::LetterMailed, batch.mailed_at)];
        events.extend(of_batch.into_iter().filter_map(|(kind, at)| Some(Happened { kind, at: at? })));
    }
    events
}
