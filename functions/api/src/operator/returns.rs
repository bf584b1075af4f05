//! `/v2/operator/returns`

pub mod create;
