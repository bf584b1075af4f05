//! What a client is told when something is wrong: one shape for every error of every door.

use domain::fault::{Fault, Faults};
use serde::Serialize;
use serde_json::{Map, Value};

/// An error answer. What is told to the client and what is written to the log are kept apart: whatever an internal
/// error says goes to the log alone.
#[derive(Debug)]
pub struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) faults: Vec<Fault>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) challenge: Option<&'static str>,
    pub(crate) cause: Option<String>,
}

impl Problem {
    /// An error of that status. `code` is stable; `message` is a sentence that says what to do.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Problem {
            status,
            code,
            message: message.into(),
            faults: Vec::new(),
            fields: Map::new(),
            retry_after: None,
            challenge: None,
            cause: None,
        }
    }

    /// 404: not there, or not the caller's, which is the same to the caller.
    pub fn not_found(what: &str) -> Self {
        Problem::new(404, "not_found", format!("There is no such {what}."))
    }

    /// An error that lists every fault of the request.
    pub fn faulty(status: u16, code: &'static str, faults: &Faults) -> Self {
        let (total, listed) = (faults.total(), faults.listed().len());
        let count = if total == 1 { "1 fault".to_owned() } else { format!("{total} faults") };
        let cut = if listed < total { format!("; the first {listed} are listed") } else { String::new() };
        let message = match faults.listed() {
            [only] => only.message.clone(),
            _ => format!("The request has {count}{cut}. See \"errors\" for each."),
        };
        Problem { faults: faults.listed().to_vec(), ..Problem::new(status, code, message) }
    }

    /// Adds a field that the contract wants beside the common ones.
    pub fn with<T: Serialize>(mut self, name: &str, value: &T) -> Self {
        self.fields.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// Tells the client to try again after so many seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Tells the client how to say who it is (RFC 9110 §11.6.1).
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.challenge = Some(scheme);
        self
    }

    /// Whether the request was refused before anything was done for it; else something went wrong on our side.
    pub fn is_refusal(&self) -> bool {
        self.cause.is_none()
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn body(&self, request_id: &str) -> String {
        let mut body = Map::new();
        body.insert("message".into(), self.message.clone().into());
        body.insert("code".into(), self.code.into());
        if !self.faults.is_empty() {
            body.insert("errors".into(), serde_json::to_value(&self.faults).unwrap_or(Value::Null));
        }
        body.extend(self.fields.clone());
        body.insert("requestId".into(), request_id.into());
        Value::Object(body).to_string()
    }
}

/// Any error that a handler does not turn into an answer itself is ours: the client gets a fixed text, the log the rest.
impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        let message = "Something went wrong on our side. Try again; if it keeps happening, tell us the requestId.";
        Problem { cause: Some(chain(&error)), ..Problem::new(500, "internal", message) }
    }
}

/// An error and what caused it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::fault::Pointer;

    use super::*;

    #[test]
    fn an_internal_error_tells_the_client_nothing_of_its_cause() {
        let problem = Problem::from(std::io::Error::other("table mailhouse-7 has no index"));
        assert_eq!(problem.status, 500);
        assert!(!problem.body("r").contains("mailhouse-7"));
        assert!(problem.cause.unwrap().contains("mailhouse-7"));
    }

    #[test]
    fn a_list_that_was_cut_says_so() {
        let mut faults = Faults::default();
        for index in 0..Faults::LISTED + 1 {
            faults.push(&Pointer::Root.index(index), "required", "Give it.");
        }
        let problem = Problem::faulty(422, "invalid", &faults);
        assert_eq!(problem.message, "The request has 1001 faults; the first 1000 are listed. See \"errors\" for each.");
    }

    #[test]
    fn what_the_contract_adds_stands_beside_the_common_fields() {
        let body = Problem::new(409, "conflict", "No.").with("conflictingIds", &["L0000032"]).body("req-1");
        assert_eq!(body, r#"{"code":"conflict","conflictingIds":["L0000032"],"message":"No.","requestId":"req-1"}"#);
    }
}
