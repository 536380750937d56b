//! Carat e-SiTef: notices that nobody signs, and queries that tell what is so.

use std::sync::Arc;

use carat_esitef_client::CaratEsitef;
use carat_esitef_simulator::CaratEsitef as Simulated;
use hub::settings::Settings;
use hub::store::Payment;
use payment::account::Environment;
use payment::order::{Language, Order};
use payment::{Currency, Money, Status};
use simulation::NewAccount;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::support::stage::{Cast, Stage, between, order_of};

/// The simulator's published card that is approved.
const VISA: &str = "4000000000000044";
/// The amount that is denied whatever the card, in minor units.
const DENIED: i64 = 2_200_000;

pub fn order(reference: &str) -> Order {
    let minor = if reference.starts_with("NEGADO") { DENIED } else { 11_900 };
    Order {
        description: Some("Três cadernos de prova".into()),
        language: Language::Pt,
        customer: Some("cliente-7".into()),
        ..order_of(reference, Money::new(minor, Currency::Brl))
    }
}

async fn stage(database: &TestDatabase) -> Stage {
    stage_with(database, &[]).await
}

/// The same, with settings of the hub's account.
pub async fn stage_with(database: &TestDatabase, settings: &[(&str, &str)]) -> Stage {
    let cast = Cast {
        protocol: Arc::new(CaratEsitef),
        simulator: Box::new(Simulated::new()),
        account: "loja-carat",
        order,
    };
    // A shop registers an address for each kind of notice.
    let addresses = |wanted: &mut NewAccount| {
        let url = wanted.notification_url.take().expect("an address");
        wanted.notification_url = Some(format!("{url}/status"));
        wanted.settings.insert("storage_url".into(), format!("{url}/storage"));
        wanted.settings.insert("authenticity_url".into(), format!("{url}/authenticity"));
    };
    let tune = |hub: &mut Settings| {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        hub.accounts[0].settings.extend(settings);
    };
    Stage::build(database, cast, addresses, Environment::Test, tune).await
}

/// Goes through the portal's page without scripts.
pub async fn pay_on_page(stage: &Stage, payment: &Payment) {
    let pay_url = payment.detail.pay_url.clone().expect("somewhere to pay");
    let portal = format!("http://{}", stage.sandbox.address(stage.provider).expect("a port"));
    let page = format!("{portal}{}?{}", pay_url.path(), pay_url.query().expect("the transaction"));
    let answer = stage.browser.get(page).send().await.expect("the page");
    assert_eq!(answer.status(), 200);
    let html = answer.text().await.expect("a page");
    let form = between(&html, "id=\"card-form\"", "</form>");
    let action =
        between(&form, "action=\"", "\"").replace("&amp;", "&").replace("&#39;", "'").replace("&#x27;", "'");
    let typed = [
        ("esitef-cardnumber", VISA),
        ("esitef-cardexpirydate", "1230"),
        ("esitef-cardsecuritycode", "123"),
        ("esitef-cardholder", "Ana Prueba"),
    ];
    let action = if action.starts_with("http") { action } else { format!("{portal}{action}") };
    let answer = stage.browser.post(action).form(&typed).send().await.expect("an answer");
    assert_eq!(answer.status(), 302, "{form}");
}

fn nit(payment: &Payment) -> String {
    payment.detail.provider_id.clone().expect("a transaction")
}

/// Posts a form to one of the account's notice addresses and answers the status.
pub async fn notify(stage: &Stage, route: &str, form: &[(&str, &str)]) -> u16 {
    let url = format!("{}/notices/{}/{}/{route}", stage.hub_url, stage.provider, stage.account);
    stage.browser.post(url).form(form).send().await.expect("an answer").status().as_u16()
}

testing::both_databases! {
    async fn a_payment_on_the_portal_s_page_is_hinted_at_by_a_notice_and_told_by_a_query(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-1").await;
        assert_eq!(payment.status, Status::RequiresAction);
        assert_eq!(stage.requests("query_transaction"), 0);
        pay_on_page(&stage, &payment).await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.paid, Money::new(11_900, Currency::Brl));
        assert_eq!(stage.verdicts().await, ["unsigned"]);
        assert!(stage.requests("query_transaction") >= 1, "the notice alone is believed nothing");
    }

    async fn a_denied_payment_is_told_and_costs_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("NEGADO-2").await;
        pay_on_page(&stage, &payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Rejected, 0).await;
    }

    async fn a_lost_notice_is_found_by_the_probe(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-3").await;
        for _ in 0..4 {
            stage.spoil_notice(NoticeFault::Lost);
        }
        pay_on_page(&stage, &payment).await;
        stage.settle().await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "nobody has told");
        stage.advance(6 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_transaction_that_nobody_pays_is_told_to_have_expired(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-4").await;
        stage.advance(35 * 60).await;
        stage.expect(&payment, Status::Expired, 0).await;
    }

    async fn a_notice_that_comes_again_has_no_further_effect(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-5").await;
        pay_on_page(&stage, &payment).await;
        stage.settle().await;
        let reference = payment.detail.provider_reference.clone().expect("a reference");
        for _ in 0..3 {
            let form =
                [("nit", &*nit(&payment)), ("nsu", &reference), ("pedido", &reference), ("status", "CON")];
            assert_eq!(notify(&stage, "status", &form).await, 200);
            stage.settle().await;
        }
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.overpaid.minor, 0);
        testing::covers!("CA-38");
    }

    async fn forged_notices_change_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-6").await;
        let (nit, unknown) = (nit(&payment), "f".repeat(64));
        let reference = payment.detail.provider_reference.clone().expect("a reference");
        // Whoever holds the page's address knows the name of the transaction, and can make the hub ask with it.
        let own = [("nit", &*nit), ("nsu", &reference), ("pedido", &reference), ("status", "CON")];
        assert_eq!(notify(&stage, "status", &own).await, 200);
        stage.settle().await;
        assert!(stage.requests("query_transaction") >= 1);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        let asked = stage.requests("query_transaction");
        let others: [(&str, &[(&str, &str)]); 6] = [
            ("status", &[("nit", &unknown), ("nsu", &reference), ("status", "CON")]),
            ("status", &[("nit", &nit), ("nsu", "1"), ("status", "CON")]),
            ("status", &[("nit", &nit), ("status", "CON"), ("status", "NEG")]),
            ("storage", &[("nita", &unknown), ("nsu", &reference), ("status", "CON")]),
            ("", &[("nit", &nit), ("nsu", &reference), ("status", "CON")]),
            ("outro", &[("nit", &nit), ("nsu", &reference), ("status", "CON")]),
        ];
        for (route, form) in others {
            let status = notify(&stage, route, form).await;
            assert!((400..500).contains(&status), "{route} {form:?}: {status}");
            stage.settle().await;
        }
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.paid.minor), (Status::RequiresAction, 0));
        assert_eq!(stage.requests("query_transaction"), asked, "nobody asks because of them");
    }

    async fn a_lost_creation_is_begun_anew_and_charged_once(database: TestDatabase) {
        let stage = stage(&database).await;
        stage.spoil_request("init", RequestFault::ResetAfterEffect);
        let payment = stage.order("PEDIDO-7").await;
        pay_on_page(&stage, &payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("init"), 2);
        let reference = payment.detail.provider_reference.expect("a reference");
        assert!(reference.len() == 11 && reference.bytes().all(|byte| byte.is_ascii_digit()), "{reference}");
        testing::covers!("CA-32");
    }
}
