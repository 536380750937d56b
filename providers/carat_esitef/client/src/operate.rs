//! Confirming and undoing what is held, and giving back what was taken (PROTOCOL.md 9.4, 9.10, 10.1).
//!
//! A cancellation has a name of its own, which no answer holds: it reaches the shop's authenticity address in the middle of
//! the call, and only a shop that answers there may go on. CA-U29: a JWT signed with the shop's own key could stand in for
//! that; its claims are not published, so that the notice is the only way that is gone.

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::operation::OperationKind;
use payment::step::{Advice, AfterLost, Answer, Refusal, Step};
use payment::task::Act;
use payment::{Account, Timestamp};
use serde::Serialize;

use crate::account::unconfigured;
use crate::answer::{Heard, hear};
use crate::call::{self, Body, Operation, PAYING_MS, USUAL_MS};
use crate::codes::{self, Effect};
use crate::open::written;
use crate::stage::{MOST_TRIES, Stage};
use crate::statuses::{self, Meaning};
use crate::told::{Asked, Cancellation, Transaction};
use crate::{dates, identifiers, query, subject};

/// A hold is confirmed or undone once: after a lost answer the transaction tells which.
const CONFIRM: Operation =
    Operation { name: "confirm", method: "PUT", timeout_ms: PAYING_MS, on_lost: AfterLost::Search };
/// A cancellation that is only announced gives nothing back, and ends by itself.
const ANNOUNCE: Operation = Operation {
    name: "begin_cancellation",
    method: "POST",
    timeout_ms: USUAL_MS,
    on_lost: AfterLost::FreshStart,
};
/// A cancellation is made once: after a lost answer it is looked up by its own name.
const CANCEL: Operation =
    Operation { name: "cancel", method: "PUT", timeout_ms: PAYING_MS, on_lost: AfterLost::Search };

/// The members of an announcement.
#[derive(Serialize)]
struct Announcement<'a> {
    esitef_usn: &'a str,
}

/// The members of a cancellation of a part.
#[derive(Serialize)]
struct Part {
    amount: String,
}

pub fn begin(act: &Act, account: &Account) -> Result<Step, Box<Refusal>> {
    let nit = &act.target.provider_reference;
    if !identifiers::is_nit(nit) {
        return Err(unconfigured("The attempt's provider reference is no `nit`."));
    }
    match act.kind {
        OperationKind::Capture | OperationKind::Release => {
            let is_capture = act.kind == OperationKind::Capture;
            let amount = written(act.amount)?;
            let mut query = vec![("confirm", if is_capture { "true" } else { "false" })];
            if is_capture && !act.is_whole {
                query.push(("amount", &amount));
            }
            call::rest(CONFIRM, account, &["v1", "payments", nit], &query, Body::default(), &Stage::Confirm)
        }
        OperationKind::Refund => {
            let number =
                act.movement.receipt.number.as_deref().filter(|number| identifiers::is_esitef_usn(number));
            let Some(esitef_usn) = number else {
                return Err(unconfigured("The portal never told its number of this payment (`esitef_usn`)."));
            };
            let body = Body::json(&Announcement { esitef_usn })?;
            call::rest(ANNOUNCE, account, &["v1", "cancellations"], &[], body, &Stage::BeginCancellation)
        }
    }
}

/// The next step after an answer.
pub fn resume(answer: &Answer, act: &Act, account: &Account, stage: Stage) -> Step {
    match stage {
        Stage::Confirm => confirmed(answer, act, account, 0),
        Stage::Find { tries } => confirmed(answer, act, account, tries),
        Stage::BeginCancellation => announced(answer, act, account),
        Stage::Cancel { nit } => cancelled(answer, act, account, &nit, 0),
        Stage::FindCancellation { nit, tries } => cancelled(answer, act, account, &nit, tries),
        Stage::Init
        | Stage::Create
        | Stage::Charge { .. }
        | Stage::Pay
        | Stage::Query
        | Stage::AskForStorage { .. } => {
            Step::Unclear { cause: "an answer to no call of this operation".to_owned() }
        }
    }
}

/// The next step after a lost answer. None: nothing was done, or nothing more is to be asked.
pub fn resume_lost(act: &Act, account: &Account, stage: &Stage) -> Option<Step> {
    match stage {
        Stage::Confirm => Some(find(act, account, 1)),
        Stage::Find { tries } => Some(find(act, account, tries + 1)),
        Stage::Cancel { nit } => Some(find_cancellation(account, nit, 1)),
        Stage::FindCancellation { nit, tries } => Some(find_cancellation(account, nit, tries + 1)),
        Stage::Init
        | Stage::Create
        | Stage::Charge { .. }
        | Stage::Pay
        | Stage::Query
        | Stage::AskForStorage { .. }
        | Stage::BeginCancellation => None,
    }
}

fn find(act: &Act, account: &Account, tries: u32) -> Step {
    if tries > MOST_TRIES {
        return Step::Unclear { cause: "the hold stands as before after three look-ups".to_owned() };
    }
    let step = query::find(&act.target.provider_reference, account, &Stage::Find { tries });
    step.unwrap_or_else(|refusal| Step::Unclear { cause: refusal.detail })
}

/// What became of a hold: by the call's own answer (`tries` 0), or by a look-up after it.
fn confirmed(answer: &Answer, act: &Act, account: &Account, tries: u32) -> Step {
    let (told, refusal) = match hear(answer) {
        Heard::Done(envelope) => (envelope.payment, None),
        Heard::Refused(envelope) => {
            let is_clear = codes::effect(envelope.code().unwrap_or_default()) == Effect::Nothing;
            let refusal = envelope.refusal();
            (envelope.payment, Some(refusal).filter(|_| is_clear && tries == 0))
        }
        Heard::Unclear(_) => (None, None),
    };
    let done = told
        .filter(|told| matches!(told.meaning(), Some(Meaning::Paid | Meaning::GivenBack | Meaning::Undone)));
    let Some(told) = done else {
        return refusal.map_or_else(|| find(act, account, tries + 1), Step::Refused);
    };
    let is_capture = act.kind == OperationKind::Capture;
    if is_capture == (told.meaning() == Some(Meaning::Undone)) {
        let detail = "The hold had been confirmed or undone before, the other way.".to_owned();
        return Step::Refused(Refusal {
            code: "provider_refused",
            provider_code: Some(told.status.for_people()),
            detail,
            complaints: Vec::new(),
            advice: Advice::Contact,
        });
    }
    let asked = Asked::of(&act.target, account);
    let kinds = match told.contradiction(asked) {
        Some(detail) => vec![FactKind::Contradicted { detail }],
        None => done_with_hold(&told, act, answer.received_at),
    };
    let facts = kinds.into_iter().map(|kind| Fact::new(answer.received_at, kind)).collect();
    Step::Learned(
        vec![Observation { subject: subject(account, &act.target.provider_reference), facts }].into(),
    )
}

/// A hold is confirmed once: what was not taken then is let go with it.
fn done_with_hold(told: &Transaction, act: &Act, at: Timestamp) -> Vec<FactKind> {
    let payment = &act.target.provider_reference;
    // What the portal told of the hold holds for what is taken from it: a cancellation needs its number.
    let receipt = act.movement.receipt.clone();
    let moved = |kind, amount| {
        let movement = movement(act, kind, payment, at, told.reason());
        FactKind::Moved(Movement { amount, receipt: receipt.clone(), ..movement })
    };
    let ended = |outcome| FactKind::Ended(Ending { outcome, reason: told.reason() });
    if act.kind == OperationKind::Release {
        return vec![moved(MovementKind::Release, act.amount), ended(Outcome::Cancelled)];
    }
    let rest = act.movement.amount.minus(act.amount).ok().filter(|rest| rest.minor > 0);
    let released = rest.map(|rest| moved(MovementKind::Release, rest));
    let taken = moved(MovementKind::Capture, act.amount);
    [taken].into_iter().chain(released).chain([ended(Outcome::Approved)]).collect()
}

/// The announcement was answered; its name came by a notice, or did not.
fn announced(answer: &Answer, act: &Act, account: &Account) -> Step {
    match hear(answer) {
        Heard::Done(_) => {}
        Heard::Refused(envelope) => return Step::Refused(envelope.refusal()),
        Heard::Unclear(cause) => return Step::Unclear { cause: cause.to_owned() },
    }
    let nit = answer.handed_over.as_deref().filter(|nit| identifiers::is_nit(nit));
    let Some(nit) = nit else {
        // Without its name the cancellation cannot be made, and ends by itself.
        return Step::Refused(*unconfigured(
            "The portal announced no cancellation at the authenticity address: is this account's registered there?",
        ));
    };
    let step = cancel(act, account, nit);
    step.unwrap_or_else(|refusal| Step::Refused(*refusal))
}

fn cancel(act: &Act, account: &Account, nit: &str) -> Result<Step, Box<Refusal>> {
    let body =
        if is_all(act) { Body::default() } else { Body::json(&Part { amount: written(act.amount)? })? };
    call::rest(
        CANCEL,
        account,
        &["v1", "cancellations", nit],
        &[],
        body,
        &Stage::Cancel { nit: nit.to_owned() },
    )
}

/// Whether the whole payment is given back in one go: only then no amount is told.
fn is_all(act: &Act) -> bool {
    act.amount == act.movement.amount
}

/// Whether nothing is left after it: then the portal tells it by the payment's own status, too.
fn is_last(act: &Act) -> bool {
    let refunds = act
        .target
        .movements
        .iter()
        .filter(|known| known.kind == MovementKind::Refund && known.state == MovementState::Approved);
    let before: i64 = refunds.map(|refund| refund.amount.minor).sum();
    before.saturating_add(act.amount.minor) >= act.movement.amount.minor
}

fn find_cancellation(account: &Account, nit: &str, tries: u32) -> Step {
    if tries > MOST_TRIES {
        return Step::Unclear { cause: "the cancellation is not decided after three look-ups".to_owned() };
    }
    let step = query::find(nit, account, &Stage::FindCancellation { nit: nit.to_owned(), tries });
    step.unwrap_or_else(|refusal| Step::Unclear { cause: refusal.detail })
}

/// What became of a cancellation: by the call's own answer (`tries` 0), or by a look-up after it.
fn cancelled(answer: &Answer, act: &Act, account: &Account, nit: &str, tries: u32) -> Step {
    let (told, refusal) = match hear(answer) {
        Heard::Done(envelope) => (envelope.cancellation, None),
        Heard::Refused(envelope) => {
            let is_clear = codes::effect(envelope.code().unwrap_or_default()) == Effect::Nothing;
            let refusal = envelope.refusal();
            (envelope.cancellation, Some(refusal).filter(|_| is_clear && tries == 0))
        }
        Heard::Unclear(_) => (None, None),
    };
    let told = told.filter(|told| told.nit.text().is_none_or(|told| told == nit));
    let meaning = told.as_ref().and_then(|told| told.status.text()).and_then(statuses::meaning);
    match (told, meaning) {
        (Some(told), Some(Meaning::Paid | Meaning::GivenBack)) => {
            given_back(&told, answer, act, account, nit)
        }
        (Some(told), Some(Meaning::Denied | Meaning::Failed | Meaning::Expired | Meaning::Cancelled)) => {
            Step::Refused(denied(&told))
        }
        _ => refusal.map_or_else(|| find_cancellation(account, nit, tries + 1), Step::Refused),
    }
}

/// The refund has the cancellation's name; the one that gives back all there is left has the payment's own, by which a query
/// tells of it too (EST).
fn given_back(told: &Cancellation, answer: &Answer, act: &Act, account: &Account, nit: &str) -> Step {
    let payment = &act.target.provider_reference;
    let amount = told.amount.text().map(|amount| identifiers::amount(amount.trim(), act.amount.currency));
    let facts = if amount.is_some_and(|amount| amount != Some(act.amount)) {
        let detail = format!("The portal gave back another amount than {}.", act.amount);
        vec![FactKind::Contradicted { detail }]
    } else {
        let name = if is_last(act) { payment } else { nit };
        let at = told.authorizer_date.text().and_then(dates::instant).filter(|at| *at <= answer.received_at);
        vec![FactKind::Moved(movement(
            act,
            MovementKind::Refund,
            name,
            at.unwrap_or(answer.received_at),
            reason(told),
        ))]
    };
    let facts = facts.into_iter().map(|kind| Fact::new(answer.received_at, kind)).collect();
    Step::Learned(vec![Observation { subject: subject(account, payment), facts }].into())
}

fn movement(act: &Act, kind: MovementKind, name: &str, at: Timestamp, reason: Reason) -> Movement {
    Movement {
        kind,
        provider_reference: name.to_owned(),
        parent: Some(act.movement.provider_reference.clone()),
        amount: act.amount,
        state: MovementState::Approved,
        at,
        reason,
        receipt: Receipt::default(),
    }
}

fn reason(told: &Cancellation) -> Reason {
    Reason {
        status: told.status.for_people(),
        code: told.authorizer_code.for_people(),
        message: told.authorizer_message.for_people(),
    }
}

fn denied(told: &Cancellation) -> Refusal {
    let why = told.authorizer_message.told().unwrap_or_else(|| "it did not say why".to_owned());
    Refusal {
        code: "provider_refused",
        provider_code: told.authorizer_code.told().or_else(|| told.status.told()),
        detail: format!("The portal did not give the money back: {why}."),
        complaints: Vec::new(),
        advice: Advice::Contact,
    }
}
