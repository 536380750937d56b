//! The providers behind TLS.

use sandbox::{RunningSandbox, Sandbox, SandboxConfig};
use simulation::journal::Direction;

use crate::setting::config;

async fn sandbox() -> RunningSandbox {
    Sandbox::start(SandboxConfig { tls: true, ..config() }).await.expect("a sandbox")
}

fn client(sandbox: &RunningSandbox) -> reqwest::ClientBuilder {
    let authority = sandbox.authority_pem().expect("an authority");
    let authority = reqwest::Certificate::from_pem(authority.as_bytes()).expect("a certificate");
    let address = sandbox.address("toypay").expect("mounted");
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .resolve("toypay.localhost", address)
        .resolve("elsewhere.example", address)
}

#[tokio::test]
async fn a_provider_is_reached_by_its_name_and_its_journal_tells_the_version() {
    let sandbox = sandbox().await;
    let port = sandbox.address("toypay").expect("mounted").port();
    let client = client(&sandbox).build().expect("a client");
    for host in ["toypay.localhost", "127.0.0.1"] {
        let answer = client.get(format!("https://{host}:{port}/hello")).send().await.expect(host);
        let text = answer.text().await.expect("a body");
        assert!(text.contains(&format!("https://{host}:{port}")), "links are by TLS too: {text}");
        let entry = sandbox.steering.latest_journal(1).remove(0);
        assert_eq!((entry.direction, entry.tls_version.as_deref()), (Direction::In, Some("1.3")));
    }
    assert!(
        client.get(format!("https://elsewhere.example:{port}/hello")).send().await.is_err(),
        "another name"
    );
    assert!(sandbox.steering.status().providers[0].origin.starts_with("https://toypay.localhost:"));
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_turns_away() {
    let sandbox = sandbox().await;
    let url = format!("https://{}/hello", sandbox.address("toypay").expect("mounted"));
    let stranger = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert!(stranger.get(url).send().await.is_err());
    assert!(sandbox.steering.latest_journal(1).is_empty());
}
