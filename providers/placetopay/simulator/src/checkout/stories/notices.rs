//! Notices to the merchant and receipts to the payer.

use serde_json::json;
use simulation::strict_json;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD};
use super::{ACCOUNT, Bench, NOTICE_URL, SECRET, text_at};
use crate::checkout::account::Signature;
use crate::checkout::notice::sign;

#[test]
fn a_final_session_is_notified_once_as_documented() {
    let _story = testing::story("checkout::stories::notices::a_final_session_is_notified_once_as_documented");
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.advance(60);
    bench.pay(&page, A_CARD);
    bench.advance(10_000);
    bench.query(id);
    assert_eq!(bench.world.notices.len(), 1);
    covers!("AV-4.5-01");
    let notice = &bench.world.notices[0];
    assert_eq!(
        (notice.url.as_str(), notice.about.as_str(), notice.account.as_str()),
        (NOTICE_URL, "508817", ACCOUNT)
    );
    assert_eq!(notice.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    let signature = sign(Signature::Sha1, id, "APPROVED", "2026-03-14T10:16:31-05:00", SECRET);
    assert_eq!(
        String::from_utf8_lossy(&notice.body),
        format!(
            r#"{{"status":{{"status":"APPROVED","reason":"00","message":"La petición ha sido aprobada exitosamente","date":"2026-03-14T10:16:31-05:00"}},"requestId":508817,"reference":"CAR2026000871","signature":"{signature}"}}"#
        )
    );
    covers!("AV-4.5-03", "AV-4.5-04", "AV-4.5-05");
}

#[test]
fn a_site_may_be_switched_to_sha256() {
    let mut bench = Bench::new();
    bench
        .steer("set_account", json!({ "account": ACCOUNT, "setting": "signature", "value": "sha256" }))
        .expect("set");
    let (_, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    let body = strict_json::parse(&bench.world.notices[0].body).expect("JSON");
    let signature = text_at(&body, &["signature"]);
    assert_eq!(signature.len(), 71);
    assert!(signature.starts_with("sha256:"));
}

#[test]
fn the_notice_of_a_rejection_says_so() {
    let _story = testing::story("checkout::stories::notices::the_notice_of_a_rejection_says_so");
    let mut bench = Bench::with_settings(&[("attempts_limit", "1")]);
    let (_, approved) = bench.session("{}");
    bench.pay(&approved, A_CARD);
    let (_, rejected) = bench.session("{}");
    bench.pay(&rejected, DENIED_CARD);
    assert_eq!(
        bench.notices(),
        [("APPROVED".to_owned(), "00".to_owned()), ("REJECTED".to_owned(), "XN".to_owned())]
    );
    covers!("AV-4.5-06");
}

#[test]
fn a_site_without_an_address_is_not_notified() {
    let mut bench = Bench::new();
    bench
        .steer("set_account", json!({ "account": ACCOUNT, "setting": "notification_url", "value": "" }))
        .expect("set");
    let (_, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    assert!(bench.world.notices.is_empty());
    assert!(bench.steer("send_test_notice", json!({ "account": ACCOUNT })).is_err());
}

#[test]
fn the_test_notice_has_reason_tt_and_an_unprefixed_signature() {
    let mut bench = Bench::with_settings(&[("signature", "sha256")]);
    let url = "http://shop.localhost:4052/otra";
    bench.steer("send_test_notice", json!({ "account": ACCOUNT, "url": url })).expect("sent");
    let notice = &bench.world.notices[0];
    assert_eq!(notice.url, url);
    let body = strict_json::parse(&notice.body).expect("JSON");
    assert_eq!(text_at(&body, &["status", "reason"]), "TT");
    assert_eq!(text_at(&body, &["status", "message"]), "Testing notification");
    assert_eq!(
        text_at(&body, &["signature"]),
        sign(Signature::Sha1, 1, "APPROVED", "2026-03-14T10:15:31-05:00", SECRET)
    );
}

#[test]
fn the_receipt_goes_to_the_payer_s_address_once() {
    let _story = testing::story("checkout::stories::notices::the_receipt_goes_to_the_payer_s_address_once");
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, PENDING_CARD);
    assert!(bench.world.mails.is_empty());
    bench.advance(60);
    bench.query(id);
    assert_eq!(bench.world.mails.len(), 1);
    let mail = &bench.world.mails[0];
    assert_eq!((mail.channel.as_str(), mail.to.as_str()), ("email", "pagadora@correo.example"));
    assert_eq!(mail.subject, "Comprobante de pago CAR2026000871");
    for part in ["$119.000,00 COP", "S508817-T1", "VISA **** 0073", "Aprobada", "Esto es un simulador"] {
        assert!(mail.text.contains(part), "{part} in {}", mail.text);
    }
    covers!("AV-4.2-07");
}

#[test]
fn a_session_that_nobody_opened_has_no_receipt() {
    let mut bench = Bench::new();
    bench.session("{}");
    bench.advance(1_200);
    assert!(bench.world.mails.is_empty());
}
