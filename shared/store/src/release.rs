//! Releasing singles: those that are due become letters of batches that the house makes.
//!
//! Singles of one group are taken into a batch in one transaction: each is noted to be in it, its letter is written as it was
//! inspected, and the batch counts them. So a single is in no batch or in one, whoever dies when, and a batch is
//! ready from its first letter on; others may be added as long as nobody has merged it. Its id is a function of the group
//! and a number, so that two who release at once meet in one batch.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::batch::{Batch, BatchState};
use domain::event::EventKind;
use domain::id::{AdditionId, BatchId, SingleId};
use domain::letter::{Letter, LetterState};
use domain::location::S3Path;
use domain::single::{MAX_RELEASED, Single};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::batches::{After, Listed, urgency};
use crate::documents::copy_key;
use crate::keys;
use crate::singles::{happen, together};
use crate::table::{self, Index, Item, Range, pause};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// How many singles one transaction takes into a batch: each is two writes, and the batch and the event are two more.
const RELEASED_TOGETHER: usize = (Transaction::LIMIT - 2) / 2;
/// Over how many partitions of the index those that are to be released are spread.
pub const DUE_SHARDS: u16 = keys::DUE_SHARDS;

/// The numbers of the batches that were last written to, by group, so that nobody has to look through the full ones again.
pub type Numbers = HashMap<String, u32>;

impl Store {
    /// Which singles are to be released with send dates up to `until`, those first that have waited longest, and those
    /// of one group beside each other. The index may be behind by a moment.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn due_singles(
        &self,
        shard: u16,
        until: Date,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<SingleId>, StoreError> {
        let partition = keys::due_shard(shard);
        let position = after.map(|after| after.position(Index::Queue, &partition));
        let range = Range {
            partition,
            from: " ".to_owned(),
            // Sort keys begin with the date and `#`, which is before `~`.
            to: format!("{until}~"),
            after: position.as_ref(),
            backwards: false,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
        };
        let page = self.query(Some(Index::Queue), range).await?;
        let next = page.items.last().filter(|_| page.more).and_then(|last| After::of(last, Index::Queue));
        let id = |item: &Item| table::key_of(item).and_then(|key| keys::single_of(&key));
        Ok(Listed { items: page.items.iter().filter_map(id).collect(), next })
    }

    /// Takes singles of one group into a batch, each if it still is as it was read. Answers how many were taken.
    ///
    /// # Errors
    /// When the store does not answer; each was taken or was not.
    pub async fn release_singles(
        &self,
        mut singles: Vec<Single>,
        numbers: &mut Numbers,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let Some(group) = singles.first().map(group_of) else { return Ok(0) };
        let mut taken = 0;
        let mut rest = singles.split_off(together(&singles, RELEASED_TOGETHER, |single| single));
        for attempt in 0..10_000u32 {
            if singles.is_empty() {
                if rest.is_empty() {
                    return Ok(taken);
                }
                singles = std::mem::take(&mut rest);
                rest = singles.split_off(together(&singles, RELEASED_TOGETHER, |single| single));
            }
            let number = numbers.entry(group.clone()).or_default();
            let id = batch_id(&group, *number);
            let found = self.batch(&id).await?;
            let count = u32::try_from(singles.len()).unwrap_or(u32::MAX);
            let open = match &found {
                None => true,
                Some(batch) => {
                    let ours = batch.group.as_ref() == Some(&group) && batch.state == BatchState::Ready;
                    ours && batch.received + count <= MAX_RELEASED
                }
            };
            if !open {
                *number += 1;
                continue;
            }
            let (transaction, batch_at) = self.releasing(&singles, &id, &group, found.as_ref(), now)?;
            let Err(mut refused) = self.commit(transaction).await? else {
                taken += singles.len();
                singles.clear();
                continue;
            };
            // The batch was created, filled or merged meanwhile, or some were changed: what is left is tried again.
            let batch_refused = refused.at(batch_at).is_some();
            let before = singles.len();
            let mut place = 0;
            singles.retain(|_| {
                place += 1;
                refused.at(place - 1).is_none()
            });
            if !batch_refused && singles.len() == before {
                // One of them was in this batch before, and was set aside.
                *numbers.entry(group.clone()).or_default() += 1;
            }
            pause(attempt.min(6)).await?;
        }
        Err(StoreError::Contended("the batches of a group"))
    }

    /// The transaction that takes singles into a batch; the first writes are of the singles, in their order. Answers it, and the
    /// place at which it writes the batch.
    fn releasing(
        &self,
        singles: &[Single],
        id: &BatchId,
        group: &str,
        found: Option<&Batch>,
        now: Timestamp,
    ) -> Result<(Transaction, usize), StoreError> {
        let first = singles.first().ok_or(StoreError::Missing("what to release"))?;
        let options = &first.order.options;
        let table = &self.config.table;
        let count = u32::try_from(singles.len()).unwrap_or(u32::MAX);
        let mut transaction = Transaction::default();
        let mut released = Vec::with_capacity(singles.len());
        for was in singles {
            let mut to = was.clone();
            to.batch = Some(id.clone());
            happen(&mut to, EventKind::LetterReleased, now);
            // Nothing about the piece changed: what its client sees as modified stays.
            to.modified_at = was.modified_at;
            self.write_single(&mut transaction, was, &to)?;
            released.push(to);
        }
        let addition = AdditionId::random(crate::entropy()?);
        let shards = Batch::shards(MAX_RELEASED);
        let mut sheets = 0;
        for single in &released {
            let copy = single.copy.as_ref().ok_or(StoreError::Missing("the copy of a single that is ready"))?;
            let path = format!("s3://{}/{}", self.config.documents_bucket, copy_key(&single.account, &copy.sha256));
            let source = S3Path::parse(&path).map_err(|_| StoreError::Missing("the path of a copy"))?;
            let (content, copy) =
                single.letter(source).map_err(|_| StoreError::Missing("the document of a single that is ready"))?;
            sheets += i64::from(options.finish.sheets(content.impressions));
            let key = keys::letter(id, shards, &content.reference);
            let letter = Letter {
                state: LetterState::Ready,
                copy: Some(copy),
                findings: single.findings.clone(),
                ..Letter::queued(content, addition.clone(), 0)
            };
            transaction.create(table, table::keyed("a letter", &key, &letter)?)?;
        }
        let batch_at = match found {
            Some(_) => {
                let change = Change::new(
                    keys::batch(id),
                    "ADD #expected :letters, #received :letters, #passed :letters, #sheets :sheets",
                )
                .when("#state = :ready AND #received <= :room")
                .value(":letters", &count)?
                .value(":sheets", &sheets)?
                .value(":ready", &BatchState::Ready)?
                .value(":room", &(MAX_RELEASED - count))?;
                transaction.update(table, change)?
            }
            None => {
                let batch = Batch {
                    id: id.clone(),
                    account: first.account.clone(),
                    mode: first.mode,
                    state: BatchState::Ready,
                    mail_class: options.mail_class,
                    electronic_return_receipt: options.electronic_return_receipt(),
                    perforated: options.perforated,
                    finish: options.finish,
                    group: Some(group.to_owned()),
                    target_mail_date: first.send_date,
                    return_address: first.order.return_address.clone(),
                    expected: count,
                    received: count,
                    room: 0,
                    shards,
                    passed: i64::from(count),
                    issues: 0,
                    sheets,
                    open: BTreeMap::new(),
                    job: None,
                    created_at: now,
                    ready_at: Some(now),
                    printing_at: None,
                    mailed_at: None,
                };
                let mut item = table::keyed("a batch", &keys::batch(id), &batch)?;
                if batch.mode == Mode::Live {
                    item.insert("gsi2pk".to_owned(), AttributeValue::S(keys::QUEUE.to_owned()));
                    item.insert("gsi2sk".to_owned(), AttributeValue::S(urgency(&batch)));
                }
                transaction.create(table, item)?
            }
        };
        let told: Vec<_> = released.iter().map(|single| (single, BTreeMap::new())).collect();
        self.singles_event(&mut transaction, EventKind::LetterReleased, &told, now)?;
        Ok((transaction, batch_at))
    }
}

/// What singles of one batch have in common. Each test letter is by itself: its life is told by its batch.
fn group_of(single: &Single) -> String {
    match single.mode {
        Mode::Live => single.group(),
        Mode::Test => format!("{}#{}", single.group(), single.id),
    }
}

/// The id of the batch with that number of a group.
fn batch_id(group: &str, number: u32) -> BatchId {
    let hash = Sha256::digest(format!("{group}#{number}"));
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&hash[..10]);
    BatchId::random(bytes)
}
