//! A shop at the portal: its credentials, its registered addresses, and its settings as steering writes them.

use std::collections::BTreeMap;

use simulation::{Account, CommandError, World};

use crate::authorizers::{self, Authorizer};
use crate::course::Routing;
use crate::identifiers;
use crate::page::labels::Language;

/// CA-U21: seconds that a `nit` may be used.
const NIT_LIFE_S: i64 = 30 * 60;
/// CA-U42: seconds without a move on the hosted page until the payment counts as abandoned.
const IDLE_S: i64 = 10 * 60;
/// CA-U14: seconds between two tries to deliver a notice, always the same.
const NOTICE_INTERVAL_S: i64 = 60;
/// CA-U41: cards that could not be used, until the payment is blocked.
const CARD_LIMIT: u32 = 5;
const LONGEST_S: i64 = 30 * 24 * 60 * 60;
const MOST_ATTEMPTS: u32 = 100;

/// Where sources disagree: the seed page with what was read out of it, or the rest of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `nsua` has fifteen digits; a notice is tried three times in all; `<` in a format means fewer than;
    /// a JSON boolean or number where a text is shown is refused.
    Guide,
    /// `nsua` ends in a letter; a notice is tried once and then up to three times again; CA-U01: `<` means up
    /// to and including; booleans and numbers are taken.
    Docs,
}

/// How a setting with two sides stands: `yes` or `no`.
type Switch = bool;

/// The identifiers of a storage transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// In the forms of the tables.
    Proper,
    /// With the forms that the seed page's sample shows, where the two are swapped.
    Swapped,
}

/// What becomes of a card that is not of the authorizer chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Nothing: the authorizer chosen stays.
    Ignore,
    /// The card's own authorizer takes its place.
    Switch,
    /// The card is refused.
    Refuse,
}

/// Which of the two notices about a stored payment is queued first. CA-U15: nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeOrder {
    /// Status, then storage.
    StatusFirst,
    /// Storage, then status.
    StorageFirst,
}

/// Parameters of notices beyond the documented tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extras {
    /// None.
    None,
    /// Those that were seen in real notices.
    Seen,
    /// Those, and some whose names and values chance makes.
    Random,
}

/// How `nsu` reads when the shop sent none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentNumber {
    /// The four letters `null`.
    Null,
    /// The parameter is left out.
    Absent,
}

/// Which changes of a payment are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// CA-U44: everything but that it was created and that the page was opened.
    Outcomes,
    /// That the page was opened, too.
    Every,
}

/// All settings of a shop.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `profile`: `docs`, `guide`.
    pub profile: Profile,
    /// `active`: whether the shop is switched on.
    pub is_active: Switch,
    /// `language`: of the page.
    pub language: Language,
    /// `storage_url`: where storage notices go.
    pub storage_url: Option<String>,
    /// `authenticity_url`: where sensitive operations are checked.
    pub authenticity_url: Option<String>,
    /// `url_success`, `url_failure`, `url_cancel`: where the payer goes back to.
    pub back: [Option<String>; 3],
    /// `plain_http`: whether notices go to addresses without TLS.
    pub takes_plain_http: Switch,
    /// `authorizers`: enabled ones by number, comma-separated.
    pub authorizers: Vec<&'static Authorizer>,
    /// `storage`: whether the shop may keep cards.
    pub may_store: Switch,
    /// `rest_notices`: whether REST payments are told ("version 6").
    pub tells_rest: Switch,
    /// `key_checked`: whether a `merchant_key` header of the HTML interface is checked.
    pub checks_html_key: Switch,
    /// `notice_attempts`: tries to deliver a notice; by profile when not set.
    pub notice_attempts: Option<u32>,
    /// `notice_interval_seconds` (CA-U14)
    pub notice_interval_s: i64,
    /// `status_delay_seconds`
    pub status_delay_s: i64,
    /// `storage_delay_seconds`
    pub storage_delay_s: i64,
    /// `query_delay_seconds`: until a query's notice leaves.
    pub query_delay_s: i64,
    /// `notice_order` (CA-U15): `status_first`, `storage_first`.
    pub notice_order: NoticeOrder,
    /// `extra_parameters`: `none`, `seen`, `random`.
    pub extras: Extras,
    /// `absent_nsu`: `null`, `absent`.
    pub absent_number: AbsentNumber,
    /// `told`: `outcomes`, `every`.
    pub told: Told,
    /// `storage_failure_told` (CA-U16): whether a payment that keeps no card sends a storage notice `INV`.
    pub tells_storage_failure: Switch,
    /// `identifiers`: `proper`, `swapped`.
    pub shapes: Shapes,
    /// `exchange`: `ignore`, `switch`, `refuse`.
    pub exchange: Exchange,
    /// `routing`: `sitef`, `gateway`.
    pub routing: Routing,
    /// `code_required`: whether the acquirer wants a security code with a stored card.
    pub requires_code: Switch,
    /// `issuer_accepts_no_code`: whether the issuer approves a stored card without a security code.
    pub issuer_accepts_no_code: Switch,
    /// `cancellation_card`: whether a cancellation needs the card or its token.
    pub cancels_with_card: Switch,
    /// `max_installments`
    pub max_installments: u8,
    /// `nit_life_seconds` (CA-U21)
    pub nit_life_s: i64,
    /// `idle_seconds` (CA-U42)
    pub idle_s: i64,
    /// `card_limit` (CA-U41)
    pub card_limit: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::Docs,
            is_active: true,
            language: Language::Portuguese,
            storage_url: None,
            authenticity_url: None,
            back: [None, None, None],
            takes_plain_http: true,
            authorizers: authorizers::all().iter().filter(|authorizer| authorizer.kind.is_card()).collect(),
            may_store: true,
            tells_rest: true,
            checks_html_key: false,
            notice_attempts: None,
            notice_interval_s: NOTICE_INTERVAL_S,
            status_delay_s: 0,
            storage_delay_s: 0,
            query_delay_s: 0,
            notice_order: NoticeOrder::StatusFirst,
            extras: Extras::Seen,
            absent_number: AbsentNumber::Null,
            told: Told::Outcomes,
            tells_storage_failure: false,
            shapes: Shapes::Proper,
            exchange: Exchange::Ignore,
            routing: Routing::Sitef,
            requires_code: false,
            issuer_accepts_no_code: true,
            cancels_with_card: false,
            max_installments: 12,
            nit_life_s: NIT_LIFE_S,
            idle_s: IDLE_S,
            card_limit: CARD_LIMIT,
        }
    }
}

impl Settings {
    /// Changes one setting by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CommandError> {
        match name {
            "profile" => self.profile = choose(name, value, PROFILES)?,
            "active" => self.is_active = choose(name, value, SWITCH)?,
            "language" => self.language = choose(name, value, LANGUAGES)?,
            "storage_url" => self.storage_url = address(name, value)?,
            "authenticity_url" => self.authenticity_url = address(name, value)?,
            "url_success" => self.back[0] = address(name, value)?,
            "url_failure" => self.back[1] = address(name, value)?,
            "url_cancel" => self.back[2] = address(name, value)?,
            "plain_http" => self.takes_plain_http = choose(name, value, SWITCH)?,
            "authorizers" => self.authorizers = read_authorizers(value)?,
            "storage" => self.may_store = choose(name, value, SWITCH)?,
            "rest_notices" => self.tells_rest = choose(name, value, SWITCH)?,
            "key_checked" => self.checks_html_key = choose(name, value, SWITCH)?,
            "notice_attempts" => self.notice_attempts = Some(within(name, value, 1, MOST_ATTEMPTS)?),
            "notice_interval_seconds" => self.notice_interval_s = within(name, value, 1, LONGEST_S)?,
            "status_delay_seconds" => self.status_delay_s = within(name, value, 0, LONGEST_S)?,
            "storage_delay_seconds" => self.storage_delay_s = within(name, value, 0, LONGEST_S)?,
            "query_delay_seconds" => self.query_delay_s = within(name, value, 0, LONGEST_S)?,
            "notice_order" => self.notice_order = choose(name, value, NOTICE_ORDERS)?,
            "extra_parameters" => self.extras = choose(name, value, EXTRAS)?,
            "absent_nsu" => self.absent_number = choose(name, value, ABSENT_NUMBERS)?,
            "told" => self.told = choose(name, value, TOLD)?,
            "storage_failure_told" => self.tells_storage_failure = choose(name, value, SWITCH)?,
            "identifiers" => self.shapes = choose(name, value, SHAPES)?,
            "exchange" => self.exchange = choose(name, value, EXCHANGES)?,
            "routing" => self.routing = choose(name, value, ROUTINGS)?,
            "code_required" => self.requires_code = choose(name, value, SWITCH)?,
            "issuer_accepts_no_code" => self.issuer_accepts_no_code = choose(name, value, SWITCH)?,
            "cancellation_card" => self.cancels_with_card = choose(name, value, SWITCH)?,
            "max_installments" => self.max_installments = within(name, value, 1, 99)?,
            "nit_life_seconds" => self.nit_life_s = within(name, value, 1, LONGEST_S)?,
            "idle_seconds" => self.idle_s = within(name, value, 1, LONGEST_S)?,
            "card_limit" => self.card_limit = within(name, value, 1, MOST_ATTEMPTS)?,
            unknown => return Err(CommandError(format!("carat_esitef has no setting `{unknown}`"))),
        }
        Ok(())
    }

    /// Every setting with the value in force; an address that is not registered is left out.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let word = |meaning: Switch| word_of(meaning, SWITCH).to_owned();
        let authorizers: Vec<String> =
            self.authorizers.iter().map(|authorizer| authorizer.id.to_string()).collect();
        let [success, failure, cancel] = self.back.clone();
        let plain = [
            ("profile", word_of(self.profile, PROFILES).to_owned()),
            ("active", word(self.is_active)),
            ("language", word_of(self.language, LANGUAGES).to_owned()),
            ("plain_http", word(self.takes_plain_http)),
            ("authorizers", authorizers.join(",")),
            ("storage", word(self.may_store)),
            ("rest_notices", word(self.tells_rest)),
            ("key_checked", word(self.checks_html_key)),
            ("notice_attempts", self.notice_attempts().to_string()),
            ("notice_interval_seconds", self.notice_interval_s.to_string()),
            ("status_delay_seconds", self.status_delay_s.to_string()),
            ("storage_delay_seconds", self.storage_delay_s.to_string()),
            ("query_delay_seconds", self.query_delay_s.to_string()),
            ("notice_order", word_of(self.notice_order, NOTICE_ORDERS).to_owned()),
            ("extra_parameters", word_of(self.extras, EXTRAS).to_owned()),
            ("absent_nsu", word_of(self.absent_number, ABSENT_NUMBERS).to_owned()),
            ("told", word_of(self.told, TOLD).to_owned()),
            ("storage_failure_told", word(self.tells_storage_failure)),
            ("identifiers", word_of(self.shapes, SHAPES).to_owned()),
            ("exchange", word_of(self.exchange, EXCHANGES).to_owned()),
            ("routing", word_of(self.routing, ROUTINGS).to_owned()),
            ("code_required", word(self.requires_code)),
            ("issuer_accepts_no_code", word(self.issuer_accepts_no_code)),
            ("cancellation_card", word(self.cancels_with_card)),
            ("max_installments", self.max_installments.to_string()),
            ("nit_life_seconds", self.nit_life_s.to_string()),
            ("idle_seconds", self.idle_s.to_string()),
            ("card_limit", self.card_limit.to_string()),
        ];
        let addresses = [
            ("storage_url", self.storage_url.clone()),
            ("authenticity_url", self.authenticity_url.clone()),
            ("url_success", success),
            ("url_failure", failure),
            ("url_cancel", cancel),
        ];
        let addresses = addresses.into_iter().filter_map(|(name, value)| Some((name, value?)));
        plain.into_iter().chain(addresses).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// CA-U14: tries to deliver a notice. The documentation says up to three resends; what was read out of
    /// the seed page counts three tries in all.
    pub fn notice_attempts(&self) -> u32 {
        self.notice_attempts.unwrap_or(match self.profile {
            Profile::Guide => 3,
            Profile::Docs => 4,
        })
    }

    /// CA-U01: the longest text that a format of "less than `limit`" allows.
    pub fn longest(&self, limit: usize) -> usize {
        match self.profile {
            Profile::Guide => limit - 1,
            Profile::Docs => limit,
        }
    }

    /// The enabled authorizer with this number.
    pub fn authorizer(&self, id: u16) -> Option<&'static Authorizer> {
        self.authorizers.iter().copied().find(|authorizer| authorizer.id == id)
    }
}

/// A shop.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The account's name.
    pub name: String,
    /// The shop's code.
    pub id: String,
    /// The shop's key, of the REST interface.
    pub key: String,
    /// Where status notices go.
    pub status_url: Option<String>,
    /// Its settings.
    pub settings: Settings,
}

impl Merchant {
    /// A new shop with credentials issued by chance.
    pub fn open(name: String, status_url: Option<String>, settings: Settings, world: &mut dyn World) -> Self {
        let id = identifiers::merchant_id(world);
        Self { name, id, key: identifiers::merchant_key(world), status_url, settings }
    }

    /// The account as steering shows it.
    pub fn to_account(&self) -> Account {
        let credentials = [("merchant_id", &self.id), ("merchant_key", &self.key)];
        Account {
            name: self.name.clone(),
            notification_url: self.status_url.clone(),
            credentials: credentials.map(|(name, value)| (name.to_owned(), value.clone())).into(),
            settings: self.settings.to_map(),
        }
    }
}

type Words<T> = &'static [(&'static str, T)];

const SWITCH: Words<Switch> = &[("yes", true), ("no", false)];
const PROFILES: Words<Profile> = &[("docs", Profile::Docs), ("guide", Profile::Guide)];
const LANGUAGES: Words<Language> =
    &[("es", Language::Spanish), ("pt", Language::Portuguese), ("en", Language::English)];
const NOTICE_ORDERS: Words<NoticeOrder> =
    &[("status_first", NoticeOrder::StatusFirst), ("storage_first", NoticeOrder::StorageFirst)];
const EXTRAS: Words<Extras> = &[("none", Extras::None), ("seen", Extras::Seen), ("random", Extras::Random)];
const ABSENT_NUMBERS: Words<AbsentNumber> = &[("null", AbsentNumber::Null), ("absent", AbsentNumber::Absent)];
const TOLD: Words<Told> = &[("outcomes", Told::Outcomes), ("every", Told::Every)];
const SHAPES: Words<Shapes> = &[("proper", Shapes::Proper), ("swapped", Shapes::Swapped)];
const EXCHANGES: Words<Exchange> =
    &[("ignore", Exchange::Ignore), ("switch", Exchange::Switch), ("refuse", Exchange::Refuse)];
const ROUTINGS: Words<Routing> = &[("sitef", Routing::Sitef), ("gateway", Routing::Gateway)];

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

/// An address of the web; nothing takes it away.
fn address(name: &str, value: &str) -> Result<Option<String>, CommandError> {
    match value {
        "" => Ok(None),
        url if is_web_address(url) => Ok(Some(url.to_owned())),
        other => Err(CommandError(format!("`{name}` is an address that begins with http, not `{other}`"))),
    }
}

/// Whether a text is an address that a browser or a notice may be sent to.
pub fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_authorizers(value: &str) -> Result<Vec<&'static Authorizer>, CommandError> {
    value
        .split(',')
        .map(|id| {
            let known = id.trim().parse().ok().and_then(authorizers::find);
            known
                .filter(|authorizer| authorizer.kind.is_card())
                .ok_or_else(|| CommandError(format!("`{id}` is no authorizer of cards")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_shown_can_be_set_to_the_value_shown() {
        let mut settings = Settings::default();
        for name in ["storage_url", "authenticity_url", "url_success", "url_failure", "url_cancel"] {
            settings.set(name, "https://loja.example/x").expect(name);
        }
        for (name, value) in &settings.to_map() {
            settings.set(name, value).expect(name);
        }
        assert!(settings.set("nothing", "1").is_err());
    }

    #[test]
    fn a_value_that_is_none_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("profile", "other"),
            ("active", "true"),
            ("storage_url", "loja.example"),
            ("url_cancel", "javascript:alert(1)"),
            ("authorizers", "1,999"),
            ("authorizers", "440"),
            ("notice_attempts", "0"),
            ("nit_life_seconds", "x"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} {value}");
        }
        assert_eq!(settings.to_map(), Settings::default().to_map());
    }

    #[test]
    fn a_profile_decides_how_a_format_and_a_retry_are_read() {
        let mut settings = Settings::default();
        assert_eq!((settings.longest(12), settings.notice_attempts()), (12, 4));
        settings.set("profile", "guide").expect("a profile");
        assert_eq!((settings.longest(12), settings.notice_attempts()), (11, 3));
        settings.set("notice_attempts", "7").expect("a number");
        assert_eq!(settings.notice_attempts(), 7);
    }
}
