//! The people that letters go to: made up, and with addresses as municipal clients have them.

/// A sequence of numbers that looks random and is the same in every run.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        // Xorshift needs a state that is not zero, and its first numbers tell near seeds apart only after mixing.
        let mut dice = Dice((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1);
        for _ in 0..8 {
            dice.below(2);
        }
        dice
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // Xorshift64*, by Vigna; the high half, which is the better one.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % limit
    }

    /// One of the choices, which must not be none.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Whether it is one of so many in a hundred.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

/// First names.
pub const FIRST: [&str; 32] = [
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
/// Last names.
pub const LAST: [&str; 32] = [
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
/// Streets.
pub const STREETS: [&str; 16] = [
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
/// Cities, their states and ZIP codes.
pub const PLACES: [(&str, &str, &str); 12] = [
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
