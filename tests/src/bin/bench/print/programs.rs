//! The programs that make one file of many letters: the floor, ours, and what people use.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use lopdf::{Dictionary, Document, Object, dictionary};
use sha2::{Digest, Sha256};
use tests::arrows::ROOT;
use tests::harness::binaries;

use super::super::Result;

/// A program and how it is called.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    path: PathBuf,
    arguments: Arguments,
}

enum Arguments {
    /// These, with the table of letters and the output after them.
    Table(Vec<String>),
    /// Ours.
    Assemble,
    /// The documents themselves, between these and these; `OUT` stands for the output.
    Documents(Vec<String>, Vec<String>),
}

impl Program {
    /// The arguments for the letters of a table.
    pub(crate) fn arguments(&self, table: &Path, documents: &[PathBuf], out: &Path) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        match &self.arguments {
            Arguments::Table(first) => first.iter().cloned().chain([text(table), text(out)]).collect(),
            Arguments::Assemble => {
                let named = [("--letters", text(table)), ("--out", text(out)), ("--account-column", "account".into())];
                named.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
            }
            Arguments::Documents(first, last) => {
                // Their names alone, as it runs where they are: all their paths can be more than a command line takes.
                let names = documents.iter().filter_map(|path| path.file_name()?.to_str()).map(str::to_owned);
                let all = first.iter().cloned().chain(names).chain(last.iter().cloned());
                all.map(|argument| if argument == "OUT" { text(out) } else { argument }).collect()
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The floor and ours, built in release.
///
/// # Errors
/// When ours does not build.
pub(crate) fn ours() -> Result<[Program; 2]> {
    let built = binaries::build(&["--package", "print", "--example", "assemble"])?;
    let assemble = built.into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == "assemble"));
    Ok([
        Program {
            name: "floor: read, SHA-256, write",
            path: std::env::current_exe()?,
            arguments: Arguments::Table(vec!["floor".to_owned()]),
        },
        Program {
            name: "ours: assemble, all marks on",
            path: assemble.ok_or("cargo built no example assemble")?,
            arguments: Arguments::Assemble,
        },
    ])
}

/// What people use, or why it cannot be measured here.
///
/// # Errors
/// When this program cannot be found.
pub(crate) fn peers() -> Result<Vec<(&'static str, std::result::Result<Program, &'static str>)>> {
    const LOPDF: &str = "lopdf: load, renumber, save";
    const MUTOOL: &str = "mutool merge";
    const QPDF: &str = "qpdf --stream-data=preserve";
    const PYPDF: &str = "pypdf";
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let found = |name, path: Option<PathBuf>, arguments| {
        path.map(|path| Program { name, path, arguments }).ok_or("not installed")
    };
    let merge = Arguments::Table(vec!["lopdf".to_owned()]);
    let mutool = Arguments::Documents(words("merge -o OUT"), Vec::new());
    let qpdf = Arguments::Documents(words("--empty --stream-data=preserve --pages"), words("-- OUT"));
    let pypdf = Arguments::Table(vec!["-c".to_owned(), PYPDF_MERGE.to_owned()]);
    Ok(vec![
        (LOPDF, found(LOPDF, Some(std::env::current_exe()?), merge)),
        (MUTOOL, found(MUTOOL, which("mutool"), mutool)),
        (QPDF, found(QPDF, which("qpdf"), qpdf)),
        (PYPDF, found(PYPDF, python(), pypdf)),
    ])
}

const PYPDF_MERGE: &str = "\
import csv, sys
from pypdf import PdfWriter
writer = PdfWriter()
for row in csv.DictReader(open(sys.argv[1], encoding='utf-8')):
    writer.append(row['document'], import_outline=False)
writer.write(sys.argv[2])
";

/// A program in one of the folders where programs are.
fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A Python that has pypdf: the one that infra/local/setup makes for the bench, or another.
fn python() -> Option<PathBuf> {
    let own = Path::new(ROOT).join(".local/bench/bin/python");
    let has_pypdf =
        |path: &PathBuf| Command::new(path).args(["-c", "import pypdf"]).output().is_ok_and(|run| run.status.success());
    [Some(own), which("python3")].into_iter().flatten().find(has_pypdf)
}

/// The documents of a table of letters.
fn documents(table: &str) -> Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    for row in csv::Reader::from_path(table)?.deserialize::<BTreeMap<String, String>>() {
        documents.push(row?.remove("document").ok_or("no column document")?.into());
    }
    Ok(documents)
}

/// The least that can be done: every byte is read, hashed and written.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn floor(table: &str, out: &str) -> Result<()> {
    let mut out = File::create(out)?;
    for document in documents(table)? {
        let bytes = std::fs::read(document)?;
        println!("{:x}", Sha256::digest(&bytes));
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// The hashes of a manifest: of every document, and of the output.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn hash(table: &str, out: &str) -> Result<()> {
    for file in documents(table)?.into_iter().chain([out.into()]) {
        println!("{:x}", Sha256::digest(std::fs::read(file)?));
    }
    Ok(())
}

/// A merge as one writes it with lopdf: every document is loaded and renumbered, and all are saved as one.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn lopdf(table: &str, out: &str) -> Result<()> {
    let mut merged = Document::with_version("1.5");
    let root = merged.new_object_id();
    let (mut kids, mut count) = (Vec::new(), 0);
    for path in documents(table)? {
        let mut document = Document::load(path)?;
        document.renumber_objects_with(merged.max_id + 1);
        let tree = document.catalog()?.get(b"Pages")?.as_reference()?;
        let pages = document.get_dictionary_mut(tree)?;
        pages.set("Parent", root);
        count += pages.get(b"Count")?.as_i64()?;
        kids.push(Object::Reference(tree));
        merged.max_id = document.max_id;
        merged.objects.extend(document.objects);
    }
    let pages: Dictionary = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    merged.objects.insert(root, pages.into());
    let catalog = merged.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    merged.trailer.set("Root", catalog);
    merged.save(out)?;
    Ok(())
}
