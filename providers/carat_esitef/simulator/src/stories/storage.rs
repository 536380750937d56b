//! Cards that are kept with a payment, and what is told of them.

use testing::covers;

use super::{Bench, CARD, STATUS_URL, STORAGE_URL, STORED, VISA, text_at};
use crate::vault::Vault;

fn story(name: &str) -> testing::Story {
    testing::story(&format!("{}::{name}", module_path!()))
}

#[test]
fn a_confirmed_payment_keeps_the_card_and_sends_exactly_two_notices() {
    let _story = story("a_confirmed_payment_keeps_the_card_and_sends_exactly_two_notices");
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    let addresses: Vec<&str> = bench.world.notices.iter().map(|notice| notice.url.as_str()).collect();
    assert_eq!(addresses, [STATUS_URL, STORAGE_URL]);
    covers!("CA-19");
    let status = bench.last(STATUS_URL);
    assert_eq!(status.get("nit"), text_at(&created, &["nit"]));
    assert_eq!((status.get("status"), status.get("pedido"), status.get("nsu")), ("CON", "12345", "77"));
    assert_eq!(status.find("hash"), None);
    covers!("CA-20");
    let storage = bench.last(STORAGE_URL);
    assert_eq!((storage.get("status"), storage.get("nsu")), ("CON", "77"));
    covers!("CA-07", "CA-21", "CA-26", "CA-27");
    assert_eq!(storage.get("nita"), text_at(&created, &["nita"]));
    assert_eq!(storage.get("nsua"), text_at(&created, &["nsua"]));
    covers!("CA-24", "CA-25");
    let hash = storage.get("hash");
    assert!(hash.len() == 88 && hash.ends_with("=="), "{hash}");
    assert!(hash.contains('+') && hash.contains('/'));
    covers!("CA-28");
    assert_eq!((storage.get("bin"), storage.get("final")), ("400000", "0044"));
    covers!("CA-29", "CA-30");
    assert_eq!(storage.get("autorizadora"), "1");
    covers!("CA-31");
    let raw = String::from_utf8(bench.world.notices[1].body.clone()).expect("ASCII");
    assert!(raw.contains("%2B") && raw.contains("%2F") && raw.contains("%3D%3D"), "{raw}");
}

#[test]
fn what_is_kept_of_a_card_is_its_number_encrypted_its_expiry_and_names() {
    let _story = story("what_is_kept_of_a_card_is_its_number_encrypted_its_expiry_and_names");
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    let everything = format!("{:?}", bench.portal);
    assert!(!everything.contains(VISA) && !everything.contains("97531"));
    covers!("CA-04");
    let cards = bench.portal.vault.of_merchant(super::ACCOUNT);
    let [card] = cards.as_slice() else { panic!("one card") };
    let (number, expiry) = bench.portal.vault.unseal(card).expect("opens");
    assert_eq!((number.digits(), expiry.write().as_str()), (VISA, "1230"));
    assert_eq!((card.customer.as_str(), card.authorizer.id), ("PAYER_ID", 1));
    assert!(Vault::default().unseal(card).is_none());
    covers!("CA-05");
}

#[test]
fn seven_vouchers_are_kept_as_credit_cards_are() {
    let _story = story("seven_vouchers_are_kept_as_credit_cards_are");
    for authorizer in ["223", "224", "225", "245", "279", "280", "281"] {
        let mut bench = Bench::new();
        let created = bench.created(STORED);
        let voucher = [("authorizer_id", authorizer), ("identification_number", "12345678909")];
        bench.pay_on_page(&created, &voucher);
        let told = bench.last(STORAGE_URL);
        assert_eq!((told.get("status"), told.get("autorizadora")), ("CON", authorizer));
        assert_eq!(told.get("hash").len(), 88);
    }
    covers!("CA-08");
}

#[test]
fn a_debit_card_is_paid_with_and_not_kept() {
    let _story = story("a_debit_card_is_paid_with_and_not_kept");
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    let debit = [("authorizer_id", "286"), ("esitef-cardnumber", "5000000000000001")];
    bench.pay_on_page(&created, &debit);
    let status = bench.last(STATUS_URL);
    assert_eq!((status.get("status"), status.get("tipoPagamento")), ("CON", "D"));
    let storage = bench.last(STORAGE_URL);
    assert_eq!((storage.get("status"), storage.find("hash"), storage.find("bin")), ("INV", None, None));
    assert!(bench.portal.vault.of_merchant(super::ACCOUNT).is_empty());
    covers!("CA-09");
}

#[test]
fn a_payment_that_is_not_confirmed_keeps_no_card() {
    let _story = story("a_payment_that_is_not_confirmed_keeps_no_card");
    for (setting, told) in [("no", vec![]), ("yes", vec!["INV".to_owned()])] {
        for outcome in ["denied", "error"] {
            let mut bench = Bench::with_settings(&[("storage_failure_told", setting)]);
            let script = serde_json::json!({ "reference": "12345", "outcomes": [outcome] });
            bench.steer("script", script).expect("a script");
            let created = bench.created(STORED);
            bench.pay_on_page(&created, &[]);
            assert_eq!(bench.told(STORAGE_URL), told);
            assert!(bench.portal.vault.of_merchant(super::ACCOUNT).is_empty());
        }
        let mut bench = Bench::with_settings(&[("storage_failure_told", setting)]);
        let created = bench.created(STORED);
        let html = bench.open_page(&created);
        bench.send(&html, "cancel-form", &[]);
        assert_eq!(bench.told(STORAGE_URL), told);
        let storage = bench.portal.storages.values().next().expect("a storage");
        assert!(storage.waiting.is_none() && storage.face.is_none());
    }
    covers!("CA-10");
}

#[test]
fn a_payment_that_waits_for_its_confirmation_keeps_the_card_waiting() {
    for (confirm, told) in [("true", vec!["CON"]), ("false", vec![])] {
        let mut bench = Bench::new();
        let nit = bench.rest_payment(
            r#""store_card":"true","additional_data":{"payer":{"store_identification":"p"},"postpone_confirmation":"true"}"#,
        );
        bench.rest_pay(&nit, CARD);
        assert!(bench.told(STORAGE_URL).is_empty());
        bench.rest("PUT", &format!("v1/payments/{nit}?confirm={confirm}"), "");
        assert_eq!(bench.told(STORAGE_URL), told);
        assert!(bench.portal.storages.values().all(|storage| storage.waiting.is_none()));
    }
}

#[test]
fn the_same_card_of_the_same_customer_again_has_the_same_hash() {
    let mut bench = Bench::new();
    let pay = |bench: &mut Bench, customer: &str| {
        let created = bench.created(&STORED.replace("PAYER_ID", customer));
        bench.pay_on_page(&created, &[]);
        let told = bench.last(STORAGE_URL);
        (told.get("status").to_owned(), told.get("hash").to_owned())
    };
    let first = pay(&mut bench, "ana");
    let again = pay(&mut bench, "ana");
    let other = pay(&mut bench, "rui");
    assert_eq!((first.0.as_str(), again.0.as_str(), other.0.as_str()), ("CON", "DUP", "CON"));
    assert!(first.1 == again.1 && first.1 != other.1);
}

#[test]
fn a_storage_query_answers_ok_and_repeats_the_notice() {
    let _story = story("a_storage_query_answers_ok_and_repeats_the_notice");
    let mut bench = Bench::with_settings(&[("query_delay_seconds", "120")]);
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    let original = bench.world.notices[1].body.clone();
    for prefix in ["e-sitef", "e-sitef-hml"] {
        let nita = text_at(&created, &["nita"]);
        let path = format!("/{prefix}/armazenamento/consultarArmazenamento.se?nita={nita}");
        let reply = bench.handle(&bench.request("POST", &path, &[], b""));
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"OK".as_slice()));
        assert_eq!(bench.verdict("storage_query_without_body"), Some(true));
        let notice = bench.world.notices.last().expect("a notice");
        assert_eq!((notice.url.as_str(), &notice.body), (STORAGE_URL, &original));
        assert_eq!(notice.due_at, crate::instant::seconds_after(bench.world.clock.now(), 120));
        let get = bench.handle(&bench.request("GET", &path, &[], b""));
        assert_eq!(get.status, 405, "a query is a POST");
    }
    assert_eq!(bench.world.notices.len(), 4);
    covers!("CA-50", "CA-56", "CA-58", "CA-59");
}

#[test]
fn a_wrong_nita_is_not_ok_and_sends_nothing() {
    let _story = story("a_wrong_nita_is_not_ok_and_sends_nothing");
    let mut bench = Bench::new();
    let open = bench.created(STORED);
    for query in ["", "?nita=", "?nita=Z", &format!("?nita={}", "Z".repeat(65))] {
        let path = format!("/e-sitef/armazenamento/consultarArmazenamento.se{query}");
        let reply = bench.handle(&bench.request("POST", &path, &[], b""));
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"NOK".as_slice()));
    }
    assert!(bench.world.notices.is_empty());
    let path = format!("/e-sitef/armazenamento/consultarArmazenamento.se?nita={}", text_at(&open, &["nita"]));
    let reply = bench.handle(&bench.request("POST", &path, &[], b""));
    assert_eq!(reply.body, b"OK");
    assert!(bench.world.notices.is_empty(), "an open storage has nothing to tell");
    covers!("CA-57");
}

#[test]
fn a_status_query_repeats_the_status_notice() {
    let mut bench = Bench::new();
    let created = bench.created("");
    let nit = text_at(&created, &["nit"]);
    for method in ["GET", "POST"] {
        let path = format!("/e-sitef-hml/consultarTransacao.se?nit={nit}");
        let reply = bench.handle(&bench.request(method, &path, &[], b""));
        assert_eq!(reply.body, b"OK");
    }
    assert_eq!(bench.told(STATUS_URL), ["NOV", "NOV"]);
    let reply = bench.handle(&bench.request("POST", "/e-sitef/consultarTransacao.se?nit=x", &[], b""));
    assert_eq!(reply.body, b"NOK");
}
