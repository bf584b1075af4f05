//! `/v2/test`: what can be tried without mailing anything. For test keys alone.

pub mod letters;
