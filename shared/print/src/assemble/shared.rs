//! Remembers which objects are in the print stream, so that an equal one can stand for another, without growing with it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The first half of a BLAKE3 hash: no two objects of all the mail there will ever be have the same by accident.
pub(super) type Hash = [u8; 16];

/// How many objects a generation holds: those that some hundreds of letters have of their own. Two take about a megabyte.
const GENERATION: usize = 1 << 14;

/// Hash of account and bytes to number, of those objects that were last written or found.
///
/// There are two generations. When the younger is full it becomes the older, and what was the older is forgotten, but for
/// what was found in the meantime: a letterhead that every letter has stays, a font that one letter has goes. An object that
/// is forgotten is written again.
#[derive(Debug, Default)]
pub(super) struct Shared {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<Hash, u64, BuildHasherDefault<AsItIs>>;

impl Shared {
    /// The number of an equal object.
    pub(super) fn find(&mut self, hash: &Hash) -> Option<u64> {
        if let Some(&number) = self.young.get(hash) {
            return Some(number);
        }
        let number = self.old.remove(hash)?;
        self.insert(*hash, number);
        Some(number)
    }

    /// Remembers an object.
    pub(super) fn insert(&mut self, hash: Hash, number: u64) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, number);
    }
}

/// Takes the first bytes of a key as its hash: a key is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.0 = u64::from_le_bytes(first);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> Hash {
        let mut hash = Hash::default();
        hash[..8].copy_from_slice(&number.to_le_bytes());
        hash
    }

    #[test]
    fn what_is_found_now_and_then_is_kept_and_what_is_not_is_forgotten() {
        let mut shared = Shared::default();
        for number in 0..4 * GENERATION as u64 {
            assert_eq!(shared.find(&hash(number)), None);
            shared.insert(hash(number), number);
            assert_eq!(shared.find(&hash(0)), Some(0));
            assert!(shared.young.len() + shared.old.len() <= 2 * GENERATION);
        }
        assert_eq!(shared.find(&hash(1)), None);
        let last = 4 * GENERATION as u64 - 1;
        assert_eq!(shared.find(&hash(last)), Some(last));
    }
}
