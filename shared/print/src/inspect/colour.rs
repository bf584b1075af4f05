//! Whether a colour is one: colour spaces as far as black and grey can be told from the rest (ISO 32000-2 8.6).

use lopdf::{Document, Object};

use crate::document;

/// How deep colour spaces are followed into each other. Indexed over ICC-based is two.
const MAX_DEPTH: u32 = 8;

/// How far components may differ for a grey, of 1.
const TOLERANCE: f64 = 0.02;

/// How far from the axis of greys a colour may be in L*a*b*.
const LAB_TOLERANCE: f64 = 2.0;

/// A colour space by how its components make grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// All is grey.
    Gray,
    Rgb,
    Cmyk,
    Lab,
    /// Inks that are not all black: nothing of them is white.
    Inks,
    /// What cannot be told without looking.
    Other,
    Pattern,
}

impl Space {
    /// A colour space by its name, if it needs no resources.
    pub(super) fn by_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"DeviceGray" | b"G" | b"CalGray" => Self::Gray,
            b"DeviceRGB" | b"RGB" | b"CalRGB" => Self::Rgb,
            b"DeviceCMYK" | b"CMYK" => Self::Cmyk,
            b"Pattern" => Self::Pattern,
            _ => return None,
        })
    }

    pub(super) fn of(document: &Document, object: &Object) -> Self {
        Self::at_depth(document, object, 0)
    }

    fn at_depth(document: &Document, object: &Object, depth: u32) -> Self {
        if depth > MAX_DEPTH {
            return Self::Other;
        }
        let items = match document::resolve(document, object) {
            Object::Name(name) => return Self::by_name(name).unwrap_or(Self::Other),
            Object::Array(items) => items,
            _ => return Self::Other,
        };
        let item = |at: usize| items.get(at).map(|item| document::resolve(document, item));
        let name = |object: &Object| object.as_name().is_ok_and(|name| matches!(name, b"Black" | b"None"));
        match item(0).and_then(|family| family.as_name().ok()) {
            Some(b"Lab") => Self::Lab,
            Some(b"ICCBased") => {
                let profile = item(1).and_then(document::dictionary_of);
                match profile.and_then(|profile| document::lookup(document, profile, b"N")).map(Object::as_i64) {
                    Some(Ok(1)) => Self::Gray,
                    Some(Ok(3)) => Self::Rgb,
                    Some(Ok(4)) => Self::Cmyk,
                    _ => Self::Other,
                }
            }
            Some(b"Indexed" | b"I") => match items.get(1).map(|base| Self::at_depth(document, base, depth + 1)) {
                Some(Self::Gray) => Self::Gray,
                _ => Self::Other,
            },
            Some(b"Separation") if item(1).is_some_and(name) => Self::Gray,
            Some(b"DeviceN") => match item(1) {
                Some(Object::Array(inks)) if inks.iter().all(|ink| name(document::resolve(document, ink))) => {
                    Self::Gray
                }
                _ => Self::Inks,
            },
            Some(b"Separation") => Self::Inks,
            Some(family) => Self::by_name(family).unwrap_or(Self::Other),
            None => Self::Other,
        }
    }

    /// Whether a colour of these components is neither black, grey nor white.
    pub(super) fn is_coloured(self, components: &[f64]) -> bool {
        let spread = |components: &[f64]| {
            let (low, high) =
                components.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
            high - low > TOLERANCE
        };
        match self {
            Self::Gray => false,
            Self::Rgb => spread(components),
            Self::Cmyk => spread(&components[..components.len().min(3)]),
            Self::Lab => components.iter().skip(1).any(|value| value.abs() > LAB_TOLERANCE),
            Self::Inks => components.iter().any(|value| *value > TOLERANCE),
            Self::Other | Self::Pattern => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use lopdf::Stream;
    use lopdf::dictionary;

    use super::*;

    #[test]
    fn grey_is_no_colour_in_any_space() {
        let grey: [(Space, &[f64]); 7] = [
            (Space::Gray, &[0.5]),
            (Space::Rgb, &[0.2, 0.2, 0.21]),
            (Space::Cmyk, &[0.0, 0.0, 0.0, 1.0]),
            (Space::Cmyk, &[0.6, 0.6, 0.6, 1.0]),
            (Space::Lab, &[50.0, 0.0, -1.0]),
            (Space::Inks, &[0.0, 0.0]),
            (Space::Rgb, &[]),
        ];
        for (space, components) in grey {
            assert!(!space.is_coloured(components), "{space:?}");
        }
        assert!(Space::Rgb.is_coloured(&[0.0, 0.0, 0.4]) && Space::Cmyk.is_coloured(&[0.1, 0.0, 0.0, 0.0]));
        assert!(Space::Lab.is_coloured(&[50.0, 20.0, 0.0]) && Space::Inks.is_coloured(&[1.0]));
    }

    #[test]
    fn a_space_is_known_by_what_it_is_built_on() {
        let mut document = Document::with_version("1.7");
        let profile = document.add_object(Stream::new(dictionary! { "N" => 1 }, Vec::new()));
        let gray: Object = vec!["ICCBased".into(), profile.into()].into();
        let of = |object: &Object| Space::of(&document, object);
        assert_eq!(of(&gray), Space::Gray);
        assert_eq!(of(&vec!["Indexed".into(), gray, 1.into(), Object::string_literal("ab")].into()), Space::Gray);
        assert_eq!(of(&vec!["Separation".into(), "Black".into(), "DeviceCMYK".into()].into()), Space::Gray);
        assert_eq!(of(&vec!["Separation".into(), "Spot".into(), "DeviceCMYK".into()].into()), Space::Inks);
        assert_eq!(of(&vec!["DeviceN".into(), vec!["Black".into(), "Gold".into()].into()].into()), Space::Inks);
        assert_eq!(of(&vec!["CalRGB".into()].into()), Space::Rgb);
        assert_eq!(of(&Object::Null), Space::Other);
    }

    #[test]
    fn a_space_that_is_built_on_itself_ends() {
        let mut document = Document::with_version("1.7");
        let id = document.new_object_id();
        document.objects.insert(id, vec!["Indexed".into(), id.into()].into());
        assert_eq!(Space::of(&document, &id.into()), Space::Other);
    }
}
