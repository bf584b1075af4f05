//! Posts to addresses that clients name: the only crate that connects to them.
//!
//! A client could name what only we can reach: the machine itself, the network around it, the credentials that a cloud hands
//! out on a fixed address. So a URL is parsed into [`Url`], which exists only when it is allowed; its name is resolved
//! once; every address found is judged by [`Policy`]; and the connection goes to one of these, whatever the name
//! means a moment later. Redirects are not followed, because they could lead anywhere. Whatever the other side does,
//! a post ends in time and takes little memory.

mod client;
mod policy;
mod settings;
pub mod signing;
#[cfg(test)]
mod tests;
mod url;

pub use client::{Answer, Client, Failure, KEPT, TIMEOUT};
pub use policy::{Policy, PolicyError};
pub use settings::{NoAnswer, Outbound, SettingError};
pub use url::{Url, UrlError};
