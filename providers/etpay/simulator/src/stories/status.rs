//! The status query.

use super::{API_TOKEN, Bench, ORDER_ID, text_at};

#[test]
fn a_payment_is_found_by_each_of_its_names_and_by_several() {
    let mut bench = Bench::new();
    let session = bench.session(r#"{"merchant_order_id":"417"}"#);
    let other = bench.session("{}");
    bench.pay(&session);
    bench.pay(&other);
    let payment = text_at(&bench.list(&session)[0], &["payment_token"]);
    for (members, found) in [
        (format!(r#""session_token":"{}""#, session.token), 1),
        (r#""merchant_order_id":"417""#.to_owned(), 1),
        (r#""merchant_order_id":417"#.to_owned(), 1),
        (format!(r#""payment_token":"{payment}""#), 1),
        (
            format!(
                r#""session_token":"{}","merchant_order_id":417,"payment_token":"{payment}""#,
                session.token
            ),
            1,
        ),
        (format!(r#""session_token":"{}","merchant_order_id":"","payment_token":"""#, session.token), 1),
        (format!(r#""merchant_code":"","session_token":"{}""#, session.token), 1),
        (format!(r#""session_token":"{}","merchant_order_id":"{ORDER_ID}""#, session.token), 0),
        (format!(r#""payment_token":"{payment}","session_token":"{}""#, other.token), 0),
        (r#""session_token":"unheard""#.to_owned(), 0),
    ] {
        let (status, answer) = bench.query(&members);
        let count = answer.items().map(<[_]>::len);
        assert_eq!((status, count), (200, Some(found)), "{members}");
        if found == 1 {
            assert_eq!(text_at(&answer, &["0", "session_token"]), session.token);
            assert!(answer.at(&["0", "iat"]).is_none());
        }
    }
}

#[test]
fn one_order_may_have_several_sessions_newest_first() {
    let mut bench = Bench::new();
    let first = bench.session("{}");
    let second = bench.session("{}");
    let third = bench.session("{}");
    bench.step(&second, "cancel-form", &[]);
    bench.pay(&first);
    let (_, answer) = bench.query(&format!(r#""merchant_order_id":"{ORDER_ID}""#));
    let listed: Vec<(String, String)> = answer
        .items()
        .expect("a list")
        .iter()
        .map(|element| (text_at(element, &["session_token"]), text_at(element, &["payment_status"])))
        .collect();
    assert_eq!(
        listed,
        [(second.token, "error".to_owned()), (first.token, "success".to_owned())],
        "the open session {} is not listed",
        third.token
    );
}

#[test]
fn two_sessions_of_one_order_can_both_be_paid() {
    let mut bench = Bench::new();
    let (first, second) = (bench.session("{}"), bench.session("{}"));
    bench.pay(&first);
    bench.pay(&second);
    let (_, answer) = bench.query(&format!(r#""merchant_order_id":"{ORDER_ID}""#));
    assert_eq!(answer.items().map(<[_]>::len), Some(2));
    assert_eq!(bench.ledger(), ["approved", "approved"]);
    let payments: Vec<&String> = bench.world.ledger.iter().map(|entry| &entry.transaction).collect();
    assert_ne!(payments[0], payments[1]);
}

#[test]
fn nothing_found_and_nothing_ended_are_an_empty_list() {
    let mut bench = Bench::new();
    assert_eq!(bench.query(r#""merchant_order_id":"NONE""#).1.to_text(), "[]");
    let session = bench.session("{}");
    assert!(bench.list(&session).is_empty());
    bench.enter_bank(&session, "111111111");
    assert!(bench.list(&session).is_empty());
}

#[test]
fn a_query_that_names_nothing_or_comes_from_nobody_is_refused() {
    let mut bench = Bench::new();
    for (body, status, message) in [
        (format!(r#"{{"merchant_api_token":"{API_TOKEN}"}}"#), 400, "At least one identifier is required"),
        (
            format!(r#"{{"merchant_api_token":"{API_TOKEN}","merchant_order_id":"","session_token":null}}"#),
            400,
            "At least one identifier is required",
        ),
        (
            format!(r#"{{"merchant_api_token":"{API_TOKEN}","session_token":[]}}"#),
            400,
            "session_token is invalid",
        ),
        (r#"{"merchant_order_id":"A1"}"#.to_owned(), 400, "merchant_api_token is required"),
        (r#"{"merchant_api_token":"x","merchant_order_id":"A1"}"#.to_owned(), 401, "Unauthorized"),
        ("[".to_owned(), 400, "Invalid JSON"),
    ] {
        let (found, answer) = bench.post("/merchant/check_payment_status", &body);
        assert_eq!((found, text_at(&answer, &["message"]).as_str()), (status, message), "{body}");
    }
}

#[test]
fn no_merchant_sees_another_s_sessions() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.pay(&session);
    let payment = text_at(&bench.list(&session)[0], &["payment_token"]);
    let other = bench.open_account("other", &[]).credentials["merchant_api_token"].clone();
    for member in [
        format!(r#""session_token":"{}""#, session.token),
        format!(r#""payment_token":"{payment}""#),
        format!(r#""merchant_order_id":"{ORDER_ID}""#),
    ] {
        let body = format!(r#"{{"merchant_api_token":"{other}",{member}}}"#);
        let (status, answer) = bench.post("/merchant/check_payment_status", &body);
        assert_eq!((status, answer.to_text().as_str()), (200, "[]"), "{member}");
    }
}
