//! `/v2/operator/accounts/{accountId}/keys`: API keys.

pub mod create;
pub mod list;
pub mod revoke;
