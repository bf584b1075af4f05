//! Parts of a mail job: their letters, serial numbers, and files.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::batch::Batch;
use domain::id::JobId;
use domain::job::{JobState, Part, PartFiles, PlannedPiece};
use domain::letter::{Letter, Piece};
use domain::tracking_code::SERIAL_REST_DAYS;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jobs::Pieces;
use crate::keys;
use crate::table::{self, Range};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// A range of serial numbers that was given out, and to which pieces: with it a tracking code finds its letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SerialRange {
    pub(crate) first: u64,
    pub(crate) letters: u32,
    pub(crate) job: JobId,
    pub(crate) part: u32,
    pub(crate) at: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Serials {
    pub(crate) next: u64,
}

/// All serial numbers of the Mailer ID were given out so recently that none may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all serial numbers of the Mailer ID were used within the last {SERIAL_REST_DAYS} days")]
pub struct SerialsExhausted;

/// Which of a part's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartFile {
    /// The pages.
    Print,
    /// The table of pieces, for people.
    Manifest,
    /// The same as JSON lines, for machines.
    ManifestLines,
}

impl PartFile {
    /// The file's key: a function of job and part, so that assembling twice makes one object.
    fn key(self, job: &JobId, part: u32) -> String {
        let extension = match self {
            PartFile::Print => "pdf",
            PartFile::Manifest => "csv",
            PartFile::ManifestLines => "jsonl",
        };
        format!("jobs/{job}/part-{part:05}.{extension}")
    }
}

impl Store {
    /// The parts of a job, in order.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn parts(&self, job: &JobId) -> Result<Vec<Part>, StoreError> {
        let items = self.query_all(None, &keys::job(job).pk, keys::PART_PREFIX).await?;
        items.into_iter().map(|item| table::value("a part", item)).collect()
    }

    /// A part of a job.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn part(&self, job: &JobId, number: u32) -> Result<Option<Part>, StoreError> {
        self.get("a part", &keys::part(job, number)).await
    }

    /// The letters of a part, in the order in which they are printed.
    ///
    /// # Errors
    /// When they are not there.
    pub async fn pieces(&self, job: &JobId, number: u32) -> Result<Vec<PlannedPiece>, StoreError> {
        let found: Option<Pieces> = self.get("pieces", &keys::pieces(job, number)).await?;
        Ok(found.ok_or(StoreError::Missing("the list of a part's letters"))?.pieces)
    }

    /// Takes as many serial numbers as a part has letters, once: asked again, it answers the same. Answers the first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_serials(
        &self,
        job: &JobId,
        part: &Part,
        now: Timestamp,
    ) -> Result<Result<u64, SerialsExhausted>, StoreError> {
        let mailer = &self.config.mailer_id;
        for attempt in 0.. {
            // A worker that ran before may have taken them.
            let part = self.part(job, part.number).await?.ok_or(StoreError::Missing("the part"))?;
            if let Some(first) = part.first_sequence {
                return Ok(Ok(first));
            }
            let counter = keys::serials(mailer.as_str());
            let held: Option<Serials> = self.get("the serial numbers", &counter).await?;
            let first = held.as_ref().map_or(0, |serials| serials.next);
            let next = first + u64::from(part.letters);
            if let Some(reused) = next.checked_sub(mailer.serials())
                && !self.have_rested(first.saturating_sub(mailer.serials()), reused, now).await?
            {
                return Ok(Err(SerialsExhausted));
            }
            let table = &self.config.table;
            let mut take = Transaction::default();
            let unmoved = if held.is_some() { "#next = :first" } else { "attribute_not_exists(#next)" };
            let mut change = Change::new(counter, "SET #next = :next").when(unmoved).value(":next", &next)?;
            if held.is_some() {
                change = change.value(":first", &first)?;
            }
            take.update(table, change)?;
            let range = SerialRange { first, letters: part.letters, job: job.clone(), part: part.number, at: now };
            take.create(table, table::keyed("a range", &keys::serial_range(mailer.as_str(), next - 1), &range)?)?;
            let note = Change::new(keys::part(job, part.number), "SET #firstSequence = :first")
                .when("attribute_exists(pk) AND attribute_not_exists(#firstSequence)")
                .value(":first", &first)?;
            take.update(table, note)?;
            match self.commit(take).await? {
                Ok(()) => return Ok(Ok(first)),
                Err(_) => crate::table::pause(attempt).await?,
            }
        }
        Err(StoreError::Contended("the serial numbers"))
    }

    /// Whether the numbers from `from` up to but not including `to` were given out long enough ago to be used again.
    async fn have_rested(&self, from: u64, to: u64, now: Timestamp) -> Result<bool, StoreError> {
        let mailer = self.config.mailer_id.as_str();
        let (start, end) = (keys::serial_range(mailer, from), keys::serial_range(mailer, u64::MAX));
        let mut after = None;
        loop {
            let range = Range {
                partition: start.pk.clone(),
                from: start.sk.clone(),
                to: end.sk.clone(),
                after: after.as_ref(),
                backwards: false,
                limit: 10,
            };
            let page = self.query(None, range).await?;
            after = page.items.last().map(|item| table::position(item, None));
            for item in page.items {
                let range: SerialRange = table::value("a range", item)?;
                if range.first >= to {
                    return Ok(true);
                }
                if now.duration_since(range.at) < SignedDuration::from_hours(24 * SERIAL_REST_DAYS) {
                    return Ok(false);
                }
            }
            if !page.more {
                return Ok(true);
            }
        }
    }

    /// Notes on each letter the piece that it became. Done twice, it changes nothing. A piece of a job that was given up is
    /// forgotten. Answers whether no letter was already another piece of this job.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn assign(&self, pieces: &[(&Batch, &Letter, Piece)]) -> Result<bool, StoreError> {
        let assign = async |(batch, letter, piece): &(&Batch, &Letter, Piece)| {
            let key = keys::letter(&batch.id, batch.shards, &letter.content.reference);
            let change = Change::new(key, "SET #piece = :piece")
                .when(
                    "attribute_exists(pk) AND \
                     (attribute_not_exists(#piece) OR #piece = :piece OR #piece.#job <> :job)",
                )
                .value(":piece", piece)?
                .value(":job", &piece.job)?;
            self.change(change).await
        };
        let assigned: Vec<bool> = stream::iter(pieces).map(assign).buffer_unordered(32).try_collect().await?;
        Ok(assigned.into_iter().all(|assigned| assigned))
    }

    /// Notes that a part's files are complete, once, and whether its job now is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn finish_part(
        &self,
        job: &JobId,
        part: u32,
        files: &PartFiles,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let mut finish = Transaction::default();
        let change = Change::new(keys::part(job, part), "SET #files = :files")
            .when("attribute_exists(pk) AND attribute_not_exists(#files)")
            .value(":files", files)?;
        finish.update(table, change)?;
        let change = Change::new(keys::job(job), "ADD #assembled :one")
            .when("#state IN (:assembling, :failed)")
            .value(":one", &1)?
            .value(":assembling", &JobState::Assembling)?
            .value(":failed", &JobState::Failed)?;
        finish.update(table, change)?;
        // Refused: it was finished before.
        let _ = self.commit(finish).await?;
        self.settle_job(job, now).await
    }

    /// Keeps a manifest in both its forms.
    ///
    /// # Errors
    /// When S3 does not take them.
    pub async fn keep_manifest(&self, job: &JobId, part: u32, csv: Vec<u8>, lines: Vec<u8>) -> Result<(), StoreError> {
        let bucket = &self.config.print_bucket;
        self.put_object(bucket, &PartFile::Manifest.key(job, part), csv, "text/csv; charset=utf-8").await?;
        self.put_object(bucket, &PartFile::ManifestLines.key(job, part), lines, "application/jsonl").await
    }

    /// Begins to write a print file.
    pub fn print_file(&self, job: &JobId, part: u32) -> PrintFile<'_> {
        PrintFile {
            store: self,
            key: PartFile::Print.key(job, part),
            upload: None,
            parts: Vec::new(),
            held: Vec::new(),
        }
    }

    /// A URL under which anyone may fetch a part's file for a quarter of an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn file_url(&self, job: &JobId, part: u32, file: PartFile) -> Result<String, StoreError> {
        self.signed_url(&self.config.print_bucket, file.key(job, part)).await
    }
}

/// A print file on its way to S3, in pieces of at most a few megabytes, so that its size does not matter.
pub struct PrintFile<'a> {
    store: &'a Store,
    key: String,
    upload: Option<String>,
    parts: Vec<CompletedPart>,
    held: Vec<u8>,
}

/// S3 wants at least 5 MiB in every piece but the last, and at most 10,000 pieces.
const UPLOAD_PART: usize = 8 << 20;

impl PrintFile<'_> {
    /// Appends bytes.
    ///
    /// # Errors
    /// When S3 does not take them.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        loop {
            let (next, rest) = bytes.split_at(bytes.len().min(UPLOAD_PART - self.held.len()));
            self.held.extend_from_slice(next);
            if self.held.len() < UPLOAD_PART {
                return Ok(());
            }
            self.flush().await?;
            bytes = rest;
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let bucket = &self.store.config.print_bucket;
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let created = self
                    .store
                    .s3()
                    .create_multipart_upload()
                    .bucket(bucket)
                    .key(&self.key)
                    .content_type("application/pdf")
                    .send()
                    .await
                    .map_err(StoreError::aws("CreateMultipartUpload"))?;
                let upload = created.upload_id.ok_or(StoreError::Missing("the id of an upload"))?;
                self.upload.insert(upload).clone()
            }
        };
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let sent = self
            .store
            .s3()
            .upload_part()
            .bucket(bucket)
            .key(&self.key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(std::mem::take(&mut self.held)))
            .send()
            .await
            .map_err(StoreError::aws("UploadPart"))?;
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
        Ok(())
    }

    /// Completes the file. A file that was begun and never completed leaves nothing to be seen; the bucket clears the
    /// remains away.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        let bucket = &self.store.config.print_bucket;
        if self.upload.is_none() {
            return self.store.put_object(bucket, &self.key, self.held, "application/pdf").await;
        }
        if !self.held.is_empty() {
            self.flush().await?;
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build();
        self.store
            .s3()
            .complete_multipart_upload()
            .bucket(bucket)
            .key(&self.key)
            .set_upload_id(self.upload)
            .multipart_upload(parts)
            .send()
            .await
            .map(drop)
            .map_err(StoreError::aws("CompleteMultipartUpload"))
    }
}
