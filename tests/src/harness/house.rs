//! A house of its own for each test: table, buckets, queues, and one client with documents. Names are unique, so that
//! tests may run beside each other and beside a deployed stack.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus,
};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Map, Value};

use super::Result;
use super::binaries::Binary;
use super::emulator::Emulator;
use super::proxy::{Fault, Proxy};
use super::runtime::Function;

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Batches to initialise.
    Initialise,
    /// Letters to inspect.
    Inspect,
    /// Jobs to plan.
    Plan,
    /// Parts to assemble.
    Assemble,
    /// Files of scans.
    Scans,
    /// Mailed jobs whose orphans are to be matched.
    Match,
    /// Callbacks to be told what is new.
    Callback,
    /// Deliveries to prompt webhooks.
    Deliver,
    /// Deliveries to webhooks that were slow or failed.
    DeliverPatiently,
}

impl Queue {
    /// All of them.
    pub const ALL: [Queue; 9] = [
        Queue::Initialise,
        Queue::Inspect,
        Queue::Plan,
        Queue::Assemble,
        Queue::Scans,
        Queue::Match,
        Queue::Callback,
        Queue::Deliver,
        Queue::DeliverPatiently,
    ];

    /// The operation that works it off.
    pub fn operation(self) -> &'static str {
        match self {
            Queue::Initialise => "batches.initialise",
            Queue::Inspect => "letters.inspect",
            Queue::Plan => "jobs.plan",
            Queue::Assemble => "parts.assemble",
            Queue::Scans => "scans.apply",
            Queue::Match => "orphans.match",
            Queue::Callback => "callbacks.push",
            Queue::Deliver => "webhooks.deliver",
            Queue::DeliverPatiently => "webhooks.deliver_patiently",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Queue::Initialise => "initialise",
            Queue::Inspect => "inspect",
            Queue::Plan => "plan",
            Queue::Assemble => "assemble",
            Queue::Scans => "scans",
            Queue::Match => "match",
            Queue::Callback => "callback",
            Queue::Deliver => "deliver",
            Queue::DeliverPatiently => "deliver-patiently",
        }
    }
}

/// The operations that no queue and no URL leads to.
const WORKERS: [&str; 6] = [
    "events.sequence",
    "events.sweep",
    "events.archive",
    "callbacks.find",
    "webhooks.queue_retries",
    "singles.release",
];

/// The documents of the client: file, and how many pages it has.
pub const DOCUMENTS: [(&str, u32); 4] =
    [("reportlab.pdf", 1), ("typst-2.0.pdf", 1), ("chromium.pdf", 2), ("reportlab-odd.pdf", 3)];

/// How the name of the table of counts of requests ends.
pub const REQUESTS: &str = "-requests";

/// What the house is made of.
#[derive(Clone)]
pub struct House {
    /// The emulator that it is in.
    pub emulator: Emulator,
    /// The table.
    pub table: String,
    /// The table of counts of requests.
    pub requests: String,
    /// How many requests the account may make in ten seconds.
    pub request_quota: u32,
    /// For how many seconds HTML is rendered before the answer.
    pub render_seconds: u32,
    /// Our bucket of documents.
    pub documents: String,
    /// Our bucket of print files.
    pub print: String,
    /// Our bucket of archived events.
    pub archive: String,
    /// Our bucket of scan files. In a test house nobody tells the queue of what is put there but [`House::drop_scans`].
    pub scans: String,
    /// The client's bucket.
    pub client: String,
    /// The client's account.
    pub account: String,
    /// So many letters make a part.
    pub letters_per_part: u32,
    /// Networks that clients' URLs may lead to besides the public internet.
    pub outbound_allow: String,
    /// What seals signing secrets, and what did before.
    pub signing_keys: String,
    queues: [String; Queue::ALL.len()],
}

/// An item of the table as JSON.
pub type Item = Map<String, Value>;

impl House {
    /// Builds a house.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn build(emulator: &Emulator, letters_per_part: u32) -> Result<Self> {
        let name = unique()?;
        let table = format!("mh-{name}");
        let arn = create_table(emulator, &table).await?;
        let requests = format!("{table}{REQUESTS}");
        create_requests_table(emulator, &requests).await?;
        let owner = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let [documents, print, archive, scans, client] =
            ["documents", "print", "archive", "scans", "client"].map(|kind| format!("mh-{name}-{kind}"));
        for bucket in [&documents, &print, &archive, &scans, &client] {
            emulator.s3.create_bucket().bucket(bucket).send().await?;
        }
        let mut queues = Vec::with_capacity(Queue::ALL.len());
        for queue in Queue::ALL {
            let created = emulator.sqs.create_queue().queue_name(format!("mh-{name}-{}", queue.name())).send().await?;
            queues.push(created.queue_url.ok_or("the queue has no URL")?);
        }
        let house = House {
            emulator: emulator.clone(),
            table,
            requests,
            request_quota: 100_000,
            render_seconds: 5,
            documents,
            print,
            archive,
            scans,
            client,
            account: format!("acct_{}", name.to_ascii_uppercase()),
            queues: queues.try_into().map_err(|_| "there is one of each queue")?,
            letters_per_part,
            outbound_allow: "127.0.0.0/8".to_owned(),
            signing_keys: "a-key-that-seals-the-secrets-of-these-tests-and-is-long-enough".to_owned(),
        };
        for (file, _) in DOCUMENTS {
            house.upload(file, file).await?;
        }
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let now = "2026-01-01T00:00:00Z";
        let partition = format!("ACCOUNT#{}", house.account);
        let account = [
            ("pk", partition.as_str()),
            ("sk", "ACCOUNT"),
            ("id", &house.account),
            ("name", "Tests"),
            ("createdAt", now),
        ];
        let location = format!("loc_{}", name.to_ascii_uppercase());
        let sort = format!("LOCATION#{location}");
        let location = [
            ("pk", partition.as_str()),
            ("sk", &sort),
            ("id", &location),
            ("bucket", &house.client),
            ("prefix", ""),
            ("owner", &owner),
            ("createdAt", now),
        ];
        for item in [account.as_slice(), location.as_slice()] {
            let item = item.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
            emulator.dynamodb.put_item().table_name(&house.table).set_item(Some(item)).send().await?;
        }
        Ok(house)
    }

    /// Lists the client's account where the API lists those that it creates.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_account(&self) -> Result<()> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let update = self.emulator.dynamodb.update_item().table_name(&self.table);
        update
            .key("pk", text(&format!("ACCOUNT#{}", self.account)))
            .key("sk", text("ACCOUNT"))
            .update_expression("SET gsi1pk = :accounts, gsi1sk = :account")
            .expression_attribute_values(":accounts", text("FLOOR#ACCOUNTS"))
            .expression_attribute_values(":account", text(&format!("1767225600000#{}", self.account)))
            .send()
            .await?;
        Ok(())
    }

    /// Puts a document of the fixtures into the client's bucket.
    ///
    /// # Errors
    /// When it is not there or not taken.
    pub async fn upload(&self, file: &str, key: &str) -> Result<()> {
        let path = format!("{}/fixtures/documents/{file}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        self.put_document(bytes, key).await
    }

    /// Puts any document into the client's bucket.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn put_document(&self, bytes: Vec<u8>, key: &str) -> Result<()> {
        let put = self.emulator.s3.put_object().bucket(&self.client).key(key).body(ByteStream::from(bytes));
        put.send().await?;
        Ok(())
    }

    /// Puts a file into the bucket of scans and tells the queue, as S3 would.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn drop_scans(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let put = self.emulator.s3.put_object().bucket(&self.scans).key(key).body(ByteStream::from(bytes));
        put.send().await?;
        self.tell_of_scans(key).await
    }

    /// Tells the queue of a file of scans, once more if it was told before.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn tell_of_scans(&self, key: &str) -> Result<()> {
        let told = serde_json::json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": self.scans }, "object": { "key": key, "sequencer": "0" } },
        }] });
        let send = self.emulator.sqs.send_message().queue_url(self.queue(Queue::Scans));
        send.message_body(told.to_string()).send().await?;
        Ok(())
    }

    /// The URL of a queue.
    pub fn queue(&self, queue: Queue) -> &str {
        &self.queues[queue as usize]
    }

    /// Starts the function of an operation, with a proxy before AWS when there are to be faults or a count.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn function(&self, operation: &str, faults: Option<Vec<Fault>>) -> Result<Function> {
        let worker = Queue::ALL.iter().any(|queue| queue.operation() == operation) || WORKERS.contains(&operation);
        let binary = if worker { Binary::Workers } else { Binary::Api };
        let endpoint = &self.emulator.endpoint;
        let proxy = match faults {
            Some(faults) => Some(Proxy::start(endpoint, faults).await?),
            None => None,
        };
        Function::start(binary, operation, &self.settings(), endpoint, proxy).await
    }

    /// The settings of the deployment.
    pub fn settings(&self) -> Vec<(String, String)> {
        let (parts, quota) = (self.letters_per_part.to_string(), self.request_quota.to_string());
        let rendering = self.render_seconds.to_string();
        [
            ("MAILHOUSE_TABLE", self.table.as_str()),
            ("MAILHOUSE_REQUESTS_TABLE", &self.requests),
            ("MAILHOUSE_REQUEST_QUOTA", &quota),
            ("MAILHOUSE_REQUEST_SECONDS", "10"),
            ("MAILHOUSE_DOCUMENTS_BUCKET", &self.documents),
            ("MAILHOUSE_PRINT_BUCKET", &self.print),
            ("MAILHOUSE_SCANS_BUCKET", &self.scans),
            ("MAILHOUSE_QUEUE_INITIALISE", self.queue(Queue::Initialise)),
            ("MAILHOUSE_QUEUE_INSPECT", self.queue(Queue::Inspect)),
            ("MAILHOUSE_QUEUE_PLAN", self.queue(Queue::Plan)),
            ("MAILHOUSE_QUEUE_ASSEMBLE", self.queue(Queue::Assemble)),
            ("MAILHOUSE_QUEUE_SCANS", self.queue(Queue::Scans)),
            ("MAILHOUSE_QUEUE_MATCH", self.queue(Queue::Match)),
            ("MAILHOUSE_PUSH_USER", "usps"),
            ("MAILHOUSE_PUSH_PASSWORD", "the password of these tests"),
            ("MAILHOUSE_QUEUE_DELIVER", self.queue(Queue::Deliver)),
            ("MAILHOUSE_QUEUE_DELIVER_PATIENTLY", self.queue(Queue::DeliverPatiently)),
            ("MAILHOUSE_MAILER_ID", "902345678"),
            ("MAILHOUSE_SERVICE_TYPE", "340"),
            ("MAILHOUSE_SERVICE_TYPE_CERTIFIED", "340"),
            ("MAILHOUSE_PART_LETTERS", &parts),
            ("MAILHOUSE_RENDER_SECONDS", &rendering),
            ("MAILHOUSE_LOG_DAYS", "90"),
            ("MAILHOUSE_QUEUE_CALLBACK", self.queue(Queue::Callback)),
            ("MAILHOUSE_OUTBOUND_ALLOW", &self.outbound_allow),
            ("MAILHOUSE_SIGNING_KEY", &self.signing_keys),
            ("MAILHOUSE_ARCHIVE_BUCKET", &self.archive),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// An item.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn item(&self, pk: &str, sk: &str) -> Result<Option<Item>> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let get = self.emulator.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let found = get.key("pk", text(pk)).key("sk", text(sk)).send().await?;
        Ok(found.item.as_ref().map(plain))
    }

    /// Writes a text, a truth value or a whole number into an item behind everybody's back. Answers what was there.
    ///
    /// # Errors
    /// When there is no such item.
    pub async fn spoil(&self, pk: &str, sk: &str, name: &str, value: &Value) -> Result<Value> {
        let item = self.item(pk, sk).await?.ok_or_else(|| format!("there is no item {sk}"))?;
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let value = match value {
            Value::String(value) => text(value),
            Value::Bool(value) => AttributeValue::Bool(*value),
            other => AttributeValue::N(other.to_string()),
        };
        let update =
            self.emulator.dynamodb.update_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        update
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await?;
        Ok(item.get(name).cloned().unwrap_or_default())
    }

    /// All items of a partition.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn partition(&self, pk: &str) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let query = self.emulator.dynamodb.query().table_name(&self.table).consistent_read(true);
            let page = query
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .set_exclusive_start_key(after)
                .send()
                .await?;
            items.extend(page.items.unwrap_or_default().iter().map(plain));
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// All items with that sort key.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn all(&self, sk: &str) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let scan = self.emulator.dynamodb.scan().table_name(&self.table).consistent_read(true);
            let page = scan
                .filter_expression("sk = :sk")
                .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned()))
                .set_exclusive_start_key(after)
                .send()
                .await?;
            items.extend(page.items.unwrap_or_default().iter().map(plain));
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// The keys of a bucket that start with `prefix`.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        let listed = self.emulator.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await?;
        Ok(listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    /// An object.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>> {
        let found = self.emulator.s3.get_object().bucket(bucket).key(key).send().await?;
        Ok(found.body.collect().await?.to_vec())
    }

    /// Takes down what holds no objects; the buckets go with the emulator.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn take_down(&self) -> Result<()> {
        for table in [&self.table, &self.requests] {
            self.emulator.dynamodb.delete_table().table_name(table).send().await?;
        }
        for queue in &self.queues {
            self.emulator.sqs.delete_queue().queue_url(queue).send().await?;
        }
        Ok(())
    }
}

/// A name that nobody else has: thirteen lower-case characters, all of them valid in identifiers and bucket names.
fn unique() -> Result<String> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let seed = (moment << 20)
        | u128::from(std::process::id() % 1_024) << 10
        | u128::from(COUNTER.fetch_add(1, Ordering::Relaxed) % 1_024);
    Ok((0..16)
        .rev()
        .map(|place| char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[(seed >> (place * 5) & 31) as usize]))
        .collect())
}

/// The table, with the keys and indexes of template.yaml.
async fn create_table(emulator: &Emulator, table: &str) -> Result<String> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let mut create = emulator
        .dynamodb
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(element("pk", KeyType::Hash)?)
        .key_schema(element("sk", KeyType::Range)?);
    for name in ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"] {
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()?;
        create = create.attribute_definitions(attribute);
    }
    for (name, pk, sk) in [("by_account", "gsi1pk", "gsi1sk"), ("queue", "gsi2pk", "gsi2sk")] {
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(element(pk, KeyType::Hash)?)
            .key_schema(element(sk, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()?;
        create = create.global_secondary_indexes(index);
    }
    create.send().await?;
    active(emulator, table).await
}

/// The table of counts of requests, as in template.yaml.
async fn create_requests_table(emulator: &Emulator, table: &str) -> Result<String> {
    let kind = ScalarAttributeType::S;
    emulator
        .dynamodb
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build()?)
        .attribute_definitions(AttributeDefinition::builder().attribute_name("pk").attribute_type(kind).build()?)
        .send()
        .await?;
    active(emulator, table).await
}

/// Waits until a table is there, and answers its name.
async fn active(emulator: &Emulator, table: &str) -> Result<String> {
    loop {
        let described = emulator.dynamodb.describe_table().table_name(table).send().await?;
        let description = described.table.ok_or("the table is not described")?;
        if description.table_status == Some(TableStatus::Active) {
            return Ok(description.table_arn.ok_or("the table has no name")?);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// An item as JSON.
fn plain(item: &std::collections::HashMap<String, AttributeValue>) -> Item {
    item.iter().map(|(name, value)| (name.clone(), value_of(value))).collect()
}

fn value_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        AttributeValue::Bool(flag) => Value::from(*flag),
        AttributeValue::L(values) => values.iter().map(value_of).collect(),
        AttributeValue::M(item) => Value::Object(plain(item)),
        _ => Value::Null,
    }
}
