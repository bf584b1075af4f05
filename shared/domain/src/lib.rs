//! The pure rules of a mailhouse. Nothing here reads a clock, a network or a disk.

pub mod fault;
