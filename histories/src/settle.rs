//! The end of all trouble: partners answer, notices arrive or are lost for good, and time passes until nothing is due.

use hub::crash::rehearsal;
use hub::workers;
use jiff::SignedDuration;
use payment::Timestamp;

use crate::world::World;

/// How far time runs: the longest life of an order, the provider's grace and some looks more.
const HORIZON: SignedDuration = SignedDuration::from_hours(9 * 24);
/// Longer than any claim of a dead hub lasts.
const LEASE: SignedDuration = SignedDuration::from_secs(95);
/// Most hops from one due thing to the next, and most rounds at one instant.
const MOST_HOPS: usize = 400;
const MOST_ROUNDS: usize = 200;
/// Most that is claimed in one round.
const AT_ONCE: u32 = 64;

impl World {
    /// Settles everything.
    pub async fn settle(&self, is_silent: bool) {
        rehearsal::begin(None);
        {
            let mut state = self.wire.state();
            state.hardships.clear();
            state.moods.iter_mut().for_each(|moods| moods.clear());
        }
        // Whatever a dead hub had claimed is free again.
        self.pass(LEASE).await;
        let end = self.clock.now() + HORIZON;
        for _ in 0..MOST_HOPS {
            self.take_notices(is_silent).await;
            self.do_what_is_due().await;
            let Some(next) = self.next_due().await.filter(|next| *next <= end) else {
                return self.judge_settled().await;
            };
            let ahead = next.duration_since(self.clock.now());
            // What is due and was not claimed is claimed by somebody who no longer lives.
            self.pass(if ahead.is_positive() { ahead } else { LEASE }).await;
        }
        self.find("the hub does not come to rest");
    }

    async fn take_notices(&self, is_silent: bool) {
        loop {
            let notice = self.wire.state().provider.notices.pop_front();
            let Some(notice) = notice else { return };
            if !is_silent {
                self.notify(&notice).await;
            }
            self.wire.state().seen.push(notice);
        }
    }

    async fn do_what_is_due(&self) {
        for _ in 0..MOST_ROUNDS {
            if self.work(AT_ONCE).await + self.deliver(AT_ONCE).await == 0 {
                return;
            }
        }
        self.find("the hub does the same work again and again");
    }

    /// When something is due next, at the hub or at the provider.
    async fn next_due(&self) -> Option<Timestamp> {
        let hub = workers::next_due(&self.hub()).await;
        let hub = hub.unwrap_or_else(|error| {
            self.find(format!("what is due next cannot be read: {error}"));
            None
        });
        let provider = self.wire.state().provider.next_due();
        match (hub, provider) {
            (Some(hub), Some(provider)) => Some(hub.min(provider)),
            (one, other) => one.or(other),
        }
    }
}
