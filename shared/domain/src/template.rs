//! Templates: HTML with variables in it, kept so that letters name it instead of carrying it; and what fills them in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::account::Mode;
use crate::id::{AccountId, TemplateId};

/// The longest name of a template, characters.
pub const MAX_NAME: usize = 100;

/// A template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it is for test letters.
    pub mode: Mode,
    /// What the client calls it.
    pub name: String,
    /// The latest version, from 1.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was deleted. From then on it is there for nobody, until what belongs to it is gone too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// What a template was from one change to the next. It never changes: a letter that names it is the same tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersion {
    /// Its number, from 1.
    pub version: u32,
    /// The hash of its HTML, in hexadecimal, by which that is kept.
    pub sha256: String,
    /// How many bytes of HTML it has.
    pub bytes: u64,
    /// The page that it is made for, by its name.
    pub page_size: String,
    /// When it came in.
    pub created_at: Timestamp,
}

/// What is filled in into HTML, by name. It is kept as the text of its JSON, which may be nested deeper than an item of the table
/// can be, and takes a fraction of the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(String);

impl Variables {
    /// Those values.
    pub fn new(values: &Map<String, Value>) -> Self {
        Self(serde_json::to_string(values).unwrap_or_else(|_| "{}".to_owned()))
    }

    /// The values by name.
    pub fn values(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Their JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_kept_as_text_and_come_out_as_they_were() {
        let values = json!({ "name": "Jane \"J\" Doe", "rows": [{ "amount": 12.5 }, null], "none": {} });
        let variables = Variables::new(values.as_object().unwrap());
        let kept = serde_json::to_value(&variables).unwrap();
        assert!(kept.is_string());
        assert_eq!(serde_json::from_value::<Variables>(kept).unwrap(), variables);
        assert_eq!(Value::Object(variables.values()), values);
    }
}
