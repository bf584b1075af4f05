//! Drives a house as API Gateway and SQS would: requests in, messages from queue to worker until none is left.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Result;
use super::house::{House, Queue};
use super::proxy::{Call, Fault};
use super::runtime::{Function, Outcome};

/// A request to the API.
#[derive(Clone, Debug)]
pub struct Request {
    /// The operation, as in `functions/api/src/routes.rs`.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// The parameters: those that the path does not name are those of the query.
    pub parameters: Vec<(&'static str, String)>,
    /// The body, if it has one.
    pub body: Option<Value>,
    /// The idempotency key, if it has one.
    pub key: Option<String>,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u64,
    /// The body.
    pub body: String,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Answer {
    /// Whether it is another answer again. Headers tell of the request as well, but for where it leads.
    pub fn repeats(&self, other: &Answer) -> bool {
        let of = |answer: &Answer| (answer.status, answer.body.clone(), answer.headers.get("location").cloned());
        of(self) == of(other)
    }

    /// A field of the body.
    pub fn text(&self, field: &str) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body[field].as_str().unwrap_or_default().to_owned()
    }
}

/// A message that was received and is not yet worked off.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its queue.
    pub queue: Queue,
    id: String,
    receipt: String,
    body: Value,
    deliveries: u32,
}

impl Message {
    /// A message that no queue holds.
    pub fn of(queue: Queue, body: Value) -> Self {
        Message { queue, id: "of-a-test".to_owned(), receipt: String::new(), body, deliveries: 0 }
    }

    /// What it says.
    pub fn body(&self) -> &Value {
        &self.body
    }
}

/// How messages are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Each once, in the order of the queues.
    Once,
    /// Each once, the last first.
    Reversed,
    /// Each a second time when it is done.
    Twice,
    /// Each to two processes at once.
    AtOnce,
}

/// What became of something that was struck by a fault.
#[derive(Debug)]
pub struct Struck<T> {
    /// The answer; `None` when the process was killed before it could give one.
    pub answer: Option<T>,
    /// The calls that it made of AWS.
    pub calls: Vec<String>,
}

/// A house at work.
pub struct Floor {
    /// The house.
    pub house: House,
    /// How messages are delivered.
    pub delivery: Delivery,
    /// The mode of the key with which requests are made: `live` or `test`.
    pub mode: &'static str,
    /// Whether the calls of functions that are started from now on are counted.
    pub counted: bool,
    functions: HashMap<(&'static str, u8), Function>,
    waiting: Vec<Message>,
    batches: Vec<String>,
    keys: Vec<String>,
}

impl Floor {
    /// Opens a house for work.
    pub fn open(house: House) -> Self {
        Floor {
            house,
            delivery: Delivery::Once,
            mode: "live",
            counted: false,
            functions: HashMap::new(),
            waiting: Vec::new(),
            batches: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Begins a new story: time no longer has to pass for what the last one was about.
    pub fn begin(&mut self) {
        self.batches.clear();
        self.keys.clear();
    }

    /// Says which batch the next requests are about, so that time can pass for it.
    pub fn follow(&mut self, batch: &str) {
        self.batches = vec![batch.to_owned()];
    }

    /// Ends all functions; those that follow run with the settings that the house has then.
    pub fn restart(&mut self) {
        self.functions.clear();
    }

    /// Ends all functions; those that follow run with another size of parts.
    pub fn redeploy(&mut self, letters_per_part: u32) {
        self.functions.clear();
        self.house.letters_per_part = letters_per_part;
    }

    /// The event in which API Gateway hands a request to a function.
    pub fn event(&self, request: &Request) -> Value {
        let mut path = request.path.to_owned();
        for (name, value) in &request.parameters {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let pairs = |in_path: bool| -> serde_json::Map<String, Value> {
            let those = |(name, _): &&(&str, String)| request.path.contains(&format!("{{{name}}}")) == in_path;
            let pair = |(name, value): &(&str, String)| ((*name).to_owned(), Value::from(value.as_str()));
            request.parameters.iter().filter(those).map(pair).collect()
        };
        let (parameters, query) = (pairs(true), pairs(false));
        let queries: serde_json::Map<String, Value> =
            query.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        let mut headers = serde_json::Map::from_iter([("content-type".to_owned(), Value::from("application/json"))]);
        if let Some(key) = &request.key {
            headers.insert("Idempotency-Key".to_owned(), Value::from(key.as_str()));
        }
        let many: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        json!({
            "resource": request.path,
            "path": path,
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": many,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": queries,
            "pathParameters": parameters,
            "stageVariables": null,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "tests",
                "resourceId": "tests",
                "stage": "api",
                "requestId": "00000000-0000-4000-8000-000000000000",
                "identity": { "sourceIp": "127.0.0.1" },
                "resourcePath": request.path,
                "path": format!("/api{path}"),
                "httpMethod": request.method,
                "authorizer": {
                    "account": self.house.account,
                    "mode": self.mode,
                    "scopes": "mail:read mail:write operator",
                },
            },
            "body": request.body.as_ref().map(Value::to_string),
            "isBase64Encoded": false,
        })
    }

    /// Reads what a function answered to API Gateway.
    ///
    /// # Errors
    /// When it is no answer.
    pub fn answer(outcome: Outcome) -> Result<Option<Answer>> {
        let Outcome::Answered(value) = outcome else { return Ok(None) };
        let status = value["statusCode"].as_u64().ok_or_else(|| format!("no answer to API Gateway: {value}"))?;
        let headers = value["multiValueHeaders"].as_object().into_iter().flatten();
        let headers = headers
            .map(|(name, values)| (name.to_lowercase(), values[0].as_str().unwrap_or_default().to_owned()))
            .collect();
        Ok(Some(Answer { status, body: value["body"].as_str().unwrap_or_default().to_owned(), headers }))
    }

    /// Makes a request.
    ///
    /// # Errors
    /// When the function does not answer.
    pub async fn request(&mut self, request: &Request) -> Result<Answer> {
        self.note(request);
        let event = self.event(request);
        let outcome = self.function(request.operation, 0).await?.invoke(&event).await?;
        Self::answer(outcome)?.ok_or_else(|| "a function without a proxy was killed".into())
    }

    /// Makes a request of a process of its own that a fault strikes.
    ///
    /// # Errors
    /// When it fails otherwise.
    pub async fn request_struck(&mut self, request: &Request, fault: Option<Fault>) -> Result<Struck<Answer>> {
        self.note(request);
        let event = self.event(request);
        let mut function = self.house.function(request.operation, Some(fault.into_iter().collect())).await?;
        let answer = Self::answer(function.invoke(&event).await?)?;
        let calls = function.proxy().map(super::proxy::Proxy::arrived).unwrap_or_default();
        Ok(Struck { answer, calls })
    }

    fn note(&mut self, request: &Request) {
        if let Some(key) = &request.key
            && !self.keys.contains(key)
        {
            self.keys.push(key.clone());
        }
    }

    /// The operations whose calls were counted, and the calls.
    pub fn calls(&self) -> Vec<(&'static str, Vec<Call>)> {
        let functions = self.functions.iter();
        functions.filter_map(|((operation, _), function)| Some((*operation, function.proxy()?.answered()))).collect()
    }

    /// The calls that counted requests.
    pub fn counts(&self) -> Vec<Call> {
        self.functions.values().filter_map(|function| Some(function.proxy()?.counts())).flatten().collect()
    }

    async fn function(&mut self, operation: &'static str, copy: u8) -> Result<&mut Function> {
        if !self.functions.contains_key(&(operation, copy)) {
            let function = self.house.function(operation, self.counted.then(Vec::new)).await?;
            self.functions.insert((operation, copy), function);
        }
        self.functions.get_mut(&(operation, copy)).ok_or_else(|| "the function is gone".into())
    }

    /// Takes what the queues have to give.
    async fn receive(&mut self) -> Result<()> {
        for queue in Queue::ALL {
            let url = self.house.queue(queue);
            let received = self
                .house
                .emulator
                .sqs
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10)
                .visibility_timeout(600)
                .send()
                .await?;
            for message in received.messages.unwrap_or_default() {
                self.waiting.push(Message {
                    queue,
                    id: message.message_id.unwrap_or_default(),
                    receipt: message.receipt_handle.unwrap_or_default(),
                    body: serde_json::from_str(&message.body.unwrap_or_default())?,
                    deliveries: 0,
                });
            }
        }
        Ok(())
    }

    /// Whether a queue, or any, holds messages that nobody may see yet.
    async fn delayed(&self, only: Option<Queue>) -> Result<bool> {
        // Most are delayed on the queue of inspections, so that it is asked first.
        let queues = [
            Queue::Inspect,
            Queue::Initialise,
            Queue::Plan,
            Queue::Assemble,
            Queue::Scans,
            Queue::Match,
            Queue::Callback,
        ];
        for queue in queues.into_iter().filter(|queue| only.is_none_or(|only| only == *queue)) {
            let name = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
            let asked = self.house.emulator.sqs.get_queue_attributes().queue_url(self.house.queue(queue));
            let attributes = asked.attribute_names(name.clone()).send().await?;
            let held = attributes.attributes.unwrap_or_default();
            if held.get(&name).is_some_and(|count| count != "0") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for a message of a queue and takes it.
    ///
    /// # Errors
    /// When none comes.
    pub async fn take(&mut self, queue: Queue) -> Result<Message> {
        for _ in 0..100 {
            self.receive().await?;
            if let Some(place) = self.waiting.iter().position(|message| message.queue == queue) {
                return Ok(self.waiting.remove(place));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("no message came for {}", queue.operation()).into())
    }

    /// Gives a message back, as when its worker died.
    pub fn give_back(&mut self, message: Message) {
        self.waiting.push(message);
    }

    /// The event in which SQS hands a message to a function.
    pub fn delivery(&self, message: &Message) -> Value {
        json!({ "Records": [{
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body.to_string(),
            "attributes": { "ApproximateReceiveCount": (message.deliveries + 1).to_string() },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:tests",
            "awsRegion": "us-east-1",
        }] })
    }

    /// Hands a message to a process of its own that a fault strikes. It is done when the answer says so.
    ///
    /// # Errors
    /// When it fails otherwise.
    pub async fn deliver_struck(&mut self, message: &Message, fault: Option<Fault>) -> Result<Struck<bool>> {
        let event = self.delivery(message);
        let mut function = self.house.function(message.queue.operation(), Some(fault.into_iter().collect())).await?;
        let answer = match function.invoke(&event).await? {
            Outcome::Answered(value) => Some(done(&value)),
            Outcome::Killed => None,
        };
        let calls = function.proxy().map(super::proxy::Proxy::arrived).unwrap_or_default();
        Ok(Struck { answer, calls })
    }

    /// Hands a message to its worker. Answers whether it is done.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub async fn deliver(&mut self, message: &Message) -> Result<bool> {
        let event = self.delivery(message);
        let operation = message.queue.operation();
        if self.delivery == Delivery::AtOnce {
            return Ok(self.at_once(operation, &event).await?.iter().all(done));
        }
        let times = if self.delivery == Delivery::Twice { 2 } else { 1 };
        let mut worked = true;
        for _ in 0..times {
            match self.function(operation, 0).await?.invoke(&event).await? {
                Outcome::Answered(value) => worked &= done(&value),
                Outcome::Killed => return Err("a function without a proxy was killed".into()),
            }
        }
        Ok(worked)
    }

    /// The event in which the table's stream hands over the events of a partition.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn stream(&self, pk: &str) -> Result<Value> {
        let items = self.house.partition(pk).await?;
        let mut keys: Vec<&str> = items.iter().filter_map(|item| item["sk"].as_str()).collect();
        keys.retain(|sk| sk.starts_with("EVENT#") || sk.starts_with("INSPECTED#"));
        if self.delivery == Delivery::Reversed {
            keys.reverse();
        }
        let record = |sk: &&str| {
            json!({
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": { "Keys": { "pk": { "S": pk }, "sk": { "S": sk } }, "StreamViewType": "KEYS_ONLY" },
            })
        };
        Ok(json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }))
    }

    /// Has the events of a partition numbered.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub async fn sequence(&mut self, pk: &str) -> Result<()> {
        let event = self.stream(pk).await?;
        match self.delivery {
            Delivery::AtOnce => drop(self.at_once("events.sequence", &event).await?),
            _ => {
                let times = if self.delivery == Delivery::Twice { 2 } else { 1 };
                for _ in 0..times {
                    self.function("events.sequence", 0).await?.invoke(&event).await?;
                }
            }
        }
        Ok(())
    }

    /// Has the events of a partition numbered by a process of its own that a fault strikes.
    ///
    /// # Errors
    /// When it fails otherwise.
    pub async fn sequence_struck(&mut self, pk: &str, fault: Option<Fault>) -> Result<Struck<()>> {
        let event = self.stream(pk).await?;
        let mut function = self.house.function("events.sequence", Some(fault.into_iter().collect())).await?;
        let answer = match function.invoke(&event).await? {
            Outcome::Answered(_) => Some(()),
            Outcome::Killed => None,
        };
        let calls = function.proxy().map(super::proxy::Proxy::arrived).unwrap_or_default();
        Ok(Struck { answer, calls })
    }

    /// Hands any event to a function.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn invoke(&mut self, operation: &'static str, event: &Value) -> Result<Value> {
        match self.function(operation, 0).await?.invoke(event).await? {
            Outcome::Answered(value) => Ok(value),
            Outcome::Killed => Err("a function without a proxy was killed".into()),
        }
    }

    /// Hands any event to a process of its own that a fault strikes.
    ///
    /// # Errors
    /// When it fails otherwise.
    pub async fn invoke_struck(
        &mut self,
        operation: &str,
        event: &Value,
        fault: Option<Fault>,
    ) -> Result<Struck<Value>> {
        let mut function = self.house.function(operation, Some(fault.into_iter().collect())).await?;
        let answer = match function.invoke(event).await? {
            Outcome::Answered(value) => Some(value),
            Outcome::Killed => None,
        };
        let calls = function.proxy().map(super::proxy::Proxy::arrived).unwrap_or_default();
        Ok(Struck { answer, calls })
    }

    /// How many messages a queue holds, those that nobody may see yet included.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn held(&self, queue: Queue) -> Result<u32> {
        let names =
            [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesDelayed];
        let asked = self.house.emulator.sqs.get_queue_attributes().queue_url(self.house.queue(queue));
        let asked = asked.set_attribute_names(Some(names.into())).send().await?;
        let counts = asked.attributes.unwrap_or_default();
        Ok(counts.values().filter_map(|count| count.parse::<u32>().ok()).sum())
    }

    /// Hands an event to two processes at once.
    async fn at_once(&mut self, operation: &'static str, event: &Value) -> Result<[Value; 2]> {
        self.function(operation, 0).await?;
        self.function(operation, 1).await?;
        let gone = "the function is gone";
        let mut first = self.functions.remove(&(operation, 0)).ok_or(gone)?;
        let mut second = self.functions.remove(&(operation, 1)).ok_or(gone)?;
        let (one, two) = tokio::join!(first.invoke(event), second.invoke(event));
        self.functions.insert((operation, 0), first);
        self.functions.insert((operation, 1), second);
        match (one?, two?) {
            (Outcome::Answered(one), Outcome::Answered(two)) => Ok([one, two]),
            _ => Err("a function without a proxy was killed".into()),
        }
    }

    /// Tells SQS that a message is done.
    ///
    /// # Errors
    /// When it is not told.
    pub async fn delete(&self, message: &Message) -> Result<()> {
        let url = self.house.queue(message.queue);
        self.house.emulator.sqs.delete_message().queue_url(url).receipt_handle(&message.receipt).send().await?;
        Ok(())
    }

    /// Works off the messages of one queue, or of all, until none is left. A message that is not done comes again when
    /// time has passed.
    ///
    /// # Errors
    /// When a message is never done.
    pub async fn drain(&mut self, only: Option<Queue>) -> Result<()> {
        let mut patience = 0;
        loop {
            let wanted = |message: &Message| only.is_none_or(|queue| message.queue == queue);
            let mut delayed = false;
            if !self.waiting.iter().any(wanted) {
                // In this order: what is no longer delayed when that is asked is received after it.
                delayed = self.delayed(only).await?;
                self.receive().await?;
            }
            let place = match self.delivery {
                Delivery::Reversed => self.waiting.iter().rposition(wanted),
                _ => self.waiting.iter().position(wanted),
            };
            let Some(place) = place else {
                if !delayed {
                    return Ok(());
                }
                patience += 1;
                if patience > 200 {
                    return Err("a delayed message never comes".into());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let mut message = self.waiting.remove(place);
            if self.deliver(&message).await? {
                self.delete(&message).await?;
            } else {
                message.deliveries += 1;
                if message.deliveries > 4 {
                    return Err(format!("{} never finishes {}", message.queue.operation(), message.body).into());
                }
                self.waiting.push(message);
                self.pass(SignedDuration::from_mins(17)).await?;
            }
        }
    }

    /// Lets time pass: everything that runs out by the clock is set back by as much.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn pass(&mut self, time: SignedDuration) -> Result<()> {
        let earlier = |moment: &Value| -> Result<String> {
            let moment: Timestamp = moment.as_str().unwrap_or_default().parse()?;
            Ok((moment - time).to_string())
        };
        for message in &mut self.waiting {
            // S3 does not say when.
            if !message.body["announced"].is_null() {
                message.body["announced"] = Value::from(earlier(&message.body["announced"])?);
            }
        }
        for batch in &self.batches {
            let pk = format!("BATCH#{batch}");
            let Some(item) = self.house.item(&pk, "BATCH").await? else { continue };
            for (addition, open) in item["open"].as_object().into_iter().flatten() {
                let path = format!("open.{addition}.lease");
                self.set(&pk, "BATCH", &path, &earlier(&open["lease"])?).await?;
            }
        }
        for guard in self.house.all("GUARD").await? {
            if !guard.contains_key("mailing") {
                continue;
            }
            let pk = guard["pk"].as_str().unwrap_or_default();
            self.set(pk, "GUARD", "at", &earlier(&guard["at"])?).await?;
        }
        for key in &self.keys {
            let hash: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            let pk = format!("IDEMPOTENCY#{}#{}#{hash}", self.house.account, self.mode);
            let Some(item) = self.house.item(&pk, "IDEMPOTENCY").await? else { continue };
            self.set(&pk, "IDEMPOTENCY", "until", &earlier(&item["until"])?).await?;
        }
        Ok(())
    }

    async fn set(&self, pk: &str, sk: &str, path: &str, value: &str) -> Result<()> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let names: Vec<&str> = path.split('.').collect();
        let mut update = self.house.emulator.dynamodb.update_item().table_name(&self.house.table);
        let mut expression = Vec::new();
        for (number, name) in names.iter().enumerate() {
            update = update.expression_attribute_names(format!("#n{number}"), *name);
            expression.push(format!("#n{number}"));
        }
        let expression = expression.join(".");
        update
            .key("pk", text(pk))
            .key("sk", text(sk))
            .update_expression(format!("SET {expression} = :value"))
            .condition_expression(format!("attribute_exists({expression})"))
            .expression_attribute_values(":value", text(value))
            .send()
            .await?;
        Ok(())
    }
}

/// Whether a worker's answer names no message as failed.
fn done(answer: &Value) -> bool {
    answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty)
}
