//! Paying a transaction with a card, and charging a stored one in a single call (PROTOCOL.md 9.2, 9.3, 9.9).

use payment::fact::{Fact, FactKind, Opening};
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::{Authorization, Supplied, Supply};
use payment::{Account, Task};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::account::unconfigured;
use crate::answer::{Envelope, Heard, hear};
use crate::call::{self, Body, Operation, PAYING_MS};
use crate::codes::{self, Effect};
use crate::stage::{MOST_TRIES, Stage};
use crate::statuses::Meaning;
use crate::told::{Asked, Transaction};
use crate::{account, identifiers, open, query};

/// A transaction pays once, so that whoever lost the answer asks what happened (PROTOCOL.md 12.3).
const PAY: Operation =
    Operation { name: "pay", method: "POST", timeout_ms: PAYING_MS, on_lost: AfterLost::Search };
/// The same call under the same key is answered the same and charges once. CA-U24: with another body it is refused.
const CHARGE: Operation = Operation {
    name: "charge_stored",
    method: "POST",
    timeout_ms: PAYING_MS,
    on_lost: AfterLost::RepeatSame,
};

/// No member beside the card: creating the transaction told all else.
#[derive(Serialize)]
struct CardAlone {}

pub fn begin(supply: &Supply, account: &Account) -> Result<Step, Box<Refusal>> {
    let nit = &supply.target.provider_reference;
    if !identifiers::is_nit(nit) {
        return Err(unconfigured("The attempt's provider reference is no `nit`."));
    }
    let body = match &supply.supplied {
        Supplied::Card(card) => {
            let expiry = card.expiry_mmyy();
            let fields = [
                ("number", card.number()),
                ("expiry_date", expiry.expose_secret()),
                ("security_code", card.security_code()),
            ];
            Body::with_card(&CardAlone {}, &fields)?
        }
        // Number and expiry stay with the portal; the code was typed this minute (CA-43, CA-44).
        Supplied::Code(stored, code) => {
            let token = usable(stored.token.expose_secret())?;
            Body::with_card(&CardAlone {}, &[("token", token), ("security_code", code.digits())])?
        }
    };
    call::rest(PAY, account, &["v1", "payments", nit], &[], body, &Stage::Pay)
}

/// The answer to a payment. Whatever may have been done is looked up.
pub fn read(answer: &Answer, supply: &Supply, account: &Account) -> Step {
    let nit = &supply.target.provider_reference;
    match hear(answer) {
        Heard::Done(envelope) | Heard::Refused(envelope) if is_decided(&envelope) => {
            let told = envelope.payment.unwrap_or_default();
            let asked = Asked::of(&supply.target, account);
            Step::Learned(vec![told.observation(nit, asked, answer.received_at)].into())
        }
        Heard::Refused(envelope) => match codes::effect(envelope.code().unwrap_or_default()) {
            Effect::Nothing | Effect::CodeWanted => Step::Refused(envelope.refusal()),
            Effect::Ask => find(supply, account, 1),
        },
        Heard::Done(_) | Heard::Unclear(_) => find(supply, account, 1),
    }
}

/// One more look-up of a payment whose answer does not tell, or none any more: then the hub goes on asking, and the order
/// takes no other payment in the meantime.
pub fn find(supply: &Supply, account: &Account, tries: u32) -> Step {
    if tries > MOST_TRIES {
        return Step::Unclear { cause: "the payment is not decided after three look-ups".to_owned() };
    }
    let step = query::find(&supply.target.provider_reference, account, &Stage::Find { tries });
    step.unwrap_or_else(|refusal| Step::Unclear { cause: refusal.detail })
}

/// The answer to such a look-up. A transaction that still waits may be being paid at this moment.
pub fn found(answer: &Answer, supply: &Supply, account: &Account, tries: u32) -> Step {
    let told = query::transaction(answer).ok().filter(decides);
    let Some(told) = told else { return find(supply, account, tries + 1) };
    let asked = Asked::of(&supply.target, account);
    Step::Learned(vec![told.observation(&supply.target.provider_reference, asked, answer.received_at)].into())
}

/// Charges a stored card: the token alone, under a key of its own (CA-42, CA-49).
pub fn charge(authorization: &Authorization, account: &Account, tries: u32) -> Result<Step, Box<Refusal>> {
    let Some(stored) = &authorization.instrument else {
        return Err(unconfigured("There is no stored card to charge."));
    };
    let token = usable(stored.token.expose_secret())?;
    let mut members = open::AskedFor::of(authorization, account)?;
    let count = authorization.order.instalments.unwrap_or(1);
    members.installments = Some(count.to_string());
    members.installment_type = Some(account::instalment_type(account, count));
    let body = Body::with_card(&members, &[("token", token)])?;
    let body = body.with_header("idempotency_key", authorization.reference.clone());
    call::rest(CHARGE, account, &["v2", "payments"], &[], body, &Stage::Charge { tries })
}

/// The answer to such a charge. Where the code is wanted nothing was charged: the shopper is led back to give it (CA-47).
pub fn charged(answer: &Answer, authorization: &Authorization, account: &Account, tries: u32) -> Step {
    match hear(answer) {
        Heard::Done(envelope) | Heard::Refused(envelope) if is_decided(&envelope) => {
            let told = envelope.payment.unwrap_or_default();
            learned(&told, answer, authorization, account)
        }
        Heard::Refused(envelope) => match codes::effect(envelope.code().unwrap_or_default()) {
            Effect::Nothing => Step::Refused(envelope.refusal()),
            Effect::CodeWanted => {
                open::create(authorization, account).unwrap_or_else(|refusal| Step::Refused(*refusal))
            }
            Effect::Ask => again(authorization, account, tries),
        },
        Heard::Done(_) | Heard::Unclear(_) => again(authorization, account, tries),
    }
}

/// The same charge again, or no more: then the hub goes on repeating it.
pub fn again(authorization: &Authorization, account: &Account, tries: u32) -> Step {
    if tries >= MOST_TRIES {
        return Step::Unclear { cause: "the charge is not answered after three tries".to_owned() };
    }
    charge(authorization, account, tries + 1)
        .unwrap_or_else(|refusal| Step::Unclear { cause: refusal.detail })
}

fn learned(told: &Transaction, answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let Some(nit) = told.nit() else {
        return Step::Unclear { cause: "the answer names no transaction".to_owned() };
    };
    if told.names_another(&authorization.reference) {
        return Step::Unclear { cause: "the answer tells of another order".to_owned() };
    }
    let mut observation = told.observation(nit, open::asked(authorization, account), answer.received_at);
    let opening = Opening {
        provider_reference: nit.to_owned(),
        pay_url: None,
        pay_code: None,
        expires_at: authorization.expires_at,
    };
    observation.facts.insert(0, Fact::new(answer.received_at, FactKind::Opened(opening)));
    Step::Learned(vec![observation].into())
}

/// Whether an answer tells what became of the payment: a denial tells it, too.
fn is_decided(envelope: &Envelope) -> bool {
    // A missing code denies nothing: it is asked for.
    let wants_code = codes::effect(envelope.code().unwrap_or_default()) == Effect::CodeWanted;
    let told = envelope.payment.as_ref().filter(|told| decides(told));
    told.is_some_and(|told| !wants_code || matches!(told.meaning(), Some(Meaning::Paid | Meaning::Held)))
}

fn decides(told: &Transaction) -> bool {
    // A word that is not known is kept and shown.
    told.status.text().is_some() && told.meaning() != Some(Meaning::Waiting)
}

/// A token that can be sent.
fn usable(token: &str) -> Result<&str, Box<Refusal>> {
    if identifiers::is_hash(token) {
        Ok(token)
    } else {
        Err(unconfigured("The stored card's token is none of the portal's."))
    }
}

/// Takes up the step that follows an answer, or the loss of one, in a task that pays.
pub fn resume_lost(task: &Task, account: &Account, stage: &Stage) -> Option<Step> {
    match (task, stage) {
        (Task::Pay(supply), Stage::Pay) => Some(find(supply, account, 1)),
        (Task::Pay(supply), Stage::Find { tries }) => Some(find(supply, account, tries + 1)),
        (Task::ChargeStored(authorization), Stage::Charge { tries }) => {
            Some(again(authorization, account, *tries))
        }
        _ => None,
    }
}
