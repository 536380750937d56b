//! What comes after a payment: reversal by API until 20:00, late reversal, holds, the confirmation flow.

use serde_json::json;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD, visible};
use super::{ACCOUNT, Bench, text_at};

/// From the start of the stories, 10:15:31 in Bogotá, to 19:59:00 and to 20:01:00.
const TO_19_59: i64 = 9 * 3_600 + 43 * 60 + 29;
const TWO_MINUTES: i64 = 120;

fn set(bench: &mut Bench, setting: &str, value: &str) {
    bench
        .steer("set_account", json!({ "account": ACCOUNT, "setting": setting, "value": value }))
        .expect("set");
}

fn act(bench: &mut Bench, reference: &str, action: &str, amount: Option<&str>) -> (u16, Value) {
    let amount =
        amount.map(|total| format!(r#","amount":{{"currency":"COP","total":{total}}}"#)).unwrap_or_default();
    let members = format!(r#""internalReference":{reference},"action":"{action}"{amount}"#);
    bench.post("/api/transaction", &members)
}

/// A paid session: its id and the number of its transaction.
fn paid(bench: &mut Bench, changes: &str) -> (u64, String) {
    let (id, page) = bench.session(changes);
    bench.pay(&page, A_CARD);
    let number = text_at(&bench.query(id), &["payment", "0", "internalReference"]);
    (id, number)
}

fn reason(answer: &Value) -> String {
    text_at(answer, &["status", "reason"])
}

#[test]
fn a_reversal_is_made_by_api_until_eight_in_the_evening() {
    let _story =
        testing::story("checkout::stories::afterwards::a_reversal_is_made_by_api_until_eight_in_the_evening");
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench, "{}");
    let (_, late) = paid(&mut bench, r#"{"payment":{"reference":"LATE1"}}"#);
    bench.advance(TO_19_59);
    let (status, answer) = act(&mut bench, &number, "reverse", None);
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "APPROVED"));
    assert_eq!(text_at(&answer, &["status", "date"]), "2026-03-14T19:59:00-05:00");
    assert_ne!(text_at(&answer, &["payment", "internalReference"]), number, "an action has its own number");
    assert_eq!(text_at(&answer, &["payment", "reference"]), "CAR2026000871");
    assert_eq!(text_at(&answer, &["payment", "refunded"]), "false");
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED", "the session stays approved");
    assert_eq!(text_at(&answer, &["payment", "0", "refunded"]), "true");
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "119000.00")));
    let (status, again) = act(&mut bench, &number, "reverse", None);
    assert_eq!((status, reason(&again).as_str()), (400, "BR"));
    assert_eq!(text_at(&again, &["status", "message"]), "La transacción ya ha sido reembolsada");

    bench.advance(TWO_MINUTES);
    let (status, answer) = act(&mut bench, &late, "reverse", None);
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "REJECTED"));
    assert_eq!(reason(&answer), "XR");
    assert_eq!(text_at(&answer, &["payment", "authorization"]), "000000");
    assert!(text_at(&answer, &["status", "message"]).contains("después de las 20:00"));
    assert_eq!(bench.movements().last(), Some(&("refund", "rejected", "119000.00")));
    covers!("AV-6.2-01");
    assert_eq!(bench.notices().len(), 2, "what is given back later is not notified");
}

#[test]
fn the_answer_after_the_hour_is_a_setting() {
    let mut bench = Bench::new();
    let (_, number) = paid(&mut bench, "{}");
    bench.advance(TO_19_59 + TWO_MINUTES);
    set(&mut bench, "after_cutoff", "failed");
    let (status, answer) = act(&mut bench, &number, "reverse", None);
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (400, "FAILED"));
    set(&mut bench, "after_cutoff", "refund");
    for (amount, left_message) in [("100000", None), ("19000.50", Some("supera")), ("19000", None)] {
        let (status, answer) = act(&mut bench, &number, "reverse", Some(amount));
        assert_eq!(status == 200, left_message.is_none(), "{answer}");
    }
    let refunds: Vec<_> = bench.movements().into_iter().filter(|(kind, ..)| *kind == "refund").collect();
    assert_eq!(refunds, [("refund", "approved", "100000.00"), ("refund", "approved", "19000.00")]);
}

#[test]
fn before_the_hour_only_the_whole_is_given_back() {
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench, "{}");
    let (status, answer) = act(&mut bench, &number, "reverse", Some("1000"));
    assert_eq!((status, reason(&answer).as_str()), (400, "request_not_valid"));
    assert_eq!(
        text_at(&answer, &["status", "message"]),
        "Antes de la conciliación solo es posible reversar el total"
    );
    let (status, _) = act(&mut bench, &number, "reverse", Some("119000"));
    assert_eq!(status, 200);
    set(&mut bench, "refunded_flag", "hidden");
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "false");
}

#[test]
fn a_charge_after_the_hour_belongs_to_the_next_day() {
    let mut bench = Bench::new();
    bench.advance(TO_19_59 + TWO_MINUTES);
    let (_, number) = paid(&mut bench, r#"{"expiration":null}"#);
    bench.advance(20 * 3_600);
    assert_eq!(act(&mut bench, &number, "reverse", None).0, 200);
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "119000.00")));
}

#[test]
fn a_late_reversal_is_settled_by_the_network_the_next_day() {
    let _story = testing::story(
        "checkout::stories::afterwards::a_late_reversal_is_settled_by_the_network_the_next_day",
    );
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench, "{}");
    let wanted = json!({ "internal_reference": number.parse::<u64>().expect("a number") });
    assert!(
        bench.steer("request_late_reversal", wanted.clone()).is_err(),
        "too early: the API still does it"
    );
    bench.advance(TO_19_59 + TWO_MINUTES);
    let late = bench.steer("request_late_reversal", wanted.clone()).expect("asked for");
    assert_eq!(
        (late["state"].as_str(), late["settles_at"].as_str()),
        (Some("requested"), Some("2026-03-15T15:00:00Z"))
    );
    assert_eq!(
        bench.steer("request_late_reversal", wanted.clone()).expect("known")["number"],
        1,
        "asked for once"
    );
    bench.advance(13 * 3_600);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "false");
    bench.advance(2 * 3_600);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "true");
    assert_eq!(bench.movements().last(), Some(&("refund", "approved", "119000.00")));
    let listed = bench.steer("late_reversals", json!({})).expect("listed");
    assert_eq!(listed["late_reversals"][0]["state"], "settled");
    covers!("AV-6.2-02");
    assert!(bench.steer("request_late_reversal", wanted).is_err(), "nothing is left");
}

#[test]
fn the_network_may_refuse_a_late_reversal() {
    let mut bench = Bench::with_settings(&[("late_reversal", "rejected")]);
    let (id, number) = paid(&mut bench, "{}");
    bench.advance(TO_19_59 + TWO_MINUTES);
    let wanted = json!({ "internal_reference": number.parse::<u64>().expect("a number") });
    bench.steer("request_late_reversal", wanted).expect("asked for");
    bench.advance(24 * 3_600);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "false");
    assert_eq!(bench.movements().last(), Some(&("refund", "rejected", "119000.00")));
    assert_eq!(
        bench.steer("late_reversals", json!({})).expect("listed")["late_reversals"][0]["state"],
        "refused"
    );
}

#[test]
fn the_network_may_refuse_a_reversal() {
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench, "{}");
    let script = json!({ "reference": "CAR2026000871", "outcomes": ["rejected", "failed", "rejected:51"] });
    bench.steer("script_actions", script).expect("scripted");
    for (word, code) in [("REJECTED", "XR"), ("FAILED", "XH"), ("REJECTED", "51")] {
        let (status, answer) = act(&mut bench, &number, "reverse", None);
        assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, word));
        assert_eq!(reason(&answer), code);
        assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "false");
    }
    assert_eq!(act(&mut bench, &number, "reverse", None).0, 200);
    let states: Vec<_> = bench.movements().into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, ["approved", "rejected", "rejected", "rejected", "approved"]);
    for word in ["", "pending_approved", "rejected:00"] {
        assert!(
            bench.steer("script_actions", json!({ "reference": "R", "outcomes": [word] })).is_err(),
            "{word}"
        );
    }
}

#[test]
fn the_older_reversal_is_served_as_the_libraries_call_it() {
    let mut bench = Bench::new();
    let (_, number) = paid(&mut bench, "{}");
    let sha1 = |bench: &Bench, members: &str| bench.authenticated_with_sha1(members);
    let body = sha1(&bench, &format!(r#""internalReference":"{number}""#));
    let (status, answer) = bench.post_text("/api/reverse", &body);
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "APPROVED"));
    assert!(bench.world.verdicts.contains(&("authentication".into(), true, "sha1".into())));
    for (members, code, message) in [
        ("", "0", "Referencia inválida, debe ser de 1 a 32 caracteres"),
        (r#""internalReference":"1""#, "request_not_valid", "No existe la transacción que busca"),
        (r#""internalReference":{}"#, "request_not_valid", "No existe la transacción que busca"),
    ] {
        let body = sha1(&bench, members);
        let (status, answer) = bench.post_text("/api/reverse", &body);
        assert_eq!((status, reason(&answer).as_str()), (400, code), "{members}");
        assert_eq!(text_at(&answer, &["status", "message"]), message, "{members}");
    }
}

#[test]
fn actions_are_refused_as_documented() {
    let mut bench = Bench::new();
    let (_, number) = paid(&mut bench, "{}");
    let (denied, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    let denied = text_at(&bench.query(denied), &["payment", "0", "internalReference"]);
    for (reference, action, amount, message) in [
        (number.as_str(), "process", None, "El campo action no es válido"),
        ("1", "reverse", None, "No existe la transacción que busca"),
        (denied.as_str(), "reverse", None, "La transacción no se puede reversar porque no está aprobada"),
        (number.as_str(), "checkout", Some("1"), "La acción [checkout] no está soportada para esta sesión"),
        (number.as_str(), "checkout", None, "El campo amount es obligatorio"),
        (number.as_str(), "confirm", None, "La acción [confirm] no está soportada para esta sesión"),
        (number.as_str(), "reverse", Some("\"x\""), "El campo amount.total no es válido"),
        (number.as_str(), "reverse", Some("119000.01"), "El valor supera lo que queda de la transacción"),
    ] {
        let (status, answer) = act(&mut bench, reference, action, amount);
        assert_eq!((status, reason(&answer).as_str()), (400, "request_not_valid"), "{action} {amount:?}");
        assert_eq!(text_at(&answer, &["status", "message"]), message);
    }
    let euros =
        format!(r#""internalReference":{number},"action":"reverse","amount":{{"currency":"USD","total":1}}"#);
    let (_, answer) = bench.post("/api/transaction", &euros);
    assert_eq!(text_at(&answer, &["status", "message"]), "La moneda proporcionada es invalida");
    bench.open_account("otra", &[]);
    let (first, second) = bench.avalpay.merchants.split_at_mut(1);
    std::mem::swap(&mut first[0].login, &mut second[0].login);
    std::mem::swap(&mut first[0].secret_key, &mut second[0].secret_key);
    let (_, answer) = act(&mut bench, &number, "reverse", None);
    assert_eq!(
        text_at(&answer, &["status", "message"]),
        "No existe la transacción que busca",
        "another site's"
    );
}

#[test]
fn a_check_in_holds_an_amount_that_is_changed_captured_or_let_go() {
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench, r#"{"type":"checkin"}"#);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["request", "type"]), "checkin");
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    let (_, answer) = act(&mut bench, &number, "reauthorization", Some("150000"));
    let newest = text_at(&answer, &["payment", "internalReference"]);
    assert_ne!(newest, number);
    assert_eq!(text_at(&answer, &["payment", "amount", "from", "total"]), "150000");
    let (status, _) = act(&mut bench, &newest, "checkout", Some("140000"));
    assert_eq!(status, 200, "the newest number works as well");
    let (status, answer) = act(&mut bench, &number, "checkout", Some("1"));
    assert_eq!((status, reason(&answer).as_str()), (400, "request_not_valid"), "captured once");
    assert_eq!(
        bench.movements(),
        [
            ("hold", "approved", "119000.00"),
            ("hold", "approved", "150000.00"),
            ("charge", "approved", "140000.00")
        ]
    );
    assert_eq!(act(&mut bench, &number, "reverse", None).0, 200);
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "140000.00")));
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "true");

    let (_, other) = paid(&mut bench, r#"{"type":"checkin"}"#);
    assert_eq!(act(&mut bench, &other, "checkout", Some("0")).0, 200);
    assert_eq!(bench.movements().last(), Some(&("release", "approved", "119000.00")));
    let (_, third) = paid(&mut bench, r#"{"type":"checkin"}"#);
    bench
        .steer("script_actions", json!({ "reference": "CAR2026000871", "outcomes": ["rejected:51"] }))
        .expect("scripted");
    let (_, answer) = act(&mut bench, &third, "checkout", Some("119000"));
    assert_eq!(
        (text_at(&answer, &["status", "status"]).as_str(), reason(&answer).as_str()),
        ("REJECTED", "51")
    );
    assert_eq!(bench.movements().last(), Some(&("charge", "rejected", "119000.00")));
}

#[test]
fn a_hold_that_nobody_captures_is_let_go_after_thirty_days() {
    let mut bench = Bench::new();
    let (_, number) = paid(&mut bench, r#"{"type":"checkin"}"#);
    bench.advance(30 * 24 * 3_600);
    assert_eq!(bench.movements().last(), Some(&("release", "approved", "119000.00")));
    assert_eq!(act(&mut bench, &number, "checkout", Some("1")).0, 400);
    assert_eq!(simulation::Simulator::next_due(&bench.avalpay), None);
}

#[test]
fn a_payment_waits_for_the_merchant_s_word_when_the_session_wants_it() {
    let mut bench = Bench::new();
    let confirmed = r#"{"metadata":{"requiresConfirmation":true}}"#;
    let (id, number) = paid(&mut bench, confirmed);
    let answer = bench.query(id);
    assert_eq!(bench.status(id), ("PENDING".into(), "PT".into()));
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "PENDING_CONFIRMATION");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "PT");
    assert!(bench.notices().is_empty());
    assert_eq!(bench.ledger(), ["pending"]);
    bench
        .steer("script_actions", json!({ "reference": "CAR2026000871", "outcomes": ["failed"] }))
        .expect("scripted");
    let (status, answer) = act(&mut bench, &number, "confirm", None);
    assert_eq!((status, reason(&answer).as_str()), (200, "BR"));
    assert_eq!(bench.status(id).0, "PENDING");
    let (status, answer) = act(&mut bench, &number, "confirm", None);
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "APPROVED"));
    assert_eq!(
        text_at(&answer, &["payment", "internalReference"]),
        number,
        "the transaction keeps its number"
    );
    assert_eq!(bench.status(id), ("APPROVED".into(), "00".into()));
    assert_eq!(bench.notices(), [("APPROVED".to_owned(), "00".to_owned())]);
    let (status, answer) = act(&mut bench, &number, "confirm", None);
    assert_eq!(status, 400);
    assert!(text_at(&answer, &["status", "message"]).contains("solo está disponible para transacciones"));

    let (id, number) = paid(&mut bench, confirmed);
    let (_, answer) = act(&mut bench, &number, "cancel", None);
    assert_eq!(
        (text_at(&answer, &["status", "status"]).as_str(), reason(&answer).as_str()),
        ("REJECTED", "?C")
    );
    assert_eq!(bench.status(id), ("REJECTED".into(), "?C".into()));

    let (id, number) = paid(&mut bench, confirmed);
    bench.advance(1_200);
    assert_eq!(bench.status(id), ("REJECTED".into(), "EX".into()));
    let (status, answer) = act(&mut bench, &number, "confirm", None);
    assert_eq!((status, reason(&answer).as_str()), (400, "transaction_request_error"));
    assert_eq!(text_at(&answer, &["status", "message"]), "La transacción ya ha sido expirada");
    assert_eq!(bench.ledger(), ["pending", "approved", "pending", "rejected", "pending", "rejected"]);
}

#[test]
fn a_pending_payment_waits_for_the_merchant_after_the_bank() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(r#"{"metadata":{"requiresConfirmation":"true"}}"#);
    bench.pay(&page, PENDING_CARD);
    bench.advance(60);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "PENDING_CONFIRMATION");
    assert!(visible(&bench.open(&page).1).contains("Pendiente de confirmación del comercio"));
    let number = text_at(&answer, &["payment", "0", "internalReference"]);
    act(&mut bench, &number, "confirm", None);
    assert_eq!(bench.status(id).0, "APPROVED");
}

#[test]
fn amounts_may_be_told_as_texts() {
    let mut bench = Bench::with_settings(&[("numbers", "texts")]);
    let (id, number) = paid(&mut bench, "{}");
    let told = r#"{"from":{"currency":"COP","total":"119000.00"},"to":{"currency":"COP","total":"119000.00"},"factor":"1"}"#;
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "amount"]), told);
    let (_, answer) = act(&mut bench, &number, "reverse", None);
    assert_eq!(text_at(&answer, &["payment", "amount"]), told);
}
