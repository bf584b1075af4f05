//! What is printed, as a request about a single piece names it or brings it: read, and made what is kept or looked at.
//!
//! HTML is rendered here, before the request is answered, so that a template that cannot be filled in costs a request and never
//! a letter. What is not quick is looked at, and rendered when it is inspected.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::Caller;
use domain::document::{DocumentState, DocumentType};
use domain::fault::{Faults, Pointer};
use domain::finish::{CardSize, Finish};
use domain::id::{DocumentId, TemplateId};
use domain::letter::Copy;
use domain::location::{Location, S3Path, registered_path};
use domain::single::{Content, Guard, Made, Place, Unmade};
use domain::template::Variables;
use edge::Problem;
use edge::wire::Field;
use futures::future::try_join_all;
use print::inspect::Limits;
use render::{MAX_HTML, MOST_PAGES, PageSize};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use store::idempotency::sha256;

use crate::rendering::{Loaded, Source, Unrendered, load, look_at, render, side};
use crate::templates::wire::{page_size, variables};
use crate::{App, documents};

/// The largest PDF that fits in a request: the gateway takes 6 MB, and base64 makes 4 bytes of 3.
pub const MAX_PDF: usize = 4_000_000;
/// For at most so many seconds pieces of one request are begun to be rendered. The last may take five more, and ten to be
/// inspected, and its function has 29 for all there is to do.
pub const MOST_RENDERING: u64 = 5;
/// For so long, counted from the same moment, those are looked at that are not rendered: some milliseconds each, the last at most
/// five seconds.
const LOOKING: Duration = Duration::from_secs(15);
/// What a PDF is called in S3.
const PDF: &str = "application/pdf";
/// So many pieces are rendered, then put into S3 at once.
const KEPT_AT_ONCE: usize = 8;
/// Of so many recipients it is told what is wrong with their variables.
const FAULTY: usize = 20;

/// What is printed. Each kind of content is a member, of which there is exactly one, and others that go with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the content as a JSON object")]
pub struct RawContent<'a> {
    #[serde(default, borrow)]
    path: Field<'a>,
    #[serde(default, borrow)]
    pdf: Field<'a>,
    #[serde(default, borrow)]
    document_id: Field<'a>,
    #[serde(default, borrow)]
    html: Field<'a>,
    #[serde(default, borrow)]
    page_size: Field<'a>,
    #[serde(default, borrow)]
    template_id: Field<'a>,
    #[serde(default, borrow)]
    version: Field<'a>,
    #[serde(default, borrow)]
    variables: Option<&'a RawValue>,
}

/// What is printed, as a request names it or brings it.
pub enum NewContent {
    /// Where it is, and the location that holds it.
    Path(S3Path, Location),
    /// The bytes of a PDF.
    Pdf(Vec<u8>),
    /// A document that was uploaded.
    Document(DocumentId),
    /// HTML, to be filled in.
    Html(NewHtml),
}

/// HTML, to be filled in.
pub struct NewHtml {
    source: Source,
    /// What HTML that came with the request is laid out on, if it is said.
    page: Option<PageSize>,
    /// How the pieces are made of it.
    finish: Finish,
    variables: Map<String, Value>,
    /// Whether these stood beside the content.
    beside: bool,
}

/// A document that may be looked at before there is a piece.
pub enum Seen {
    /// In a bucket of the client's.
    Theirs(S3Path),
    /// The bytes of one that came with the request, was uploaded, or is made of HTML.
    Ours(Vec<u8>),
    /// Of HTML that is not quickly rendered there is none yet.
    Unmade,
}

/// A piece that content is made for.
pub struct Piece<'a> {
    /// Its own variables, which go before those that all have.
    pub own: Option<Variables>,
    /// Where these are in the request.
    pub at: Pointer<'a>,
}

impl RawContent<'_> {
    /// Reads what is printed in pieces that are made so, or adds what is wrong with that. `beside` are variables that stand where
    /// those of a piece are shown, and not in its content.
    pub fn parse(
        &self,
        beside: Option<&RawValue>,
        locations: &[Location],
        finish: &Finish,
        at: &Pointer<'_>,
        faults: &mut Faults,
    ) -> Option<NewContent> {
        if self.variables.is_some() && beside.is_some() {
            faults.push(&variables_of(at, true), "variables.both", "Give the variables once: here, or in content.");
        }
        let kinds = [&self.path, &self.pdf, &self.document_id, &self.html, &self.template_id];
        if kinds.into_iter().filter(|field| field.is_given()).count() != 1 {
            let message = "Give exactly one of path, the S3 path of a PDF; pdf, its bytes in base64; documentId, an uploaded \
                           document; html; and templateId.";
            faults.push(at, "content.kind", message);
            return None;
        }
        for (name, given, goes_with, is_there) in [
            ("version", self.version.is_given(), "templateId", self.template_id.is_given()),
            ("pageSize", self.page_size.is_given(), "html", self.html.is_given()),
            (
                "variables",
                self.variables.is_some() || beside.is_some(),
                "html or templateId",
                self.html.is_given() || self.template_id.is_given(),
            ),
        ] {
            if given && !is_there {
                let here = if name == "variables" { variables_of(at, beside.is_some()) } else { at.key(name) };
                faults.push(&here, "content.unused", format!("Leave {name} out: it goes with {goes_with}."));
            }
        }
        let here = at.key("path");
        if let Some(path) = self.path.text(&here, faults) {
            let path = registered_path(path, locations, &here, faults)?;
            let location = locations.iter().find(|location| location.holds(&path))?.clone();
            return Some(NewContent::Path(path, location));
        }
        if self.pdf.is_given() {
            return self.parse_pdf(&at.key("pdf"), faults).map(NewContent::Pdf);
        }
        let here = at.key("documentId");
        if let Some(id) = self.document_id.text(&here, faults) {
            let Ok(id) = DocumentId::parse(id) else {
                unknown_document(&here, faults);
                return None;
            };
            return Some(NewContent::Document(id));
        }
        let (source, page) = match self.template_id.is_given() {
            true => (self.parse_template(at, faults), None),
            false => {
                (self.parse_html(&at.key("html"), faults), self.parse_page(finish.card, &at.key("pageSize"), faults))
            }
        };
        let is_beside = beside.is_some();
        let variables = variables(beside.or(self.variables), &variables_of(at, is_beside), faults).unwrap_or_default();
        Some(NewContent::Html(NewHtml { source: source?, page, finish: *finish, variables, beside: is_beside }))
    }

    /// What HTML is laid out on: for a letter what is said, for a card its size.
    fn parse_page(&self, card: Option<CardSize>, at: &Pointer<'_>, faults: &mut Faults) -> Option<PageSize> {
        let given = page_size(&self.page_size, at, faults);
        match (given, card.map(side)) {
            (Some(given), None) if given.is_card() => {
                faults.push(at, "enum", "A letter is made on Letter, Legal or A4.");
            }
            (Some(given), Some(side)) if given != side => {
                let message = format!("The card is {}, and so is its page: leave pageSize out.", side.name());
                faults.push(at, "enum", message);
            }
            _ => {}
        }
        card.map(side).or(given)
    }

    fn parse_pdf(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<Vec<u8>> {
        let pdf = self.pdf.text(at, faults)?;
        if pdf.len() > MAX_PDF.div_ceil(3) * 4 {
            let message = format!(
                "The PDF has more than {} MB: upload it as a document (POST /v2/documents) and give its documentId, or put it \
                 into a location that is registered to your account and give its path.",
                MAX_PDF / 1_000_000
            );
            faults.push(at, "content.too_large", message);
            return None;
        }
        match STANDARD.decode(pdf) {
            Ok(bytes) if bytes.starts_with(b"%PDF-") => Some(bytes),
            Ok(_) => {
                faults.push(at, "content.not_pdf", "The bytes are no PDF: they do not begin with %PDF-.");
                None
            }
            Err(_) => {
                faults.push(at, "content.base64", "Give the bytes of the PDF in base64 with padding.");
                None
            }
        }
    }

    fn parse_html(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<Source> {
        let html = self.html.text(at, faults)?;
        if html.trim().is_empty() || html.len() > MAX_HTML {
            faults.push(at, "length", format!("Give HTML of at most {} kB.", MAX_HTML >> 10));
            return None;
        }
        Some(Source::Html(html.to_owned()))
    }

    fn parse_template(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<Source> {
        let version = self.version.whole(1..=u32::MAX, &at.key("version"), faults);
        let here = at.key("templateId");
        match TemplateId::parse(self.template_id.text(&here, faults)?) {
            Ok(id) => Some(Source::Template(id, version)),
            Err(_) => {
                Unrendered::NoTemplate.tell(&here, &here, faults);
                None
            }
        }
    }
}

impl NewContent {
    /// What a piece is filled in with that has variables of its own; a fault where there is nothing to fill in.
    pub fn own_variables(&self, given: Option<&RawValue>, at: &Pointer<'_>, faults: &mut Faults) -> Option<Variables> {
        given?;
        let NewContent::Html(NewHtml { variables: shared, .. }) = self else {
            faults.push(at, "content.unused", "Leave variables out: they go with html or templateId.");
            return None;
        };
        let mut values = shared.clone();
        values.extend(variables(given, at, faults)?);
        Some(Variables::new(&values))
    }

    /// Makes what is kept of it for each piece, and keeps the documents that have to be; `None` when something is wrong with it.
    /// `at` is where it is in the request, and `guard` what is done about duplicates that only show when the document is there.
    ///
    /// # Errors
    /// When the store does not answer or a child cannot be started.
    pub async fn keep(
        self,
        app: &App,
        caller: &Caller,
        pieces: &[Piece<'_>],
        guard: Guard,
        at: &Pointer<'_>,
        faults: &mut Faults,
    ) -> Result<Option<Vec<Content>>, Problem> {
        let content = match self {
            NewContent::Path(path, location) => Some(object(app, path, &location, guard).await),
            NewContent::Pdf(bytes) => Some(Content::Pdf(app.store.keep_incoming(&caller.account, bytes, PDF).await?)),
            NewContent::Document(id) => uploaded(app, caller, id, &at.key("documentId"), faults).await?,
            NewContent::Html(html) => return html.make(app, caller, pieces, at, faults, Purpose::Keep(guard)).await,
        };
        Ok(content.map(|content| vec![content; pieces.len()]))
    }

    /// What would be kept of it for each piece, and the document of the first. Nothing is kept.
    ///
    /// # Errors
    /// When the store does not answer or a child cannot be started.
    pub async fn look(
        self,
        app: &App,
        caller: &Caller,
        pieces: &[Piece<'_>],
        at: &Pointer<'_>,
        faults: &mut Faults,
    ) -> Result<Option<(Vec<Content>, Seen)>, Problem> {
        let (content, seen) = match self {
            NewContent::Path(path, location) => {
                (object(app, path.clone(), &location, Guard::Refuse).await, Seen::Theirs(path))
            }
            NewContent::Pdf(bytes) => (Content::Pdf(copy_of(&bytes)), Seen::Ours(bytes)),
            NewContent::Document(id) => {
                let Some(content) = uploaded(app, caller, id, &at.key("documentId"), faults).await? else {
                    return Ok(None);
                };
                let Place::Ours(copy) = content.place() else { return Ok(None) };
                let bytes = app.store.read_copy(&caller.account, copy).await?;
                let bytes = bytes.ok_or_else(|| Problem::from(io::Error::from(io::ErrorKind::NotFound)))?;
                (content, Seen::Ours(bytes))
            }
            NewContent::Html(html) => {
                let first = OnceLock::new();
                let contents = html.make(app, caller, pieces, at, faults, Purpose::Look(&first)).await?;
                return Ok(contents.map(|contents| {
                    let is_made = contents.first().is_some_and(|content| !content.is_unmade());
                    let seen = first.into_inner().filter(|_| is_made).map_or(Seen::Unmade, Seen::Ours);
                    (contents, seen)
                }));
            }
        };
        Ok(Some((vec![content; pieces.len()], seen)))
    }
}

/// A client's object as the content of a piece: what it is now, if S3 says so. A request does not fail for that.
pub(crate) async fn object(app: &App, path: S3Path, location: &Location, guard: Guard) -> Content {
    match app.store.look_at_source(&path, location).await {
        Ok((etag, bytes)) => Content::Object { path, etag, bytes },
        Err(error) => {
            tracing::info!(%error, "an object cannot be looked at, so its path stands for it");
            Content::Path { path, guard }
        }
    }
}

/// What a copy of a document would be.
fn copy_of(bytes: &[u8]) -> Copy {
    Copy { sha256: sha256(bytes), bytes: bytes.len() as u64 }
}

/// An uploaded document as the content of a piece; `None` when it cannot be.
async fn uploaded(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    at: &Pointer<'_>,
    faults: &mut Faults,
) -> Result<Option<Content>, Problem> {
    let Some(document) = app.store.document(&caller.account, caller.mode, &id).await? else {
        unknown_document(at, faults);
        return Ok(None);
    };
    let document = documents::settled(app, document).await?;
    match document.state {
        _ if document.content_type != DocumentType::Pdf => {
            faults.push(at, "document.type", "The document is an image, which HTML can show. Give the id of a PDF.");
        }
        DocumentState::Waiting => {
            let message =
                "The document is not there, or not as it was announced. Upload it, then send the request again.";
            faults.push(at, "document.waiting", message);
        }
        DocumentState::Refused => Unrendered::Refused(document.findings).tell(at, at, faults),
        DocumentState::Ready => return Ok(Some(Content::Document { id, copy: app.store.copy_of(&document) })),
    }
    Ok(None)
}

/// Where variables are: in a content, or beside it.
fn variables_of<'a>(content: &'a Pointer<'a>, beside: bool) -> Pointer<'a> {
    match content {
        Pointer::Key(parent, _) if beside => parent.key("variables"),
        _ => content.key("variables"),
    }
}

fn unknown_document(at: &Pointer<'_>, faults: &mut Faults) {
    faults.push(
        at,
        "document.unknown",
        "There is no such document. Announce it with POST /v2/documents, and upload it.",
    );
}

impl NewHtml {
    /// Renders it or, when that is not quick, looks at it: once for all pieces without variables of their own and once for each with
    /// some; `None` when something is wrong with it.
    async fn make(
        self,
        app: &App,
        caller: &Caller,
        pieces: &[Piece<'_>],
        at: &Pointer<'_>,
        faults: &mut Faults,
        purpose: Purpose<'_>,
    ) -> Result<Option<Vec<Content>>, Problem> {
        let template = match &self.source {
            Source::Html(_) => None,
            Source::Template(id, _) => Some(id.clone()),
        };
        let named = at.key(if template.is_some() { "templateId" } else { "html" });
        let filled_in = variables_of(at, self.beside);
        let loaded = match load(app, caller, self.source, self.page).await? {
            Ok(loaded) => loaded,
            Err(unrendered) => {
                unrendered.tell(&named, &filled_in, faults);
                return Ok(None);
            }
        };
        match self.finish.card.map(side) {
            None if loaded.page.is_card() => {
                faults.push(&named, "template.page", "The template is made for a postcard, and this is a letter.");
                return Ok(None);
            }
            Some(side) if side != loaded.page => {
                let (made, wanted) = (loaded.page.name(), side.name());
                let message = format!("The template is made for {made}, and this is a postcard of {wanted}.");
                faults.push(&named, "template.page", message);
                return Ok(None);
            }
            _ => {}
        }

        let (limits, shared) = (press::limits(&self.finish), Variables::new(&self.variables));
        let all_alike = pieces.is_empty() || pieces.iter().any(|piece| piece.own.is_none());
        let own = pieces.iter().filter_map(|piece| Some((piece.own.as_ref()?, &piece.at)));
        let wanted: Vec<(&Variables, Option<&Pointer<'_>>)> =
            all_alike.then_some((&shared, None)).into_iter().chain(own.map(|(own, at)| (own, Some(at)))).collect();
        let guard = match purpose {
            Purpose::Keep(guard) => guard,
            Purpose::Look(_) => Guard::Refuse,
        };
        let html = copy_of(loaded.html.as_bytes());
        let (started, mut refused) = (Instant::now(), 0);
        let mut made: Vec<Outcome> = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(KEPT_AT_ONCE) {
            let mut tried = Vec::with_capacity(some.len());
            for (variables, _) in some {
                let quick = started.elapsed() < app.children.quick;
                tried.push(match refused == FAULTY || started.elapsed() > LOOKING {
                    true => Tried::Left,
                    false => try_to_render(app, caller, &loaded, variables, &limits, quick).await?,
                });
                refused += usize::from(matches!(tried.last(), Some(Tried::Refused(_))));
            }
            let outcome = async |tried| {
                Ok::<_, Problem>(match tried {
                    Tried::Rendered(bytes) => Outcome::Made(Made::Pdf(place(app, caller, bytes, purpose).await?)),
                    Tried::Later(images) => {
                        let (html, page_size) = (html.clone(), loaded.page.name().to_owned());
                        Outcome::Made(Made::Later(Unmade { html, page_size, images, guard }))
                    }
                    Tried::Refused(unrendered) => Outcome::Refused(unrendered),
                    Tried::Left => Outcome::Left,
                })
            };
            made.extend(try_join_all(tried.into_iter().map(outcome)).await?);
        }
        let count = |is: fn(&Outcome) -> bool| made.iter().filter(|outcome| is(outcome)).count();
        let later = count(|outcome| matches!(outcome, Outcome::Made(Made::Later(_))));
        let left = count(|outcome| matches!(outcome, Outcome::Left));
        tracing::info!(account = %caller.account, pieces = pieces.len(), made = made.len(), later, left, refused, "rendered");

        let mut all = Vec::with_capacity(made.len());
        for (outcome, (_, own)) in made.into_iter().zip(&wanted) {
            match (outcome, own) {
                (Outcome::Made(made), _) => all.push(made),
                (Outcome::Left, _) => {}
                // What only some variables bring about is told where these are.
                (Outcome::Refused(unrendered), Some(own)) => unrendered.tell(own, own, faults),
                (Outcome::Refused(unrendered), None) => unrendered.tell(&named, &filled_in, faults),
            }
        }
        if refused == 0 && left > 0 {
            let message = format!(
                "Only {} of {} pieces could be looked at in the time of a request. Send fewer recipients at a time, or make the \
                 HTML simpler.",
                all.len(),
                wanted.len()
            );
            faults.push(&named, "html.too_slow", message);
        }
        if refused > 0 || left > 0 {
            return Ok(None);
        }
        if later > 0 && matches!(purpose, Purpose::Keep(_)) {
            app.store.keep_incoming(&caller.account, loaded.html.into_bytes(), "text/html").await?;
        }
        let content = |variables: &Variables, made: Made| match (&template, loaded.version) {
            (Some(id), Some(version)) => {
                Content::Template { id: id.clone(), version, made, variables: variables.clone() }
            }
            _ => Content::Html { made, variables: variables.clone() },
        };
        let mut contents = wanted.iter().zip(all).map(|((variables, _), made)| content(variables, made));
        let alike = if all_alike { contents.next() } else { None };
        let contents = pieces.iter().map(|piece| if piece.own.is_some() { contents.next() } else { alike.clone() });
        let contents: Option<Vec<Content>> = contents.collect();
        contents.map(Some).ok_or_else(|| io::Error::other("a piece was not rendered").into())
    }
}

/// What becomes of the documents that are made of HTML.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// They are kept.
    Keep(Guard),
    /// The first is looked at.
    Look(&'a OnceLock<Vec<u8>>),
}

/// What came of one piece.
enum Outcome {
    Made(Made),
    Refused(Unrendered),
    /// There was no time for it, or enough was wrong before.
    Left,
}

/// The same before the document is where it belongs.
enum Tried {
    Rendered(Vec<u8>),
    /// It is rendered when it is inspected, with these images.
    Later(BTreeMap<String, Copy>),
    Refused(Unrendered),
    Left,
}

/// Renders a piece if that is `quick`, and else looks at it.
async fn try_to_render(
    app: &App,
    caller: &Caller,
    loaded: &Loaded,
    variables: &Variables,
    limits: &Limits,
    quick: bool,
) -> Result<Tried, Problem> {
    if quick {
        match render(app, caller, loaded, variables.values(), MOST_PAGES, limits).await? {
            Ok(rendered) => return Ok(Tried::Rendered(rendered.bytes)),
            Err(Unrendered::TooSlow) => {}
            Err(unrendered) => return Ok(Tried::Refused(unrendered)),
        }
    }
    Ok(match look_at(app, caller, loaded, variables.values()).await? {
        Ok(images) => Tried::Later(images),
        Err(unrendered) => Tried::Refused(unrendered),
    })
}

async fn place(app: &App, caller: &Caller, bytes: Vec<u8>, purpose: Purpose<'_>) -> Result<Copy, Problem> {
    match purpose {
        Purpose::Keep(_) => Ok(app.store.keep_incoming(&caller.account, bytes, PDF).await?),
        Purpose::Look(first) => {
            let copy = copy_of(&bytes);
            drop(first.set(bytes));
            Ok(copy)
        }
    }
}

/// What is printed, as it is shown: where it came from.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ContentOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a S3Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pdf: Option<&'a Copy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<&'a DocumentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Null until it is rendered.
    html: Option<Option<&'a Copy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'a TemplateId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
}

impl<'a> ContentOut<'a> {
    /// That content.
    pub fn new(content: &'a Content) -> Self {
        let none = ContentOut::default();
        match content {
            Content::Path { path, .. } | Content::Object { path, .. } => ContentOut { path: Some(path), ..none },
            Content::Pdf(copy) => ContentOut { pdf: Some(copy), ..none },
            Content::Document { id, .. } => ContentOut { document_id: Some(id), ..none },
            Content::Html { made: Made::Pdf(copy), .. } => ContentOut { html: Some(Some(copy)), ..none },
            Content::Html { made: Made::Later(_), .. } => ContentOut { html: Some(None), ..none },
            Content::Template { id, version, .. } => {
                ContentOut { template_id: Some(id), version: Some(*version), ..none }
            }
        }
    }
}

/// A variable, as it is shown.
#[derive(Serialize)]
pub struct VariableOut {
    name: String,
    value: Value,
}

impl VariableOut {
    /// The variables of a content.
    pub fn all(content: &Content) -> Vec<Self> {
        let values = content.variables().map(Variables::values).unwrap_or_default();
        values.into_iter().map(|(name, value)| VariableOut { name, value }).collect()
    }
}
