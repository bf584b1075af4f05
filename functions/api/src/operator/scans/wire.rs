//! A scan file as it is shown.

use domain::id::ScanFileId;
use domain::tracking::feed::{At, Reject};
use domain::tracking::file::ScanFile;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileOut {
    id: ScanFileId,
    key: String,
    state: &'static str,
    run: u32,
    bytes: u64,
    received_at: Timestamp,
    records: u64,
    applied: u64,
    duplicates: u64,
    orphans: u64,
    rejected: u64,
    unknown_codes: u64,
    unconfirmed_codes: u64,
    zones_assumed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejects: Vec<RejectOut>,
}

#[derive(Serialize)]
struct RejectOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<u64>,
    reason: String,
}

impl FileOut {
    pub(super) fn new(file: ScanFile, rejects: Vec<Reject>) -> Self {
        FileOut {
            duplicates: file.duplicates(),
            id: file.id,
            key: file.key,
            state: file.state.as_str(),
            run: file.run,
            bytes: file.bytes,
            received_at: file.received_at,
            records: file.records,
            applied: file.applied,
            orphans: file.counts.orphans,
            rejected: file.counts.rejected,
            unknown_codes: file.counts.unknown_codes,
            unconfirmed_codes: file.counts.unconfirmed_codes,
            zones_assumed: file.counts.zones_assumed,
            failure: file.failure,
            finished_at: file.finished_at,
            rejects: rejects.into_iter().map(RejectOut::new).collect(),
        }
    }
}

impl RejectOut {
    fn new(reject: Reject) -> Self {
        let (line, event) = match reject.at {
            At::Line(line) => (Some(line), None),
            At::Event(event) => (None, Some(event)),
        };
        RejectOut { line, event, reason: reject.reason.to_string() }
    }
}
