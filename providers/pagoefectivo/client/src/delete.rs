//! Taking a CIP back that nobody has paid yet (PROTOCOL.md 6.2).

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason};
use payment::order::Language;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Target;
use payment::{Account, Money};

use crate::account::unconfigured;
use crate::answer;
use crate::call::{self, Operation};
use crate::subject;

/// A lost answer may have deleted or not: look before anything else.
const DELETE: Operation =
    Operation { name: "delete_cip", method: "DELETE", timeout_ms: 15_000, on_lost: AfterLost::Search };

pub fn begin(target: &Target, account: &Account) -> Result<Step, Box<Refusal>> {
    let is_cip = !target.provider_reference.is_empty()
        && target.provider_reference.bytes().all(|byte| byte.is_ascii_digit());
    if !is_cip {
        return Err(unconfigured("The attempt's provider reference is no CIP."));
    }
    let path = ["v1", "cips", &target.provider_reference];
    call::step(DELETE, account, &path, Language::Es, None::<&Money>)
}

/// Success says nothing but that it was done. PE-U29: what is paid, expired or deleted already is refused, and a query
/// tells which.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    if let Err(unusable) = answer::data(answer) {
        return unusable.into();
    }
    let ending = Ending { outcome: Outcome::Cancelled, reason: Reason::default() };
    let facts = vec![Fact::new(answer.received_at, FactKind::Ended(ending))];
    Step::Learned(vec![Observation { subject: subject(account, &target.provider_reference), facts }].into())
}

#[cfg(test)]
mod tests {
    use payment::Currency;

    use super::*;
    use crate::account::tests::account;

    fn target(cip: &str) -> Target {
        let total = Money::new(14_990, Currency::Pen);
        Target {
            reference: "PRUEBA1".into(),
            provider_reference: cip.into(),
            total,
            movements: Vec::new(),
            awaited_instrument: None,
        }
    }

    #[test]
    fn only_a_clear_success_is_a_cancellation() {
        let answered = |status: u16, body: &str| {
            let answer = Answer {
                status,
                content_type: String::new(),
                body: body.as_bytes().to_vec(),
                received_at: "2026-03-02T15:00:00Z".parse().expect("a time"),
                provider_date: None,
                handed_over: None,
            };
            read(&answer, &target("30418826"), &account())
        };
        assert!(matches!(answered(200, r#"{"code":100,"data":{}}"#), Step::Learned(_)));
        let refused = r#"{"code":"111","data":[{"code":"113","field":"cip"}]}"#;
        assert!(matches!(answered(400, refused), Step::Refused(_)));
        for (status, body) in [(200, ""), (200, "{}"), (204, ""), (500, r#"{"code":"166"}"#), (302, "")] {
            assert!(matches!(answered(status, body), Step::Unclear { .. }), "{status} {body}");
        }
    }

    #[test]
    fn nothing_but_a_cip_goes_into_the_address() {
        for cip in ["", "../authorizations", "30418826/", "3a"] {
            assert!(begin(&target(cip), &account()).is_err(), "{cip}");
        }
    }
}
