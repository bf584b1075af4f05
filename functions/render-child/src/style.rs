//! Style sheets: what they refer to is looked up, font names become those of the fonts that are shipped, and what would be fetched
//! is refused.

use cssparser::{ParseError, Parser, ParserInput, SourcePosition, ToCss, Token};
use render::Fault;

use crate::fonts;
use crate::honoured::{self, Wrapper};
use crate::images::Images;

/// How deep blocks may be nested. A rule in a few nested rules with a few nested functions is far below.
const DEPTH: u32 = 32;

/// A style sheet, or the declarations of an element.
pub(crate) struct Style {
    /// As the layout gets it.
    pub(crate) css: String,
    /// The selectors of what keeps its blanks; that of an element's own declarations is empty.
    pub(crate) keeping: Vec<String>,
}

/// Reads a style sheet, or the declarations of an element. Faults are of the line that the sheet starts on, and how many lines
/// further they are.
pub(crate) fn read(css: &str, first_line: u64, images: &mut Images<'_>, faults: &mut Vec<Fault>) -> Style {
    let mut input = ParserInput::new(css);
    let mut parser = Parser::new(&mut input);
    let out = String::with_capacity(css.len());
    let mut sheet = Sheet {
        images,
        faults,
        first_line,
        out,
        font_left_out: false,
        selector: String::new(),
        judged: true,
        conditional: false,
        media: false,
        keeping: Vec::new(),
    };
    sheet.block(&mut parser, 0, None, Fonts::No);
    Style { css: sheet.out, keeping: sheet.keeping }
}

struct Sheet<'s, 'i> {
    images: &'s mut Images<'i>,
    faults: &'s mut Vec<Fault>,
    first_line: u64,
    out: String,
    /// A font was said to be that of the parent, in the rule that is being read.
    font_left_out: bool,
    /// What the block that is being read is for; nothing in the declarations of an element.
    selector: String,
    /// Whether what is read are declarations that count on paper.
    judged: bool,
    /// What is read counts under a condition that is known only when it is laid out. What is about pages and counters is not known then.
    conditional: bool,
    /// What is read says what media follows.
    media: bool,
    /// The selectors of what keeps its blanks.
    keeping: Vec<String>,
}

/// Where in a declaration of fonts the reader is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Fonts {
    /// Not in one.
    #[default]
    No,
    /// In `font`, before the size.
    Before,
    /// In `font`, behind the size.
    Sized,
    /// In `font`, behind the slash that a line height follows.
    Height,
    /// Where families are named.
    Names,
    /// Where families may be named among other things: in a custom property that has `font` in its name, or in what stands
    /// for one.
    Perhaps,
}

/// What is known of the declaration that is being read.
#[derive(Default)]
struct Declaration {
    /// The last word, which is the property if a colon follows.
    word: String,
    property: String,
    /// Where its value begins.
    value: Option<SourcePosition>,
    fonts: Fonts,
    /// The words of a font's name that were read so far, and how they were written.
    name: Vec<String>,
    written: String,
    /// Its fonts are known only when it is laid out.
    filled_in: bool,
    /// It takes the font back to the one that the standard begins with, which is none of ours.
    reset: bool,
    important: bool,
}

/// What a declaration may say instead of a value.
const KEYWORDS: [&str; 5] = ["inherit", "initial", "unset", "revert", "revert-layer"];

/// A text of generated content so that the blanks at its ends are printed, which the layout would lose: as one that is kept, beside
/// a place where a line may break.
fn kept_blanks(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let before = if text.starts_with(' ') { "\u{200b}\u{a0}" } else { "" };
    let after = match text.ends_with(' ') {
        true if inner.is_empty() => "\u{200b}",
        true => "\u{a0}\u{200b}",
        false => "",
    };
    format!("{before}{inner}{after}")
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

    /// Copies what is left of a block. `function` is the one whose arguments they are, and `within` where in a declaration that
    /// stands.
    fn block(&mut self, parser: &mut Parser<'_, '_>, depth: u32, function: Option<&str>, within: Fonts) {
        let mut declaration = Declaration { fonts: within, ..Declaration::default() };
        let mut margin_box = None;
        // Where the rule begins that is being read, and where it is written.
        let (mut rule, mut written) = (parser.position(), self.out.len());
        let is_url = function.is_some_and(|function| ["url", "src"].contains(&function));
        loop {
            let start = parser.position();
            let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else { break };
            let text = parser.slice_from(start);
            if self.takes_name(parser, &mut declaration, &token, text) {
                continue;
            }
            match &token {
                Token::Comment(_) => self.out.push(' '),
                Token::UnquotedUrl(reference) => self.url(parser, reference),
                Token::QuotedString(text) if is_url || function == Some("image-set") => self.url(parser, text),
                Token::QuotedString(text) => {
                    self.printed(parser, text);
                    let generated = declaration.property == "content" && !self.selector.starts_with('@');
                    if generated || declaration.property.starts_with("--") {
                        Token::QuotedString(kept_blanks(text).into()).to_css(&mut self.out).unwrap_or_default();
                    } else {
                        self.out.push_str(&token.to_css_string());
                    }
                }
                Token::AtKeyword(word)
                    if word.eq_ignore_ascii_case("import") || word.eq_ignore_ascii_case("font-face") =>
                {
                    let message = "Style sheets and fonts are not fetched when a letter is rendered. Write the style sheet into \
                                   the HTML, and use the fonts that are there.";
                    self.fault(parser, Fault::new("html.reference", message));
                }
                Token::AtKeyword(word) => {
                    self.media = word.eq_ignore_ascii_case("media");
                    if let Some(message) = honoured::at_rule(word, self.conditional).filter(|_| self.judged) {
                        self.fault(parser, Fault::new("html.unsupported", message));
                    }
                    margin_box = margin_box_defaults(word);
                    self.out.push_str(text);
                }
                Token::Ident(word) => {
                    self.word(&mut declaration, word);
                    // The layout takes itself for a screen.
                    match declaration.word.as_str() {
                        "print" if self.media => self.out.push_str("screen"),
                        "screen" if self.media => self.out.push_str("print"),
                        _ => self.out.push_str(text),
                    }
                }
                Token::Colon => {
                    if declaration.property.is_empty() {
                        declaration.property.clone_from(&declaration.word);
                        declaration.value = Some(parser.position());
                    }
                    declaration.fonts = match (declaration.fonts, declaration.word.as_str()) {
                        (Fonts::No, "font-family") => Fonts::Names,
                        (Fonts::No, "font") => Fonts::Before,
                        (Fonts::No, word) if word.starts_with("--") && word.contains("font") => Fonts::Perhaps,
                        (fonts, _) => fonts,
                    };
                    self.out.push(':');
                }
                Token::Semicolon => {
                    self.end(parser, &mut declaration);
                    self.media = false;
                    self.out.push(';');
                    (rule, written) = (parser.position(), self.out.len());
                }
                Token::Delim('/') if declaration.fonts == Fonts::Sized => {
                    declaration.fonts = Fonts::Height;
                    self.out.push('/');
                }
                Token::Delim('!') => {
                    self.fall_back(&mut declaration);
                    declaration.fonts = Fonts::No;
                    declaration.important = true;
                    self.out.push('!');
                }
                Token::Dimension { .. } | Token::Percentage { .. } | Token::Number { .. } => {
                    declaration.fonts = match declaration.fonts {
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
                    if let Some(function) = &function {
                        self.calls(parser, &mut declaration, function);
                    }
                    let within = match declaration.fonts {
                        Fonts::Names | Fonts::Perhaps if function.is_some() => Fonts::Perhaps,
                        _ => Fonts::No,
                    };
                    // What a reference becomes has a function of its own.
                    let rewritten = function.as_deref().is_some_and(|name| ["url", "src"].contains(&name));
                    if !rewritten {
                        self.out.push_str(text);
                    }
                    if let (Token::CurlyBracketBlock, Some(defaults)) = (&token, margin_box.take()) {
                        self.out.push_str(defaults);
                    }
                    let outside = std::mem::take(&mut self.font_left_out);
                    let prelude = honoured::without_comments(parser.slice(rule..start));
                    let (judged, conditional) = (self.judged, self.conditional);
                    let (selector, media) = (self.selector.clone(), self.media);
                    let mut wrapper = Wrapper::Kept;
                    if token == Token::CurlyBracketBlock {
                        wrapper = honoured::wrapper(&prelude);
                        if matches!(wrapper, Wrapper::TakenOff | Wrapper::LeftOut) {
                            self.out.truncate(written);
                        }
                        self.conditional |= wrapper == Wrapper::Conditional;
                        if let Some(message) = honoured::selector(&prelude).filter(|_| judged) {
                            self.fault(parser, Fault::new("html.unsupported", message));
                        }
                        self.judged = judged && wrapper != Wrapper::LeftOut;
                        self.selector = prelude;
                        self.media = false;
                    } else {
                        self.judged = false;
                    }
                    if depth < DEPTH {
                        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<'_, ()>> {
                            self.block(parser, depth + 1, function.as_deref(), within);
                            Ok(())
                        });
                    } else {
                        self.fault(
                            parser,
                            Fault::new("html.depth", "Blocks of the style sheet are nested too deeply."),
                        );
                    }
                    (self.judged, self.conditional, self.selector) = (judged, conditional, selector);
                    self.media = media && token != Token::CurlyBracketBlock;
                    match token {
                        Token::CurlyBracketBlock => {
                            declaration = Declaration::default();
                            match wrapper {
                                Wrapper::Kept | Wrapper::Conditional => self.out.push('}'),
                                Wrapper::TakenOff => self.out.push(' '),
                                Wrapper::LeftOut => self.out.truncate(written),
                            }
                            if self.font_left_out && wrapper != Wrapper::LeftOut {
                                self.root_font(parser.slice(rule..start));
                            }
                            (rule, written) = (parser.position(), self.out.len());
                        }
                        Token::SquareBracketBlock => self.out.push(']'),
                        _ if !rewritten => self.out.push(')'),
                        _ => {}
                    }
                    self.font_left_out = outside;
                }
                // What cannot be read, or closes nothing, means nothing.
                Token::BadUrl(_) | Token::BadString(_) => {}
                Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket => {}
                _ => self.out.push_str(text),
            }
        }
        self.end(parser, &mut declaration);
    }

    /// Takes a token as part of a font's name, where fonts are named. Ends the name when it is none.
    fn takes_name(
        &mut self,
        parser: &Parser<'_, '_>,
        declaration: &mut Declaration,
        token: &Token<'_>,
        text: &str,
    ) -> bool {
        match (declaration.fonts, token) {
            (Fonts::Names, Token::WhiteSpace(_) | Token::Comment(_)) => {}
            (Fonts::Perhaps, Token::WhiteSpace(_) | Token::Comment(_)) if !declaration.name.is_empty() => {
                declaration.written.push(' ');
            }
            (Fonts::Names | Fonts::Perhaps, Token::Ident(word)) => {
                declaration.name.push(word.to_string());
                declaration.written.push_str(text);
            }
            // Behind the size in `font` a name may begin, unless it is of the size.
            (Fonts::Sized, Token::Ident(word)) => {
                declaration.fonts = Fonts::Names;
                declaration.name.push(word.to_string());
            }
            (Fonts::Names | Fonts::Sized, Token::QuotedString(word)) => {
                declaration.fonts = Fonts::Names;
                declaration.name = vec![word.to_string()];
            }
            (Fonts::Perhaps, Token::QuotedString(word)) => {
                self.name_family(declaration, false);
                // It may as well be what is printed.
                self.printed(parser, word);
                declaration.name.push(word.to_string());
                declaration.written.push_str(text);
                self.name_family(declaration, false);
            }
            (Fonts::Names | Fonts::Perhaps, other) => {
                self.name_family(declaration, !matches!(other, Token::Comma));
                return false;
            }
            _ => return false,
        }
        true
    }

    /// A word of a declaration that is no name of a font.
    fn word(&mut self, declaration: &mut Declaration, word: &str) {
        const SIZES: [&str; 9] =
            ["xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "larger", "smaller"];
        declaration.word = word.to_ascii_lowercase();
        if ["font", "all"].contains(&declaration.property.as_str()) && KEYWORDS.contains(&declaration.word.as_str()) {
            declaration.reset |= declaration.word == "initial";
            self.font_left_out = true;
        }
        match declaration.fonts {
            Fonts::Before if SIZES.contains(&declaration.word.as_str()) => declaration.fonts = Fonts::Sized,
            Fonts::Height => declaration.fonts = Fonts::Names,
            _ => {}
        }
    }

    /// A function in a declaration: where fonts are named, what it gives is known only when it is laid out.
    fn calls(&mut self, parser: &Parser<'_, '_>, declaration: &mut Declaration, function: &str) {
        match declaration.fonts {
            Fonts::Names => declaration.filled_in = true,
            Fonts::Sized => (declaration.fonts, declaration.filled_in) = (Fonts::Names, true),
            Fonts::Height => declaration.fonts = Fonts::Names,
            Fonts::Before if ["var", "env", "attr"].contains(&function) => {
                let message = format!(
                    "{function}() in font may hide a font that is not there. Use it in font-family and \
                                       font-size instead."
                );
                self.fault(parser, Fault::new("html.font", message));
            }
            // It gives the size.
            Fonts::Before => declaration.fonts = Fonts::Sized,
            Fonts::No | Fonts::Perhaps => {}
        }
    }

    /// A text that may be printed.
    fn printed(&mut self, parser: &Parser<'_, '_>, text: &str) {
        if let Some(char) = text.chars().find(|char| !fonts::covers(*char)) {
            self.fault(parser, crate::markup::unprintable(char));
        }
    }

    /// Ends a declaration.
    fn end(&mut self, parser: &Parser<'_, '_>, declaration: &mut Declaration) {
        if let Some(at) = declaration.value.filter(|_| self.judged) {
            let value = parser.slice_from(at).trim_end_matches(';');
            if let Some(message) = honoured::declaration(&self.selector, &declaration.property, value, self.conditional)
            {
                self.fault(parser, Fault::new("html.unsupported", message));
            }
            if matches!(declaration.property.as_str(), "white-space" | "white-space-collapse") {
                let value = value.to_ascii_lowercase();
                if value.contains("pre") || value.contains("break-spaces") {
                    self.keeping.push(self.selector.clone());
                }
            }
        }
        self.name_family(declaration, true);
        self.fall_back(declaration);
        if declaration.reset {
            let important = if declaration.important { "!important" } else { "" };
            self.out.push_str(&format!(";font-family:\"{}\"{important}", fonts::SANS));
        }
        *declaration = Declaration::default();
    }

    /// Writes the family that always is there behind those that nobody knows yet.
    fn fall_back(&mut self, declaration: &mut Declaration) {
        if std::mem::take(&mut declaration.filled_in) {
            self.out.push_str(&format!(",\"{}\"", fonts::SANS));
        }
    }

    /// Gives the root a font behind a rule that may have taken it: there it has no parent to take one from. Whatever comes
    /// later in the style sheet still counts.
    fn root_font(&mut self, selector: &str) {
        let selector = selector.to_ascii_lowercase();
        let root = if selector.contains(":root") { ":root" } else { "html" };
        if root == ":root" || selector.contains("html") || selector.contains('*') {
            self.out.push_str(&format!("{root}{{font-family:\"{}\"}}", fonts::SANS));
        }
    }

    /// Writes the family that was named, and behind the last the one that always is there.
    fn name_family(&mut self, declaration: &mut Declaration, last: bool) {
        if declaration.name.is_empty() {
            return;
        }
        let named = std::mem::take(&mut declaration.name).join(" ");
        let written = std::mem::take(&mut declaration.written);
        let family = fonts::family(&named);
        if declaration.fonts == Fonts::Perhaps {
            match family {
                Some(family) => {
                    Token::QuotedString(family.into()).to_css(&mut self.out).unwrap_or_default();
                    self.out.push_str(if written.ends_with(' ') { " " } else { "" });
                }
                None => self.out.push_str(&written),
            }
            return;
        }
        let family = match named.to_ascii_lowercase().as_str() {
            "initial" => Some(fonts::SANS),
            keyword if KEYWORDS.contains(&keyword) => {
                self.font_left_out = true;
                self.out.push_str(&named);
                return;
            }
            _ => family,
        };
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
