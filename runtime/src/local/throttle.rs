//! Limits the requests to a provider that asks to slow down. The limit holds for all stages that use
//! the provider: nothing is sent before the pause is over, then fewer requests at once, and more again
//! with every answer. (Additive increase, multiplicative decrease, as TCP does; RFC 5681.)

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::request::RequestId;

/// First pause when the provider names none; doubled each time in a row.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause of our own.
const LONGEST: Duration = Duration::from_secs(60);
/// So many at once need no limit any more.
const FREE: f64 = 64.0;

/// How a request to a provider ended, as far as its limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was served, or failed for reasons of its own.
    Served,
    /// It was told to slow down, perhaps for how long.
    Slow(Option<Duration>),
    /// It was given up.
    GivenUp,
}

#[derive(Default)]
struct Provider {
    running: usize,
    /// Most at once; unlimited if absent.
    limit: Option<f64>,
    blocked_until: Option<Instant>,
    /// How often in a row it asked to slow down.
    strikes: u32,
    queue: VecDeque<RequestId>,
}

impl Provider {
    fn may_start(&self, now: Instant) -> bool {
        self.blocked_until.is_none_or(|t| t <= now)
            && self.limit.is_none_or(|l| (self.running as f64) < l.floor().max(1.0))
    }
}

/// The providers of a run.
#[derive(Default)]
pub(super) struct Throttle {
    providers: HashMap<String, Provider>,
    of: HashMap<RequestId, String>,
}

impl Throttle {
    /// Whether a request may be sent now. If not, [`Throttle::take_due`] names it later.
    pub(super) fn admit(&mut self, provider: &str, id: RequestId, now: Instant) -> bool {
        self.of.insert(id, provider.to_owned());
        let known = self.providers.entry(provider.to_owned()).or_default();
        if known.queue.is_empty() && known.may_start(now) {
            known.running += 1;
            return true;
        }
        known.queue.push_back(id);
        false
    }

    /// A request ended, or was given up before it was sent.
    pub(super) fn note_end(&mut self, id: RequestId, how: Ended, now: Instant) {
        let Some(provider) = self.of.remove(&id).and_then(|name| self.providers.get_mut(&name)) else {
            return;
        };
        if let Some(position) = provider.queue.iter().position(|q| *q == id) {
            provider.queue.remove(position);
            return;
        }
        let at_once = provider.running;
        provider.running = provider.running.saturating_sub(1);
        match how {
            Ended::GivenUp => {}
            Ended::Served => {
                provider.strikes = 0;
                if let Some(limit) = provider.limit {
                    let more = limit + 1.0 / limit;
                    provider.limit = (more < FREE).then_some(more);
                }
            }
            Ended::Slow(pause) => {
                let own = PAUSE.saturating_mul(1 << provider.strikes.min(6)).min(LONGEST);
                provider.strikes += 1;
                let until = now + pause.unwrap_or(own);
                // Refusals of requests that were under way at the same time count as one.
                let fresh = provider.blocked_until.is_none_or(|t| t <= now);
                provider.blocked_until = Some(provider.blocked_until.map_or(until, |t| t.max(until)));
                if fresh {
                    let limit = provider.limit.unwrap_or(at_once as f64);
                    provider.limit = Some((limit / 2.0).max(1.0));
                }
            }
        }
    }

    /// When a provider may be asked again that asked to slow down.
    pub(super) fn opens_at(&self, provider: &str) -> Option<Instant> {
        self.providers.get(provider)?.blocked_until
    }

    /// What may be sent now.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<RequestId> {
        let mut out = Vec::new();
        for provider in self.providers.values_mut() {
            while provider.may_start(now)
                && let Some(id) = provider.queue.pop_front()
            {
                provider.running += 1;
                out.push(id);
            }
        }
        out.sort_unstable();
        out
    }

    /// When to look again, if anything waits for a pause to end.
    pub(super) fn next(&self) -> Option<Instant> {
        self.providers.values().filter(|p| !p.queue.is_empty()).filter_map(|p| p.blocked_until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> RequestId {
        RequestId(n)
    }

    #[test]
    fn one_that_is_told_to_slow_down_slows_the_others() {
        let (mut t, start) = (Throttle::default(), Instant::now());
        for n in 0..8 {
            assert!(t.admit("a", id(n), start));
        }
        t.note_end(id(0), Ended::Slow(Some(Duration::from_secs(5))), start);
        assert!(!t.admit("a", id(10), start), "the provider rests");
        assert!(t.admit("b", id(11), start), "another does not");
        let later = start + Duration::from_secs(5);
        assert_eq!((t.opens_at("a"), t.opens_at("b")), (Some(later), None));
        assert_eq!(t.next(), Some(later));
        assert!(t.take_due(start + Duration::from_secs(4)).is_empty());
        // Half of eight at once, and seven still run.
        assert!(t.take_due(later).is_empty());
        for n in 1..5 {
            t.note_end(id(n), Ended::Served, later);
        }
        assert_eq!(t.take_due(later), [id(10)]);
    }

    #[test]
    fn told_together_counts_once_and_pauses_grow() {
        let (mut t, start) = (Throttle::default(), Instant::now());
        for n in 0..4 {
            t.admit("a", id(n), start);
        }
        for n in 0..4 {
            t.note_end(id(n), Ended::Slow(None), start);
        }
        assert!(!t.admit("a", id(9), start));
        assert!(!t.admit("a", id(10), start));
        assert!(!t.admit("a", id(11), start));
        let later = start + Duration::from_secs(60);
        assert_eq!(t.take_due(later), [id(9), id(10)], "two at once are left of four");
        t.note_end(id(9), Ended::Served, later);
        assert_eq!(t.take_due(later), [id(11)]);
    }

    #[test]
    fn what_is_given_up_makes_room() {
        let (mut t, start) = (Throttle::default(), Instant::now());
        t.admit("a", id(1), start);
        t.note_end(id(1), Ended::Slow(Some(Duration::from_secs(1))), start);
        assert!(!t.admit("a", id(2), start));
        assert!(!t.admit("a", id(3), start));
        t.note_end(id(2), Ended::GivenUp, start);
        assert_eq!(t.take_due(start + Duration::from_secs(1)), [id(3)]);
    }
}
