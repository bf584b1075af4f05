//! Letters as municipal clients send them, for measuring and for tests: any number of them, each the same in every run.
//!
//! Three accounts send them, each with its own letterhead, which two have as a picture far larger than it is printed: where
//! letters come from templates, that is most of their bytes. A letter embeds a subset of its font, as programs that make
//! letters do, so that hardly two letters share one. A third keeps its objects in object streams. About a third has a photo
//! of its own: a small one, or one across the page, which then is most of the bytes. Some pages are rotated, cropped or in
//! several content streams, some have annotations: nothing that inspection refuses.

pub mod pdf;
pub mod people;
pub mod picture;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use subsetter::GlyphRemapper;
use ttf_parser::Face;

use crate::harness::Result;
use pdf::{Pdf, Structure};
use people::{Dice, FIRST, LAST, PLACES, STREETS};
use picture::Rows;

const FONT: &[u8] = include_bytes!("../../shared/print/fonts/MailhouseSans.ttf");

/// What is to be printed and to whom it goes: a row of LETTERS.csv, and its document.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whose letter it is.
    pub account: &'static str,
    /// First line of the address.
    pub name1: String,
    /// Second line of the address, if not empty.
    pub name2: String,
    /// The street.
    pub address1: String,
    /// The apartment, if not empty.
    pub address2: String,
    /// The city.
    pub city: &'static str,
    /// The state.
    pub state: &'static str,
    /// ZIP code, with or without its last four digits.
    pub postal_code: String,
    /// The 20 digits of the barcode.
    pub tracking_code: String,
    /// The 5 or 11 digits beside them.
    pub routing: String,
    /// Whether the first sheet is perforated.
    pub perforated: bool,
    /// Pages of the document.
    pub pages: u32,
    /// The document, a PDF.
    pub document: Vec<u8>,
}

/// A client.
#[derive(Debug)]
struct Tenant {
    account: &'static str,
    name: &'static str,
    colour: &'static str,
    subject: &'static str,
    logo: Logo,
}

/// A letterhead's picture, as it lies in a PDF.
#[derive(Debug)]
struct Logo {
    dictionary: String,
    bytes: Vec<u8>,
    /// What is transparent in it.
    mask: Option<(String, Vec<u8>)>,
}

/// Everything that letters have in common.
#[derive(Debug)]
pub struct Post {
    glyphs: BTreeMap<char, (u16, u32)>,
    tenants: [Tenant; 3],
    photos: Photos,
    photo: Rows,
}

/// A subset of the font as it is used in a letter.
struct Subset {
    object: usize,
    mapper: GlyphRemapper,
}

const WORDS: &str = "the notice of assessment for parcel located at property tax year was mailed to owner record and has been \
reviewed by our office according to which payment is due on or before first day month after date this letter if you believe \
that value does not reflect market your you may file an appeal with board review within thirty days please include copies \
documents support claim such as recent appraisal photographs closing statement interest accrues rate one percent per month \
until balance paid in full payments can be made online mail person between hours eight four monday through friday questions \
call number above keep upper portion records return lower homestead exemption applies residents who occupy principal \
residence Orleans Parish Bureau Treasury Revenue Department Finance Statement Account Collector Assessor Hearing";

/// Width and height of a page, points, and the space around its text.
const WIDTH: f64 = 612.0;
const HEIGHT: f64 = 792.0;
const MARGIN: f64 = 60.0;

/// The photos of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photos {
    /// Of a house or a meter, beside the text: some 40 kilobytes.
    Small,
    /// Across the page at 246 dots to the inch: some 400 kilobytes.
    Large,
}

impl Photos {
    /// Width, points.
    fn points(self) -> f64 {
        match self {
            Photos::Small => 216.0,
            Photos::Large => 468.0,
        }
    }

    /// Width, blocks of eight pixels.
    fn blocks(self) -> usize {
        match self {
            Photos::Small => 60,
            Photos::Large => 200,
        }
    }
}

impl Post {
    /// Prepares what letters share.
    ///
    /// # Errors
    /// The font of the print engine does not parse.
    pub fn new(photos: Photos) -> Result<Self> {
        let face = Face::parse(FONT, 0)?;
        let mut glyphs = BTreeMap::new();
        for character in (' '..='~').chain("ÉéèëçñöüåÅ–—’§".chars()) {
            let glyph = face.glyph_index(character).ok_or("the font lacks a character of the letters")?;
            let advance = u32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * 1000 / u32::from(face.units_per_em());
            glyphs.insert(character, (glyph.0, advance));
        }
        let mut dice = Dice::new(0);
        let tenants = [
            Tenant {
                account: "acct_assessor",
                name: "Orleans Parish Assessor",
                colour: "0.05 0.2 0.45",
                subject: "Notice of Assessment",
                logo: Logo {
                    dictionary: "/Width 1232/Height 440/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode"
                        .into(),
                    bytes: Rows::new(&mut dice, 154, 55).picture(&mut dice, 55),
                    mask: None,
                },
            },
            Tenant {
                account: "acct_treasury",
                name: "City of New Orleans, Bureau of the Treasury",
                colour: "0.35 0.05 0.1",
                subject: "Statement of Taxes Due",
                logo: logo_with_mask()?,
            },
            Tenant {
                account: "acct_water",
                name: "Sewerage and Water Board",
                colour: "0 0.35 0.3",
                subject: "Account Summary",
                logo: logo_of_few_colours()?,
            },
        ];
        Ok(Post { glyphs, tenants, photos, photo: Rows::new(&mut dice, photos.blocks(), 96) })
    }

    /// The letter of that number.
    ///
    /// # Errors
    /// The font cannot be subset.
    pub fn letter(&self, number: u32) -> Result<Letter> {
        let mut dice = Dice::new(u64::from(number) + 1);
        let dice = &mut dice;
        let tenant = &self.tenants[dice.below(3)];
        let (first, last, street) = (dice.of(&FIRST), dice.of(&LAST), dice.of(&STREETS));
        let (city, state, zip) = dice.of(&PLACES);
        let (house, add_on) = (1 + dice.below(9_999), 1_000 + dice.below(8_999));
        let (postal_code, routing) = if dice.percent(33) {
            (zip.to_owned(), zip.to_owned())
        } else {
            // Of a house the last two digits of its number tell where on the carrier's way it is.
            (format!("{zip}-{add_on}"), format!("{zip}{add_on}{:02}", house % 100))
        };
        let pages = match dice.below(100) {
            0..30 => 1,
            30..60 => 2,
            60..77 => 3,
            77..89 => 4,
            89..96 => 5,
            _ => 6,
        };
        let mut letter = Letter {
            account: tenant.account,
            name1: format!("{first} {last}"),
            name2: if dice.percent(15) { format!("c/o {} {last}", dice.of(&FIRST)) } else { String::new() },
            address1: format!("{house} {street}"),
            address2: if dice.percent(25) { format!("Apt {}", 1 + dice.below(400)) } else { String::new() },
            city,
            state,
            postal_code,
            tracking_code: format!("00040902345678{:06}", number % 1_000_000),
            routing,
            perforated: dice.percent(10),
            pages,
            document: Vec::new(),
        };
        letter.document = self.document(tenant, &letter, number, dice)?;
        Ok(letter)
    }

    fn document(&self, tenant: &Tenant, letter: &Letter, number: u32, dice: &mut Dice) -> Result<Vec<u8>> {
        let texts: Vec<Vec<String>> = (0..letter.pages).map(|page| self.text(tenant, letter, page, dice)).collect();
        let photo = dice.percent(35).then(|| dice.below(letter.pages as usize));
        let structure = match dice.below(100) {
            0..33 => Structure::Packed,
            33..50 => Structure::Office,
            _ => Structure::Table,
        };

        let mut pdf = Pdf::default();
        let (catalog, tree) = (pdf.reserve(), pdf.reserve());
        let body = self.subset(&mut pdf, texts.iter().flatten().flat_map(|line| line.chars()))?;
        let head = self.subset(&mut pdf, tenant.name.chars().chain(tenant.subject.chars()))?;
        let mask = match &tenant.logo.mask {
            Some((dictionary, bytes)) => {
                let mask = pdf.stream(format!("/Type/XObject/Subtype/Image{dictionary}"), bytes.clone());
                format!("/SMask {mask} 0 R")
            }
            None => String::new(),
        };
        let logo = pdf
            .stream(format!("/Type/XObject/Subtype/Image{}{mask}", tenant.logo.dictionary), tenant.logo.bytes.clone());
        let fonts = format!("/Font<</F1 {} 0 R/F2 {} 0 R>>", body.object, head.object);
        let mut kids = String::new();
        for (page, lines) in texts.iter().enumerate() {
            let mut images = format!("/Logo {logo} 0 R");
            let mut content = String::new();
            let mut top = HEIGHT - MARGIN;
            if page == 0 {
                self.head(&mut content, tenant, &head);
                top -= 90.0;
            }
            let lines = match photo == Some(page) {
                true => &lines[..8.min(lines.len())],
                false => lines,
            };
            let end = self.body(&mut content, &body, lines, top);
            if photo == Some(page) {
                let width = self.photos.points();
                let rows = self.photos.blocks() * (40 + dice.below(45)) / 100;
                let height = (rows * 8) as f64 * width / self.photo.width() as f64;
                let dictionary = format!(
                    "/Type/XObject/Subtype/Image/Width {}/Height {}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
                    self.photo.width(),
                    rows * 8
                );
                let photo = pdf.stream(dictionary, self.photo.picture(dice, rows));
                let _ = write!(images, "/Photo {photo} 0 R");
                let _ = writeln!(content, "q {width} 0 0 {height} {MARGIN} {} cm /Photo Do Q", end - height - 12.0);
            } else if dice.percent(40) {
                table(&mut content, tenant, end - 12.0, dice);
            }
            let shape = Shape::of(dice);
            let contents = shape.contents(&mut pdf, &content, dice)?;
            let annotations = annotations(&mut pdf, shape.origin(), dice)?;
            let resources = format!("/Resources<<{fonts}/XObject<<{images}>>/ProcSet[/PDF/Text/ImageC]>>");
            let number = pdf.add(format!(
                "<</Type/Page/Parent {tree} 0 R{}{resources}/Contents {contents}{annotations}>>",
                shape.boxes()
            ));
            let _ = write!(kids, "{number} 0 R ");
        }
        pdf.set(tree, format!("<</Type/Pages/Kids[{}]/Count {}/MediaBox[0 0 612 792]>>", kids.trim_end(), texts.len()));
        let metadata = pdf.stream("/Type/Metadata/Subtype/XML", METADATA.into());
        pdf.set(catalog, format!("<</Type/Catalog/Pages {tree} 0 R/Metadata {metadata} 0 R>>"));
        let info = pdf.add(format!("<</Producer(Mailhouse tests)/Title({})>>", tenant.subject));
        let id = format!("{number:032X}");
        Ok(pdf.finish(&format!("/Root {catalog} 0 R/Info {info} 0 R/ID[<{id}><{id}>]"), structure)?)
    }

    /// The lines of a page.
    fn text(&self, tenant: &Tenant, letter: &Letter, page: u32, dice: &mut Dice) -> Vec<String> {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut lines = Vec::new();
        if page == 0 {
            lines.extend([tenant.subject.to_owned(), String::new(), letter.name1.clone(), letter.address1.clone()]);
            lines.extend([format!("{} {} {}", letter.city, letter.state, letter.postal_code), String::new()]);
            lines.push(format!("Parcel {:08} – § {}", dice.below(100_000_000), 1 + dice.below(90)));
            lines.push(String::new());
        }
        let wanted = if page == 0 { 20 + dice.below(14) } else { 10 + dice.below(32) };
        while lines.len() < wanted {
            for _ in 0..2 + dice.below(5) {
                let mut line = String::new();
                let mut width = 0;
                loop {
                    let figure = format!("${}.{:02}", dice.below(9_000), dice.below(100));
                    let word = if dice.percent(4) { figure.as_str() } else { dice.of(&words) };
                    width += self.width(word) + self.width(" ");
                    // In thousandths of the size of the type, which is 10.5 points.
                    if width > 46_000 {
                        break;
                    }
                    let _ = write!(line, "{word} ");
                }
                lines.push(line.trim_end().to_owned());
            }
            lines.push(String::new());
        }
        lines.truncate(wanted);
        lines
    }

    fn width(&self, text: &str) -> u32 {
        text.chars().filter_map(|character| self.glyphs.get(&character)).map(|(_, advance)| advance).sum()
    }

    /// Embeds what is needed of the font, under a tag that is the same for the same characters.
    fn subset(&self, pdf: &mut Pdf, text: impl Iterator<Item = char>) -> Result<Subset> {
        let used: std::collections::BTreeSet<char> = text.collect();
        let mut mapper = GlyphRemapper::new();
        let (mut widths, mut unicode, mut seed) = (String::new(), String::new(), 7u64);
        for character in &used {
            let (glyph, advance) = self.glyphs.get(character).ok_or("a letter has a character without a glyph")?;
            let place = mapper.remap(*glyph);
            let _ = write!(widths, "{advance} ");
            let _ = writeln!(unicode, "<{place:04X}> <{:04X}>", u32::from(*character));
            seed = seed.wrapping_mul(31).wrapping_add(u64::from(u32::from(*character)));
        }
        let mut dice = Dice::new(seed);
        let tag: String = (0..6).map(|_| char::from(b'A' + dice.below(26) as u8)).collect();
        let font = subsetter::subset(FONT, 0, &mapper)?;
        let file = pdf.packed(&format!("/Length1 {}", font.len()), &font)?;
        let name = format!("{tag}+Mailhouse#20Sans");
        let descriptor = pdf.add(format!(
            "<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[-544 -303 1302 980]/ItalicAngle 0/Ascent 905\
             /Descent -212/CapHeight 729/StemV 80/FontFile2 {file} 0 R>>"
        ));
        let descendant = pdf.add(format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)\
             /Supplement 0>>/FontDescriptor {descriptor} 0 R/CIDToGIDMap/Identity/DW 500/W[1[{}]]>>",
            widths.trim_end()
        ));
        let map = format!(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Subset def /CMapType 2 def\n\
             1 begincodespacerange <0000> <FFFF> endcodespacerange\n{} beginbfchar\n{unicode}endbfchar\n\
             endcmap CMapName currentdict /CMap defineresource pop end end\n",
            used.len()
        );
        let map = pdf.packed("", map.as_bytes())?;
        let object = pdf.add(format!(
            "<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]\
             /ToUnicode {map} 0 R>>"
        ));
        Ok(Subset { object, mapper })
    }

    /// A text as the codes of its glyphs.
    fn codes(&self, subset: &Subset, text: &str) -> String {
        let code = |character| self.glyphs.get(&character).and_then(|(glyph, _)| subset.mapper.get(*glyph));
        text.chars().filter_map(code).map(|code| format!("{code:04X}")).collect()
    }

    /// The letterhead.
    fn head(&self, content: &mut String, tenant: &Tenant, subset: &Subset) {
        let _ = writeln!(content, "q 107.5 0 0 38.4 {MARGIN} {} cm /Logo Do Q", HEIGHT - 95.0);
        let _ = writeln!(content, "{} rg {MARGIN} {} {} 2 re f", tenant.colour, HEIGHT - 104.0, WIDTH - 2.0 * MARGIN);
        for (line, (text, size)) in [(tenant.name, 14), (tenant.subject, 10)].iter().enumerate() {
            let _ = writeln!(
                content,
                "BT /F2 {size} Tf 180 {} Td <{}> Tj ET",
                HEIGHT - 74.0 - 16.0 * line as f64,
                self.codes(subset, text)
            );
        }
    }

    /// Lines of text from the top down; how far they reach.
    fn body(&self, content: &mut String, subset: &Subset, lines: &[String], top: f64) -> f64 {
        const LEADING: f64 = 13.5;
        let _ = writeln!(content, "0 g BT /F1 10.5 Tf {LEADING} TL {MARGIN} {top} Td");
        for line in lines {
            if line.is_empty() {
                content.push_str("T*\n");
            } else {
                let _ = writeln!(content, "<{}> Tj T*", self.codes(subset, line));
            }
        }
        content.push_str("ET\n");
        top - LEADING * lines.len() as f64
    }
}

/// Rows of a bill, every other one tinted, if there is room.
fn table(content: &mut String, tenant: &Tenant, top: f64, dice: &mut Dice) {
    for row in 0..4 + dice.below(8) {
        let bottom = top - 18.0 * (row + 1) as f64;
        if bottom < MARGIN {
            break;
        }
        if row % 2 == 0 {
            let _ = writeln!(content, "0.92 g {MARGIN} {bottom} 492 18 re f");
        }
        let _ = writeln!(content, "{} RG 0.5 w {MARGIN} {bottom} m 552 {bottom} l S", tenant.colour);
        let _ = writeln!(content, "{} rg {} {} {} 6 re f", tenant.colour, 380, bottom + 6.0, 20 + dice.below(140));
    }
}

/// How a page lies in its boxes. Seen, each is upright and Letter.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Plain,
    Rotated(u16),
    /// With bleed around it, which is cropped off.
    Cropped,
    /// With its lower left corner elsewhere than at zero.
    Moved,
    /// With its content in several streams.
    Cut,
}

impl Shape {
    fn of(dice: &mut Dice) -> Self {
        match dice.below(100) {
            0..3 => Shape::Rotated(90),
            3 => Shape::Rotated(180),
            4 => Shape::Rotated(270),
            5..8 => Shape::Cropped,
            8..10 => Shape::Moved,
            10..16 => Shape::Cut,
            _ => Shape::Plain,
        }
    }

    fn boxes(self) -> String {
        match self {
            Shape::Plain | Shape::Cut => String::new(),
            Shape::Rotated(180) => "/Rotate 180".to_owned(),
            Shape::Rotated(angle) => format!("/MediaBox[0 0 792 612]/Rotate {angle}"),
            Shape::Cropped => "/MediaBox[0 0 648 828]/CropBox[18 18 630 810]/TrimBox[18 18 630 810]".to_owned(),
            Shape::Moved => "/MediaBox[-100 50 512 842]".to_owned(),
        }
    }

    /// Where the lower left corner of an unrotated page is.
    fn origin(self) -> Option<(i32, i32)> {
        match self {
            Shape::Rotated(_) => None,
            Shape::Plain | Shape::Cut => Some((0, 0)),
            Shape::Cropped => Some((18, 18)),
            Shape::Moved => Some((-100, 50)),
        }
    }

    fn contents(self, pdf: &mut Pdf, content: &str, dice: &mut Dice) -> io::Result<String> {
        let matrix = match self {
            Shape::Plain => None,
            // Clockwise turns, undone.
            Shape::Rotated(90) => Some("0 1 -1 0 792 0"),
            Shape::Rotated(180) => Some("-1 0 0 -1 612 792"),
            Shape::Rotated(_) => Some("0 -1 1 0 0 612"),
            Shape::Cropped => Some("1 0 0 1 18 18"),
            Shape::Moved => Some("1 0 0 1 -100 50"),
            Shape::Cut => {
                let lines: Vec<&str> = content.split_inclusive('\n').collect();
                let mut parts = String::new();
                for part in lines.chunks(lines.len().div_ceil(2 + dice.below(2))) {
                    let _ = write!(parts, "{} 0 R ", pdf.packed("", part.concat().as_bytes())?);
                }
                return Ok(format!("[{}]", parts.trim_end()));
            }
        };
        let content = match matrix {
            Some(matrix) => format!("q {matrix} cm\n{content}Q\n"),
            None => content.to_owned(),
        };
        Ok(format!("{} 0 R", pdf.packed("", content.as_bytes())?))
    }
}

/// Now and then a link, which is not printed, or a stamp, which is.
fn annotations(pdf: &mut Pdf, origin: Option<(i32, i32)>, dice: &mut Dice) -> io::Result<String> {
    let kind = dice.below(100);
    let Some((left, bottom)) = origin.filter(|_| kind < 6) else { return Ok(String::new()) };
    let rectangle = |x: i32, y: i32, width: i32, height: i32| {
        format!("/Rect[{} {} {} {}]", left + x, bottom + y, left + x + width, bottom + y + height)
    };
    let annotation = if kind < 3 {
        let to = "/Border[0 0 0]/A<</S/URI/URI(https://example.gov/pay)>>";
        pdf.add(format!("<</Type/Annot/Subtype/Link{}{to}>>", rectangle(60, 80, 200, 14)))
    } else {
        let drawn = "0.7 0 0 RG 2 w 2 2 96 26 re S 8 10 m 92 10 l 8 20 m 92 20 l S\n";
        let looks = pdf.packed("/Type/XObject/Subtype/Form/BBox[0 0 100 30]/Resources<<>>", drawn.as_bytes())?;
        let place = rectangle(420, 64, 120, 36);
        pdf.add(format!("<</Type/Annot/Subtype/Stamp/F 4{place}/AP<</N {looks} 0 R>>>>"))
    };
    Ok(format!("/Annots[{annotation} 0 R]"))
}

const METADATA: &str = "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"/></x:xmpmeta><?xpacket end=\"r\"?>";

/// A seal: rings of colour, and transparent around.
fn logo_with_mask() -> Result<Logo> {
    let (width, height) = (700usize, 250usize);
    let unit = 150.0 / height as f64;
    let (mut pixels, mut mask) = (Vec::new(), Vec::new());
    let mut dice = Dice::new(1);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x as f64 * unit / 2.8 - 75.0, y as f64 * unit - 75.0);
            let distance = (dx * dx + dy * dy).sqrt();
            let ring = (distance / 9.0) as u8 % 3;
            let grain = dice.below(6) as u8;
            pixels.extend([60 + 60 * ring + grain, 20 + 30 * ring, 40 + 20 * ring + grain]);
            mask.push(if distance < 74.0 { 255 } else { 0 });
        }
    }
    let size = format!("/Width {width}/Height {height}/BitsPerComponent 8/Filter/FlateDecode");
    Ok(Logo {
        dictionary: format!("{size}/ColorSpace/DeviceRGB"),
        bytes: pdf::deflate(&pixels)?,
        mask: Some((format!("{size}/ColorSpace/DeviceGray"), pdf::deflate(&mask)?)),
    })
}

/// Waves in sixteen colours, as scanners see them.
fn logo_of_few_colours() -> Result<Logo> {
    let (width, height) = (1200usize, 428usize);
    let mut pixels = Vec::new();
    let mut dice = Dice::new(2);
    for y in 0..height {
        for x in (0..width).step_by(2) {
            let wave = |x: usize| ((x as f64 / 80.0).sin() * 9.0 + y as f64 / 40.0).max(0.0) as usize % 4 * 4;
            let mut colour = |x: usize| (wave(x) + dice.below(3)) as u8;
            pixels.push(colour(x) << 4 | colour(x + 1));
        }
    }
    let palette: String = ["FFFFFF", "00594D", "B0D8D4", "006B8A"].map(|colour| colour.repeat(4)).concat();
    Ok(Logo {
        dictionary: format!(
            "/Width {width}/Height {height}/BitsPerComponent 4/Filter/FlateDecode\
             /ColorSpace[/Indexed/DeviceRGB 15<{palette}>]"
        ),
        bytes: pdf::deflate(&pixels)?,
        mask: None,
    })
}

/// What was written to a folder.
#[derive(Clone, Debug)]
pub struct Written {
    /// LETTERS.csv, with a row for each letter.
    pub table: PathBuf,
    /// The documents.
    pub documents: Vec<PathBuf>,
    /// Pages of all documents.
    pub pages: u64,
    /// Size of all documents.
    pub bytes: u64,
}

/// Writes letters 0 to `count` into a folder, with LETTERS.csv.
///
/// # Errors
/// The folder cannot be written to.
pub fn write(folder: &Path, count: u32, photos: Photos) -> Result<Written> {
    let folder = std::path::absolute(folder)?;
    std::fs::create_dir_all(&folder)?;
    let post = Post::new(photos)?;
    let table = folder.join("LETTERS.csv");
    let mut written = Written { table: table.clone(), documents: Vec::new(), pages: 0, bytes: 0 };
    let mut rows = csv::Writer::from_path(table)?;
    rows.write_record([
        "document",
        "account",
        "name1",
        "name2",
        "address1",
        "address2",
        "city",
        "state",
        "postalCode",
        "trackingCode",
        "routing",
        "perforated",
    ])?;
    for number in 0..count {
        let letter = post.letter(number)?;
        let path = folder.join(format!("letter-{number:06}.pdf"));
        std::fs::write(&path, &letter.document)?;
        rows.write_record([
            path.to_str().ok_or("the folder's name is not UTF-8")?,
            letter.account,
            &letter.name1,
            &letter.name2,
            &letter.address1,
            &letter.address2,
            letter.city,
            letter.state,
            &letter.postal_code,
            &letter.tracking_code,
            &letter.routing,
            if letter.perforated { "true" } else { "false" },
        ])?;
        written.pages += u64::from(letter.pages);
        written.bytes += letter.document.len() as u64;
        written.documents.push(path);
    }
    rows.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_the_same_whenever_it_is_made() {
        let letter = || Post::new(Photos::Small).unwrap().letter(17).unwrap();
        assert_eq!(letter().document, letter().document);
    }

    #[test]
    fn no_two_letters_have_the_same_document() {
        let post = Post::new(Photos::Small).unwrap();
        let documents: std::collections::BTreeSet<_> = (0..40).map(|n| post.letter(n).unwrap().document).collect();
        assert_eq!(documents.len(), 40);
    }

    #[test]
    fn every_letter_has_the_pages_it_says_and_a_barcode() {
        let post = Post::new(Photos::Small).unwrap();
        for letter in (0..40).map(|number| post.letter(number).unwrap()) {
            let document = lopdf::Document::load_mem(&letter.document).unwrap();
            assert!(document.xref_recovery.is_none());
            assert_eq!(document.get_pages().len() as u32, letter.pages);
            print::imb::Imb::encode(&letter.tracking_code, &letter.routing).unwrap();
        }
    }

    #[test]
    fn inspection_refuses_no_letter() {
        let posts = [Photos::Small, Photos::Large].map(|photos| Post::new(photos).unwrap());
        for letter in posts.iter().flat_map(|post| (0..40).map(|number| post.letter(number).unwrap())) {
            let limits = print::inspect::Limits { impressions: Some(letter.pages), ..Default::default() };
            let report = print::inspect::inspect(&letter.document, &limits);
            assert!(report.is_ok(), "{:?}", report.findings);
        }
    }
}
