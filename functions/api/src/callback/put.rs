//! `PUT /v2/callback`: sets up where news is pushed, or changes it. A new signing secret is in this answer and nowhere else.

use domain::callback::{Callback, Include, SealedSecret, rotated};
use domain::fault::{Faults, Pointer};
use edge::wire::{self, Field, Object};
use edge::{Call, Problem, Reply};
use outbound::signing::SigningSecret;
use serde::Deserialize;
use store::callbacks::CallbackSettings;

use super::CallbackOut;
use crate::{App, client_url};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with a url")]
struct RawCallback<'a> {
    #[serde(default, borrow)]
    url: Field<'a>,
    #[serde(default, borrow)]
    include: Option<Object<RawInclude<'a>>>,
    #[serde(default, borrow)]
    paused: Field<'a>,
    #[serde(default, borrow)]
    rotate_secret: Field<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInclude<'a> {
    #[serde(default, borrow)]
    production: Field<'a>,
    #[serde(default, borrow)]
    postal: Field<'a>,
    #[serde(default, borrow)]
    certified_only: Field<'a>,
    #[serde(default, borrow)]
    recipient: Field<'a>,
}

struct Wanted {
    url: String,
    include: Include,
    paused: bool,
    rotate: bool,
}

/// Answers the request: 201 with the secret when there was no callback, else 200, with a secret only when a new one was
/// asked for. What is left out of the body is as in a new callback: everything is pushed but what is personal, and nothing is
/// paused.
///
/// # Errors
/// 400 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let (account, mode) = (&caller.account, caller.mode);
    let wanted = read(app, &call)?;
    let before = app.store.callback(account, mode).await?;
    let vault = &app.outbound()?.vault;
    let owner = Callback::secret_owner(account, mode);
    let secret = if before.is_none() || wanted.rotate { Some(SigningSecret::random()?) } else { None };
    let sealed = secret.as_ref().map(|secret| vault.seal(secret, &owner)).transpose()?;
    let known: &[SealedSecret] = before.as_ref().map_or(&[], |callback| &callback.secrets);
    let secrets = sealed.map(|sealed| rotated(known, sealed, call.now));
    let Wanted { url, include, paused, .. } = wanted;
    let created = match (&before, &secrets) {
        (None, Some(secrets)) => {
            let callback = Callback {
                account: account.clone(),
                mode,
                url: url.clone(),
                include,
                paused,
                secrets: secrets.clone(),
                through: 0,
                push: None,
                failing_since: None,
                created_at: call.now,
            };
            app.store.create_callback(callback).await?
        }
        _ => false,
    };
    if !created {
        let settings = CallbackSettings { url, include, paused, secrets };
        app.store.change_callback(account, mode, &settings).await?;
    }
    let callback = super::own(app, &call).await?;
    let secret = secret.map(|secret| secret.expose());
    Reply::json(if created { 201 } else { 200 }, &CallbackOut::new(&callback, Vec::new(), secret))
}

fn read(app: &App, call: &Call) -> Result<Wanted, Problem> {
    let mut faults = Faults::default();
    let raw: RawCallback<'_> = wire::read_known(&call.body, &mut faults)?;
    let root = Pointer::Root;
    let at = root.key("url");
    let url = client_url::read(raw.url.required(&at, &mut faults), &at, &app.policy, &mut faults);
    let Object(include) = raw.include.unwrap_or_default();
    let of_include = root.key("include");
    let mut flag = |field: &Field<'_>, at: &Pointer<'_>, default: bool| field.flag(at, &mut faults).unwrap_or(default);
    let include = Include {
        production: flag(&include.production, &of_include.key("production"), true),
        postal: flag(&include.postal, &of_include.key("postal"), true),
        certified_only: flag(&include.certified_only, &of_include.key("certifiedOnly"), false),
        recipient: flag(&include.recipient, &of_include.key("recipient"), false),
    };
    let paused = flag(&raw.paused, &root.key("paused"), false);
    let rotate = flag(&raw.rotate_secret, &root.key("rotateSecret"), false);
    if !include.production && !include.postal {
        faults.push(&of_include, "include.nothing", "Include production or postal states, or pause the callback.");
    }
    match url {
        Some(url) if faults.is_empty() => Ok(Wanted { url, include, paused, rotate }),
        _ => Err(Problem::faulty(422, "invalid", &faults)),
    }
}
