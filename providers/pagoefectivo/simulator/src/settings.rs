//! What was agreed with a merchant, and how the provider behaves where nobody knows, by name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use simulation::CommandError;
use simulation::decimal::Decimal;

/// Two sources that disagree: the specification for merchants, or the technical document of version 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Only currency, amount and transactionCode are mandatory, an amount lies above the minimum, and the
    /// spelling `userCodeContry` is understood (§4.4, §4.5).
    Guide,
    /// The payer's e-mail and phone are mandatory too, an amount may be the minimum, and a misspelt field is one
    /// that nobody knows.
    Docs,
}

/// Which of the provider's two environments an account belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// "Integraciones": the simulator of payments works.
    Test,
    /// It does not.
    Production,
}

/// How `code` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeStyle {
    /// `100`
    Number,
    /// `"100"`
    Text,
}

/// Where the codes 508 and 511 stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPlace {
    /// PE-U19: at the top, `data` an empty array.
    Top,
    /// As an element of 111.
    Element,
}

/// How a notice writes its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountStyle {
    /// PE-U37: always two decimals, `149.90`.
    TwoDecimals,
    /// As short as possible, `149.9`.
    Shortest,
}

/// All settings of a service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `state`: `active`, or `disabled`, which answers 508.
    pub is_active: bool,
    /// `profile`: `guide`, `docs`.
    pub profile: Profile,
    /// `minimum_inclusive`: whether the minimum itself is an amount; follows the profile unless set.
    minimum_inclusive: Option<bool>,
    /// `environment`: `test`, `production`.
    pub environment: Environment,
    /// `merchant_name`: as the payer reads it.
    pub merchant_name: String,
    /// `currencies` (PE-U02): what the service may be asked for, comma-separated.
    pub currencies: Vec<String>,
    /// `maximum_pen`, `maximum_usd`: agreed with the account executive.
    pub maximum: BTreeMap<&'static str, Decimal>,
    /// `default_expiry_s`: a CIP's life when the request says none; four hours were seen (§4.7).
    pub default_expiry_s: i64,
    /// `token_life_s`: two hours; five minutes were seen.
    pub token_life_s: i64,
    /// `date_request_skew_s` (PE-U08): how far `dateRequest` may be from the provider's clock.
    pub date_request_skew_s: i64,
    /// `code_on_success`: `number`, `text`.
    pub code_on_success: CodeStyle,
    /// `code_on_error`: `text`, `number`.
    pub code_on_error: CodeStyle,
    /// `special_errors` (PE-U19): `top`, `element`.
    pub special_errors: ErrorPlace,
    /// `unknown_members`: whether answers and notices carry a member that no document has.
    pub unknown_members: bool,
    /// `caller_addresses`: from where the merchant said it calls, comma-separated; empty lets all in.
    pub caller_addresses: Vec<IpAddr>,
    /// `notice_sources`: addresses of this machine that stand for the provider's pool, comma-separated; empty
    /// leaves it to the system.
    pub notice_sources: Vec<IpAddr>,
    /// `notice_amount` (PE-U37): `two_decimals`, `shortest`.
    pub notice_amount: AmountStyle,
    /// `notice_observed_members`: whether a notice carries `paymentDate` and `transactionCode`.
    pub notice_observed_members: bool,
    /// `notice_fraction_digits` (PE-U36): digits of fraction in `paymentDate`.
    pub notice_fraction_digits: u8,
    /// `notice_retries_s` (PE-U38): seconds from a failed attempt to the next, comma-separated; one in all.
    pub notice_retries_s: Vec<u32>,
    /// `plain_http_notices` (PE-U55): `accepted`, `refused`.
    pub plain_http_notices: bool,
    /// `reminder_countries`: country codes for which reminders by phone were agreed, comma-separated.
    pub reminder_countries: Vec<String>,
    /// `reminder_percent` (PE-U48): of a CIP's life, when the reminder goes out.
    pub reminder_percent: i64,
    /// `cip_digits`: of a CIP's number.
    pub cip_digits: u32,
}

/// Country codes in use (§11.3).
pub const COUNTRY_CODES: [&str; 2] = ["+51", "+593"];
/// Currencies of the provider, and what a payer reads them as.
pub const CURRENCIES: [&str; 2] = ["PEN", "USD"];

/// PE-U38: one second attempt, five minutes after the first has failed.
const RETRY_AFTER_S: u32 = 300;
/// PE-U08: two hours either way.
const DATE_REQUEST_SKEW_S: i64 = 7_200;
/// PE-U48: at half of a CIP's life.
const REMINDER_PERCENT: i64 = 50;

const MOST_RETRIES: usize = 10;
const LONGEST_RETRY_S: u32 = 7 * 24 * 60 * 60;
const MOST_ADDRESSES: usize = 64;
const LONGEST_S: i64 = 200 * 24 * 60 * 60;
const LONGEST_NAME: usize = 60;

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_active: true,
            profile: Profile::Guide,
            minimum_inclusive: None,
            environment: Environment::Test,
            merchant_name: "Comercio de demostración".into(),
            currencies: CURRENCIES.map(str::to_owned).into(),
            maximum: [("PEN", Decimal::from(10_000)), ("USD", Decimal::from(3_000))].into(),
            default_expiry_s: 14_400,
            token_life_s: 7_200,
            date_request_skew_s: DATE_REQUEST_SKEW_S,
            code_on_success: CodeStyle::Number,
            code_on_error: CodeStyle::Text,
            special_errors: ErrorPlace::Top,
            unknown_members: false,
            caller_addresses: Vec::new(),
            notice_sources: Vec::new(),
            notice_amount: AmountStyle::TwoDecimals,
            notice_observed_members: true,
            notice_fraction_digits: 0,
            notice_retries_s: vec![RETRY_AFTER_S],
            plain_http_notices: true,
            reminder_countries: Vec::new(),
            reminder_percent: REMINDER_PERCENT,
            cip_digits: 8,
        }
    }
}

impl Settings {
    /// Whether the minimum itself is an amount (§4.5).
    pub fn is_minimum_inclusive(&self) -> bool {
        self.minimum_inclusive.unwrap_or(match self.profile {
            Profile::Guide => false,
            Profile::Docs => true,
        })
    }

    /// Changes one setting by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CommandError> {
        match name {
            "state" => self.is_active = choose(name, value, STATES)?,
            "profile" => self.profile = choose(name, value, PROFILES)?,
            "minimum_inclusive" => self.minimum_inclusive = Some(choose(name, value, TRUTHS)?),
            "environment" => self.environment = choose(name, value, ENVIRONMENTS)?,
            "merchant_name" => self.merchant_name = read_name(name, value)?,
            "currencies" => self.currencies = read_list(name, value, CURRENCIES.len(), one_of(&CURRENCIES))?,
            "maximum_pen" => self.set_maximum("PEN", name, value)?,
            "maximum_usd" => self.set_maximum("USD", name, value)?,
            "default_expiry_s" => self.default_expiry_s = within(name, value, 600, LONGEST_S)?,
            "token_life_s" => self.token_life_s = within(name, value, 0, LONGEST_S)?,
            "date_request_skew_s" => self.date_request_skew_s = within(name, value, 0, LONGEST_S)?,
            "code_on_success" => self.code_on_success = choose(name, value, CODE_STYLES)?,
            "code_on_error" => self.code_on_error = choose(name, value, CODE_STYLES)?,
            "special_errors" => self.special_errors = choose(name, value, PLACES)?,
            "unknown_members" => self.unknown_members = choose(name, value, TRUTHS)?,
            "caller_addresses" => self.caller_addresses = read_list(name, value, MOST_ADDRESSES, address)?,
            "notice_sources" => self.notice_sources = read_list(name, value, MOST_ADDRESSES, address)?,
            "notice_amount" => self.notice_amount = choose(name, value, AMOUNT_STYLES)?,
            "notice_observed_members" => self.notice_observed_members = choose(name, value, TRUTHS)?,
            "notice_fraction_digits" => self.notice_fraction_digits = within(name, value, 0, 7)?,
            "notice_retries_s" => self.notice_retries_s = read_list(name, value, MOST_RETRIES, retry)?,
            "plain_http_notices" => self.plain_http_notices = choose(name, value, ACCEPTANCE)?,
            "reminder_countries" => {
                self.reminder_countries =
                    read_list(name, value, COUNTRY_CODES.len(), one_of(&COUNTRY_CODES))?;
            }
            "reminder_percent" => self.reminder_percent = within(name, value, 1, 99)?,
            "cip_digits" => self.cip_digits = within(name, value, 7, 14)?,
            unknown => return Err(CommandError(format!("pagoefectivo has no setting `{unknown}`"))),
        }
        Ok(())
    }

    /// Every setting with the value in force.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let maximum = |currency| self.maximum.get(currency).map_or_else(String::new, |most| most.to_fixed(2));
        [
            ("state", word_of(self.is_active, STATES).to_owned()),
            ("profile", word_of(self.profile, PROFILES).to_owned()),
            ("minimum_inclusive", word_of(self.is_minimum_inclusive(), TRUTHS).to_owned()),
            ("environment", word_of(self.environment, ENVIRONMENTS).to_owned()),
            ("merchant_name", self.merchant_name.clone()),
            ("currencies", self.currencies.join(",")),
            ("maximum_pen", maximum("PEN")),
            ("maximum_usd", maximum("USD")),
            ("default_expiry_s", self.default_expiry_s.to_string()),
            ("token_life_s", self.token_life_s.to_string()),
            ("date_request_skew_s", self.date_request_skew_s.to_string()),
            ("code_on_success", word_of(self.code_on_success, CODE_STYLES).to_owned()),
            ("code_on_error", word_of(self.code_on_error, CODE_STYLES).to_owned()),
            ("special_errors", word_of(self.special_errors, PLACES).to_owned()),
            ("unknown_members", word_of(self.unknown_members, TRUTHS).to_owned()),
            ("caller_addresses", joined(&self.caller_addresses)),
            ("notice_sources", joined(&self.notice_sources)),
            ("notice_amount", word_of(self.notice_amount, AMOUNT_STYLES).to_owned()),
            ("notice_observed_members", word_of(self.notice_observed_members, TRUTHS).to_owned()),
            ("notice_fraction_digits", self.notice_fraction_digits.to_string()),
            ("notice_retries_s", joined(&self.notice_retries_s)),
            ("plain_http_notices", word_of(self.plain_http_notices, ACCEPTANCE).to_owned()),
            ("reminder_countries", self.reminder_countries.join(",")),
            ("reminder_percent", self.reminder_percent.to_string()),
            ("cip_digits", self.cip_digits.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn set_maximum(&mut self, currency: &'static str, name: &str, value: &str) -> Result<(), CommandError> {
        let most = Decimal::parse(value).ok().filter(|most| !most.is_negative() && most.scale() <= 2);
        self.maximum.insert(currency, most.ok_or_else(|| refused(name, value))?);
        Ok(())
    }
}

type Words<T> = &'static [(&'static str, T)];

const STATES: Words<bool> = &[("active", true), ("disabled", false)];
const TRUTHS: Words<bool> = &[("yes", true), ("no", false)];
const ACCEPTANCE: Words<bool> = &[("accepted", true), ("refused", false)];
const PROFILES: Words<Profile> = &[("guide", Profile::Guide), ("docs", Profile::Docs)];
const ENVIRONMENTS: Words<Environment> =
    &[("test", Environment::Test), ("production", Environment::Production)];
const CODE_STYLES: Words<CodeStyle> = &[("number", CodeStyle::Number), ("text", CodeStyle::Text)];
const PLACES: Words<ErrorPlace> = &[("top", ErrorPlace::Top), ("element", ErrorPlace::Element)];
const AMOUNT_STYLES: Words<AmountStyle> =
    &[("two_decimals", AmountStyle::TwoDecimals), ("shortest", AmountStyle::Shortest)];

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

/// Items separated by commas; an empty text is an empty list.
fn read_list<T>(
    name: &str,
    value: &str,
    most: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, CommandError> {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    let list: Vec<T> =
        items.map(|item| read(item).ok_or_else(|| refused(name, item))).collect::<Result<_, _>>()?;
    if list.len() > most {
        return Err(CommandError(format!("`{name}` holds {most} at most")));
    }
    Ok(list)
}

fn read_name(name: &str, value: &str) -> Result<String, CommandError> {
    let length = value.chars().count();
    if (1..=LONGEST_NAME).contains(&length) { Ok(value.to_owned()) } else { Err(refused(name, value)) }
}

fn one_of(known: &'static [&'static str]) -> impl Fn(&str) -> Option<String> {
    |item| known.contains(&item).then(|| item.to_owned())
}

fn address(item: &str) -> Option<IpAddr> {
    item.parse().ok()
}

fn retry(item: &str) -> Option<u32> {
    item.parse().ok().filter(|seconds| *seconds <= LONGEST_RETRY_S)
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
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
            ("profile", "seed"),
            ("environment", "live"),
            ("merchant_name", ""),
            ("currencies", "PEN,COP"),
            ("maximum_pen", "-1"),
            ("maximum_usd", "1.001"),
            ("token_life_s", "-1"),
            ("caller_addresses", "localhost"),
            ("notice_retries_s", "300,x"),
            ("notice_fraction_digits", "8"),
            ("reminder_countries", "+57"),
            ("reminder_percent", "100"),
            ("cip_digits", "15"),
            ("colour", "blue"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} = {value}");
        }
    }

    #[test]
    fn the_minimum_follows_the_profile_until_it_is_set() {
        let mut settings = Settings::default();
        assert!(!settings.is_minimum_inclusive());
        settings.set("profile", "docs").expect("docs");
        assert!(settings.is_minimum_inclusive());
        settings.set("minimum_inclusive", "no").expect("no");
        assert!(!settings.is_minimum_inclusive());
    }
}
