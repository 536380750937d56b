//! What a process remembers of notices, so that floods of them cost no database. Safe to lose: the record is in the
//! database, and what is forgotten is looked up there again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use payment::Timestamp;
use payment::notice::Verdict;

/// Unverified notices kept per account and hour; what comes above it is answered and counted only.
pub const UNVERIFIED_KEPT_PER_HOUR: usize = 200;
/// The same for genuine ones that change nothing: repeated, tests, about what we do not know.
pub const IDLE_KEPT_PER_HOUR: usize = 200;
/// Over which time the kept ones are counted.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Keys of valid notices remembered, of all accounts together.
const KEYS_REMEMBERED: usize = 16_384;

/// Which notices share a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bounded {
    /// Nobody vouches for them.
    Unverified,
    /// Genuine, and they change nothing.
    Idle,
}

impl Bounded {
    /// The bound that a verdict falls under; a valid notice has none.
    pub const fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Valid => None,
            Verdict::Test | Verdict::Repeated | Verdict::UnknownReference => Some(Self::Idle),
            Verdict::Forged
            | Verdict::Unsigned
            | Verdict::Unverifiable
            | Verdict::Unreadable
            | Verdict::Outside => Some(Self::Unverified),
        }
    }

    const fn most(self) -> usize {
        match self {
            Self::Unverified => UNVERIFIED_KEPT_PER_HOUR,
            Self::Idle => IDLE_KEPT_PER_HOUR,
        }
    }
}

/// The memory.
#[derive(Default)]
pub struct NoticeMemory {
    kept: Mutex<HashMap<String, Kept>>,
    taken: Mutex<Taken>,
}

/// When notices of an account were kept, oldest first.
#[derive(Default)]
struct Kept {
    unverified: VecDeque<Timestamp>,
    idle: VecDeque<Timestamp>,
}

/// The latest keys, oldest first.
#[derive(Default)]
struct Taken {
    keys: HashSet<(String, String)>,
    order: VecDeque<(String, String)>,
}

impl NoticeMemory {
    /// Since when the record has to be read to know what was kept of an account; none when it is known already.
    pub fn unknown_since(&self, account: &str, now: Timestamp) -> Option<Timestamp> {
        (!lock(&self.kept).contains_key(account)).then(|| now - WINDOW)
    }

    /// Learns from the record what was kept of an account. Who comes second changes nothing.
    pub fn learn(&self, account: &str, record: impl IntoIterator<Item = (Timestamp, Bounded)>) {
        lock(&self.kept).entry(account.to_owned()).or_insert_with(|| {
            let mut kept = Kept::default();
            record.into_iter().for_each(|(at, bounded)| kept.line(bounded).push_back(at));
            kept
        });
    }

    /// Whether one more notice may be kept, and counts it.
    pub fn may_keep(&self, account: &str, bounded: Bounded, now: Timestamp) -> bool {
        let mut kept = lock(&self.kept);
        let line = kept.entry(account.to_owned()).or_default().line(bounded);
        while line.front().is_some_and(|at| *at < now - WINDOW) {
            line.pop_front();
        }
        let has_room = line.len() < bounded.most();
        if has_room {
            line.push_back(now);
        }
        has_room
    }

    /// Remembers that a valid notice was taken; only once that is durable.
    pub fn remember_taken(&self, account: &str, repeat_key: &str) {
        let mut taken = lock(&self.taken);
        let key = (account.to_owned(), repeat_key.to_owned());
        if taken.keys.insert(key.clone()) {
            taken.order.push_back(key);
        }
        if taken.order.len() > KEYS_REMEMBERED
            && let Some(oldest) = taken.order.pop_front()
        {
            taken.keys.remove(&oldest);
        }
    }

    /// Whether a notice is known to repeat one that was taken. No says nothing.
    pub fn was_taken(&self, account: &str, repeat_key: &str) -> bool {
        lock(&self.taken).keys.contains(&(account.to_owned(), repeat_key.to_owned()))
    }
}

impl Kept {
    const fn line(&mut self, bounded: Bounded) -> &mut VecDeque<Timestamp> {
        match bounded {
            Bounded::Unverified => &mut self.unverified,
            Bounded::Idle => &mut self.idle,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-03-14T15:00:00Z".parse().expect("a time");
        start + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn an_hour_has_room_for_so_many_of_each_kind_and_account() {
        let memory = NoticeMemory::default();
        let kept = |bounded, minute| memory.may_keep("a", bounded, at(minute));
        assert_eq!((0..300).filter(|_| kept(Bounded::Unverified, 0)).count(), UNVERIFIED_KEPT_PER_HOUR);
        assert!(kept(Bounded::Idle, 0) && memory.may_keep("b", Bounded::Unverified, at(0)));
        assert!(!kept(Bounded::Unverified, 60));
        assert!(kept(Bounded::Unverified, 61));
    }

    #[test]
    fn what_the_record_tells_counts_and_is_learned_once() {
        let memory = NoticeMemory::default();
        assert_eq!(memory.unknown_since("a", at(90)), Some(at(30)));
        memory.learn("a", (0..IDLE_KEPT_PER_HOUR).map(|_| (at(40), Bounded::Idle)));
        memory.learn("a", []);
        assert_eq!(memory.unknown_since("a", at(90)), None);
        assert!(!memory.may_keep("a", Bounded::Idle, at(90)));
        assert!(memory.may_keep("a", Bounded::Idle, at(101)));
    }

    #[test]
    fn the_oldest_keys_are_forgotten() {
        let memory = NoticeMemory::default();
        (0..=KEYS_REMEMBERED).for_each(|number| memory.remember_taken("a", &number.to_string()));
        assert!(!memory.was_taken("a", "0") && memory.was_taken("a", "1"));
        assert!(!memory.was_taken("b", "1"));
    }
}
