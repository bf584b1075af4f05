//! The states, territories and military regions that have a United States address.

use std::fmt;

use super::text::Folded;

/// One of the 62 two-letter codes of USPS Publication 28, Appendix B.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct State(u8);

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Code and name, sorted by code. Source: USPS Publication 28, Appendix B (fifty states, the District of Columbia,
/// eight territories and freely associated states, three military regions).
const STATES: [(&str, &str); 62] = [
    ("AA", "Armed Forces Americas"),
    ("AE", "Armed Forces Europe"),
    ("AK", "Alaska"),
    ("AL", "Alabama"),
    ("AP", "Armed Forces Pacific"),
    ("AR", "Arkansas"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DC", "District of Columbia"),
    ("DE", "Delaware"),
    ("FL", "Florida"),
    ("FM", "Federated States of Micronesia"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("IA", "Iowa"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("MA", "Massachusetts"),
    ("MD", "Maryland"),
    ("ME", "Maine"),
    ("MH", "Marshall Islands"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MO", "Missouri"),
    ("MP", "Northern Mariana Islands"),
    ("MS", "Mississippi"),
    ("MT", "Montana"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("NE", "Nebraska"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NV", "Nevada"),
    ("NY", "New York"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("PW", "Palau"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VA", "Virginia"),
    ("VI", "Virgin Islands"),
    ("VT", "Vermont"),
    ("WA", "Washington"),
    ("WI", "Wisconsin"),
    ("WV", "West Virginia"),
    ("WY", "Wyoming"),
];

/// Other names in use for a code. `AE` covers four regions under one code.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("AA", "Armed Forces the Americas"),
    ("AE", "Armed Forces Africa"),
    ("AE", "Armed Forces Canada"),
    ("AE", "Armed Forces Middle East"),
    ("DC", "Washington DC"),
    ("FM", "Micronesia"),
    ("MP", "Commonwealth of the Northern Mariana Islands"),
    ("VI", "US Virgin Islands"),
    ("VI", "Virgin Islands of the United States"),
];

impl State {
    /// A code or a full name, in any case and with or without punctuation: `la`, `D.C.`, `New York`.
    pub fn parse(text: &str) -> Option<State> {
        let folded = Folded::new(text)?;
        let letters = folded.letters();
        if let [first, second] = *letters {
            return State::of_code([first, second]);
        }
        if letters.is_empty() {
            return None;
        }
        let named = |name: &str| is_name(letters, name);
        if let Some(index) = STATES.iter().position(|(_, name)| named(name)) {
            return u8::try_from(index).ok().map(State);
        }
        let (code, _) = OTHER_NAMES.iter().find(|(_, name)| named(name))?;
        State::parse(code)
    }

    /// The state with this upper-case code.
    pub(super) const fn of_code(code: [u8; 2]) -> Option<State> {
        let mut index = 0;
        while index < STATES.len() {
            let entry = STATES[index].0.as_bytes();
            if entry[0] == code[0] && entry[1] == code[1] {
                return Some(State(index as u8));
            }
            index += 1;
        }
        None
    }

    /// The two-letter code that is printed.
    pub fn code(self) -> &'static str {
        STATES[usize::from(self.0)].0
    }

    /// The name, in title case.
    pub fn name(self) -> &'static str {
        STATES[usize::from(self.0)].1
    }

    /// Whether this is a region of overseas military mail (USPS Publication 28 §225).
    pub fn is_military(self) -> bool {
        matches!(self.code(), "AA" | "AE" | "AP")
    }

    /// Every state, sorted by code.
    pub fn all() -> impl Iterator<Item = State> {
        (0_u8..).take(STATES.len()).map(State)
    }
}

/// Whether `letters` are those of `name`, which needs no folding beyond its case and its spaces.
fn is_name(letters: &[u8], name: &str) -> bool {
    letters.iter().copied().eq(name.bytes().filter(|&byte| byte != b' ').map(|byte| byte.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_sixty_two_codes_sorted_and_each_once() {
        let codes: Vec<_> = State::all().map(State::code).collect();
        assert_eq!(codes.len(), 62);
        assert!(codes.is_sorted_by(|one, next| one < next));
        assert_eq!(State::all().map(State::name).collect::<HashSet<_>>().len(), 62);
    }

    #[test]
    fn every_code_and_every_name_parses_in_any_case() {
        for state in State::all() {
            for spelling in [state.code(), state.name()] {
                for text in [spelling.to_owned(), spelling.to_lowercase(), spelling.to_uppercase()] {
                    assert_eq!(State::parse(&text), Some(state), "{text}");
                }
            }
        }
        for (code, name) in OTHER_NAMES {
            assert_eq!(State::parse(name).map(State::code), Some(code), "{name}");
        }
    }

    #[test]
    fn points_in_a_code_do_not_matter() {
        assert_eq!(State::parse("D.C.").map(State::code), Some("DC"));
        assert_eq!(State::parse("Washington, D.C.").map(State::code), Some("DC"));
        assert_eq!(State::parse("Washington").map(State::code), Some("WA"));
    }

    #[test]
    fn what_is_no_state_is_not_taken_for_one() {
        for text in ["", "  ", "XX", "ZZ", "L", "LAA", "Ontario", "New", "70112", "UM", "L1"] {
            assert_eq!(State::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_three_codes_are_military() {
        let military: Vec<_> = State::all().filter(|state| state.is_military()).map(State::code).collect();
        assert_eq!(military, ["AA", "AE", "AP"]);
    }
}
