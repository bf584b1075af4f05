//! What the tests share: the walls between the crates, the API's description, and a client of the deployed stack.

pub mod arrows;
pub mod harness;
pub mod openapi;
pub mod stack;
