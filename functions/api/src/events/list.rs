//! `GET /v2/events`: the caller's events in the order of their numbers, for those who would rather ask than be told.

use domain::event::{EventKind, Logged, News};
use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use serde::Serialize;

use crate::App;
use crate::listing;

/// How many pages of the table are read for one page of a list: with a rare type, one may be long in coming.
const PAGES: u32 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<News>,
    next_cursor: String,
    has_more: bool,
}

struct Filter {
    kinds: Option<Vec<EventKind>>,
    created_from: Option<Timestamp>,
    created_before: Option<Timestamp>,
}

impl Filter {
    fn read(call: &Call) -> Result<Self, Problem> {
        let kind = |text: &str| {
            EventKind::parse(text.trim()).ok_or_else(|| {
                let names = EventKind::TOLD.map(EventKind::as_str).join(", ");
                Problem::new(400, "type.unknown", format!("Give types that are among {names}, with commas between."))
            })
        };
        Ok(Filter {
            kinds: call.query("type").map(|types| types.split(',').map(kind).collect()).transpose()?,
            created_from: listing::moment(call, "createdFrom")?,
            created_before: listing::moment(call, "createdBefore")?,
        })
    }

    fn wants(&self, news: &News) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&news.kind))
            && self.created_from.is_none_or(|from| news.at >= from)
            && self.created_before.is_none_or(|before| news.at < before)
    }
}

/// Answers the request. `cursor`, or `after` with the number of the last event seen, says where to go on; `type`,
/// `createdFrom` (that moment included) and `createdBefore` narrow the list. The last page has a cursor too: it is where
/// what happens next will be found.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let list = format!("events.list {} {}", caller.account, caller.mode.as_str());
    let limit = listing::limit(&call, 100)?;
    let filter = Filter::read(&call)?;
    let mut after = match (call.query("cursor"), call.query("after")) {
        (Some(cursor), None) => app.cursors.open::<u64>(&list, cursor)?,
        (None, Some(number)) => number.parse().map_err(|_| {
            Problem::new(400, "after.invalid", "Give the sequence of an event as after, or 0 for the first.")
        })?,
        (Some(_), Some(_)) => {
            return Err(Problem::new(400, "after.invalid", "Give cursor or after, not both."));
        }
        (None, None) => match filter.created_from {
            Some(from) => app.store.logged_before(&caller.account, caller.mode, from).await?,
            None => 0,
        },
    };
    let mut items = Vec::with_capacity(limit);
    let mut has_more = true;
    for _ in 0..PAGES {
        let page = app.store.read_log(&caller.account, caller.mode, after, limit, call.now).await?;
        has_more = page.more;
        let behind = after;
        for news in page.events.iter().flat_map(Logged::news).filter(|news| news.sequence > behind) {
            if items.len() == limit {
                has_more = true;
                break;
            }
            after = news.sequence;
            if filter.wants(&news) {
                items.push(news);
            }
        }
        if items.len() == limit || !has_more {
            break;
        }
    }
    let next_cursor = app.cursors.seal(&list, &after)?;
    Reply::json(200, &Page { items, next_cursor, has_more })
}
