//! What a request asks for, by host, path and method.

use simulation::Request;

use crate::account::{Environment, FUNNEL_LABEL, environment_of};

/// The funnel's stylesheet, the same for all.
pub const STYLESHEET: &str = "/assets/etpay.css";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST {api_url}/session/initialize`
    Initialize(Environment),
    /// `POST {api_url}/merchant/check_payment_status`
    CheckStatus(Environment),
    /// `{pmt_url}/session/{session_token}`, and what lies below it.
    Funnel(Environment, &'a str, Step),
    /// `{pmt_url}/terms`
    Terms,
    /// The stylesheet.
    Stylesheet,
    /// The icon that browsers ask for unasked: there is none.
    Icon,
    /// Anything else.
    Unknown,
}

/// What of a session's funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// GET: whatever the session calls for.
    Show,
    /// GET: how it ended.
    Result,
    /// GET: back to the merchant.
    Return,
    /// POST: the bank.
    Bank,
    /// POST: RUT and password.
    Credentials,
    /// POST: the account is confirmed.
    Account,
    /// POST: the dynamic key.
    DynamicKey,
    /// POST: the second factor.
    SecondFactor,
    /// POST: SPEI or CoDi.
    Method,
    /// POST: whom SPEI or CoDi reaches.
    Transfer,
    /// POST: this simulator's own buttons while a transfer is awaited.
    BankDecides,
    /// POST: the payer gives up.
    Cancel,
    /// POST: another language.
    Language,
}

impl<'a> Route<'a> {
    /// Reads host, method and path; one trailing slash is forgiven. Under the funnel's own name there is no API,
    /// and under the API's no funnel, so that a mix-up of the two addresses does not go unseen.
    pub fn of(request: &'a Request) -> Self {
        let path = request.path.strip_suffix('/').unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (environment, parts) = match parts.split_first() {
            Some((first, rest)) if environment_of(first).is_some() => {
                (environment_of(first).unwrap_or(Environment::Sandbox), rest)
            }
            Some(_) | None => (Environment::Sandbox, parts.as_slice()),
        };
        let host = request.origin.split_once("://").map_or("", |(_, host)| host);
        let (has_api, has_funnel) = (!host.starts_with(FUNNEL_LABEL), !host.starts_with("etpay.localhost"));
        match (request.method.as_str(), parts) {
            ("POST", ["session", "initialize"]) if has_api => Self::Initialize(environment),
            ("POST", ["merchant", "check_payment_status"]) if has_api => Self::CheckStatus(environment),
            ("GET", ["assets", "etpay.css"]) => Self::Stylesheet,
            ("GET", ["favicon.ico"]) => Self::Icon,
            ("GET", ["terms"]) if has_funnel => Self::Terms,
            (method, ["session", token, rest @ ..]) if has_funnel => {
                step(method, rest).map_or(Self::Unknown, |step| Self::Funnel(environment, token, step))
            }
            _ => Self::Unknown,
        }
    }

    /// The operation's name in hardships and journal.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Initialize(_) => "initialize_session",
            Self::CheckStatus(_) => "check_payment_status",
            Self::Terms | Self::Stylesheet | Self::Icon => "asset",
            Self::Unknown => "unknown",
            Self::Funnel(_, _, step) => match step {
                Step::Show | Step::Result => "page",
                Step::Return => "page_return",
                Step::Bank | Step::Method => "page_choice",
                Step::Credentials => "page_credentials",
                Step::Account => "page_account",
                Step::DynamicKey | Step::SecondFactor => "page_approval",
                Step::Transfer | Step::BankDecides => "page_transfer",
                Step::Cancel => "page_cancel",
                Step::Language => "page_language",
            },
        }
    }
}

fn step(method: &str, rest: &[&str]) -> Option<Step> {
    match (method, rest) {
        ("GET", []) => Some(Step::Show),
        ("GET", ["result"]) => Some(Step::Result),
        ("GET", ["return"]) => Some(Step::Return),
        ("POST", ["bank"]) => Some(Step::Bank),
        ("POST", ["credentials"]) => Some(Step::Credentials),
        ("POST", ["account"]) => Some(Step::Account),
        ("POST", ["dynamic-key"]) => Some(Step::DynamicKey),
        ("POST", ["second-factor"]) => Some(Step::SecondFactor),
        ("POST", ["method"]) => Some(Step::Method),
        ("POST", ["transfer"]) => Some(Step::Transfer),
        ("POST", ["bank-decides"]) => Some(Step::BankDecides),
        ("POST", ["cancel"]) => Some(Step::Cancel),
        ("POST", ["language"]) => Some(Step::Language),
        _ => None,
    }
}
