//! The calendar held to a table of holidays that was written without it, and to the clock of New York.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

/// The days on which federal offices are closed, 2026 to 2035, written down from the calendar on the wall: the weekday of the
/// first of each year was looked up, and each date counted from there by hand.
#[rustfmt::skip]
const TABLE: [(i16, [&str; 11]); 10] = [
    (2026, ["2026-01-01", "2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19", "2026-07-03", "2026-09-07", "2026-10-12", "2026-11-11", "2026-11-26", "2026-12-25"]),
    (2027, ["2027-01-01", "2027-01-18", "2027-02-15", "2027-05-31", "2027-06-18", "2027-07-05", "2027-09-06", "2027-10-11", "2027-11-11", "2027-11-25", "2027-12-24"]),
    (2028, ["2027-12-31", "2028-01-17", "2028-02-21", "2028-05-29", "2028-06-19", "2028-07-04", "2028-09-04", "2028-10-09", "2028-11-10", "2028-11-23", "2028-12-25"]),
    (2029, ["2029-01-01", "2029-01-15", "2029-02-19", "2029-05-28", "2029-06-19", "2029-07-04", "2029-09-03", "2029-10-08", "2029-11-12", "2029-11-22", "2029-12-25"]),
    (2030, ["2030-01-01", "2030-01-21", "2030-02-18", "2030-05-27", "2030-06-19", "2030-07-04", "2030-09-02", "2030-10-14", "2030-11-11", "2030-11-28", "2030-12-25"]),
    (2031, ["2031-01-01", "2031-01-20", "2031-02-17", "2031-05-26", "2031-06-19", "2031-07-04", "2031-09-01", "2031-10-13", "2031-11-11", "2031-11-27", "2031-12-25"]),
    (2032, ["2032-01-01", "2032-01-19", "2032-02-16", "2032-05-31", "2032-06-18", "2032-07-05", "2032-09-06", "2032-10-11", "2032-11-11", "2032-11-25", "2032-12-24"]),
    (2033, ["2032-12-31", "2033-01-17", "2033-02-21", "2033-05-30", "2033-06-20", "2033-07-04", "2033-09-05", "2033-10-10", "2033-11-11", "2033-11-24", "2033-12-26"]),
    (2034, ["2034-01-02", "2034-01-16", "2034-02-20", "2034-05-29", "2034-06-19", "2034-07-04", "2034-09-04", "2034-10-09", "2034-11-10", "2034-11-23", "2034-12-25"]),
    (2035, ["2035-01-01", "2035-01-15", "2035-02-19", "2035-05-28", "2035-06-19", "2035-07-04", "2035-09-03", "2035-10-08", "2035-11-12", "2035-11-22", "2035-12-25"]),
];

fn table() -> BTreeSet<Date> {
    TABLE.iter().flat_map(|(_, dates)| dates.iter().map(|date| date.parse().unwrap())).collect()
}

fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    from.series(1.day()).take_while(move |day| *day <= to)
}

#[test]
fn the_holidays_of_ten_years_are_those_of_the_table() {
    for (year, dates) in TABLE {
        let observed: Vec<String> = holidays(year).iter().map(|holiday| holiday.observed.to_string()).collect();
        assert_eq!(observed, dates, "{year}");
    }
}

#[test]
fn every_day_of_ten_years_is_a_production_day_or_closed_as_the_table_says() {
    let (table, calendar) = (table(), Calendar::default());
    // Sakamoto's rule for the weekday, so that the calendar is not asked about itself.
    let weekday = |day: Date| {
        let (month, mut year) = (i32::from(day.month()), i32::from(day.year()));
        year -= i32::from(month < 3);
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month as usize - 1];
        (year + year / 4 - year / 100 + year / 400 + shift + i32::from(day.day())) % 7
    };
    for day in days(date(2026, 1, 1), date(2035, 12, 31)) {
        let closed = matches!(weekday(day), 0 | 6) || table.contains(&day);
        assert_eq!(calendar.is_production_day(day), !closed, "{day}");
    }
}

#[test]
fn new_years_day_on_a_saturday_is_kept_in_the_year_before() {
    let calendar = Calendar::default();
    assert_eq!(calendar.closed(date(2027, 12, 31)), Some(Closed::Holiday));
    assert_eq!(holiday(date(2027, 12, 31)).unwrap().name, "New Year's Day");
    assert_eq!(calendar.production_day(date(2027, 12, 31)), date(2028, 1, 3));
}

#[test]
fn a_deployment_adds_days_on_which_it_is_closed() {
    let calendar = Calendar::with_closures("2026-12-24, 2026-12-31,").unwrap();
    assert_eq!(calendar.closed(date(2026, 12, 24)), Some(Closed::Closure));
    assert_eq!(calendar.production_day(date(2026, 12, 24)), date(2026, 12, 28));
    assert_eq!(Calendar::with_closures("").unwrap(), Calendar::default());
    assert_eq!(Calendar::with_closures("2026-12-24,christmas").unwrap_err(), NotClosures("christmas".to_owned()));
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn without_a_wish_a_piece_is_sent_on_the_first_day_whose_cutoff_is_still_to_come() {
    let calendar = Calendar::default();
    let sent = |now| calendar.send_date(None, at(now)).unwrap();
    // A Tuesday at nine and at eleven.
    assert_eq!(sent("2026-11-17T09:00:00-05:00"), date(2026, 11, 17));
    assert_eq!(sent("2026-11-17T11:00:00-05:00"), date(2026, 11, 18));
    assert_eq!(sent("2026-11-17T09:59:59.999-05:00"), date(2026, 11, 17));
    assert_eq!(sent("2026-11-17T10:00:00-05:00"), date(2026, 11, 18));
    // A Friday after the cutoff, a Saturday before ten, and the eve of Thanksgiving.
    assert_eq!(sent("2026-11-20T10:00:00-05:00"), date(2026, 11, 23));
    assert_eq!(sent("2026-11-21T09:00:00-05:00"), date(2026, 11, 23));
    assert_eq!(sent("2026-11-25T10:00:01-05:00"), date(2026, 11, 27));
    // Late in the evening in New York it is tomorrow in London.
    assert_eq!(sent("2026-11-18T03:00:00Z"), date(2026, 11, 18));
}

#[test]
fn a_wish_stays_on_a_production_day_and_else_moves_to_the_next() {
    let calendar = Calendar::default();
    let now = at("2026-11-17T11:00:00-05:00");
    let sent = |wish| calendar.send_date(Some(wish), now);
    assert_eq!(sent(date(2026, 11, 17)), Ok(date(2026, 11, 17)), "as it is, also after the cutoff");
    assert_eq!(sent(date(2026, 11, 21)), Ok(date(2026, 11, 23)));
    assert_eq!(sent(date(2026, 11, 26)), Ok(date(2026, 11, 27)));
    assert_eq!(sent(date(2026, 11, 16)), Err(NotASendDate::Past(date(2026, 11, 17))));
    assert_eq!(sent(date(2027, 5, 16)), Ok(date(2027, 5, 17)), "the last that may be given is a Sunday");
    assert_eq!(sent(date(2027, 5, 17)), Err(NotASendDate::TooFar(date(2027, 5, 16))));
}

#[test]
fn the_cutoff_is_at_ten_in_new_york_on_both_sides_of_both_changes_of_the_clock() {
    // The clock goes forward on 8 March 2026 and back on 1 November 2026.
    assert_eq!(cutoff(date(2026, 3, 6)), at("2026-03-06T15:00:00Z"));
    assert_eq!(cutoff(date(2026, 3, 8)), at("2026-03-08T14:00:00Z"));
    assert_eq!(cutoff(date(2026, 3, 9)), at("2026-03-09T14:00:00Z"));
    assert_eq!(cutoff(date(2026, 10, 30)), at("2026-10-30T14:00:00Z"));
    assert_eq!(cutoff(date(2026, 11, 1)), at("2026-11-01T15:00:00Z"));
    assert_eq!(cutoff(date(2026, 11, 2)), at("2026-11-02T15:00:00Z"));
    let calendar = Calendar::default();
    // The hour that there is twice, and the one that there is not.
    for now in ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"] {
        assert_eq!(calendar.send_date(None, at(now)).unwrap(), date(2026, 11, 2));
    }
    assert_eq!(calendar.send_date(None, at("2026-03-08T07:30:00Z")).unwrap(), date(2026, 3, 9));
    assert_eq!(calendar.send_date(None, at("2026-03-09T13:59:59Z")).unwrap(), date(2026, 3, 9));
    assert_eq!(calendar.send_date(None, at("2026-03-09T14:00:00Z")).unwrap(), date(2026, 3, 10));
}

#[test]
fn what_is_due_is_what_can_no_longer_be_taken_back() {
    assert_eq!(due(at("2026-11-17T10:00:00-05:00")), date(2026, 11, 16));
    assert_eq!(due(at("2026-11-17T10:00:00.001-05:00")), date(2026, 11, 17));
    assert_eq!(due(at("2026-11-17T23:59:59-05:00")), date(2026, 11, 17));
    assert_eq!(due(at("2026-11-18T00:00:00-05:00")), date(2026, 11, 17));
}

proptest! {
    #[test]
    fn a_send_date_is_a_production_day_that_can_still_be_taken_back_and_none_earlier_could(
        seconds in 1_767_243_600i64..2_082_776_400, // 2026 to 2035 in New York
    ) {
        let now = Timestamp::from_second(seconds).unwrap();
        let calendar = Calendar::default();
        let sent = calendar.send_date(None, now).unwrap();
        prop_assert!(calendar.is_production_day(sent));
        prop_assert!(now < cutoff(sent));
        prop_assert!(sent > due(now));
        for day in days(today(now), sent).filter(|day| *day < sent) {
            prop_assert!(!calendar.is_production_day(day) || cutoff(day) <= now, "{} was free", day);
        }
    }

    #[test]
    fn a_wish_within_half_a_year_is_granted_or_moved_over_closed_days_alone(
        seconds in 1_767_243_600i64..2_066_800_000, ahead in -400i32..400,
    ) {
        let now = Timestamp::from_second(seconds).unwrap();
        let calendar = Calendar::default();
        let wish = today(now).saturating_add(ahead.days());
        match calendar.send_date(Some(wish), now) {
            Ok(sent) => {
                prop_assert!((0..=MOST_DAYS_AHEAD).contains(&ahead));
                prop_assert!(calendar.is_production_day(sent) && sent >= wish);
                prop_assert!(days(wish, sent).filter(|day| *day < sent).all(|day| !calendar.is_production_day(day)));
            }
            Err(NotASendDate::Past(_)) => prop_assert!(ahead < 0),
            Err(NotASendDate::TooFar(_)) => prop_assert!(ahead > MOST_DAYS_AHEAD),
        }
    }
}
