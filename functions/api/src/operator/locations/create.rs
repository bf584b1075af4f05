//! `POST /v2/operator/accounts/{accountId}/locations`: registers a bucket and folder from which documents are read.

use domain::fault::{Faults, Pointer};
use domain::id::LocationId;
use domain::location::{Location, is_aws_account, is_bucket_name};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;
use store::idempotency::{Answer, Completion};

use crate::App;
use crate::idempotent::once;

#[derive(Deserialize)]
#[serde(expecting = "an object with bucket, prefix and owner")]
struct RawLocation<'a> {
    #[serde(default, borrow)]
    bucket: Field<'a>,
    #[serde(default, borrow)]
    prefix: Field<'a>,
    #[serde(default, borrow)]
    owner: Field<'a>,
}

/// Answers the request: 201. `owner` is the AWS account that the bucket belongs to; `prefix` may be left out.
///
/// # Errors
/// 400, 404 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let account = crate::operator::account(app, &call).await?;
        let mut faults = Faults::default();
        let raw: RawLocation<'_> = wire::read_known(&call.body, &mut faults)?;
        let root = Pointer::Root;
        let at = root.key("bucket");
        let bucket = raw.bucket.required(&at, &mut faults).text(&at, &mut faults).unwrap_or_default().to_owned();
        let config = app.store.config();
        if raw.bucket.is_given() && !is_bucket_name(&bucket) {
            faults.push(&at, "bucket", "Give the name of an S3 bucket.");
        } else if [&config.documents_bucket, &config.print_bucket, &config.archive_bucket, &config.scans_bucket]
            .contains(&&bucket)
        {
            // A client that could name our own buckets could have others' letters printed.
            faults.push(&at, "bucket.ours", "Give a bucket of the client's, not one of the mailhouse.");
        }
        let at = root.key("prefix");
        let prefix = raw.prefix.text(&at, &mut faults).unwrap_or_default().to_owned();
        if prefix.len() > 1_024 || prefix.chars().any(char::is_control) || prefix.starts_with('/') {
            faults.push(&at, "prefix", "Give a folder such as letters/2026, at most 1,024 bytes.");
        }
        let at = root.key("owner");
        let owner = raw.owner.required(&at, &mut faults).text(&at, &mut faults).unwrap_or_default().to_owned();
        if raw.owner.is_given() && !is_aws_account(&owner) {
            faults.push(&at, "aws_account", "Give the 12 digits of the AWS account that owns the bucket.");
        }
        if !faults.is_empty() {
            return Err(Problem::faulty(422, "invalid", &faults));
        }
        let id = LocationId::new(call.now, store::entropy()?);
        let location = Location { id, bucket, prefix, owner, created_at: call.now };
        let answer = Answer { status: 201, location: None, body: serde_json::to_string(&location)? };
        app.store.create_location(&account.id, &location, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}
