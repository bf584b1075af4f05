//! `auth.authorize`: the gateway asks who may come in.

use domain::account::{Caller, Secret};
use edge::Problem;

use crate::{App, Error};

/// The `Handler` of its function.
pub const OPERATION: &str = "auth.authorize";

/// Serves the authorizer.
///
/// # Errors
/// When a setting is wrong or the runtime ends.
pub async fn serve() -> Result<(), Error> {
    edge::authorizer::serve(App::open().await?, identify).await
}

async fn identify(app: &App, credential: &str) -> Result<Option<Caller>, Problem> {
    match Secret::parse(credential) {
        Some(secret) => Ok(app.store.caller_of(&secret).await?),
        None => Ok(None),
    }
}
