//! From the digits on a piece to the serial number that was given out to it.

use super::feed::PieceNumber;
use crate::article_number::ArticleNumber;
use crate::tracking_code::MailerId;

/// What of a piece's digits tells it from all others: who mailed it, and its serial number. Serial numbers start over, so that
/// several pieces had it in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial {
    /// Who mailed it.
    pub mailer: MailerId,
    /// The number.
    pub number: u64,
    /// How many numbers there are before they start over.
    pub of: u64,
}

/// Orphans lie together by so many serial numbers.
pub const ORPHAN_GROUP: u64 = 1_000;

impl Serial {
    /// The serial number in the digits of a piece. Whatever else is in them, the service above all, tells nothing about
    /// which piece it is (USPS: the Mailer ID and the serial number are unique).
    pub fn of(piece: &PieceNumber) -> Option<Self> {
        match piece {
            PieceNumber::TrackingCode(code) => {
                let rest = code.get(5..20)?;
                let mailer = MailerId::parse(if rest.starts_with('9') { &rest[..9] } else { &rest[..6] }).ok()?;
                let number = rest[mailer.as_str().len()..].parse().ok()?;
                Some(Serial { number, of: mailer.serials(), mailer })
            }
            PieceNumber::Article(digits) => {
                let article = ArticleNumber::parse(digits).ok()?;
                let mailer = MailerId::parse(article.mailer()).ok()?;
                Some(Serial { number: article.serial(), of: ArticleNumber::serials(&mailer), mailer })
            }
        }
    }

    /// Of the serial numbers that were given out, counted through all rounds and up to but not including `next`, those
    /// that are written so: the latest first.
    pub fn sequences(&self, next: u64) -> impl Iterator<Item = u64> + use<> {
        let (number, of) = (self.number, self.of.max(1));
        let rounds = if next > number { (next - number - 1) / of + 1 } else { 0 };
        (0..rounds).rev().map(move |round| number + round * of)
    }
}

/// Where orphans of a piece lie, with those of its neighbours: all that a part of a mail job may have are in few places.
pub fn orphan_group(piece: &PieceNumber) -> String {
    match (piece, Serial::of(piece)) {
        (PieceNumber::TrackingCode(_), Some(serial)) => group("T", &serial),
        (PieceNumber::Article(_), Some(serial)) => group("A", &serial),
        // No piece of ours will ever ask for it.
        (other, None) => format!("X{}", &other.as_str()[..other.as_str().len().saturating_sub(3)]),
    }
}

fn group(kind: &str, serial: &Serial) -> String {
    format!("{kind}{}#{}", serial.mailer.as_str(), serial.number / ORPHAN_GROUP)
}

/// The places in which orphans of pieces with these serial numbers may lie, counted through all rounds.
pub fn orphan_groups(mailer: &MailerId, first: u64, letters: u32, certified: bool) -> Vec<String> {
    let mut kinds = vec![("T", mailer.serials())];
    if certified {
        kinds.push(("A", ArticleNumber::serials(mailer)));
    }
    let mut groups = Vec::new();
    for (kind, of) in kinds {
        for sequence in first..first + u64::from(letters) {
            let group = group(kind, &Serial { mailer: mailer.clone(), number: sequence % of, of });
            if groups.last() != Some(&group) {
                groups.push(group);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::article_number::ArticleService;
    use crate::tracking_code::{ServiceType, TrackingCode};

    fn code(mailer: &MailerId, sequence: u64) -> PieceNumber {
        let service = ServiceType::parse("340").unwrap();
        PieceNumber::TrackingCode(TrackingCode::new(&service, mailer, sequence).to_string())
    }

    fn article(mailer: &MailerId, sequence: u64) -> PieceNumber {
        PieceNumber::Article(ArticleNumber::new(ArticleService::Certified, mailer, sequence).as_str().to_owned())
    }

    proptest! {
        #[test]
        fn a_piece_is_found_by_either_number_among_all_that_were_given_out(
            mailer in "[0-8][0-9]{5}|9[0-9]{8}", sequence in 0u64..5_000_000, later in 0u64..5_000_000,
        ) {
            let mailer = MailerId::parse(&mailer).unwrap();
            for piece in [code(&mailer, sequence), article(&mailer, sequence)] {
                let serial = Serial::of(&piece).unwrap();
                prop_assert_eq!(&serial.mailer, &mailer);
                let next = sequence + later + 1;
                let found: Vec<u64> = serial.sequences(next).collect();
                prop_assert!(found.contains(&sequence), "{:?}", found);
                prop_assert!(found.is_sorted_by(|a, b| a > b) && found.iter().all(|found| *found < next));
                prop_assert_eq!(Serial::of(&piece).unwrap().sequences(sequence).next().is_some(), sequence >= serial.of);
            }
        }

        #[test]
        fn the_orphans_of_a_part_are_looked_for_where_they_lie(
            mailer in "[0-8][0-9]{5}|9[0-9]{8}", first in 0u64..50_000_000, letters in 1u32..400, one in 0u32..400,
        ) {
            let mailer = MailerId::parse(&mailer).unwrap();
            let groups = orphan_groups(&mailer, first, letters, true);
            let sequence = first + u64::from(one % letters);
            for piece in [code(&mailer, sequence), article(&mailer, sequence)] {
                prop_assert!(groups.contains(&orphan_group(&piece)));
            }
            prop_assert!(groups.len() <= 4);
        }
    }

    #[test]
    fn numbers_that_are_not_of_a_mailer_of_ours_have_no_serial_but_a_place() {
        for digits in ["9400111206206406260787", "42070112000000000000", "92748931507708513018050063"] {
            let piece = PieceNumber::Article(digits.to_owned());
            assert_eq!(Serial::of(&piece), None, "{digits}");
            assert!(orphan_group(&piece).starts_with('X'));
        }
    }
}
