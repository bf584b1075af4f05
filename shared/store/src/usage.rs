//! The gateway's usage plan: each account has a key on it, so that its requests are limited by themselves.

use aws_sdk_apigateway::error::ProvideErrorMetadata;
use domain::account::Account;
use domain::id::AccountId;

use crate::{Store, StoreError};

impl Store {
    /// Makes the account's usage key and puts it on the plan of that name.
    pub(crate) async fn count_usage(&self, account: &AccountId, plan: &str) -> Result<(), StoreError> {
        let key = self
            .gateway()
            .create_api_key()
            .name(account.as_str())
            .value(Account::usage_key(account))
            .enabled(true)
            .send()
            .await
            .map_err(StoreError::aws("CreateApiKey"))?;
        let plan_id = self.usage_plan_id(plan).await?;
        let put = self.gateway().create_usage_plan_key().usage_plan_id(plan_id).key_type("API_KEY").set_key_id(key.id);
        match put.send().await {
            Err(error) if error.code() != Some("ConflictException") => {
                Err(StoreError::aws("CreateUsagePlanKey")(error))
            }
            _ => Ok(()),
        }
    }

    async fn usage_plan_id(&self, name: &str) -> Result<String, StoreError> {
        let mut position = None;
        loop {
            let page = self
                .gateway()
                .get_usage_plans()
                .limit(500)
                .set_position(position)
                .send()
                .await
                .map_err(StoreError::aws("GetUsagePlans"))?;
            let found = page.items.into_iter().flatten().find(|plan| plan.name.as_deref() == Some(name));
            if let Some(id) = found.and_then(|plan| plan.id) {
                return Ok(id);
            }
            position = page.position;
            if position.is_none() {
                return Err(StoreError::Missing("the usage plan of the accounts"));
            }
        }
    }
}
