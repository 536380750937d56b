//! What a configuration may say, shown on texts.

use super::*;
use crate::registry;

const KEY: &str = "8c1f0a93b5e24d6f8a0b1c2d3e4f50617c1f0a93b5e24d6f8a0b1c2d3e4f5a6b";

fn checked(text: &str) -> Result<Configuration, Failure> {
    let file: File = toml::from_str(text).expect("the shape of a configuration");
    let variable = |name: &str| match name {
        "KEY" => Some(KEY.to_owned()),
        "SECRET" => Some("Clave-Sandbox-00x".to_owned()),
        _ => None,
    };
    check(&file, Path::new("/nowhere"), &variable, &registry::providers())
}

fn refusal(text: &str) -> String {
    match checked(text) {
        Ok(_) => panic!("taken: {text}"),
        Err(failure) => failure.to_string(),
    }
}

fn development(more: &str) -> String {
    format!("[keys]\nmaster_key_env = \"KEY\"\n{more}")
}

fn production(more: &str) -> String {
    let hub = "[hub]\nenvironment = \"production\"\npublic_url = \"https://pay.example\"";
    format!("{hub}\n[keys]\nmaster_key_env = \"KEY\"\n[merchants.shop]\nname = \"Shop\"\n{more}")
}

fn with_account(settings: &str) -> String {
    let provider = "avalpay";
    development(&format!(
        "[merchants.shop]\nname = \"Shop\"\n[accounts.main]\nmerchant = \"shop\"\nprovider = \"{provider}\"\n\
         environment = \"test\"\nbase_url = \"https://provider.example\"\n[accounts.main.settings]\n{settings}"
    ))
}

#[test]
fn the_default_configuration_wants_a_master_key_and_nothing_else() {
    let text = default_text(&registry::providers());
    assert!(refusal(&text).contains("keys.master_key_file: missing"));
    let text = text.replace("#master_key_env = \"MASTER_KEY\"", "master_key_env = \"KEY\"");
    let configuration = checked(&text).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(configuration.listen.to_string(), "127.0.0.1:4040");
}

#[test]
fn the_default_configuration_says_what_the_code_does() {
    let written: File = toml::from_str(&default_text(&registry::providers())).expect("the default file");
    let text = |file: &File| toml::to_string(file).expect("written");
    assert_eq!(text(&written), text(&File::default()));
}

#[test]
fn every_commented_setting_of_the_default_configuration_is_known() {
    let commented = default_text(&registry::providers());
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
        Some(_) | None => line.to_owned(),
    };
    let text = commented.lines().map(switched_on).collect::<Vec<_>>().join("\n");
    assert!(text.contains("\n[merchants.my-shop]\n") && text.contains("\nfollow = "), "{text}");
    toml::from_str::<File>(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
}

#[test]
fn the_limits_of_an_account_are_read_and_bounded() {
    let limits = "login = \"site\"\nsecret_key_env = \"SECRET\"\n[accounts.main.limits]\n";
    let of = |more: &str| checked(&with_account(&format!("{limits}{more}")));
    let configuration = of("calls_per_second = 7\nnotice_addresses = [\"203.0.113.0/24\"]")
        .unwrap_or_else(|failure| panic!("{failure}"));
    let read = configuration.settings.limits_of("main");
    assert_eq!((read.calls_per_second, read.task_ms), (7, 70_000));
    assert!(read.takes_notices_from("203.0.113.9".parse().expect("an address")));
    assert!(!read.takes_notices_from("198.51.100.9".parse().expect("an address")));
    for (more, key) in [
        ("calls_at_once = 0", "accounts.main.limits.calls_at_once"),
        ("task_ms = 80000", "accounts.main.limits.task_ms"),
        ("notice_addresses = [\"203.0.113.0/33\"]", "accounts.main.limits.notice_addresses"),
    ] {
        let refused = of(more).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(refused.contains(key), "{more}: {refused}");
    }
}

#[test]
fn production_refuses_what_is_only_good_for_tests() {
    assert!(checked(&production("")).is_ok());
    let table = [
        ("clock.follow", production("[clock]\nfollow = \"http://127.0.0.1:4041\"\n")),
        ("events.allow_private_targets", production("[events]\nallow_private_targets = true\n")),
        ("hub.public_url", production("").replace("https://", "http://")),
        (
            "keys.master_key",
            production("").replace("master_key_env = \"KEY\"", &format!("master_key = \"{KEY}\"")),
        ),
        ("database.url", production("[database]\nurl = \"postgres://u:p@localhost/d\"\n")),
        ("merchants", production("").replace("[merchants.shop]\nname = \"Shop\"\n", "")),
    ];
    for (key, text) in table {
        let refusal = refusal(&text);
        assert!(refusal.starts_with(&format!("{key}:")), "{key}: {refusal}");
    }
}

#[test]
fn every_refusal_names_its_key() {
    let table = [
        ("hub.listen", development("[hub]\nlisten = \"everywhere\"\n")),
        ("hub.public_url", development("[hub]\npublic_url = \"here\"\n")),
        ("hub.trusted_proxies", development("[hub]\ntrusted_proxies = [\"proxy\"]\n")),
        ("hub.poll_ms", development("[hub]\npoll_ms = 1\n")),
        ("hub.drain_ms", development("[hub]\ndrain_ms = 60001\n")),
        ("events.timeout_ms", development("[events]\ntimeout_ms = 1\n")),
        ("database.url", development("[database]\nurl = \"mysql://u@h/d\"\n")),
        ("database.url", development("[database]\nurl = \"sqlite:\"\n")),
        ("console.user", development("[console]\npassword_sha256 = \"\"\n")),
        ("console.password_sha256", development("[console]\nuser = \"a\"\npassword_sha256 = \"z\"\n")),
        ("merchants.Shop", development("[merchants.Shop]\nname = \"Shop\"\n")),
        ("merchants.shop.name", development("[merchants.shop]\n")),
        ("merchants.shop.zone", development("[merchants.shop]\nname = \"x\"\nzone = \"Mars\"\n")),
        ("merchants.shop.language", development("[merchants.shop]\nname = \"x\"\nlanguage = \"xx\"\n")),
        (
            "merchants.shop.api_keys[0].sha256",
            development("[merchants.shop]\nname = \"x\"\n[[merchants.shop.api_keys]]\nsha256 = \"00\"\n"),
        ),
        ("accounts.main.provider", with_account("").replace("avalpay", "nobody")),
        ("accounts.main.environment", with_account("").replace("\"test\"", "\"live\"")),
        ("accounts.main.base_url", with_account("").replace("https://provider", "ftp://provider")),
    ];
    for (key, text) in table {
        let refusal = refusal(&text);
        assert!(refusal.starts_with(&format!("{key}:")), "{key}: {refusal}");
    }
}

#[test]
fn an_account_is_checked_against_its_providers_profile() {
    let credentials = "login = \"7c1f0a93\"\nsecret_key_env = \"SECRET\"\n";
    let account = checked(&with_account(credentials)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(account.settings.accounts.len(), 1);
    assert!(refusal(&with_account("")).contains("missing"));
    let unknown = refusal(&with_account(&format!("{credentials}colour = \"red\"\n")));
    assert!(unknown.starts_with("accounts.main.settings.colour: unknown, expected one of"), "{unknown}");
    let orphan = with_account(credentials).replace("merchant = \"shop\"", "merchant = \"other\"");
    assert!(refusal(&orphan).starts_with("accounts.main.merchant: there is no [merchants.other]"));
}

#[test]
fn the_configuration_in_force_hides_its_secrets() {
    let secrets = ["Clave-Sandbox-99x", "hunter-two", KEY];
    let settings = "a_secret = \"Clave-Sandbox-99x\"\n";
    let text = with_account(settings).replace("master_key_env = \"KEY\"", &format!("master_key = \"{KEY}\""));
    let text = format!("[database]\nurl = \"postgres://u:hunter-two@localhost/d\"\n{text}");
    let file: File = toml::from_str(&text).expect("the shape of a configuration");
    let shown = effective_text(file, &registry::providers()).expect("written");
    for secret in secrets {
        assert!(text.contains(secret) && !shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("postgres://u:hidden@localhost/d") && shown.contains("[hidden]"), "{shown}");
}

/// An account of a provider in an environment, with settings.
fn account_of(provider: &str, environment: &str, base_url: &str, settings: &str) -> String {
    let account = format!(
        "[accounts.main]\nmerchant = \"shop\"\nprovider = \"{provider}\"\nenvironment = \"{environment}\"\n\
         base_url = \"{base_url}\"\n[accounts.main.settings]\n{settings}"
    );
    match environment {
        "production" => production(&account),
        _ => development(&format!("[merchants.shop]\nname = \"Shop\"\n{account}")),
    }
}

fn cash_account(environment: &str, base_url: &str, settings: &str) -> String {
    let keys = "id_service = \"4821\"\naccess_key_env = \"SECRET\"\nsecret_key_env = \"SECRET\"\n";
    account_of("pagoefectivo", environment, base_url, &format!("{keys}{settings}"))
}

const CASH_PRODUCTION: &str = "https://services.pagoefectivo.pe";
const CASH_TEST: &str = "https://pre1a.services.pagoefectivo.pe";
const DECLARED: &str = "declared_addresses = \"203.0.113.24\"\n";

fn addresses(text: &str) -> Vec<hub::settings::AddressRange> {
    let checked = checked(text).unwrap_or_else(|failure| panic!("{failure}"));
    checked.settings.limits_of("main").notice_addresses
}

fn ranges(addresses: &[&str]) -> Vec<hub::settings::AddressRange> {
    addresses.iter().map(|text| text.parse().expect("an address")).collect()
}

#[test]
fn notices_of_cash_codes_come_from_the_provider_s_own_addresses_by_default() {
    let _story = testing::story("notices_of_cash_codes_come_from_the_provider_s_own_addresses_by_default");
    let production = addresses(&cash_account("production", CASH_PRODUCTION, DECLARED));
    assert_eq!(production, ranges(&["52.7.185.65", "35.169.242.145", "34.196.98.7"]));
    testing::covers!("PE-32");
    let test = addresses(&cash_account("test", CASH_TEST, ""));
    assert_eq!(test, ranges(&["52.41.2.36", "54.203.44.193"]));
    testing::covers!("PE-33");
    let own = cash_account("test", CASH_TEST, "").replace(
        "[accounts.main.settings]",
        "[accounts.main.limits]\nnotice_addresses = [\"198.51.100.0/24\"]\n[accounts.main.settings]",
    );
    assert_eq!(addresses(&own), ranges(&["198.51.100.0/24"]), "what is written goes before");
    assert_eq!(addresses(&cash_account("test", "http://127.0.0.1:9000", "")), []);
}

#[test]
fn a_production_account_of_cash_codes_is_whole_and_speaks_tls() {
    let _story = testing::story("a_production_account_of_cash_codes_is_whole_and_speaks_tls");
    let plain = refusal(&cash_account("production", "http://services.pagoefectivo.pe", DECLARED));
    assert!(plain.contains("accounts.main.base_url") && plain.contains("https"), "{plain}");
    testing::covers!("PE-06", "PE-11");
    let undeclared = refusal(&cash_account("production", CASH_PRODUCTION, ""));
    assert!(undeclared.contains("accounts.main.settings.declared_addresses"), "{undeclared}");
    let declared = checked(&cash_account("production", CASH_PRODUCTION, DECLARED));
    let declared = declared.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(declared.settings.accounts[0].setting("declared_addresses"), Some("203.0.113.24"));
    testing::covers!("PE-03");
    let inline = cash_account("production", CASH_PRODUCTION, DECLARED)
        .replace("secret_key_env = \"SECRET\"", "secret_key = \"hub0Demo+Secret/Key1\"");
    let inline = refusal(&inline);
    assert!(inline.contains("accounts.main.settings.secret_key"), "{inline}");
    assert!(!inline.contains("hub0Demo"), "a secret is not repeated in what is said about it");
}

#[test]
fn what_is_arranged_with_the_executive_is_off_or_usual_until_it_is_named() {
    let _story = testing::story("what_is_arranged_with_the_executive_is_off_or_usual_until_it_is_named");
    let account = |settings: &str| {
        let checked = checked(&cash_account("test", CASH_TEST, settings));
        checked.unwrap_or_else(|failure| panic!("{failure}")).settings.accounts.remove(0)
    };
    assert_eq!(account("").setting("sms_reminders"), Some("off"));
    let unarranged = refusal(&cash_account("test", CASH_TEST, "sms_reminders = \"pe\"\n"));
    assert!(unarranged.contains("accounts.main.settings.sms_agreement"), "{unarranged}");
    let arranged = account("sms_reminders = \"pe\"\nsms_agreement = \"Acta 9\"\n");
    assert_eq!(arranged.setting("sms_reminders"), Some("pe"));
    testing::covers!("PE-28");
    // Each account sells its own products: their life is its own, and an order may name another one.
    assert_eq!(account("").setting("default_life_minutes"), Some("1440"));
    assert_eq!(account("default_life_minutes = 45\n").setting("default_life_minutes"), Some("45"));
    assert!(
        refusal(&cash_account("test", CASH_TEST, "default_life_minutes = 10\n"))
            .contains("default_life_minutes")
    );
    testing::covers!("PE-13");
    let unagreed = refusal(&cash_account("test", CASH_TEST, "maximum_pen = 1000000\n"));
    assert!(unagreed.contains("accounts.main.settings.maximum_pen_agreement"), "{unagreed}");
}

#[test]
fn a_transfer_account_is_not_enabled_while_one_of_its_four_values_is_empty() {
    let _story = testing::story("a_transfer_account_is_not_enabled_while_one_of_its_four_values_is_empty");
    let settings = "merchant_code = \"cl_shop_cl\"\nmerchant_api_token_env = \"SECRET\"\n\
                    pmt_url = \"https://pmt-sandbox.etpay.com\"\n";
    let whole = account_of("etpay", "test", "https://api-sandbox.etpay.com", settings);
    assert!(checked(&whole).is_ok());
    let holes = [
        ("\"cl_shop_cl\"", "\"\"", "merchant_code"),
        ("merchant_api_token_env = \"SECRET\"\n", "", "merchant_api_token"),
        ("\"https://pmt-sandbox.etpay.com\"", "\"\"", "pmt_url"),
        ("base_url = \"https://api-sandbox.etpay.com\"", "base_url = \"\"", "base_url"),
    ];
    for (value, nothing, name) in holes {
        assert!(whole.contains(value), "{value}");
        let refused = refusal(&whole.replace(value, nothing));
        assert!(refused.contains(name), "{refused}");
    }
    testing::covers!("ET-28");
}
