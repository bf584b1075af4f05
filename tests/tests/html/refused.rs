//! What is not rendered, and what is said of it.

use crate::support::{data_uri, faults, order, picture, renderer, rules};
use serde_json::{Value, json};

#[test]
fn every_variable_that_is_missing_is_named_with_its_line() {
    let html = "<p>{{name}}</p>\n<p>{{amount}} {{due.date}}</p>\n<p>{{place}}</p>";
    let found = faults(html, json!({ "place": "here" }));
    let named: Vec<_> = found.iter().map(|fault| (fault.variable.as_deref(), fault.line)).collect();
    assert_eq!(named, [(Some("name"), Some(1)), (Some("amount"), Some(2)), (Some("due.date"), Some(2))]);
    assert_eq!(rules(&found), ["html.variable"; 3]);
}

#[test]
fn a_variable_that_is_only_asked_for_may_be_missing() {
    assert_eq!(faults("{{#if note}}<p>{{note}}</p>{{/if}}{{#unless note}}-{{/unless}}", Value::Null), []);
}

#[test]
fn a_template_that_does_not_read_is_refused_with_its_line() {
    for html in ["<p>\n{{name</p>", "<p>\n{{#each rows}}</p>", "<p>\n{{/if}}", "{{#if a}}\n{{/each}}"] {
        let found = faults(html, json!({}));
        assert_eq!(rules(&found), ["html.template"], "{html}");
        assert!(found[0].line.is_some(), "{html}");
        assert_eq!(rules(&renderer().check(html).unwrap()), ["html.template"], "{html}");
    }
    assert_eq!(renderer().check("<p>{{name}} {{#each rows}}{{this}}{{/each}}").unwrap(), []);
}

#[test]
fn what_acts_or_would_be_fetched_is_refused_with_its_line() {
    for (html, rule) in [
        ("<script>alert(1)</script>", "html.element"),
        ("<iframe src=x></iframe>", "html.element"),
        ("<object data=x></object>", "html.element"),
        ("<input value=x>", "html.element"),
        ("<link rel=stylesheet href=x.css>", "html.reference"),
        ("<img src=https://example.com/a.png>", "html.reference"),
        ("<img src=file:///etc/passwd>", "html.reference"),
        ("<img src=/etc/passwd>", "html.reference"),
        ("<img src='http://['>", "html.reference"),
        ("<img src=doc_2>", "html.reference"),
        ("<style>@import 'x.css';</style>", "html.reference"),
        ("<style>@import url(x.css);</style>", "html.reference"),
        ("<style>p { background: url(x.png) }</style>", "html.reference"),
        ("<style>p { background: \\75rl(x.png) }</style>", "html.reference"),
        ("<style>@font-face { font-family: x; src: url(x.woff2) }</style>", "html.reference"),
        ("<p style='background: url(\"//example.com\")'>x", "html.reference"),
        ("<svg><image href='/etc/passwd'/></svg>", "html.element"),
        ("<svg><text>x</text></svg>", "html.element"),
        ("<img src='data:image/png;base64,AAAA'>", "html.image"),
        ("<img src='data:image/svg+xml,<svg/>'>", "html.image"),
        ("<img src='data:text/html;base64,PGI+'>", "html.image"),
    ] {
        let found = faults(&format!("<p>first</p>\n{html}"), Value::Null);
        assert!(rules(&found).contains(&rule), "{html}: {found:?}");
        assert!(found.iter().all(|fault| fault.line == Some(2)), "{html}: {found:?}");
    }
}

#[test]
fn what_would_be_printed_otherwise_than_it_says_is_refused_with_its_line() {
    for html in [
        "<ol style='list-style-type: upper-roman'><li>x</ol>",
        "<ol style='list-style: lower-greek inside'><li>x</ol>",
        "<ol type=I><li>x</ol>",
        "<ol><li value=7>x</ol>",
        "<ol reversed><li>x</ol>",
        "<details><summary>x</summary>y</details>",
        "<xmp>x</xmp>",
        "<style>div h2::before { content: counter(c) }</style>",
        "<style>h2.k { counter-increment: c }</style>",
        "<style>p::before { content: attr(data-x) }</style>",
        "<style>li::marker { content: 'x' }</style>",
        "<p style='text-\\74ransform: uppercase'>x",
        "<p style='text-transform: var(--x)'>x",
        "<p style='text-indent: 1em'>x",
        "<p style='visibility: hidden'>x",
        "<p style='font: small-caps 12pt Arial'>x",
        "<style>@media print { p { text-transform: uppercase } }</style>",
        "<style>@supports (display: grid) { @page { margin: 2in } }</style>",
        "<style>@media (min-width: 1px) { @page { margin: 2in } }</style>",
        "<style>@media screen, (min-width: 1px) { p { text-transform: uppercase } }</style>",
        "<style>@layer a { h2 { counter-increment: c } }</style>",
        "<style>@media print and (color) { h2 { position: running(head) } }</style>",
        "<table><tfoot><tr><td>Total</tfoot><tbody><tr><td>x</table>",
        "<table><tfoot><tr><td>Total<tbody><tr><td>x</table>",
        "<table><tfoot><tr><td>Total</tfoot><tr><td>x</table>",
        "<table><tr><td><table><tfoot><tr><td>Total</tfoot><tr><td>x</table></table>",
        "<table><tbody><tr><td>x</tbody><thead><tr><td>No.</table>",
    ] {
        let found = faults(&format!("<p>first</p>\n{html}"), Value::Null);
        assert!(
            found.iter().any(|fault| fault.rule == "html.unsupported" && fault.line == Some(2)),
            "{html}: {found:?}"
        );
    }
}

#[test]
fn what_is_honoured_or_means_nothing_on_paper_is_not_refused() {
    for html in [
        "<style>@media screen { p { text-transform: uppercase } } @supports (text-transform: none) { p { color: red } }</style><p>x",
        "<style>h2 { counter-increment: c } h2::before { content: 'S' counter(c, upper-roman) '. ' }</style><h2>x</h2>",
        "<style>@page { @bottom-center { content: 'Page ' counter(page) } }</style><p style='text-transform: none'>x",
        "<ol type=A start=3><li>x</ol><p>a\u{2011}b\u{2009}c\u{2002}d <q>e</q></p><pre>a\tb</pre>",
        "<table><thead><tr><th>No.</thead><tr><td>x<tfoot><tr><td>Total<tr><td>Paid</tfoot></table>",
        "<table><tr><td><table><tr><td>y<tfoot><tr><td>Total</table><tr><td>x<tfoot><tr><td>Total</table>",
        "<style>@media screen { @page { margin: 2in } h2 { counter-increment: c } } @supports (display: grid) { p { color: red } }</style><p>x",
        "<template>\u{6f22}</template><dialog>\u{6f22}</dialog><p>x",
    ] {
        assert_eq!(faults(html, Value::Null), [], "{html}");
    }
}

#[test]
fn a_character_that_no_font_has_is_refused_instead_of_printed_as_a_box() {
    for html in ["<p>مرحبا", "<p>漢字", "<p>\u{1F600}", "<style>p::before { content: \"\\6C34\" }</style><p>x"] {
        let found = faults(html, Value::Null);
        assert_eq!(rules(&found), ["html.character"], "{html}");
        assert!(found[0].message.contains("U+"), "{html}");
    }
    let found = faults("<p>{{name}}</p>", json!({ "name": "漢" }));
    assert!(!found[0].message.contains('漢'), "what a variable says is not repeated");
}

#[test]
fn text_is_printed_in_a_font_that_is_there_whatever_the_style_sheet_says_of_fonts() {
    for (css, family) in [
        ("p { font-family: Missing }", "Sans"),
        (":root { --body: Missing } p { font-family: var(--body) }", "Sans"),
        (":root { --body: Missing } p { font-family: var(--body) !important }", "Sans"),
        (":root { --body: Missing } p { font: 12pt/1.2 var(--body) }", "Sans"),
        ("p { font-family: var(--none) }", "Sans"),
        ("p { font-family: var(--none, Georgia) }", "Serif"),
        (":root { --font-body: Georgia, serif } p { font-family: var(--font-body) }", "Serif"),
        (":root { --font-body: 'Times New Roman' } p { font-family: var(--font-body), Missing }", "Serif"),
        (":root { --font-body: Courier New } p { font: 12pt var(--font-body) }", "Mono"),
        (":root { --font-size: 12pt; --font-weight: bold } p { font-weight: var(--font-weight) }", "Sans-Bold"),
        ("p { font: calc(10pt + 1pt) Georgia }", "Serif"),
        ("p { font: 12pt/calc(1 + 0.2) Missing }", "Sans"),
        ("p { font: initial }", "Sans"),
        ("p { font-family: initial }", "Sans"),
        ("p { all: initial }", "Sans"),
        ("p { all: initial !important }", "Sans"),
        ("html, body, p { font: inherit }", "Sans"),
        ("html, body, p { font: inherit } body { font-family: Georgia }", "Serif"),
        ("html { font: inherit } html { font-family: Georgia }", "Serif"),
        ("* { font-family: inherit } body { font-family: Georgia }", "Serif"),
        (":root { font: revert }", "Sans"),
        (":root { all: unset }", "Sans"),
        ("@media print { html { font-family: inherit } }", "Sans"),
    ] {
        let html = format!("<style>{css}</style><p>Text");
        let rendered = renderer().render(&order(&html, Value::Null)).unwrap().unwrap();
        let report = print::inspect::inspect(&rendered.bytes, &print::inspect::Limits::default());
        let name = format!("Mailhouse{family}");
        let fonts: Vec<_> = report.fonts.iter().map(|font| font.name.replace(' ', "")).collect();
        assert!(fonts.len() == 1 && fonts[0].starts_with(&name), "{css}: {fonts:?}");
    }
    let hidden = faults("<style>p {\n font: var(--font) }</style><p>Text", Value::Null);
    assert_eq!((rules(&hidden), hidden[0].line), (vec!["html.font"], Some(2)));
    let printed = faults("<style>:root { --font-note: '漢' }</style><p>Text", Value::Null);
    assert_eq!(rules(&printed), ["html.character"], "what a custom property says may be printed");
}

#[test]
fn variables_are_text_and_never_markup() {
    let name = "<script>alert(1)</script><img src=https://example.com/a.png>";
    assert_eq!(faults("<p>{{name}}</p>", json!({ "name": name })), []);
    assert_eq!(rules(&faults("<p>{{{name}}}</p>", json!({ "name": name }))), ["html.element", "html.reference"]);
}

#[test]
fn handlers_and_links_are_left_out() {
    let html = "<p onclick='x()'>a <a href='https://example.com'>b</a></p><form action=x>c</form>";
    let rendered = renderer().render(&order(html, Value::Null)).unwrap().unwrap();
    let text = String::from_utf8_lossy(&rendered.bytes);
    assert!(!text.contains("example.com") && !text.contains("/URI"));
}

#[test]
fn too_many_pages_are_refused_with_how_many_there_are() {
    let html = "<p style='break-after: page'>x</p>".repeat(12);
    let found = faults(&html, Value::Null);
    assert_eq!(rules(&found), ["html.pages"]);
    assert!(found[0].message.contains("may take 10"), "{}", found[0].message);
}

#[test]
fn an_image_keeps_its_shape_when_one_side_is_given() {
    let uri = data_uri(&picture(40, 20));
    let box_of = |css: &str, attributes: &str| {
        let html = format!("<style>@page {{ margin: 1in }} {css}</style><img {attributes} src='{uri}'>");
        let rendered = renderer().render(&order(&html, Value::Null)).unwrap().unwrap();
        let drawn = print::raster::png(&rendered.bytes, 0, 850).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&drawn)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let per_dot = info.line_size / info.width as usize;
        let dark = |at: &usize| bytes[at * per_dot..at * per_dot + 3].iter().any(|byte| *byte < 200);
        let dots: Vec<usize> = (0..(info.width * info.height) as usize).filter(dark).collect();
        let columns: Vec<usize> = dots.iter().map(|at| at % info.width as usize).collect();
        let rows: Vec<usize> = dots.iter().map(|at| at / info.width as usize).collect();
        let span = |places: &[usize]| places.iter().max().unwrap() - places.iter().min().unwrap() + 1;
        (span(&columns), span(&rows))
    };
    let close =
        |(width, height): (usize, usize), (w, h): (usize, usize)| width.abs_diff(w) <= 2 && height.abs_diff(h) <= 2;
    for (css, attributes, expected) in [
        ("img { height: 1in }", "", (200, 100)),
        ("img { width: 1in }", "", (100, 50)),
        ("img { width: 1in; height: 1in }", "", (100, 100)),
        ("", "width=96", (100, 50)),
        ("", "height=96", (200, 100)),
        ("", "", (42, 21)),
    ] {
        let found = box_of(css, attributes);
        assert!(close(found, expected), "{css} {attributes}: {found:?}");
    }
}
