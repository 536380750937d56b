//! What an account of Carat is configured with (PROTOCOL.md 0.4, 1.6), and the addresses that follow from it.

use payment::account::Environment;
use payment::step::{Advice, Refusal};
use payment::{Account, Money};
use secrecy::ExposeSecret;
use url::{Host, Url};

/// Credential: the shop's code, another one in each environment.
pub const MERCHANT_ID: &str = "merchant_id";
/// Secret: what authenticates each call of REST; another one in each environment.
pub const MERCHANT_KEY: &str = "merchant_key";
/// Setting: where the shopper types the card, one of [`FLOWS`].
pub const FLOW: &str = "flow";
/// The words of [`FLOW`]; the first is the default.
pub const FLOWS: &[&str] = &["page", "rest"];
/// Setting: the address below which the HTML interface lies. No path follows from another (C-18).
pub const HTML_URL: &str = "html_url";
/// Setting: the address below which the REST interface lies.
pub const REST_URL: &str = "rest_url";
/// Setting: who bears the interest of instalments, one of [`INSTALMENT_TYPES`].
pub const INSTALMENT_TYPE: &str = "instalment_type";
/// The words of [`INSTALMENT_TYPE`]; the first is the default.
pub const INSTALMENT_TYPES: &[&str] =
    &["without_interest", "with_interest", "airline_without_interest", "airline_with_interest"];
/// Setting: whether payments are held first and confirmed later, one of [`NO_YES`].
pub const POSTPONE_CONFIRMATION: &str = "postpone_confirmation";
/// The words of a setting that is off unless it is wanted.
pub const NO_YES: &[&str] = &["no", "yes"];
/// Setting: the numbers of the brands that the shop may be paid with, parted by commas; empty, all that are known.
pub const AUTHORIZERS: &str = "authorizers";
/// Setting: which sources are followed where they differ, one of [`PROFILES`].
pub const PROFILE: &str = "profile";
/// The words of [`PROFILE`]; the first is the default.
pub const PROFILES: &[&str] = &["docs", "guide"];
/// Setting: how long a transaction can be paid, in minutes, as the portal is set up. CA-U21: thirty.
pub const NIT_LIFE_MINUTES: &str = "nit_life_minutes";

/// The hosts that are published (PROTOCOL.md 0.4), for who writes a configuration.
pub const HOMOLOGATION: &str = "https://esitef-homologacao.softwareexpress.com.br";
/// See [`HOMOLOGATION`].
pub const PRODUCTION: &str = "https://esitef-ec.softwareexpress.com.br";

/// Where the HTML interface lies below a host when the account does not say (CA-52, CA-53).
const HTML_PATHS: [(Environment, &str); 3] = [
    (Environment::Test, "e-sitef-hml"),
    (Environment::Certification, "e-sitef-hml"),
    (Environment::Production, "e-sitef"),
];
/// Where the REST interface lies below a host when the account does not say.
const REST_PATH: &str = "e-sitef/api";

/// The life of a transaction unless the account says otherwise, in minutes (CA-U21).
pub const NIT_LIFE: i64 = 30;
/// The shortest and the longest that can be set, in minutes.
pub const NIT_LIFE_BOUNDS: (i64, i64) = (5, 24 * 60);

/// Largest amount in minor units: eleven digits (C-24).
const MOST_MINOR: i64 = 99_999_999_999;

/// Which sources are followed where they differ (PROTOCOL.md 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The vendor's newer pages and public code.
    Docs,
    /// The one page that the requirements are built on.
    Guide,
}

impl Profile {
    /// The account's.
    pub fn of(account: &Account) -> Self {
        if account.setting(PROFILE) == Some("guide") { Self::Guide } else { Self::Docs }
    }

    /// Most instalments: `< 2` digits, read each profile's way (CA-U01).
    pub const fn most_instalments(self) -> u32 {
        match self {
            Self::Docs => 99,
            Self::Guide => 9,
        }
    }
}

/// Whether the shopper types the card on our own page.
pub fn takes_cards(account: &Account) -> bool {
    account.setting(FLOW) == Some("rest")
}

/// Whether payments are held first.
pub fn postpones(account: &Account) -> bool {
    account.setting(POSTPONE_CONFIRMATION) == Some("yes")
}

/// How instalments are financed: the portal's digit. One payment alone is always without interest (PROTOCOL.md 2.2).
pub fn instalment_type(account: &Account, instalments: u32) -> &'static str {
    match account.setting(INSTALMENT_TYPE) {
        Some("airline_with_interest") => "6",
        Some("airline_without_interest") => "7",
        Some("with_interest") if instalments > 1 => "3",
        _ => "4",
    }
}

/// Whether the shop may be paid with a brand.
pub fn has_authorizer(account: &Account, number: &str) -> bool {
    let listed = account.setting(AUTHORIZERS).map(str::trim).filter(|listed| !listed.is_empty());
    listed.is_none_or(|listed| listed.split(',').any(|one| one.trim() == number))
}

/// How long a transaction can be paid, in seconds.
pub fn nit_life_s(account: &Account) -> i64 {
    let minutes = account.setting(NIT_LIFE_MINUTES).and_then(|written| written.trim().parse().ok());
    minutes.unwrap_or(NIT_LIFE).clamp(NIT_LIFE_BOUNDS.0, NIT_LIFE_BOUNDS.1) * 60
}

/// Whether an amount can be written.
pub const fn is_writable(amount: Money) -> bool {
    amount.minor > 0 && amount.minor <= MOST_MINOR
}

/// The shop's code.
///
/// # Errors
/// The account lacks it, or has one of another shape: a refusal `config_error`.
pub fn merchant_id(account: &Account) -> Result<&str, Box<Refusal>> {
    let id = account.credential(MERCHANT_ID);
    let is_fit = (1..=15).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_fit {
        Ok(id)
    } else {
        Err(unconfigured("The account has no `merchant_id` of 1 to 15 letters and digits."))
    }
}

/// The key that authenticates today.
///
/// # Errors
/// The account lacks it, or it cannot be a header: a refusal `config_error`.
pub fn merchant_key(account: &Account) -> Result<&str, Box<Refusal>> {
    let key = account.secret(MERCHANT_KEY).map(|secret| secret.expose_secret());
    let is_fit = |key: &&str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    key.filter(is_fit).ok_or_else(|| unconfigured("The account has no `merchant_key`."))
}

/// An address of the HTML interface.
///
/// # Errors
/// The account's address is no place to send a payment to: a refusal `config_error`.
pub fn html_url(account: &Account, path: &[&str]) -> Result<Url, Box<Refusal>> {
    let usual = HTML_PATHS.iter().find(|(environment, _)| *environment == account.environment);
    below(account, HTML_URL, usual.map_or(REST_PATH, |(_, path)| path), path)
}

/// An address of the REST interface.
///
/// # Errors
/// The account's address is no place to send a payment to: a refusal `config_error`.
pub fn rest_url(account: &Account, path: &[&str]) -> Result<Url, Box<Refusal>> {
    below(account, REST_URL, REST_PATH, path)
}

fn below(account: &Account, setting: &str, usual: &str, path: &[&str]) -> Result<Url, Box<Refusal>> {
    let written = account.setting(setting).map(str::trim).filter(|written| !written.is_empty());
    let (base, prefix): (Url, Vec<&str>) = match written {
        Some(written) => {
            let base = written.parse();
            (base.map_err(|_| unconfigured(format!("The account's `{setting}` is no address.")))?, Vec::new())
        }
        None => (account.base_url.clone(), usual.split('/').collect()),
    };
    if !is_fit(account, &base) {
        return Err(unconfigured(
            "The portal is called by https and by name: an address in figures may change without warning.",
        ));
    }
    let mut url = base;
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut segments) => segments.pop_if_empty().extend(prefix).extend(path),
        Err(()) => return Err(unconfigured("The account's base URL is no address of a server.")),
    };
    Ok(url)
}

/// Whether an address may be called, or a shopper sent there: encrypted where the account's own is, and in production
/// always, and then by a name (CA-54). CA-U02: the lowest version of TLS is that of the hub's own connections, 1.2.
pub fn is_fit(account: &Account, url: &Url) -> bool {
    let is_production = account.environment == Environment::Production;
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" => !is_production && account.base_url.scheme() == "http",
        _ => false,
    };
    let is_named = match url.host() {
        Some(Host::Domain(name)) => !name.is_empty(),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => !is_production,
        None => false,
    };
    is_encrypted && is_named
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

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An account as it has to be.
    pub fn account() -> Account {
        let key = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
        Account {
            id: "loja".into(),
            merchant: "loja".into(),
            provider: "carat_esitef".into(),
            environment: Environment::Test,
            base_url: HOMOLOGATION.parse().expect("an address"),
            credentials: [(MERCHANT_ID.to_owned(), "lojadeexemplo1".to_owned())].into(),
            secrets: [(MERCHANT_KEY.to_owned(), vec![key.to_owned().into()])].into(),
            settings: [].into(),
        }
    }

    /// The same with settings.
    pub fn account_with(settings: &[(&str, &str)]) -> Account {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Account { settings: settings.collect(), ..account() }
    }

    fn in_production(base: &str, settings: &[(&str, &str)]) -> Account {
        Account {
            environment: Environment::Production,
            base_url: base.parse().expect("an address"),
            ..account_with(settings)
        }
    }

    const QUERY: [&str; 2] = ["armazenamento", "consultarArmazenamento.se"];

    #[test]
    fn each_environment_has_its_own_address_and_no_path_follows_from_another() {
        let _story = testing::story("each_environment_has_its_own_address_and_no_path_follows_from_another");
        let html = |account: &Account| html_url(account, &QUERY).map(String::from).expect("an address");
        assert_eq!(
            html(&account()),
            "https://esitef-homologacao.softwareexpress.com.br/e-sitef-hml/armazenamento/consultarArmazenamento.se"
        );
        testing::covers!("CA-52");
        assert_eq!(
            html(&in_production(PRODUCTION, &[])),
            "https://esitef-ec.softwareexpress.com.br/e-sitef/armazenamento/consultarArmazenamento.se"
        );
        testing::covers!("CA-53");
        let rest = rest_url(&account(), &["v1", "transactions"]).map(String::from);
        assert_eq!(rest.ok().as_deref(), Some(&*format!("{HOMOLOGATION}/e-sitef/api/v1/transactions")));
        let own = [(HTML_URL, "https://a.example/x/"), (REST_URL, "https://b.example/y?z=1")];
        assert_eq!(html(&account_with(&own)), "https://a.example/x/armazenamento/consultarArmazenamento.se");
        let rest = rest_url(&account_with(&own), &["v1", "payments", "a/b"]).map(String::from);
        assert_eq!(rest.ok().as_deref(), Some("https://b.example/y/v1/payments/a%2Fb"));
    }

    #[test]
    fn production_is_called_by_name_and_encrypted_only() {
        let _story = testing::story("production_is_called_by_name_and_encrypted_only");
        for base in
            ["https://203.0.113.7", "https://[2001:db8::1]", "https://3405803783", "http://portal.example"]
        {
            let refusal = html_url(&in_production(base, &[]), &QUERY).expect_err(base);
            assert_eq!(refusal.code, "config_error", "{base}");
            assert!(rest_url(&in_production(base, &[]), &["v1"]).is_err(), "{base}");
        }
        testing::covers!("CA-54");
        let by_setting = in_production(PRODUCTION, &[(REST_URL, "https://203.0.113.7/e-sitef/api")]);
        assert!(rest_url(&by_setting, &["v1"]).is_err() && html_url(&by_setting, &QUERY).is_ok());
        let sandbox = Account { base_url: "http://127.0.0.1:4100".parse().expect("an address"), ..account() };
        assert!(html_url(&sandbox, &QUERY).is_ok());
        for odd in ["mailto:a@portal.example", "ftp://portal.example"] {
            let odd = Account { base_url: odd.parse().expect("an address"), ..account() };
            assert!(html_url(&odd, &QUERY).is_err());
        }
        assert!(html_url(&account_with(&[(HTML_URL, "aqui")]), &QUERY).is_err());
    }

    #[test]
    fn instalments_are_financed_as_the_account_says() {
        let digit = |word: &str, count| instalment_type(&account_with(&[(INSTALMENT_TYPE, word)]), count);
        assert_eq!((instalment_type(&account(), 3), instalment_type(&account(), 1)), ("4", "4"));
        assert_eq!((digit("with_interest", 3), digit("with_interest", 1)), ("3", "4"));
        assert_eq!((digit("airline_with_interest", 2), digit("airline_without_interest", 2)), ("6", "7"));
    }

    #[test]
    fn what_authenticates_has_to_be_there() {
        assert!(merchant_id(&account()).is_ok() && merchant_key(&account()).is_ok());
        for id in ["", "a b", "0123456789abcdef", "lojaé"] {
            let mut account = account();
            account.credentials.insert(MERCHANT_ID.into(), id.into());
            assert!(merchant_id(&account).is_err(), "{id}");
        }
        for key in ["", "a b", "a\r\nb"] {
            let mut account = account();
            account.secrets.insert(MERCHANT_KEY.into(), vec![key.to_owned().into()]);
            assert!(merchant_key(&account).is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_shop_has_the_brands_that_it_lists_or_all() {
        let listed = account_with(&[(AUTHORIZERS, "1, 2,223")]);
        assert!(
            has_authorizer(&listed, "2") && has_authorizer(&listed, "223") && !has_authorizer(&listed, "22")
        );
        assert!(has_authorizer(&account(), "41"));
        assert_eq!(
            (nit_life_s(&account()), nit_life_s(&account_with(&[(NIT_LIFE_MINUTES, "1")]))),
            (1800, 300)
        );
    }
}
