//! Cards that are stored: subscription sessions, payments that store a card, collect, invalidate, look-up.

use serde_json::json;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD, visible};
use super::{ACCOUNT, Bench, text_at};

const SUBSCRIPTION: &str =
    r#"{"payment":null,"subscription":{"reference":"SUS0044","description":"Guardar mi tarjeta"}}"#;
const PAYER: &str = r#""payer":{"documentType":"CC","document":"1093847561","name":"Mariana","surname":"Prueba Rueda","email":"mariana.prueba@correo.example","mobile":"3005550147"}"#;

/// A value of the stored instrument by its keyword.
fn instrument(answer: &Value, keyword: &str) -> String {
    let pairs = answer.at(&["subscription", "instrument"]).and_then(Value::items).expect("an instrument");
    let pair = pairs.iter().find(|pair| text_at(pair, &["keyword"]) == keyword).expect(keyword);
    text_at(pair, &["value"])
}

/// Stores a card in a subscription session: its token and its subtoken.
pub fn store(bench: &mut Bench, card: &str) -> (String, String) {
    let (id, page) = bench.session(SUBSCRIPTION);
    bench.pay(&page, card);
    let answer = bench.query(id);
    (instrument(&answer, "token"), instrument(&answer, "subtoken"))
}

fn collect_of(reference: &str, total: i64, token: &str) -> String {
    format!(
        r#""locale":"es_CO",{PAYER},"payment":{{"reference":"{reference}","description":"Club de lectura","amount":{{"currency":"COP","total":{total}}}}},"instrument":{{"token":{token}}},"ipAddress":"198.51.100.7","userAgent":"libreria-cobros/1.4""#
    )
}

/// Charges a token.
pub fn collect(bench: &mut Bench, reference: &str, total: i64, token: &str) -> (u16, Value) {
    let token = format!(r#"{{"token":"{token}","installments":1}}"#);
    bench.post("/api/collect", &collect_of(reference, total, &token))
}

#[test]
fn a_subscription_stores_a_card_and_charges_nothing() {
    let _story =
        testing::story("checkout::stories::stored_cards::a_subscription_stores_a_card_and_charges_nothing");
    let mut bench = Bench::new();
    let (id, page) = bench.session(SUBSCRIPTION);
    let answer = bench.query(id);
    assert_eq!(
        text_at(&answer, &["request", "subscription"]),
        r#"{"reference":"SUS0044","description":"Guardar mi tarjeta"}"#
    );
    assert!(answer.at(&["request", "payment"]).is_none());
    let form = bench.open_card_form(&page);
    let text = visible(&form);
    assert!(text.contains("Guardar una tarjeta") && text.contains("hoy no se cobra nada"), "{text}");
    assert!(!text.contains("Cuotas") && !text.contains("Pagar"));
    bench.pay(&page, A_CARD);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    assert_eq!(answer.get("payment"), Some(&Value::Null));
    assert_eq!(text_at(&answer, &["subscription", "type"]), "token");
    assert_eq!(
        text_at(&answer, &["subscription", "status"]),
        r#"{"status":"OK","reason":"00","message":"Token generado exitosamente","date":"2026-03-14T10:15:31-05:00"}"#
    );
    let (token, subtoken) = (instrument(&answer, "token"), instrument(&answer, "subtoken"));
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(subtoken.len() == 16 && subtoken.ends_with("0081") && !simulation::card::luhn(&subtoken));
    for (keyword, value) in [
        ("franchise", "visa"),
        ("franchiseName", "Visa"),
        ("lastDigits", "0081"),
        ("validUntil", "2030-11-30"),
        ("installments", "null"),
    ] {
        assert_eq!(instrument(&answer, keyword), value);
    }
    covers!("AV-8.2-01");
    assert!(bench.world.ledger.is_empty(), "nothing was charged");
    assert_eq!(bench.notices(), [("APPROVED".to_owned(), "00".to_owned())]);
    let notice = String::from_utf8(bench.world.notices[0].body.clone()).expect("UTF-8");
    assert!(notice.contains("SUS0044") && !notice.contains(&token));
    assert!(visible(&bench.open(&page).1).contains("Tarjeta guardada: **** 0081"));
}

#[test]
fn a_subscription_that_its_payer_leaves_stores_nothing() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(SUBSCRIPTION);
    let (_, html) = bench.open(&page);
    bench.send(&html, "abandon", &[]);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "reason"]), "?C");
    assert_eq!(answer.get("subscription"), Some(&Value::Null));
}

#[test]
fn refused_cards_count_as_attempts_until_none_is_left() {
    let mut bench = Bench::with_settings(&[("attempts_limit", "2")]);
    let script = json!({ "reference": "SUS0044", "outcomes": ["rejected:14", "rejected:14"] });
    bench.steer("script", script).expect("scripted");
    let (id, page) = bench.session(SUBSCRIPTION);
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), ("PENDING".into(), "PT".into()));
    assert!(
        visible(&bench.open(&page).1).contains("La tarjeta no pudo guardarse. 14: Negada, Tarjeta inválida")
    );
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), ("REJECTED".into(), "XN".into()));
    assert_eq!(bench.query(id).get("subscription"), Some(&Value::Null));
}

#[test]
fn a_payment_stores_the_card_only_when_its_payer_says_so() {
    let mut bench = Bench::new();
    for (answer_to_offer, is_stored) in [("", false), ("yes", true)] {
        let (id, page) = bench.session(r#"{"payment":{"subscribe":true}}"#);
        let form = bench.open_card_form(&page);
        assert!(visible(&form).contains("Guardar mi tarjeta para próximas compras"));
        let typed =
            [("card_number", A_CARD), ("expiry", "11/30"), ("cvv", "123"), ("save_card", answer_to_offer)];
        bench.send(&form, "card-form", &typed);
        let answer = bench.query(id);
        assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
        assert_eq!(answer.get("subscription") != Some(&Value::Null), is_stored);
        assert_eq!(text_at(&answer, &["request", "payment", "subscribe"]), "true");
    }
    let (_, page) = bench.session("{}");
    assert!(!bench.open_card_form(&page).contains("save_card"), "nobody offers it unasked");
}

#[test]
fn a_collect_is_answered_at_once_with_its_transaction() {
    let _story =
        testing::story("checkout::stories::stored_cards::a_collect_is_answered_at_once_with_its_transaction");
    let mut bench = Bench::new();
    let (token, subtoken) = store(&mut bench, A_CARD);
    let (status, answer) = collect(&mut bench, "SUS004404", 39_900, &token);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "00");
    assert_eq!(text_at(&answer, &["payment", "0", "paymentMethod"]), "visa");
    assert_ne!(text_at(&answer, &["payment", "0", "authorization"]), "000000");
    covers!("AV-8.2-04");
    assert_eq!(text_at(&answer, &["request", "returnUrl"]), "https://checkout.test.avalpaycenter.com/home");
    assert_eq!(text_at(&answer, &["request", "ipAddress"]), "198.51.100.7");
    assert_eq!(answer.get("subscription"), Some(&Value::Null));
    assert_eq!(bench.movements(), [("charge", "approved", "39900.00")]);
    let by_subtoken = format!(r#"{{"subtoken":"{subtoken}","installments":"1"}}"#);
    let (_, answer) = bench.post("/api/collect", &collect_of("SUS004405", 39_900, &by_subtoken));
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    covers!("AV-8.3-02");
    let id: u64 = text_at(&answer, &["requestId"]).parse().expect("a number");
    assert_eq!(bench.query(id).at(&["payment", "0"]), answer.at(&["payment", "0"]));
    assert_eq!(bench.notices().len(), 1, "only the subscription was notified");
    for rule in ["collect_payer_complete", "collect_shopper_told", "collect_described"] {
        bench.post("/api/collect", &collect_of("SUS004406", 1, &by_subtoken));
        assert_eq!(bench.verdict(rule), Some(true), "{rule}");
    }
}

#[test]
fn the_card_behind_a_token_decides_its_charges() {
    let _story =
        testing::story("checkout::stories::stored_cards::the_card_behind_a_token_decides_its_charges");
    let mut bench = Bench::new();
    for (card, status, reason, transaction) in [
        (A_CARD, "APPROVED", "00", Some("00")),
        (DENIED_CARD, "REJECTED", "XN", Some("05")),
        (PENDING_CARD, "PENDING", "PT", None),
        ("4110760000000057", "APPROVED", "00", Some("00")),
        ("4110769000000900", "REJECTED", "XN", Some("51")),
    ] {
        let (token, _) = store(&mut bench, card);
        let (http, answer) = collect(&mut bench, &format!("C{}", &card[card.len() - 4..]), 39_900, &token);
        assert_eq!(http, 200);
        assert_eq!(text_at(&answer, &["status", "status"]), status, "{card}");
        assert_eq!(text_at(&answer, &["status", "reason"]), reason, "{card}");
        let told = answer.at(&["payment", "0", "status", "reason"]).and_then(Value::as_str);
        assert_eq!(told, transaction, "{card}");
    }
    covers!("AV-8.2-03");
}

#[test]
fn each_reason_that_ends_a_token_has_its_card() {
    let _story =
        testing::story("checkout::stories::stored_cards::each_reason_that_ends_a_token_has_its_card");
    let mut bench = Bench::new();
    let mut expect = |card: &str, reason: &str, message: &str| {
        let (token, _) = store(&mut bench, card);
        let (_, answer) = collect(&mut bench, &format!("C{}", &card[12..]), 39_900, &token);
        assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), reason);
        assert_eq!(text_at(&answer, &["payment", "0", "status", "message"]), message);
        assert_eq!(text_at(&answer, &["status", "reason"]), "XN");
        let invalidation = format!(r#""instrument":{{"token":{{"token":"{token}"}}}}"#);
        assert_eq!(bench.post("/api/instrument/invalidate", &invalidation).0, 200);
        let (status, again) = collect(&mut bench, &format!("D{}", &card[12..]), 39_900, &token);
        assert_eq!((status, text_at(&again, &["status", "reason"]).as_str()), (400, "XN"));
    };
    expect("4110769000000108", "33", "Negada, Tarjeta vencida con orden de retención");
    covers!("AV-8.6-04");
    expect("4110769000000207", "36", "Negada, Tarjeta bloqueada o cancelada");
    covers!("AV-8.6-05");
    expect("4110769000000306", "54", "Negada, Tarjeta vencida");
    covers!("AV-8.6-06");
    expect("4110769000000405", "43", "Tarjeta robada");
    covers!("AV-8.6-07");
    expect("4110769000000504", "14", "Negada, Tarjeta inválida");
    covers!("AV-8.6-08");
    expect("4110769000000603", "41", "Tarjeta perdida");
    covers!("AV-8.6-09");
    expect(
        "4110769000000702",
        "62",
        "Negada, La tarjeta está bloqueada en el archivo de tarjetas de uso restringido",
    );
    covers!("AV-8.6-10");
    expect("4110769000000801", "XE", "Tipo de tarjeta inválida");
    covers!("AV-8.6-11");
}

#[test]
fn the_same_collect_within_a_day_charges_once() {
    let mut bench = Bench::new();
    let (token, _) = store(&mut bench, A_CARD);
    let (_, first) = collect(&mut bench, "SUS004404", 39_900, &token);
    bench.advance(24 * 60 * 60 - 1);
    let (_, second) = collect(&mut bench, "SUS004404", 39_900, &token);
    assert_eq!(second.get("requestId"), first.get("requestId"));
    assert_eq!(second.get("payment"), first.get("payment"));
    assert_eq!(bench.ledger(), ["approved"]);
    let (_, other_amount) = collect(&mut bench, "SUS004404", 39_901, &token);
    assert_ne!(other_amount.get("requestId"), first.get("requestId"));
    bench.advance(1);
    let (_, next_day) = collect(&mut bench, "SUS004404", 39_900, &token);
    assert_ne!(next_day.get("requestId"), first.get("requestId"));
    assert_eq!(bench.ledger().len(), 3);
    bench
        .steer(
            "set_account",
            json!({ "account": ACCOUNT, "setting": "collect_repetition", "value": "refused" }),
        )
        .expect("set");
    let (status, refused) = collect(&mut bench, "SUS004404", 39_900, &token);
    assert_eq!((status, text_at(&refused, &["status", "reason"]).as_str()), (400, "request_not_valid"));
}

#[test]
fn a_pending_collect_is_decided_by_the_clock_and_notified() {
    let mut bench = Bench::new();
    let (token, _) = store(&mut bench, PENDING_CARD);
    let (_, answer) = collect(&mut bench, "SUS004404", 39_900, &token);
    assert_eq!(answer.get("payment"), Some(&Value::Null), "as the provider's examples have it");
    let id: u64 = text_at(&answer, &["requestId"]).parse().expect("a number");
    bench.advance(60);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "APPROVED");
    assert_eq!(bench.notices().len(), 2);
    assert_eq!(bench.movements(), [("charge", "pending", "39900.00"), ("charge", "approved", "39900.00")]);
}

#[test]
fn a_collect_without_shopper_is_filled_up_with_the_caller() {
    let mut bench = Bench::new();
    let (token, _) = store(&mut bench, A_CARD);
    let members = format!(
        r#"{PAYER},"payment":{{"reference":"PHP1","description":[],"amount":{{"currency":"COP","total":"1000.00"}},"allowPartial":"false"}},"provider":null,"instrument":{{"token":{{"token":"{token}","installments":"3"}}}}"#
    );
    let (status, answer) = bench.post("/api/collect", &members);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(text_at(&answer, &["request", "ipAddress"]), "127.0.0.1");
    assert_eq!(text_at(&answer, &["request", "expiration"]), "2026-03-14T10:45:31-05:00");
    assert!(
        text_at(&answer, &["payment", "0", "processorFields"])
            .contains(r#""keyword":"installments","value":3"#)
    );
    assert_eq!(bench.verdict("collect_shopper_told"), Some(false));
    assert_eq!(bench.verdict("collect_described"), Some(true));
}

#[test]
fn collects_are_refused_as_documented() {
    let mut bench = Bench::new();
    let (token, _) = store(&mut bench, A_CARD);
    let unknown = "0".repeat(64);
    for (token, status, reason, message) in [
        (r#"{"token":"abc"}"#.to_owned(), 400, "request_not_valid", "La longitud del token no es correcta"),
        (
            r#"{"subtoken":"123"}"#.to_owned(),
            400,
            "request_not_valid",
            "La longitud del token no es correcta",
        ),
        ("null".to_owned(), 400, "request_not_valid", "La longitud del token no es correcta"),
        (format!(r#"{{"token":"{unknown}"}}"#), 400, "XN", "El token usado es inválido"),
        (
            format!(r#"{{"token":"{token}","installments":0}}"#),
            400,
            "request_not_valid",
            "El campo instrument.token.installments no es válido",
        ),
    ] {
        let (http, answer) = bench.post("/api/collect", &collect_of("R1", 100, &token));
        assert_eq!(http, status);
        assert_eq!(text_at(&answer, &["status", "reason"]), reason, "{token}");
        assert_eq!(text_at(&answer, &["status", "message"]), message, "{token}");
    }
    let without_payer = collect_of("R1", 100, "{}").replacen(PAYER, r#""payer":null"#, 1);
    let (_, answer) = bench.post("/api/collect", &without_payer);
    assert_eq!(text_at(&answer, &["status", "message"]), "El campo payer es obligatorio");
    assert!(bench.world.ledger.is_empty());
    bench
        .steer("set_account", json!({ "account": ACCOUNT, "setting": "unknown_token", "value": "rejected" }))
        .expect("set");
    let (http, answer) =
        bench.post("/api/collect", &collect_of("R2", 100, &format!(r#"{{"token":"{unknown}"}}"#)));
    assert_eq!((http, text_at(&answer, &["status", "reason"]).as_str()), (200, "XN"));
    assert_eq!(text_at(&answer, &["status", "status"]), "REJECTED");
}

#[test]
fn a_token_belongs_to_its_site() {
    let mut bench = Bench::new();
    let (token, _) = store(&mut bench, A_CARD);
    bench.open_account("otra", &[]);
    let (first, second) = bench.avalpay.merchants.split_at_mut(1);
    std::mem::swap(&mut first[0].login, &mut second[0].login);
    std::mem::swap(&mut first[0].secret_key, &mut second[0].secret_key);
    let (status, answer) = collect(&mut bench, "R1", 100, &token);
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "XN"));
}

#[test]
fn a_token_is_invalidated_once_and_charges_nothing_any_more() {
    let mut bench = Bench::new();
    let (token, subtoken) = store(&mut bench, A_CARD);
    let by_subtoken = format!(r#""locale":"es_CO","instrument":{{"token":{{"subtoken":"{subtoken}"}}}}"#);
    let (status, answer) = bench.post("/api/instrument/invalidate", &by_subtoken);
    assert_eq!(status, 200);
    assert_eq!(
        answer.to_text(),
        r#"{"status":{"status":"OK","reason":"00","message":"La petición se ha procesado correctamente","date":"2026-03-14T10:15:31-05:00"}}"#
    );
    let (status, answer) = bench.post("/api/instrument/invalidate", &by_subtoken);
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "XN"));
    assert_eq!(text_at(&answer, &["status", "message"]), "El token usado es inválido");
    assert_eq!(collect(&mut bench, "R1", 100, &token).0, 400);
    let listed = bench.steer("tokens", json!({ "account": ACCOUNT })).expect("listed");
    assert_eq!(listed["tokens"][0]["subtoken"], subtoken.as_str());
    assert!(listed["tokens"][0]["invalidated_at"].is_string());
}

#[test]
fn a_token_is_looked_up_and_methods_tell_what_they_need() {
    let mut bench = Bench::new();
    let (token, subtoken) = store(&mut bench, A_CARD);
    let asked = format!(r#""instrument":{{"token":{{"token":"{token}"}}}}"#);
    let (status, answer) = bench.post("/api/gateway/token", &asked);
    assert_eq!(status, 200);
    assert_eq!(text_at(&answer, &["data", "subtoken"]), subtoken);
    assert_eq!(text_at(&answer, &["data", "validUntil"]), "11/30");
    assert_eq!(text_at(&answer, &["data", "owner"]), "Mariana Prueba Rueda");
    let (_, answer) = bench.post("/api/gateway/information", &asked);
    assert_eq!(text_at(&answer, &["requireCvv2"]), "false");
    let (_, answer) =
        bench.post("/api/gateway/information", r#""instrument":{"card":{"number":"4110760000000008"}}"#);
    assert_eq!(text_at(&answer, &["threeDS"]), "required");
    let (_, answer) = bench.post("/api/gateway/information", r#""instrument":{"card":{"number":"1"}}"#);
    assert_eq!(text_at(&answer, &["status", "status"]), "FAILED");
    let (_, answer) = bench.post("/api/gateway/information", "");
    assert!(text_at(&answer, &["bankList"]).contains("BANCO UNION COLOMBIANO"));
}
