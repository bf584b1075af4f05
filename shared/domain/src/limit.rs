//! How many requests a client may make: so many in each window of time, of which every answer tells what is left.
//!
//! Windows are those of the clock, the same for all, so that a count needs no memory of when it began.

use jiff::Timestamp;

/// So many requests of one account and mode in each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    quota: u32,
    seconds: u32,
}

/// A limit that allows nothing, or that has no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit is a number of requests and a number of seconds, each above zero")]
pub struct NoLimit;

/// Where a client stands in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether its request is one too many.
    pub exceeded: bool,
    /// How many more it may make.
    pub remaining: u32,
    /// In how many seconds the next window begins: at least one.
    pub reset: u32,
}

impl Limit {
    /// So many requests in so many seconds.
    ///
    /// # Errors
    /// When one of them is zero.
    pub fn new(quota: u32, seconds: u32) -> Result<Self, NoLimit> {
        if quota == 0 || seconds == 0 { Err(NoLimit) } else { Ok(Limit { quota, seconds }) }
    }

    /// How many requests.
    pub fn quota(self) -> u32 {
        self.quota
    }

    /// In how many seconds.
    pub fn seconds(self) -> u32 {
        self.seconds
    }

    /// The number of the window of a moment.
    pub fn window(self, now: Timestamp) -> i64 {
        now.as_second().div_euclid(i64::from(self.seconds))
    }

    /// Where a client stands with its `used`th request of the window of `now`.
    pub fn standing(self, used: u64, now: Timestamp) -> Standing {
        let into = now.as_second().rem_euclid(i64::from(self.seconds));
        Standing {
            exceeded: used > u64::from(self.quota),
            remaining: self.quota.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            reset: self.seconds - u32::try_from(into).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_request_of_a_window_is_served_and_the_next_is_one_too_many() {
        let limit = Limit::new(3, 10).unwrap();
        let now: Timestamp = "2026-11-26T20:00:07.9Z".parse().unwrap();
        assert_eq!(limit.standing(1, now), Standing { exceeded: false, remaining: 2, reset: 3 });
        assert_eq!(limit.standing(3, now), Standing { exceeded: false, remaining: 0, reset: 3 });
        assert_eq!(limit.standing(4, now), Standing { exceeded: true, remaining: 0, reset: 3 });
        assert_eq!(limit.standing(u64::MAX, now).remaining, 0);
        assert_eq!((Limit::new(0, 10), Limit::new(1, 0)), (Err(NoLimit), Err(NoLimit)));
    }

    proptest! {
        #[test]
        fn who_waits_until_the_reset_is_in_the_next_window(second in -10_000_000i64..10_000_000_000, seconds in 1u32..100_000) {
            let limit = Limit::new(1, seconds).unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let reset = limit.standing(1, now).reset;
            prop_assert!((1..=seconds).contains(&reset));
            prop_assert_eq!(limit.window(now + i64::from(reset).seconds()), limit.window(now) + 1);
            prop_assert_eq!(limit.window(now + i64::from(reset - 1).seconds()), limit.window(now));
        }
    }
}
