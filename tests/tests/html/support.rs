//! What the tests of rendering share.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use render::{Fault, Order, PageSize, Renderer};
use serde_json::{Map, Value};
use tests::harness::binaries::Binary;

/// The child that is shipped.
pub(crate) fn renderer() -> Renderer {
    Renderer::new(&Binary::RenderChild.path().unwrap())
}

/// HTML on a Letter page.
pub(crate) fn order(html: &str, variables: Value) -> Order {
    let variables = match variables {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let (page, max_pages) = (PageSize::Letter, 10);
    let images = [("doc_1".to_owned(), picture(30, 10))].into();
    Order { html: html.to_owned(), variables, page, max_pages, images, absent: [].into() }
}

/// The faults of an order; none when it is rendered. All that do not depend on how it is laid out are told without doing so.
pub(crate) fn faults(html: &str, variables: Value) -> Vec<Fault> {
    let (mut renderer, order) = (renderer(), order(html, variables));
    let faults = renderer.render(&order).unwrap().err().unwrap_or_default();
    let at_sight = faults.iter().filter(|fault| !["html.pages", "html.layout"].contains(&fault.rule.as_ref()));
    assert_eq!(renderer.look_at(&order).unwrap(), at_sight.cloned().collect::<Vec<_>>());
    faults
}

/// The rules of faults.
pub(crate) fn rules(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.rule.as_ref()).collect()
}

/// A PNG with a gradient.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    let dot = |x: u32, y: u32| [(255 * x / width) as u8, (255 * y / height) as u8, 128];
    let dots: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| dot(x, y))).collect();
    writer.write_image_data(&dots).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A data URI.
pub(crate) fn data_uri(bytes: &[u8]) -> String {
    use base64::Engine;
    format!("data:image/png;base64,{}", base64::prelude::BASE64_STANDARD.encode(bytes))
}

/// A letter with images in every way that one may come.
pub(crate) fn with_png() -> String {
    let uri = data_uri(&picture(300, 150));
    format!(
        "<style>.height {{ height: 0.5in }} .width {{ width: 2in }} .back {{ background: url(\"{uri}\"); height: 150px; \
         width: 300px }}</style><p><img src='{uri}'></p><p><img class=height src='{uri}'> <img class=width src=doc_1></p>\
         <p><img src='{uri}' width=40 height=40> <img src='{uri}' height=30></p><div class=back></div>"
    )
}
