//! Callbacks: where they go, how far each was told of its log, and what came of each push.
//!
//! One run at a time works on a callback, because it takes a lease. A push is fixed on the callback before it is sent, and
//! the number up to which the client was told moves on in the transaction that records that the push was accepted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::callback::{Attempt, Callback, Include, Push, SealedSecret};
use domain::event::{Event, EventKind};
use domain::id::{AccountId, EventId};
use jiff::{SignedDuration, Timestamp};

use crate::batches::{After, Listed, Listing, event_item};
use crate::keys;
use crate::table::{self, Index, Range};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// For how long a run holds a callback, unless it says again that it does: longer than a post may take, with what is done
/// around it.
pub const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// For how long an attempt is shown.
const ATTEMPT_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The right to push to a callback. It runs out by itself.
#[derive(Clone, Debug)]
pub struct Lease(String);

/// Settings of a callback that its owner changes.
#[derive(Clone, Debug)]
pub struct CallbackSettings {
    /// Where pushes are posted.
    pub url: String,
    /// What is pushed.
    pub include: Include,
    /// Whether nothing is pushed for now.
    pub paused: bool,
    /// What signs pushes, if that changes.
    pub secrets: Option<Vec<SealedSecret>>,
}

impl Store {
    /// The callback of an account and mode.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn callback(&self, account: &AccountId, mode: Mode) -> Result<Option<Callback>, StoreError> {
        self.get("a callback", &keys::callback(account, mode)).await
    }

    /// Sets a callback up, to be told of what happens from now on. Answers whether there was none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_callback(&self, mut callback: Callback) -> Result<bool, StoreError> {
        callback.through = self.last_number(&callback.account, callback.mode).await?;
        let key = keys::callback(&callback.account, callback.mode);
        let mut item = table::keyed("a callback", &key, &callback)?;
        item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::CALLBACKS.to_owned()));
        let listed = format!("{}#{}", callback.account, callback.mode.as_str());
        item.insert("gsi1sk".to_owned(), AttributeValue::S(listed));
        let mut create = Transaction::default();
        create.create(&self.config.table, item)?;
        Ok(self.commit(create).await?.is_ok())
    }

    /// Changes a callback's settings, not how far it was told. Answers whether there is one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn change_callback(
        &self,
        account: &AccountId,
        mode: Mode,
        settings: &CallbackSettings,
    ) -> Result<bool, StoreError> {
        let secrets = if settings.secrets.is_some() { ", #secrets = :secrets" } else { "" };
        let set = format!("SET #url = :url, #include = :include, #paused = :paused{secrets}");
        let mut change = Change::new(keys::callback(account, mode), set)
            .when("attribute_exists(#pk)")
            .value(":url", &settings.url)?
            .value(":include", &settings.include)?
            .value(":paused", &settings.paused)?;
        if let Some(secrets) = &settings.secrets {
            change = change.value(":secrets", secrets)?;
        }
        self.change(change).await
    }

    /// Ends a callback. Answers whether there was one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete_callback(&self, account: &AccountId, mode: Mode) -> Result<bool, StoreError> {
        let deleted = self
            .dynamodb()
            .delete_item()
            .table_name(&self.config.table)
            .set_key(Some(keys::callback(account, mode).attributes().into()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(StoreError::aws("DeleteItem"))?;
        Ok(deleted.attributes.is_some_and(|item| !item.is_empty()))
    }

    /// All callbacks.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_callbacks(&self, after: Option<&After>) -> Result<Listed<Callback>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, keys::by_account::CALLBACKS, false);
        self.list("a callback", listing, 100, after, |_: &_| true).await
    }

    /// Takes a callback, or goes on holding it, and answers it as it is then; `None` when there is none or another run
    /// holds it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lease_callback(
        &self,
        account: &AccountId,
        mode: Mode,
        held: Option<&Lease>,
        now: Timestamp,
    ) -> Result<Option<(Callback, Lease)>, StoreError> {
        let lease = match held {
            Some(lease) => lease.clone(),
            None => Lease(format!("{:032x}", u128::from_be_bytes(crate::entropy()?))),
        };
        let key = keys::callback(account, mode);
        let take = Change::new(key, "SET #owner = :owner, #leasedUntil = :until")
            .when("attribute_exists(#pk) AND (attribute_not_exists(#owner) OR #owner = :owner OR #leasedUntil < :now)")
            .value(":owner", &lease.0)?
            .value(":until", &(now + LEASE).as_millisecond())?
            .value(":now", &now.as_millisecond())?;
        if !self.change(take).await? {
            return Ok(None);
        }
        Ok(self.callback(account, mode).await?.map(|callback| (callback, lease)))
    }

    /// Gives a callback back.
    ///
    /// # Errors
    /// When the store does not answer; then the lease runs out.
    pub async fn release_callback(&self, account: &AccountId, mode: Mode, lease: &Lease) -> Result<(), StoreError> {
        let release = Change::new(keys::callback(account, mode), "REMOVE #owner, #leasedUntil")
            .when("#owner = :owner")
            .value(":owner", &lease.0)?;
        self.change(release).await.map(drop)
    }

    /// Fixes what is sent next. Answers whether it is; not when the callback is no longer ours or as it was.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn fix_push(&self, callback: &Callback, lease: &Lease, push: &Push) -> Result<bool, StoreError> {
        let fix = Change::new(keys::callback(&callback.account, callback.mode), "SET #push = :push")
            .when("#owner = :owner AND #through = :through AND (attribute_not_exists(#push) OR #push.#id = :id)")
            .value(":push", push)?
            .value(":id", &push.id)?
            .value(":owner", &lease.0)?
            .value(":through", &callback.through)?;
        self.change(fix).await
    }

    /// Passes over what is not wanted. Answers whether it is passed; not when the callback is no longer ours or as it was.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pass_over(&self, callback: &Callback, lease: &Lease, last: u64) -> Result<bool, StoreError> {
        let pass = Change::new(keys::callback(&callback.account, callback.mode), "SET #through = :last")
            .when("#owner = :owner AND #through IN (:through, :last) AND attribute_not_exists(#push)")
            .value(":last", &last)?
            .value(":owner", &lease.0)?
            .value(":through", &callback.through)?;
        self.change(pass).await
    }

    /// Records what came of sending a push. When it was accepted, the client was told up to its last number. Does
    /// nothing when another run recorded that before.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn record_push(
        &self,
        callback: &Callback,
        push: &Push,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Callback { account, mode, .. } = callback;
        let table = &self.config.table;
        let accepted = attempt.outcome.accepted;
        let change = match (accepted, callback.failing_since) {
            (true, _) => "SET #through = :last REMOVE #push, #failingSince",
            (false, Some(_)) => "SET #push.#attempts = :more",
            (false, None) => "SET #push.#attempts = :more, #failingSince = :at",
        };
        let mut change = Change::new(keys::callback(account, *mode), change)
            .when("#push.#id = :id AND #push.#attempts = :attempts")
            .value(":id", &push.id)?
            .value(":attempts", &push.attempts)?;
        change =
            if accepted { change.value(":last", &push.last)? } else { change.value(":more", &(push.attempts + 1))? };
        if !accepted && callback.failing_since.is_none() {
            change = change.value(":at", &attempt.at)?;
        }
        let mut record = Transaction::default();
        record.update(table, change)?;
        let mut item =
            table::keyed("an attempt", &keys::push_attempt(account, *mode, &push.id, push.attempts), attempt)?;
        item.insert("ttl".to_owned(), AttributeValue::N((now + ATTEMPT_KEPT).as_second().to_string()));
        record.create(table, item)?;
        if accepted == callback.failing_since.is_some() {
            let event = Event {
                id: EventId::new(now, crate::entropy()?),
                kind: if accepted { EventKind::CallbackRecovered } else { EventKind::CallbackFailing },
                at: now,
                account: Some(account.clone()),
                mode: *mode,
                batch: None,
                job: None,
                data: BTreeMap::from([("push".to_owned(), push.id.to_string())]),
                entries: Vec::new(),
            };
            let key = keys::event(&keys::callback(account, *mode), &event.id);
            record.create(table, event_item(&key, &event)?)?;
        }
        self.commit(record).await.map(drop)
    }

    /// The last attempts to push to a callback, the newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_push_attempts(
        &self,
        account: &AccountId,
        mode: Mode,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        let range = Range {
            backwards: true,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
            ..Range::prefix(keys::callback(account, mode).pk, keys::ATTEMPT_PREFIX)
        };
        let page = self.query(None, range).await?;
        page.items.into_iter().map(|item| table::value("an attempt", item)).collect()
    }
}
