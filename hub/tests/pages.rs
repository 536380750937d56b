//! Pages over HTTP: the shopper's status, the way back from a provider, the operator's console.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use hub::settings::{AccountLimits, ConsoleAccess};
use hub::{Hub, Settings};
use payment::account::Account;
use payment::fact::{FactKind, Telling};
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::Profile;
use payment::provider::{Moment, Provider};
use payment::step::{AfterLost, Call, Input, Memo, Request};
use payment::{Step, Task, Timestamp};
use serde_json::{Value, json};
use support::paper::{self, Paper};
use support::{Api, KEY, account, hub_with, order, serve, settings};
use testing::{TestDatabase, covers, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

const OPERATOR: &str = "operación";
const PASSWORD: &str = "una contraseña larga de prueba";

/// A served hub with the paper provider, and a browser that does not follow redirects.
struct Stage {
    hub: Arc<Hub>,
    base: Url,
    api: Api,
    browser: reqwest::Client,
}

struct Page {
    status: u16,
    headers: http::HeaderMap,
    html: String,
}

impl Stage {
    async fn on(database: &TestDatabase) -> Self {
        Self::with(database, |_| {}).await
    }

    async fn with(database: &TestDatabase, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(vec![account("papel", "tienda", paper::ID, "http://127.0.0.1:1/")]);
        change(&mut settings);
        let providers: Vec<Arc<dyn Provider>> = vec![Arc::new(Talkative { is_slow: false })];
        Self::over(hub_with(database, settings, providers).await).await
    }

    async fn over(hub: Arc<Hub>) -> Self {
        let base = serve(&hub).await;
        let api = Api::new(&base, KEY);
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a browser");
        Self { hub, base, api, browser }
    }

    async fn with_console(database: &TestDatabase) -> Self {
        let sha256 = digest(&SHA256, PASSWORD.as_bytes()).as_ref().try_into().expect("32 bytes");
        let access = ConsoleAccess { user: OPERATOR.into(), password_sha256: sha256 };
        Self::with(database, |settings| settings.console = Some(access)).await
    }

    async fn create(&self, order: &Value) -> Value {
        let key = order["reference"].as_str().expect("a reference");
        let answer = self.api.post("/v1/payments", key, order).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// An address of the hub as it was given out, on the port where it really listens.
    fn here(&self, address: &str) -> Url {
        let given = Url::parse(address).expect("an address");
        let mut url = self.base.clone();
        url.set_path(given.path());
        url
    }

    async fn get(&self, url: Url) -> Page {
        Self::read(self.browser.get(url)).await
    }

    async fn look(&self, path: &str) -> Page {
        let url = self.base.join(path).expect("a path");
        Self::read(self.browser.get(url).basic_auth(OPERATOR, Some(PASSWORD))).await
    }

    async fn read(request: reqwest::RequestBuilder) -> Page {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, html: answer.text().await.expect("text") }
    }

    /// Where the provider sends the shopper of a payment back to.
    async fn return_url(&self, payment: &Value) -> Url {
        let id = payment["id"].as_str().expect("an id").parse().expect("an id");
        let attempts = self.hub.store.attempts("tienda", &id).await.expect("the store");
        self.here(self.hub.return_url("tienda", &attempts[0].id).as_str())
    }
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    fn shows(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.html.contains(text), "{text} is not shown:\n{}", self.html);
        }
    }
}

testing::both_databases! {
    async fn a_shopper_sees_where_the_payment_stands(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.create(&order("PEDIDO <1>")).await;
        let address = stage.here(payment["status_url"].as_str().expect("an address"));
        let page = stage.get(address.clone()).await;
        assert_eq!(page.status, 200);
        page.shows(&[
            "<html lang=\"es\">",
            "<h2 id=\"state\">Pendiente</h2>",
            "PEDIDO &#60;1&#62;",
            "COP 119.000,00",
            "<dd>COP</dd>",
            "14 de marzo de 2026, 10:00:00 (UTC-5)",
            "Papel",
            "ayuda@tienda.example",
            "http-equiv=\"refresh\"",
            "Pagar ahora",
            "http://127.0.0.1:1/pay/",
        ]);
        let back = format!("http://tienda.localhost:4042/orders/1?payment={}", payment["id"].as_str().expect("an id"));
        page.shows(&[&back]);
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
        for inside in ["paper", "papel-", "P-", payment["account"].as_str().expect("an account")] {
            assert!(!page.html.replace("/pay/P-", "").contains(&format!(">{inside}")), "{inside} is not for shoppers");
        }
        let mut in_english = address.clone();
        in_english.set_query(Some("lang=en"));
        stage.get(in_english).await.shows(&["<html lang=\"en\">", "COP 119,000.00", "14 March 2026", "Pending"]);

        let cancel = format!("/v1/payments/{}/cancel", payment["id"].as_str().expect("an id"));
        assert_eq!(stage.api.act(&cancel, "cancel").await.status, 200);
        let page = stage.get(address).await;
        page.shows(&["<h2 id=\"state\">Cancelado</h2>"]);
        assert!(!page.html.contains("http-equiv=\"refresh\"") && !page.html.contains("Pagar ahora"));
    }

    async fn a_guessed_or_moved_address_shows_nothing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.create(&order("PEDIDO-2")).await;
        let other = stage.create(&order("PEDIDO-3")).await;
        let address = payment["status_url"].as_str().expect("an address");
        let id = payment["id"].as_str().expect("an id");
        let token = address.rsplit('/').next().expect("a token");
        let attempt_address = stage.return_url(&payment).await;
        let return_token = attempt_address.path().rsplit('/').next().expect("a token").to_owned();
        for path in [
            format!("/p/tienda/{id}/{}", "0".repeat(32)),
            format!("/p/tienda/{id}/{}", &token[..31]),
            format!("/p/tienda/{id}/{return_token}"),
            format!("/p/otra/{id}/{token}"),
            format!("/p/nadie/{id}/{token}"),
            format!("/p/tienda/{}/{token}", other["id"].as_str().expect("an id")),
            format!("/p/tienda/pay_x/{token}"),
            format!("/r/tienda/{id}/{token}"),
        ] {
            let page = stage.get(stage.base.join(&path).expect("a path")).await;
            assert_eq!(page.status, 404, "{path}");
            assert!(page.html.contains("No encontramos esta página") && !page.html.contains("PEDIDO"), "{path}");
        }
        assert_eq!(stage.get(stage.here(address)).await.status, 200);
    }

    async fn a_shopper_who_comes_back_is_sent_on_whatever_the_address_says_beside(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.create(&order("PEDIDO-4")).await;
        let id = payment["id"].as_str().expect("an id");
        let expected = format!("http://tienda.localhost:4042/orders/1?payment={id}");
        let address = stage.return_url(&payment).await;
        let mut lying = address.clone();
        lying.set_query(Some("status=APPROVED&payment=pay_0"));
        for request in [
            stage.browser.get(address.clone()),
            stage.browser.get(lying),
            stage.browser.post(address.clone()).form(&[("status", "APPROVED")]),
            // A provider's page posts from another site and without our cookies.
            stage.browser.post(address).header("origin", "http://avalpay.localhost").header("sec-fetch-site", "cross-site"),
        ] {
            let page = Stage::read(request).await;
            assert_eq!((page.status, page.header("location")), (303, expected.as_str()));
        }
        let read = stage.api.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(read.member("status"), "pending", "what the provider tells counts, and not what a shopper writes");
        let facts = stage.hub.store.recorded_facts("tienda", &id.parse().expect("an id")).await.expect("the store");
        assert!(facts.iter().any(|fact| fact.source == "return"), "the provider was asked");

        let mut homeless = order("PEDIDO-5");
        homeless.as_object_mut().expect("an object").remove("return_url");
        let payment = stage.create(&homeless).await;
        let page = stage.get(stage.return_url(&payment).await).await;
        assert_eq!((page.status, page.header("location")), (303, payment["status_url"].as_str().expect("an address")));
    }

    async fn a_shopper_does_not_wait_for_a_slow_provider_and_the_asking_goes_on(database: TestDatabase) {
        let (release, silent) = silent_server().await;
        let settings = settings(vec![account("papel", "tienda", paper::ID, silent.as_str())]);
        let stage = Stage::over(hub_with(&database, settings, vec![Arc::new(Talkative { is_slow: true })]).await).await;
        let payment = stage.create(&order("PEDIDO-6")).await;
        let started = Instant::now();
        let page = stage.get(stage.return_url(&payment).await).await;
        let waited = started.elapsed();
        assert_eq!(page.status, 303);
        assert!(waited >= Duration::from_secs(8) && waited < Duration::from_secs(12), "{waited:?}");
        let id = payment["id"].as_str().expect("an id").to_owned();
        let source_is_known = async || {
            let id = id.parse().expect("an id");
            let facts = stage.hub.store.recorded_facts("tienda", &id).await.expect("the store");
            facts.iter().any(|fact| fact.source == "return")
        };
        assert!(!source_is_known().await);
        release.notify_waiters();
        until(Duration::from_secs(10), async || source_is_known().await.then_some(())).await;
    }

    async fn the_console_is_for_operators_only(database: TestDatabase) {
        let closed = Stage::on(&database).await;
        assert_eq!(closed.look("/console").await.status, 404, "without access in the settings there is none");
        let fresh = TestDatabase::fresh(database.kind).await.expect("a database");
        let stage = Stage::with_console(&fresh).await;
        let payment = stage.create(&order("PEDIDO-7")).await;
        let story = format!("/console/tienda/payments/{}", payment["id"].as_str().expect("an id"));
        for path in ["/console", "/console/tienda", "/console/tienda/accounts", "/console/tienda/notices", &story] {
            let url = stage.base.join(path).expect("a path");
            let nobody = stage.get(url.clone()).await;
            assert_eq!(nobody.status, 401, "{path}");
            assert!(nobody.header("www-authenticate").starts_with("Basic realm="));
            assert!(!nobody.html.contains("PEDIDO-7"));
            let wrong = stage.browser.get(url.clone()).basic_auth(OPERATOR, Some("otra"));
            assert_eq!(Stage::read(wrong).await.status, 401, "{path}");
            assert_eq!(stage.look(path).await.status, 200, "{path}");
            let posted = stage.browser.post(url).basic_auth(OPERATOR, Some(PASSWORD));
            assert_eq!(Stage::read(posted).await.status, 405, "{path} is read only");
        }
        assert_eq!(stage.look("/console/nadie").await.status, 404);
        assert_eq!(stage.look(&story.replace("tienda", "otra")).await.status, 404);
        assert_eq!(stage.look("/console/tienda/payments/pay_x").await.status, 404);
    }

    async fn the_console_lists_filters_searches_and_pages(database: TestDatabase) {
        let stage = Stage::with_console(&database).await;
        for number in 0..30 {
            stage.hub.clock.advance(jiff::SignedDuration::from_secs(1));
            stage.create(&order(&format!("LISTA-{number:02}"))).await;
        }
        let first = stage.look("/console/tienda").await;
        first.shows(&["LISTA-29", "LISTA-05", "No hay casos abiertos.", "<caption>Pagos"]);
        assert!(!first.html.contains("LISTA-04"), "25 stand on a page");
        let older = link(&first.html, "rel=\"next\"").expect("older ones");
        assert!(link(&first.html, "rel=\"prev\"").is_none());
        let second = stage.look(&format!("/console/tienda{older}")).await;
        second.shows(&["LISTA-04", "LISTA-00"]);
        assert!(!second.html.contains("LISTA-05") && link(&second.html, "rel=\"next\"").is_none());
        let newer = link(&second.html, "rel=\"prev\"").expect("newer ones");
        stage.look(&format!("/console/tienda{newer}")).await.shows(&["LISTA-29", "LISTA-05"]);

        let found = stage.look("/console/tienda?reference=LISTA-07").await;
        found.shows(&["LISTA-07"]);
        assert!(!found.html.contains("LISTA-08"));
        stage.look("/console/tienda?status=approved").await.shows(&["No hay pagos que mostrar."]);
        stage.look("/console/tienda?status=requires_action&lang=pt").await.shows(&["LISTA-29", "Pagamentos"]);
        let payment = stage.create(&order("LISTA-ID")).await;
        let id = payment["id"].as_str().expect("an id");
        let by_id = stage.look(&format!("/console/tienda?reference={id}")).await;
        assert_eq!(by_id.status, 303);
        assert!(by_id.header("location").starts_with(&format!("/console/tienda/payments/{id}")));
        let foreign = stage.look(&format!("/console/otra?reference={id}")).await;
        foreign.shows(&["No hay pagos que mostrar."]);
    }

    async fn the_console_tells_how_each_provider_account_stands(database: TestDatabase) {
        let sha256 = digest(&SHA256, PASSWORD.as_bytes()).as_ref().try_into().expect("32 bytes");
        // Nobody listens at the account's address.
        let mut settings = settings(vec![account("papel", "tienda", paper::ID, "http://127.0.0.1:1/")]);
        settings.console = Some(ConsoleAccess { user: OPERATOR.into(), password_sha256: sha256 });
        let limits = AccountLimits { breaker_failures: 2, calls_per_second: 7, ..AccountLimits::default() };
        settings.limits.insert("papel".into(), limits);
        let stage = Stage::over(hub_with(&database, settings, vec![Arc::new(Talkative { is_slow: true })]).await).await;
        let payment = stage.create(&order("PEDIDO-8")).await;
        let page = stage.look("/console/tienda/accounts").await;
        page.shows(&["Cuentas de proveedores", "papel", "Las llamadas pasan", "0 / 2", "0 / 64", "Todavía no", "Pruebas"]);
        assert!(!page.html.contains("Próxima prueba") && !page.html.contains("Nadie responde"));
        let back = stage.return_url(&payment).await;
        for _ in 0..2 {
            assert_eq!(stage.get(back.clone()).await.status, 303);
        }
        let page = stage.look("/console/tienda/accounts").await;
        page.shows(&["Llamadas retenidas", "2 / 2", "Nadie responde desde", "Próxima prueba", "<dd>7</dd>"]);
        stage.look("/console/tienda/accounts?lang=en").await.shows(&["Calls are held", "Next trial"]);
        stage.look("/console/tienda").await.shows(&["/console/tienda/accounts?lang=es"]);
        assert_eq!(stage.look("/console/nadie/accounts").await.status, 404);
    }

    async fn the_console_tells_a_payment_s_story(database: TestDatabase) {
        let stage = Stage::with_console(&database).await;
        let endpoint = json!({"url": "http://127.0.0.1:9/events"});
        assert_eq!(stage.api.post("/v1/event_endpoints", "e", &endpoint).await.status, 201);
        let payment = stage.create(&order("<script>alert(1)</script>")).await;
        let id = payment["id"].as_str().expect("an id");
        stage.get(stage.return_url(&payment).await).await;
        let cancelled = stage.api.act(&format!("/v1/payments/{id}/cancel"), "cancel").await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        hub::flow::deliver_due_events(&stage.hub, 16).await.expect("deliveries");
        let page = stage.look(&format!("/console/tienda/payments/{id}?lang=en")).await;
        assert_eq!(page.status, 200);
        assert!(page.html.contains("no connection · "), "every try is shown");
        page.shows(&[
            "&#60;script&#62;alert(1)&#60;/script&#62;",
            "Cancelled",
            "<code>opened</code>",
            "<code>in_progress</code>",
            "<code>ended</code>",
            "<code>return</code>",
            "<code>merchant</code>",
            "value_added_tax",
            "COP 19,000.00",
            "payment.cancelled",
            "whe_",
            "203.0.113.24",
        ]);
        assert!(!page.html.contains("<script"));
        stage.look("/console/tienda/notices?lang=en").await.shows(&["Nothing to show.", "Forged"]);
        let notices = stage.base.join("/notices/paper/papel").expect("a path");
        Stage::read(stage.browser.post(notices).body("forged")).await;
        stage.look("/console/tienda/notices?verdict=forged").await.shows(&["the signature does not hold", ">401<"]);
        stage.look("/console/tienda/notices?verdict=valid").await.shows(&["Nada que mostrar."]);
        covers!("AV-4-06");
    }
}

/// The address of a link with this mark.
fn link(html: &str, mark: &str) -> Option<String> {
    let tag = html.split("<a ").find(|tag| tag.split('>').next().is_some_and(|open| open.contains(mark)))?;
    let address = tag.split("href=\"").nth(1)?.split('"').next()?;
    Some(address.replace("&#38;", "&").replace("&amp;", "&"))
}

/// A server that takes requests and answers them only when it is released.
async fn silent_server() -> (Arc<tokio::sync::Notify>, Url) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("an address");
    let release = Arc::new(tokio::sync::Notify::new());
    let released = Arc::clone(&release);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let released = Arc::clone(&released);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let waiting = released.notified();
                let _ = stream.read(&mut head).await;
                waiting.await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await;
            });
        }
    });
    (release, url)
}

/// The paper provider, but a look-up tells that it is in progress, and may take a call to the account's address.
struct Talkative {
    is_slow: bool,
}

impl Provider for Talkative {
    fn profile(&self) -> &'static Profile {
        Paper.profile()
    }

    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint> {
        Paper.check(order, account)
    }

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        match task {
            Task::LookUp(_) if self.is_slow => {
                let request = Request {
                    operation: "look_up",
                    method: "GET",
                    url: account.base_url.clone(),
                    headers: vec![],
                    body: vec![].into(),
                    timeout_ms: 40_000,
                    needs_token: false,
                };
                Step::Call(Box::new(Call { request, memo: Memo::default(), on_lost: AfterLost::FreshStart }))
            }
            Task::LookUp(_) => in_progress(Paper.begin(task, account, moment)),
            _ => Paper.begin(task, account, moment),
        }
    }

    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step {
        match (task, &input) {
            (Task::LookUp(_), Input::Answer(_)) => in_progress(Paper.begin(task, account, moment)),
            (_, _) => Paper.resume(task, account, memo, input, moment),
        }
    }

    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
        Paper.read_notice(notice, keys, now)
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        Paper.reply_to(verdict)
    }
}

fn in_progress(step: Step) -> Step {
    let Step::Learned(mut learned) = step else { return step };
    for fact in learned.observations.iter_mut().flat_map(|observation| &mut observation.facts) {
        fact.kind = FactKind::InProgress(Telling::default());
    }
    Step::Learned(learned)
}
