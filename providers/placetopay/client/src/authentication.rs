//! How every request to PlacetoPay proves who sends it (PROTOCOL.md 3), the same in all its products.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::Offset;
use payment::provider::Moment;
use payment::step::{Advice, Refusal};
use payment::{Account, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// Credential: the site's identifier at the provider.
pub const LOGIN: &str = "login";
/// Secret: what makes the `tranKey` and signs the provider's notices.
pub const SECRET_KEY: &str = "secret_key";
/// Setting: the digest of the `tranKey`, `sha256` unless the site only takes `sha1`.
pub const DIGEST: &str = "digest";
/// The words of [`DIGEST`]; the first is the default.
pub const DIGESTS: &[&str] = &["sha256", "sha1"];

/// The number of a refusal because the seed lies more than five minutes from the provider's time.
pub const CLOCK_REFUSED: &str = "103";

/// Colombia's offset from UTC. The country has had no summer time since 1993, so that no zone table is
/// needed to write its dates.
const COLOMBIA: Offset = Offset::constant(-5);

/// Bytes of raw nonce in a request.
const NONCE_BYTES: usize = 16;

/// Which digest makes the `tranKey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// What the provider documents today.
    Sha256,
    /// What it documented before. AV-U01: assumed to be still accepted; a site that is not yet moved
    /// takes nothing else, hence the setting.
    Sha1,
}

impl Digest {
    /// The digest that an account's setting names.
    pub fn of(account: &Account) -> Self {
        match account.setting(DIGEST) {
            Some("sha1") => Self::Sha1,
            Some(_) | None => Self::Sha256,
        }
    }
}

/// The member `auth` of a request. Good for one request, within five minutes of its making.
#[derive(Clone, Serialize)]
pub struct Authentication {
    login: String,
    #[serde(rename = "tranKey")]
    tran_key: String,
    nonce: String,
    seed: String,
}

impl Authentication {
    /// Proves an account at a moment: the nonce is the moment's chance, the seed its time.
    ///
    /// # Errors
    /// A refusal `config_error` when the account lacks its login or its secret.
    pub fn new(account: &Account, moment: Moment) -> Result<Self, Box<Refusal>> {
        let login = account.credential(LOGIN);
        let secret_key = account.secret(SECRET_KEY).filter(|secret| !secret.expose_secret().is_empty());
        let (false, Some(secret_key)) = (login.is_empty(), secret_key) else {
            let detail = format!("The account needs `{LOGIN}` and `{SECRET_KEY}`.");
            return Err(unconfigured(&detail));
        };
        let raw_nonce = &moment.entropy.bytes()[..NONCE_BYTES];
        let seed = written_date(moment.now);
        Ok(Self {
            login: login.to_owned(),
            tran_key: tran_key(Digest::of(account), raw_nonce, &seed, secret_key),
            nonce: STANDARD.encode(raw_nonce),
            seed,
        })
    }
}

/// `Base64(digest(raw nonce, seed, secret key))`: the nonce as it is before its Base64, the seed byte for
/// byte as sent, and the digest's bytes, not their hexadecimal text.
pub fn tran_key(digest: Digest, raw_nonce: &[u8], seed: &str, secret_key: &SecretString) -> String {
    let algorithm = match digest {
        Digest::Sha256 => &digest::SHA256,
        Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
    };
    let mut context = digest::Context::new(algorithm);
    context.update(raw_nonce);
    context.update(seed.as_bytes());
    context.update(secret_key.expose_secret().as_bytes());
    STANDARD.encode(context.finish())
}

/// An instant as the provider's documentation writes it: whole seconds, Colombia's offset.
pub fn written_date(instant: Timestamp) -> String {
    local(instant).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The day that it is in Colombia.
pub fn local_date(instant: Timestamp) -> Date {
    local(instant).date()
}

/// An instant in Colombia's time.
pub fn local(instant: Timestamp) -> Zoned {
    instant.to_zoned(COLOMBIA.to_time_zone())
}

/// The refusal that a failed authentication means. The provider tells the case only as a number at the end
/// of its message (PROTOCOL.md 3.4).
///
/// AV-U04: a malformed `auth` is assumed to be refused in the same form, without a number.
pub fn refused(message: &str) -> Refusal {
    let code = message.rsplit(' ').next().filter(|word| word.parse::<u32>().is_ok());
    let (cause, advice) = match code {
        Some("100" | "107") => ("it found no authentication that it can read", Advice::Contact),
        Some("101") => ("it does not know the login in this environment", Advice::Contact),
        Some("102") => ("the secret key or the digest is not this site's", Advice::Contact),
        Some(CLOCK_REFUSED) => ("our clock and its clock differ by more than five minutes", Advice::Retry),
        Some("104") => ("the site is inactive", Advice::Contact),
        Some("105") => ("the site has expired", Advice::Contact),
        Some("106") => ("the credentials have expired", Advice::Contact),
        Some(_) | None => ("the authentication failed", Advice::Contact),
    };
    let provider_code = Some(code.unwrap_or("401").to_owned());
    let detail = format!("The provider refused the account: {cause}.");
    Refusal { code: "config_error", provider_code, detail, complaints: Vec::new(), advice }
}

/// The refusal of an account that is not configured as it needs to be; nothing was sent.
pub(crate) fn unconfigured(detail: &str) -> Box<Refusal> {
    let (code, detail) = ("config_error", detail.to_owned());
    Box::new(Refusal { code, provider_code: None, detail, complaints: Vec::new(), advice: Advice::Contact })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use payment::Entropy;
    use payment::account::Environment;

    use super::*;

    fn account(login: &str, secret_key: Option<&str>, digest: Option<&str>) -> Account {
        Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: "https://checkout.example".parse().expect("an address"),
            credentials: BTreeMap::from([(LOGIN.to_owned(), login.to_owned())]),
            secrets: secret_key
                .map(|secret| (SECRET_KEY.to_owned(), vec![secret.to_owned().into()]))
                .into_iter()
                .collect(),
            settings: digest.map(|word| (DIGEST.to_owned(), word.to_owned())).into_iter().collect(),
        }
    }

    fn moment() -> Moment {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(0..).for_each(|(byte, value)| *byte = value);
        Moment { now: "2026-03-14T15:15:30.999Z".parse().expect("a time"), entropy: Entropy::new(bytes) }
    }

    #[test]
    fn a_request_is_proved_by_fresh_nonce_and_seed_of_the_moment() {
        let account = account("7c1f0a93b5e24d6f8a0b1c2d3e4f5061", Some("Clave-Sandbox-00x"), None);
        let proof = Authentication::new(&account, moment()).expect("a proof");
        let written = serde_json::to_string(&proof).expect("JSON");
        assert_eq!(
            written,
            r#"{"login":"7c1f0a93b5e24d6f8a0b1c2d3e4f5061","tranKey":"2K28SPXK+W3+xDa4BmTbHpWMRRRodL8bVEPSiJ3695s=","nonce":"AAECAwQFBgcICQoLDA0ODw==","seed":"2026-03-14T10:15:30-05:00"}"#
        );
    }

    #[test]
    fn the_setting_chooses_the_older_digest() {
        let account = account("7c1f0a93b5e24d6f8a0b1c2d3e4f5061", Some("Clave-Sandbox-00x"), Some("sha1"));
        let proof = Authentication::new(&account, moment()).expect("a proof");
        assert_eq!(proof.tran_key.len(), 28);
    }

    #[test]
    fn the_newest_secret_proves_the_next_request() {
        let _story = testing::story("the_newest_secret_proves_the_next_request");
        let old = account("7c1f0a93b5e24d6f8a0b1c2d3e4f5061", Some("Clave-Sandbox-00x"), None);
        let mut rotated = old.clone();
        let secrets = rotated.secrets.get_mut(SECRET_KEY).expect("the secret");
        secrets.insert(0, "Clave-Nueva-01".to_owned().into());
        let key = |account: &Account| Authentication::new(account, moment()).expect("a proof").tran_key;
        let expected = tran_key(
            Digest::Sha256,
            &moment().entropy.bytes()[..NONCE_BYTES],
            "2026-03-14T10:15:30-05:00",
            &"Clave-Nueva-01".to_owned().into(),
        );
        assert_eq!(key(&rotated), expected);
        assert_ne!(key(&rotated), key(&old));
        testing::covers!("AV-12.3-02");
    }

    #[test]
    fn an_account_without_login_or_secret_is_refused_before_anything_is_sent() {
        for (login, secret) in [("", Some("clave")), ("sitio", None), ("sitio", Some(""))] {
            let refusal = Authentication::new(&account(login, secret, None), moment()).err();
            assert_eq!(refusal.map(|refusal| refusal.code), Some("config_error"));
        }
    }

    #[test]
    fn each_number_of_a_failed_authentication_says_what_to_look_at() {
        let clock = refused("Autenticación fallida 103");
        assert_eq!((clock.provider_code.as_deref(), clock.advice), (Some("103"), Advice::Retry));
        let english = refused("Failed authentication 101");
        assert_eq!(english.provider_code.as_deref(), Some("101"));
        let malformed = refused("Autenticación mal formada");
        assert_eq!((malformed.provider_code.as_deref(), malformed.code), (Some("401"), "config_error"));
    }
}
