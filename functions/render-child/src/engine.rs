//! Lays out and writes the PDF.

use fulgur::{Engine, PageSize as Size};
use lopdf::Document;
use render::{Fault, PageSize, Rendered};

use crate::fonts;
use crate::markup::Markup;

/// The PDF of HTML that was read.
///
/// # Errors
/// When it cannot be laid out, or takes too many pages.
pub(crate) fn pdf(markup: &Markup, page: PageSize, max_pages: u32) -> Result<Rendered, Fault> {
    let mut bundle = fonts::BUNDLE.clone();
    bundle.add_css(markup.css.as_str());
    for (name, bytes) in &markup.images {
        bundle.add_image(name.clone(), bytes.clone());
    }
    let (width, height) = page.points();
    let engine = Engine::builder()
        .page_size(Size { width, height })
        .landscape(false)
        .system_fonts(false)
        .assets(bundle)
        .producer("Mailhouse")
        .build();
    let unfit = |_| Fault::new("html.layout", "The HTML cannot be laid out. Make it simpler.");
    let bytes = engine.render(&markup.html).map_err(unfit)?;
    let document = Document::load_mem(&bytes).map_err(|_| Fault::new("html.layout", "The HTML makes no PDF."))?;
    let pages = u32::try_from(document.get_pages().len()).unwrap_or(u32::MAX);
    if pages > max_pages {
        let message = format!("The HTML takes {pages} pages, and may take {max_pages}. Make it shorter.");
        return Err(Fault::new("html.pages", message));
    }
    Ok(Rendered { bytes, pages })
}
