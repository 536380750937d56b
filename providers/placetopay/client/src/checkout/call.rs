//! The calls: one address rule, one set of headers, one way to write a body.

use payment::Account;
use payment::provider::Moment;
use payment::step::{AfterLost, Call, Memo, Refusal, Request, Step};
use serde::Serialize;

use crate::authentication::{self, Authentication};

/// One operation of the provider.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name in metrics and the wire log.
    pub name: &'static str,
    /// How long its whole answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// What may be done when its answer is lost.
    pub on_lost: AfterLost,
}

/// What the operations on an existing session send: nothing but who asks.
#[derive(Serialize)]
pub struct OnlyAuthentication {
    auth: Authentication,
}

impl OnlyAuthentication {
    /// Proves the account.
    ///
    /// # Errors
    /// The account lacks its credentials.
    pub fn new(account: &Account, moment: Moment) -> Result<Self, Box<Refusal>> {
        Ok(Self { auth: Authentication::new(account, moment)? })
    }
}

/// The step that sends `body` to `api/…` below the account's base URL.
///
/// Every call is a POST, even to ask (PROTOCOL.md 1). The base URL may end in `/` or, as many write it, in
/// `/api`; either way the address is the same.
///
/// # Errors
/// The account's base URL can have no path, or the body cannot be written.
pub fn step(
    operation: Operation,
    account: &Account,
    path: &[&str],
    body: &impl Serialize,
) -> Result<Step, Box<Refusal>> {
    let mut url = account.base_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let is_below_api = url.path().trim_end_matches('/').ends_with("/api");
    {
        let detail = "The account's base URL is no address of a server.";
        let mut segments = url.path_segments_mut().map_err(|()| authentication::unconfigured(detail))?;
        segments.pop_if_empty();
        if !is_below_api {
            segments.push("api");
        }
        segments.extend(path);
    }
    let body = serde_json::to_vec(body)
        .map_err(|_| authentication::unconfigured("The request cannot be written as JSON."))?;
    let request = Request {
        operation: operation.name,
        method: "POST",
        url,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: body.into(),
        timeout_ms: operation.timeout_ms,
        needs_token: false,
    };
    // The task itself says all that the answer is to be compared with: there is nothing to remember.
    Ok(Step::Call(Box::new(Call { request, memo: Memo::default(), on_lost: operation.on_lost })))
}

#[cfg(test)]
mod tests {
    use payment::account::Environment;

    use super::*;

    fn address(base_url: &str) -> Option<String> {
        let account = Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: base_url.parse().expect("an address"),
            credentials: [].into(),
            secrets: [].into(),
            settings: [].into(),
        };
        let operation = Operation { name: "test", timeout_ms: 1, on_lost: AfterLost::Search };
        match step(operation, &account, &["session", "508817"], &()) {
            Ok(Step::Call(call)) => Some(call.request.url.into()),
            Ok(_) | Err(_) => None,
        }
    }

    #[test]
    fn the_path_is_right_however_the_base_url_is_written() {
        for base_url in [
            "https://checkout.example",
            "https://checkout.example/",
            "https://checkout.example/api",
            "https://checkout.example/api/",
            "https://checkout.example/?entorno=pruebas#x",
        ] {
            let address = address(base_url);
            assert_eq!(address.as_deref(), Some("https://checkout.example/api/session/508817"), "{base_url}");
        }
        let below = address("https://pruebas.example/redirection/");
        assert_eq!(below.as_deref(), Some("https://pruebas.example/redirection/api/session/508817"));
        assert_eq!(address("mailto:soporte@checkout.example"), None);
    }
}
