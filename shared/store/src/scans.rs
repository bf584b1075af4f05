//! Files of scans: the objects themselves, how far each was read, what could not be read of it, and the scans of pieces that
//! nobody knows yet.
//!
//! A file is worked off record by record. How many were dealt with is noted from time to time; whoever comes after a worker
//! that died goes on from there, and what was done beyond is done again without effect.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::error::ProvideErrorMetadata;
use domain::batch::MailClass;
use domain::id::ScanFileId;
use domain::job::Job;
use domain::tracking::Scan;
use domain::tracking::codes::CodeTable;
use domain::tracking::feed::Reject;
use domain::tracking::file::{Counts, FileState, MAX_REJECTS, ORPHAN_DAYS, Orphan, Rejects, ScanFile};
use domain::tracking::serial::{orphan_group, orphan_groups};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::batches::{After, Listed, Listing, sortable};
use crate::idempotency::{Completion, sha256};
use crate::keys::{self, Key};
use crate::queues::ScanFiles;
use crate::table::{self, Index, Item, Range};
use crate::tracking::{Pieces, Run, Target};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// Where a deployment may put a table of codes of its own, in the bucket of scans.
const CODES: &str = "codes.csv";

/// How much of an object is fetched at once.
const PIECE: u64 = 4 << 20;

/// An object of the bucket of scans as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanObject {
    /// Where it lies.
    pub key: String,
    /// What S3 calls its content.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
}

impl ScanObject {
    /// The id of the file that it is: another content under the same name is another file.
    pub fn id(&self) -> ScanFileId {
        let hash = Sha256::new().chain_update(&self.key).chain_update("\n").chain_update(&self.etag).finalize();
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&hash[..10]);
        ScanFileId::of(bytes)
    }
}

/// The object is no longer there as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object was removed or overwritten while it was read")]
pub struct ObjectGone;

impl Store {
    /// What scan codes mean: by the deployment's own table if it has one, else by the one that is shipped.
    ///
    /// # Errors
    /// When S3 does not answer, and when the deployment's table cannot be used: nothing is guessed meanwhile.
    pub async fn codes(&self) -> Result<Cow<'static, CodeTable>, StoreError> {
        let Some(own) = self.get_object(&self.config.scans_bucket, CODES).await? else {
            return Ok(Cow::Borrowed(CodeTable::shipped()));
        };
        let table = String::from_utf8(own).map_err(|_| StoreError::Item("a table of codes in UTF-8"))?;
        Ok(Cow::Owned(CodeTable::parse(&table)?))
    }

    /// Keeps what was pushed, under a name that its content gives it: the same pushed twice is one object.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn keep_push(&self, body: Vec<u8>) -> Result<ScanObject, StoreError> {
        let key = format!("usps/push/{}.json", sha256(&body));
        let bytes = body.len() as u64;
        let put = self
            .s3()
            .put_object()
            .bucket(&self.config.scans_bucket)
            .key(&key)
            .content_type("application/json")
            .body(body.into());
        let put = put.send().await.map_err(StoreError::aws("PutObject"))?;
        let etag = put.e_tag.ok_or(StoreError::Missing("the tag of an object"))?;
        Ok(ScanObject { key, etag, bytes })
    }

    /// The object of that name, if there is one.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn scan_object(&self, key: &str) -> Result<Option<ScanObject>, StoreError> {
        let found = match self.s3().head_object().bucket(&self.config.scans_bucket).key(key).send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => return Ok(None),
            Err(error) => return Err(StoreError::aws("HeadObject")(error)),
        };
        let etag = found.e_tag.ok_or(StoreError::Missing("the tag of an object"))?;
        let bytes = found.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        Ok(Some(ScanObject { key: key.to_owned(), etag, bytes }))
    }

    /// A piece of an object from that byte on. In pieces, because an object that is read as slowly as its scans are applied
    /// would not be sent for so long.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn read_scans(&self, file: &ScanFile, from: u64) -> Result<Result<Vec<u8>, ObjectGone>, StoreError> {
        let to = file.bytes.min(from + PIECE).saturating_sub(1);
        let sent = self
            .s3()
            .get_object()
            .bucket(&self.config.scans_bucket)
            .key(&file.key)
            .if_match(&file.etag)
            .range(format!("bytes={from}-{to}"))
            .send()
            .await;
        let object = match sent {
            Ok(object) => object,
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "PreconditionFailed")) => {
                return Ok(Err(ObjectGone));
            }
            Err(error) => return Err(StoreError::aws("GetObject")(error)),
        };
        let body = object.body.collect().await.map_err(|error| StoreError::io("a scan file")(error.into()))?;
        Ok(Ok(body.to_vec()))
    }

    /// The file that an object is, as it was first seen: noted now if it never was.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note_scan_file(&self, object: &ScanObject, now: Timestamp) -> Result<ScanFile, StoreError> {
        let id = object.id();
        if let Some(known) = self.scan_file(&id).await? {
            return Ok(known);
        }
        let file = ScanFile::new(id, object.key.clone(), object.etag.clone(), object.bytes, now);
        let mut item = table::keyed("a scan file", &keys::scan_file(&file.id), &file)?;
        item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::SCANS.to_owned()));
        item.insert("gsi1sk".to_owned(), AttributeValue::S(format!("{}#{}", sortable(now), file.id)));
        self.put_new(item).await?;
        self.scan_file(&file.id).await?.ok_or(StoreError::Missing("the scan file"))
    }

    /// The file of that id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn scan_file(&self, id: &ScanFileId) -> Result<Option<ScanFile>, StoreError> {
        self.get("a scan file", &keys::scan_file(id)).await
    }

    /// The files, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_scan_files(&self, limit: usize, after: Option<&After>) -> Result<Listed<ScanFile>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, keys::by_account::SCANS, true);
        self.list("a scan file", listing, limit, after, |_: &_| true).await
    }

    /// Notes that so many more records of a file were dealt with, with what became of them. Answers whether nobody else did
    /// so first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn advance_scan_file(&self, file: &ScanFile, records: u64, counts: &Counts) -> Result<bool, StoreError> {
        let change = Change::new(
            keys::scan_file(&file.id),
            "SET #records = :to ADD #orphans :orphans, #rejected :rejected, #unknownCodes :unknown, \
             #unconfirmedCodes :unconfirmed, #zonesAssumed :zones",
        )
        .when("#run = :run AND #records = :from AND #state = :working")
        .value(":to", &(file.records + records))?
        .value(":from", &file.records)?
        .value(":run", &file.run)?
        .value(":working", &FileState::Working)?
        .value(":orphans", &counts.orphans)?
        .value(":rejected", &counts.rejected)?
        .value(":unknown", &counts.unknown_codes)?
        .value(":unconfirmed", &counts.unconfirmed_codes)?
        .value(":zones", &counts.zones_assumed)?;
        let mut advance = Transaction::default();
        advance.update(&self.config.table, change)?;
        Ok(self.commit(advance).await?.is_ok())
    }

    /// Notes that a file was read to its end, or why it cannot be.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn finish_scan_file(
        &self,
        file: &ScanFile,
        failure: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let set = if failure.is_some() { ", #failure = :failure" } else { "" };
        let mut change =
            Change::new(keys::scan_file(&file.id), format!("SET #state = :state, #finishedAt = :now{set}"))
                .when("#run = :run AND #state = :working")
                .value(":state", if failure.is_some() { &FileState::Failed } else { &FileState::Done })?
                .value(":working", &FileState::Working)?
                .value(":run", &file.run)?
                .value(":now", &now)?;
        if let Some(failure) = failure {
            change = change.value(":failure", &failure)?;
        }
        // Refused: somebody else was first. Done twice, it does no harm.
        self.change(change).await.map(drop)
    }

    /// Has a file read again from its beginning, as a new run. Answers whether it may be, which it may not while it is being
    /// read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn rerun_scan_file(
        &self,
        file: &ScanFile,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let run = file.run + 1;
        self.announce(&[ScanFiles::ours(&file.key, run, now)]).await?;
        let change = Change::new(
            keys::scan_file(&file.id),
            "SET #run = :run, #state = :working, #records = :none, #applied = :none, #orphans = :none, #rejected = :none, \
             #unknownCodes = :none, #unconfirmedCodes = :none, #zonesAssumed = :none REMOVE #failure, #finishedAt",
        )
        .when("#run = :was AND #state <> :working")
        .value(":run", &run)?
        .value(":was", &file.run)?
        .value(":working", &FileState::Working)?
        .value(":none", &0)?;
        let mut rerun = Transaction::default();
        rerun.update(&self.config.table, change)?;
        rerun.complete(&self.config.table, completion)?;
        Ok(self.commit(rerun).await?.is_ok())
    }

    /// Keeps rejects of a file that were met after its noted records, as far as there is room for them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_rejects(&self, file: &ScanFile, rejects: Vec<Reject>) -> Result<(), StoreError> {
        let room = usize::try_from(MAX_REJECTS.saturating_sub(file.counts.rejected)).unwrap_or(0);
        let kept: Vec<Reject> = rejects.into_iter().take(room).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let key = keys::rejects(&file.id, file.run, file.records);
        // Kept again by whoever reads the same records again, and they are the same.
        self.put_new(table::keyed("rejects", &key, &Rejects { rejects: kept })?).await
    }

    /// The rejects of a file's current run, at most `limit`, in the order of the file.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn rejects(&self, file: &ScanFile, limit: usize) -> Result<Vec<Reject>, StoreError> {
        if file.counts.rejected == 0 {
            return Ok(Vec::new());
        }
        let pk = keys::scan_file(&file.id).pk;
        let items = self.query_all(None, &pk, &keys::rejects_prefix(file.run)).await?;
        let mut rejects = Vec::new();
        for item in items {
            rejects.extend(table::value::<Rejects>("rejects", item)?.rejects);
        }
        rejects.truncate(limit);
        Ok(rejects)
    }

    /// Keeps scans of pieces that nobody knows, for [`ORPHAN_DAYS`].
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_orphans(&self, orphans: &[Orphan], now: Timestamp) -> Result<(), StoreError> {
        let until = now + SignedDuration::from_hours(24 * ORPHAN_DAYS);
        let mut items = BTreeMap::new();
        for orphan in orphans {
            let key = orphan_key(orphan)?;
            let mut item = table::keyed("an orphan", &key, orphan)?;
            item.insert("ttl".to_owned(), AttributeValue::N(until.as_second().to_string()));
            item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::ORPHANS.to_owned()));
            let listed = format!("{}#{}", sortable(orphan.kept_at), orphan.piece.as_str());
            item.insert("gsi1sk".to_owned(), AttributeValue::S(listed));
            items.insert((key.pk, key.sk), item);
        }
        let items: Vec<Item> = items.into_values().collect();
        let chunks: Vec<Vec<Item>> = items.chunks(25).map(<[Item]>::to_vec).collect();
        stream::iter(chunks).map(|chunk| self.put_many(chunk)).buffer_unordered(8).try_collect().await
    }

    /// Forgets orphans that were matched.
    ///
    /// # Errors
    /// When the store does not answer; what is left is forgotten when it is matched again, or by itself.
    pub async fn forget_orphans(&self, orphans: &[Orphan]) -> Result<(), StoreError> {
        let mut keys = BTreeSet::new();
        for orphan in orphans {
            let Key { pk, sk } = orphan_key(orphan)?;
            keys.insert((pk, sk));
        }
        let forget = async |(pk, sk): (String, String)| self.remove(&Key { pk, sk }).await;
        stream::iter(keys).map(forget).buffer_unordered(16).try_collect().await
    }

    /// The orphans, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_orphans(&self, limit: usize, after: Option<&After>) -> Result<Listed<Orphan>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, keys::by_account::ORPHANS, true);
        self.list("an orphan", listing, limit, after, |_: &_| true).await
    }

    /// Applies those of these orphans whose pieces are known by now, and forgets them. Answers how many.
    ///
    /// # Errors
    /// When the store does not answer; done again, the rest is done.
    pub async fn match_orphans(
        &self,
        mut orphans: Vec<Orphan>,
        codes: &CodeTable,
        run: Option<Run<'_>>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        orphans.sort_by(|a, b| a.piece.cmp(&b.piece));
        let mut pieces = Pieces::new(self);
        let mut scans = BTreeMap::<Target, Vec<Scan>>::new();
        let mut matched = Vec::new();
        for orphan in orphans {
            if let Some(target) = pieces.find(&orphan.piece, orphan.scan.at).await? {
                scans.entry(target).or_default().push(orphan.scan.clone());
                matched.push(orphan);
            }
        }
        if self.apply(scans, pieces.batches(), codes, run, now).await?.superseded {
            return Ok(0);
        }
        self.forget_orphans(&matched).await?;
        Ok(matched.len() as u64)
    }

    /// Matches the orphans of all pieces of a job that is mailed. Answers how many scans were matched.
    ///
    /// # Errors
    /// When the store does not answer; done again, the rest is done.
    pub async fn match_orphans_of(&self, job: &Job, codes: &CodeTable, now: Timestamp) -> Result<u64, StoreError> {
        let certified = job.mail_class == MailClass::Certified;
        let mut groups = BTreeSet::new();
        for part in self.parts(&job.id).await? {
            let Some(first) = part.first_sequence else { continue };
            groups.extend(orphan_groups(&self.config.mailer_id, first, part.letters, certified));
        }
        let mut matched = 0;
        for group in groups {
            let mut after = None;
            loop {
                let range =
                    Range { after: after.as_ref(), ..Range::prefix(keys::orphans(&group), keys::ORPHAN_PREFIX) };
                let page = self.query(None, range).await?;
                after = page.items.last().map(|item| table::position(item, None)).filter(|_| page.more);
                let orphans: Result<Vec<Orphan>, StoreError> =
                    page.items.into_iter().map(|item| table::value("an orphan", item)).collect();
                matched += self.match_orphans(orphans?, codes, None, now).await?;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(matched)
    }
}

fn orphan_key(orphan: &Orphan) -> Result<Key, StoreError> {
    let scan = serde_json::to_vec(&orphan.scan).map_err(StoreError::json("a scan"))?;
    let hash = sha256(&scan);
    Ok(keys::orphan(&orphan_group(&orphan.piece), orphan.piece.as_str(), &hash[..32]))
}
