//! Encodes square Data Matrix symbols (ISO/IEC 16022, ECC 200) from 10 to 40 modules on a side, in ASCII encodation.
//!
//! Every sheet of every piece has one, so it is what most of the time would go to that is not hashing. The text is short and
//! half of it digits, which go two to a codeword: a search for a shorter encodation takes longer than all else there is.

use std::sync::{LazyLock, OnceLock};

/// Modules on a side with the finder pattern, regions on a side, data codewords, error correction codewords: the sizes whose
/// codewords are one block (ISO/IEC 16022 table 7).
const SIZES: [(usize, usize, usize, usize); 12] = [
    (10, 1, 3, 5),
    (12, 1, 5, 7),
    (14, 1, 8, 10),
    (16, 1, 12, 12),
    (18, 1, 18, 14),
    (20, 1, 22, 18),
    (22, 1, 30, 20),
    (24, 1, 36, 24),
    (26, 1, 44, 28),
    (32, 2, 62, 36),
    (36, 2, 86, 42),
    (40, 2, 114, 48),
];

/// The most codewords that a symbol has.
const MOST_CODEWORDS: usize = 114 + 48;

/// A symbol as rows of modules from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataMatrix {
    /// Modules on a side.
    pub(crate) side: usize,
    /// A bit for each module, set if it is dark, and that of the first column the lowest.
    rows: Vec<u64>,
}

impl DataMatrix {
    /// Row, first column, and number of modules of each run of dark ones along the rows.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.rows.iter().enumerate().flat_map(|(row, bits)| {
            let (mut rest, mut column) = (*bits, 0);
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                // No symbol has as many columns as there are bits.
                let light = rest.trailing_zeros();
                let dark = (rest >> light).trailing_ones();
                rest >>= light + dark;
                let first = column + light as usize;
                column = first + dark as usize;
                Some((row, first, dark as usize))
            })
        })
    }
}

/// Encodes ASCII text; nothing if it is too long or has another character.
pub(crate) fn encode(text: &str) -> Option<DataMatrix> {
    let mut codewords = ascii(text)?;
    let (size, shape) = SIZES.iter().zip(&SHAPES).find(|((.., data, _), _)| codewords.len() <= *data)?;
    let shape = shape.get_or_init(|| Shape::new(*size));
    pad(&mut codewords, shape.data);
    shape.append_check(&mut codewords);

    let mut rows = shape.blank.clone();
    for (codeword, places) in codewords.iter().zip(&shape.places) {
        for (bit, (row, column)) in places.iter().rev().enumerate() {
            rows[usize::from(*row)] |= u64::from(codeword >> bit & 1) << column;
        }
    }
    Some(DataMatrix { side: shape.side, rows })
}

/// Codewords of ASCII encodation: two digits in one, any other character in one (ISO/IEC 16022 5.2.3).
fn ascii(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let mut codewords = Vec::with_capacity(text.len().max(MOST_CODEWORDS));
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Some(codewords),
            [tens @ b'0'..=b'9', units @ b'0'..=b'9', rest @ ..] => {
                codewords.push(130 + 10 * (tens - b'0') + (units - b'0'));
                rest
            }
            [character, rest @ ..] => {
                codewords.push(character + 1);
                rest
            }
        };
    }
}

/// Fills up to the size of the symbol: one mark for the end, then what looks like chance (ISO/IEC 16022 5.2.4.1).
fn pad(codewords: &mut Vec<u8>, data: usize) {
    const END: u8 = 129;
    if codewords.len() < data {
        codewords.push(END);
    }
    while codewords.len() < data {
        let place = codewords.len() + 1;
        let padded = usize::from(END) + 149 * place % 253 + 1;
        codewords.push(if padded <= 254 { padded } else { padded - 254 } as u8);
    }
}

/// What symbols of one size have in common.
struct Shape {
    side: usize,
    data: usize,
    /// The finder pattern and, where no codeword is, the pattern that fills the corner.
    blank: Vec<u64>,
    /// For each codeword the row and the column that each of its bits is in, first bit first.
    places: Vec<[(u8, u8); 8]>,
    /// How many check codewords there are.
    check: usize,
    /// For each factor the product of it and the coefficients of the polynomial that makes the check codewords, without the
    /// first, which is 1.
    products: Vec<u8>,
}

/// The shape of each size, once a symbol of it was needed.
static SHAPES: [OnceLock<Shape>; SIZES.len()] = [const { OnceLock::new() }; SIZES.len()];

impl Shape {
    fn new((side, regions, data, check): (usize, usize, usize, usize)) -> Self {
        let region = side / regions;
        let inner = (region - 2) * regions;
        // From a module within the regions laid side by side to one in the symbol.
        let outer = |at: usize| at + 1 + 2 * (at / (region - 2));
        let mut blank = vec![0u64; side];
        for (row, bits) in blank.iter_mut().enumerate() {
            for column in 0..side {
                let (up, across) = (row % region, column % region);
                // Solid at the left and the bottom, every other module at the top and the right.
                let dark = if across == 0 || up == region - 1 {
                    true
                } else if up == 0 {
                    across % 2 == 0
                } else {
                    across == region - 1 && up % 2 == 1
                };
                *bits |= u64::from(dark) << column;
            }
        }
        let (order, corner) = placement(inner);
        if corner {
            for at in [inner - 1, inner - 2] {
                blank[outer(at)] |= 1 << outer(at);
            }
        }
        let places = order.into_iter().map(|bits| bits.map(|(row, column)| (outer(row) as u8, outer(column) as u8)));
        let generator = generator(check);
        let products = (0..=u8::MAX).flat_map(|factor| generator.iter().map(move |term| multiply(factor, *term)));
        Self { side, data, blank, places: places.collect(), check, products: products.collect() }
    }

    /// Appends the check codewords: what is left when the data is divided by the generator (ISO/IEC 16022 annex E).
    fn append_check(&self, codewords: &mut Vec<u8>) {
        let data = codewords.len();
        let mut rest = [0; MOST_CODEWORDS];
        rest[..data].copy_from_slice(codewords);
        for place in 0..data {
            let products = &self.products[usize::from(rest[place]) * self.check..][..self.check];
            for (rest, product) in rest[place + 1..].iter_mut().zip(products) {
                *rest ^= product;
            }
        }
        codewords.extend_from_slice(&rest[data..][..self.check]);
    }
}

/// Logarithms and powers of 2 in the field of 256 elements with the polynomial 301.
static FIELD: LazyLock<([u8; 256], [u8; 255])> = LazyLock::new(|| {
    let (mut logarithms, mut powers) = ([0; 256], [0; 255]);
    let mut value = 1usize;
    for (exponent, power) in powers.iter_mut().enumerate() {
        *power = value as u8;
        logarithms[value] = exponent as u8;
        value <<= 1;
        if value > 255 {
            value ^= 301;
        }
    }
    (logarithms, powers)
});

fn multiply(a: u8, b: u8) -> u8 {
    let (logarithms, powers) = &*FIELD;
    if a == 0 || b == 0 {
        return 0;
    }
    powers[(usize::from(logarithms[usize::from(a)]) + usize::from(logarithms[usize::from(b)])) % 255]
}

/// The product of `x - 2^1` to `x - 2^check`, highest coefficient first and without it.
fn generator(check: usize) -> Vec<u8> {
    let mut product = vec![1u8];
    for power in 1..=check {
        let root = FIELD.1[power];
        product.push(0);
        for at in (1..product.len()).rev() {
            product[at] ^= multiply(product[at - 1], root);
        }
    }
    product.split_off(1)
}

/// For each codeword in a square of `side` modules the row and column of each of its bits, and whether the right bottom corner
/// is left over (ISO/IEC 16022 annex F).
fn placement(side: usize) -> (Vec<[(usize, usize); 8]>, bool) {
    let size = side as isize;
    let mut taken = vec![false; side * side];
    let mut order = Vec::new();
    // Places a codeword whose bits are at these rows and columns, which wrap around the edges.
    let mut put = |taken: &mut Vec<bool>, bits: [(isize, isize); 8]| {
        order.push(bits.map(|(mut row, mut column)| {
            if row < 0 {
                row += size;
                column += 4 - (size + 4) % 8;
            }
            if column < 0 {
                column += size;
                row += 4 - (size + 4) % 8;
            }
            let (row, column) = (row as usize, column as usize);
            taken[row * side + column] = true;
            (row, column)
        }));
    };
    let shape = |row: isize, column: isize| {
        [(2, 2), (2, 1), (1, 2), (1, 1), (1, 0), (0, 2), (0, 1), (0, 0)].map(|(up, left)| (row - up, column - left))
    };
    let last = size - 1;
    // The four shapes that codewords have where the regular one meets a corner.
    let corners = [
        [(last, 0), (last, 1), (last, 2), (0, last - 1), (0, last), (1, last), (2, last), (3, last)],
        [(last - 2, 0), (last - 1, 0), (last, 0), (0, last - 3), (0, last - 2), (0, last - 1), (0, last), (1, last)],
        [(last - 2, 0), (last - 1, 0), (last, 0), (0, last - 1), (0, last), (1, last), (2, last), (3, last)],
        [(last, 0), (last, last), (0, last - 2), (0, last - 1), (0, last), (1, last - 2), (1, last - 1), (1, last)],
    ];
    let is_free = |taken: &[bool], row: isize, column: isize| {
        (0..size).contains(&row) && (0..size).contains(&column) && !taken[row as usize * side + column as usize]
    };
    let (mut row, mut column) = (4, 0);
    while row < size || column < size {
        let corner = match (row, column) {
            (row, 0) if row == size => Some(0),
            (row, 0) if row == size - 2 && size % 4 != 0 => Some(1),
            (row, 2) if row == size + 4 && size % 8 == 0 => Some(3),
            _ => None,
        };
        if let Some(corner) = corner {
            put(&mut taken, corners[corner]);
        }
        // The third comes where the second may have come as well.
        if row == size - 2 && column == 0 && size % 8 == 4 {
            put(&mut taken, corners[2]);
        }
        while row >= 0 && column < size {
            if is_free(&taken, row, column) {
                put(&mut taken, shape(row, column));
            }
            (row, column) = (row - 2, column + 2);
        }
        (row, column) = (row + 1, column + 3);
        while row < size && column >= 0 {
            if is_free(&taken, row, column) {
                put(&mut taken, shape(row, column));
            }
            (row, column) = (row + 2, column - 2);
        }
        (row, column) = (row + 3, column + 1);
    }
    let corner = !taken[side * side - 1];
    (order, corner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datamatrix::data::EncodationType;
    use datamatrix::{DataMatrixBuilder, SymbolList};
    use proptest::prelude::*;

    /// What another encoder makes of a text when it is told to use ASCII encodation.
    fn reference(text: &str) -> DataMatrix {
        let code = DataMatrixBuilder::new()
            .with_encodation_types(EncodationType::Ascii)
            .with_symbol_list(SymbolList::default().enforce_square())
            .encode(text.as_bytes())
            .unwrap();
        let bitmap = code.bitmap();
        let row = |modules: &[bool]| modules.iter().rev().fold(0, |bits, dark| bits << 1 | u64::from(*dark));
        DataMatrix { side: bitmap.width(), rows: bitmap.bits().chunks(bitmap.width()).map(row).collect() }
    }

    /// The modules row by row, dark ones true.
    fn modules(code: &DataMatrix) -> Vec<bool> {
        code.rows.iter().flat_map(|row| (0..code.side).map(move |column| row >> column & 1 == 1)).collect()
    }

    #[test]
    fn every_size_is_what_another_encoder_makes() {
        for length in 1..=114 {
            let text: String = (0..length).map(|place| char::from(b'A' + (place * 7 % 26) as u8)).collect();
            assert_eq!(encode(&text).unwrap(), reference(&text), "{length}");
        }
    }

    #[test]
    fn what_is_too_long_or_not_ascii_is_refused() {
        assert_eq!(encode(&"A".repeat(115)), None);
        assert_eq!(encode("é"), None);
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "[ -~]{1,90}") {
            let code = encode(&text).unwrap();
            prop_assert_eq!(datamatrix::DataMatrix::decode(&modules(&code), code.side), Ok(text.clone().into_bytes()));
            prop_assert_eq!(code, reference(&text));
        }
    }
}
