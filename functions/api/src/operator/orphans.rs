//! `/v2/operator/orphans`

pub mod list;
