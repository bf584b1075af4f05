//! `/v2/operator/accounts/{accountId}/locations`: where an account's documents may lie.

pub mod create;
pub mod delete;
pub mod list;
