//! Capacity units by DynamoDB's own rules, from the requests that were made: they are replayed on a copy of the table, so
//! that each item's size is known before and after each write. The copy is compared with the table in the end.
//!
//! The rules, from the Amazon DynamoDB Developer Guide:
//! - "DynamoDB item sizes and formats": names and strings count their UTF-8 bytes; a number one byte for two significant
//!   digits and one more, and one for a sign; a truth value or null one; a list or map three and one for each element.
//! - "DynamoDB read and write operations": a write costs a unit for each 1 KB of the item, by the larger of its sizes
//!   before and after. A write whose condition fails costs the same. In a transaction each costs double, a condition
//!   check too. A strongly consistent read costs a unit for each 4 KB, of each item or of the whole page of a query; an
//!   eventually consistent one costs half.
//! - "Using global secondary indexes", write throughput: an entry that is added, removed or altered costs a write of its
//!   own size, one that gets another key costs two, one that stays as it was costs none. Our indexes hold keys only. An
//!   index follows its table after the transaction and outside of it, so that its entries are not doubled.

use std::collections::{BTreeMap, HashMap};

use ::tests::harness::emulator::Emulator;
use ::tests::harness::proxy::Call;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

use super::Result;

/// An item in DynamoDB's JSON.
type Item = Map<String, Value>;

/// The indexes by their keys.
const INDEXES: [[&str; 2]; 2] = [["gsi1pk", "gsi1sk"], ["gsi2pk", "gsi2sk"]];

/// Units.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Units {
    /// Written to the table outside of transactions.
    pub(crate) plain: f64,
    /// Written to the table in transactions.
    pub(crate) transacted: f64,
    /// Written to indexes.
    pub(crate) indexed: f64,
    /// Read.
    pub(crate) read: f64,
}

impl Units {
    /// All that was written.
    pub(crate) fn written(&self) -> f64 {
        self.plain + self.transacted + self.indexed
    }

    /// Adds others.
    pub(crate) fn add(&mut self, other: Units) {
        self.plain += other.plain;
        self.transacted += other.transacted;
        self.indexed += other.indexed;
        self.read += other.read;
    }
}

/// A copy of a table.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    items: HashMap<(String, String), Item>,
}

impl Replay {
    /// Copies a table as it is.
    ///
    /// # Errors
    /// When the table does not answer.
    pub(crate) async fn of(emulator: &Emulator, table: &str) -> Result<Self> {
        let mut items = HashMap::new();
        let mut after = None;
        loop {
            let scan = emulator.dynamodb.scan().table_name(table).consistent_read(true);
            let page = scan.set_exclusive_start_key(after).send().await?;
            for item in page.items.unwrap_or_default() {
                let item: Item = item.iter().map(|(name, value)| (name.clone(), json_of(value))).collect();
                items.insert(key(&item)?, item);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(Replay { items });
            }
        }
    }

    /// Whether the copy still is what the table is.
    ///
    /// # Errors
    /// The first difference: then the replay is wrong, and its units are.
    pub(crate) fn compare(&self, table: &Replay) -> Result<()> {
        for (key, item) in &table.items {
            if self.items.get(key) != Some(item) {
                let found = self.items.get(key).map(|item| Value::Object(item.clone()));
                return Err(format!("the replay differs at {key:?}: {found:?}, in the table {item:?}").into());
            }
        }
        match self.items.len() == table.items.len() {
            true => Ok(()),
            false => Err(format!("the replay has {} items, the table {}", self.items.len(), table.items.len()).into()),
        }
    }

    /// The size of the largest item whose sort key begins so.
    pub(crate) fn largest(&self, sort_key: &str) -> usize {
        self.items.iter().filter(|((_, sk), _)| sk.starts_with(sort_key)).map(|(_, item)| size(item)).max().unwrap_or(0)
    }

    /// How many items have these attributes.
    pub(crate) fn with(&self, attributes: &[&str]) -> usize {
        self.items.values().filter(|item| attributes.iter().all(|name| item.contains_key(*name))).count()
    }

    /// Makes a call once more, and answers what it cost.
    ///
    /// # Errors
    /// When it is a call of a kind that is not known here.
    pub(crate) fn call(&mut self, call: &Call) -> Result<Units> {
        let mut units = Units::default();
        if !(matches!(call.status, 200 | 400)) || call.operation.starts_with("S3 ") {
            return Ok(units);
        }
        let takes_effect = call.status == 200;
        let request = || serde_json::from_slice::<Value>(&call.request);
        let response = || serde_json::from_slice::<Value>(&call.response);
        match call.operation.as_str() {
            "PutItem" => units.add(self.put(&request()?["Item"], takes_effect, 1.0)?),
            "UpdateItem" => units.add(self.update(&request()?, takes_effect, 1.0)?),
            "DeleteItem" => units.add(self.delete(&request()?["Key"], takes_effect, 1.0)?),
            "BatchWriteItem" => {
                if response()?["UnprocessedItems"].as_object().is_some_and(|left| !left.is_empty()) {
                    return Err("the emulator left items of a batch unprocessed".into());
                }
                for write in request()?["RequestItems"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, writes)| writes.as_array())
                    .flatten()
                {
                    units.add(match write.get("PutRequest") {
                        Some(put) => self.put(&put["Item"], takes_effect, 1.0)?,
                        None => self.delete(&write["DeleteRequest"]["Key"], takes_effect, 1.0)?,
                    });
                }
            }
            "TransactWriteItems" => {
                for write in request()?["TransactItems"].as_array().into_iter().flatten() {
                    let (kind, write) =
                        write.as_object().and_then(|write| write.iter().next()).ok_or("an empty write")?;
                    units.add(match kind.as_str() {
                        "Put" => self.put(&write["Item"], takes_effect, 2.0)?,
                        "Update" => self.update(write, takes_effect, 2.0)?,
                        "Delete" => self.delete(&write["Key"], takes_effect, 2.0)?,
                        _ => self.delete(&write["Key"], false, 2.0)?,
                    });
                }
            }
            "GetItem" => {
                let item = response()?["Item"].as_object().map_or(0, size);
                units.read += reads(item, &request()?["ConsistentRead"]);
            }
            "BatchGetItem" => {
                let (request, response) = (request()?, response()?);
                for (table, wanted) in request["RequestItems"].as_object().into_iter().flatten() {
                    let found = response["Responses"][table].as_array().map(Vec::as_slice).unwrap_or_default();
                    let asked = wanted["Keys"].as_array().map_or(0, Vec::len);
                    let cost = |bytes| reads(bytes, &wanted["ConsistentRead"]);
                    units.read += found.iter().filter_map(Value::as_object).map(|item| cost(size(item))).sum::<f64>();
                    units.read += asked.saturating_sub(found.len()) as f64 * cost(0);
                }
            }
            "Query" => {
                let found: usize =
                    response()?["Items"].as_array().into_iter().flatten().filter_map(Value::as_object).map(size).sum();
                units.read += reads(found, &request()?["ConsistentRead"]);
            }
            "SendMessage" | "SendMessageBatch" => {}
            other => return Err(format!("what {other} costs is not known").into()),
        }
        Ok(units)
    }

    fn put(&mut self, item: &Value, takes_effect: bool, times: f64) -> Result<Units> {
        let item = item.as_object().ok_or("a put without an item")?;
        self.write(key(item)?, Some(item.clone()), takes_effect, times)
    }

    fn delete(&mut self, of: &Value, takes_effect: bool, times: f64) -> Result<Units> {
        self.write(key(of.as_object().ok_or("a delete without a key")?)?, None, takes_effect, times)
    }

    fn update(&mut self, update: &Value, takes_effect: bool, times: f64) -> Result<Units> {
        let of = update["Key"].as_object().ok_or("an update without a key")?;
        let mut item = self.items.get(&key(of)?).cloned().unwrap_or_else(|| of.clone());
        if takes_effect {
            apply(update, &mut item)?;
        }
        self.write(key(of)?, Some(item), takes_effect, times)
    }

    /// Writes an item, or what would have been written had its condition held.
    fn write(&mut self, key: (String, String), item: Option<Item>, takes_effect: bool, times: f64) -> Result<Units> {
        let before = self.items.get(&key);
        let after = if takes_effect { item.as_ref() } else { before };
        let bytes = before.map_or(0, size).max(after.map_or(0, size));
        let cost = times * kilobytes(bytes);
        let mut units = if times > 1.0 {
            Units { transacted: cost, ..Units::default() }
        } else {
            Units { plain: cost, ..Units::default() }
        };
        for index in INDEXES {
            units.indexed +=
                match (before.and_then(|item| entry(item, index)), after.and_then(|item| entry(item, index))) {
                    (None, None) => 0.0,
                    (Some(before), Some(after)) if before == after => 0.0,
                    (Some(before), Some(after)) => kilobytes(size(&before)) + kilobytes(size(&after)),
                    (Some(only), None) | (None, Some(only)) => kilobytes(size(&only)),
                };
        }
        if takes_effect {
            match item {
                Some(item) => self.items.insert(key, item),
                None => self.items.remove(&key),
            };
        }
        Ok(units)
    }
}

/// The entry of an item in an index that holds keys only, if it has one.
fn entry(item: &Item, index: [&str; 2]) -> Option<Item> {
    let [pk, sk] = index;
    ["pk", "sk", pk, sk].iter().map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect()
}

fn kilobytes(bytes: usize) -> f64 {
    bytes.div_ceil(1_024).max(1) as f64
}

fn reads(bytes: usize, consistent: &Value) -> f64 {
    bytes.div_ceil(4_096).max(1) as f64 * if consistent == true { 1.0 } else { 0.5 }
}

fn key(item: &Item) -> Result<(String, String)> {
    let text = |name: &str| item.get(name).and_then(|value| value["S"].as_str()).map(str::to_owned);
    Ok((text("pk").ok_or("no pk")?, text("sk").ok_or("no sk")?))
}

fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(number)) => {
            let digits = number.trim_start_matches('-').replace('.', "");
            let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
            significant.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
        }
        ("M", Value::Object(map)) => 3 + map.iter().map(|(name, value)| 1 + name.len() + size_of(value)).sum::<usize>(),
        ("L", Value::Array(list)) => 3 + list.iter().map(|value| 1 + size_of(value)).sum::<usize>(),
        _ => 1,
    }
}

/// Does to an item what an update expression says. Of the language of expressions it knows what the store uses.
fn apply(update: &Value, item: &mut Item) -> Result<()> {
    let expression = update["UpdateExpression"].as_str().ok_or("an update without an expression")?;
    let mut clauses = BTreeMap::<&str, Vec<&str>>::new();
    let mut clause = "";
    for word in expression.split_whitespace() {
        match word {
            "SET" | "ADD" | "REMOVE" => clause = word,
            _ => clauses.entry(clause).or_default().push(word),
        }
    }
    let value =
        |name: &str| update["ExpressionAttributeValues"].get(name).cloned().ok_or_else(|| format!("no value {name}"));
    let path = |text: &str| -> Vec<String> {
        let name = |part: &str| update["ExpressionAttributeNames"][part].as_str().unwrap_or(part).to_owned();
        text.split('.').map(name).collect()
    };
    for (clause, words) in clauses {
        let text = words.join(" ");
        for action in text.split(',').map(str::trim) {
            let words: Vec<&str> = action.split(' ').collect();
            match (clause, words.as_slice()) {
                ("SET", [target, "=", source]) if source.starts_with(':') => {
                    set(item, &path(target), Some(value(source)?))?
                }
                ("SET", [target, "=", left, sign @ ("+" | "-"), right]) => {
                    let operand = |text: &str| -> Result<i64> {
                        if text.starts_with(':') { number(&value(text)?) } else { number(&found(item, &path(text))) }
                    };
                    let (left, right) = (operand(left)?, operand(right)?);
                    let sum = if *sign == "+" { left + right } else { left - right };
                    set(item, &path(target), Some(json!({ "N": sum.to_string() })))?;
                }
                ("ADD", [target, source]) => {
                    let sum = number(&found(item, &path(target))).unwrap_or(0) + number(&value(source)?)?;
                    set(item, &path(target), Some(json!({ "N": sum.to_string() })))?;
                }
                ("REMOVE", [target]) => set(item, &path(target), None)?,
                _ => return Err(format!("the expression {expression:?} is not known").into()),
            }
        }
    }
    Ok(())
}

fn found(item: &Item, path: &[String]) -> Value {
    let Some((first, rest)) = path.split_first() else { return Value::Null };
    let mut value = item.get(first).cloned().unwrap_or_default();
    for name in rest {
        value = value["M"][name.as_str()].take();
    }
    value
}

fn set(item: &mut Item, path: &[String], value: Option<Value>) -> Result<()> {
    let Some((last, before)) = path.split_last() else { return Ok(()) };
    let mut here = item;
    for name in before {
        here =
            here.get_mut(name).and_then(|value| value["M"].as_object_mut()).ok_or_else(|| format!("no map {name}"))?;
    }
    match value {
        Some(value) => here.insert(last.clone(), value),
        None => here.remove(last),
    };
    Ok(())
}

fn number(value: &Value) -> Result<i64> {
    Ok(value["N"].as_str().ok_or_else(|| format!("no number: {value}"))?.parse()?)
}

fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(json_of).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            json!({ "M": map.iter().map(|(name, value)| (name.clone(), json_of(value))).collect::<Item>() })
        }
        _ => json!({ "NULL": true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: Value) -> Item {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn sizes_follow_the_developer_guide() {
        assert_eq!(size(&item(json!({ "pk": { "S": "é" }, "n": { "N": "-1200" } }))), 2 + 2 + 1 + 3);
        assert_eq!(
            size(&item(json!({ "m": { "M": { "ab": { "L": [{ "BOOL": true }] } } } }))),
            1 + 3 + 1 + 2 + 3 + 1 + 1
        );
    }

    #[test]
    fn an_update_does_what_its_expression_says() {
        let mut changed = item(json!({ "room": { "N": "5" }, "open": { "M": {} }, "old": { "S": "x" } }));
        let update = json!({
            "UpdateExpression": "SET #open.#a = :open, #room = #room - :letters ADD #received :letters REMOVE #old",
            "ExpressionAttributeNames":
                { "#open": "open", "#a": "a", "#room": "room", "#received": "received", "#old": "old" },
            "ExpressionAttributeValues": { ":open": { "S": "yes" }, ":letters": { "N": "2" } },
        });
        apply(&update, &mut changed).unwrap();
        let wanted =
            json!({ "room": { "N": "3" }, "open": { "M": { "a": { "S": "yes" } } }, "received": { "N": "2" } });
        assert_eq!(changed, item(wanted));
    }

    #[test]
    fn a_moved_index_entry_costs_two_and_one_that_stays_nothing() {
        let mut replay = Replay::default();
        let put = |place: &str, state: &str| {
            json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "state": { "S": state },
                    "gsi1pk": { "S": "a" }, "gsi1sk": { "S": place } })
        };
        let mut indexed = |place, state| replay.put(&put(place, state), true, 2.0).unwrap().indexed;
        assert_eq!([indexed("1", "new"), indexed("1", "old"), indexed("2", "old")], [1.0, 0.0, 2.0]);
    }
}
