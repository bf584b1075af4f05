//! Large contents that letter after letter brings along, such as the picture of a letterhead: to compare one with what came
//! before takes a fraction of the time that its hash does.

use blake3::Hash;

/// How many bytes are worth comparing, and the most that are kept of one content.
const LEAST: usize = 8 << 10;
const MOST: usize = 1 << 20;

/// How many contents are kept. With the most of each it is how much memory they may take.
const KEPT: usize = 8;

/// The contents that were seen twice and not long ago, the last one first.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    kept: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    account: [u8; 32],
    content: Vec<u8>,
    hash: Hash,
}

impl Familiar {
    /// The hash of a content that is familiar to an account.
    pub(super) fn hash(&mut self, account: &[u8; 32], content: &[u8]) -> Option<Hash> {
        if content.len() < LEAST {
            return None;
        }
        let place = self.kept.iter().position(|seen| seen.account == *account && seen.content == content)?;
        self.kept[..=place].rotate_right(1);
        self.kept.first().map(|seen| seen.hash)
    }

    /// Keeps a content that was seen again, in place of the one that was not for the longest time.
    pub(super) fn keep(&mut self, account: &[u8; 32], content: &[u8], hash: Hash) {
        if (LEAST..=MOST).contains(&content.len()) {
            self.kept.truncate(KEPT - 1);
            self.kept.insert(0, Seen { account: *account, content: content.to_vec(), hash });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: [u8; 32] = [1; 32];

    fn content(first: u8) -> Vec<u8> {
        let mut content = vec![0; LEAST];
        content[0] = first;
        content
    }

    fn keep(familiar: &mut Familiar, first: u8) {
        familiar.keep(&ACCOUNT, &content(first), blake3::hash(&[first]));
    }

    #[test]
    fn a_content_is_familiar_to_the_account_that_it_was_seen_at() {
        let mut familiar = Familiar::default();
        keep(&mut familiar, 7);
        assert_eq!(familiar.hash(&ACCOUNT, &content(7)), Some(blake3::hash(&[7])));
        assert_eq!(familiar.hash(&ACCOUNT, &content(8)), None);
        assert_eq!(familiar.hash(&[2; 32], &content(7)), None);
    }

    #[test]
    fn what_was_not_seen_for_long_makes_place_for_what_was() {
        let mut familiar = Familiar::default();
        for first in 0..40 {
            keep(&mut familiar, first);
            assert_eq!(familiar.hash(&ACCOUNT, &content(0)), Some(blake3::hash(&[0])), "{first}");
            assert!(familiar.kept.len() <= KEPT);
        }
        assert_eq!(familiar.hash(&ACCOUNT, &content(1)), None);
    }

    #[test]
    fn what_is_small_or_very_large_is_not_kept() {
        let mut familiar = Familiar::default();
        for length in [LEAST - 1, MOST + 1] {
            familiar.keep(&ACCOUNT, &vec![0; length], blake3::hash(b""));
            assert!(familiar.kept.is_empty(), "{length}");
        }
    }
}
