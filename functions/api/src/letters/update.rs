//! `PATCH /v2/letters/{letterId}`: changes a letter up to the cutoff of its send date. What is not given stays.

use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::location::Location;
use domain::single::{Content, Guard, MAX_HISTORY, Place, Single, SingleState, TooLate};
use edge::wire::{self, Field, Object};
use edge::{Call, Problem, Reply};
use store::documents::CHANGED;
use store::singles::{NotChanged, SingleChange};

use super::cancel::ATTEMPTS;
use super::create::{guard, refused};
use super::wire::{RawMetadata, RawSingle, metadata, own_text, refuse_odd, use_type, wish};
use super::{Door, LETTERS};
use crate::App;
use crate::content::{NewContent, Piece, object};

/// Where a letter's own variables are in a request.
const OWN: Pointer<'static> = Pointer::Key(&Pointer::Key(&Pointer::Root, "recipient"), "variables");

/// Answers the request: 200 with the letter, 202 when its new HTML is rendered later. It is inspected again if its document or how
/// it is made changed, or if it had an issue.
///
/// # Errors
/// 400, 404, 409 after the cutoff, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let mut unknown = Faults::default();
    let raw: RawSingle<'_> = wire::read_known(&call.body, &mut unknown)?;
    if !unknown.is_empty() {
        return Err(refused(&unknown));
    }
    // What is printed is made once, however often the letter has to be read again.
    let mut kept: Option<Content> = None;
    for _ in 0..ATTEMPTS {
        let single = super::own(app, &call, door).await?;
        single.changeable(call.now).map_err(|reason| super::too_late(&single, reason, door))?;
        if single.history.len() >= MAX_HISTORY {
            return Err(super::too_late(&single, TooLate::TooOften, door));
        }
        // One with an issue is looked at again, and so is its object. Whether what was written over it meanwhile is the same letter,
        // its client has to say.
        let is_changed = single.issue.as_ref().is_some_and(|issue| issue.code == CHANGED);
        let looked_at_again = single.state == SingleState::Issue && raw.content.is_none() && !is_changed;
        let locations = match raw.content.is_some() || looked_at_again {
            true => app.store.list_locations(&single.account).await?,
            false => Vec::new(),
        };
        let (mut to, content) = changed(app, &call, &raw, &single, &locations)?;
        let may_be_other = raw.content.is_some() || raw.recipient.is_some() || looked_at_again;
        let guard = match may_be_other || raw.allow_duplicate.is_given() {
            true => {
                let account = app.store.account(&single.account).await?;
                guard(
                    &raw,
                    account.is_none_or(|account| account.duplicate_guard),
                    &Pointer::Root,
                    &mut Faults::default(),
                )
            }
            false => Guard::Off,
        };
        if let (true, Place::Theirs(path)) = (looked_at_again, single.order.content.place())
            && let Some(location) = locations.iter().find(|location| location.holds(path))
        {
            to.order.content = object(app, path.clone(), location, guard).await;
        }
        if let Some((content, piece)) = content {
            let mut faults = Faults::default();
            if kept.is_none() {
                let at = Pointer::Root.key("content");
                let made = content.keep(app, call.caller()?, &[piece], guard, &at, &mut faults).await?;
                kept = made.and_then(|mut made| made.pop());
            }
            if let Some(kept) = &kept {
                to.order.content = kept.clone();
                to.order.check_texts(&Pointer::Root, &mut faults);
            }
            if !faults.is_empty() {
                return Err(refused(&faults));
            }
        }
        // Of what stays the same letter, what was said of duplicates stays too.
        let is_same = to.order.likeness() == single.order.likeness();
        match single.order.content.guard() {
            Some(said) if is_same && !raw.allow_duplicate.is_given() => to.order.content.guard_by(said),
            _ => to.order.content.guard_by(guard),
        }
        let change = SingleChange { to, kind: EventKind::LetterUpdated, guard };
        match app.store.change_single(&single, change, call.now).await? {
            Ok(single) => {
                let reply = super::get::show(app, &single, None).await?;
                let is_new = single.order.content.is_unmade() && raw.content.is_some();
                return Ok(if is_new { Reply { status: 202, ..reply } } else { reply });
            }
            Err(NotChanged::Guarded(guarded)) => return Err(super::guarded(&guarded, false, door)),
            Err(NotChanged::Changed) => {}
        }
    }
    Err(super::contended(door))
}

/// What a letter becomes, and its new content if there is any, of which what is kept has yet to be made.
fn changed(
    app: &App,
    call: &Call,
    raw: &RawSingle<'_>,
    single: &Single,
    locations: &[Location],
) -> Result<(Single, Option<(NewContent, Piece<'static>)>), Problem> {
    let mut faults = Faults::default();
    let root = Pointer::Root;
    // Said of what the letter becomes; whether it matters is looked at later.
    raw.allow_duplicate.flag(&root.key("allowDuplicate"), &mut faults);
    let mut to = single.clone();
    let order = &mut to.order;
    if raw.recipients.is_some() {
        faults.push(&root.key("recipients"), "recipients.one", "It has one recipient: give recipient.");
    }
    let at = root.key("options");
    if let Some(Object(raw)) = &raw.options {
        order.options = raw.parse(order.options.clone(), &at, &mut faults);
    }
    if let Some(Object(raw)) = &raw.sender
        && let Some((sender, return_address)) = raw.parse(&root.key("sender"), &mut faults)
    {
        (order.sender, order.return_address) = (sender, return_address);
    }
    let (check, here) = (order.options.address_check, root.key("recipient"));
    let own = raw.recipient.as_ref().map(|Object(recipient)| recipient);
    match own {
        Some(raw) => {
            if let Some((recipient, warnings)) = raw.parse(check, &here, &mut faults) {
                (order.recipient, order.warnings) = (recipient, warnings);
            }
        }
        // The recipient that it has was looked at by another check.
        None if check != single.order.options.address_check => {
            refuse_odd(&order.warnings, check, &here, &mut faults);
        }
        None => {}
    }
    order.options.check(&at, &mut faults);
    order.options.check_recipient(&order.recipient, &here, &mut faults);
    let content = match &raw.content {
        Some(Object(content)) => {
            content.parse(raw.variables, locations, &order.options.finish, &root.key("content"), &mut faults)
        }
        None => None,
    };
    let variables = own.and_then(|own| own.variables);
    let variables = match &content {
        Some(content) => content.own_variables(variables, &OWN, &mut faults),
        None => {
            if (variables.is_some() || raw.variables.is_some()) && raw.content.is_none() {
                let message = "It keeps what was made of its variables: give its content again with them.";
                faults.push(&root.key("content"), "required", message);
            }
            None
        }
    };
    let at = root.key("useType");
    if let Some(kind) = use_type(&raw.use_type, &at, &mut faults) {
        order.use_type = kind;
    }
    // What is the recipient's own goes before what is the letter's, as in a new one; `null` and an empty text take it away.
    let mut text = |field: &Field<'_>, at: &Pointer<'_>| match field {
        Field::Missing => None,
        given => Some(own_text(given, at, &mut faults)),
    };
    let of_all = text(&raw.external_id, &root.key("externalId"));
    let of_one = own.and_then(|own| text(&own.external_id, &here.key("externalId")));
    if of_all.is_some() || of_one.is_some() {
        order.external_id = of_one.flatten().or(of_all.flatten());
    }
    if let Some(description) = text(&raw.description, &root.key("description")) {
        order.description = description;
    }
    let mut pairs = |raw: &RawMetadata<'_>, at: &Pointer<'_>| metadata(raw, at, &mut faults);
    let of_all = raw.metadata.as_ref().map(|raw| raw.as_ref().map(|raw| pairs(raw, &root.key("metadata"))));
    let of_one = own.and_then(|own| own.metadata.as_ref()).map(|raw| pairs(raw, &here.key("metadata")));
    if let Some(metadata) = of_one.or(of_all.map(Option::unwrap_or_default)) {
        order.metadata = metadata;
    }
    // What new content has of variables is looked at when it is made.
    if raw.content.is_none() {
        order.check_texts(&root, &mut faults);
    }

    let remade = raw.content.is_some() || order.options != single.order.options;
    if remade || single.state == SingleState::Issue {
        to.state = SingleState::Queued;
        (to.impressions, to.issue, to.findings) = (None, None, Vec::new());
    }
    if raw.content.is_some() {
        to.copy = None;
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
    let content = content.map(|content| (content, Piece { own: variables, at: OWN }));
    if faults.is_empty() { Ok((to, content)) } else { Err(refused(&faults)) }
}
