//! Whether a charge was given back in the provider's own panel, of which nothing else tells: asked once a day for a while, where
//! the merchant wants that. Not while an account is being certified: a settled payment is not asked for then.

use payment::Timestamp;
use payment::account::Environment;

use crate::fault::fault;
use crate::flow::query_policy::seconds;
use crate::state::Hub;
use crate::store::Payment;

const DAY_S: i64 = 24 * 60 * 60;

/// When a settled payment is next looked at. None: never again.
pub(super) fn next_check(hub: &Hub, payment: &Payment, now: Timestamp) -> Option<Timestamp> {
    let (charged_at, days) = looked_at_since(hub, payment)?;
    (1..=days).map(|day| charged_at + seconds(DAY_S * day)).find(|at| *at > now)
}

/// Whether the look of a day is due.
pub(super) fn is_due(hub: &Hub, payment: &Payment, now: Timestamp) -> bool {
    let within = |(charged_at, days): (Timestamp, i64)| {
        now >= charged_at + seconds(DAY_S) && now < charged_at + seconds(DAY_S * (days + 1))
    };
    looked_at_since(hub, payment).is_some_and(within)
}

/// Since when a payment is looked at, and for how many days.
fn looked_at_since(hub: &Hub, payment: &Payment) -> Option<(Timestamp, i64)> {
    // What the provider has repeated by itself cannot be asked for.
    let (account, provider) =
        hub.account(&payment.account_id).filter(|_| payment.detail.recurrence_of.is_none())?;
    let days = match account.environment {
        Environment::Certification if !fault!("look_at_the_panel_in_certifications") => 0,
        Environment::Certification | Environment::Test | Environment::Production => {
            provider.panel_check_days(account)
        }
    };
    let is_kept = payment.kept().minor > 0 && !payment.status.is_open();
    let charged_at = payment.detail.decided_at?;
    (days > 0 && is_kept && !fault!("never_look_at_the_panel")).then_some((charged_at, i64::from(days)))
}
