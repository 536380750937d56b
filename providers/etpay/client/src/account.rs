//! What an account of ETpay is configured with, and who it says it is in each call (PROTOCOL.md 1).

use payment::Account;
use payment::step::{Advice, Refusal};
use secrecy::ExposeSecret;
use url::Url;

/// Credential: the merchant's code, another one in each environment.
pub const MERCHANT_CODE: &str = "merchant_code";
/// Secret: what authenticates each call; another one in each environment.
pub const MERCHANT_API_TOKEN: &str = "merchant_api_token";
/// Credential: the base address of the funnel; another one in each environment. ET-U01: production's is not published, as
/// little as its API's, so that neither has a default.
pub const PMT_URL: &str = "pmt_url";
/// Setting: whether sessions are told more than the four base fields, one of [`CUSTOMISATIONS`].
pub const CUSTOMISATION: &str = "customisation";
/// The words of [`CUSTOMISATION`]; the first is the default.
pub const CUSTOMISATIONS: &[&str] = &["session", "none"];
/// Setting: how Mexican payers pay, one of [`TARGET_FLOWS`]; an order's own methods go before it.
pub const TARGET_FLOW: &str = "target_flow";
/// The words of [`TARGET_FLOW`]; the first is the default and lets the payer choose.
pub const TARGET_FLOWS: &[&str] = &["payer", "codi", "spei"];

/// The merchant's code.
///
/// # Errors
/// The account lacks it: a refusal `config_error`.
pub fn merchant_code(account: &Account) -> Result<&str, Box<Refusal>> {
    let code = account.credential(MERCHANT_CODE);
    if code.is_empty() { Err(lacks(MERCHANT_CODE)) } else { Ok(code) }
}

/// The secret that authenticates today.
///
/// # Errors
/// The account lacks it: a refusal `config_error`.
pub fn merchant_api_token(account: &Account) -> Result<&str, Box<Refusal>> {
    let secret = account.secret(MERCHANT_API_TOKEN).map(|secret| secret.expose_secret());
    secret.filter(|text| !text.is_empty()).ok_or_else(|| lacks(MERCHANT_API_TOKEN))
}

/// The funnel's base address: encrypted where the account's own address is.
///
/// # Errors
/// The account lacks it, or it is no such address: a refusal `config_error`.
pub fn pmt_url(account: &Account) -> Result<Url, Box<Refusal>> {
    let written = account.credential(PMT_URL);
    if written.is_empty() {
        return Err(lacks(PMT_URL));
    }
    let url: Option<Url> = written.parse().ok();
    let is_fit = |url: &Url| match url.scheme() {
        "https" => url.has_host(),
        "http" => url.has_host() && account.base_url.scheme() == "http",
        _ => false,
    };
    url.filter(is_fit)
        .ok_or_else(|| unconfigured(format!("The account's `{PMT_URL}` is no address to send shoppers to.")))
}

/// Whether sessions are told nothing but the four base fields.
pub fn is_basic(account: &Account) -> bool {
    account.setting(CUSTOMISATION) == Some("none")
}

/// The refusal of an account that is not configured as it needs to be; nothing was sent.
pub fn unconfigured(detail: impl Into<String>) -> Box<Refusal> {
    Box::new(Refusal {
        code: "config_error",
        provider_code: None,
        detail: detail.into(),
        complaints: Vec::new(),
        advice: Advice::Contact,
    })
}

fn lacks(name: &str) -> Box<Refusal> {
    unconfigured(format!("The account needs `{name}`."))
}

#[cfg(test)]
pub mod tests {
    use payment::account::Environment;

    use super::*;

    /// A Chilean account as it has to be.
    pub fn account() -> Account {
        let credentials = [(MERCHANT_CODE, "cl_andes_demo"), (PMT_URL, "https://pmt-sandbox.etpay.com")];
        let credentials = credentials.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = ["token-nuevo", "token-viejo"].map(|secret| secret.to_owned().into());
        Account {
            id: "andes".into(),
            merchant: "andes".into(),
            provider: "etpay".into(),
            environment: Environment::Test,
            base_url: "https://api-sandbox.etpay.com".parse().expect("an address"),
            credentials: credentials.into(),
            secrets: [(MERCHANT_API_TOKEN.to_owned(), secrets.into())].into(),
            settings: [].into(),
        }
    }

    #[test]
    fn an_account_that_lacks_one_of_its_values_calls_nobody() {
        let whole = account();
        assert_eq!(merchant_code(&whole).ok(), Some("cl_andes_demo"));
        assert_eq!(merchant_api_token(&whole).ok(), Some("token-nuevo"));
        let empty = Account { credentials: [].into(), secrets: [].into(), ..account() };
        let refusals = [merchant_code(&empty).err(), merchant_api_token(&empty).err(), pmt_url(&empty).err()];
        for refusal in refusals {
            assert_eq!(refusal.map(|refusal| refusal.code), Some("config_error"));
        }
        let secrets = [(MERCHANT_API_TOKEN.to_owned(), vec![String::new().into()])].into();
        assert!(merchant_api_token(&Account { secrets, ..account() }).is_err());
    }

    #[test]
    fn shoppers_are_sent_to_an_encrypted_address_only_unless_all_is_a_test_in_the_clear() {
        let at = |written: &str, base_url: &str| {
            let mut account = Account { base_url: base_url.parse().expect("an address"), ..account() };
            account.credentials.insert(PMT_URL.to_owned(), written.to_owned());
            pmt_url(&account).is_ok()
        };
        assert!(at("https://pmt.example/tienda/", "https://api.example"));
        assert!(at("http://127.0.0.1:9000", "http://127.0.0.1:9000"));
        for written in ["http://pmt.example", "javascript:alert(1)", "pmt.example", "data:text/html,x"] {
            assert!(!at(written, "https://api.example"), "{written}");
        }
    }
}
