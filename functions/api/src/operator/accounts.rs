//! `/v2/operator/accounts`: the clients of the house.

pub mod create;
pub mod get;
pub mod list;
pub mod update;
