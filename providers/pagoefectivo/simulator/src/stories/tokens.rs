//! The token: how long it lives, what it opens, who is turned away (§3).

use serde_json::json;

use super::{ACCOUNT, Bench, START, at, objections, one, order, read, text_at};
use crate::lima;
use crate::tokens;

#[test]
fn a_token_lives_two_hours_and_serves_any_number_of_calls() {
    let _story = testing::story("stories::tokens::a_token_lives_two_hours_and_serves_any_number_of_calls");
    let mut bench = Bench::new();
    let token = bench.token();
    assert!((200..=205).contains(&token.len()), "{}", token.len());
    let claims = tokens::read(&token).expect("ours");
    assert_eq!((claims.code_service.as_str(), claims.id_service.as_str()), ("ANDES", "4821"));
    for (after_s, status) in [(1, 201), (60, 201), (7_140, 201), (7_199, 201), (7_200, 401), (7_260, 401)] {
        bench.advance_to(lima::seconds_after(at(START), after_s));
        assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, status, "{after_s} s");
    }
    testing::covers!("PE-08");
}

#[test]
fn a_short_life_is_a_setting() {
    let mut bench = Bench::with_settings(&[("token_life_s", "300")]);
    let (_, answer) = bench.authorize_with(&bench.authorization());
    assert_eq!(text_at(&answer, &["data", "tokenExpires"]), "2026-03-02T09:35:00-05:00");
    bench.set("token_life_s", "0");
    let dead = bench.token();
    assert_eq!(bench.call_with(&dead, "POST", "/v1/cips", &order("{}")).status, 401);
}

#[test]
fn a_call_without_a_valid_token_is_turned_away_without_a_word() {
    let mut bench = Bench::new();
    let token = bench.token();
    let foreign = tokens::write(&tokens::Claims {
        code_service: "ANDES".into(),
        id: "6f0c2c52-8a77-4d7e-9a54-1f4f6d0b7c11".into(),
        id_service: "4821".into(),
        expires_at_s: at("2026-03-02T16:30:00Z").as_second(),
    });
    for header in [
        None,
        Some(String::new()),
        Some(token.clone()),
        Some(format!("Bearer{token}")),
        Some(format!("bearer {token}")),
        Some(format!("Bearer  {token}")),
        Some(format!("Bearer {token}x")),
        Some(format!("Bearer {foreign}")),
        Some("Bearer eyJhbGciOiJub25lIn0.eyJuYW1laWQiOiI0ODIxIn0.".to_owned()),
    ] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(header.as_deref().map(|header| ("authorization", header)));
        let request = bench.request("POST", "/v1/cips", &headers, order("{}").as_bytes());
        let reply = bench.handle(&request);
        assert_eq!((reply.status, reply.body.len()), (401, 0), "{header:?}");
        assert!(reply.headers.contains(&("www-authenticate".into(), "Bearer".into())));
    }
    assert!(bench.provider.cips.is_empty());
}

#[test]
fn tokens_can_be_voided_in_the_middle_of_their_life() {
    let mut bench = Bench::new();
    let token = bench.token();
    assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, 201);
    bench.steer("revoke_tokens", json!({ "account": ACCOUNT })).expect("revoked");
    assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, 401);
    assert_eq!(bench.create("{}").0, 201, "a new one is issued at once");
}

#[test]
fn a_caller_whose_address_was_not_declared_is_refused() {
    let _story = testing::story("stories::tokens::a_caller_whose_address_was_not_declared_is_refused");
    let mut bench = Bench::with_settings(&[("caller_addresses", "127.0.0.1,203.0.113.7")]);
    let token = bench.token();
    bench.peer = "127.0.0.2:40000".into();
    let reply = bench.call_with(&token, "POST", "/v1/cips", &order("{}"));
    assert_eq!((reply.status, reply.body.len()), (403, 0));
    assert!(bench.provider.cips.is_empty());
    assert_eq!(bench.authorize_with(&bench.authorization()).0, 403);
    assert_eq!(bench.verdict("caller_declared"), Some((false, "127.0.0.2:40000")));
    for peer in ["203.0.113.7:1", "[::ffff:203.0.113.7]:1"] {
        bench.peer = peer.into();
        assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, 201, "{peer}");
    }
    testing::covers!("PE-04");
}

#[test]
fn wrong_credentials_are_named_by_the_field_that_holds_them() {
    let mut bench = Bench::new();
    let right = bench.authorization();
    for (wrong, field) in [
        (right.replace("4821", "4822"), "idService"),
        (right.replace("Q0FTSEhVQkRFTU8yMDI2", "Q0FTSEhVQkRFTU8yMDI3"), "accessKey"),
        (right.replace("Q0FTSEhVQkRFTU8yMDI2", "Q0FT"), "accessKey"),
        (right.replace("T09:30:00", "T09:30:01"), "hashString"),
        (right.replace("2026-03-02T09", "2026-03-02T06"), "dateRequest"),
        (right.replace("2026-03-02T09", "2026-03-02T12"), "dateRequest"),
        (right.replace("2026-03-02T09:30:00-05:00", "today"), "dateRequest"),
        (right.replace("\"idService\":4821", "\"idService\":48.21"), "idService"),
    ] {
        let (status, answer) = bench.authorize_with(&wrong);
        assert_eq!((status, objections(&answer)), (400, one("113", field)), "{wrong}");
        assert!(
            !answer.to_text().contains("formula") && !answer.to_text().contains("dots"),
            "no hint in the answer"
        );
    }
    for body in ["", "null", "[]", "\"x\"", "{\"a\":1,\"a\":2}", "{"] {
        let (status, answer) = bench.authorize_with(body);
        assert_eq!(
            (status, text_at(&answer, &["code"]), answer.get("data").expect("data").to_text()),
            (400, "111".into(), "[]".into()),
            "{body}"
        );
    }
}

#[test]
fn an_authorization_is_read_as_clients_spell_it_and_may_be_repeated() {
    let mut bench = Bench::new();
    let right = bench.authorization();
    for body in [
        right.clone(),
        right.clone(),
        right.replace("idService", "idservice"),
        right.replace("4821,", "\"4821\","),
        right.replace("hashString", "HashString"),
    ] {
        assert_eq!(bench.authorize_with(&body).0, 201, "{body}");
    }
    let late = bench.authorization();
    bench.advance(7_200);
    assert_eq!(bench.authorize_with(&late).0, 201);
    assert_eq!(bench.verdict("date_request_close"), Some((false, "7200 s apart")));
    bench.advance(1);
    assert_eq!(bench.authorize_with(&late).0, 400);
}

#[test]
fn the_journal_names_the_mistake_and_the_answer_does_not() {
    let mut bench = Bench::new();
    let hash = text_at(
        &simulation::strict_json::parse(bench.authorization().as_bytes()).expect("JSON"),
        &["hashString"],
    );
    let (_, answer) = bench.authorize_with(&bench.authorization().replace(&hash, &hash.to_uppercase()));
    assert_eq!(objections(&answer), one("113", "hashString"));
    assert_eq!(bench.verdict("hash_right"), Some((false, "hexadecimal in upper case")));
    bench.token();
    assert_eq!(bench.verdict("hash_right"), Some((true, "as documented")));
    assert_eq!(bench.verdict("token_renewed_when_needed"), Some((true, "none was valid")));
    bench.token();
    assert_eq!(bench.verdict("token_renewed_when_needed"), Some((false, "another token is still valid")));
}

#[test]
fn the_secret_on_the_wire_is_noticed() {
    let mut bench = Bench::new();
    let token = bench.token();
    assert_eq!(bench.verdict("secret_not_on_wire"), Some((true, "not there")));
    let body = order(&format!(r#"{{"additionalData":"{}"}}"#, super::SECRET_KEY));
    let (status, _) = read(&bench.call_with(&token, "POST", "/v1/cips", &body));
    assert_eq!(status, 201);
    assert_eq!(bench.verdict("secret_not_on_wire").map(|(passed, _)| passed), Some(false));
}

#[test]
fn the_environment_keeps_services_apart() {
    let _story = testing::story("the_environment_keeps_services_apart");
    let mut bench = Bench::new();
    bench.open_account("other", &[("environment", "production")]);
    let other = bench.provider.merchants[1].clone();
    assert_ne!(other.id_service, bench.provider.merchants[0].id_service);
    assert_eq!((other.access_key.len(), other.secret_key.len()), (20, 40));
    let first = &bench.provider.merchants[0];
    assert!(other.access_key != first.access_key && other.secret_key != first.secret_key);
    assert!(other.access_key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", other.access_key);
    let (cip, _) = bench.cip("{}");
    assert!(bench.provider.merchants.iter().all(|merchant| (4..=5).contains(&merchant.id_service.len())));
    bench.provider.merchants[0].id_service = "1".into();
    bench.provider.merchants[1].id_service = super::ID_SERVICE.into();
    bench.provider.merchants[1].access_key = super::ACCESS_KEY.into();
    bench.provider.merchants[0].access_key = "x".repeat(20);
    bench.provider.merchants[1].secret_key = super::SECRET_KEY.into();
    bench.provider.merchants[0].secret_key = super::SECRET_KEY.into();
    assert!(bench.search(cip).is_null(), "another service's CIP is not found");
    assert_eq!(bench.call("DELETE", &format!("/v1/cips/{cip}"), "").0, 400);
    testing::covers!("PE-42");
}
