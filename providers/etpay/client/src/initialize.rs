//! Creating a session: what is sent, and what the answer means (PROTOCOL.md 3).

use jiff::SignedDuration;
use payment::fact::{Fact, FactKind, Observation, Opening};
use payment::order::{Language, Order, Shown};
use payment::step::{Advice, AfterLost, Answer, Learned, Refusal, Step};
use payment::task::Authorization;
use payment::{Account, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{is_basic, merchant_api_token, merchant_code, pmt_url};
use crate::answer::{self, Unusable};
use crate::call::{self, Operation};
use crate::check::RUT;
use crate::claims::is_token;
use crate::country::Country;
use crate::methods::Choice;
use crate::profile::SESSION_LIFE_S;
use crate::wire::{self, Digits, Scalar};
use crate::{rut, subject};

/// A session whose token nobody has is inert, so that a lost answer allows a fresh start.
const INITIALIZE: Operation = Operation {
    name: "initialize_session",
    path: ["session", "initialize"],
    timeout_ms: 15_000,
    on_lost: AfterLost::FreshStart,
};

/// Longest order id, in characters.
const LONGEST_ORDER_ID: usize = 64;

pub fn begin(authorization: &Authorization, account: &Account) -> Result<Step, Box<Refusal>> {
    // Before anything is sent: whoever cannot be sent to the funnel must not get a session.
    pmt_url(account)?;
    let is_order_id = (1..=LONGEST_ORDER_ID).contains(&authorization.reference.len())
        && authorization.reference.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_order_id {
        return Err(Box::new(Refusal {
            code: "invalid_value",
            provider_code: None,
            detail: format!("An order id has 1 to {LONGEST_ORDER_ID} letters and digits and nothing else."),
            complaints: Vec::new(),
            advice: Advice::ChangeRequest,
        }));
    }
    let base = Base {
        merchant_code: merchant_code(account)?,
        merchant_api_token: merchant_api_token(account)?,
        merchant_order_id: &authorization.reference,
        order_amount: Digits(authorization.order.total),
    };
    if is_basic(account) {
        call::step(INITIALIZE, account, &base)
    } else {
        call::step(INITIALIZE, account, &Customised::new(base, authorization, account))
    }
}

/// A session is only one that names both of its tokens, since the second one is what its notices are verified with.
pub fn read(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let text = match answer::text(answer) {
        Ok(text) => text,
        Err(unusable) => return unusable.into(),
    };
    let Some(created) = wire::object::<Created>(text) else {
        return Unusable::Unclear("the answer is not a JSON object").into();
    };
    // The catalogue reads the base page as naming it `session_token` (PROTOCOL.md 11).
    let named = [&created.token, &created.session_token].into_iter().find_map(Scalar::text);
    let Some(token) = named.filter(|token| is_token(token)) else {
        return Unusable::Unclear("the answer names no session").into();
    };
    let key = created.signature_token.text().filter(|key| is_token(key) && *key != token);
    let Some(key) = key else {
        return Unusable::Unclear("the answer gives no key of the session's own").into();
    };
    let pay_url = pmt_url(account).ok().and_then(|pmt_url| call::below(&pmt_url, &["session", token]));
    let Some(pay_url) = pay_url else {
        return Unusable::Unclear("the account has no address to send shoppers to").into();
    };
    let opening = Opening {
        provider_reference: token.to_owned(),
        pay_url: Some(pay_url),
        pay_code: None,
        expires_at: authorization.expires_at.min(end_of_session(answer.received_at)),
    };
    let facts = vec![Fact::new(answer.received_at, FactKind::Opened(opening))];
    Step::Learned(Learned {
        observations: vec![Observation { subject: subject(account, token), facts }],
        attempt_key: Some(key.to_owned().into()),
        tokens: Vec::new(),
    })
}

fn end_of_session(created_at: Timestamp) -> Timestamp {
    created_at.saturating_add(SignedDuration::from_secs(SESSION_LIFE_S)).unwrap_or(created_at)
}

/// `terms_url` is not read: the funnel itself shows the terms.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Created {
    token: Scalar,
    session_token: Scalar,
    signature_token: Scalar,
}

/// The four fields of every session.
#[derive(Serialize)]
struct Base<'a> {
    merchant_code: &'a str,
    merchant_api_token: &'a str,
    merchant_order_id: &'a str,
    order_amount: Digits,
}

/// A session that is told more, in the order of the provider's own documentation.
///
/// No `payment_webhook_url`: the address of notices is registered with the provider (ET-20).
#[derive(Serialize)]
struct Customised<'a> {
    #[serde(flatten)]
    base: Base<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_phone: Option<&'a str>,
    metadata: Vec<Metadatum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_bank_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_rut: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_rut_block: Option<&'static str>,
    payment_completed_url: &'a str,
    payment_cancellation_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    concat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_flow: Option<&'static str>,
}

/// What is shown with the payment, or kept with it.
#[derive(Serialize)]
struct Metadatum<'a> {
    name: &'a str,
    value: &'a str,
    show: bool,
}

impl<'a> Customised<'a> {
    fn new(base: Base<'a>, authorization: &'a Authorization, account: &Account) -> Self {
        let order = &authorization.order;
        let country = Country::of(account);
        let buyer = order.buyer.as_ref();
        let phone = buyer.and_then(|buyer| buyer.mobile.as_deref());
        let user_rut = user_rut(order, country);
        let choice = Choice::of(&order.methods, account);
        // Both ends are one page of ours, which asks and shows what is so (C-15, ET-17).
        let return_url = authorization.return_url.as_str();
        Self {
            base,
            customer_email: buyer.and_then(|buyer| buyer.email.as_deref()),
            customer_phone: phone.filter(|_| country == Country::Mexico),
            metadata: metadata(order),
            user_bank_code: choice.bank,
            // A payer is named only when the shopper said that the account is his own: then nobody else may pay.
            is_rut_block: (order.payer.is_some() && user_rut.is_some()).then_some("true"),
            user_rut,
            payment_completed_url: return_url,
            payment_cancellation_url: return_url,
            concat: authorization.return_url.query().map(|_| "&"),
            target_flow: choice.flow,
        }
    }
}

/// What tells the shopper which purchase this is, since the order id is ours and means nothing to him; then what the
/// merchant wants kept with it.
fn metadata(order: &Order) -> Vec<Metadatum<'_>> {
    let (reference, description) = match order.language {
        Language::Es => ("Pedido", "Descripción"),
        Language::Pt => ("Pedido", "Descrição"),
        Language::En => ("Order", "Description"),
    };
    let reference = Metadatum { name: reference, value: &order.reference, show: true };
    let description =
        order.description.iter().map(|value| Metadatum { name: description, value, show: true });
    let extra = order.extra.iter().map(|field| Metadatum {
        name: &field.keyword,
        value: &field.value,
        show: matches!(field.shown, Shown::Payment | Shown::Both),
    });
    std::iter::once(reference).chain(description).chain(extra).collect()
}

/// The payer's RUT, else the buyer's.
fn user_rut(order: &Order, country: Country) -> Option<String> {
    let person = order.payer.as_ref().or(order.buyer.as_ref())?;
    let document = person.document.as_ref().filter(|_| country == Country::Chile)?;
    document.kind.eq_ignore_ascii_case(RUT).then(|| rut::normal(&document.number)).flatten()
}

#[cfg(test)]
mod tests {
    use payment::order::Shopper;
    use payment::{Currency, Money};

    use super::*;
    use crate::account::tests::account;

    fn authorization(reference: &str) -> Authorization {
        let order = Order {
            reference: "PEDIDO 1/2026".into(),
            total: Money::new(24_990, Currency::Clp),
            description: None,
            taxes: vec![],
            details: vec![],
            items: vec![],
            buyer: None,
            payer: None,
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Es,
            methods: vec![],
            extra: vec![],
            customer: None,
            keep_instrument: false,
            instrument: None,
            is_shopper_away: false,
            instalments: None,
            allow_partial: false,
            dispersion: vec![],
            recurrence: None,
            rest_of: None,
            shopper: Shopper { ip: [203, 0, 113, 24].into(), user_agent: "Prueba/1.0".into() },
        };
        Authorization {
            reference: reference.to_owned(),
            order,
            expires_at: "2026-03-02T15:00:00Z".parse().expect("a time"),
            return_url: "https://pagos.example/r/andes/att_1".parse().expect("an address"),
            card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
            notice_url: "https://pagos.example/notices/etpay/tienda".parse().expect("an address"),
            instrument: None,
        }
    }

    fn answered(body: &str) -> Step {
        let answer = Answer {
            status: 200,
            content_type: "application/json".into(),
            body: body.as_bytes().to_vec(),
            received_at: "2026-03-02T14:00:01Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        };
        read(&answer, &authorization("PRUEBA1"), &account())
    }

    #[test]
    fn an_order_id_has_one_to_sixty_four_letters_and_digits() {
        let _story = testing::story("an_order_id_has_one_to_sixty_four_letters_and_digits");
        for reference in ["A".to_owned(), "z9".repeat(32)] {
            assert!(
                matches!(begin(&authorization(&reference), &account()), Ok(Step::Call(_))),
                "{reference}"
            );
        }
        let refused = [String::new(), "A".repeat(65), "A-1".into(), "A_1".into(), "A 1".into(), "Á1".into()];
        for reference in refused {
            assert!(begin(&authorization(&reference), &account()).is_err(), "{reference}");
        }
        testing::covers!("ET-08");
    }

    #[test]
    fn an_account_without_one_of_its_four_values_opens_nothing() {
        for name in [crate::PMT_URL, crate::MERCHANT_CODE] {
            let mut account = account();
            account.credentials.remove(name);
            assert!(begin(&authorization("PRUEBA1"), &account).is_err(), "{name}");
        }
        let account = Account { secrets: [].into(), ..account() };
        assert!(begin(&authorization("PRUEBA1"), &account).is_err());
    }

    #[test]
    fn a_session_without_both_of_its_tokens_is_none() {
        let table = [
            "",
            "{}",
            "[]",
            "null",
            r#"{"token":"sesion1"}"#,
            r#"{"signature_token":"clave1"}"#,
            r#"{"token":"sesion1","signature_token":""}"#,
            r#"{"token":"","signature_token":"clave1"}"#,
            r#"{"token":1,"signature_token":"clave1"}"#,
            r#"{"token":"igual","signature_token":"igual"}"#,
            r#"{"token":"../otra","signature_token":"clave1"}"#,
            r#"{"token":"a","token":"b","signature_token":"clave1"}"#,
            r#"{"token":{"a":1},"signature_token":"clave1"}"#,
        ];
        for body in table {
            assert!(matches!(answered(body), Step::Unclear { .. }), "{body}");
        }
    }

    #[test]
    fn the_session_s_own_key_is_handed_on_and_stands_in_no_fact() {
        let _story = testing::story("the_session_s_own_key_is_handed_on_and_stands_in_no_fact");
        for name in ["token", "session_token"] {
            let body = format!(r#"{{"{name}":"sesion1","signature_token":"clave-secreta"}}"#);
            let Step::Learned(learned) = answered(&body) else { panic!("{name}") };
            assert!(learned.attempt_key.is_some());
            let shown = format!("{:?} {:?}", learned.observations, learned.attempt_key);
            assert!(shown.contains("sesion1") && !shown.contains("clave-secreta"), "{shown}");
        }
    }

    #[test]
    fn a_session_ends_after_its_own_life_when_the_order_would_live_longer() {
        let Step::Learned(learned) = answered(r#"{"token":"sesion1","signature_token":"clave1"}"#) else {
            panic!("no session")
        };
        let FactKind::Opened(opening) = &learned.observations[0].facts[0].kind else { panic!("not opened") };
        assert_eq!(opening.expires_at.to_string(), "2026-03-02T14:30:01Z");
        assert_eq!(
            opening.pay_url.as_ref().map(url::Url::as_str),
            Some("https://pmt-sandbox.etpay.com/session/sesion1")
        );
    }
}
