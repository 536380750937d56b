//! A merchant at the provider: its credentials, and its settings as steering writes them (§1).

use std::collections::BTreeMap;

use simulation::{Account, CommandError, World};

use crate::tokens;

/// ET-U17: minutes that a session lives.
pub const SESSION_MINUTES: i64 = 30;
/// Seconds until a bank that hesitates confirms, unless a merchant's setting says otherwise.
const LATE_CONFIRMATION_S: i64 = 300;
/// What steering may set.
const LONGEST_SESSION_MINUTES: i64 = 24 * 60;
const LONGEST_CONFIRMATION_S: i64 = 30 * 24 * 60 * 60;
/// The longest address a merchant may give.
const LONGEST_URL: usize = 2_048;

/// Where payers have their bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// Pesos without decimals.
    Chile,
    /// Mexican pesos.
    Mexico,
}

impl Country {
    /// ISO 3166-1 alpha-2.
    pub fn code(self) -> &'static str {
        word_of(self, COUNTRIES)
    }

    /// The country of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        COUNTRIES.iter().find(|(known, _)| *known == code).map(|(_, country)| *country)
    }

    /// `merchant_currency`
    pub fn currency(self) -> &'static str {
        match self {
            Self::Chile => "CLP",
            Self::Mexico => "MXN",
        }
    }
}

/// The provider's environments: each has its own addresses, and credentials of one are none in another (C-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// With the test bank.
    Sandbox,
    /// Given per merchant.
    Preproduction,
    /// Given per merchant.
    Production,
}

impl Environment {
    /// What stands between the origin and the paths of §3, §4 and §7.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Sandbox => "",
            Self::Preproduction => "/preproduction",
            Self::Production => "/production",
        }
    }
}

/// Where sources disagree: what is seen on the wire, or what the integration page and the catalogue's readings of it say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As public clients know it.
    Docs,
    /// As the integration page alone would have it (§11).
    Guide,
}

/// Which set of claims the provider writes (§6.2, §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimSet {
    /// `payment_status` is a word.
    Current,
    /// `payment_status` is a boolean.
    Older,
}

/// When the notice leaves (ET-U33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// As soon as the outcome is known.
    BeforeRedirect,
    /// Once the browser was sent back, or a minute later when it never was.
    AfterRedirect,
}

/// What an order id may be made of (C-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderIdRule {
    /// Strict in the profile `guide`, lenient in `docs`.
    ByProfile,
    /// Letters and digits.
    Strict,
    /// Letters, digits, `-` and `_`.
    Lenient,
}

/// All settings of a merchant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `state`: `active`, or `disabled`, which is refused by 403.
    pub is_active: bool,
    /// `environment`: `sandbox`, `preproduction`, `production`; chosen when the account is opened.
    pub environment: Environment,
    /// `country`: `CL`, `MX`.
    pub country: Country,
    /// `profile`: `docs`, `guide`.
    pub profile: Profile,
    /// `claims`: `current`, `older`.
    pub claims: ClaimSet,
    /// `order_id`: `by_profile`, `strict`, `lenient`.
    pub order_id: OrderIdRule,
    /// `notice`: `before_redirect`, `after_redirect`.
    pub timing: Timing,
    /// `merchant_name`: shown to payers.
    pub merchant_name: String,
    /// `success_url`: where payers go after a payment, unless a session says otherwise; may be empty.
    pub success_url: String,
    /// `failure_url`: where they go otherwise; may be the same.
    pub failure_url: String,
    /// `session_minutes` (ET-U17)
    pub session_minutes: i64,
    /// `late_confirmation_seconds`: how long a bank that hesitates takes.
    pub late_confirmation_s: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_active: true,
            environment: Environment::Sandbox,
            country: Country::Chile,
            profile: Profile::Docs,
            claims: ClaimSet::Current,
            order_id: OrderIdRule::ByProfile,
            timing: Timing::BeforeRedirect,
            merchant_name: "Comercio de prueba".into(),
            success_url: String::new(),
            failure_url: String::new(),
            session_minutes: SESSION_MINUTES,
            late_confirmation_s: LATE_CONFIRMATION_S,
        }
    }
}

impl Settings {
    /// Changes one setting by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CommandError> {
        match name {
            "state" => self.is_active = choose(name, value, STATES)?,
            "environment" => self.environment = choose(name, value, ENVIRONMENTS)?,
            "country" => self.country = choose(name, value, COUNTRIES)?,
            "profile" => self.profile = choose(name, value, PROFILES)?,
            "claims" => self.claims = choose(name, value, CLAIM_SETS)?,
            "order_id" => self.order_id = choose(name, value, ORDER_ID_RULES)?,
            "notice" => self.timing = choose(name, value, TIMINGS)?,
            "merchant_name" if !value.trim().is_empty() => value.trim().clone_into(&mut self.merchant_name),
            "success_url" if value.is_empty() || is_url(value) => value.clone_into(&mut self.success_url),
            "failure_url" if value.is_empty() || is_url(value) => value.clone_into(&mut self.failure_url),
            "session_minutes" => self.session_minutes = within(name, value, 1, LONGEST_SESSION_MINUTES)?,
            "late_confirmation_seconds" => {
                self.late_confirmation_s = within(name, value, 0, LONGEST_CONFIRMATION_S)?;
            }
            "merchant_name" | "success_url" | "failure_url" => return Err(refused(name, value)),
            unknown => return Err(CommandError(format!("etpay has no setting `{unknown}`"))),
        }
        Ok(())
    }

    /// Every setting with the value in force.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        [
            ("state", word_of(self.is_active, STATES).to_owned()),
            ("environment", word_of(self.environment, ENVIRONMENTS).to_owned()),
            ("country", self.country.code().to_owned()),
            ("profile", word_of(self.profile, PROFILES).to_owned()),
            ("claims", word_of(self.claims, CLAIM_SETS).to_owned()),
            ("order_id", word_of(self.order_id, ORDER_ID_RULES).to_owned()),
            ("notice", word_of(self.timing, TIMINGS).to_owned()),
            ("merchant_name", self.merchant_name.clone()),
            ("success_url", self.success_url.clone()),
            ("failure_url", self.failure_url.clone()),
            ("session_minutes", self.session_minutes.to_string()),
            ("late_confirmation_seconds", self.late_confirmation_s.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Whether an order id is letters and digits only.
    pub fn has_strict_order_ids(&self) -> bool {
        match self.order_id {
            OrderIdRule::ByProfile => self.profile == Profile::Guide,
            OrderIdRule::Strict => true,
            OrderIdRule::Lenient => false,
        }
    }

    /// ET-U05: decimals that an amount may have: none. C-13 reads the guide otherwise for currencies that have them.
    pub fn decimals(&self) -> u32 {
        match (self.profile, self.country) {
            (Profile::Guide, Country::Mexico) => 2,
            (Profile::Guide, Country::Chile) | (Profile::Docs, Country::Chile | Country::Mexico) => 0,
        }
    }
}

/// A merchant with its credentials.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The account's name.
    pub name: String,
    /// Its public code.
    pub code: String,
    /// Its secret.
    pub api_token: String,
    /// Base of the API.
    pub api_url: String,
    /// Base of the funnel.
    pub pmt_url: String,
    /// Where notices go, unless a session says otherwise.
    pub notification_url: Option<String>,
    /// Its settings.
    pub settings: Settings,
}

impl Merchant {
    /// A new merchant; the token comes by chance, the addresses from where the provider is mounted.
    pub fn open(
        name: String,
        code: String,
        notification_url: Option<String>,
        settings: Settings,
        world: &mut dyn World,
    ) -> Self {
        let (origin, prefix) = (world.origin(), settings.environment.prefix());
        Self {
            name,
            code,
            api_token: tokens::api_token(world),
            api_url: format!("{origin}{prefix}"),
            pmt_url: format!("{}{prefix}", funnel_origin(&origin)),
            notification_url,
            settings,
        }
    }

    /// Issues another token; the old one is void at once.
    pub fn rotate_token(&mut self, world: &mut dyn World) {
        self.api_token = tokens::api_token(world);
    }

    /// The account as steering shows it, with the four values that a merchant is given.
    pub fn to_account(&self) -> Account {
        let credentials = [
            ("merchant_code", &self.code),
            ("merchant_api_token", &self.api_token),
            ("api_url", &self.api_url),
            ("pmt_url", &self.pmt_url),
        ];
        Account {
            name: self.name.clone(),
            notification_url: self.notification_url.clone(),
            credentials: credentials.map(|(name, value)| (name.to_owned(), value.clone())).into(),
            settings: self.settings.to_map(),
        }
    }
}

/// The code of a merchant: `cl_sandbox_shop`, `mx_shop_mx`.
pub fn merchant_code(name: &str, settings: &Settings) -> String {
    let slug: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let country = settings.country.code().to_ascii_lowercase();
    match settings.environment {
        Environment::Sandbox => format!("{country}_sandbox_{slug}"),
        Environment::Preproduction | Environment::Production => format!("{country}_{slug}_{country}"),
    }
}

/// The funnel is a site of its own: another name on the same port, where names can be chosen.
pub fn funnel_origin(origin: &str) -> String {
    match origin.split_once("://") {
        Some((scheme, host)) if is_localhost(host) && !host.starts_with(FUNNEL_LABEL) => {
            format!("{scheme}://{FUNNEL_LABEL}{host}")
        }
        Some(_) | None => origin.to_owned(),
    }
}

/// How the funnel's name begins on this machine.
pub const FUNNEL_LABEL: &str = "pmt-";

fn is_localhost(host: &str) -> bool {
    host.split(':').next().is_some_and(|name| name.ends_with(".localhost"))
}

/// Whether a text is an absolute address that a browser may be sent to.
pub fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= LONGEST_URL
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

type Choices<T> = &'static [(&'static str, T)];

const STATES: Choices<bool> = &[("active", true), ("disabled", false)];
const ENVIRONMENTS: Choices<Environment> = &[
    ("sandbox", Environment::Sandbox),
    ("preproduction", Environment::Preproduction),
    ("production", Environment::Production),
];
const COUNTRIES: Choices<Country> = &[("CL", Country::Chile), ("MX", Country::Mexico)];
const PROFILES: Choices<Profile> = &[("docs", Profile::Docs), ("guide", Profile::Guide)];
const CLAIM_SETS: Choices<ClaimSet> = &[("current", ClaimSet::Current), ("older", ClaimSet::Older)];
const ORDER_ID_RULES: Choices<OrderIdRule> = &[
    ("by_profile", OrderIdRule::ByProfile),
    ("strict", OrderIdRule::Strict),
    ("lenient", OrderIdRule::Lenient),
];
const TIMINGS: Choices<Timing> =
    &[("before_redirect", Timing::BeforeRedirect), ("after_redirect", Timing::AfterRedirect)];

/// The environment that a path begins with.
pub fn environment_of(word: &str) -> Option<Environment> {
    ENVIRONMENTS.iter().find(|(known, _)| *known == word).map(|(_, environment)| *environment)
}

fn choose<T: Copy>(name: &str, value: &str, choices: Choices<T>) -> Result<T, CommandError> {
    let chosen = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
    chosen.ok_or_else(|| refused(name, value))
}

fn word_of<T: Copy + PartialEq>(value: T, choices: Choices<T>) -> &'static str {
    choices.iter().find(|(_, choice)| *choice == value).map_or("", |(word, _)| word)
}

fn within(name: &str, value: &str, least: i64, most: i64) -> Result<i64, CommandError> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| refused(name, value))
}

fn refused(name: &str, value: &str) -> CommandError {
    CommandError(format!("`{name}` cannot be `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_can_be_set_to_what_it_shows() {
        let mut settings = Settings::default();
        for (name, value) in settings.clone().to_map() {
            settings.set(&name, &value).expect(&name);
        }
        for (name, value) in [
            ("country", "PE"),
            ("session_minutes", "0"),
            ("success_url", "javascript:alert(1)"),
            ("failure_url", "https://"),
            ("merchant_name", " "),
            ("unheard", "1"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn the_funnel_is_another_site_where_names_can_be_chosen() {
        for (origin, funnel) in [
            ("http://etpay.localhost:4053", "http://pmt-etpay.localhost:4053"),
            ("http://pmt-etpay.localhost:4053", "http://pmt-etpay.localhost:4053"),
            ("http://127.0.0.1:4053", "http://127.0.0.1:4053"),
            ("", ""),
        ] {
            assert_eq!(funnel_origin(origin), funnel);
        }
    }
}
