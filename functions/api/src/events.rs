//! `/v2/events`: what happened to the caller's mail, in one order.

pub mod list;
