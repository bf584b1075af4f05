//! `GET /v2/letters`: the caller's letters, newest first, by what they are and what became of them.

use domain::account::Mode;
use domain::single::{Single, Status, UseType};
use domain::tracking::PostalState;
use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use store::batches::Listed;
use store::singles::Released;

use super::get::url;
use super::wire::SingleOut;
use super::{Door, LETTERS};
use crate::App;
use crate::listing::{PageRequest, moment};

/// How many pages of the table are read for one page of a list: with a rare filter a page may be long in coming, and is
/// cut off, and the client asks for the next.
const ROUNDS: u32 = 10;
/// How many letters are looked at at once when not all are wanted.
const LOOKED_AT: usize = 100;
/// The most bytes of a page: letters may have long texts, and an answer has room for 6 MB. It goes to the gateway as a text in JSON,
/// in which whatever is escaped in the page is escaped again.
const MAX_BYTES: usize = 5_500_000;

/// What a client looks for.
struct Filter {
    mode: Option<Mode>,
    status: Option<Status>,
    use_type: Option<UseType>,
    postal_state: Option<PostalState>,
    send_from: Option<Date>,
    send_to: Option<Date>,
    created: (Option<Timestamp>, Option<Timestamp>),
    external_id: Option<String>,
    metadata: Vec<(String, String)>,
}

impl Filter {
    fn read(call: &Call) -> Result<Self, Problem> {
        let unknown = |code, words: &str| Problem::new(400, code, format!("Give {words}."));
        let date = |name: &'static str| {
            let parsed = call.query(name).map(str::parse::<Date>).transpose();
            parsed.map_err(|_| Problem::new(400, "date.invalid", format!("Give {name} as in 2026-05-10.")))
        };
        let mode = |word| Mode::parse(word).ok_or_else(|| unknown("mode.unknown", "a mode that is live or test"));
        let status = |word| Status::parse(word).ok_or_else(|| unknown("status.unknown", STATUS));
        let use_type = |word| UseType::parse(word).ok_or_else(|| unknown("use_type.unknown", USE_TYPE));
        let postal = |word| PostalState::parse(word).ok_or_else(|| unknown("postal_state.unknown", POSTAL_STATE));
        let pair = |(name, value): (&str, &str)| {
            let key = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((key.to_owned(), value.to_owned()))
        };
        let mut metadata: Vec<(String, String)> = call.queries().filter_map(pair).collect();
        metadata.sort();
        Ok(Filter {
            mode: call.query("mode").map(mode).transpose()?,
            status: call.query("status").map(status).transpose()?,
            use_type: call.query("useType").map(use_type).transpose()?,
            postal_state: call.query("postalState").map(postal).transpose()?,
            send_from: date("sendDateFrom")?,
            send_to: date("sendDateTo")?,
            created: (moment(call, "createdFrom")?, moment(call, "createdBefore")?),
            external_id: call.query("externalId").map(str::to_owned),
            metadata,
        })
    }

    /// Whether all letters of that time are wanted.
    fn is_open(&self) -> bool {
        self.status.is_none()
            && self.use_type.is_none()
            && self.postal_state.is_none()
            && self.send_from.is_none()
            && self.send_to.is_none()
            && self.metadata.is_empty()
    }

    fn wants(&self, single: &Single, released: Option<&Released>) -> bool {
        let order = &single.order;
        let created = single.created_at;
        self.status.is_none_or(|status| single.status(released.map(|released| &released.batch)) == status)
            && self.use_type.is_none_or(|use_type| order.use_type == use_type)
            && self.postal_state.is_none_or(|state| released.and_then(|released| released.postal_state) == Some(state))
            && self.send_from.is_none_or(|from| single.send_date >= from)
            && self.send_to.is_none_or(|to| single.send_date <= to)
            && self.created.0.is_none_or(|from| created >= from)
            && self.created.1.is_none_or(|before| created < before)
            && self
                .metadata
                .iter()
                .all(|(key, value)| order.metadata.iter().any(|pair| pair.key == *key && pair.value == *value))
    }

    /// Names the list: a cursor is good for the same filter alone.
    fn name(&self) -> String {
        let Filter { mode, status, use_type, postal_state, send_from, send_to, created, external_id, metadata } = self;
        format!(
            "{mode:?} {status:?} {use_type:?} {postal_state:?} {send_from:?} {send_to:?} {created:?} {external_id:?} {metadata:?}"
        )
    }
}

const STATUS: &str = "a status that is one of queued, ready, inProduction, mailed, issue, canceled";
const USE_TYPE: &str = "useType that is marketing or transactional";
const POSTAL_STATE: &str = "a postalState that is one of Dropped, Accepted, NotMailable, InTransit, CannotReturnToSender, \
                            AwaitingReturn, Returned, Delivered, Other";

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let filter = Filter::read(&call)?;
    let list = format!("{} {} {} {}", door.list, caller.account, caller.mode.as_str(), filter.name());
    let page = PageRequest::read(app, &call, list, 100)?;
    if filter.mode.is_some_and(|mode| mode != caller.mode) {
        // A key sees the letters of its own mode.
        return page.reply(app, Listed { items: Vec::<Value>::new(), next: None }, |value| value);
    }
    let store = &app.store;
    let mut after = page.after.clone();
    let mut shown: Vec<Value> = Vec::with_capacity(page.limit);
    let (mut bytes, mut last, mut next) = (0, None, None);
    'rounds: for round in 1..=ROUNDS {
        let limit = if filter.is_open() { page.limit } else { LOOKED_AT };
        let found = match &filter.external_id {
            Some(name) => {
                store.find_singles(&caller.account, caller.mode, door.kind, name, limit, after.as_ref()).await?
            }
            None => {
                let (account, mode) = (&caller.account, caller.mode);
                store.list_singles(account, mode, door.kind, filter.created, limit, after.as_ref()).await?
            }
        };
        let released = store.released(&found.items).await?;
        for (single, released) in found.items.iter().zip(&released) {
            if !filter.wants(single, released.as_ref()) {
                continue;
            }
            let out = serde_json::to_value(SingleOut::new(single, released.as_ref(), url(app, single).await?))?;
            bytes += serde_json::to_string(&out.to_string())?.len();
            if bytes > MAX_BYTES && last.is_some() {
                next = last;
                break 'rounds;
            }
            shown.push(out);
            last = Some(match &filter.external_id {
                Some(name) => store.behind_named(single, name),
                None => store.behind(single),
            });
            if shown.len() == page.limit {
                next = last;
                break 'rounds;
            }
        }
        after = found.next;
        if after.is_none() {
            break;
        }
        if round == ROUNDS {
            next = after.take();
        }
    }
    page.reply(app, Listed { items: shown, next }, |value| value)
}
