//! The print engine: assembly beside the floor and beside what people use, and what it costs to inspect a letter.

pub(crate) mod child;
pub(crate) mod programs;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::print::assemble::Assembler;
use ::print::inspect::{Limits, inspect};
use ::print::isolate::{CHILD_ARGUMENT, Inspector};
use ::print::stationery::Stationery;
use tests::arrows::ROOT;
use tests::mail::pdf::{Pdf, Structure};
use tests::mail::{self, Letter, Photos, Post, Written};
use tests::oracle;

use self::child::Usage;
use self::programs::Program;
use super::table::{FAILED, Race, Row, Runner};
use super::{Result, median};

/// How many letters, their photos, and how often ours and the peers go over them. The limits are for letters of templates.
/// Where photos are most of the bytes, no two alike, all of them are hashed twice, as sources and as output, which the
/// floor does once: no limit, but it is shown what that does.
const RACES: [(u32, Photos, usize, usize); 3] =
    [(1_000, Photos::Small, 7, 3), (10_000, Photos::Small, 5, 1), (1_000, Photos::Large, 5, 1)];

/// How long a program may take, seconds.
const PATIENCE: u64 = 300;

/// What ours may take: of the floor's processor time, of memory in all, and of memory beyond what a tenth of the letters
/// took.
const CPU: f64 = 1.8;
const PEAK: f64 = 64e6;
const GROWTH: f64 = 0.1;
const GROWTH_FLOOR: f64 = 4e6;

/// What a peer must take of ours at least, with the hashes that ours makes on the way.
const LEAD: f64 = 1.5;

/// What it may cost to inspect a letter in another process, milliseconds.
const ISOLATION: f64 = 3.0;

/// A folder for letters, which goes when all is measured.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it in the folder for what is built.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new() -> Result<Self> {
        let path = Path::new(ROOT).join("target").join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path.canonicalize()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the folder for what is built, and goes with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the races: a table for each, and what memory does from one to the next.
///
/// # Errors
/// Letters cannot be made, or the floor or ours does not run.
pub(crate) fn races(folder: &Folder) -> Result<(Vec<Race>, Vec<Row>)> {
    let ours = programs::ours()?;
    let peers = programs::peers()?;
    let (mut races, mut peaks) = (Vec::new(), Vec::new());
    for (count, photos, rounds, of_peers) in RACES {
        let place = folder.0.join(count.to_string());
        eprintln!("        {count} letters");
        let letters = mail::write(&place, count, photos)?;
        let (race, peak) = race(&letters, photos, &ours, rounds, &peers, of_peers)?;
        races.push(race);
        if photos == Photos::Small {
            peaks.push(peak);
        }
        std::fs::remove_dir_all(place)?;
    }
    let mut rows = Vec::new();
    if let [few, many] = peaks[..] {
        let kept = many <= few + (few * GROWTH).max(GROWTH_FLOOR);
        let limit = format!("within {:.0} % or {}", GROWTH * 100.0, megabytes(GROWTH_FLOOR));
        let row = Row::new("peak memory of assembly, 10,000 letters", megabytes(many));
        rows.push(row.beside(format!("1,000 letters {}", megabytes(few)), many / few).limit(limit, kept));
    }
    Ok((races, rows))
}

type Peers = [(&'static str, std::result::Result<Program, &'static str>)];

/// Runs every program over the same letters by turns. Answers with the memory that ours took.
fn race(
    letters: &Written,
    photos: Photos,
    ours: &[Program; 2],
    rounds: usize,
    peers: &Peers,
    of_peers: usize,
) -> Result<(Race, f64)> {
    let limited = photos == Photos::Small;
    let [mut floor, mut own] = [const { Runs { usages: Vec::new(), bytes: 0 } }; 2];
    let mut others: Vec<std::result::Result<(Runs, Runs), Runner>> = peers
        .iter()
        .map(|(name, peer)| match peer {
            Ok(_) => Ok(<(Runs, Runs)>::default()),
            Err(why) => Err(Runner { name: (*name).to_owned(), wall: (*why).to_owned(), ..Runner::default() }),
        })
        .collect();
    // The first round is not counted: it finds neither the programs nor the letters in memory.
    for round in 0..=rounds {
        for (program, runs) in ours.iter().zip([&mut floor, &mut own]) {
            let (usage, bytes) = run(program, letters).map_err(|error| format!("{}: {error}", program.name))?;
            remove(letters)?;
            if round > 0 {
                runs.usages.push(usage);
                runs.bytes = bytes;
            }
        }
        if round == 0 || round > of_peers {
            continue;
        }
        for ((name, peer), runs) in peers.iter().zip(&mut others) {
            let (Ok(program), Ok((merging, hashing))) = (peer, &mut *runs) else { continue };
            eprintln!("        {name}");
            match run(program, letters).and_then(|merged| Ok((merged, hash(letters)?))) {
                Ok(((usage, bytes), hashed)) => {
                    merging.usages.push(usage);
                    merging.bytes = bytes;
                    hashing.usages.push(hashed);
                }
                Err(error) => {
                    let name = (*name).to_owned();
                    *runs = Err(Runner { name, wall: error.to_string(), verdict: FAILED, ..Runner::default() });
                }
            }
            remove(letters)?;
        }
    }

    let count = letters.documents.len();
    let kind = if limited { "of templates" } else { "with photos across a page" };
    let title = format!("{count} letters {kind}, {} pages, {}", letters.pages, megabytes(letters.bytes as f64));
    let mut race = Race { title, runners: Vec::new() };
    let (floor, own) = (floor.middle(), own.middle());
    let [floor_name, own_name] = ours.each_ref().map(|program| program.name);
    let runner = |name: &str, (usage, bytes, rounds): (Usage, u64, usize)| Runner {
        name: format!("{name}, {rounds} round{}", if rounds == 1 { "" } else { "s" }),
        wall: format!("{:.2} s", usage.wall),
        cpu: format!("{:.2} s", usage.cpu),
        of_floor: format!("{:.2}x", usage.cpu / floor.0.cpu),
        of_ours: format!("{:.2}x", usage.cpu / own.0.cpu),
        peak: megabytes(usage.peak),
        bytes: megabytes(bytes as f64),
        ..Runner::default()
    };
    let limit = |runner: Runner, limit: String, kept| if limited { runner.limit(limit, kept) } else { runner };
    race.runners.push(runner(floor_name, floor));
    let kept = own.0.cpu <= CPU * floor.0.cpu && own.0.peak <= PEAK;
    race.runners.push(limit(runner(own_name, own), format!("{CPU:.2}x the floor, {}", megabytes(PEAK)), kept));
    for ((name, _), runs) in peers.iter().zip(others) {
        race.runners.push(match runs {
            Ok((merging, hashing)) => {
                let (merging, hashing) = (merging.middle(), hashing.middle().0.cpu);
                let cpu = format!("{:.2} + {hashing:.2} s", merging.0.cpu);
                let both = (Usage { cpu: merging.0.cpu + hashing, ..merging.0 }, merging.1, merging.2);
                let runner = Runner { cpu, ..runner(name, both) };
                limit(runner, format!("{LEAD:.2}x ours or more"), both.0.cpu >= LEAD * own.0.cpu)
            }
            Err(runner) => runner,
        });
    }
    Ok((race, own.0.peak))
}

/// What a program took round by round, and the size of what it made.
#[derive(Default)]
struct Runs {
    usages: Vec<Usage>,
    bytes: u64,
}

impl Runs {
    /// The middle of each figure, the size of the output, and how many rounds there were.
    fn middle(&self) -> (Usage, u64, usize) {
        let of = |figure: fn(&Usage) -> f64| median(&mut self.usages.iter().map(figure).collect::<Vec<_>>());
        let usage = Usage { wall: of(|usage| usage.wall), cpu: of(|usage| usage.cpu), peak: of(|usage| usage.peak) };
        (usage, self.bytes, self.usages.len())
    }
}

/// Where a program puts its output.
fn output(letters: &Written) -> PathBuf {
    letters.table.with_file_name("out.pdf")
}

/// Runs a program once. Answers with the size of its output as well.
fn run(program: &Program, letters: &Written) -> Result<(Usage, u64)> {
    let folder = letters.table.parent().ok_or("the letters are nowhere")?;
    let out = output(letters);
    let arguments = program.arguments(&letters.table, &letters.documents, &out);
    let usage = child::run(program.path(), &arguments, folder, PATIENCE)?;
    let bytes = std::fs::metadata(&out)?.len();
    Ok((usage, bytes))
}

/// What it takes beside a merge to have the hashes that a manifest has: of every source, and of the output.
fn hash(letters: &Written) -> Result<Usage> {
    let folder = letters.table.parent().ok_or("the letters are nowhere")?;
    let arguments = ["hash".to_owned(), letters.table.display().to_string(), output(letters).display().to_string()];
    child::run(&std::env::current_exe()?, &arguments, folder, PATIENCE)
}

/// Removes what a program put out, if it did.
fn remove(letters: &Written) -> Result<()> {
    match std::fs::remove_file(output(letters)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// How many letters are inspected, and how often.
const INSPECTED: u32 = 1_000;
const ROUNDS: usize = 3;

/// What it costs to inspect a letter, in this process and in another.
///
/// # Errors
/// The other process does not start, or refuses a letter.
pub(crate) fn inspection() -> Result<Vec<Row>> {
    let post = Post::new(Photos::Large)?;
    let letters: Vec<_> = (0..INSPECTED).map(|number| post.letter(number)).collect::<Result<_>>()?;
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let mut times = [0.0; 2];
        for letter in &letters {
            let limits = Limits { impressions: Some(letter.pages), ..Limits::default() };
            let started = Instant::now();
            let report = inspect(&letter.document, &limits);
            times[0] += started.elapsed().as_secs_f64();
            let started = Instant::now();
            let isolated = inspector.inspect(&letter.document, &limits)?;
            times[1] += started.elapsed().as_secs_f64();
            if !report.is_ok() || report != isolated {
                return Err(format!("a letter was refused: {:?}", isolated.findings).into());
            }
        }
        if round > 0 {
            here.push(times[0] * 1_000.0 / f64::from(INSPECTED));
            there.push(times[1] * 1_000.0 / f64::from(INSPECTED));
        }
    }
    let (here, there) = (median(&mut here), median(&mut there));
    let cost = there - here;
    Ok(vec![
        Row::new("inspection, a letter", format!("{here:.2} ms")),
        Row::new("inspection in a process of its own, a letter", format!("{there:.2} ms"))
            .beside(format!("in ours {here:.2} ms"), there / here)
            .limit(format!("{ISOLATION:.0} ms more"), cost <= ISOLATION),
    ])
}

/// How finely the pages of all letters are drawn to be compared, dots per inch.
const DPI: usize = 72;

/// Has other programs look at a print stream of 1,000 letters, and at one of more than 4 GiB.
///
/// # Errors
/// A program finds a fault, or is not installed.
pub(crate) fn oracles(folder: &Folder) -> Result<Vec<Row>> {
    let stream = oracle::assemble(folder.0.join("oracle.pdf"), 1_000)?;
    eprintln!("        qpdf --check of 1,000 letters");
    oracle::check(&stream.path)?;
    eprintln!("        every page of them, as mutool draws it");
    let compared = oracle::compare(&stream, DPI, |_| true)?;
    std::fs::remove_file(&stream.path)?;
    let mut rows = vec![
        Row::new("qpdf --check of 1,000 letters", "clean").limit("clean", true),
        Row::new("pages that mutool draws as in the letter alone", compared.to_string()).limit("all", true),
    ];
    rows.push(giant(folder)?);
    Ok(rows)
}

/// What a large print stream should be more than: then an offset takes more than 32 bits, and the next bit too.
const GIANT: u64 = 5_000_000_000;

/// A letter of one page, a scan that is stored as it is: for its size it has as few objects as can be, and nothing in it has to
/// be decoded. Of ordinary letters as many bytes take qpdf a quarter of an hour, and it says the same of them.
fn scan() -> Result<Vec<u8>> {
    const WIDTH: usize = 6_000;
    const HEIGHT: usize = 7_900;
    let samples: Vec<u8> = (0..WIDTH * HEIGHT).map(|sample| (sample % WIDTH * 255 / WIDTH) as u8).collect();
    let mut pdf = Pdf::default();
    let (catalog, tree) = (pdf.reserve(), pdf.reserve());
    let colours = "/ColorSpace/DeviceGray/BitsPerComponent 8";
    let image = pdf.stream(format!("/Subtype/Image/Width {WIDTH}/Height {HEIGHT}{colours}"), samples);
    let content = pdf.stream("", b"q 612 0 0 792 0 0 cm /Scan Do Q".to_vec());
    let resources = format!("/Resources<</XObject<</Scan {image} 0 R>>>>");
    let page =
        pdf.add(format!("<</Type/Page/Parent {tree} 0 R/MediaBox[0 0 612 792]{resources}/Contents {content} 0 R>>"));
    pdf.set(tree, format!("<</Type/Pages/Kids[{page} 0 R]/Count 1>>"));
    pdf.set(catalog, format!("<</Type/Catalog/Pages {tree} 0 R>>"));
    Ok(pdf.finish(&format!("/Root {catalog} 0 R"), Structure::Table)?)
}

/// Assembles more than 4 GiB and has qpdf check it, if there is room for it.
fn giant(folder: &Folder) -> Result<Row> {
    let what = "qpdf --check of a print stream over 4 GiB";
    let room = nix::sys::statvfs::statvfs(&folder.0)?;
    if (room.blocks_available() as u64).saturating_mul(room.fragment_size() as u64) < 2 * GIANT {
        return Ok(Row::missing(what, &"there is no room for it on the disk"));
    }
    eprintln!("        {what}");
    let letter = Letter { document: scan()?, pages: 1, ..Post::new(Photos::Small)?.letter(0)? };
    let path = folder.0.join("giant.pdf");
    let mut assembler = Assembler::new(BufWriter::new(File::create(&path)?), &Stationery::default())?;
    let (mut number, mut end) = (0, 0);
    while end < GIANT {
        number += 1;
        // Nothing is shared across accounts, so the scan takes its place every time.
        let row = oracle::add(&mut assembler, &letter, &format!("account {number}"), number)?;
        end = row.offset + row.length;
    }
    let (_, totals) = assembler.finish()?;
    oracle::check(&path)?;
    std::fs::remove_file(path)?;
    let measured = format!("clean, {:.2} GB, {} pages", totals.bytes as f64 / 1e9, totals.pages);
    Ok(Row::new(what, measured).limit("clean", true))
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}
