//! Aval Pay: charges that the provider repeats by itself. Each is a payment of its own, and only a genuine notice makes one.

use std::sync::Arc;

use hub::flow::{self, CancelError};
use hub::store::{Cursor, Payment, PaymentFilter};
use payment::notice::RawNotice;
use payment::recurrence::{Period, Recurrence};
use payment::{FactKind, Status};
use serde_json::{Value, json};
use simulation::hardship::NoticeFault;
use testing::TestDatabase;

use crate::avalpay_cards::{another_hub, signed, stage, try_create, type_card};
use crate::support::avalpay::APPROVED_CARD;
use crate::support::stage::{MERCHANT, Stage};

const DAY_S: u64 = 24 * 3600;

/// A payment whose charge the provider repeats daily, three times in all, paid for the first time.
async fn begun(stage: &Stage, reference: &str) -> Payment {
    let payment = try_create(stage, reference, |order| {
        order.recurrence =
            Some(Recurrence { period: Period::Day, interval: 1, next: None, most: Some(3), until: None });
    })
    .await
    .expect("a payment");
    type_card(stage, &payment, APPROVED_CARD).await;
    stage.settle().await;
    stage.expect(&payment, Status::Approved, 1).await;
    payment
}

/// The payments that later charges made, first one first.
async fn later(stage: &Stage, began: &Payment) -> Vec<Payment> {
    let cursor = Cursor { limit: 100, ..Cursor::default() };
    let page =
        stage.hub.store.payments(MERCHANT, &PaymentFilter::default(), &cursor).await.expect("payments");
    let mut later = page.data;
    later.retain(|payment| payment.detail.recurrence_of.as_ref() == Some(&began.id));
    later.reverse();
    later
}

/// The body of a notice about a later charge, genuine or not.
fn notice_of(stage: &Stage, charge: &str, status: &str, reference: &str) -> String {
    signed(
        stage,
        ("internalReference", charge),
        status,
        reference,
        &json!({ "recurring": { "tries": 1, "enabled": 1 } }),
    )
}

fn reference(payment: &Payment) -> String {
    payment.detail.provider_reference.clone().expect("a reference")
}

fn kinds(stage: &Stage, payment: &Payment) -> Vec<String> {
    stage.told(payment).into_iter().map(|event| event.kind).collect()
}

testing::both_databases! {
    async fn each_later_charge_is_a_payment_of_its_own_with_its_event(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-1").await;
        let asked = stage.requests("query_session");
        for charges in 1..=4 {
            stage.advance(DAY_S).await;
            // The first of the three is the order's own.
            assert_eq!(later(&stage, &began).await.len(), charges.min(2));
        }
        testing::covers!("AV-11.1-01", "AV-11.1-02");
        for payment in later(&stage, &began).await {
            assert_eq!((payment.status, payment.paid), (Status::Approved, began.order.total));
            let charge = payment.detail.provider_id.clone().expect("the charge");
            assert_eq!(payment.order.reference, format!("CLUB-1#{charge}"));
            assert_eq!((payment.order.recurrence.as_ref(), &payment.account_id), (None, &began.account_id));
            assert_eq!(kinds(&stage, &payment), ["payment.approved"]);
            let told = &stage.told(&payment)[0].body["data"];
            assert_eq!(told["recurrence_of"], began.id.as_str());
            assert_eq!((&told["paid"], &told["recurrence"]), (&json!(began.order.total.minor), &Value::Null));
            let facts = stage.hub.store.recorded_facts(MERCHANT, &payment.id).await.expect("facts");
            assert!(facts.iter().any(|told| matches!(told.fact.kind, FactKind::Recurred(_))));
            let notices = stage.hub.store.notices_of(MERCHANT, &payment.id).await.expect("notices");
            assert_eq!(notices.iter().map(|notice| notice.verdict.as_str()).collect::<Vec<_>>(), ["valid"]);
        }
        stage.expect(&began, Status::Approved, 3).await;
        assert_eq!(stage.now(&began).await.paid, began.order.total, "what began is one charge");
        stage.advance(3 * DAY_S).await;
        assert_eq!(stage.requests("query_session"), asked, "there is no query for a later charge");
    }

    async fn a_later_charge_that_is_denied_is_told_too(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-2").await;
        stage.command("script", json!({ "reference": reference(&began), "outcomes": ["rejected:51"] }));
        stage.advance(DAY_S).await;
        let denied = later(&stage, &began).await.remove(0);
        assert_eq!((denied.status, denied.paid.minor), (Status::Rejected, 0));
        assert_eq!(denied.detail.reason.code, "51");
        assert_eq!(kinds(&stage, &denied), ["payment.rejected"]);
        stage.advance(DAY_S).await;
        let all = later(&stage, &began).await;
        let statuses: Vec<_> = all.iter().map(|payment| payment.status).collect();
        assert_eq!(statuses[..2], [Status::Rejected, Status::Approved], "the next try is another charge");
    }

    async fn a_charge_that_is_told_again_and_again_is_one_payment(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-3").await;
        stage.spoil_notice(NoticeFault::Doubled { deliveries: 3 });
        stage.advance(DAY_S).await;
        let payment = later(&stage, &began).await;
        assert_eq!(payment.len(), 1);
        // The same charge in other words, many times at once.
        let charge = payment[0].detail.provider_id.clone().expect("a charge");
        let other = notice_of(&stage, &charge, "APPROVED", &reference(&began));
        let fresh = notice_of(&stage, "1700009901", "PENDING", &reference(&began));
        let decided = notice_of(&stage, "1700009901", "APPROVED", &reference(&began));
        let bodies = [&other, &fresh, &decided, &other, &decided, &fresh];
        // Two instances take them.
        let hubs = [Arc::clone(&stage.hub), another_hub(&stage, &database).await];
        let posts = hubs.iter().flat_map(|hub| bodies.map(|body| (hub, body.clone()))).map(async |(hub, body)| {
            let notice = RawNotice {
                method: "POST".into(),
                route: String::new(),
                query: String::new(),
                headers: vec![],
                body: body.into_bytes(),
            };
            let reply = flow::receive_notice(hub, stage.provider, stage.account, notice, [127, 0, 0, 1].into()).await;
            reply.expect("the store").expect("an account").status
        });
        let told = futures_util::future::join_all(posts).await;
        assert!(told.iter().all(|status| *status == 200), "{told:?}");
        stage.settle().await;
        let payments = later(&stage, &began).await;
        assert_eq!(payments.len(), 2);
        for payment in payments {
            assert_eq!((payment.status, payment.paid), (Status::Approved, began.order.total));
            let approved = kinds(&stage, &payment).into_iter().filter(|kind| kind == "payment.approved").count();
            assert_eq!(approved, 1);
        }
    }

    async fn what_is_forged_or_about_nothing_of_ours_makes_no_payment(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-4").await;
        let once = try_create(&stage, "UNA-VEZ", |_| {}).await.expect("a payment");
        let genuine = notice_of(&stage, "1700009902", "APPROVED", &reference(&began));
        let forged = genuine.replace("1700009902", "1700009903");
        assert_eq!(stage.notify(forged).await, 401);
        let unsigned = genuine.replace("\"signature\"", "\"firma\"");
        assert_eq!(stage.notify(unsigned).await, 401);
        let unknown = notice_of(&stage, "1700009904", "APPROVED", "DEOTROCOMERCIO");
        assert_eq!(stage.notify(unknown).await, 404);
        let does_not_recur = notice_of(&stage, "1700009905", "APPROVED", &reference(&once));
        assert_eq!(stage.notify(does_not_recur).await, 404);
        // What was signed for a session holds for a charge with its id as well, and the shopper's browser has seen it.
        let session = began.detail.provider_id.clone().or(stage.now(&began).await.detail.provider_id);
        let borrowed = notice_of(&stage, &session.expect("a session"), "APPROVED", &reference(&began));
        assert_eq!(stage.notify(borrowed).await, 401);
        stage.settle().await;
        assert_eq!(later(&stage, &began).await.len(), 0);
        // Notices of one instant have no order.
        let mut verdicts = stage.verdicts().await;
        verdicts.sort();
        let expected = ["forged", "forged", "unknown_reference", "unknown_reference", "unsigned", "valid"];
        assert_eq!(verdicts, expected);
        assert_eq!(stage.notify(genuine).await, 200);
        assert_eq!(later(&stage, &began).await.len(), 1, "the genuine one does");
    }

    async fn a_reference_that_the_merchant_has_used_by_chance_hinders_no_later_charge(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-5").await;
        try_create(&stage, "CLUB-5#1700009906", |_| {}).await.expect("a payment");
        let notice = notice_of(&stage, "1700009906", "APPROVED", &reference(&began));
        assert_eq!(stage.notify(notice).await, 200);
        let payment = later(&stage, &began).await.remove(0);
        assert_eq!((payment.status, payment.order.reference.as_str()), (Status::Approved, payment.id.as_str()));
    }

    async fn a_recurrence_says_where_it_is_ended_and_ends_nowhere_else(database: TestDatabase) {
        let stage = stage(&database).await;
        let began = begun(&stage, "CLUB-6").await;
        let document = flow::document::payment_document(&stage.hub, &stage.now(&began).await);
        let recurrence = serde_json::to_value(&document).expect("JSON")["recurrence"].clone();
        let expected = json!({
            "period": "day", "interval": 1, "next": null, "most": 3, "until": null, "ended_in": "provider_panel",
        });
        assert_eq!(recurrence, expected);
        let refused = flow::cancel_payment(&stage.hub, MERCHANT, &began.id).await;
        assert!(matches!(refused, Err(CancelError::NotOpen(Status::Approved))), "{refused:?}");
        stage.command("cancel_recurrence", json!({ "number": 1 }));
        stage.advance(3 * DAY_S).await;
        assert_eq!(later(&stage, &began).await.len(), 0, "it was ended in the panel");
    }
}
