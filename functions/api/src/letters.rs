//! `/v2/letters`: letters that are sent by themselves, each a resource of its own. Postcards are the same but for what
//! `Door` says of them, and `/v2/postcards` answers by what is here.

pub mod cancel;
pub mod create;
pub mod download;
pub mod events;
pub mod get;
pub mod list;
mod multipart;
pub mod proof;
pub mod update;
pub(crate) mod wire;

use domain::fault::{Faults, Pointer};
use domain::id::SingleId;
use domain::single::{Kind, Single, TooLate};
use edge::{Call, Problem};
use store::duplicates::Guarded;

use self::create::Places;
use crate::App;

/// What differs between letters and postcards to their clients.
pub(crate) struct Door {
    /// What is sent through it.
    pub(crate) kind: Kind,
    /// The parameter of the path that names one.
    parameter: &'static str,
    /// Where they are.
    path: &'static str,
    /// What the answer calls those of several recipients.
    ids: &'static str,
    /// The name of the list.
    list: &'static str,
    too_late: &'static str,
    canceled: &'static str,
    changed_too_often: &'static str,
    being_changed: &'static str,
    duplicate: &'static str,
    being_created: &'static str,
    no_document: &'static str,
    no_proof: &'static str,
}

/// `/v2/letters`.
pub(crate) static LETTERS: Door = Door {
    kind: Kind::Letter,
    parameter: "letterId",
    path: "/v2/letters",
    ids: "letterIds",
    list: "singles.list",
    too_late: "letter.too_late",
    canceled: "letter.canceled",
    changed_too_often: "letter.changed_too_often",
    being_changed: "letter.being_changed",
    duplicate: "letter.duplicate",
    being_created: "letter.being_created",
    no_document: "letter.no_document",
    no_proof: "letter.no_proof",
};

/// `/v2/postcards`.
pub(crate) static POSTCARDS: Door = Door {
    kind: Kind::Postcard,
    parameter: "postcardId",
    path: "/v2/postcards",
    ids: "postcardIds",
    list: "postcards.list",
    too_late: "postcard.too_late",
    canceled: "postcard.canceled",
    changed_too_often: "postcard.changed_too_often",
    being_changed: "postcard.being_changed",
    duplicate: "postcard.duplicate",
    being_created: "postcard.being_created",
    no_document: "postcard.no_document",
    no_proof: "postcard.no_proof",
};

/// The letter or postcard that the path names, if it is the caller's. Another's is not found, like one that does not exist.
async fn own(app: &App, call: &Call, door: &Door) -> Result<Single, Problem> {
    let caller = call.caller()?;
    let single = match SingleId::parse(call.parameter(door.parameter)) {
        Ok(id) if id.kind() == door.kind => app.store.single(&id).await?,
        _ => None,
    };
    single
        .filter(|single| single.account == caller.account && single.mode == caller.mode)
        .ok_or_else(|| Problem::not_found(door.kind.as_str()))
}

/// The answer about one that can no longer be changed.
fn too_late(single: &Single, reason: TooLate, door: &Door) -> Problem {
    let kind = door.kind.as_str();
    let message = match reason {
        TooLate::Cutoff(until) => format!("The {kind} could be changed and canceled until {until}."),
        TooLate::Canceled => format!("The {kind} was canceled and can no longer be changed."),
        TooLate::TooOften => format!("The {kind} was changed too often. Cancel it and create another."),
    };
    let code = match reason {
        TooLate::Cutoff(_) => door.too_late,
        TooLate::Canceled => door.canceled,
        TooLate::TooOften => door.changed_too_often,
    };
    Problem::new(409, code, message).with("cancelableUntil", &single.cancelable_until())
}

/// The answer about those that are duplicates. `many` says that each is one of several recipients.
fn guarded(guarded: &Guarded, many: bool, door: &Door) -> Problem {
    let kind = door.kind.as_str();
    let Guarded::Duplicates(duplicates) = guarded else {
        let message = format!("Another request is creating such a {kind} just now. Try again in a moment.");
        return Problem::new(409, door.being_created, message).retry_after(1);
    };
    let mut faults = Faults::default();
    tell_duplicates(duplicates, many, door, &Places::of(&Pointer::Root), &mut faults);
    let ids: Vec<&SingleId> = duplicates.iter().map(|(_, earlier)| earlier).collect();
    Problem::faulty(409, door.duplicate, &faults).with("duplicateOf", &ids)
}

/// Adds a fault for each that is a duplicate.
pub(crate) fn tell_duplicates(
    duplicates: &[(usize, SingleId)],
    many: bool,
    door: &Door,
    places: &Places<'_>,
    faults: &mut Faults,
) {
    for (place, earlier) in duplicates {
        let message = format!(
            "The {} {earlier}, created within the last 7 days, has this document and this recipient. To send it once more, set \
             allowDuplicate.",
            door.kind.as_str()
        );
        faults.push(&if many { places.many.index(*place) } else { places.one }, "duplicate", message);
    }
}

/// The answer when others change it at the same time, again and again.
fn contended(door: &Door) -> Problem {
    let message = format!("The {} is being changed by others at once. Try again in a moment.", door.kind.as_str());
    Problem::new(409, door.being_changed, message).retry_after(1)
}

/// The answer when the document has not passed inspection.
fn no_document(door: &Door) -> Problem {
    let kind = door.kind.as_str();
    let message = format!("The document of the {kind} has not passed inspection, so that there is nothing to show.");
    Problem::new(404, door.no_document, message)
}
