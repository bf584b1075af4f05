//! What the tests share: the walls between the crates, made-up mail, the API's description, and a client of the stack.

pub mod arrows;
pub mod harness;
pub mod mail;
pub mod openapi;
pub mod oracle;
pub mod stack;
