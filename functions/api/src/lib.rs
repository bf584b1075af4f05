//! The API: one file for each endpoint, found by its URL; `routes.rs` is the table of contents.

pub mod authorize;
pub mod batches;
pub mod calendar;
pub mod callback;
mod client_url;
pub mod content;
pub mod docs;
pub mod documents;
pub mod events;
pub mod health;
pub mod idempotent;
pub mod issue_operator_key;
pub mod letters;
pub mod listing;
pub mod metering;
pub mod operator;
pub mod postcards;
pub mod preflight;
pub mod rendering;
pub mod routes;
pub mod scans;
pub mod sso;
pub mod templates;
pub mod test;
pub mod webhooks;

use std::time::Duration;

use edge::Problem;
use edge::cursor::Cursors;
use outbound::{Outbound, Policy, SettingError};
use store::Store;

/// An error that ends the process.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What all requests of this process share.
pub struct App {
    /// Where everything is kept.
    pub store: Store,
    /// Signs the cursors of lists.
    pub cursors: Cursors,
    /// Who may push scans; only the function that takes them is told.
    pub pusher: Option<scans::Pusher>,
    /// Which addresses clients may name.
    pub policy: Policy,
    outbound: Option<Outbound>,
    /// Where what clients send is read, rendered and drawn; only functions with their program beside them can use them.
    pub children: rendering::Children,
}

impl App {
    /// Reads the settings and prepares the clients.
    ///
    /// # Errors
    /// A setting that is missing or cannot be.
    pub async fn open() -> Result<Self, Error> {
        let secret =
            std::env::var("MAILHOUSE_CURSOR_KEY").map_err(|_| "set the environment variable MAILHOUSE_CURSOR_KEY")?;
        let allow = std::env::var("MAILHOUSE_OUTBOUND_ALLOW").unwrap_or_default();
        let quick = std::env::var("MAILHOUSE_RENDER_SECONDS").ok().and_then(|text| text.parse().ok());
        let quick = quick.filter(|seconds| *seconds <= content::MOST_RENDERING);
        let quick = quick.ok_or("set the environment variable MAILHOUSE_RENDER_SECONDS to a number from 0 to 5")?;
        let outbound = std::env::var_os("MAILHOUSE_SIGNING_KEY").map(|_| Outbound::from_env()).transpose()?;
        Ok(App {
            store: Store::open(store::Config::from_env()?).await,
            cursors: Cursors::new(&secret),
            pusher: scans::Pusher::from_env(),
            policy: Policy::from_setting(&allow)?,
            outbound,
            children: rendering::Children::new(Duration::from_secs(quick)),
        })
    }

    /// Posts to clients. Only functions that need it are told the key that it takes.
    ///
    /// # Errors
    /// When this function is not told it.
    pub fn outbound(&self) -> Result<&Outbound, Problem> {
        let missing = || Problem::from(SettingError::Missing("MAILHOUSE_SIGNING_KEY"));
        self.outbound.as_ref().ok_or_else(missing)
    }
}

/// Serves the operation that the function is named for.
///
/// # Errors
/// When there is no such operation, a setting is wrong, or the runtime ends.
pub async fn run() -> Result<(), Error> {
    edge::start_telemetry();
    let operation = edge::operation();
    match operation.as_str() {
        // Boxed, because the compiler would otherwise have to lay out all of them in one piece.
        authorize::OPERATION => Box::pin(authorize::serve()).await,
        issue_operator_key::OPERATION => Box::pin(issue_operator_key::serve()).await,
        _ => {
            let route = routes::ROUTES.iter().find(|route| route.operation == operation);
            let route = route.ok_or_else(|| format!("no operation is named {operation:?}"))?;
            let meter = metering::counts(route.scope).then_some(metering::meter as edge::http::Meter<App>);
            let (app, reads_body) = (App::open().await?, route.reads_body);
            Box::pin(edge::http::serve(app, route.operation, route.scope, reads_body, meter, route.handler)).await
        }
    }
}
