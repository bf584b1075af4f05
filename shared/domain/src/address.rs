//! Addresses: what a client gave, judged field by field, and the block of lines that is printed for it.
//!
//! Everything here can be decided without asking a postal service: form, required fields, known states and countries,
//! assigned ZIP prefixes. That a door exists behind an address is for a licensed provider to say.

mod countries;
mod country;
pub mod return_address;
mod state;
pub(crate) mod text;
mod zip;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::fault::{Faults, Pointer};

pub use self::country::Country;
pub use self::return_address::ReturnAddress;
pub use self::state::State;
pub use self::zip::{NotZip, Zip};

use self::text::Unfit;

/// What a client gave, as it stood on the wire. Borrowed, because a batch may bring 50,000 of them.
#[derive(Clone, Copy, Default)]
pub struct RawAddress<'a> {
    /// The addressee.
    pub name1: Option<&'a str>,
    /// Attention, care of.
    pub name2: Option<&'a str>,
    /// Street and number, or post office box.
    pub address1: Option<&'a str>,
    /// Apartment, unit, suite.
    pub address2: Option<&'a str>,
    /// City or town.
    pub city: Option<&'a str>,
    /// State, territory, province or region.
    pub state: Option<&'a str>,
    /// ZIP Code or foreign postal code.
    pub postal_code: Option<&'a str>,
    /// Name or ISO 3166-1 code.
    pub country: Option<&'a str>,
}

impl fmt::Debug for RawAddress<'_> {
    /// Nothing of the person, so that no log can hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAddress").finish_non_exhaustive()
    }
}

/// An address that mail can be addressed to.
///
/// It serializes as the fields of the wire contract, normalized, without those that are absent. What is deserialized
/// is trusted to have been parsed once: only what the type cannot do without is looked at again, so that a later,
/// stricter rule never makes an accepted letter unreadable. What a client sends goes through [`Address::parse`].
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    name1: String,
    name2: Option<String>,
    address1: String,
    address2: Option<String>,
    place: Place,
}

/// Where it goes: the two kinds differ in what they must have.
#[derive(Clone, PartialEq, Eq)]
enum Place {
    Domestic { city: String, state: State, zip: Zip },
    Foreign { city: Option<String>, region: Option<String>, postal_code: Option<String>, country: Country },
}

/// Something about an address that may be a mistake but does not keep it from being mailed. It is kept on the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressWarning {
    /// The prefix of the ZIP Code belongs to another state.
    #[serde(rename = "postal_code.other_state")]
    PrefixOfAnotherState,
    /// The four-digit add-on was `0000`, which stands for none, and was left out.
    #[serde(rename = "postal_code.plus4_zeros")]
    PlusFourOfZeros,
    /// Overseas military mail without its unit and box.
    #[serde(rename = "military.box")]
    NoMilitaryBox,
}

impl AddressWarning {
    /// The stable identifier.
    pub fn code(self) -> &'static str {
        match self {
            AddressWarning::PrefixOfAnotherState => "postal_code.other_state",
            AddressWarning::PlusFourOfZeros => "postal_code.plus4_zeros",
            AddressWarning::NoMilitaryBox => "military.box",
        }
    }

    /// What may be wrong and what to do, as a sentence without personal data.
    pub fn message(self) -> &'static str {
        match self {
            AddressWarning::PrefixOfAnotherState => {
                "The first three digits of the ZIP Code belong to another state: check the state and the ZIP Code."
            }
            AddressWarning::PlusFourOfZeros => {
                "The four-digit add-on 0000 is not in use and was left out: give the real add-on or only five digits."
            }
            AddressWarning::NoMilitaryBox => {
                "Military mail needs UNIT, CMR or PSC with its number and BOX with its number in one address line."
            }
        }
    }
}

/// A rule that a field can break.
struct Rule {
    id: &'static str,
    message: &'static str,
}

const REQUIRED: Rule = Rule { id: "required", message: "This field is required and must not be blank." };
const REQUIRED_DOMESTIC: Rule =
    Rule { id: "required", message: "An address in the United States needs a city, a state and a ZIP Code." };
const REQUIRED_COUNTRY: Rule =
    Rule { id: "required", message: "The country is required: give its name or its ISO 3166-1 code, such as US." };
const TOO_LONG: Rule = Rule { id: "too_long", message: "This field has more than 100 characters: shorten it." };
const CONTROL: Rule = Rule {
    id: "characters.control",
    message: "This field contains a line break, a tab or another invisible control character: remove it.",
};
const COUNTRY_UNKNOWN: Rule = Rule {
    id: "country.unknown",
    message: "This is not a known country: give its English name or its ISO 3166-1 code of two or three letters.",
};
const STATE_UNKNOWN: Rule = Rule {
    id: "state.unknown",
    message: "This is not a state, territory or military region of the United States: give its two-letter code.",
};
const STATE_OF_OTHER_COUNTRY: Rule = Rule {
    id: "state.other_country",
    message: "The country is a territory of the United States and the state is another one: leave the state out, or \
              give US as the country.",
};
const POSTAL_CODE_FORMAT: Rule = Rule {
    id: "postal_code.format",
    message: "A ZIP Code has five digits, or five and four with a hyphen between: check for a lost leading zero.",
};
const POSTAL_CODE_UNASSIGNED: Rule = Rule {
    id: "postal_code.unassigned",
    message: "No ZIP Code begins with these three digits: check for a mistyped digit.",
};
const MILITARY_CITY: Rule = Rule {
    id: "military.city",
    message: "With the state AA, AE or AP the city must be APO, FPO or DPO, without the name of a place.",
};

/// A field was refused, and the fault is noted.
struct Refused;

/// Reads fields and notes what is wrong with them.
struct Reader<'r, 'p> {
    at: &'r Pointer<'p>,
    faults: &'r mut Faults,
}

impl Reader<'_, '_> {
    fn refuse(&mut self, key: &str, rule: &Rule) -> Refused {
        self.faults.push(&self.at.key(key), rule.id, rule.message);
        Refused
    }

    /// A field that may be absent; a blank one is.
    fn optional<'a>(&mut self, key: &str, raw: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Refused> {
        read(raw).map_err(|rule| self.refuse(key, rule))
    }

    fn required<'a>(&mut self, key: &str, raw: Option<&'a str>, rule: &Rule) -> Result<Cow<'a, str>, Refused> {
        self.optional(key, raw)?.ok_or_else(|| self.refuse(key, rule))
    }

    /// City, state and ZIP Code; `territory` is the state that the country given already is.
    fn domestic(
        &mut self,
        raw: &RawAddress<'_>,
        territory: Option<State>,
        warnings: &mut Vec<AddressWarning>,
    ) -> Result<Place, Refused> {
        let city = self.required("city", raw.city, &REQUIRED_DOMESTIC);
        let state = self.state(raw.state, territory);
        let zip = self.zip(raw.postal_code, warnings);
        let (mut city, state) = (city?.into_owned(), state?);
        if state.is_military() {
            // USPS Publication 28 §225.1. With the name of a place it might be taken for mail to the host country.
            city.make_ascii_uppercase();
            if !matches!(city.as_str(), "APO" | "FPO" | "DPO") {
                return Err(self.refuse("city", &MILITARY_CITY));
            }
            if ![raw.address1, raw.address2].into_iter().flatten().any(has_military_box) {
                warnings.push(AddressWarning::NoMilitaryBox);
            }
        }
        let zip = zip?;
        if !zip.may_be_in(state) {
            warnings.push(AddressWarning::PrefixOfAnotherState);
        }
        Ok(Place::Domestic { city, state, zip })
    }

    fn state(&mut self, raw: Option<&str>, territory: Option<State>) -> Result<State, Refused> {
        let Some(text) = self.optional("state", raw)? else {
            return territory.ok_or_else(|| self.refuse("state", &REQUIRED_DOMESTIC));
        };
        let state = State::parse(&text).ok_or_else(|| self.refuse("state", &STATE_UNKNOWN))?;
        if territory.is_some_and(|territory| territory != state) {
            return Err(self.refuse("state", &STATE_OF_OTHER_COUNTRY));
        }
        Ok(state)
    }

    fn zip(&mut self, raw: Option<&str>, warnings: &mut Vec<AddressWarning>) -> Result<Zip, Refused> {
        let text = self.required("postalCode", raw, &REQUIRED_DOMESTIC)?;
        let zip = Zip::parse(&text).map_err(|fault| {
            let rule = match fault {
                NotZip::Format => &POSTAL_CODE_FORMAT,
                NotZip::Unassigned => &POSTAL_CODE_UNASSIGNED,
            };
            self.refuse("postalCode", rule)
        })?;
        if text.len() > zip.as_str().len() {
            warnings.push(AddressWarning::PlusFourOfZeros);
        }
        Ok(zip)
    }

    /// What a foreign address may have. USPS requires none of it, since not every country has it.
    fn foreign(&mut self, raw: &RawAddress<'_>, country: Country) -> Result<Place, Refused> {
        let city = self.optional("city", raw.city);
        let region = self.optional("state", raw.state);
        let postal_code = self.optional("postalCode", raw.postal_code);
        Ok(Place::Foreign {
            city: city?.map(Cow::into_owned),
            region: region?.map(Cow::into_owned),
            postal_code: postal_code?.map(Cow::into_owned),
            country,
        })
    }
}

/// The cleaned text of a field, None if it is blank.
fn read(raw: Option<&str>) -> Result<Option<Cow<'_, str>>, &'static Rule> {
    match text::clean(raw.unwrap_or_default(), Address::FIELD_MOST) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(Unfit::Control) => Err(&CONTROL),
        Err(Unfit::TooLong) => Err(&TOO_LONG),
    }
}

/// Whether a line has `UNIT`, `CMR` or `PSC` with a number and, behind it, `BOX` with one (USPS Domestic Mail Manual
/// 703.2.2.1).
fn has_military_box(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let mut has_number = |labels: &[&str]| {
        words.any(|word| labels.iter().any(|label| word.eq_ignore_ascii_case(label)))
            && words.next().is_some_and(|number| number.bytes().any(|byte| byte.is_ascii_digit()))
    };
    has_number(&["UNIT", "CMR", "PSC"]) && has_number(&["BOX"])
}

fn read_country(raw: Option<&str>) -> Result<Country, &'static Rule> {
    let text = read(raw)?.ok_or(&REQUIRED_COUNTRY)?;
    Country::parse(&text).ok_or(&COUNTRY_UNKNOWN)
}

impl Address {
    /// The most characters that a field may have. What fits an envelope is fewer and depends on the font: the print
    /// stage measures that. This one bounds memory.
    pub const FIELD_MOST: usize = 100;

    /// Judges all fields at once: every fault found is pushed, in the order of the fields, at its member of the object
    /// `at`. None if anything was pushed.
    pub fn parse(
        raw: &RawAddress<'_>,
        at: &Pointer<'_>,
        faults: &mut Faults,
    ) -> Option<(Address, Vec<AddressWarning>)> {
        let mut warnings = Vec::new();
        let mut reader = Reader { at, faults };
        let name1 = reader.required("name1", raw.name1, &REQUIRED);
        let name2 = reader.optional("name2", raw.name2);
        let address1 = reader.required("address1", raw.address1, &REQUIRED);
        let address2 = reader.optional("address2", raw.address2);
        let place = match read_country(raw.country) {
            Ok(country) if country.is_domestic() => reader.domestic(raw, country.state(), &mut warnings),
            Ok(country) => reader.foreign(raw, country),
            Err(rule) => {
                // Which fields are required depends on the country, but no country has control characters.
                for (key, value) in [("city", raw.city), ("state", raw.state), ("postalCode", raw.postal_code)] {
                    let _ = reader.optional(key, value);
                }
                Err(reader.refuse("country", rule))
            }
        };
        let address = Address {
            name1: name1.ok()?.into_owned(),
            name2: name2.ok()?.map(Cow::into_owned),
            address1: address1.ok()?.into_owned(),
            address2: address2.ok()?.map(Cow::into_owned),
            place: place.ok()?,
        };
        Some((address, warnings))
    }

    /// The address block, line by line, exactly as it is printed (USPS Publication 28 §211 and Appendix A3).
    ///
    /// Lines are in the client's own case, but for the country, which the postal service wants in capitals.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::with_capacity(6);
        lines.push(self.name1.clone());
        lines.extend(self.name2.clone());
        lines.push(self.address1.clone());
        lines.extend(self.address2.clone());
        match &self.place {
            Place::Domestic { city, state, zip } => {
                lines.push([city, state.code(), zip.as_str()].join(" "));
            }
            Place::Foreign { city, region, postal_code, country } => {
                let parts = match country.has_postal_code_first() {
                    true => [postal_code, city, region],
                    false => [city, region, postal_code],
                };
                let town = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
                lines.extend(Some(town).filter(|town| !town.is_empty()));
                lines.push(country.name().to_owned());
            }
        }
        lines
    }

    /// The routing code of the Intelligent Mail barcode as far as it is known: 5 or 9 digits, or none abroad.
    pub fn routing(&self) -> &str {
        match &self.place {
            Place::Domestic { zip, .. } => zip.digits(),
            Place::Foreign { .. } => "",
        }
    }

    /// What letters are ordered by in a mail job: by ZIP Code, then abroad by country.
    pub fn sort_key(&self) -> &str {
        match &self.place {
            Place::Domestic { zip, .. } => zip.digits(),
            // Letters sort behind digits.
            Place::Foreign { country, .. } => country.code(),
        }
    }

    /// Whether it is in the United States, its territories or the freely associated states.
    pub fn is_domestic(&self) -> bool {
        matches!(self.place, Place::Domestic { .. })
    }

    /// Whether it is overseas military or diplomatic mail.
    pub fn is_military(&self) -> bool {
        matches!(self.place, Place::Domestic { state, .. } if state.is_military())
    }

    /// The addressee.
    pub fn name1(&self) -> &str {
        &self.name1
    }

    /// Attention, care of.
    pub fn name2(&self) -> Option<&str> {
        self.name2.as_deref()
    }

    /// Street and number, or post office box.
    pub fn address1(&self) -> &str {
        &self.address1
    }

    /// Apartment, unit, suite.
    pub fn address2(&self) -> Option<&str> {
        self.address2.as_deref()
    }

    /// City or town; a domestic address always has one.
    pub fn city(&self) -> Option<&str> {
        match &self.place {
            Place::Domestic { city, .. } => Some(city),
            Place::Foreign { city, .. } => city.as_deref(),
        }
    }

    /// The two-letter code of the state; abroad the province or region as given.
    pub fn state(&self) -> Option<&str> {
        match &self.place {
            Place::Domestic { state, .. } => Some(state.code()),
            Place::Foreign { region, .. } => region.as_deref(),
        }
    }

    /// `12345` or `12345-6789`; abroad the postal code as given.
    pub fn postal_code(&self) -> Option<&str> {
        match &self.place {
            Place::Domestic { zip, .. } => Some(zip.as_str()),
            Place::Foreign { postal_code, .. } => postal_code.as_deref(),
        }
    }

    /// The alpha-2 code of the country; `US` for every domestic address, also one in a territory.
    pub fn country(&self) -> &'static str {
        match &self.place {
            Place::Domestic { .. } => "US",
            Place::Foreign { country, .. } => country.code(),
        }
    }
}

impl fmt::Debug for Address {
    /// Nothing of the person but the country, so that no log can hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("country", &self.country()).finish_non_exhaustive()
    }
}

/// An address as it is stored and sent: the fields of the wire contract.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    name1: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name2: Option<Cow<'a, str>>,
    address1: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address2: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postal_code: Option<Cow<'a, str>>,
    country: Cow<'a, str>,
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Fields {
            name1: self.name1().into(),
            name2: self.name2().map(Cow::Borrowed),
            address1: self.address1().into(),
            address2: self.address2().map(Cow::Borrowed),
            city: self.city().map(Cow::Borrowed),
            state: self.state().map(Cow::Borrowed),
            postal_code: self.postal_code().map(Cow::Borrowed),
            country: self.country().into(),
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        let place = fields.place().ok_or_else(|| de::Error::custom("a stored address has no place it could be in"))?;
        Ok(Address {
            name1: fields.name1.into_owned(),
            name2: fields.name2.map(Cow::into_owned),
            address1: fields.address1.into_owned(),
            address2: fields.address2.map(Cow::into_owned),
            place,
        })
    }
}

impl Fields<'_> {
    fn place(&self) -> Option<Place> {
        let country = Country::parse(&self.country)?;
        let owned = |field: &Option<Cow<'_, str>>| field.as_deref().map(str::to_owned);
        if !country.is_domestic() {
            let (city, region, postal_code) = (owned(&self.city), owned(&self.state), owned(&self.postal_code));
            return Some(Place::Foreign { city, region, postal_code, country });
        }
        Some(Place::Domestic {
            city: owned(&self.city)?,
            state: State::parse(self.state.as_deref()?)?,
            zip: Zip::of_form(self.postal_code.as_deref()?)?,
        })
    }
}

#[cfg(test)]
mod tests;
