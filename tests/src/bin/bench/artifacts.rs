//! What is shipped: how large it is, and which C library it needs.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use tests::arrows::ROOT;
use tests::harness::binaries::Binary;

use super::Result;
use super::table::Row;

/// What Lambda's oldest supported Linux of the `provided` family brings: Amazon Linux 2023.
const NEWEST: (u32, u32) = (2, 34);

/// Measures.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let built = [("api", Binary::Api), ("workers", Binary::Workers), ("render-child", Binary::RenderChild)];
    let built = built.map(|(name, binary)| Ok::<_, tests::harness::Error>((name, std::fs::read(binary.path()?)?)));
    let built: Vec<(&str, Vec<u8>)> = built.into_iter().collect::<Result<_>>()?;
    for (name, bytes) in &built {
        rows.push(needs(&format!("{name}, built here"), megabytes(bytes.len()), bytes)?);
    }
    for name in ["api", "workers", "rendering"] {
        let zip = zip(name);
        if !zip.is_file() {
            continue;
        }
        let packed = std::fs::read(&zip)?;
        for (file, shipped) in unzip(&packed).ok_or_else(|| format!("{} cannot be read", zip.display()))? {
            let which = if built.iter().any(|(_, bytes)| *bytes == shipped) { "built here" } else { "another build" };
            let size = format!("{} of {} packed, {which}", megabytes(shipped.len()), megabytes(packed.len()));
            rows.push(needs(&format!("{name}/bootstrap.zip, {file}"), size, &shipped)?);
        }
    }
    Ok(rows)
}

fn needs(what: &str, size: String, binary: &[u8]) -> Result<Row> {
    let (major, minor) = newest_glibc(binary).ok_or("the binary names no version of glibc")?;
    let limit = format!("GLIBC_{}.{}", NEWEST.0, NEWEST.1);
    Ok(Row::new(format!("artifact {what}"), format!("{size}, needs GLIBC_{major}.{minor}"))
        .limit(limit, (major, minor) <= NEWEST))
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn zip(name: &str) -> PathBuf {
    Path::new(ROOT).join("target/lambda").join(name).join("bootstrap.zip")
}

/// The newest version of glibc whose symbols a binary needs: the largest of the versions named in its string table.
fn newest_glibc(binary: &[u8]) -> Option<(u32, u32)> {
    const PREFIX: &[u8] = b"\0GLIBC_";
    let places =
        binary.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX).map(|(place, _)| place);
    places
        .filter_map(|place| {
            let name = binary.get(place + PREFIX.len()..)?.split(|byte| *byte == 0).next()?;
            let mut numbers = std::str::from_utf8(name).ok()?.split('.').map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .max()
}

/// The files of a zip, by name, as infra/local/pack.py writes it (PKWARE APPNOTE 4.3.7, the local file header).
fn unzip(mut zip: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    while zip.starts_with(b"PK\x03\x04") {
        let number = |at: usize, bytes: usize| {
            let digits = zip.get(at..at + bytes)?.iter().rev();
            Some(digits.fold(0, |number, digit| number << 8 | usize::from(*digit)))
        };
        let (method, size, name, extra) = (number(8, 2)?, number(18, 4)?, number(26, 2)?, number(28, 2)?);
        let (head, rest) = zip.split_at_checked(30 + name + extra)?;
        let (data, rest) = rest.split_at_checked(size)?;
        let mut file = Vec::new();
        match method {
            8 => DeflateDecoder::new(data).read_to_end(&mut file).ok()?,
            _ => return None,
        };
        files.push((String::from_utf8_lossy(head.get(30..30 + name)?).into_owned(), file));
        zip = rest;
    }
    (!files.is_empty()).then_some(files)
}
