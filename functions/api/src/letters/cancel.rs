//! `DELETE /v2/letters/{letterId}`: takes a letter back, up to the cutoff of its send date.

use domain::event::EventKind;
use domain::single::{Guard, SingleState, TooLate};
use edge::{Call, Problem, Reply};
use store::singles::SingleChange;

use super::{Door, LETTERS};
use crate::App;

/// How often a change is tried when others change the letter at the same time.
pub(super) const ATTEMPTS: u32 = 10;

/// Answers the request: 204, also when the letter was canceled before.
///
/// # Errors
/// 404, and 409 after the cutoff.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    for _ in 0..ATTEMPTS {
        let single = super::own(app, &call, door).await?;
        match single.changeable(call.now) {
            Ok(()) => {}
            Err(TooLate::Canceled) => return Ok(Reply::empty(204)),
            Err(reason) => return Err(super::too_late(&single, reason, door)),
        }
        let mut to = single.clone();
        to.state = SingleState::Canceled;
        (to.issue, to.findings) = (None, Vec::new());
        let change = SingleChange { to, kind: EventKind::LetterCanceled, guard: Guard::Off };
        if app.store.change_single(&single, change, call.now).await?.is_ok() {
            return Ok(Reply::empty(204));
        }
    }
    Err(super::contended(door))
}
