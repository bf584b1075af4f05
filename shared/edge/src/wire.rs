//! Reading JSON bodies so that everything wrong with them can be said at once.
//!
//! A value of the wrong type does not end the reading: it becomes a [`Field`] that says what it was, and a fault at its
//! place when it is asked for. Only what is not JSON at all, or not of the outer shape, ends it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::fault::{Faults, Pointer};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_ignored::Path;
use serde_path_to_error::Segment;

use crate::Problem;

/// A value in a client's JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<'a> {
    /// There is none.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// An array or an object, which nobody reads.
    Nested,
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Field<'de>, E> {
                Ok(Field::Flag(flag))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number as f64))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number as f64))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number))
            }
            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
                // What is in it is no member that nobody knows: it is as wrong as the whole.
                while seq.next_element::<Field<'_>>()?.is_some() {}
                Ok(Field::Nested)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, Field<'_>>()?.is_some() {}
                Ok(Field::Nested)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Field<'_> {
    /// Whether a value was given at all; `null` is none.
    pub fn is_given(&self) -> bool {
        !matches!(self, Field::Missing | Field::Null)
    }

    /// The string here, if a value was given; a fault if it is of another type.
    pub fn text(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<&str> {
        match self {
            Field::Text(text) => Some(text),
            _ => self.other(at, faults, "a string"),
        }
    }

    /// The truth value here, if a value was given; a fault if it is of another type.
    pub fn flag(&self, at: &Pointer<'_>, faults: &mut Faults) -> Option<bool> {
        match self {
            Field::Flag(flag) => Some(*flag),
            _ => self.other(at, faults, "true or false"),
        }
    }

    /// The whole number here, if a value was given; a fault if it is of another type or out of `range`.
    pub fn whole(&self, range: std::ops::RangeInclusive<u32>, at: &Pointer<'_>, faults: &mut Faults) -> Option<u32> {
        match self {
            Field::Number(number) if number.fract() == 0.0 && range.contains(&(*number as u32)) && *number >= 0.0 => {
                Some(*number as u32)
            }
            Field::Number(_) => {
                let message = format!("Give a whole number from {} to {}.", range.start(), range.end());
                faults.push(at, "range", message);
                None
            }
            _ => self.other(at, faults, "a number"),
        }
    }

    /// Adds a fault when nothing was given.
    pub fn required<'f>(&'f self, at: &Pointer<'_>, faults: &mut Faults) -> &'f Self {
        if !self.is_given() {
            faults.push(at, "required", "This field is required.");
        }
        self
    }

    fn other<T>(&self, at: &Pointer<'_>, faults: &mut Faults, wanted: &str) -> Option<T> {
        if self.is_given() {
            faults.push(at, "type", format!("Give {wanted} here."));
        }
        None
    }
}

/// A JSON object. On its own, what serde derives for a struct would also take an array of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Members(PhantomData)).map(Object)
    }
}

/// An array of a body, of which at most `MOST` elements are read and the rest only counted: an element takes many times the
/// memory of its text.
#[derive(Debug, Default)]
pub struct List<T, const MOST: usize> {
    /// The elements that were read.
    pub items: Vec<T>,
    /// How many there are.
    pub total: usize,
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Elements<T, MOST> {
            type Value = List<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T, MOST>, A::Error> {
                let mut items = Vec::new();
                while items.len() < MOST {
                    match seq.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(List { total: items.len(), items }),
                    }
                }
                let mut total = items.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    total += 1;
                }
                Ok(List { items, total })
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// How deep a body may nest.
const MAX_DEPTH: u32 = 127;

/// The place at which a body nests too deep. The reader has a limit of its own only for what it does not skip.
fn too_deep(body: &[u8]) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0u32, false, false);
    body.iter().position(|&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// Reads a JSON body that is an object.
///
/// # Errors
/// 400 when there is none, or it is not JSON of the outer shape; the message says at which line and column.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    any::<Object<T>>(body).map(|Object(value)| value)
}

/// Reads a JSON body that is an object, and adds a fault for each member that nobody reads: a name that is spelt wrong would
/// silently have no effect.
///
/// # Errors
/// As [`read`].
pub fn read_known<'a, T: Deserialize<'a>>(body: &'a [u8], faults: &mut Faults) -> Result<T, Problem> {
    parsed(body, |body| {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let value = serde_ignored::deserialize(&mut reader, |path| {
            if matches!(path, Path::Map { .. }) {
                unknown(&path, faults);
            }
        })?;
        reader.end()?;
        Ok(value)
    })
    .map(|Object(value)| value)
}

/// Adds a fault at a place that nobody reads.
fn unknown(path: &Path<'_>, faults: &mut Faults) {
    fn at(path: &Path<'_>, then: &mut dyn FnMut(&Pointer<'_>)) {
        match path {
            Path::Root => then(&Pointer::Root),
            Path::Seq { parent, index } => at(parent, &mut |parent| then(&parent.index(*index))),
            Path::Map { parent, key } => at(parent, &mut |parent| then(&parent.key(key))),
            Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
                at(parent, then)
            }
        }
    }
    at(path, &mut |place| nobody_reads(place, faults));
}

/// Adds a fault at a member that nobody reads, for who reads members itself.
pub fn nobody_reads(place: &Pointer<'_>, faults: &mut Faults) {
    faults.push(place, "unknown", "There is nothing of this name here: check how it is spelt, or leave it out.");
}

/// Reads a JSON body that is an array of objects.
///
/// # Errors
/// As [`read`].
pub fn read_list<'a, T: Deserialize<'a>, const MOST: usize>(body: &'a [u8]) -> Result<List<Object<T>, MOST>, Problem> {
    any(body)
}

fn any<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    parsed(body, serde_json::from_slice)
}

fn parsed<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    read: impl FnOnce(&'a [u8]) -> Result<T, serde_json::Error>,
) -> Result<T, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(400, "body.blank", "The request body is blank. Send JSON."));
    }
    if let Some(place) = too_deep(body) {
        let before = body.get(..place).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        let message = format!("The body nests deeper than {MAX_DEPTH} levels at line {line}, column {column}.");
        return Err(Problem::new(400, "body.syntax", message));
    }
    read(body).map_err(|error| {
        // The reader's own text may repeat what it read, so only the place is passed on, and what was expected there.
        let (line, column) = (error.line(), error.column());
        let message = match error.classify() {
            serde_json::error::Category::Eof => {
                format!("The body ends too early: line {line}, column {column}.")
            }
            serde_json::error::Category::Data => {
                let mut faults = Faults::default();
                misfit::<T>(body, &error, &mut faults);
                return Problem::faulty(400, "body.syntax", &faults);
            }
            _ => format!("The body is not JSON: see line {line}, column {column}."),
        };
        Problem::new(400, "body.syntax", message)
    })
}

/// Adds the fault of a value in whose place another was expected. It is looked for only now: to note where one is while reading costs
/// more than reading.
fn misfit<'a, T: Deserialize<'a>>(body: &'a [u8], error: &serde_json::Error, faults: &mut Faults) {
    fn at(place: &Pointer<'_>, path: &[&Segment], then: &mut dyn FnMut(&Pointer<'_>)) {
        match path.split_first() {
            Some((Segment::Seq { index }, rest)) => at(&place.index(*index), rest, then),
            Some((Segment::Map { key } | Segment::Enum { variant: key }, rest)) => at(&place.key(key), rest, then),
            Some((Segment::Unknown, _)) | None => then(place),
        }
    }
    let told = error.to_string();
    let expected = told.rsplit_once(", expected ").and_then(|(_, expected)| expected.split(" at line ").next());
    let (line, column) = (error.line(), error.column());
    let message = match expected {
        Some(expected) => format!("Give {expected} here: line {line}, column {column}."),
        None => format!("What is here cannot be read: line {line}, column {column}."),
    };
    let path = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_slice(body))
        .err()
        .map(|error| error.path().clone());
    let segments: Vec<_> = path.iter().flatten().collect();
    at(&Pointer::Root, &segments, &mut |place| faults.push(place, "type", message.as_str()));
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(default, borrow)]
        name: Field<'a>,
        #[serde(default, borrow)]
        count: Field<'a>,
    }

    #[test]
    fn values_of_the_wrong_type_are_faults_at_their_places() {
        let body: Body<'_> = read(br#"{"name": [1, {"a": 2}], "count": "3"}"#).unwrap();
        let mut faults = Faults::default();
        assert_eq!(body.name.text(&Pointer::Root.key("name"), &mut faults), None);
        assert_eq!(body.count.whole(1..=5, &Pointer::Root.key("count"), &mut faults), None);
        let pointers: Vec<_> = faults.listed().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/count"]);
    }

    #[test]
    fn what_is_too_much_of_a_list_is_counted_but_not_read() {
        let list: List<Object<Body<'_>>, 2> = read_list(br#"[{"name":"a"},{},{"name":3},[]]"#).unwrap();
        assert_eq!((list.items.len(), list.total), (2, 4));
        let list: List<Object<Body<'_>>, 2> = read_list(b"[{}]").unwrap();
        assert_eq!((list.items.len(), list.total), (1, 1));
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let body: Body<'_> = read(br#"{"name": "plain"}"#).unwrap();
        assert_eq!(body.name, Field::Text(Cow::Borrowed("plain")));
        assert!(matches!(body.name, Field::Text(Cow::Borrowed(_))));
        assert_eq!(body.count, Field::Missing);
    }

    #[test]
    fn a_number_is_whole_and_in_range_or_a_fault() {
        for (json, whole) in
            [("3", Some(3)), ("3.0", Some(3)), ("3.5", None), ("-1", None), ("0", None), ("1e99", None)]
        {
            let text = format!(r#"{{"count": {json}}}"#);
            let body: Body<'_> = read(text.as_bytes()).unwrap();
            let mut faults = Faults::default();
            assert_eq!(body.count.whole(1..=5, &Pointer::Root, &mut faults), whole, "{json}");
            assert_eq!(faults.is_empty(), whole.is_some(), "{json}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_with_line_and_column_and_nothing_of_its_text() {
        let problem = read::<Body<'_>>(b"{\"name\":\n \"Jane\" oops}").err().unwrap();
        assert_eq!(problem.status(), 400);
        assert!(problem.message.contains("line 2, column 9"), "{}", problem.message);
        assert!(read::<Body<'_>>(b"  \n").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_wherever_it_is() {
        for name in ["name", "unknown"] {
            let nested = |levels: usize| format!("{{\"{name}\":\n {}{}}}", "[".repeat(levels), "]".repeat(levels));
            let problem = read::<Body<'_>>(nested(127).as_bytes()).err().unwrap();
            assert_eq!(problem.message, "The body nests deeper than 127 levels at line 2, column 128.");
            assert!(read::<Body<'_>>(nested(126).as_bytes()).is_ok());
        }
        let brackets = format!(r#"{{"name": "{}\"["}}"#, "[".repeat(200));
        assert!(read::<Body<'_>>(brackets.as_bytes()).is_ok(), "brackets in a text do not count");
    }

    #[test]
    fn a_member_that_nobody_reads_is_a_fault_at_its_place() {
        #[derive(Deserialize)]
        struct Nest<'a> {
            #[serde(default, borrow)]
            one: Option<Object<Body<'a>>>,
            #[serde(default, borrow)]
            many: Option<List<Object<Body<'a>>, 2>>,
            #[serde(default, borrow)]
            free: Option<&'a serde_json::value::RawValue>,
        }
        let body = br#"{"one":{"name":"a","nmae":1},"many":[{},{"count":{"deep":[{"x":1}]},"a/b":[1]},{"x":1}],
            "free":{"any":{"thing":1}},"none":null}"#;
        let mut faults = Faults::default();
        let nest: Nest<'_> = read_known(body, &mut faults).unwrap();
        let told: Vec<_> = faults.listed().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(told, ["/one/nmae", "/many/1/a~1b", "/none"]);
        assert_eq!(nest.one.unwrap().0.name, Field::Text("a".into()));
        assert_eq!((nest.many.unwrap().total, nest.free.unwrap().get()), (3, r#"{"any":{"thing":1}}"#));
        assert!(read_known::<Nest<'_>>(b"{} x", &mut faults).is_err());
    }

    #[test]
    fn where_a_value_of_another_kind_is_expected_is_told_by_its_place_and_nothing_of_its_text() {
        #[derive(Debug, Deserialize)]
        struct Nest<'a> {
            #[expect(dead_code, reason = "it is only read")]
            #[serde(default, borrow)]
            many: Option<List<Object<Inner<'a>>, 2>>,
        }
        #[derive(Debug, Deserialize)]
        struct Inner<'a> {
            #[expect(dead_code, reason = "it is only read")]
            #[serde(default, borrow)]
            one: Option<Object<Field<'a>>>,
        }
        for (body, pointer, message) in [
            (r#"{"many":{"one":1}}"#, "/many", "Give a JSON array here: line 1, column 8."),
            (r#"{"many":[{},", expected gold"]}"#, "/many/1", "Give a JSON object here: line 1, column 29."),
            (r#"{"many":[{"one":[]}]}"#, "/many/0/one", "Give a JSON object here: line 1, column 16."),
            ("[]", "", "Give a JSON object here: line 1, column 0."),
        ] {
            for problem in [
                read::<Nest<'_>>(body.as_bytes()).unwrap_err(),
                read_known::<Nest<'_>>(body.as_bytes(), &mut Faults::default()).unwrap_err(),
            ] {
                let faults: Vec<_> = problem.faults.iter().map(|fault| fault.pointer.as_str()).collect();
                assert_eq!(
                    (problem.status(), faults, problem.message.as_str()),
                    (400, vec![pointer], message),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        assert_eq!(read::<Body<'_>>(br#"["Jane", 3]"#).err().unwrap().status(), 400);
        assert_eq!(read_list::<Body<'_>, 9>(br#"[["Jane", 3]]"#).err().unwrap().status(), 400);
        assert_eq!(read_list::<Body<'_>, 9>(br#"[{"name": "Jane"}]"#).unwrap().total, 1);
    }
}
