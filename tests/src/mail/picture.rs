//! Pictures for letters: JPEGs as valid as a camera's and as incompressible, made as fast as they can be copied.
//!
//! What makes a JPEG slow to make is the transform and the search for short codes. Neither is needed to have one: the
//! coefficients are thrown as dice, their codes have four bits each, and rows of blocks, each between two restart markers,
//! are made once and put together anew for each picture (ISO/IEC 10918-1, annexes B and F).

use super::people::Dice;

/// The side of a block, pixels.
const BLOCK: usize = 8;

/// Runs of zeros and sizes of what follows, in a byte each as ISO/IEC 10918-1 F.1.2.2 has them; the first ends a block.
const SYMBOLS: [u8; 15] = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x11, 0x12, 0x13, 0x21, 0x22, 0x31, 0x41, 0x51, 0x61];

/// Rows of blocks that pictures of one width are put together of.
#[derive(Debug)]
pub struct Rows {
    blocks: usize,
    rows: Vec<Vec<u8>>,
}

impl Rows {
    /// So many different rows of so many blocks.
    pub fn new(dice: &mut Dice, blocks: usize, count: usize) -> Self {
        Rows { blocks, rows: (0..count).map(|_| row(dice, blocks)).collect() }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.blocks * BLOCK
    }

    /// A colour JPEG of so many rows of blocks, which are eight pixels high.
    pub fn picture(&self, dice: &mut Dice, rows: usize) -> Vec<u8> {
        let height = rows * BLOCK;
        let mut jpeg = vec![0xFF, 0xD8];
        segment(&mut jpeg, 0xE0, b"JFIF\0\x01\x02\x01\x00\xC8\x00\xC8\0\0");
        let mut quantizers = vec![0];
        quantizers.extend((0..64).map(|place: u8| 6 + place / 2));
        segment(&mut jpeg, 0xDB, &quantizers);
        let mut frame = vec![8];
        frame.extend((height as u16).to_be_bytes());
        frame.extend((self.width() as u16).to_be_bytes());
        frame.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
        segment(&mut jpeg, 0xC0, &frame);
        // Eight codes of four bits for the sizes of the means, fifteen for the rest; that of ones alone is not allowed.
        segment(&mut jpeg, 0xC4, &[&[0x00, 0, 0, 0, 8], &[0; 12][..], &[0, 1, 2, 3, 4, 5, 6, 7]].concat());
        segment(&mut jpeg, 0xC4, &[&[0x10, 0, 0, 0, 15], &[0; 12][..], &SYMBOLS].concat());
        segment(&mut jpeg, 0xDD, &(self.blocks as u16).to_be_bytes());
        segment(&mut jpeg, 0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
        for row in 0..rows {
            if row > 0 {
                jpeg.extend([0xFF, 0xD0 + ((row - 1) % 8) as u8]);
            }
            jpeg.extend_from_slice(&self.rows[dice.below(self.rows.len())]);
        }
        jpeg.extend([0xFF, 0xD9]);
        jpeg
    }
}

fn segment(jpeg: &mut Vec<u8>, marker: u8, body: &[u8]) {
    jpeg.extend([0xFF, marker]);
    jpeg.extend((body.len() as u16 + 2).to_be_bytes());
    jpeg.extend_from_slice(body);
}

/// A row of blocks of three colours each: soft hills of light with some grain.
fn row(dice: &mut Dice, blocks: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut means = [dice.below(120) as i32 - 60, dice.below(30) as i32 - 15, dice.below(30) as i32 - 15];
    let mut before = [0; 3];
    for _ in 0..blocks {
        for (colour, mean) in means.iter_mut().enumerate() {
            let (step, least, most) = if colour == 0 { (12, -90, 90) } else { (3, -25, 25) };
            *mean = (*mean + dice.below(2 * step + 1) as i32 - step as i32).clamp(least, most);
            let difference = *mean - before[colour];
            before[colour] = *mean;
            let size = size(difference);
            bits.put(size, 4);
            bits.put(magnitude(difference, size), size);
            let grain = if colour == 0 { 10 + dice.below(12) } else { dice.below(4) };
            // The mean was the first of the block's 64 coefficients.
            let mut place = 1;
            for _ in 0..grain {
                let symbol = 1 + dice.below(SYMBOLS.len() - 1);
                let size = u32::from(SYMBOLS[symbol] & 0x0F);
                place += usize::from(SYMBOLS[symbol] >> 4) + 1;
                // A full block has no end, so it is not filled up.
                if place >= BLOCK * BLOCK {
                    break;
                }
                bits.put(symbol as u32, 4);
                bits.put(dice.below(1 << size) as u32, size);
            }
            bits.put(0, 4);
        }
    }
    bits.finish()
}

/// How many bits a difference needs.
fn size(difference: i32) -> u32 {
    i32::BITS - difference.abs().leading_zeros()
}

/// A difference in that many bits: what is negative counts from the other end.
fn magnitude(difference: i32, size: u32) -> u32 {
    if difference < 0 { (difference + (1 << size) - 1) as u32 } else { difference as u32 }
}

/// Bits, the first in the highest place.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.held = self.held << count | u64::from(value);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                // Else it would begin a marker.
                self.bytes.push(0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let left = (8 - self.count % 8) % 8;
        self.put((1 << left) - 1, left);
        self.bytes
    }
}
