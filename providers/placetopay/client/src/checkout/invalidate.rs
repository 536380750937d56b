//! Taking away a card that the provider keeps (PROTOCOL.md 10).

use payment::Account;
use payment::fact::{Fact, FactKind, Observation, Reason};
use payment::instrument::{InstrumentTelling, KeepingState, StoredInstrument};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Refusal, Step};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::answer::{self, Status, Unusable};
use super::call::{self, Operation};
use super::instrument::{self, TokenMember};
use super::wire::Part;
use crate::authentication::Authentication;

/// What is gone cannot go again.
const INVALIDATE: Operation =
    Operation { name: "invalidate_token", timeout_ms: 15_000, on_lost: AfterLost::RepeatSame };

/// The reason of a token that nothing can be charged with. AV-U32: a second invalidation is assumed to be answered so.
const INVALID_TOKEN: &str = "XN";

#[derive(Serialize)]
struct Invalidate<'a> {
    auth: Authentication,
    instrument: Instrument<'a>,
}

#[derive(Serialize)]
struct Instrument<'a> {
    token: TokenMember<'a>,
}

#[derive(Deserialize)]
struct Invalidated {
    #[serde(default)]
    status: Part<Status>,
}

pub fn begin(stored: &StoredInstrument, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    let token = TokenMember { token: &stored.token, instalments: None };
    let body = Invalidate { auth: Authentication::new(account, moment)?, instrument: Instrument { token } };
    call::step(INVALIDATE, account, &["instrument", "invalidate"], &body)
}

/// That it is done now, or was before: either way nothing can be charged with it any more.
pub fn read(answer: &Answer, stored: &StoredInstrument, account: &Account) -> Step {
    let status = match answer::read::<Invalidated>(answer) {
        Ok(invalidated) => invalidated.status.read().cloned().unwrap_or_default(),
        Err(Unusable::Refused(refusal)) if refusal.provider_code.as_deref() == Some(INVALID_TOKEN) => {
            let reason = Reason { code: INVALID_TOKEN.to_owned(), ..Reason::default() };
            return removed(reason, answer, stored, account);
        }
        Err(unusable) => return unusable.into(),
    };
    match status.status.text() {
        Some("OK" | "APPROVED") => removed(status.told(), answer, stored, account),
        _ => Unusable::Unclear("the answer does not tell whether the token was taken away").into(),
    }
}

fn removed(reason: Reason, answer: &Answer, stored: &StoredInstrument, account: &Account) -> Step {
    let telling = InstrumentTelling {
        provider_reference: stored.provider_reference.clone(),
        state: KeepingState::Removed,
        digest: instrument::digest_of(stored.token.expose_secret()),
        brand: stored.brand.clone(),
        bin: None,
        last_four: None,
        valid_until: None,
        reason,
    };
    let facts = vec![Fact::new(answer.received_at, FactKind::Instrument(telling))];
    let subject = instrument::subject(account, &stored.provider_reference);
    Step::Learned(vec![Observation { subject, facts }].into())
}
