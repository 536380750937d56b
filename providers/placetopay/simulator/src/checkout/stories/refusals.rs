//! Every documented refusal, and that bytes of any kind are answered.

use proptest::prelude::*;
use simulation::strict_json::Value;

use super::{ACCOUNT, Bench, LOGIN, order, text_at};

fn refused(bench: &mut Bench, changes: &str) -> (u16, String, String) {
    let (status, answer) = bench.create(changes);
    assert_eq!(text_at(&answer, &["status", "status"]), "FAILED", "{changes}");
    assert!(answer.get("requestId").is_none() && answer.get("processUrl").is_none());
    (status, text_at(&answer, &["status", "reason"]), text_at(&answer, &["status", "message"]))
}

#[test]
fn a_create_request_is_refused_as_the_table_says() {
    let mut bench = Bench::new();
    let long = "x".repeat(300);
    let invalid = |member: &str| ("request_not_valid", format!("El campo {member} no es válido"));
    let required = |member: &str| ("request_not_valid", format!("El campo {member} es obligatorio"));
    let payer =
        |member: &str| ("payer_data_not_valid", format!("Los datos del pagador no son válidos: {member}"));
    let currency = || ("request_not_valid", "La moneda proporcionada es invalida".to_owned());
    let near = || ("request_not_valid", "El tiempo para realizar el pago es muy poco".to_owned());
    let reference = || ("request_not_valid", "Referencia inválida, debe ser de 1 a 32 caracteres".to_owned());
    for (changes, (reason, message)) in [
        (r#"{"payment":null}"#.to_owned(), required("payment")),
        (r#"{"payment":{"amount":null}}"#.to_owned(), required("payment.amount")),
        (r#"{"payment":{"amount":{"currency":"EUR"}}}"#.to_owned(), currency()),
        (r#"{"payment":{"amount":{"currency":null}}}"#.to_owned(), currency()),
        (r#"{"payment":{"amount":{"total":0}}}"#.to_owned(), invalid("payment.amount.total")),
        (r#"{"payment":{"amount":{"total":"1.000,00"}}}"#.to_owned(), invalid("payment.amount.total")),
        (r#"{"payment":{"amount":{"total":true}}}"#.to_owned(), invalid("payment.amount.total")),
        (r#"{"payment":{"reference":null}}"#.to_owned(), reference()),
        (r#"{"payment":{"reference":""}}"#.to_owned(), reference()),
        (r#"{"payment":{"reference":123}}"#.to_owned(), reference()),
        (format!(r#"{{"payment":{{"reference":"{}"}}}}"#, "R".repeat(33)), reference()),
        (r#"{"payment":{"description":7}}"#.to_owned(), invalid("payment.description")),
        (r#"{"payment":{"items":{}}}"#.to_owned(), invalid("payment.items")),
        (r#"{"payment":{"items":[7]}}"#.to_owned(), invalid("payment.items")),
        (r#"{"expiration":"2026-03-14T10:20:30-05:00"}"#.to_owned(), near()),
        (r#"{"expiration":"2025-03-14T10:20:30-05:00"}"#.to_owned(), near()),
        (r#"{"expiration":"tomorrow"}"#.to_owned(), invalid("expiration")),
        (r#"{"expiration":1773501330}"#.to_owned(), invalid("expiration")),
        (r#"{"returnUrl":null}"#.to_owned(), required("returnUrl")),
        (r#"{"returnUrl":""}"#.to_owned(), required("returnUrl")),
        (r#"{"returnUrl":"javascript:alert(1)"}"#.to_owned(), invalid("returnUrl")),
        (r#"{"returnUrl":"/relative"}"#.to_owned(), invalid("returnUrl")),
        (r#"{"returnUrl":"https://a.example/ñ"}"#.to_owned(), invalid("returnUrl")),
        (r#"{"returnUrl":"https://a.example/x\ny"}"#.to_owned(), invalid("returnUrl")),
        (format!(r#"{{"returnUrl":"https://a.example/{long}"}}"#), invalid("returnUrl")),
        (r#"{"cancelUrl":"ftp://a.example/"}"#.to_owned(), invalid("cancelUrl")),
        (r#"{"ipAddress":null}"#.to_owned(), required("ipAddress")),
        (r#"{"ipAddress":"1.2.3"}"#.to_owned(), invalid("ipAddress")),
        (r#"{"userAgent":null}"#.to_owned(), required("userAgent")),
        (format!(r#"{{"userAgent":"{long}"}}"#), invalid("userAgent")),
        (r#"{"skipResult":1}"#.to_owned(), invalid("skipResult")),
        (r#"{"fields":[{"value":1}]}"#.to_owned(), invalid("fields")),
        (r#"{"metadata":{"initiatorIndicator":"ROBOT"}}"#.to_owned(), invalid("metadata.initiatorIndicator")),
        (format!(r#"{{"buyer":{{"name":"{}"}}}}"#, "n".repeat(61)), invalid("buyer.name")),
        (r#"{"payer":{"name":"4110 7600 0000 0081"}}"#.to_owned(), payer("payer.name")),
        (format!(r#"{{"payer":{{"email":"{}@a.example"}}}}"#, "n".repeat(80)), payer("payer.email")),
        (r#"{"payer":{"documentType":"CC","document":"0"}}"#.to_owned(), payer("payer.document")),
    ] {
        assert_eq!(refused(&mut bench, &changes), (400, reason.to_owned(), message), "{changes}");
    }
    assert!(bench.avalpay.sessions.is_empty());
}

#[test]
fn combinations_that_cannot_be_are_refused() {
    let mut bench = Bench::new();
    let recurring = r#""recurring":{"periodicity":"M","interval":1,"maxPeriods":3}"#;
    let halves = r#""dispersion":[{"agreementType":"MERCHANT","amount":{"currency":"COP","total":119000}}]"#;
    let together = "La petición combina servicios que no van juntos";
    for (changes, message) in [
        (
            format!(r#"{{"payment":{{"allowPartial":"true",{recurring}}}}}"#),
            "Un pago recurrente no puede ser parcial",
        ),
        (format!(r#"{{"payment":{{"allowPartial":true,{halves}}}}}"#), together),
        (format!(r#"{{"type":"checkin","payment":{{{halves}}}}}"#), together),
        (format!(r#"{{"type":"checkin","payment":{{{recurring}}}}}"#), together),
        (r#"{"type":"checkin","payment":{"allowPartial":true}}"#.to_owned(), together),
        (format!(r#"{{"metadata":{{"requiresConfirmation":true}},"payment":{{{halves}}}}}"#), together),
        (r#"{"type":"checkout"}"#.to_owned(), "El campo type no es válido"),
        (
            r#"{"payment":{"recurring":{"periodicity":"W"}}}"#.to_owned(),
            "El campo payment.recurring.periodicity no es válido",
        ),
        (
            r#"{"payment":null,"subscription":{"reference":""}}"#.to_owned(),
            "Referencia inválida, debe ser de 1 a 32 caracteres",
        ),
    ] {
        let (status, reason, said) = refused(&mut bench, &changes);
        assert_eq!(
            (status, reason.as_str(), said.as_str()),
            (400, "request_not_valid", message),
            "{changes}"
        );
    }
    let mut strict = Bench::with_settings(&[("confirmation_flow", "refused")]);
    let (status, _, said) = refused(&mut strict, r#"{"metadata":{"requiresConfirmation":true}}"#);
    assert_eq!((status, said.as_str()), (400, "El campo metadata.requiresConfirmation no es válido"));
}

#[test]
fn a_service_that_is_not_served_is_refused_by_name() {
    let mut bench = Bench::new();
    for changes in [r#"{"autopay":{"x":1}}"#, r#"{"type":"autopay"}"#] {
        let (status, reason, message) = refused(&mut bench, changes);
        assert_eq!((status, reason.as_str()), (400, "request_not_valid"), "{changes}");
        assert_eq!(message, "Este simulador no atiende el campo autopay");
        assert_eq!(bench.verdict("create_accepted"), Some(false));
    }
    let (status, _) = bench.create(
        r#"{"payment":{"allowPartial":"false","subscribe":false,"dispersion":[],"description":[]},"type":null,"provider":null}"#,
    );
    assert_eq!(status, 200, "members that ask for nothing are no obstacle");
}

#[test]
fn authentication_fails_with_http_401_and_a_numeric_reason() {
    let mut bench = Bench::new();
    let good = bench.authenticated(&order("{}"));
    let malformed = "Autenticación mal formada";
    let (_, other_login) = (LOGIN, "00000000000000000000000000000000");
    for (body, message) in [
        ("{}".to_owned(), "Autenticación fallida 100"),
        (r#"{"auth":null}"#.to_owned(), "Autenticación fallida 100"),
        (r#"{"auth":"x"}"#.to_owned(), malformed),
        (r#"{"auth":{}}"#.to_owned(), malformed),
        (String::new(), malformed),
        ("not json".to_owned(), malformed),
        ("[]".to_owned(), malformed),
        (format!("{},\"auth\":1}}", &good[..good.len() - 1]), malformed),
        (format!("{}{}", "[".repeat(200), "]".repeat(200)), malformed),
        (good.replace(LOGIN, other_login), "Autenticación fallida 101"),
        (good.replace("\"tranKey\":\"", "\"tranKey\":\"x"), "Autenticación fallida 102"),
        (good.replace("\"seed\":\"2026", "\"seed\":\"2025"), "Autenticación fallida 103"),
        (good.replace("\"seed\":\"2026", "\"seed\":\"hoy"), "Autenticación fallida 107"),
    ] {
        let (status, answer) = bench.post_text("/api/session", &body);
        assert_eq!(status, 401, "{body}");
        assert_eq!(answer.at(&["status", "reason"]).and_then(Value::number_text), Some("401"));
        assert_eq!(text_at(&answer, &["status", "message"]), message, "{body}");
        assert!(answer.get("requestId").is_none());
        assert_eq!(bench.verdict("authentication"), Some(false));
    }
}

#[test]
fn the_state_of_a_site_is_told_by_its_code() {
    for (state, code) in [("inactive", 104), ("expired", 105), ("credentials_expired", 106)] {
        let mut bench = Bench::with_settings(&[("state", state)]);
        let (status, answer) = bench.create("{}");
        assert_eq!(status, 401);
        assert_eq!(text_at(&answer, &["status", "message"]), format!("Autenticación fallida {code}"));
    }
}

#[test]
fn a_body_that_is_not_sent_as_json_is_malformed() {
    let mut bench = Bench::new();
    let body = bench.authenticated(&order("{}")).into_bytes();
    for (kind, status) in [
        ("text/plain", 401),
        ("", 401),
        ("application/jsonp", 401),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
    ] {
        let request = bench.request("POST", "/api/session", kind, body.clone());
        assert_eq!(bench.handle(&request).status, status, "{kind}");
    }
}

#[test]
fn unknown_and_foreign_sessions_are_told_apart() {
    let mut bench = Bench::new();
    let (id, _) = bench.session("{}");
    for path in ["/api/session/1", "/api/session/1/cancel"] {
        let (status, answer) = bench.post(path, "");
        assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (404, "request_not_valid"));
        assert_eq!(text_at(&answer, &["status", "message"]), "No existe la sesión que busca");
    }
    bench.open_account("otra", &[]);
    let (first, second) = bench.avalpay.merchants.split_at_mut(1);
    std::mem::swap(&mut first[0].login, &mut second[0].login);
    std::mem::swap(&mut first[0].secret_key, &mut second[0].secret_key);
    for path in [format!("/api/session/{id}"), format!("/api/session/{id}/cancel")] {
        let (status, answer) = bench.post(&path, "");
        assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (401, "unauthorized"));
        assert_eq!(text_at(&answer, &["status", "message"]), "La sesión no pertenece a su sitio");
    }
    assert!(bench.avalpay.sessions[&id].ending().is_none());
}

#[test]
fn paths_that_do_not_exist_answer_404_na() {
    let mut bench = Bench::new();
    for path in [
        "/api/api/session",
        "/api/recurring/1/cancel",
        "/api/recurring/1",
        "/api/notify",
        "/api/session/abc",
        "/api/session/99999999999999999999999",
        "/api/session//cancel",
        "/",
        "",
    ] {
        let (status, answer) = bench.post(path, "");
        assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (404, "NA"), "{path}");
        assert_eq!(text_at(&answer, &["status", "message"]), "Pagina no encontrada");
    }
}

#[test]
fn a_repeated_nonce_is_accepted_and_noted() {
    let mut bench = Bench::new();
    let body = bench.authenticated(&order("{}"));
    assert_eq!(bench.post_text("/api/session", &body).0, 200);
    assert_eq!(bench.verdict("nonce_new"), Some(true));
    assert_eq!(bench.post_text("/api/session", &body).0, 200);
    assert_eq!(bench.verdict("nonce_new"), Some(false));
}

#[test]
fn a_rotated_secret_voids_the_old_one() {
    let mut bench = Bench::new();
    bench.steer("rotate_secret", serde_json::json!({ "account": ACCOUNT })).expect("rotated");
    let (status, answer) = bench.create("{}");
    assert_eq!(
        (status, text_at(&answer, &["status", "message"]).as_str()),
        (401, "Autenticación fallida 102")
    );
}

#[test]
fn steering_refuses_what_it_does_not_know() {
    use serde_json::json;
    let mut bench = Bench::new();
    for (name, arguments) in [
        ("dance", json!({})),
        ("resolve_pending", json!({ "request_id": 1, "outcome": "approved" })),
        ("resolve_pending", json!({ "request_id": 1, "outcome": "maybe" })),
        ("resolve_pending", json!({ "request": 1 })),
        ("script", json!({ "reference": "A", "outcomes": ["paid"] })),
        ("set_account", json!({ "account": "nobody", "setting": "state", "value": "active" })),
        ("set_account", json!({ "account": ACCOUNT, "setting": "state", "value": "open" })),
        ("send_test_notice", json!({ "account": "nobody" })),
        ("rotate_secret", json!(null)),
    ] {
        assert!(bench.steer(name, arguments.clone()).is_err(), "{name} {arguments}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_of_any_kind_are_answered_on_every_path(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        path in "(/api/session|/api/session/508817|/api/session/508817/cancel|/spa/session/508817/0|/api/collect|/api/reverse|\
                 /api/transaction|/api/instrument/invalidate|/api/gateway/(token|information)|/rest/mock/redirection/0|\
                 /panel/libreria(/cards|/transactions/(1|x)(/reverse|/reverse-late)?|/recurrences/1/cancel)?|/[a-z/%ñ]{0,20})",
        method in "(GET|POST|PUT|)",
        kind in "(application/json|application/x-www-form-urlencoded|)",
    ) {
        let mut bench = Bench::new();
        bench.session("{}");
        let request = bench.request(&method, &path, &kind, body);
        let reply = bench.handle(&request);
        prop_assert!((200..500).contains(&reply.status));
    }

    #[test]
    fn any_form_is_answered_on_every_step_of_the_page(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        step in "(email|card|pse|challenge|abandon|language)",
    ) {
        let mut bench = Bench::new();
        let (_, page) = bench.session(r#"{"payment":{"allowPartial":true}}"#);
        bench.open_card_form(&page);
        let request = bench.request("POST", &format!("{page}/{step}"), "application/x-www-form-urlencoded", body);
        let reply = bench.handle(&request);
        prop_assert!([303, 422].contains(&reply.status));
    }

    #[test]
    fn any_json_value_in_any_member_is_answered(
        member in "(locale|buyer|payer|payment|fields|paymentMethod|expiration|returnUrl|ipAddress|metadata|type|skipResult)",
        value in prop_oneof![
            Just("7"), Just("-1e99"), Just("\"\""), Just("\"texto\""), Just("[]"), Just("[[]]"), Just("{}"),
            Just("true"), Just("{\"amount\":[]}"), Just("[{\"keyword\":[]}]"), Just("{\"address\":7}"),
        ],
    ) {
        let mut bench = Bench::new();
        let (status, _) = bench.create(&format!("{{\"{member}\":{value}}}"));
        prop_assert!(status == 200 || status == 400);
    }

    #[test]
    fn any_json_value_in_any_member_of_a_later_operation_is_answered(
        path in "(collect|transaction|reverse|instrument/invalidate|gateway/token|gateway/information)",
        member in "(payment|payer|instrument|internalReference|action|amount)",
        value in prop_oneof![
            Just("7"), Just("-1e99"), Just("\"\""), Just("\"990398\""), Just("990398"), Just("[]"), Just("{}"), Just("true"),
            Just("{\"token\":{\"token\":[]}}"), Just("{\"token\":{\"subtoken\":7}}"), Just("{\"card\":{\"number\":7}}"),
            Just("{\"recurring\":7,\"dispersion\":{}}"), Just("{\"currency\":\"COP\",\"total\":-1}"),
        ],
        with_action in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        let (_, page) = bench.session("{}");
        bench.pay(&page, super::driving::A_CARD);
        let reversal = if with_action && member != "action" { r#","action":"reverse""# } else { "" };
        let reference = if member == "internalReference" { "" } else { r#","internalReference":990398"# };
        let (status, _) = bench.post(&format!("/api/{path}"), &format!(r#""{member}":{value}{reversal}{reference}"#));
        prop_assert!(status == 200 || status == 400, "{}", status);
    }
}
