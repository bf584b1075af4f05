//! What may be done to a single when, and what its texts may be.

use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::address::RawAddress;
use crate::finish::{Finish, Sides};
use party::RawParty;

pub(crate) fn party(organization: &str) -> Party {
    let address = RawAddress {
        address1: Some("1300 Perdido St"),
        city: Some("New Orleans"),
        state: Some("LA"),
        postal_code: Some("70112"),
        ..RawAddress::default()
    };
    let raw = RawParty { individual: None, organization: Some(organization), address };
    Party::parse(&raw, &Pointer::Root, &mut Faults::default()).unwrap().0
}

fn single() -> Single {
    let sender = party("Acme");
    let return_address = return_address(&sender, &Pointer::Root, &mut Faults::default()).unwrap();
    let copy = Copy { sha256: "00".repeat(32), bytes: 1 };
    Single {
        id: SingleId::letter(Timestamp::UNIX_EPOCH, [1; 10]),
        account: AccountId::new(Timestamp::UNIX_EPOCH, [0; 10]),
        mode: Mode::Live,
        order: Order {
            sender,
            return_address,
            recipient: party("Widgets"),
            warnings: Vec::new(),
            content: Content::Pdf(copy.clone()),
            use_type: UseType::Transactional,
            options: Options::default(),
            external_id: None,
            description: None,
            metadata: Vec::new(),
        },
        state: SingleState::Ready,
        version: 1,
        mailing: None,
        send_date: date(2026, 11, 17),
        copy: Some(copy),
        impressions: Some(3),
        findings: Vec::new(),
        issue: None,
        batch: None,
        history: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        modified_at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_single_can_be_taken_back_up_to_the_cutoff_and_is_due_from_then_on() {
    let single = single();
    let cutoff: Timestamp = "2026-11-17T10:00:00-05:00".parse().unwrap();
    assert_eq!(single.cancelable_until(), cutoff);
    assert_eq!((single.changeable(cutoff), single.is_due(cutoff)), (Ok(()), false));
    let later = cutoff + 1.millisecond();
    assert_eq!((single.changeable(later), single.is_due(later)), (Err(TooLate::Cutoff(cutoff)), true));
}

#[test]
fn one_with_an_issue_stays_behind_and_can_be_mended_at_any_time() {
    let later: Timestamp = "2026-12-24T10:00:00-05:00".parse().unwrap();
    let issue = Single { state: SingleState::Issue, ..single() };
    assert_eq!((issue.changeable(later), issue.is_due(later)), (Ok(()), false));
}

#[test]
fn what_is_released_or_canceled_or_of_a_test_key_is_not_due() {
    let later: Timestamp = "2026-12-24T10:00:00-05:00".parse().unwrap();
    let released = Single { batch: Some(BatchId::random([1; 10])), ..single() };
    let canceled = Single { state: SingleState::Canceled, ..single() };
    let test = Single { mode: Mode::Test, ..single() };
    let queued = Single { state: SingleState::Queued, ..single() };
    assert!([&released, &canceled, &test, &queued].iter().all(|single| !single.is_due(later)));
    assert_eq!(canceled.changeable(Timestamp::UNIX_EPOCH), Err(TooLate::Canceled));
    assert!(released.changeable(Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn a_duplicate_has_the_document_and_the_address_block_of_another_however_it_is_written_and_made() {
    let order = |organization: &str, hash: &str| Order {
        recipient: party(organization),
        content: Content::Pdf(Copy { sha256: hash.to_owned(), bytes: 1 }),
        ..single().order
    };
    let one = order("Widgets Inc.", "00");
    let mut other = order(" WIDGETS  inc. ", "00");
    other.options.perforated = !other.options.perforated;
    other.external_id = Some("another".to_owned());
    assert_eq!(one.likeness(), other.likeness());
    for different in [order("Widgets Inc", "00"), order("Widgets Inc.", "01")] {
        assert_ne!(one.likeness(), different.likeness());
    }
    let path = |path: &str| Order { content: unseen(path), ..one.clone() };
    assert_ne!(path("s3://bucket/a.pdf").likeness(), path("s3://bucket/A.pdf").likeness(), "keys have case");
    let object = |path: &str, etag: &str, bytes: u64| {
        let (path, etag) = (S3Path::parse(path).unwrap(), etag.to_owned());
        Order { content: Content::Object { path, etag, bytes }, ..one.clone() }.likeness()
    };
    let seen = object("s3://bucket/a.pdf", "\"0a\"", 5);
    assert_eq!(object("s3://other/b.pdf", "\"0a\"", 5), seen, "it is the content that counts");
    assert_ne!(object("s3://bucket/a.pdf", "\"0b\"", 5), seen);
    assert_ne!(object("s3://bucket/a.pdf", "\"0a\"", 6), seen);
    assert_ne!(path("s3://bucket/a.pdf").likeness(), seen);
    let orders = [one.clone(), order("Gadgets", "00"), other, order("Gadgets", "00"), one];
    assert_eq!(alike(&orders), [(2, 0), (3, 1), (4, 0)]);
}

#[test]
fn html_that_is_yet_to_be_rendered_is_known_by_what_it_is_made_of_and_then_by_its_pdf() {
    let copy = |hash: &str| Copy { sha256: hash.to_owned(), bytes: 1 };
    let unmade = Unmade {
        html: copy("00"),
        page_size: "Letter".to_owned(),
        images: BTreeMap::from([("doc_1".to_owned(), copy("01"))]),
        guard: Guard::Refuse,
    };
    let variables = |name: &str| Variables::new(&serde_json::Map::from_iter([("name".to_owned(), name.into())]));
    let html = |unmade: Unmade, name: &str| Content::Html { made: Made::Later(unmade), variables: variables(name) };
    let one = html(unmade.clone(), "Jane");
    let mut allowed = one.clone();
    allowed.guard_by(Guard::Allow);
    assert_ne!(allowed, one);
    assert_eq!(allowed.identity(), one.identity(), "what is done about duplicates makes no other document");
    for other in [
        html(unmade.clone(), "Joe"),
        html(Unmade { html: copy("02"), ..unmade.clone() }, "Jane"),
        html(Unmade { page_size: "A4".to_owned(), ..unmade.clone() }, "Jane"),
        html(Unmade { images: BTreeMap::from([("doc_1".to_owned(), copy("03"))]), ..unmade }, "Jane"),
    ] {
        assert_ne!(one.identity(), other.identity());
    }
    let made = one.settled(&copy("0a"), None);
    assert_eq!(made.place(), Place::Ours(&copy("0a")));
    assert_eq!(made.identity(), Content::Pdf(copy("0a")).identity());
    assert_eq!(made.variables(), Some(&variables("Jane")));
}

fn unseen(path: &str) -> Content {
    Content::Path { path: S3Path::parse(path).unwrap(), guard: Guard::Refuse }
}

#[test]
fn a_path_stands_for_an_object_until_that_is_there() {
    let copy = Copy { sha256: "0a".to_owned(), bytes: 5 };
    let (path, etag) = (unseen("s3://bucket/a.pdf"), "\"0a\"".to_owned());
    let seen = Content::Object { path: S3Path::parse("s3://bucket/a.pdf").unwrap(), etag: etag.clone(), bytes: 5 };
    assert_eq!((path.guard(), seen.guard()), (Some(Guard::Refuse), None));
    assert_eq!(path.settled(&copy, Some(etag)), seen);
    assert_eq!(seen.clone().settled(&copy, Some("\"0b\"".to_owned())), seen);
}

#[test]
fn a_letter_guards_for_a_week_unless_it_is_canceled() {
    let single = single();
    let week = Timestamp::UNIX_EPOCH + 168.hours();
    assert!(single.guards(week - 1.second()));
    assert!(!single.guards(week));
    assert!(Single { state: SingleState::Issue, ..single.clone() }.guards(week - 1.second()));
    assert!(!Single { state: SingleState::Canceled, ..single }.guards(Timestamp::UNIX_EPOCH));
}

#[test]
fn singles_that_are_made_otherwise_are_of_different_groups() {
    let one = single();
    let mut others = vec![one.clone(); 5];
    others[0].send_date = date(2026, 11, 18);
    others[1].order.options.finish = Finish { sides: Sides::Simplex, ..Finish::default() };
    others[2].order.options.perforated = true;
    others[3].mode = Mode::Test;
    others[4].account = AccountId::new(Timestamp::UNIX_EPOCH, [9; 10]);
    let mut groups: Vec<String> = others.iter().map(Single::group).chain([one.group()]).collect();
    groups.sort();
    groups.dedup();
    assert_eq!(groups.len(), 6);
    let same = Single { id: SingleId::letter(Timestamp::UNIX_EPOCH, [2; 10]), ..one.clone() };
    assert_eq!(same.group(), one.group());
}

#[test]
fn a_single_becomes_a_letter_with_its_own_sender_and_the_copy_that_was_inspected() {
    let single = single();
    let source = S3Path::parse("s3://bucket/copy").unwrap();
    let (letter, copy) = single.letter(source.clone()).unwrap();
    assert_eq!(letter.reference.as_str(), single.id.as_str());
    assert_eq!((letter.impressions, Some(copy)), (3, single.copy.clone()));
    assert_eq!(letter.sender.unwrap().lines()[0], "Acme");
    assert_eq!(Single { state: SingleState::Issue, ..single.clone() }.letter(source.clone()), Err(NotReady));
    assert_eq!(Single { copy: None, ..single }.letter(source), Err(NotReady));
}

#[test]
fn a_sender_abroad_is_refused() {
    let address = RawAddress {
        address1: Some("Invalidenstr. 1"),
        city: Some("Berlin"),
        postal_code: Some("10115"),
        country: Some("DE"),
        ..RawAddress::default()
    };
    let raw = RawParty { individual: None, organization: Some("Acme"), address };
    let mut faults = Faults::default();
    let (sender, _) = Party::parse(&raw, &Pointer::Root, &mut faults).unwrap();
    assert!(return_address(&sender, &Pointer::Root.key("sender"), &mut faults).is_none());
    assert_eq!(faults.listed()[0].pointer, "/sender/address/country");
}

#[test]
fn metadata_has_twenty_pairs_with_different_keys_of_limited_length() {
    let rules = |pairs: &[(&str, &str)]| {
        let mut faults = Faults::default();
        let kept =
            parse_metadata(pairs.iter().map(|(key, value)| (Some(*key), Some(*value))), &Pointer::Root, &mut faults);
        (
            kept.len(),
            faults.listed().iter().map(|fault| format!("{} {}", fault.pointer, fault.rule)).collect::<Vec<_>>(),
        )
    };
    let (key, value) = ("k".repeat(64), "ä".repeat(512));
    assert_eq!(rules(&[(&key, &value)]), (1, vec![]));
    let (key, value) = ("k".repeat(65), "ä".repeat(513));
    assert_eq!(rules(&[(&key, &value)]).1, ["/0/key metadata.key", "/0/value metadata.value"]);
    assert_eq!(rules(&[("a", "1"), ("a", "2")]).1, ["/1/key metadata.duplicate"]);
    assert_eq!(rules(&[("", "1")]).1, ["/0/key metadata.key"]);
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let pairs: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(rules(&pairs[..20]).1, [""; 0]);
    assert_eq!(rules(&pairs).1, [" metadata.too_many"]);
}

#[test]
fn texts_are_bounded_as_they_are_kept() {
    let total = |text: String| {
        let mut order = single().order;
        order.description = Some(text);
        let mut faults = Faults::default();
        order.check_texts(&Pointer::Root, &mut faults);
        faults.total()
    };
    assert_eq!(total("x".repeat(TEXT_MOST)), 0);
    assert_eq!(total("\u{1}".repeat(TEXT_MOST)), 1);
}

proptest! {
    #[test]
    fn what_is_stored_reads_as_what_it_was(version: u32, simplex: bool, released: bool) {
        let mut stored = Single { version, batch: released.then(|| BatchId::random([3; 10])), ..single() };
        if simplex { stored.order.options.finish.sides = Sides::Simplex; }
        let json = serde_json::to_value(&stored).unwrap();
        prop_assert_eq!(serde_json::from_value::<Single>(json).unwrap(), stored);
    }
}
