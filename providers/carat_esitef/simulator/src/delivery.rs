//! How the notices about one subject fare: tried, delivered, given up (PROTOCOL.md 4.3).

/// Notices of one subject that are remembered; the oldest goes first.
const KEPT: usize = 64;

/// A notice, and how it fares.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was written.
    pub body: Vec<u8>,
    /// Deliveries begun.
    pub attempts: u32,
    /// How it stands.
    pub state: State,
}

/// How a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On its way, or waiting for its next try.
    Underway,
    /// Answered with 200.
    Delivered,
    /// Given up: the portal shows the transaction as `pending notice`.
    GivenUp,
}

impl State {
    /// The word that steering shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Underway => "underway",
            Self::Delivered => "delivered",
            Self::GivenUp => "pending notice",
        }
    }
}

/// The notices about one subject, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Deliveries(Vec<Sent>);

impl Deliveries {
    /// Remembers a notice that leaves.
    pub fn begin(&mut self, body: Vec<u8>) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(Sent { body, attempts: 1, state: State::Underway });
    }

    /// Hears how a try ended; answers whether it is to be tried again.
    pub fn end(&mut self, body: &[u8], is_delivered: bool, attempts_limit: u32) -> bool {
        let is_underway = |sent: &Sent| sent.state == State::Underway;
        // One that was spoilt on its way is none of those written here; it is taken for the oldest.
        let exact = self.0.iter().position(|sent| is_underway(sent) && sent.body == body);
        let place = exact.or_else(|| self.0.iter().position(is_underway));
        let Some(sent) = place.and_then(|place| self.0.get_mut(place)) else { return false };
        if is_delivered {
            sent.state = State::Delivered;
        } else if sent.attempts < attempts_limit {
            sent.attempts += 1;
            return true;
        } else {
            sent.state = State::GivenUp;
        }
        false
    }

    /// What steering shows of each: attempts and state.
    pub fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_tried_until_its_limit_and_then_given_up() {
        let mut deliveries = Deliveries::default();
        deliveries.begin(b"a".to_vec());
        assert!(deliveries.end(b"a", false, 3) && deliveries.end(b"a", false, 3));
        assert!(!deliveries.end(b"a", false, 3));
        let sent = deliveries.iter().next().expect("a notice");
        assert_eq!((sent.attempts, sent.state), (3, State::GivenUp));
        assert!(!deliveries.end(b"a", false, 9), "what is given up stays so");
        deliveries.begin(b"a".to_vec());
        assert!(!deliveries.end(b"a", true, 3));
        assert_eq!(deliveries.iter().last().map(|sent| sent.state), Some(State::Delivered));
    }
}
