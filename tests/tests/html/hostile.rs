//! HTML that is made to exhaust whoever reads it ends as a refusal, within the limits, and costs no other letter.

use std::time::{Duration, Instant};

use crate::support::{data_uri, order, picture, renderer};
use serde_json::{Value, json};

/// A limit that leaves room for a slow machine, and little for what would go on for ever.
const LIMIT: Duration = Duration::from_secs(8);

fn hostile() -> Vec<(&'static str, String, Value)> {
    let nested = |open: &str, times: usize| open.repeat(times);
    let table = format!("<table>{}</table>", "<tr><td>x<td>y".repeat(20_000));
    let bomb = {
        // Few bytes, many dots: 20,000 by 20,000 of one colour.
        let mut bytes = picture(1, 1);
        bytes[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&20_000_u32.to_be_bytes());
        data_uri(&bytes)
    };
    let lists = |depth: usize| {
        let each = "{{#each this}}".repeat(depth);
        let list = (0..=depth).fold(json!("xxxxxxxxxx"), |inner, _| Value::Array(vec![inner; 10]));
        (format!("{{{{#each rows}}}}{each}{{{{this}}}}{}{{{{/each}}}}", "{{/each}}".repeat(depth)), list)
    };
    let (multiplied, rows) = lists(5);
    let uses: String =
        (1..30).map(|n| format!("<g id=g{n}>{}</g>", format!("<use href='#g{}'/>", n - 1).repeat(10))).collect();
    vec![
        ("elements nested deeply", nested("<div>", 50_000), Value::Null),
        ("tables nested deeply", nested("<table><tr><td>", 2_000), Value::Null),
        ("lists nested deeply", nested("<ul><li>", 5_000), Value::Null),
        ("spans nested deeply", nested("<b>", 100_000), Value::Null),
        ("a huge table", table, Value::Null),
        ("many elements", "<i>x</i>".repeat(100_000), Value::Null),
        ("an image of too many dots", format!("<img src='{bomb}'>"), Value::Null),
        ("a recursive partial", "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}".to_owned(), Value::Null),
        (
            "two partials that call each other",
            "{{#*inline \"a\"}}x{{> b}}{{/inline}}{{#*inline \"b\"}}{{> a}}{{> a}}{{/inline}}{{> a}}".to_owned(),
            Value::Null,
        ),
        (
            "blocks of a template nested deeply",
            format!("{}{}", "{{#if a}}".repeat(20_000), "{{/if}}".repeat(20_000)),
            json!({ "a": 1 }),
        ),
        (
            "subexpressions nested deeply",
            format!("{{{{eq {}1{} }}}}", "(eq 1 ".repeat(20_000), ")".repeat(20_000)),
            Value::Null,
        ),
        ("lists that multiply", multiplied, json!({ "rows": rows })),
        ("blocks of a style sheet nested deeply", format!("<style>{}</style>", "a{".repeat(50_000)), Value::Null),
        ("functions nested deeply", format!("<p style='width: {}'>", "calc(".repeat(50_000)), Value::Null),
        ("a page that is too long", "<div style='height: 99999999px'>x</div><p>y".to_owned(), Value::Null),
        ("columns without number", "<div style='column-count: 2000000000'>x".to_owned(), Value::Null),
        (
            "a drawing that multiplies",
            format!("<svg><defs><g id=g0><rect width=1 height=1 /></g>{uses}</defs><use href='#g29'/></svg>"),
            Value::Null,
        ),
        ("more than a megabyte", "x".repeat((1 << 20) + 1), Value::Null),
    ]
}

#[test]
fn hostile_html_ends_as_a_refusal_or_a_page_within_the_limits_and_the_next_letter_is_rendered() {
    let mut renderer = renderer().with_time_limit(LIMIT);
    let mut broken = Vec::new();
    for (name, html, variables) in hostile() {
        let started = Instant::now();
        let answer = renderer.render(&order(&html, variables)).unwrap();
        let took = started.elapsed();
        if took > LIMIT + Duration::from_secs(2) {
            broken.push(format!("{name}: took {took:.1?}"));
        }
        if let Err(faults) = &answer
            && faults.iter().any(|fault| fault.message.is_empty())
        {
            broken.push(format!("{name}: {faults:?}"));
        }
        if let Err(faults) = renderer.render(&order("<p>{{name}}</p>", json!({ "name": "Jane" }))).unwrap() {
            broken.push(format!("behind {name}: {faults:?}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn what_there_is_no_time_for_is_too_slow() {
    let mut renderer = renderer().with_time_limit(Duration::ZERO);
    let order = order("<p>{{name}}</p>", Value::Null);
    assert_eq!(renderer.render(&order).unwrap(), Err(vec![render::too_slow()]));
    assert_eq!(renderer.look_at(&order).unwrap(), [render::too_slow()]);
}

#[test]
fn what_is_bounded_says_what_the_bound_is() {
    let mut renderer = renderer();
    let mut rule = |html: &str| {
        let faults = renderer.render(&order(html, Value::Null)).unwrap().err().unwrap_or_default();
        faults.first().map(|fault| fault.rule.to_string()).unwrap_or_default()
    };
    assert_eq!(rule(&"<div>".repeat(101)), "html.depth");
    assert_eq!(rule(&"<div>".repeat(100)), "");
    assert_eq!(rule(&"<i></i>".repeat(30_001)), "html.elements");
    assert_eq!(rule(&"x".repeat((1 << 20) + 1)), "html.too_large");
}
