//! The lives that a test letter may have: which scans come to which end. Real letters have them from the postal service.

use serde::{Deserialize, Serialize};

use super::Feed;

/// How the life of a test letter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is delivered.
    Delivered,
    /// It cannot be delivered and comes back.
    Returned,
    /// The post office refuses it.
    NotMailable,
    /// Nothing more is heard of it.
    Lost,
    /// It is certified, delivered, and signed for.
    CertifiedSigned,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Delivered, Outcome::Returned, Outcome::NotMailable, Outcome::Lost, Outcome::CertifiedSigned];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Returned => "returned",
            Outcome::NotMailable => "notMailable",
            Outcome::Lost => "lost",
            Outcome::CertifiedSigned => "certifiedSigned",
        }
    }

    /// The outcome of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// Who signs at its end, if it is signed for.
    pub fn signer(self) -> Option<&'static str> {
        (self == Outcome::CertifiedSigned).then_some("TEST SIGNER")
    }

    /// The scans of such a life, in order.
    pub fn scans(self) -> &'static [(Feed, &'static str)] {
        match self {
            Outcome::Delivered => &[
                (Feed::InformedVisibility, "891"),
                (Feed::InformedVisibility, "918"),
                (Feed::InformedVisibility, "LOGICALDELIVERY"),
            ],
            Outcome::Returned => &[
                (Feed::InformedVisibility, "891"),
                (Feed::InformedVisibility, "918"),
                (Feed::AddressChange, "Q"),
                (Feed::Mailhouse, "RETURNED"),
            ],
            Outcome::NotMailable => &[(Feed::Mailhouse, "REJECTED")],
            Outcome::Lost => &[(Feed::InformedVisibility, "891"), (Feed::InformedVisibility, "896")],
            Outcome::CertifiedSigned => &[
                (Feed::ProductTracking, "03"),
                (Feed::ProductTracking, "10"),
                (Feed::ProductTracking, "OF"),
                (Feed::ProductTracking, "01"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::batch::MailClass;
    use crate::tracking::codes::CodeTable;
    use crate::tracking::{Place, PostalState, Scan, state};

    #[test]
    fn each_life_comes_to_its_end_by_the_table_that_is_shipped() {
        let end = |outcome: Outcome| {
            let scan = |(second, &(feed, code)): (i64, &(Feed, &str))| Scan {
                at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
                feed,
                code: code.to_owned(),
                place: Place::default(),
                note: None,
                signature: None,
                expected: None,
            };
            let scans: Vec<Scan> = (0..).zip(outcome.scans()).map(scan).collect();
            assert!(
                scans
                    .iter()
                    .all(|scan| CodeTable::shipped().of(MailClass::Certified).get(scan.feed, &scan.code).is_some())
            );
            state(&scans, CodeTable::shipped().of(MailClass::Certified))
        };
        assert_eq!(
            Outcome::ALL.map(end),
            [
                PostalState::Delivered,
                PostalState::Returned,
                PostalState::NotMailable,
                PostalState::InTransit,
                PostalState::Delivered
            ]
        );
        assert!(Outcome::ALL.into_iter().all(|outcome| Outcome::parse(outcome.as_str()) == Some(outcome)));
    }
}
