//! A letter as `multipart/form-data`: the part `letter` is what the body would be as JSON, the part `file` the bytes of its PDF.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::fault::{Faults, Pointer};
use edge::{Call, Problem, wire};
use futures::stream;
use multer::Multipart;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Of a letter, whether it names a document.
#[derive(Deserialize)]
#[serde(expecting = "a letter as a JSON object")]
struct Named {
    #[serde(default, deserialize_with = "there")]
    content: bool,
}

/// Passes over a member that is there, whatever it is.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Has the body be the JSON that says the same, with the bytes in base64, so that there is one way to read a letter, and the same
/// letter is the same request whatever stands between its parts. Another body stays as it is.
///
/// # Errors
/// 400 when it is not of these parts, 422 when there are two documents.
pub(super) async fn as_json(call: &mut Call) -> Result<(), Problem> {
    let Some(boundary) = boundary(call.header("content-type").unwrap_or_default())? else { return Ok(()) };
    let body = std::mem::take(&mut call.body);
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let (mut letter, mut file) = (None, None);
    while let Some(part) = parts.next_field().await.map_err(|_| malformed())? {
        let place = match part.name() {
            Some("letter") => &mut letter,
            Some("file") => &mut file,
            _ => return Err(malformed()),
        };
        if place.replace(part.bytes().await.map_err(|_| malformed())?).is_some() {
            return Err(malformed());
        }
    }
    let letter = letter.ok_or_else(malformed)?;
    let named: Named = wire::read(&letter)?;
    call.body = match file {
        None => letter.to_vec(),
        Some(_) if named.content => {
            let mut faults = Faults::default();
            let message = "The document is the part file: leave content out of the part letter.";
            faults.push(&Pointer::Root.key("content"), "content.kind", message);
            return Err(Problem::faulty(422, "invalid", &faults));
        }
        Some(file) => with_document(&letter, &file),
    };
    Ok(())
}

/// A letter, which is a JSON object, with its document as the first member.
fn with_document(letter: &[u8], pdf: &[u8]) -> Vec<u8> {
    let members = letter.trim_ascii().get(1..).unwrap_or_default();
    let mut body = Vec::with_capacity(letter.len() + pdf.len().div_ceil(3) * 4 + 32);
    body.extend_from_slice(br#"{"content":{"pdf":""#);
    body.extend_from_slice(STANDARD.encode(pdf).as_bytes());
    body.extend_from_slice(br#""}"#);
    if !members.trim_ascii_start().starts_with(b"}") {
        body.push(b',');
    }
    body.extend_from_slice(members);
    body
}

/// What stands between the parts of a body of that type; `None` when it has no parts.
fn boundary(content_type: &str) -> Result<Option<String>, Problem> {
    match multer::parse_boundary(content_type) {
        Ok(boundary) => Ok(Some(boundary)),
        Err(multer::Error::NoBoundary) => Err(malformed()),
        Err(_) => Ok(None),
    }
}

fn malformed() -> Problem {
    let message = "The body is not multipart/form-data with a part letter, a JSON object, and a part file, the bytes of its PDF, \
                   each once.";
    Problem::new(400, "body.multipart", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_becomes_a_member_of_the_letter() {
        let body = |letter: &str| String::from_utf8(with_document(letter.as_bytes(), b"%PDF-")).unwrap();
        let pdf = r#""content":{"pdf":"JVBERi0="}"#;
        assert_eq!(body(r#" { "useType": "x" } "#), format!(r#"{{{pdf}, "useType": "x" }}"#));
        assert_eq!(body(" { }"), format!("{{{pdf} }}"));
    }

    #[test]
    fn only_form_data_has_parts() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").unwrap(), Some("abc".to_owned()));
        assert!(boundary("multipart/form-data").is_err());
        for other in ["", "application/json", "multipart/mixed; boundary=abc", "nonsense"] {
            assert_eq!(boundary(other).unwrap(), None, "{other}");
        }
    }
}
