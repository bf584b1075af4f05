//! `/v2/postcards`: postcards that are sent by themselves, each a resource of its own, as letters are.

pub mod cancel;
pub mod create;
pub mod download;
pub mod events;
pub mod get;
pub mod list;
pub mod proof;
pub mod update;
