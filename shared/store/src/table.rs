//! Reading and writing items of the one table.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Key;
use crate::{Store, StoreError};

/// An item as DynamoDB has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The attributes of a domain value.
pub(crate) fn attributes<T: Serialize>(what: &'static str, value: &T) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(StoreError::item(what))
}

/// The attribute of a domain value.
pub(crate) fn attribute<T: Serialize>(what: &'static str, value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(StoreError::item(what))
}

/// The domain value of an item.
pub(crate) fn value<T: DeserializeOwned>(what: &'static str, item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(StoreError::item(what))
}

/// A domain value under a key.
pub(crate) fn keyed<T: Serialize>(what: &'static str, key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item = attributes(what, value)?;
    item.extend(key.attributes());
    Ok(item)
}

/// Which index a query reads.
#[derive(Clone, Copy)]
pub(crate) enum Index {
    /// `by_account`.
    ByAccount,
    /// `queue`.
    Queue,
}

impl Index {
    /// Its partition key and its sort key.
    pub(crate) fn keys(self) -> (&'static str, &'static str) {
        match self {
            Index::ByAccount => ("gsi1pk", "gsi1sk"),
            Index::Queue => ("gsi2pk", "gsi2sk"),
        }
    }
}

/// A page of a query over an index or a partition.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Whether there is more after the last item.
    pub(crate) more: bool,
}

/// What to read of a partition.
pub(crate) struct Range<'a> {
    pub(crate) partition: String,
    /// Sort keys from this one on, it included.
    pub(crate) from: String,
    /// Sort keys up to this one, it included.
    pub(crate) to: String,
    /// Where to go on, not included; with `backwards`, downwards.
    pub(crate) after: Option<&'a Item>,
    pub(crate) backwards: bool,
    pub(crate) limit: i32,
}

impl<'a> Range<'a> {
    /// All sort keys that start with `prefix`, upwards.
    pub(crate) fn prefix(partition: String, prefix: &str) -> Self {
        // No sort key that we write holds a character above this one.
        let to = format!("{prefix}\u{10FFFF}");
        Range { partition, from: prefix.to_owned(), to, after: None, backwards: false, limit: i32::MAX }
    }
}

impl Store {
    /// Reads an item, the latest there is.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        what: &'static str,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let found = self
            .dynamodb()
            .get_item()
            .table_name(&self.config.table)
            .set_key(Some(key.attributes().into()))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::aws("GetItem"))?;
        found.item.map(|item| value(what, item)).transpose()
    }

    /// Reads up to a hundred items at a time, those that are there, in no order.
    pub(crate) async fn get_many(&self, keys: &[Key], consistent: bool) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(100) {
            let keys = chunk.iter().map(|key| Item::from(key.attributes())).collect();
            let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build();
            let mut pending = Some(HashMap::from([(
                self.config.table.clone(),
                request.map_err(|_| StoreError::Missing("the keys of a read"))?,
            )]));
            let mut attempt = 0;
            while let Some(request) = pending.take() {
                let answer = self
                    .dynamodb()
                    .batch_get_item()
                    .set_request_items(Some(request))
                    .send()
                    .await
                    .map_err(StoreError::aws("BatchGetItem"))?;
                found.extend(answer.responses.unwrap_or_default().into_values().flatten());
                pending = answer.unprocessed_keys.filter(|keys| !keys.is_empty());
                if pending.is_some() {
                    pause(attempt).await?;
                    attempt += 1;
                }
            }
        }
        Ok(found)
    }

    /// Reads items, the latest there are, each in the place of its key.
    pub(crate) async fn get_in_order<T: DeserializeOwned>(
        &self,
        what: &'static str,
        keys: &[Key],
    ) -> Result<Vec<Option<T>>, StoreError> {
        let mut found = HashMap::new();
        for item in self.get_many(keys, true).await? {
            let Some(key) = key_of(&item) else { continue };
            found.insert(key, value(what, item)?);
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    /// Puts an item where none is, and leaves one that is there alone.
    pub(crate) async fn put_new(&self, item: Item) -> Result<(), StoreError> {
        let sent = self
            .dynamodb()
            .put_item()
            .table_name(&self.config.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match sent {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(StoreError::aws("PutItem")(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes up to 25 items at a time without conditions: for items that only one writer can be writing.
    pub(crate) async fn put_many(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let request = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        };
        let requests: Result<Vec<_>, _> = items.into_iter().map(request).collect();
        let requests = requests.map_err(|_| StoreError::Missing("an item to write"))?;
        let mut pending = HashMap::from([(self.config.table.clone(), requests)]);
        for attempt in 0.. {
            let answer = self
                .dynamodb()
                .batch_write_item()
                .set_request_items(Some(pending))
                .send()
                .await
                .map_err(StoreError::aws("BatchWriteItem"))?;
            pending = answer.unprocessed_items.unwrap_or_default();
            if pending.is_empty() {
                return Ok(());
            }
            // Unprocessed items are how DynamoDB says that a partition is busy.
            pause(attempt).await?;
        }
        Ok(())
    }

    /// Removes an item, if it is there.
    pub(crate) async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.dynamodb()
            .delete_item()
            .table_name(&self.config.table)
            .set_key(Some(key.attributes().into()))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::aws("DeleteItem"))
    }

    /// Reads one page of a partition or of an index.
    pub(crate) async fn query(&self, index: Option<Index>, range: Range<'_>) -> Result<Page, StoreError> {
        if range.from > range.to {
            // Nothing lies between, which DynamoDB would call a fault of the query.
            return Ok(Page { items: Vec::new(), more: false });
        }
        let name = index.map(|index| match index {
            Index::ByAccount => "by_account",
            Index::Queue => "queue",
        });
        let (pk, sk) = index.map_or(("pk", "sk"), Index::keys);
        let answer = self
            .dynamodb()
            .query()
            .table_name(&self.config.table)
            .set_index_name(name.map(str::to_owned))
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", pk)
            .expression_attribute_names("#sk", sk)
            .expression_attribute_values(":pk", AttributeValue::S(range.partition))
            .expression_attribute_values(":from", AttributeValue::S(range.from))
            .expression_attribute_values(":to", AttributeValue::S(range.to))
            .set_exclusive_start_key(range.after.cloned())
            .scan_index_forward(!range.backwards)
            .consistent_read(index.is_none())
            .limit(range.limit)
            .send()
            .await
            .map_err(StoreError::aws("Query"))?;
        let more = answer.last_evaluated_key.is_some();
        Ok(Page { items: answer.items.unwrap_or_default(), more })
    }

    /// Reads all of a range, page after page.
    pub(crate) async fn query_all(
        &self,
        index: Option<Index>,
        partition: &str,
        prefix: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::<Item>::new();
        loop {
            let after = items.last().map(|item| position(item, index));
            let range = Range { after: after.as_ref(), ..Range::prefix(partition.to_owned(), prefix) };
            let page = self.query(index, range).await?;
            items.extend(page.items);
            if !page.more || items.is_empty() {
                return Ok(items);
            }
        }
    }
}

/// Where a query that read `item` last goes on.
pub(crate) fn position(item: &Item, index: Option<Index>) -> Item {
    let names: &[&str] = match index {
        None => &["pk", "sk"],
        Some(Index::ByAccount) => &["pk", "sk", "gsi1pk", "gsi1sk"],
        Some(Index::Queue) => &["pk", "sk", "gsi2pk", "gsi2sk"],
    };
    names.iter().filter_map(|&name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
}

/// The key of an item.
pub(crate) fn key_of(item: &Item) -> Option<Key> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(Key { pk: text("pk")?, sk: text("sk")? })
}

/// Waits before another attempt, longer each time and by chance, and gives up after some seconds in all.
pub(crate) async fn pause(attempt: u32) -> Result<(), StoreError> {
    const ATTEMPTS: u32 = 14;
    if attempt >= ATTEMPTS {
        return Err(StoreError::Contended("an item"));
    }
    let [random, ..] = crate::entropy::<8>()?;
    let ceiling = (10u64 << attempt.min(7)).min(1_000);
    tokio::time::sleep(Duration::from_millis(5 + ceiling * u64::from(random) / 255)).await;
    Ok(())
}
