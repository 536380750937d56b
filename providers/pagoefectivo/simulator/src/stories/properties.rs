//! Whatever arrives, on whatever path, is answered and harms nothing.

use proptest::prelude::*;
use serde_json::json;
use simulation::Simulator;

use super::{Bench, order};

const PATHS: [(&str, &str); 14] = [
    ("POST", "/v1/authorizations"),
    ("POST", "/v1/cips"),
    ("POST", "/v1/cips/search"),
    ("PATCH", "/v1/cips/30418826"),
    ("DELETE", "/v1/cips/30418826"),
    ("PATCH", "/v1/cips/%00"),
    ("GET", "/"),
    ("GET", "/ABC.html?lang=xx"),
    ("POST", "/ABC/sms"),
    ("GET", "/simulador-de-pagos?cip=1&lang=en"),
    ("POST", "/simulador-de-pagos/pagar"),
    ("POST", "/simulador-de-pagos/avisar"),
    ("GET", "/simulador/estilo.css"),
    ("OPTIONS", "*"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_on_every_path_make_no_panic_and_no_money(
        body in prop::collection::vec(any::<u8>(), 0..200),
        header in ".{0,60}",
    ) {
        let mut bench = Bench::new();
        let bearer = format!("Bearer {}", bench.token());
        for (method, path) in PATHS {
            for authorization in [header.as_str(), bearer.as_str()] {
                let request = bench.request(method, path, &[("authorization", authorization), ("origin", "web")], &body);
                let _ = bench.provider.account_of(&request);
                let _ = bench.provider.operation(&request);
                let reply = bench.handle(&request);
                prop_assert!((200..=500).contains(&reply.status));
            }
        }
        prop_assert!(bench.world.ledger.is_empty() && bench.world.notices.is_empty());
    }

    #[test]
    fn arbitrary_members_make_a_cip_or_objections(
        name in "currency|amount|transactionCode|dateExpiry|userEmail|userPhone|userId|userUbigeo|data",
        value in "[0-9.eE+-]{0,20}|\"[^\"\\\\\\x00-\\x1f]{0,40}\"|null|true|\\[\\]|\\{\\}",
    ) {
        let mut bench = Bench::new();
        let text = format!(r#"{{"{name}":{value}}}"#);
        if simulation::strict_json::parse(text.as_bytes()).is_ok() {
            let (status, answer) = bench.create(&text);
            prop_assert!(status == 201 || status == 400, "{} {}", status, answer);
            prop_assert_eq!(bench.provider.cips.len(), usize::from(status == 201));
        }
    }

    #[test]
    fn an_amount_comes_back_with_its_value_and_is_told_with_two_decimals(cents in 101_u64..1_000_000) {
        let mut bench = Bench::new();
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let token = bench.token();
        let reply = bench.call_with(&token, "POST", "/v1/cips", &order(&format!(r#"{{"amount":{amount}}}"#)));
        let (_, answer) = super::read(&reply);
        let echoed = super::text_at(&answer, &["data", "amount"]);
        prop_assert_eq!(simulation::decimal::Decimal::parse(&echoed), simulation::decimal::Decimal::parse(&amount));
        prop_assert!(!echoed.contains('.') || !echoed.ends_with('0'));
        let cip: u64 = super::text_at(&answer, &["data", "cip"]).parse().expect("a number");
        bench.steer("pay", json!({ "cip": cip })).expect("paid");
        let body = String::from_utf8(bench.world.notices[0].body.clone()).expect("UTF-8");
        let member = format!(r#""amount":{amount},"#);
        prop_assert!(body.contains(&member), "{}", body);
    }
}
