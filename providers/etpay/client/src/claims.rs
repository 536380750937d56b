//! What is claimed about one attempt, in a notice's token or in an element of the status query, in the form of today
//! and in the older one (PROTOCOL.md 6.2, 6.3).

use payment::fact::{Ending, Fact, FactKind, Outcome, Reason, Telling};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::task::Target;
use payment::{Currency, Money, Timestamp};
use serde::Deserialize;

use crate::country::Country;
use crate::reasons;
use crate::wire::Scalar;

/// The word of `payment_status` that says paid. The older form says it by the truth value.
const PAID: &str = "success";
/// The word that says not paid. ET-U25: assumed; the older form says it by the truth value.
const NOT_PAID: &str = "error";

/// Longest token of the provider, in characters (PROTOCOL.md 2.4). ET-U06: 64 are expected.
const LONGEST_TOKEN: usize = 128;

/// Claims, of which nothing is believed before their signature or their answer is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    session_token: Scalar,
    payment_token: Scalar,
    merchant_order_id: Scalar,
    merchant_amount: Scalar,
    merchant_currency: Scalar,
    user_bank: Scalar,
    user_account: Scalar,
    payment_status: Scalar,
    payment_date: Scalar,
    confirmated_at: Scalar,
    reason: Scalar,
    code: Scalar,
    iat: Scalar,
    system_error: Scalar,
}

/// What claims say about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Paid.
    Paid(Box<Movement>),
    /// Not paid, and the attempt is over.
    NotPaid(Outcome),
    /// Nothing that we know how to read: never paid, and not over.
    Unknown,
}

impl Claims {
    /// The session that they are about, when they name one.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.text().filter(|text| is_token(text))
    }

    /// Our reference, when they name one.
    pub fn order_id(&self) -> Option<&str> {
        self.merchant_order_id.digits()
    }

    /// What makes this the same telling again: session, attempt and status as written.
    pub fn repeat_key(&self) -> String {
        let parts = [&self.session_token, &self.payment_token, &self.payment_status];
        parts.map(Scalar::for_people).join("|")
    }

    /// What they say. Paid is the text `success` or the truth value `true` and nothing that looks like them, with an
    /// attempt, an order and an exact amount.
    pub fn said(&self, country: Country, told_at: Timestamp) -> Said {
        if !matches!(self.system_error, Scalar::Nothing | Scalar::Truth(false)) {
            return Said::Unknown;
        }
        match &self.payment_status {
            Scalar::Text(word) if word == PAID => self.paid(country, told_at),
            Scalar::Truth(true) => self.paid(country, told_at),
            Scalar::Text(word) if word == NOT_PAID => Said::NotPaid(self.how_it_failed()),
            Scalar::Truth(false) => Said::NotPaid(self.how_it_failed()),
            Scalar::Text(_) | Scalar::Number(_) | Scalar::Nothing => Said::Unknown,
        }
    }

    /// The facts of one attempt told alone. ET-U32: a failure told after a success does not take it back; the hub keeps
    /// both, and an end in which money moved stands over one in which it did not.
    pub fn facts(&self, country: Country, told_at: Timestamp) -> Vec<Fact> {
        let at = self.decided_at(country, told_at);
        match self.said(country, told_at) {
            Said::Paid(movement) => {
                vec![Fact::new(at, FactKind::Moved(*movement)), self.ended(Outcome::Approved, at)]
            }
            Said::NotPaid(outcome) => {
                let refused = self.movement(MovementState::Rejected, country, at);
                let refused = refused.map(|movement| Fact::new(at, FactKind::Moved(movement)));
                refused.into_iter().chain([self.ended(outcome, at)]).collect()
            }
            Said::Unknown => vec![self.unrecognized(at)],
        }
    }

    /// When it was decided: a late confirmation, else the payment's date (ET-U30), else when the token was signed
    /// (ET-U31), else when we were told. Not our own time where that can be avoided: two tellings of one fact are one.
    pub fn decided_at(&self, country: Country, told_at: Timestamp) -> Timestamp {
        let dates = [&self.confirmated_at, &self.payment_date];
        let written = dates.into_iter().find_map(|date| country.instant(date.text()?));
        let signed = || Timestamp::from_second(self.iat.digits()?.parse().ok()?).ok();
        written.or_else(signed).unwrap_or(told_at)
    }

    /// What disagrees with what was asked for. Then nothing else of these claims is believed.
    pub fn contradiction(&self, target: &Target) -> Option<String> {
        if self.session_token.text() != Some(&target.provider_reference) {
            return Some("A session was asked for and another one, or none, is told of.".to_owned());
        }
        if self.order_id() != Some(&target.reference) {
            let other = self.merchant_order_id.for_people();
            return Some(format!("The order is {other:?} and not {}.", target.reference));
        }
        let currency = self.merchant_currency.text();
        if currency.is_some_and(|code| code != target.total.currency.code()) {
            let other = self.merchant_currency.for_people();
            return Some(format!("The currency is {other:?} and not {}.", target.total.currency));
        }
        let amount = Money::from_json_digits(self.merchant_amount.digits()?, target.total.currency);
        match amount {
            Ok(amount) if amount == target.total => None,
            Ok(_) | Err(_) => {
                let other = self.merchant_amount.for_people();
                Some(format!("The amount is {other:?} and not {}.", target.total))
            }
        }
    }

    /// Whether they are about what was asked for, and only in another session of the same order.
    pub fn is_of_another_session(&self, target: &Target) -> bool {
        let Some(session) = self.session_token().filter(|session| *session != target.provider_reference)
        else {
            return false;
        };
        let there = Target { provider_reference: session.to_owned(), ..target.clone() };
        self.contradiction(&there).is_none()
    }

    /// The fact of words that we cannot read, kept and shown.
    pub fn unrecognized(&self, at: Timestamp) -> Fact {
        Fact::new(at, FactKind::Unrecognized(Telling { reason: self.reason() }))
    }

    fn ended(&self, outcome: Outcome, at: Timestamp) -> Fact {
        Fact::new(at, FactKind::Ended(Ending { outcome, reason: self.reason() }))
    }

    fn paid(&self, country: Country, told_at: Timestamp) -> Said {
        let at = self.decided_at(country, told_at);
        self.movement(MovementState::Approved, country, at)
            .map_or(Said::Unknown, |movement| Said::Paid(Box::new(movement)))
    }

    /// ET-U29: the codes are not published; one that the table does not know is a rejection all the same.
    fn how_it_failed(&self) -> Outcome {
        self.code.text().and_then(reasons::outcome).unwrap_or(Outcome::Rejected)
    }

    fn movement(&self, state: MovementState, country: Country, at: Timestamp) -> Option<Movement> {
        self.order_id()?;
        Some(Movement {
            kind: MovementKind::Charge,
            provider_reference: self.payment_token.text().filter(|text| is_token(text))?.to_owned(),
            parent: None,
            amount: self.amount(country)?,
            state,
            at,
            reason: self.reason(),
            receipt: Receipt {
                issuer: self.user_bank.told(),
                last_four: self.user_account.text().and_then(last_four),
                ..Receipt::default()
            },
        })
    }

    /// The amount by its digits as written. A currency that is not named is the country's (C-13); one that we do not
    /// know is none.
    fn amount(&self, country: Country) -> Option<Money> {
        let currency: Currency = match &self.merchant_currency {
            Scalar::Nothing => country.currency(),
            Scalar::Text(code) => code.parse().ok()?,
            Scalar::Number(_) | Scalar::Truth(_) => return None,
        };
        let amount = Money::from_json_digits(self.merchant_amount.digits()?, currency).ok()?;
        (amount.minor > 0).then_some(amount)
    }

    fn reason(&self) -> Reason {
        Reason {
            status: self.payment_status.for_people(),
            code: self.code.for_people(),
            message: self.reason.for_people(),
        }
    }
}

/// Whether a text can be a token: it goes into addresses and keys unchanged.
pub fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(is_plain)
}

/// The last four digits of `Cuenta Corriente 12345678`: the payer's account is not kept whole.
fn last_four(account: &str) -> Option<String> {
    let digits = account.rsplit(|letter: char| !letter.is_ascii_digit()).next()?;
    // A number of four digits or fewer would be kept whole.
    let start = digits.len().checked_sub(4).filter(|hidden| *hidden > 0)?;
    digits.get(start..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    const MEMBERS: &str = r#""session_token":"sesion1","payment_token":"pago1","merchant_order_id":"PRUEBA1","merchant_amount":24990,"merchant_currency":"CLP","user_bank":"Banco de prueba","user_account":"Cuenta Corriente 12345678","payment_date":"02-03-2026 11:05:07""#;

    fn claims(members: &str) -> Claims {
        wire::object(&format!("{{{members}}}")).expect("claims")
    }

    fn told_at() -> Timestamp {
        "2026-03-02T14:30:00Z".parse().expect("a time")
    }

    fn said(status: &str) -> Said {
        claims(&format!(r#"{MEMBERS},"payment_status":{status}"#)).said(Country::Chile, told_at())
    }

    #[test]
    fn only_the_word_success_and_the_truth_value_true_are_paid() {
        let _story = testing::story("only_the_word_success_and_the_truth_value_true_are_paid");
        for status in ["\"success\"", "true"] {
            assert!(
                matches!(said(status), Said::Paid(movement) if movement.amount.minor == 24_990),
                "{status}"
            );
        }
        let unknown = [
            "\"true\"",
            "1",
            "\"1\"",
            "\"SUCCESS\"",
            "\"Success\"",
            "\"success \"",
            "\"paid\"",
            "\"\"",
            "null",
            "[\"success\"]",
            "{\"success\":true}",
            "\"ok\"",
            "\"pending\"",
            "0",
        ];
        for status in unknown {
            assert_eq!(said(status), Said::Unknown, "{status}");
        }
        for status in ["\"error\"", "false"] {
            assert_eq!(said(status), Said::NotPaid(Outcome::Rejected), "{status}");
        }
    }

    #[test]
    fn a_system_error_is_no_payment_whatever_stands_beside_it() {
        for error in ["true", "\"true\"", "1"] {
            let found = claims(&format!(r#"{MEMBERS},"payment_status":"success","system_error":{error}"#));
            assert_eq!(found.said(Country::Chile, told_at()), Said::Unknown, "{error}");
        }
    }

    #[test]
    fn no_payment_is_told_without_attempt_order_or_exact_amount() {
        let spoilt = [
            MEMBERS.replace("\"pago1\"", "null"),
            MEMBERS.replace("\"pago1\"", "\"\""),
            MEMBERS.replace("\"pago1\"", "\"pago 1\""),
            MEMBERS.replace("\"PRUEBA1\"", "null"),
            MEMBERS.replace("24990", "24990.5"),
            MEMBERS.replace("24990", "-24990"),
            MEMBERS.replace("24990", "0"),
            MEMBERS.replace("24990", "true"),
            MEMBERS.replace("24990", "[24990]"),
            MEMBERS.replace("\"CLP\"", "\"XTS\""),
            MEMBERS.replace("\"CLP\"", "152"),
        ];
        for members in spoilt {
            let found = claims(&format!(r#"{members},"payment_status":"success""#));
            let facts = found.facts(Country::Chile, told_at());
            assert!(matches!(facts[..], [Fact { kind: FactKind::Unrecognized(_), .. }]), "{members}");
        }
    }

    #[test]
    fn an_amount_may_be_a_text_and_its_currency_the_country_s() {
        let text = claims(&format!(r#"{},"payment_status":true"#, MEMBERS.replace("24990", "\"24990\"")));
        assert!(matches!(text.said(Country::Chile, told_at()), Said::Paid(_)));
        let members = MEMBERS.replace(",\"merchant_currency\":\"CLP\"", "");
        let bare = claims(&format!(r#"{members},"payment_status":"success""#));
        for (country, expected) in [(Country::Chile, "CLP 24990"), (Country::Mexico, "MXN 24990.00")] {
            let Said::Paid(movement) = bare.said(country, told_at()) else { panic!("{country:?}") };
            assert_eq!(movement.amount.to_string(), expected);
        }
    }

    #[test]
    fn the_instant_is_the_provider_s_wherever_it_tells_one() {
        let at = |more: &str| {
            claims(&format!("{MEMBERS}{more}")).decided_at(Country::Chile, told_at()).to_string()
        };
        assert_eq!(at(""), "2026-03-02T14:05:07Z");
        assert_eq!(at(r#","confirmated_at":"""#), "2026-03-02T14:05:07Z");
        assert_eq!(at(r#","confirmated_at":"02-03-2026 11:20:00""#), "2026-03-02T14:20:00Z");
        let older = |more: &str| {
            claims(&format!(r#""payment_status":true{more}"#))
                .decided_at(Country::Chile, told_at())
                .to_string()
        };
        assert_eq!(older(r#","iat":1772460307"#), "2026-03-02T14:05:07Z");
        for unreadable in ["", r#","iat":1e3"#, r#","iat":99999999999999"#, r#","iat":"hoy""#] {
            assert_eq!(older(unreadable), "2026-03-02T14:30:00Z", "{unreadable}");
        }
    }

    #[test]
    fn a_payer_s_account_is_kept_by_its_last_four_digits() {
        let table = [
            ("Cuenta Corriente 12345678", Some("5678")),
            ("12345", Some("2345")),
            ("1234", None),
            ("Cuenta RUT", None),
            ("", None),
        ];
        for (account, expected) in table {
            assert_eq!(last_four(account).as_deref(), expected, "{account}");
        }
    }

    #[test]
    fn what_disagrees_with_the_question_is_a_contradiction() {
        let target = Target {
            reference: "PRUEBA1".into(),
            provider_reference: "sesion1".into(),
            total: Money::new(24_990, Currency::Clp),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        assert_eq!(claims(MEMBERS).contradiction(&target), None);
        let others = [
            ("sesion1", "sesion2"),
            ("PRUEBA1", "PRUEBA2"),
            ("CLP", "MXN"),
            ("24990", "24991"),
            ("24990", "\"mucho\""),
        ];
        for (own, other) in others {
            assert!(claims(&MEMBERS.replace(own, other)).contradiction(&target).is_some(), "{other}");
        }
    }
}
