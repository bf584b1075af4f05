//! Who sends a single and who gets it: a person, an organization, or a person at one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::text::{self, Unfit};
use crate::address::{Address, AddressWarning, RawAddress};
use crate::fault::{Faults, Pointer};

/// A person as a client gave one.
#[derive(Clone, Copy, Default)]
pub struct RawIndividual<'a> {
    /// The name as it is to be written. It wins over the components.
    pub full_name: Option<&'a str>,
    /// Such as `Dr.`.
    pub prefix: Option<&'a str>,
    /// The first name.
    pub first_name: Option<&'a str>,
    /// The middle name.
    pub middle_name: Option<&'a str>,
    /// The last name.
    pub last_name: Option<&'a str>,
    /// Such as `Jr.`.
    pub suffix: Option<&'a str>,
}

/// A party as a client gave one. The names in its address are not looked at.
#[derive(Clone, Copy, Default)]
pub struct RawParty<'a> {
    /// The person.
    pub individual: Option<RawIndividual<'a>>,
    /// The organization.
    pub organization: Option<&'a str>,
    /// The address. Without a country it is in the United States.
    pub address: RawAddress<'a>,
}

/// A person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Individual {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    full_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    middle_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suffix: Option<String>,
}

impl Individual {
    /// The name as it is written on the piece: the full name, else the components in the order in which they are spoken.
    pub fn name(&self) -> String {
        if let Some(name) = &self.full_name {
            return name.clone();
        }
        let components = [&self.prefix, &self.first_name, &self.middle_name, &self.last_name, &self.suffix];
        components.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Who sends or gets a piece. The address block has the name of the person first, then that of the organization.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual: Option<Individual>,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Names and address as they are printed.
    pub address: Address,
}

impl fmt::Debug for Individual {
    /// Nothing of the person, so that no log can hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Individual").finish_non_exhaustive()
    }
}

impl fmt::Debug for Party {
    /// As [`Individual`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The cleaned text of a name, `None` if it is blank; or a fault.
fn name(raw: Option<&str>, at: &Pointer<'_>, faults: &mut Faults) -> Option<String> {
    match text::clean(raw.unwrap_or_default(), Address::FIELD_MOST) {
        Ok(text) => Some(text.into_owned()).filter(|text| !text.is_empty()),
        Err(Unfit::TooLong) => {
            faults.push(at, "too_long", "This name has more than 100 characters: shorten it.");
            None
        }
        Err(Unfit::Control) => {
            let message = "This name contains a line break, a tab or another invisible control character: remove it.";
            faults.push(at, "characters.control", message);
            None
        }
    }
}

impl Individual {
    fn parse(raw: &RawIndividual<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<Individual> {
        let before = faults.total();
        let mut part = |key: &str, value| name(value, &at.key(key), faults);
        let individual = Individual {
            full_name: part("fullName", raw.full_name),
            prefix: part("prefix", raw.prefix),
            first_name: part("firstName", raw.first_name),
            middle_name: part("middleName", raw.middle_name),
            last_name: part("lastName", raw.last_name),
            suffix: part("suffix", raw.suffix),
        };
        if faults.total() > before {
            return None;
        }
        if individual.full_name.is_none() {
            for (key, given) in [("firstName", &individual.first_name), ("lastName", &individual.last_name)] {
                if given.is_none() {
                    faults.push(&at.key(key), "required", "Give fullName, or firstName and lastName.");
                }
            }
        }
        if individual.name().chars().count() > Address::FIELD_MOST {
            faults.push(at, "too_long", "The name has more than 100 characters in all: shorten it.");
        }
        (faults.total() == before).then_some(individual)
    }
}

impl Party {
    /// Judges all fields at once: every fault is pushed at its place under `at`. `None` if anything was pushed.
    pub fn parse(raw: &RawParty<'_>, at: &Pointer<'_>, faults: &mut Faults) -> Option<(Party, Vec<AddressWarning>)> {
        let before = faults.total();
        let here = at.key("individual");
        let individual = raw.individual.as_ref().and_then(|raw| Individual::parse(raw, &here, faults));
        let organization = name(raw.organization, &at.key("organization"), faults);
        if raw.individual.is_none() && organization.is_none() && faults.total() == before {
            faults.push(at, "party.unnamed", "Give individual, organization or both.");
        }
        let person = individual.as_ref().map(Individual::name);
        let first = person.as_deref().or(organization.as_deref());
        let second = organization.as_deref().filter(|_| person.is_some());
        let address = RawAddress {
            // Without a name its faults are known; the address has to be judged all the same.
            name1: first.or(Some("-")),
            name2: second,
            country: raw.address.country.filter(|country| !country.trim().is_empty()).or(Some("US")),
            ..raw.address
        };
        let (address, warnings) = Address::parse(&address, &at.key("address"), faults)?;
        (faults.total() == before).then_some((Party { individual, organization, address }, warnings))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> RawAddress<'static> {
        RawAddress {
            address1: Some("1300 Perdido St"),
            city: Some("New Orleans"),
            state: Some("LA"),
            postal_code: Some("70112"),
            ..RawAddress::default()
        }
    }

    fn parse(raw: &RawParty<'_>) -> Result<Vec<String>, Vec<(String, &'static str)>> {
        let mut faults = Faults::default();
        let root = Pointer::Root;
        let parsed = Party::parse(raw, &root.key("recipient"), &mut faults);
        assert_eq!(parsed.is_some(), faults.is_empty());
        let listed = || faults.listed().iter().map(|fault| (fault.pointer.clone(), fault.rule)).collect();
        parsed.map(|(party, _)| party.address.lines()).ok_or_else(listed)
    }

    fn person<'a>(first: Option<&'a str>, last: Option<&'a str>, full: Option<&'a str>) -> RawIndividual<'a> {
        RawIndividual { full_name: full, first_name: first, last_name: last, ..RawIndividual::default() }
    }

    #[test]
    fn a_full_name_wins_over_the_components() {
        let individual = Some(person(Some("Jane"), Some("Doe"), Some("Ms. J. Doe")));
        let lines = parse(&RawParty { individual, organization: None, address: address() }).unwrap();
        assert_eq!(lines, ["Ms. J. Doe", "1300 Perdido St", "New Orleans LA 70112"]);
    }

    #[test]
    fn components_are_written_in_their_order_and_the_organization_below() {
        let individual = Some(RawIndividual {
            prefix: Some("Dr."),
            middle_name: Some("Q."),
            suffix: Some("Jr."),
            ..person(Some("Jane"), Some("Doe"), None)
        });
        let lines = parse(&RawParty { individual, organization: Some(" Acme  Inc. "), address: address() }).unwrap();
        assert_eq!(lines[..2], ["Dr. Jane Q. Doe Jr.", "Acme Inc."]);
        let lines = parse(&RawParty { individual: None, organization: Some("Acme"), address: address() }).unwrap();
        assert_eq!(lines[..2], ["Acme", "1300 Perdido St"]);
    }

    #[test]
    fn a_party_needs_a_name_and_a_person_a_full_name_or_a_first_and_a_last() {
        let faults =
            |individual, organization| parse(&RawParty { individual, organization, address: address() }).unwrap_err();
        assert_eq!(faults(None, None), [("/recipient".to_owned(), "party.unnamed")]);
        assert_eq!(faults(None, Some("  ")), [("/recipient".to_owned(), "party.unnamed")]);
        let last = ("/recipient/individual/lastName".to_owned(), "required");
        assert_eq!(faults(Some(person(Some("Jane"), None, None)), Some("Acme")), std::slice::from_ref(&last));
        let first = ("/recipient/individual/firstName".to_owned(), "required");
        assert_eq!(faults(Some(person(None, None, None)), None), [first, last]);
    }

    #[test]
    fn every_fault_of_names_and_address_is_said_at_its_place() {
        let long = "x".repeat(101);
        let individual = Some(person(Some("J\u{202E}ane"), Some(&long), None));
        let address = RawAddress { state: Some("ZZ"), address1: None, ..address() };
        assert_eq!(
            parse(&RawParty { individual, organization: None, address }).unwrap_err(),
            [
                ("/recipient/individual/firstName".to_owned(), "characters.control"),
                ("/recipient/individual/lastName".to_owned(), "too_long"),
                ("/recipient/address/address1".to_owned(), "required"),
                ("/recipient/address/state".to_owned(), "state.unknown"),
            ]
        );
        let (first, last) = ("x".repeat(60), "y".repeat(60));
        let individual = Some(person(Some(&first), Some(&last), None));
        let faults = parse(&RawParty { individual, organization: None, address: self::address() }).unwrap_err();
        assert_eq!(faults, [("/recipient/individual".to_owned(), "too_long")]);
    }

    proptest! {
        #[test]
        fn whatever_the_names_the_block_has_them_cleaned_or_there_is_a_fault(
            first in "\\PC{0,120}", last in "\\PC{0,120}", full in prop::option::of("\\PC{0,120}"), organization in prop::option::of("\\PC{0,120}"),
        ) {
            let individual = Some(person(Some(&first), Some(&last), full.as_deref()));
            let raw = RawParty { individual, organization: organization.as_deref(), address: address() };
            if let Ok(lines) = parse(&raw) {
                prop_assert!((3..=5).contains(&lines.len()));
                for line in &lines {
                    prop_assert!(!line.trim().is_empty() && line.chars().count() <= 100);
                    prop_assert!(!line.contains("  ") && !line.chars().any(char::is_control));
                }
            }
        }
    }
}
