//! Style sheets: what they refer to is looked up, font names become those of the fonts that are shipped, and what would be fetched
//! is refused.

use cssparser::{ParseError, Parser, ParserInput, ToCss, Token};
use render::Fault;

use crate::fonts;
use crate::images::Images;

/// How deep blocks may be nested. A rule in a few nested rules with a few nested functions is far below.
const DEPTH: u32 = 32;

/// A style sheet, or the declarations of an element, as the layout gets it. Faults are of the line that the sheet starts on, and
/// how many lines further they are.
pub(crate) fn read(css: &str, first_line: u64, images: &mut Images<'_>, faults: &mut Vec<Fault>) -> String {
    let mut input = ParserInput::new(css);
    let mut parser = Parser::new(&mut input);
    let mut sheet = Sheet { images, faults, first_line, out: String::with_capacity(css.len()) };
    sheet.block(&mut parser, 0, None);
    sheet.out
}

struct Sheet<'s, 'i> {
    images: &'s mut Images<'i>,
    faults: &'s mut Vec<Fault>,
    first_line: u64,
    out: String,
}

/// Where in a declaration of fonts the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fonts {
    /// Not in one.
    No,
    /// In `font`, before the size.
    Before,
    /// In `font`, behind the size.
    Sized,
    /// In `font`, behind the slash that a line height follows.
    Height,
    /// Where families are named.
    Names,
}

/// Where the content of a margin box stands unless the style sheet says otherwise. The layout would put all of it into the top
/// left corner of its box, at the edge of the sheet, where nothing can be printed.
fn margin_box_defaults(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "top-left" => "padding-top:0.375in;",
        "top-center" => "padding-top:0.375in;text-align:center;",
        "top-right" => "padding-top:0.375in;text-align:right;",
        "bottom-left" => "padding-top:0.125in;",
        "bottom-center" => "padding-top:0.125in;text-align:center;",
        "bottom-right" => "padding-top:0.125in;text-align:right;",
        _ => return None,
    })
}

impl Sheet<'_, '_> {
    fn fault(&mut self, parser: &Parser<'_, '_>, fault: Fault) {
        let line = self.first_line + u64::from(parser.current_source_location().line);
        self.faults.push(fault.at(line));
    }

    /// Copies what is left of a block. `function` is the one whose arguments they are.
    fn block(&mut self, parser: &mut Parser<'_, '_>, depth: u32, function: Option<&str>) {
        let mut fonts = Fonts::No;
        let mut property = String::new();
        let mut name: Vec<String> = Vec::new();
        let mut margin_box = None;
        let is_url = function.is_some_and(|function| ["url", "src"].contains(&function));
        loop {
            let start = parser.position();
            let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else { break };
            let text = parser.slice_from(start);
            if fonts == Fonts::Names {
                match &token {
                    Token::Ident(word) => {
                        name.push(word.to_string());
                        continue;
                    }
                    Token::QuotedString(word) => {
                        name = vec![word.to_string()];
                        continue;
                    }
                    Token::WhiteSpace(_) | Token::Comment(_) => continue,
                    _ => self.name_family(&mut name, !matches!(token, Token::Comma)),
                }
            }
            if let (Fonts::Sized, Token::QuotedString(word)) = (fonts, &token) {
                fonts = Fonts::Names;
                name = vec![word.to_string()];
                continue;
            }
            match &token {
                Token::Comment(_) => self.out.push(' '),
                Token::UnquotedUrl(reference) => self.url(parser, reference),
                Token::QuotedString(text) if is_url || function == Some("image-set") => self.url(parser, text),
                Token::QuotedString(text) => {
                    let unprintable = text.chars().find(|char| !fonts::covers(*char));
                    if let Some(char) = unprintable {
                        self.fault(parser, crate::markup::unprintable(char));
                    }
                    self.out.push_str(&token.to_css_string());
                }
                Token::AtKeyword(word)
                    if word.eq_ignore_ascii_case("import") || word.eq_ignore_ascii_case("font-face") =>
                {
                    let message = "Style sheets and fonts are not fetched when a letter is rendered. Write the style sheet into \
                                   the HTML, and use the fonts that are there.";
                    self.fault(parser, Fault::new("html.reference", message));
                }
                Token::AtKeyword(word) => {
                    margin_box = margin_box_defaults(word);
                    self.out.push_str(text);
                }
                Token::Ident(word) => {
                    property = word.to_ascii_lowercase();
                    const SIZES: [&str; 9] =
                        ["xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "larger", "smaller"];
                    match fonts {
                        Fonts::Before if SIZES.contains(&property.as_str()) => fonts = Fonts::Sized,
                        Fonts::Height => fonts = Fonts::Names,
                        Fonts::Sized => {
                            fonts = Fonts::Names;
                            name = vec![word.to_string()];
                            continue;
                        }
                        _ => {}
                    }
                    self.out.push_str(text);
                }
                Token::Colon => {
                    fonts = match (fonts, property.as_str()) {
                        (Fonts::No, "font-family") => Fonts::Names,
                        (Fonts::No, "font") => Fonts::Before,
                        (fonts, _) => fonts,
                    };
                    self.out.push(':');
                }
                Token::Semicolon => {
                    fonts = Fonts::No;
                    property.clear();
                    self.out.push(';');
                }
                Token::Delim('/') if fonts == Fonts::Sized => {
                    fonts = Fonts::Height;
                    self.out.push('/');
                }
                Token::Delim('!') => {
                    fonts = Fonts::No;
                    self.out.push('!');
                }
                Token::Dimension { .. } | Token::Percentage { .. } | Token::Number { .. } => {
                    fonts = match fonts {
                        Fonts::Before if !matches!(token, Token::Number { .. }) => Fonts::Sized,
                        Fonts::Height => Fonts::Names,
                        fonts => fonts,
                    };
                    self.out.push_str(text);
                }
                Token::Function(_) | Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {
                    let function = match &token {
                        Token::Function(name) => Some(name.to_ascii_lowercase()),
                        _ => None,
                    };
                    // What a reference becomes has a function of its own.
                    let rewritten = function.as_deref().is_some_and(|name| ["url", "src"].contains(&name));
                    if !rewritten {
                        self.out.push_str(text);
                    }
                    if let (Token::CurlyBracketBlock, Some(defaults)) = (&token, margin_box.take()) {
                        self.out.push_str(defaults);
                    }
                    if depth < DEPTH {
                        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<'_, ()>> {
                            self.block(parser, depth + 1, function.as_deref());
                            Ok(())
                        });
                    } else {
                        self.fault(
                            parser,
                            Fault::new("html.depth", "Blocks of the style sheet are nested too deeply."),
                        );
                    }
                    match token {
                        Token::CurlyBracketBlock => {
                            property.clear();
                            fonts = Fonts::No;
                            self.out.push('}');
                        }
                        Token::SquareBracketBlock => self.out.push(']'),
                        _ if !rewritten => self.out.push(')'),
                        _ => {}
                    }
                }
                // What cannot be read, or closes nothing, means nothing.
                Token::BadUrl(_) | Token::BadString(_) => {}
                Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket => {}
                _ => self.out.push_str(text),
            }
        }
        self.name_family(&mut name, true);
    }

    /// Writes the family that was named, and behind the last the one that always is there.
    fn name_family(&mut self, name: &mut Vec<String>, last: bool) {
        if name.is_empty() {
            return;
        }
        let named = std::mem::take(name).join(" ");
        const KEYWORDS: [&str; 5] = ["inherit", "initial", "unset", "revert", "revert-layer"];
        if KEYWORDS.contains(&named.to_ascii_lowercase().as_str()) {
            self.out.push_str(&named);
            return;
        }
        let family = fonts::family(&named);
        Token::QuotedString(family.unwrap_or(&named).into()).to_css(&mut self.out).unwrap_or_default();
        if last && family.is_none() {
            self.out.push_str(&format!(",\"{}\"", fonts::SANS));
        }
    }

    fn url(&mut self, parser: &Parser<'_, '_>, reference: &str) {
        // A part of the same document, as in clip-path: url(#shape).
        if reference.starts_with('#') {
            Token::UnquotedUrl(reference.into()).to_css(&mut self.out).unwrap_or_default();
            return;
        }
        match self.images.find(reference) {
            Ok(image) => self.out.push_str(&format!("url(\"{}\")", image.name)),
            Err(fault) => self.fault(parser, fault),
        }
    }
}
