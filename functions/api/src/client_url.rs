//! URLs at which clients want to be told of their news: read in one way, whoever asks for them.

use domain::fault::{Faults, Pointer};
use edge::wire::Field;
use outbound::{Policy, Url};

/// Reads a URL that may be posted to, as far as it can be judged before its name is resolved, or adds what is wrong with it.
pub(crate) fn read(field: &Field<'_>, at: &Pointer<'_>, policy: &Policy, faults: &mut Faults) -> Option<String> {
    let url = field.text(at, faults)?;
    match Url::parse(url, policy) {
        Ok(url) => Some(url.as_str().to_owned()),
        Err(error) => {
            faults.push(at, "url", error.to_string());
            None
        }
    }
}
