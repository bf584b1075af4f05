//! The bytes of the file being written: objects, the page tree, the document parts, and the cross-reference. Only an offset
//! is kept of an object once it is written, and the number of each part.

use std::io::{self, Write};

use lopdf::{Object, ObjectId};

use crate::drawing::Digits;

/// How many kids a node of the page tree has.
const FAN_OUT: usize = 64;

/// How many bytes are handed on at once. File systems take blocks that begin at a multiple of their size in two thirds of the
/// time that others take.
const GATHER: usize = 128 << 10;

/// A PDF written from front to back (ISO 32000-2 7.5). Offsets have 64 bits, so there is no 4 GiB at which it breaks.
#[derive(Debug)]
pub(crate) struct Output<W> {
    pub(crate) writer: W,
    /// Bytes that are written but not yet with the writer.
    gathered: Vec<u8>,
    /// Bytes written so far.
    pub(crate) position: u64,
    /// Where each object starts, from object 1; 0 until it is written.
    offsets: Vec<u64>,
    levels: Vec<Level>,
    /// The root of the document parts, and each part.
    parts_root: u64,
    parts: Vec<u64>,
    /// What the parts are, each name once.
    kinds: Vec<&'static str>,
    /// Has seen all parts.
    hasher: blake3::Hasher,
}

/// The node of the page tree that is being filled on one level.
#[derive(Debug, Default)]
struct Level {
    id: Option<u64>,
    kids: Vec<u64>,
    pages: u64,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(writer: W) -> io::Result<Self> {
        let mut output = Self {
            writer,
            gathered: Vec::with_capacity(GATHER),
            position: 0,
            offsets: Vec::new(),
            levels: vec![Level::default()],
            parts_root: 0,
            parts: Vec::new(),
            kinds: Vec::new(),
            hasher: blake3::Hasher::new(),
        };
        output.parts_root = output.allocate();
        // Four bytes above 127 tell transfer programs that the file is binary.
        output.write(b"%PDF-2.0\n%\xe2\xe3\xcf\xd3\n")?;
        Ok(output)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        let mut rest = bytes;
        let room = GATHER - self.gathered.len();
        if rest.len() >= room {
            let (first, after) = rest.split_at(room);
            self.gathered.extend_from_slice(first);
            self.hand_on()?;
            let (whole, last) = after.split_at(after.len() / GATHER * GATHER);
            self.writer.write_all(whole)?;
            rest = last;
        }
        self.gathered.extend_from_slice(rest);
        Ok(())
    }

    /// Hands what is gathered to the writer.
    pub(crate) fn hand_on(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    /// A new object number.
    pub(crate) fn allocate(&mut self) -> u64 {
        self.offsets.push(0);
        self.offsets.len() as u64
    }

    /// Writes an object that is no stream.
    pub(crate) fn put(&mut self, id: u64, body: &[u8]) -> io::Result<()> {
        self.begin(id)?;
        self.write(body)?;
        self.write(b"\nendobj\n")
    }

    /// Writes a stream; `head` is its dictionary and ends with `>>`.
    pub(crate) fn put_stream(&mut self, id: u64, head: &[u8], content: &[u8]) -> io::Result<()> {
        self.begin(id)?;
        self.write(head)?;
        self.write(b"stream\n")?;
        self.write(content)?;
        self.write(b"\nendstream\nendobj\n")
    }

    fn begin(&mut self, id: u64) -> io::Result<()> {
        self.offsets[id as usize - 1] = self.position;
        self.write(Digits::integer(id).as_bytes())?;
        self.write(b" 0 obj\n")
    }

    /// The root of the document parts, which is the parent of each.
    pub(crate) fn parts_root(&self) -> u64 {
        self.parts_root
    }

    /// Writes a document part, whose kind has this name.
    pub(crate) fn put_part(&mut self, part: u64, body: &[u8], kind: &'static str) -> io::Result<()> {
        self.hasher.update(body);
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        self.parts.push(part);
        self.put(part, body)
    }

    /// The node that the next page will be a kid of.
    pub(crate) fn parent(&mut self) -> u64 {
        self.node(0)
    }

    fn node(&mut self, level: usize) -> u64 {
        if level == self.levels.len() {
            self.levels.push(Level::default());
        }
        match self.levels[level].id {
            Some(id) => id,
            None => {
                let id = self.allocate();
                self.levels[level].id = Some(id);
                id
            }
        }
    }

    /// Adds a page that was written with [`Self::parent`] as its parent.
    pub(crate) fn add_page(&mut self, page: u64) -> io::Result<()> {
        self.add_kid(0, page, 1)
    }

    fn add_kid(&mut self, level: usize, kid: u64, pages: u64) -> io::Result<()> {
        self.node(level);
        let node = &mut self.levels[level];
        node.kids.push(kid);
        node.pages += pages;
        if node.kids.len() == FAN_OUT { self.close(level) } else { Ok(()) }
    }

    /// Writes the node of a level and hands it to the level above.
    fn close(&mut self, level: usize) -> io::Result<()> {
        let parent = self.node(level + 1);
        let id = self.node(level);
        let node = std::mem::take(&mut self.levels[level]);
        self.put_node(id, &node, Some(parent))?;
        self.add_kid(level + 1, id, node.pages)
    }

    fn put_node(&mut self, id: u64, node: &Level, parent: Option<u64>) -> io::Result<()> {
        let mut body = b"<</Type/Pages".to_vec();
        if let Some(parent) = parent {
            body.extend_from_slice(b"/Parent ");
            put_reference(&mut body, parent);
        }
        body.extend_from_slice(b"/Count ");
        body.extend_from_slice(Digits::integer(node.pages).as_bytes());
        body.extend_from_slice(b"/Kids[");
        for (place, &kid) in node.kids.iter().enumerate() {
            if place > 0 {
                body.push(b' ');
            }
            put_reference(&mut body, kid);
        }
        body.extend_from_slice(b"]>>");
        self.put(id, &body)
    }

    /// Closes the page tree and writes catalog, cross-reference and the end of the file.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let mut level = 0;
        // Closing a node can fill the one above and so add a level: the length is read anew each time.
        while level + 1 < self.levels.len() {
            if !self.levels[level].kids.is_empty() {
                self.close(level)?;
            }
            level += 1;
        }
        let root = self.node(level);
        let node = std::mem::take(&mut self.levels[level]);
        self.put_node(root, &node, None)?;
        let parts = self.put_parts()?;
        let catalog = self.allocate();
        self.put(catalog, format!("<</Type/Catalog/Version/2.0/Pages {root} 0 R{parts}>>").as_bytes())?;

        let reference = self.allocate();
        let start = self.position;
        self.offsets[reference as usize - 1] = start;
        let entries = self.offsets.len() + 1;
        let id = self.identifier();
        let head = format!(
            "<</Type/XRef/Size {entries}/W[1 {OFFSET_WIDTH} 2]/Root {catalog} 0 R/ID[<{id}><{id}>]/Length {}>>",
            entries * ENTRY
        );
        self.begin(reference)?;
        self.write(head.as_bytes())?;
        self.write(b"stream\n")?;
        self.write(&entry(0, 0, u16::MAX))?;
        for place in 0..self.offsets.len() {
            // An object number that was given out and never used is free.
            let entry = match self.offsets[place] {
                0 => entry(0, 0, 0),
                offset => entry(1, offset, 0),
            };
            self.write(&entry)?;
        }
        self.write(b"\nendstream\nendobj\n")?;
        self.write(format!("startxref\n{start}\n%%EOF\n").as_bytes())?;
        self.hand_on()?;
        self.writer.flush()
    }

    /// Writes the tree of document parts (ISO 32000-2 14.12) and gives the catalog's entry for it; nothing without parts.
    fn put_parts(&mut self) -> io::Result<String> {
        if self.parts.is_empty() {
            return Ok(String::new());
        }
        let catalogued = self.allocate();
        let node = self.parts_root;
        // All parts are on one level, which has one name.
        let kind = if let [only] = self.kinds[..] { only } else { "Record" };
        self.put(
            catalogued,
            format!("<</Type/DPartRoot/DPartRootNode {node} 0 R/RecordLevel 1/NodeNameList[/Job/{kind}]>>").as_bytes(),
        )?;
        self.begin(node)?;
        self.write(
            format!(
                "<</Type/DPart/Parent {catalogued} 0 R/DPM<</CIP4_Root<</Type/CIP4_Root/CIP4_Metadata\
                 <</Type/CIP4_Metadata/CIP4_Conformance[(base)]/CIP4_Creator(Mailhouse)>>>>>>/DParts[["
            )
            .as_bytes(),
        )?;
        for (place, part) in std::mem::take(&mut self.parts).into_iter().enumerate() {
            if place > 0 {
                self.write(b" ")?;
            }
            self.write(Digits::integer(part).as_bytes())?;
            self.write(b" 0 R")?;
        }
        self.write(b"]]>>\nendobj\n")?;
        Ok(format!("/DPartRoot {catalogued} 0 R"))
    }

    /// What tells this file from others (ISO 32000-2 14.4), in hexadecimal: a hash of its parts, which name jobs and
    /// pieces, and of where its objects are, for a time or a chance number would make other bytes of the same pieces.
    fn identifier(&self) -> String {
        let mut hasher = self.hasher.clone();
        for offset in &self.offsets {
            hasher.update(&offset.to_le_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// Bytes of an offset in the cross-reference: enough for a terabyte.
const OFFSET_WIDTH: usize = 5;

/// Bytes of an entry in the cross-reference.
const ENTRY: usize = 1 + OFFSET_WIDTH + 2;

/// An entry of a cross-reference stream (ISO 32000-2 7.5.8.3).
fn entry(kind: u8, offset: u64, generation: u16) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[0] = kind;
    entry[1..=OFFSET_WIDTH].copy_from_slice(&offset.to_be_bytes()[8 - OFFSET_WIDTH..]);
    entry[1 + OFFSET_WIDTH..].copy_from_slice(&generation.to_be_bytes());
    entry
}

/// Writes a reference to an object.
pub(crate) fn put_reference(out: &mut Vec<u8>, id: u64) {
    out.extend_from_slice(Digits::integer(id).as_bytes());
    out.extend_from_slice(b" 0 R");
}

/// Writes an object's syntax (ISO 32000-2 7.3) with its references renumbered; where `number` gives nothing, null stands.
pub(crate) fn serialize(out: &mut Vec<u8>, object: &Object, number: &mut impl FnMut(ObjectId) -> Option<u64>) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Object::Integer(value) => serialize_integer(out, *value),
        Object::Real(value) => serialize_real(out, *value),
        Object::Name(name) => serialize_name(out, name),
        Object::String(bytes, _) => serialize_string(out, bytes),
        Object::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b' ');
                }
                serialize(out, item, number);
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => {
            out.extend_from_slice(b"<<");
            for (key, value) in dictionary.iter() {
                serialize_entry(out, key, value, number);
            }
            out.extend_from_slice(b">>");
        }
        // A stream is always an object of its own; as a value it is written as nothing.
        Object::Stream(_) => out.extend_from_slice(b"null"),
        Object::Reference(id) => match number(*id) {
            Some(id) => put_reference(out, id),
            None => out.extend_from_slice(b"null"),
        },
    }
}

/// Writes a key and its value.
pub(crate) fn serialize_entry(
    out: &mut Vec<u8>,
    key: &[u8],
    value: &Object,
    number: &mut impl FnMut(ObjectId) -> Option<u64>,
) {
    serialize_name(out, key);
    out.push(b' ');
    serialize(out, value, number);
}

pub(crate) fn serialize_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(Digits::integer(value.unsigned_abs()).as_bytes());
}

pub(crate) fn serialize_real(out: &mut Vec<u8>, value: f32) {
    if !value.is_finite() {
        out.push(b'0');
        return;
    }
    // PDF has no exponents, and Display writes none. The point keeps a large value from being read as an integer.
    let text = value.to_string();
    out.extend_from_slice(text.as_bytes());
    if !text.contains('.') {
        out.extend_from_slice(b".0");
    }
}

pub(crate) fn serialize_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    if name.iter().all(|&byte| stands_for_itself(byte)) {
        out.extend_from_slice(name);
        return;
    }
    for &byte in name {
        if stands_for_itself(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        }
    }
}

/// Whether a byte stands for itself in a name (ISO 32000-2 7.3.5).
pub(crate) fn stands_for_itself(byte: u8) -> bool {
    IN_NAMES[usize::from(byte)]
}

/// Whether each byte does.
static IN_NAMES: [bool; 256] = {
    let mut in_names = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        in_names[byte as usize] =
            !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' | b'#');
        byte += 1;
    }
    in_names
};

pub(crate) fn serialize_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'(');
    for &byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // A bare carriage return would be read as a line feed.
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::{Document, StringFormat, dictionary};

    fn written(pages: u64) -> Document {
        let mut output = Output::new(Vec::new()).unwrap();
        for _ in 0..pages {
            let parent = output.parent();
            let page = output.allocate();
            let body = format!("<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 9 9]/Resources<<>>>>");
            output.put(page, body.as_bytes()).unwrap();
            output.add_page(page).unwrap();
        }
        output.finish().unwrap();
        Document::load_mem(&output.writer).unwrap()
    }

    /// Keeps what it is given, and how many bytes it had after each time.
    #[derive(Default)]
    struct Kept {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes.extend_from_slice(bytes);
            self.ends.push(self.bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_written_is_handed_on_in_whole_blocks() {
        let mut output = Output::new(Kept::default()).unwrap();
        output.hand_on().unwrap();
        let start = std::mem::take(&mut output.writer).bytes.len();
        let mut all = Vec::new();
        for (number, length) in
            [1, 0, GATHER - 1, GATHER - 1, 1, 1, GATHER, 7, GATHER + 1, 3 * GATHER - 9, 5].into_iter().enumerate()
        {
            let bytes: Vec<u8> = (0..length).map(|place| (place % 251 + number) as u8).collect();
            output.write(&bytes).unwrap();
            all.extend(bytes);
        }
        assert_eq!(output.position as usize, start + all.len());
        assert!(output.writer.ends.iter().all(|end| end % GATHER == 0), "{:?}", output.writer.ends);
        assert!(all.len() - output.writer.bytes.len() < GATHER);
        output.hand_on().unwrap();
        assert!(output.writer.bytes == all);
    }

    #[test]
    fn the_page_tree_is_whole_at_every_size() {
        for pages in [1, 63, 64, 65, 128, 4095, 4096, 4097] {
            let document = written(pages);
            assert!(document.xref_recovery.is_none());
            assert_eq!(crate::document::pages(&document, 5000).unwrap().len() as u64, pages);
            assert_eq!(crate::document::declared_count(&document), Some(pages as i64));
        }
    }

    #[test]
    fn no_node_of_the_page_tree_has_more_kids_than_the_fan_out() {
        let document = written(4097);
        let most =
            document.objects.values().filter_map(|object| object.as_dict().ok()?.get(b"Kids").ok()?.as_array().ok());
        assert_eq!(most.map(Vec::len).max(), Some(FAN_OUT));
    }

    #[test]
    fn every_page_names_the_node_it_is_a_kid_of_as_its_parent() {
        let document = written(200);
        for (id, object) in &document.objects {
            let Ok(kids) = object.as_dict().and_then(|node| node.get(b"Kids")).and_then(Object::as_array) else {
                continue;
            };
            for kid in kids {
                let kid = document.get_dictionary(kid.as_reference().unwrap()).unwrap();
                assert_eq!(kid.get(b"Parent").unwrap().as_reference().unwrap(), *id);
            }
        }
    }

    #[test]
    fn offsets_beyond_four_gibibytes_are_kept_whole() {
        assert_eq!(entry(1, 0x01_2345_6789, 0), [1, 0x01, 0x23, 0x45, 0x67, 0x89, 0, 0]);
    }

    /// Keeps where what was written in small pieces is, and forgets large ones.
    #[derive(Debug, Default)]
    struct Small {
        position: u64,
        kept: Vec<(u64, Vec<u8>)>,
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() <= GATHER {
                self.kept.push((self.position, bytes.to_vec()));
            }
            self.position += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Small {
        /// What follows a place in the file, as far as it was written at once.
        fn at(&self, position: u64) -> &[u8] {
            let last = self.kept.partition_point(|(start, _)| *start <= position) - 1;
            let (start, bytes) = &self.kept[last];
            &bytes[(position - start) as usize..]
        }
    }

    #[test]
    fn in_a_file_of_five_gigabytes_every_object_is_where_the_cross_reference_says() {
        // It is never read, so the system never makes it.
        let content = vec![0; 128 << 20];
        let mut output = Output::new(Small::default()).unwrap();
        for _ in 0..40 {
            let stream = output.allocate();
            output.put_stream(stream, format!("<</Length {}>>", content.len()).as_bytes(), &content).unwrap();
            let (parent, page) = (output.parent(), output.allocate());
            output.put(page, format!("<</Type/Page/Parent {parent} 0 R/Contents {stream} 0 R>>").as_bytes()).unwrap();
            output.add_page(page).unwrap();
        }
        output.finish().unwrap();
        let file = output.writer;
        assert!(file.position > 5 << 30 && file.position == output.position);

        let end = String::from_utf8_lossy(&file.kept.last().unwrap().1).into_owned();
        let start = end.rsplit_once("startxref\n").unwrap().1.lines().next().unwrap().parse().unwrap();
        let reference = file.at(start);
        let table = reference.windows(7).position(|window| window == b"stream\n").unwrap() + 7;
        let mut seen = 0;
        for (number, entry) in reference[table..].chunks(ENTRY).enumerate().skip(1).take(output.offsets.len()) {
            let offset = entry[1..=OFFSET_WIDTH].iter().fold(0, |offset, byte| offset << 8 | u64::from(*byte));
            if entry[0] == 1 {
                assert!(file.at(offset).starts_with(format!("{number} 0 obj\n").as_bytes()), "{number} {offset}");
                seen += u64::from(offset > u64::from(u32::MAX));
            }
        }
        assert!(seen > 10, "{seen} objects beyond four gibibytes");
    }

    #[test]
    fn what_is_serialized_parses_to_the_same_object() {
        let object = Object::Dictionary(dictionary! {
            "Plain" => 1,
            "Od#d /Name" => Object::Name(b"with blank (and) \xff".to_vec()),
            "Text" => Object::String(b"a(b\\c)\r\n\x00\xfe".to_vec(), StringFormat::Literal),
            "Hex" => Object::String(b"\x01\x02)".to_vec(), StringFormat::Hexadecimal),
            "Many" => vec![Object::Real(-0.000125), Object::Real(1e9), Object::Integer(-7), Object::Null, true.into()],
        });
        let mut output = Output::new(Vec::new()).unwrap();
        let id = output.allocate();
        let mut body = Vec::new();
        serialize(&mut body, &object, &mut |_| None);
        output.put(id, &body).unwrap();
        output.finish().unwrap();
        let document = Document::load_mem(&output.writer).unwrap();
        let Object::Dictionary(read) = document.get_object((2, 0)).unwrap() else { panic!("no dictionary") };
        let Object::Dictionary(meant) = object else { panic!("no dictionary") };
        for (key, value) in meant.iter() {
            match (value, read.get(key).unwrap()) {
                (Object::String(a, _), Object::String(b, _)) => assert_eq!(a, b),
                (a, b) => assert_eq!(a, b),
            }
        }
    }
}
