//! The simulator as the sandbox serves it, in Chromium: PSE and parts without scripts, the panel, and the lightbox on a
//! merchant's page.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use browser::{BrowserOptions, Page};
use placetopay_simulator::AvalPay;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::{Account, Clock, Command, NewAccount};
use testing::evidence::screenshot;

const PATIENCE: Duration = Duration::from_secs(10);
const DAY_S: u64 = 24 * 3_600;
const A_CARD: &str = "4110760000000081";
const A_DENIED_CARD: &str = "4110760000000016";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
                      Safari/605.1.15";
const AN_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                         CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1";
/// What a request of the guide lacks for a payer who types no more than the card.
const BUYER: &str = "\"buyer\": { \"documentType\": \"CC\", \"document\": \"1093847561\", \"name\": \"Mariana\", \"surname\": \
                     \"Prueba\", \"email\": \"m@correo.example\", \"mobile\": \"3005550147\" },\n  \"payment\"";

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

/// A merchant's pages: one to come back to, and one that opens the lightbox on the session that its address names.
async fn merchant() -> String {
    let router = Router::new()
        .route("/retorno", get(async || Html("<!doctype html><title>Tienda</title><h1>Gracias</h1>")))
        .route("/pagar", get(async |RawQuery(page): RawQuery| Html(shop(&page.unwrap_or_default()))))
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://tienda.localhost:{}", listener.local_addr().expect("bound").port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

fn shop(page: &str) -> String {
    let origin = page.split("/spa/").next().unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"es\"><title>Tienda</title><h1>Librería de prueba</h1><p id=\"said\">nada</p>\
         <script src=\"{origin}/lightbox.min.js\"></script><script>\
         const said = document.getElementById('said');\
         P.on('response', told => {{ said.textContent = `response ${{told.requestId}} ${{told.status.status}}`; }});\
         P.on('close', told => {{ said.textContent = `close ${{told && told.requestId}}`; }});\
         P.init('{page}', {{ opacity: 0.6 }});</script>"
    )
}

async fn served() -> (RunningSandbox, Account) {
    let start = "2026-03-14T15:15:31Z".parse().expect("an instant");
    let mount = Mount::on_loopback(Box::new(AvalPay::new()), 0);
    let config = SandboxConfig { clock: Clock::frozen(start), seed: 7, ..SandboxConfig::new(vec![mount]) };
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let wanted = NewAccount { name: "libreria".into(), ..NewAccount::default() };
    let account = sandbox.steering.open_account("avalpay", wanted).expect("an account");
    (sandbox, account)
}

/// Opens a session by a request of the guide, with some of its text replaced: the address of its page.
async fn session(sandbox: &RunningSandbox, example: &str, replaced: &[(&str, &str)]) -> String {
    let (guide, origin) = sandbox.steering.guide("avalpay").expect("a guide");
    // Browsers know that names under `localhost` are this machine; the system's resolver need not.
    let address = sandbox.address("avalpay").expect("mounted");
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = client.resolve("avalpay.localhost", address).build().expect("a client");
    let example = guide.requests.into_iter().find(|known| known.name == example).expect("an example");
    let body = replaced.iter().fold(example.body, |body, (old, new)| body.replace(old, new));
    let request = client.post(format!("{origin}{}", example.path)).header("content-type", "application/json");
    let answer = request.body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{}", example.name);
    let answer: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    answer["processUrl"].as_str().expect("an address").to_owned()
}

async fn to_methods(page: &Page, url: &str) {
    page.goto(url).await.expect("the page");
    page.submit("#email-form button").await.expect("the methods");
}

async fn pay(page: &Page, card: &str) {
    page.submit("#method-card").await.expect("the form");
    type_card(page, card).await;
    page.submit("#card-form button").await.expect("sent");
}

async fn type_card(page: &Page, card: &str) {
    for (field, text) in [("#card_number", card), ("#expiry", "11/30"), ("#cvv", "123")] {
        page.type_text(field, text).await.expect(field);
    }
}

async fn type_transfer(page: &Page) {
    page.select("#person_kind", "natural").await.expect("a kind");
    page.select("#bank", "1022").await.expect("BANCO UNION COLOMBIANO");
    page.type_text("#mobile", "+573005550147").await.expect("a mobile");
}

async fn shows(page: &Page, texts: &[&str]) {
    let text = page.text("body").await.expect("a text");
    for wanted in texts {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
}

async fn picture(page: &Page, name: &str) {
    page.screenshot(&screenshot(name)).await.expect("a picture");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_chooses_a_bank_and_comes_back_from_its_page_without_scripts() {
    let _story = testing::story("a_payer_chooses_a_bank_and_comes_back_from_its_page_without_scripts");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let origin = merchant().await;
    let (sandbox, _) = served().await;
    let page = browser.new_page().await.expect("a page");
    let back = format!("{origin}/retorno");
    let url = session(&sandbox, "create", &[("http://tienda.localhost/retorno", &back)]).await;
    page.goto(&url).await.expect("the page");
    picture(&page, "avalpay-correo").await;
    to_methods(&page, &url).await;
    picture(&page, "avalpay-medios").await;
    page.submit("#method-pse").await.expect("the form");
    page.submit("#transfer-form button").await.expect("judged");
    let refusals =
        ["Elija el tipo de persona.", "Elija un banco.", "Escriba el celular con el indicativo del país"];
    shows(&page, &refusals).await;
    type_transfer(&page).await;
    picture(&page, "avalpay-pse").await;
    page.submit("#transfer-form button").await.expect("the bank");
    assert!(page.url().contains("/rest/mock/redirection/"), "{}", page.url());
    shows(&page, &["BANCO UNION COLOMBIANO", "¡Transacción de prueba!", "$119.000,00 COP"]).await;
    page.select("#state", "declined").await.expect("a state");
    page.select("#reason", "?C").await.expect("a reason that fits");
    picture(&page, "avalpay-banco").await;
    page.submit("#bank-form button").await.expect("processed");
    shows(&page, &["Transacción Rechazada", "Pago abortado por el usuario", "Intentar de nuevo"]).await;
    page.submit("#try-again").await.expect("the methods");
    page.submit("#method-pse").await.expect("the form");
    type_transfer(&page).await;
    page.submit("#transfer-form button").await.expect("the bank");
    page.submit("#bank-form button").await.expect("approved as offered");
    shows(&page, &["El proceso de pago ha finalizado: aprobado", "PSE BANCO UNION COLOMBIANO"]).await;
    testing::covers!("AV-7.2-01", "AV-7.2-05", "AV-7.2-06");
    picture(&page, "avalpay-resultado").await;
    page.click("#return").await.expect("the way back");
    page.wait_for_url(|url| url.ends_with("/retorno")).await.expect("the merchant");
    // Chromium says of a form that was judged that its answer was 422.
    assert!(page.console_errors().iter().all(|error| error.contains("422")), "{:?}", page.console_errors());
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_pays_in_parts_and_stores_a_card_without_scripts() {
    let _story = testing::story("a_payer_pays_in_parts_and_stores_a_card_without_scripts");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (sandbox, _) = served().await;
    let page = browser.new_page().await.expect("a page");
    let url = session(&sandbox, "mixed", &[("\"payment\"", BUYER)]).await;
    to_methods(&page, &url).await;
    page.submit("#method-card").await.expect("the form");
    page.type_text("#amount", "30.000").await.expect("an amount");
    type_card(&page, A_CARD).await;
    picture(&page, "avalpay-mixto-formulario").await;
    page.submit("#card-form button").await.expect("sent");
    shows(&page, &["parcialmente aprobado", "Pagado $30.000,00", "Por pagar $60.000,00"]).await;
    page.submit("#try-again").await.expect("the rest");
    pay(&page, A_DENIED_CARD).await;
    picture(&page, "avalpay-mixto").await;

    let url = session(&sandbox, "subscription", &[]).await;
    to_methods(&page, &url).await;
    page.submit("#method-card").await.expect("the form");
    picture(&page, "avalpay-suscripcion").await;
    type_card(&page, A_CARD).await;
    page.submit("#card-form button").await.expect("stored");
    shows(&page, &["La tarjeta quedó guardada", "**** 0081"]).await;

    let script = json!({ "reference": "DISPERSION0001", "outcomes": ["approved", "rejected:51"] });
    let script = Command { name: "script".into(), arguments: script };
    sandbox.steering.command("avalpay", &script).expect("scripted");
    let url = session(&sandbox, "dispersion", &[("\"payment\"", BUYER)]).await;
    to_methods(&page, &url).await;
    pay(&page, A_CARD).await;
    shows(&page, &["Transacción Aprobada Parcialmente", "Convenio 4021", "Pagar lo que falta"]).await;
    picture(&page, "avalpay-dispersion").await;
    assert_eq!(page.console_errors(), Vec::<String>::new());
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_gives_back_and_ends_a_recurrence_in_its_panel() {
    let _story = testing::story("a_merchant_gives_back_and_ends_a_recurrence_in_its_panel");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (sandbox, account) = served().await;
    let page = browser.new_page().await.expect("a page");
    let url = session(&sandbox, "create", &[]).await;
    to_methods(&page, &url).await;
    pay(&page, A_CARD).await;
    let url = session(&sandbox, "recurring", &[("\"payment\"", BUYER)]).await;
    to_methods(&page, &url).await;
    pay(&page, A_CARD).await;
    sandbox.steering.advance(DAY_S).await.expect("a day passes");
    let (origin, _) = url.split_once("/spa/").expect("an address");
    page.goto(&format!("{origin}/panel")).await.expect("the panel");
    page.submit(&format!("a[href='/panel/{}?language=es']", account.name)).await.expect("the account");
    picture(&page, "avalpay-panel").await;
    page.submit("#transactions td a").await.expect("the newest transaction");
    picture(&page, "avalpay-panel-transaccion").await;
    page.submit("#reverse button").await.expect("given back");
    shows(&page, &["El reverso fue aprobado."]).await;
    let last = sandbox.steering.ledger(Some("avalpay"), None).pop().expect("a line");
    assert_eq!(
        (last.kind.as_str(), last.state.as_str(), last.amount.as_str()),
        ("reversal", "approved", "45000.00")
    );
    page.goto(&format!("{origin}/panel/{}/recurrences", account.name)).await.expect("the recurrences");
    picture(&page, "avalpay-panel-recurrencias").await;
    page.submit("#cancel-1 button").await.expect("cancelled");
    shows(&page, &["La recurrencia quedó cancelada.", "Cancelada"]).await;
    testing::covers!("AV-11.2-06");
    page.goto(&format!("{origin}/panel/{}?language=es", account.name)).await.expect("the transactions");
    page.submit("#transactions tr:last-child a").await.expect("the oldest transaction");
    page.submit("#reverse-late button").await.expect("asked for");
    shows(&page, &["El reverso extemporáneo quedó pedido.", "En trámite"]).await;
    picture(&page, "avalpay-panel-extemporaneos").await;
    assert_eq!(page.console_errors(), Vec::<String>::new());
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lightbox_tells_the_merchant_s_page_how_the_session_ended() {
    let _story = testing::story("the_lightbox_tells_the_merchant_s_page_how_the_session_ended");
    let Some(browser) = testing::chromium(BrowserOptions::default()).await else { return };
    let origin = merchant().await;
    let (sandbox, _) = served().await;
    let page = browser.new_page().await.expect("a page");
    let url = session(&sandbox, "create", &[]).await;
    page.goto(&format!("{origin}/pagar?{url}")).await.expect("the shop");
    page.element("#placetopay_lightbox").await.expect("the frame");
    picture(&page, "avalpay-lightbox").await;
    assert_eq!(page.text("#said").await.expect("a text"), "nada");
    page.click("#placetopay_lightbox_close").await.expect("closed by the shopper");
    assert_eq!(page.text("#said").await.expect("a text"), "close null");

    let paying = browser.new_page().await.expect("a page");
    for (replaced, said) in [
        (&[][..], "response ID APPROVED"),
        (&[("\"fields\"", "\"skipResult\": true, \"fields\"")][..], "close ID"),
    ] {
        let url = session(&sandbox, "create", replaced).await;
        let wanted = said.replace("ID", url.split('/').nth(5).expect("an id"));
        to_methods(&paying, &url).await;
        paying.submit("#method-card").await.expect("the form");
        type_card(&paying, A_CARD).await;
        // With `skipResult` the browser leaves for a merchant that is not there.
        paying.click("#card-form button").await.expect("sent");
        testing::until(PATIENCE, async || {
            let paid = sandbox.steering.ledger(Some("avalpay"), None).len();
            (paid == if replaced.is_empty() { 1 } else { 2 }).then_some(())
        })
        .await;
        page.goto(&format!("{origin}/pagar?{url}")).await.expect("the shop");
        testing::until(PATIENCE, async || {
            (page.text("#said").await.expect("a text") == wanted).then_some(())
        })
        .await;
    }
    assert_eq!(page.console_errors(), Vec::<String>::new());
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safari_and_ios_are_redirected_instead_of_framed() {
    let _story = testing::story("safari_and_ios_are_redirected_instead_of_framed");
    let origin = merchant().await;
    let (sandbox, _) = served().await;
    for name in [SAFARI, AN_IPHONE] {
        let options = BrowserOptions { user_agent: Some(name.to_owned()), ..BrowserOptions::default() };
        let Some(browser) = testing::chromium(options).await else { return };
        let page = browser.new_page().await.expect("a page");
        let url = session(&sandbox, "create", &[]).await;
        page.goto(&format!("{origin}/pagar?{url}")).await.expect("the shop");
        let shown = page.wait_for_url(|shown| shown.contains("/spa/session/")).await.expect("a redirect");
        assert!(shown == url || shown.ends_with(&url), "{shown}");
        page.element("#email-form").await.expect("the hosted page");
    }
    testing::covers!("AV-3-03");
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_offers_test_data_and_requests() {
    let _story = testing::story("the_guide_offers_test_data_and_requests");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (sandbox, account) = served().await;
    let page = browser.new_page().await.expect("a page");
    page.goto(&format!("http://{}/guides/avalpay", sandbox.steering_address())).await.expect("the guide");
    let login = account.credentials["login"].as_str();
    let texts = ["WebCheckout", A_CARD, "BANCO UNION COLOMBIANO", "APPROVED_VIP (11)", "after_cutoff", login];
    shows(&page, &texts).await;
    picture(&page, "avalpay-guia").await;
    testing::covers!("AV-7.1-02");
    sandbox.shut_down().await;
}

/// The texts of what a selector finds.
async fn texts(page: &Page, selector: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for element in page.find_all(selector).await.expect("a look") {
        texts.push(element.text().await.expect("a text"));
    }
    texts
}

/// The reasons that the bank's page offers with each of its states, in the guide's own words (AV-7.2-09, C-65).
const REASONS: [(&str, &[&str]); 4] = [
    ("approved", &["APPROVED_TRANSACTION (00)", "APPROVED_VIP (11)"]),
    ("pending", &["PENDING_TRANSACTION (?-)", "PENDING_VALIDATION (?*)"]),
    (
        "declined",
        &[
            "CANCELLED_TRANSACTION (?C)",
            "MANUAL_CANCELLATION (VR)",
            "BANNED_PINPAD (?4)",
            "BANNED_AVS (?3)",
            "BANNED_RISK (?2)",
            "BANNED_EXPIRED (?5)",
            "BANNED_DATETIME (?1)",
        ],
    ),
    (
        "failed",
        &[
            "INVALID_RESPONSE (XR)",
            "INVALID_AMOUNT (XA)",
            "INVALID_CURRENCY (XC)",
            "INVALID_FRANCHISE (XF)",
            "INVALID_PLATFORM (X2)",
            "INVALID_REQUEST (X3)",
            "INVALID_GATEWAY (XG)",
            "INVALID_LANGUAGE (XL)",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_of_a_transfer_and_the_bank_s_page_offer_what_the_guide_shows() {
    let _story = testing::story("the_form_of_a_transfer_and_the_bank_s_page_offer_what_the_guide_shows");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (sandbox, _) = served().await;
    let page = browser.new_page().await.expect("a page");
    let url = session(&sandbox, "create", &[]).await;
    page.goto(&url).await.expect("the page");
    page.type_text("#email", "m@correo.example").await.expect("an address");
    page.submit("#email-form button").await.expect("the methods");
    page.submit("#method-pse").await.expect("the form");
    let banks = texts(&page, "#bank option").await;
    let listed =
        ["BANCO AV VILLAS", "BANCO UNION COLOMBIANO", "BANCOLOMBIA", "ITAU", "NEQUI", "Placetopay Bank"];
    for bank in listed {
        assert!(banks.iter().any(|known| known == bank), "no {bank} in {banks:?}");
    }
    testing::covers!("AV-7.2-04");

    let sound = [
        ("#holder_name", "Mariana"),
        ("#holder_surname", "Prueba"),
        ("#document", "1093847561"),
        ("#mobile", "+573005550147"),
    ];
    page.select("#document_type", "CC").await.expect("a kind of document");
    for (field, text) in sound {
        page.type_text(field, text).await.expect(field);
    }
    for (field, chosen) in [("person_kind", "natural"), ("bank", "1022")] {
        page.submit("#transfer-form button").await.expect("judged");
        page.element(&format!("#{field}-error")).await.expect(field);
        page.select(&format!("#{field}"), chosen).await.expect(field);
    }
    for (field, wrong) in
        [("holder_name", ""), ("document", "x"), ("mobile", "3005550147"), ("mobile", "+57 300")]
    {
        let selector = format!("#{field}");
        page.type_text(&selector, wrong).await.expect(field);
        page.submit("#transfer-form button").await.expect("judged");
        page.element(&format!("#{field}-error")).await.expect(field);
        let right = sound.iter().find(|(known, _)| *known == selector).expect("a sound value").1;
        page.type_text(&selector, right).await.expect(field);
    }
    testing::covers!("AV-7.2-03");
    page.submit("#transfer-form button").await.expect("the bank");
    assert!(page.url().contains("/rest/mock/redirection/"), "{}", page.url());

    assert_eq!(texts(&page, "#state option").await, ["Aprobada", "Pendiente", "Declinada", "Fallido"]);
    testing::covers!("AV-7.2-07");
    let mut all = Vec::new();
    for (state, reasons) in REASONS {
        let offered = texts(&page, &format!("#reason optgroup.{state} option")).await;
        assert_eq!(offered, reasons, "{state}");
        all.extend(offered);
    }
    let mut offered = texts(&page, "#reason option").await;
    offered.sort();
    all.sort();
    assert_eq!((offered.len(), &offered), (19, &all), "nothing else is offered");
    testing::covers!("AV-7.2-09");
    // Only the reasons of the chosen state can be reached.
    page.select("#state", "declined").await.expect("a state");
    assert!(page.select("#reason", "00").await.is_err(), "an approval is no reason to decline");
    page.select("#reason", "VR").await.expect("a reason that fits");
    page.submit("#bank-form button").await.expect("processed");
    shows(&page, &["Transacción Rechazada"]).await;
    testing::covers!("AV-7.2-08");
    sandbox.shut_down().await;
}
