//! The guard against duplicates: of singles that are alike one is created, unless its client allows more.
//!
//! What is alike has one item, which names the single that was created last, and those before it if more were allowed. Whoever
//! creates a single writes itself there, on the condition that nobody else is; whom it finds there decides. One that was
//! canceled, changed into something else or created a week ago is no longer in the way, and its place is taken: nobody has
//! to tidy up. Whoever is allowed to be one more takes the place too, and notes who else is in the way.
//!
//! A single by itself takes its place in the transaction that creates it. The singles of a mailing take theirs before any is
//! written, in the order of their keys, so that of requests that overlap at least one gets through. They hold them if the mailing
//! is completed. Whoever meets one that is neither completed nor ended waits for a moment; one whose request must be dead
//! is ended.

use std::collections::HashMap;

use domain::id::{MailingId, SingleId};
use domain::single::{DUPLICATE, Guard, Single};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::idempotency::CLAIM;
use crate::keys::{self, Key};
use crate::singles::MailingState;
use crate::table::{self, pause};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// For how long a mailing may be neither completed nor ended: longer than its function may run, and shorter than its claim of
/// an idempotency key holds, so that a client that repeats a request whose function died does not meet its own letters.
const LEASE: SignedDuration = SignedDuration::from_millis(29_500);
const _: () = assert!(LEASE.as_secs() < CLAIM.as_secs());
/// How often a mailing under way is looked at again: for about two seconds.
const PATIENCE: u32 = 9;
/// So many of those who are in the way are noted besides the last, the earliest of them: an item stays small, and who wants the same
/// letter more often has said so as often.
const NOTED: usize = 20;
/// So many places are looked at together: the singles in them may have long texts.
const TOGETHER: usize = 50;

/// Why a guarded single is not created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// These, by their places in the request, are duplicates of earlier ones.
    Duplicates(Vec<(usize, SingleId)>),
    /// Another request is about to create one of them, and may yet fail.
    Underway,
}

/// Who is in a place.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    single: SingleId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailing: Option<MailingId>,
    at: Timestamp,
    /// Who was there before, if more were allowed, from the earliest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<SingleId>,
}

impl Holder {
    /// Everybody who is there, the last first.
    fn all(&self) -> impl Iterator<Item = &SingleId> {
        std::iter::once(&self.single).chain(self.before.iter().rev())
    }
}

/// A single that is to take its place.
pub(crate) struct Place<'a> {
    single: &'a Single,
    /// Where it is in the request.
    at: usize,
    key: Key,
    likeness: String,
    allowed: bool,
    /// Those like it that are before it in the same request, if that is allowed.
    among: Vec<SingleId>,
    /// Who is in the way, if that is allowed, from the earliest on.
    before: Vec<SingleId>,
    /// Who may be there: itself, if an answer was lost, or one who is no longer in the way.
    over: SingleId,
}

/// The places that singles are to take, in the order in which they are taken.
pub(crate) fn places(guard: Guard, singles: &[Single]) -> Vec<Place<'_>> {
    if guard == Guard::Off {
        return Vec::new();
    }
    let mut places: Vec<Place<'_>> = Vec::with_capacity(singles.len());
    for (at, single) in singles.iter().enumerate() {
        let likeness = single.order.likeness();
        let key = keys::guard(&single.account, single.mode, &likeness);
        let (allowed, over) = (guard == Guard::Allow, single.id.clone());
        places.push(Place { single, at, key, likeness, allowed, among: Vec::new(), before: Vec::new(), over });
    }
    places.sort_by(|one, other| one.key.pk.cmp(&other.key.pk));
    // A transaction writes an item once: of those that are alike the last takes the place.
    places.dedup_by(|later, earlier| {
        let same = later.key == earlier.key;
        if same {
            let before = std::mem::replace(&mut earlier.single, later.single).id.clone();
            earlier.among.push(before);
            (earlier.at, earlier.over) = (later.at, later.over.clone());
        }
        same
    });
    places
}

impl Store {
    /// Whether singles that are not there yet would be duplicates. Nothing is written, and what others are creating just now is
    /// not waited for long.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look_for_duplicates(
        &self,
        singles: &[Single],
        now: Timestamp,
    ) -> Result<Result<(), Guarded>, StoreError> {
        self.look_at_places(&mut places(Guard::Refuse, singles), false, now).await
    }

    /// Looks at who is in the places. What it finds free may be taken by [`Transaction::take`], and so may what is allowed to be
    /// there once more.
    pub(crate) async fn look_at_places(
        &self,
        places: &mut [Place<'_>],
        consistent: bool,
        now: Timestamp,
    ) -> Result<Result<(), Guarded>, StoreError> {
        let mut duplicates = Vec::new();
        let mut mailings = HashMap::new();
        for places in places.chunks_mut(TOGETHER) {
            let mut consistent = consistent;
            let mut attempt = 0;
            loop {
                match self.look_at_some(places, consistent, &mut mailings, now).await? {
                    Some(found) => {
                        duplicates.extend(found);
                        break;
                    }
                    None if attempt == PATIENCE => return Ok(Err(Guarded::Underway)),
                    None => {
                        pause(attempt).await?;
                        (attempt, consistent) = (attempt + 1, true);
                    }
                }
            }
        }
        duplicates.sort();
        Ok(if duplicates.is_empty() { Ok(()) } else { Err(Guarded::Duplicates(duplicates)) })
    }

    /// Which of these are duplicates that are not allowed; `None` while that depends on a mailing under way.
    async fn look_at_some(
        &self,
        places: &mut [Place<'_>],
        consistent: bool,
        mailings: &mut HashMap<MailingId, MailingState>,
        now: Timestamp,
    ) -> Result<Option<Vec<(usize, SingleId)>>, StoreError> {
        let keys: Vec<Key> = places.iter().map(|place| place.key.clone()).collect();
        let mut holders: HashMap<Key, Holder> = HashMap::new();
        for item in self.get_many(&keys, consistent).await? {
            let Some(key) = table::key_of(&item) else { continue };
            holders.insert(key, table::value("a guard", item)?);
        }
        if holders.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut ids: Vec<SingleId> = holders.values().flat_map(Holder::all).cloned().collect();
        ids.sort();
        ids.dedup();
        let singles: HashMap<SingleId, Single> =
            self.written_singles(&ids).await?.into_iter().map(|single| (single.id.clone(), single)).collect();
        let mut duplicates = Vec::new();
        for place in places {
            let Some(holder) = holders.get(&place.key) else { continue };
            place.over = holder.single.clone();
            place.before.clear();
            // One that comes back may find itself there, and those who were there before it stand in its way as in anybody's.
            for id in holder.all().filter(|id| **id != place.single.id) {
                let single = singles.get(id);
                // One that is not written is about to be, or never will: its mailing tells.
                let mailing = match single {
                    Some(single) => single.mailing.as_ref(),
                    None => holder.mailing.as_ref().filter(|_| *id == holder.single),
                };
                if let Some(mailing) = mailing {
                    match self.settled(mailing, holder.at, mailings, now).await? {
                        Some(MailingState::Aborted) => continue,
                        None if !place.allowed => return Ok(None),
                        Some(MailingState::Complete) | None => {}
                    }
                }
                let like = |single: &Single| single.guards(now) && single.order.likeness() == place.likeness;
                if !single.map_or(mailing.is_some(), like) {
                    continue;
                }
                if place.allowed {
                    place.before.push(id.clone());
                    continue;
                }
                if single.is_none() {
                    // Completed since its singles were looked for.
                    return Ok(None);
                }
                duplicates.push((place.at, id.clone()));
                break;
            }
            place.before.reverse();
        }
        Ok(Some(duplicates))
    }

    /// What became of a mailing whose singles took their places at `at`; `None` while it may be under way.
    async fn settled(
        &self,
        id: &MailingId,
        at: Timestamp,
        known: &mut HashMap<MailingId, MailingState>,
        now: Timestamp,
    ) -> Result<Option<MailingState>, StoreError> {
        if let Some(state) = known.get(id) {
            return Ok(Some(*state));
        }
        let state = match self.mailing(id).await? {
            None if now.duration_since(at) <= LEASE => return Ok(None),
            // Its singles, if it has any, are removed by who is told to inspect them.
            None => self.abort_mailing(id, &[]).await?,
            Some(state) => state,
        };
        known.insert(id.clone(), state);
        Ok(Some(state))
    }

    /// Has the singles of a mailing take their places.
    pub(crate) async fn take_places(
        &self,
        places: &mut [Place<'_>],
        now: Timestamp,
    ) -> Result<Result<(), Guarded>, StoreError> {
        for places in places.chunks_mut(Transaction::LIMIT) {
            for attempt in 0.. {
                let mut take = Transaction::default();
                for place in places.iter() {
                    take.take(&self.config.table, place, now)?;
                }
                if self.commit(take).await?.is_ok() {
                    break;
                }
                // Others came in between.
                if let Err(guarded) = self.look_at_places(places, true, now).await? {
                    return Ok(Err(guarded));
                }
                pause(attempt).await?;
            }
        }
        Ok(Ok(()))
    }
}

impl Transaction {
    /// Has a single take its place. Answers the place of this write, which is refused when somebody else is there.
    pub(crate) fn take(&mut self, table: &str, place: &Place<'_>, now: Timestamp) -> Result<usize, StoreError> {
        let (mut set, mut remove) = (vec!["#single = :single", "#at = :now", "#ttl = :until"], Vec::new());
        match &place.single.mailing {
            Some(_) => set.push("#mailing = :mailing"),
            None => remove.push("#mailing"),
        }
        let before: Vec<&SingleId> = place.before.iter().chain(&place.among).take(NOTED).collect();
        if before.is_empty() {
            remove.push("#before");
        } else {
            set.push("#before = :before");
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let mut change = Change::new(place.key.clone(), expression)
            .when("attribute_not_exists(#pk) OR #ttl <= :second OR #single = :over")
            .value(":single", &place.single.id)?
            .value(":now", &now)?
            .value(":until", &(now + DUPLICATE).as_second())?
            .value(":second", &now.as_second())?
            .value(":over", &place.over)?;
        if !before.is_empty() {
            change = change.value(":before", &before)?;
        }
        if let Some(mailing) = &place.single.mailing {
            change = change.value(":mailing", mailing)?;
        }
        self.update(table, change)
    }
}
