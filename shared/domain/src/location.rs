//! Where documents are: S3 paths, and the locations that an account may name.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::{Faults, Pointer};
use crate::id::LocationId;

/// The path of one S3 object, `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct S3Path {
    bucket: String,
    key: String,
}

/// A text that is not `s3://bucket/key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the path of a document as s3://bucket/key")]
pub struct NotAnS3Path;

impl S3Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When the scheme is not `s3`, the bucket cannot be a bucket's name, or the key is empty, longer than 1,024 bytes
    /// or holds control characters (S3 User Guide, "Naming Amazon S3 objects").
    pub fn parse(text: &str) -> Result<Self, NotAnS3Path> {
        let (bucket, key) = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or(NotAnS3Path)?;
        let fits =
            is_bucket_name(bucket) && !key.is_empty() && key.len() <= 1_024 && !key.chars().any(char::is_control);
        if fits { Ok(S3Path { bucket: bucket.to_owned(), key: key.to_owned() }) } else { Err(NotAnS3Path) }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The object's key.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Three to 63 lower-case letters, digits, hyphens and dots (S3 User Guide, "General purpose bucket naming rules").
pub fn is_bucket_name(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
}

impl fmt::Display for S3Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl TryFrom<String> for S3Path {
    type Error = NotAnS3Path;
    fn try_from(text: String) -> Result<Self, NotAnS3Path> {
        Self::parse(&text)
    }
}

impl From<S3Path> for String {
    fn from(path: S3Path) -> String {
        path.to_string()
    }
}

/// A place in S3 from which an account may have documents read, registered by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Its identifier.
    pub id: LocationId,
    /// The bucket.
    pub bucket: String,
    /// The keys that may be named: those under this folder, or all of the bucket's when it is empty.
    pub prefix: String,
    /// The AWS account that owns the bucket. Reads state it, so that a bucket that changed hands is refused.
    pub owner: String,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Location {
    /// Whether `path` lies here. A prefix is a folder: `in` holds `in/a.pdf` but not `inside/a.pdf`.
    pub fn holds(&self, path: &S3Path) -> bool {
        self.bucket == path.bucket
            && (self.prefix.is_empty()
                || path.key.strip_prefix(self.prefix.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// Reads the path of a document that a client names, or adds why it may not: it must lie in one of the account's locations.
pub fn registered_path(text: &str, locations: &[Location], at: &Pointer<'_>, faults: &mut Faults) -> Option<S3Path> {
    match S3Path::parse(text) {
        Ok(path) if locations.iter().any(|location| location.holds(&path)) => Some(path),
        Ok(_) => {
            let message = "The path lies in no location that is registered to your account. Ask the operator to \
                           register its bucket and folder.";
            faults.push(at, "location.unregistered", message);
            None
        }
        Err(error) => {
            faults.push(at, "s3_path", format!("Please {error}."));
            None
        }
    }
}

/// Whether `text` is a 12-digit AWS account id.
pub fn is_aws_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LocationId;

    fn location(prefix: &str) -> Location {
        Location {
            id: LocationId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            bucket: "letters".into(),
            prefix: prefix.into(),
            owner: "123456789012".into(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_path_needs_a_scheme_a_bucket_and_a_key() {
        assert!(S3Path::parse("s3://bucket-name/object/key.pdf").is_ok());
        for text in ["", "bucket/key", "s3://bucket", "s3://bucket/", "s3:///key", "https://bucket/key", "s3://Bu/key"]
        {
            assert_eq!(S3Path::parse(text), Err(NotAnS3Path), "{text}");
        }
    }

    #[test]
    fn a_client_may_name_only_what_lies_in_one_of_its_locations() {
        let locations = [location("in")];
        let at = Pointer::Root;
        let mut faults = Faults::default();
        let path = registered_path("s3://letters/in/a.pdf", &locations, &at, &mut faults);
        assert_eq!(path, S3Path::parse("s3://letters/in/a.pdf").ok());
        assert!(faults.is_empty());
        for text in ["s3://letters/other/a.pdf", "s3://others/in/a.pdf", "letters/in/a.pdf"] {
            assert_eq!(registered_path(text, &locations, &at, &mut faults), None, "{text}");
        }
        assert_eq!(registered_path("s3://letters/in/a.pdf", &[], &at, &mut faults), None);
        let rules: Vec<_> = faults.listed().iter().map(|fault| fault.rule).collect();
        assert_eq!(rules, ["location.unregistered", "location.unregistered", "s3_path", "location.unregistered"]);
    }

    #[test]
    fn a_prefix_is_a_folder_and_not_the_start_of_a_name() {
        for prefix in ["in", "in/"] {
            assert!(location(prefix).holds(&S3Path::parse("s3://letters/in/a.pdf").unwrap()));
            assert!(!location(prefix).holds(&S3Path::parse("s3://letters/inside/a.pdf").unwrap()));
            assert!(!location(prefix).holds(&S3Path::parse("s3://letters/other/in/a.pdf").unwrap()));
        }
        assert!(location("").holds(&S3Path::parse("s3://letters/a.pdf").unwrap()));
        assert!(!location("").holds(&S3Path::parse("s3://letters2/a.pdf").unwrap()));
    }
}
