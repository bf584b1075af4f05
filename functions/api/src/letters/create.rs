//! `POST /v2/letters`: creates a letter, or one for each of many recipients, all of them or none.

use domain::account::Caller;
use domain::address::{AddressWarning, ReturnAddress};
use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::id::{MailingId, SingleId};
use domain::location::Location;
use domain::single::options::Options;
use domain::single::party::Party;
use domain::single::{Happened, MAX_MERGED, MAX_RECIPIENTS, Metadata, Order, Single, SingleState, UseType};
use domain::template::Variables;
use edge::wire::{self, Object};
use edge::{Call, Problem, Reply};
use jiff::civil::Date;
use serde_json::json;
use store::entropy;
use store::idempotency::Answer;

use super::wire::{RawPartyIn, RawSingle, SingleOut, metadata, own_text, use_type, wish};
use crate::App;
use crate::content::{NewContent, Piece};
use crate::idempotent::once;

/// The most bytes that the letters of one request may have together in texts of the client's own and variables.
const MAX_TEXTS: usize = 20_000_000;

/// What a request wants to be created, every field of it valid.
struct NewSingles<'a> {
    sender: Party,
    return_address: ReturnAddress,
    addressees: Vec<Addressee<'a>>,
    content: NewContent,
    use_type: UseType,
    options: Options,
    external_id: Option<String>,
    description: Option<String>,
    metadata: Vec<Metadata>,
    send_date: Date,
    many: bool,
}

/// A recipient, and what is its own.
struct Addressee<'a> {
    party: Party,
    warnings: Vec<AddressWarning>,
    external_id: Option<String>,
    metadata: Option<Vec<Metadata>>,
    variables: Option<Variables>,
    at: Pointer<'a>,
}

/// Answers the request: 201 with the letter, or with the identifiers of the letters in the order of their recipients.
///
/// # Errors
/// 400, 409, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let raw: RawSingle<'_> = wire::read(&call.body)?;
        let locations = app.store.list_locations(&caller.account).await?;
        let root = Pointer::Root;
        let places = Places { content: root.key("content"), one: root.key("recipient"), many: root.key("recipients") };
        let new = parse(app, &call, &raw, &locations, &places)?;
        let (send_date, many) = (new.send_date, new.many);
        let orders = orders(app, caller, new, &places).await?;
        drop(raw);
        let mailing = if many { Some(MailingId::new(call.now, entropy()?)) } else { None };
        let mut singles = Vec::with_capacity(orders.len());
        for order in orders {
            singles.push(Single {
                id: SingleId::letter(call.now, entropy()?),
                account: caller.account.clone(),
                mode: caller.mode,
                order,
                state: SingleState::Queued,
                version: 1,
                mailing: mailing.clone(),
                send_date,
                copy: None,
                impressions: None,
                findings: Vec::new(),
                issue: None,
                batch: None,
                history: vec![Happened { kind: EventKind::LetterCreated, at: call.now }],
                created_at: call.now,
                modified_at: call.now,
            });
        }
        // Identifiers of one moment sort by chance; those of one request are to be listed in its order.
        let mut ids: Vec<SingleId> = singles.iter().map(|single| single.id.clone()).collect();
        ids.sort();
        for (single, id) in singles.iter_mut().zip(ids) {
            single.id = id;
        }
        match (&mailing, singles.as_slice()) {
            (Some(mailing), singles) => {
                let ids: Vec<&SingleId> = singles.iter().map(|single| &single.id).collect();
                let body = json!({ "mailingId": mailing, "mode": caller.mode, "letterIds": ids }).to_string();
                let answer = Answer { status: 201, location: None, body };
                app.store.create_mailing(mailing, singles, ticket, &answer, call.now).await?;
                Ok(answer)
            }
            (None, [single, ..]) => {
                let body = serde_json::to_string(&SingleOut::new(single, None, None))?;
                let answer = Answer { status: 201, location: Some(format!("/v2/letters/{}", single.id)), body };
                app.store.create_single(single, ticket, &answer, call.now).await?;
                Ok(answer)
            }
            (None, []) => Err(Problem::new(422, "recipients.none", "Name at least one recipient.")),
        }
    })
    .await
}

/// Where things are in a request.
struct Places<'a> {
    content: Pointer<'a>,
    one: Pointer<'a>,
    many: Pointer<'a>,
}

fn parse<'a>(
    app: &App,
    call: &Call,
    raw: &RawSingle<'_>,
    locations: &[Location],
    places: &'a Places<'a>,
) -> Result<NewSingles<'a>, Problem> {
    let mut faults = Faults::default();
    let root = Pointer::Root;
    let required = "This field is required.";

    let at = root.key("sender");
    let sender = match &raw.sender {
        Some(Object(raw)) => raw.sender(&at, &mut faults),
        None => {
            faults.push(&at, "required", required);
            None
        }
    };
    let content = match &raw.content {
        Some(Object(raw)) => raw.parse(locations, &places.content, &mut faults),
        None => {
            faults.push(&places.content, "required", required);
            None
        }
    };
    let at = root.key("useType");
    let use_type = use_type(raw.use_type.required(&at, &mut faults), &at, &mut faults);
    let at = root.key("options");
    let options = match &raw.options {
        Some(Object(raw)) => raw.parse(Options::default(), &at, &mut faults),
        None => Options::default(),
    };
    options.check(&at, &mut faults);
    let external_id = own_text(&raw.external_id, &root.key("externalId"), &mut faults);
    let description = own_text(&raw.description, &root.key("description"), &mut faults);
    let pairs = raw.metadata.as_ref().map(|raw| metadata(raw, &root.key("metadata"), &mut faults)).unwrap_or_default();
    let at = root.key("sendDate");
    let wish = wish(&raw.send_date, &at, &mut faults);
    let send_date = app.store.config().calendar.send_date(wish, call.now);
    if let Err(error) = &send_date {
        let text = error.to_string();
        faults.push(&at, "send_date", format!("{}{}.", text[..1].to_uppercase(), &text[1..]));
    }

    let many = raw.recipients.is_some();
    let mut recipients: Vec<(&RawPartyIn<'_>, Pointer<'_>)> = Vec::new();
    match (&raw.recipient, &raw.recipients) {
        (Some(_), Some(_)) => {
            faults.push(&places.many, "recipients.both", "Give recipient or recipients, not both.");
        }
        (None, None) => {
            faults.push(&places.one, "required", "Give recipient, or recipients for one letter to each.");
        }
        (Some(Object(recipient)), None) => recipients.push((recipient, places.one)),
        (None, Some(list)) => {
            if list.total == 0 {
                faults.push(&places.many, "required", "Name at least one recipient.");
            }
            if list.total > MAX_RECIPIENTS {
                let message =
                    format!("The request has {} recipients; name at most {MAX_RECIPIENTS} at a time.", list.total);
                return Err(Problem::new(413, "recipients.too_many", message));
            }
            let merged = list.items.iter().filter(|Object(raw)| raw.variables.is_some()).count();
            if merged > MAX_MERGED {
                let message = format!(
                    "The request has {merged} recipients with variables of their own; name at most {MAX_MERGED} of these at a time."
                );
                return Err(Problem::new(413, "recipients.too_many", message));
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
        let Some((party, warnings)) = raw.recipient(options.address_check, &at, &mut faults) else { continue };
        options.check_recipient(&party, &at, &mut faults);
        addressees.push(Addressee { party, warnings, external_id, metadata, variables, at });
    }
    match (sender, content, use_type, send_date) {
        (Some((sender, return_address)), Some(content), Some(use_type), Ok(send_date)) if faults.is_empty() => {
            Ok(NewSingles {
                sender,
                return_address,
                addressees,
                content,
                use_type,
                options,
                external_id,
                description,
                metadata: pairs,
                send_date,
                many,
            })
        }
        _ => Err(refused(&faults)),
    }
}

/// The orders of a request. What is printed is made and kept here, when all else is right.
async fn orders(app: &App, caller: &Caller, new: NewSingles<'_>, places: &Places<'_>) -> Result<Vec<Order>, Problem> {
    let pieces: Vec<Piece<'_>> =
        new.addressees.iter().map(|to| Piece { own: to.variables.clone(), at: to.at.key("variables") }).collect();
    let contents = new.content.keep(app, caller, &pieces, &places.content).await?;
    let mut faults = Faults::default();
    let mut orders = Vec::with_capacity(contents.len());
    for (addressee, content) in new.addressees.iter().zip(contents) {
        let order = Order {
            sender: new.sender.clone(),
            return_address: new.return_address.clone(),
            recipient: addressee.party.clone(),
            warnings: addressee.warnings.clone(),
            content,
            use_type: new.use_type,
            options: new.options.clone(),
            external_id: addressee.external_id.clone().or_else(|| new.external_id.clone()),
            description: new.description.clone(),
            metadata: addressee.metadata.clone().unwrap_or_else(|| new.metadata.clone()),
        };
        order.check_texts(if new.many { &addressee.at } else { &Pointer::Root }, &mut faults);
        orders.push(order);
    }
    if orders.iter().map(Order::texts).sum::<usize>() > MAX_TEXTS {
        let message = "externalId, description, metadata and variables of all letters have more than 20 MB together. Shorten \
                       them, or send fewer letters at a time.";
        return Err(Problem::new(413, "texts.too_large", message));
    }
    if faults.is_empty() { Ok(orders) } else { Err(refused(&faults)) }
}

/// What is wrong with a request. A document that is too large has a status of its own.
pub(super) fn refused(faults: &Faults) -> Problem {
    let too_large = faults.listed().iter().any(|fault| fault.rule == "content.too_large");
    Problem::faulty(if too_large { 413 } else { 422 }, if too_large { "content.too_large" } else { "invalid" }, faults)
}
