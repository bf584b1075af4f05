//! What of CSS the layout would pass over although it changes what is read on paper: it is refused. What only decorates may be
//! passed over, as docs/HTML.md says.

use cssparser::{ParseError, Parser, ParserInput, Token};

/// What a declaration may always say.
const KEYWORDS: [&str; 5] = ["inherit", "initial", "unset", "revert", "revert-layer"];

/// What counters may be written as.
const COUNTERS: [&str; 6] = ["decimal", "lower-alpha", "upper-alpha", "lower-roman", "upper-roman", "none"];

/// The values that are honoured of properties that are not honoured otherwise, and what to do instead.
fn values(property: &str) -> Option<(&'static [&'static str], &'static str)> {
    Some(match property {
        "text-transform" => (&["none"], "Write the text as it is to be printed."),
        "text-indent" | "word-spacing" => (&["0", "normal"], "Use a margin or a blank instead."),
        "font-variant" | "font-variant-caps" => (&["normal", "none"], "Use a smaller font size and capitals instead."),
        "list-style-type" => (
            &["disc", "circle", "square", "decimal", "lower-alpha", "upper-alpha", "none"],
            "Use disc, circle, square, decimal, lower-alpha, upper-alpha or none, or write the marks as text.",
        ),
        "list-style" => (
            &["disc", "circle", "square", "decimal", "lower-alpha", "upper-alpha", "none", "inside", "outside"],
            "Use disc, circle, square, decimal, lower-alpha, upper-alpha or none, or write the marks as text.",
        ),
        "list-style-image" => (&["none"], "Use an image in the text instead."),
        "direction" => (&["ltr"], "Hebrew is written from right to left without it."),
        "unicode-bidi" => {
            (&["normal", "embed", "isolate", "plaintext"], "Write the text in the order in which it is read.")
        }
        "writing-mode" => (&["horizontal-tb", "lr-tb"], "Turn a box with transform instead."),
        "visibility" => (&["visible"], "Use display: none, or take the text out."),
        "content-visibility" => (&["visible", "auto"], "Use display: none, or take the text out."),
        "clip" => (&["auto"], "Use overflow: hidden instead."),
        "clip-path" | "mask" | "mask-image" | "-webkit-mask" | "-webkit-mask-image" => {
            (&["none"], "Use overflow: hidden instead.")
        }
        "rotate" | "scale" | "translate" => (&["none"], "Use transform instead."),
        "text-overflow" => (&["clip"], "Text that does not fit is wrapped: shorten it."),
        "line-clamp" | "-webkit-line-clamp" => (&["none"], "All of the text is printed: shorten it."),
        "caption-side" => (&["top"], "Write what stands below a table behind it."),
        "quotes" => (&["auto"], "Write the marks as text."),
        _ => return None,
    })
}

/// Why a declaration is refused, if it is.
pub(crate) fn declaration(selector: &str, property: &str, value: &str, conditional: bool) -> Option<String> {
    let words = words(value);
    let said = |words: &[&str]| words.iter().any(|word| self::said(value, word));
    if let Some((honoured, instead)) = values(property) {
        let other =
            words.iter().find(|word| !honoured.contains(&word.as_str()) && !KEYWORDS.contains(&word.as_str()))?;
        return Some(format!("{property}: {} is not printed. {instead}", name(other)));
    }
    // What the layout looks for at the top of a style sheet alone.
    let of_pages = match property {
        "counter-reset" | "counter-increment" | "counter-set" | "string-set" => true,
        "content" => said(&["counter(", "counters(", "string(", "element(", "content("]),
        "position" => said(&["running("]),
        _ => false,
    };
    if conditional && of_pages {
        return Some(format!("{property} is not printed in a rule that has a condition. Write it outside of that."));
    }
    match property {
        "opacity" if words == ["0"] || words == ["0%"] => Some("opacity: 0 is not printed everywhere. Use display: none, or take the text out.".to_owned()),
        "font" if said(&["small-caps"]) => Some("font: small-caps is not printed. Use a smaller font size and capitals instead.".to_owned()),
        "display" if said(&["ruby", "run-in"]) => Some("display: ruby and run-in are not printed. Use inline or block.".to_owned()),
        "counter-reset" | "counter-increment" | "counter-set" if !words.iter().all(|word| word == "none") => counted(selector),
        "content" if said(&["attr(", "open-quote", "close-quote"]) => {
            Some("attr() and quotes in content are not printed. Write the text itself.".to_owned())
        }
        "content" if said(&["counter(", "counters("]) && !selector.starts_with('@') => counted(selector).or_else(|| {
            let style = counter_styles(value).into_iter().find(|style| !COUNTERS.contains(&style.as_str()))?;
            Some(format!("A counter cannot be written as {}. Use decimal, lower-alpha, upper-alpha, lower-roman or upper-roman.", name(&style)))
        }),
        _ => None,
    }
}

/// Why a rule is refused for its selector, if it is.
pub(crate) fn selector(selector: &str) -> Option<String> {
    let selector = selector.to_ascii_lowercase();
    [("::marker", "Write the marks as text."), (":has(", "Give the element a class of its own.")]
        .into_iter()
        .find(|(word, _)| selector.contains(word))
        .map(|(word, instead)| format!("{} is passed over. {instead}", word.trim_end_matches('(')))
}

/// Why an at-rule is refused, if it is.
pub(crate) fn at_rule(word: &str, conditional: bool) -> Option<String> {
    if conditional && word.eq_ignore_ascii_case("page") {
        return Some(
            "@page is passed over in a rule that has a condition. Write it outside of that, or in @media print."
                .to_owned(),
        );
    }
    ["counter-style", "container"]
        .iter()
        .find(|known| word.eq_ignore_ascii_case(known))
        .map(|word| format!("@{word} is passed over. Write rules that need none."))
}

/// What becomes of a block for what stands before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// It stays as it is.
    Kept,
    /// It stays, and whether it counts is known when it is laid out.
    Conditional,
    /// It always counts on paper: what is in it stands in its place, where the layout finds what is about pages.
    TakenOff,
    /// It never counts on paper.
    LeftOut,
}

/// What becomes of a block that stands behind `prelude`.
pub(crate) fn wrapper(prelude: &str) -> Wrapper {
    let prelude = prelude.to_ascii_lowercase();
    let Some(queries) = prelude.strip_prefix("@media") else {
        let whole = ["@page", "@font-face"].iter().any(|word| prelude.starts_with(word));
        // Margin boxes are in @page, which is looked at as a whole.
        let margin_box = ["@top-", "@bottom-", "@left-", "@right-"].iter().any(|word| prelude.starts_with(word));
        return if prelude.starts_with('@') && !whole && !margin_box { Wrapper::Conditional } else { Wrapper::Kept };
    };
    let queries: Vec<Vec<&str>> = queries.split(',').map(|query| query.split_ascii_whitespace().collect()).collect();
    let on_paper = |query: &Vec<&str>| {
        matches!(query[..], ["print" | "all"] | ["only", "print" | "all"] | ["not", "screen" | "speech"])
    };
    let on_screens = |query: &Vec<&str>| matches!(query[..], ["screen", ..] | ["only", "screen", ..]);
    if queries.iter().any(on_paper) {
        Wrapper::TakenOff
    } else if queries.iter().all(on_screens) {
        Wrapper::LeftOut
    } else {
        Wrapper::Conditional
    }
}

/// CSS without its comments, and without blanks at its ends.
pub(crate) fn without_comments(css: &str) -> String {
    let mut out = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out.trim().to_owned()
}

/// Why counters may not be used in a rule, if they may not: the layout knows the rule only when it is for a single name.
fn counted(selector: &str) -> Option<String> {
    let single = |selector: &str| {
        let element = selector.trim().to_ascii_lowercase();
        let element = ["::before", ":before", "::after", ":after"]
            .iter()
            .find_map(|end| element.strip_suffix(end))
            .unwrap_or(&element);
        let name = element.strip_prefix(['.', '#']).unwrap_or(element);
        !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || char == '-' || char == '_')
    };
    if !selector.is_empty() && selector.split(',').all(single) {
        return None;
    }
    Some("Counters work in rules for one element, class or id alone, as in h2::before or .part::before. Give what is counted a class.".to_owned())
}

/// The styles that counters are to be written in.
fn counter_styles(value: &str) -> Vec<String> {
    let mut input = ParserInput::new(value);
    let mut parser = Parser::new(&mut input);
    let mut found = Vec::new();
    while let Ok(token) = parser.next().cloned() {
        let Token::Function(function) = token else { continue };
        let skipped = if function.eq_ignore_ascii_case("counter") { 1 } else { 2 };
        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<'_, ()>> {
            let mut argument = 0;
            while let Ok(token) = parser.next() {
                match token {
                    Token::Comma => argument += 1,
                    Token::Ident(word) if argument >= skipped => found.push(word.to_ascii_lowercase()),
                    _ => {}
                }
            }
            Ok(())
        });
    }
    found
}

/// What a value says, in small letters: words, numbers with what they count, and functions by their names.
fn words(value: &str) -> Vec<String> {
    let mut input = ParserInput::new(value);
    let mut parser = Parser::new(&mut input);
    let mut words = Vec::new();
    while let Ok(token) = parser.next() {
        words.push(match token {
            Token::Delim('!') => break,
            Token::Ident(word) => word.to_ascii_lowercase(),
            Token::Number { value, .. } | Token::Dimension { value, .. } if *value == 0.0 => "0".to_owned(),
            Token::Percentage { unit_value, .. } if *unit_value == 0.0 => "0%".to_owned(),
            Token::Function(function) => format!("{}(", function.to_ascii_lowercase()),
            _ => "this".to_owned(),
        });
    }
    words
}

fn said(value: &str, word: &str) -> bool {
    words(value).iter().any(|said| said == word)
}

/// A word as it may be repeated in a message.
fn name(word: &str) -> &str {
    if word.len() <= 40 && word.chars().all(|char| char.is_ascii_alphanumeric() || "-(".contains(char)) {
        word
    } else {
        "what it says"
    }
}
