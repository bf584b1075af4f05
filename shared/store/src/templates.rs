//! Templates and their versions: the HTML lies in S3, since it may be larger than an item, by the template and its hash.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::id::{AccountId, TemplateId};
use domain::template::{Template, TemplateVersion};
use jiff::Timestamp;

use crate::batches::{After, Listed, Listing, sortable};
use crate::idempotency::{Completion, sha256};
use crate::keys;
use crate::table::{self, Index};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

impl Store {
    /// Keeps HTML of a template under its hash, which it answers. Doing so again changes nothing.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn keep_html(&self, account: &AccountId, id: &TemplateId, html: &str) -> Result<String, StoreError> {
        let hash = sha256(html.as_bytes());
        let key = html_key(account, id, &hash);
        self.put_object(&self.config.documents_bucket, &key, html.as_bytes().to_vec(), "text/html").await?;
        Ok(hash)
    }

    /// The HTML of a version of a template; `None` when the template has been deleted since it was read.
    ///
    /// # Errors
    /// When S3 does not answer, or has it no more as it was.
    pub async fn read_html(
        &self,
        template: &Template,
        version: &TemplateVersion,
    ) -> Result<Option<String>, StoreError> {
        let key = html_key(&template.account, &template.id, &version.sha256);
        let bytes = self.get_object(&self.config.documents_bucket, &key).await?;
        let bytes = bytes.filter(|bytes| sha256(bytes) == version.sha256);
        match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(html) => Ok(Some(html)),
            None if self.template(&template.account, template.mode, &template.id).await?.is_none() => Ok(None),
            None => Err(StoreError::Missing("the HTML of a template")),
        }
    }

    /// Drops HTML that was kept for a template and that no version came to name, because the template was deleted.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn drop_html(&self, account: &AccountId, id: &TemplateId, sha256: &str) -> Result<(), StoreError> {
        let delete = self.s3().delete_object().bucket(&self.config.documents_bucket);
        let deleted = delete.key(html_key(account, id, sha256)).send().await;
        deleted.map(drop).map_err(StoreError::aws("DeleteObject"))
    }

    /// Creates a template with its first version, and keeps the answer. The HTML is kept before: what is never named does no
    /// harm.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_template(
        &self,
        template: &Template,
        version: &TemplateVersion,
        completion: Option<Completion<'_>>,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let mut item = table::keyed("a template", &keys::template(&template.id), template)?;
        let listed = keys::by_account::templates(&template.account, template.mode);
        item.insert("gsi1pk".to_owned(), AttributeValue::S(listed));
        let sort = format!("{}#{}", sortable(template.created_at), template.id);
        item.insert("gsi1sk".to_owned(), AttributeValue::S(sort));
        let key = keys::template_version(&template.id, version.version);
        let mut create = Transaction::default();
        create.create(table, item)?;
        create.create(table, table::keyed("a version", &key, version)?)?;
        create.complete(table, completion)?;
        self.commit(create).await?.map_err(|_| StoreError::Contended("a new template"))
    }

    /// The template of that id, if it is of that account and mode.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn template(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &TemplateId,
    ) -> Result<Option<Template>, StoreError> {
        let found = self.template_or_rest(account, mode, id).await?;
        Ok(found.filter(|template| template.deleted_at.is_none()))
    }

    /// The template of that id, or what is left of it while it is being deleted.
    async fn template_or_rest(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &TemplateId,
    ) -> Result<Option<Template>, StoreError> {
        let found: Option<Template> = self.get("a template", &keys::template(id)).await?;
        Ok(found.filter(|template| template.account == *account && template.mode == mode))
    }

    /// A version of a template.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn template_version(&self, id: &TemplateId, version: u32) -> Result<Option<TemplateVersion>, StoreError> {
        self.get("a version", &keys::template_version(id, version)).await
    }

    /// The templates of an account and mode, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_templates(
        &self,
        account: &AccountId,
        mode: Mode,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Template>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, &keys::by_account::templates(account, mode), true);
        self.list("a template", listing, limit, after, |_| true).await
    }

    /// Adds a version to a template as it was read, and gives the template its name. Answers whether it still was so.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn add_version(&self, was: &Template, name: &str, version: &TemplateVersion) -> Result<bool, StoreError> {
        let table = &self.config.table;
        let change = Change::new(keys::template(&was.id), "SET #version = :version, #name = :name")
            .when("#version = :was AND attribute_not_exists(deletedAt)")
            .value(":version", &version.version)?
            .value(":was", &was.version)?
            .value(":name", &name)?;
        let key = keys::template_version(&was.id, version.version);
        let mut add = Transaction::default();
        add.update(table, change)?;
        add.create(table, table::keyed("a version", &key, version)?)?;
        Ok(self.commit(add).await?.is_ok())
    }

    /// Deletes a template with its versions and their HTML. First it is there for nobody any more; whoever deletes it again after a
    /// crash goes on from there, because it goes itself last. Answers whether it was there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete_template(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &TemplateId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = keys::template(id);
        let Some(template) = self.template_or_rest(account, mode, id).await? else { return Ok(false) };
        if template.deleted_at.is_none() {
            let change = Change::new(keys::template(id), "SET deletedAt = :now REMOVE gsi1pk, gsi1sk")
                .when("attribute_exists(pk)")
                .value(":now", &now)?;
            let mut delete = Transaction::default();
            delete.update(&self.config.table, change)?;
            if self.commit(delete).await?.is_err() {
                return Ok(false);
            }
        }
        for item in self.query_all(None, &key.pk, keys::VERSION_PREFIX).await? {
            let Some(at) = table::key_of(&item) else { continue };
            let version: TemplateVersion = table::value("a version", item)?;
            self.drop_html(account, id, &version.sha256).await?;
            self.remove(&at).await?;
        }
        self.remove(&key).await?;
        Ok(true)
    }
}

/// Apart by account, as copies of documents are, and by template, so that what goes with one is no other's.
fn html_key(account: &AccountId, id: &TemplateId, sha256: &str) -> String {
    format!("templates/{account}/{id}/{sha256}.html")
}
