//! What a recurrence may be, before anything is sent (AV-11.2), and how it is written.

use payment::account::Environment;
use payment::order::Order;
use payment::provider::Moment;
use payment::step::Step;
use payment::task::Authorization;
use payment::{Account, Entropy, Provider, Task, Timestamp};
use placetopay_client::checkout::AvalPay;

/// 20:30 of 14 March in Colombia, and the day after in UTC.
const NOW: &str = "2026-03-15T01:30:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn account() -> Account {
    Account {
        id: "tienda".into(),
        merchant: "tienda".into(),
        provider: "avalpay".into(),
        environment: Environment::Test,
        base_url: "https://checkout.example".parse().expect("an address"),
        credentials: [("login".to_owned(), "sitio".to_owned())].into(),
        secrets: [("secret_key".to_owned(), vec!["Clave-Sandbox-00x".to_owned().into()])].into(),
        settings: [].into(),
    }
}

/// What is sent for a recurrence; or, when nothing is, the members that are complained about, none when it is not even an
/// order.
fn sent(recurrence: &str) -> Result<String, Vec<String>> {
    let order = format!(
        r#"{{"reference":"A","total":{{"minor":4500000,"currency":"COP"}},"recurrence":{recurrence},"shopper":{{"ip":"203.0.113.24","user_agent":"x"}}}}"#
    );
    let order: Order = serde_json::from_str(&order).map_err(|_| Vec::new())?;
    let complaints: Vec<String> = order
        .check(now())
        .into_iter()
        .chain(AvalPay.check(&order, &account()))
        .map(|complaint| complaint.param)
        .collect();
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let url: url::Url = "https://pagos.example/".parse().expect("an address");
    let task = Task::Authorize(Box::new(Authorization {
        reference: "PRUEBA1".into(),
        order,
        expires_at: now(),
        return_url: url.clone(),
        card_url: url.clone(),
        notice_url: url,
        instrument: None,
    }));
    let moment = Moment { now: now(), entropy: Entropy::new([7; 32]) };
    match AvalPay.begin(&task, &account(), moment) {
        Step::Call(call) => Ok(String::from_utf8(call.request.body.to_vec()).expect("a text")),
        Step::Refused(refusal) => {
            Err(refusal.complaints.into_iter().map(|complaint| complaint.param).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn refused(recurrence: &str) -> Vec<String> {
    sent(recurrence).expect_err(recurrence)
}

#[test]
fn only_days_months_and_years_are_periods() {
    let _story = testing::story("only_days_months_and_years_are_periods");
    for (period, letter) in [("day", "D"), ("month", "M"), ("year", "Y")] {
        let body = sent(&format!(r#"{{"period":"{period}","interval":2}}"#)).expect(period);
        let expected = format!(r#""recurring":{{"periodicity":"{letter}","interval":2,"maxPeriods":-1,"#);
        assert!(body.contains(&expected), "{body}");
    }
    for period in ["\"week\"", "\"M\"", "\"\"", "1", "null"] {
        let nothing: [&str; 0] = [];
        assert_eq!(refused(&format!(r#"{{"period":{period},"interval":1}}"#)), nothing, "{period}");
    }
    testing::covers!("AV-11.2-01");
}

#[test]
fn an_interval_and_a_count_are_whole_and_positive() {
    let _story = testing::story("an_interval_and_a_count_are_whole_and_positive");
    assert_eq!(refused(r#"{"period":"day","interval":0}"#), ["recurrence.interval"]);
    for interval in ["-1", "\"dos\"", "1.5", "4294967296"] {
        assert!(refused(&format!(r#"{{"period":"day","interval":{interval}}}"#)).is_empty(), "{interval}");
    }
    testing::covers!("AV-11.2-02");
    assert_eq!(refused(r#"{"period":"day","interval":1,"most":0}"#), ["recurrence.most"]);
    for most in ["-1", "\"doce\"", "1.5"] {
        assert!(refused(&format!(r#"{{"period":"day","interval":1,"most":{most}}}"#)).is_empty(), "{most}");
    }
    testing::covers!("AV-11.2-03");
}

#[test]
fn it_goes_on_after_today_in_colombia_and_ends_no_sooner() {
    let _story = testing::story("it_goes_on_after_today_in_colombia_and_ends_no_sooner");
    let next = |day: &str| sent(&format!(r#"{{"period":"month","interval":1,"next":"{day}"}}"#));
    assert!(next("2026-03-15").is_ok_and(|body| body.contains(r#""nextPayment":"2026-03-15""#)));
    for day in ["2026-03-14", "2026-03-13", "2020-01-01"] {
        assert_eq!(next(day), Err(vec!["recurrence.next".to_owned()]), "{day}");
    }
    testing::covers!("AV-11.2-04");
    let until = |day: &str| {
        sent(&format!(r#"{{"period":"month","interval":1,"next":"2026-04-14","until":"{day}"}}"#))
    };
    assert!(until("2026-04-14").is_ok_and(|body| body.contains(r#""dueDate":"2026-04-14""#)));
    assert_eq!(until("2026-04-13"), Err(vec!["recurrence.until".to_owned()]));
    let alone = sent(r#"{"period":"month","interval":1,"until":"2026-03-14"}"#);
    assert_eq!(alone, Err(vec!["recurrence.until".to_owned()]));
    testing::covers!("AV-11.2-05");
}
