//! Buying: the summary, the form, one payment per form, the way back.

mod support;

use serde_json::json;
use shop::market::Market;
use shop::means::MeansTexts;
use support::*;

#[tokio::test]
async fn ten_presses_of_the_button_make_one_order() {
    let _story = testing::story("ten_presses_of_the_button_make_one_order");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let form = good_form(&form_token(&checkout(&shop, &browser).await));
    let presses = (0..10).map(|_| {
        let press = browser.post(at(&shop, "/checkout")).form(&form);
        tokio::spawn(async move { press.send().await.expect("an answer") })
    });
    let presses: Vec<_> = presses.collect();
    for press in presses {
        let answer = press.await.expect("it ends");
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.headers()["location"], "http://pago.localhost/session/1");
    }
    assert_eq!(hub.state().creates.len(), 1);
    testing::covers!("AV-4.1-01");
    let later = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(later.headers()["location"], "http://pago.localhost/session/1");
    assert_eq!(hub.state().creates.len(), 1, "a press of an old page finds the same order");
}

#[tokio::test]
async fn a_withheld_answer_is_asked_for_again_under_the_same_key_and_body() {
    let hub = TinyHub::start().await;
    hub.state().withheld = 2;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let state = hub.state();
    assert_eq!(state.creates.len(), 3);
    assert!(state.creates.iter().all(|create| create.key == state.creates[0].key));
    assert!(state.creates.iter().all(|create| create.bytes == state.creates[0].bytes));
    assert_eq!(state.payments.len(), 1);
}

#[tokio::test]
async fn when_the_hub_stays_away_the_same_form_can_be_sent_again() {
    let hub = TinyHub::start().await;
    hub.state().withheld = 4;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let form = good_form(&form_token(&checkout(&shop, &browser).await));
    let send = || browser.post(at(&shop, "/checkout")).form(&form).send();
    let first = send().await.expect("an answer");
    assert_eq!(first.status(), 503);
    let html = first.text().await.expect("text");
    assert!(html.contains("no se cobrará dos veces"), "the shopper is told");
    assert_eq!(form_token(&html), form[0].1, "the form is the same one");
    assert!(html.contains("value=\"prueba@correo.example\""), "nothing has to be typed again");
    let second = send().await.expect("an answer");
    assert_eq!(second.status(), 303);
    let state = hub.state();
    assert_eq!(state.payments.len(), 1);
    assert!(state.creates.iter().all(|create| create.bytes == state.creates[0].bytes));
}

#[tokio::test]
async fn a_refused_order_charges_nothing_and_another_form_is_offered() {
    let hub = TinyHub::start().await;
    hub.state().refusal = Some(422);
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let token = form_token(&checkout(&shop, &browser).await);
    let answer =
        browser.post(at(&shop, "/checkout")).form(&good_form(&token)).send().await.expect("an answer");
    assert_eq!(answer.status(), 502);
    let html = answer.text().await.expect("text");
    assert_ne!(form_token(&html), token);
    assert_eq!(hub.state().creates.len(), 1, "a refusal is not repeated");
    hub.state().refusal = None;
    let form = good_form(&form_token(&html));
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let references: Vec<_> =
        hub.state().creates.iter().map(|create| create.body["reference"].clone()).collect();
    assert_ne!(references[0], references[1]);
    let history = page(&browser, at(&shop, "/history")).await;
    assert!(history.contains("Fallido"));
}

#[tokio::test]
async fn the_total_shown_with_its_taxes_is_the_amount_sent() {
    let _story = testing::story("the_total_shown_with_its_taxes_is_the_amount_sent");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let html = checkout(&shop, &browser).await;
    for shown in ["COP 100.000,00", "COP 19.000,00", "COP 119.000,00", "IVA 19 %", "Base gravable"] {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(html.contains("Pagar COP 119.000,00 con Pasarela de Prueba"));
    // The cart changes in another tab: what this form shows is still what it sends.
    let change = [("sku", "LIB-018"), ("quantity", "3")];
    browser.post(at(&shop, "/cart")).form(&change).send().await.expect("an answer");
    let form = good_form(&form_token(&html));
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let body = hub.state().creates[0].body.clone();
    assert_eq!((&body["amount"], &body["currency"]), (&json!(11_900_000), &json!("COP")));
    let tax = json!({"kind": "value_added_tax", "amount": 1_900_000, "base": 10_000_000});
    assert_eq!(body["taxes"], json!([tax]));
    testing::covers!("AV-4-01", "AV-4-02", "AV-1-04");
    let reference = body["reference"].as_str().expect("text");
    assert!(reference.len() <= 32 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[tokio::test]
async fn the_shopper_s_own_equipment_is_told() {
    let _story = testing::story("the_shopper_s_own_equipment_is_told");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    buy(&shop, &hub, &browser()).await;
    let body = hub.state().creates[0].body.clone();
    assert_eq!(body["shopper"], json!({"ip": "127.0.0.1", "user_agent": BROWSER}));
    testing::covers!("AV-4.4-08", "AV-4.4-09", "AV-4.7-16");
}

#[tokio::test]
async fn the_holder_is_told_only_when_the_card_is_the_buyer_s() {
    let _story = testing::story("the_holder_is_told_only_when_the_card_is_the_buyer_s");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    for (answer, told) in [("yes", true), ("no", false), ("", false)] {
        let browser = browser();
        let form = with(good_form(&form_token(&checkout(&shop, &browser).await)), "own_card", answer);
        browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
        let body = hub.state().creates.last().expect("a create call").body.clone();
        let buyer = json!({"is_company": false, "name": "Prueba", "surname": "Ficticia Ñáñez",
            "document": {"country": "CO", "type": "CC", "number": "1093847561"},
            "email": "prueba@correo.example", "mobile": "3005550147"});
        assert_eq!(body["buyer"], buyer);
        assert_eq!(body.get("payer"), told.then_some(&buyer), "{answer}");
    }
    testing::covers!("AV-4.7-17", "AV-4.7-18", "AV-4.7-19", "AV-4.7-20", "AV-4.7-01");
}

#[tokio::test]
async fn the_server_checks_the_form_whatever_the_browser_did() {
    let _story = testing::story("the_server_checks_the_form_whatever_the_browser_did");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let good = good_form(&form_token(&checkout(&shop, &browser).await));
    let table = [
        ("document_type", "", "Elige el tipo de documento."),
        ("document_number", "12a4", "El número no tiene la forma"),
        ("name", "Juan3", "El nombre solo lleva letras"),
        ("name", "Ana@", "El nombre solo lleva letras"),
        ("surname", "", "Escribe el apellido."),
        ("email", "sin-arroba", "El correo no es válido"),
        ("mobile", "+57 300", "El celular solo lleva dígitos"),
        ("accept_terms", "", "debes aceptar los términos"),
        ("accept_data", "", "debes autorizar el tratamiento"),
    ];
    for (field, value, sentence) in table {
        let form = with(good.clone(), field, value);
        let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
        assert_eq!(answer.status(), 422, "{field}");
        let html = answer.text().await.expect("text");
        let beside = html.split(&format!("id=\"{field}-fault\">")).nth(1).expect("a sentence by the field");
        assert!(
            beside.starts_with(sentence) || beside.split('<').next().is_some_and(|s| s.contains(sentence))
        );
        assert!(html.contains(&format!("<a href=\"#{field}\">")), "the summary leads to {field}");
    }
    assert!(hub.state().creates.is_empty());
    testing::covers!("AV-4.4-07", "AV-12.3-03", "AV-12.5-06", "AV-12.1-04");
}

#[tokio::test]
async fn a_form_belongs_to_its_browser_and_its_site() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let owner = browser();
    let form = good_form(&form_token(&checkout(&shop, &owner).await));
    let stranger = browser();
    let answer = stranger.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/checkout".parse().expect("a value"))
    );
    let foreign = owner.post(at(&shop, "/checkout")).header("Origin", "http://otra.example").form(&form);
    assert_eq!(foreign.send().await.expect("an answer").status(), 403);
    assert!(hub.state().creates.is_empty());
}

#[tokio::test]
async fn the_order_page_shows_the_detail_the_hub_tells_now() {
    let _story = testing::story("the_order_page_shows_the_detail_the_hub_tells_now");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let address = buy(&shop, &hub, &browser).await;
    let reference = hub.state().creates[0].body["reference"].as_str().expect("text").to_owned();
    hub.decide(
        &json!({"status": "pending", "reason": {"status": "PENDING", "message": "Sin confirmar <b>"}}),
    );
    let pending = page(&browser, address.clone()).await;
    assert!(pending.contains("<h2 id=\"state-title\">Pendiente</h2>"));
    assert!(pending.contains("http-equiv=\"refresh\"") && pending.contains("Sin confirmar &#60;b&#62;"));
    assert!(pending.contains("http://pago.localhost/session/1"), "the shopper can go on paying");
    hub.decide(
        &json!({"status": "approved", "decided_at": "2026-03-14T15:00:07Z", "reason": {"message": "Aprobada"},
        "receipt": {"authorization": "999999", "method_name": "Marca de Prueba", "last_four": "0008"}}),
    );
    let approved = page(&browser, format!("{address}?payment=pay_999")).await;
    for shown in [
        "<h2 id=\"state-title\">Aprobado</h2>",
        &reference,
        "14 de marzo de 2026, 10:00:07 (UTC-5)",
        "COP 119.000,00",
        "<dd>COP</dd>",
        "<dd>999999</dd>",
        "Marca de Prueba **** 0008",
    ] {
        assert!(approved.contains(shown), "{shown}");
    }
    assert!(!approved.contains("http-equiv=\"refresh\""));
    testing::covers!("AV-12.4-01", "AV-12.4-02", "AV-12.4-03", "AV-12.4-04", "AV-12.4-05", "AV-12.4-06");
    assert_eq!(inbox(&shop).await["paid"][0]["learned_by"], "answer");
}

#[tokio::test]
async fn an_order_page_needs_its_own_address() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let address = buy(&shop, &hub, &browser).await;
    let (base, _) = address.rsplit_once('/').expect("a token");
    for guess in [format!("{base}/{}", "0".repeat(32)), format!("{base}/x"), at(&shop, "/orders/TX/x")] {
        assert_eq!(browser.get(guess).send().await.expect("an answer").status(), 404);
    }
}

#[tokio::test]
async fn the_history_lists_the_browser_s_own_orders_newest_first() {
    let _story = testing::story("the_history_lists_the_browser_s_own_orders_newest_first");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let (mine, other) = (browser(), browser());
    for _ in 0..7 {
        buy(&shop, &hub, &mine).await;
    }
    buy(&shop, &hub, &other).await;
    let html = page(&mine, at(&shop, "/history")).await;
    let creates = hub.state().creates.clone();
    let references = creates.iter().map(|create| create.body["reference"].as_str().expect("text"));
    let places: Vec<_> = references.map(|reference| html.find(reference)).collect();
    assert!(places[..7].iter().all(Option::is_some), "all seven are listed");
    assert!(places[..7].windows(2).all(|pair| pair[0] > pair[1]), "the newest stands first");
    assert_eq!(places[7], None, "another browser's order is not");
    assert_eq!(html.matches("COP 119.000,00").count(), 7);
    testing::covers!("AV-12.2-01", "AV-12.2-02", "AV-12.2-04");
}

#[tokio::test]
async fn a_shopper_with_a_pending_payment_is_told_after_the_hub_was_asked_once() {
    let _story = testing::story("a_shopper_with_a_pending_payment_is_told_after_the_hub_was_asked_once");
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    buy(&shop, &hub, &browser).await;
    let reference = hub.state().creates[0].body["reference"].as_str().expect("text").to_owned();
    hub.decide(&json!({"status": "pending", "receipt": {"authorization": "CUS-7"}}));
    let html = checkout(&shop, &browser).await;
    assert_eq!(hub.state().reads, 1);
    for shown in ["Tienes un pago pendiente", &reference, "601 555 0100", "ayuda@tienda.example", "CUS-7"] {
        assert!(html.contains(shown), "{shown}");
    }
    testing::covers!("AV-4.3-04", "AV-4.3-05");
    let form = good_form(&form_token(&html));
    hub.decide(&json!({"status": "approved"}));
    let html = page(&browser, at(&shop, "/checkout")).await;
    assert!(!html.contains("Tienes un pago pendiente"), "the truth of now counts");
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303, "nobody is kept from buying");
}

#[tokio::test]
async fn the_language_is_chosen_once_and_kept() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    assert!(page(&browser, at(&shop, "/cart")).await.contains("<html lang=\"es\">"));
    assert!(page(&browser, at(&shop, "/cart?lang=pt")).await.contains("Seu carrinho"));
    assert!(page(&browser, at(&shop, "/cart")).await.contains("<html lang=\"pt\">"));
    assert!(page(&browser, at(&shop, "/cart?lang=xx")).await.contains("<html lang=\"pt\">"));
}

#[tokio::test]
async fn every_answer_forbids_scripts_and_frames() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    for path in ["/", "/cart", "/questions", "/terms", "/inbox", "/history", "/nowhere", "/assets/shop.css"] {
        let answer = browser().get(at(&shop, path)).send().await.expect("an answer");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["referrer-policy"], "same-origin", "{path}");
    }
}

/// A means of payment in Chile beside one in Mexico with two ways.
fn abroad() -> Vec<shop::means::Means> {
    let mut means = vec![support::means("Pasarela de Prueba")];
    for (id, market) in [("banco", Market::Chile), ("rapida", Market::Mexico), ("codigo", Market::Mexico)] {
        let texts = MeansTexts {
            method: format!("Por {id}"),
            before_paying: format!("Pagarás por {id}."),
            steps: vec!["Primer paso.".into(), "Segundo paso.".into()],
            questions: vec![("¿Qué es?".into(), format!("Es {id}."))],
            ..MeansTexts::default()
        };
        means.push(shop::means::Means {
            id: id.into(),
            market,
            account: Some(format!("tienda-{id}")),
            brand: format!("Marca {id}"),
            is_card: false,
            methods: vec![],
            keeps_cards: false,
            keeps_without_charge: false,
            takes_parts: false,
            texts: [texts.clone(), texts.clone(), texts],
        });
    }
    means
}

#[tokio::test]
async fn another_country_has_its_own_money_documents_and_means() {
    let hub = TinyHub::start().await;
    let shop = open_shop_with(&hub, None, abroad()).await;
    let browser = browser();
    assert!(page(&browser, at(&shop, "/")).await.contains("COP 119.000,00"));
    assert!(page(&browser, at(&shop, "/?market=chile")).await.contains("CLP 28.560"));
    assert!(page(&browser, at(&shop, "/?market=peru")).await.contains("CLP 28.560"), "nobody can pay there");
    let html = checkout(&shop, &browser).await;
    for shown in ["IVA 19 %", "Pagar CLP 28.560 con Marca banco", "Por banco", "Pagarás por banco."] {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(
        !html.contains("own_card") && !html.contains(">CC<"),
        "no card, and no document of another country"
    );
    let chilean = |token: &str| {
        let form = with(good_form(token), "document_type", "RUT");
        with(with(form, "document_number", "11.111.111-1"), "mobile", "912345678")
    };
    let wrong = with(chilean(&form_token(&html)), "document_number", "11.111.111-2");
    let answer = browser.post(at(&shop, "/checkout")).form(&wrong).send().await.expect("an answer");
    assert_eq!(answer.status(), 422);
    let form = with(chilean(&form_token(&html)), "means", "banco");
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let body = hub.state().creates[0].body.clone();
    assert_eq!((&body["amount"], &body["currency"]), (&json!(28_560), &json!("CLP")));
    assert_eq!(
        (&body["account"], &body["buyer"]["document"]["country"]),
        (&json!("tienda-banco"), &json!("CL"))
    );
    let order = page(&browser, body["return_url"].as_str().expect("an address").to_owned()).await;
    assert!(order.contains("Segundo paso."), "how to pay is told as long as it can be paid");
    hub.decide(&json!({"status": "approved"}));
    let order = page(&browser, body["return_url"].as_str().expect("an address").to_owned()).await;
    assert!(order.contains("CLP 28.560") && !order.contains("Segundo paso."));
}

#[tokio::test]
async fn of_several_means_one_is_chosen() {
    let hub = TinyHub::start().await;
    let shop = open_shop_with(&hub, None, abroad()).await;
    let browser = browser();
    page(&browser, at(&shop, "/?market=mexico")).await;
    let html = checkout(&shop, &browser).await;
    assert!(html.contains("Pagar MXN 580,00</button>"));
    let form = with(good_form(&form_token(&html)), "document_type", "RFC");
    let form = with(with(form, "document_number", "XAXX010101000"), "mobile", "5512345678");
    for means in ["", "banco", "novedad"] {
        let form = with(form.clone(), "means", means);
        let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
        assert_eq!(answer.status(), 422, "{means}");
        assert!(answer.text().await.expect("text").contains("Elige cómo quieres pagar."));
    }
    assert!(hub.state().creates.is_empty());
    let form = with(form, "means", "codigo");
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    assert_eq!(hub.state().creates[0].body["account"], "tienda-codigo");
}

#[tokio::test]
async fn a_form_sells_where_it_was_shown() {
    let hub = TinyHub::start().await;
    let shop = open_shop_with(&hub, None, abroad()).await;
    let browser = browser();
    let form = good_form(&form_token(&checkout(&shop, &browser).await));
    page(&browser, at(&shop, "/?market=chile")).await;
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let body = hub.state().creates[0].body.clone();
    assert_eq!((&body["amount"], &body["currency"]), (&json!(11_900_000), &json!("COP")));
    let history = page(&browser, at(&shop, "/history")).await;
    assert!(history.contains("COP 119.000,00"));
}

#[tokio::test]
async fn the_questions_are_those_of_the_country_s_means() {
    let hub = TinyHub::start().await;
    let shop = open_shop_with(&hub, None, abroad()).await;
    let browser = browser();
    let here = page(&browser, at(&shop, "/questions")).await;
    assert!(here.contains("¿Qué es Pasarela de Prueba?") && !here.contains("Es banco."));
    let there = page(&browser, at(&shop, "/questions?market=chile")).await;
    assert!(there.contains("Es banco.") && !there.contains("Pasarela de Prueba?"));
}

#[tokio::test]
async fn a_page_with_a_frame_lets_in_exactly_the_provider_s_script_and_page() {
    let hub = TinyHub::start().await;
    let lightbox = json!({
        "script_url": "http://pago.localhost/caja.min.js",
        "back_url": "http://caudal.localhost/p/tienda/pay_1/t/back",
    });
    hub.state().lightbox = lightbox;
    let shop = open_shop(&hub, None).await;
    let browser = browser();
    let form = good_form(&form_token(&checkout(&shop, &browser).await));
    let answer = browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    assert!(location.starts_with("/orders/T") && location.ends_with("/pay"), "{location}");
    let answer = browser.get(at(&shop, &location)).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    for part in [
        "default-src 'none'",
        "script-src 'self' http://pago.localhost/caja.min.js;",
        "frame-src http://pago.localhost;",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "no {part} in {policy}");
    }
    let html = answer.text().await.expect("text");
    for shown in [
        "data-script=\"http://pago.localhost/caja.min.js\"",
        "data-pay=\"http://pago.localhost/session/1\"",
        "data-back=\"http://caudal.localhost/p/tienda/pay_1/t/back\"",
        "href=\"http://pago.localhost/session/1\"",
    ] {
        assert!(html.contains(shown), "no {shown} in {html}");
    }
    hub.decide(&json!({ "status": "approved", "lightbox": null, "pay_url": null }));
    let order = location.trim_end_matches("/pay").to_owned();
    assert!(page(&browser, at(&shop, &order)).await.contains("Aprobado"));
    let answer = browser.get(at(&shop, &location)).send().await.expect("an answer");
    assert_eq!(
        answer.headers()["location"].to_str().expect("text"),
        order,
        "there is nothing to pay any more"
    );
}

#[tokio::test]
async fn a_shopper_chooses_to_keep_the_card_to_pay_in_parts_or_by_a_kept_card() {
    let hub = TinyHub::start().await;
    let means = shop::means::Means {
        account: Some("tienda-pasarela".into()),
        keeps_cards: true,
        keeps_without_charge: true,
        takes_parts: true,
        ..means("Pasarela de Prueba")
    };
    let shop = open_shop_with(&hub, None, vec![means]).await;
    let browser = browser();
    let html = checkout(&shop, &browser).await;
    assert!(html.contains("Guardar la tarjeta en «Mis tarjetas»") && html.contains("Pagar en varias partes"));
    let form = with(with(good_form(&form_token(&html)), "keep_card", "yes"), "in_parts", "yes");
    browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
    let body = hub.state().creates[0].body.clone();
    assert_eq!((&body["keep_instrument"], &body["allow_partial"]), (&json!(true), &json!(true)));
    assert!(
        body.get("taxes").is_none() && body.get("details").is_none(),
        "a part has no share of the taxes: {body}"
    );

    let kept = |id: &str, account: &str, state: &str| json!({ "id": id, "account": account, "state": state, "brand": "VISA", "last_four": "0081" });
    hub.state().instruments = vec![
        kept("ins_1", "tienda-pasarela", "active"),
        kept("ins_2", "otra", "active"),
        kept("ins_3", "tienda-pasarela", "removed"),
    ];
    let html = checkout(&shop, &browser).await;
    assert!(html.contains("value=\"ins_1\"") && !html.contains("ins_2") && !html.contains("ins_3"), "{html}");
    for (named, expected) in [("ins_1", Some("ins_1")), ("ins_2", None)] {
        let html = checkout(&shop, &browser).await;
        let form = with(with(good_form(&form_token(&html)), "means", named), "keep_card", "yes");
        let before = hub.state().creates.len();
        browser.post(at(&shop, "/checkout")).form(&form).send().await.expect("an answer");
        let creates = hub.state().creates.clone();
        match expected {
            Some(card) => {
                let body = &creates.last().expect("a creation").body;
                assert_eq!(
                    (&body["instrument"], body.get("keep_instrument")),
                    (&json!(card), None),
                    "{body}"
                );
                assert_eq!(body["account"], "tienda-pasarela");
            }
            None => assert_eq!(creates.len(), before, "a card of another account is no choice"),
        }
    }

    let html = page(&browser, at(&shop, "/cards")).await;
    assert!(
        html.contains("Mis tarjetas")
            && html.contains("VISA **** 0081")
            && html.contains("Agregar una tarjeta")
    );
    let adding = [("form_token", form_token(&html))];
    for _ in 0..2 {
        let answer = browser.post(at(&shop, "/cards")).form(&adding).send().await.expect("an answer");
        assert!(
            answer.headers()["location"]
                .to_str()
                .expect("text")
                .starts_with("http://pago.localhost/session/")
        );
    }
    let creates = hub.state().creates.clone();
    let [.., first, again] = creates.as_slice() else { panic!("two calls") };
    assert_eq!((&first.key, &first.bytes), (&again.key, &again.bytes), "a form pressed twice adds once");
    assert_eq!((&first.body["amount"], &first.body["keep_instrument"]), (&json!(0), &json!(true)));
    let customers: std::collections::HashSet<_> =
        creates.iter().map(|create| create.body["customer"].to_string()).collect();
    assert_eq!(customers.len(), 1, "one shopper is one customer");
}
