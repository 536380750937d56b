//! Aval Pay: cards that the provider keeps. Enrolled with nothing to be paid, charged with the shopper there and away, and taken
//! away when their denials have ended them.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use hub::flow::{self, CreateError, NewPayment};
use hub::store::{Instrument, InstrumentState, Payment, Store};
use hub::{Clock, Hub, Providers};
use payment::account::Environment;
use payment::fact::FactKind;
use payment::instrument::KeepingState;
use payment::order::Order;
use payment::{Currency, Money, Status};
use placetopay_client::checkout::AvalPay;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::support::avalpay::{self, APPROVED_CARD as APPROVED, PENDING_CARD as PENDING_THEN_APPROVED};
use crate::support::stage::{MERCHANT, Stage};

/// Published test cards: what becomes of each charge.
const PENDING_THEN_REJECTED: &str = "4381080000000003";
const LACKS_BALANCE: &str = "4110769000000900";
/// Approved below 200 dollars, denied above.
const UP_TO_200_DOLLARS: &str = "4110760000000057";
/// Each of the guide's denials that end a card at once.
const ENDED_AT_ONCE: [(&str, &str); 8] = [
    ("4110769000000108", "33"),
    ("4110769000000207", "36"),
    ("4110769000000306", "54"),
    ("4110769000000405", "43"),
    ("4110769000000504", "14"),
    ("4110769000000603", "41"),
    ("4110769000000702", "62"),
    ("4110769000000801", "XE"),
];

/// Pesos in minor units: below 200 dollars, and above.
const LITTLE: i64 = 3_990_000;
const MUCH: i64 = 90_000_000;

const CUSTOMER: &str = "cliente-7";
const DAY_S: u64 = 24 * 3600;

pub fn order(reference: &str) -> Order {
    Order {
        total: Money::new(LITTLE, Currency::Cop),
        description: Some("Club de lectura".into()),
        taxes: vec![],
        customer: Some(CUSTOMER.into()),
        ..avalpay::order(reference)
    }
}

pub async fn stage(database: &TestDatabase) -> Stage {
    Stage::build(database, avalpay::cast(order), |_| {}, Environment::Test, |_| {}).await
}

/// Another instance of the hub, on the same record.
pub async fn another_hub(stage: &Stage, database: &TestDatabase) -> Arc<Hub> {
    let store = Store::connect(&database.url).await.expect("the database");
    let providers = Providers::new(vec![Arc::new(AvalPay)]);
    let clock = Clock::frozen(stage.hub.clock.now());
    Hub::new(stage.hub.settings.clone(), providers, clock, store).expect("a hub")
}

pub async fn try_create(
    stage: &Stage,
    reference: &str,
    change: impl FnOnce(&mut Order),
) -> Result<Payment, CreateError> {
    let mut order = order(reference);
    change(&mut order);
    let wanted = NewPayment { order, account_id: None, idempotency_key: format!("key-{reference}") };
    flow::create_payment(&stage.hub, &stage.merchant(), wanted).await
}

/// Types a card on the provider's page, to be kept.
pub async fn type_card(stage: &Stage, payment: &Payment, card: &str) {
    let status = avalpay::type_card(stage, payment, card, &[("save_card", "yes")]).await;
    assert!(!(400..500).contains(&status), "{status}");
}

/// Enrols a card: nothing is paid.
async fn enrol(stage: &Stage, reference: &str, card: &str) -> Instrument {
    let payment = try_create(stage, reference, |order| {
        (order.total.minor, order.keep_instrument) = (0, true);
    })
    .await
    .expect("an enrolment");
    type_card(stage, &payment, card).await;
    assert_eq!(stage.come_back(&payment).await, 303);
    stage.settle().await;
    let id = stage.now(&payment).await.detail.instrument.expect("the card is kept");
    instrument(stage, &id).await
}

async fn instrument(stage: &Stage, id: &payment::id::InstrumentId) -> Instrument {
    stage.hub.store.instrument(MERCHANT, id).await.expect("read").expect("the card")
}

async fn state(stage: &Stage, card: &Instrument) -> InstrumentState {
    instrument(stage, &card.id).await.state
}

/// Charges a kept card while the shopper is away.
async fn try_charge(
    stage: &Stage,
    reference: &str,
    card: &Instrument,
    minor: i64,
) -> Result<Payment, CreateError> {
    try_create(stage, reference, |order| {
        order.total.minor = minor;
        order.instrument = Some(card.id.clone());
        order.is_shopper_away = true;
    })
    .await
}

async fn charge(stage: &Stage, reference: &str, card: &Instrument, minor: i64) -> Payment {
    try_charge(stage, reference, card, minor).await.expect("a charge")
}

fn is_refused(result: &Result<Payment, CreateError>) -> bool {
    matches!(result, Err(CreateError::Complaints(complaints)) if complaints[0].param == "instrument")
}

/// What the provider was asked to do, oldest first.
fn asked(stage: &Stage) -> Vec<String> {
    let mut journal = stage.sandbox.steering.journal(0, Some(stage.provider), 1000);
    journal.sort_by_key(|entry| entry.sequence);
    let is_wanted = |operation: &str| matches!(operation, "collect" | "invalidate_token" | "query_session");
    journal.into_iter().map(|entry| entry.operation).filter(|operation| is_wanted(operation)).collect()
}

/// How often the merchant was told of instruments in this way.
fn told(stage: &Stage, kind: &str, card: &Instrument) -> usize {
    let told = stage.received();
    told.iter().filter(|event| event.kind == kind && event.body["data"]["id"] == card.id.as_str()).count()
}

/// A genuine notice of the provider, of the older form.
pub fn signed(stage: &Stage, id: (&str, &str), status: &str, reference: &str, more: &Value) -> String {
    const DATE: &str = "2026-03-14T10:22:07-05:00";
    let secret = stage.hub.settings.accounts[0].secrets["secret_key"][0].expose_secret().to_owned();
    let signature = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{}{status}{DATE}{secret}", id.1).as_bytes());
    let signature: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut body = json!({
        "status": { "status": status, "reason": "00", "message": "Aprobada", "date": DATE },
        "reference": reference,
        "signature": signature,
    });
    body[id.0] = id.1.parse::<u64>().expect("a number").into();
    let body = body.as_object().expect("an object").clone();
    let more = more.as_object().expect("an object").clone();
    Value::Object(body.into_iter().chain(more).collect()).to_string()
}

testing::both_databases! {
    async fn a_card_is_enrolled_with_nothing_to_be_paid_and_asked_for_on_every_return(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = try_create(&stage, "SUS-1", |order| {
            (order.total.minor, order.keep_instrument) = (0, true);
        })
        .await
        .expect("an enrolment");
        assert_eq!(payment.status, Status::RequiresAction);
        stage.spoil_notice(NoticeFault::Lost);
        type_card(&stage, &payment, APPROVED).await;
        assert_eq!(stage.requests("query_session"), 0);
        for returns in 1..=3 {
            assert_eq!(stage.come_back(&payment).await, 303);
            assert_eq!(stage.requests("query_session"), returns, "once on each return, final or not");
        }
        testing::covers!("AV-8.4-05");

        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 0).await;
        let card = instrument(&stage, stands.detail.instrument.as_ref().expect("a card")).await;
        assert_eq!((card.state, card.last_four.as_deref()), (InstrumentState::Active, Some("0081")));
        assert_eq!((card.valid_until.as_deref(), card.provider_reference.as_str()),
            (Some("2030-11"), stands.detail.provider_id.as_deref().expect("a session")));
        assert_eq!((card.reason.status.as_str(), card.reason.code.as_str()), ("OK", "00"));
        let facts = stage.hub.store.recorded_facts(MERCHANT, &payment.id).await.expect("facts");
        let tellings: Vec<_> = facts
            .iter()
            .filter_map(|recorded| match &recorded.fact.kind {
                FactKind::Instrument(telling) => Some((telling.state, telling.reason.status.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(tellings, [(KeepingState::Begun, "OK"), (KeepingState::Kept, "OK")]);
        assert_eq!((stands.detail.reason.status.as_str(), stands.detail.reason.code.as_str()), ("APPROVED", "00"));
        testing::covers!("AV-8.4-06");
        assert_eq!(told(&stage, "instrument.kept", &card), 1);
        assert_eq!(stage.charges(&payment).len(), 0, "nothing was charged");
    }

    async fn an_enrolled_card_of_which_nothing_readable_is_told_is_asked_for_again(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = try_create(&stage, "SUS-9", |order| {
            (order.total.minor, order.keep_instrument) = (0, true);
        })
        .await
        .expect("an enrolment");
        stage.spoil_notice(NoticeFault::Lost);
        type_card(&stage, &payment, APPROVED).await;
        stage.spoil_request("query_session", RequestFault::Tampered { member: "subscription".into(), value: 7.into() });
        assert_eq!(stage.come_back(&payment).await, 303);
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.detail.instrument), (Status::Approved, None));
        stage.advance(400).await;
        let kept = stage.now(&payment).await.detail.instrument;
        assert_eq!(instrument(&stage, &kept.expect("a card")).await.state, InstrumentState::Active);
    }

    async fn a_page_that_is_left_keeps_no_card(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = try_create(&stage, "SUS-2", |order| {
            (order.total.minor, order.keep_instrument) = (0, true);
        })
        .await
        .expect("an enrolment");
        stage.advance(31 * 60).await;
        let stands = stage.expect(&payment, Status::Expired, 0).await;
        assert_eq!(stands.detail.instrument, None);
        assert!(stage.hub.store.instruments_of(MERCHANT, CUSTOMER).await.expect("read").is_empty());
    }

    async fn only_what_is_pending_is_asked_for_by_notice_and_probe(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-3", APPROVED).await;
        let pending = enrol(&stage, "SUS-4", PENDING_THEN_APPROVED).await;
        let asked_before = stage.requests("query_session");
        let payment = charge(&stage, "MES-3", &card, LITTLE).await;
        assert_eq!(payment.status, Status::Approved, "final at once, by the answer itself");
        let id = payment.detail.provider_id.clone().expect("a session");
        let reference = payment.detail.provider_reference.clone().expect("a reference");
        let notice = signed(&stage, ("requestId", &id), "APPROVED", &reference, &json!({}));
        assert_eq!(stage.notify(notice).await, 200);
        stage.settle().await;
        stage.advance(3 * DAY_S).await;
        assert_eq!(stage.requests("query_session"), asked_before, "neither the session nor the charge");
        stage.expect(&payment, Status::Approved, 1).await;
        testing::covers!("AV-8.4-07");

        let payment = charge(&stage, "MES-4", &pending, LITTLE).await;
        assert_eq!(payment.status, Status::Pending);
        stage.advance(120).await;
        assert_eq!(stage.requests("query_session"), asked_before + 1, "because a notice said so");
        stage.expect(&payment, Status::Approved, 1).await;
        stage.spoil_notice(NoticeFault::Lost);
        let payment = charge(&stage, "MES-5", &pending, LITTLE).await;
        stage.advance(400).await;
        assert_eq!(stage.requests("query_session"), asked_before + 2, "because it is pending");
        stage.expect(&payment, Status::Approved, 1).await;
        stage.advance(3 * DAY_S).await;
        assert_eq!(stage.requests("query_session"), asked_before + 2);
        testing::covers!("AV-8.4-08");
    }

    async fn a_kept_card_is_charged_away_from_the_shopper_and_in_one_click(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-5", UP_TO_200_DOLLARS).await;
        let away = charge(&stage, "MES-6", &card, LITTLE).await;
        let click = try_create(&stage, "CLIC-1", |order| order.instrument = Some(card.id.clone())).await;
        let click = click.expect("a charge");
        assert_eq!(click.detail.pay_url, None, "the shopper has nothing more to do");
        let denied = charge(&stage, "MES-7", &card, MUCH).await;
        stage.settle().await;
        stage.expect(&away, Status::Approved, 1).await;
        stage.expect(&click, Status::Approved, 1).await;
        let refused = stage.expect(&denied, Status::Rejected, 0).await;
        testing::covers!("AV-8.1-01", "AV-8.3-03");
        for payment in [&away, &click, &denied] {
            let told: Vec<_> = stage.told(payment).into_iter().map(|event| event.kind).collect();
            assert_eq!(told.len(), 1, "one event a charge, failures included: {told:?}");
        }
        let reason = &refused.detail.last_movement.as_ref().expect("a denial").reason;
        assert_eq!(reason.code, "61");
        testing::covers!("AV-8.2-05");
        let page = stage.browser.get(stage.hub.status_url(MERCHANT, &click.id)).send().await.expect("a page");
        assert!(page.text().await.expect("a page").contains("Aprobado"));
        testing::covers!("AV-8.3-04");

        let journal = stage.sandbox.steering.journal(0, Some(stage.provider), 1000);
        let collects: Vec<String> = journal
            .into_iter()
            .filter(|entry| entry.operation == "collect")
            .map(|entry| entry.body.text)
            .collect();
        assert_eq!(collects.len(), 3);
        for text in collects {
            for said in ["203.0.113.24", "Mozilla/5.0 (prueba)", "Club de lectura", "es_CO", "COP"] {
                assert!(text.contains(said), "{said}: {text}");
            }
            for placeholder in ["null", "N/A", "127.0.0.1", "test@"] {
                assert!(!text.contains(placeholder), "{placeholder}: {text}");
            }
        }
        testing::covers!("AV-8.5-07");
    }

    async fn a_charge_whose_answer_is_lost_is_repeated_within_its_day_and_made_once(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-6", APPROVED).await;
        stage.spoil_request("collect", RequestFault::ResetAfterEffect);
        let payment = charge(&stage, "MES-8", &card, LITTLE).await;
        assert_eq!(payment.status, Status::Pending);
        stage.spoil_request("collect", RequestFault::ResetBeforeEffect);
        stage.advance(20).await;
        stage.advance(120).await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("collect"), 3);
        assert_eq!(stage.charges(&payment).len(), 1);
    }

    async fn a_denial_that_ends_a_card_takes_it_away_next_and_it_is_charged_no_more(database: TestDatabase) {
        let stage = stage(&database).await;
        for (place, (number, code)) in ENDED_AT_ONCE.into_iter().enumerate() {
            let card = enrol(&stage, &format!("SUS-1{place}"), number).await;
            let before = asked(&stage).len();
            let payment = charge(&stage, &format!("MES-1{place}"), &card, LITTLE).await;
            assert_eq!(payment.status, Status::Rejected);
            assert_eq!(payment.detail.last_movement.as_ref().map(|denied| denied.reason.code.as_str()), Some(code));
            assert_eq!(state(&stage, &card).await, InstrumentState::Removing, "in the same transaction");
            let again = try_charge(&stage, &format!("OTRA-1{place}"), &card, LITTLE).await;
            assert!(is_refused(&again), "{code}: {again:?}");
            let same = charge(&stage, &format!("MES-1{place}"), &card, LITTLE).await;
            assert_eq!((&same.id, same.status), (&payment.id, Status::Rejected), "the same request, come again");
            stage.settle().await;
            assert_eq!(asked(&stage)[before..], ["collect", "invalidate_token"], "{code}");
            let removed = instrument(&stage, &card.id).await;
            assert_eq!((removed.state, removed.sealed_token), (InstrumentState::Removed, None), "{code}");
            assert_eq!(told(&stage, "instrument.removed", &card), 1, "{code}");
            assert!(is_refused(&try_charge(&stage, &format!("MAS-1{place}"), &card, LITTLE).await));
            stage.expect(&payment, Status::Rejected, 0).await;
        }
        testing::covers!("AV-8.6-01", "AV-8.6-02");
        testing::covers!("AV-8.6-04", "AV-8.6-05", "AV-8.6-06", "AV-8.6-07");
        testing::covers!("AV-8.6-08", "AV-8.6-09", "AV-8.6-10", "AV-8.6-11");
        stage.advance(3 * DAY_S).await;
        assert_eq!(stage.requests("invalidate_token"), ENDED_AT_ONCE.len(), "once each");
    }

    async fn the_third_denial_in_a_row_takes_a_card_away_and_an_approval_begins_anew(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-20", UP_TO_200_DOLLARS).await;
        for (reference, minor, status) in [
            ("M-1", MUCH, Status::Rejected),
            ("M-2", MUCH, Status::Rejected),
            ("M-3", LITTLE, Status::Approved),
            ("M-4", MUCH, Status::Rejected),
            ("M-5", MUCH, Status::Rejected),
        ] {
            let payment = charge(&stage, reference, &card, minor).await;
            assert_eq!(payment.status, status, "{reference}");
            stage.settle().await;
            assert_eq!(state(&stage, &card).await, InstrumentState::Active, "{reference}");
        }
        let third = charge(&stage, "M-6", &card, MUCH).await;
        assert_eq!(third.status, Status::Rejected);
        assert_eq!(state(&stage, &card).await, InstrumentState::Removing);
        assert!(is_refused(&try_charge(&stage, "M-7", &card, LITTLE).await));
        stage.settle().await;
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed);
        assert_eq!((stage.requests("collect"), stage.requests("invalidate_token")), (6, 1));
        testing::covers!("AV-8.6-03");
    }

    async fn a_fault_on_the_way_is_no_denial_of_the_card(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-21", LACKS_BALANCE).await;
        for place in 0..4 {
            stage.spoil_request("collect", RequestFault::ResetBeforeEffect);
            let payment = charge(&stage, &format!("F-{place}"), &card, LITTLE).await;
            let reference = payment.detail.provider_reference.clone().expect("a reference");
            stage.command("script", json!({ "reference": reference, "outcomes": ["failed"] }));
            stage.advance(120).await;
            let failed = stage.now(&payment).await;
            assert!(!failed.status.is_open() && failed.paid.minor == 0, "{}", failed.status);
            assert_eq!(state(&stage, &card).await, InstrumentState::Active);
        }
        for place in 4..7 {
            assert_eq!(state(&stage, &card).await, InstrumentState::Active);
            charge(&stage, &format!("F-{place}"), &card, LITTLE).await;
            stage.settle().await;
        }
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed, "three denials among seven failures");
    }

    async fn charges_under_way_count_so_that_no_fourth_in_a_row_is_ever_made(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-22", PENDING_THEN_REJECTED).await;
        let other = another_hub(&stage, &database).await;
        let references: Vec<String> = (0..8).map(|place| format!("P-{place}")).collect();
        let charges = references.iter().enumerate().map(async |(place, reference)| {
            // Half of them at another instance.
            let hub = if place % 2 == 0 { &stage.hub } else { &other };
            let mut order = order(reference);
            (order.instrument, order.is_shopper_away) = (Some(card.id.clone()), true);
            let wanted = NewPayment { order, account_id: None, idempotency_key: format!("key-{reference}") };
            flow::create_payment(hub, &stage.merchant(), wanted).await
        });
        let made = futures_util::future::join_all(charges).await;
        let (begun, held): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!((begun.len(), stage.requests("collect")), (3, 3), "as many as may be denied");
        assert!(held.iter().all(|held| matches!(held, Err(CreateError::InstrumentUnderWay))), "{held:?}");
        stage.advance(400).await;
        for payment in begun {
            stage.expect(&payment.expect("a payment"), Status::Rejected, 0).await;
        }
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed);
        assert_eq!((stage.requests("collect"), stage.requests("invalidate_token")), (3, 1));
        assert_eq!(told(&stage, "instrument.removed", &card), 1);
    }

    async fn a_charge_of_unknown_outcome_counts_as_a_denial_until_it_is_known(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-23", UP_TO_200_DOLLARS).await;
        charge(&stage, "U-1", &card, MUCH).await;
        charge(&stage, "U-2", &card, MUCH).await;
        stage.spoil_request("collect", RequestFault::ResetAfterEffect);
        let lost = charge(&stage, "U-3", &card, LITTLE).await;
        assert_eq!(lost.status, Status::Pending);
        let fourth = try_charge(&stage, "U-4", &card, LITTLE).await;
        assert!(matches!(fourth, Err(CreateError::InstrumentUnderWay)), "{fourth:?}");
        stage.advance(400).await;
        stage.expect(&lost, Status::Approved, 1).await;
        assert_eq!(charge(&stage, "U-5", &card, LITTLE).await.status, Status::Approved, "strikes begin anew");
    }

    async fn a_removal_is_tried_until_the_provider_takes_it(database: TestDatabase) {
        let mut stage = stage(&database).await;
        let card = enrol(&stage, "SUS-24", ENDED_AT_ONCE[3].0).await;
        stage.spoil_request("invalidate_token", RequestFault::ResetBeforeEffect);
        charge(&stage, "R-1", &card, LITTLE).await;
        stage.settle().await;
        assert_eq!((state(&stage, &card).await, stage.requests("invalidate_token")), (InstrumentState::Removing, 1));
        // Another process takes over what is to be done.
        stage.restart().await;
        stage.spoil_request("invalidate_token", RequestFault::ResetAfterEffect);
        stage.advance(60).await;
        assert_eq!((state(&stage, &card).await, stage.requests("invalidate_token")), (InstrumentState::Removing, 2));
        assert_eq!(told(&stage, "instrument.removed", &card), 0);
        assert!(is_refused(&try_charge(&stage, "R-2", &card, LITTLE).await));
        // It says now that the token is invalid already.
        stage.advance(300).await;
        let removed = instrument(&stage, &card.id).await;
        assert_eq!((removed.state, removed.reason.code.as_str()), (InstrumentState::Removed, "XN"));
        assert_eq!((stage.requests("invalidate_token"), told(&stage, "instrument.removed", &card)), (3, 1));
        stage.advance(3 * DAY_S).await;
        assert_eq!(stage.requests("invalidate_token"), 3);
    }

    async fn a_lost_charge_of_a_card_that_is_taken_away_is_not_sent_again(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-25", ENDED_AT_ONCE[3].0).await;
        stage.spoil_request("collect", RequestFault::ResetBeforeEffect);
        let lost = charge(&stage, "L-1", &card, LITTLE).await;
        // The card is not taken away yet when the lost charge would be sent again.
        stage.spoil_request("invalidate_token", RequestFault::ResetBeforeEffect);
        stage.spoil_request("invalidate_token", RequestFault::ResetBeforeEffect);
        let denied = charge(&stage, "L-2", &card, LITTLE).await;
        assert_eq!(denied.status, Status::Rejected);
        stage.advance(20).await;
        assert_eq!(state(&stage, &card).await, InstrumentState::Removing);
        stage.advance(DAY_S).await;
        assert_eq!(asked(&stage).iter().filter(|operation| *operation == "collect").count(), 2);
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed);
        assert_eq!(stage.now(&lost).await.status, Status::Pending, "a person has to look");
        stage.advance(8 * DAY_S).await;
        let cases = stage.hub.store.cases_of(MERCHANT, &lost.id).await.expect("cases");
        assert_eq!(cases.iter().map(|case| case.kind.as_str()).collect::<Vec<_>>(), ["unresolved"]);
    }

    async fn a_merchant_takes_a_card_away_and_its_session_told_again_does_not_bring_it_back(database: TestDatabase) {
        let stage = stage(&database).await;
        let card = enrol(&stage, "SUS-26", APPROVED).await;
        let removed = flow::remove_instrument(&stage.hub, MERCHANT, &card.id).await.expect("removed");
        assert_eq!((removed.state, removed.sealed_token), (InstrumentState::Removed, None));
        stage.settle().await;
        assert_eq!((stage.requests("invalidate_token"), told(&stage, "instrument.removed", &card)), (1, 1));
        let enrolled = stage.hub.store.payment(MERCHANT, &card.payment_id).await.expect("read").expect("a payment");
        assert_eq!(stage.come_back(&enrolled).await, 303);
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed);
        let until = RequestFault::Tampered { member: "subscription.instrument.6.value".into(), value: "2031-11-30".into() };
        stage.spoil_request("query_session", until);
        assert_eq!(stage.come_back(&enrolled).await, 303);
        assert_eq!(state(&stage, &card).await, InstrumentState::Removed, "in other words neither");
        assert!(is_refused(&try_charge(&stage, "Q-1", &card, LITTLE).await));
        assert_eq!(stage.requests("collect"), 0);
    }
}
