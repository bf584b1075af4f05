//! What is not rendered, and what is said of it.

mod support;

use serde_json::{Value, json};
use support::{data_uri, faults, order, picture, renderer, rules};

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
