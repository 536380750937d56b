//! Charges of stored cards, and cards that are kept, listed and switched off without a payment.

use testing::covers;

use super::{Bench, STORAGE_URL, STORED, text_at};

fn story(name: &str) -> testing::Story {
    testing::story(&format!("{}::{name}", module_path!()))
}

const NEW_CARD: &str =
    r#"{"card":{"number":"4000000000000044","expiry_date":"1230"},"authorizer_id":"1","customer_id":"ana"}"#;

impl Bench {
    /// Keeps a card with a payment and answers its hash.
    fn stored(&mut self) -> String {
        let created = self.created(STORED);
        self.pay_on_page(&created, &[]);
        self.last(STORAGE_URL).get("hash").to_owned()
    }

    fn charge(&mut self, card: &str) -> (u16, String) {
        let body = format!(r#"{{"amount":"2500","order_id":"mensal","card":{card}}}"#);
        let (status, answer) = self.rest("POST", "v2/payments", &body);
        (status, text_at(&answer, &["code"]))
    }

    /// A token of the card maintenance, as the shop's authenticity address gets it.
    fn maintenance_token(&mut self) -> String {
        let (status, answer) = self.rest("GET", "v1/token", "");
        assert_eq!(
            (status, answer.members().map(<[_]>::len)),
            (201, Some(2)),
            "only code and message: {answer}"
        );
        let token = self.last(super::CHECK_URL).get("token").to_owned();
        assert_eq!(token.len(), 66);
        token
    }
}

#[test]
fn a_stored_card_pays_again_by_its_token_alone() {
    let _story = story("a_stored_card_pays_again_by_its_token_alone");
    let mut bench = Bench::new();
    let hash = bench.stored();
    let nit = bench.rest_payment("");
    let (status, answer) = bench.rest_pay(&nit, &format!(r#"{{"token":"{hash}"}}"#));
    assert_eq!((status, text_at(&answer, &["payment", "status"]).as_str()), (200, "CON"));
    assert_eq!(text_at(&answer, &["payment", "recurrency_tid"]).len(), 20);
    assert_eq!(bench.verdict("stored_card_by_token_only"), Some(true));
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}","security_code":"123"}}"#)), (200, "0".into()));
    let approved: Vec<_> = bench.ledger().into_iter().filter(|line| line.1 == "approved").collect();
    assert_eq!(approved.len(), 3);
    covers!("CA-01", "CA-42");
}

#[test]
fn an_acquirer_without_an_agreement_asks_for_the_code() {
    let _story = story("an_acquirer_without_an_agreement_asks_for_the_code");
    let mut bench = Bench::with_settings(&[("code_required", "yes")]);
    let hash = bench.stored();
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}"}}"#)), (400, "12".into()));
    assert_eq!(bench.ledger().len(), 1, "nothing was asked of the issuer");
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}","security_code":"123"}}"#)), (200, "0".into()));
    covers!("CA-47");
}

#[test]
fn an_issuer_may_deny_a_charge_without_a_code() {
    let _story = story("an_issuer_may_deny_a_charge_without_a_code");
    let mut bench = Bench::with_settings(&[("issuer_accepts_no_code", "no")]);
    let hash = bench.stored();
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}"}}"#)), (400, "255".into()));
    assert_eq!(bench.ledger()[1], ("charge", "rejected", "25.00"));
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}","security_code":"123"}}"#)), (200, "0".into()));
    covers!("CA-48");
}

#[test]
fn a_token_that_is_not_this_shops_own_or_gone_is_refused() {
    let mut bench = Bench::new();
    let hash = bench.stored();
    let spoilt = hash.replace('+', " ");
    for token in [spoilt.as_str(), &hash[..87], &hash.to_lowercase(), ""] {
        assert_eq!(bench.charge(&format!(r#"{{"token":"{token}"}}"#)), (400, "49".into()), "{token}");
    }
    let own = (bench.merchant_id.clone(), bench.merchant_key.clone());
    (bench.merchant_id, bench.merchant_key) = bench.open_account("outra", &[]);
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}"}}"#)), (400, "49".into()));
    (bench.merchant_id, bench.merchant_key) = own;
    let remove = serde_json::json!({ "account": super::ACCOUNT, "hash": hash, "reason": "owner" });
    bench.steer("remove_card", remove).expect("a card");
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}"}}"#)), (400, "49".into()));
    let storage = bench.portal.storages.values().next().expect("a storage");
    assert_eq!(storage.status.word(), Some("DEL"));
}

#[test]
fn a_card_one_year_past_its_expiry_is_deleted() {
    let mut bench = Bench::new();
    let hash = bench.stored();
    let charge = format!(r#"{{"token":"{hash}"}}"#);
    bench.world.clock.advance_to("2031-12-30T12:00:00Z".parse().expect("a timestamp"));
    assert_eq!(bench.charge(&charge), (400, "255".into()), "expired, and still there");
    bench.world.clock.advance_to("2032-01-02T12:00:00Z".parse().expect("a timestamp"));
    assert_eq!(bench.charge(&charge), (400, "49".into()));
}

#[test]
fn a_card_is_kept_without_a_payment_and_repeating_that_does_no_harm() {
    let mut bench = Bench::new();
    let (status, first) = bench.rest("POST", "v1/cards", NEW_CARD);
    let (_, again) = bench.rest("POST", "v1/cards", NEW_CARD);
    assert_eq!(status, 201);
    assert_eq!(text_at(&first, &["card", "token"]), text_at(&again, &["card", "token"]));
    assert_eq!(
        (text_at(&first, &["card", "bin"]), text_at(&first, &["card", "suffix"])),
        ("400000".into(), "0044".into())
    );
    assert_eq!(
        (text_at(&first, &["store", "status"]), text_at(&again, &["store", "status"])),
        ("CON".into(), "DUP".into())
    );
    for (from, to, code) in [
        (r#""authorizer_id":"1""#, r#""authorizer_id":"286""#, "84"),
        (r#","authorizer_id":"1""#, "", "4"),
        (r#","customer_id":"ana""#, "", "18"),
        ("\"ana\"", "\"a b\"", "19"),
        ("1230", "12", "9"),
        ("\"1230\"", r#""1230","security_code":"123""#, "13"),
        ("4000000000000044", "4000000000000045", "88"),
    ] {
        let (status, answer) = bench.rest("POST", "v1/cards", &NEW_CARD.replace(from, to));
        assert_eq!((status, text_at(&answer, &["code"]).as_str()), (400, code), "{to}");
    }
    bench.set("storage", "no");
    assert_eq!(bench.rest("POST", "v1/cards", NEW_CARD).0, 403);
}

#[test]
fn cards_are_listed_and_switched_off_with_a_token_that_is_used_once() {
    let mut bench = Bench::new();
    let (_, stored) = bench.rest("POST", "v1/cards", NEW_CARD);
    let hash = text_at(&stored, &["card", "token"]);
    let path = hash.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let path = format!("v1/cards/{path}");
    let token = bench.maintenance_token();
    let header = [("token", token.as_str())];
    let (status, answer) = bench.rest_with("PUT", &path, r#"{"status":"INA"}"#, &header);
    assert_eq!((status, text_at(&answer, &["card", "status"]).as_str()), (200, "INA"));
    let (_, answer) = bench.rest_with("PUT", &path, r#"{"status":"ATV"}"#, &header);
    assert_eq!(text_at(&answer, &["code"]), "115", "used once");
    assert_eq!(bench.charge(&format!(r#"{{"token":"{hash}"}}"#)), (400, "49".into()));
    let token = bench.maintenance_token();
    let (_, list) = bench.rest_with("GET", "v1/cards/list?status=INA", "", &[("token", &token)]);
    assert_eq!(text_at(&list, &["cards", "0", "token"]), hash);
    let late = bench.maintenance_token();
    bench.advance(1_801);
    assert_eq!(bench.rest_with("GET", "v1/cards/list", "", &[("token", &late)]).0, 400);
    bench.check_status = Some(404);
    assert_eq!(bench.rest("GET", "v1/token", "").0, 400);
}
