//! `Idempotency-Key`: a POST that was answered is answered the same when it comes again.

use domain::account::Caller;
use edge::{Call, Problem, Reply};
use jiff::SignedDuration;
pub use store::idempotency::CLAIM;
use store::idempotency::{Answer, Claim, Ticket, sha256};

use crate::App;

/// Does the work of a request once for its key. `work` stores its answer with the ticket, in the transaction that does
/// the work. Without a key, the work is simply done. An answer of another kind than success is not kept, so that the
/// corrected request may use the key.
///
/// # Errors
/// 409 while the first is still running, 422 when the key was used for another request; else what `work` answers.
pub async fn once(
    app: &App,
    call: &Call,
    work: impl AsyncFnOnce(Option<&Ticket>) -> Result<Answer, Problem>,
) -> Result<Reply, Problem> {
    run(app, call, Ok, work).await
}

/// [`once`] for an answer that has a secret in it, of which only what is [`sealed`] may be stored.
///
/// # Errors
/// As [`once`].
pub async fn once_sealed(
    app: &App,
    call: &Call,
    work: impl AsyncFnOnce(Option<&Ticket>) -> Result<Answer, Problem>,
) -> Result<Reply, Problem> {
    let open = |kept: Answer| {
        let body = app.outbound()?.vault.open_text(&kept.body, &owner(call, call.caller()?))?;
        Ok(Answer { body, ..kept })
    };
    run(app, call, open, work).await
}

/// An answer as it may be stored when it has a secret in it: it opens for the key of this request alone.
///
/// # Errors
/// When it cannot be sealed.
pub fn sealed(app: &App, call: &Call, answer: &Answer) -> Result<Answer, Problem> {
    let body = app.outbound()?.vault.seal_text(&answer.body, &owner(call, call.caller()?))?;
    Ok(Answer { body, ..answer.clone() })
}

/// For whom an answer is sealed.
fn owner(call: &Call, caller: &Caller) -> String {
    let key = call.header("idempotency-key").unwrap_or_default();
    format!("answer {} {} {key}", caller.account, caller.mode.as_str())
}

async fn run(
    app: &App,
    call: &Call,
    kept: impl FnOnce(Answer) -> Result<Answer, Problem>,
    work: impl AsyncFnOnce(Option<&Ticket>) -> Result<Answer, Problem>,
) -> Result<Reply, Problem> {
    let Some(key) = call.header("idempotency-key") else { return Ok(reply(work(None).await?)) };
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "Give an Idempotency-Key of 1 to 255 visible ASCII characters.";
        return Err(Problem::new(400, "idempotency_key.invalid", message));
    }
    let mut request = call.target().into_bytes();
    request.push(b'\n');
    request.extend_from_slice(&call.body);
    let caller = call.caller()?;
    let claim = app.store.claim(&caller.account, caller.mode, key, &sha256(&request), call.now).await?;
    let ticket = match claim {
        Claim::Ours(ticket) => ticket,
        Claim::Done(answer) => return Ok(reply(kept(answer)?).header("idempotent-replayed", "true")),
        Claim::Running(left) => {
            let message = "The first request with this Idempotency-Key is still running. Try again in a moment.";
            return Err(Problem::new(409, "idempotency_key.running", message).retry_after(wait(left)));
        }
        Claim::Mismatch => {
            let message = "This Idempotency-Key was used for another request. Use a new one.";
            return Err(Problem::new(422, "idempotency_key.reused", message));
        }
    };
    match work(Some(&ticket)).await {
        Ok(answer) => Ok(reply(answer)),
        Err(problem) => {
            // After a failure of ours in the midst of several steps nobody knows what was done: the claim holds until that is over.
            let is_over = problem.is_refusal() || ticket.is_of_one_step();
            if is_over && app.store.release(&ticket).await.is_err() {
                tracing::warn!(requestId = %call.request_id, "the claim of an idempotency key could not be given back");
            }
            Err(problem)
        }
    }
}

/// In how many seconds a request is to come again whose first is running for at most so long from now on: after as long as that
/// has taken so far. So one that is answered soon is not waited for long, and six repeats outlast one that died.
fn wait(left: SignedDuration) -> u32 {
    u32::try_from((CLAIM - left).min(left).as_secs()).unwrap_or_default() + 1
}

fn reply(answer: Answer) -> Reply {
    let reply = Reply { status: answer.status, body: answer.body, headers: Vec::new() };
    match answer.location {
        Some(location) => reply.header("location", location),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_again_when_it_is_told_to_outlasts_a_first_attempt_that_died() {
        for first in [0, 300, 990, 4_000, 29_999] {
            let mut at = SignedDuration::from_millis(first);
            let mut repeats = 1;
            while at <= CLAIM {
                let wait = SignedDuration::from_secs(wait(CLAIM - at).into());
                assert!(wait <= at + SignedDuration::from_secs(1), "{wait:?} is long for one that began {at:?} ago");
                at += wait;
                repeats += 1;
            }
            assert!(repeats <= 6, "{repeats} repeats");
            assert!(at <= CLAIM + SignedDuration::from_secs(1), "it is free for {:?} already", at - CLAIM);
        }
    }
}
