//! Creating a CIP: what is sent, and what the answer means (PROTOCOL.md 4).

use payment::fact::{Fact, FactKind, Observation, Opening};
use payment::order::{Complaint, Order};
use payment::step::{Advice, AfterLost, Answer, Refusal, Step};
use payment::task::Authorization;
use payment::{Account, Money, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::account::{ADMIN_EMAIL, text};
use crate::answer::{self, Unusable};
use crate::call::{self, Operation};
use crate::wire::{self, Amount, Scalar};
use crate::{lima, payer, subject};

/// There is no key for idempotence and no query by our own code (PE-U15): whoever asks twice has two codes that can be
/// paid. A lost answer is held until a notice tells of its CIP.
const CREATE: Operation =
    Operation { name: "create_cip", method: "POST", timeout_ms: 15_000, on_lost: AfterLost::Adopt };

/// Longest text of what is paid for, in characters. It is only shown: what is longer is cut.
const LONGEST_CONCEPT: usize = 50;

pub fn begin(authorization: &Authorization, account: &Account, now: Timestamp) -> Result<Step, Box<Refusal>> {
    if !lima::may_end(now, authorization.expires_at) {
        return Err(ends_outside());
    }
    let order = &authorization.order;
    let buyer = order.buyer.as_ref();
    let document = buyer.and_then(payer::document);
    let phone = buyer.and_then(|buyer| payer::phone(buyer, account));
    let body = Cip {
        currency: order.total.currency.code(),
        amount: Amount(order.total),
        transaction_code: &authorization.reference,
        date_expiry: lima::written(authorization.expires_at),
        payment_concept: concept(order),
        additional_data: additional_data(order),
        admin_email: text(account, ADMIN_EMAIL).filter(|email| payer::is_email(email)),
        user_email: buyer.and_then(|buyer| buyer.email.as_deref()),
        user_name: buyer.and_then(|buyer| payer::shown_name(buyer.name.as_deref())),
        user_last_name: buyer.and_then(|buyer| payer::shown_name(buyer.surname.as_deref())),
        user_country: buyer.and_then(payer::country_name),
        user_document_type: document.map(|(kind, _)| kind),
        user_document_number: document.map(|(_, number)| number),
        user_phone: phone.map(|phone| phone.number),
        user_code_country: phone.map(|phone| phone.prefix),
    };
    call::step(CREATE, account, &["v1", "cips"], order.language, Some(&body))
}

/// A CIP is only taken for ours when all that it says of itself is what was asked for: else it may exist, and is held.
pub fn read(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    match opening(answer, authorization, account) {
        Ok(opening) => {
            let subject = subject(account, &opening.provider_reference);
            let facts = vec![Fact::new(answer.received_at, FactKind::Opened(opening))];
            Step::Learned(vec![Observation { subject, facts }].into())
        }
        Err(unusable) => unusable.into(),
    }
}

fn opening(answer: &Answer, authorization: &Authorization, account: &Account) -> Result<Opening, Unusable> {
    let unclear = Unusable::Unclear;
    let data = answer::data(answer)?;
    let created: Created = wire::object(data).ok_or(unclear("the answer tells of no CIP"))?;
    let cip = created.cip.cip().ok_or(unclear("the answer has no number of a CIP"))?;
    let total = authorization.order.total;
    let amount = created.amount.digits().map(|digits| Money::from_json_digits(digits, total.currency));
    if created.transaction_code.digits() != Some(&authorization.reference) {
        return Err(unclear("the answer tells of another transactionCode"));
    }
    if created.currency.text() != Some(total.currency.code()) || amount != Some(Ok(total)) {
        return Err(unclear("the answer tells of another amount"));
    }
    let pay_url = created.cip_url.text().and_then(|written| page(written, account));
    let ends = created.date_expiry.text().and_then(lima::instant);
    Ok(Opening {
        provider_reference: cip.to_owned(),
        pay_url: Some(pay_url.ok_or(unclear("the answer names no page of the CIP"))?),
        pay_code: Some(cip.to_owned()),
        expires_at: ends.unwrap_or(authorization.expires_at).min(authorization.expires_at),
    })
}

/// The CIP's page, taken as it comes (PROTOCOL.md 1.2): encrypted where the account's own address is.
fn page(written: &str, account: &Account) -> Option<Url> {
    let url: Url = written.parse().ok()?;
    let is_fit = match url.scheme() {
        "https" => true,
        "http" => account.base_url.scheme() == "http",
        _ => false,
    };
    (is_fit && url.has_host()).then_some(url)
}

/// What the merchant wants kept with the CIP: `name=value;name=value`.
pub fn additional_data(order: &Order) -> Option<String> {
    let fields = order.extra.iter().map(|field| format!("{}={}", field.keyword.trim(), field.value.trim()));
    Some(fields.collect::<Vec<_>>().join(";")).filter(|told| !told.is_empty())
}

/// What the payer is shown: what is paid for, else the merchant's own number of the order.
fn concept(order: &Order) -> Option<String> {
    let description = order.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    Some(description.unwrap_or(&order.reference).chars().take(LONGEST_CONCEPT).collect())
}

/// So much time passed since the order was checked that its end is no longer one that is taken (PE-14, PE-15, PE-U20).
fn ends_outside() -> Box<Refusal> {
    let detail = "A code ends ten minutes to six months after it is made.";
    Box::new(Refusal {
        code: "invalid_value",
        provider_code: None,
        detail: detail.to_owned(),
        complaints: vec![Complaint::new("expires_at", "invalid_value", detail)],
        advice: Advice::ChangeRequest,
    })
}

/// The body, in the order of the provider's own table. The end is always told: it is the merchant's (PE-12).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cip<'a> {
    currency: &'static str,
    amount: Amount,
    transaction_code: &'a str,
    date_expiry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_concept: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_country: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_document_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_document_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_code_country: Option<&'static str>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Created {
    cip: Scalar,
    currency: Scalar,
    amount: Scalar,
    transaction_code: Scalar,
    date_expiry: Scalar,
    cip_url: Scalar,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;
    use crate::check::tests::sound;

    const CREATED: &str = r#"{"code":100,"message":"Solicitud exitosa.","data":{"cip":30418826,"currency":"PEN","amount":149.9,"transactionCode":"PRUEBA1","dateExpiry":"2026-03-04T23:59:00-05:00","cipUrl":"https://pre1a.payment.pagoefectivo.pe/6B1D0F3E-2A94-4C7B-9E58-D3F0A1C47B62.html"}}"#;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn authorization() -> Authorization {
        Authorization {
            reference: "PRUEBA1".into(),
            order: sound(),
            expires_at: at("2026-03-05T04:59:00Z"),
            return_url: "https://pagos.example/r/andes/att_1".parse().expect("an address"),
            card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
            notice_url: "https://pagos.example/notices/pagoefectivo/tienda".parse().expect("an address"),
            instrument: None,
        }
    }

    fn answered(status: u16, body: &str) -> Step {
        let answer = Answer {
            status,
            content_type: "application/json".into(),
            body: body.as_bytes().to_vec(),
            received_at: at("2026-03-02T14:31:12Z"),
            provider_date: None,
            handed_over: None,
        };
        read(&answer, &authorization(), &account())
    }

    #[test]
    fn a_cip_is_opened_with_its_number_as_what_the_payer_gives() {
        let Step::Learned(learned) = answered(201, CREATED) else { panic!("no CIP") };
        assert_eq!(learned.observations[0].subject.provider_reference, "30418826");
        let FactKind::Opened(opening) = &learned.observations[0].facts[0].kind else { panic!("not opened") };
        assert_eq!(opening.pay_code.as_deref(), Some("30418826"));
        assert_eq!(opening.expires_at, at("2026-03-05T04:59:00Z"));
        assert!(learned.attempt_key.is_none());
    }

    #[test]
    fn an_answer_that_tells_of_anything_else_leaves_open_what_happened() {
        let _story = testing::story("an_answer_that_tells_of_anything_else_leaves_open_what_happened");
        let changes = [
            ("30418826", "null"),
            ("30418826", "3.0"),
            ("30418826", "0"),
            ("\"PEN\"", "\"USD\""),
            ("\"PEN\"", "null"),
            ("149.9", "150.9"),
            ("149.9", "149.901"),
            ("149.9", "null"),
            ("PRUEBA1", "PRUEBA2"),
            ("\"PRUEBA1\"", "null"),
            ("https://", "http://"),
            ("https://", "javascript:"),
            ("\"cipUrl\"", "\"url\""),
            ("\"cip\":", "\"cip\":1,\"cip\":"),
            ("\"data\":{", "\"more\":{"),
            ("\"code\":100", "\"code\":166"),
        ];
        for (own, other) in changes {
            let body = CREATED.replacen(own, other, 1);
            assert!(matches!(answered(201, &body), Step::Unclear { .. }), "{own} {other}");
        }
        // 500 and 408 say nothing about whether the CIP exists (PROTOCOL.md 8).
        for status in [500, 503, 408] {
            assert!(matches!(answered(status, r#"{"code":"166"}"#), Step::Unclear { .. }), "{status}");
        }
    }

    #[test]
    fn an_end_that_cannot_be_read_is_the_one_that_was_asked_for_and_none_is_later() {
        for written in ["2026-03-09T23:59:00-05:00", "pronto", "1900-01-01T00:00:00-05:00"] {
            let body = CREATED.replace("2026-03-04T23:59:00-05:00", written);
            let Step::Learned(learned) = answered(201, &body) else { panic!("{written}") };
            let FactKind::Opened(opening) = &learned.observations[0].facts[0].kind else {
                panic!("{written}")
            };
            assert_eq!(opening.expires_at, at("2026-03-05T04:59:00Z"), "{written}");
        }
    }

    #[test]
    fn nothing_is_sent_when_too_little_or_too_much_time_is_left() {
        let begun = |now: &str| begin(&authorization(), &account(), at(now));
        for now in ["2026-03-05T04:49:01Z", "2026-03-06T00:00:00Z", "2025-09-01T00:00:00Z"] {
            let refusal = begun(now).expect_err(now);
            assert_eq!(refusal.complaints[0].param, "expires_at");
        }
        for now in ["2026-03-05T04:49:00Z", "2025-09-05T04:59:00Z"] {
            assert!(matches!(begun(now), Ok(Step::Call(call)) if call.on_lost == AfterLost::Adopt), "{now}");
        }
    }

    #[test]
    fn what_is_paid_for_is_the_description_and_else_the_order_s_number() {
        let long = Order { description: Some("ñ".repeat(60)), ..sound() };
        assert_eq!(concept(&long).map(|text| text.chars().count()), Some(50));
        assert_eq!(concept(&Order { description: Some(" ".into()), ..sound() }).as_deref(), Some("000417"));
        assert_eq!(concept(&Order { description: None, ..sound() }).as_deref(), Some("000417"));
        assert_eq!(additional_data(&Order { extra: vec![], ..sound() }), None);
    }
}
