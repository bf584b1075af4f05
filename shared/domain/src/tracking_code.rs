//! The 20 digits that name a mail piece to the postal service, and how serial numbers are given out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who mails: the Mailer ID that the postal service assigned, six or nine digits (`USPS-B-3200 §1.1`, Mailer ID field).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailerId(String);

/// A setting that cannot be part of a tracking code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackingCodeError {
    /// Not a Mailer ID.
    #[error("a Mailer ID has six digits and does not start with 9, or nine digits and does")]
    MailerId,
    /// Not a service type.
    #[error("a service type identifier has three digits")]
    ServiceType,
}

impl MailerId {
    /// Reads a Mailer ID.
    ///
    /// # Errors
    /// When it has neither six digits, the first not 9, nor nine digits, the first 9.
    pub fn parse(text: &str) -> Result<Self, TrackingCodeError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && matches!((text.len(), text.starts_with('9')), (6, false) | (9, true)) {
            Ok(MailerId(text.to_owned()))
        } else {
            Err(TrackingCodeError::MailerId)
        }
    }

    /// The one of test letters, which the postal service gives to nobody.
    pub fn test() -> Self {
        MailerId("000000".to_owned())
    }

    /// How many serial numbers there are before they start over.
    pub fn serials(&self) -> u64 {
        10u64.pow(self.serial_digits())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn serial_digits(&self) -> u32 {
        15 - self.0.len() as u32
    }
}

impl TryFrom<String> for MailerId {
    type Error = TrackingCodeError;
    fn try_from(text: String) -> Result<Self, TrackingCodeError> {
        Self::parse(&text)
    }
}

impl From<MailerId> for String {
    fn from(id: MailerId) -> String {
        id.0
    }
}

/// What the postal service is asked to do with a piece: three digits (USPS Service Type Identifier table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceType(String);

impl ServiceType {
    /// Reads a service type identifier.
    ///
    /// # Errors
    /// When it is not three digits.
    pub fn parse(text: &str) -> Result<Self, TrackingCodeError> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(ServiceType(text.to_owned()))
        } else {
            Err(TrackingCodeError::ServiceType)
        }
    }
}

/// The tracking code of one piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingCode(String);

impl TrackingCode {
    /// The code of the piece with the `sequence`th serial number ever given out; serials start over when they run out.
    /// The barcode identifier is `00`, which letters without an optional endorsement line use.
    pub fn new(service: &ServiceType, mailer: &MailerId, sequence: u64) -> Self {
        let width = mailer.serial_digits() as usize;
        TrackingCode(format!("00{}{}{:0width$}", service.0, mailer.0, sequence % mailer.serials()))
    }

    /// The 20 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrackingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how long a serial number may not be used again, in days: the postal service tells pieces apart by it.
pub const SERIAL_REST_DAYS: i64 = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailer_id_tells_its_length_by_its_first_digit() {
        assert_eq!(MailerId::parse("123456").unwrap().serials(), 1_000_000_000);
        assert_eq!(MailerId::parse("902345678").unwrap().serials(), 1_000_000);
        for text in ["", "12345", "923456", "123456789", "12345a"] {
            assert_eq!(MailerId::parse(text), Err(TrackingCodeError::MailerId), "{text}");
        }
    }

    #[test]
    fn a_tracking_code_has_twenty_digits_and_its_serial_starts_over() {
        let service = ServiceType::parse("340").unwrap();
        for mailer in ["123456", "902345678"] {
            let mailer = MailerId::parse(mailer).unwrap();
            let code = |sequence| TrackingCode::new(&service, &mailer, sequence).to_string();
            assert_eq!(code(7).len(), 20);
            assert_eq!(code(7), code(7 + mailer.serials()));
            assert_ne!(code(7), code(8));
            assert!(code(7).starts_with("00340"));
        }
    }
}
