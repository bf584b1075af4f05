//! `/v2/letters`: letters that are sent by themselves, each a resource of its own.

pub mod cancel;
pub mod create;
pub mod download;
pub mod events;
pub mod get;
pub mod list;
mod multipart;
pub mod update;
mod wire;

use domain::fault::{Faults, Pointer};
use domain::id::SingleId;
use domain::single::{Single, TooLate};
use edge::{Call, Problem};
use store::duplicates::Guarded;

use crate::App;

/// The letter that the path names, if it is the caller's. Another's is not found, like one that does not exist.
async fn own(app: &App, call: &Call) -> Result<Single, Problem> {
    let caller = call.caller()?;
    let single = match SingleId::parse(call.parameter("letterId")) {
        Ok(id) => app.store.single(&id).await?,
        Err(_) => None,
    };
    single
        .filter(|single| single.account == caller.account && single.mode == caller.mode)
        .ok_or_else(|| Problem::not_found("letter"))
}

/// The answer about a letter that can no longer be changed.
fn too_late(single: &Single, reason: TooLate) -> Problem {
    let message = match reason {
        TooLate::Cutoff(until) => format!("The letter could be changed and canceled until {until}."),
        TooLate::Canceled => "The letter was canceled and can no longer be changed.".to_owned(),
        TooLate::TooOften => "The letter was changed too often. Cancel it and create another.".to_owned(),
    };
    let code = match reason {
        TooLate::Cutoff(_) => "letter.too_late",
        TooLate::Canceled => "letter.canceled",
        TooLate::TooOften => "letter.changed_too_often",
    };
    Problem::new(409, code, message).with("cancelableUntil", &single.cancelable_until())
}

/// The answer about letters that are duplicates. `many` says that each is one of several recipients.
fn guarded(guarded: &Guarded, many: bool) -> Problem {
    let Guarded::Duplicates(duplicates) = guarded else {
        let message = "Another request is creating such a letter just now. Try again in a moment.";
        return Problem::new(409, "letter.being_created", message).retry_after(1);
    };
    let mut faults = Faults::default();
    let root = Pointer::Root;
    let (one, list) = (root.key("recipient"), root.key("recipients"));
    for (place, earlier) in duplicates {
        let message = format!(
            "The letter {earlier}, created within the last 7 days, has this document and this recipient. To send it once \
             more, set allowDuplicate."
        );
        faults.push(&if many { list.index(*place) } else { one }, "duplicate", message);
    }
    let ids: Vec<&SingleId> = duplicates.iter().map(|(_, earlier)| earlier).collect();
    Problem::faulty(409, "letter.duplicate", &faults).with("duplicateOf", &ids)
}

/// The answer when others change a letter at the same time, again and again.
fn contended() -> Problem {
    let message = "The letter is being changed by others at once. Try again in a moment.";
    Problem::new(409, "letter.being_changed", message).retry_after(1)
}
