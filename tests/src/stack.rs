//! A client of the deployed stack. It calls operations by their names, and holds every answer to infra/openapi.yaml.

use std::env;
use std::fmt::Write;
use std::io::Write as _;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::{Request, Response};

use crate::openapi::{Answer, Description, Operation};

/// More than any answer of the API or part of a test's print job has.
const MAX_ANSWER: u64 = 256 << 20;

/// The deployed stack, as the environment names it.
pub struct Stack {
    /// May use the first account.
    pub client: Client,
    /// May use another account.
    pub other: Client,
    /// May run the print floor.
    pub operator: Client,
    /// Calls without a key.
    pub nobody: Client,
    /// Where the first account's documents may lie, such as `s3://bucket/prefix`.
    pub documents: String,
    /// Where scans are dropped, such as `s3://bucket/usps`.
    pub scans: String,
    /// With what scans are pushed, as the `Authorization` header has it.
    pub push: String,
    runtime: Runtime,
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

/// Calls the API with one key.
#[derive(Clone)]
pub struct Client {
    base: String,
    key: Option<String>,
    agent: Agent,
}

impl Stack {
    /// The stack that runs.
    ///
    /// # Panics
    /// When the environment does not say where it is.
    pub fn running() -> Self {
        let setting = |name: &str| {
            env::var(name).unwrap_or_else(|_| {
                panic!(
                    "{name} is not set: bring the stack up with `make up`, then `source .local/env` and run the tests"
                )
            })
        };
        // The SDK reads it from the environment by itself.
        setting("AWS_ENDPOINT_URL");
        // A redirect is an answer, and what it leads to is not the API.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let agent = Agent::new_with_config(config);
        let base = setting("MAILHOUSE_URL").trim_end_matches('/').to_owned();
        let with = |key: Option<String>| Client { base: base.clone(), key, agent: agent.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime for the S3 client: {error}"));
        let sdk = runtime.block_on(aws_config::load_defaults(aws_config::BehaviorVersion::v2026_01_12()));
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        Stack {
            client: with(Some(setting("MAILHOUSE_KEY"))),
            other: with(Some(setting("MAILHOUSE_OTHER_KEY"))),
            operator: with(Some(setting("MAILHOUSE_OPERATOR_KEY"))),
            nobody: with(None),
            documents: setting("MAILHOUSE_DOCUMENTS").trim_end_matches('/').to_owned(),
            scans: setting("MAILHOUSE_SCANS").trim_end_matches('/').to_owned(),
            push: format!("Basic {}", STANDARD.encode(setting("MAILHOUSE_PUSH"))),
            runtime,
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            table: setting("MAILHOUSE_TABLE"),
        }
    }

    /// Puts a document at its path, `s3://bucket/key`.
    ///
    /// # Panics
    /// When S3 does not take it.
    pub fn upload(&self, path: &str, bytes: Vec<u8>) {
        let (bucket, key) = path.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
        let put = self.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes)).send();
        if let Err(error) = self.runtime.block_on(put) {
            panic!("{path} cannot be uploaded: {:?}", error.into_service_error());
        }
    }

    /// Has the cutoff of a single that is ready be years ago, behind everybody's back: no test can wait for a production day.
    ///
    /// # Panics
    /// When there is no such single.
    pub fn make_due(&self, single: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let (pk, date) = (format!("SINGLE#{single}"), "2026-01-05");
        let get = self.dynamodb.get_item().table_name(&self.table).key("pk", text(&pk)).key("sk", text("SINGLE"));
        let found =
            self.runtime.block_on(get.send()).unwrap_or_else(|error| panic!("{:?}", error.into_service_error()));
        let due = found.item.as_ref().and_then(|item| item.get("gsi2sk")?.as_s().ok()?.split_once('#'));
        let (_, rest) = due.unwrap_or_else(|| panic!("{single} does not wait to be released"));
        let update = self.dynamodb.update_item().table_name(&self.table);
        let update = update
            .key("pk", text(&pk))
            .key("sk", text("SINGLE"))
            .update_expression("SET sendDate = :date, gsi2sk = :due")
            .expression_attribute_values(":date", text(date))
            .expression_attribute_values(":due", text(&format!("{date}#{rest}")));
        if let Err(error) = self.runtime.block_on(update.send()) {
            panic!("{single} cannot be made due: {:?}", error.into_service_error());
        }
    }
}

impl Client {
    /// The same stack with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Client { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Prepares a call of an operation, with the parameters of its path.
    ///
    /// # Panics
    /// When no operation is named so.
    pub fn call(&self, operation: &str, parameters: &[(&str, &str)]) -> Call<'_> {
        let described = Description::get().operation(operation);
        let operation = described.unwrap_or_else(|| panic!("infra/openapi.yaml has no operation {operation:?}"));
        let mut path = operation.path.clone();
        for (name, value) in parameters {
            path = path.replace(&format!("{{{name}}}"), &escaped(value));
        }
        let bearer = self.key.iter().map(|key| ("authorization".to_owned(), format!("Bearer {key}")));
        Call { client: self, operation, path, query: String::new(), headers: bearer.collect(), body: Vec::new() }
    }

    /// Fetches what lies at a presigned URL, without a key.
    ///
    /// # Panics
    /// When it does not come.
    pub fn download(&self, url: &str) -> Vec<u8> {
        let answer = read(self.agent.get(url).call());
        assert_eq!(answer.status, 200, "GET {url}: {}", answer.text());
        answer.body
    }

    /// Uploads by the request that an answer has.
    ///
    /// # Panics
    /// When it is not taken.
    pub fn put(&self, upload: &Value, bytes: &[u8]) {
        let url = upload["url"].as_str().unwrap_or_default();
        let mut put = self.agent.put(url);
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            // The length is sent anyway.
            if name != "content-length" && name != "host" {
                put = put.header(name, value.as_str().unwrap_or_default());
            }
        }
        let answer = read(put.send(bytes));
        assert_eq!(answer.status, 200, "PUT {url}: {}", answer.text());
    }
}

/// A call in the making.
pub struct Call<'c> {
    client: &'c Client,
    operation: Operation,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call<'_> {
    /// Adds a parameter of the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let mark = if self.query.is_empty() { '?' } else { '&' };
        let _ = write!(self.query, "{mark}{name}={}", escaped(value));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes it safe to repeat.
    #[must_use]
    pub fn idempotent(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends these bytes.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Sends this JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string())
    }

    /// Sends these parts as a form, with what is to stand between them.
    #[must_use]
    pub fn form(mut self, boundary: &str, parts: &[(&str, &[u8])]) -> Self {
        for (name, bytes) in parts {
            let head =
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
            self.body.extend_from_slice(head.as_bytes());
            self.body.extend_from_slice(bytes);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        self.header("content-type", &format!("multipart/form-data; boundary={boundary}"))
    }

    /// Sends this JSON, compressed.
    #[must_use]
    pub fn gzip(self, body: &Value) -> Self {
        self.json(body).packed()
    }

    /// Compresses what it sends.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("content-encoding", "gzip")
    }

    /// Sends it, and expects that status.
    ///
    /// # Panics
    /// When no answer comes, it has another status, or infra/openapi.yaml does not describe it.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        self.either(&[status])
    }

    /// Sends it, and expects one of those statuses.
    ///
    /// # Panics
    /// As [`Call::expect`].
    #[track_caller]
    pub fn either(self, statuses: &[u16]) -> Answer {
        let call = format!("{} {}{}", self.operation.method, self.path, self.query);
        let id = self.operation.id.clone();
        let answer = self.send();
        if let Err(fault) = Description::get().judge(&id, &answer) {
            panic!(
                "{call} gave an answer that infra/openapi.yaml does not describe: {fault}\n{} {}",
                answer.status,
                answer.text()
            );
        }
        assert!(
            statuses.contains(&answer.status),
            "{call} answered {}, not {statuses:?}: {}",
            answer.status,
            answer.text()
        );
        answer
    }

    /// Sends it, expects that status and reads the body.
    ///
    /// # Panics
    /// As [`Call::expect`].
    #[track_caller]
    pub fn read(self, status: u16) -> Value {
        serde_json::from_slice(&self.expect(status).body).unwrap_or_default()
    }

    fn send(self) -> Answer {
        let url = format!("{}{}{}", self.client.base, self.path, self.query);
        let mut request = Request::builder().method(self.operation.method.as_str()).uri(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let agent = &self.client.agent;
        read(match self.operation.method.as_str() {
            "GET" | "DELETE" => request.body(()).map_err(Into::into).and_then(|request| agent.run(request)),
            _ => request.body(self.body).map_err(Into::into).and_then(|request| agent.run(request)),
        })
    }
}

fn read(response: Result<Response<ureq::Body>, ureq::Error>) -> Answer {
    let response =
        response.unwrap_or_else(|error| panic!("the stack does not answer ({error}): is it up? Try `make up`"));
    let (head, mut body) = response.into_parts();
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .unwrap_or_else(|error| panic!("an answer of the stack broke off: {error}")),
    }
}

/// Compresses a body.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A text as part of a URL.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
