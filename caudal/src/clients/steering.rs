//! The sandbox's steering port: what moves the simulated world, and the provider's ledger as a witness.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{ask, below};

/// A sandbox's steering port.
#[derive(Clone)]
pub struct Steering {
    http: reqwest::Client,
    base: Url,
}

/// A line of the provider's ledger.
#[derive(Clone, Debug, Deserialize)]
pub struct LedgerLine {
    /// The merchant's reference as the provider got it.
    pub reference: String,
    /// `charge`, `reversal`…
    pub kind: String,
    /// `approved`, `rejected`, `pending`.
    pub state: String,
    /// Decimal text.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// A notice as the sandbox saw it leave.
#[derive(Clone, Debug, Deserialize)]
pub struct NoticeSeen {
    /// For sending it again.
    pub id: String,
    /// The provider's key of what it is about.
    pub about: String,
    /// `delivered`, `lost`, `failed`…
    pub state: String,
    /// Its text, masked.
    pub body: String,
    /// Every delivery so far.
    pub deliveries: Vec<DeliverySeen>,
}

/// One delivery of a notice.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliverySeen {
    /// What the hub answered.
    pub status: Option<u16>,
}

/// A notice written by hand.
#[derive(Clone, Debug, Serialize)]
pub struct CraftedNotice {
    /// The provider it pretends to come from.
    pub provider: String,
    /// Where it goes.
    pub url: String,
    /// Names and values; JSON content when empty.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

#[derive(Deserialize)]
struct OpenedAccount {
    credentials: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ClockSeen {
    now: jiff::Timestamp,
}

#[derive(Deserialize)]
struct Ledger {
    lines: Vec<LedgerLine>,
}

#[derive(Deserialize)]
struct Notices {
    notices: Vec<NoticeSeen>,
}

impl NoticeSeen {
    /// What the hub answered to the last delivery.
    pub fn last_answer(&self) -> Option<u16> {
        self.deliveries.last()?.status
    }
}

impl Steering {
    /// The steering port at an address.
    pub fn new(http: reqwest::Client, base: Url) -> Self {
        Self { http, base }
    }

    /// Opens an account and brings back the credentials that the sandbox issued.
    pub async fn open_account(
        &self,
        provider: &str,
        name: &str,
        notification_url: &str,
        settings: &BTreeMap<&str, String>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let wanted = json!({
            "provider": provider,
            "name": name,
            "notification_url": notification_url,
            "settings": settings,
        });
        let opened: OpenedAccount =
            self.post("opening an account at the sandbox", &["accounts"], &wanted).await?;
        Ok(opened.credentials)
    }

    /// Puts a fault in force for one notice of an account.
    pub async fn spoil_next_notice(
        &self,
        provider: &str,
        account: &str,
        fault: &Value,
    ) -> anyhow::Result<()> {
        let rule =
            json!({ "provider": provider, "account": account, "on": { "notice": { "fault": fault } } });
        self.post("putting a hardship in force", &["hardships"], &rule).await.map(|_: Value| ())
    }

    /// Puts a fault in force for the next requests to a provider.
    pub async fn spoil_requests(&self, provider: &str, times: u32, fault: &Value) -> anyhow::Result<()> {
        let on = json!({ "request": { "fault": fault } });
        let rule = json!({ "provider": provider, "times": { "count": times }, "on": on });
        self.post("putting a hardship in force", &["hardships"], &rule).await.map(|_: Value| ())
    }

    /// Puts a fault in force for the next request of one operation.
    pub async fn spoil_operation(
        &self,
        provider: &str,
        operation: &str,
        fault: &Value,
    ) -> anyhow::Result<()> {
        let on = json!({ "request": { "operation": operation, "fault": fault } });
        let rule = json!({ "provider": provider, "on": on });
        self.post("putting a hardship in force", &["hardships"], &rule).await.map(|_: Value| ())
    }

    /// Has a provider's simulator do something.
    pub async fn command(&self, provider: &str, name: &str, arguments: &Value) -> anyhow::Result<Value> {
        let command = json!({ "name": name, "arguments": arguments });
        let what = format!("the command {name} to {provider}");
        self.post(&what, &["providers", provider, "command"], &command).await
    }

    /// Takes all faults out of force.
    pub async fn clear_hardships(&self) -> anyhow::Result<()> {
        let request = self.http.delete(self.at(&["hardships"]));
        ask("taking the hardships out of force", request).await.map(|_: Value| ())
    }

    /// The ledger of one account.
    pub async fn ledger(&self, provider: &str, account: &str) -> anyhow::Result<Vec<LedgerLine>> {
        let request =
            self.http.get(self.at(&["ledger"])).query(&[("provider", provider), ("account", account)]);
        Ok(ask::<Ledger>("reading the provider's ledger", request).await?.lines)
    }

    /// All notices, oldest first.
    pub async fn notices(&self) -> anyhow::Result<Vec<NoticeSeen>> {
        Ok(ask::<Notices>("reading the sandbox's notices", self.http.get(self.at(&["notices"])))
            .await?
            .notices)
    }

    /// Sends the same bytes of a notice again.
    pub async fn resend(&self, id: &str) -> anyhow::Result<NoticeSeen> {
        self.post("sending a notice again", &["notices", id, "resend"], &Value::Null).await
    }

    /// Sends a notice written by hand.
    pub async fn send_crafted(&self, notice: &CraftedNotice) -> anyhow::Result<NoticeSeen> {
        self.post("sending a crafted notice", &["notices"], notice).await
    }

    /// Business time.
    pub async fn now(&self) -> anyhow::Result<jiff::Timestamp> {
        Ok(ask::<ClockSeen>("reading the sandbox's clock", self.http.get(self.at(&["clock"]))).await?.now)
    }

    /// Moves everybody's clock forward.
    pub async fn advance(&self, seconds: u64) -> anyhow::Result<()> {
        let wanted = json!({ "seconds": seconds });
        self.post("moving the clock", &["clock", "advance"], &wanted).await.map(|_: Value| ())
    }

    /// Moves everybody's clock to an instant. The past changes nothing.
    pub async fn advance_to(&self, instant: jiff::Timestamp) -> anyhow::Result<()> {
        let wanted = json!({ "to": instant });
        self.post("moving the clock", &["clock", "advance"], &wanted).await.map(|_: Value| ())
    }

    fn at(&self, path: &[&str]) -> Url {
        below(&self.base, &[&["_sandbox"], path].concat())
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        ask(what, self.http.post(self.at(path)).json(body)).await
    }
}
