//! `/v2/operator/scans`: files of scans, and what became of their records.

pub mod get;
pub mod list;
pub mod rerun;
mod wire;

use domain::id::ScanFileId;
use domain::tracking::file::ScanFile;
use edge::{Call, Problem};

use crate::App;

/// The file that the path names.
async fn named(app: &App, call: &Call) -> Result<ScanFile, Problem> {
    let file = match ScanFileId::parse(call.parameter("fileId")) {
        Ok(id) => app.store.scan_file(&id).await?,
        Err(_) => None,
    };
    file.ok_or_else(|| Problem::not_found("scan file"))
}
