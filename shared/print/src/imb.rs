//! The Intelligent Mail barcode: 20 tracking digits and a routing code to 65 bars, and back (USPS-B-3200 Rev H).

use std::sync::LazyLock;

use thiserror::Error;

/// How many bars a barcode has (USPS-B-3200 §2).
pub const BARS: usize = 65;

/// The Intelligent Mail barcode of one mail piece: the digits and the bars that carry them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Imb {
    tracking: String,
    routing: String,
    letters: String,
}

/// Why digits cannot become a barcode, or bars cannot become digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ImbError {
    /// The tracking code is not 20 digits long.
    #[error("the tracking code has {0} characters; give exactly 20 digits")]
    TrackingLength(usize),
    /// The tracking code has a character that is not a digit.
    #[error("the tracking code has a character that is not a digit; give digits only")]
    TrackingNotDigits,
    /// The second digit of the barcode identifier is above 4.
    #[error("the second digit of the tracking code must be 0 to 4; correct the barcode identifier")]
    BarcodeIdentifier,
    /// The routing code is not 0, 5, 9 or 11 digits long.
    #[error("the routing code has {0} characters; give 0, 5, 9 or 11 digits")]
    RoutingLength(usize),
    /// The routing code has a character that is not a digit.
    #[error("the routing code has a character that is not a digit; give digits only")]
    RoutingNotDigits,
    /// There are not 65 bars, or a letter is none of `T`, `D`, `A`, `F`. Only from [`Imb::decode`].
    #[error("a barcode is 65 letters of T, D, A and F")]
    NotBars,
    /// The bars do not carry a barcode: a character is unknown or the frame check does not match. Only from
    /// [`Imb::decode`].
    #[error("these bars carry no barcode: a character is unknown or the frame check differs")]
    Unreadable,
}

impl ImbError {
    /// The return code of the USPS encoder's reference test set, 9 to 13. The two faults of reading have no such code and
    /// answer 0.
    pub fn code(&self) -> u8 {
        match self {
            Self::TrackingLength(_) => 9,
            Self::TrackingNotDigits => 10,
            Self::BarcodeIdentifier => 11,
            Self::RoutingLength(_) => 12,
            Self::RoutingNotDigits => 13,
            Self::NotBars | Self::Unreadable => 0,
        }
    }
}

/// For each bar from the left: the character and bit that say whether it descends, then those that say whether it ascends
/// (USPS-B-3200 table 22). A letter is a character (`A` = 0), the number after it the bit.
const BAR_MAP: &str = "\
H2E3 B10A0 J12C8 F5G11 I9D1 A1F12 C5B8 E4J11 G3I10 D9H6 F11B4 I5C12 J10A2 \
H1G7 D6E9 A3I6 G4C7 B1J9 H10F2 E0D8 G2A4 I11B0 J8D12 C6H7 F1E10 B12G9 \
H3I0 F8J7 E6C10 D4A5 I4F7 H11B9 G0J6 A6E8 C1D2 F9I12 E11G1 J5H4 D3B2 \
A7C0 B3E1 G10D5 I7J4 C11F6 A8H12 E2I1 F10D0 J3A9 G5C4 H8B7 F0E5 C3A10 \
G12J2 D11B6 I8H9 F4A11 B5C2 J1E12 I3G6 H0D7 E7H5 A12B11 C9J0 G8F3 D10I2";

/// One bit of one of the ten characters.
type Bit = (usize, u32);

/// [`BAR_MAP`], read once.
static BAR_BITS: LazyLock<Vec<(Bit, Bit)>> = LazyLock::new(|| {
    BAR_MAP
        .split_whitespace()
        .filter_map(|pair| {
            let split = pair[1..].find(|c: char| c.is_ascii_uppercase())? + 1;
            let bit = |text: &str| Some((usize::from(text.as_bytes()[0] - b'A'), text[1..].parse().ok()?));
            Some((bit(&pair[..split])?, bit(&pair[split..])?))
        })
        .collect()
});

/// Codeword to character: the 1287 words of 13 bits with five set, then the 78 with two set (USPS-B-3200 appendix D and E).
static CHARACTERS: LazyLock<Vec<u16>> = LazyLock::new(|| [in_order(5), in_order(2)].concat());

/// Character to codeword, for reading; `NO_CODEWORD` where there is none.
static CODEWORDS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut inverse = vec![NO_CODEWORD; 1 << 13];
    for (codeword, &character) in (0u16..).zip(CHARACTERS.iter()) {
        inverse[usize::from(character)] = codeword;
    }
    inverse
});
const NO_CODEWORD: u16 = u16::MAX;

/// The 13-bit words with `ones` bits set, in the order of the specification: pairs that mirror each other from the front,
/// words that mirror themselves from the back.
fn in_order(ones: u32) -> Vec<u16> {
    let mut front = Vec::new();
    let mut back = Vec::new();
    for word in 0u16..1 << 13 {
        let mirrored = word.reverse_bits() >> 3;
        if word.count_ones() != ones || mirrored < word {
            continue;
        }
        if mirrored == word {
            back.push(word);
        } else {
            front.extend([word, mirrored]);
        }
    }
    front.extend(back.iter().rev());
    front
}

/// The 11-bit frame check sequence of a 102-bit value (USPS-B-3200 appendix C).
fn frame_check(value: u128) -> u16 {
    const POLYNOMIAL: u16 = 0x0f35;
    // 102 bits in 13 bytes leave the top two bits of the first byte unused, and they are not part of the check.
    (0..102).rev().fold(0x07ff, |check, bit| {
        let data = ((value >> bit) & 1) as u16;
        let shifted = (check << 1) & 0x07ff;
        if (check >> 10) ^ data == 1 { shifted ^ POLYNOMIAL & 0x07ff } else { shifted }
    })
}

/// What is added to a routing code so that its length can be told from its value, by length.
const ROUTING_OFFSETS: [(usize, u128); 4] = [(0, 0), (5, 1), (9, 100_001), (11, 1_000_100_001)];

impl Imb {
    /// Encodes 20 tracking digits and a routing code of 0, 5, 9 or 11 digits (USPS-B-3200 §3).
    ///
    /// # Errors
    /// The first fault in the order the USPS encoder reports them; [`ImbError::code`] gives its code.
    pub fn encode(tracking: &str, routing: &str) -> Result<Self, ImbError> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if tracking.chars().count() != 20 {
            return Err(ImbError::TrackingLength(tracking.chars().count()));
        }
        if !digits(tracking) {
            return Err(ImbError::TrackingNotDigits);
        }
        if tracking.as_bytes()[1] > b'4' {
            return Err(ImbError::BarcodeIdentifier);
        }
        let length = routing.chars().count();
        let Some((_, offset)) = ROUTING_OFFSETS.iter().find(|(known, _)| *known == length) else {
            return Err(ImbError::RoutingLength(length));
        };
        if !digits(routing) {
            return Err(ImbError::RoutingNotDigits);
        }

        let digit = |byte: u8| u128::from(byte - b'0');
        let mut value = routing.bytes().fold(0, |value, byte| value * 10 + digit(byte)) + offset;
        for (place, byte) in tracking.bytes().enumerate() {
            value = value * if place == 1 { 5 } else { 10 } + digit(byte);
        }
        let letters = bars(value);
        Ok(Self { tracking: tracking.to_owned(), routing: routing.to_owned(), letters })
    }

    /// The tracking and routing digits that 65 letters carry.
    ///
    /// # Errors
    /// [`ImbError::NotBars`] or [`ImbError::Unreadable`]; the frame check must match.
    pub fn decode(letters: &str) -> Result<(String, String), ImbError> {
        if letters.len() != BARS {
            return Err(ImbError::NotBars);
        }
        let mut characters = [0u16; 10];
        for (letter, (descender, ascender)) in letters.bytes().zip(BAR_BITS.iter()) {
            let (descends, ascends) = match letter {
                b'T' => (0, 0),
                b'D' => (1, 0),
                b'A' => (0, 1),
                b'F' => (1, 1),
                _ => return Err(ImbError::NotBars),
            };
            characters[descender.0] |= descends << descender.1;
            characters[ascender.0] |= ascends << ascender.1;
        }

        let mut check = 0u16;
        let mut words = [0u128; 10];
        for (place, character) in characters.into_iter().enumerate() {
            // A set bit of the frame check inverts its character, which leaves eight or eleven bits set.
            let inverted = character.count_ones() > 5;
            let plain = if inverted { !character & 0x1fff } else { character };
            let word = CODEWORDS[usize::from(plain)];
            if word == NO_CODEWORD {
                return Err(ImbError::Unreadable);
            }
            check |= u16::from(inverted) << place;
            words[place] = u128::from(word);
        }
        if words[0] >= 659 {
            words[0] -= 659;
            check |= 0x400;
        }
        // The last codeword is doubled so that a barcode read upside down is odd here.
        if words[0] >= 659 || words[9] % 2 == 1 || words[9] / 2 >= 636 {
            return Err(ImbError::Unreadable);
        }
        let mut value = words[..9].iter().fold(0, |value, word| value * 1365 + word) * 636 + words[9] / 2;
        if value >> 102 != 0 || frame_check(value) != check {
            return Err(ImbError::Unreadable);
        }

        let mut tracking = [0u8; 20];
        for place in (0..20).rev() {
            let base = if place == 1 { 5 } else { 10 };
            tracking[place] = b'0' + (value % base) as u8;
            value /= base;
        }
        let (length, offset) =
            ROUTING_OFFSETS.into_iter().rev().find(|(_, offset)| value >= *offset).ok_or(ImbError::Unreadable)?;
        let routing = if length == 0 { String::new() } else { format!("{:0length$}", value - offset) };
        if routing.len() != length {
            return Err(ImbError::Unreadable);
        }
        Ok((tracking.iter().map(|&byte| char::from(byte)).collect(), routing))
    }

    /// The 65 bars from the left: `T` tracker, `D` descender, `A` ascender, `F` full.
    pub fn letters(&self) -> &str {
        &self.letters
    }

    /// The 20 tracking digits: barcode identifier, service type, Mailer ID and serial number.
    pub fn tracking(&self) -> &str {
        &self.tracking
    }

    /// The routing code: 0, 5, 9 or 11 digits of ZIP Code.
    pub fn routing(&self) -> &str {
        &self.routing
    }
}

/// The letters of a 102-bit value: codewords, characters, bars (USPS-B-3200 §3.2 steps 2 to 6).
fn bars(value: u128) -> String {
    let check = frame_check(value);
    let mut words = [0usize; 10];
    words[9] = (value % 636) as usize * 2;
    let mut rest = value / 636;
    for place in (1..9).rev() {
        words[place] = (rest % 1365) as usize;
        rest /= 1365;
    }
    words[0] = rest as usize + if check & 0x400 != 0 { 659 } else { 0 };

    let mut characters = [0u16; 10];
    for (place, word) in words.into_iter().enumerate() {
        let inverted = if check >> place & 1 == 1 { 0x1fff } else { 0 };
        characters[place] = CHARACTERS[word] ^ inverted;
    }
    let set = |(character, bit): Bit| characters[character] >> bit & 1 == 1;
    BAR_BITS
        .iter()
        .map(|&(descender, ascender)| match (set(descender), set(ascender)) {
            (false, false) => 'T',
            (true, false) => 'D',
            (false, true) => 'A',
            (true, true) => 'F',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use barcodes::common::traits::BarcodeEncoder;
    use proptest::prelude::*;

    /// The figures of the specification, rows of the USPS encoder's reference test set, and one made with its web encoder.
    const VECTORS: [(&str, &str, &str); 11] = [
        ("01234567094987654321", "", "ATTFATTDTTADTAATTDTDTATTDAFDDFADFDFTFFFFFTATFAAAATDFFTDAADFTFDTDT"),
        ("01234567094987654321", "01234", "DTTAFADDTTFTDTFTFDTDDADADAFADFATDDFTAAAFDTTADFAAATDFDTDFADDDTDFFT"),
        ("01234567094987654321", "012345678", "ADFTTAFDTTTTFATTADTAAATFTFTATDAAAFDDADATATDTDTTDFDTDATADADTDFFTFA"),
        ("01234567094987654321", "01234567891", "AADTFFDFTDADTAADAATFDTDDAAADDTDTTDAFADADDDTFFFDDTTTADFAAADFTDAADA"),
        ("53379777234994544928", "51135759461", "DAFDTDAFFDFTDADTDDFTTFDTATATFFFDFTTFFFTFDDTDAAFATDFTFDFDTTTDTTFDA"),
        ("82205455868913559972", "54765515722", "TTTADTFFADAFDTTFDTAADATFFFADFFTDDFFFATDADAATAAADDATFTAADFADTADADD"),
        ("62789641258963214569", "42563", "DTTFAATAADFDFDTADDTFAFADAADTATDDTFATTTATDATDFDATDDDTATATAFADTDFAD"),
        ("40120111574675115924", "62176", "AFDDADATAFDTDTTFAATDDTDFTDDDAFTFFTDTTATFAADFTFTFFADAAFAADFFDAADDT"),
        ("40120111574675115924", "621766091", "ADFFTATTAFTTFTAADTFFATDTDFDDDTTAAFDTDDDFAAFATAFDFDTDTATDDATTADADA"),
        ("40120111574675115924", "", "FAAADFDDADFFDAFDFFTFDFFFFTADFADTTTATTTADDDAFTATADDTADDDATATFFTFDD"),
        ("23270592831482031240", "96713024817", "DDADATADTAATDTTTDFDTTFTFFADTFTDFTATAAFTTFATDAATATDATATFADAADDTFDT"),
    ];

    /// The letters by the crate `barcodes`, which is known to agree with the whole reference set.
    fn by_barcodes(tracking: &str, routing: &str) -> String {
        let mut modules = [false; 387];
        barcodes::postal::imb::Imb::encode_into(&format!("{tracking}-{routing}"), &mut modules).unwrap();
        // Three rows of 129: ascender, tracker, descender; every other column is a gap.
        (0..BARS)
            .map(|bar| match (modules[2 * bar], modules[258 + 2 * bar]) {
                (false, false) => 'T',
                (true, false) => 'A',
                (false, true) => 'D',
                (true, true) => 'F',
            })
            .collect()
    }

    fn digits() -> impl Strategy<Value = (String, String)> {
        ("[0-9][0-4][0-9]{18}", prop_oneof!["", "[0-9]{5}", "[0-9]{9}", "[0-9]{11}"])
    }

    #[test]
    fn the_published_vectors_encode_to_their_bars() {
        for (tracking, routing, bars) in VECTORS {
            assert_eq!(Imb::encode(tracking, routing).unwrap().letters(), bars, "{tracking} {routing}");
        }
    }

    #[test]
    fn the_published_bars_decode_to_their_digits() {
        for (tracking, routing, bars) in VECTORS {
            assert_eq!(Imb::decode(bars), Ok((tracking.to_owned(), routing.to_owned())));
        }
    }

    #[test]
    fn the_frame_check_of_the_published_figures_is_right() {
        let figures = [
            (0x1122_103b_5c20_04b1_u128, 0x051),
            (0x0d13_8a87_bab5_cf38_04b1, 0x065),
            (0x0202_bdc0_9771_1204_d218_04b1, 0x606),
            (0x0001_6907_b2a2_4abc_16a2_e5c0_04b1, 0x751),
        ];
        for (value, check) in figures {
            assert_eq!(frame_check(value), check, "{value:x}");
        }
    }

    #[test]
    fn the_character_tables_start_and_end_as_published() {
        let (five, two) = CHARACTERS.split_at(1287);
        assert_eq!(five[..4], [31, 7936, 47, 7808]);
        assert_eq!(five[1283..], [1252, 856, 744, 496]);
        assert_eq!(two[..4], [3, 6144, 5, 5120]);
        assert_eq!(two[74..], [1028, 520, 272, 160]);
    }

    #[test]
    fn each_fault_has_the_code_of_the_usps_encoder() {
        let cases = [
            ("0123456709498765432", "", 9),
            ("012345670949876543211", "", 9),
            ("0123456709498765432A", "", 10),
            ("05234567094987654321", "", 11),
            ("01234567094987654321", "0123", 12),
            ("01234567094987654321", "0123A", 13),
            ("0123456709498765432١", "", 10),
            ("01234567094987654321", "0123١", 13),
        ];
        for (tracking, routing, code) in cases {
            assert_eq!(Imb::encode(tracking, routing).unwrap_err().code(), code, "{tracking} {routing}");
        }
    }

    #[test]
    fn letters_that_are_no_barcode_are_refused() {
        assert_eq!(Imb::decode("TDAF"), Err(ImbError::NotBars));
        assert_eq!(Imb::decode(&"X".repeat(65)), Err(ImbError::NotBars));
        assert_eq!(Imb::decode(&"T".repeat(65)), Err(ImbError::Unreadable));
        assert_eq!(Imb::decode(&"F".repeat(65)), Err(ImbError::Unreadable));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_digits((tracking, routing) in digits()) {
            let imb = Imb::encode(&tracking, &routing).unwrap();
            prop_assert_eq!(Imb::decode(imb.letters()), Ok((tracking, routing)));
        }

        #[test]
        fn an_independent_encoder_makes_the_same_bars((tracking, routing) in digits()) {
            let imb = Imb::encode(&tracking, &routing).unwrap();
            prop_assert_eq!(imb.letters(), by_barcodes(&tracking, &routing));
        }

        #[test]
        fn one_bar_misread_is_noticed((tracking, routing) in digits(), place in 0..BARS, other in 1usize..4) {
            let mut letters = Imb::encode(&tracking, &routing).unwrap().letters().to_owned().into_bytes();
            let kinds = *b"TDAF";
            let kind = kinds.iter().position(|kind| *kind == letters[place]).unwrap();
            letters[place] = kinds[(kind + other) % 4];
            let letters = String::from_utf8(letters).unwrap();
            prop_assert_ne!(Imb::decode(&letters), Ok((tracking, routing)));
        }

        #[test]
        fn no_letters_make_decode_panic(letters in "[TDAF]{65}|.{0,70}") {
            let _ = Imb::decode(&letters);
        }
    }
}
