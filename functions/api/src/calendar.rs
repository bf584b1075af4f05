//! `/v2/calendar`: on which days mail is made.

pub mod get;
