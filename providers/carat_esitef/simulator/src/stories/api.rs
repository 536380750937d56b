//! The HTML interface's creation, and the REST interface's payments.

use simulation::Simulator;
use simulation::strict_json::Value;
use testing::covers;

use super::{Bench, CARD, STORED, text_at};
use crate::course::DENIED_AMOUNT;

fn code(answer: &Value) -> i64 {
    answer.get("responseCode").and_then(Value::as_i64).expect("a number")
}

#[test]
fn a_creation_answers_with_its_identifiers_and_the_address_of_the_page() {
    let mut bench = Bench::new();
    let answer = bench.created("");
    let nit = text_at(&answer, &["nit"]);
    assert_eq!(nit.len(), 64);
    assert!(nit.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
    assert_eq!(text_at(&answer, &["description"]), "OK. Transaction successful.");
    assert_eq!(
        text_at(&answer, &["url"]),
        format!("http://carat-esitef.localhost:4055/e-sitef/do.se?input['nit']={nit}")
    );
    assert_eq!(text_at(&answer, &["nsuesitef"]).len(), 15);
    assert!(answer.get("nita").is_none() && answer.get("nsua").is_none());
    assert!(bench.world.ledger.is_empty() && bench.world.notices.is_empty());
}

#[test]
fn a_creation_with_storage_adds_two_identifiers_and_changes_nothing_else() {
    let _story = testing::story(concat!(
        module_path!(),
        "::a_creation_with_storage_adds_two_identifiers_and_changes_nothing_else"
    ));
    for (profile, is_digits) in [("docs", false), ("guide", true)] {
        let mut bench = Bench::with_settings(&[("profile", profile)]);
        let plain = bench.created("");
        let stored = bench.created(STORED);
        let names = |answer: &Value| -> Vec<String> {
            answer.members().expect("an object").iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&stored)[..5], names(&plain)[..]);
        assert_eq!(names(&stored)[5..], ["nita", "nsua"]);
        let (nita, nsua) = (text_at(&stored, &["nita"]), text_at(&stored, &["nsua"]));
        assert_ne!(nita, text_at(&stored, &["nit"]));
        assert!(nita.len() == 65 && nita.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{nita}");
        assert_eq!(nsua.len(), 15);
        assert_eq!(nsua.bytes().all(|byte| byte.is_ascii_digit()), is_digits, "{nsua}");
        assert!(is_digits || nsua.ends_with('A'));
    }
    covers!("CA-14");
}

#[test]
fn a_switch_gives_the_two_identifiers_the_shapes_of_the_sample() {
    let mut bench = Bench::with_settings(&[("identifiers", "swapped")]);
    let stored = bench.created(STORED);
    assert_eq!((text_at(&stored, &["nita"]).len(), text_at(&stored, &["nsua"]).len()), (15, 64));
}

#[test]
fn a_request_is_taken_from_the_body_or_the_query_and_answered_in_json_or_xml() {
    let mut bench = Bench::new();
    let members = format!(r#"{{"merchant_id":"{}","amount":100,"order_id":"a&b"}}"#, bench.merchant_id);
    let query = simulation::form::write([("request", members.as_str())]);
    for prefix in ["e-sitef", "e-sitef-hml"] {
        let path = format!("/{prefix}/init/xml.se?{query}");
        let reply = bench.handle(&bench.request("POST", &path, &[], b""));
        let text = String::from_utf8(reply.body).expect("UTF-8");
        assert!(text.contains("<response><responseCode>0</responseCode><description>OK."), "{text}");
        assert!(
            text.contains("<url>http://carat-esitef.localhost:4055/e-sitef/do.se?input['nit']="),
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_request_has_its_code_and_leaves_nothing_behind() {
    let mut bench = Bench::new();
    for (body, expected) in [
        ("", 42),
        ("other=1", 42),
        ("request=", 2),
        ("request=+", 2),
        ("request={", 43),
        ("request={\"a\":1,\"a\":2}", 43),
        ("request=[1]", 132),
        ("request={\"amount\":\"1\"}", 30),
        ("request={\"merchant_id\":\"nobody\",\"amount\":\"1\"}", 31),
        ("request={\"merchant_id\":7,\"amount\":\"1\"}", 31),
    ] {
        let reply = bench.handle(&bench.request("POST", "/e-sitef/init/json.se", &[], body.as_bytes()));
        let answer = simulation::strict_json::parse(&reply.body).expect("JSON");
        assert_eq!((reply.status, code(&answer)), (200, expected), "{body}");
        assert!(answer.get("nit").is_none() && answer.get("url").is_none());
    }
    let id = bench.merchant_id.clone();
    let answer = bench.init(&format!(r#"{{"merchant_id":"{id}","amount":"0"}}"#));
    assert_eq!(code(&answer), 33);
    bench.set("active", "no");
    let answer = bench.init(&format!(r#"{{"merchant_id":"{id}","amount":"1"}}"#));
    assert_eq!(code(&answer), 110);
    assert!(bench.portal.transactions.is_empty() && bench.world.notices.is_empty());
}

#[test]
fn a_key_of_the_html_interface_is_looked_at_only_where_the_shop_is_set_so() {
    let mut bench = Bench::new();
    let members = format!(r#"{{"merchant_id":"{}","amount":"1"}}"#, bench.merchant_id);
    let body = simulation::form::write([("request", members.as_str())]);
    for (setting, expected) in [("no", "0"), ("yes", "27")] {
        bench.set("key_checked", setting);
        let request =
            bench.request("POST", "/e-sitef/init/json.se", &[("merchant_key", "wrong")], body.as_bytes());
        let answer = simulation::strict_json::parse(&bench.handle(&request).body).expect("JSON");
        assert_eq!(text_at(&answer, &["responseCode"]), expected);
    }
}

#[test]
fn verdicts_note_repeated_orders_and_numbers_values_that_are_no_text_and_calls_by_address() {
    let mut bench = Bench::new();
    let created = bench.created("");
    assert_eq!(bench.verdict("values_as_text"), Some(true));
    assert_eq!(bench.verdict("merchant_usn_unique"), Some(true));
    assert_eq!(bench.verdict("order_not_paid_before"), Some(true));
    bench.pay_on_page(&created, &[]);
    bench.created("");
    assert_eq!(bench.verdict("merchant_usn_unique"), Some(false));
    assert_eq!(bench.verdict("order_not_paid_before"), Some(false));
    let id = bench.merchant_id.clone();
    bench.init(&format!(r#"{{"merchant_id":"{id}","amount":100}}"#));
    assert_eq!(bench.verdict("values_as_text"), Some(false));
    for (host, by_name) in
        [("carat-esitef.localhost:4055", true), ("10.1.2.3:443", false), ("[::1]:80", false)]
    {
        bench.handle(&bench.request("GET", "/e-sitef/estilo.css", &[("host", host)], b""));
        assert_eq!(bench.verdict("called_by_name"), Some(by_name), "{host}");
    }
}

#[test]
fn rest_wants_both_headers_and_tells_which_is_wrong() {
    let mut bench = Bench::new();
    let (id, key) = (bench.merchant_id.clone(), bench.merchant_key.clone());
    let (_, other_key) = bench.open_account("outra", &[]);
    for (headers, code) in [
        (vec![], "30"),
        (vec![("merchant_id", id.as_str())], "26"),
        (vec![("merchant_id", "nobody"), ("merchant_key", key.as_str())], "31"),
        (vec![("merchant_id", id.as_str()), ("merchant_key", other_key.as_str())], "27"),
    ] {
        let reply = bench.handle(&bench.request("POST", "/e-sitef/api/v1/transactions", &headers, b"{}"));
        let answer = simulation::strict_json::parse(&reply.body).expect("JSON");
        assert_eq!((reply.status, text_at(&answer, &["code"]).as_str()), (401, code));
    }
}

#[test]
fn a_payment_in_two_steps_is_confirmed_and_pays_once() {
    let mut bench = Bench::new();
    let nit = bench.rest_payment(r#""merchant_usn":"20260001""#);
    let (status, answer) = bench.rest_pay(&nit, CARD);
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (200, "0"));
    let payment = |name: &str| text_at(&answer, &["payment", name]);
    assert_eq!(
        ["status", "authorizer_code", "authorizer_id", "amount", "payment_type", "merchant_usn", "nit"]
            .map(payment),
        ["CON", "000", "1", "11900", "C", "20260001", nit.as_str()]
    );
    assert_eq!(payment("authorizer_date"), "14/03/2026T12:15");
    assert!(payment("host_usn").ends_with(' ') && payment("authorization_number").len() == 6);
    assert!(payment("customer_receipt").contains("119,00") && !answer.to_text().contains("4000000000000044"));
    assert_eq!(bench.ledger(), [("charge", "approved", "119.00")]);
    let (status, answer) = bench.rest_pay(&nit, CARD);
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (400, "102"));
    let (status, answer) = bench.rest("GET", &format!("v1/transactions/{nit}"), "");
    assert_eq!((status, text_at(&answer, &["payment", "status"]).as_str()), (200, "CON"));
}

#[test]
fn a_denial_is_a_400_with_the_whole_body() {
    let mut bench = Bench::new();
    let body = format!(r#"{{"amount":"{DENIED_AMOUNT}","order_id":"9","card":{CARD}}}"#);
    let (status, answer) = bench.rest("POST", "v2/payments/", &body);
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (400, "255"));
    assert_eq!(text_at(&answer, &["payment", "status"]), "NEG");
    assert_eq!(text_at(&answer, &["payment", "authorizer_code"]), "51");
    assert_eq!(bench.ledger(), [("charge", "rejected", "22000.00")]);
}

#[test]
fn an_idempotency_key_charges_once_and_refuses_another_body() {
    let mut bench = Bench::new();
    let body = format!(r#"{{"amount":"500","order_id":"9","card":{CARD}}}"#);
    let key = [("idempotency_key", "a-key")];
    let first = bench.rest_with("POST", "v2/payments", &body, &key);
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(bench.rest_with("POST", "v2/payments", &body, &key), first);
    assert_eq!(bench.ledger().len(), 1);
    let other = body.replace("500", "501");
    let (status, answer) = bench.rest_with("POST", "v2/payments", &other, &key);
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (400, "137"));
    let (status, _) = bench.rest_with("POST", "v2/payments", &body, &[("idempotency_key", "another")]);
    assert_eq!((status, bench.ledger().len()), (200, 2));
}

#[test]
fn a_postponed_payment_is_confirmed_or_undone_once() {
    let postponed = r#""additional_data":{"postpone_confirmation":"true"}"#;
    for (confirm, end, state) in [("true", "CON", "approved"), ("false", "PPN", "rejected")] {
        let mut bench = Bench::new();
        let nit = bench.rest_payment(postponed);
        let (_, answer) = bench.rest_pay(&nit, CARD);
        assert_eq!(text_at(&answer, &["payment", "status"]), "PPC");
        for (query, code) in [("", "56"), ("?confirm=maybe", "57"), ("?confirm=true&amount=11901", "33")] {
            let (_, answer) = bench.rest("PUT", &format!("v1/payments/{nit}{query}"), "");
            assert_eq!(text_at(&answer, &["code"]), code);
        }
        let (status, answer) = bench.rest("PUT", &format!("v1/payments/{nit}?confirm={confirm}"), "");
        assert_eq!((status, text_at(&answer, &["payment", "status"]).as_str()), (200, end));
        assert_eq!(bench.ledger(), [("charge", "pending", "119.00"), ("charge", state, "119.00")]);
        let (_, answer) = bench.rest("PUT", &format!("v1/payments/{nit}?confirm=true"), "");
        assert_eq!(text_at(&answer, &["code"]), "107");
    }
}

#[test]
fn a_part_is_confirmed_only_past_sitef() {
    let postponed = r#""additional_data":{"postpone_confirmation":"true"}"#;
    for (routing, code, amount) in [("sitef", "33", "11900"), ("gateway", "0", "5000")] {
        let mut bench = Bench::with_settings(&[("routing", routing)]);
        let nit = bench.rest_payment(postponed);
        bench.rest_pay(&nit, CARD);
        let (_, answer) = bench.rest("PUT", &format!("v1/payments/{nit}?confirm=true&amount=5000"), "");
        assert_eq!(text_at(&answer, &["code"]), code);
        let (_, answer) = bench.rest("GET", &format!("v1/transactions/{nit}"), "");
        assert_eq!(text_at(&answer, &["payment", "amount"]), amount);
    }
}

#[test]
fn a_card_is_judged_by_its_form_and_then_by_whether_it_is_published() {
    let mut bench = Bench::new();
    for (card, expected) in [
        (r#"{}"#, "10"),
        (r#"{"number":"123"}"#, "11"),
        (r#"{"number":"4000000000000044"}"#, "8"),
        (r#"{"number":"4000000000000044","expiry_date":"1399"}"#, "9"),
        (r#"{"number":"4000000000000044","expiry_date":"1230"}"#, "12"),
        (r#"{"number":"4000000000000044","expiry_date":"1230","security_code":"1x"}"#, "13"),
        (r#"{"number":"4000000000000045","expiry_date":"1230","security_code":"123"}"#, "88"),
        (r#"{"number":"4000000000000044","token":"x","security_code":"123"}"#, "73"),
        (r#"{"token":"x"}"#, "49"),
    ] {
        let nit = bench.rest_payment("");
        let (status, answer) = bench.rest_pay(&nit, card);
        assert_eq!((status, text_at(&answer, &["code"]).as_str()), (400, expected), "{card}");
        assert_eq!(bench.status(&nit), "NOV");
    }
    assert!(bench.world.ledger.is_empty());
    let expired = CARD.replace("1230", "0226");
    let nit = bench.rest_payment("");
    let (_, answer) = bench.rest_pay(&nit, &expired);
    assert_eq!(text_at(&answer, &["payment", "authorizer_code"]), "54");
}

#[test]
fn too_many_cards_block_a_payment() {
    let mut bench = Bench::with_settings(&[("card_limit", "3")]);
    let nit = bench.rest_payment("");
    let query = |bench: &mut Bench| {
        bench.rest("POST", &format!("v1/payments/{nit}/cards"), &format!(r#"{{"card":{CARD}}}"#))
    };
    let (status, answer) = query(&mut bench);
    assert_eq!((status, text_at(&answer, &["card", "authorizer_id"]).as_str()), (200, "1"));
    query(&mut bench);
    let (_, answer) = query(&mut bench);
    assert_eq!(text_at(&answer, &["code"]), "114");
    assert_eq!(bench.status(&nit), "BLQ");
    let (_, answer) = bench.rest_pay(&nit, CARD);
    assert_eq!(text_at(&answer, &["code"]), "114");
}

#[test]
fn a_transaction_is_seen_by_its_own_shop_and_for_fifteen_days() {
    let mut bench = Bench::new();
    let nit = bench.rest_payment("");
    let html = text_at(&bench.created(""), &["nit"]);
    let (id, key) = bench.open_account("outra", &[]);
    let (own_id, own_key) = (bench.merchant_id.clone(), bench.merchant_key.clone());
    (bench.merchant_id, bench.merchant_key) = (id, key);
    let (status, answer) = bench.rest("GET", &format!("v1/transactions/{nit}"), "");
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (404, "82"));
    (bench.merchant_id, bench.merchant_key) = (own_id, own_key);
    for nit in [&nit, &html] {
        assert_eq!(bench.rest("GET", &format!("v1/transactions/{nit}"), "").0, 200);
    }
    bench.advance(15 * 24 * 3600 + 1);
    assert_eq!(bench.rest("GET", &format!("v1/transactions/{nit}"), "").0, 404);
}

#[test]
fn a_list_spans_five_days_at_most_and_is_paged() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.rest_payment("");
    }
    let list = |bench: &mut Bench, query: &str| bench.rest("GET", &format!("v1/transactions?{query}"), "");
    for (query, code) in [
        ("", "40"),
        ("start_date=14/03/2026", "40"),
        ("start_date=2026-03-14&end_date=14/03/2026", "39"),
        ("start_date=10/03/2026&end_date=15/03/2026", "39"),
        ("start_date=14/03/2026&end_date=13/03/2026", "39"),
    ] {
        assert_eq!(text_at(&list(&mut bench, query).1, &["code"]), code, "{query}");
    }
    let count = |answer: &Value| answer.get("transactions").and_then(Value::items).expect("items").len();
    let (_, all) = list(&mut bench, "start_date=10/03/2026&end_date=14/03/2026");
    assert_eq!(count(&all), 3);
    assert_eq!(text_at(&all, &["transactions", "0", "type"]), "P");
    let (_, page) = list(&mut bench, "start_date=14/03/2026&end_date=14/03/2026&page=1&limit=2");
    assert_eq!(count(&page), 1);
    let (_, none) = list(&mut bench, "start_date=14/03/2026&end_date=14/03/2026&status=CON");
    assert_eq!(count(&none), 0);
}

#[test]
fn a_payment_that_nobody_makes_expires_and_is_told() {
    let mut bench = Bench::new();
    let nit = bench.rest_payment("");
    assert_eq!(bench.portal.next_due(), Some(bench.portal.transactions[&nit].expires_at));
    bench.advance(30 * 60);
    assert_eq!(bench.status(&nit), "EXP");
    assert_eq!(bench.told(super::STATUS_URL), ["EXP"]);
    let (_, answer) = bench.rest_pay(&nit, CARD);
    assert_eq!(text_at(&answer, &["code"]), "107");
}

#[test]
fn a_pre_authorization_holds_and_its_capture_takes_all_or_less_once() {
    let mut bench = Bench::new();
    let nit = bench.rest_payment(r#""transaction_type":"preauthorization""#);
    let (_, answer) = bench.rest_pay(&nit, CARD);
    assert_eq!(text_at(&answer, &["code"]), "103");
    let path = format!("v1/preauthorizations/{nit}");
    let (status, answer) = bench.rest("POST", &path, &format!(r#"{{"card":{CARD}}}"#));
    assert_eq!((status, text_at(&answer, &["pre_authorization", "status"]).as_str()), (200, "CON"));
    assert_eq!(bench.ledger(), [("charge", "pending", "119.00")]);
    let path = format!("v1/preauthorizations/capture/{nit}");
    let other = r#"{"amount":"9000","card":{"number":"5000000000000001","expiry_date":"1230"}}"#;
    for (body, code) in [(r#"{"amount":"11901"}"#, "33"), ("{}", "32"), (other, "301")] {
        let (_, answer) = bench.rest("POST", &path, body);
        assert_eq!(text_at(&answer, &["code"]), code);
    }
    let (status, answer) = bench.rest("POST", &path, r#"{"amount":"9000"}"#);
    assert_eq!((status, text_at(&answer, &["capture", "amount"]).as_str()), (200, "9000"));
    assert_ne!(text_at(&answer, &["capture", "esitef_usn"]), bench.portal.transactions[&nit].esitef_usn);
    assert_eq!(bench.ledger()[1..], [("charge", "approved", "90.00")]);
    let (_, answer) = bench.rest("POST", &path, r#"{"amount":"1"}"#);
    assert_eq!(text_at(&answer, &["code"]), "102");
}

#[test]
fn schedules_and_unknown_paths_are_refused() {
    let mut bench = Bench::new();
    let (status, answer) = bench.rest("POST", "v1/transactions", r#"{"amount":"1","schedule":{}}"#);
    assert_eq!((status, text_at(&answer, &["code"]).as_str()), (403, "106"));
    assert_eq!(bench.rest("POST", "v1/schedules/x", "{}").0, 404);
    assert_eq!(bench.rest("DELETE", "v1/transactions", "").0, 405);
    for (body, code) in [("", "42"), ("{", "43"), ("[]", "132")] {
        assert_eq!(text_at(&bench.rest("POST", "v1/transactions", body).1, &["code"]), code, "{body}");
    }
}
