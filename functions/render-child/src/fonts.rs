//! The fonts that are shipped, and which of them a client's font names mean.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use fulgur::AssetBundle;

macro_rules! faces {
    ($($name:literal),* $(,)?) => { [$(include_bytes!(concat!("../fonts/Mailhouse", $name, ".ttf"))),*] };
}

const FACES: [&[u8]; 12] = faces![
    "Sans-Regular",
    "Sans-Bold",
    "Sans-Italic",
    "Sans-BoldItalic",
    "Serif-Regular",
    "Serif-Bold",
    "Serif-Italic",
    "Serif-BoldItalic",
    "Mono-Regular",
    "Mono-Bold",
    "Mono-Italic",
    "Mono-BoldItalic",
];

/// What stands before the entries of lists, in the font that the layout asks for by its name.
const BULLETS: &[u8] = include_bytes!("../fonts/MailhouseBullets.ttf");

pub(crate) const SANS: &str = "Mailhouse Sans";
pub(crate) const SERIF: &str = "Mailhouse Serif";
pub(crate) const MONO: &str = "Mailhouse Mono";

/// All faces, loaded once: who renders copies the list, not the fonts.
pub(crate) static BUNDLE: LazyLock<AssetBundle> = LazyLock::new(|| {
    let mut bundle = AssetBundle::new();
    for face in FACES.into_iter().chain([BULLETS]) {
        // They are ours, and a test renders with each.
        let _ = bundle.add_font_bytes(face.to_vec());
    }
    bundle
});

/// The characters that every face has.
static COVERED: LazyLock<BTreeSet<char>> = LazyLock::new(|| {
    let mut all: Option<BTreeSet<char>> = None;
    for face in FACES {
        let Ok(face) = ttf_parser::Face::parse(face, 0) else { return BTreeSet::new() };
        let mut chars = BTreeSet::new();
        for table in face.tables().cmap.iter().flat_map(|cmap| cmap.subtables).filter(|table| table.is_unicode()) {
            table.codepoints(|code| chars.extend(char::from_u32(code)));
        }
        all = Some(all.map_or(chars.clone(), |all| all.intersection(&chars).copied().collect()));
    }
    all.unwrap_or_default()
});

/// Whether a character can be printed, or has nothing to print.
pub(crate) fn covers(char: char) -> bool {
    let invisible = matches!(char, '\t' | '\n' | '\r' | '\u{c}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}');
    char.is_ascii_graphic() || char == ' ' || invisible || COVERED.contains(&char)
}

/// The shipped family that a client's name for one means, if it means one.
pub(crate) fn family(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "sans-serif" | "arial" | "helvetica" | "helvetica neue" | "liberation sans" | "arimo" | "verdana"
        | "tahoma" | "calibri" | "carlito" | "segoe ui" | "roboto" | "open sans" | "noto sans" | "lato" | "inter"
        | "trebuchet ms" | "system-ui" | "ui-sans-serif" | "-apple-system" | "blinkmacsystemfont" | "cursive"
        | "fantasy" | "mailhouse sans" => SANS,
        "serif" | "times" | "times new roman" | "liberation serif" | "tinos" | "georgia" | "garamond" | "cambria"
        | "palatino" | "palatino linotype" | "book antiqua" | "noto serif" | "ui-serif" | "mailhouse serif" => SERIF,
        "monospace" | "courier" | "courier new" | "liberation mono" | "cousine" | "consolas" | "menlo" | "monaco"
        | "lucida console" | "noto sans mono" | "ui-monospace" | "mailhouse mono" => MONO,
        _ => return None,
    })
}
