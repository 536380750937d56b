//! Who wants to be left alone, and for how long: what the wire saw, beside what the hub believes.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use payment::Timestamp;
use simulation::Reply;

/// What the hub documents of its gate (docs/operating): a 429 without a wish, the longest wish, and the breaker.
const USUAL_PAUSE_S: i64 = 5;
const LONGEST_PAUSE_S: i64 = 900;
const FAILURES: u32 = 5;
const BREAKER_REST_S: i64 = 30;
/// The operations that no breaker holds: what takes back always goes.
const TAKES_BACK: [&str; 2] = ["cancel_session", "delete_cip"];

/// Who wants to be left alone.
#[derive(Default)]
pub struct Rests {
    accounts: BTreeMap<String, Account>,
    /// Events, and the second before which they are not to come again.
    events: BTreeMap<String, i64>,
}

#[derive(Default)]
struct Account {
    paused_until: Option<Timestamp>,
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Rests {
    /// A hub that starts anew knows nothing of what was asked of the one before, and of a refusal only what that one
    /// still wrote down.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is wrong with a call at this instant, if anything is.
    pub fn judge_call(&mut self, account: &str, operation: &str, now: Timestamp) -> Option<String> {
        let rest = self.accounts.get(account)?;
        if rest.paused_until.is_some_and(|until| now < until) {
            return Some(format!("{operation} was sent to an account that had asked for patience"));
        }
        let is_held = rest.open_until.is_some_and(|until| now < until) && !TAKES_BACK.contains(&operation);
        is_held.then(|| format!("{operation} was sent although {} calls in a row had failed", rest.failures))
    }

    /// Whether calls of an account may be held.
    pub fn may_hold(&self, account: &str, now: Timestamp) -> bool {
        self.accounts.get(account).is_some_and(|rest| {
            rest.paused_until.into_iter().chain(rest.open_until).any(|until| now <= until)
        })
    }

    /// Notes what came of a call.
    pub fn note_answer(&mut self, account: &str, reply: Option<&Reply>, now: Timestamp) {
        let rest = self.accounts.entry(account.to_owned()).or_default();
        let Some(reply) = reply else {
            rest.failures += 1;
            if rest.failures >= FAILURES {
                rest.open_until = Some(now + SignedDuration::from_secs(BREAKER_REST_S));
            }
            return;
        };
        (rest.failures, rest.open_until) = (0, None);
        if reply.status == 429 {
            let wish = reply.headers.iter().find(|(name, _)| name == "retry-after");
            let wish = wish.and_then(|(_, value)| value.parse().ok()).unwrap_or(USUAL_PAUSE_S);
            rest.paused_until = Some(now + SignedDuration::from_secs(wish.min(LONGEST_PAUSE_S)));
        }
    }

    /// What is wrong with an event that is posted at this second, if anything is.
    pub fn judge_post(&self, event: &str, timestamp_s: i64) -> Option<String> {
        let until = self.events.get(event)?;
        (timestamp_s < *until).then(|| format!("event {event} came again before its endpoint wanted it"))
    }

    /// Notes that an endpoint refused an event.
    pub fn note_refusal(&mut self, event: String, timestamp_s: i64, retry_after_s: Option<u32>) {
        if let Some(seconds) = retry_after_s {
            self.events.insert(event, timestamp_s + i64::from(seconds));
        }
    }
}
