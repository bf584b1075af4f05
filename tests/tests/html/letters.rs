//! A dozen letters, rendered, inspected as any document is, drawn, and compared with how they looked when a person last looked.
//!
//! The pictures are in `golden`. `UPDATE_GOLDEN=1` writes them anew: look at each before it is committed.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use std::path::{Path, PathBuf};

use crate::support::{picture, renderer, with_png};
use print::inspect::{Limits, Paper, inspect};
use print::raster;
use render::{Order, PageSize};

const LETTERS: [(&str, PageSize, u32); 16] = [
    ("plain", PageSize::Letter, 1),
    ("legal", PageSize::Legal, 1),
    ("a4", PageSize::A4, 1),
    ("table", PageSize::Letter, 1),
    ("long_table", PageSize::Letter, 4),
    ("long_words", PageSize::Letter, 1),
    ("pages", PageSize::Letter, 3),
    ("running", PageSize::Letter, 2),
    ("scripts", PageSize::Letter, 1),
    ("fonts", PageSize::Letter, 1),
    ("forms", PageSize::Letter, 1),
    ("lists", PageSize::Letter, 1),
    ("layout", PageSize::Letter, 1),
    ("drawing", PageSize::Letter, 1),
    ("images", PageSize::Letter, 1),
    ("card", PageSize::Card4x6, 1),
];

/// How wide the pictures are, dots.
const WIDTH: u32 = 425;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/html").join(name)
}

fn order(name: &str, page: PageSize) -> Order {
    let html = match name {
        "images" => with_png(),
        _ => std::fs::read_to_string(folder("letters").join(format!("{name}.html"))).unwrap(),
    };
    let variables = std::fs::read(folder("letters").join(format!("{name}.json")));
    let variables = variables.map(|json| serde_json::from_slice(&json).unwrap()).unwrap_or_default();
    let images = [("doc_1".to_owned(), picture(300, 100))].into();
    Order { html, variables, page, max_pages: 10, images, absent: [].into() }
}

fn pixels(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::Cursor::new(png));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes.truncate(info.buffer_size());
    (info.width, info.height, bytes)
}

/// How many of a thousand bytes of two pictures differ by more than an eye would see.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    let (a, b) = (pixels(one), pixels(other));
    if (a.0, a.1, a.2.len()) != (b.0, b.1, b.2.len()) {
        return 1000.0;
    }
    let differ = a.2.iter().zip(&b.2).filter(|(a, b)| a.abs_diff(**b) > 32).count();
    1000.0 * differ as f64 / a.2.len() as f64
}

#[test]
fn letters_look_as_they_did_and_may_be_printed() {
    let mut renderer = renderer();
    let mut broken = Vec::new();
    for (name, page, pages) in LETTERS {
        let rendered = match renderer.render(&order(name, page)).unwrap() {
            Ok(rendered) => rendered,
            Err(faults) => {
                broken.push(format!("{name}: {faults:?}"));
                continue;
            }
        };
        if rendered.pages != pages {
            broken.push(format!("{name} has {} pages, not {pages}", rendered.pages));
        }
        let paper = if page == PageSize::Card4x6 { Paper::Card4x6 } else { Paper::default() };
        // A card has two sides, of which HTML is one.
        let report =
            inspect(&rendered.bytes, &Limits { paper, impressions: Some(rendered.pages), ..Limits::default() });
        let refused = report.findings.iter().filter(|finding| finding.severity == print::inspect::Severity::Refuse);
        broken.extend(refused.map(|finding| format!("{name}: {} {}", finding.rule, finding.message)));
        for number in 0..rendered.pages {
            let drawn = raster::png(&rendered.bytes, number as usize, WIDTH).unwrap();
            let golden = folder("golden").join(format!("{name}-{}.png", number + 1));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&golden, drawn).unwrap();
                continue;
            }
            let known = std::fs::read(&golden).unwrap_or_default();
            let difference = if known.is_empty() { 1000.0 } else { difference(&known, &drawn) };
            if difference > 2.0 {
                broken.push(format!("{name}, page {}: {difference:.1} of a thousand bytes differ", number + 1));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn pictures_that_differ_are_told_apart() {
    let mut renderer = renderer();
    let mut draw = |html: &str| {
        let order = Order { html: html.to_owned(), ..order("plain", PageSize::Letter) };
        raster::png(&renderer.render(&order).unwrap().unwrap().bytes, 0, WIDTH).unwrap()
    };
    let text = "<p>The quick brown fox jumps over the lazy dog. ".repeat(8);
    assert!(difference(&draw(&text), &draw(&text)) < 0.001);
    assert!(difference(&draw(&text), &draw(&format!("<div style='height: 3pt'></div>{text}"))) > 2.0);
}

#[test]
fn what_is_written_otherwise_and_means_the_same_looks_the_same() {
    let mut renderer = renderer();
    let mut draw = |html: &str| {
        let order = Order { html: html.to_owned(), ..order("plain", PageSize::Letter) };
        raster::png(&renderer.render(&order).unwrap().unwrap().bytes, 0, WIDTH).unwrap()
    };
    let long =
        "and so much more that it does not fit into one line of the letter and has to be broken where there is a blank";
    // As wide as four blanks.
    let four = "<span style='color: white'>aaaa</span>";
    let sheet = "<style>p q, p > code.c { white-space: pre } @media screen { b { white-space: pre } }</style>";
    let page = "@page { margin: 2in; @bottom-center { content: 'Page ' counter(page) } }";
    let counted = "h2 { counter-increment: c } h2::before { content: counter(c) '. ' }";
    let mut broken = Vec::new();
    for (one, other) in [
        ("<p><b>Total: </b>$5 of<i> 7</i>".to_owned(), "<p><b>Total:</b> $5 of <i>7</i>".to_owned()),
        ("<p>a<span><b> b </b></span>c".to_owned(), "<p>a <span><b>b</b></span> c".to_owned()),
        ("<p>a<b> </b>b".to_owned(), "<p>a b".to_owned()),
        ("<pre><b>\nx</b></pre>".to_owned(), "<pre>\n\n<b>x</b></pre>".to_owned()),
        ("<pre>a\n<b>  b\n</b>c</pre>".to_owned(), "<pre>a\n  <b>b</b>\nc</pre>".to_owned()),
        ("<p><code style='white-space: pre'>    x = 1</code>".to_owned(), format!("<p><code>{four}x = 1</code>")),
        (
            "<p>a<code style='white-space: PRE-wrap'>    x    </code>b".to_owned(),
            format!("<p>a<code>{four}x{four}</code>b"),
        ),
        (
            "<p>a<code style='white-space: pre'><i>    x    </i></code>b".to_owned(),
            format!("<p>a<code><i>{four}x{four}</i></code>b"),
        ),
        (format!("{sheet}<p>a<code class='a c'>    x    </code>b"), format!("<p>a<code>{four}x{four}</code>b")),
        (format!("{sheet}<p>a<b> b </b>c<code> x </code>d"), "<p>a <b>b</b> c <code>x</code> d".to_owned()),
        ("<style>p::before { content: 'Part ' }</style><p>x".to_owned(), "<p>Part x".to_owned()),
        ("<style>p::after { content: ' (late)' }</style><p>x".to_owned(), "<p>x (late)".to_owned()),
        ("<style>b::after { content: '  ' }</style><p><b>x</b>y".to_owned(), "<p><b>x</b> y".to_owned()),
        ("<style>b::before { content: '\\2611  ' }</style><p><b>x</b>".to_owned(), "<p><b>\u{2611} x</b>".to_owned()),
        (format!("<style>{counted}</style><h2>x</h2>"), "<h2>1. x</h2>".to_owned()),
        (
            "<style>:root { --mark: 'No. ' } p::before { content: var(--mark) }</style><p>7".to_owned(),
            "<p>No. 7".to_owned(),
        ),
        (
            format!("<style>i::after {{ content: ' ' }}</style><p><i style='font-style: normal'>{long}</i>{long}"),
            format!("<p>{long} {long}"),
        ),
        (format!("<style>@media print {{ {page} }}</style><p>x"), format!("<style>{page}</style><p>x")),
        (
            format!("<style>@media screen, print {{ @media all {{ {page} {counted} }} }}</style><h2>x</h2>"),
            format!("<style>{page}{counted}</style><h2>x</h2>"),
        ),
        (format!("<style>@media only screen {{ {page} p {{ color: red }} }}</style><p>x"), "<p>x".to_owned()),
        (
            "<style>@media print { p { font-size: 20pt } } p { color: red }</style><p>x".to_owned(),
            "<p style='font-size: 20pt; color: red'>x".to_owned(),
        ),
    ] {
        let difference = difference(&draw(&one), &draw(&other));
        broken.extend((difference >= 0.05).then(|| format!("{difference:.2} of a thousand bytes differ: {one}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn equal_orders_make_equal_bytes_in_any_process() {
    for (name, page, _) in LETTERS {
        let [first, second] = [(); 2].map(|()| renderer().render(&order(name, page)).unwrap());
        assert!(first == second, "{name}");
    }
}
