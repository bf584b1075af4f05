//! What is wrong with what a client sent: every fault, each with the place it is at.

use std::fmt;

use serde::Serialize;

/// One fault in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer into the request body (RFC 6901); the empty string is the whole body.
    pub pointer: String,
    /// The rule that was broken: a stable identifier such as `postal_code.unassigned`.
    pub rule: &'static str,
    /// What is wrong and how to mend it, as a sentence. It never repeats personal data.
    pub message: String,
}

/// All the faults of a request. The first [`Faults::LISTED`] are kept, the rest only counted, so that a hostile
/// body cannot make the answer larger than the question.
#[derive(Debug, Default)]
pub struct Faults {
    listed: Vec<Fault>,
    total: usize,
}

impl Faults {
    /// How many faults are listed one by one.
    pub const LISTED: usize = 1_000;

    /// Adds a fault at `at`.
    pub fn push(&mut self, at: &Pointer<'_>, rule: &'static str, message: impl Into<String>) {
        self.total += 1;
        if self.listed.len() < Self::LISTED {
            self.listed.push(Fault { pointer: at.to_string(), rule, message: message.into() });
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many faults there are, listed or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The faults that are listed.
    pub fn listed(&self) -> &[Fault] {
        &self.listed
    }
}

/// A place in a JSON document, built on the way down and written out only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub enum Pointer<'a> {
    /// The whole document.
    Root,
    /// A member of the object at a place.
    Key(&'a Pointer<'a>, &'a str),
    /// An element of the array at a place.
    Index(&'a Pointer<'a>, usize),
}

impl<'a> Pointer<'a> {
    /// The member `key` of the object here.
    pub fn key(&'a self, key: &'a str) -> Pointer<'a> {
        Pointer::Key(self, key)
    }

    /// The element `index` of the array here.
    pub fn index(&'a self, index: usize) -> Pointer<'a> {
        Pointer::Index(self, index)
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pointer::Root => Ok(()),
            Pointer::Key(parent, key) => write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1")),
            Pointer::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_written_as_rfc_6901_says() {
        let root = Pointer::Root;
        let letters = root.key("letters");
        let third = letters.index(2);
        assert_eq!(third.key("a/b~c").to_string(), "/letters/2/a~1b~0c");
        assert_eq!(root.to_string(), "");
    }

    #[test]
    fn faults_past_the_cap_are_counted_but_not_listed() {
        let mut faults = Faults::default();
        for _ in 0..Faults::LISTED + 5 {
            faults.push(&Pointer::Root, "rule", "message");
        }
        assert_eq!((faults.listed().len(), faults.total()), (Faults::LISTED, Faults::LISTED + 5));
    }
}
