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
    for (name, binary) in [("api", Binary::Api), ("workers", Binary::Workers), ("render-child", Binary::RenderChild)] {
        let bytes = std::fs::read(binary.path()?)?;
        rows.push(needs(&format!("{name}, built here"), megabytes(bytes.len()), &bytes)?);
        let zip = zip(name);
        if zip.is_file() {
            let packed = std::fs::read(&zip)?;
            let shipped = unzip(&packed).ok_or_else(|| format!("{} is no zip of one file", zip.display()))?;
            let which = if shipped == bytes { "the same" } else { "another build" };
            rows.push(needs(
                &format!("{name}, bootstrap.zip"),
                format!("{} packed, {which}", megabytes(packed.len())),
                &shipped,
            )?);
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

/// The one file of a zip (PKWARE APPNOTE 4.3.7, the local file header).
fn unzip(zip: &[u8]) -> Option<Vec<u8>> {
    let two = |at: usize| Some(usize::from(u16::from_le_bytes(zip.get(at..at + 2)?.try_into().ok()?)));
    let data = zip.get(30 + two(26)? + two(28)?..)?;
    let mut file = Vec::new();
    match two(8)? {
        8 => DeflateDecoder::new(data).read_to_end(&mut file).ok()?,
        _ => return None,
    };
    Some(file)
}
