//! Events: only the hub's, each once, and only as far as they agree with the shop's own order.

mod support;

use serde_json::{Value, json};
use support::*;

fn now(shop: &shop::RunningShop) -> shop::Timestamp {
    shop.shop().clock.now()
}

#[tokio::test]
async fn a_verified_event_makes_the_order_paid_exactly_once() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let payment = hub.decide(&json!({"status": "approved"}));
    for _ in 0..3 {
        assert_eq!(send(&shop, event("evt_1", &payment, now(&shop))).await, 200);
    }
    // Another event of the same payment is noted, and the order is not paid again.
    assert_eq!(send(&shop, event("evt_2", &payment, now(&shop))).await, 200);
    let inbox = inbox(&shop).await;
    assert_eq!(inbox["paid"].as_array().map(Vec::len), Some(1));
    assert_eq!(inbox["paid"][0]["learned_by"], "event evt_1");
    assert_eq!(inbox["paid"][0]["amount"], 11_900_000);
    assert_eq!(inbox["events"].as_array().map(Vec::len), Some(2));
    assert_eq!((&inbox["events"][1]["id"], &inbox["events"][1]["repeats"]), (&json!("evt_1"), &json!(2)));
    assert_eq!(inbox["events"][1]["is_own_order"], true);
    assert_eq!(inbox["refused"], json!({"forged": 0, "stale": 0, "unreadable": 0}));
}

#[tokio::test]
async fn a_forged_event_is_refused_and_counted() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let payment = hub.decide(&json!({"status": "approved"}));
    let right = event("evt_1", &payment, now(&shop));
    let mut other_body = right.clone();
    other_body.1 =
        String::from_utf8(other_body.1).expect("text").replace("11900000", "11900001").into_bytes();
    let mut other_id = right.clone();
    other_id.0.insert("webhook-id", "evt_2".parse().expect("a header"));
    let mut unsigned = right.clone();
    unsigned.0.remove("webhook-signature");
    let mut spaced = right.clone();
    spaced.1.push(b' ');
    for forged in [other_body, other_id, unsigned, spaced] {
        assert_eq!(send(&shop, forged).await, 401);
    }
    let inbox_after = inbox(&shop).await;
    assert_eq!(inbox_after["refused"]["forged"], 4);
    assert_eq!((&inbox_after["paid"], &inbox_after["events"]), (&json!([]), &json!([])));
    assert_eq!(send(&shop, right).await, 200, "the true one is still taken");
    assert_eq!(inbox(&shop).await["paid"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_event_outside_the_tolerance_is_refused() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let payment = hub.decide(&json!({"status": "approved"}));
    let hour = jiff::SignedDuration::from_hours(1);
    assert_eq!(send(&shop, event("evt_1", &payment, now(&shop) - hour)).await, 401);
    assert_eq!(send(&shop, event("evt_2", &payment, now(&shop) + hour)).await, 401);
    let inbox = inbox(&shop).await;
    assert_eq!((&inbox["refused"]["stale"], &inbox["paid"]), (&json!(2), &json!([])));
}

#[tokio::test]
async fn an_amount_that_is_not_the_order_s_delivers_nothing() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let address = buy(&shop, &hub, &browser).await;
    let payment = hub.decide(&json!({"status": "approved", "amount": 100}));
    assert_eq!(send(&shop, event("evt_1", &payment, now(&shop))).await, 200);
    let inbox_after = inbox(&shop).await;
    assert_eq!(inbox_after["paid"], json!([]));
    assert_eq!(
        (&inbox_after["orders"][0]["mismatch"], &inbox_after["orders"][0]["is_paid"]),
        (&json!("amount"), &json!(false))
    );
    let html = page(&browser, address).await;
    assert!(html.contains("no coincide con este pedido") && !html.contains("Aprobado"));
}

#[tokio::test]
async fn an_event_about_somebody_else_s_order_is_noted_and_pays_nothing() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let mut foreign = hub.decide(&json!({"status": "approved"}));
    foreign["reference"] = json!("OTRA-TIENDA");
    assert_eq!(send(&shop, event("evt_1", &foreign, now(&shop))).await, 200);
    let inbox = inbox(&shop).await;
    assert_eq!((&inbox["events"][0]["is_own_order"], &inbox["paid"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn a_signed_event_that_cannot_be_read_changes_nothing() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    for wrong in [json!({"amount": "119000"}), json!({"id": 7}), json!({"reference": null})] {
        let mut payment = hub.state().payments[0].clone();
        payment["status"] = json!("approved");
        for (name, value) in wrong.as_object().expect("an object") {
            payment[name] = value.clone();
        }
        assert_eq!(send(&shop, event("evt_1", &payment, now(&shop))).await, 400);
    }
    let inbox = inbox(&shop).await;
    assert_eq!((&inbox["refused"]["unreadable"], &inbox["events"]), (&json!(3), &json!([])));
}

#[tokio::test]
async fn an_event_of_another_kind_is_noted() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let oracle_of = |kind: &str| {
        let at = now(&shop);
        let (mut headers, _) = event("evt_t", &json!({"status": "x"}), at);
        let body = json!({"type": kind, "timestamp": at.to_string(), "data": {}}).to_string().into_bytes();
        let oracle =
            standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("an oracle");
        let signature = oracle.sign("evt_t", at.as_second(), &body).expect("a signature");
        headers.insert("webhook-signature", signature.parse().expect("a header"));
        (headers, body)
    };
    assert_eq!(send(&shop, oracle_of("endpoint.test")).await, 200);
    let inbox = inbox(&shop).await;
    assert_eq!(
        (&inbox["events"][0]["type"], &inbox["events"][0]["payment"]),
        (&json!("endpoint.test"), &Value::Null)
    );
}

#[tokio::test]
async fn an_oversized_event_is_refused() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let mut large = event("evt_1", &json!({"status": "x"}), now(&shop));
    large.1 = vec![b' '; 300 * 1024];
    assert_eq!(send(&shop, large).await, 413);
}

#[tokio::test]
async fn a_shop_that_starts_again_replaces_its_own_registration() {
    let hub = TinyHub::start().await;
    hub.state().endpoints.push(("whe_other".into(), "http://otra.localhost/events".into()));
    let first = open_shop(&hub, None).await;
    let address = at(&first, "/events");
    let port = first.addr;
    first.stop().await;
    hub.state().endpoints.push(("whe_old".into(), address.clone()));
    let settings = shop::ShopSettings {
        listen: port,
        public_url: None,
        hub_url: hub.url.clone(),
        api_key: API_KEY.to_owned().into(),
        name: "Tienda de Prueba".into(),
        means: vec![support::means("Pasarela de Prueba")],
        lightbox: false,
        contact_email: "ayuda@tienda.example".into(),
        contact_phone: "601 555 0100".into(),
        clock_follow: None,
    };
    let _second = shop::Shop::start(settings).await.expect("it opens again");
    let endpoints = hub.state().endpoints.clone();
    assert_eq!(endpoints.iter().filter(|(_, url)| *url == address).count(), 1);
    assert!(endpoints.iter().any(|(id, _)| id == "whe_other"), "others are left alone");
    assert!(!endpoints.iter().any(|(id, _)| id == "whe_old"));
}
