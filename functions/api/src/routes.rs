//! The table of contents: every endpoint, what a caller must be allowed to do, and its handler.

use domain::account::Scope;
use edge::Handler;

use crate::{
    App, batches, calendar, callback, docs, documents, events, health, letters, operator, postcards, preflight, scans,
    templates, test, webhooks,
};

/// An endpoint.
pub struct Route {
    /// The `Handler` of its function, and the operation id in the OpenAPI description.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Whether it reads a body. One that needs nothing but its path passes over whatever is sent to it.
    pub reads_body: bool,
    /// What a caller must be allowed to do; without one, anybody may call.
    pub scope: Option<Scope>,
    /// The handler.
    pub handler: Handler<App>,
}

const READ: Option<Scope> = Some(Scope::MailRead);
const WRITE: Option<Scope> = Some(Scope::MailWrite);
const OPERATE: Option<Scope> = Some(Scope::Operator);

macro_rules! route {
    ($operation:literal, $method:ident $path:literal $($body:ident)?, $scope:expr, $($handler:ident)::+) => {
        Route {
            operation: $operation,
            method: stringify!($method),
            path: $path,
            reads_body: !stringify!($($body)?).is_empty(),
            scope: $scope,
            handler: |app, call| Box::pin($($handler)::+::handle(app, call)),
        }
    };
}

/// Every endpoint, with `body` where it reads one.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route!("health.get", GET "/v2/health", None, health::get),
    route!("docs.get", GET "/v2/docs", None, docs::get),

    route!("batches.create", POST "/v2/batches" body, WRITE, batches::create),
    route!("batches.list", GET "/v2/batches", READ, batches::list),
    route!("batches.get", GET "/v2/batches/{batchId}", READ, batches::get),
    route!("batches.cancel", DELETE "/v2/batches/{batchId}", WRITE, batches::cancel),
    route!("batches.tracking", GET "/v2/batches/{batchId}/tracking", READ, batches::tracking),
    route!("letters.add", POST "/v2/batches/{batchId}/letters" body, WRITE, batches::letters::add),
    route!("letters.list", GET "/v2/batches/{batchId}/letters", READ, batches::letters::list),
    route!("letters.get", GET "/v2/batches/{batchId}/letters/{letterId}", READ, batches::letters::get),
    route!("letters.replace", PUT "/v2/batches/{batchId}/letters/{letterId}" body, WRITE, batches::letters::replace),
    route!("letters.withdraw", DELETE "/v2/batches/{batchId}/letters/{letterId}", WRITE, batches::letters::withdraw),
    route!("letters.retry", POST "/v2/batches/{batchId}/letters/{letterId}/retry", WRITE, batches::letters::retry),
    route!("letters.events", GET "/v2/batches/{batchId}/letters/{letterId}/events", READ, batches::letters::events),

    route!("singles.create", POST "/v2/letters" body, WRITE, letters::create),
    route!("singles.list", GET "/v2/letters", READ, letters::list),
    route!("singles.get", GET "/v2/letters/{letterId}", READ, letters::get),
    route!("singles.update", PATCH "/v2/letters/{letterId}" body, WRITE, letters::update),
    route!("singles.cancel", DELETE "/v2/letters/{letterId}", WRITE, letters::cancel),
    route!("singles.download", GET "/v2/letters/{letterId}/download", READ, letters::download),
    route!("singles.events", GET "/v2/letters/{letterId}/events", READ, letters::events),
    route!("singles.proof", GET "/v2/letters/{letterId}/proof", READ, letters::proof),

    route!("postcards.create", POST "/v2/postcards" body, WRITE, postcards::create),
    route!("postcards.list", GET "/v2/postcards", READ, postcards::list),
    route!("postcards.get", GET "/v2/postcards/{postcardId}", READ, postcards::get),
    route!("postcards.update", PATCH "/v2/postcards/{postcardId}" body, WRITE, postcards::update),
    route!("postcards.cancel", DELETE "/v2/postcards/{postcardId}", WRITE, postcards::cancel),
    route!("postcards.download", GET "/v2/postcards/{postcardId}/download", READ, postcards::download),
    route!("postcards.events", GET "/v2/postcards/{postcardId}/events", READ, postcards::events),
    route!("postcards.proof", GET "/v2/postcards/{postcardId}/proof", READ, postcards::proof),

    route!("preflight.create", POST "/v2/preflight" body, WRITE, preflight::create),
    route!("calendar.get", GET "/v2/calendar", READ, calendar::get),
    route!("documents.create", POST "/v2/documents" body, WRITE, documents::create),
    route!("documents.get", GET "/v2/documents/{documentId}", READ, documents::get),
    route!("templates.create", POST "/v2/templates" body, WRITE, templates::create),
    route!("templates.list", GET "/v2/templates", READ, templates::list),
    route!("templates.get", GET "/v2/templates/{templateId}", READ, templates::get),
    route!("templates.update", PUT "/v2/templates/{templateId}" body, WRITE, templates::update),
    route!("templates.delete", DELETE "/v2/templates/{templateId}", WRITE, templates::delete),
    route!("templates.preview", POST "/v2/templates/{templateId}/preview" body, READ, templates::preview),

    route!("scans.push", POST "/v2/scans/push" body, None, scans::push),
    route!("test.letters.advance", POST "/v2/test/letters/{letterId}/advance" body, WRITE, test::letters::advance),
    route!("operator.scans.list", GET "/v2/operator/scans", OPERATE, operator::scans::list),
    route!("operator.scans.get", GET "/v2/operator/scans/{fileId}", OPERATE, operator::scans::get),
    route!("operator.scans.rerun", POST "/v2/operator/scans/{fileId}/rerun", OPERATE, operator::scans::rerun),
    route!("operator.orphans.list", GET "/v2/operator/orphans", OPERATE, operator::orphans::list),
    route!("operator.returns.create", POST "/v2/operator/returns" body, OPERATE, operator::returns::create),
    route!("operator.letters.state", PUT "/v2/operator/batches/{batchId}/letters/{letterId}/state" body, OPERATE, operator::letters::state),

    route!("events.list", GET "/v2/events", READ, events::list),
    route!("callback.get", GET "/v2/callback", READ, callback::get),
    route!("callback.put", PUT "/v2/callback" body, WRITE, callback::put),
    route!("callback.delete", DELETE "/v2/callback", WRITE, callback::delete),
    route!("callback.test", POST "/v2/callback/test", WRITE, callback::test),

    route!("webhooks.create", POST "/v2/webhooks" body, WRITE, webhooks::create),
    route!("webhooks.list", GET "/v2/webhooks", READ, webhooks::list),
    route!("webhooks.get", GET "/v2/webhooks/{webhookId}", READ, webhooks::get),
    route!("webhooks.update", PATCH "/v2/webhooks/{webhookId}" body, WRITE, webhooks::update),
    route!("webhooks.delete", DELETE "/v2/webhooks/{webhookId}", WRITE, webhooks::delete),
    route!("webhooks.rotate", POST "/v2/webhooks/{webhookId}/rotate", WRITE, webhooks::rotate),
    route!("webhooks.test", POST "/v2/webhooks/{webhookId}/test", WRITE, webhooks::test),
    route!("webhooks.attempts", GET "/v2/webhooks/{webhookId}/attempts", READ, webhooks::attempts),
    route!("webhooks.replay", POST "/v2/webhooks/{webhookId}/replay" body, WRITE, webhooks::replay),

    route!("operator.queue", GET "/v2/operator/queue", OPERATE, operator::queue),
    route!("operator.jobs.create", POST "/v2/operator/jobs" body, OPERATE, operator::jobs::create),
    route!("operator.jobs.list", GET "/v2/operator/jobs", OPERATE, operator::jobs::list),
    route!("operator.jobs.get", GET "/v2/operator/jobs/{jobId}", OPERATE, operator::jobs::get),
    route!("operator.jobs.cancel", DELETE "/v2/operator/jobs/{jobId}", OPERATE, operator::jobs::cancel),
    route!("operator.jobs.printed", POST "/v2/operator/jobs/{jobId}/printed", OPERATE, operator::jobs::printed),
    route!("operator.jobs.mailed", POST "/v2/operator/jobs/{jobId}/mailed", OPERATE, operator::jobs::mailed),
    route!("operator.jobs.retry", POST "/v2/operator/jobs/{jobId}/retry", OPERATE, operator::jobs::retry),
    route!("operator.accounts.create", POST "/v2/operator/accounts" body, OPERATE, operator::accounts::create),
    route!("operator.accounts.list", GET "/v2/operator/accounts", OPERATE, operator::accounts::list),
    route!("operator.accounts.get", GET "/v2/operator/accounts/{accountId}", OPERATE, operator::accounts::get),
    route!("operator.accounts.update", PATCH "/v2/operator/accounts/{accountId}" body, OPERATE, operator::accounts::update),
    route!("operator.keys.create", POST "/v2/operator/accounts/{accountId}/keys" body, OPERATE, operator::keys::create),
    route!("operator.keys.list", GET "/v2/operator/accounts/{accountId}/keys", OPERATE, operator::keys::list),
    route!("operator.keys.revoke", DELETE "/v2/operator/accounts/{accountId}/keys/{keyId}", OPERATE, operator::keys::revoke),
    route!("operator.locations.create", POST "/v2/operator/accounts/{accountId}/locations" body, OPERATE, operator::locations::create),
    route!("operator.locations.list", GET "/v2/operator/accounts/{accountId}/locations", OPERATE, operator::locations::list),
    route!("operator.locations.delete", DELETE "/v2/operator/accounts/{accountId}/locations/{locationId}", OPERATE, operator::locations::delete),
];
