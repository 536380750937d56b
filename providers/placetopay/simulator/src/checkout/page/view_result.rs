//! The result: the session as it stands, and each attempt in it.

use simulation::strict_json::Value;

use super::labels::Labels;
use super::money;
use super::view::{AttemptView, Frame, ResultPage};
use super::view_words::{heading, share_name};
use crate::checkout::account::Merchant;
use crate::checkout::attempt::Attempt;
use crate::checkout::charge::State;
use crate::checkout::course::Waiting;
use crate::checkout::reasons;
use crate::checkout::session::{Ending, Session};
use crate::checkout::transaction;
use crate::instant;

impl ResultPage {
    /// The session as it stands.
    pub fn new(frame: Frame, session: &Session, merchant: &Merchant) -> Self {
        let labels = frame.labels;
        let attempts = session.attempts.iter().enumerate().rev();
        let locked = session.order.payer.as_ref().and_then(|payer| payer.email.clone());
        let bank = session.in_flight().and_then(|attempt| {
            let waits = attempt.charge.reason() == Waiting::BankPage.reason() && at_bank(attempt);
            attempt.instrument.transfer().filter(|_| waits).map(|transfer| super::bank_address(&transfer.key))
        });
        let last_four =
            |stored: &Value| stored.at(&["5", "value"]).and_then(Value::as_str).map(str::to_owned);
        let may_retry = session.takes_attempts() && !session.is_collect();
        let retry = if session.paid().is_zero() { labels.try_again } else { labels.pay_rest };
        Self {
            heading: labels.session_heading(session),
            state: tone(session),
            attempts: attempts
                .map(|(index, attempt)| attempt_view(index + 1, attempt, session, merchant, labels))
                .collect(),
            stored: session.stored.as_ref().and_then(|stored| last_four(&stored.instrument)),
            refused_cards: session
                .refused_cards
                .iter()
                .rev()
                .map(|reason| format!("{reason}: {}", reasons::text(reason, session.language)))
                .collect(),
            bank,
            retry: may_retry.then_some(retry),
            is_pending: session.in_flight().is_some(),
            receipt_to: session.ending().and_then(|_| session.email.clone().or(locked)),
            return_url: session.order.return_url.clone(),
            frame,
        }
    }
}

fn at_bank(attempt: &Attempt) -> bool {
    matches!(attempt.charge.state, State::InFlight { waiting: Waiting::BankPage, .. })
}

fn tone(session: &Session) -> &'static str {
    match session.ending().map(|(ending, _)| ending) {
        None => "pending",
        Some(Ending::Approved) => "approved",
        Some(
            Ending::Abandoned
            | Ending::Expired
            | Ending::Exhausted
            | Ending::CancelledByMerchant
            | Ending::PartlyPaid,
        ) => "rejected",
    }
}

/// Each datum that the guide's figure shows of an attempt (AV-4.2-05).
fn attempt_view(
    ordinal: usize,
    attempt: &Attempt,
    session: &Session,
    merchant: &Merchant,
    labels: &'static Labels,
) -> AttemptView {
    let charge = &attempt.charge;
    let (title, state) = heading(charge, labels);
    let language = session.language;
    let parts = attempt.parts.iter().map(|part| {
        let (title, state) = heading(&part.charge, labels);
        let amount = money::with_currency(part.charge.amount, &part.charge.currency);
        (share_name(&part.share, labels), amount, state, format!("{title} ({})", part.charge.reason()))
    });
    let mut facts = vec![
        (labels.started_at, instant::for_people(attempt.started_at)),
        (labels.state, title.to_owned()),
        (labels.message, charge.message(language).to_owned()),
        (labels.method, attempt.instrument.shown()),
        (labels.amount, money::with_currency(charge.amount, &charge.currency)),
        (labels.transaction_date, instant::for_people(charge.changed_at)),
        (labels.response_code, charge.reason().to_owned()),
        (labels.authorization, transaction::authorization(charge, &attempt.instrument).to_owned()),
        (labels.receipt, charge.receipt()),
        (labels.ip_address, session.order.ip_address.clone()),
    ];
    if merchant.settings.shows_refunded && !charge.given_back.is_zero() {
        facts.push((labels.refunded, money::with_currency(charge.given_back, &charge.currency)));
    }
    AttemptView { ordinal, heading: title, state, parts: parts.collect(), facts }
}
