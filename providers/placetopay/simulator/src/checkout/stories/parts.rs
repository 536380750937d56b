//! Payments in parts: mixed payment by the payer, dispersion among sites.

use serde_json::json;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD, visible};
use super::{ACCOUNT, Bench, text_at};
use simulation::Reply;

const MIXED: &str = r#"{"expiration":null,"payment":{"allowPartial":true}}"#;
/// Three sites, the second too large for the card that takes less than 200 dollars.
const THREE: &str = r#"{"expiration":null,"payment":{"amount":{"total":1119000,"taxes":null},"dispersion":[
    {"agreement":4021,"agreementType":"MERCHANT","amount":{"currency":"COP","total":100000,"taxes":[{"kind":"valueAddedTax","amount":15966,"base":84034}]}},
    {"agreement":"4022","agreementType":"MERCHANT","amount":{"currency":"COP","total":1000000}},
    {"agreement":null,"agreementType":"MERCHANT","amount":{"currency":"COP","total":19000}}]}}"#;
const BELOW_200_DOLLARS: &str = "4110760000000057";

fn pay_amount(bench: &mut Bench, page: &str, card: &str, amount: &str) -> Reply {
    let form = bench.open_card_form(page);
    let typed = [("card_number", card), ("expiry", "11/30"), ("cvv", "123"), ("amount", amount)];
    bench.send(&form, "card-form", &typed)
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

fn set(bench: &mut Bench, setting: &str, value: &str) {
    bench
        .steer("set_account", json!({ "account": ACCOUNT, "setting": setting, "value": value }))
        .expect("set");
}

/// Status words of the parts of the newest attempt.
fn words(answer: &Value, path: &[&str]) -> Vec<String> {
    let parts = answer.at(path).and_then(Value::items).expect("parts");
    parts.iter().map(|part| text_at(part, &["status", "status"])).collect()
}

#[test]
fn a_mixed_payment_is_paid_in_the_amounts_that_its_payer_chooses() {
    let _story = testing::story(
        "checkout::stories::parts::a_mixed_payment_is_paid_in_the_amounts_that_its_payer_chooses",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session(MIXED);
    let answer = bench.query(id);
    assert!(answer.at(&["request", "payment", "amount", "taxes"]).is_none(), "dropped with allowPartial");
    for refused in ["0", "119.000,01", "-5", "mil", "10,555"] {
        assert_eq!(pay_amount(&mut bench, &page, A_CARD, refused).status, 422, "{refused}");
    }
    pay_amount(&mut bench, &page, A_CARD, "50.000,00");
    assert_eq!(bench.status(id), is("APPROVED_PARTIAL", "P0"));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "amount", "from", "total"]), "50000");
    assert_eq!(text_at(&answer, &["status", "message"]), "La petición está parcialmente aprobada");
    assert!(bench.notices().is_empty(), "an open session is not notified");
    let text = visible(&bench.open(&page).1);
    assert!(text.contains("Pagado $50.000,00 Por pagar $69.000,00"), "{text}");
    pay_amount(&mut bench, &page, DENIED_CARD, "69000");
    assert_eq!(bench.status(id), is("APPROVED_PARTIAL", "P0"));
    pay_amount(&mut bench, &page, PENDING_CARD, "9000");
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    bench.advance(60);
    pay_amount(&mut bench, &page, A_CARD, "60000");
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    assert_eq!(bench.notices(), [is("APPROVED", "00")]);
    let paid: Vec<&str> = bench
        .movements()
        .into_iter()
        .filter(|(_, state, _)| *state == "approved")
        .map(|(_, _, amount)| amount)
        .collect();
    assert_eq!(paid, ["50000.00", "9000.00", "60000.00"]);
}

#[test]
fn a_mixed_payment_that_is_not_paid_in_full_ends_partly_paid() {
    let _story =
        testing::story("checkout::stories::parts::a_mixed_payment_that_is_not_paid_in_full_ends_partly_paid");
    let mut bench = Bench::new();
    let (id, page) = bench.session(MIXED);
    pay_amount(&mut bench, &page, A_CARD, "50000");
    assert_eq!(bench.status(id), is("APPROVED_PARTIAL", "P0"));
    let (status, answer) = bench.post(&format!("/api/session/{id}/cancel"), "");
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "action_not_allowed"));
    bench.advance(1_800);
    assert_eq!(bench.status(id), is("PARTIAL_EXPIRED", "PX"));
    covers!("AV-9.1-01");
    assert_eq!(bench.notices(), [is("PARTIAL_EXPIRED", "PX")]);
    assert_eq!(bench.movements(), [("charge", "approved", "50000.00")], "mixed payments are not reversed");
    let (left, page) = bench.session(MIXED);
    pay_amount(&mut bench, &page, A_CARD, "1");
    let (_, html) = bench.open(&page);
    bench.send(&html, "abandon", &[]);
    assert_eq!(bench.status(left), is("PARTIAL_EXPIRED", "PX"));
    assert!(visible(&bench.open(&page).1).contains("se pagó solo una parte"));
}

#[test]
fn the_least_that_a_mixed_payment_takes_is_a_setting() {
    let mut bench = Bench::with_settings(&[("minimum_partial", "20000")]);
    let (_, page) = bench.session(MIXED);
    assert_eq!(pay_amount(&mut bench, &page, A_CARD, "19.999,99").status, 422);
    pay_amount(&mut bench, &page, A_CARD, "110000");
    assert_eq!(pay_amount(&mut bench, &page, A_CARD, "8999").status, 422);
    assert_eq!(pay_amount(&mut bench, &page, A_CARD, "9000").status, 303, "what is left may be less");
}

#[test]
fn a_dispersion_reaches_three_sites_at_most_and_its_parts_add_up() {
    let _story = testing::story(
        "checkout::stories::parts::a_dispersion_reaches_three_sites_at_most_and_its_parts_add_up",
    );
    let mut bench = Bench::new();
    let part = |total: i64, more: &str| {
        format!(r#"{{"agreementType":"MERCHANT","amount":{{"currency":"COP","total":{total}}}{more}}}"#)
    };
    let with = |parts: &[String]| format!(r#"{{"payment":{{"dispersion":[{}]}}}}"#, parts.join(","));
    assert_eq!(bench.create(THREE).0, 200);
    let four = with(&[part(1, ""), part(1, ""), part(1, ""), part(118_997, "")]);
    let (status, answer) = bench.create(&four);
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "max_dispersion_error"));
    covers!("AV-10-01");
    for (changes, message) in [
        (
            with(&[part(100_000, ""), part(18_999, "")]),
            "Las partes de la dispersión no suman el total de la sesión",
        ),
        (
            with(&[part(119_000, r#","agreement":"A1""#)]),
            "El campo payment.dispersion.agreement no es válido",
        ),
        (
            with(&[part(119_000, "").replace("MERCHANT", "BANK")]),
            "El campo payment.dispersion.agreementType no es válido",
        ),
        (
            with(&[part(100_000, "").replace("MERCHANT", "AIRLINE"), part(10_000, ""), part(9_000, "")]),
            "El campo payment.dispersion no es válido",
        ),
        (with(&[part(0, ""), part(119_000, "")]), "El campo payment.dispersion.amount.total no es válido"),
    ] {
        let (status, answer) = bench.create(&changes);
        assert_eq!(status, 400, "{changes}");
        assert_eq!(text_at(&answer, &["status", "message"]), message, "{changes}");
    }
}

#[test]
fn every_part_of_a_dispersion_is_charged_and_the_airline_first() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(
        r#"{"payment":{"dispersion":[
            {"agreement":7,"agreementType":"MERCHANT","amount":{"currency":"COP","total":100000}},
            {"agreement":8,"agreementType":"AIRLINE","amount":{"currency":"COP","total":19000}}]}}"#,
    );
    bench.pay(&page, A_CARD);
    let answer = bench.query(id);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    assert_eq!(bench.movements(), [("charge", "approved", "19000.00"), ("charge", "approved", "100000.00")]);
    assert_eq!(text_at(&answer, &["payment", "0", "amount", "from", "total"]), "119000");
    let first = answer.at(&["payment", "0", "dispersion", "0"]).expect("a part");
    assert_eq!(
        (text_at(first, &["agreement"]).as_str(), text_at(first, &["agreementType"]).as_str()),
        ("8", "AIRLINE")
    );
    assert_eq!(first.get("authorization"), answer.at(&["payment", "0", "authorization"]));
    assert_eq!(
        text_at(&answer, &["request", "payment", "dispersion", "1"]),
        r#"{"reference":"CAR2026000871","description":"Tres libros y un mapa","amount":{"currency":"COP","total":100000},"agreement":7,"agreementType":"MERCHANT","allowPartial":false,"subscribe":false}"#
    );
}

#[test]
fn a_denied_part_stops_the_rest_and_the_array_is_short() {
    let _story =
        testing::story("checkout::stories::parts::a_denied_part_stops_the_rest_and_the_array_is_short");
    let mut bench = Bench::new();
    let (id, page) = bench.session(THREE);
    bench.pay(&page, BELOW_200_DOLLARS);
    assert_eq!(bench.status(id), is("APPROVED_PARTIAL", "P0"));
    covers!("AV-10.1-01");
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "APPROVED_PARTIAL");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "61");
    assert_eq!(words(&answer, &["payment", "0", "dispersion"]), ["APPROVED", "REJECTED"]);
    set(&mut bench, "dispersion_shape", "flat");
    let answer = bench.query(id);
    assert_eq!(words(&answer, &["payment"]), ["REJECTED", "APPROVED"], "two objects, newest first");
    assert_eq!(text_at(&answer, &["payment", "1", "agreement"]), "4021");
    assert!(answer.at(&["payment", "0", "dispersion"]).is_none());
    covers!("AV-10.3-01");
    set(&mut bench, "dispersion_shape", "documented");
    let answer = bench.query(id);
    assert_eq!(words(&answer, &["payment", "0", "dispersion"]), ["APPROVED", "REJECTED", "REJECTED"]);
    assert_eq!(
        text_at(&answer, &["payment", "0", "dispersion", "2", "status", "message"]),
        "Pago abortado por el usuario"
    );
    assert_eq!(
        bench.movements(),
        [("charge", "approved", "100000.00"), ("charge", "rejected", "1000000.00")]
    );
    let text = visible(&bench.open(&page).1);
    assert!(text.contains("Transacción Aprobada Parcialmente") && text.contains("Convenio 4022"), "{text}");
}

#[test]
fn the_unpaid_parts_may_be_paid_with_another_card() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(THREE);
    bench.pay(&page, BELOW_200_DOLLARS);
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    let answer = bench.query(id);
    assert_eq!(words(&answer, &["payment", "0", "dispersion"]), ["APPROVED", "APPROVED"]);
    assert_eq!(text_at(&answer, &["payment", "0", "amount", "from", "total"]), "1019000");
    assert_eq!(words(&answer, &["payment"]), ["APPROVED", "APPROVED_PARTIAL"]);
}

#[test]
fn a_dispersion_whose_first_part_is_denied_is_a_rejected_attempt() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(THREE);
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "REJECTED");
    bench.advance(1_800);
    assert_eq!(bench.status(id), is("REJECTED", "EX"));
}

#[test]
fn a_pending_part_holds_up_the_rest() {
    let mut bench = Bench::new();
    let script =
        json!({ "reference": "CAR2026000871", "outcomes": ["approved", "pending_approved", "rejected:51"] });
    bench.steer("script", script).expect("scripted");
    set(&mut bench, "dispersion_shape", "documented");
    let (id, page) = bench.session(THREE);
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    let answer = bench.query(id);
    assert_eq!(words(&answer, &["payment", "0", "dispersion"]), ["APPROVED", "PENDING", "PENDING_PROCESS"]);
    bench.advance(60);
    let answer = bench.query(id);
    assert_eq!(words(&answer, &["payment", "0", "dispersion"]), ["APPROVED", "APPROVED", "REJECTED"]);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED_PARTIAL");
}

#[test]
fn what_was_paid_of_an_expired_dispersion_is_given_back_by_the_gateway() {
    let _story = testing::story(
        "checkout::stories::parts::what_was_paid_of_an_expired_dispersion_is_given_back_by_the_gateway",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session(THREE);
    bench.pay(&page, BELOW_200_DOLLARS);
    bench.advance(1_800);
    assert_eq!(bench.status(id), is("PARTIAL_EXPIRED", "PX"));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "dispersion", "0", "refunded"]), "true");
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "100000.00")));
    covers!("AV-10.4-01");
    assert_eq!(bench.notices(), [is("PARTIAL_EXPIRED", "PX")]);

    set(&mut bench, "automatic_reversal", "rejected");
    let (id, page) = bench.session(THREE);
    bench.pay(&page, BELOW_200_DOLLARS);
    bench.advance(1_800);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "status"]), "PARTIAL_EXPIRED");
    assert_eq!(text_at(&answer, &["payment", "0", "dispersion", "0", "refunded"]), "false");
    assert_eq!(bench.movements().last(), Some(&("reversal", "rejected", "100000.00")));
    covers!("AV-10.4-03");
    let part = text_at(&answer, &["payment", "0", "dispersion", "0", "internalReference"]);
    let (status, answer) =
        bench.post("/api/transaction", &format!(r#""internalReference":{part},"action":"reverse""#));
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "APPROVED"));
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "100000.00")));
}

#[test]
fn a_reversal_of_the_parent_gives_back_every_part_and_that_of_a_part_only_it() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(THREE);
    bench.pay(&page, A_CARD);
    let answer = bench.query(id);
    let part = text_at(&answer, &["payment", "0", "dispersion", "1", "internalReference"]);
    let parent = text_at(&answer, &["payment", "0", "internalReference"]);
    bench.post("/api/transaction", &format!(r#""internalReference":{part},"action":"reverse""#));
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "1000000.00")));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "dispersion", "1", "refunded"]), "true");
    assert_eq!(text_at(&answer, &["payment", "0", "refunded"]), "false");
    let (status, answer) =
        bench.post("/api/transaction", &format!(r#""internalReference":"{parent}","action":"reverse""#));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(text_at(&answer, &["payment", "amount", "from", "total"]), "119000");
    let reversed: Vec<_> = bench.movements().into_iter().filter(|(kind, ..)| *kind == "reversal").collect();
    assert_eq!(
        reversed,
        [
            ("reversal", "approved", "1000000.00"),
            ("reversal", "approved", "100000.00"),
            ("reversal", "approved", "19000.00")
        ]
    );
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "true");
    assert_eq!(bench.status(id).0, "APPROVED");
}

#[test]
fn a_collect_may_be_shared_too() {
    let mut bench = Bench::new();
    let (token, _) = super::stored_cards::store(&mut bench, BELOW_200_DOLLARS);
    let members = format!(
        r#""payer":{{"documentType":"CC","document":"1093847561","name":"Mariana","surname":"Prueba","email":"m@correo.example","mobile":"3005550147"}},
           "payment":{{"reference":"D1","amount":{{"currency":"COP","total":1100000}},"dispersion":[
              {{"agreement":1,"agreementType":"MERCHANT","amount":{{"currency":"COP","total":100000}}}},
              {{"agreementType":"MERCHANT","amount":{{"currency":"COP","total":1000000}}}}]}},
           "instrument":{{"token":{{"token":"{token}"}}}}"#
    );
    let (_, answer) = bench.post("/api/collect", &members);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED_PARTIAL");
    let id: u64 = text_at(&answer, &["requestId"]).parse().expect("a number");
    bench.advance(1_800);
    assert_eq!(bench.status(id), is("PARTIAL_EXPIRED", "PX"));
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "100000.00")));
}
