//! `POST /v2/letters`: creates a letter, or one for each of many recipients, all of them or none.

use domain::address::AddressWarning;
use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::finish::CardSize;
use domain::id::{MailingId, SingleId};
use domain::location::Location;
use domain::single::options::Options;
use domain::single::{Content, Guard, Happened, Kind, MAX_RECIPIENTS, Order, Single, SingleState, alike};
use edge::wire::{self, Object};
use edge::{Call, Problem, Reply};
use futures::future::try_join;
use jiff::civil::Date;
use serde_json::json;
use store::entropy;
use store::idempotency::Answer;

use super::multipart;
use super::wire::{NewContent, RawPartyIn, RawSingle, SingleOut, metadata, own_text, use_type, wish};
use super::{Door, LETTERS};
use crate::App;
use crate::idempotent::once;

/// The most bytes that the letters of one request may have together in texts of the client's own.
const MAX_TEXTS: usize = 20_000_000;

/// What a request wants to be created, as far as it can be read.
pub(crate) struct Wanted {
    /// What each of them is; none if anything is wrong.
    pub(crate) orders: Vec<Order>,
    /// The document, and its bytes if they came with the request: those of which the content of each order is a copy.
    pub(crate) content: Option<(Content, Option<Vec<u8>>)>,
    /// How they are made and mailed.
    pub(crate) options: Options,
    /// On which day.
    pub(crate) send_date: Option<Date>,
    /// What is odd about an address without standing in the way, and where that is.
    pub(crate) warnings: Vec<(String, AddressWarning)>,
    /// What is wrong.
    pub(crate) faults: Faults,
    /// Whether several may be wanted.
    many: bool,
}

/// Answers the request: 201 with the letter, or with the identifiers of the letters in the order of their recipients.
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
        let raw: RawSingle<'_> = wire::read(&call.body)?;
        let account = app.store.account(&caller.account);
        let (locations, account) = try_join(app.store.list_locations(&caller.account), account).await?;
        let Wanted { orders, content, send_date, many, mut faults, .. } =
            read(app, &call, &raw, &locations, door, &Pointer::Root)?;
        let guard = guard(&raw, account.is_none_or(|account| account.duplicate_guard), &mut faults);
        if guard == Guard::Refuse {
            refuse_alike(&orders, &mut faults);
        }
        drop(raw);
        let (Some((_, pdf)), Some(send_date), true) = (content, send_date, faults.is_empty()) else {
            return Err(refused(&faults));
        };
        if let Some(pdf) = pdf {
            app.store.keep_copy(&caller.account, pdf).await?;
        }
        let mailing = if many { Some(MailingId::new(call.now, entropy()?)) } else { None };
        let mut singles = Vec::with_capacity(orders.len());
        for order in orders {
            singles.push(Single {
                id: match door.kind {
                    Kind::Letter => SingleId::letter(call.now, entropy()?),
                    Kind::Postcard => SingleId::postcard(call.now, entropy()?),
                },
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
                let body = json!({ "mailingId": mailing, "mode": caller.mode, (door.ids): ids }).to_string();
                let answer = Answer { status: 201, location: None, body };
                let created = app.store.create_mailing(mailing, singles, guard, ticket, &answer, call.now).await?;
                created.map(|()| answer).map_err(|guarded| super::guarded(&guarded, true, door))
            }
            (None, [single, ..]) => {
                let body = serde_json::to_string(&SingleOut::new(single, None, None))?;
                let answer = Answer { status: 201, location: Some(format!("{}/{}", door.path, single.id)), body };
                let created = app.store.create_single(single, guard, ticket, &answer, call.now).await?;
                created.map(|()| answer).map_err(|guarded| super::guarded(&guarded, false, door))
            }
            (None, []) => Err(Problem::new(422, "recipients.none", "Name at least one recipient.")),
        }
    })
    .await
}

/// Reads what a request wants, at its place in the body, with everything that is wrong with it.
///
/// # Errors
/// 413 when it is too much to be looked at.
pub(crate) fn read(
    app: &App,
    call: &Call,
    raw: &RawSingle<'_>,
    locations: &[Location],
    door: &Door,
    root: &Pointer<'_>,
) -> Result<Wanted, Problem> {
    let mut faults = Faults::default();
    let required = "This field is required.";

    let at = root.key("sender");
    let sender = match &raw.sender {
        Some(Object(raw)) => raw.sender(&at, &mut faults),
        None => {
            faults.push(&at, "required", required);
            None
        }
    };
    let at = root.key("content");
    let content = match &raw.content {
        Some(Object(raw)) => raw.parse(locations, &at, &mut faults),
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

    let at = root.key("recipients");
    let many = raw.recipients.is_some();
    let one = root.key("recipient");
    let mut recipients: Vec<(&RawPartyIn<'_>, Pointer<'_>)> = Vec::new();
    match (&raw.recipient, &raw.recipients) {
        (Some(_), Some(_)) => faults.push(&at, "recipients.both", "Give recipient or recipients, not both."),
        (None, None) => faults.push(&one, "required", "Give recipient, or recipients for one to each."),
        (Some(Object(recipient)), None) => recipients.push((recipient, one)),
        (None, Some(list)) => {
            if list.total == 0 {
                faults.push(&at, "required", "Name at least one recipient.");
            }
            if list.total > MAX_RECIPIENTS {
                let message =
                    format!("The request has {} recipients; name at most {MAX_RECIPIENTS} at a time.", list.total);
                return Err(Problem::new(413, "recipients.too_many", message));
            }
            for (index, Object(raw)) in list.items.iter().enumerate() {
                recipients.push((raw, at.index(index)));
            }
        }
    }
    let (mut parties, mut odd) = (Vec::with_capacity(recipients.len()), Vec::new());
    for (raw, at) in &recipients {
        let own_id = own_text(&raw.external_id, &at.key("externalId"), &mut faults);
        let own_pairs = raw.metadata.as_ref().map(|raw| metadata(raw, &at.key("metadata"), &mut faults));
        let Some((party, warnings)) = raw.recipient(options.address_check, at, &mut faults) else { continue };
        options.check_recipient(&party, at, &mut faults);
        let place = at.key("address").to_string();
        odd.extend(warnings.iter().map(|warning| (place.clone(), *warning)));
        parties.push((party, warnings, own_id, own_pairs));
    }
    let content = content.map(NewContent::split);
    let send_date = send_date.ok();
    let mut orders = Vec::with_capacity(parties.len());
    if let (Some((sender, return_address)), Some((content, _)), Some(use_type), true) =
        (sender, &content, use_type, faults.is_empty())
    {
        for (recipient, warnings, own_id, own_pairs) in parties {
            orders.push(Order {
                sender: sender.clone(),
                return_address: return_address.clone(),
                recipient,
                warnings,
                content: content.clone(),
                use_type,
                options: options.clone(),
                external_id: own_id.or_else(|| external_id.clone()),
                description: description.clone(),
                metadata: own_pairs.unwrap_or_else(|| pairs.clone()),
            });
        }
    }
    for (order, (_, at)) in orders.iter().zip(&recipients) {
        order.check_texts(if many { at } else { root }, &mut faults);
    }
    if orders.iter().map(Order::texts).sum::<usize>() > MAX_TEXTS {
        let message = "externalId, description and metadata of all recipients have more than 20 MB together. Shorten \
                       them, or name fewer recipients at a time.";
        return Err(Problem::new(413, "texts.too_large", message));
    }
    Ok(Wanted { orders, content, options, send_date, warnings: odd, faults, many })
}

/// Adds a fault for each recipient that is another of the same request again.
fn refuse_alike(orders: &[Order], faults: &mut Faults) {
    for (place, earlier) in alike(orders) {
        let message = format!(
            "Recipient {place} is recipient {earlier} again: name each once, or set allowDuplicate to send it more than once."
        );
        faults.push(&Pointer::Root.key("recipients").index(place), "recipients.duplicate", message);
    }
}

/// What is to be done about duplicates, by the setting of the account and the word of the request.
pub(super) fn guard(raw: &RawSingle<'_>, guarded: bool, faults: &mut Faults) -> Guard {
    let allowed = raw.allow_duplicate.flag(&Pointer::Root.key("allowDuplicate"), faults).unwrap_or(false);
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
