//! `/v2/docs`

pub mod get;
