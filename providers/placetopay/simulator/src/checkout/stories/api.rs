//! Golden exchanges of create, query and cancel.

use simulation::Simulator;
use simulation::strict_json::{self, Value};

use super::driving::{A_CARD, DENIED_CARD};
use super::{ACCOUNT, Bench, LOGIN, order, text_at};

/// The documented `auth`, right for [`super::START`].
const AUTH: &str = r#""auth":{"login":"7c1f0a93b5e24d6f8a0b1c2d3e4f5061","tranKey":"skfNL4EfYsnGrNZP0cMoE4xN3KaFnAeZb4UlRcwViIk=","nonce":"OTQ4MzcyNjE1MDQ5MzgyNzE2MDU=","seed":"2026-03-14T10:15:30-05:00"}"#;

#[test]
fn a_session_is_created_as_documented() {
    let mut bench = Bench::new();
    let (status, answer) = bench.post_text("/api/session", &format!("{{{AUTH},{}}}", order("{}")));
    assert_eq!(status, 200);
    let members: Vec<&str> =
        answer.members().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(members, ["status", "requestId", "processUrl"]);
    assert_eq!(
        answer.get("status").map(Value::to_text).as_deref(),
        Some(
            r#"{"status":"OK","reason":"PC","message":"La petición se ha procesado correctamente","date":"2026-03-14T10:15:31-05:00"}"#
        )
    );
    assert_eq!(answer.get("requestId").and_then(Value::number_text), Some("508817"));
    let url = text_at(&answer, &["processUrl"]);
    let key = url.strip_prefix("https://checkout.test.avalpaycenter.com/spa/session/508817/").expect(&url);
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{url}");
    assert!(bench.world.verdicts.contains(&("authentication".into(), true, "sha256".into())));
}

#[test]
fn a_new_session_is_queried_as_documented() {
    let mut bench = Bench::new();
    let (id, _) = bench.session(
        r#"{"fields":[{"keyword":"Tienda","value":"Sede Norte","displayOn":"both"}],"skipResult":"false"}"#,
    );
    bench.advance(60);
    let answer = bench.query(id);
    let url = text_at(&answer, &["request", "fields", "1", "value"]);
    let expected = format!(
        r#"{{"requestId":508817,"status":{{"status":"PENDING","reason":"PC","message":"La petición se encuentra activa","date":"2026-03-14T10:16:31-05:00"}},"request":{{"locale":"es_CO","buyer":{{"documentType":"CC","document":"1093847561","name":"Mariana","surname":"Prueba Rueda","email":"mariana.prueba@correo.example","mobile":"3005550147"}},"payment":{{"reference":"CAR2026000871","description":"Tres libros y un mapa","amount":{{"currency":"COP","total":119000,"taxes":[{{"kind":"valueAddedTax","amount":19000,"base":100000}}],"details":[{{"kind":"subtotal","amount":100000}}]}},"allowPartial":false,"subscribe":false}},"fields":[{{"keyword":"Tienda","value":"Sede Norte","displayOn":"both"}},{{"keyword":"_processUrl_","value":"{url}","displayOn":"none"}},{{"keyword":"_session_","value":508817,"displayOn":"none"}}],"returnUrl":"https://libreria.example/pagos/retorno/CAR2026000871","ipAddress":"203.0.113.24","userAgent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0","expiration":"2026-03-14T10:35:31-05:00","skipResult":false}},"payment":null,"subscription":null}}"#
    );
    assert_eq!(answer.to_text(), expected);
}

#[test]
fn an_approval_after_a_rejection_is_queried_newest_first() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.advance(60);
    bench.pay(&page, DENIED_CARD);
    bench.advance(60);
    bench.pay(&page, A_CARD);
    bench.advance(60);
    let answer = bench.query(id);
    let at = |path: &[&str]| text_at(&answer, path);
    assert_eq!(
        at(&["status"]),
        r#"{"status":"APPROVED","reason":"00","message":"La petición ha sido aprobada exitosamente","date":"2026-03-14T10:18:31-05:00"}"#
    );
    assert_eq!(
        at(&["payment", "0", "status"]),
        r#"{"status":"APPROVED","reason":"00","message":"Aprobada","date":"2026-03-14T10:17:31-05:00"}"#
    );
    assert_eq!(
        at(&["payment", "1", "status"]),
        r#"{"status":"REJECTED","reason":"05","message":"Negada, puede ser tarjeta bloqueada o timeout","date":"2026-03-14T10:16:31-05:00"}"#
    );
    assert_eq!(
        at(&["request", "payer"]),
        r#"{"documentType":"CC","document":"1093847561","name":"Mariana","surname":"Prueba Rueda","email":"pagadora@correo.example","mobile":"+573005550147"}"#
    );
    assert_eq!(
        at(&["payment", "0", "amount"]),
        r#"{"from":{"currency":"COP","total":119000},"to":{"currency":"COP","total":119000},"factor":1}"#
    );
    for (path, value) in [
        ("internalReference", "990399"),
        ("reference", "CAR2026000871"),
        ("paymentMethod", "visa"),
        ("paymentMethodName", "Visa"),
        ("franchise", "CR_VS"),
        ("refunded", "false"),
    ] {
        assert_eq!(at(&["payment", "0", path]), value);
    }
    assert_eq!(at(&["payment", "1", "authorization"]), "000000");
    assert_ne!(at(&["payment", "0", "authorization"]), "000000");
    assert!(answer.at(&["payment", "2"]).is_none());
    let fields = at(&["payment", "0", "processorFields"]);
    for field in [
        r#"{"keyword":"bin","value":"411076","displayOn":"none"}"#,
        r#"{"keyword":"lastDigits","value":"0081","displayOn":"none"}"#,
        r#"{"keyword":"expiration","value":"1130","displayOn":"none"}"#,
        r#"{"keyword":"installments","value":1,"displayOn":"none"}"#,
        r#"{"keyword":"b24","value":"000","displayOn":"none"}"#,
    ] {
        assert!(fields.contains(field), "{field} in {fields}");
    }
    assert!(!answer.to_text().contains(A_CARD));
}

#[test]
fn silent_changes_are_echoed_as_they_were_kept() {
    let mut bench = Bench::new();
    let items: Vec<String> = (0..60)
        .map(|n| format!(r#"{{"sku":"{}","qty":2,"price":10.005}}"#, format!("{n}-").repeat(20)))
        .collect();
    let (id, _) = bench.session(&format!(
        r#"{{"payment":{{"items":[{}],"amount":{{"currency":"USD","total":"576.9875","taxes":[{{"kind":"IVA","amount":1}}]}}}},
            "fields":[{{"keyword":"a","value":1}},{{"keyword":"a","value":2}}]}}"#,
        items.join(",")
    ));
    assert_eq!(bench.verdict("taxes_kept"), Some(false));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["request", "payment", "amount", "total"]), "576.99");
    assert!(answer.at(&["request", "payment", "amount", "taxes"]).is_none());
    let items = answer.at(&["request", "payment", "items"]).and_then(Value::items).expect("items");
    assert_eq!(items.len(), 50);
    assert_eq!(text_at(&items[0], &["sku"]).len(), 30);
    assert_eq!(text_at(&items[0], &["price"]), "10.01");
    assert_eq!(text_at(&answer, &["request", "fields", "0", "value"]), "1");
    assert_eq!(text_at(&answer, &["request", "fields", "1", "keyword"]), "_processUrl_");
}

#[test]
fn the_language_of_messages_follows_the_locale() {
    let mut bench = Bench::new();
    let (_, answer) = bench.create(r#"{"locale":"en_US"}"#);
    assert_eq!(text_at(&answer, &["status", "message"]), "The request has been processed successfully");
    let (_, answer) = bench.create(r#"{"locale":"pt_BR","payment":{"amount":{"total":0}}}"#);
    assert_eq!(text_at(&answer, &["status", "message"]), "O campo payment.amount.total não é válido");
    let (_, answer) = bench.create(r#"{"locale":"klingon"}"#);
    assert_eq!(text_at(&answer, &["status", "message"]), "La petición se ha procesado correctamente");
}

#[test]
fn a_session_without_expiration_lives_thirty_minutes() {
    let mut bench = Bench::new();
    let (id, _) = bench.session(r#"{"expiration":null}"#);
    assert_eq!(bench.verdict("expiration_within_certified_range"), Some(false));
    assert_eq!(text_at(&bench.query(id), &["request", "expiration"]), "2026-03-14T10:45:31-05:00");
}

#[test]
fn a_merchant_cancels_a_pending_session_once() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let (status, answer) = bench.post(&format!("/api/session/{id}/cancel"), "");
    assert_eq!(status, 200);
    assert_eq!(text_at(&answer, &["status", "status"]), "OK");
    assert_eq!(text_at(&answer, &["status", "reason"]), "00");
    assert_eq!(text_at(&answer, &["session", "requestId"]), id.to_string());
    assert_eq!(
        text_at(&answer, &["session", "status"]),
        r#"{"status":"REJECTED","reason":"MC","message":"La petición ha sido cancelada por el comercio","date":"2026-03-14T10:15:31-05:00"}"#
    );
    let (status, answer) = bench.post(&format!("/api/session/{id}/cancel"), "");
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "action_not_allowed"));
    assert_eq!(
        text_at(&answer, &["status", "message"]),
        "No se pueden cancelar sesiones que no están pendientes."
    );
    assert!(bench.open(&page).1.contains("La sesión no está disponible"));
    assert_eq!(bench.notices(), [("REJECTED".into(), "MC".into())]);
}

#[test]
fn verdicts_tell_what_an_analyst_would_note() {
    let mut bench = Bench::new();
    bench.session("{}");
    for rule in [
        "taxes_kept",
        "expiration_within_certified_range",
        "reference_alphanumeric",
        "reference_not_approved_before",
        "ip_address_plausible",
        "user_agent_plausible",
        "buyer_complete",
        "nonce_new",
    ] {
        assert_eq!(bench.verdict(rule), Some(true), "{rule}");
    }
    bench.session(
        r#"{"payment":{"reference":"CAR-1","amount":{"taxes":[{"kind":"iva","amount":1}]}},"ipAddress":"127.0.0.1",
            "userAgent":"curl/8","expiration":"2026-03-14T12:15:31-05:00","buyer":{"mobile":null}}"#,
    );
    for rule in [
        "taxes_kept",
        "expiration_within_certified_range",
        "reference_alphanumeric",
        "ip_address_plausible",
        "user_agent_plausible",
        "buyer_complete",
        "nonce_new",
    ] {
        assert_eq!(bench.verdict(rule), Some(false), "{rule}");
    }
}

#[test]
fn a_reference_paid_before_is_accepted_and_noted() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    bench.session("{}");
    assert_eq!(bench.verdict("reference_not_approved_before"), Some(false));
}

#[test]
fn requests_are_named_and_attributed_without_being_judged() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let body = format!(r#"{{"auth":{{"login":"{LOGIN}","tranKey":"wrong"}}}}"#);
    for (method, path, operation, account) in [
        ("POST", "/api/session".to_owned(), "create_session", Some(ACCOUNT)),
        ("POST", "/api/session/".to_owned(), "create_session", Some(ACCOUNT)),
        ("POST", format!("/api/session/{id}"), "query_session", Some(ACCOUNT)),
        ("POST", format!("/api/session/{id}/cancel/"), "cancel_session", Some(ACCOUNT)),
        ("GET", page.clone(), "page", Some(ACCOUNT)),
        ("POST", format!("{page}/card"), "page_pay", Some(ACCOUNT)),
        ("GET", "/spa/session/1/00".to_owned(), "page", None),
        ("GET", "/spa/style.css".to_owned(), "stylesheet", None),
        ("POST", "/api/api/session".to_owned(), "unknown", None),
        ("GET", "/api/session".to_owned(), "unknown", None),
    ] {
        let request = bench.request(method, &path, "application/json", body.as_bytes().to_vec());
        assert_eq!(bench.avalpay.operation(&request), operation, "{method} {path}");
        assert_eq!(bench.avalpay.account_of(&request).as_deref(), account, "{method} {path}");
    }
}

#[test]
fn what_the_simulator_writes_is_json_without_repeated_members() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    let answer = bench.query(id);
    assert_eq!(strict_json::parse(answer.to_text().as_bytes()), Ok(answer));
}
