//! The 22 digits that name a certified piece to the postal service (USPS Publication 199, Package Identification Code).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::batch::MailClass;
use crate::tracking_code::MailerId;

/// What a piece with an article number is mailed as. Each has its own service type code (USPS Publication 199, appendix I).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArticleService {
    /// Certified Mail.
    Certified,
    /// Certified Mail whose signed receipt comes back as a file.
    CertifiedElectronicReceipt,
}

impl ArticleService {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Certified, Self::CertifiedElectronicReceipt];

    /// The service type code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Certified => "071",
            Self::CertifiedElectronicReceipt => "148",
        }
    }

    /// What a piece of that class is mailed as, if it has an article number.
    pub fn of(mail_class: MailClass, electronic_return_receipt: bool) -> Option<Self> {
        match (mail_class, electronic_return_receipt) {
            (MailClass::FirstClass, _) => None,
            (MailClass::Certified, false) => Some(Self::Certified),
            (MailClass::Certified, true) => Some(Self::CertifiedElectronicReceipt),
        }
    }

    /// Whether a signed receipt comes back as a file, which the label says.
    pub fn has_electronic_receipt(self) -> bool {
        matches!(self, Self::CertifiedElectronicReceipt)
    }
}

/// Text that is no article number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArticleNumberError {
    /// Not 22 digits.
    #[error("an article number has 22 digits")]
    Digits,
    /// The channel or the Mailer ID after it is not one that mailers have.
    #[error("an article number starts with 92 and has a Mailer ID of nine digits, or with 93 and has one of six")]
    Channel,
    /// A service that is not sold here.
    #[error("the service type code of an article number must be 071 or 148")]
    Service,
    /// The last digit does not fit the others.
    #[error("the check digit of the article number does not fit; look for a digit that was misread")]
    CheckDigit,
}

/// The article number of one piece: channel (`92` with a Mailer ID of nine digits, `93` with one of six), service type code,
/// Mailer ID, serial number, check digit. Its digits always fit together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArticleNumber(String);

/// How long it is.
const DIGITS: usize = 22;
/// Where the service type code ends and the Mailer ID begins.
const MAILER: usize = 5;

impl ArticleNumber {
    /// The number of the piece with the `sequence`th serial number ever given out; serials start over when they run out.
    pub fn new(service: ArticleService, mailer: &MailerId, sequence: u64) -> Self {
        let mailer = mailer.as_str();
        let width = DIGITS - MAILER - mailer.len() - 1;
        let serial = sequence % serials(mailer);
        let body = format!("{}{}{mailer}{serial:0width$}", channel(mailer), service.code());
        let check = check_digit(&body);
        ArticleNumber(format!("{body}{check}"))
    }

    /// Reads an article number, with or without the blanks it is printed with.
    ///
    /// # Errors
    /// The first of the faults of [`ArticleNumberError`].
    pub fn parse(text: &str) -> Result<Self, ArticleNumberError> {
        let digits: String = text.chars().filter(|character| *character != ' ').collect();
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ArticleNumberError::Digits);
        }
        let (body, check) = digits.split_at(DIGITS - 1);
        let mailer = if digits.starts_with("92") { &digits[MAILER..MAILER + 9] } else { &digits[MAILER..MAILER + 6] };
        if MailerId::parse(mailer).is_err() || channel(mailer) != &digits[..2] {
            return Err(ArticleNumberError::Channel);
        }
        if !ArticleService::ALL.iter().any(|service| service.code() == &digits[2..MAILER]) {
            return Err(ArticleNumberError::Service);
        }
        if check_digit(body).to_string() != check {
            return Err(ArticleNumberError::CheckDigit);
        }
        Ok(ArticleNumber(digits))
    }

    /// How many article numbers a mailer has for each service before they start over.
    pub fn serials(mailer: &MailerId) -> u64 {
        serials(mailer.as_str())
    }

    /// What the piece is mailed as.
    pub fn service(&self) -> ArticleService {
        let code = &self.0[2..MAILER];
        let known = ArticleService::ALL.into_iter().find(|service| service.code() == code);
        // There is no value with another code.
        known.unwrap_or(ArticleService::Certified)
    }

    /// The digits of the Mailer ID.
    pub fn mailer(&self) -> &str {
        &self.0[MAILER..MAILER + if self.0.starts_with("92") { 9 } else { 6 }]
    }

    /// The serial number.
    pub fn serial(&self) -> u64 {
        // There is no value whose serial number is none.
        self.0[MAILER + self.mailer().len()..DIGITS - 1].parse().unwrap_or(0)
    }

    /// The 22 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The channel of a Mailer ID, by its length.
fn channel(mailer: &str) -> &'static str {
    if mailer.len() == 9 { "92" } else { "93" }
}

fn serials(mailer: &str) -> u64 {
    10u64.pow((DIGITS - MAILER - 1 - mailer.len()) as u32)
}

/// The digit that makes the sum a multiple of ten when the digits count three times and once by turns, three times the last.
fn check_digit(body: &str) -> u32 {
    let weighted = body.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    (10 - sum % 10) % 10
}

impl fmt::Display for ArticleNumber {
    /// The digits in groups of four, as they are printed below the bars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.0.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ArticleNumber {
    type Error = ArticleNumberError;
    fn try_from(text: String) -> Result<Self, ArticleNumberError> {
        Self::parse(&text)
    }
}

impl From<ArticleNumber> for String {
    fn from(number: ArticleNumber) -> String {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mailer(text: &str) -> MailerId {
        MailerId::parse(text).unwrap()
    }

    fn numbers() -> impl Strategy<Value = ArticleNumber> {
        let mailers = prop_oneof!["[0-8][0-9]{5}", "9[0-9]{8}"];
        let services = prop::sample::select(&ArticleService::ALL[..]);
        (services, mailers, any::<u64>())
            .prop_map(|(service, id, sequence)| ArticleNumber::new(service, &mailer(&id), sequence))
    }

    /// The text with the digits at two places exchanged.
    fn swapped(text: &str, a: usize, b: usize) -> String {
        let mut digits: Vec<char> = text.chars().collect();
        digits.swap(a, b);
        digits.into_iter().collect()
    }

    #[test]
    fn known_numbers_have_their_check_digit() {
        let cases = [
            (ArticleService::CertifiedElectronicReceipt, "902345678", "9214890234567800000013"),
            (ArticleService::Certified, "902345678", "9207190234567800000014"),
            (ArticleService::CertifiedElectronicReceipt, "123456", "9314812345600000000011"),
        ];
        for (service, id, number) in cases {
            let made = ArticleNumber::new(service, &mailer(id), 1);
            assert_eq!(made.as_str(), number);
            assert_eq!(ArticleNumber::parse(number), Ok(made));
        }
        // Of other channels and services, so only the rule of the last digit is shown.
        for number in ["9400111206206406260787", "9405803699300124287899", "9505511069605048600624"] {
            assert_eq!(check_digit(&number[..21]).to_string(), number[21..]);
        }
    }

    #[test]
    fn serial_numbers_start_over_when_they_run_out() {
        for (id, serials) in [("902345678", 10_000_000), ("123456", 10_000_000_000)] {
            let made = |sequence| ArticleNumber::new(ArticleService::Certified, &mailer(id), sequence);
            assert_eq!(ArticleNumber::serials(&mailer(id)), serials);
            assert_eq!(made(7), made(7 + serials));
            assert_ne!(made(7), made(8));
        }
    }

    #[test]
    fn a_number_is_printed_in_groups_of_four_and_read_from_them() {
        let number = ArticleNumber::parse("9214890234567800000013").unwrap();
        assert_eq!(number.to_string(), "9214 8902 3456 7800 0000 13");
        assert_eq!(ArticleNumber::parse(&number.to_string()), Ok(number));
    }

    #[test]
    fn what_is_no_number_of_ours_is_refused_for_its_first_fault() {
        let cases = [
            ("", ArticleNumberError::Digits),
            ("921489023456780000001", ArticleNumberError::Digits),
            ("92148902345678000000130", ArticleNumberError::Digits),
            ("921489023456780000001a", ArticleNumberError::Digits),
            ("9214890234567800000٣", ArticleNumberError::Digits),
            // The retail channel; a Mailer ID of nine digits that does not start with 9; one of six that does.
            ("9400111206206406260787", ArticleNumberError::Channel),
            ("9214880234567800000016", ArticleNumberError::Channel),
            ("9314892345600000000017", ArticleNumberError::Channel),
            ("9200190234567800000016", ArticleNumberError::Service),
            ("9214890234567800000014", ArticleNumberError::CheckDigit),
        ];
        for (text, fault) in cases {
            assert_eq!(ArticleNumber::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_number_tells_its_service() {
        for service in ArticleService::ALL {
            assert_eq!(ArticleNumber::new(service, &mailer("123456"), 1).service(), service);
        }
    }

    #[test]
    fn text_that_is_no_number_does_not_come_off_the_wire() {
        let number = ArticleNumber::new(ArticleService::Certified, &mailer("123456"), 1);
        let json = serde_json::to_string(&number).unwrap();
        assert_eq!(serde_json::from_str::<ArticleNumber>(&json).unwrap(), number);
        assert!(serde_json::from_str::<ArticleNumber>("\"9214890234567800000014\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_made_reads_as_itself(number in numbers()) {
            prop_assert_eq!(ArticleNumber::parse(number.as_str()), Ok(number.clone()));
            let again = ArticleNumber::new(number.service(), &mailer(number.mailer()), number.serial());
            prop_assert_eq!(again, number);
        }

        #[test]
        fn one_digit_changed_is_always_noticed(number in numbers(), place in 0..DIGITS, other in 1..10u8) {
            let mut digits = number.as_str().as_bytes().to_vec();
            digits[place] = b'0' + (digits[place] - b'0' + other) % 10;
            let text = String::from_utf8(digits).unwrap();
            prop_assert!(ArticleNumber::parse(&text).is_err(), "{}", text);
        }

        #[test]
        fn two_neighbours_swapped_go_unnoticed_by_the_check_digit_only_when_they_differ_by_five(
            number in numbers(),
            place in 0..DIGITS - 1,
        ) {
            let text = swapped(number.as_str(), place, place + 1);
            let [a, b] = [number.as_str().as_bytes()[place], number.as_str().as_bytes()[place + 1]];
            let fits = check_digit(&text[..DIGITS - 1]).to_string() == text[DIGITS - 1..];
            prop_assert_eq!(fits, a.abs_diff(b) % 5 == 0);
        }

        #[test]
        fn no_text_makes_parse_panic(text in ".{0,30}|[0-9 ]{20,28}") {
            let _ = ArticleNumber::parse(&text);
        }
    }
}
