//! The rules by tables and by chance, and the client against servers on loopback that misbehave.

mod addresses;
mod servers;
