//! `/v2/scans`: what the postal service sends of its own accord.

pub mod push;

use edge::{Call, Problem};
use store::idempotency::sha256;

/// Who may push scans: the one user that the deployment has for it. Neither name nor password stays in memory, only the
/// hash of the two.
pub struct Pusher {
    credentials_sha256: String,
}

impl Pusher {
    /// Reads the settings; `None` where they are not given, as to every function but the one that takes pushes.
    pub(crate) fn from_env() -> Option<Self> {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Pusher::new(&given("MAILHOUSE_PUSH_USER")?, &given("MAILHOUSE_PUSH_PASSWORD")?))
    }

    fn new(user: &str, password: &str) -> Self {
        Pusher { credentials_sha256: hash(user, password) }
    }

    /// Lets the pusher in. Hashes are compared, so that how long it takes tells nothing about what is right.
    fn check(&self, call: &Call) -> Result<(), Problem> {
        match call.basic() {
            Some((user, password)) if hash(&user, &password) == self.credentials_sha256 => Ok(()),
            _ => Err(unauthorized()),
        }
    }
}

fn unauthorized() -> Problem {
    let message = "Send the user and the password of this deployment's pushes in the Authorization header, as Basic.";
    Problem::new(401, "unauthorized", message).challenge("Basic realm=\"scans\"")
}

fn hash(user: &str, password: &str) -> String {
    sha256(format!("{user}:{password}").as_bytes())
}
