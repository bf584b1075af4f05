//! Letters as a municipal client sends them: made up, no two alike, and valid.

use std::fmt::Write;

use super::Result;

const FIRST: [&str; 32] = [
    "James",
    "Mary",
    "Robert",
    "Patricia",
    "John",
    "Jennifer",
    "Michael",
    "Linda",
    "David",
    "Elizabeth",
    "William",
    "Barbara",
    "Richard",
    "Susan",
    "Joseph",
    "Jessica",
    "Thomas",
    "Karen",
    "Christopher",
    "Sarah",
    "Charles",
    "Lisa",
    "Daniel",
    "Nancy",
    "Matthew",
    "Sandra",
    "Anthony",
    "Ashley",
    "Mark",
    "Emily",
    "Étienne",
    "Zoë",
];
const LAST: [&str; 32] = [
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "Garcia",
    "Miller",
    "Davis",
    "Rodriguez",
    "Martinez",
    "Hernandez",
    "Lopez",
    "Gonzalez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Taylor",
    "Moore",
    "Jackson",
    "Martin",
    "Lee",
    "Perez",
    "Thompson",
    "White",
    "Harris",
    "Sanchez",
    "Clark",
    "Ramirez",
    "Lewis",
    "Robinson",
    "Boudreaux",
    "Fontenot",
];
const STREETS: [&str; 16] = [
    "Perdido St",
    "Tchoupitoulas St",
    "Saint Charles Ave",
    "Magazine St",
    "Esplanade Ave",
    "Canal Blvd",
    "Main St",
    "Oak Ridge Dr",
    "Martin Luther King Jr Blvd",
    "Elysian Fields Ave",
    "County Road 214",
    "Highland Park Ln",
    "Washington Ave",
    "Lakeshore Dr",
    "W Jefferson St",
    "Old Spanish Trl",
];
const PLACES: [(&str, &str, &str); 12] = [
    ("New Orleans", "LA", "70112"),
    ("Baton Rouge", "LA", "70802"),
    ("Shreveport", "LA", "71101"),
    ("Houston", "TX", "77002"),
    ("Jackson", "MS", "39201"),
    ("Mobile", "AL", "36602"),
    ("Atlanta", "GA", "30303"),
    ("Chicago", "IL", "60602"),
    ("Los Angeles", "CA", "90012"),
    ("New York", "NY", "10007"),
    ("Miami", "FL", "33130"),
    ("Seattle", "WA", "98104"),
];

/// A sequence of numbers that looks random and is the same in every run.
struct Dice(u64);

impl Dice {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        // Xorshift64*, by Vigna; the high half, which is the better one.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % limit
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).copied()
    }
}

/// The body of the request that creates a batch of `count` letters. `document` says for the number of a letter where its
/// document is and how many sides that has.
///
/// # Errors
/// When a text cannot be written, which it can.
pub(crate) fn body(count: usize, mut document: impl FnMut(usize) -> (String, u32)) -> Result<String> {
    let mut dice = Dice(0x4D41_494C_484F_5553);
    let mut body = String::with_capacity(count * 440);
    write!(
        body,
        r#"{{"mailClass":"FirstClass","electronicReturnReceipt":false,"usePerforatedPaper":false,"targetMailDate":"2027-01-15","letterCount":{count},"returnAddress":"City of New Orleans\nBureau of the Treasury\nPO Box 52138\nNew Orleans LA 70153","letters":["#
    )?;
    for number in 0..count {
        let absent = "no choice";
        let first = dice.of(&FIRST).ok_or(absent)?;
        let last = dice.of(&LAST).ok_or(absent)?;
        let street = dice.of(&STREETS).ok_or(absent)?;
        let (city, state, zip) = dice.of(&PLACES).ok_or(absent)?;
        let (house, add_on, kind) = (1 + dice.below(9_999), 1_000 + dice.below(8_999), dice.below(100));
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"letterRefId":"T{number:07}","name1":"{first} {last}","#)?;
        if kind < 15 {
            write!(body, r#""name2":"c/o {} {last}","#, dice.of(&FIRST).ok_or(absent)?)?;
        }
        write!(body, r#""address1":"{house} {street}","#)?;
        if kind % 4 == 0 {
            write!(body, r#""address2":"Apt {}","#, 1 + dice.below(400))?;
        }
        match kind {
            98 => body.push_str(r#""city":"Toronto","state":"ON","postalCode":"M5H 2N2","country":"Canada","#),
            99 => body.push_str(r#""city":"Frankfurt am Main","state":null,"postalCode":"60311","country":"Germany","#),
            _ if kind % 3 == 0 => {
                write!(body, r#""city":"{city}","state":"{state}","postalCode":"{zip}","country":"US","#)?;
            }
            _ => write!(body, r#""city":"{city}","state":"{state}","postalCode":"{zip}-{add_on}","country":"US","#)?,
        }
        let (path, sides) = document(number);
        write!(body, r#""originalDocumentPath":"{path}","impressionCount":{sides}}}"#)?;
    }
    body.push_str("]}");
    Ok(body)
}
