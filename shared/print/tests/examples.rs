//! The programs that a person runs, as processes: their names, what they are told and what they answer are promised to other
//! tools.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lopdf::{Document, Object};
use print::inspect::{Limits, clear_zones};
use print::layout::{Layout, Rect};
use print::raster::Raster;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::Letter;

/// A program, which is built with the tests and lies beside them.
fn program(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(built.exists(), "{} is missing: cargo build --package print --examples", built.display());
    Command::new(built)
}

/// Runs a program on arguments and what comes in.
fn run(name: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may not listen.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A folder of its own, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mailhouse-examples-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and gives its path.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in a folder for what may go.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A document of so many pages with a bar on each, this far down the page, inches.
fn document(pages: u32, down: f64) -> Vec<u8> {
    let mut letter = Letter::new();
    for page in 0..pages {
        let bar = format!("100 {} {} 12 re f", 792.0 - 72.0 * down - 12.0, 100 + page);
        letter.page_of(bar.as_bytes());
    }
    letter.bytes()
}

/// What `inspect` says, a line each, and that it ends well.
fn inspected(arguments: &[&str]) -> Vec<Value> {
    let output = run("inspect", arguments, b"");
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rules(line: &Value) -> Vec<&str> {
    line["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn inspect_says_a_line_on_every_file_in_turn_and_dies_of_none() {
    let folder = Folder::new("inspect");
    let good = folder.put("good.pdf", document(3, 7.0));
    let small = folder.put("small.pdf", {
        let mut letter = Letter::new();
        let page = letter.page_of(b"72 300 200 12 re f");
        letter.set(page, "MediaBox", [0, 0, 360, 504].map(Object::Integer).to_vec());
        letter.bytes()
    });
    let files = [
        good.clone(),
        folder.path("missing.pdf"),
        folder.path(""),
        folder.put("empty.pdf", b""),
        folder.put("text.pdf", b"no document"),
        // These end the process that reads them.
        folder.put("lengths.pdf", support::length_chain(60_000, "/L#65ngth")),
        folder.put("zeros.pdf", support::zeros(10, 3_000_000)),
        folder.put("large.pdf", vec![b'%'; Limits::default().max_bytes as usize + 9]),
        small,
        good,
    ];
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let lines = inspected(&names);
    assert_eq!(lines.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), names);
    let ok: Vec<bool> = lines.iter().map(|line| line["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, false, false, false, false, false, false, false, false, true]);
    let pages: Vec<u64> = lines.iter().map(|line| line["pages"].as_u64().unwrap()).collect();
    assert_eq!(pages, [3, 0, 0, 0, 0, 0, 0, 0, 1, 3]);
    let found: Vec<Vec<&str>> = lines.iter().map(rules).collect();
    assert_eq!((&found[0], &found[9]), (&vec![], &vec![]));
    assert_eq!((&found[1], &found[2]), (&vec![], &vec![]));
    assert!(lines[1]["error"].is_string() && lines[2]["error"].is_string());
    assert_eq!(found[3..5], [["document.not_a_pdf"], ["document.not_a_pdf"]]);
    assert_eq!(found[5..8], [["document.too_complex"], ["document.hostile"], ["document.too_large"]]);
    let size = (Limits::default().max_bytes + 9).to_string();
    assert!(lines[7]["findings"][0]["measured"].as_str().unwrap().starts_with(&size));
    let finding = &lines[8]["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["severity"], &finding["page"]),
        (&"document.page_size".into(), &"refuse".into(), &1.into())
    );
    assert!(finding["message"].is_string() && finding["measured"].is_string() && finding["allowed"].is_string());
}

#[test]
fn inspect_draws_what_it_found_on_copies_each_with_a_name_of_its_own() {
    let folder = Folder::new("overlay");
    let other = Folder::new("overlay-other");
    let good = folder.put("good.pdf", document(1, 7.0));
    let low = folder.put("low.pdf", document(1, 10.9));
    let same_name = other.put("low.pdf", document(1, 10.9));
    let text = folder.put("text.pdf", b"no document");
    let drawings = folder.path("drawings/of them");
    let lines = inspected(&["--overlay", &drawings, &good, &low, &same_name, &text]);
    assert!(lines[0].get("overlay").is_none() && lines[0].get("overlayError").is_none());
    let paths: Vec<&str> = lines[1..3].iter().map(|line| line["overlay"].as_str().unwrap()).collect();
    assert_eq!(paths, ["low.pdf.overlay.pdf", "low.pdf.2.overlay.pdf"].map(|name| format!("{drawings}/{name}")));
    for path in paths {
        let ink = Raster::open(&fs::read(path).unwrap()).unwrap().ink(0).unwrap();
        assert!(ink.coloured, "what is drawn is red");
    }
    assert!(lines[3]["overlayError"].is_string() && lines[3].get("overlay").is_none());
}

#[test]
fn inspect_mends_copies_and_says_what_was_done_and_what_was_left() {
    let folder = Folder::new("mend");
    let sized = |width: i64, height: i64| {
        let mut letter = Letter::new();
        let page = letter.page_of(b"72 300 200 12 re f");
        letter.set(page, "MediaBox", [0, 0, width, height].map(Object::Integer).to_vec());
        letter.bytes()
    };
    let small = folder.put("small.pdf", sized(360, 504));
    let large = folder.put("large.pdf", sized(1_200, 1_600));
    let good = folder.put("good.pdf", document(1, 7.0));
    let text = folder.put("text.pdf", b"no document");
    let mended = folder.path("mended");
    let lines = inspected(&["--mend", &mended, &small, &large, &good, &text]);
    assert_eq!(rules(&lines[0]), ["document.page_size"]);
    let path = lines[0]["mended"].as_str().unwrap();
    assert_eq!(
        (path, &lines[0]["mends"]["done"][0]["mend"]),
        (&*format!("{mended}/small.pdf.mended.pdf"), &"centre".into())
    );
    assert!(inspected(&[path])[0]["ok"].as_bool().unwrap());
    assert_eq!((&lines[1]["mends"]["left"][0]["page"], lines[1].get("mended")), (&1.into(), None));
    assert_eq!(
        (&lines[2]["mends"]["done"], &lines[2]["mends"]["left"]),
        (&Value::Array(vec![]), &Value::Array(vec![]))
    );
    assert!(lines[3]["mendError"].is_string() && lines[3].get("mends").is_none());
    assert_eq!(fs::read_dir(&mended).unwrap().count(), 1);
}

#[test]
fn inspect_checks_and_draws_the_windows_of_a_letter_that_has_its_address_on_the_first_page() {
    let folder = Folder::new("first-page");
    // Where a folding envelope has its window, where only a flat has it, and where neither has.
    let [zone, flat_zone] = [Layout::number_10(), Layout::flat_9x12()].map(|layout| clear_zones(&layout)[1]);
    let (above, below) = (zone.top + 0.5, flat_zone.bottom() - 0.5);
    assert!(below > zone.bottom() && below + 0.2 < flat_zone.bottom());
    let files = [above, below, 7.0].map(|down| folder.put(&format!("{down}.pdf"), document(2, down)));
    let [above, below, clear] = files.each_ref().map(String::as_str);
    let drawings = folder.path("drawings");
    let refused = |arguments: &[&str]| -> Vec<bool> {
        let mut all = vec!["--overlay", drawings.as_str()];
        all.extend(arguments);
        all.extend([above, below, clear]);
        let zone = "document.ink_in_address_zone";
        inspected(&all).iter().map(|line| !line["ok"].as_bool().unwrap() && rules(line).contains(&zone)).collect()
    };
    assert_eq!(refused(&[]), [false, false, false]);
    assert!(fs::read_dir(&drawings).unwrap().next().is_none(), "there was nothing to draw");
    assert_eq!(refused(&["--first-page"]), [true, false, false]);
    assert_eq!(refused(&["--first-page", "--flat"]), [true, true, false]);
    // Also where nothing is found a person sees the windows.
    let clear_drawing = fs::read(format!("{drawings}/{}.overlay.pdf", Path::new(clear).file_name().unwrap().display()));
    let raster = Raster::open(&clear_drawing.unwrap()).unwrap();
    let [first, second] = [0, 1].map(|page| raster.ink(page).unwrap());
    // The edge of the printable area runs through the zone at its left.
    let inside = Rect { left: flat_zone.left + 0.5, width: flat_zone.width - 1.0, ..flat_zone };
    assert!(first.within(&inside).is_some() && second.within(&inside).is_none());
}

#[test]
fn inspect_checks_a_letter_that_is_printed_on_one_side_and_a_card_as_such() {
    let folder = Folder::new("sides");
    // On every page where the sheet mark goes, which only fronts have.
    let mut letter = Letter::new();
    for _ in 0..2 {
        letter.page_of(b"15 15 9 9 re f");
    }
    let marked = folder.put("marked.pdf", letter.bytes());
    let pages = |arguments: &[&str]| -> Vec<u64> {
        let mut all = arguments.to_vec();
        all.push(&marked);
        let line = inspected(&all).remove(0);
        let under = |finding: &&Value| finding["rule"] == "document.ink_under_mark";
        let findings = line["findings"].as_array().unwrap();
        findings.iter().filter(under).map(|finding| finding["page"].as_u64().unwrap()).collect()
    };
    assert_eq!(pages(&[]), [1]);
    assert_eq!(pages(&["--simplex"]), [1, 2]);

    let mut card = Letter::new();
    for content in [b"0 0 450 306 re f".as_slice(), b"9 200 36 36 re f"] {
        let page = card.page_of(content);
        card.set(page, "MediaBox", [0, 0, 450, 306].map(Object::Integer).to_vec());
    }
    let card = folder.put("card.pdf", card.bytes());
    assert_eq!(rules(&inspected(&[&card])[0])[0], "document.page_size");
    assert_eq!(rules(&inspected(&["--card", "4x6", &card])[0]), [""; 0]);
    assert_eq!(rules(&inspected(&["--card", "6x9", &card])[0])[0], "document.page_size");
}

#[test]
fn inspect_tells_who_calls_it_wrongly_how_to_call_it() {
    let output = run("inspect", &["--help"], b"");
    assert!(output.status.success() && text(&output.stdout).starts_with("usage: inspect [--overlay DIR] [--mend DIR]"));
    for wrong in [
        &["--overlay"][..],
        &["--card", "5x7", "a.pdf"],
        &["--frist-page", "a.pdf"],
        &["--card", "4x6", "--first-page"],
    ] {
        let output = run("inspect", wrong, b"");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}");
        assert!(text(&output.stderr).contains("usage: inspect"), "{output:?}");
    }
    // What comes after two dashes is a file, whatever it is called.
    let lines = inspected(&["--", "--overlay"]);
    assert_eq!((&lines[0]["file"], &lines[0]["ok"]), (&"--overlay".into(), &false.into()));
}

#[test]
fn imb_answers_each_line_with_a_barcode_or_the_code_of_what_is_wrong() {
    let tracking = TRACKING;
    let cases = [
        (format!("{tracking} 01234567891"), "AADTFFDFTDADTAADAATFDTDDAAADDTDTTDAFADADDDTFFFDDTTTADFAAADFTDAADA"),
        (tracking.to_owned(), PLAIN),
        (String::new(), "error 09"),
        ("0123456709498765432".to_owned(), "error 09"),
        ("0123456709498765432X".to_owned(), "error 10"),
        (tracking.replacen("01", "05", 1), "error 11"),
        (format!("{tracking} 0123"), "error 12"),
        (format!("{tracking} 0123A"), "error 13"),
        (format!("{tracking} 01234"), ROUTED),
    ];
    let input: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    // The last line may lack its end.
    assert_eq!(barcodes(input.trim_end().as_bytes()), cases.each_ref().map(|(_, answer)| *answer));
    assert_eq!(barcodes(b""), [""; 0]);
}

/// What `imb` answers, a line each, and that it ends well.
fn barcodes(input: &[u8]) -> Vec<String> {
    let output = run("imb", &[], input);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    text(&output.stdout).lines().map(str::to_owned).collect()
}

const TRACKING: &str = "01234567094987654321";
const PLAIN: &str = "ATTFATTDTTADTAATTDTDTATTDAFDDFADFDFTFFFFFTATFAAAATDFFTDAADFTFDTDT";
const ROUTED: &str = "DTTAFADDTTFTDTFTFDTDDADADAFADFATDDFTAAAFDTTADFAAATDFDTDFADDDTDFFT";

#[test]
fn imb_does_not_mind_blanks_tabs_and_carriage_returns_around_the_digits() {
    let input = format!("{TRACKING}\n{TRACKING} 01234\r\n{TRACKING}\t 01234 \t\r\n{TRACKING} ");
    assert_eq!(barcodes(input.as_bytes()), [PLAIN, ROUTED, ROUTED, PLAIN]);
}

#[test]
fn to_imb_a_line_without_a_tracking_code_has_one_of_the_wrong_length() {
    let input = format!("\n \r\n {TRACKING}\n\n01234");
    assert_eq!(barcodes(input.as_bytes()), ["error 09"; 5]);
}

#[test]
fn to_imb_words_after_the_routing_code_are_part_of_it() {
    let input = format!("{TRACKING} 01234 5678\n{TRACKING} 01234 extra\n{TRACKING} a b");
    assert_eq!(barcodes(input.as_bytes()), ["error 12", "error 13", "error 12"]);
}

#[test]
fn to_imb_bytes_that_are_no_text_are_characters_that_are_no_digits() {
    let input =
        b"0123456709498765432\xe9\n01234567094987654321 0123\xff\n\xff\xfe\x00\n01234567094987654321 \0\0\0\0\0";
    assert_eq!(barcodes(input), ["error 10", "error 13", "error 09", "error 13"]);
}

/// Up to so many bytes it looks at a line, and longer ones are none the less one line.
const LONGEST: usize = 4096;

#[test]
fn imb_answers_a_line_of_any_length_once() {
    for length in [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST, 1 << 20] {
        let filler = "1".repeat(length);
        let input = format!("{filler}\n{TRACKING} {filler}\n{TRACKING} 01234\n");
        assert_eq!(barcodes(input.as_bytes()), ["error 09", "error 12", ROUTED], "{length}");
    }
    let far = format!("{TRACKING}{}01234\n", " ".repeat(LONGEST));
    assert_eq!(barcodes(far.as_bytes()), ["error 12"]);
}

const COLUMNS: &str =
    "document,name1,name2,address1,address2,city,state,postalCode,trackingCode,routing,perforated,tenant\n";

/// A list of three letters of two tenants, beside their documents.
fn list(folder: &Folder) -> String {
    for (name, pages) in [("one.pdf", 1), ("two.pdf", 4)] {
        folder.put(name, document(pages, 7.0));
    }
    let row = |document: &str, name: &str, tracking: &str, perforated: &str, tenant: &str| {
        format!("{document},{name},,1 Elm St,,Reno,NV,89501-1234,{tracking},89501123401,{perforated},{tenant}\n")
    };
    let rows = [
        row("one.pdf", "\"Åkesson, José\"", "00270902345678000001", "true", "a"),
        row("two.pdf", "Łucja Żak", "00270902345678000002", "", "b"),
        row("one.pdf", "Ann Poe", "00270902345678000003", "false", "b"),
    ];
    folder.put("letters.csv", format!("{COLUMNS}{}", rows.concat()))
}

#[test]
fn assemble_writes_a_print_stream_and_its_manifests_and_says_what_that_took() {
    let folder = Folder::new("assemble");
    let letters = list(&folder);
    let out = folder.path("out.pdf");
    let output = run("assemble", &["--letters", &letters, "--out", &out, "--account-column", "tenant"], b"");
    assert!(output.status.success(), "{output:?}");
    let told: Vec<(&str, &str)> = text(&output.stdout)
        .lines()
        .filter_map(|line| line.rsplit_once(' ').filter(|_| !line.starts_with("peak")))
        .collect();
    let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["pieces", "pages", "sheets", "bytes", "sha256", "seconds"]);
    assert!(text(&output.stdout).lines().last().unwrap().starts_with("peak memory "));
    let stream = fs::read(&out).unwrap();
    let sha256 = hex(&Sha256::digest(&stream));
    // A cover each, and one, two and one sheets.
    let meant = ["3", "14", "7", &stream.len().to_string(), &sha256].map(str::to_owned);
    assert_eq!(told[..5].iter().map(|(_, value)| *value).collect::<Vec<_>>(), meant);
    assert!(told[5].1.parse::<f64>().unwrap() >= 0.0);
    assert_eq!(Document::load_mem(&stream).unwrap().get_pages().len(), 14);

    let mut manifest = csv::Reader::from_path(folder.path("out.manifest.csv")).unwrap();
    let headers = manifest.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = manifest.records().map(Result::unwrap).collect();
    let column = |name: &str| -> Vec<&str> {
        let place = headers.iter().position(|header| header == name).unwrap();
        rows.iter().map(|row| &row[place]).collect()
    };
    assert_eq!(column("trackingCode"), ["00270902345678000001", "00270902345678000002", "00270902345678000003"]);
    assert_eq!(column("sheets"), ["2", "3", "2"]);
    assert_eq!((column("firstPage"), column("lastPage")), (vec!["1", "5", "11"], vec!["4", "10", "14"]));
    assert_eq!(column("stock"), ["plain:1 perforated:2", "plain:1-3", "plain:1-2"]);
    assert_eq!(column("weightOunces"), ["0.52", "0.68", "0.52"]);
    let sources =
        ["one.pdf", "two.pdf", "one.pdf"].map(|name| hex(&Sha256::digest(fs::read(folder.path(name)).unwrap())));
    assert_eq!(column("documentSha256"), sources);
    for (offset, length) in column("offset").into_iter().zip(column("length")) {
        let (offset, length): (usize, usize) = (offset.parse().unwrap(), length.parse().unwrap());
        assert!(stream[..offset + length].ends_with(b"endobj\n"), "a range ends with an object");
    }
    let lines = fs::read_to_string(folder.path("out.manifest.jsonl")).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &last["file"]["sha256"]), (4, &sha256.as_str().into()));

    // The same once more, and once more for one tenant alone, who shares the document that both have.
    run("assemble", &["--letters", &letters, "--out", &folder.path("again.pdf"), "--account-column", "tenant"], b"");
    assert_eq!(fs::read(folder.path("again.pdf")).unwrap(), stream);
    run("assemble", &["--letters", &letters, "--out", &folder.path("alone.pdf")], b"");
    assert!(fs::read(folder.path("alone.pdf")).unwrap().len() < stream.len());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn assemble_names_each_letter_that_it_cannot_assemble_and_leaves_nothing_behind() {
    let folder = Folder::new("assemble-faults");
    let letters = list(&folder);
    let good = fs::read_to_string(&letters).unwrap();
    for (from, to, row) in [
        ("two.pdf,", "missing.pdf,", "row 2"),
        ("00270902345678000003", "0027090234567800000", "row 3"),
        (",true,", ",perhaps,", "row 1"),
        ("Ann Poe", "安", "row 3"),
    ] {
        folder.put("letters.csv", good.replacen(from, to, 1));
        let output = run("assemble", &["--letters", &letters, "--out", &folder.path("out.pdf")], b"");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{to}");
        assert!(text(&output.stderr).starts_with(row), "{output:?}");
        assert_eq!(folder.names(), ["letters.csv", "one.pdf", "two.pdf"]);
    }
    // A row that is none keeps no other from being looked at.
    folder.put("letters.csv", good.replacen(",true,", ",true,,,,", 1).replacen("00270902345678000003", "3", 1));
    let output = run("assemble", &["--letters", &letters, "--out", &folder.path("out.pdf")], b"");
    let rows: Vec<&str> = text(&output.stderr).lines().filter_map(|line| line.get(..5)).collect();
    assert_eq!((output.status.code(), &rows[..2]), (Some(1), &["row 1", "row 3"][..]), "{output:?}");
    for wrong in
        [&["--letters"][..], &["--letters", &letters], &["--out", "x.pdf"], &["--in", &letters, "--out", "x.pdf"]]
    {
        let output = run("assemble", wrong, b"");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("usage: assemble --letters LETTERS.csv --out OUT.pdf"), "{output:?}");
    }
    folder.put("letters.csv", COLUMNS);
    let output = run("assemble", &["--letters", &letters, "--out", &folder.path("out.pdf")], b"");
    assert!(!output.status.success() && text(&output.stderr).contains("has no letters"));
    let output =
        run("assemble", &["--letters", &letters, "--out", &folder.path("out.pdf"), "--account-column", "who"], b"");
    assert!(!output.status.success() && text(&output.stderr).contains("has no column who"));
}
