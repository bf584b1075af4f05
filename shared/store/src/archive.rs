//! The archive: what the log keeps for a while, as JSON lines by day in a bucket.
//!
//! A piece of the log is pinned on the table before it is written, and counted as archived after. Whoever runs again in between
//! writes the same objects with the same lines, so that a reader of the bucket sees each event once.

use std::collections::BTreeMap;
use std::io::Write;

use domain::account::Mode;
use domain::id::AccountId;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Deserialize;

use crate::keys;
use crate::transaction::Change;
use crate::{Store, StoreError};

/// How much of a log is archived together: as many events, and no more than fit into a page of a query.
const AT_ONCE: usize = 1_000;

#[derive(Default, Deserialize)]
struct Archived {
    #[serde(default)]
    through: u64,
    #[serde(default)]
    pending: Option<u64>,
}

impl Store {
    /// Archives the next piece of a log. Answers whether there was one.
    ///
    /// # Errors
    /// When the store does not answer; the next run goes on.
    pub async fn archive_log(&self, account: &AccountId, mode: Mode, now: Timestamp) -> Result<bool, StoreError> {
        let key = keys::archived(account, mode);
        let archived: Option<Archived> = self.get("how far a log is archived", &key).await?;
        let Archived { through, pending } = archived.unwrap_or_default();
        let last = match pending {
            Some(last) => last,
            None => {
                let page = self.read_log(account, mode, through, AT_ONCE, now).await?;
                let Some(last) = page.events.last().map(|event| event.last()) else { return Ok(false) };
                let pin = Change::new(key.clone(), "SET #through = :through, #pending = :last")
                    .when("attribute_not_exists(#pending) AND (attribute_not_exists(#through) OR #through = :through)")
                    .value(":through", &through)?
                    .value(":last", &last)?;
                if !self.change(pin).await? {
                    // Another run pinned it, or this one did and did not learn of it: then it is found pinned.
                    return Ok(true);
                }
                last
            }
        };
        let mut days = BTreeMap::<String, Vec<u8>>::new();
        for news in self.read_news(account, mode, through, last).await? {
            let lines = days.entry(news.at.strftime("%Y-%m-%d").to_string()).or_default();
            serde_json::to_writer(&mut *lines, &news).map_err(StoreError::json("an event"))?;
            lines.push(b'\n');
        }
        for (day, lines) in days {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&lines).map_err(StoreError::io("packing events"))?;
            let bytes = packed.finish().map_err(StoreError::io("packing events"))?;
            let object = format!("events/{day}/{account}/{}/{:020}-{last:020}.jsonl.gz", mode.as_str(), through + 1);
            self.put_object(&self.config.archive_bucket, &object, bytes, "application/gzip").await?;
        }
        let count = Change::new(key, "SET #through = :last REMOVE #pending")
            .when("#through = :through AND #pending = :last")
            .value(":through", &through)?
            .value(":last", &last)?;
        // When the condition does not hold, another run archived the same piece.
        self.change(count).await?;
        Ok(true)
    }
}
