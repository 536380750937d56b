//! Notices that are forged, doubled, late, altered or about somebody else.

use payment::Status;
use serde_json::{Value, json};
use simulation::hardship::NoticeFault;
use testing::{TestDatabase, covers};

use crate::stage::{APPROVED_CARD, MERCHANT, Stage};

/// The genuine notice that the provider sent, as JSON.
fn genuine(stage: &Stage) -> Value {
    let notices = serde_json::to_value(stage.sandbox.steering.notices()).expect("JSON");
    let body = notices[0]["body"].as_str().expect("a body").to_owned();
    serde_json::from_str(&body).expect("JSON")
}

testing::both_databases! {
    async fn a_forged_notice_changes_nothing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-21").await;
        stage.settle().await;
        let asked = stage.requests("query_session");
        let request_id: u64 = payment.detail.provider_id.as_deref().expect("an id").parse().expect("a number");
        let forged = json!({
            "status": { "status": "APPROVED", "reason": "00", "message": "Aprobada", "date": "2026-03-14T10:22:07-05:00" },
            "requestId": request_id,
            "reference": payment.detail.provider_reference,
            "signature": "0".repeat(40),
        });
        assert_eq!(stage.notify(forged.to_string()).await, 401);
        stage.settle().await;
        assert_eq!(stage.verdicts().await, ["forged"]);
        assert_eq!(stage.requests("query_session"), asked, "a forged notice does not even make us ask");
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.version), (Status::RequiresAction, payment.version));
    }

    async fn algorithms_chosen_by_the_sender_are_refused(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-22").await;
        let request_id: u64 = payment.detail.provider_id.as_deref().expect("an id").parse().expect("a number");
        let crc = "d202ef8d";
        let signatures = ["md5:d41d8cd98f00b204e9800998ecf8427e", "crc32:d202ef8d", "sha1:", "none:", "sha512:00", crc];
        for signature in signatures {
            let forged = json!({
                "status": { "status": "APPROVED", "reason": "00", "message": "", "date": "2026-03-14T10:22:07-05:00" },
                "requestId": request_id, "reference": "x", "signature": signature,
            });
            assert_eq!(stage.notify(forged.to_string()).await, 401, "{signature}");
        }
        let unsigned = json!({
            "status": { "status": "APPROVED", "reason": "00", "message": "", "date": "2026-03-14T10:22:07-05:00" },
            "requestId": request_id, "reference": "x",
        });
        assert_eq!(stage.notify(unsigned.to_string()).await, 401);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
    }

    async fn what_cannot_be_read_is_refused_and_kept(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-23").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let whole = genuine(&stage).to_string();
        let deep = "[".repeat(10_000);
        let duplicate = whole.replacen('{', "{\"requestId\":1,", 1);
        let bodies: [&[u8]; 6] =
            [b"", b"null", &whole.as_bytes()[..whole.len() / 2], deep.as_bytes(), b"\xff\xfe", duplicate.as_bytes()];
        for body in bodies {
            assert_eq!(stage.notify(body.to_vec()).await, 400);
        }
        assert_eq!(stage.verdicts().await, ["unreadable"; 6]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        let mut kept = Vec::new();
        for notice in stage.hub.store.latest_notices(MERCHANT, 10).await.expect("notices") {
            let sealed = stage.hub.store.sealed_notice_body(MERCHANT, notice.id.as_str()).await.expect("the store");
            let place = format!("notice/body/{}", notice.id);
            kept.push(stage.hub.vault.open(&place, &sealed.expect("kept")).expect("it opens"));
        }
        assert!(bodies.iter().all(|body| kept.iter().any(|opened| opened == body)), "every byte was kept");
    }

    async fn a_notice_larger_than_the_limit_is_refused(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let huge = vec![b' '; hub::settings::MAX_NOTICE_BODY + 1];
        assert_eq!(stage.notify(huge).await, 413);
        assert!(stage.verdicts().await.is_empty());
    }

    async fn the_same_notice_many_times_at_once_has_one_effect(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-24").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let body = genuine(&stage).to_string();
        let sent = futures_util::future::join_all((0..10).map(|_| stage.notify(body.clone()))).await;
        assert_eq!(sent, [200; 10]);
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        let mut verdicts = stage.verdicts().await;
        verdicts.sort();
        let mut expected = vec!["repeated"; 9];
        expected.push("valid");
        assert_eq!(verdicts, expected);
        assert_eq!(stage.requests("query_session"), 1, "ten notices, one question");
        covers!("AV-4.5-03");
    }

    async fn a_doubled_and_a_late_notice_after_the_return_change_nothing_more(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-25").await;
        stage.spoil_notice(NoticeFault::Late { seconds: 120 });
        stage.pay(&payment, APPROVED_CARD).await;
        stage.come_back(&payment).await;
        stage.settle().await;
        let version = stage.expect(&payment, Status::Approved, 1).await.version;
        stage.advance(121).await;
        assert_eq!(stage.verdicts().await, ["valid"]);
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.version, version);
    }

    async fn a_notice_with_another_reference_is_refused(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-26").await;
        stage.spoil_notice(NoticeFault::Tampered { member: "reference".into(), value: json!("OTROPEDIDO") });
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        assert_eq!(stage.verdicts().await, ["unknown_reference"]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        covers!("AV-4.5-05");
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_notice_that_was_altered_is_refused(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-27").await;
        stage.spoil_notice(NoticeFault::Tampered { member: "status.status".into(), value: json!("REJECTED") });
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        assert_eq!(stage.verdicts().await, ["forged"]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
    }

    async fn a_notice_with_odd_but_legal_json_is_taken(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-28").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let pretty = serde_json::to_string_pretty(&genuine(&stage)).expect("JSON").replace('ó', "\\u00f3");
        assert_eq!(stage.notify(format!("\n\t{pretty} \r\n")).await, 200);
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_notice_for_an_unknown_session_is_refused_although_it_is_signed(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-29").await;
        // A session of the same account that this hub did not create: its notice is genuine and not ours. The
        // second sandbox has the same seed, so it issued the same secret.
        let elsewhere = TestDatabase::fresh(database.kind).await.expect("a database");
        let other = Stage::on(&elsewhere).await;
        let foreign = other.order("PEDIDO-29").await;
        other.spoil_notice(NoticeFault::Lost);
        other.pay(&foreign, APPROVED_CARD).await;
        assert_eq!(stage.notify(genuine(&other).to_string()).await, 404);
        assert_eq!(stage.verdicts().await, ["unknown_reference"]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        let nowhere = format!("{}/notices/avalpay/nobody", stage.hub_url);
        let status = stage.browser.post(nowhere).body("{}").send().await.expect("an answer").status();
        assert_eq!(status.as_u16(), 404);
    }
}
