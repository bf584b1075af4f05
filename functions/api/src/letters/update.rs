//! `PATCH /v2/letters/{letterId}`: changes a letter up to the cutoff of its send date. What is not given stays.

use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::location::Location;
use domain::single::{Guard, MAX_HISTORY, Single, SingleState, TooLate};
use edge::wire::{self, Object};
use edge::{Call, Problem, Reply};
use store::singles::{NotChanged, SingleChange};

use super::cancel::ATTEMPTS;
use super::create::{guard, refused};
use super::wire::{RawSingle, metadata, own_text, use_type, wish};
use super::{Door, LETTERS};
use crate::App;

/// Answers the request: 200 with the letter. It is inspected again if its document or how it is made changed, or if it had
/// an issue.
///
/// # Errors
/// 400, 404, 409 after the cutoff, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let raw: RawSingle<'_> = wire::read(&call.body)?;
    for _ in 0..ATTEMPTS {
        let single = super::own(app, &call, door).await?;
        single.changeable(call.now).map_err(|reason| super::too_late(&single, reason, door))?;
        if single.history.len() >= MAX_HISTORY {
            return Err(super::too_late(&single, TooLate::TooOften, door));
        }
        let locations = match &raw.content {
            Some(_) => app.store.list_locations(&single.account).await?,
            None => Vec::new(),
        };
        let (to, pdf) = changed(app, &call, &raw, &single, &locations)?;
        let guard = match raw.content.is_some() || raw.recipient.is_some() {
            true => {
                let account = app.store.account(&single.account).await?;
                guard(&raw, account.is_none_or(|account| account.duplicate_guard), &mut Faults::default())
            }
            false => Guard::Off,
        };
        if let Some(pdf) = pdf {
            app.store.keep_copy(&single.account, pdf).await?;
        }
        let change = SingleChange { to, kind: EventKind::LetterUpdated, guard };
        match app.store.change_single(&single, change, call.now).await? {
            Ok(single) => return super::get::show(app, &single, None).await,
            Err(NotChanged::Guarded(guarded)) => return Err(super::guarded(&guarded, false, door)),
            Err(NotChanged::Changed) => {}
        }
    }
    Err(super::contended(door))
}

/// What a letter becomes, and the bytes of its new document if they came with the request.
fn changed(
    app: &App,
    call: &Call,
    raw: &RawSingle<'_>,
    single: &Single,
    locations: &[Location],
) -> Result<(Single, Option<Vec<u8>>), Problem> {
    let mut faults = Faults::default();
    let root = Pointer::Root;
    // Said of what the letter becomes; whether it matters is looked at later.
    raw.allow_duplicate.flag(&root.key("allowDuplicate"), &mut faults);
    let mut to = single.clone();
    let order = &mut to.order;
    let mut pdf = None;
    if raw.recipients.is_some() {
        faults.push(&root.key("recipients"), "recipients.one", "It has one recipient: give recipient.");
    }
    let at = root.key("options");
    if let Some(Object(raw)) = &raw.options {
        order.options = raw.parse(order.options.clone(), &at, &mut faults);
    }
    if let Some(Object(raw)) = &raw.sender
        && let Some((sender, return_address)) = raw.sender(&root.key("sender"), &mut faults)
    {
        (order.sender, order.return_address) = (sender, return_address);
    }
    if let Some(Object(raw)) = &raw.recipient
        && let Some((recipient, warnings)) =
            raw.recipient(order.options.address_check, &root.key("recipient"), &mut faults)
    {
        (order.recipient, order.warnings) = (recipient, warnings);
    }
    order.options.check(&at, &mut faults);
    order.options.check_recipient(&order.recipient, &root.key("recipient"), &mut faults);
    if let Some(Object(raw)) = &raw.content
        && let Some(content) = raw.parse(locations, &root.key("content"), &mut faults)
    {
        (order.content, pdf) = content.split();
    }
    let at = root.key("useType");
    if let Some(kind) = use_type(&raw.use_type, &at, &mut faults) {
        order.use_type = kind;
    }
    for (field, name, value) in [
        (&raw.external_id, "externalId", &mut order.external_id),
        (&raw.description, "description", &mut order.description),
    ] {
        // `null` and an empty text take it away.
        if *field != edge::wire::Field::Missing {
            *value = own_text(field, &root.key(name), &mut faults);
        }
    }
    if let Some(raw) = &raw.metadata {
        order.metadata = metadata(raw, &root.key("metadata"), &mut faults);
    }
    order.check_texts(&root, &mut faults);

    let remade = raw.content.is_some() || order.options != single.order.options;
    if remade || single.state == SingleState::Issue {
        to.state = SingleState::Queued;
        (to.copy, to.impressions, to.issue, to.findings) = (None, None, None, Vec::new());
    }
    let at = root.key("sendDate");
    let wish = wish(&raw.send_date, &at, &mut faults);
    // One that stayed behind is sent on the next day that there is, if nobody says when.
    if wish.is_some() || call.now > single.cancelable_until() {
        match app.store.config().calendar.send_date(wish, call.now) {
            Ok(date) => to.send_date = date,
            Err(error) => {
                let text = error.to_string();
                faults.push(&at, "send_date", format!("{}{}.", text[..1].to_uppercase(), &text[1..]));
            }
        }
    }
    if faults.is_empty() { Ok((to, pdf)) } else { Err(refused(&faults)) }
}
