//! Countries: recognised however they are written, kept as ISO 3166-1 alpha-2, printed by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use super::countries::COUNTRIES;
use super::state::State;
use super::text::Folded;

/// A country or territory of ISO 3166-1, or Kosovo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(u8);

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Every spelling of every country, folded.
static BY_SPELLING: LazyLock<BTreeMap<Vec<u8>, Country>> = LazyLock::new(|| {
    let mut spellings = BTreeMap::new();
    for (country, entry) in (0_u8..).map(Country).zip(&COUNTRIES) {
        for spelling in [entry.code, entry.alpha3, entry.name].iter().chain(entry.also) {
            if let Some(folded) = Folded::new(spelling) {
                spellings.insert(folded.letters().to_vec(), country);
            }
        }
    }
    spellings
});

/// Countries whose posts want the postal code in front of the town. Everywhere else it goes behind, as in Canada and
/// Great Britain. Source: the practice that the Universal Postal Union's addressing guides describe;
/// a country of which that is not certain is not listed.
#[rustfmt::skip]
const POSTAL_CODE_FIRST: [&str; 57] = [
    "AD", "AT", "AX", "BA", "BE", "BG", "BL", "CH", "CY", "CZ", "DE", "DK", "DZ", "EE", "ES", "FI", "FO", "FR", "GF",
    "GL", "GP", "GR", "HR", "IS", "IT", "LI", "LT", "LU", "MA", "MC", "ME", "MF", "MK", "MQ", "MX", "NC", "NL", "NO",
    "PF", "PL", "PM", "PT", "RE", "RO", "RS", "SE", "SI", "SJ", "SK", "SM", "SN", "TN", "TR", "VA", "WF", "XK", "YT",
];

impl Country {
    /// A name, an alpha-2 or an alpha-3 code, in any case, with or without accents and punctuation.
    pub fn parse(text: &str) -> Option<Country> {
        let folded = Folded::new(text)?;
        let letters = folded.letters();
        let found = BY_SPELLING.get(letters).or_else(|| BY_SPELLING.get(letters.strip_prefix(b"THE")?));
        found.copied()
    }

    /// The alpha-2 code.
    pub fn code(self) -> &'static str {
        COUNTRIES[usize::from(self.0)].code
    }

    /// The name in English capitals, as the last line of a foreign address has it (USPS Publication 28, Appendix A3).
    pub fn name(self) -> &'static str {
        COUNTRIES[usize::from(self.0)].name
    }

    /// Whether mail to it is domestic: the United States, its territories, and the freely associated states, which
    /// have ZIP Codes too (USPS Publication 28, Appendix B).
    pub fn is_domestic(self) -> bool {
        matches!(self.code(), "US" | "UM") || self.state().is_some()
    }

    /// The state that stands for a territory given as a country. The minor outlying islands have none of their own:
    /// their mail goes through the post offices of the state the client names.
    pub fn state(self) -> Option<State> {
        match self.code() {
            code @ ("AS" | "FM" | "GU" | "MH" | "MP" | "PR" | "PW" | "VI") => State::parse(code),
            _ => None,
        }
    }

    /// Whether the postal code is printed in front of the town.
    pub(super) fn has_postal_code_first(self) -> bool {
        POSTAL_CODE_FIRST.contains(&self.code())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        Country::parse(text).map(Country::code)
    }

    #[test]
    fn the_table_is_sorted_and_its_codes_are_well_formed() {
        assert!(COUNTRIES.is_sorted_by(|one, next| one.code < next.code));
        for entry in &COUNTRIES {
            assert!(entry.code.len() == 2 && entry.alpha3.len() == 3, "{}", entry.code);
            assert!(entry.code.bytes().chain(entry.alpha3.bytes()).all(|byte| byte.is_ascii_uppercase()));
            assert!(entry.name.is_ascii() && entry.name == entry.name.to_uppercase(), "{}", entry.name);
        }
    }

    #[test]
    fn no_spelling_belongs_to_two_countries() {
        let spellings: usize = COUNTRIES.iter().map(|entry| 3 + entry.also.len()).sum();
        assert_eq!(BY_SPELLING.len(), spellings, "every spelling folds, and to letters of its own");
    }

    #[test]
    fn every_spelling_finds_its_country_in_any_case() {
        for entry in &COUNTRIES {
            for spelling in [entry.code, entry.alpha3, entry.name].iter().chain(entry.also) {
                for text in [(*spelling).to_owned(), spelling.to_lowercase(), spelling.to_uppercase()] {
                    assert_eq!(code(&text), Some(entry.code), "{text}");
                }
            }
        }
    }

    #[test]
    fn common_ways_to_write_a_country_are_known() {
        for (text, expected) in [
            ("USA", "US"),
            ("U.S.", "US"),
            ("U. S. A.", "US"),
            ("united states of america", "US"),
            ("The United States", "US"),
            ("UK", "GB"),
            ("u.k.", "GB"),
            ("Great Britain", "GB"),
            ("England", "GB"),
            ("Côte d'Ivoire", "CI"),
            ("México", "MX"),
            ("Deutschland", "DE"),
            ("Österreich", "AT"),
            ("The Netherlands", "NL"),
            ("St. Lucia", "LC"),
            ("Trinidad & Tobago", "TT"),
            ("Curaçao", "CW"),
            ("Réunion", "RE"),
            ("Åland", "AX"),
            ("Viet Nam", "VN"),
            ("Korea (South)", "KR"),
            ("Türkiye", "TR"),
            ("Guinea-Bissau", "GW"),
            ("Holland", "NL"),
            ("Czech Republic", "CZ"),
            ("Kosovo", "XK"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_one_country_is_unknown() {
        for text in ["", ".", "the", "XX", "ZZZ", "Korea", "Europe", "Atlantis", "US1", "1", "Louisiana"] {
            assert_eq!(code(text), None, "{text:?}");
        }
    }

    #[test]
    fn territories_with_zip_codes_are_domestic_and_have_their_state() {
        for entry in &COUNTRIES {
            let country = Country::parse(entry.code).unwrap();
            let territory = ["AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI"].contains(&entry.code);
            assert_eq!(country.state().map(State::code), territory.then_some(entry.code), "{}", entry.code);
            assert_eq!(country.is_domestic(), territory || ["US", "UM"].contains(&entry.code), "{}", entry.code);
        }
    }

    #[test]
    fn the_order_of_the_town_line_is_known_for_listed_countries_only() {
        for code in POSTAL_CODE_FIRST {
            assert!(Country::parse(code).is_some_and(|country| country.code() == code), "{code}");
        }
        assert!(Country::parse("FR").unwrap().has_postal_code_first());
        assert!(!Country::parse("GB").unwrap().has_postal_code_first());
        assert!(!Country::parse("CA").unwrap().has_postal_code_first());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Country::parse(&text);
        }
    }
}
