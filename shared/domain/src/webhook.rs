//! Webhooks: where a client wants to be told of its news, when a delivery that failed is tried again, and when a webhook is
//! given up.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::event::{EventKind, News};
use crate::id::{AccountId, EventId, WebhookId};

/// How many webhooks an account may have in each mode.
pub const MOST_WEBHOOKS: u32 = 10;
/// How long a secret signs after it was replaced.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// How many secrets may sign beside the current one. Each lengthens the signature, and a client checks one after the other.
pub const MOST_OLD_SECRETS: usize = 4;

/// When a delivery is tried: at once, and so long after each failure. Seventy-five hours in all, as Standard Webhooks says.
const SCHEDULE: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];
/// The longest that a receiver may ask us to wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// A webhook to which nothing was delivered for so long, while it was tried, is disabled.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// From so many failures in a row on, a webhook is tried with one delivery at a time and left alone in between.
const FAILING: u32 = 3;
const SHORTEST_REST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(5);
/// For how long a probe keeps others away: a little longer than it can take.
pub const PROBE: SignedDuration = SignedDuration::from_secs(30);

/// Whether a webhook is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// It is not, until the client enables it again.
    Disabled,
}

/// Why a webhook is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisabledBecause {
    /// The client said so.
    Client,
    /// It answered 410.
    Gone,
    /// It took nothing for days.
    Failing,
}

impl DisabledBecause {
    /// The reason as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            DisabledBecause::Client => "client",
            DisabledBecause::Gone => "gone",
            DisabledBecause::Failing => "failing",
        }
    }
}

/// A secret that was replaced and still signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    /// The secret, sealed.
    pub secret: String,
    /// Until when it signs.
    pub until: Timestamp,
}

/// Where a client wants to be told of its news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its identifier.
    pub id: WebhookId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it is told of live mail or of test data.
    pub mode: Mode,
    /// Where to post. Whether that may be connected to is judged each time.
    pub url: String,
    /// What it is told of; everything, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<EventKind>,
    /// Whether it is told, with what is told of a letter, to whom that goes and who signed for it.
    #[serde(default)]
    pub recipient: bool,
    /// What the client says of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is told anything.
    pub state: WebhookState,
    /// Why it is disabled, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<DisabledBecause>,
    /// The secret that signs, sealed.
    pub secret: String,
    /// Those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_secrets: Vec<OldSecret>,
    /// When it was created.
    pub created_at: Timestamp,
    /// How many deliveries failed since the last one that did not.
    #[serde(default)]
    pub failures: u32,
    /// Since when they fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when it is to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// Whether it answered late when it last answered.
    #[serde(default)]
    pub slow: bool,
}

/// Which queue a delivery belongs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For webhooks that answer promptly. Nobody there is waited for.
    Prompt,
    /// For those that were slow or failed: they wait for each other, and for nobody else.
    Patient,
}

/// Whether a delivery may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Yes.
    Now,
    /// By one delivery at a time: whoever gets the turn.
    Probe,
    /// Not before this moment.
    Later(Timestamp),
}

impl Webhook {
    /// Whether it is to be told of that.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.state == WebhookState::Enabled && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }

    /// Which queue its deliveries belong on.
    pub fn lane(&self) -> Lane {
        if self.failures > 0 || self.slow || self.rests_until.is_some() { Lane::Patient } else { Lane::Prompt }
    }

    /// Whether a delivery may be tried.
    pub fn turn(&self, now: Timestamp) -> Turn {
        match self.rests_until {
            Some(until) if until > now => Turn::Later(until),
            _ if self.failures >= FAILING => Turn::Probe,
            _ => Turn::Now,
        }
    }

    /// Until when to leave it alone after another failure at `now`. A receiver that says how long is taken at its word.
    pub fn rest(&self, asked: Option<SignedDuration>, now: Timestamp) -> Option<Timestamp> {
        let over = (self.failures + 1).checked_sub(FAILING);
        let ours = over.map(|over| LONGEST_REST.min(SHORTEST_REST * (1i32 << over.min(10))));
        let asked = asked.map(|asked| asked.min(LONGEST_WAIT));
        ours.max(asked).map(|rest| now + rest)
    }

    /// Whether another failure at `now` means that it is to be given up.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now.duration_since(since) >= PATIENCE)
    }

    /// The sealed secrets that sign at `now`, the current one first.
    pub fn signing(&self, now: Timestamp) -> Vec<&str> {
        let old = self.old_secrets.iter().filter(|old| old.until > now).map(|old| old.secret.as_str());
        std::iter::once(self.secret.as_str()).chain(old).collect()
    }

    /// The secrets that will sign beside a new one; `None` when there are too many already.
    pub fn replaced(&self, now: Timestamp) -> Option<Vec<OldSecret>> {
        let mut old: Vec<_> = self.old_secrets.iter().filter(|old| old.until > now).cloned().collect();
        old.insert(0, OldSecret { secret: self.secret.clone(), until: now + OVERLAP });
        (old.len() <= MOST_OLD_SECRETS).then_some(old)
    }
}

/// A piece of news on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// To which webhook.
    pub webhook: WebhookId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it is real.
    pub mode: Mode,
    /// The identifier of the news, which names it to the receiver however often it is sent.
    pub event: EventId,
    /// What happened.
    pub kind: EventKind,
    /// What is posted, the same each time.
    pub body: String,
    /// Which attempt is next, from one.
    pub attempt: u32,
    /// Which replay this belongs to; none, if it was never delivered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl Delivery {
    /// The first attempt to tell `webhook` of `news`.
    ///
    /// # Errors
    /// When the news cannot be written as JSON.
    pub fn first(webhook: &Webhook, news: &News, replay: Option<&str>) -> Result<Self, serde_json::Error> {
        Ok(Delivery {
            webhook: webhook.id.clone(),
            account: webhook.account.clone(),
            mode: webhook.mode,
            event: news.id.clone(),
            kind: news.kind,
            body: serde_json::to_string(news)?,
            attempt: 1,
            replay: replay.map(str::to_owned),
        })
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The identifier of the news.
    pub event: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Which attempt it was, from one.
    pub number: u32,
    /// Which replay it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// What the receiver answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The beginning of the answer's body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// When it is tried again, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// How long to wait after an attempt failed, counted from one; `None` when it was the last. `chance` spreads what failed
/// together over a fifth of the time. A receiver may ask for more time, not for less.
pub fn pause(attempt: u32, asked: Option<SignedDuration>, chance: u8) -> Option<SignedDuration> {
    let pause = *SCHEDULE.get(usize::try_from(attempt.checked_sub(1)?).ok()?)?;
    Some(spread(pause, chance).max(asked.unwrap_or_default().min(LONGEST_WAIT)))
}

/// Up to a fifth longer, by chance.
pub fn spread(pause: SignedDuration, chance: u8) -> SignedDuration {
    pause + pause * i32::from(chance) / (5 * 255)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn webhook() -> Webhook {
        Webhook {
            id: WebhookId::parse("whk_01").unwrap(),
            account: AccountId::parse("acct_01").unwrap(),
            mode: Mode::Live,
            url: "https://example.com/".into(),
            kinds: vec![EventKind::BatchMailed],
            recipient: false,
            description: String::new(),
            state: WebhookState::Enabled,
            disabled_because: None,
            secret: "new".into(),
            old_secrets: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            failures: 0,
            failing_since: None,
            rests_until: None,
            slow: false,
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_delivery_is_tried_ten_times_over_three_days() {
        let pauses: Vec<_> = (1..).map_while(|attempt| pause(attempt, None, 0)).collect();
        assert_eq!(pauses.len(), 9);
        let all = pauses.iter().fold(SignedDuration::ZERO, |sum, pause| sum + *pause);
        assert_eq!(all, SignedDuration::new(75 * 3600 + 35 * 60 + 5, 0));
        assert_eq!(pause(0, None, 0), None);
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_less_or_for_ever() {
        let asked = |seconds| pause(2, Some(SignedDuration::from_secs(seconds)), 0).unwrap().as_secs();
        assert_eq!([asked(10), asked(400), asked(i64::MAX)], [300, 400, 86_400]);
        assert_eq!(pause(10, Some(SignedDuration::from_secs(1)), 0), None, "the last attempt is the last");
    }

    #[test]
    fn a_webhook_is_told_what_it_asked_for_while_it_is_enabled() {
        let mut webhook = webhook();
        assert!(webhook.wants(EventKind::BatchMailed) && !webhook.wants(EventKind::BatchCreated));
        webhook.kinds.clear();
        assert!(webhook.wants(EventKind::BatchCreated));
        webhook.state = WebhookState::Disabled;
        assert!(!webhook.wants(EventKind::BatchCreated));
    }

    #[test]
    fn who_fails_or_is_slow_leaves_the_lane_of_the_prompt() {
        let troubled = [
            Webhook { failures: 1, ..webhook() },
            Webhook { slow: true, ..webhook() },
            Webhook { rests_until: Some(hours(1)), ..webhook() },
        ];
        assert_eq!(webhook().lane(), Lane::Prompt);
        assert!(troubled.iter().all(|webhook| webhook.lane() == Lane::Patient));
    }

    #[test]
    fn who_fails_again_and_again_is_probed_and_left_alone_for_longer_each_time() {
        let now = hours(9);
        let after = |failures| {
            Webhook { failures, ..webhook() }.rest(None, now).map(|until| until.duration_since(now).as_secs())
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 9, 1000].map(after),
            [None, None, Some(5), Some(10), Some(20), Some(300), Some(300)]
        );
        let turn = |failures, rests_until| Webhook { failures, rests_until, ..webhook() }.turn(now);
        assert_eq!(turn(2, None), Turn::Now);
        assert_eq!(turn(3, Some(now)), Turn::Probe);
        assert_eq!(turn(0, Some(hours(10))), Turn::Later(hours(10)));
        let asked = webhook().rest(Some(SignedDuration::from_hours(99)), now);
        assert_eq!(asked, Some(hours(33)), "at most a day");
    }

    #[test]
    fn a_webhook_is_given_up_after_three_days_without_a_success() {
        let failing = Webhook { failing_since: Some(hours(0)), ..webhook() };
        assert!(!webhook().is_lost(hours(99)) && !failing.is_lost(hours(71)) && failing.is_lost(hours(72)));
    }

    #[test]
    fn a_secret_that_was_replaced_signs_for_a_day_also_when_its_successor_was_never_learned() {
        let mut webhook = webhook();
        for (at, name) in [(0, "second"), (1, "third")] {
            webhook.old_secrets = webhook.replaced(hours(at)).unwrap();
            webhook.secret = name.into();
        }
        assert_eq!(webhook.signing(hours(2)), ["third", "second", "new"]);
        assert_eq!(webhook.signing(hours(24)), ["third", "second"]);
        assert_eq!(webhook.signing(hours(25)), ["third"]);
        for _ in 0..2 {
            webhook.old_secrets = webhook.replaced(hours(2)).unwrap();
        }
        assert_eq!(webhook.replaced(hours(2)), None);
        assert!(webhook.replaced(hours(26)).is_some());
    }

    proptest! {
        #[test]
        fn chance_only_ever_adds_up_to_a_fifth(attempt in 1u32..=9, chance: u8) {
            let (least, pause) = (pause(attempt, None, 0).unwrap(), pause(attempt, None, chance).unwrap());
            prop_assert!(pause >= least && pause <= least + least / 5);
        }
    }
}
