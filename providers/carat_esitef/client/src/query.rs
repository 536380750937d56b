//! Asking what became of a transaction, and of the card that was to be kept with it (PROTOCOL.md 6.1, 9.5).
//!
//! CA-U25, CA-U26: cards themselves are never asked for, neither by number nor by list.

use payment::Account;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Target;

use crate::account::unconfigured;
use crate::answer::{Envelope, Heard, hear};
use crate::call::{self, ASKING_MS, Body, Operation};
use crate::codes::{self, Effect};
use crate::identifiers;
use crate::stage::Stage;
use crate::statuses::Meaning;
use crate::told::{Asked, Transaction};

/// Asking changes nothing: after a lost answer, ask again.
const QUERY: Operation = Operation {
    name: "get_transaction",
    method: "GET",
    timeout_ms: ASKING_MS,
    on_lost: AfterLost::FreshStart,
};
/// The same after a lost answer of a payment: what was lost there is still searched for when this is lost too.
const FIND: Operation = Operation { on_lost: AfterLost::Search, ..QUERY };
/// What is asked for comes as a notice, sooner or later (CA-59): its own answer says next to nothing.
const STORAGE: Operation = Operation {
    name: "query_storage",
    method: "POST",
    timeout_ms: ASKING_MS,
    on_lost: AfterLost::FreshStart,
};

pub fn begin(target: &Target, account: &Account) -> Result<Step, Box<Refusal>> {
    ask(QUERY, &target.provider_reference, account, &Stage::Query)
}

/// Looks a transaction, or a cancellation, up after a lost answer.
pub fn find(nit: &str, account: &Account, stage: &Stage) -> Result<Step, Box<Refusal>> {
    ask(FIND, nit, account, stage)
}

fn ask(operation: Operation, nit: &str, account: &Account, stage: &Stage) -> Result<Step, Box<Refusal>> {
    if !identifiers::is_nit(nit) {
        return Err(unconfigured("The attempt's provider reference is no `nit`."));
    }
    call::rest(operation, account, &["v1", "transactions", nit], &[], Body::default(), stage)
}

/// What a look-up tells; then, once the payment is taken and nobody has told what became of the card, its notice is asked for.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    let told = match transaction(answer) {
        Ok(told) => told,
        Err(step) => return *step,
    };
    let observation =
        told.observation(&target.provider_reference, Asked::of(target, account), answer.received_at);
    let observations = vec![observation];
    let is_taken = matches!(told.meaning(), Some(Meaning::Paid | Meaning::GivenBack));
    match target.awaited_instrument.as_deref().filter(|_| is_taken) {
        Some(nita) => {
            let stage = Stage::AskForStorage { observations: observations.clone() };
            ask_for_storage(nita, account, &stage).unwrap_or_else(|_| Step::Learned(observations.into()))
        }
        None => Step::Learned(observations.into()),
    }
}

/// CA-U18, CA-U40: whatever is answered, what is known comes by a notice, and while nothing is decided none comes.
fn ask_for_storage(nita: &str, account: &Account, stage: &Stage) -> Result<Step, Box<Refusal>> {
    if !identifiers::is_opaque(nita) {
        return Err(unconfigured("The instrument's provider reference is no `nita`."));
    }
    let path = ["armazenamento", "consultarArmazenamento.se"];
    call::html(STORAGE, account, &path, &[("nita", nita)], Body::default(), stage)
}

/// The transaction that an answer to a look-up tells of.
pub fn transaction(answer: &Answer) -> Result<Transaction, Box<Step>> {
    let unclear = |cause: &str| Err(Box::new(Step::Unclear { cause: cause.to_owned() }));
    match hear(answer) {
        Heard::Done(envelope) => match envelope.payment {
            Some(told) => Ok(told),
            None => unclear("the answer tells of no transaction"),
        },
        Heard::Refused(envelope) => match *envelope {
            Envelope { payment: Some(told), .. } if told.meaning().is_some() => Ok(told),
            envelope if codes::effect(envelope.code().unwrap_or_default()) == Effect::Ask => {
                unclear("the portal cannot tell now")
            }
            envelope => Err(Box::new(Step::Refused(envelope.refusal()))),
        },
        Heard::Unclear(cause) => unclear(cause),
    }
}
