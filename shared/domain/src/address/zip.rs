//! ZIP Codes: their form, which prefixes are assigned, and to which state each belongs.

use std::{fmt, str};

use super::state::State;

/// A five-digit ZIP Code, perhaps with its four-digit add-on (USPS Publication 28 §211).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zip {
    /// As printed: `70112` or `70112-1234`.
    text: [u8; 10],
    /// The digits alone: what the routing code of the barcode holds.
    digits: [u8; 9],
    has_plus4: bool,
}

/// Why a text is not a ZIP Code that mail can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotZip {
    /// It is not five digits, nor five and four.
    Format,
    /// No post office has a code with these first three digits.
    Unassigned,
}

/// Each run of assigned three-digit prefixes: first, last, state. 933 prefixes.
///
/// Source: derived from the 42,789 ZIP Codes of the public `zipcodes` 3.0.0 list; the authority to compare a new
/// version with is USPS Labeling List L002.
#[rustfmt::skip]
const RANGES: [(u16, u16, [u8; 2]); 98] = [
    (5, 5, *b"NY"), (6, 7, *b"PR"), (8, 8, *b"VI"), (9, 9, *b"PR"), (10, 27, *b"MA"), (28, 29, *b"RI"),
    (30, 38, *b"NH"), (39, 49, *b"ME"), (50, 54, *b"VT"), (55, 55, *b"MA"), (56, 59, *b"VT"), (60, 69, *b"CT"),
    (70, 89, *b"NJ"), (90, 99, *b"AE"), (100, 149, *b"NY"), (150, 196, *b"PA"), (197, 199, *b"DE"),
    (200, 200, *b"DC"), (201, 201, *b"VA"), (202, 205, *b"DC"), (206, 212, *b"MD"), (214, 219, *b"MD"),
    (220, 246, *b"VA"), (247, 268, *b"WV"), (270, 289, *b"NC"), (290, 299, *b"SC"), (300, 319, *b"GA"),
    (320, 339, *b"FL"), (340, 340, *b"AA"), (341, 342, *b"FL"), (344, 344, *b"FL"), (346, 347, *b"FL"),
    (349, 349, *b"FL"), (350, 352, *b"AL"), (354, 369, *b"AL"), (370, 385, *b"TN"), (386, 397, *b"MS"),
    (398, 399, *b"GA"), (400, 418, *b"KY"), (420, 427, *b"KY"), (430, 459, *b"OH"), (460, 479, *b"IN"),
    (480, 499, *b"MI"), (500, 516, *b"IA"), (520, 528, *b"IA"), (530, 532, *b"WI"), (534, 535, *b"WI"),
    (537, 549, *b"WI"), (550, 551, *b"MN"), (553, 567, *b"MN"), (569, 569, *b"DC"), (570, 577, *b"SD"),
    (580, 588, *b"ND"), (590, 599, *b"MT"), (600, 620, *b"IL"), (622, 629, *b"IL"), (630, 631, *b"MO"),
    (633, 641, *b"MO"), (644, 658, *b"MO"), (660, 662, *b"KS"), (664, 679, *b"KS"), (680, 681, *b"NE"),
    (683, 693, *b"NE"), (700, 701, *b"LA"), (703, 708, *b"LA"), (710, 714, *b"LA"), (716, 729, *b"AR"),
    (730, 731, *b"OK"), (733, 733, *b"TX"), (734, 741, *b"OK"), (743, 749, *b"OK"), (750, 770, *b"TX"),
    (772, 799, *b"TX"), (800, 816, *b"CO"), (820, 831, *b"WY"), (832, 838, *b"ID"), (840, 847, *b"UT"),
    (850, 853, *b"AZ"), (855, 857, *b"AZ"), (859, 860, *b"AZ"), (863, 865, *b"AZ"), (870, 871, *b"NM"),
    (873, 884, *b"NM"), (885, 885, *b"TX"), (888, 888, *b"DC"), (889, 891, *b"NV"), (893, 895, *b"NV"),
    (897, 898, *b"NV"), (900, 908, *b"CA"), (910, 928, *b"CA"), (930, 961, *b"CA"), (962, 966, *b"AP"),
    (967, 968, *b"HI"), (969, 969, *b"GU"), (970, 979, *b"OR"), (980, 986, *b"WA"), (988, 994, *b"WA"),
    (995, 999, *b"AK"),
];

/// Prefixes with post offices in more states than the one in [`RANGES`], for example 063: Connecticut, and Fishers
/// Island in New York.
const SHARED: [(u16, &[[u8; 2]]); 8] = [
    (63, &[*b"NY"]),
    (99, &[*b"NJ"]),
    (205, &[*b"MD", *b"VA"]),
    (726, &[*b"MO"]),
    (739, &[*b"TX"]),
    (834, &[*b"WY"]),
    (967, &[*b"AS"]),
    (969, &[*b"MP", *b"PW", *b"FM", *b"MH"]),
];

/// [`RANGES`] laid out by prefix, so that a look-up is one index.
static BY_PREFIX: [Option<State>; 1000] = by_prefix();

const fn by_prefix() -> [Option<State>; 1000] {
    let mut table = [None; 1000];
    let mut range = 0;
    while range < RANGES.len() {
        let (first, last, code) = RANGES[range];
        let mut prefix = first as usize;
        while prefix <= last as usize {
            table[prefix] = State::of_code(code);
            prefix += 1;
        }
        range += 1;
    }
    table
}

impl fmt::Debug for Zip {
    /// A ZIP+4 can be one house: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zip").finish_non_exhaustive()
    }
}

impl Zip {
    /// `70112`, `70112-1234` or `701121234`, with an assigned prefix.
    ///
    /// The add-on `0000` is what spreadsheets write where there is none; no delivery point has it, so it is left
    /// out: a barcode that carried it would route the piece to nowhere.
    pub fn parse(text: &str) -> Result<Zip, NotZip> {
        let zip = Zip::of_form(text).ok_or(NotZip::Format)?;
        zip.state().map(|_| zip).ok_or(NotZip::Unassigned)
    }

    /// The same without a look at the prefix: for what was accepted when the table may have been another.
    pub(super) fn of_form(text: &str) -> Option<Zip> {
        let (five, four): (&[u8], &[u8]) = match text.as_bytes() {
            five @ [_, _, _, _, _] => (five, &[]),
            [five @ .., b'-', a, b, c, d] if five.len() == 5 => (five, &[*a, *b, *c, *d]),
            nine if nine.len() == 9 => nine.split_at(5),
            _ => return None,
        };
        if !five.iter().chain(four).all(u8::is_ascii_digit) {
            return None;
        }
        let mut zip =
            Zip { text: *b"00000-0000", digits: *b"000000000", has_plus4: four != b"0000" && !four.is_empty() };
        zip.text[..5].copy_from_slice(five);
        zip.digits[..5].copy_from_slice(five);
        if zip.has_plus4 {
            zip.text[6..].copy_from_slice(four);
            zip.digits[5..].copy_from_slice(four);
        }
        Some(zip)
    }

    /// As printed: `70112` or `70112-1234`.
    pub fn as_str(&self) -> &str {
        // Always ASCII digits and a hyphen, so the empty default is never taken.
        str::from_utf8(if self.has_plus4 { &self.text } else { &self.text[..5] }).unwrap_or_default()
    }

    /// The five or nine digits.
    pub fn digits(&self) -> &str {
        str::from_utf8(if self.has_plus4 { &self.digits } else { &self.digits[..5] }).unwrap_or_default()
    }

    /// Whether the four-digit add-on is known.
    pub fn has_plus4(&self) -> bool {
        self.has_plus4
    }

    /// The first three digits as a number.
    fn prefix(&self) -> u16 {
        self.digits[..3].iter().fold(0, |prefix, digit| prefix * 10 + u16::from(digit - b'0'))
    }

    /// The state that most codes with this prefix belong to; none if the prefix is not assigned.
    pub fn state(&self) -> Option<State> {
        BY_PREFIX[usize::from(self.prefix())]
    }

    /// Whether codes with this prefix are found in `state`.
    pub fn may_be_in(&self, state: State) -> bool {
        self.state() == Some(state)
            || SHARED
                .iter()
                .filter(|(prefix, _)| *prefix == self.prefix())
                .any(|(_, others)| others.iter().any(|code| State::of_code(*code) == Some(state)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zip(text: &str) -> Zip {
        Zip::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    fn state(code: &str) -> State {
        State::parse(code).unwrap()
    }

    #[test]
    fn the_three_forms_are_read_and_printed_as_one() {
        assert_eq!((zip("70112").as_str(), zip("70112").digits()), ("70112", "70112"));
        for text in ["70112-1234", "701121234"] {
            assert_eq!((zip(text).as_str(), zip(text).digits()), ("70112-1234", "701121234"));
        }
    }

    #[test]
    fn an_add_on_of_zeros_is_left_out() {
        for text in ["70112-0000", "701120000"] {
            assert_eq!((zip(text).as_str(), zip(text).digits(), zip(text).has_plus4()), ("70112", "70112", false));
        }
        assert!(zip("70112-0001").has_plus4());
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "7011",
            "701122",
            "70112-",
            "70112-123",
            "70112-12345",
            "7011-21234",
            "7011-1234",
            "701122-1234",
            "70112 1234",
            "70112_1234",
            "-70112",
            "7O112",
            "٧٠١١٢",
            "7011é",
            "K1A 0B1",
            "701-121234",
            "70112--123",
        ] {
            assert_eq!(Zip::parse(text).err(), Some(NotZip::Format), "{text:?}");
        }
    }

    #[test]
    fn a_code_with_no_post_office_is_refused() {
        for text in ["00000", "00000-1234", "00499", "213001234", "34300", "98700"] {
            assert_eq!(Zip::parse(text).err(), Some(NotZip::Unassigned), "{text}");
        }
        assert!(Zip::parse("99999").is_ok());
    }

    #[test]
    fn exactly_the_listed_prefixes_are_assigned() {
        assert_eq!(BY_PREFIX.iter().flatten().count(), 933);
        assert!(RANGES.iter().all(|(first, last, _)| first <= last));
        assert!(RANGES.windows(2).all(|pair| pair[0].1 < pair[1].0), "sorted, no overlap");
        assert!(RANGES.iter().all(|(_, _, code)| State::of_code(*code).is_some()));
        for (prefix, others) in SHARED {
            assert!(BY_PREFIX[usize::from(prefix)].is_some());
            assert!(others.iter().all(|code| State::of_code(*code).is_some()));
        }
    }

    #[test]
    fn every_state_has_at_least_one_prefix() {
        for state in State::all() {
            let found =
                (0..1000).any(|prefix| Zip::of_form(&format!("{prefix:03}01")).is_some_and(|zip| zip.may_be_in(state)));
            assert!(found, "{}", state.code());
        }
    }

    #[test]
    fn well_known_codes_are_in_their_states() {
        for (text, code) in [
            ("70112", "LA"),
            ("10001", "NY"),
            ("00501", "NY"),
            ("00601", "PR"),
            ("00802", "VI"),
            ("02110", "MA"),
            ("20500", "DC"),
            ("22314", "VA"),
            ("30303", "GA"),
            ("34001", "AA"),
            ("09012", "AE"),
            ("96201", "AP"),
            ("73301", "TX"),
            ("88510", "TX"),
            ("90210", "CA"),
            ("96813", "HI"),
            ("96910", "GU"),
            ("99501", "AK"),
        ] {
            assert_eq!(zip(text).state().map(State::code), Some(code), "{text}");
        }
    }

    #[test]
    fn a_shared_prefix_is_in_each_of_its_states_and_no_other() {
        for (text, codes) in [
            ("06390", &["CT", "NY"][..]),
            ("20588", &["DC", "MD", "VA"]),
            ("72643", &["AR", "MO"]),
            ("73960", &["OK", "TX"]),
            ("83414", &["ID", "WY"]),
            ("96799", &["HI", "AS"]),
            ("96960", &["GU", "MP", "PW", "FM", "MH"]),
        ] {
            for state in State::all() {
                assert_eq!(zip(text).may_be_in(state), codes.contains(&state.code()), "{text} {}", state.code());
            }
        }
        assert!(!zip("70112").may_be_in(state("TX")));
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_code(five in "[0-9]{5}", four in "[0-9]{4}", hyphen: bool, long: bool) {
            let text = match (long, hyphen) {
                (false, _) => five,
                (true, true) => format!("{five}-{four}"),
                (true, false) => format!("{five}{four}"),
            };
            if let Ok(zip) = Zip::parse(&text) {
                prop_assert!(Zip::parse(zip.as_str()) == Ok(zip));
                prop_assert!(Zip::parse(zip.digits()) == Ok(zip));
                prop_assert!(text.replace('-', "").starts_with(zip.digits()));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Zip::parse(&text);
        }
    }
}
