//! How many requests a client made in a window of time.
//!
//! Counts have a table of their own: they are written with every request, and nobody reads them again, so that neither stream nor
//! backup of what matters is to carry them. A window of an account and mode is one item, which can be written a thousand
//! times a second, more than any client may ask.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::account::Mode;
use domain::id::AccountId;
use domain::limit::Limit;
use jiff::{SignedDuration, Timestamp};

use crate::{Store, StoreError};

/// For how long a count is kept after its window.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Counts a request, and answers how many there were in its window, it included. One whose answer is lost may count twice.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn count_request(
        &self,
        account: &AccountId,
        mode: Mode,
        limit: Limit,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let window = limit.window(now);
        let pk = format!("{account}#{}#{window}", mode.as_str());
        let until = (now + KEPT).as_second() + i64::from(limit.seconds());
        let counted = self
            .dynamodb()
            .update_item()
            .table_name(&self.config.requests_table)
            .key("pk", AttributeValue::S(pk))
            .update_expression("ADD #requests :one SET #ttl = :until")
            .expression_attribute_names("#requests", "requests")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":until", AttributeValue::N(until.to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(StoreError::aws("UpdateItem"))?;
        let count = counted.attributes.as_ref().and_then(|item| item.get("requests"));
        count.and_then(|count| count.as_n().ok()?.parse().ok()).ok_or(StoreError::Missing("the count of requests"))
    }
}
