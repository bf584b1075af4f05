//! The production calendar: on which days mail is made, until when of a day it can still be made or unmade, and on which day
//! a piece is sent.
//!
//! Everything is in the time of New York, where the house is; the rules of the zone are those of its database, so that both
//! changes of the clock are where they belong.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::batch::today;

/// The time zone of the calendar.
pub const ZONE: &str = "America/New_York";
/// The hour of a production day until which its mail can be given or taken back.
pub const CUTOFF_HOUR: i8 = 10;
/// For how many days ahead a send date may be given.
pub const MOST_DAYS_AHEAD: i32 = 180;

/// Why a day is no production day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Closed {
    /// Saturday or Sunday.
    Weekend,
    /// A federal holiday, or the day on which it is observed.
    Holiday,
    /// A day on which this house is closed besides.
    Closure,
}

/// A federal holiday of the United States (5 U.S.C. 6103) as it is kept in some year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// What it is called.
    pub name: &'static str,
    /// The day on which offices are closed: that of the holiday; if it is a Saturday, the Friday before; if it is a Sunday,
    /// the Monday after.
    pub observed: Date,
}

/// Why a send date was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASendDate {
    /// Before today.
    #[error("the send date has passed: give a date from today, {0}, on")]
    Past(Date),
    /// Too far ahead.
    #[error("the send date is more than 180 days ahead: give one up to {0}")]
    TooFar(Date),
}

/// The days on which mail is made: Monday to Friday without federal holidays and without what the deployment adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    closures: BTreeSet<Date>,
}

/// A text that is no list of closures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date: write closures as 2026-12-24,2026-12-31")]
pub struct NotClosures(String);

impl Calendar {
    /// The calendar of a deployment that is closed on these days too: dates, with commas between.
    ///
    /// # Errors
    /// The first that is not a date.
    pub fn with_closures(text: &str) -> Result<Self, NotClosures> {
        let dates = text.split(',').map(str::trim).filter(|date| !date.is_empty());
        let closures = dates.map(|date| date.parse().map_err(|_| NotClosures(date.to_owned())));
        Ok(Calendar { closures: closures.collect::<Result<_, _>>()? })
    }

    /// Why a day is no production day; `None` if it is one.
    pub fn closed(&self, date: Date) -> Option<Closed> {
        if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            Some(Closed::Weekend)
        } else if holiday(date).is_some() {
            Some(Closed::Holiday)
        } else {
            self.closures.contains(&date).then_some(Closed::Closure)
        }
    }

    /// Whether mail is made on a day.
    pub fn is_production_day(&self, date: Date) -> bool {
        self.closed(date).is_none()
    }

    /// The first production day from `date` on, itself included.
    pub fn production_day(&self, date: Date) -> Date {
        let mut day = date;
        while !self.is_production_day(day) {
            match day.tomorrow() {
                Ok(next) => day = next,
                // The end of time, which no date that was accepted reaches.
                Err(_) => break,
            }
        }
        day
    }

    /// The send date of a piece that comes in at `now`. Without a wish it is the earliest production day whose cutoff is
    /// still to come; a wish stays as it is on a production day, and else moves to the next.
    ///
    /// # Errors
    /// When the wish is before today or too far ahead.
    pub fn send_date(&self, wish: Option<Date>, now: Timestamp) -> Result<Date, NotASendDate> {
        let today = today(now);
        let Some(wish) = wish else {
            let day = self.production_day(today);
            let missed = day == today && now >= cutoff(day);
            return Ok(if missed { self.production_day(day.tomorrow().unwrap_or(day)) } else { day });
        };
        let last = today.saturating_add(MOST_DAYS_AHEAD.days());
        if wish < today {
            Err(NotASendDate::Past(today))
        } else if wish > last {
            Err(NotASendDate::TooFar(last))
        } else {
            Ok(self.production_day(wish))
        }
    }
}

/// The moment until which, it included, a piece with that send date can be taken back.
pub fn cutoff(date: Date) -> Timestamp {
    // The time zone data is compiled in. No clock in New York is ever changed at ten in the morning.
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let moment = date.to_datetime(time(CUTOFF_HOUR, 0, 0, 0)).to_zoned(zone);
    moment.map_or(Timestamp::MAX, |moment| moment.timestamp())
}

/// The latest date whose pieces are to be made by `now`: today once its cutoff has passed, else yesterday.
pub fn due(now: Timestamp) -> Date {
    let today = today(now);
    if now > cutoff(today) { today } else { today.yesterday().unwrap_or(today) }
}

/// The federal holiday that is observed on a day.
pub fn holiday(date: Date) -> Option<Holiday> {
    // The first of January on a Saturday is observed in the year before.
    [date.year(), date.year() + 1].into_iter().flat_map(holidays).find(|holiday| holiday.observed == date)
}

/// The federal holidays of a year, each with the day on which it is observed, in their order.
pub fn holidays(year: i16) -> Vec<Holiday> {
    use Weekday::{Monday, Thursday};
    let fixed = |month, day| {
        let date = Date::new(year, month, day).ok()?;
        match date.weekday() {
            Weekday::Saturday => date.yesterday().ok(),
            Weekday::Sunday => date.tomorrow().ok(),
            _ => Some(date),
        }
    };
    let nth = |month, nth, weekday| Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok();
    let all = [
        ("New Year's Day", fixed(1, 1)),
        ("Birthday of Martin Luther King, Jr.", nth(1, 3, Monday)),
        ("Washington's Birthday", nth(2, 3, Monday)),
        ("Memorial Day", nth(5, -1, Monday)),
        ("Juneteenth National Independence Day", fixed(6, 19)),
        ("Independence Day", fixed(7, 4)),
        ("Labor Day", nth(9, 1, Monday)),
        ("Columbus Day", nth(10, 2, Monday)),
        ("Veterans Day", fixed(11, 11)),
        ("Thanksgiving Day", nth(11, 4, Thursday)),
        ("Christmas Day", fixed(12, 25)),
    ];
    all.into_iter().filter_map(|(name, observed)| Some(Holiday { name, observed: observed? })).collect()
}

#[cfg(test)]
mod tests;
