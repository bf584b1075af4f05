//! Reads HTML before it is laid out: refuses what would act or be fetched, looks images up, and bounds what the layout
//! has to deal with.
//!
//! What the layout gets is written anew from the tokens, so that it sees nothing that was not looked at. Its tree is still
//! built by the layout's own parser, as a browser would.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata};
use html5ever::tokenizer::{
    BufferQueue, EndTag, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use render::{Fault, MOST_FAULTS, Order, PageSize};

use crate::images::Images;
use crate::{fonts, style};

/// How deep elements may be nested, not counting those that need no end tag: parts of lists and tables.
const DEPTH: usize = 100;

/// How many elements there may be: a table of some thousand rows.
const ELEMENTS: usize = 30_000;

/// How many attributes an element may have.
const ATTRIBUTES: usize = 100;

/// HTML that may be laid out, and its images.
#[derive(Debug)]
pub(crate) struct Markup {
    pub(crate) html: String,
    /// All its style sheets, in their order, ours first. They are not in the HTML, where the layout overlooks what in them is about
    /// pages.
    pub(crate) css: String,
    /// By the names that it has for them.
    pub(crate) images: BTreeMap<String, Vec<u8>>,
}

/// Reads HTML, with its variables filled in, for an order.
///
/// # Errors
/// What is refused in it.
pub(crate) fn read(html: &str, order: &Order) -> Result<Markup, Vec<Fault>> {
    let reader = Reader {
        images: Images::new(order),
        out: "<!DOCTYPE html>".to_owned(),
        css: defaults(order.page),
        faults: Vec::new(),
        raw: None,
        open: Vec::new(),
        keeping: Vec::new(),
        elements: 0,
        hidden: None,
        column: 0,
        quotes: 0,
        tables: Vec::new(),
        edge: 0..0,
    };
    let tokenizer = Tokenizer::new(Sink(RefCell::new(reader)), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut reader = tokenizer.sink.0.into_inner();
    if let Some(raw) = reader.raw.take() {
        reader.close_raw(raw);
    }
    if reader.faults.is_empty() {
        return Ok(Markup { html: reader.out, css: reader.css, images: reader.images.used });
    }
    reader.faults.truncate(MOST_FAULTS);
    Err(reader.faults)
}

/// What a letter looks like that says nothing of it.
fn defaults(page: PageSize) -> String {
    let margin = if page.is_card() { "0.25in" } else { "0.75in" };
    format!(
        "@page{{margin:{margin}}}html{{font-family:\"{}\";font-size:11pt;line-height:1.35}}body{{margin:0}}\
         pre,code,kbd,samp,tt{{font-family:\"{}\"}}img{{max-width:100%}}:where(summary){{display:block}}\
         :where(ol[type=\"a\" s]){{list-style-type:lower-alpha}}:where(ol[type=\"A\" s]){{list-style-type:upper-alpha}}",
        fonts::SANS,
        fonts::MONO,
    )
}

/// A character that no font has.
pub(crate) fn unprintable(char: char) -> Fault {
    let message = format!(
        "There is no glyph for the character U+{:04X}. Letters may be written in Latin, Greek, Cyrillic and Hebrew, with \
         boxes and ticks.",
        char as u32
    );
    Fault::new("html.character", message)
}

struct Sink<'a>(RefCell<Reader<'a>>);

struct Reader<'a> {
    images: Images<'a>,
    out: String,
    css: String,
    faults: Vec<Fault>,
    /// An element whose content is no markup.
    raw: Option<Raw>,
    /// The elements that are open and count as nested.
    open: Vec<Open>,
    /// The selectors of what keeps its blanks, of the style sheets that were read so far.
    keeping: Vec<String>,
    elements: usize,
    /// An element that no browser shows, and how many of its name are open.
    hidden: Option<(String, usize)>,
    /// How far from the last line break the text is, characters.
    column: usize,
    /// How many `<q>` are open.
    quotes: usize,
    /// The tables that are open.
    tables: Vec<Table>,
    /// Where in `out` the start tags of text elements begin and end that nothing followed so far.
    edge: Range<usize>,
}

/// An element that is open.
struct Open {
    element: String,
    /// Blanks and line breaks in it are printed as they stand.
    keeps: bool,
}

/// What of a table was read. The layout prints its parts in the order in which they are written.
#[derive(Default)]
struct Table {
    /// A head, a foot, or rows that stand in neither.
    head: bool,
    foot: bool,
    rows: bool,
    /// A head or foot is open.
    within: bool,
}

impl Table {
    /// Takes the start of one of its parts. Answers what is wrong when that stands where it is not printed.
    fn start(&mut self, part: &str) -> Option<&'static str> {
        const HEAD: &str = "The head of a table is printed where it is written: write it before the rows.";
        const FOOT: &str = "The foot of a table is printed where it is written: write it behind the last row.";
        match part {
            "thead" if !self.head => {
                (self.head, self.within) = (true, true);
                (self.rows || self.foot).then_some(HEAD)
            }
            "tfoot" if !self.foot => {
                (self.foot, self.within) = (true, true);
                None
            }
            "tr" if self.within => None,
            // Another head or foot is printed as rows are.
            "thead" | "tfoot" | "tbody" | "tr" => {
                (self.rows, self.within) = (true, false);
                self.foot.then_some(FOOT)
            }
            _ => None,
        }
    }
}

struct Raw {
    element: String,
    /// What media it is for, if that is said.
    media: Option<String>,
    text: String,
    line: u64,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        self.0.borrow_mut().take(token, line)
    }
}

/// What an element is to the reader.
enum Kind {
    Plain,
    /// It has no content.
    Void,
    /// It needs no end tag, and so may not be counted as nested.
    Loose,
    /// Its content is no markup, and is dropped unless it is a style sheet or a title.
    Raw,
    /// It means nothing on paper, and is left out.
    Dropped,
    /// The layout would print it as something else.
    Unsupported(&'static str),
    /// It would act, be fetched or be filled in by hand.
    Refused(&'static str),
}

fn kind(element: &str) -> Kind {
    const ACTS: &str = "No script runs when a letter is rendered. Take it out.";
    const FETCHED: &str = "Nothing is fetched when a letter is rendered. Write it into the HTML.";
    const FILLED_IN: &str = "Fields of forms are not printed. Write lines or boxes with CSS instead.";
    const DRAWN: &str =
        "Drawings have no text and no images in them. Draw the text as paths, or put it beside the drawing.";
    match element {
        "style" | "title" | "noframes" | "noembed" => Kind::Raw,
        "script" => Kind::Refused(ACTS),
        "iframe" | "frame" | "frameset" | "object" | "embed" | "applet" | "video" | "audio" | "canvas" | "portal"
        | "foreignobject" => Kind::Refused(FETCHED),
        "text" | "tspan" | "textpath" | "image" | "feimage" => Kind::Refused(DRAWN),
        "input" | "select" | "textarea" | "button" | "option" | "plaintext" => Kind::Refused(FILLED_IN),
        "xmp" | "listing" => Kind::Unsupported("Write <pre>, with &lt; for <."),
        "progress" | "meter" => Kind::Unsupported("Draw the bar with CSS instead."),
        "rt" => Kind::Unsupported("Write what stands above the text in brackets behind it."),
        "base" | "meta" | "param" | "source" | "track" | "noscript" | "dialog" | "map" | "area" => Kind::Dropped,
        "br" | "hr" | "img" | "col" | "wbr" | "link" => Kind::Void,
        "p" | "li" | "dt" | "dd" | "tr" | "td" | "th" | "thead" | "tbody" | "tfoot" | "colgroup" | "caption"
        | "html" | "head" | "body" | "rb" | "rp" | "rtc" => Kind::Loose,
        _ => Kind::Plain,
    }
}

impl Reader<'_> {
    fn take(&mut self, token: Token, line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) => self.text(&text, line),
            Token::TagToken(tag) => return self.tag(&tag, line),
            // Every letter is laid out by the standard, whatever it says of itself.
            Token::DoctypeToken(_) | Token::CommentToken(_) | Token::NullCharacterToken | Token::EOFToken => {}
            Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }

    /// Whether blanks and line breaks are printed as they stand here.
    fn keeps(&self) -> bool {
        self.open.iter().any(|open| open.keeps)
    }

    fn fault(&mut self, fault: Fault) {
        // More of the same would tell nothing.
        let alike = |known: &Fault| known.rule == fault.rule && known.line == fault.line;
        // Documents are mended one by one.
        let other = |known: &Fault| fault.rule == "html.document" && known.message != fault.message;
        let seen = self.faults.iter().any(|known| alike(known) && !other(known));
        if self.faults.len() < MOST_FAULTS && !seen {
            self.faults.push(fault);
        }
    }

    fn text(&mut self, text: &str, line: u64) {
        if let Some(raw) = &mut self.raw {
            raw.text.push_str(text);
            return;
        }
        if self.hidden.is_some() {
            return;
        }
        if let Some(char) = text.chars().find(|char| !fonts::covers(drawn_as(*char))) {
            self.fault(unprintable(char).at(line));
        }
        let mut text = text;
        if self.edge.end == self.out.len() && !self.edge.is_empty() {
            let within = text.trim_ascii_start();
            let (blanks, _) = text.split_at(text.len() - within.len());
            // A stop of a tab is counted where it stands.
            if !blanks.contains('\t') {
                self.out.insert_str(self.edge.start, blanks);
                self.column = blanks.rfind('\n').map_or(self.column + blanks.len(), |at| blanks.len() - at - 1);
                self.edge = self.edge.start + blanks.len()..self.out.len();
                text = within;
            }
        }
        for char in text.chars() {
            let text = match char {
                // To the next stop, where blanks are kept; elsewhere as one blank.
                '\t' => " ".repeat(8 - self.column % 8),
                char => drawn_as(char).to_string(),
            };
            self.column = if char == '\n' { 0 } else { self.column + text.chars().count() };
            escape(&text, &mut self.out);
        }
    }

    fn tag(&mut self, tag: &Tag, line: u64) -> TokenSinkResult<()> {
        let element = &*tag.name;
        if let Some(raw) = self.raw.take() {
            // The tokenizer knows nothing else than the end of it.
            self.close_raw(raw);
            if tag.kind == EndTag {
                return TokenSinkResult::Continue;
            }
        }
        if let Some((hidden, open)) = &mut self.hidden {
            if element == hidden {
                *open = if tag.kind == StartTag { *open + 1 } else { *open - 1 };
                if *open == 0 {
                    self.hidden = None;
                }
            }
            return TokenSinkResult::Continue;
        }
        let has = |name: &str| tag.attrs.iter().any(|attribute| &*attribute.name.local == name);
        if tag.kind == StartTag && (element == "template" || (element == "dialog" && !has("open"))) {
            self.hidden = Some((element.to_owned(), 1));
            return TokenSinkResult::Continue;
        }
        // Names are written as they are, so one with anything else in it is none.
        let named = element.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let kind = if named { kind(element) } else { Kind::Dropped };
        match (tag.kind, kind) {
            (StartTag, Kind::Refused(message)) => {
                self.fault(Fault::new("html.element", format!("<{element}>: {message}")).at(line));
                if element == "script" {
                    self.raw = Some(Raw { element: element.to_owned(), media: None, text: String::new(), line });
                    return TokenSinkResult::RawData(Rawtext);
                }
            }
            (StartTag, Kind::Unsupported(instead)) => {
                let message = format!("<{element}> cannot be printed as it is. {instead}");
                self.fault(Fault::new("html.unsupported", message).at(line));
            }
            (EndTag, Kind::Refused(_) | Kind::Unsupported(_) | Kind::Void | Kind::Raw) | (_, Kind::Dropped) => {}
            (StartTag, Kind::Raw) => {
                let media = tag.attrs.iter().find(|attribute| &*attribute.name.local == "media");
                let media = media.map(|media| media.value.trim().to_ascii_lowercase());
                self.raw = Some(Raw { element: element.to_owned(), media, text: String::new(), line });
                return TokenSinkResult::RawData(if element == "title" { Rcdata } else { Rawtext });
            }
            (StartTag, kind) => self.start(tag, &kind, line),
            (EndTag, kind) => {
                let keeps = self.keeps();
                if matches!(kind, Kind::Plain)
                    && let Some(at) = self.open.iter().rposition(|open| open.element == element)
                {
                    self.open.truncate(at);
                }
                match element {
                    "table" => drop(self.tables.pop()),
                    "thead" | "tfoot" => self.tables.last_mut().into_iter().for_each(|table| table.within = false),
                    _ => {}
                }
                if element == "q" && self.quotes > 0 {
                    self.quotes -= 1;
                    self.out.push(if self.quotes.is_multiple_of(2) { '”' } else { '’' });
                }
                let text = self.out.trim_ascii_end().len();
                let blanks = self.out.split_off(if is_text(element) && !keeps { text } else { self.out.len() });
                self.out.push_str(&format!("</{element}>{blanks}"));
            }
        }
        TokenSinkResult::Continue
    }

    fn close_raw(&mut self, raw: Raw) {
        // Of the others, a title would be in the PDF, and may name somebody.
        if raw.element == "style" {
            let style = style::read(&raw.text, raw.line, &mut self.images, &mut self.faults);
            // What is for screens alone means nothing on paper.
            if raw.media.is_none_or(|media| media.is_empty() || media.contains("all") || media.contains("print")) {
                self.css.push('\n');
                self.css.push_str(&style.css);
                self.keeping.extend(style.keeping);
            }
        }
    }

    fn start(&mut self, tag: &Tag, kind: &Kind, line: u64) {
        let element = &*tag.name;
        self.elements += 1;
        if self.elements == ELEMENTS + 1 {
            let message = format!("The HTML has more than {ELEMENTS} elements. Make it shorter.");
            self.fault(Fault::new("html.elements", message).at(line));
        }
        if self.elements > ELEMENTS {
            return;
        }
        if matches!(kind, Kind::Plain) && !tag.self_closing {
            self.open.push(Open { element: element.to_owned(), keeps: false });
            if self.open.len() > DEPTH {
                let message = format!("Elements are nested more than {DEPTH} deep. Close what is open, and nest less.");
                if !self.faults.iter().any(|fault| fault.rule == "html.depth") {
                    self.fault(Fault::new("html.depth", message).at(line));
                }
                return;
            }
        }
        if tag.attrs.len() > ATTRIBUTES {
            self.fault(Fault::new("html.elements", format!("<{element}> has too many attributes.")).at(line));
            return;
        }
        let attribute = |name: &str| tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
        let numbered = |name: &str| attribute(name).is_some_and(|attribute| attribute.value.trim() != "");
        let unsupported = match element {
            "ol" if attribute("reversed").is_some() => Some("Lists cannot count down. Write the numbers as text."),
            "ol" | "li" if attribute("type").is_some_and(|kind| &*kind.value == "i" || &*kind.value == "I") => {
                Some("Lists cannot have Roman numbers. Use decimal, or write the numbers as text.")
            }
            "li" if numbered("type") => Some("Give the type of a list to the list."),
            "li" if numbered("value") => {
                Some("Entries cannot have numbers of their own. Begin a list with start, or write the numbers as text.")
            }
            "details" if attribute("open").is_none() => {
                Some("What is closed cannot be opened on paper. Write <details open>, or take it out.")
            }
            _ => None,
        };
        if let Some(message) = unsupported {
            self.fault(Fault::new("html.unsupported", format!("<{element}>: {message}")).at(line));
        }
        let misplaced = match element {
            "table" => {
                self.tables.push(Table::default());
                None
            }
            part => self.tables.last_mut().and_then(|table| table.start(part)),
        };
        if let Some(message) = misplaced {
            self.fault(Fault::new("html.unsupported", format!("<{element}>: {message}")).at(line));
        }
        let mut extra = String::new();
        match element {
            "link" => {
                let sheet = attribute("rel").is_some_and(|rel| rel.value.to_ascii_lowercase().contains("stylesheet"));
                if sheet {
                    let message = "Style sheets are not fetched when a letter is rendered. Write it into the HTML.";
                    self.fault(Fault::new("html.reference", message).at(line));
                }
                return;
            }
            "img" => {
                let Some(src) = attribute("src") else { return };
                match self.images.find(&src.value) {
                    Ok(image) => {
                        extra.push_str(&format!(" src=\"{}\"", image.name));
                        if attribute("width").is_none() && attribute("height").is_none() {
                            extra.push_str(&format!(" width=\"{}\"", image.width));
                        }
                        let declared = attribute("style").map(|style| style.value.to_string()).unwrap_or_default();
                        let css = style::read(&declared, line, &mut self.images, &mut self.faults).css;
                        extra.push_str(&format!(" style=\"aspect-ratio:{} / {};", image.width, image.height));
                        escape(&css, &mut extra);
                        extra.push('"');
                    }
                    Err(fault) => {
                        self.fault(fault.at(line));
                        return;
                    }
                }
            }
            _ => {}
        }
        let edge = if self.edge.end == self.out.len() { self.edge.start } else { self.out.len() };
        let mut keeps = element == "pre" || self.keeping.iter().any(|selector| selects(selector, tag));
        self.out.push('<');
        self.out.push_str(element);
        for attribute in &tag.attrs {
            let name = &*attribute.name.local;
            let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte));
            // What acts or leads elsewhere means nothing on paper, and a PDF would carry it.
            let dropped = name.starts_with("on")
                || matches!(
                    name,
                    "src" | "srcset" | "href" | "background" | "poster" | "action" | "formaction" | "ping"
                )
                || (element == "img" && name == "style");
            let within = matches!(name, "href" | "xlink:href") && attribute.value.starts_with('#') && element != "a";
            if !named || (dropped && !within) || (name == "xlink:href" && !within) {
                continue;
            }
            self.out.push_str(&format!(" {name}=\""));
            match name {
                "style" => {
                    let style = style::read(&attribute.value, line, &mut self.images, &mut self.faults);
                    keeps |= !style.keeping.is_empty();
                    escape(&style.css, &mut self.out);
                }
                _ => escape(&attribute.value, &mut self.out),
            }
            self.out.push('"');
        }
        self.out.push_str(&extra);
        self.out.push_str(if tag.self_closing { "/>" } else { ">" });
        if let Some(open) = self.open.last_mut().filter(|_| matches!(kind, Kind::Plain) && !tag.self_closing) {
            open.keeps = keeps;
        }
        if is_text(element) && !self.keeps() {
            self.edge = edge..self.out.len();
        }
        if element == "q" && !tag.self_closing {
            self.out.push(if self.quotes.is_multiple_of(2) { '“' } else { '‘' });
            self.quotes += 1;
        }
        if matches!(element, "pre" | "br" | "p" | "div" | "li" | "td") {
            self.column = 0;
        }
    }
}

/// Whether a rule of that selector may be about an element, by its name, its classes and its id. What it lies in is not looked at.
fn selects(selector: &str, tag: &Tag) -> bool {
    let attributes = tag.attrs.iter().filter(|attribute| matches!(&*attribute.name.local, "class" | "id"));
    let named: Vec<&str> = attributes.flat_map(|attribute| attribute.value.split_ascii_whitespace()).collect();
    selector.split(',').any(|selector| {
        let last = selector.trim().rsplit(|char: char| char.is_ascii_whitespace() || ">+~".contains(char)).next();
        let last = last.and_then(|last| last.split([':', '[']).next()).unwrap_or_default();
        let mut names = last.split(['.', '#']);
        let element = names.next().unwrap_or_default();
        (matches!(element, "" | "*" | "&") || element.eq_ignore_ascii_case(&tag.name))
            && names.all(|name| named.contains(&name))
    })
}

/// Whether an element is a run of text within a line. The layout drops the blanks at both ends of one, so they are put outside, where
/// blanks are not kept anyway.
fn is_text(element: &str) -> bool {
    matches!(
        element,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
    )
}

/// The character that is drawn for one: its ordinary kin for those that differ in their width, or in where a line may break.
fn drawn_as(char: char) -> char {
    match char {
        '\u{2010}' | '\u{2011}' => '-',
        '\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}' | '\u{205f}' => ' ',
        '\u{2007}' | '\u{202f}' => '\u{a0}',
        char => char,
    }
}

fn escape(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            char => out.push(char),
        }
    }
}
