//! The log: the events of an account and mode in one order. They are numbered after they were committed, and read by
//! their numbers. What the log keeps of events that were numbered together is one item, a stretch, that says where each of them was
//! written. See `docs/decisions/0014-the-event-log-is-put-in-order-afterwards.md`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::event::{Event, Logged, News, unbroken};
use domain::id::{AccountId, EventId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::batches::{After, Listed};
use crate::keys::{self, Key};
use crate::table::{self, Index, Range, pause};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// Where an event was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKey {
    /// The partition of what it is about.
    pub pk: String,
    /// Its own key there.
    pub sk: String,
}

/// Events of one log that have their numbers, in the order of these.
#[derive(Debug)]
pub struct Numbered {
    /// Whose they are.
    pub account: AccountId,
    /// Whether they are real.
    pub mode: Mode,
    /// The events.
    pub events: Vec<Logged>,
}

/// What a reader of a log gets.
#[derive(Debug)]
pub struct LogPage {
    /// Events in their order.
    pub events: Vec<Logged>,
    /// Whether there is more to read now.
    pub more: bool,
}

/// An event as it was written, and its number once it has one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventItem {
    #[serde(flatten)]
    event: Event,
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    logged_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Counter {
    last: u64,
}

/// An event that has no number yet.
struct Waiting {
    key: Key,
    event: Event,
}

/// Events that were numbered together, as the log keeps them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stretch {
    first: u64,
    logged_at: Timestamp,
    events: Vec<Place>,
}

/// Where an event was written, and how many numbers it took.
#[derive(Serialize, Deserialize)]
struct Place(String, String, u64);

impl Stretch {
    fn last(&self) -> u64 {
        self.first + self.events.iter().map(|Place(_, _, changes)| changes).sum::<u64>() - 1
    }

    /// Each event's key, its first number and its last.
    fn numbers(&self) -> impl Iterator<Item = (Key, u64, u64)> {
        let mut next = self.first;
        self.events.iter().map(move |Place(pk, sk, changes)| {
            let first = next;
            next += changes;
            (Key { pk: pk.clone(), sk: sk.clone() }, first, next - 1)
        })
    }
}

/// How many events one transaction numbers: a write for each, and those of the stretch and the counter. More would fit; but
/// a reader of a few events reads a stretch whole.
const AT_ONCE: usize = 48;
/// How many entries the events of one transaction have in all, unless one event alone has more. An entry is about a hundred
/// bytes, and a transaction takes 4 MB.
const ENTRIES_AT_ONCE: usize = 20_000;

impl Store {
    /// Gives events their numbers, those that have none yet, and answers all of them by their logs. What the print
    /// floor alone is concerned with has no number.
    ///
    /// An event, its number and the counter are written together, so that an event that is handed over twice, or to two
    /// workers at once, is numbered once.
    ///
    /// # Errors
    /// When the store does not answer; some may have been numbered.
    pub async fn number_events(&self, written: &[EventKey], now: Timestamp) -> Result<Vec<Numbered>, StoreError> {
        let mut keys: Vec<Key> =
            written.iter().map(|event| Key { pk: event.pk.clone(), sk: event.sk.clone() }).collect();
        keys.sort_by(|a, b| (&a.pk, &a.sk).cmp(&(&b.pk, &b.sk)));
        keys.dedup();
        let mut logs = BTreeMap::<(AccountId, Mode), (Vec<Waiting>, Vec<Logged>)>::new();
        for item in self.get_many(&keys, true).await? {
            let Some(key) = table::key_of(&item) else { continue };
            let EventItem { event, number, logged_at } = table::value("an event", item)?;
            let Some(account) = event.account.clone() else { continue };
            let (waiting, logged) = logs.entry((account, event.mode)).or_default();
            match (number, logged_at) {
                (Some(first), Some(logged_at)) => logged.push(Logged { first, logged_at, event }),
                _ => waiting.push(Waiting { key, event }),
            }
        }
        let mut numbered = Vec::with_capacity(logs.len());
        for ((account, mode), (mut waiting, mut events)) in logs {
            waiting.sort_by(|a, b| a.event.id.cmp(&b.event.id));
            while !waiting.is_empty() {
                let rest = waiting.split_off(together(&waiting));
                events.extend(self.number_together(&account, mode, waiting, now).await?);
                waiting = rest;
            }
            events.sort_by_key(|event| event.first);
            numbered.push(Numbered { account, mode, events });
        }
        Ok(numbered)
    }

    /// Numbers events in one transaction. Another worker may be at the same log, or at the same events.
    async fn number_together(
        &self,
        account: &AccountId,
        mode: Mode,
        mut waiting: Vec<Waiting>,
        now: Timestamp,
    ) -> Result<Vec<Logged>, StoreError> {
        let table = &self.config.table;
        let ttl = (now + SignedDuration::from_hours(24 * i64::from(self.config.log_days))).as_second();
        let counter = keys::log_counter(account, mode);
        let mut numbered = Vec::with_capacity(waiting.len());
        for attempt in 0.. {
            if waiting.is_empty() {
                break;
            }
            let was = self.last_number(account, mode).await?;
            let mut number = Transaction::default();
            let mut ours = Vec::with_capacity(waiting.len());
            let mut stretch = Stretch { first: was + 1, logged_at: now, events: Vec::with_capacity(waiting.len()) };
            let mut last = was;
            for Waiting { key, event } in &waiting {
                let logged = Logged { first: last + 1, logged_at: now, event: event.clone() };
                last = logged.last();
                stretch.events.push(Place(key.pk.clone(), key.sk.clone(), event.changes()));
                let note = Change::new(key.clone(), "SET #number = :number, #loggedAt = :now REMOVE #gsi1pk, #gsi1sk")
                    .when("attribute_exists(#pk) AND attribute_not_exists(#number)")
                    .value(":number", &logged.first)?
                    .value(":now", &now)?;
                number.update(table, note)?;
                ours.push(logged);
            }
            let mut item = table::keyed("a stretch of the log", &keys::logged(account, mode, last), &stretch)?;
            item.insert("ttl".to_owned(), AttributeValue::N(ttl.to_string()));
            number.create(table, item)?;
            let count = Change::new(counter.clone(), "SET #last = :last").value(":last", &last)?;
            let count = match was {
                0 => count.when("attribute_not_exists(#last)"),
                _ => count.when("#last = :was").value(":was", &was)?,
            };
            number.update(table, count)?;
            let Err(mut refused) = self.commit(number).await? else {
                numbered.extend(ours);
                break;
            };
            // Whatever stood in the way, it was another worker: it numbered some of these, or others of the same log.
            let mut left = Vec::with_capacity(waiting.len());
            for (place, event) in waiting.into_iter().enumerate() {
                match refused.at(place) {
                    None => left.push(event),
                    Some(None) => {}
                    Some(Some(item)) => match table::value("an event", item)? {
                        EventItem { event, number: Some(first), logged_at: Some(logged_at) } => {
                            numbered.push(Logged { first, logged_at, event })
                        }
                        _ => return Err(StoreError::Item("an event with its number")),
                    },
                }
            }
            waiting = left;
            pause(attempt).await?;
        }
        Ok(numbered)
    }

    /// Some of an account's events that were written before `before` and have no number, and where to look for more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn waiting_events(
        &self,
        account: &AccountId,
        before: Timestamp,
        after: Option<&After>,
    ) -> Result<Listed<EventKey>, StoreError> {
        let partition = keys::by_account::events(account);
        // Identifiers sort by time, and this one before all of its moment.
        let to = EventId::new(before, [0; 10]).to_string();
        let index = Index::ByAccount;
        let position = after.map(|after| after.position(index, &partition));
        let range =
            Range { partition, from: " ".to_owned(), to, after: position.as_ref(), backwards: false, limit: 100 };
        let page = self.query(Some(index), range).await?;
        let next = page.items.last().filter(|_| page.more).and_then(|last| After::of(last, index));
        let items = page.items.iter().filter_map(table::key_of).map(|Key { pk, sk }| EventKey { pk, sk }).collect();
        Ok(Listed { items, next })
    }

    /// The last number that was given out in a log; 0 when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_number(&self, account: &AccountId, mode: Mode) -> Result<u64, StoreError> {
        let counter: Option<Counter> = self.get("the counter of a log", &keys::log_counter(account, mode)).await?;
        Ok(counter.map_or(0, |counter| counter.last))
    }

    /// A number of a log behind which a reader finds all events that happened at `moment` or later: found by halving,
    /// because later numbers were given out later.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn logged_before(&self, account: &AccountId, mode: Mode, moment: Timestamp) -> Result<u64, StoreError> {
        // Clocks of workers differ by less than this.
        let moment = moment - SignedDuration::from_mins(1);
        let (mut before, mut limit) = (0, self.last_number(account, mode).await?);
        while before < limit {
            let middle = before + (limit - before) / 2;
            match self.stretches(account, mode, middle, 1).await?.0.first() {
                Some(stretch) if stretch.logged_at < moment => before = stretch.last(),
                _ => limit = middle,
            }
        }
        Ok(before)
    }

    /// Reads a log behind a number: those events of it that are there without a gap, at most `limit` of them. The first may
    /// have begun before that number.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read_log(
        &self,
        account: &AccountId,
        mode: Mode,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<LogPage, StoreError> {
        let (mut events, more) = self.query_log(account, mode, after, limit).await?;
        let whole = unbroken(after, &events, now);
        let more = more && whole == events.len();
        events.truncate(whole);
        Ok(LogPage { events, more })
    }

    /// What a client is told of a stretch of a log that was seen to be whole: from behind one number up to another.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read_news(
        &self,
        account: &AccountId,
        mode: Mode,
        after: u64,
        last: u64,
    ) -> Result<Vec<News>, StoreError> {
        let mut news = Vec::new();
        let mut behind = after;
        while behind < last {
            let (events, more) = self.query_log(account, mode, behind, 1_000).await?;
            let within = |news: &News| news.sequence > after && news.sequence <= last;
            news.extend(events.iter().flat_map(Logged::news).filter(within));
            match events.last() {
                Some(event) if more => behind = event.last(),
                _ => break,
            }
        }
        Ok(news)
    }

    /// Events of a log behind a number, at most `limit` of them, as they were written; and whether there are more. One that is
    /// no longer there leaves a gap.
    async fn query_log(
        &self,
        account: &AccountId,
        mode: Mode,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Logged>, bool), StoreError> {
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        // A stretch is one event or many: few are read at first, and then as many as may be needed.
        let (mut behind, mut ask, mut more) = (after, limit.div_ceil(4), true);
        while more && keys.len() < limit {
            let (stretches, more_stretches) = self.stretches(account, mode, behind, ask).await?;
            more = more_stretches;
            for stretch in &stretches {
                behind = stretch.last();
                for (key, first, _) in stretch.numbers().filter(|(_, _, last)| *last > after) {
                    if keys.len() == limit {
                        more = true;
                        break;
                    }
                    keys.push(key);
                    places.push((first, stretch.logged_at));
                }
            }
            ask = limit - keys.len();
        }
        let events: Vec<Option<Event>> = self.get_in_order("an event", &keys).await?;
        let logged = |((first, logged_at), event): (_, Option<Event>)| Some(Logged { first, logged_at, event: event? });
        Ok((places.into_iter().zip(events).filter_map(logged).collect(), more))
    }

    /// Stretches of a log that end behind a number, at most `limit` of them, and whether there are more.
    async fn stretches(
        &self,
        account: &AccountId,
        mode: Mode,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Stretch>, bool), StoreError> {
        let range = Range {
            partition: keys::log(account, mode),
            from: keys::logged(account, mode, after.saturating_add(1)).sk,
            to: keys::logged(account, mode, u64::MAX).sk,
            after: None,
            backwards: false,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
        };
        let page = self.query(None, range).await?;
        let stretches: Result<Vec<Stretch>, _> =
            page.items.into_iter().map(|item| table::value("a stretch of the log", item)).collect();
        Ok((stretches?, page.more))
    }
}

/// How many of the first of these events fit into one transaction: at least one.
fn together(waiting: &[Waiting]) -> usize {
    let mut entries = 0;
    let fits = |waiting: &&Waiting| {
        entries += waiting.event.entries.len();
        entries <= ENTRIES_AT_ONCE
    };
    waiting.iter().take(AT_ONCE).take_while(fits).count().max(1)
}
