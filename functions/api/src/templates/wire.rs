//! How templates, and the variables that fill them in, are written on the wire.

use domain::fault::{Faults, Pointer};
use domain::id::TemplateId;
use domain::single::TEXTS_MOST;
use domain::template::{MAX_NAME, Template, TemplateVersion};
use edge::Problem;
use edge::wire::{self, Field};
use jiff::Timestamp;
use render::{MAX_HTML, MOST_PAGES, PageSize};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::App;
use crate::rendering::tell;

/// A template as a client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TemplateOut<'a> {
    id: &'a TemplateId,
    name: &'a str,
    /// The version that is shown.
    version: u32,
    latest_version: u32,
    page_size: &'a str,
    sha256: &'a str,
    bytes: u64,
    created_at: Timestamp,
    version_created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

impl<'a> TemplateOut<'a> {
    pub(super) fn new(template: &'a Template, version: &'a TemplateVersion) -> Self {
        TemplateOut {
            id: &template.id,
            name: &template.name,
            version: version.version,
            latest_version: template.version,
            page_size: &version.page_size,
            sha256: &version.sha256,
            bytes: version.bytes,
            created_at: template.created_at,
            version_created_at: version.created_at,
            html: None,
        }
    }

    pub(super) fn with_html(self, html: &'a str) -> Self {
        TemplateOut { html: Some(html), ..self }
    }
}

/// A template in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedOut {
    id: TemplateId,
    name: String,
    latest_version: u32,
    created_at: Timestamp,
}

impl From<Template> for ListedOut {
    fn from(template: Template) -> Self {
        ListedOut {
            id: template.id,
            name: template.name,
            latest_version: template.version,
            created_at: template.created_at,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with name, html and pageSize")]
struct RawTemplate<'a> {
    #[serde(default, borrow)]
    name: Field<'a>,
    #[serde(default, borrow)]
    html: Field<'a>,
    #[serde(default, borrow)]
    page_size: Field<'a>,
}

/// What a client says of a template.
pub(super) struct Given {
    pub(super) name: String,
    pub(super) html: String,
    pub(super) page: PageSize,
}

/// Reads what a client says of a template.
///
/// # Errors
/// 400 and 422.
pub(super) fn read(body: &[u8]) -> Result<Given, Problem> {
    let mut faults = Faults::default();
    let raw: RawTemplate<'_> = wire::read_known(body, &mut faults)?;
    let root = Pointer::Root;
    let at = root.key("name");
    let name = raw.name.required(&at, &mut faults).text(&at, &mut faults).map(str::to_owned);
    if name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > MAX_NAME) {
        faults.push(&at, "length", format!("Give a name of 1 to {MAX_NAME} characters."));
    }
    let at = root.key("html");
    let html = raw.html.required(&at, &mut faults).text(&at, &mut faults).map(str::to_owned);
    if html.as_ref().is_some_and(|html| html.trim().is_empty() || html.len() > MAX_HTML) {
        faults.push(&at, "length", format!("Give HTML of at most {} kB.", MAX_HTML >> 10));
    }
    let page = page_size(&raw.page_size, &root.key("pageSize"), &mut faults);
    match (name, html) {
        (Some(name), Some(html)) if faults.is_empty() => {
            Ok(Given { name, html, page: page.unwrap_or(PageSize::Letter) })
        }
        _ => Err(Problem::faulty(422, "invalid", &faults)),
    }
}

/// Reads a page size, if one is given.
pub fn page_size(field: &Field<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<PageSize> {
    let name = field.text(at, faults)?;
    let size = PageSize::parse(name);
    if size.is_none() {
        faults.push(at, "enum", format!("Give one of {}.", PageSize::ALL.map(PageSize::name).join(", ")));
    }
    size
}

/// What a client says of a template, once its HTML reads as a template.
///
/// # Errors
/// 422.
pub(super) async fn checked(app: &App, given: Given) -> Result<Given, Problem> {
    let found = app.children.renderer(|renderer| renderer.check(&given.html)).await?;
    let mut faults = Faults::default();
    let root = Pointer::Root;
    for fault in found {
        tell(&fault, &root.key("html"), &root.key("variables"), &mut faults);
    }
    if faults.is_empty() { Ok(given) } else { Err(Problem::faulty(422, "invalid", &faults)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with version, variables and maxPages")]
struct RawPreview<'a> {
    #[serde(default, borrow)]
    version: Field<'a>,
    #[serde(default, borrow)]
    variables: Option<&'a RawValue>,
    #[serde(default, borrow)]
    max_pages: Field<'a>,
}

/// What a preview is to be of.
pub(super) struct Asked {
    pub(super) version: Option<u32>,
    pub(super) variables: Map<String, Value>,
    pub(super) max_pages: u32,
}

/// Reads what a preview is to be of.
///
/// # Errors
/// 400 and 422.
pub(super) fn read_preview(body: &[u8]) -> Result<Asked, Problem> {
    let mut faults = Faults::default();
    let raw: RawPreview<'_> = wire::read_known(body, &mut faults)?;
    let root = Pointer::Root;
    let version = raw.version.whole(1..=u32::MAX, &root.key("version"), &mut faults);
    let variables = variables(raw.variables, &root.key("variables"), &mut faults).unwrap_or_default();
    let max_pages = raw.max_pages.whole(1..=MOST_PAGES, &root.key("maxPages"), &mut faults).unwrap_or(MOST_PAGES);
    if faults.is_empty() {
        Ok(Asked { version, variables, max_pages })
    } else {
        Err(Problem::faulty(422, "invalid", &faults))
    }
}

/// Reads variables, if any are given: an object of values by name, or a list of objects with `name` and `value`, of which the
/// value may be left out. Values may be anything, lists and objects too, for templates that go through them.
pub fn variables(given: Option<&RawValue>, at: &Pointer<'_>, faults: &mut Faults) -> Option<Map<String, Value>> {
    const SHAPE: &str = "Give an object of values by name, or a list of objects with name and value.";
    let given = given?.get();
    // Values take many times the memory of their text.
    if given.len() > TEXTS_MOST {
        faults.push(at, "too_large", format!("The variables have {} bytes; give at most {TEXTS_MOST}.", given.len()));
        return None;
    }
    match serde_json::from_str(given) {
        Ok(Value::Object(map)) => Some(map),
        Ok(Value::Array(list)) => {
            let mut map = Map::new();
            for (index, entry) in list.into_iter().enumerate() {
                let here = at.index(index);
                let name = entry.get("name").and_then(Value::as_str).map(str::to_owned);
                let Some(name) = name else {
                    faults.push(&here, "type", SHAPE);
                    continue;
                };
                for key in entry.as_object().into_iter().flat_map(Map::keys) {
                    if !matches!(key.as_str(), "name" | "value") {
                        wire::nobody_reads(&here.key(key), faults);
                    }
                }
                let value = entry.get("value").cloned().unwrap_or_else(|| Value::String(String::new()));
                if map.insert(name, value).is_some() {
                    faults.push(&here.key("name"), "duplicate", "Give each variable once.");
                }
            }
            Some(map)
        }
        _ => {
            faults.push(at, "type", SHAPE);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_variables(given: Value) -> (Map<String, Value>, Vec<String>) {
        let mut faults = Faults::default();
        let given = serde_json::value::to_raw_value(&given).unwrap();
        let read = variables(Some(&given), &Pointer::Root.key("variables"), &mut faults).unwrap_or_default();
        (read, faults.listed().iter().map(|fault| fault.pointer.clone()).collect())
    }

    #[test]
    fn variables_are_an_object_or_a_list_of_names_and_values() {
        let (object, faults) = read_variables(json!({ "name": "Jane", "rows": [1, 2] }));
        assert_eq!((object["name"].clone(), faults.len()), (json!("Jane"), 0));
        let (list, faults) = read_variables(json!([{ "name": "a", "value": 1 }, { "name": "b" }]));
        assert_eq!((Value::Object(list), faults.len()), (json!({ "a": 1, "b": "" }), 0));
    }

    #[test]
    fn variables_that_are_something_else_are_faults_at_their_places() {
        let (_, faults) = read_variables(json!([{ "value": 1 }, { "name": "a" }, "b", { "name": "a" }]));
        assert_eq!(faults, ["/variables/0", "/variables/2", "/variables/3/name"]);
        let (_, faults) =
            read_variables(json!([{ "name": "amount", "vlaue": "$5" }, { "name": "a", "value": { "b": 1 } }]));
        assert_eq!(faults, ["/variables/0/vlaue"], "a name that is spelt wrong would print nothing");
        assert_eq!(read_variables(json!("name=Jane")).1, ["/variables"]);
        assert_eq!(read_variables(json!({ "name": "x".repeat(250_001) })).1, ["/variables"]);
    }
}
