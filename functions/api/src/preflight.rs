//! `/v2/preflight`: what would become of a letter or postcard, before it is created.

pub mod create;
