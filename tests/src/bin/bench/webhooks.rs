//! Webhooks: from a state change to its delivery, at 200 events a second for a minute.
//!
//! Measured without AWS and without an emulator, whose stream and queues poll at their own pace: a state change is made into news,
//! a delivery, its signatures and a post by the code that the workers run, and a receiver on loopback verifies it. Sender and
//! receiver share one thread. What AWS adds is the stream and one queue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::account::Mode;
use domain::event::{EventKind, News};
use domain::id::{AccountId, EventId, WebhookId};
use domain::webhook::{Delivery, Webhook, WebhookState};
use jiff::Timestamp;
use outbound::signing::{SigningSecret, Vault, sign};
use outbound::{Client, Policy, Url};
use tests::harness::receiver::Receiver;

use super::Result;
use super::table::Row;

const PER_SECOND: u32 = 200;
const SECONDS: u32 = 60;
/// What the design promises, in milliseconds, with the stream and the queue.
const PROMISED: f64 = 5_000.0;

pub(crate) async fn measure() -> Result<Vec<Row>> {
    let receiver = Receiver::start().await?;
    let client = Client::new(Policy::from_setting("127.0.0.0/8")?);
    let url = Url::parse(&receiver.url(), client.policy())?;
    let vault = Vault::new("a-key-of-a-bench-that-seals-one-secret-only")?;
    let secret = SigningSecret::random()?;
    let webhook = webhook(&receiver, &vault, &secret)?;
    let (client, url, vault, webhook) = (&client, &url, &vault, &webhook);

    let total = PER_SECOND * SECONDS;
    let started = Instant::now();
    let each = (0..total).map(async |number| -> Result<Instant> {
        let at = started + Duration::from_secs(1) * number / PER_SECOND;
        tokio::time::sleep_until(at.into()).await;
        let delivery = Delivery::first(webhook, &news(number)?, None)?;
        let secrets = [vault.open(&webhook.secret, webhook.id.as_str())?];
        let signed = sign(&secrets, delivery.event.as_str(), Timestamp::now(), delivery.body.as_bytes())?;
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = client.post(url, &headers, delivery.body.into_bytes()).await?;
        if answer.is_success() { Ok(at) } else { Err("the receiver refused a delivery".into()) }
    });
    let changed: Vec<Instant> = futures::future::join_all(each).await.into_iter().collect::<Result<_>>()?;
    let took = started.elapsed();

    let posts = receiver.posts();
    if posts.len() != total as usize {
        return Err(format!("{} of {total} deliveries came", posts.len()).into());
    }
    let arrived: BTreeMap<&str, Instant> = posts.iter().map(|post| (post.id(), post.at)).collect();
    let mut latencies = Vec::with_capacity(changed.len());
    for (number, at) in (0..).zip(&changed) {
        let id = news(number)?.id;
        let arrived = arrived.get(id.as_str()).ok_or("an event did not come")?;
        latencies.push(arrived.duration_since(*at).as_secs_f64() * 1_000.0);
    }
    posts.last().ok_or("nothing came")?.verify(&secret.expose())?;
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let what = format!("webhook, state change to delivery, {PER_SECOND} a second for {SECONDS} s, without AWS");
    let rate = f64::from(total) / took.as_secs_f64();
    Ok([("median", at(0.5)), ("99th percentile", at(0.99))]
        .map(|(name, latency)| {
            Row::new(format!("{what}: {name}"), format!("{latency:.1} ms at {rate:.0} a second"))
                .limit(format!("{PROMISED:.0} ms with AWS"), latency < PROMISED)
        })
        .into())
}

fn webhook(receiver: &Receiver, vault: &Vault, secret: &SigningSecret) -> Result<Webhook> {
    let id = WebhookId::parse("whk_0BENCH")?;
    Ok(Webhook {
        secret: vault.seal(secret, id.as_str())?,
        id,
        account: AccountId::parse("acct_0BENCH")?,
        mode: Mode::Live,
        url: receiver.url(),
        kinds: Vec::new(),
        recipient: false,
        description: String::new(),
        state: WebhookState::Enabled,
        disabled_because: None,
        old_secrets: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        failures: 0,
        failing_since: None,
        rests_until: None,
        slow: false,
    })
}

/// The news of that number, always the same.
fn news(number: u32) -> Result<News> {
    let at = Timestamp::from_millisecond(i64::from(number))?;
    Ok(News {
        id: EventId::new(at, [0; 10]),
        sequence: u64::from(number) + 1,
        kind: EventKind::LetterTracked,
        at,
        account: Some(AccountId::parse("acct_0BENCH")?),
        mode: Mode::Live,
        batch: None,
        letter: None,
        data: BTreeMap::from([("state".to_owned(), "Delivered".to_owned())]),
        personal: None,
    })
}
