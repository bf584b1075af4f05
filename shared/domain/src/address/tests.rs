//! Tests of whole addresses: what is accepted, what is refused and where, and what is printed.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn domestic<'a>() -> RawAddress<'a> {
    RawAddress {
        name1: Some("John Doe"),
        name2: Some("C/O Jane Smith"),
        address1: Some("123 Main Street"),
        address2: Some("Suite 200"),
        city: Some("New Orleans"),
        state: Some("LA"),
        postal_code: Some("70112-1234"),
        country: Some("US"),
    }
}

fn foreign<'a>(country: &'a str) -> RawAddress<'a> {
    RawAddress { name1: Some("Jan Smit"), address1: Some("Damrak 1"), country: Some(country), ..RawAddress::default() }
}

/// Faults as field and rule.
type Found = Vec<(String, &'static str)>;

/// Parsed as the third letter of a request.
fn parse(raw: &RawAddress<'_>) -> Result<(Address, Vec<AddressWarning>), Found> {
    let mut faults = Faults::default();
    let letters = Pointer::Root.key("letters");
    let parsed = Address::parse(raw, &letters.index(2), &mut faults);
    assert_eq!(parsed.is_some(), faults.is_empty(), "an address or faults, never both");
    let found = |fault: &crate::fault::Fault| {
        (fault.pointer.strip_prefix("/letters/2/").expect("at a field of the letter").to_owned(), fault.rule)
    };
    parsed.ok_or_else(|| faults.listed().iter().map(found).collect())
}

fn faults(raw: &RawAddress<'_>) -> Found {
    parse(raw).err().unwrap_or_default()
}

fn good(raw: &RawAddress<'_>) -> Address {
    parse(raw).unwrap_or_else(|faults| panic!("{faults:?}")).0
}

fn at(key: &str, rule: &'static str) -> Found {
    vec![(key.to_owned(), rule)]
}

fn warnings(raw: &RawAddress<'_>) -> Vec<AddressWarning> {
    parse(raw).unwrap_or_else(|faults| panic!("{faults:?}")).1
}

#[test]
fn the_address_of_the_contract_is_read_and_printed() {
    let raw = domestic();
    let address = good(&raw);
    assert_eq!(
        address.lines(),
        ["John Doe", "C/O Jane Smith", "123 Main Street", "Suite 200", "New Orleans LA 70112-1234"]
    );
    assert_eq!((address.routing(), address.sort_key(), address.country()), ("701121234", "701121234", "US"));
    assert!(address.is_domestic() && !address.is_military());
    assert_eq!(warnings(&raw), []);
}

#[test]
fn lines_that_are_absent_or_blank_leave_no_gap() {
    for blank in [None, Some(""), Some(" \t ")] {
        let address = good(&RawAddress { name2: blank, address2: blank, postal_code: Some("70112"), ..domestic() });
        assert_eq!(address.lines(), ["John Doe", "123 Main Street", "New Orleans LA 70112"]);
        assert_eq!((address.name2(), address.address2(), address.routing()), (None, None, "70112"));
    }
}

#[test]
fn everything_missing_is_reported_at_once_in_the_order_of_the_fields() {
    let us = RawAddress { country: Some("US"), ..RawAddress::default() };
    let keys: Vec<_> = faults(&us).into_iter().map(|(key, rule)| format!("{key} {rule}")).collect();
    assert_eq!(keys, ["name1 required", "address1 required", "city required", "state required", "postalCode required"]);
    let keys: Vec<_> = faults(&RawAddress::default()).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["name1", "address1", "country"]);
}

#[test]
fn a_blank_field_counts_as_missing() {
    assert_eq!(faults(&RawAddress { name1: Some("  "), ..domestic() }), at("name1", "required"));
    assert_eq!(faults(&RawAddress { address1: Some("\u{a0}"), ..domestic() }), at("address1", "required"));
    assert_eq!(faults(&RawAddress { country: Some(""), ..domestic() }), at("country", "required"));
}

#[test]
fn white_space_is_cleaned_in_every_field() {
    let address = good(&RawAddress {
        name1: Some(" John \u{a0} Doe\n"),
        city: Some("New   Orleans "),
        state: Some(" la "),
        postal_code: Some(" 70112 "),
        country: Some(" us "),
        ..domestic()
    });
    assert_eq!(address.name1(), "John Doe");
    assert_eq!(address.lines().last().unwrap(), "New Orleans LA 70112");
}

#[test]
fn control_characters_and_overlong_fields_are_faults_in_every_field() {
    let long = "x".repeat(Address::FIELD_MOST + 1);
    for (bad, rule) in [("a\nb", "characters.control"), (&*long, "too_long")] {
        let bad = Some(bad);
        for (key, raw) in [
            ("name1", RawAddress { name1: bad, ..domestic() }),
            ("name2", RawAddress { name2: bad, ..domestic() }),
            ("address1", RawAddress { address1: bad, ..domestic() }),
            ("address2", RawAddress { address2: bad, ..domestic() }),
            ("city", RawAddress { city: bad, ..domestic() }),
            ("state", RawAddress { state: bad, ..domestic() }),
            ("postalCode", RawAddress { postal_code: bad, ..domestic() }),
            ("country", RawAddress { country: bad, ..domestic() }),
            ("city", RawAddress { city: bad, ..foreign("NL") }),
            ("state", RawAddress { state: bad, ..foreign("NL") }),
            ("postalCode", RawAddress { postal_code: bad, ..foreign("NL") }),
        ] {
            assert_eq!(faults(&raw), at(key, rule), "{key}");
        }
    }
    let full = "x".repeat(Address::FIELD_MOST);
    assert!(parse(&RawAddress { name1: Some(&full), ..domestic() }).is_ok());
}

#[test]
fn an_unknown_country_is_one_fault_and_hides_no_fault_that_does_not_depend_on_it() {
    assert_eq!(faults(&foreign("Atlantis")), at("country", "country.unknown"));
    let raw = RawAddress { name1: None, city: Some("a\0b"), ..foreign("Atlantis") };
    assert_eq!(
        faults(&raw),
        [at("name1", "required"), at("city", "characters.control"), at("country", "country.unknown")].concat()
    );
}

#[test]
fn the_united_states_may_be_written_in_many_ways() {
    for country in ["us", "USA", "U.S.", "U.S.A.", "United States", "united states of america", "The United States"] {
        assert_eq!(good(&RawAddress { country: Some(country), ..domestic() }).country(), "US", "{country}");
    }
}

#[test]
fn a_state_may_be_a_code_or_a_name_and_is_printed_as_its_code() {
    for state in ["LA", "la", "Louisiana", "LOUISIANA"] {
        assert_eq!(good(&RawAddress { state: Some(state), ..domestic() }).state(), Some("LA"), "{state}");
    }
    assert_eq!(faults(&RawAddress { state: Some("XX"), ..domestic() }), at("state", "state.unknown"));
    assert_eq!(faults(&RawAddress { state: Some("Ontario"), ..domestic() }), at("state", "state.unknown"));
}

#[test]
fn a_zip_code_must_have_its_form_and_an_assigned_prefix() {
    for postal_code in ["70112-1234", "701121234"] {
        let address = good(&RawAddress { postal_code: Some(postal_code), ..domestic() });
        assert_eq!((address.postal_code(), address.routing()), (Some("70112-1234"), "701121234"));
    }
    for postal_code in ["7011", "K1A 0B1", "70112-12", "70112 1234"] {
        let raw = RawAddress { postal_code: Some(postal_code), ..domestic() };
        assert_eq!(faults(&raw), at("postalCode", "postal_code.format"), "{postal_code}");
    }
    for postal_code in ["00000", "34567-1234", "000001234"] {
        let raw = RawAddress { postal_code: Some(postal_code), ..domestic() };
        assert_eq!(faults(&raw), at("postalCode", "postal_code.unassigned"), "{postal_code}");
    }
}

#[test]
fn a_prefix_of_another_state_is_a_warning_and_a_shared_prefix_is_not() {
    let elsewhere = RawAddress { state: Some("TX"), ..domestic() };
    assert_eq!(warnings(&elsewhere), [AddressWarning::PrefixOfAnotherState]);
    for state in ["CT", "NY"] {
        assert_eq!(warnings(&RawAddress { state: Some(state), postal_code: Some("06390"), ..domestic() }), []);
    }
}

#[test]
fn an_add_on_of_zeros_is_left_out_with_a_warning() {
    for postal_code in ["70112-0000", "701120000"] {
        let raw = RawAddress { postal_code: Some(postal_code), ..domestic() };
        assert_eq!(warnings(&raw), [AddressWarning::PlusFourOfZeros]);
        assert_eq!(good(&raw).routing(), "70112");
    }
}

#[test]
fn military_mail_goes_to_a_post_office_and_not_to_a_place() {
    let military = RawAddress {
        address1: Some("PSC 1234 Box 12345"),
        address2: None,
        city: Some("apo"),
        state: Some("AE"),
        postal_code: Some("09204-1234"),
        ..domestic()
    };
    assert_eq!(good(&military).lines().last().unwrap(), "APO AE 09204-1234");
    assert!(good(&military).is_military());
    assert_eq!(warnings(&military), []);
    for city in ["Ramstein", "APO Ramstein", "AP"] {
        assert_eq!(faults(&RawAddress { city: Some(city), ..military }), at("city", "military.city"), "{city}");
    }
    for (city, state, postal_code) in [("FPO", "AP", "96349"), ("DPO", "AA", "34002")] {
        let raw = RawAddress { city: Some(city), state: Some(state), postal_code: Some(postal_code), ..military };
        assert_eq!(warnings(&raw), []);
    }
}

#[test]
fn military_mail_without_unit_and_box_is_a_warning() {
    let at_line = |address1, address2| {
        let (city, state, postal_code) = (Some("APO"), Some("AE"), Some("09204"));
        warnings(&RawAddress { address1: Some(address1), address2, city, state, postal_code, ..domestic() })
    };
    for line in ["UNIT 2050 BOX 4190", "cmr 1250 box 12A", "Psc 802  Box 74"] {
        assert_eq!(at_line(line, None), [], "{line}");
        assert_eq!(at_line("USS Something", Some(line)), [], "{line}");
    }
    for line in ["123 Main Street", "UNIT 2050", "BOX 4190", "PSC BOX 74", "UNIT 2050 BOX", "BOX 4190 UNIT 2050"] {
        assert_eq!(at_line(line, None), [AddressWarning::NoMilitaryBox], "{line}");
    }
    assert_eq!(warnings(&RawAddress { address1: Some("UNIT 2050"), ..domestic() }), [], "only military mail");
}

#[test]
fn a_military_address_shows_all_its_faults() {
    let raw = RawAddress { city: Some("Ramstein"), state: Some("AE"), postal_code: Some("1"), ..domestic() };
    assert_eq!(faults(&raw), [at("postalCode", "postal_code.format"), at("city", "military.city")].concat());
}

#[test]
fn a_territory_given_as_country_is_domestic_and_is_its_own_state() {
    for (country, postal_code) in [
        ("PR", "00901"),
        ("GU", "96910"),
        ("VI", "00802"),
        ("AS", "96799"),
        ("MP", "96950"),
        ("FM", "96941"),
        ("MH", "96960"),
        ("PW", "96940"),
    ] {
        for state in [None, Some(""), Some(country)] {
            let raw = RawAddress { country: Some(country), state, postal_code: Some(postal_code), ..domestic() };
            let address = good(&raw);
            assert_eq!((address.country(), address.state()), ("US", Some(country)), "{country}");
            assert_eq!(warnings(&raw), [], "{country}");
            assert_eq!(*address.lines().last().unwrap(), format!("New Orleans {country} {postal_code}"));
        }
    }
    let raw = RawAddress { country: Some("Puerto Rico"), state: Some("puerto rico"), ..domestic() };
    assert_eq!(good(&raw).state(), Some("PR"));
}

#[test]
fn a_territory_with_another_state_is_a_fault() {
    let raw = RawAddress { country: Some("PR"), state: Some("LA"), ..domestic() };
    assert_eq!(faults(&raw), at("state", "state.other_country"));
    let raw = RawAddress { country: Some("PR"), state: Some("San Juan"), ..domestic() };
    assert_eq!(faults(&raw), at("state", "state.unknown"));
}

#[test]
fn the_minor_outlying_islands_are_domestic_but_no_state_is_assumed() {
    let raw = RawAddress { country: Some("UM"), state: None, postal_code: Some("96898"), ..domestic() };
    assert_eq!(faults(&raw), at("state", "required"));
    assert_eq!(good(&RawAddress { state: Some("HI"), ..raw }).country(), "US");
}

#[test]
fn abroad_only_a_name_a_line_and_a_country_are_required() {
    for blank in [None, Some(""), Some("  ")] {
        let raw = RawAddress { city: blank, state: blank, postal_code: blank, ..foreign("nld") };
        let address = good(&raw);
        assert_eq!(address.lines(), ["Jan Smit", "Damrak 1", "NETHERLANDS"]);
        assert_eq!((address.city(), address.state(), address.postal_code()), (None, None, None));
        assert_eq!((address.routing(), address.sort_key(), address.country()), ("", "NL", "NL"));
        assert!(!address.is_domestic() && !address.is_military());
    }
}

#[test]
fn the_town_line_abroad_follows_the_country_and_the_country_comes_last() {
    let place = |country, city, state, postal_code| {
        let lines = good(&RawAddress { city, state, postal_code, ..foreign(country) }).lines();
        lines[2..].to_vec()
    };
    assert_eq!(place("Canada", Some("Ottawa"), Some("ON"), Some("K1A 0B1")), ["Ottawa ON K1A 0B1", "CANADA"]);
    assert_eq!(place("UK", Some("London"), None, Some("W1P 6HQ")), ["London W1P 6HQ", "UNITED KINGDOM"]);
    assert_eq!(place("France", Some("St Paul"), None, Some("06570")), ["06570 St Paul", "FRANCE"]);
    assert_eq!(place("IT", Some("Roma"), Some("RM"), Some("00144")), ["00144 Roma RM", "ITALY"]);
    assert_eq!(place("HK", None, Some("Kowloon"), None), ["Kowloon", "HONG KONG"]);
}

#[test]
fn domestic_rules_do_not_reach_abroad() {
    let raw = RawAddress { city: Some("Yerevan"), state: Some("AE"), postal_code: Some("00000"), ..foreign("AM") };
    let address = good(&raw);
    assert_eq!((address.state(), address.postal_code()), (Some("AE"), Some("00000")));
}

#[test]
fn domestic_mail_sorts_by_zip_code_and_in_front_of_foreign_mail() {
    let zip = |postal_code| good(&RawAddress { postal_code: Some(postal_code), ..domestic() });
    let letters = [zip("00501"), zip("70112"), zip("70112-0001"), zip("70113"), zip("99950"), good(&foreign("AD"))];
    assert!(letters.is_sorted_by(|one, next| one.sort_key() < next.sort_key()));
}

#[test]
fn debug_shows_nothing_of_the_person() {
    let raw = domestic();
    assert_eq!(format!("{:?}", good(&raw)), r#"Address { country: "US", .. }"#);
    assert_eq!(format!("{raw:?}"), "RawAddress { .. }");
}

#[test]
fn it_is_stored_as_the_fields_of_the_contract_normalized_and_without_those_absent() {
    let raw = RawAddress { state: Some("Louisiana"), postal_code: Some("701121234"), name2: None, ..domestic() };
    let expected = json!({
        "name1": "John Doe",
        "address1": "123 Main Street",
        "address2": "Suite 200",
        "city": "New Orleans",
        "state": "LA",
        "postalCode": "70112-1234",
        "country": "US",
    });
    assert_eq!(serde_json::to_value(good(&raw)).unwrap(), expected);
    let expected = json!({ "name1": "Jan Smit", "address1": "Damrak 1", "country": "NL" });
    assert_eq!(serde_json::to_value(good(&foreign("Holland"))).unwrap(), expected);
}

#[test]
fn a_stored_address_is_read_even_if_a_rule_has_become_stricter() {
    let unassigned = json!({
        "name1": "John Doe", "address1": "1 Main St", "city": "Nowhere", "state": "LA",
        "postalCode": "00000-1234", "country": "US", "later": "a field of a later version",
    });
    let address: Address = serde_json::from_value(unassigned).unwrap();
    assert_eq!(address.lines(), ["John Doe", "1 Main St", "Nowhere LA 00000-1234"]);
}

#[test]
fn a_stored_address_without_a_possible_place_is_refused_without_repeating_it() {
    let whole = serde_json::to_value(good(&domestic())).unwrap();
    for key in ["name1", "address1", "city", "state", "postalCode", "country"] {
        let mut stored = whole.clone();
        stored.as_object_mut().unwrap().remove(key);
        assert!(serde_json::from_value::<Address>(stored).is_err(), "without {key}");
    }
    for key in ["state", "postalCode", "country"] {
        let mut stored = whole.clone();
        stored[key] = json!("SECRET");
        let error = serde_json::from_value::<Address>(stored).unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn warnings_are_stored_by_their_codes() {
    for warning in
        [AddressWarning::PrefixOfAnotherState, AddressWarning::PlusFourOfZeros, AddressWarning::NoMilitaryBox]
    {
        assert_eq!(serde_json::to_value(warning).unwrap(), json!(warning.code()));
        assert_eq!(serde_json::from_value::<AddressWarning>(json!(warning.code())).unwrap(), warning);
        assert!(warning.message().ends_with('.'));
    }
}

prop_compose! {
    /// A field that is sometimes fine, sometimes blank, and sometimes anything at all.
    fn field()(text in prop_oneof![
        Just(None),
        any::<String>().prop_map(Some),
        "[ -~]{0,12}".prop_map(Some),
        "[0-9]{5}(-[0-9]{4})?".prop_map(Some),
        prop::sample::select(vec!["US", "USA", "la", "Texas", "AE", "APO", "70112", "NL", "PR", "Canada", " "])
            .prop_map(|text| Some(text.to_owned())),
    ]) -> Option<String> { text }
}

fn raw(fields: &[Option<String>]) -> RawAddress<'_> {
    let field = |index: usize| fields[index].as_deref();
    RawAddress {
        name1: field(0),
        name2: field(1),
        address1: field(2),
        address2: field(3),
        city: field(4),
        state: field(5),
        postal_code: field(6),
        country: field(7),
    }
}

/// The accessors of an address as a client could send them.
fn again(address: &Address) -> RawAddress<'_> {
    RawAddress {
        name1: Some(address.name1()),
        name2: address.name2(),
        address1: Some(address.address1()),
        address2: address.address2(),
        city: address.city(),
        state: address.state(),
        postal_code: address.postal_code(),
        country: Some(address.country()),
    }
}

proptest! {
    #[test]
    fn whatever_comes_gives_an_address_that_parses_to_itself_or_faults(
        fields in prop::collection::vec(field(), 8),
        country in prop::sample::select(vec!["US", "NL", "PR", ""]),
    ) {
        let mut fields = fields;
        if !country.is_empty() {
            fields[7] = Some(country.to_owned());
        }
        // `parse` itself asserts that there is an address exactly if there is no fault.
        if let Ok((address, _)) = parse(&raw(&fields)) {
            prop_assert_eq!(&good(&again(&address)), &address);
            let stored = serde_json::to_string(&address).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Address>(&stored).unwrap(), &address);
            for line in address.lines() {
                prop_assert!(!line.is_empty() && line.trim() == line && !line.contains("  "));
                prop_assert!(!line.chars().any(char::is_control));
            }
            prop_assert!(matches!(address.routing().len(), 0 | 5 | 9));
            prop_assert_eq!(address.routing().is_empty(), !address.is_domestic());
        }
    }

    #[test]
    fn no_fault_repeats_what_the_client_gave(token in "[QXZ]{5,9}", digits in "000[0-9]{2}", long: bool) {
        let token = if long { token.repeat(20) } else { token };
        let everything = |country| RawAddress {
            name1: Some("Zoë\u{7}Quux"),
            name2: Some("Quux\u{2028}Zoë"),
            address1: Some("\u{202e}Quux"),
            address2: Some(&token),
            city: Some(&token),
            state: Some(&token),
            postal_code: if long { Some(&token) } else { Some(&digits) },
            country: Some(country),
        };
        for country in ["US", "NL", &token] {
            let mut faults = Faults::default();
            Address::parse(&everything(country), &Pointer::Root, &mut faults);
            prop_assert!(faults.total() >= 3);
            for fault in faults.listed() {
                for secret in [&*token, &*digits, "Quux", "Zoë"] {
                    prop_assert!(!fault.message.contains(secret) && !fault.pointer.contains(secret));
                }
            }
        }
    }

    #[test]
    fn a_domestic_address_ends_in_city_state_and_zip(
        city in "[A-Za-z]{1,20}( [A-Za-z]{1,20})?",
        state in prop::sample::select(State::all().filter(|state| !state.is_military()).collect::<Vec<_>>()),
        five in "[0-9]{5}",
        four in prop::option::of("[0-9]{3}[1-9]"),
    ) {
        let postal_code = four.map_or(five.clone(), |four| format!("{five}-{four}"));
        let raw = RawAddress {
            city: Some(&city),
            state: Some(state.name()),
            postal_code: Some(&postal_code),
            ..domestic()
        };
        match parse(&raw) {
            Ok((address, warnings)) => {
                let last = format!("{city} {} {postal_code}", state.code());
                let lines = address.lines();
                prop_assert_eq!(lines.last(), Some(&last));
                prop_assert_eq!(address.routing(), postal_code.replace('-', ""));
                let zip = Zip::parse(&postal_code).unwrap();
                prop_assert_eq!(warnings.is_empty(), zip.may_be_in(state));
            }
            Err(found) => prop_assert_eq!(found, at("postalCode", "postal_code.unassigned")),
        }
    }
}
