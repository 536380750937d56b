//! Asking what became of a session, and what the list that answers makes known (PROTOCOL.md 7).

use payment::fact::{Fact, FactKind, Observation, Telling};
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Target;
use payment::{Account, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::account::merchant_api_token;
use crate::answer::{self, Unusable};
use crate::call::{self, Operation};
use crate::claims::{Claims, Said};
use crate::country::Country;
use crate::{subject, wire};

/// Asking changes nothing: after a lost answer, ask again.
const STATUS: Operation = Operation {
    name: "check_payment_status",
    path: ["merchant", "check_payment_status"],
    timeout_ms: 10_000,
    on_lost: AfterLost::FreshStart,
};

/// Asked by the order alone, of which each attempt of ours has one of its own: a session whose creation was lost, and
/// which somebody paid all the same, is told of beside the one that we know (PROTOCOL.md 7.4, 8).
#[derive(Serialize)]
struct Question<'a> {
    merchant_api_token: &'a str,
    merchant_order_id: &'a str,
}

pub fn begin(target: &Target, account: &Account) -> Result<Step, Box<Refusal>> {
    let body =
        Question { merchant_api_token: merchant_api_token(account)?, merchant_order_id: &target.reference };
    call::step(STATUS, account, &body)
}

/// An empty list means that nothing is known (ET-U38), not that nothing was paid.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    let text = match answer::text(answer) {
        Ok(text) => text,
        Err(unusable) => return unusable.into(),
    };
    let Ok(elements) = serde_json::from_str::<Vec<Box<RawValue>>>(text) else {
        return Unusable::Unclear("the answer is not a JSON list").into();
    };
    let list = List::new(&elements, target);
    let facts = list.facts(Country::of(account), answer.received_at);
    Step::Learned(vec![Observation { subject: subject(account, &target.provider_reference), facts }].into())
}

/// A list, sorted by what can be believed of it.
struct List {
    /// About our session, order, amount and currency.
    own: Vec<Claims>,
    /// About the same order, amount and currency in another session: only a payment in it concerns us.
    siblings: Vec<Claims>,
    /// What disagrees with what was asked for, and how.
    contradictions: Vec<(Claims, String)>,
    /// Whether an element is of a shape that is not documented.
    has_unreadable: bool,
}

impl List {
    fn new(elements: &[Box<RawValue>], target: &Target) -> Self {
        let mut list =
            Self { own: Vec::new(), siblings: Vec::new(), contradictions: Vec::new(), has_unreadable: false };
        for element in elements {
            match wire::object::<Claims>(element.get()) {
                Some(claims) => match claims.contradiction(target) {
                    Some(_) if claims.is_of_another_session(target) => list.siblings.push(claims),
                    Some(detail) => list.contradictions.push((claims, detail)),
                    None => list.own.push(claims),
                },
                None => list.has_unreadable = true,
            }
        }
        list
    }

    /// Any paid element wins, wherever it stands (ET-U36). An end without a payment is believed only when nothing in
    /// the list is unknown.
    fn facts(&self, country: Country, told_at: Timestamp) -> Vec<Fact> {
        let mut facts: Vec<Fact> = Vec::new();
        for (claims, detail) in &self.contradictions {
            let at = claims.decided_at(country, told_at);
            facts.push(Fact::new(at, FactKind::Contradicted { detail: detail.clone() }));
        }
        let is_paid = |claims: &&Claims| matches!(claims.said(country, told_at), Said::Paid(_));
        let is_unknown = |claims: &&Claims| matches!(claims.said(country, told_at), Said::Unknown);
        let paid: Vec<&Claims> = self.own.iter().chain(&self.siblings).filter(is_paid).collect();
        let unknown: Vec<&Claims> = self.own.iter().filter(is_unknown).collect();
        if !paid.is_empty() {
            facts.extend(paid.iter().flat_map(|claims| claims.facts(country, told_at)));
        } else if self.has_unreadable || !unknown.is_empty() {
            facts.extend(
                unknown.iter().map(|claims| claims.unrecognized(claims.decided_at(country, told_at))),
            );
            if self.has_unreadable {
                facts.push(Claims::default().unrecognized(told_at));
            }
        } else if let Some(newest) = self.own.iter().max_by_key(|claims| claims.decided_at(country, told_at))
        {
            facts.extend(newest.facts(country, told_at));
        } else if self.contradictions.is_empty() {
            facts.push(Fact::new(told_at, FactKind::Waiting(Telling::default())));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use payment::fact::Outcome;
    use payment::{Currency, Money};

    use super::*;
    use crate::account::tests::account;

    fn element(payment: &str, status: &str, date: &str) -> String {
        format!(
            r#"{{"session_token":"sesion1","payment_token":"{payment}","merchant_order_id":"PRUEBA1","merchant_amount":24990,"merchant_currency":"CLP","payment_status":{status},"payment_date":"{date}"}}"#
        )
    }

    fn kinds(body: &str) -> Vec<FactKind> {
        let target = Target {
            reference: "PRUEBA1".into(),
            provider_reference: "sesion1".into(),
            total: Money::new(24_990, Currency::Clp),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        let answer = Answer {
            status: 200,
            content_type: "application/json".into(),
            body: body.as_bytes().to_vec(),
            received_at: "2026-03-02T14:30:00Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        };
        match read(&answer, &target, &account()) {
            Step::Learned(learned) => {
                learned.observations.into_iter().flat_map(|seen| seen.facts).map(|fact| fact.kind).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn ends(body: &str) -> Vec<Outcome> {
        let kinds = kinds(body);
        let ends = kinds.iter().filter_map(|kind| match kind {
            FactKind::Ended(ending) => Some(ending.outcome),
            _ => None,
        });
        ends.collect()
    }

    #[test]
    fn any_paid_element_wins_wherever_it_stands() {
        let _story = testing::story("any_paid_element_wins_wherever_it_stands");
        let paid = element("pago1", "\"success\"", "02-03-2026 11:05:07");
        let failed = element("pago2", "\"error\"", "02-03-2026 11:06:40");
        let odd = element("pago3", "\"confirming\"", "02-03-2026 11:07:00");
        for body in [
            format!("[{paid}]"),
            format!("[{failed},{paid}]"),
            format!("[{paid},{failed},{odd},null]"),
            format!("[7,{odd},{paid}]"),
        ] {
            assert_eq!(ends(&body), [Outcome::Approved], "{body}");
        }
    }

    #[test]
    fn an_empty_list_is_unknown_and_not_failed() {
        let _story = testing::story("an_empty_list_is_unknown_and_not_failed");
        assert!(matches!(kinds("[]")[..], [FactKind::Waiting(_)]));
        assert!(matches!(kinds(" [ ] ")[..], [FactKind::Waiting(_)]));
    }

    #[test]
    fn an_end_without_payment_is_believed_when_nothing_else_is_open() {
        let early = element("pago1", "\"error\"", "02-03-2026 11:05:07")
            .replace("\"payment_status\"", "\"code\":\"ET_BANK_REJECTED\",\"payment_status\"");
        let late = element("pago2", "false", "02-03-2026 11:06:40")
            .replace("\"payment_status\"", "\"code\":\"ET_USER_CANCELLED\",\"payment_status\"");
        assert_eq!(ends(&format!("[{early},{late}]")), [Outcome::Cancelled]);
        assert_eq!(ends(&format!("[{late},{early}]")), [Outcome::Cancelled]);
        for open in ["null", "[]", "\"error\"", &element("pago3", "1", "02-03-2026 11:00:00")] {
            let kinds = kinds(&format!("[{early},{open}]"));
            assert!(matches!(kinds[..], [FactKind::Unrecognized(_)]), "{open}");
        }
    }

    #[test]
    fn what_was_not_asked_for_is_contradicted_and_never_paid() {
        let _story = testing::story("what_was_not_asked_for_is_contradicted_and_never_paid");
        let paid = element("pago1", "\"success\"", "02-03-2026 11:05:07");
        let others = [
            ("\"sesion1\"", "null"),
            ("\"sesion1\"", "\"se sion\""),
            ("PRUEBA1", "PRUEBA2"),
            ("24990", "24991"),
            ("24990", "1"),
            ("CLP", "MXN"),
        ];
        for (own, other) in others {
            let other = paid.replace(own, other);
            assert!(matches!(kinds(&format!("[{other}]"))[..], [FactKind::Contradicted { .. }]), "{other}");
            // Beside it our own payment is believed, with the doubt.
            let both = kinds(&format!("[{other},{paid}]"));
            assert!(both.iter().any(|kind| matches!(kind, FactKind::Contradicted { .. })));
            assert!(both.iter().any(|kind| matches!(kind, FactKind::Moved(_))));
        }
    }

    #[test]
    fn a_payment_in_another_session_of_the_order_is_told_and_nothing_else_of_it() {
        let own = element("pago1", "\"success\"", "02-03-2026 11:05:07");
        let in_another = |payment: &str, status: &str| {
            element(payment, status, "02-03-2026 11:06:40").replace("sesion1", "sesion2")
        };
        let both = kinds(&format!("[{own},{}]", in_another("pago2", "true")));
        assert_eq!(both.iter().filter(|kind| matches!(kind, FactKind::Moved(_))).count(), 2);
        assert_eq!(ends(&format!("[{}]", in_another("pago2", "true"))), [Outcome::Approved]);
        for status in ["\"error\"", "false", "\"confirming\"", "null"] {
            let beside = kinds(&format!("[{}]", in_another("pago2", status)));
            assert!(matches!(beside[..], [FactKind::Waiting(_)]), "{status}: {beside:?}");
        }
        let other_amount = in_another("pago2", "true").replace("24990", "1");
        assert!(matches!(kinds(&format!("[{other_amount}]"))[..], [FactKind::Contradicted { .. }]));
    }

    #[test]
    fn two_payments_of_one_session_are_both_told() {
        let one = element("pago1", "\"success\"", "02-03-2026 11:05:07");
        let other = element("pago2", "true", "02-03-2026 11:06:40");
        let kinds = kinds(&format!("[{one},{other}]"));
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, FactKind::Moved(_))).count(), 2);
    }
}
