//! What a customer is told before another payment, and how a frame is closed over the shop's page.

use aws_lc_rs::digest::{SHA256, digest};
use hub::settings::{ApiKey, Contact};
use payment::Status;
use payment::id::PaymentId;
use serde_json::{Value, json};
use simulation::hardship::NoticeFault;
use testing::{TestDatabase, covers};

use crate::stage::{APPROVED_CARD, MERCHANT, PENDING_CARD, Stage};
use crate::support::{Api, KEY, order};

/// A stage whose merchant has a key and can be reached by its shoppers.
async fn stage(database: &TestDatabase) -> (Stage, Api) {
    let stage = Stage::tuned(database, |settings| {
        let merchant = &mut settings.merchants[0];
        let sha256 = digest(&SHA256, KEY.as_bytes()).as_ref().try_into().expect("32 bytes");
        merchant.api_keys = vec![ApiKey { name: "prueba".into(), sha256, is_revoked: false }];
        merchant.contact =
            Contact { email: Some("ayuda@tienda.example".into()), phone: Some("6015550100".into()) };
    })
    .await;
    let api = Api::new(&stage.hub_url.parse().expect("an address"), KEY);
    (stage, api)
}

/// An order of a customer, or of nobody who is named.
fn of(reference: &str, customer: &str, more: &Value) -> Value {
    let mut order = order(reference);
    if !customer.is_empty() {
        order["customer"] = json!(customer);
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        order[name] = value.clone();
    }
    order
}

async fn create(api: &Api, order: &Value) -> Value {
    let answer = api.post("/v1/payments", order["reference"].as_str().expect("a reference"), order).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json
}

async fn pending(api: &Api, customer: &str) -> Vec<Value> {
    let answer = api.get(&format!("/v1/pending_payments?customer={customer}&language=en")).await;
    assert_eq!((answer.status, &answer.json["has_more"]), (200, &json!(false)), "{}", answer.text);
    answer.json["data"].as_array().expect("a list").clone()
}

/// The hub's record of a payment.
async fn recorded(stage: &Stage, document: &Value) -> hub::store::Payment {
    let id: PaymentId = document["id"].as_str().expect("an id").parse().expect("an id");
    stage.hub.store.payment(MERCHANT, &id).await.expect("the store").expect("the payment")
}

testing::both_databases! {
    async fn a_customer_s_pending_payments_are_told_after_their_providers_were_asked(database: TestDatabase) {
        let (stage, api) = stage(&database).await;
        let first = create(&api, &of("PENDIENTE-1", "cliente-7", &json!({}))).await;
        create(&api, &of("DE-OTRO", "cliente-8", &json!({}))).await;
        create(&api, &of("DE-NADIE", "", &json!({}))).await;
        let told = pending(&api, "cliente-7").await;
        assert_eq!(told.len(), 1, "{told:?}");
        let payment = &told[0]["payment"];
        assert_eq!((&payment["reference"], &payment["amount"]), (&json!("PENDIENTE-1"), &json!(11_900_000)));
        assert!(payment["pay_url"].is_string() && payment["pay_url"] == first["pay_url"], "it can be gone on with");
        assert_eq!(told[0]["contact"], json!({ "email": "ayuda@tienda.example", "phone": "6015550100" }));
        let message = told[0]["message"].as_str().expect("a message");
        for part in ["PENDIENTE-1", "COP 119,000.00", "not confirmed it yet", "Wait some minutes", "6015550100"] {
            assert!(message.contains(part), "no {part} in {message}");
        }
        assert_eq!(stage.requests("query_session"), 1, "of this customer's payment alone");
        assert_eq!(pending(&api, "cliente-7").await.len(), 1);
        assert_eq!(stage.requests("query_session"), 1, "what was asked a moment ago is believed");

        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&recorded(&stage, &first).await, APPROVED_CARD).await;
        stage.advance(20).await;
        assert_eq!(recorded(&stage, &first).await.status, Status::RequiresAction, "nobody told");
        assert_eq!(pending(&api, "cliente-7").await, Vec::<Value>::new(), "what was decided is pending no more");
        assert_eq!(recorded(&stage, &first).await.status, Status::Approved);
        assert_eq!(pending(&api, "nadie").await, Vec::<Value>::new());
        covers!("AV-4.3-04");
    }

    async fn an_order_that_is_to_stand_alone_is_refused_beside_a_pending_one(database: TestDatabase) {
        let (stage, api) = stage(&database).await;
        let alone = json!({ "if_pending": "refuse" });
        let first = create(&api, &of("SOLO-1", "cliente-7", &json!({}))).await;
        let second = of("SOLO-2", "cliente-7", &alone);
        let refused = api.post("/v1/payments", "SOLO-2", &second).await;
        refused.problem(409, "payment_pending");
        assert_eq!(refused.json["payment_id"], first["id"]);
        let told = &refused.json["pending"];
        assert_eq!(told[0]["payment"]["reference"], "SOLO-1");
        assert!(told[0]["message"].as_str().is_some_and(|text| text.contains("Tienes un pago pendiente")), "{told}");
        assert_eq!(stage.requests("create_session"), 1, "nothing was begun");
        assert_eq!(api.get("/v1/payments?reference=SOLO-2").await.json["data"], json!([]), "nothing was written");

        // Who asks for it all the same is not kept from paying (C-87), nor is another customer.
        create(&api, &of("SOLO-3", "cliente-7", &json!({}))).await;
        create(&api, &of("SOLO-4", "cliente-8", &alone)).await;
        let nobody = api.post("/v1/payments", "SOLO-5", &of("SOLO-5", "", &alone)).await;
        assert_eq!(nobody.problem(422, "missing"), Some("customer"));

        for reference in ["SOLO-1", "SOLO-3"] {
            let found = api.get(&format!("/v1/payments?reference={reference}")).await;
            let id = found.json["data"][0]["id"].as_str().expect("an id").to_owned();
            let cancelled = api.act(&format!("/v1/payments/{id}/cancel"), reference).await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        }
        let created = api.post("/v1/payments", "SOLO-2", &second).await;
        assert_eq!(created.status, 201, "{}", created.text);
        let again = api.post("/v1/payments", "SOLO-2", &second).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"), "it does not stand in its own way");
        assert_eq!(again.text, created.text);
    }

    async fn the_page_of_a_payment_tells_of_another_one_that_is_pending(database: TestDatabase) {
        let (stage, api) = stage(&database).await;
        let first = create(&api, &of("OTRO-1", "cliente-7", &json!({}))).await;
        stage.pay(&recorded(&stage, &first).await, PENDING_CARD).await;
        stage.settle().await;
        let second = create(&api, &of("OTRO-2", "cliente-7", &json!({}))).await;
        let foreign = create(&api, &of("OTRO-3", "cliente-8", &json!({}))).await;
        let page = async |payment: &Value| {
            let address = payment["status_url"].as_str().expect("an address");
            stage.browser.get(address).send().await.expect("the page").text().await.expect("text")
        };
        let html = page(&second).await;
        for shown in ["Tienes un pago pendiente", "OTRO-1", "COP 119.000,00", "aún no lo confirma", "6015550100", "Retomar"] {
            assert!(html.contains(shown), "no {shown} in {html}");
        }
        assert!(!html.contains("OTRO-3") && !page(&foreign).await.contains("Tienes un pago pendiente"));
        // It is decided, nobody tells, and the page has asked before it is shown again.
        stage.spoil_notice(NoticeFault::Lost);
        let session: u64 = first["provider_id"].as_str().and_then(|id| id.parse().ok()).expect("a session");
        stage.command("resolve_pending", json!({ "request_id": session, "outcome": "approved" }));
        stage.advance(20).await;
        assert!(!page(&second).await.contains("OTRO-1"));
        assert_eq!(recorded(&stage, &first).await.status, Status::Approved);
    }

    async fn who_closes_the_frame_goes_on_after_the_provider_was_asked(database: TestDatabase) {
        let (stage, api) = stage(&database).await;
        for methods in [json!([]), json!(["pse"]), json!(["visa", "pse"])] {
            let reference = format!("MARCO-{}", methods.to_string().len());
            let redirected = create(&api, &of(&reference, "", &json!({ "methods": methods }))).await;
            assert_eq!(redirected["lightbox"], Value::Null, "{methods}");
        }
        let framed = create(&api, &of("MARCO", "", &json!({ "methods": ["visa", "master"] }))).await;
        let script = framed["lightbox"]["script_url"].as_str().expect("a script");
        assert!(script.ends_with("/lightbox.min.js"), "{script}");
        let back = framed["lightbox"]["back_url"].as_str().expect("a way back").to_owned();

        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&recorded(&stage, &framed).await, APPROVED_CARD).await;
        stage.settle().await;
        assert_eq!(stage.requests("query_session"), 0);
        let closed = stage.browser.get(&back).send().await.expect("the way back");
        let onward = format!("http://tienda.localhost:4042/orders/1?payment={}", framed["id"].as_str().expect("an id"));
        assert_eq!((closed.status().as_u16(), closed.headers()["location"].to_str().expect("text")), (303, onward.as_str()));
        assert_eq!(stage.requests("query_session"), 1, "asked once");
        let payment = recorded(&stage, &framed).await;
        assert_eq!(payment.status, Status::Approved);
        covers!("AV-3-04");
        let decided = api.get(&format!("/v1/payments/{}", payment.id)).await;
        assert_eq!(decided.json["lightbox"], Value::Null, "there is nothing to pay any more");
        let forged = back.replace("/back", "0/back");
        assert_eq!(stage.browser.get(forged).send().await.expect("an answer").status(), 404);
    }
}
