//! What every answer has in common: an HTTP status, a code, a message and `data`; and what its refusals mean
//! (PROTOCOL.md 2.7, 4.9, 8).

use std::sync::LazyLock;

use payment::order::Complaint;
use payment::step::{Advice, Answer, Refusal, Step};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::{self, Scalar};

/// What it was asked for was done.
const DONE: &str = "100";
/// Wrong data; what is wrong stands in `data`.
const WRONG_DATA: &str = "111";
/// A mandatory member is missing.
const MISSING: &str = "112";
/// The token's service is none that may be used.
const WRONG_SERVICE: &str = "508";
/// More than was agreed.
const ABOVE_MAXIMUM: &str = "511";
/// The codes by which the provider refuses, so that nothing was done.
const REFUSALS: [&str; 5] = [WRONG_DATA, MISSING, "113", WRONG_SERVICE, ABOVE_MAXIMUM];

/// Most elements of a refusal that are read.
const MOST_ELEMENTS: usize = 20;

/// An answer that tells nothing about a payment.
#[derive(Debug)]
pub enum Unusable {
    /// The provider refused the request.
    Refused(Box<Refusal>),
    /// It does not tell what happened.
    Unclear(&'static str),
}

impl From<Unusable> for Step {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Refused(refusal) => Self::Refused(*refusal),
            Unusable::Unclear(cause) => Self::Unclear { cause: cause.to_owned() },
        }
    }
}

/// The JSON text of an answer's `data`, unless it is a refusal or no answer of the provider at all.
///
/// # Errors
/// [`Unusable`].
pub fn data(answer: &Answer) -> Result<&str, Unusable> {
    let text = std::str::from_utf8(&answer.body).ok();
    let envelope = text.and_then(wire::object::<Envelope<'_>>);
    match answer.status {
        200 | 201 => {
            let envelope = envelope.ok_or(Unusable::Unclear("the answer is not a JSON object"))?;
            match envelope.code.digits() {
                Some(DONE) => Ok(envelope.data.map_or("null", RawValue::get)),
                Some(code) if REFUSALS.contains(&code) => {
                    Err(Unusable::Refused(Box::new(envelope.refusal())))
                }
                Some(_) | None => Err(Unusable::Unclear("the answer has no code that is known")),
            }
        }
        400 | 422 => Err(Unusable::Refused(Box::new(envelope.unwrap_or_default().refusal()))),
        // Time ran out, before or after the work.
        408 => Err(Unusable::Unclear("the provider's time ran out")),
        401..=499 => Err(Unusable::Refused(Box::new(refused_unread(answer.status)))),
        500.. => Err(Unusable::Unclear("the provider has a fault of its own")),
        _ => Err(Unusable::Unclear("an answer that is neither success nor refusal")),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    code: Scalar,
    message: Scalar,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// One objection. PE-U22: its field is assumed to be spelt as in the request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Element {
    code: Scalar,
    message: Scalar,
    field: Scalar,
}

impl Envelope<'_> {
    fn refusal(&self) -> Refusal {
        let elements = self.elements();
        let has = |code: &str| {
            let codes = std::iter::once(&self.code).chain(elements.iter().map(|element| &element.code));
            codes.into_iter().any(|told| told.digits() == Some(code))
        };
        // PE-U19: these two stand at the top or in an element.
        if has(WRONG_SERVICE) {
            return self.refused("config_error", WRONG_SERVICE, &elements, Vec::new(), Advice::Contact);
        }
        if has(ABOVE_MAXIMUM) {
            let detail = "More than the maximum that was agreed with the provider.";
            let complaint = Complaint::new("total.minor", "invalid_amount", detail);
            return self.refused(
                "invalid_amount",
                ABOVE_MAXIMUM,
                &elements,
                vec![complaint],
                Advice::ChangeRequest,
            );
        }
        let complaints: Vec<Complaint> = elements.iter().filter_map(Element::complaint).collect();
        let own = self.code.digits().unwrap_or("400");
        match &complaints[..] {
            [] => self.refused("provider_refused", own, &elements, complaints, Advice::Contact),
            [only] => {
                let code = MEMBERS.iter().flat_map(|member| [member.code, "missing"]);
                let code = code.into_iter().find(|code| *code == only.code).unwrap_or("invalid_value");
                self.refused(code, own, &elements, complaints, Advice::ChangeRequest)
            }
            _ => self.refused("invalid_order", own, &elements, complaints, Advice::ChangeRequest),
        }
    }

    fn refused(
        &self,
        code: &'static str,
        provider_code: &str,
        elements: &[Element],
        complaints: Vec<Complaint>,
        advice: Advice,
    ) -> Refusal {
        let fields: Vec<String> = elements.iter().map(|element| element.field.for_people()).collect();
        let mut detail = format!("The provider refused: {}", self.message.for_people());
        if fields.iter().any(|field| !field.is_empty()) {
            detail = format!("{detail} ({})", fields.join(", "));
        }
        Refusal { code, provider_code: Some(provider_code.to_owned()), detail, complaints, advice }
    }

    /// `data` is a list of objections, or an object, or null, or absent.
    fn elements(&self) -> Vec<Element> {
        let Some(data) = self.data else { return Vec::new() };
        let elements = serde_json::from_str::<Vec<&RawValue>>(data.get()).unwrap_or_default();
        elements.into_iter().filter_map(|element| wire::object(element.get())).take(MOST_ELEMENTS).collect()
    }
}

impl Element {
    /// What the objection means for the order; nothing when its member is not of the order.
    fn complaint(&self) -> Option<Complaint> {
        let field = self.field.text()?;
        let member = MEMBERS.iter().find(|member| member.name.eq_ignore_ascii_case(field))?;
        let code = if self.code.digits() == Some(MISSING) { "missing" } else { member.code };
        let detail = format!("The provider says of {}: {}", member.name, self.message.for_people());
        Some(Complaint::new(member.param, code, detail))
    }
}

/// A refusal without words: who we are, from where we call, or what we call is wrong (PE-U01, PE-U06, PE-U21).
fn refused_unread(status: u16) -> Refusal {
    let (code, advice) = match status {
        401 | 403 | 404 | 405 => ("config_error", Advice::Contact),
        429 => ("processing_error", Advice::Retry),
        _ => ("provider_refused", Advice::Contact),
    };
    Refusal {
        code,
        provider_code: Some(status.to_string()),
        detail: format!("The provider refused with HTTP {status} and did not say why."),
        complaints: Vec::new(),
        advice,
    }
}

/// A member of a request, and what of an order it is made of.
struct Member {
    name: &'static str,
    param: &'static str,
    code: &'static str,
}

const TABLE: &str = include_str!("members.tsv");

static MEMBERS: LazyLock<Vec<Member>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(member).collect());

fn member(line: &'static str) -> Option<Member> {
    let mut cells = line.split('\t');
    Some(Member { name: cells.next()?, param: cells.next()?, code: cells.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer {
            status,
            content_type: "application/json".into(),
            body: body.to_vec(),
            received_at: "2026-03-02T14:31:12Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        }
    }

    fn answered(status: u16, body: &str) -> Step {
        match data(&answer(status, body.as_bytes())) {
            Ok(data) => panic!("taken: {data}"),
            Err(unusable) => unusable.into(),
        }
    }

    fn refused(status: u16, body: &str) -> Refusal {
        match answered(status, body) {
            Step::Refused(refusal) => refusal,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_success_has_the_code_100_as_number_or_as_text() {
        for code in ["100", "\"100\""] {
            let body = format!(r#"{{"code":{code},"data":{{"a":[1]}}}}"#);
            assert_eq!(data(&answer(201, body.as_bytes())).ok(), Some(r#"{"a":[1]}"#));
        }
        assert_eq!(data(&answer(200, br#"{"code":100}"#)).ok(), Some("null"));
    }

    #[test]
    fn each_objection_becomes_a_complaint_about_what_it_is_made_of() {
        let body = r#"{"code":"111","message":"Solicitud con datos inválidos.","data":[
            {"code":"113","message":"Valor invalido.","field":"currency"},
            {"code":113,"message":"Valor invalido.","field":"Amount"},
            {"code":"112","message":"Requerido.","field":"userEmail"},
            {"code":"113","message":"Valor invalido.","field":"transactionCode"}]}"#;
        let refusal = refused(400, body);
        assert_eq!((refusal.code, refusal.advice), ("invalid_order", Advice::ChangeRequest));
        let complaints = refusal.complaints.iter().map(|complaint| (&*complaint.param, &*complaint.code));
        let expected = [
            ("total.currency", "unsupported_currency"),
            ("total.minor", "invalid_amount"),
            ("buyer.email", "missing"),
        ];
        assert_eq!(complaints.collect::<Vec<_>>(), expected);
        assert!(refusal.detail.contains("transactionCode"), "{}", refusal.detail);
    }

    #[test]
    fn a_refusal_for_the_maximum_or_the_service_is_found_at_the_top_and_in_an_element() {
        let table = [("511", "invalid_amount"), ("508", "config_error")];
        for (code, expected) in table {
            let bodies = [
                format!(r#"{{"code":"{code}","message":"No.","data":[]}}"#),
                format!(r#"{{"code":{code},"message":"No.","data":null}}"#),
                format!(r#"{{"code":{code},"message":"No."}}"#),
                format!(r#"{{"code":"111","message":"No.","data":[{{"code":"{code}","field":"amount"}}]}}"#),
            ];
            for body in bodies {
                let refusal = refused(400, &body);
                assert_eq!(
                    (refusal.code, refusal.provider_code.as_deref()),
                    (expected, Some(code)),
                    "{body}"
                );
            }
        }
        assert_eq!(refused(201, r#"{"code":"511","message":"No."}"#).code, "invalid_amount");
    }

    #[test]
    fn a_refusal_that_cannot_be_read_is_one_all_the_same() {
        for body in
            ["", "<html>", "[]", r#"{"code":"111","data":{}}"#, r#"{"data":[7,{"field":[]}]}"#, "\u{0}"]
        {
            assert_eq!(refused(400, body).code, "provider_refused", "{body}");
        }
        for (status, code) in [
            (401, "config_error"),
            (403, "config_error"),
            (429, "processing_error"),
            (418, "provider_refused"),
        ] {
            assert_eq!(refused(status, "").code, code, "{status}");
        }
    }

    #[test]
    fn what_is_neither_success_nor_refusal_is_unclear() {
        let done = r#"{"code":100,"data":{}}"#;
        for status in [100, 202, 204, 302, 408, 500, 502, 599] {
            assert!(matches!(answered(status, done), Step::Unclear { .. }), "{status}");
        }
        for body in ["", "[]", "{}", r#"{"code":166}"#, r#"{"code":100,"code":100}"#, r#"{"code":"OK"}"#] {
            assert!(matches!(answered(201, body), Step::Unclear { .. }), "{body}");
        }
        assert!(data(&answer(200, &[0xff])).is_err());
    }

    #[test]
    fn every_row_of_the_table_is_read() {
        assert_eq!(MEMBERS.len(), TABLE.lines().count() - 1);
    }
}
