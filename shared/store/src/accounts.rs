//! Accounts, their API keys, and the document locations that they may name.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::{Account, ApiKey, Caller, Mode, Scope, Secret};
use domain::id::{AccountId, KeyId, LocationId};
use domain::location::Location;
use jiff::Timestamp;

use crate::batches::{After, Listed, Listing, sortable};
use crate::idempotency::{Completion, sha256};
use crate::keys;
use crate::table::{self, Index};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

impl Store {
    /// Creates an account. The gateway is told first: an account that it does not count could call nothing, while a
    /// usage key of an account that never came to be does no harm.
    ///
    /// # Errors
    /// When the store or the gateway does not answer.
    pub async fn create_account(
        &self,
        account: &Account,
        completion: Option<Completion<'_>>,
    ) -> Result<(), StoreError> {
        if let Some(plan) = &self.config.usage_plan {
            self.count_usage(&account.id, plan).await?;
        }
        let mut item = table::keyed("an account", &keys::account(&account.id), account)?;
        item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::ACCOUNTS.to_owned()));
        let listed = format!("{}#{}", sortable(account.created_at), account.id);
        item.insert("gsi1sk".to_owned(), AttributeValue::S(listed));
        self.create_one(item, completion).await
    }

    /// The account of that id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.get("an account", &keys::account(id)).await
    }

    /// Says whether duplicates of the letters of an account that exists are refused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_duplicate_guard(&self, id: &AccountId, guard: bool) -> Result<(), StoreError> {
        let change = Change::new(keys::account(id), "SET #duplicateGuard = :guard")
            .when("attribute_exists(#pk)")
            .value(":guard", &guard)?;
        match self.change(change).await? {
            true => Ok(()),
            false => Err(StoreError::Missing("the account")),
        }
    }

    /// All accounts, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_accounts(&self, limit: usize, after: Option<&After>) -> Result<Listed<Account>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, keys::by_account::ACCOUNTS, false);
        self.list("an account", listing, limit, after, |_: &_| true).await
    }

    /// Keeps a key under its name, and what its secret opens under the secret's hash.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_key(
        &self,
        key: &ApiKey,
        secret: &Secret,
        completion: Option<Completion<'_>>,
    ) -> Result<(), StoreError> {
        let hash = sha256(secret.expose().as_bytes());
        let caller = Caller { account: key.account.clone(), mode: key.mode, scopes: key.scopes.clone() };
        let table = &self.config.table;
        let mut item = table::keyed("a key", &keys::api_key(&key.account, &key.id), key)?;
        item.insert("secretHash".to_owned(), AttributeValue::S(hash.clone()));
        let mut create = Transaction::default();
        create.create(table, item)?;
        create.create(table, table::keyed("a caller", &keys::secret(&hash), &caller)?)?;
        create.complete(table, completion)?;
        self.commit(create).await?.map_err(|_| StoreError::Contended("a new key"))
    }

    /// The account's keys, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_keys(&self, account: &AccountId) -> Result<Vec<ApiKey>, StoreError> {
        let items = self.query_all(None, &keys::account(account).pk, keys::KEY_PREFIX).await?;
        items.into_iter().map(|item| table::value("a key", item)).collect()
    }

    /// Revokes a key: its secret opens nothing any more. Answers whether there is such a key.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn revoke_key(&self, account: &AccountId, id: &KeyId, now: Timestamp) -> Result<bool, StoreError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Hash {
            secret_hash: String,
        }
        let key = keys::api_key(account, id);
        let Some(Hash { secret_hash }) = self.get("a key", &key).await? else { return Ok(false) };
        let table = &self.config.table;
        let mut revoke = Transaction::default();
        let change = Change::new(key, "SET #revokedAt = if_not_exists(#revokedAt, :now)").value(":now", &now)?;
        revoke.update(table, change)?;
        revoke.delete(table, &keys::secret(&secret_hash))?;
        self.commit(revoke).await?.map_err(|_| StoreError::Contended("a key"))?;
        Ok(true)
    }

    /// Who holds that secret. It is found by its hash, so that how long the answer takes tells nothing about secrets
    /// that exist.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn caller_of(&self, secret: &Secret) -> Result<Option<Caller>, StoreError> {
        self.get("a caller", &keys::secret(&sha256(secret.expose().as_bytes()))).await
    }

    /// Registers a location.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_location(
        &self,
        account: &AccountId,
        location: &Location,
        completion: Option<Completion<'_>>,
    ) -> Result<(), StoreError> {
        let item = table::keyed("a location", &keys::location(account, &location.id), location)?;
        self.create_one(item, completion).await
    }

    /// The account's locations, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_locations(&self, account: &AccountId) -> Result<Vec<Location>, StoreError> {
        let items = self.query_all(None, &keys::account(account).pk, keys::LOCATION_PREFIX).await?;
        items.into_iter().map(|item| table::value("a location", item)).collect()
    }

    /// Removes a location. Letters that name it and are not yet inspected get an issue. Answers whether it was there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete_location(&self, account: &AccountId, id: &LocationId) -> Result<bool, StoreError> {
        let deleted = self
            .dynamodb()
            .delete_item()
            .table_name(&self.config.table)
            .set_key(Some(keys::location(account, id).attributes().into()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(StoreError::aws("DeleteItem"))?;
        Ok(deleted.attributes.is_some_and(|item| !item.is_empty()))
    }

    async fn create_one(&self, item: table::Item, completion: Option<Completion<'_>>) -> Result<(), StoreError> {
        let mut create = Transaction::default();
        create.create(&self.config.table, item)?;
        create.complete(&self.config.table, completion)?;
        self.commit(create).await?.map_err(|_| StoreError::Contended("a new item"))
    }
}

/// A new key and its secret.
///
/// # Errors
/// When there are no random bytes.
pub fn new_key(
    account: AccountId,
    mode: Mode,
    scopes: Vec<Scope>,
    now: Timestamp,
) -> Result<(ApiKey, Secret), StoreError> {
    let secret = Secret::new(mode, crate::entropy()?);
    let id = KeyId::new(now, crate::entropy()?);
    let ending = secret.ending().to_owned();
    Ok((ApiKey { id, account, mode, scopes, ending, created_at: now, revoked_at: None }, secret))
}
