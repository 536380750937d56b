//! The hub's console as its operator reads it.

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::below;
use crate::walk::Document;

/// The console of one merchant.
#[derive(Clone)]
pub struct Console {
    http: reqwest::Client,
    base: Url,
    merchant: &'static str,
    user: &'static str,
    password: SecretString,
}

impl Console {
    /// The console of the hub at an address.
    pub fn new(
        http: reqwest::Client,
        base: Url,
        merchant: &'static str,
        user: &'static str,
        password: SecretString,
    ) -> Self {
        Self { http, base, merchant, user, password }
    }

    /// What the operator reads of a payment, in English.
    ///
    /// # Errors
    /// When the console does not show it.
    pub async fn story(&self, payment: &str) -> anyhow::Result<String> {
        let mut url = below(&self.base, &["console", self.merchant, "payments", payment]);
        url.set_query(Some("lang=en"));
        let request = self.http.get(url).basic_auth(self.user, Some(self.password.expose_secret()));
        let answer = request.send().await.context("reading the console")?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "the console answered {}", status.as_u16());
        Ok(Document::read(&answer.text().await.context("reading the console")?).text)
    }
}
