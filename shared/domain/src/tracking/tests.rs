//! The rule against a second one that was written independently: ranks and a look back instead of a fold.

use proptest::prelude::*;

use super::codes::{CodeTable, Codes};
use super::feed::{At, FeedError, PieceNumber, Record, Reject, RejectReason, Writer, read};
use super::*;
use crate::batch::MailClass;

fn scan(second: i64, feed: Feed, code: &str) -> Scan {
    let at = Timestamp::from_second(1_780_000_000 + second).unwrap();
    Scan { at, feed, code: code.to_owned(), place: Place::default(), note: None, signature: None, expected: None }
}

fn shipped() -> Codes<'static> {
    CodeTable::shipped().of(MailClass::Certified)
}

fn state_of(codes: &[&str]) -> PostalState {
    let scans: Vec<Scan> =
        codes.iter().zip(0..).map(|(code, second)| scan(second, Feed::ProductTracking, code)).collect();
    state(&scans, shipped())
}

#[test]
fn a_piece_without_scans_is_dropped() {
    assert_eq!(state_of(&[]), PostalState::Dropped);
}

#[test]
fn a_piece_goes_from_accepted_to_in_transit_to_delivered() {
    assert_eq!(state_of(&["03"]), PostalState::Accepted);
    assert_eq!(state_of(&["03", "10"]), PostalState::InTransit);
    assert_eq!(state_of(&["03", "10", "OF", "01"]), PostalState::Delivered);
}

#[test]
fn delivery_after_a_return_code_is_a_return() {
    assert_eq!(state_of(&["03", "23"]), PostalState::AwaitingReturn);
    assert_eq!(state_of(&["03", "23", "10"]), PostalState::AwaitingReturn);
    assert_eq!(state_of(&["03", "23", "10", "01"]), PostalState::Returned);
}

#[test]
fn terminal_states_absorb() {
    assert_eq!(state_of(&["01", "23", "10"]), PostalState::Delivered);
    assert_eq!(state_of(&["11", "01"]), PostalState::CannotReturnToSender);
}

#[test]
fn an_acceptance_after_a_machine_does_not_regress() {
    assert_eq!(state_of(&["10", "03"]), PostalState::InTransit);
}

#[test]
fn an_unknown_code_is_other_only_while_nothing_else_is_known() {
    assert_eq!(state_of(&["??"]), PostalState::Other);
    assert_eq!(state_of(&["??", "03"]), PostalState::Accepted);
    assert_eq!(state_of(&["10", "??"]), PostalState::InTransit);
    assert_eq!(state_of(&["01", "??"]), PostalState::Delivered);
}

#[test]
fn a_notice_without_a_place_changes_nothing() {
    assert_eq!(state_of(&["GC"]), PostalState::Dropped);
    assert_eq!(state_of(&["10", "GC"]), PostalState::InTransit);
}

#[test]
fn a_person_is_believed_whatever_was_known_before() {
    let scans = [scan(0, Feed::ProductTracking, "01"), scan(5, Feed::Mailhouse, "SET:INTRANSIT")];
    assert_eq!(state(&scans, shipped()), PostalState::InTransit);
    let back = [scan(0, Feed::ProductTracking, "10"), scan(5, Feed::Mailhouse, "RETURNED")];
    assert_eq!(state(&back, shipped()), PostalState::Returned);
}

/// The state by other means: from the last word of a person on, the first terminal told decides; without one, a return
/// code decides; without one, the farthest along.
fn reference(scans: &[Scan]) -> PostalState {
    let table = shipped();
    let mut ordered = scans.to_vec();
    ordered.sort_by_key(|scan| (scan.at, scan.feed, scan.code.clone(), scan.place.clone()));
    let told: Vec<Meaning> = ordered.iter().map(|scan| table.meaning(scan.feed, &scan.code)).collect();
    let person = told.iter().rposition(|meaning| matches!(meaning, Meaning::Set(_)));
    let base = match person.map(|at| told[at]) {
        Some(Meaning::Set(state)) => state,
        _ => PostalState::Dropped,
    };
    if base.is_terminal() {
        return base;
    }
    let rest = &told[person.map_or(0, |at| at + 1)..];
    let states: Vec<PostalState> = rest
        .iter()
        .filter_map(|meaning| match meaning {
            Meaning::Scanned(state) => Some(*state),
            Meaning::Unknown => Some(PostalState::Other),
            _ => None,
        })
        .collect();
    let end = states.iter().position(|state| state.is_terminal());
    let before = &states[..end.unwrap_or(states.len())];
    let returning = base == PostalState::AwaitingReturn || before.contains(&PostalState::AwaitingReturn);
    match end.map(|end| states[end]) {
        Some(PostalState::Delivered) if returning => PostalState::Returned,
        Some(state) => state,
        None if returning => PostalState::AwaitingReturn,
        None => {
            let rank = |state: &PostalState| match state {
                PostalState::Dropped => 0,
                PostalState::Other => 1,
                PostalState::Accepted => 2,
                _ => 3,
            };
            before.iter().copied().chain([base]).max_by_key(rank).unwrap_or(base)
        }
    }
}

fn any_scan() -> impl Strategy<Value = Scan> {
    let codes = prop::sample::select(vec![
        (Feed::ProductTracking, "01"),
        (Feed::ProductTracking, "03"),
        (Feed::ProductTracking, "10"),
        (Feed::ProductTracking, "11"),
        (Feed::ProductTracking, "23"),
        (Feed::ProductTracking, "GC"),
        (Feed::ProductTracking, "??"),
        (Feed::InformedVisibility, "918"),
        (Feed::InformedVisibility, "891"),
        (Feed::AddressChange, "Q"),
        (Feed::Mailhouse, "RETURNED"),
        (Feed::Mailhouse, "REJECTED"),
        (Feed::Mailhouse, "SET:INTRANSIT"),
        (Feed::Mailhouse, "SET:DELIVERED"),
    ]);
    (0..20i64, codes).prop_map(|(second, (feed, code))| scan(second, feed, code))
}

proptest! {
    #[test]
    fn the_rule_agrees_with_one_written_independently(scans in prop::collection::vec(any_scan(), 0..12)) {
        prop_assert_eq!(state(&scans, shipped()), reference(&scans));
    }

    #[test]
    fn neither_order_nor_repetition_of_scans_matters(
        (scans, shuffled) in prop::collection::vec(any_scan(), 0..10).prop_flat_map(|scans| {
            let twice: Vec<Scan> = scans.iter().chain(&scans).cloned().collect();
            (Just(scans), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(state(&scans, shipped()), state(&shuffled, shipped()));
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&mut bytes.as_slice(), Writer::PostalService, &mut |_| {});
    }

    #[test]
    fn no_text_that_looks_like_a_feed_is_too_odd_to_be_read(
        text in r#"[\[\]{}",:|0-9a-z \n]{0,200}"#
    ) {
        let _ = read(&mut text.as_bytes(), Writer::PostalService, &mut |_| {});
    }
}

fn records(text: &str) -> Vec<Result<Record, Reject>> {
    let mut found = Vec::new();
    read(&mut text.as_bytes(), Writer::PostalService, &mut |record| found.push(record)).unwrap();
    found
}

const CODE: &str = "00271901052658190625";

#[test]
fn a_push_envelope_hands_out_each_event() {
    let text = format!(
        r#"{{"msgGrpId": "7", "events": [
            {{"imbTrackingCode": "{CODE}", "scanDatetime": "2026-05-04T10:11:12.000-05:00", "scanEventCode": "918",
              "scanFacilityCity": "NEW ORLEANS", "scanFacilityZip": "70113", "machineId": 7, "extra": {{"a": [1]}}}},
            {{"IMB": "{CODE}33573680167", "scanDateTime": "2026-05-05T10:11:12Z", "scan_event_code": 919}},
            17
        ], "totMsgCnt": 1}}"#
    );
    let found = records(&text);
    let first = found[0].as_ref().unwrap();
    assert_eq!(first.piece, PieceNumber::TrackingCode(CODE.to_owned()));
    assert_eq!(first.scan.at.to_string(), "2026-05-04T15:11:12Z");
    assert_eq!((first.scan.feed, first.scan.code.as_str()), (Feed::InformedVisibility, "918"));
    assert_eq!(first.scan.place.city.as_deref(), Some("NEW ORLEANS"));
    assert!(!first.zone_assumed);
    let second = found[1].as_ref().unwrap();
    assert_eq!((&second.piece, second.scan.code.as_str()), (&first.piece, "919"));
    assert_eq!(found[2], Err(Reject { at: At::Event(3), reason: RejectReason::NotAnObject }));
    assert_eq!(found.len(), 3);
}

#[test]
fn json_lines_hand_out_each_line_and_reject_only_the_broken_ones() {
    let good = format!(r#"{{"imbTrackingCode":"{CODE}","scanDatetime":"2026-05-04T10:11:12Z","scanEventCode":"918"}}"#);
    let text = format!("\n{good}\n{{\"imbTrackingCode\":\r\n\n{good}\n{}\n{good}", "x".repeat(70_000));
    let found = records(&text);
    assert!(found[0].is_ok() && found[2].is_ok() && found[4].is_ok());
    assert_eq!(found[1], Err(Reject { at: At::Line(3), reason: RejectReason::NotAnObject }));
    assert_eq!(found[3], Err(Reject { at: At::Line(6), reason: RejectReason::TooLong }));
    assert_eq!(found.len(), 5);
}

#[test]
fn delimited_text_is_read_by_its_heading_whatever_the_mark() {
    for mark in [",", "|", "\t", ";"] {
        let line = |fields: [&str; 4]| fields.join(mark);
        let text = [
            line(["IMb Tracking Code", "Scan Date Time", "Scan Event Code", "Scan Facility ZIP"]),
            line([CODE, "05/04/2026 10:11:12", "918", "70113"]),
            "too few".to_owned(),
            line(["", "05/04/2026 10:11:12", "918", "70113"]),
            line([CODE, "yesterday", "918", "70113"]),
            line([CODE, "2026-05-04T10:11:12-05:00", "", "70113"]),
        ]
        .join("\r\n");
        let found = records(&text);
        let first = found[0].as_ref().unwrap();
        assert_eq!((first.at, first.scan.at.to_string().as_str()), (At::Line(2), "2026-05-04T14:11:12Z"));
        assert!(first.zone_assumed);
        let reasons: Vec<_> = found[1..].iter().map(|found| found.as_ref().unwrap_err().reason).collect();
        let expected = [RejectReason::Fields, RejectReason::NoPiece, RejectReason::NoTime, RejectReason::NoCode];
        assert_eq!(reasons, expected, "{mark:?}");
    }
}

#[test]
fn the_expected_day_of_a_scan_is_read_and_one_that_cannot_be_read_costs_no_scan() {
    let day = Some(jiff::civil::date(2026, 5, 9));
    for (told, expected) in [("2026-05-09", day), ("05/09/2026", day), ("20260509", day), ("soon", None), ("", None)] {
        let text = format!(
            r#"{{"imbTrackingCode":"{CODE}","scanDatetime":"2026-05-04T10:11:12Z","scanEventCode":"918","predictedDeliveryDate":"{told}"}}"#
        );
        assert_eq!(records(&text)[0].as_ref().unwrap().scan.expected, expected, "{told}");
    }
}

#[test]
fn text_without_a_heading_of_scans_is_no_feed() {
    let read = |text: &str| read(&mut text.as_bytes(), Writer::PostalService, &mut |_| {});
    assert!(matches!(read("hello\nworld\n"), Err(FeedError::Heading)));
    assert!(matches!(read(r#"{"events": [{"a": 1}, "#), Err(FeedError::Json(1))));
    assert!(read("").is_ok() && read("\n \n").is_ok());
}

#[test]
fn an_article_number_is_found_behind_the_postal_code_of_its_barcode() {
    const ARTICLE: &str = "9214890234567800000013";
    for value in [
        ARTICLE.to_owned(),
        format!("42070112{ARTICLE}"),
        format!("420701121234{ARTICLE}"),
        "9214 8902 3456 7800 0000 13".to_owned(),
    ] {
        let text =
            format!(r#"{{"trackingNumber":"{value}","eventTimestamp":"2026-05-04T10:11:12Z","eventCode":"of"}}"#);
        let record = records(&text).remove(0).unwrap();
        assert_eq!(record.piece, PieceNumber::Article(ARTICLE.to_owned()), "{value}");
        assert_eq!((record.scan.feed, record.scan.code.as_str()), (Feed::ProductTracking, "OF"));
    }
}

#[test]
fn a_logical_event_without_an_operation_number_is_known_by_its_description() {
    let text = format!(
        r#"{{"imb":"{CODE}","scanDatetime":"2026-05-04T10:11:12Z","handlingEventTypeDescription":"Logical Delivery"}}"#
    );
    let record = records(&text).remove(0).unwrap();
    assert_eq!(shipped().meaning(record.scan.feed, &record.scan.code), Meaning::Scanned(PostalState::Delivered));
}

#[test]
fn a_tracking_code_that_lost_its_digits_is_rejected() {
    let text = r#"{"imb":2.7190105265819e18,"scanDatetime":"2026-05-04T10:11:12Z","scanEventCode":"918"}"#;
    assert_eq!(records(text)[0].as_ref().unwrap_err().reason, RejectReason::NoPiece);
}

proptest! {
    #[test]
    fn scans_that_are_taken_in_bit_by_bit_make_the_state_of_all_of_them(
        (scans, cut) in prop::collection::vec(any_scan(), 0..12).prop_flat_map(|scans| {
            let most = scans.len();
            (Just(scans).prop_shuffle(), 0..=most)
        })
    ) {
        let table = shipped();
        let mut tracked = Tracked::default();
        let (first, second) = scans.split_at(cut);
        let new = tracked.take(first, table).new + tracked.take(second, table).new;
        prop_assert_eq!(new, tracked.scans.len());
        prop_assert_eq!(tracked.take(&scans, table), Taken::default());
        prop_assert!(tracked.scans.is_sorted());
        prop_assert_eq!(tracked.state, state(&scans, table));
    }

    #[test]
    fn the_deciding_scan_is_the_last_that_changed_anything(scans in prop::collection::vec(any_scan(), 0..12)) {
        let table = shipped();
        let mut tracked = Tracked::default();
        tracked.take(&scans, table);
        let until = |scan: &Scan| -> Vec<Scan> { tracked.scans.iter().filter(|other| *other < scan).cloned().collect() };
        match tracked.deciding(table) {
            Some(scan) => prop_assert_ne!(state(&until(scan), table), tracked.state),
            None => prop_assert_eq!(tracked.state, PostalState::Dropped),
        }
    }
}

#[test]
fn a_piece_keeps_a_bounded_number_of_scans_and_always_what_a_person_says() {
    let table = shipped();
    let mut tracked = Tracked::default();
    let many: Vec<Scan> = (0..300).map(|second| scan(second, Feed::ProductTracking, "10")).collect();
    assert_eq!(tracked.take(&many, table), Taken { new: MAX_SCANS, refused: 100 });
    assert_eq!(tracked.take(&many, table), Taken { new: 0, refused: 100 });
    assert_eq!(tracked.take(&[scan(400, Feed::Mailhouse, "RETURNED")], table).new, 1);
    assert_eq!(tracked.state, PostalState::Returned);
}

#[test]
fn the_expected_day_is_that_of_the_latest_scan_that_tells_one_whatever_came_first() {
    let table = shipped();
    let expecting = |second: i64, day: Option<i8>| Scan {
        expected: day.map(|day| jiff::civil::date(2026, 5, day)),
        ..scan(second, Feed::InformedVisibility, "918")
    };
    let told = [expecting(1, Some(9)), expecting(2, Some(6)), expecting(2, None), expecting(3, None)];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let mut tracked = Tracked::default();
        for &place in &order {
            tracked.take(&told[place..=place], table);
        }
        assert_eq!((tracked.scans.len(), tracked.expected()), (3, told[1].expected), "{order:?}");
        assert_eq!(tracked.take(&told, table), Taken::default(), "nothing of it is new");
    }
    assert_eq!(Tracked::default().expected(), None);
}

#[test]
fn a_signature_that_comes_later_belongs_to_the_scan_that_is_there() {
    let table = shipped();
    let signed = |signer: Option<&str>, image: Option<&str>| Scan {
        signature: Some(Signature { signer: signer.map(str::to_owned), image: image.map(str::to_owned) }),
        ..scan(9, Feed::ProductTracking, "01")
    };
    let told = [
        scan(9, Feed::ProductTracking, "01"),
        signed(Some("J DOE"), None),
        signed(None, Some("a/1.tif")),
        signed(None, None),
    ];
    let both = Some(Signature { signer: Some("J DOE".into()), image: Some("a/1.tif".into()) });
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        let mut tracked = Tracked::default();
        for &place in &order {
            tracked.take(&told[place..=place], table);
        }
        assert_eq!((tracked.scans.len(), &tracked.scans[0].signature), (1, &both), "{order:?}");
        assert_eq!(tracked.take(&told, table), Taken::default(), "all of it is known");
        assert_eq!(tracked.signed().map(|scan| scan.at), Some(told[0].at));
    }
    assert_eq!(format!("{:?}", both), "Some(Signature)", "no log can hold it");
}

#[test]
fn a_signature_is_read_where_a_feed_sends_one() {
    let text = r#"{"pic":"9214890234567800000013","eventTimestamp":"2026-05-04T10:11:12Z","eventCode":"01",
        "Recipient Name":"J DOE","signatureImage":"extract/2026-05-06/1.tif"}"#;
    let record = records(text).remove(0).unwrap();
    assert_eq!(
        record.scan.signature,
        Some(Signature { signer: Some("J DOE".into()), image: Some("extract/2026-05-06/1.tif".into()) })
    );
    assert_eq!(
        records(r#"{"pic":"9214890234567800000013","eventTimestamp":"2026-05-04T10:11:12Z","eventCode":"01"}"#)[0]
            .as_ref()
            .unwrap()
            .scan
            .signature,
        None
    );
}

#[test]
fn what_is_keyed_in_is_a_barcode_of_the_address_or_of_the_label() {
    let parse = |text: &str| PieceNumber::parse(text).map(|number| number.as_str().to_owned());
    for text in [CODE, "0027 1901 0526 5819 0625", &format!("{CODE}33573"), &format!("{CODE}33573680167")] {
        assert_eq!(parse(text).as_deref(), Some(CODE), "{text}");
    }
    for text in ["9214890234567800000013", "9214 8902 3456 7800 0000 13", "420701129214890234567800000013"] {
        assert_eq!(parse(text).as_deref(), Some("9214890234567800000013"), "{text}");
    }
    for text in ["", "123", "0027190105265819062x", "00271901052658190625000"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

/// Endless bytes after a beginning.
struct Endless(&'static [u8], u8);

impl std::io::Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            into.fill(self.1);
            return Ok(into.len());
        }
        self.0.read(into)
    }
}

#[test]
fn only_the_test_door_speaks_for_the_house_and_only_of_test_pieces() {
    let event = |code: &str, feed: &str, digits: &str| {
        format!(
            r#"{{"imb":"{digits}","scanDatetime":"2026-05-04T10:11:12Z","scanEventCode":"{code}","feed":"{feed}"}}"#
        )
    };
    let of_test = "00340000000000000001";
    let reasons = |writer, text: String| {
        let mut found = Vec::new();
        read(&mut text.as_bytes(), writer, &mut |record| found.push(record.err().map(|reject| reject.reason))).unwrap();
        found
    };
    for feed in ["mailhouse", "Mail-House ", "MAILHOUSE"] {
        for digits in [CODE, of_test] {
            let events = format!("{}\n{}\n", event("SET:DELIVERED", feed, digits), event("918", "", digits));
            assert_eq!(
                reasons(Writer::PostalService, events),
                [Some(RejectReason::NotTheirs), None],
                "{feed} {digits}"
            );
        }
    }
    assert_eq!(reasons(Writer::TestDoor, event("RETURNED", "mailhouse", of_test)), [None]);
    assert_eq!(reasons(Writer::TestDoor, event("RETURNED", "mailhouse", CODE)), [Some(RejectReason::NotTheirs)]);
}

#[test]
fn what_a_person_says_is_no_code_of_the_postal_service() {
    let row = "informedVisibility,SET:DELIVERED,any,set:Delivered,true,true,a,b";
    let table = format!("feed,code,class,state,terminal,confirmed,description,source\n{row}\n");
    assert!(CodeTable::parse(&table).unwrap_err().to_string().contains("mailhouse"));
}

#[test]
fn an_event_that_does_not_end_is_given_up() {
    for (beginning, byte) in
        [(&b"{\"events\": [{\"a\": \""[..], b'x'), (b"[[1", b','), (b"{\"a\": 1,", b' '), (b"[", b'['), (b"[{}", b' ')]
    {
        let mut endless = std::io::BufReader::new(Endless(beginning, byte));
        let given_up = read(&mut endless, Writer::PostalService, &mut |_| {});
        assert!(matches!(given_up, Err(FeedError::TooLong(_) | FeedError::Json(_))), "{given_up:?}");
    }
}
