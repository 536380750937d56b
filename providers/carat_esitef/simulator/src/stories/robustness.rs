//! Whatever arrives, on whatever path, there is an answer.

use proptest::prelude::*;

use super::{Bench, STORED, text_at};

const PATHS: [&str; 19] = [
    "init/json.se",
    "init/xml.se",
    "do.se",
    "pagamento/NIT/pagar",
    "pagamento/NIT/cancelar",
    "pagamento/NIT/idioma",
    "consultarTransacao.se",
    "armazenamento/consultarArmazenamento.se",
    "api/v1/transactions",
    "api/v1/transactions/NIT",
    "api/v1/payments/NIT",
    "api/v1/payments/NIT/cards",
    "api/v2/payments",
    "api/v1/cards",
    "api/v1/cards/%FF%2",
    "api/v1/cancellations",
    "api/v1/cancellations/NIT",
    "api/v1/preauthorizations/capture/NIT",
    "api/v1/token",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_answered_everywhere(
        place in 0..PATHS.len(),
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        query in "[ -~]{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        request in ".{0,80}",
    ) {
        let mut bench = Bench::new();
        let created = bench.created(STORED);
        let path = PATHS[place].replace("NIT", &text_at(&created, &["nit"]));
        let (id, key) = (bench.merchant_id.clone(), bench.merchant_key.clone());
        let headers = [("merchant_id", id.as_str()), ("merchant_key", key.as_str())];
        let form = simulation::form::write([("request", request.as_str()), ("esitef-cardnumber", request.as_str())]);
        for body in [body.as_slice(), form.as_bytes(), request.as_bytes()] {
            let reply = bench.handle(&bench.request(method, &format!("/e-sitef/{path}?{query}"), &headers, body));
            prop_assert!((200..500).contains(&reply.status), "{}", reply.status);
        }
    }

    #[test]
    fn arbitrary_members_of_a_request_are_answered_with_a_code(
        amount in ".{0,14}", order in ".{0,24}", keep in ".{0,6}", customer in ".{0,24}",
    ) {
        let mut bench = Bench::new();
        let id = simulation::strict_json::Value::text(bench.merchant_id.clone());
        let text = |text: &str| simulation::strict_json::Value::text(text).to_text();
        let answer = bench.init(&format!(
            r#"{{"merchant_id":{id},"amount":{},"order_id":{},"store_card":{},"additional_data":{{"payer":{{"store_identification":{}}}}}}}"#,
            text(&amount), text(&order), text(&keep), text(&customer),
        ));
        prop_assert!(answer.get("responseCode").is_some() && answer.get("description").is_some());
    }
}
