//! What the tests of the deployed stack share: an account of one's own, letters to send, and waiting.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::harness::receiver::{Post, Receiver};
use tests::stack::{Client, Stack};

/// How long what happens after an answer may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// An account with a key and a location, made for one test.
pub(crate) struct Tenant {
    pub(crate) stack: Stack,
    pub(crate) account: String,
    pub(crate) client: Client,
    pub(crate) folder: String,
}

impl Tenant {
    pub(crate) fn new() -> Self {
        let stack = Stack::running();
        let name = json!({ "name": format!("Test {}", unique()) });
        let account = text(&stack.operator.call("operator.accounts.create", &[]).json(&name).read(201)["id"]);
        let client = stack.nobody.with_key(&issue(&stack, &account, &json!({ "mode": "live" })).1);
        let folder = format!("{}/tests/{account}", stack.documents);
        let (bucket, prefix) = folder.trim_start_matches("s3://").split_once('/').unwrap();
        let location = json!({ "bucket": bucket, "prefix": prefix, "owner": owner(&stack, bucket) });
        let path = [("accountId", account.as_str())];
        stack.operator.call("operator.locations.create", &path).json(&location).expect(201);
        Tenant { stack, account, client, folder }
    }

    /// A client of this account with another key, and the key's id.
    pub(crate) fn with_key(&self, wanted: &Value) -> (String, Client) {
        let (id, key) = issue(&self.stack, &self.account, wanted);
        (id, self.client.with_key(&key))
    }

    /// Where a document of this account may lie.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Uploads a fixture under its own name, and answers its path.
    pub(crate) fn upload(&self, fixture: &str) -> String {
        let path = self.path(fixture);
        self.stack.upload(&path, document(fixture));
        path
    }

    /// A batch with these letters that waits for as many, inspected to the end in that state.
    pub(crate) fn batch_in(&self, state: &str, settings: &Value, letters: &[Value]) -> String {
        let mut body = new_batch(letters.len());
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        body["letters"] = letters.into();
        let id = text(&self.client.call("batches.create", &[]).gzip(&body).read(202)["id"]);
        self.wait_for(&id, state);
        id
    }

    /// A batch of one letter that is ready to be printed.
    pub(crate) fn ready_batch(&self, settings: &Value) -> String {
        let path = self.upload("typst-2.0.pdf");
        self.batch_in("ready", settings, &[letter("L0000001", &path, 1)])
    }

    pub(crate) fn get(&self, batch: &str) -> Value {
        self.client.call("batches.get", &[("batchId", batch)]).read(200)
    }

    /// Waits until the batch is in that state, and until all of its letters are inspected when that is notReady.
    pub(crate) fn wait_for(&self, batch: &str, state: &str) -> Value {
        wait(
            || self.get(batch),
            |seen| {
                let inspected = seen["readyCount"].as_i64().unwrap() + seen["issueCount"].as_i64().unwrap();
                seen["state"] == state && (state != "notReady" || inspected == seen["letterCount"].as_i64().unwrap())
            },
        )
    }

    /// Every letter of the batch.
    pub(crate) fn letters(&self, batch: &str) -> Vec<Value> {
        let call = self.client.call("letters.list", &[("batchId", batch)]).query("limit", "1000");
        let page = call.read(200);
        assert!(page["nextCursor"].is_null() || page["items"].as_array().unwrap().len() == 1000);
        page["items"].as_array().unwrap().clone()
    }

    /// The state of the batch as tracking tells it, in the contract's word and in ours.
    pub(crate) fn tracking(&self, batch: &str) -> Value {
        self.client.call("batches.tracking", &[("batchId", batch)]).read(200)
    }

    /// The fault that the one changed field makes.
    #[track_caller]
    pub(crate) fn refuse(&self, status: u16, body: &Value) -> Vec<(String, String)> {
        faults(&self.client.call("batches.create", &[]).json(body).read(status))
    }
}

/// A receiver with a thread of its own, because these tests block. It runs until the tests end.
pub(crate) struct Running {
    pub(crate) receiver: Arc<Receiver>,
}

impl Running {
    pub(crate) fn start() -> Self {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                send.send(Arc::new(Receiver::start().await.unwrap())).unwrap();
                std::future::pending::<()>().await;
            });
        });
        Running { receiver: receive.recv().unwrap() }
    }

    /// Waits for posts of that type.
    #[track_caller]
    pub(crate) fn wait_for(&self, kind: &str, count: usize) -> Vec<Post> {
        let began = Instant::now();
        loop {
            let of_kind = |post: &Post| serde_json::from_slice::<Value>(&post.body).unwrap()["type"] == kind;
            let found: Vec<Post> = self.receiver.posts().into_iter().filter(of_kind).collect();
            if found.len() >= count {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{} of {count} {kind} came", found.len());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Merges the batches into a job, and answers it once it is assembled.
pub(crate) fn assembled(tenant: &Tenant, batches: &[&str]) -> Value {
    let operator = &tenant.stack.operator;
    let answer = operator.call("operator.jobs.create", &[]).json(&json!({ "batchIds": batches })).expect(202);
    let job: Value = serde_json::from_slice(&answer.body).unwrap();
    let id = text(&job["id"]);
    assert_eq!(answer.header("location"), Some(format!("/v2/operator/jobs/{id}").as_str()));
    wait(
        || operator.call("operator.jobs.get", &[("jobId", &id)]).read(200),
        |job| {
            assert_ne!(job["state"], "failed", "{job}");
            job["state"] == "assembled"
        },
    )
}

/// Asks until the answer is as wanted.
#[track_caller]
pub(crate) fn wait(mut ask: impl FnMut() -> Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "after {} s it still is {answer}", PATIENCE.as_secs());
        sleep(Duration::from_millis(150));
    }
}

fn issue(stack: &Stack, account: &str, wanted: &Value) -> (String, String) {
    let made = stack.operator.call("operator.keys.create", &[("accountId", account)]).json(wanted).read(201);
    (text(&made["id"]), text(&made["key"]))
}

/// The AWS account that owns the bucket: whoever registered it first for an account knew it.
fn owner(stack: &Stack, bucket: &str) -> String {
    let mut cursor: Option<String> = None;
    loop {
        let mut call = stack.operator.call("operator.accounts.list", &[]);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = call.read(200);
        for account in page["items"].as_array().unwrap() {
            let path = [("accountId", account["id"].as_str().unwrap())];
            let locations = stack.operator.call("operator.locations.list", &path).read(200);
            if let Some(known) = locations["items"].as_array().unwrap().iter().find(|known| known["bucket"] == bucket) {
                return text(&known["owner"]);
            }
        }
        cursor = Some(
            page["nextCursor"].as_str().expect("no account may name MAILHOUSE_DOCUMENTS: run `make up`").to_owned(),
        );
    }
}

/// A batch without letters that waits for so many.
pub(crate) fn new_batch(letter_count: usize) -> Value {
    json!({
        "mailClass": "FirstClass",
        "electronicReturnReceipt": false,
        "usePerforatedPaper": false,
        "targetMailDate": "2099-05-10",
        "letterCount": letter_count,
        "returnAddress": "PO Box 52138\nNew Orleans LA 70153",
    })
}

/// A batch that waits for `letter_count` letters and brings these.
pub(crate) fn batch_with(letter_count: usize, letters: &[Value]) -> Value {
    with(new_batch(letter_count), "letters", letters)
}

pub(crate) fn letter(reference: &str, path: &str, sides: u64) -> Value {
    json!({
        "letterRefId": reference,
        "name1": "Jane Roe",
        "address1": "1300 Perdido Street",
        "city": "New Orleans",
        "state": "LA",
        "postalCode": "70112",
        "country": "US",
        "originalDocumentPath": path,
        "impressionCount": sides,
    })
}

/// `value` with one member changed; null takes it away.
pub(crate) fn with(mut value: Value, name: &str, member: impl Into<Value>) -> Value {
    let member = member.into();
    let members = value.as_object_mut().unwrap();
    if member.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), member)
    };
    value
}

/// The pointer and the rule of each fault in an answer.
#[track_caller]
pub(crate) fn faults(answer: &Value) -> Vec<(String, String)> {
    assert_eq!(answer["code"], "invalid", "{answer}");
    answer["errors"].as_array().unwrap().iter().map(|fault| (text(&fault["pointer"]), text(&fault["rule"]))).collect()
}

/// A fault as [`faults`] has it.
pub(crate) fn fault(pointer: &str, rule: &str) -> (String, String) {
    (pointer.to_owned(), rule.to_owned())
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// A fixture document.
pub(crate) fn document(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fixture documents and what is known of them: `file`, and `pages` or the `rules` for which it is refused.
pub(crate) fn documents() -> Vec<Value> {
    serde_json::from_slice(&document("documents.json")).unwrap()
}

/// A text that nobody used before.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}-{count}", Timestamp::now().as_nanosecond(), std::process::id())
}
