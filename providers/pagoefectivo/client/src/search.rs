//! Asking what became of a CIP (PROTOCOL.md 5).

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason, Telling};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::order::Language;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Target;
use payment::{Account, Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::account::unconfigured;
use crate::answer::{self, Unusable};
use crate::call::{self, Operation};
use crate::statuses::{self, Meaning};
use crate::wire::{self, Scalar};
use crate::{lima, subject};

/// Asking changes nothing: after a lost answer, ask again.
const SEARCH: Operation =
    Operation { name: "search_cips", method: "POST", timeout_ms: 10_000, on_lost: AfterLost::FreshStart };

/// PE-U23, PE-U24: a list is documented, and how long it may be is not. One CIP is asked for at a time.
pub fn begin(target: &Target, account: &Account) -> Result<Step, Box<Refusal>> {
    let cip = target.provider_reference.parse();
    let cip = cip.map_err(|_| unconfigured("The attempt's provider reference is no CIP."))?;
    let body = Question { data: [Asked { cip }] };
    call::step(SEARCH, account, &["v1", "cips", "search"], Language::Es, Some(&body))
}

/// A CIP that is left out is one that this service does not know (PE-U25): that tells nothing about our payment.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    let data = match answer::data(answer) {
        Ok(data) => data,
        Err(unusable) => return unusable.into(),
    };
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(data) else {
        return Unusable::Unclear("the answer holds no list").into();
    };
    let states: Option<Vec<State>> = elements.iter().map(|element| wire::object(element.get())).collect();
    let Some(states) = states else {
        return Unusable::Unclear("the answer holds what is no CIP").into();
    };
    if states.is_empty() {
        return Unusable::Unclear("the answer leaves our CIP out").into();
    }
    let facts = states.iter().flat_map(|state| state.facts(target, answer.received_at)).collect();
    Step::Learned(vec![Observation { subject: subject(account, &target.provider_reference), facts }].into())
}

#[derive(Serialize)]
struct Question {
    data: [Asked; 1],
}

#[derive(Serialize)]
struct Asked {
    cip: u64,
}

/// How a CIP stands.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct State {
    cip: Scalar,
    transaction_code: Scalar,
    amount: Scalar,
    currency: Scalar,
    status: Scalar,
    status_name: Scalar,
    date_expiry: Scalar,
    date_payment: Scalar,
    date_removal: Scalar,
}

impl State {
    fn facts(&self, target: &Target, told_at: Timestamp) -> Vec<Fact> {
        if let Some(detail) = self.contradiction(target) {
            return vec![Fact::new(told_at, FactKind::Contradicted { detail })];
        }
        let ended = |outcome, date: &Scalar| {
            let ending = Ending { outcome, reason: self.reason() };
            vec![Fact::new(instant(date, told_at), FactKind::Ended(ending))]
        };
        let telling = || Telling { reason: self.reason() };
        match statuses::meaning(&self.status, &self.status_name) {
            Some(Meaning::Payable) => vec![Fact::new(told_at, FactKind::Waiting(telling()))],
            Some(Meaning::Paid) => {
                let at = instant(&self.date_payment, told_at);
                paid(&target.provider_reference, target.total, at, self.reason(), Receipt::default())
            }
            Some(Meaning::Expired) => ended(Outcome::Expired, &self.date_expiry),
            Some(Meaning::Deleted) => ended(Outcome::Cancelled, &self.date_removal),
            None => vec![Fact::new(told_at, FactKind::Unrecognized(telling()))],
        }
    }

    /// What disagrees with what was asked for. Then nothing else of it is believed.
    fn contradiction(&self, target: &Target) -> Option<String> {
        let total = target.total;
        if self.cip.cip() != Some(&target.provider_reference) {
            return Some("A CIP was asked for and another one, or none, is told of.".to_owned());
        }
        if self.transaction_code.digits() != Some(&target.reference) {
            let other = self.transaction_code.for_people();
            return Some(format!("The transactionCode is {other:?} and not {}.", target.reference));
        }
        if self.currency.text() != Some(total.currency.code()) {
            let other = self.currency.for_people();
            return Some(format!("The currency is {other:?} and not {}.", total.currency));
        }
        let amount = self.amount.digits().map(|digits| Money::from_json_digits(digits, total.currency));
        if amount != Some(Ok(total)) {
            let other = self.amount.for_people();
            return Some(format!("The amount is {other:?} and not {total}."));
        }
        None
    }

    fn reason(&self) -> Reason {
        let (status, code) = (self.status_name.for_people(), self.status.for_people());
        Reason { status, code, message: String::new() }
    }
}

/// The facts of a paid CIP. It is paid once (PROTOCOL.md 9.5), so that its number names the charge: what the query and each
/// notice tell of is one payment, and never two.
pub fn paid(cip: &str, amount: Money, at: Timestamp, reason: Reason, receipt: Receipt) -> Vec<Fact> {
    let charge = Movement {
        kind: MovementKind::Charge,
        provider_reference: cip.to_owned(),
        parent: None,
        amount,
        state: MovementState::Approved,
        at,
        reason: reason.clone(),
        receipt,
    };
    let ending = Ending { outcome: Outcome::Approved, reason };
    vec![Fact::new(at, FactKind::Moved(charge)), Fact::new(at, FactKind::Ended(ending))]
}

/// A date that is set, else when we were told.
fn instant(date: &Scalar, told_at: Timestamp) -> Timestamp {
    date.text().and_then(lima::instant).unwrap_or(told_at)
}

#[cfg(test)]
mod tests {
    use payment::Currency;

    use super::*;
    use crate::account::tests::account;

    const PAID: &str = r#"{"cip":30418826,"transactionCode":"PRUEBA1","amount":149.9,"currency":"PEN","status":23,"statusName":"Cancelado.","dateCreation":"2026-03-02T09:31:12-05:00","dateExpiry":"2026-03-04T23:59:00-05:00","datePayment":"2026-03-02T11:04:37-05:00","dateRemoval":"1900-01-01T00:00:00-05:00"}"#;

    fn target() -> Target {
        Target {
            reference: "PRUEBA1".into(),
            provider_reference: "30418826".into(),
            total: Money::new(14_990, Currency::Pen),
            movements: Vec::new(),
            awaited_instrument: None,
        }
    }

    fn answered(data: &str) -> Step {
        let answer = Answer {
            status: 200,
            content_type: "application/json".into(),
            body: format!(r#"{{"code":100,"message":"Solicitud exitosa.","data":{data}}}"#).into_bytes(),
            received_at: "2026-03-02T17:00:00Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        };
        read(&answer, &target(), &account())
    }

    fn facts(data: &str) -> Vec<Fact> {
        match answered(data) {
            Step::Learned(learned) => learned.observations.into_iter().flat_map(|seen| seen.facts).collect(),
            other => panic!("{data}: {other:?}"),
        }
    }

    #[test]
    fn a_paid_cip_is_one_charge_named_by_its_number() {
        let facts = facts(&format!("[{PAID}]"));
        let [Fact { kind: FactKind::Moved(charge), at }, Fact { kind: FactKind::Ended(ending), .. }] =
            &facts[..]
        else {
            panic!("{facts:?}")
        };
        assert_eq!((&*charge.provider_reference, charge.amount), ("30418826", target().total));
        assert_eq!((at.to_string(), ending.outcome), ("2026-03-02T16:04:37Z".to_owned(), Outcome::Approved));
    }

    #[test]
    fn each_state_is_told_with_the_instant_it_concerns() {
        let state = |number: &str, name: &str| {
            let other = PAID.replace("\"status\":23", &format!("\"status\":{number}"));
            let other =
                other.replace("Cancelado.", name).replace("1900-01-01T00:00:00", "2026-03-02T10:00:00");
            let [fact] = facts(&format!("[{other}]")).try_into().expect("one fact");
            fact
        };
        let expired = state("21", "Expirado.");
        assert!(matches!(&expired.kind, FactKind::Ended(ending) if ending.outcome == Outcome::Expired));
        assert_eq!(expired.at.to_string(), "2026-03-05T04:59:00Z");
        let deleted = state("25", "Eliminado.");
        assert!(matches!(&deleted.kind, FactKind::Ended(ending) if ending.outcome == Outcome::Cancelled));
        assert_eq!(deleted.at.to_string(), "2026-03-02T15:00:00Z");
        assert!(matches!(state("22", "Generado.").kind, FactKind::Waiting(_)));
        for (number, name) in [("23", "Generado."), ("99", "Extornado."), ("null", ""), ("[23]", "")] {
            assert!(matches!(state(number, name).kind, FactKind::Unrecognized(_)), "{number} {name}");
        }
    }

    #[test]
    fn what_was_not_asked_for_is_contradicted_and_never_paid() {
        let _story = testing::story("what_was_not_asked_for_is_contradicted_and_never_paid");
        let changes = [
            ("30418826", "30418827"),
            ("30418826", "null"),
            ("PRUEBA1", "PRUEBA2"),
            ("\"PRUEBA1\"", "null"),
            ("149.9", "149.91"),
            ("149.9", "0"),
            ("149.9", "null"),
            ("149.9", "14990e-3"),
            ("\"PEN\"", "\"USD\""),
            ("\"PEN\"", "\"pen\""),
        ];
        for (own, other) in changes {
            let kinds = facts(&format!("[{}]", PAID.replacen(own, other, 1)));
            assert!(matches!(kinds[..], [Fact { kind: FactKind::Contradicted { .. }, .. }]), "{other}");
        }
        for same in ["149.90", "\"149.9\"", "149.900", "1499e-1"] {
            assert_eq!(facts(&format!("[{}]", PAID.replace("149.9", same))).len(), 2, "{same}");
        }
    }

    #[test]
    fn a_list_without_our_cip_tells_nothing() {
        let spoilt = ["[]", "null", "{}", "\"\"", "[7]", "[[]]", "[null]"].map(str::to_owned);
        let spoilt = spoilt.into_iter().chain([PAID.to_owned(), format!("[{PAID},7]")]);
        for data in spoilt {
            assert!(matches!(answered(&data), Step::Unclear { .. }), "{data}");
        }
    }

    #[test]
    fn another_cip_beside_ours_is_a_doubt_and_no_payment() {
        let other = PAID.replace("30418826", "30418827");
        let facts = facts(&format!("[{other},{PAID}]"));
        assert_eq!(facts.iter().filter(|fact| matches!(fact.kind, FactKind::Moved(_))).count(), 1);
        assert!(matches!(facts[0].kind, FactKind::Contradicted { .. }));
    }
}
