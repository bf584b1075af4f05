//! `events.archive`: writes what is new in the logs to the archive, from where it does not go away.

use domain::account::Mode;
use jiff::Timestamp;
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "events.archive";

/// Archives every log as far as it goes now. Answers how many pieces that were.
///
/// # Errors
/// When the store does not answer; the next run goes on.
pub async fn work(store: &Store) -> Result<usize, StoreError> {
    let (mut pieces, mut after) = (0, None);
    loop {
        let accounts = store.list_accounts(100, after.as_ref()).await?;
        for account in accounts.items {
            for mode in [Mode::Live, Mode::Test] {
                while store.archive_log(&account.id, mode, Timestamp::now()).await? {
                    pieces += 1;
                }
            }
        }
        after = accounts.next;
        if after.is_none() {
            break;
        }
    }
    tracing::info!(pieces, "archived");
    Ok(pieces)
}
