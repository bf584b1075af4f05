//! What runs the shipped binaries as processes of their own, stands between them and AWS, and audits what they left behind.

pub mod audit;
pub mod binaries;
pub mod emulator;
pub mod floor;
pub mod house;
pub mod letters;
pub mod proxy;
pub mod receiver;
pub mod runtime;
pub mod scans;
pub mod singles;

/// What went wrong, in words for whoever reads the test's output.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// An outcome of the harness.
pub type Result<T> = std::result::Result<T, Error>;
