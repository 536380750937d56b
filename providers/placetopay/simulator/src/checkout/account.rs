//! A merchant's site at the provider: its credentials, and its settings as steering writes them.

use std::collections::{BTreeMap, VecDeque};

use simulation::{Account, CommandError, Timestamp, World};

use super::methods::Method;
use super::random;
use super::texts::is_locale;
use crate::authentication::{self, SEED_TOLERANCE_S, SiteState};

/// Nonces remembered per site, to tell a repeated one; the window of the clock bounds them in time.
const NONCES_KEPT: usize = 10_000;
/// The largest attempts limit and the longest pending delay that steering may set.
const LARGEST_ATTEMPTS_LIMIT: u32 = 100;
const LONGEST_PENDING_S: i64 = 30 * 24 * 60 * 60;
/// The largest minimum of a mixed payment.
const LARGEST_MINIMUM: u32 = 1_000_000_000;

/// How the provider signs its notices to a site (§14.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// SHA-1, no prefix: the default.
    Sha1,
    /// `sha256:` and SHA-256: switched on per site by support.
    Sha256,
}

/// Where sources disagree: the certification guide or the public documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// AV-U21: after a rejected attempt the reason is `PT`. AV-U40: a session that expires without any attempt
    /// is notified.
    Docs,
    /// AV-U21: the reason goes back to `PC`. AV-U40: not notified, since no transaction changed its state.
    Guide,
}

/// AV-U50: the state of a transaction that ends in an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionState {
    /// `FAILED`
    Failed,
    /// `REJECTED`
    Rejected,
}

/// AV-U26: how a dispersion stands in the session's `payment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispersionShape {
    /// A parent with the children that were reached, the default: both the documentation's parent and the count of
    /// the guide.
    Parent,
    /// A parent with every child, those never sent as rejected.
    Documented,
    /// The children that were reached, each an element of its own.
    Flat,
}

/// AV-U34: what a reversal by API is answered after the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCutoff {
    /// HTTP 200, `REJECTED`, `XR`.
    Rejected,
    /// HTTP 400, `FAILED`, `BR`.
    Failed,
    /// As newer documentation has it: a refund, total or partial.
    Refund,
}

/// How transactions tell amounts: numbers, or texts as in what passed through the provider's PHP library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// `119000`
    Numbers,
    /// `"119000.00"`
    Texts,
}

/// AV-U31: what a collect is answered that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// The first one's answer.
    FirstAnswer,
    /// HTTP 400 `request_not_valid`.
    Refused,
}

/// All settings of a site.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `state`: `active`, `inactive`, `expired`, `credentials_expired`.
    pub state: SiteState,
    /// `signature`: `sha1`, `sha256`.
    pub signature: Signature,
    /// `sha1_authentication` (AV-U01): `accepted`, `refused`.
    pub accepts_sha1: bool,
    /// `profile`: `docs`, `guide`.
    pub profile: Profile,
    /// `exception` (AV-U50): `failed`, `rejected`.
    pub exception: ExceptionState,
    /// `locale`: used when a request brings none.
    pub locale: String,
    /// `country`: ISO 3166-1 alpha-2; decides the documents that the page offers.
    pub country: String,
    /// `currencies`: enabled ones, comma-separated.
    pub currencies: Vec<String>,
    /// `methods`: enabled ones, comma-separated.
    pub methods: Vec<Method>,
    /// `attempts_limit`: rejected attempts that end a session (§7.3).
    pub attempts_limit: u32,
    /// `pending_seconds` (AV-U49): until a pending card is decided.
    pub pending_s: i64,
    /// `help_email`: shown on the page.
    pub help_email: String,
    /// `transfer_seconds`: until a transfer that the bank left pending is approved (AV-U76).
    pub transfer_s: i64,
    /// `minimum_partial`: the least that a payer may pay of a mixed payment, in units of the currency.
    pub minimum_partial: u32,
    /// `dispersion_shape` (AV-U26): `parent`, `documented`, `flat`.
    pub dispersion_shape: DispersionShape,
    /// `refunded_flag` (AV-U52): `shown`, `hidden`.
    pub shows_refunded: bool,
    /// `after_cutoff` (AV-U34): `rejected`, `failed`, `refund`.
    pub after_cutoff: AfterCutoff,
    /// `automatic_reversal` (AV-U27): `approved`, `rejected`; of a dispersion that expired partly paid.
    pub automatic_reversal_succeeds: bool,
    /// `late_reversal`: `approved`, `rejected`; how the network settles one.
    pub late_reversal_succeeds: bool,
    /// `confirmation_flow` (AV-U68): `allowed`, `refused`.
    pub allows_confirmation: bool,
    /// `collect_repetition` (AV-U31): `first_answer`, `refused`.
    pub repetition: Repetition,
    /// `unknown_token` (AV-U75): `failed` (HTTP 400), `rejected` (a session that ended `XN`).
    pub unknown_token_fails: bool,
    /// `bank_failure`: `rejected`, `failed`; the transaction that the bank's page ended with "Fallido" (AV-U47).
    pub bank_failure: ExceptionState,
    /// `bank_reasons` (C-65): `fitting` lets the bank's page take the reasons that fit the state, `all` any of them.
    pub takes_any_reason: bool,
    /// `one_time_password`: `off`, `required`; whether the payer of a card is asked for one (§16).
    pub asks_password: bool,
    /// `numbers`: `numbers`, `texts`.
    pub numbers: Numbers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            state: SiteState::Active,
            signature: Signature::Sha1,
            accepts_sha1: true,
            profile: Profile::Docs,
            exception: ExceptionState::Failed,
            locale: "es_CO".into(),
            country: "CO".into(),
            currencies: vec!["COP".into(), "USD".into()],
            methods: Method::all(),
            attempts_limit: 10,
            pending_s: 60,
            help_email: "ayuda@avalpay.example".into(),
            transfer_s: 3_600,
            minimum_partial: 1,
            dispersion_shape: DispersionShape::Parent,
            shows_refunded: true,
            after_cutoff: AfterCutoff::Rejected,
            automatic_reversal_succeeds: true,
            late_reversal_succeeds: true,
            allows_confirmation: true,
            repetition: Repetition::FirstAnswer,
            unknown_token_fails: true,
            bank_failure: ExceptionState::Rejected,
            takes_any_reason: false,
            asks_password: false,
            numbers: Numbers::Numbers,
        }
    }
}

impl Settings {
    /// Changes one setting by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CommandError> {
        match name {
            "state" => self.state = choose(name, value, STATES)?,
            "signature" => self.signature = choose(name, value, SIGNATURES)?,
            "sha1_authentication" => self.accepts_sha1 = choose(name, value, ACCEPTANCE)?,
            "profile" => self.profile = choose(name, value, PROFILES)?,
            "exception" => self.exception = choose(name, value, EXCEPTIONS)?,
            "locale" if is_locale(value) => value.clone_into(&mut self.locale),
            "country" if is_capitals(value, 2) => value.clone_into(&mut self.country),
            "currencies" => self.currencies = read_list(name, value, read_currency)?,
            "methods" => self.methods = read_list(name, value, Method::of_code)?,
            "attempts_limit" => self.attempts_limit = within(name, value, 1, LARGEST_ATTEMPTS_LIMIT)?,
            "pending_seconds" => self.pending_s = within(name, value, 0, LONGEST_PENDING_S)?,
            "transfer_seconds" => self.transfer_s = within(name, value, 0, LONGEST_PENDING_S)?,
            "minimum_partial" => self.minimum_partial = within(name, value, 1, LARGEST_MINIMUM)?,
            "dispersion_shape" => self.dispersion_shape = choose(name, value, SHAPES)?,
            "refunded_flag" => self.shows_refunded = choose(name, value, FLAG)?,
            "after_cutoff" => self.after_cutoff = choose(name, value, CUTOFFS)?,
            "automatic_reversal" => self.automatic_reversal_succeeds = choose(name, value, OUTCOMES)?,
            "late_reversal" => self.late_reversal_succeeds = choose(name, value, OUTCOMES)?,
            "confirmation_flow" => self.allows_confirmation = choose(name, value, ALLOWANCE)?,
            "collect_repetition" => self.repetition = choose(name, value, REPETITIONS)?,
            "unknown_token" => self.unknown_token_fails = choose(name, value, UNKNOWN_TOKENS)?,
            "bank_failure" => self.bank_failure = choose(name, value, EXCEPTIONS)?,
            "bank_reasons" => self.takes_any_reason = choose(name, value, BANK_REASONS)?,
            "one_time_password" => self.asks_password = choose(name, value, PASSWORDS)?,
            "numbers" => self.numbers = choose(name, value, NUMBERS)?,
            "help_email" if value.contains('@') => value.clone_into(&mut self.help_email),
            "locale" | "country" | "help_email" => return Err(refused(name, value)),
            unknown => return Err(CommandError(format!("avalpay has no setting `{unknown}`"))),
        }
        Ok(())
    }

    /// Every setting with the value in force.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let methods: Vec<&str> = self.methods.iter().map(|method| method.code()).collect();
        [
            ("state", word_of(self.state, STATES).to_owned()),
            ("signature", word_of(self.signature, SIGNATURES).to_owned()),
            ("sha1_authentication", word_of(self.accepts_sha1, ACCEPTANCE).to_owned()),
            ("profile", word_of(self.profile, PROFILES).to_owned()),
            ("exception", word_of(self.exception, EXCEPTIONS).to_owned()),
            ("locale", self.locale.clone()),
            ("country", self.country.clone()),
            ("currencies", self.currencies.join(",")),
            ("methods", methods.join(",")),
            ("attempts_limit", self.attempts_limit.to_string()),
            ("pending_seconds", self.pending_s.to_string()),
            ("help_email", self.help_email.clone()),
            ("transfer_seconds", self.transfer_s.to_string()),
            ("minimum_partial", self.minimum_partial.to_string()),
            ("dispersion_shape", word_of(self.dispersion_shape, SHAPES).to_owned()),
            ("refunded_flag", word_of(self.shows_refunded, FLAG).to_owned()),
            ("after_cutoff", word_of(self.after_cutoff, CUTOFFS).to_owned()),
            ("automatic_reversal", word_of(self.automatic_reversal_succeeds, OUTCOMES).to_owned()),
            ("late_reversal", word_of(self.late_reversal_succeeds, OUTCOMES).to_owned()),
            ("confirmation_flow", word_of(self.allows_confirmation, ALLOWANCE).to_owned()),
            ("collect_repetition", word_of(self.repetition, REPETITIONS).to_owned()),
            ("unknown_token", word_of(self.unknown_token_fails, UNKNOWN_TOKENS).to_owned()),
            ("bank_failure", word_of(self.bank_failure, EXCEPTIONS).to_owned()),
            ("bank_reasons", word_of(self.takes_any_reason, BANK_REASONS).to_owned()),
            ("one_time_password", word_of(self.asks_password, PASSWORDS).to_owned()),
            ("numbers", word_of(self.numbers, NUMBERS).to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// A site.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The account's name.
    pub name: String,
    /// AV-U45: the number after `T` in a session's label.
    pub number: usize,
    /// 32 hexadecimal characters.
    pub login: String,
    /// The shared secret.
    pub secret_key: String,
    /// Where notices go.
    pub notification_url: Option<String>,
    /// Its settings.
    pub settings: Settings,
    nonces: VecDeque<(Timestamp, String)>,
}

impl Merchant {
    /// A new site with credentials issued by chance.
    pub fn open(
        name: String,
        number: usize,
        notification_url: Option<String>,
        settings: Settings,
        world: &mut dyn World,
    ) -> Self {
        let login = random::hex(world, 16);
        let secret_key = random::secret(world);
        Self { name, number, login, secret_key, notification_url, settings, nonces: VecDeque::new() }
    }

    /// Issues another secret; the old one is void at once.
    pub fn rotate_secret(&mut self, world: &mut dyn World) {
        self.secret_key = random::secret(world);
    }

    /// What authentication needs to know.
    pub fn as_site(&self) -> authentication::Site<'_> {
        authentication::Site {
            secret_key: &self.secret_key,
            state: self.settings.state,
            accepts_sha1: self.settings.accepts_sha1,
        }
    }

    /// The account as steering shows it.
    pub fn to_account(&self) -> Account {
        Account {
            name: self.name.clone(),
            notification_url: self.notification_url.clone(),
            credentials: [("login", &self.login), ("secret_key", &self.secret_key)]
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .into(),
            settings: self.settings.to_map(),
        }
    }

    /// Remembers a nonce and tells whether it is new inside the clock's window. AV-U03: a repeated one is
    /// noted, not refused.
    pub fn is_new_nonce(&mut self, nonce: &str, now: Timestamp) -> bool {
        let window_us = 2 * SEED_TOLERANCE_S * 1_000_000;
        let is_old = |at: Timestamp| now.as_microsecond().saturating_sub(at.as_microsecond()) > window_us;
        while self.nonces.front().is_some_and(|(at, _)| is_old(*at)) || self.nonces.len() >= NONCES_KEPT {
            self.nonces.pop_front();
        }
        let is_new = self.nonces.iter().all(|(_, known)| known != nonce);
        self.nonces.push_back((now, nonce.to_owned()));
        is_new
    }
}

type Words<T> = &'static [(&'static str, T)];

const STATES: Words<SiteState> = &[
    ("active", SiteState::Active),
    ("inactive", SiteState::Inactive),
    ("expired", SiteState::Expired),
    ("credentials_expired", SiteState::CredentialsExpired),
];
const SIGNATURES: Words<Signature> = &[("sha1", Signature::Sha1), ("sha256", Signature::Sha256)];
const ACCEPTANCE: Words<bool> = &[("accepted", true), ("refused", false)];
const PROFILES: Words<Profile> = &[("docs", Profile::Docs), ("guide", Profile::Guide)];
const EXCEPTIONS: Words<ExceptionState> =
    &[("failed", ExceptionState::Failed), ("rejected", ExceptionState::Rejected)];
const SHAPES: Words<DispersionShape> = &[
    ("parent", DispersionShape::Parent),
    ("documented", DispersionShape::Documented),
    ("flat", DispersionShape::Flat),
];
const CUTOFFS: Words<AfterCutoff> =
    &[("rejected", AfterCutoff::Rejected), ("failed", AfterCutoff::Failed), ("refund", AfterCutoff::Refund)];
const FLAG: Words<bool> = &[("shown", true), ("hidden", false)];
const OUTCOMES: Words<bool> = &[("approved", true), ("rejected", false)];
const ALLOWANCE: Words<bool> = &[("allowed", true), ("refused", false)];
const UNKNOWN_TOKENS: Words<bool> = &[("failed", true), ("rejected", false)];
const REPETITIONS: Words<Repetition> =
    &[("first_answer", Repetition::FirstAnswer), ("refused", Repetition::Refused)];
const PASSWORDS: Words<bool> = &[("off", false), ("required", true)];
const BANK_REASONS: Words<bool> = &[("fitting", false), ("all", true)];
const NUMBERS: Words<Numbers> = &[("numbers", Numbers::Numbers), ("texts", Numbers::Texts)];

fn choose<T: Copy>(name: &str, value: &str, words: Words<T>) -> Result<T, CommandError> {
    words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        CommandError(format!("`{name}` is one of {}, not `{value}`", known.join(", ")))
    })
}

fn word_of<T: Copy + PartialEq>(meaning: T, words: Words<T>) -> &'static str {
    words.iter().find(|(_, known)| *known == meaning).map_or("", |(word, _)| word)
}

fn within<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    value: &str,
    least: N,
    most: N,
) -> Result<N, CommandError> {
    let sentence = format!("`{name}` is a number from {least} to {most}, not `{value}`");
    value.parse::<N>().ok().filter(|number| *number >= least && *number <= most).ok_or(CommandError(sentence))
}

fn read_list<T>(name: &str, value: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, CommandError> {
    value.split(',').map(|item| read(item.trim()).ok_or_else(|| refused(name, item))).collect()
}

fn read_currency(code: &str) -> Option<String> {
    simulation::decimal::exponent(code).map(|_| code.to_owned())
}

fn is_capitals(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn refused(name: &str, value: &str) -> CommandError {
    CommandError(format!("`{value}` is not a value of `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_shown_can_be_set_to_the_value_shown() {
        let shown = Settings::default().to_map();
        let mut settings = Settings::default();
        for (name, value) in &shown {
            settings.set(name, value).expect(name);
        }
        assert_eq!(settings.to_map(), shown);
    }

    #[test]
    fn wrong_values_and_unknown_settings_are_refused() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("state", "open"),
            ("signature", "md5"),
            ("locale", "spanish"),
            ("country", "co"),
            ("currencies", "COP,XXX"),
            ("methods", "visa,cash"),
            ("attempts_limit", "0"),
            ("pending_seconds", "-1"),
            ("help_email", "nobody"),
            ("minimum_partial", "0"),
            ("dispersion_shape", "tree"),
            ("after_cutoff", "approved"),
            ("colour", "blue"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} = {value}");
        }
    }
}
