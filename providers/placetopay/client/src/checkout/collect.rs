//! Charging a card that the provider keeps: answered at once, and final unless it is pending (PROTOCOL.md 9).

use jiff::SignedDuration;
use payment::Account;
use payment::fact::{Fact, FactKind, Opening};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Learned, Refusal, Step};
use payment::task::{Authorization, Target};
use serde::Serialize;

use super::answer::{self, Unusable};
use super::call::{self, Operation};
use super::create::locale;
use super::instrument::TokenMember;
use super::order::{Buyer, Payment};
use super::session::{self, Session};
use crate::authentication::{Authentication, unconfigured};

/// The same reference, total and currency are charged once within 24 hours (PROTOCOL.md 9.3). AV-U31: a repetition is
/// assumed to be answered like the first.
const COLLECT: Operation = Operation { name: "collect", timeout_ms: 60_000, on_lost: AfterLost::RepeatSame };

/// How long after its attempt's expiry a charge may be sent again. An attempt closes 30 minutes after its making at the
/// latest, so that this lies within 24 hours of the first sending, with half an hour to spare.
const REPEATABLE_FOR: SignedDuration = SignedDuration::from_hours(23);

/// The body, in the order of the provider's own examples. The shopper may be away: address and browser are those that the
/// merchant recorded (C-85, D-12).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Collect<'a> {
    auth: Authentication,
    locale: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<Buyer<'a>>,
    payer: Buyer<'a>,
    payment: Payment<'a>,
    instrument: Instrument<'a>,
    ip_address: String,
    user_agent: &'a str,
}

#[derive(Serialize)]
struct Instrument<'a> {
    token: TokenMember<'a>,
}

pub fn begin(authorization: &Authorization, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    let order = &authorization.order;
    let Some(stored) = &authorization.instrument else {
        return Err(unconfigured("There is no kept instrument to charge."));
    };
    // Whose card it is, is whose it was when it was kept: the payer's, or the buyer's.
    let Some(payer) = order.payer.as_ref().or(order.buyer.as_ref()) else {
        return Err(unconfigured("A kept card is charged with its holder's data."));
    };
    if moment.now > authorization.expires_at + REPEATABLE_FOR {
        let cause = "a repetition this late might be charged again".to_owned();
        return Ok(Step::Unclear { cause });
    }
    let body = Collect {
        auth: Authentication::new(account, moment)?,
        locale: locale(order.language),
        buyer: order.buyer.as_ref().map(Buyer::new),
        payer: Buyer::new(payer),
        payment: Payment::of_collect(&authorization.reference, order),
        instrument: Instrument {
            token: TokenMember { token: &stored.token, instalments: order.instalments },
        },
        ip_address: order.shopper.ip.to_string(),
        user_agent: &order.shopper.user_agent,
    };
    call::step(COLLECT, account, &["collect"], &body)
}

/// The answer is a session that was opened and, as a rule, ended at once. It is compared with what was asked for, like any
/// other. AV-U75: a token that is not known any more is assumed to be refused, `XN`, with nothing charged.
pub fn read(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let collected = match answer::read::<Session>(answer) {
        Ok(collected) => collected,
        Err(unusable) => return unusable.into(),
    };
    let Some(id) = collected.id() else {
        return Unusable::Unclear("the answer names no session").into();
    };
    let target = Target {
        reference: authorization.reference.clone(),
        provider_reference: id.to_owned(),
        total: authorization.order.total,
        movements: Vec::new(),
        awaited_instrument: None,
    };
    let opened = FactKind::Opened(Opening {
        provider_reference: id.to_owned(),
        pay_url: None,
        pay_code: None,
        expires_at: authorization.expires_at,
    });
    match session::observe(&collected, &target, account, answer.received_at) {
        Step::Learned(mut learned) => {
            let at = collected.told_at().unwrap_or(answer.received_at);
            open(&mut learned, Fact::new(at, opened));
            Step::Learned(learned)
        }
        other => other,
    }
}

fn open(learned: &mut Learned, opened: Fact) {
    if let Some(observation) = learned.observations.first_mut() {
        observation.facts.insert(0, opened);
    }
}
