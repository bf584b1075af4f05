//! From HTML to a document that may be printed: loaded, rendered, inspected.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use domain::account::Caller;
use domain::document::{DocumentState, DocumentType};
use domain::fault::{Faults, Pointer};
use domain::finish::{CardSize, Finish};
use domain::id::{DocumentId, TemplateId};
use domain::letter::{Copy, Finding, keep_findings};
use domain::template::{Template, TemplateVersion};
use edge::Problem;
use print::inspect::Limits;
use print::isolate::{CHILD_ARGUMENT, Inspector};
use print::raster::ProofError;
use render::{Fault, MAX_IMAGES, MOST_PAGES, Order, PageSize, Renderer, too_slow};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::{App, documents};

/// The children of this process. They are started by the first that needs them, and one order is worked on at a time.
pub struct Children {
    inspector: Mutex<Option<Inspector>>,
    renderer: Mutex<Option<Renderer>>,
    /// For so long pieces of one request are begun to be rendered before its answer.
    pub quick: Duration,
}

impl Children {
    /// Children that are yet to be started.
    pub fn new(quick: Duration) -> Self {
        Children { inspector: Mutex::default(), renderer: Mutex::default(), quick }
    }

    /// Does something with the child that inspects.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn inspector<T>(&self, work: impl FnOnce(&mut Inspector) -> io::Result<T>) -> Result<T, Problem> {
        let mut held = self.inspector.lock().await;
        let inspector = match &mut *held {
            Some(inspector) => inspector,
            none => none.insert(Inspector::spawn(&child()?, [CHILD_ARGUMENT])?),
        };
        Ok(work(inspector)?)
    }

    /// Does something with the child that renders.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn renderer<T>(&self, work: impl FnOnce(&mut Renderer) -> io::Result<T>) -> Result<T, Problem> {
        let mut held = self.renderer.lock().await;
        let renderer = match &mut *held {
            Some(renderer) => renderer,
            none => none.insert(Renderer::new(&child()?)),
        };
        Ok(work(renderer)?)
    }
}

/// The program of both children. It lies beside this one where it is needed, because no other function is to carry a layout engine
/// and a print engine.
fn child() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("render-child"))
}

/// What is to be rendered.
pub enum Source {
    /// HTML as it came.
    Html(String),
    /// A template of the caller's; the latest version, when none is named.
    Template(TemplateId, Option<u32>),
}

/// HTML with its images, to be rendered with one set of variables after the other.
pub struct Loaded {
    /// The HTML, without variables.
    pub html: String,
    /// What it is laid out on.
    pub page: PageSize,
    /// The version of the template that it is.
    pub version: Option<u32>,
    images: Images,
}

/// The uploaded images that HTML or its variables name, by their ids.
#[derive(Clone, Default)]
struct Images {
    there: BTreeMap<String, Image>,
    /// What is wrong where one is used that is not there.
    absent: BTreeMap<String, Fault>,
}

/// An uploaded image.
#[derive(Clone)]
struct Image {
    copy: Copy,
    bytes: Vec<u8>,
}

/// A document that was rendered and may be printed.
pub struct Rendered {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: u32,
    /// What is worth knowing about it.
    pub findings: Vec<Finding>,
}

/// Why nothing was rendered: something for the client to mend.
#[derive(Debug)]
pub enum Unrendered {
    /// There is no such template.
    NoTemplate,
    /// There is one, and it has no such version.
    NoVersion,
    /// The HTML cannot be rendered.
    Faults(Vec<Fault>),
    /// It may be possible to render it, but not while somebody waits.
    TooSlow,
    /// What it makes may not be printed.
    Refused(Vec<Finding>),
    /// What it makes may be printed, but is too costly to draw while somebody waits.
    NoPicture(ProofError),
}

/// Loads what is to be rendered for a caller. `page` is what it is laid out on; a template has its own.
///
/// # Errors
/// When the store does not answer. Within: what the client has to mend.
pub async fn load(
    app: &App,
    caller: &Caller,
    source: Source,
    page: Option<PageSize>,
) -> Result<Result<Loaded, Unrendered>, Problem> {
    let (html, own_page, version) = match source {
        Source::Html(html) => (html, None, None),
        Source::Template(id, version) => {
            let (template, version) = match version_of(app, caller, &id, version).await? {
                Ok(found) => found,
                Err(none) => return Ok(Err(none)),
            };
            let Some(html) = app.store.read_html(&template, &version).await? else {
                return Ok(Err(Unrendered::NoTemplate));
            };
            (html, PageSize::parse(&version.page_size), Some(version.version))
        }
    };
    let page = page.or(own_page).unwrap_or(PageSize::Letter);
    let images = images(app, caller, named_in(&html), |_| None).await?;
    Ok(Ok(Loaded { html, page, version, images }))
}

/// What is expected of a document of which nobody has said how it is made.
pub fn limits_of(page: PageSize) -> Limits {
    let card = CardSize::ALL.into_iter().find(|card| side(*card) == page);
    press::limits(&card.map_or_else(Finish::default, Finish::of_card))
}

/// Renders, and inspects what that makes as any document, by those limits. Doing so again makes the same. Nothing is kept.
///
/// # Errors
/// When the store does not answer or a child cannot be started. Within: what the client has to mend.
pub async fn render(
    app: &App,
    caller: &Caller,
    loaded: &Loaded,
    variables: Map<String, Value>,
    max_pages: u32,
    limits: &Limits,
) -> Result<Result<Rendered, Unrendered>, Problem> {
    let images = all_images(app, caller, loaded, &variables).await?;
    let order = order(loaded, variables, max_pages, images);
    let rendered = match app.children.renderer(|renderer| renderer.render(&order)).await? {
        Ok(rendered) => rendered,
        Err(faults) if faults == [too_slow()] => return Ok(Err(Unrendered::TooSlow)),
        Err(faults) => return Ok(Err(Unrendered::Faults(faults))),
    };
    let limits = Limits { impressions: Some(rendered.pages), ..limits.clone() };
    let report = app.children.inspector(|inspector| inspector.inspect(&rendered.bytes, &limits)).await?;
    let findings = keep_findings(report.findings.into_iter().map(press::finding));
    if findings.iter().any(|finding| finding.refuses) {
        return Ok(Err(Unrendered::Refused(findings)));
    }
    Ok(Ok(Rendered { bytes: rendered.bytes, pages: rendered.pages, findings }))
}

/// Looks at what is rendered later as far as that is quick, and answers the images that it is rendered with.
///
/// # Errors
/// When the store does not answer or a child cannot be started. Within: what the client has to mend.
pub async fn look_at(
    app: &App,
    caller: &Caller,
    loaded: &Loaded,
    variables: Map<String, Value>,
) -> Result<Result<BTreeMap<String, Copy>, Unrendered>, Problem> {
    let images = all_images(app, caller, loaded, &variables).await?;
    let copies = images.there.iter().map(|(id, image)| (id.clone(), image.copy.clone())).collect();
    let order = order(loaded, variables, MOST_PAGES, images);
    let faults = app.children.renderer(|renderer| renderer.look_at(&order)).await?;
    Ok(if faults.is_empty() { Ok(copies) } else { Err(Unrendered::Faults(faults)) })
}

/// The images that HTML may show, filled in with those variables.
async fn all_images(
    app: &App,
    caller: &Caller,
    loaded: &Loaded,
    variables: &Map<String, Value>,
) -> Result<Images, Problem> {
    let named = named_in(&serde_json::to_string(variables)?);
    let mut images = images(app, caller, named, |id| named_by(variables, id)).await?;
    images.there.extend(loaded.images.there.clone());
    images.absent.extend(loaded.images.absent.clone());
    Ok(images)
}

fn order(loaded: &Loaded, variables: Map<String, Value>, max_pages: u32, images: Images) -> Order {
    Order {
        html: loaded.html.clone(),
        variables,
        page: loaded.page,
        max_pages: max_pages.min(loaded.page.most_pages()),
        images: images.there.into_iter().map(|(id, image)| (id, image.bytes)).collect(),
        absent: images.absent,
    }
}

impl Unrendered {
    /// What the client is told, with the place in its request where the HTML is named, and where the variables are.
    pub fn problem(self, html: &Pointer<'_>, variables: &Pointer<'_>) -> Problem {
        let mut faults = Faults::default();
        self.tell(html, variables, &mut faults);
        Problem::faulty(422, "invalid", &faults)
    }

    /// The same, among the other faults of the request.
    pub fn tell(self, html: &Pointer<'_>, variables: &Pointer<'_>, faults: &mut Faults) {
        match self {
            Unrendered::NoTemplate => {
                faults.push(html, "template.unknown", "There is no such template.");
            }
            Unrendered::NoVersion => {
                let message = "The template has no such version: leave it out for the latest.";
                match html {
                    Pointer::Key(content, _) => faults.push(&content.key("version"), "template.version", message),
                    _ => faults.push(html, "template.version", message),
                }
            }
            Unrendered::Faults(found) => found.iter().for_each(|fault| tell(fault, html, variables, faults)),
            Unrendered::TooSlow => tell(&too_slow(), html, variables, faults),
            Unrendered::Refused(findings) => {
                for finding in findings.iter().filter(|finding| finding.refuses) {
                    let page = finding.page.map(|page| format!(" Page {page}.")).unwrap_or_default();
                    faults.push(html, "document.refused", format!("{}{page}", finding.message));
                }
            }
            Unrendered::NoPicture(error) => {
                faults.push(html, "template.no_picture", format!("There is no picture of the first page: {error}."));
            }
        }
    }
}

/// Says a fault of HTML in a client's request.
pub fn tell(fault: &Fault, html: &Pointer<'_>, variables: &Pointer<'_>, faults: &mut Faults) {
    const RULES: [&str; 18] = [
        "html.variable",
        "html.template",
        "html.too_large",
        "html.too_costly",
        "html.too_slow",
        "html.reference",
        "html.document",
        "html.image",
        "html.images",
        "html.element",
        "html.elements",
        "html.font",
        "html.depth",
        "html.character",
        "html.pages",
        "html.layout",
        "html.unsupported",
        "html.other",
    ];
    let rule = RULES.into_iter().find(|rule| *rule == fault.rule).unwrap_or("html.other");
    let message = fault.told();
    match &fault.variable {
        Some(name) => at_variable(variables, name, &mut |place| faults.push(place, rule, message.as_str())),
        None => faults.push(html, rule, message),
    }
}

/// The place of a variable as a template names it: `due.date` is a member of another. What is named from within a list, as
/// `this.date` is, has many places or none.
fn at_variable(variables: &Pointer<'_>, name: &str, then: &mut dyn FnMut(&Pointer<'_>)) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    match rest {
        _ if first == "this" || first.is_empty() => then(variables),
        Some(rest) => at_variable(&variables.key(first), rest, then),
        None => then(&variables.key(first)),
    }
}

/// A caller's template and a version of it: the latest, when none is named. Within: that there is none.
///
/// # Errors
/// When the store does not answer.
async fn version_of(
    app: &App,
    caller: &Caller,
    id: &TemplateId,
    version: Option<u32>,
) -> Result<Result<(Template, TemplateVersion), Unrendered>, Problem> {
    let Some(template) = app.store.template(&caller.account, caller.mode, id).await? else {
        return Ok(Err(Unrendered::NoTemplate));
    };
    let version = app.store.template_version(id, version.unwrap_or(template.version)).await?;
    Ok(version.map(|version| (template, version)).ok_or(Unrendered::NoVersion))
}

/// What is laid out to be a side of a card.
pub fn side(card: CardSize) -> PageSize {
    match card {
        CardSize::Card4x6 => PageSize::Card4x6,
        CardSize::Card6x9 => PageSize::Card6x9,
        CardSize::Card6x11 => PageSize::Card6x11,
    }
}

/// The page of a document as a picture so many dots wide.
///
/// # Errors
/// When the child cannot be started, or the document has no such page. Within: that it is too costly to draw.
pub async fn picture(app: &App, bytes: &[u8], page: u32, width: u32) -> Result<Result<Vec<u8>, Unrendered>, Problem> {
    let drawn = app.children.inspector(|inspector| inspector.proof(bytes, page, width)).await?;
    undrawn(drawn)
}

/// Tells what a client may mend about a picture from what is wrong on our side.
fn undrawn(drawn: Result<Vec<u8>, ProofError>) -> Result<Result<Vec<u8>, Unrendered>, Problem> {
    match drawn {
        Ok(picture) => Ok(Ok(picture)),
        Err(error @ (ProofError::TooManyPixels | ProofError::Hostile)) => Ok(Err(Unrendered::NoPicture(error))),
        Err(error @ (ProofError::Unreadable | ProofError::NoSuchPage | ProofError::NoSize | ProofError::NoPiece)) => {
            Err(error.into())
        }
    }
}

/// The uploaded images of those ids, and what is wrong with those that are not there. `variable` is the one that names an id.
async fn images(
    app: &App,
    caller: &Caller,
    mut named: Vec<DocumentId>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Images, Problem> {
    /// More than that, nobody puts into a letter.
    const MOST: usize = 50;
    named.sort();
    named.dedup();
    let mut images = Images::default();
    let mut room = MAX_IMAGES as u64;
    for (number, id) in named.into_iter().enumerate() {
        let mut absent = |rule, message: String| {
            let fault = Fault { variable: variable(id.as_str()), ..Fault::new(rule, message) };
            images.absent.insert(id.to_string(), fault);
        };
        if number >= MOST {
            absent("html.images", format!("A letter may have {MOST} images that were uploaded. Use fewer."));
            continue;
        }
        let Some(document) = app.store.document(&caller.account, caller.mode, &id).await? else {
            let message = format!("There is no document {id}. Announce it with POST /v2/documents, and upload it.");
            absent("html.document", message);
            continue;
        };
        if document.content_type == DocumentType::Pdf {
            let message = format!("The document {id} is a PDF, and HTML shows images. Upload a PNG or a JPEG.");
            absent("html.document", message);
            continue;
        }
        // Looking at one that is waited for costs, whatever comes of it.
        if document.bytes > room {
            let message = format!("The images are larger than {} MB together. Make them smaller.", MAX_IMAGES >> 20);
            absent("html.images", message);
            continue;
        }
        room -= document.bytes;
        let document = documents::settled(app, document).await?;
        match document.state {
            DocumentState::Ready => {
                let copy = app.store.copy_of(&document);
                let bytes = app.store.read_copy(&caller.account, &copy).await?;
                let bytes = bytes.ok_or_else(|| Problem::from(io::Error::from(io::ErrorKind::NotFound)))?;
                images.there.insert(id.to_string(), Image { copy, bytes });
            }
            DocumentState::Waiting => {
                let message = format!(
                    "The document {id} is not there, or not as it was announced. Upload it, then send the request again."
                );
                absent("html.document", message);
            }
            DocumentState::Refused => {
                let message =
                    format!("The document {id} was refused. GET /v2/documents/{id} says why: upload another.");
                absent("html.document", message);
            }
        }
    }
    Ok(images)
}

/// The variable that has a text in what it says, as a template would name it.
fn named_by(variables: &Map<String, Value>, text: &str) -> Option<String> {
    fn within(value: &Value, text: &str) -> Option<String> {
        match value {
            Value::String(said) => said.contains(text).then(String::new),
            Value::Array(list) => {
                list.iter().enumerate().find_map(|(index, value)| Some(format!(".{index}{}", within(value, text)?)))
            }
            Value::Object(members) => {
                members.iter().find_map(|(name, value)| Some(format!(".{name}{}", within(value, text)?)))
            }
            _ => None,
        }
    }
    variables.iter().find_map(|(name, value)| Some(format!("{name}{}", within(value, text)?)))
}

/// Everything in a text that reads as the id of a document.
fn named_in(text: &str) -> Vec<DocumentId> {
    let ends = |rest: &str| rest.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let ids =
        text.split("doc_").skip(1).filter_map(|rest| DocumentId::parse(&format!("doc_{}", &rest[..ends(rest)])).ok());
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_documents_are_found_wherever_they_stand() {
        let ids: Vec<_> = named_in("<img src=doc_0A1><b style='background:url(doc_2B3)'>doc_ doc_4C5xyz doc_6D7")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(ids, ["doc_0A1", "doc_2B3", "doc_6D7"]);
    }

    #[test]
    fn what_is_too_costly_to_draw_is_told_to_the_client_and_what_is_ours_is_not() {
        for error in [ProofError::TooManyPixels, ProofError::Hostile] {
            let unrendered = undrawn(Err(error)).unwrap().unwrap_err();
            let problem = unrendered.problem(&Pointer::Root.key("version"), &Pointer::Root.key("variables"));
            assert_eq!(problem.status(), 422, "{error}");
        }
        for error in [ProofError::Unreadable, ProofError::NoSuchPage, ProofError::NoSize, ProofError::NoPiece] {
            assert_eq!(undrawn(Err(error)).unwrap_err().status(), 500, "{error}");
        }
    }

    #[test]
    fn what_is_named_by_a_variable_is_found_however_deep_it_lies() {
        let json = serde_json::json!({ "a": 1, "rows": [{ "x": null }, { "logo": "url(doc_1)" }], "z": "doc_1" });
        let Value::Object(variables) = json else { panic!("no object") };
        assert_eq!(named_by(&variables, "doc_1").as_deref(), Some("rows.1.logo"));
        assert_eq!(named_by(&variables, "doc_2"), None);
    }

    #[test]
    fn a_missing_variable_is_told_at_its_own_place_and_the_rest_at_the_html() {
        let root = Pointer::Root;
        let (html, variables) = (root.key("html"), root.key("variables"));
        let fault = |rule: &'static str, line, variable: Option<&str>| Fault {
            rule: rule.into(),
            message: "Mend it.".into(),
            line,
            variable: variable.map(str::to_owned),
        };
        let found = [
            fault("html.variable", Some(3), Some("due.date")),
            fault("html.element", None, None),
            fault("html.variable", None, Some("this.date")),
        ];
        let mut faults = Faults::default();
        found.iter().for_each(|fault| tell(fault, &html, &variables, &mut faults));
        let told: Vec<_> =
            faults.listed().iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str())).collect();
        assert_eq!(
            told,
            [("/variables/due/date", "Mend it. Line 3."), ("/html", "Mend it."), ("/variables", "Mend it.")]
        );
    }
}
