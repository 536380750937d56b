//! Giving money back, and the check at the shop in the middle of it.

use testing::covers;

use super::{Bench, CARD, CHECK_URL, STATUS_URL, STORAGE_URL, STORED, text_at};

impl Bench {
    /// Pays by REST and answers nit and number.
    fn paid(&mut self) -> (String, String) {
        let nit = self.rest_payment(r#""merchant_usn":"88""#);
        let (_, answer) = self.rest_pay(&nit, CARD);
        (nit, text_at(&answer, &["payment", "esitef_usn"]))
    }

    fn begin(&mut self, usn: &str) -> (u16, String) {
        let (status, answer) = self.rest("POST", "v1/cancellations", &format!(r#"{{"esitef_usn":"{usn}"}}"#));
        assert!(answer.get("nit").is_none() && answer.get("cancellation").is_none(), "{answer}");
        (status, text_at(&answer, &["code"]))
    }

    /// Begins a cancellation and answers the nit that the shop was told.
    fn begun(&mut self, usn: &str) -> String {
        assert_eq!(self.begin(usn), (201, "0".into()));
        self.last(CHECK_URL).get("nit").to_owned()
    }

    fn cancel(&mut self, nit: &str, body: &str) -> (u16, String) {
        let (status, answer) = self.rest("PUT", &format!("v1/cancellations/{nit}"), body);
        (status, text_at(&answer, &["code"]))
    }
}

#[test]
fn a_whole_cancellation_reverses_the_payment_and_is_told() {
    let mut bench = Bench::new();
    let (payment, usn) = bench.paid();
    let nit = bench.begun(&usn);
    let check = bench.last(CHECK_URL);
    assert_eq!((check.get("pedido"), check.get("nsu")), ("54321", "88"));
    assert_eq!(check.get("codigoLoja"), bench.merchant_id);
    assert!(nit.len() == 64 && nit != payment);
    assert_eq!(bench.status(&payment), "CON", "nothing has happened yet");
    assert_eq!(bench.cancel(&nit, ""), (200, "0".into()));
    assert_eq!(bench.status(&payment), "EST");
    assert_eq!(bench.told(STATUS_URL), ["CON", "EST"]);
    assert_eq!(bench.ledger()[1..], [("reversal", "approved", "119.00")]);
    assert_eq!(bench.cancel(&nit, ""), (400, "102".into()));
    assert_eq!(bench.begin(&usn), (400, "115".into()), "nothing is left to be cancelled");
    let (status, answer) = bench.rest("GET", &format!("v1/transactions/{nit}"), "");
    assert_eq!((status, text_at(&answer, &["cancellation", "status"]).as_str()), (200, "CON"));
}

#[test]
fn a_part_leaves_the_payment_confirmed_until_nothing_is_left() {
    let mut bench = Bench::new();
    let (payment, usn) = bench.paid();
    let nit = bench.begun(&usn);
    assert_eq!(bench.cancel(&nit, r#"{"amount":"11901"}"#), (400, "33".into()));
    assert_eq!(bench.cancel(&nit, r#"{"amount":"1900"}"#), (200, "0".into()));
    assert_eq!(bench.status(&payment), "CON");
    let nit = bench.begun(&usn);
    assert_eq!(bench.cancel(&nit, r#"{"amount":"10001"}"#), (400, "33".into()));
    assert_eq!(bench.cancel(&nit, ""), (200, "0".into()));
    assert_eq!(bench.status(&payment), "EST");
    assert_eq!(bench.ledger()[1..], [("refund", "approved", "19.00"), ("refund", "approved", "100.00")]);
}

#[test]
fn a_shop_that_does_not_answer_200_ends_the_cancellation() {
    for status in [Some(404), Some(204), Some(302), None] {
        let mut bench = Bench::new();
        let (payment, usn) = bench.paid();
        bench.check_status = status;
        assert_eq!(bench.begin(&usn), (400, "115".into()));
        let nit = bench.last(CHECK_URL).get("nit").to_owned();
        assert_eq!(bench.cancel(&nit, ""), (400, "115".into()), "the nit is dead");
        assert_eq!(bench.status(&payment), "CON");
    }
    let mut bench = Bench::with_settings(&[("authenticity_url", "")]);
    let (_, usn) = bench.paid();
    assert_eq!(bench.begin(&usn), (400, "115".into()), "no address, no check");
}

#[test]
fn only_a_confirmed_payment_or_a_capture_can_be_cancelled() {
    let mut bench = Bench::new();
    let open = bench.rest_payment("");
    let usn = bench.portal.transactions[&open].esitef_usn.clone();
    assert_eq!(bench.begin(&usn), (400, "115".into()));
    for (usn, code) in [("", "35"), ("123", "35"), ("260314999999990", "82")] {
        assert_eq!(bench.begin(usn).1, code);
    }
    let held = bench.rest_payment(r#""transaction_type":"preauthorization""#);
    bench.rest("POST", &format!("v1/preauthorizations/{held}"), &format!(r#"{{"card":{CARD}}}"#));
    let (_, answer) =
        bench.rest("POST", &format!("v1/preauthorizations/capture/{held}"), r#"{"amount":"9000"}"#);
    let own = bench.portal.transactions[&held].esitef_usn.clone();
    assert_eq!(bench.begin(&own), (400, "115".into()), "the pre-authorization's own number");
    let nit = bench.begun(&text_at(&answer, &["capture", "esitef_usn"]));
    assert_eq!(bench.cancel(&nit, ""), (200, "0".into()));
    assert_eq!(bench.ledger().last(), Some(&("reversal", "approved", "90.00")));
}

#[test]
fn a_stored_card_names_the_payment_s_card_and_another_card_is_refused() {
    let _story = testing::story(concat!(
        module_path!(),
        "::a_stored_card_names_the_payment_s_card_and_another_card_is_refused"
    ));
    let mut bench = Bench::with_settings(&[("cancellation_card", "yes")]);
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    let hash = bench.last(STORAGE_URL).get("hash").to_owned();
    let nit = bench.begun(&text_at(&created, &["nsuesitef"]));
    let other = r#"{"card":{"number":"5000000000000001","expiry_date":"1230"}}"#;
    for (body, code) in [("", "10"), (other, "301"), (r#"{"card":{"token":"x"}}"#, "49")] {
        assert_eq!(bench.cancel(&nit, body), (400, code.into()), "{body}");
    }
    assert_eq!(bench.cancel(&nit, &format!(r#"{{"card":{{"token":"{hash}"}}}}"#)), (200, "0".into()));
    assert_eq!(bench.status(&text_at(&created, &["nit"])), "EST");
    covers!("CA-02");
}

#[test]
fn a_cancellation_can_be_denied_fail_or_wait() {
    let mut bench = Bench::new();
    let script = serde_json::json!({ "reference": "54321", "outcomes": ["denied", "error", "pending"] });
    bench.steer("script_cancellations", script).expect("a script");
    let (payment, usn) = bench.paid();
    let mut last = String::new();
    for code in ["257", "302", "256"] {
        last = bench.begun(&usn);
        assert_eq!(bench.cancel(&last, ""), (400, code.into()));
        assert_eq!(bench.status(&payment), "CON");
    }
    let resolve = serde_json::json!({ "nit": last, "outcome": "approved" });
    bench.steer("resolve_pending", resolve).expect("a pending cancellation");
    assert_eq!(bench.status(&payment), "EST");
    let states: Vec<_> = bench.ledger().into_iter().skip(1).map(|line| line.1).collect();
    assert_eq!(states, ["rejected", "rejected", "pending", "approved"]);
}

#[test]
fn a_cancellation_that_waits_too_long_or_is_another_shops_is_refused() {
    let mut bench = Bench::new();
    let (_, usn) = bench.paid();
    let nit = bench.begun(&usn);
    let own = (bench.merchant_id.clone(), bench.merchant_key.clone());
    (bench.merchant_id, bench.merchant_key) = bench.open_account("outra", &[]);
    assert_eq!(bench.cancel(&nit, ""), (404, "82".into()));
    (bench.merchant_id, bench.merchant_key) = own;
    bench.advance(1_800);
    assert_eq!(bench.cancel(&nit, ""), (400, "107".into()));
}
