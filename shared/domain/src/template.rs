//! Templates: HTML with variables in it, kept so that letters name it instead of carrying it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
