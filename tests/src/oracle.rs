//! What other programs make of a print stream: qpdf judges its structure, mutool draws it, and a camera reads the drawing.
//!
//! None of them knows our code. A page of a letter must look in the print stream as it does alone, but where our marks lie
//! over it; the marks must read back as what was meant.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use datamatrix::DataMatrix;
use print::assemble::{Assembler, Piece, PieceRow, Totals};
use print::imb::Imb;
use print::layout::{Layout, Rect};
use print::stationery::{Placement, Sides, Stationery};

use crate::harness::Result;
use crate::mail::{Letter, Photos, Post};

/// The mail job that print streams are made for here.
const JOB: &str = "job_oracle";

/// A print stream, and what is in it.
#[derive(Debug)]
pub struct Stream {
    /// The file.
    pub path: PathBuf,
    /// Its pieces, with the letter of each.
    pub pieces: Vec<(PieceRow, Letter)>,
    /// What it holds.
    pub totals: Totals,
}

/// Assembles letters 0 to `count`, each behind a cover sheet.
///
/// # Errors
/// A letter is refused, or the file cannot be written.
pub fn assemble(path: PathBuf, count: u32) -> Result<Stream> {
    let post = Post::new(Photos::Large)?;
    let mut assembler = Assembler::new(BufWriter::new(File::create(&path)?), &Stationery::default())?;
    let mut pieces = Vec::new();
    for number in 0..count {
        let letter = post.letter(number)?;
        let row = add(&mut assembler, &letter, letter.account, number + 1)?;
        pieces.push((row, letter));
    }
    let (_, totals) = assembler.finish()?;
    Ok(Stream { path, pieces, totals })
}

/// Adds a letter to a print stream, for an account that need not be its own.
///
/// # Errors
/// The letter is refused.
pub fn add<W: std::io::Write>(
    assembler: &mut Assembler<W>,
    letter: &Letter,
    account: &str,
    number: u32,
) -> Result<PieceRow> {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let place = format!("{} {} {}", letter.city, letter.state, letter.postal_code);
    let recipient = [&letter.name1, &letter.name2, &letter.address1, &letter.address2, &place];
    let recipient: Vec<String> = recipient.into_iter().filter(|line| !line.is_empty()).cloned().collect();
    let row = assembler.add(&Piece {
        account,
        sender: &owned(&["Orleans Parish Assessor", "1300 Perdido St Rm 4E01", "New Orleans LA 70112"]),
        recipient: &recipient,
        imb: &Imb::encode(&letter.tracking_code, &letter.routing)?,
        endorsement: None,
        certified: None,
        job: JOB,
        number,
        document: &letter.document,
        impressions: Some(letter.pages),
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: letter.perforated,
        return_envelope: false,
    })?;
    Ok(row)
}

/// Has qpdf check a file: its structure, and that every stream can be decoded.
///
/// # Errors
/// What qpdf found, warnings too, or that there is no qpdf.
pub fn check(pdf: &Path) -> Result<()> {
    let run = Command::new("qpdf").arg("--check").arg(pdf).output().map_err(|error| missing("qpdf", &error))?;
    match run.status.code() {
        Some(0) => Ok(()),
        _ => Err(format!("qpdf --check: {}", String::from_utf8_lossy(&run.stderr)).into()),
    }
}

fn missing(program: &str, error: &std::io::Error) -> String {
    format!("{program} cannot be run ({error}): infra/local/setup installs it")
}

/// A drawn page, in eight bits of grey or of red, green and blue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    channels: usize,
    samples: Vec<u8>,
}

/// The pages of a file as mutool draws them, one after the other.
#[derive(Debug)]
pub struct Pages {
    child: Child,
    output: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<Vec<String>>>,
}

/// Draws pages of a file, as `1-3,7` names them or all, in colour.
///
/// # Errors
/// There is no mutool.
pub fn draw(pdf: &Path, pages: Option<&str>, dpi: usize) -> Result<Pages> {
    let mut child = Command::new("mutool")
        .args(["draw", "-q", "-F", "ppm", "-c", "rgb", "-o", "-", "-r", &dpi.to_string()])
        .arg(pdf)
        .args(pages)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing("mutool", &error))?;
    let output = BufReader::with_capacity(1 << 20, child.stdout.take().ok_or("mutool has no output")?);
    let errors = BufReader::new(child.stderr.take().ok_or("mutool has no errors")?);
    // Some builds say that they know no ICC profiles, and here none are used.
    let complaints = move || errors.lines().map_while(|line| line.ok()).filter(|line| !line.contains("ICC")).collect();
    Ok(Pages { child, output, complaints: Some(std::thread::spawn(complaints)) })
}

impl Pages {
    /// The next page, or nothing after the last. What mutool complains of is an error then.
    ///
    /// # Errors
    /// mutool failed or complained.
    pub fn next_page(&mut self) -> Result<Option<Picture>> {
        if self.output.fill_buf()?.is_empty() {
            let status = self.child.wait()?;
            let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
            return match (status.success(), complaints.is_empty()) {
                (true, true) => Ok(None),
                _ => Err(format!("mutool draw: {status}: {}", complaints.join("; ")).into()),
            };
        }
        // Magic, width, height and the highest value, each followed by one blank.
        let mut head = [const { String::new() }; 4];
        for word in &mut head {
            loop {
                let mut byte = [0];
                self.output.read_exact(&mut byte)?;
                match byte[0] {
                    byte if byte.is_ascii_whitespace() => break,
                    byte => word.push(byte.into()),
                }
            }
        }
        let channels = match head[0].as_str() {
            "P6" => 3,
            "P5" => 1,
            other => return Err(format!("mutool drew something that begins with {other}").into()),
        };
        let (width, height) = (head[1].parse()?, head[2].parse()?);
        let mut samples = vec![0; width * height * channels];
        self.output.read_exact(&mut samples)?;
        Ok(Some(Picture { width, height, channels, samples }))
    }

    /// The next page, which there must be.
    ///
    /// # Errors
    /// mutool failed, or there is none.
    pub fn page(&mut self) -> Result<Picture> {
        self.next_page()?.ok_or_else(|| "there are fewer pages than there should be".into())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Picture {
    /// Whether nothing is drawn.
    pub fn is_blank(&self) -> bool {
        self.samples.iter().all(|sample| *sample == 255)
    }

    /// Whether more is dark than light in the pixel.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let at = (y * self.width + x) * self.channels;
        self.samples.get(at).is_some_and(|sample| *sample < 128)
    }

    /// The first pixel in which another drawing differs, outside of some rectangles.
    pub fn difference(&self, other: &Picture, dpi: usize, except: &[Rect]) -> Option<(usize, usize)> {
        self.difference_over(0, other, dpi, except)
    }

    /// The first pixel in which another drawing differs by more than so many of 255 levels, outside of some rectangles.
    pub fn difference_over(&self, levels: u8, other: &Picture, dpi: usize, except: &[Rect]) -> Option<(usize, usize)> {
        if (self.width, self.height, self.channels) != (other.width, other.height, other.channels) {
            return Some((self.width.min(other.width), self.height.min(other.height)));
        }
        // An edge colours the pixel it goes through.
        let excepted = |x: usize, y: usize| {
            except.iter().any(|rect| {
                let within = |at: usize, from: f64, to: f64| {
                    let (at, dpi) = (at as f64, dpi as f64);
                    at >= (from * dpi).floor() - 1.0 && at <= (to * dpi).ceil() + 1.0
                };
                within(x, rect.left, rect.right()) && within(y, rect.top, rect.bottom())
            })
        };
        let row = self.width * self.channels;
        let rows = self.samples.chunks_exact(row).zip(other.samples.chunks_exact(row)).enumerate();
        for (y, (ours, theirs)) in rows.filter(|(_, (ours, theirs))| ours != theirs) {
            let pixels = ours.chunks_exact(self.channels).zip(theirs.chunks_exact(self.channels)).enumerate();
            let is_off = |a: &[u8], b: &[u8]| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > levels);
            let differs = |(x, (a, b)): (usize, (&[u8], &[u8]))| (is_off(a, b) && !excepted(x, y)).then_some(x);
            if let Some(x) = pixels.into_iter().find_map(differs) {
                return Some((x, y));
            }
        }
        None
    }
}

/// What of a front our mark and the line beside it may cover.
fn mark_places(layout: &Layout, page_height: f64) -> [Rect; 2] {
    // The mark of a piece here has at most 22 modules on a side, and one of clear space around it; the line has six points.
    let (module, side) = (layout.mark_module, 24.0 * layout.mark_module);
    let (left, bottom) = (layout.mark_left - module, page_height - layout.mark_bottom);
    let mark = Rect { left, top: bottom + module - side, width: side, height: side };
    let line = Rect { left: left + side, top: bottom - 0.08, width: 1.75, height: 0.12 };
    [mark, line]
}

/// Has mutool draw a whole print stream, and beside it each letter whose number `also` says: every page must be there, its
/// back blank where nothing belongs, and every page of a letter the same in both drawings. Answers how many were compared.
///
/// # Errors
/// The first page that is not as it must be.
pub fn compare(stream: &Stream, dpi: usize, also: impl Fn(usize) -> bool) -> Result<u32> {
    let stationery = Stationery::default();
    let mut printed = draw(&stream.path, None, dpi)?;
    let alone = stream.path.with_extension("letter.pdf");
    let (mut compared, mut pages) = (0, 0);
    for (number, (row, letter)) in stream.pieces.iter().enumerate() {
        let wrong = |page: u64, what: &str| format!("letter {number}, page {page} of the print stream: {what}");
        if row.first_page != pages + 1 {
            return Err(wrong(row.first_page, "the piece should begin elsewhere").into());
        }
        if printed.page()?.is_blank() {
            return Err(wrong(row.first_page, "the cover sheet is blank").into());
        }
        if !printed.page()?.is_blank() {
            return Err(wrong(row.first_page + 1, "the back of the cover sheet is not blank").into());
        }
        let mut own = None;
        if also(number) {
            std::fs::write(&alone, &letter.document)?;
            own = Some(draw(&alone, None, dpi)?);
        }
        let layout = stationery.layout(row.envelope);
        for page in 0..letter.pages {
            let drawn = printed.page()?;
            let Some(own) = &mut own else { continue };
            let marks = mark_places(layout, drawn.height as f64 / dpi as f64);
            let except = if page.is_multiple_of(2) { &marks[..] } else { &[] };
            if let Some((x, y)) = drawn.difference(&own.page()?, dpi, except) {
                let what = format!("it differs from page {} of the letter at {x}, {y}", page + 1);
                return Err(wrong(row.first_page + 2 + u64::from(page), &what).into());
            }
            compared += 1;
        }
        if let Some(mut own) = own
            && own.next_page()?.is_some()
        {
            return Err(wrong(row.first_page, "the letter has more pages").into());
        }
        if letter.pages % 2 == 1 && !printed.page()?.is_blank() {
            return Err(wrong(row.last_page, "the last back is not blank").into());
        }
        pages = row.last_page;
    }
    if printed.next_page()?.is_some() {
        return Err("the print stream has more pages than its pieces".into());
    }
    // It is there only if a letter was compared.
    let _ = std::fs::remove_file(alone);
    Ok(compared)
}

/// The resolution at which a camera looks at paper.
const CAMERA: usize = 600;

/// What a camera reads on the paper of a piece.
#[derive(Debug, PartialEq, Eq)]
pub struct Readings {
    /// Tracking and routing digits of the barcode on the cover sheet.
    pub barcode: (String, String),
    /// The texts of the sheet marks, front by front.
    pub marks: Vec<String>,
}

impl Readings {
    /// What they should be.
    pub fn meant(row: &PieceRow, letter: &Letter) -> Self {
        let mark = |sheet| format!("{JOB} {} {sheet}/{}", row.piece, row.sheets);
        Readings {
            barcode: (letter.tracking_code.clone(), letter.routing.clone()),
            marks: (1..=row.sheets).map(mark).collect(),
        }
    }
}

/// Reads the codes of a piece from the drawing of its fronts.
///
/// # Errors
/// A code is not there or cannot be read.
pub fn read(stream: &Path, row: &PieceRow) -> Result<Readings> {
    let stationery = Stationery::default();
    let layout = stationery.layout(row.envelope);
    let fronts: Vec<String> = (row.first_page..=row.last_page).step_by(2).map(|page| page.to_string()).collect();
    let mut pages = draw(stream, Some(&fronts.join(",")), CAMERA)?;
    let mut readings = Readings { barcode: Default::default(), marks: Vec::new() };
    for front in 0..row.sheets {
        let page = pages.page()?;
        if front == 0 {
            readings.barcode = Imb::decode(&bars(&page, layout)?)?;
        }
        readings.marks.push(data_matrix(&page, layout).ok_or("no sheet mark can be read")?);
    }
    Ok(readings)
}

fn pixels(inches: f64) -> usize {
    (inches * CAMERA as f64).round().max(0.0) as usize
}

/// The letters of the bars at the bottom of the recipient's window. A bar is longer than the tracker, the part that all
/// have, by twice its height or not at all (USPS-B-3200 §2.2).
fn bars(page: &Picture, layout: &Layout) -> Result<String> {
    const FULL: f64 = 0.145;
    let window = layout.always_visible(&layout.recipient_window);
    let (top, bottom) = (pixels(window.bottom() - 0.028 - FULL) - 2, pixels(window.bottom()));
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut in_bar = false;
    for x in pixels(window.left)..pixels(window.right()) {
        let dark: Vec<usize> = (top..bottom).filter(|y| page.is_dark(x, *y)).collect();
        match (dark.first(), dark.last(), found.last_mut()) {
            (Some(first), Some(last), Some(bar)) if in_bar => *bar = (bar.0.min(*first), bar.1.max(*last)),
            (Some(first), Some(last), _) => found.push((*first, *last)),
            _ => {}
        }
        in_bar = !dark.is_empty();
    }
    let highest = found.iter().map(|bar| bar.0).min().ok_or("there are no bars")?;
    let lowest = found.iter().map(|bar| bar.1).max().ok_or("there are no bars")?;
    let quarter = (lowest - highest) / 4;
    let letter = |bar: &(usize, usize)| match (bar.0 < highest + quarter, bar.1 > lowest - quarter) {
        (false, false) => 'T',
        (false, true) => 'D',
        (true, false) => 'A',
        (true, true) => 'F',
    };
    Ok(found.iter().map(letter).collect())
}

/// The text of the Data Matrix in the lower left corner, whatever its size.
fn data_matrix(page: &Picture, layout: &Layout) -> Option<String> {
    let bottom = page.height as f64 / CAMERA as f64 - layout.mark_bottom;
    let sides = (10..=26).step_by(2).chain([32, 36, 40, 44, 48]);
    sides.into_iter().find_map(|side| {
        let middle = |module: usize| (module as f64 + 0.5) * layout.mark_module;
        let top = bottom - side as f64 * layout.mark_module;
        let modules: Vec<bool> = (0..side * side)
            .map(|place| {
                page.is_dark(pixels(layout.mark_left + middle(place % side)), pixels(top + middle(place / side)))
            })
            .collect();
        DataMatrix::decode(&modules, side).ok().and_then(|text| String::from_utf8(text).ok())
    })
}
