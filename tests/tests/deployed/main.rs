//! The deployed stack from outside, over HTTP alone. It needs a stack that runs: `make up`, then `source .local/env`.
//!
//! Each test makes an account of its own, so that what others left in the stack is not in its way.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "an answer that is not as wanted has failed the test")]

mod accounts;
mod authorization;
mod callback;
mod creating;
mod editing;
mod events;
mod filling;
mod idempotency;
mod inspection;
mod listing;
mod main_job;
mod misspelling;
mod print_floor;
mod reading;
mod singles;
mod support;
mod templates;
mod tracking;
mod webhooks;
