//! Steering commands.

use serde_json::json;
use simulation::Simulator;

use super::{Bench, CARD, STATUS_URL, STORAGE_URL, STORED, text_at};

#[test]
fn a_script_decides_the_next_tries_of_an_order() {
    for (outcome, end, ledger) in [
        ("approved", "CON", "approved"),
        ("denied:57", "NEG", "rejected"),
        ("error", "ERR", "rejected"),
        ("pending", "PEN", "pending"),
    ] {
        let mut bench = Bench::new();
        bench.steer("script", json!({ "reference": "54321", "outcomes": [outcome] })).expect("a script");
        let nit = bench.rest_payment("");
        bench.rest_pay(&nit, CARD);
        assert_eq!((bench.status(&nit).as_str(), bench.ledger()[0].1), (end, ledger));
        let next = bench.rest_payment("");
        bench.rest_pay(&next, CARD);
        assert_eq!(bench.status(&next), "CON", "a script is used up");
    }
    let mut bench = Bench::new();
    assert!(bench.steer("script", json!({ "reference": "1", "outcomes": ["paid"] })).is_err());
}

#[test]
fn what_is_pending_is_decided_by_steering() {
    for (outcome, end) in [("approved", "CON"), ("denied", "NEG")] {
        let mut bench = Bench::new();
        bench.steer("script", json!({ "reference": "12345", "outcomes": ["pending"] })).expect("a script");
        let created = bench.created(STORED);
        bench.pay_on_page(&created, &[]);
        let nit = text_at(&created, &["nit"]);
        bench.steer("resolve_pending", json!({ "nit": nit, "outcome": outcome })).expect("pending");
        assert_eq!(bench.told(STATUS_URL), ["PEN", end]);
        assert_eq!(bench.told(STORAGE_URL).len(), usize::from(end == "CON"));
        let approved = bench.last(STATUS_URL).get("codigoRespostaAutorizadora") == "000";
        assert_eq!(approved, end == "CON");
        assert!(bench.steer("resolve_pending", json!({ "nit": nit, "outcome": outcome })).is_err());
    }
}

#[test]
fn moves_follow_the_rules_and_notices_are_sent_again() {
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    let nit = text_at(&created, &["nit"]);
    assert!(bench.steer("move", json!({ "nit": nit, "status": "EST" })).is_err());
    assert!(bench.steer("move", json!({ "nit": nit, "status": "XXX" })).is_err());
    bench.steer("move", json!({ "nit": nit, "status": "BLQ" })).expect("an allowed move");
    bench.steer("resend_status", json!({ "nit": nit })).expect("a transaction");
    assert_eq!(bench.told(STATUS_URL), ["BLQ", "BLQ"]);
    bench.steer("resend_storage", json!({ "nita": text_at(&created, &["nita"]) })).expect("a storage");
    assert_eq!(bench.told(STORAGE_URL), ["INV"]);
}

#[test]
fn a_key_that_was_changed_is_void_and_unknown_commands_are_refused() {
    let mut bench = Bench::new();
    bench.steer("rotate_key", json!({ "account": super::ACCOUNT })).expect("an account");
    assert_eq!(bench.rest("GET", "v1/transactions/x", "").0, 401);
    assert!(bench.steer("nothing", json!({})).is_err());
    assert!(bench.steer("rotate_key", json!({ "account": "nobody" })).is_err());
    assert!(
        bench
            .steer("set_account", json!({ "account": super::ACCOUNT, "setting": "x", "value": "" }))
            .is_err()
    );
    let cards = bench.steer("stored_cards", json!({ "account": super::ACCOUNT })).expect("a list");
    assert_eq!(cards, json!({ "stored_cards": [] }));
}

#[test]
fn a_reset_forgets_all_but_the_accounts() {
    let mut bench = Bench::new();
    bench.created(STORED);
    bench.portal.reset();
    assert!(bench.portal.transactions.is_empty() && bench.portal.next_due().is_none());
    assert_eq!(bench.portal.accounts().len(), 1);
    bench.created("");
}
