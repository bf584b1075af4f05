//! URLs that may be posted to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;

use crate::Policy;

/// The longest URL that is taken.
const LONGEST: usize = 2_048;

/// Why a URL may not be posted to, said to the client that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Too long.
    #[error("Give a URL of at most {LONGEST} characters.")]
    TooLong,
    /// Not a URL.
    #[error("Give an absolute URL such as https://example.com/hooks, in ASCII, with other characters percent-encoded.")]
    Malformed,
    /// Another scheme than https.
    #[error("Give a URL that starts with https://.")]
    Scheme,
    /// A user name or a password.
    #[error("Give a URL without a user name or password; what we post is signed.")]
    Userinfo,
    /// A fragment, which is never sent.
    #[error("Give a URL without a fragment (#…), which would not be sent.")]
    Fragment,
    /// A port that is none.
    #[error("Give a port from 1 to 65535, or none.")]
    Port,
    /// A host that is no name and no address.
    #[error("Give the full name of a host, such as hooks.example.com, or a public IP address.")]
    Host,
    /// An address that may not be connected to.
    #[error("Give a host on the public internet.")]
    NotPublic,
}

/// A host as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// By name, still to be resolved.
    Name(String),
    /// By its address, which is allowed.
    Address(IpAddr),
}

/// A URL that may be posted to, as far as it can be judged without resolving its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    pub(crate) https: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// Host and port as they are sent, in lower case.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// Why it may not be posted to.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, UrlError> {
        if text.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        // Others read a backslash as a slash.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(UrlError::Malformed);
        }
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if policy.lists_any() => false,
            _ => return Err(UrlError::Scheme),
        };
        if authority.as_str().contains('@') {
            return Err(UrlError::Userinfo);
        }
        let port = port(authority.as_str(), authority.host())?;
        let host = host(&authority.host().to_ascii_lowercase(), policy).ok_or(UrlError::Host)?;
        if let Host::Address(address) = host
            && !policy.allows(address, https)
        {
            return Err(UrlError::NotPublic);
        }
        let named = authority.host().to_ascii_lowercase();
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        Ok(Url {
            text: text.to_owned(),
            https,
            host,
            port: port.unwrap_or(if https { 443 } else { 80 }),
            authority: port.map_or_else(|| named.clone(), |port| format!("{named}:{port}")),
            target,
        })
    }

    /// The URL as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What follows the host.
fn port(authority: &str, host: &str) -> Result<Option<u16>, UrlError> {
    match authority.strip_prefix(host) {
        Some("") => Ok(None),
        Some(rest) => {
            let digits = rest.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0).map(Some).ok_or(UrlError::Port)
        }
        None => Err(UrlError::Malformed),
    }
}

fn host(host: &str, policy: &Policy) -> Option<Host> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().ok().map(|address| Host::Address(address.into()));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(Host::Address(address.into()));
    }
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is an address in disguise to many resolvers: 127.1, 0x7f.0.0.1, 2130706433.
    let last = labels.last()?;
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // A single label means something only in a network of one's own.
    let is_full = labels.len() > 1 || policy.lists_any();
    (host.len() <= 253 && labels.iter().all(is_label) && !is_number && is_full).then(|| Host::Name(host.to_owned()))
}
