//! `GET /v2/calendar`: which days are production days, until when of each its mail can be taken back, and why the others are
//! closed.

use domain::batch::today;
use domain::calendar::{Calendar, Closed, ZONE, cutoff, holiday};
use edge::{Call, Problem, Reply};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::App;

/// How many days are shown when nobody says, and at most.
const DAYS: (usize, usize) = (31, 366);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CalendarOut {
    time_zone: &'static str,
    today: Date,
    send_date: Date,
    items: Vec<DayOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DayOut {
    date: Date,
    production_day: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cutoff: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<Closed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holiday: Option<&'static str>,
}

impl DayOut {
    fn new(calendar: &Calendar, date: Date) -> Self {
        let closed = calendar.closed(date);
        let name = closed.filter(|closed| *closed == Closed::Holiday).and_then(|_| holiday(date));
        let cutoff = closed.is_none().then(|| cutoff(date));
        DayOut { date, production_day: closed.is_none(), cutoff, closed, holiday: name.map(|holiday| holiday.name) }
    }
}

/// Answers the request. `from` is the first day, today if it is not given; `days` is how many, 31 if it is not given.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let calendar = &app.store.config().calendar;
    let today = today(call.now);
    // Years before that have no calendar that anybody asks for, and no one plans mail for the next century.
    let near = |date: &Date| (1_900..=2_199).contains(&date.year());
    let from = match call.query("from").map(|text| text.parse::<Date>().ok().filter(near)) {
        None => today,
        Some(Some(date)) => date,
        Some(None) => return Err(Problem::new(400, "date.invalid", "Give from as in 2026-12-21.")),
    };
    let days = match call.query("days").map(str::parse::<usize>) {
        None => DAYS.0,
        Some(Ok(days)) if (1..=DAYS.1).contains(&days) => days,
        Some(_) => return Err(Problem::new(400, "days.invalid", format!("Give days from 1 to {}.", DAYS.1))),
    };
    let send_date = calendar.send_date(None, call.now)?;
    let items = from.series(1.day()).take(days).map(|date| DayOut::new(calendar, date)).collect();
    Reply::json(200, &CalendarOut { time_zone: ZONE, today, send_date, items })
}
