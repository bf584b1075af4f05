//! The callback push: what an account wants pushed, how far it was pushed, and when a push is tried again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::address::{Address, RawAddress};
use crate::batch::MailClass;
use crate::event::{EventKind, News, Personal};
use crate::fault::{Faults, Pointer};
use crate::id::{AccountId, BatchId, EventId, LetterRef, PushId};
use crate::tracking::Signature;

/// The most events of one push.
pub const PUSHED_AT_ONCE: usize = 500;

/// How often a push is tried again before the next interval.
pub const RETRIES: u32 = 8;

/// What an account wants pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Include {
    /// What happens to batches and letters until they are mailed.
    pub production: bool,
    /// What the postal service tells of them after that.
    pub postal: bool,
    /// Only what is about certified mail.
    pub certified_only: bool,
    /// With what is told of a letter, to whom it goes and who signed for it.
    #[serde(default)]
    pub recipient: bool,
}

impl Include {
    /// Whether news of that kind is wanted. `class` is that of the batch that it is about.
    pub fn wants(&self, kind: EventKind, class: Option<MailClass>) -> bool {
        let wanted = match kind {
            EventKind::LetterTracked | EventKind::LetterSigned => self.postal,
            // What a callback reports is not that it reports.
            EventKind::CallbackFailing | EventKind::CallbackRecovered => false,
            _ => self.production,
        };
        wanted && (!self.certified_only || class == Some(MailClass::Certified))
    }
}

/// A secret that signs pushes, encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret {
    /// The secret as it is kept.
    pub sealed: String,
    /// Until when it signs beside its successor; for ever, while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// For how long a secret signs beside the one that replaced it.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// The secrets after one was replaced: the new one, and the one before for a while. Older ones go.
pub fn rotated(secrets: &[SealedSecret], new: String, now: Timestamp) -> Vec<SealedSecret> {
    let before = secrets.first().map(|secret| SealedSecret { until: Some(now + OVERLAP), ..secret.clone() });
    std::iter::once(SealedSecret { sealed: new, until: None }).chain(before).collect()
}

/// A piece of the log on its way to the client. It is fixed before it is sent, so that it is the same whenever it is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// Names it to the client.
    pub id: PushId,
    /// When it was fixed.
    pub at: Timestamp,
    /// The last number of the log that it covers.
    pub last: u64,
    /// What of the log is in it.
    pub include: Include,
    /// How often it was sent without being accepted.
    pub attempts: u32,
}

/// Where an account's mail is reported, and how far it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// Whose it is.
    pub account: AccountId,
    /// Of which mail.
    pub mode: Mode,
    /// Where pushes are posted.
    pub url: String,
    /// What is pushed.
    pub include: Include,
    /// Whether nothing is pushed for now.
    pub paused: bool,
    /// What signs pushes, the newest first.
    pub secrets: Vec<SealedSecret>,
    /// The last number of the log that is done with: accepted, or not wanted.
    pub through: u64,
    /// What is being sent, or was sent and not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// Since when nothing was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When it was set up.
    pub created_at: Timestamp,
}

impl Callback {
    /// What its secrets are sealed for.
    pub fn secret_owner(account: &AccountId, mode: Mode) -> String {
        format!("callback {account} {}", mode.as_str())
    }

    /// What signs a push at that moment.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        self.secrets.iter().filter(move |secret| secret.until.is_none_or(|until| now < until))
    }
}

/// An attempt to push, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The push.
    pub push: PushId,
    /// When it was sent.
    pub at: Timestamp,
    /// The first number of the log that it covers.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many events were in it.
    pub events: usize,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether it was accepted: answered with a 2xx, to the end.
    pub accepted: bool,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long the answer took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// How the answer's body begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Outcome {
    /// There was an answer.
    pub fn answered(status: u16, latency: Duration, body_start: &[u8]) -> Self {
        Outcome {
            accepted: (200..300).contains(&status),
            status: Some(status),
            failure: None,
            latency_ms: u64::try_from(latency.as_millis()).ok(),
            body: Some(String::from_utf8_lossy(body_start).into_owned()),
        }
    }

    /// There was none, for a reason of that name.
    pub fn failed(code: &str) -> Self {
        Outcome { accepted: false, status: None, failure: Some(code.to_owned()), latency_ms: None, body: None }
    }
}

/// A page of news as it is posted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<'a> {
    /// Names the push; the same when it is sent again.
    pub id: &'a PushId,
    /// When the page was fixed.
    pub created_at: Timestamp,
    /// Whether it is a sample, for which nothing happened.
    pub sample: bool,
    /// The last number of the log that it covers: all that is wanted up to there is in this page or an earlier one.
    pub last_sequence: u64,
    /// What is new.
    pub events: &'a [News],
}

/// A kind of sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Sample {
    /// A letter on its way from an issue to its addressee.
    LetterStates,
    /// A batch from its creation to the postal service.
    BatchStates,
    /// A certified letter that was signed for.
    CertifiedSigned,
    /// A letter that came back.
    Return,
}

impl Sample {
    /// Every kind.
    pub const ALL: [Sample; 4] = [Sample::LetterStates, Sample::BatchStates, Sample::CertifiedSigned, Sample::Return];

    /// What is told in it, as if it had happened until `now`; to who asked for it, with what is personal.
    pub fn news(self, account: &AccountId, mode: Mode, recipient: bool, now: Timestamp) -> Vec<News> {
        use EventKind as Kind;
        type Told = (Kind, bool, &'static [(&'static str, &'static str)]);
        let told: &[Told] = match self {
            Sample::LetterStates => &[
                (Kind::LetterIssue, true, &[("code", "document.encrypted")]),
                (Kind::LetterRetried, true, &[]),
                (Kind::LetterTracked, true, &[("was", "Dropped"), ("state", "Accepted"), ("code", "891")]),
                (Kind::LetterTracked, true, &[("was", "Accepted"), ("state", "InTransit"), ("code", "918")]),
                (
                    Kind::LetterTracked,
                    true,
                    &[("was", "InTransit"), ("state", "Delivered"), ("code", "LOGICALDELIVERY")],
                ),
            ],
            Sample::BatchStates => &[
                (Kind::BatchCreated, false, &[("expected", "1")]),
                (Kind::BatchInitialized, false, &[("letters", "1")]),
                (Kind::BatchReady, false, &[("letters", "1")]),
                (Kind::BatchPrinting, false, &[]),
                (Kind::BatchMailed, false, &[("letters", "1")]),
            ],
            Sample::CertifiedSigned => &[
                (Kind::LetterTracked, true, &[("was", "InTransit"), ("state", "Delivered"), ("code", "01")]),
                (Kind::LetterSigned, true, &[("code", "01")]),
            ],
            Sample::Return => &[
                (Kind::LetterTracked, true, &[("was", "InTransit"), ("state", "AwaitingReturn"), ("code", "Q")]),
                (Kind::LetterTracked, true, &[("was", "AwaitingReturn"), ("state", "Returned"), ("code", "RETURNED")]),
            ],
        };
        let news = |(sequence, (kind, letter, data)): (u64, &Told)| News {
            id: EventId::new(now, [0; 10]).entry(sequence),
            sequence,
            kind: *kind,
            at: now,
            account: Some(account.clone()),
            mode,
            batch: Some(BatchId::random([0; 10])),
            letter: letter.then(|| LetterRef::parse("SAMPLE01").ok()).flatten(),
            data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            personal: (*letter && recipient).then(|| sample_person(*kind)).flatten(),
        };
        (1..).zip(told).map(news).collect()
    }
}

/// Nobody.
fn sample_person(kind: EventKind) -> Option<Personal> {
    let address = RawAddress {
        name1: Some("SAMPLE ADDRESSEE"),
        address1: Some("1300 PERDIDO ST"),
        city: Some("NEW ORLEANS"),
        state: Some("LA"),
        postal_code: Some("70112"),
        country: Some("US"),
        ..RawAddress::default()
    };
    let (recipient, _) = Address::parse(&address, &Pointer::Root, &mut Faults::default())?;
    let signed = || Signature { signer: Some("SAMPLE SIGNER".to_owned()), image: None };
    let signature = (kind == EventKind::LetterSigned).then(signed);
    Some(Personal { recipient, signature })
}

/// What of a stretch of news goes into one push: the number up to which it goes, and what of it is wanted.
pub fn page(after: u64, news: Vec<News>, wanted: impl Fn(&News) -> bool) -> (u64, Vec<News>) {
    let (mut last, mut page) = (after, Vec::new());
    for news in news {
        let wanted = wanted(&news);
        if wanted && page.len() == PUSHED_AT_ONCE {
            break;
        }
        last = news.sequence;
        if wanted {
            page.push(news);
        }
    }
    (last, page)
}

/// After how long a push that was not accepted so often is tried again; `None` when the next interval will do that. The client
/// may ask to be left alone for longer.
pub fn retry_in(attempts: u32, retry_after: Option<SignedDuration>) -> Option<SignedDuration> {
    // Messages cannot be delayed for longer.
    let longest = SignedDuration::from_mins(15);
    let own = match attempts % (RETRIES + 1) {
        0 => return None,
        1 => SignedDuration::from_mins(1),
        2 => SignedDuration::from_mins(5),
        _ => longest,
    };
    Some(retry_after.unwrap_or_default().clamp(own, longest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn news(sequence: u64, kind: EventKind) -> News {
        News {
            id: EventId::new(Timestamp::UNIX_EPOCH, [0; 10]).entry(sequence),
            sequence,
            kind,
            at: Timestamp::UNIX_EPOCH,
            account: None,
            mode: Mode::Live,
            batch: None,
            letter: None,
            data: BTreeMap::new(),
            personal: None,
        }
    }

    #[test]
    fn a_sample_is_told_like_what_happens() {
        for sample in Sample::ALL {
            let account = AccountId::parse("acct_01").unwrap();
            let news = sample.news(&account, Mode::Test, false, Timestamp::UNIX_EPOCH);
            assert!(news.iter().all(|news| news.personal.is_none()), "who did not ask is told nothing personal");
            let asked = sample.news(&account, Mode::Test, true, Timestamp::UNIX_EPOCH);
            assert!(asked.iter().all(|news| news.personal.is_some() == news.letter.is_some()));
            assert!(news.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].sequence < pair[1].sequence));
            let letters = news.iter().filter(|news| news.kind.as_str().starts_with("letter."));
            assert!(letters.clone().all(|news| news.letter.is_some()));
            assert_eq!(letters.count() == 0, sample == Sample::BatchStates);
        }
    }

    #[test]
    fn what_is_wanted_is_what_was_asked_for() {
        let postal = Include { production: false, postal: true, certified_only: true, recipient: false };
        assert!(postal.wants(EventKind::LetterTracked, Some(MailClass::Certified)));
        assert!(!postal.wants(EventKind::LetterTracked, Some(MailClass::FirstClass)));
        assert!(!postal.wants(EventKind::LetterTracked, None));
        assert!(!postal.wants(EventKind::BatchMailed, Some(MailClass::Certified)));
        let all = Include { production: true, postal: true, certified_only: false, recipient: false };
        assert!(EventKind::TOLD.iter().all(|kind| all.wants(*kind, None) != kind.as_str().starts_with("callback.")));
    }

    #[test]
    fn a_page_ends_before_what_it_has_no_room_for_and_covers_what_is_not_wanted() {
        let most = PUSHED_AT_ONCE as u64;
        let all = |count: u64| (1..=count).map(|number| news(number, EventKind::LetterTracked)).collect::<Vec<_>>();
        let (last, full) = page(0, all(most + 5), |_| true);
        assert_eq!((last, full.len()), (most, PUSHED_AT_ONCE));
        let (last, some) = page(0, all(9), |news| news.sequence < 4);
        assert_eq!((last, some.len()), (9, 3));
        assert_eq!(page(7, Vec::new(), |_| true), (7, Vec::new()));
    }

    #[test]
    fn a_push_is_tried_again_for_a_while_and_then_at_the_next_interval() {
        let minutes = |attempts| retry_in(attempts, None).map(|delay| delay.as_mins());
        assert_eq!([1, 2, 3, 8, 9, 10].map(minutes), [Some(1), Some(5), Some(15), Some(15), None, Some(1)]);
        assert_eq!(retry_in(1, Some(SignedDuration::from_mins(3))), Some(SignedDuration::from_mins(3)));
        assert_eq!(retry_in(1, Some(SignedDuration::from_hours(9))), Some(SignedDuration::from_mins(15)));
        let waits: i64 = (1..=RETRIES).filter_map(minutes).sum();
        assert!(waits < 4 * 60, "it ends within the interval");
    }

    #[test]
    fn a_replaced_secret_signs_for_another_day() {
        let now = Timestamp::UNIX_EPOCH;
        let first = rotated(&[], "one".to_owned(), now);
        let second = rotated(&first, "two".to_owned(), now);
        let third = rotated(&second, "three".to_owned(), now);
        let names = |secrets: &[SealedSecret]| secrets.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&second), names(&third)),
            (vec!["two".into(), "one".into()], vec!["three".into(), "two".into()])
        );
        let callback = Callback {
            account: AccountId::parse("acct_01").unwrap(),
            mode: Mode::Live,
            url: String::new(),
            include: Include { production: true, postal: true, certified_only: false, recipient: false },
            paused: false,
            secrets: second,
            through: 0,
            push: None,
            failing_since: None,
            created_at: now,
        };
        assert_eq!(callback.signing(now).count(), 2);
        assert_eq!(callback.signing(now + OVERLAP).count(), 1);
    }
}
