//! Asking for paper from HTML: a template, its variables and a page size in, a PDF out.
//!
//! What reads and lays out a client's HTML is another program, `functions/render-child`, which runs as a child that may die
//! (see the crate `isolate`). This crate is what both sides know: the [`Order`], the [`Fault`]s, the limits; the asking side,
//! [`Renderer`]; and how variables are filled in, which the child does, with [`template`]. Who uses it carries no layout
//! engine. What HTML and CSS may be used is in docs/HTML.md.
//!
//! Rendering knows of no network and no clock, no script runs, nothing is fetched, and images come from data URIs and from what is
//! handed in by name. Equal orders make equal bytes.

pub mod template;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use isolate::{Isolated, Loss};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most HTML that is rendered, bytes: what a client sends, and what it is once its variables are filled in.
pub const MAX_HTML: usize = 1 << 20;

/// The most bytes of images that are handed in with it.
pub const MAX_IMAGES: usize = 20 << 20;

/// The most pages of a letter: as many as the thickest envelope takes.
pub const MOST_PAGES: u32 = 154;

/// Those of a card: its front and its back.
const SIDES_OF_A_CARD: u32 = 2;

/// How long one letter may take while somebody waits for the answer. Ordinary ones take some hundredths of a second.
const TIME: Duration = Duration::from_secs(5);

/// Address space of the child, bytes. An ordinary letter needs a tenth of it.
pub const MEMORY: u64 = 640 << 20;

/// The longest PDF that is believed, bytes: the largest document that is printed.
const MAX_FILE: usize = 50_000_000;

/// A page that HTML is laid out on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PageSize {
    /// 8.5 by 11 inches.
    Letter,
    /// 8.5 by 14 inches.
    Legal,
    /// 210 by 297 millimetres.
    A4,
    /// A side of a card of 4 by 6 inches, with its bleed of an eighth of an inch all around, lying.
    Card4x6,
    /// The same, of 6 by 9 inches.
    Card6x9,
    /// The same, of 6 by 11 inches.
    Card6x11,
}

impl PageSize {
    /// Every size there is.
    pub const ALL: [Self; 6] = [Self::Letter, Self::Legal, Self::A4, Self::Card4x6, Self::Card6x9, Self::Card6x11];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Letter => "Letter",
            Self::Legal => "Legal",
            Self::A4 => "A4",
            Self::Card4x6 => "4x6",
            Self::Card6x9 => "6x9",
            Self::Card6x11 => "6x11",
        }
    }

    /// The size of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.name() == name)
    }

    /// Width and height, points.
    pub fn points(self) -> (f32, f32) {
        const INCH: f32 = 72.0;
        match self {
            Self::Letter => (8.5 * INCH, 11.0 * INCH),
            Self::Legal => (8.5 * INCH, 14.0 * INCH),
            Self::A4 => (210.0 / 25.4 * INCH, 297.0 / 25.4 * INCH),
            Self::Card4x6 => (6.25 * INCH, 4.25 * INCH),
            Self::Card6x9 => (9.25 * INCH, 6.25 * INCH),
            Self::Card6x11 => (11.25 * INCH, 6.25 * INCH),
        }
    }

    /// Whether it is a side of a card.
    pub fn is_card(self) -> bool {
        matches!(self, Self::Card4x6 | Self::Card6x9 | Self::Card6x11)
    }

    /// The most pages that what is laid out on it may have.
    pub fn most_pages(self) -> u32 {
        if self.is_card() { SIDES_OF_A_CARD } else { MOST_PAGES }
    }
}

/// What is to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The HTML, with what handlebars fills in.
    pub html: String,
    /// The variables by name.
    pub variables: Map<String, Value>,
    /// What it is laid out on.
    pub page: PageSize,
    /// The most pages that it may take.
    pub max_pages: u32,
    /// Images by the name that an `src` or a `url()` may give: PNG, JPEG or GIF.
    pub images: BTreeMap<String, Vec<u8>>,
    /// What is wrong where an image is used that might be there by its name, and is not.
    pub absent: BTreeMap<String, Fault>,
}

/// Why something is not rendered. It never repeats what variables say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A stable identifier, such as `html.variable`.
    pub rule: Cow<'static, str>,
    /// A sentence that tells how to mend it.
    pub message: String,
    /// The line it is about, from 1: of the template, or if the template is right, of the HTML that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The variable that is missing, has nothing to print, or names what is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

impl Fault {
    /// A fault of that rule.
    pub fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Fault { rule: Cow::Borrowed(rule), message: message.into(), line: None, variable: None }
    }

    /// What it says, and of which line.
    pub fn told(&self) -> String {
        match self.line {
            Some(line) => format!("{} Line {line}.", self.message),
            None => self.message.clone(),
        }
    }

    /// The same, about a line.
    #[must_use]
    pub fn at(self, line: u64) -> Self {
        Fault { line: Some(line), ..self }
    }
}

/// How many faults are told at once.
pub const MOST_FAULTS: usize = 20;

/// A PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: u32,
}

/// What a child is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    /// Answered by the faults of a template that can be told without its variables.
    Check(String),
    /// Answered by the number of pages, and the PDF; or by faults. Its input is the images, one after the other.
    Render {
        /// Whether it is laid out; if not, there are no pages, and the faults are those that can be told without.
        lay_out: bool,
        /// As in an [`Order`].
        html: String,
        /// As in an [`Order`].
        variables: Map<String, Value>,
        /// As in an [`Order`].
        page: PageSize,
        /// As in an [`Order`].
        max_pages: u32,
        /// The images by name, with their lengths, in order.
        images: Vec<(String, usize)>,
        /// As in an [`Order`].
        absent: BTreeMap<String, Fault>,
    },
}

/// What a child answers an order with: the number of pages or the faults, and the PDF.
type Answer = isolate::Answer<Result<u32, Vec<Fault>>>;

/// The parent's side: has HTML rendered by a child, which is kept from one order to the next and replaced when it dies.
#[derive(Debug)]
pub struct Renderer(Isolated);

impl Renderer {
    /// A child that is the program at `child`, which must be `render-child`. It is started by the first order.
    pub fn new(child: &Path) -> Self {
        Self(Isolated::new::<&str>(child, [], TIME))
    }

    /// Another time limit for one order than 5 seconds.
    #[must_use]
    pub fn with_time_limit(mut self, time: Duration) -> Self {
        self.0.set_time_limit(time);
        self
    }

    /// Renders. What takes too long is refused as [`too_slow`], what twice ends the child as [`too_costly`]. Blocks for at most the
    /// time limit.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the order: try again later. Within: what is wrong with the HTML.
    pub fn render(&mut self, order: &Order) -> io::Result<Result<Rendered, Vec<Fault>>> {
        Ok(match self.ask(order, true)? {
            Ok((Ok(pages), Some(bytes))) => Ok(Rendered { bytes, pages }),
            Ok((Err(faults), _)) => Err(faults),
            Ok((Ok(_), None)) => Err(vec![too_costly()]),
            Err(loss) => Err(vec![lost(loss)]),
        })
    }

    /// What is wrong with an order that can be told without laying it out: its template, its variables, its images, its markup.
    /// Refuses and blocks as [`Renderer::render`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the order: try again later.
    pub fn look_at(&mut self, order: &Order) -> io::Result<Vec<Fault>> {
        Ok(match self.ask(order, false)? {
            Ok((Ok(_), _)) => Vec::new(),
            Ok((Err(faults), _)) => faults,
            Err(loss) => vec![lost(loss)],
        })
    }

    fn ask(&mut self, order: &Order, lay_out: bool) -> io::Result<Result<Answer, Loss>> {
        if order.html.len() > MAX_HTML {
            return Ok(Ok((Err(vec![too_large()]), None)));
        }
        if order.images.values().map(Vec::len).sum::<usize>() > MAX_IMAGES {
            let message = format!("The images are larger than {} MB together. Make them smaller.", MAX_IMAGES >> 20);
            return Ok(Ok((Err(vec![Fault::new("html.images", message)]), None)));
        }
        let task = Task::Render {
            lay_out,
            html: order.html.clone(),
            variables: order.variables.clone(),
            page: order.page,
            max_pages: order.max_pages,
            images: order.images.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect(),
            absent: order.absent.clone(),
        };
        let images: Vec<u8> = order.images.values().map(Vec::as_slice).collect::<Vec<_>>().concat();
        self.0.ask(&task, MAX_FILE, &images)
    }

    /// What is wrong with a template that can be told without its variables. Blocks as [`Renderer::render`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the template: try again later.
    pub fn check(&mut self, html: &str) -> io::Result<Vec<Fault>> {
        if html.len() > MAX_HTML {
            return Ok(vec![too_large()]);
        }
        let answer: Result<(Vec<Fault>, _), Loss> = self.0.ask(&Task::Check(html.to_owned()), MAX_FILE, &[])?;
        Ok(answer.map_or_else(|loss| vec![lost(loss)], |(faults, _)| faults))
    }
}

/// The fault of HTML that is too large.
pub fn too_large() -> Fault {
    let message =
        format!("The HTML is larger than {} kB with its variables filled in. Make it shorter.", MAX_HTML >> 10);
    Fault::new("html.too_large", message)
}

/// The fault of HTML that ends the child.
pub fn too_costly() -> Fault {
    let message =
        "The HTML takes too much memory to lay out. Make it simpler: fewer elements, less nesting, smaller images.";
    Fault::new("html.too_costly", message)
}

/// The fault of HTML for which there is not enough time.
pub fn too_slow() -> Fault {
    let message = "The HTML takes too long to lay out. Make it simpler: fewer elements, less nesting, smaller images.";
    Fault::new("html.too_slow", message)
}

fn lost(loss: Loss) -> Fault {
    match loss {
        Loss::Slow => too_slow(),
        Loss::Died => too_costly(),
    }
}
