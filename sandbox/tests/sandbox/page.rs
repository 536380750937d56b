//! The steering page: it shows what there is, works by plain forms, and says what it is.

use sandbox::RunningSandbox;
use serde_json::json;

use crate::setting::{Merchant, add, client, open_account, pay, sandbox, until};

async fn page(sandbox: &RunningSandbox) -> String {
    let answer =
        client().get(format!("http://{}/", sandbox.steering_address())).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    answer.text().await.expect("a body")
}

async fn submit(sandbox: &RunningSandbox, fields: &[(&str, &str)]) -> (u16, String) {
    let answer = client()
        .post(format!("http://{}/", sandbox.steering_address()))
        .form(fields)
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn the_page_shows_all_that_the_sandbox_holds_and_that_it_is_volatile() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "tienda-de-prueba", &format!("http://127.0.0.1:{port}/notices"));
    pay(&sandbox, "tienda-de-prueba").await.expect("an answer");
    until("the notice", || merchant.bodies().len() == 1).await;
    add(&sandbox, json!({ "notice": { "fault": "lost" } }));
    let page = page(&sandbox).await;
    for shown in [
        "Simulador volátil",
        "2026-03-14 15:00:00 UTC",
        "tienda-de-prueba",
        "secret_key",
        "Hace un cargo en el instante dado.",
        "notice-1",
        "hardship-1</code> toypay: lost, una vez",
        "/pay",
        "ORDER-1",
        "1.50 COP",
        "buyer@shop.example",
        "Recibo &#60;de prueba&#62;",
    ] {
        assert!(page.contains(shown), "{shown} is missing in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("style="), "no inline script or style");
}

#[tokio::test]
async fn every_form_does_its_work() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    let url = format!("http://127.0.0.1:{port}/notices");
    let account = [
        ("action", "open_account"),
        ("provider", "toypay"),
        ("name", "shop"),
        ("notification_url", url.as_str()),
    ];
    let (status, page) = submit(&sandbox, &account).await;
    assert_eq!(status, 200);
    assert!(page.contains("La cuenta quedó abierta."), "{page}");

    submit(
        &sandbox,
        &[("action", "add_hardship"), ("provider", "toypay"), ("fault", "lost"), ("about", "1")],
    )
    .await;
    pay(&sandbox, "shop").await.expect("an answer");
    assert!(merchant.bodies().is_empty());
    submit(&sandbox, &[("action", "resend"), ("id", "notice-1")]).await;
    assert_eq!(merchant.bodies().len(), 1);

    submit(&sandbox, &[("action", "add_hardship"), ("provider", "toypay"), ("fault", "null_json")]).await;
    submit(&sandbox, &[("action", "remove_hardship"), ("id", "hardship-2")]).await;
    assert!(sandbox.steering.hardships().is_empty());

    let before = sandbox.clock().now();
    submit(&sandbox, &[("action", "advance"), ("seconds", "90")]).await;
    assert_eq!(sandbox.clock().now().duration_since(before).as_secs(), 90);

    let (_, page) = submit(
        &sandbox,
        &[
            ("action", "command"),
            ("provider", "toypay"),
            ("name", "later"),
            ("arguments", r#"{"at":"2030-01-01T00:00:00Z"}"#),
        ],
    )
    .await;
    assert!(page.contains("&#34;waiting&#34;: 1"), "{page}");

    submit(&sandbox, &[("action", "reset")]).await;
    assert!(sandbox.steering.ledger(None, None).is_empty());
}

#[tokio::test]
async fn a_form_that_cannot_be_done_says_why_and_changes_nothing() {
    let sandbox = sandbox().await;
    for (fields, status, text) in [
        (vec![("action", "advance"), ("seconds", "pronto")], 400, "número entero"),
        (vec![("action", "fly")], 400, "acción desconocida"),
        (
            vec![("action", "command"), ("provider", "toypay"), ("name", "later"), ("arguments", "{")],
            400,
            "argumentos",
        ),
        (vec![("action", "command"), ("provider", "toypay"), ("name", "fly")], 422, "no command fly"),
        (
            vec![("action", "add_hardship"), ("provider", "toypay"), ("fault", "odd")],
            400,
            "falla desconocida",
        ),
        (vec![("action", "resend"), ("id", "notice-9")], 404, "notice-9"),
    ] {
        let (answered, page) = submit(&sandbox, &fields).await;
        assert_eq!(answered, status, "{fields:?}");
        assert!(page.contains("No se pudo:") && page.contains(text), "{fields:?}: {page}");
    }
    assert_eq!(sandbox.steering.clock().offset_us, 0);
}

#[tokio::test]
async fn the_message_of_the_page_cannot_be_chosen_by_a_link() {
    let sandbox = sandbox().await;
    let address = format!("http://{}/?hecho=Transfiera+dinero", sandbox.steering_address());
    let page = client().get(address).send().await.expect("an answer").text().await.expect("a body");
    assert!(!page.contains("Transfiera"), "{page}");
}

#[tokio::test]
async fn a_guide_is_served_as_a_page_as_json_and_as_a_collection_of_requests() {
    let sandbox = sandbox().await;
    assert!(page(&sandbox).await.contains("<a href=\"/guides/toypay\">guía</a>"));
    let get = async |path: &str| {
        let answer = client().get(format!("http://{}{path}", sandbox.steering_address())).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let port = sandbox.address("toypay").expect("mounted").port();
    let origin = format!("http://toypay.localhost:{port}");

    let (status, text) = get("/guides/toypay").await;
    assert_eq!(status, 200);
    for shown in [
        "Toy Pay &#60;demostración&#62;",
        "Simulador volátil",
        "Se escribió a las 2026-03-14T15:00:00Z.",
        "<td>APPROVED</td>",
        "<td>4000000000000001</td><td>pagada</td>",
        &format!("POST {origin}/pay"),
        "/guides/toypay/requests.http",
    ] {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("style="), "no inline script or style");

    let (_, collection) = get("/guides/toypay/requests.http").await;
    assert!(collection.contains(&format!("@origin = {origin}\n")), "{collection}");
    assert!(collection.contains("# @name pay\nPOST {{origin}}/pay\nx-account: shop\n"), "{collection}");

    let (_, document) = get("/_sandbox/guides/toypay").await;
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["test_data"][0]["rows"], json!([["4000000000000001", "pagada"]]));
    assert_eq!(get("/guides/otherpay").await.0, 404);
}
