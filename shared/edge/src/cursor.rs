//! Cursors of lists: opaque to the client, and signed, so that nobody can make one that reads what is not theirs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::Problem;

const SIGNATURE: usize = 16;

/// Signs cursors.
pub struct Cursors {
    key: Vec<u8>,
}

impl Cursors {
    /// With the deployment's secret.
    pub fn new(secret: &str) -> Self {
        Cursors { key: secret.as_bytes().to_vec() }
    }

    /// A cursor that is good for `list` alone: the operation, and whose list it is.
    ///
    /// # Errors
    /// When the position cannot be written.
    pub fn seal<T: Serialize>(&self, list: &str, position: &T) -> Result<String, Problem> {
        let mut bytes = serde_json::to_vec(position)?;
        let signature = self.sign(list, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position of a cursor.
    ///
    /// # Errors
    /// 400 when it is not a cursor that [`Cursors::seal`] made for `list`.
    pub fn open<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<T, Problem> {
        let open = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let (position, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
            self.sign(list, position).verify_truncated_left(signature).ok()?;
            serde_json::from_slice(position).ok()
        };
        open().ok_or_else(|| {
            Problem::new(
                400,
                "cursor.invalid",
                "The cursor is not one of this list. Pass \"nextCursor\" as it was given.",
            )
        })
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn sign(&self, list: &str, position: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(position);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_the_list_it_was_made_for() {
        let cursors = Cursors::new("secret");
        let cursor = cursors.seal("batches.list acct_A live", &"position").unwrap();
        assert_eq!(cursors.open::<String>("batches.list acct_A live", &cursor).unwrap(), "position");
        assert!(cursors.open::<String>("batches.list acct_B live", &cursor).is_err());
        assert!(Cursors::new("other").open::<String>("batches.list acct_A live", &cursor).is_err());
    }

    #[test]
    fn a_cursor_that_was_changed_is_refused() {
        let cursors = Cursors::new("secret");
        let cursor = cursors.seal("l", &"position").unwrap();
        for broken in
            ["", "a", "!!", &cursor[1..], &format!("{cursor}A"), &cursor.replacen('b', "c", 1).replacen('I', "J", 1)]
        {
            if broken != cursor {
                assert!(cursors.open::<String>("l", broken).is_err(), "{broken}");
            }
        }
    }
}
