//! Whatever is sent is answered.

use proptest::prelude::*;
use simulation::Simulator;

use super::Bench;
use super::driving::PAYER;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_of_any_kind_are_answered_on_every_path(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        path in "(/session/initialize|/merchant/check_payment_status|/production/session/initialize|/session/x|/terms|/[a-z/%ñ.]{0,20})",
        method in "(GET|POST|PUT|)",
        kind in "(application/json|application/x-www-form-urlencoded|)",
    ) {
        let mut bench = Bench::new();
        let request = bench.request(&method, &path, &kind, &body);
        let reply = bench.handle(&request);
        prop_assert!((200..500).contains(&reply.status));
        bench.etpay.account_of(&request);
    }

    #[test]
    fn any_form_is_answered_on_every_step_of_the_funnel(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        step in "(bank|credentials|account|dynamic-key|second-factor|method|transfer|bank-decides|cancel|language)",
        country in "(CL|MX)",
        depth in 0..3_usize,
    ) {
        let mut bench = Bench::with_settings(&[("country", &country)]);
        let session = bench.session("{}");
        if country == "CL" && depth > 0 {
            bench.enter_bank(&session, PAYER);
            if depth > 1 {
                bench.step(&session, "account-form", &[]);
            }
        }
        let request = bench.request("POST", &format!("{}/{step}", session.page), "", &body);
        let reply = bench.handle(&request);
        prop_assert!([302, 303, 422].contains(&reply.status));
        prop_assert!(bench.ledger().iter().all(|state| *state == "rejected"), "no bytes are a payment");
    }

    #[test]
    fn any_json_value_in_any_member_is_answered(
        member in "(merchant_code|merchant_api_token|merchant_order_id|order_amount|customer_email|customer_phone|metadata|user_bank_code|user_rut|is_rut_block|payment_completed_url|payment_cancellation_url|payment_webhook_url|concat|target_flow)",
        value in prop_oneof![
            Just("7"), Just("-1e99"), Just("1e-99"), Just("99999999999999999999999999"), Just("\"\""), Just("\"texto\""),
            Just("\"https://ñ.example/?#\""), Just("[]"), Just("[[]]"), Just("{}"), Just("true"),
            Just("[{\"name\":[],\"value\":7,\"show\":null}]"), Just("\"\\u0000\""),
        ],
    ) {
        let mut bench = Bench::with_settings(&[("country", "MX")]);
        let (status, _) = bench.initialize(&format!("{{\"{member}\":{value}}}"));
        prop_assert!([200, 400, 401].contains(&status));
        let (status, _) = bench.query(&format!("\"{}\":{value}", if member == "merchant_api_token" { "session_token" } else { &member }));
        prop_assert!([200, 400].contains(&status));
    }

    #[test]
    fn whatever_time_passes_a_session_ends_once(steps in proptest::collection::vec(0..1_000_i64, 1..12)) {
        let mut bench = Bench::new();
        let session = bench.session("{}");
        for seconds in steps {
            bench.advance(seconds);
            if let (200, page) = bench.open(&session.page) && page.contains("bank-form") {
                bench.send(&page, "bank-form", &[]);
            }
        }
        bench.advance(10_000);
        prop_assert_eq!(bench.told(&session).len(), 1);
        prop_assert_eq!(bench.ledger(), ["rejected"]);
        prop_assert_eq!(bench.etpay.next_due(), None);
    }
}
