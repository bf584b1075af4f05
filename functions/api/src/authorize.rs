//! `auth.authorize`: the gateway asks who may come in. An API key of ours, or a token of the SSO issuer, if there is one.

use domain::account::{Caller, Secret};
use edge::Problem;
use jiff::Timestamp;

use crate::sso::Sso;
use crate::{App, Error};

/// The `Handler` of its function.
pub const OPERATION: &str = "auth.authorize";

struct Doorkeeper {
    app: App,
    sso: Option<Sso>,
}

/// Serves the authorizer.
///
/// # Errors
/// When a setting is wrong or the runtime ends.
pub async fn serve() -> Result<(), Error> {
    let doorkeeper = Doorkeeper { app: App::open().await?, sso: Sso::from_env()? };
    edge::authorizer::serve(doorkeeper, identify).await
}

async fn identify(doorkeeper: &Doorkeeper, credential: &str) -> Result<Option<Caller>, Problem> {
    match (Secret::parse(credential), &doorkeeper.sso) {
        (Some(secret), _) => Ok(doorkeeper.app.store.caller_of(&secret).await?),
        (None, Some(sso)) => Ok(sso.identify(credential, Timestamp::now()).await?),
        (None, None) => Ok(None),
    }
}
