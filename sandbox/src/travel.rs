//! Time travel: moves the business clock in hops, from one due thing to the next, together with the
//! processes that follow it.
//!
//! A follower offers one URL. `GET` answers [`FollowerState`]; `POST` takes `{"offset_us", "now"}` and is
//! answered once the follower's clock shows it. After each hop everybody must come to rest before the
//! next, so that what a jump of a month causes happens in the order in which a month would cause it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use simulation::Timestamp;
use tokio::sync::Mutex;

use crate::due::{is_idle, next_due, run_due};
use crate::notices::causes;
use crate::state::State;

/// Hops of one journey.
const MOST_HOPS: u32 = 10_000;
/// Real time for everybody to come to rest after a hop.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// Between two looks at whether everybody rests.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// Failed calls in a row after which a follower is dropped.
const MOST_FAILURES: u32 = 3;
/// Between two tries to reach a follower.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Real time for a follower to answer one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Followers of one clock.
const MOST_FOLLOWERS: usize = 16;
/// Looks in a row that must find everybody at rest.
const QUIET_LOOKS: u32 = 2;

/// What a follower says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerState {
    /// Its business time.
    pub now: Timestamp,
    /// When something is due there next.
    pub next_due_at: Option<Timestamp>,
    /// Whether nothing is due and nothing is being done.
    pub idle: bool,
}

/// What a follower is told.
#[derive(Clone, Copy, Debug, Serialize)]
struct Push {
    offset_us: i64,
    now: Timestamp,
}

/// A journey that ended where it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// Business time before it.
    pub from: Timestamp,
    /// Business time after it.
    pub now: Timestamp,
    /// Microseconds that business time runs ahead.
    pub offset_us: i64,
    /// Stops on the way.
    pub hops: u32,
    /// Followers that were dropped because they did not answer.
    pub dropped: Vec<String>,
}

/// Why a journey stopped early. The clock stays where it was then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TravelError {
    /// The target lies before the clock.
    #[error("the clock only moves forward, and it is {now} already")]
    InThePast {
        /// The clock.
        now: Timestamp,
    },
    /// The target is beyond what a clock can show.
    #[error("the target is beyond the range of the clock")]
    OutOfRange,
    /// Somebody did not come to rest.
    #[error("{who} did not come to rest within {} s at {now}", LONGEST_REST.as_secs())]
    Restless {
        /// `sandbox`, or the follower's URL.
        who: String,
        /// The clock.
        now: Timestamp,
    },
    /// Something is due again and again.
    #[error("more than {MOST_HOPS} stops; the clock stays at {now}")]
    TooManyHops {
        /// The clock.
        now: Timestamp,
    },
    /// No more followers are taken.
    #[error("a clock has at most {MOST_FOLLOWERS} followers")]
    TooManyFollowers,
    /// A new follower could not be told the time.
    #[error("the follower did not take the time: {0}")]
    Unreachable(String),
}

/// Those who follow the clock. Its lock is also what lets one journey go at a time.
#[derive(Default)]
pub struct Followers {
    list: Mutex<Vec<Follower>>,
}

struct Follower {
    url: String,
    failures: u32,
}

impl Followers {
    /// The URLs, when no journey is on the way; `None` while one is.
    pub fn urls(&self) -> Option<Vec<String>> {
        let list = self.list.try_lock().ok()?;
        Some(list.iter().map(|follower| follower.url.clone()).collect())
    }
}

/// Takes a follower in and tells it the time. A URL that is known already is told again.
pub async fn follow(state: &State, url: &str) -> Result<(), TravelError> {
    let mut followers = state.followers.list.lock().await;
    let known = followers.iter().any(|follower| follower.url == url);
    if !known && followers.len() >= MOST_FOLLOWERS {
        return Err(TravelError::TooManyFollowers);
    }
    tell(state, url).await.map_err(TravelError::Unreachable)?;
    if !known {
        followers.push(Follower { url: url.to_owned(), failures: 0 });
    }
    Ok(())
}

/// Moves the clock by `seconds`.
pub async fn advance(state: &Arc<State>, seconds: u64) -> Result<Arrival, TravelError> {
    let distance = i64::try_from(seconds).map_err(|_| TravelError::OutOfRange)?;
    let target = state.clock.now().checked_add(jiff::SignedDuration::from_secs(distance));
    advance_to(state, target.map_err(|_| TravelError::OutOfRange)?).await
}

/// Moves the clock to `target`, stopping wherever something is due.
pub async fn advance_to(state: &Arc<State>, target: Timestamp) -> Result<Arrival, TravelError> {
    let mut followers = state.followers.list.lock().await;
    let mut journey = Journey { state, followers: &mut followers, dropped: Vec::new() };
    let from = state.clock.now();
    if target < from {
        return Err(TravelError::InThePast { now: from });
    }
    journey.rest().await?;
    let mut hops = 0;
    while let Some(stop) = journey.next_stop(target).await {
        if hops == MOST_HOPS {
            return Err(TravelError::TooManyHops { now: state.clock.now() });
        }
        hops += 1;
        journey.hop(stop).await?;
    }
    journey.hop(target).await?;
    let dropped = journey.dropped;
    Ok(Arrival { from, now: state.clock.now(), offset_us: state.clock.offset_us(), hops, dropped })
}

struct Journey<'a> {
    state: &'a Arc<State>,
    followers: &'a mut Vec<Follower>,
    dropped: Vec<String>,
}

impl Journey<'_> {
    /// Sets everybody's clock, runs what is due, waits for rest.
    async fn hop(&mut self, to: Timestamp) -> Result<(), TravelError> {
        self.state.clock.advance_to(to);
        for place in 0..self.followers.len() {
            while self.followers[place].failures < MOST_FAILURES {
                let told = tell(self.state, &self.followers[place].url).await;
                if self.count(place, told).is_some() {
                    break;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
        self.drop_the_silent();
        self.rest().await?;
        self.state.due_changed.notify_one();
        Ok(())
    }

    /// The next instant after now and not after `target` at which something is due anywhere.
    async fn next_stop(&mut self, target: Timestamp) -> Option<Timestamp> {
        let now = self.state.clock.now();
        let mut stop = next_due(self.state).filter(|due| *due > now);
        for place in 0..self.followers.len() {
            let asked = ask(self.state, &self.followers[place].url).await;
            let due =
                self.count(place, asked).and_then(|follower| follower.next_due_at).filter(|due| *due > now);
            stop = stop.into_iter().chain(due).min();
        }
        stop.filter(|stop| *stop <= target)
    }

    /// Waits until sandbox and followers have nothing due and nothing under way. One look is not enough:
    /// while the second follower is asked, the first may be given new work by it.
    async fn rest(&mut self) -> Result<(), TravelError> {
        let deadline = Instant::now() + LONGEST_REST;
        let mut quiet_looks = 0;
        loop {
            run_due(self.state);
            let activity = self.state.records().activity;
            let restless = self.restless().await;
            if restless.is_none() && activity == self.state.records().activity {
                quiet_looks += 1;
                if quiet_looks == QUIET_LOOKS {
                    return Ok(());
                }
                continue;
            }
            quiet_looks = 0;
            if Instant::now() > deadline {
                let who = restless.unwrap_or_else(|| "sandbox".into());
                return Err(TravelError::Restless { who, now: self.state.clock.now() });
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Somebody who is not at rest.
    async fn restless(&mut self) -> Option<String> {
        if !is_idle(self.state) {
            return Some("sandbox".into());
        }
        let mut restless = None;
        for place in 0..self.followers.len() {
            let asked = ask(self.state, &self.followers[place].url).await;
            if !self.count(place, asked).is_some_and(|follower| follower.idle) {
                restless = Some(self.followers[place].url.clone());
            }
        }
        self.drop_the_silent();
        restless
    }

    fn count<T>(&mut self, place: usize, outcome: Result<T, String>) -> Option<T> {
        let follower = &mut self.followers[place];
        match outcome {
            Ok(value) => {
                follower.failures = 0;
                Some(value)
            }
            Err(why) => {
                follower.failures += 1;
                tracing::warn!(
                    follower = follower.url,
                    why,
                    failures = follower.failures,
                    "a follower did not answer"
                );
                None
            }
        }
    }

    fn drop_the_silent(&mut self) {
        let dropped = &mut self.dropped;
        self.followers.retain(|follower| {
            let stays = follower.failures < MOST_FAILURES;
            if !stays {
                tracing::warn!(
                    follower = follower.url,
                    "a follower of the clock is dropped: it does not answer"
                );
                dropped.push(follower.url.clone());
            }
            stays
        });
    }
}

async fn ask(state: &State, url: &str) -> Result<FollowerState, String> {
    let checked = state.allowed_targets.check(url).map_err(|error| error.to_string())?;
    let answer = state.clients.usual().get(checked).timeout(CALL_TIMEOUT).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status).map_err(|error| causes(&error))?;
    answer.json().await.map_err(|error| causes(&error))
}

async fn tell(state: &State, url: &str) -> Result<(), String> {
    let checked = state.allowed_targets.check(url).map_err(|error| error.to_string())?;
    let push = Push { offset_us: state.clock.offset_us(), now: state.clock.now() };
    let answer = state.clients.usual().post(checked).timeout(CALL_TIMEOUT).json(&push).send().await;
    answer.and_then(reqwest::Response::error_for_status).map(drop).map_err(|error| causes(&error))
}
