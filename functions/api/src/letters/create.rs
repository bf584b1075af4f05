//! `POST /v2/letters`: creates a letter, or one for each of many recipients, all of them or none.

use domain::account::Caller;
use domain::address::{AddressWarning, ReturnAddress};
use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::finish::CardSize;
use domain::id::{MailingId, SingleId};
use domain::location::Location;
use domain::single::options::Options;
use domain::single::party::Party;
use domain::single::{
    Content, Guard, Happened, Kind, MAX_RECIPIENTS, Metadata, Order, Single, SingleState, UseType, alike,
};
use domain::template::Variables;
use edge::wire::{self, Object};
use edge::{Call, Problem, Reply};
use futures::future::try_join;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use store::entropy;
use store::idempotency::Answer;

use super::multipart;
use super::wire::{RawRecipient, RawSingle, SingleOut, metadata, own_text, use_type, wish};
use super::{Door, LETTERS};
use crate::App;
use crate::content::{NewContent, Piece};
use crate::idempotent::once;

/// The most bytes that those of one request may have together in texts of the client's own and variables.
const MAX_TEXTS: usize = 20_000_000;

/// What a request wants to be created, as far as it can be read.
pub(crate) struct Wanted<'a> {
    /// What is printed.
    pub(crate) content: Option<NewContent>,
    /// How they are made and mailed.
    pub(crate) options: Options,
    /// On which day.
    pub(crate) send_date: Option<Date>,
    /// What is wrong.
    pub(crate) faults: Faults,
    sender: Option<(Party, ReturnAddress)>,
    addressees: Vec<Addressee<'a>>,
    use_type: Option<UseType>,
    external_id: Option<String>,
    description: Option<String>,
    metadata: Vec<Metadata>,
    /// Whether several may be wanted.
    pub(crate) many: bool,
}

/// A recipient, and what is its own.
struct Addressee<'a> {
    /// Who it is, and what is odd about the address without standing in the way.
    party: Option<(Party, Vec<AddressWarning>)>,
    external_id: Option<String>,
    metadata: Option<Vec<Metadata>>,
    variables: Option<Variables>,
    at: Pointer<'a>,
}

/// Where things are in a request.
pub(crate) struct Places<'a> {
    /// What is wanted.
    root: &'a Pointer<'a>,
    /// What is printed.
    pub(crate) content: Pointer<'a>,
    /// Its recipient.
    pub(crate) one: Pointer<'a>,
    /// Its recipients.
    pub(crate) many: Pointer<'a>,
}

impl<'a> Places<'a> {
    /// Where they are in what is wanted, which is at `root`.
    pub(crate) fn of(root: &'a Pointer<'a>) -> Self {
        Places { root, content: root.key("content"), one: root.key("recipient"), many: root.key("recipients") }
    }
}

/// Answers the request: 201 with the letter, or with the identifiers of the letters in the order of their recipients; 202 when
/// HTML of some is rendered later.
///
/// # Errors
/// 400, 409, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, mut call: Call, door: &Door) -> Result<Reply, Problem> {
    multipart::as_json(&mut call).await?;
    once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let mut faults = Faults::default();
        let raw: RawSingle<'_> = wire::read_known(&call.body, &mut faults)?;
        let account = app.store.account(&caller.account);
        let (locations, account) = try_join(app.store.list_locations(&caller.account), account).await?;
        let places = Places::of(&Pointer::Root);
        let mut wanted = read(app, &call, &raw, &locations, door, &places, faults)?;
        let guard =
            guard(&raw, account.is_none_or(|account| account.duplicate_guard), &Pointer::Root, &mut wanted.faults);
        drop(raw);
        let (Some(content), Some(send_date), true) =
            (wanted.content.take(), wanted.send_date, wanted.faults.is_empty())
        else {
            return Err(refused(&wanted.faults));
        };
        let (many, mut faults) = (wanted.many, Faults::default());
        // What is costly comes last: HTML is rendered when nothing else is wrong.
        let contents = content.keep(app, caller, &wanted.pieces(), guard, &places.content, &mut faults).await?;
        let orders = wanted.orders(contents.unwrap_or_default(), &places, &mut faults)?;
        if guard == Guard::Refuse {
            refuse_alike(&orders, &places, &mut faults);
        }
        if !faults.is_empty() {
            return Err(refused(&faults));
        }
        // What is yet to be rendered is accepted, and not there.
        let status = if orders.iter().any(|order| order.content.is_unmade()) { 202 } else { 201 };
        let mailing = if many { Some(MailingId::new(call.now, entropy()?)) } else { None };
        let singles = singles(door, caller, orders, mailing.as_ref(), send_date, call.now)?;
        match (&mailing, singles.as_slice()) {
            (Some(mailing), singles) => {
                let ids: Vec<&SingleId> = singles.iter().map(|single| &single.id).collect();
                let body = json!({ "mailingId": mailing, "mode": caller.mode, (door.ids): ids }).to_string();
                let answer = Answer { status, location: None, body };
                let created = app.store.create_mailing(mailing, singles, guard, ticket, &answer, call.now).await?;
                created.map(|()| answer).map_err(|guarded| super::guarded(&guarded, true, door))
            }
            (None, [single, ..]) => {
                let body = serde_json::to_string(&SingleOut::new(single, None, None))?;
                let answer = Answer { status, location: Some(format!("{}/{}", door.path, single.id)), body };
                let created = app.store.create_single(single, guard, ticket, &answer, call.now).await?;
                created.map(|()| answer).map_err(|guarded| super::guarded(&guarded, false, door))
            }
            (None, []) => Err(Problem::new(422, "recipients.none", "Name at least one recipient.")),
        }
    })
    .await
}

/// Reads what a request wants, at its places in the body, with everything that is wrong with it beside `faults`.
///
/// # Errors
/// 413 when it is too much to be looked at.
pub(crate) fn read<'a>(
    app: &App,
    call: &Call,
    raw: &RawSingle<'_>,
    locations: &[Location],
    door: &Door,
    places: &'a Places<'a>,
    mut faults: Faults,
) -> Result<Wanted<'a>, Problem> {
    let root = places.root;
    let required = "This field is required.";

    let at = root.key("sender");
    let sender = match &raw.sender {
        Some(Object(raw)) => raw.parse(&at, &mut faults),
        None => {
            faults.push(&at, "required", required);
            None
        }
    };
    let at = root.key("useType");
    let use_type = use_type(raw.use_type.required(&at, &mut faults), &at, &mut faults);
    let at = root.key("options");
    let usual = match door.kind {
        Kind::Letter => Options::default(),
        Kind::Postcard => Options::of_card(CardSize::Card4x6),
    };
    let options = match &raw.options {
        Some(Object(raw)) => raw.parse(usual, &at, &mut faults),
        None => usual,
    };
    options.check(&at, &mut faults);
    let content = match &raw.content {
        Some(Object(content)) => content.parse(raw.variables, locations, &options.finish, &places.content, &mut faults),
        None => {
            faults.push(&places.content, "required", required);
            None
        }
    };
    let external_id = own_text(&raw.external_id, &root.key("externalId"), &mut faults);
    let description = own_text(&raw.description, &root.key("description"), &mut faults);
    let pairs = raw.metadata.as_ref().and_then(Option::as_ref);
    let pairs = pairs.map(|raw| metadata(raw, &root.key("metadata"), &mut faults)).unwrap_or_default();
    let at = root.key("sendDate");
    let wish = wish(&raw.send_date, &at, &mut faults);
    let send_date = app.store.config().calendar.send_date(wish, call.now);
    if let Err(error) = &send_date {
        let text = error.to_string();
        faults.push(&at, "send_date", format!("{}{}.", text[..1].to_uppercase(), &text[1..]));
    }

    let many = raw.recipients.is_some();
    let mut recipients: Vec<(&RawRecipient<'_>, Pointer<'_>)> = Vec::new();
    match (&raw.recipient, &raw.recipients) {
        (Some(_), Some(_)) => {
            faults.push(&places.many, "recipients.both", "Give recipient or recipients, not both.");
        }
        (None, None) => {
            faults.push(&places.one, "required", "Give recipient, or recipients for one to each.");
        }
        (Some(Object(recipient)), None) => recipients.push((recipient, places.one)),
        (None, Some(list)) => {
            if list.total == 0 {
                faults.push(&places.many, "required", "Name at least one recipient.");
            }
            if list.total > MAX_RECIPIENTS {
                let message =
                    format!("The request has {} recipients; name at most {MAX_RECIPIENTS} at a time.", list.total);
                let mut too_many = Faults::default();
                too_many.push(&places.many, "recipients.too_many", message);
                return Err(Problem::faulty(413, "recipients.too_many", &too_many));
            }
            for (index, Object(raw)) in list.items.iter().enumerate() {
                recipients.push((raw, places.many.index(index)));
            }
        }
    }
    let mut addressees = Vec::with_capacity(recipients.len());
    for (raw, at) in recipients {
        let external_id = own_text(&raw.external_id, &at.key("externalId"), &mut faults);
        let metadata = raw.metadata.as_ref().map(|raw| metadata(raw, &at.key("metadata"), &mut faults));
        let variables = content
            .as_ref()
            .and_then(|content| content.own_variables(raw.variables, &at.key("variables"), &mut faults));
        let party = raw.parse(options.address_check, &at, &mut faults);
        if let Some((party, _)) = &party {
            options.check_recipient(party, &at, &mut faults);
        }
        addressees.push(Addressee { party, external_id, metadata, variables, at });
    }
    let send_date = send_date.ok();
    let metadata = pairs;
    Ok(Wanted {
        content,
        options,
        send_date,
        faults,
        sender,
        addressees,
        use_type,
        external_id,
        description,
        metadata,
        many,
    })
}

impl Wanted<'_> {
    /// What its content is made for.
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        let each = self.addressees.iter();
        each.map(|to| Piece { own: to.variables.clone(), at: to.at.key("variables") }).collect()
    }

    /// What is odd about an address without standing in the way, and where that is.
    pub(crate) fn warnings(&self) -> Vec<(String, AddressWarning)> {
        let odd = |to: &Addressee<'_>| {
            let place = to.at.key("address").to_string();
            let (_, warnings) = to.party.as_ref()?;
            Some(warnings.iter().map(|warning| (place.clone(), *warning)).collect::<Vec<_>>())
        };
        self.addressees.iter().filter_map(odd).flatten().collect()
    }

    /// The orders, with what is printed for each; none if something that is needed could not be read.
    ///
    /// # Errors
    /// 413 when their texts are too much together.
    pub(crate) fn orders(
        self,
        contents: Vec<Content>,
        places: &Places<'_>,
        faults: &mut Faults,
    ) -> Result<Vec<Order>, Problem> {
        let (Some((sender, return_address)), Some(use_type)) = (self.sender, self.use_type) else {
            return Ok(Vec::new());
        };
        let mut orders = Vec::with_capacity(contents.len());
        for (to, content) in self.addressees.into_iter().zip(contents) {
            let Some((recipient, warnings)) = to.party else { return Ok(Vec::new()) };
            let order = Order {
                sender: sender.clone(),
                return_address: return_address.clone(),
                recipient,
                warnings,
                content,
                use_type,
                options: self.options.clone(),
                external_id: to.external_id.or_else(|| self.external_id.clone()),
                description: self.description.clone(),
                metadata: to.metadata.unwrap_or_else(|| self.metadata.clone()),
            };
            order.check_texts(if self.many { &to.at } else { places.root }, faults);
            orders.push(order);
        }
        if orders.iter().map(Order::texts).sum::<usize>() > MAX_TEXTS {
            let message = "externalId, description, metadata and variables of all recipients have more than 20 MB together. \
                           Shorten them, or name fewer recipients at a time.";
            let mut too_large = Faults::default();
            too_large.push(&places.many, "texts.too_large", message);
            return Err(Problem::faulty(413, "texts.too_large", &too_large));
        }
        Ok(orders)
    }
}

/// What orders become, each of its own.
///
/// # Errors
/// When there is no randomness.
pub(crate) fn singles(
    door: &Door,
    caller: &Caller,
    orders: Vec<Order>,
    mailing: Option<&MailingId>,
    send_date: Date,
    now: Timestamp,
) -> Result<Vec<Single>, Problem> {
    let mut singles = Vec::with_capacity(orders.len());
    for order in orders {
        singles.push(Single {
            id: match door.kind {
                Kind::Letter => SingleId::letter(now, entropy()?),
                Kind::Postcard => SingleId::postcard(now, entropy()?),
            },
            account: caller.account.clone(),
            mode: caller.mode,
            order,
            state: SingleState::Queued,
            version: 1,
            mailing: mailing.cloned(),
            send_date,
            copy: None,
            impressions: None,
            findings: Vec::new(),
            issue: None,
            batch: None,
            history: vec![Happened { kind: EventKind::LetterCreated, at: now }],
            created_at: now,
            modified_at: now,
        });
    }
    // Identifiers of one moment sort by chance; those of one request are to be listed in its order.
    let mut ids: Vec<SingleId> = singles.iter().map(|single| single.id.clone()).collect();
    ids.sort();
    for (single, id) in singles.iter_mut().zip(ids) {
        single.id = id;
    }
    Ok(singles)
}

/// Adds a fault for each recipient that is another of the same request again.
pub(crate) fn refuse_alike(orders: &[Order], places: &Places<'_>, faults: &mut Faults) {
    for (place, earlier) in alike(orders) {
        let message = format!(
            "Recipient {place} is recipient {earlier} again: name each once, or set allowDuplicate to send it more than once."
        );
        faults.push(&places.many.index(place), "recipients.duplicate", message);
    }
}

/// What is to be done about duplicates, by the setting of the account and the word of the request, which is at `root`.
pub(crate) fn guard(raw: &RawSingle<'_>, guarded: bool, root: &Pointer<'_>, faults: &mut Faults) -> Guard {
    let allowed = raw.allow_duplicate.flag(&root.key("allowDuplicate"), faults).unwrap_or(false);
    match (guarded, allowed) {
        (false, _) => Guard::Off,
        (true, true) => Guard::Allow,
        (true, false) => Guard::Refuse,
    }
}

/// What is wrong with a request. A document that is too large has a status of its own.
pub(super) fn refused(faults: &Faults) -> Problem {
    let too_large = faults.listed().iter().any(|fault| fault.rule == "content.too_large");
    Problem::faulty(if too_large { 413 } else { 422 }, if too_large { "content.too_large" } else { "invalid" }, faults)
}
