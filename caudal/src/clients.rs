//! The three parties as demo and tour ask them over HTTP: the sandbox's steering, the hub's API and console, the shop's inbox.

mod console;
mod hub_api;
mod shop_inbox;
mod steering;

use anyhow::Context;
use serde::de::DeserializeOwned;
use url::Url;

pub use self::console::Console;
pub use self::hub_api::{HubApi, InstrumentSeen, PaymentSeen};
pub use self::shop_inbox::ShopInbox;
pub use self::steering::{CraftedNotice, LedgerLine, NoticeSeen, Steering};

/// Characters of an unexpected answer that are repeated in an error.
const SHOWN: usize = 300;

/// Sends a request and reads the JSON of a successful answer.
async fn ask<T: DeserializeOwned>(what: &str, request: reqwest::RequestBuilder) -> anyhow::Result<T> {
    let answer = request.send().await.with_context(|| what.to_owned())?;
    let status = answer.status();
    let text = answer.text().await.with_context(|| what.to_owned())?;
    if !status.is_success() {
        let begins: String = text.chars().take(SHOWN).collect();
        anyhow::bail!("{what}: answered {} {begins}", status.as_u16());
    }
    // An empty answer (204) reads as null.
    let text = if text.is_empty() { "null" } else { &text };
    serde_json::from_str(text).with_context(|| format!("{what}: the answer is not as expected"))
}

/// An address below a base, whatever slash the base ends in.
pub fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}
