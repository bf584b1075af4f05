//! Makes documents of a tape of bytes: each byte is a choice, so that whoever changes bytes at random changes objects,
//! streams and filters, and gets past the header.

use std::io::Write as _;

/// A document as the tape says. Every tape makes one; most can be read.
pub(crate) fn document(tape: &[u8]) -> Vec<u8> {
    let mut tape = Tape(tape);
    let pages = 1 + tape.below(3);
    let objects = 2 + pages + tape.below(14);
    let bodies: Vec<Vec<u8>> = (1..=objects).map(|number| tape.body(number, pages, objects)).collect();
    let mut file = match tape.below(3) {
        0 => with_object_stream(&bodies),
        _ => super::file(&bodies),
    };
    // Now and then a byte that nobody meant.
    for _ in 0..tape.below(8).saturating_sub(5) {
        let place = (tape.byte() << 8 | tape.byte()) % file.len();
        file[place] = tape.byte() as u8;
    }
    file
}

/// What is left of the tape; zeros once it has ended.
struct Tape<'a>(&'a [u8]);

const NAMES: &[&str] = &[
    "Type",
    "Subtype",
    "Page",
    "Pages",
    "Catalog",
    "Kids",
    "Count",
    "Parent",
    "MediaBox",
    "CropBox",
    "Rotate",
    "UserUnit",
    "Contents",
    "Resources",
    "XObject",
    "Font",
    "ExtGState",
    "ColorSpace",
    "Pattern",
    "Shading",
    "Properties",
    "Annots",
    "AP",
    "N",
    "AS",
    "F",
    "Rect",
    "BBox",
    "Matrix",
    "Form",
    "Image",
    "Widget",
    "FreeText",
    "Popup",
    "Link",
    "V",
    "FT",
    "Tx",
    "Btn",
    "Off",
    "Yes",
    "AcroForm",
    "Fields",
    "XFA",
    "AA",
    "A",
    "S",
    "JS",
    "JavaScript",
    "Launch",
    "URI",
    "SubmitForm",
    "Names",
    "EmbeddedFiles",
    "EF",
    "OpenAction",
    "OCProperties",
    "OCGs",
    "D",
    "OFF",
    "BaseState",
    "OC",
    "Group",
    "Transparency",
    "SMask",
    "G",
    "ca",
    "CA",
    "BM",
    "Multiply",
    "Filter",
    "FlateDecode",
    "ASCIIHexDecode",
    "LZWDecode",
    "DCTDecode",
    "DecodeParms",
    "Predictor",
    "Columns",
    "Length",
    "Width",
    "Height",
    "BitsPerComponent",
    "ImageMask",
    "DeviceRGB",
    "DeviceGray",
    "DeviceCMYK",
    "Indexed",
    "ICCBased",
    "Separation",
    "BaseFont",
    "Helvetica",
    "Encoding",
    "WinAnsiEncoding",
    "FontDescriptor",
    "FontFile2",
    "Type0",
    "Type1",
    "Type3",
    "TrueType",
    "CIDFontType2",
    "DescendantFonts",
    "CharProcs",
    "FontMatrix",
    "Widths",
    "FirstChar",
    "ToUnicode",
    "PatternType",
    "ShadingType",
    "FunctionType",
    "Domain",
    "Range",
    "Functions",
    "C0",
    "C1",
    "Coords",
    "Extend",
    "StructTreeRoot",
    "Metadata",
    "Info",
    "Lang",
    "X0",
    "X1",
    "X2",
    "F0",
    "F1",
    "P0",
    "G0",
    "C2",
];

const OPERATORS: &[&str] = &[
    "q",
    "Q",
    "cm",
    "w",
    "J",
    "j",
    "M",
    "d",
    "ri",
    "i",
    "gs",
    "m",
    "l",
    "c",
    "v",
    "y",
    "h",
    "re",
    "S",
    "s",
    "f",
    "f*",
    "B",
    "b",
    "n",
    "W",
    "W*",
    "BT",
    "ET",
    "Tc",
    "Tw",
    "Tz",
    "TL",
    "Tf",
    "Tr",
    "Ts",
    "Td",
    "TD",
    "Tm",
    "T*",
    "Tj",
    "TJ",
    "'",
    "\"",
    "d0",
    "d1",
    "CS",
    "cs",
    "SC",
    "SCN",
    "sc",
    "scn",
    "G",
    "g",
    "RG",
    "rg",
    "K",
    "k",
    "sh",
    "Do",
    "BMC",
    "BDC",
    "EMC",
    "BX",
    "EX",
    "BI/W 2/H 2/BPC 8/CS/G ID abcd EI",
];

impl Tape<'_> {
    fn byte(&mut self) -> usize {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                usize::from(*first)
            }
            None => 0,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.byte() % limit
    }

    fn pick<'b>(&mut self, from: &[&'b str]) -> &'b str {
        from[self.below(from.len())]
    }

    fn name(&mut self) -> String {
        format!("/{}", self.pick(NAMES))
    }

    fn number(&mut self) -> String {
        match self.below(12) {
            0 => "0".to_owned(),
            1 => format!("-{}", self.byte()),
            2 => format!("{}.{}", self.byte(), self.byte()),
            3 => format!("-.{}", self.byte()),
            4 => "99999999999999999999".to_owned(),
            5 => "0.0000001".to_owned(),
            6 => (self.byte() * 256 + self.byte()).to_string(),
            _ => self.byte().to_string(),
        }
    }

    fn reference(&mut self, objects: usize) -> String {
        format!("{} 0 R", 1 + self.below(objects + 1))
    }

    fn value(&mut self, objects: usize, depth: usize) -> String {
        match self.below(if depth == 0 { 8 } else { 12 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 | 3 => self.number(),
            4 => format!("({})", "a".repeat(self.below(4))),
            5 => self.name(),
            6 | 7 => self.reference(objects),
            8 | 9 => {
                let items: Vec<String> = (0..self.below(5)).map(|_| self.value(objects, depth - 1)).collect();
                format!("[{}]", items.join(" "))
            }
            _ => format!("<<{}>>", self.entries(objects, depth - 1)),
        }
    }

    fn entries(&mut self, objects: usize, depth: usize) -> String {
        (0..self.below(5)).map(|_| format!("{} {}", self.name(), self.value(objects, depth))).collect()
    }

    fn numbers(&mut self, count: usize) -> String {
        let numbers: Vec<String> = (0..count).map(|_| self.number()).collect();
        format!("[{}]", numbers.join(" "))
    }

    /// A box that is often one that makes sense.
    fn bounds(&mut self) -> String {
        match self.below(4) {
            0 => self.numbers(4),
            1 => format!("[{} {} {} {}]", self.byte(), self.byte(), 300 + self.byte(), 300 + self.byte()),
            2 => "[0 0 792 612]".to_owned(),
            _ => "[0 0 612 792]".to_owned(),
        }
    }

    /// Resources under names that contents use.
    fn resources(&mut self, objects: usize) -> String {
        let mut resources = String::from("<<");
        for (kind, names) in [
            ("XObject", &["X0", "X1", "X2"][..]),
            ("Font", &["F0", "F1"]),
            ("Pattern", &["P0"]),
            ("ExtGState", &["G0"]),
            ("ColorSpace", &["C2"]),
        ] {
            if self.below(3) > 0 {
                let entries: String = names.iter().map(|name| format!("/{name} {}", self.reference(objects))).collect();
                resources += &format!("/{kind}<<{entries}>>");
            }
        }
        resources + ">>"
    }

    fn content(&mut self) -> Vec<u8> {
        let mut content = String::new();
        for _ in 0..self.below(24) {
            match self.below(8) {
                0 => content += &format!("/{} Do ", self.pick(&["X0", "X1", "X2"])),
                1 => content += &format!("BT /{} 9 Tf (ab) Tj ET ", self.pick(&["F0", "F1"])),
                2 => content += &format!("{} {} 99 99 re f ", self.byte(), self.byte()),
                3 => content += &format!("/{} gs ", self.pick(&["G0", "X0"])),
                4 => content += "/Pattern cs /P0 scn ",
                _ => {
                    for _ in 0..self.below(7) {
                        content += &match self.below(6) {
                            0 => self.name(),
                            1 => "(a)".to_owned(),
                            2 => self.numbers(2),
                            _ => self.number(),
                        };
                        content.push(' ');
                    }
                    content += self.pick(OPERATORS);
                    content.push(' ');
                }
            }
        }
        content.into_bytes()
    }

    fn stream(&mut self, head: &str, content: &[u8]) -> Vec<u8> {
        let (filter, content) = match self.below(6) {
            0 => ("/Filter/FlateDecode", pack(content)),
            1 => ("/Filter[/ASCIIHexDecode/FlateDecode]", hex(&pack(content))),
            2 => ("/Filter/LZWDecode", content.to_vec()),
            3 => ("/Filter/ASCIIHexDecode", hex(content)),
            _ => ("", content.to_vec()),
        };
        let length = match self.below(8) {
            0 => self.byte().to_string(),
            1 => format!("{} 0 R", self.byte() % 20),
            _ => content.len().to_string(),
        };
        let mut object = format!("<<{head}{filter}/Length {length}>>stream\n").into_bytes();
        object.extend(content);
        object.extend(b"\nendstream");
        object
    }

    fn body(&mut self, number: usize, pages: usize, objects: usize) -> Vec<u8> {
        if number == 1 {
            let form = if self.below(3) == 0 {
                format!("/AcroForm<</Fields[{}]>>", self.reference(objects))
            } else {
                String::new()
            };
            let more = if self.below(3) == 0 { self.entries(objects, 2) } else { String::new() };
            return format!("<</Type/Catalog/Pages 2 0 R{form}{more}>>").into_bytes();
        }
        if number == 2 {
            let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 3)).collect();
            let inherited = match self.below(3) {
                0 => format!("/MediaBox{}/Resources{}", self.bounds(), self.resources(objects)),
                1 => self.entries(objects, 1),
                _ => String::new(),
            };
            return format!("<</Type/Pages/Kids[{kids}]/Count {pages}{inherited}>>").into_bytes();
        }
        if number < 3 + pages {
            return self.page(objects).into_bytes();
        }
        match self.below(10) {
            0 | 1 => {
                let content = self.content();
                self.stream("", &content)
            }
            2 | 3 => {
                let head =
                    format!("/Type/XObject/Subtype/Form/BBox{}/Resources{}", self.bounds(), self.resources(objects));
                let content = self.content();
                self.stream(&head, &content)
            }
            4 => {
                let head = format!(
                    "/Type/XObject/Subtype/Image/Width {}/Height {}/BitsPerComponent 8/ColorSpace{}",
                    self.number(),
                    self.number(),
                    self.pick(&["/DeviceRGB", "/DeviceGray", "/DeviceCMYK", "[/Indexed/DeviceRGB 1 <000000ffffff>]"])
                );
                let samples = vec![self.byte() as u8; self.byte()];
                self.stream(&head, &samples)
            }
            5 => self.annotation(objects).into_bytes(),
            6 => {
                let kind = self.pick(&["Type1", "TrueType", "Type0", "Type3"]);
                format!("<</Type/Font/Subtype/{kind}/BaseFont/Helvetica{}>>", self.entries(objects, 2)).into_bytes()
            }
            7 => {
                let head = format!(
                    "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep {}/YStep 9/Resources{}",
                    self.number(),
                    self.resources(objects)
                );
                let content = self.content();
                self.stream(&head, &content)
            }
            8 => format!("<<{}>>", self.entries(objects, 3)).into_bytes(),
            _ => self.value(objects, 3).into_bytes(),
        }
    }

    fn page(&mut self, objects: usize) -> String {
        let mut page = String::from("<</Type/Page/Parent 2 0 R");
        for choice in 0..8 {
            let skipped = self.below(4) == 0;
            let entry = match choice {
                0 => format!("/MediaBox{}", self.bounds()),
                1 if self.below(3) == 0 => format!("/CropBox{}", self.bounds()),
                2 if self.below(2) == 0 => {
                    format!("/Rotate {}", self.pick(&["90", "180", "270", "-90", "450", "45", "0.0"]))
                }
                3 if self.below(3) == 0 => format!("/UserUnit {}", self.pick(&["2", "0.5", "1e9", "-1", "0", "1.5"])),
                4 if self.below(2) == 0 => format!("/Contents {}", self.reference(objects)),
                4 => {
                    let parts: Vec<String> = (0..self.below(4)).map(|_| self.reference(objects)).collect();
                    format!("/Contents[{}]", parts.join(" "))
                }
                5 => format!("/Resources{}", self.resources(objects)),
                6 => {
                    let annotations: String = (0..self.below(4))
                        .map(|_| if self.below(2) == 0 { self.reference(objects) } else { self.annotation(objects) } + " ")
                        .collect();
                    format!("/Annots[{annotations}]")
                }
                7 if self.below(3) == 0 => self.entries(objects, 2),
                _ => continue,
            };
            if !skipped {
                page += &entry;
            }
        }
        page + ">>"
    }

    fn annotation(&mut self, objects: usize) -> String {
        let kind = self.pick(&["Widget", "FreeText", "Stamp", "Link", "Popup", "Text"]);
        let flags = self.pick(&["4", "0", "6", "2", "36"]);
        let appearance = match self.below(4) {
            0 => format!("/AP<</N<</Yes {0}/Off {0}>>>>/AS/Yes", self.reference(objects)),
            1 => self.entries(objects, 2),
            _ => format!("/AP<</N {}>>", self.reference(objects)),
        };
        format!("<</Type/Annot/Subtype/{kind}/F {flags}/Rect{}{appearance}>>", self.bounds())
    }
}

fn pack(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn hex(content: &[u8]) -> Vec<u8> {
    content.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
}

/// The objects in one object stream as far as they can be, found by a cross-reference stream.
fn with_object_stream(bodies: &[Vec<u8>]) -> Vec<u8> {
    let is_stream = |body: &[u8]| body.ends_with(b"endstream");
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut table = vec![0u8; 4];
    let (mut index, mut within) = (String::new(), Vec::new());
    let container = bodies.len() as u16 + 1;
    let mut packed = 0u8;
    for (body, number) in bodies.iter().zip(1..) {
        if is_stream(body) {
            table.push(1);
            table.extend((bytes.len() as u16).to_be_bytes());
            table.push(0);
            bytes.extend(format!("{number} 0 obj\n").into_bytes());
            bytes.extend(body);
            bytes.extend(b"\nendobj\n");
        } else {
            table.push(2);
            table.extend(container.to_be_bytes());
            table.push(packed);
            packed += 1;
            index += &format!("{number} {} ", within.len());
            within.extend(body);
            within.push(b' ');
        }
    }
    let mut put = |number: u16, head: &str, content: &[u8]| {
        let start = bytes.len();
        let content = pack(content);
        bytes.extend(
            format!("{number} 0 obj\n<<{head}/Filter/FlateDecode/Length {}>>stream\n", content.len()).into_bytes(),
        );
        bytes.extend(content);
        bytes.extend(b"\nendstream\nendobj\n");
        start
    };
    let content = [index.as_bytes(), &within].concat();
    let start = put(container, &format!("/Type/ObjStm/N {packed}/First {}", index.len()), &content);
    table.push(1);
    table.extend((start as u16).to_be_bytes());
    table.push(0);
    let head = format!("/Type/XRef/W[1 2 1]/Size {}/Root 1 0 R", container + 1);
    let start = put(container + 1, &head, &table);
    bytes.extend(format!("startxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}
