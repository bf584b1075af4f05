//! Small PDFs for the tests, ordinary and hostile, made by code.
#![expect(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod bombs;
pub(crate) mod giants;
pub(crate) mod hoards;
pub(crate) mod hostile;
pub(crate) mod runner;
pub(crate) mod tape;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

/// A document under construction whose pages are Letter and say what they are told.
pub(crate) struct Letter {
    pub(crate) document: Document,
    pub(crate) root: ObjectId,
    pub(crate) font: ObjectId,
    pub(crate) pages: Vec<ObjectId>,
}

impl Letter {
    pub(crate) fn new() -> Self {
        let mut document = Document::with_version("1.5");
        let root = document.new_object_id();
        let font = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
        });
        Self { document, root, font, pages: Vec::new() }
    }

    /// A document of so many pages.
    pub(crate) fn of(pages: u32) -> Self {
        let mut letter = Self::new();
        for page in 1..=pages {
            letter.page(&format!("Page {page}"));
        }
        letter
    }

    /// Adds a page with a line of text and gives its number.
    pub(crate) fn page(&mut self, text: &str) -> ObjectId {
        let content = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
        self.page_of(content.as_bytes())
    }

    /// Adds a page with any content.
    pub(crate) fn page_of(&mut self, content: &[u8]) -> ObjectId {
        let content = self.document.add_object(Stream::new(Dictionary::new(), content.to_vec()));
        let page = self.document.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => self.root,
            "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
            "Contents" => content,
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => self.font } },
        });
        self.pages.push(page);
        page
    }

    /// Sets a key of a page.
    pub(crate) fn set(&mut self, page: ObjectId, key: &str, value: impl Into<Object>) {
        self.document.get_dictionary_mut(page).unwrap().set(key, value);
    }

    /// Closes the page tree and gives the catalog, for what else goes there.
    pub(crate) fn close(&mut self) -> &mut Dictionary {
        let kids: Vec<Object> = self.pages.iter().map(|page| (*page).into()).collect();
        let count = kids.len() as i64;
        let root = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
        self.document.objects.insert(self.root, root.into());
        let catalog = self.document.add_object(dictionary! { "Type" => "Catalog", "Pages" => self.root });
        self.document.trailer.set("Root", catalog);
        self.document.get_dictionary_mut(catalog).unwrap()
    }

    /// The file. Closes the page tree if that has not been done.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if !self.document.trailer.has(b"Root") {
            self.close();
        }
        let mut bytes = Vec::new();
        self.document.save_to(&mut bytes).unwrap();
        bytes
    }
}

/// A file with a classic cross-reference of objects numbered from 1, the first being the catalog.
pub(crate) fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (number, body) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", bytes.len());
        bytes.extend(format!("{} 0 obj\n", number + 1).into_bytes());
        bytes.extend(body);
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    let size = objects.len() + 1;
    bytes.extend(
        format!("xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n")
            .into_bytes(),
    );
    bytes
}

/// A file for old readers and new ones: the objects that come after those of `objects` are in an object stream, which a
/// cross-reference stream leads to and the table does not know. In an update both are named by an empty table, as office
/// programs do it.
pub(crate) fn hybrid_file(objects: &[Vec<u8>], packed: &[Vec<u8>], is_update: bool) -> Vec<u8> {
    let first = objects.len() + 1;
    let (pack, section) = (first + packed.len(), first + packed.len() + 1);
    let (mut index, mut content) = (String::new(), Vec::new());
    for (number, body) in (first..).zip(packed) {
        index += &format!("{number} {} ", content.len());
        content.extend(body);
        content.push(b'\n');
    }
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (number, body) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", bytes.len());
        bytes.extend(format!("{number} 0 obj\n").into_bytes());
        bytes.extend(body);
        bytes.extend(b"\nendobj\n");
    }
    table += &"0000000000 65535 f \n".repeat(packed.len() + 2);
    let pack_at = bytes.len();
    let (count, length) = (packed.len(), index.len() + content.len());
    let head = format!("{pack} 0 obj\n<</Type/ObjStm/N {count}/First {}/Length {length}>>stream\n{index}", index.len());
    bytes.extend(head.into_bytes());
    bytes.extend(content);
    bytes.extend(b"\nendstream\nendobj\n");
    let stream_at = bytes.len();
    let mut entries = Vec::new();
    let mut entry = |kind: u8, second: usize, third: usize| {
        entries.push(kind);
        entries.extend((second as u32).to_be_bytes());
        entries.extend((third as u16).to_be_bytes());
    };
    (0..count).for_each(|place| entry(2, pack, place));
    entry(1, pack_at, 0);
    entry(1, stream_at, 0);
    let (size, length) = (section + 1, entries.len());
    let index = format!("/Index[{first} {}]", count + 2);
    let head =
        format!("{section} 0 obj\n<</Type/XRef/W[1 4 2]{index}/Size {size}/Root 1 0 R/Length {length}>>stream\n");
    bytes.extend(head.into_bytes());
    bytes.extend(entries);
    bytes.extend(b"\nendstream\nendobj\n");
    let start = bytes.len();
    let named = format!("/XRefStm {stream_at}");
    let trailer =
        format!("xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R{}>>\n", if is_update { "" } else { &named });
    bytes.extend(format!("{trailer}startxref\n{start}\n%%EOF\n").into_bytes());
    if is_update {
        let last = bytes.len();
        let update =
            format!("xref\n0 0\ntrailer\n<</Size {size}/Root 1 0 R/Prev {start}{named}>>\nstartxref\n{last}\n%%EOF\n");
        bytes.extend(update.into_bytes());
    }
    bytes
}

/// The objects of a one-page document with a bar on its page, to which others can be added from number 5.
pub(crate) fn one_page() -> Vec<Vec<u8>> {
    vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<>>>>".to_vec(),
        b"<</Length 18>>stream\n72 700 200 12 re f\nendstream".to_vec(),
    ]
}

/// Streams each of which gives the next as its length, so that a parser recurses to the end. `key` is how `/Length` is
/// written: a name can be spelled with escapes, which no search for it finds.
pub(crate) fn length_chain(links: usize, key: &str) -> Vec<u8> {
    let mut objects = one_page();
    let first = objects.len() + 1;
    for link in first..first + links {
        objects.push(format!("<<{key} {} 0 R>>stream\nx\nendstream", link + 1).into_bytes());
    }
    objects.push(b"1".to_vec());
    file(&objects)
}

/// Object streams of zeros: every two bytes of them become an object in memory, and they pack a thousandfold.
pub(crate) fn zeros(streams: usize, each: usize) -> Vec<u8> {
    let mut objects = one_page();
    for stream in 0..streams {
        let mut content = format!("{} 0 ", 1000 + stream);
        let first = content.len();
        content.push('[');
        content.push_str(&"0 ".repeat(each));
        content.push(']');
        let dictionary = dictionary! { "Type" => "ObjStm", "N" => 1, "First" => first as i64 };
        let mut packed = Stream::new(dictionary, content.into_bytes());
        packed.compress().unwrap();
        let mut body =
            format!("<</Type/ObjStm/N 1/First {first}/Filter/FlateDecode/Length {}>>stream\n", packed.content.len())
                .into_bytes();
        body.extend(&packed.content);
        body.extend(b"\nendstream");
        objects.push(body);
    }
    file(&objects)
}

/// A cross-reference stream that declares `entries` objects. `size` and `index` are how those keys are written.
pub(crate) fn endless_cross_reference(entries: usize, size: &str, index: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    let start = bytes.len();
    // Three bytes an entry: all in use, at offset 1.
    let mut table = Stream::new(Dictionary::new(), vec![1; 3 * entries]);
    table.compress().unwrap();
    bytes.extend(
        format!(
            "3 0 obj\n<</Type/XRef/W[1 1 1]/Root 1 0 R{size} {entries}{index}[0 {entries}]/Filter/FlateDecode/Length {}>>stream\n",
            table.content.len()
        )
        .into_bytes(),
    );
    bytes.extend(&table.content);
    bytes.extend(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}
