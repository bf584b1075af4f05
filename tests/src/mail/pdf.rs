//! Writes a PDF as programs do that make letters: with a table of its objects, with objects packed into streams, or with both.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// How a file is made of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// Each by itself, and a table of all.
    Table,
    /// Packed into object streams, and a cross-reference stream of all.
    Packed,
    /// Packed as well, with a table for old readers that knows none of what is packed, and at the end an empty one that names the
    /// cross-reference stream: as office programs write it.
    Office,
}

/// A PDF under construction.
#[derive(Debug, Default)]
pub struct Pdf {
    objects: Vec<Object>,
}

#[derive(Debug, Default)]
struct Object {
    /// A value; of a stream its dictionary, without the brackets.
    value: String,
    stream: Option<Vec<u8>>,
}

impl Pdf {
    /// A number for an object that is written later.
    pub fn reserve(&mut self) -> usize {
        self.objects.push(Object::default());
        self.objects.len()
    }

    /// Writes a reserved object.
    pub fn set(&mut self, number: usize, value: impl Into<String>) {
        self.objects[number - 1].value = value.into();
    }

    /// Adds an object.
    pub fn add(&mut self, value: impl Into<String>) -> usize {
        let number = self.reserve();
        self.set(number, value);
        number
    }

    /// Adds a stream as it is. `dictionary` is what the dictionary has beside the length.
    pub fn stream(&mut self, dictionary: impl Into<String>, bytes: Vec<u8>) -> usize {
        self.objects.push(Object { value: dictionary.into(), stream: Some(bytes) });
        self.objects.len()
    }

    /// Adds a stream and compresses it.
    ///
    /// # Errors
    /// None, in memory.
    pub fn packed(&mut self, dictionary: &str, bytes: &[u8]) -> io::Result<usize> {
        let packed = deflate(bytes)?;
        Ok(self.stream(format!("{dictionary}/Filter/FlateDecode"), packed))
    }

    /// The file. `trailer` names the catalog and what else there is.
    ///
    /// # Errors
    /// None, in memory.
    pub fn finish(mut self, trailer: &str, structure: Structure) -> io::Result<Vec<u8>> {
        let packed = structure != Structure::Table;
        let mut file = format!("%PDF-1.{}\n%\u{e2}\u{e3}\u{cf}\u{d3}\n", if packed { 5 } else { 4 }).into_bytes();
        // Type, then offset or number of the object stream, then index in it, as a cross-reference stream has them.
        let mut places = vec![(0u8, 0usize, 0u16); self.objects.len() + 1];
        if packed {
            let loose: Vec<usize> =
                (0..self.objects.len()).filter(|place| self.objects[*place].stream.is_none()).collect();
            for group in loose.chunks(100) {
                let holder = self.objects.len() + 1;
                let (mut index, mut body) = (String::new(), String::new());
                for (place, number) in group.iter().enumerate() {
                    index.push_str(&format!("{} {} ", number + 1, body.len()));
                    body.push_str(&self.objects[*number].value);
                    body.push('\n');
                    places[number + 1] = (2, holder, place as u16);
                }
                let first = index.len();
                let dictionary = format!("/Type/ObjStm/N {}/First {first}", group.len());
                self.packed(&dictionary, (index + &body).as_bytes())?;
                places.push((0, 0, 0));
            }
        }
        for (place, object) in self.objects.iter().enumerate() {
            let number = place + 1;
            if places[number].0 == 2 {
                continue;
            }
            places[number] = (1, file.len(), 0);
            writeln!(file, "{number} 0 obj")?;
            match &object.stream {
                None => file.extend_from_slice(object.value.as_bytes()),
                Some(bytes) => {
                    write!(file, "<<{}/Length {}>>\nstream\n", object.value, bytes.len())?;
                    file.extend_from_slice(bytes);
                    file.extend_from_slice(b"\nendstream");
                }
            }
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        if packed {
            places.push((1, start, 0));
            let mut table = Vec::new();
            for (kind, place, index) in &places {
                table.push(*kind);
                table.extend_from_slice(&(*place as u32).to_be_bytes());
                table.extend_from_slice(&index.to_be_bytes());
            }
            let table = deflate(&table)?;
            let (number, size) = (places.len() - 1, places.len());
            write!(
                file,
                "{number} 0 obj\n<</Type/XRef/Size {size}/W[1 4 2]{trailer}/Filter/FlateDecode/Length {}>>\nstream\n",
                table.len()
            )?;
            file.extend_from_slice(&table);
            file.extend_from_slice(b"\nendstream\nendobj\n");
        }
        if structure == Structure::Packed {
            write!(file, "startxref\n{start}\n%%EOF\n")?;
            return Ok(file);
        }
        let table = file.len();
        write!(file, "xref\n0 {}\n0000000000 65535 f \n", places.len())?;
        for (kind, offset, _) in places.iter().skip(1) {
            match kind {
                1 => writeln!(file, "{offset:010} 00000 n ")?,
                _ => writeln!(file, "0000000000 65535 f ")?,
            }
        }
        write!(file, "trailer\n<</Size {}{trailer}>>\nstartxref\n{table}\n%%EOF\n", places.len())?;
        if structure == Structure::Office {
            let last = file.len();
            write!(file, "xref\n0 0\ntrailer\n<</Size {}{trailer}/Prev {table}/XRefStm {start}>>\n", places.len())?;
            write!(file, "startxref\n{last}\n%%EOF\n")?;
        }
        Ok(file)
    }
}

/// Compresses.
///
/// # Errors
/// None, in memory.
pub fn deflate(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes)?;
    encoder.finish()
}
