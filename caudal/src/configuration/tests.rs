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
