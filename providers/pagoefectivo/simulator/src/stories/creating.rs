//! Creation: what is taken, what is refused, and what stands in the answer (§4).

use super::{Bench, objections, one, order, read, text_at};
use crate::lima;

#[test]
fn every_objection_names_its_field() {
    let mut bench = Bench::new();
    for (changes, code, field) in [
        (r#"{"currency":null}"#, "112", "currency"),
        (r#"{"currency":" "}"#, "112", "currency"),
        (r#"{"currency":"pen"}"#, "113", "currency"),
        (r#"{"currency":"COP"}"#, "113", "currency"),
        (r#"{"currency":604}"#, "113", "currency"),
        (r#"{"amount":null}"#, "112", "amount"),
        (r#"{"amount":""}"#, "112", "amount"),
        (r#"{"amount":0}"#, "113", "amount"),
        (r#"{"amount":0.99}"#, "113", "amount"),
        (r#"{"amount":149.905}"#, "113", "amount"),
        (r#"{"amount":"149,90"}"#, "113", "amount"),
        (r#"{"amount":-5}"#, "113", "amount"),
        (r#"{"amount":1e2}"#, "113", "amount"),
        (r#"{"amount":true}"#, "113", "amount"),
        (r#"{"amount":{}}"#, "113", "amount"),
        (r#"{"transactionCode":null}"#, "112", "transactionCode"),
        (r#"{"transactionCode":"1234567890123456789012345678901234567"}"#, "113", "transactionCode"),
        (r#"{"transactionCode":417}"#, "113", "transactionCode"),
        (r#"{"dateExpiry":"tomorrow"}"#, "113", "dateExpiry"),
        (r#"{"dateExpiry":"2026-03-04T23:59:00"}"#, "113", "dateExpiry"),
        (r#"{"dateExpiry":1772686740}"#, "113", "dateExpiry"),
        (
            r#"{"paymentConcept":"123456789012345678901234567890123456789012345678901"}"#,
            "113",
            "paymentConcept",
        ),
        (r#"{"adminEmail":"caja"}"#, "113", "adminEmail"),
        (r#"{"userEmail":"rosa@correo"}"#, "113", "userEmail"),
        (r#"{"userId":[]}"#, "113", "userId"),
        (r#"{"userName":"1234567890123456789012345678901"}"#, "113", "userName"),
        (r#"{"userUbigeo":"04010x"}"#, "113", "userUbigeo"),
        (r#"{"userUbigeo":1040101}"#, "113", "userUbigeo"),
        (r#"{"userCountry":"123456789012345678901"}"#, "113", "userCountry"),
        (r#"{"userDocumentType":"RUC"}"#, "113", "userDocumentType"),
        (r#"{"userDocumentType":"DNI","userDocumentNumber":"A5127790"}"#, "113", "userDocumentNumber"),
        (r#"{"userDocumentNumber":"123456789012345"}"#, "113", "userDocumentNumber"),
        (r#"{"userPhone":"1234567890123456"}"#, "113", "userPhone"),
        (r#"{"userCodeCountry":"+51 51"}"#, "113", "userCodeCountry"),
    ] {
        let (status, answer) = bench.create(changes);
        assert_eq!((status, objections(&answer)), (400, one(code, field)), "{changes}");
    }
    assert!(bench.provider.cips.is_empty());
    assert!(bench.world.mails.is_empty() && bench.world.ledger.is_empty());
}

#[test]
fn what_clients_are_seen_to_send_is_taken() {
    let mut bench = Bench::new();
    for changes in [
        r#"{"amount":"149.90"}"#,
        r#"{"amount":149.9}"#,
        r#"{"amount":150}"#,
        r#"{"currency":"USD"}"#,
        r#"{"userId":20931}"#,
        r#"{"userUbigeo":4}"#,
        r#"{"userUbigeo":"040101","serviceId":4821,"unknown":[1]}"#,
        r#"{"userDocumentType":"PAS","userDocumentNumber":"AB12345"}"#,
        r#"{"userPhone":null,"userCodeCountry":null,"userEmail":null}"#,
        r#"{"userCodeCountry":"PE"}"#,
        r#"{"userPhone":"no number"}"#,
        r#"{"paymentConcept":""}"#,
    ] {
        let (status, answer) = bench.create(changes);
        assert_eq!(status, 201, "{changes}: {answer}");
    }
}

#[test]
fn the_minimum_depends_on_the_profile_and_the_maximum_on_the_agreement() {
    let mut bench = Bench::with_settings(&[("maximum_pen", "500.00"), ("maximum_usd", "100")]);
    let outcome = |bench: &mut Bench, currency: &str, amount: &str| {
        let (status, answer) = bench.create(&format!(r#"{{"currency":"{currency}","amount":{amount}}}"#));
        if status == 201 { "100".to_owned() } else { text_at(&answer, &["code"]) }
    };
    for (profile, currency, amount, code) in [
        ("guide", "PEN", "1.00", "111"),
        ("guide", "PEN", "1.01", "100"),
        ("guide", "USD", "0.50", "111"),
        ("guide", "USD", "0.51", "100"),
        ("docs", "PEN", "1.00", "100"),
        ("docs", "PEN", "0.99", "111"),
        ("docs", "USD", "0.50", "100"),
        ("docs", "USD", "0.49", "111"),
        ("guide", "PEN", "500.00", "100"),
        ("guide", "PEN", "500.01", "511"),
        ("guide", "USD", "100", "100"),
        ("guide", "USD", "100.01", "511"),
    ] {
        bench.set("profile", profile);
        assert_eq!(outcome(&mut bench, currency, amount), code, "{profile} {currency} {amount}");
    }
}

#[test]
fn the_document_makes_mail_and_phone_mandatory_and_the_specification_does_not() {
    let without = r#"{"userEmail":null,"userPhone":null,"userCodeCountry":null}"#;
    assert_eq!(Bench::new().create(without).0, 201);
    let (status, answer) = Bench::with_settings(&[("profile", "docs")]).create(without);
    let missing: Vec<_> =
        ["userEmail", "userPhone", "userCodeCountry"].iter().flat_map(|name| one("112", name)).collect();
    assert_eq!((status, objections(&answer)), (400, missing));
}

#[test]
fn the_window_of_the_expiry_is_exact_to_the_second() {
    let mut bench = Bench::new();
    for (date, status) in [
        ("2026-03-02T09:39:59-05:00", 400),
        ("2026-03-02T09:40:00-05:00", 201),
        ("2026-09-02T09:30:00-05:00", 201),
        ("2026-09-02T09:30:01-05:00", 400),
        ("2026-09-02T14:30:00Z", 201),
        ("2026-03-01T09:30:00-05:00", 400),
    ] {
        let (outcome, answer) = bench.create(&format!(r#"{{"dateExpiry":"{date}"}}"#));
        assert_eq!(outcome, status, "{date}");
        if status == 400 {
            assert_eq!(objections(&answer), one("113", "dateExpiry"), "{date}");
        }
    }
}

#[test]
fn a_date_that_is_not_given_is_the_agreed_one() {
    let mut bench = Bench::with_settings(&[("default_expiry_s", "86400")]);
    for date in ["null", "\"\"", "\"0001-01-01T00:00:00+00:00\""] {
        let (status, answer) = bench.create(&format!(r#"{{"dateExpiry":{date}}}"#));
        assert_eq!(
            (status, text_at(&answer, &["data", "dateExpiry"]).as_str()),
            (201, "2026-03-03T09:30:00-05:00")
        );
        assert_eq!(bench.verdict("expiry_sent").map(|(passed, _)| passed), Some(false));
    }
}

#[test]
fn numbers_of_cips_are_unique_not_in_a_row_and_as_long_as_set() {
    let mut bench = Bench::new();
    let numbers: Vec<u64> = (0..50).map(|_| bench.cip("{}").0).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 50);
    assert!(numbers.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1));
    assert!(numbers.iter().all(|number| number.to_string().len() == 8));
    bench.set("cip_digits", "14");
    let (longest, _) = bench.cip("{}");
    assert_eq!(longest.to_string().len(), 14);
    assert_eq!(text_at(&bench.search(longest), &["cip"]), longest.to_string());
}

#[test]
fn the_same_transaction_code_makes_another_cip_each_time() {
    let mut bench = Bench::new();
    let (first, _) = bench.cip("{}");
    assert_eq!(bench.verdict("transaction_code_new").map(|(passed, _)| passed), Some(true));
    let (second, _) = bench.cip("{}");
    assert_ne!(first, second);
    assert_eq!(bench.verdict("transaction_code_new").map(|(passed, _)| passed), Some(false));
}

#[test]
fn headers_and_spellings_are_noted_and_another_origin_is_refused() {
    let mut bench = Bench::new();
    let token = format!("Bearer {}", bench.token());
    let body =
        order(r#"{"userPhone":null,"Userphone":"951204477","userCodeCountry":null,"userCodeContry":"+51"}"#);
    let bare = bench.request("POST", "/v1/cips", &[("authorization", &token)], body.as_bytes());
    assert_eq!(bench.handle(&bare).status, 201);
    assert_eq!(bench.verdict("origin_header_present").map(|(passed, _)| passed), Some(false));
    assert_eq!(bench.verdict("content_type_json").map(|(passed, _)| passed), Some(false));
    assert_eq!(bench.verdict("field_names_as_documented"), Some((false, "Userphone, userCodeContry")));
    let foreign = bench.request(
        "POST",
        "/v1/cips",
        &[("authorization", &token), ("origin", "https://andes.example")],
        body.as_bytes(),
    );
    let (status, answer) = read(&bench.handle(&foreign));
    assert_eq!((status, objections(&answer)), (400, one("113", "Origin")));
}

#[test]
fn both_spellings_of_an_answer_can_be_had() {
    let mut bench = Bench::with_settings(&[("code_on_error", "number"), ("unknown_members", "yes")]);
    let (_, answer) = bench.create(r#"{"amount":null}"#);
    assert!(
        answer.to_text().starts_with(r#"{"code":111,"#) && answer.to_text().contains(r#""traceId":"#),
        "{answer}"
    );
    assert!(answer.to_text().contains(r#"{"code":112,"#), "{answer}");
}

#[test]
fn other_methods_and_paths_are_answered_without_a_body() {
    let mut bench = Bench::new();
    for (method, path, status) in [
        ("GET", "/v1/authorizations", 405),
        ("GET", "/v1/cips", 405),
        ("PUT", "/v1/cips/30418826", 405),
        ("GET", "/v1/cips/search", 405),
        ("POST", "/v1/cips/", 405),
        ("POST", "/v2/cips", 404),
        ("GET", "/v1/cips/1/2", 404),
        ("GET", "/favicon.ico", 404),
    ] {
        let request = bench.request(method, path, &[], b"");
        let reply = bench.handle(&request);
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{method} {path}");
    }
    assert_eq!(bench.provider.made.len(), 0);
    assert_eq!(lima::write(super::at(super::START)), "2026-03-02T09:30:00-05:00");
}
