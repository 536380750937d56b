//! Cancelling a session that nobody has paid yet (PROTOCOL.md 8).

use payment::Account;
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Target;
use serde::Deserialize;

use super::answer::{self, Unusable};
use super::call::{self, OnlyAuthentication, Operation};
use super::session::{self, Session};
use super::wire::Part;

/// A lost answer may have cancelled or not: look before anything else.
const CANCEL: Operation =
    Operation { name: "cancel_session", timeout_ms: 15_000, on_lost: AfterLost::Search };

pub fn begin(target: &Target, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    let body = OnlyAuthentication::new(account, moment)?;
    call::step(CANCEL, account, &["session", &target.provider_reference, "cancel"], &body)
}

/// The answer holds the session as it stands now, and it is read like any other look at it. A session that
/// is being paid or has ended is refused (`action_not_allowed`): nothing changed, and a query tells more.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    let cancelled = answer::read::<Cancelled>(answer);
    match cancelled.map(|cancelled| cancelled.session) {
        Ok(Part::Read(session)) => session::observe(&session, target, account, answer.received_at),
        Ok(Part::Absent | Part::Unreadable) => {
            Unusable::Unclear("the answer does not hold the cancelled session").into()
        }
        Err(unusable) => unusable.into(),
    }
}

#[derive(Deserialize)]
struct Cancelled {
    #[serde(default)]
    session: Part<Session>,
}
