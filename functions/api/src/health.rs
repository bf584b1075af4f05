//! `/v2/health`

pub mod get;
