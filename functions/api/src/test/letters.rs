//! `/v2/test/letters/{letterId}`

pub mod advance;
