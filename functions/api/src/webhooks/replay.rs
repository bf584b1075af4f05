//! `POST /v2/webhooks/{webhookId}/replay`: delivers again what happened before: one event, or what happened in a time. Each keeps the
//! identifier that it had, so that a receiver knows what it has already.

use domain::event::{Logged, News};
use domain::fault::{Faults, Pointer};
use domain::id::EventId;
use domain::webhook::{Delivery, WebhookState};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::idempotency::Answer;

use crate::App;
use crate::idempotent::once;

/// How many deliveries one request may queue.
const MOST: usize = 1_000;
/// How many pages of the log one request may read.
const PAGES: u32 = 50;
/// How long after an event its number may have been given.
const NUMBERED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with eventId, or with from and before")]
struct RawReplay<'a> {
    #[serde(default, borrow)]
    event_id: Field<'a>,
    #[serde(default, borrow)]
    from: Field<'a>,
    #[serde(default, borrow)]
    before: Field<'a>,
    #[serde(default, borrow)]
    cursor: Field<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    replay: String,
    deliveries: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What to deliver again.
enum Wanted {
    One(EventId),
    Between { from: Timestamp, before: Timestamp },
}

impl Wanted {
    fn from(&self) -> Timestamp {
        match self {
            Wanted::One(event) => event.made_at(),
            Wanted::Between { from, .. } => *from,
        }
    }

    fn holds(&self, news: &News) -> bool {
        match self {
            Wanted::One(event) => news.id == *event,
            Wanted::Between { from, before } => news.at >= *from && news.at < *before,
        }
    }

    /// Whether nothing wanted can come behind an event that was numbered then.
    fn ends_before(&self, logged_at: Timestamp) -> bool {
        let last = match self {
            Wanted::One(event) => event.made_at(),
            Wanted::Between { before, .. } => *before,
        };
        logged_at > last + NUMBERED_WITHIN
    }
}

/// Answers the request: 202. A webhook is told again only of what it wants now, unless one event is named. What does not fit
/// into one request goes on with `cursor`.
///
/// # Errors
/// 400, 404, 409 when the webhook is disabled, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let webhook = super::named(app, &call).await?;
        if webhook.state == WebhookState::Disabled {
            let message = "The webhook is disabled. Enable it first, then replay what it missed.";
            return Err(Problem::new(409, "webhook.disabled", message));
        }
        let list = format!("webhooks.replay {}", webhook.id);
        let (wanted, cursor) = read(&call)?;
        let mut after = match &cursor {
            Some(cursor) => app.cursors.open::<u64>(&list, cursor)?,
            None => app.store.logged_before(&webhook.account, webhook.mode, wanted.from()).await?,
        };
        let random = u64::from_be_bytes(store::entropy()?);
        let replay = format!("{:013}{:04X}", call.now.as_millisecond().max(0), random & 0xFFFF);
        let mut again = Vec::new();
        let mut more = true;
        for _ in 0..PAGES {
            let page = app.store.read_log(&webhook.account, webhook.mode, after, 200, call.now).await?;
            more = page.more;
            let behind = after;
            for news in page.events.iter().flat_map(Logged::news).filter(|news| news.sequence > behind) {
                if again.len() == MOST {
                    more = true;
                    break;
                }
                after = news.sequence;
                let named = matches!(wanted, Wanted::One(_));
                if wanted.holds(&news) && (named || webhook.wants(news.kind)) {
                    again.push(news);
                }
            }
            let found = matches!(wanted, Wanted::One(_)) && !again.is_empty();
            let over = page.events.last().is_some_and(|last| wanted.ends_before(last.logged_at));
            if found || over {
                more = false;
            }
            if !more || again.len() == MOST {
                break;
            }
        }
        if matches!(wanted, Wanted::One(_)) && again.is_empty() && !more {
            return Err(Problem::not_found("event"));
        }
        if webhook.recipient {
            app.store.tell_recipients(&mut again).await?;
        }
        let count = again.len();
        if let Some(ticket) = ticket {
            // What was queued is delivered.
            ticket.goes_in_steps();
        }
        let deliveries = again.iter().map(|news| Delivery::first(&webhook, news, Some(&replay)));
        app.store.deliver(webhook.lane(), deliveries.collect::<Result<Vec<_>, _>>()?).await?;
        let next_cursor = if more { Some(app.cursors.seal(&list, &after)?) } else { None };
        let replayed = Replayed { replay, deliveries: count, next_cursor };
        let answer = Answer { status: 202, location: None, body: serde_json::to_string(&replayed)? };
        app.store.complete(ticket, &answer).await?;
        Ok(answer)
    })
    .await
}

fn read(call: &Call) -> Result<(Wanted, Option<String>), Problem> {
    let mut faults = Faults::default();
    let raw: RawReplay<'_> = wire::read_known(&call.body, &mut faults)?;
    let root = Pointer::Root;
    let at = root.key("eventId");
    let event = raw.event_id.text(&at, &mut faults).map(EventId::parse);
    if let Some(Err(_)) = event {
        faults.push(&at, "event_id", "Give the id of an event, such as evt_06F2V3K4M5N6P7Q8R9S0T1V2.");
    }
    let mut moment = |field: &Field<'_>, name: &'static str| {
        let at = root.key(name);
        let moment = field.text(&at, &mut faults).map(str::parse::<Timestamp>);
        if let Some(Err(_)) = moment {
            faults.push(&at, "moment", "Give a moment as in 2026-05-10T00:00:00Z.");
        }
        moment.and_then(Result::ok)
    };
    let (from, before) = (moment(&raw.from, "from"), moment(&raw.before, "before"));
    let cursor = raw.cursor.text(&root.key("cursor"), &mut faults).map(str::to_owned);
    if raw.event_id.is_given() == raw.from.is_given() {
        faults.push(&root, "required", "Give eventId, or from (and before, if not up to now).");
    }
    if !faults.is_empty() {
        return Err(Problem::faulty(422, "invalid", &faults));
    }
    let wanted = match (event, from) {
        (Some(Ok(event)), _) => Wanted::One(event),
        (_, Some(from)) => Wanted::Between { from, before: before.unwrap_or(call.now) },
        _ => return Err(Problem::new(422, "invalid", "Give eventId, or from.")),
    };
    Ok((wanted, cursor))
}
