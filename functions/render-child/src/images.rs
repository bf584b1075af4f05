//! Images of a letter: where they may come from, and how many dots they may have.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fulgur::image::ImageRender;
use render::{Fault, MAX_IMAGES, Order};

/// The most dots of an image: a Letter page at 600 dots an inch, and some.
const MAX_DOTS: u64 = 40_000_000;

/// The images that a letter refers to, each once, by the name that it has for the layout.
pub(crate) struct Images<'a> {
    order: &'a Order,
    names: HashMap<String, Image>,
    /// Bytes by name.
    pub(crate) used: BTreeMap<String, Vec<u8>>,
    bytes: usize,
    dots: u64,
}

/// An image as it is referred to.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl<'a> Images<'a> {
    pub(crate) fn new(order: &'a Order) -> Self {
        Images { order, names: HashMap::new(), used: BTreeMap::new(), bytes: 0, dots: 0 }
    }

    /// The image that a reference means.
    pub(crate) fn find(&mut self, reference: &str) -> Result<Image, Fault> {
        let reference = reference.trim();
        if let Some(known) = self.names.get(reference) {
            return Ok(known.clone());
        }
        let bytes = match reference.get(..5) {
            Some(scheme) if scheme.eq_ignore_ascii_case("data:") => data(&reference[5..])?,
            _ => self.order.images.get(reference).cloned().ok_or_else(|| {
                let message = "Nothing is fetched when a letter is rendered. Give an image as a data URI, or upload it as a \
                               document and give the document's id.";
                let absent = self.order.absent.get(reference).cloned();
                absent.unwrap_or_else(|| Fault::new("html.reference", message))
            })?,
        };
        let format = ImageRender::detect_format(&bytes);
        let size = format.and_then(|format| ImageRender::decode_dimensions(&bytes, format));
        let Some((width, height)) = size.filter(|(width, height)| *width > 0 && *height > 0) else {
            return Err(Fault::new("html.image", "An image must be a PNG, JPEG or GIF."));
        };
        self.bytes += bytes.len();
        self.dots = self.dots.saturating_add(u64::from(width) * u64::from(height));
        if self.bytes > MAX_IMAGES || self.dots > MAX_DOTS {
            let message = format!(
                "The images of a letter may have {} million dots and {} MB together. Make them smaller.",
                MAX_DOTS / 1_000_000,
                MAX_IMAGES >> 20
            );
            return Err(Fault::new("html.images", message));
        }
        let image = Image { name: format!("image-{}", self.used.len()), width, height };
        self.used.insert(image.name.clone(), bytes);
        self.names.insert(reference.to_owned(), image.clone());
        Ok(image)
    }
}

/// What a data URI holds, given what follows its scheme.
fn data(uri: &str) -> Result<Vec<u8>, Fault> {
    let encoded = uri.split_once(',').filter(|(kind, _)| kind.to_ascii_lowercase().ends_with(";base64"));
    let text: Option<String> =
        encoded.map(|(_, text)| text.chars().filter(|char| !char.is_ascii_whitespace()).collect());
    let bytes = text
        .and_then(|text| BASE64_STANDARD.decode(text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")).ok());
    bytes.ok_or_else(|| Fault::new("html.image", "A data URI must be base64, as in data:image/png;base64,…"))
}
