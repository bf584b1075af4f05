//! Writes that happen together or not at all.
//!
//! Every change that must not happen twice is a transaction, also when it touches one item: each has a token,
//! so that an attempt that took effect but lost its answer is recognised when it is sent again.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use crate::keys::Key;
use crate::table::{Item, attribute, pause};
use crate::{Store, StoreError};

/// A conditional change of one item, in DynamoDB's own expressions. Names are written `#name` and need no declaration.
pub(crate) struct Change {
    key: Key,
    expression: String,
    condition: Option<String>,
    values: HashMap<String, AttributeValue>,
}

impl Change {
    /// An update such as `SET #state = :state ADD #received :letters`.
    pub(crate) fn new(key: Key, expression: impl Into<String>) -> Self {
        Change { key, expression: expression.into(), condition: None, values: HashMap::new() }
    }

    /// What must hold before.
    pub(crate) fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// A value that the expressions name.
    pub(crate) fn value<T: Serialize>(mut self, name: &str, value: &T) -> Result<Self, StoreError> {
        self.values.insert(name.to_owned(), attribute("a value", value)?);
        Ok(self)
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        let both = format!("{} {}", self.expression, self.condition.as_deref().unwrap_or_default());
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names: HashMap<_, _> = both
            .split('#')
            .skip(1)
            .map(|rest| &rest[..rest.find(|c| !word(c)).unwrap_or(rest.len())])
            .map(|name| (format!("#{name}"), name.to_owned()))
            .collect();
        (!names.is_empty()).then_some(names)
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// Which write of a transaction was refused by its condition, and the item as it stood then.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Every write that was refused, by its place in the transaction, with the item that was there.
    pub(crate) writes: Vec<(usize, Option<Item>)>,
}

impl Refused {
    /// The item that stood in the way of the write at `place`; the outer `None` when that write was not refused.
    pub(crate) fn at(&mut self, place: usize) -> Option<Option<Item>> {
        let found = self.writes.iter().position(|(at, _)| *at == place)?;
        Some(self.writes.swap_remove(found).1)
    }
}

/// Writes to make together.
#[derive(Default)]
pub(crate) struct Transaction {
    writes: Vec<TransactWriteItem>,
}

impl Transaction {
    /// The most writes of one transaction.
    pub(crate) const LIMIT: usize = 100;

    /// Puts an item where none is.
    pub(crate) fn create(&mut self, table: &str, item: Item) -> Result<usize, StoreError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| StoreError::Missing("an item to create"))?;
        Ok(self.push(TransactWriteItem::builder().put(put).build()))
    }

    /// Puts an item over one whose attribute `name` still has that value.
    pub(crate) fn replace<T: Serialize>(
        &mut self,
        table: &str,
        item: Item,
        name: &str,
        was: &T,
    ) -> Result<usize, StoreError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("#name = :was")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":was", attribute("a value", was)?)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| StoreError::Missing("an item to replace"))?;
        Ok(self.push(TransactWriteItem::builder().put(put).build()))
    }

    /// Changes an item.
    pub(crate) fn update(&mut self, table: &str, change: Change) -> Result<usize, StoreError> {
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(change.key.attributes().into()))
            .set_expression_attribute_names(change.names())
            .set_expression_attribute_values(change.values())
            .update_expression(change.expression)
            .set_condition_expression(change.condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| StoreError::Missing("a change to make"))?;
        Ok(self.push(TransactWriteItem::builder().update(update).build()))
    }

    /// Removes an item.
    pub(crate) fn delete(&mut self, table: &str, key: &Key) -> Result<usize, StoreError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key.attributes().into()))
            .build()
            .map_err(|_| StoreError::Missing("an item to delete"))?;
        Ok(self.push(TransactWriteItem::builder().delete(delete).build()))
    }

    /// Removes an item that must be there.
    pub(crate) fn delete_existing(&mut self, table: &str, key: &Key) -> Result<usize, StoreError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key.attributes().into()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|_| StoreError::Missing("an item to delete"))?;
        Ok(self.push(TransactWriteItem::builder().delete(delete).build()))
    }

    /// Requires that an item exists.
    pub(crate) fn require(&mut self, table: &str, key: &Key) -> Result<usize, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key.attributes().into()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|_| StoreError::Missing("an item to check"))?;
        Ok(self.push(TransactWriteItem::builder().condition_check(check).build()))
    }

    fn push(&mut self, write: TransactWriteItem) -> usize {
        self.writes.push(write);
        self.writes.len() - 1
    }
}

impl Store {
    /// Makes the writes, trying again while other transactions are at the same items.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<Result<(), Refused>, StoreError> {
        // One token for all attempts: when an earlier one took effect after all, the next is told so, not refused.
        let token = format!("{:032x}", u128::from_be_bytes(crate::entropy()?));
        for attempt in 0.. {
            let sent = self
                .dynamodb()
                .transact_write_items()
                .set_transact_items(Some(transaction.writes.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let Err(error) = sent else { return Ok(Ok(())) };
            match refusal(&error) {
                Some(Cancelled::Refused(refused)) => return Ok(Err(refused)),
                Some(Cancelled::Conflict) => pause(attempt).await?,
                None => return Err(StoreError::aws("TransactWriteItems")(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Makes one change outside a transaction: for changes that do no harm when they are made twice.
    /// Answers whether its condition held.
    pub(crate) async fn change(&self, change: Change) -> Result<bool, StoreError> {
        let sent = self
            .dynamodb()
            .update_item()
            .table_name(&self.config.table)
            .set_key(Some(change.key.attributes().into()))
            .set_expression_attribute_names(change.names())
            .set_expression_attribute_values(change.values())
            .update_expression(change.expression)
            .set_condition_expression(change.condition)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StoreError::aws("UpdateItem")(error)),
        }
    }
}

enum Cancelled {
    Refused(Refused),
    Conflict,
}

/// Why DynamoDB cancelled a transaction; `None` when it failed otherwise.
fn refusal<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancelled> {
    let service = error.as_service_error()?;
    if service.is_transaction_in_progress_exception() {
        return Some(Cancelled::Conflict);
    }
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service else { return None };
    let reasons = cancelled.cancellation_reasons();
    let refused: Vec<_> = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(place, reason)| (place, reason.item().cloned()))
        .collect();
    if !refused.is_empty() {
        return Some(Cancelled::Refused(Refused { writes: refused }));
    }
    let passing = |code| matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded");
    reasons.iter().filter_map(|reason| reason.code()).any(passing).then_some(Cancelled::Conflict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_expressions_are_declared() {
        let key = Key { pk: "p".into(), sk: "s".into() };
        let change =
            Change::new(key, "SET #open.#add_01 = :x REMOVE #gsi2pk").when("#state = :y AND attribute_exists(#pk)");
        let mut names: Vec<_> = change.names().unwrap().into_values().collect();
        names.sort();
        assert_eq!(names, ["add_01", "gsi2pk", "open", "pk", "state"]);
    }
}
