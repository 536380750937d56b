//! Who is calling: the `auth` member of every PlacetoPay request (§3), shared by its products.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use simulation::Timestamp;
use simulation::strict_json::Value;

use crate::instant;

/// Seconds that a seed may differ from the server's clock (§3.3). AV-U02: the same in both directions.
pub const SEED_TOLERANCE_S: i64 = 300;

/// Longest texts of the object's members (§3.1).
const LOGIN_LIMIT: usize = 32;
const TRAN_KEY_LIMIT: usize = 64;
const NONCE_LIMIT: usize = 255;
const SEED_LIMIT: usize = 35;

/// Merchants' libraries write the nonce with and without padding.
const NONCE_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a site may work, by the provider's own administration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteState {
    /// It may.
    Active,
    /// Switched off: 104.
    Inactive,
    /// Its contract ran out: 105.
    Expired,
    /// Its credentials ran out: 106.
    CredentialsExpired,
}

/// What the provider knows of the site that calls.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The shared secret, which plugins also call tranKey.
    pub secret_key: &'a str,
    /// Whether it may work.
    pub state: SiteState,
    /// AV-U01: whether a SHA-1 digest is still taken from this site.
    pub accepts_sha1: bool,
}

/// The digest that a caller used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// The documented one.
    Sha256,
    /// The older one, still the default of the provider's PHP library.
    Sha1,
}

impl DigestKind {
    /// `sha256` or `sha1`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }
}

/// Why a caller is not let in (§3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// AV-U04: members missing, no object, or not sent as JSON; a text of its own instead of a code.
    Malformed,
    /// 100: no `auth` at all.
    Absent,
    /// 101: the login is not known in this environment.
    UnknownLogin,
    /// 102: the digest does not match.
    WrongDigest,
    /// 103: the seed is too far from the server's clock.
    SeedOutsideWindow,
    /// 104
    SiteInactive,
    /// 105
    SiteExpired,
    /// 106
    CredentialsExpired,
    /// 107: a member does not have the documented type, length or form.
    NotCompliant,
}

impl Failure {
    /// The number in the message; none for a malformed object.
    pub fn code(self) -> Option<u16> {
        match self {
            Self::Malformed => None,
            Self::Absent => Some(100),
            Self::UnknownLogin => Some(101),
            Self::WrongDigest => Some(102),
            Self::SeedOutsideWindow => Some(103),
            Self::SiteInactive => Some(104),
            Self::SiteExpired => Some(105),
            Self::CredentialsExpired => Some(106),
            Self::NotCompliant => Some(107),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code() {
            Some(code) => write!(formatter, "authentication refused with code {code}"),
            None => formatter.write_str("malformed authentication"),
        }
    }
}

/// An `auth` object of the right shape; nothing about it is verified yet.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The site's identifier.
    pub login: String,
    /// The nonce as sent, Base64.
    pub nonce: String,
    seed: String,
    tran_key: String,
    raw_nonce: Vec<u8>,
    seeded_at: Timestamp,
}

/// Reads `auth`. `additional` and other members are ignored (§3.1).
pub fn read(auth: Option<&Value>) -> Result<Presented, Failure> {
    let auth = auth.filter(|auth| !auth.is_null()).ok_or(Failure::Absent)?;
    if auth.members().is_none() {
        return Err(Failure::Malformed);
    }
    let login = member(auth, "login", LOGIN_LIMIT)?;
    let tran_key = member(auth, "tranKey", TRAN_KEY_LIMIT)?;
    let nonce = member(auth, "nonce", NONCE_LIMIT)?;
    let seed = member(auth, "seed", SEED_LIMIT)?;
    let raw_nonce = NONCE_BASE64.decode(&nonce).map_err(|_| Failure::NotCompliant)?;
    let seeded_at = instant::read(&seed).ok_or(Failure::NotCompliant)?;
    Ok(Presented { login, nonce, seed, tran_key, raw_nonce, seeded_at })
}

/// `nonce` and `tranKey` as a client sends them, for the requests of the guide.
pub fn sign(raw_nonce: &[u8], seed: &str, secret_key: &str) -> (String, String) {
    let hash = digest::digest(&digest::SHA256, &[raw_nonce, seed.as_bytes(), secret_key.as_bytes()].concat());
    (STANDARD.encode(raw_nonce), STANDARD.encode(hash))
}

impl Presented {
    /// Verifies against the site that the login names, if there is one.
    /// AV-U05: the order is login, state of the site, seed, digest. AV-U03: a nonce may come again.
    pub fn verify(&self, site: Option<Site<'_>>, now: Timestamp) -> Result<DigestKind, Failure> {
        let site = site.ok_or(Failure::UnknownLogin)?;
        match site.state {
            SiteState::Active => {}
            SiteState::Inactive => return Err(Failure::SiteInactive),
            SiteState::Expired => return Err(Failure::SiteExpired),
            SiteState::CredentialsExpired => return Err(Failure::CredentialsExpired),
        }
        let apart_us = self.seeded_at.as_microsecond().abs_diff(now.as_microsecond());
        if apart_us > SEED_TOLERANCE_S.unsigned_abs() * 1_000_000 {
            return Err(Failure::SeedOutsideWindow);
        }
        if self.matches(&digest::SHA256, site.secret_key) {
            return Ok(DigestKind::Sha256);
        }
        if site.accepts_sha1 && self.matches(&digest::SHA1_FOR_LEGACY_USE_ONLY, site.secret_key) {
            return Ok(DigestKind::Sha1);
        }
        Err(Failure::WrongDigest)
    }

    fn matches(&self, algorithm: &'static digest::Algorithm, secret_key: &str) -> bool {
        let mut context = digest::Context::new(algorithm);
        context.update(&self.raw_nonce);
        context.update(self.seed.as_bytes());
        context.update(secret_key.as_bytes());
        let expected = STANDARD.encode(context.finish());
        constant_time::verify_slices_are_equal(expected.as_bytes(), self.tran_key.as_bytes()).is_ok()
    }
}

/// A required text member: absent is malformed, of another type or length is not compliant.
fn member(auth: &Value, name: &str, limit: usize) -> Result<String, Failure> {
    let value = auth.get(name).filter(|value| !value.is_null()).ok_or(Failure::Malformed)?;
    let text = value.as_str().ok_or(Failure::NotCompliant)?;
    match text.chars().count() {
        0 => Err(Failure::Malformed),
        length if length > limit => Err(Failure::NotCompliant),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = "7c1f0a93b5e24d6f8a0b1c2d3e4f5061";
    const SECRET: &str = "Clave-Sandbox-00x";
    const DECIMAL_NONCE: &str = "OTQ4MzcyNjE1MDQ5MzgyNzE2MDU=";

    fn auth(nonce: &str, seed: &str, tran_key: &str) -> Value {
        Value::object([
            ("login", Value::text(LOGIN)),
            ("tranKey", Value::text(tran_key)),
            ("nonce", Value::text(nonce)),
            ("seed", Value::text(seed)),
        ])
    }

    fn site(secret_key: &str) -> Site<'_> {
        Site { secret_key, state: SiteState::Active, accepts_sha1: true }
    }

    fn now() -> Timestamp {
        "2026-03-14T15:15:31Z".parse().expect("a timestamp")
    }

    #[test]
    fn a_seed_is_taken_five_minutes_around_the_clock() {
        let presented = read(Some(&auth(
            DECIMAL_NONCE,
            "2026-03-14T10:15:30-05:00",
            "skfNL4EfYsnGrNZP0cMoE4xN3KaFnAeZb4UlRcwViIk=",
        )))
        .expect("the shape is right");
        for (now, verdict) in [
            ("2026-03-14T15:20:30Z", Ok(DigestKind::Sha256)),
            ("2026-03-14T15:10:30Z", Ok(DigestKind::Sha256)),
            ("2026-03-14T15:20:31Z", Err(Failure::SeedOutsideWindow)),
            ("2026-03-14T15:10:29Z", Err(Failure::SeedOutsideWindow)),
        ] {
            assert_eq!(
                presented.verify(Some(site(SECRET)), now.parse().expect("a timestamp")),
                verdict,
                "{now}"
            );
        }
    }

    #[test]
    fn each_failure_has_its_code_in_the_documented_order() {
        let seed = "2026-03-14T09:00:00-05:00";
        let wrong_in_every_way = read(Some(&auth(DECIMAL_NONCE, seed, "wrong"))).expect("the shape is right");
        let in_state = |state| Some(Site { state, ..site(SECRET) });
        for (site, code) in [
            (None, 101),
            (in_state(SiteState::Inactive), 104),
            (in_state(SiteState::Expired), 105),
            (in_state(SiteState::CredentialsExpired), 106),
            (in_state(SiteState::Active), 103),
        ] {
            let failure = wrong_in_every_way.verify(site, now()).expect_err("refused");
            assert_eq!(failure.code(), Some(code));
        }
    }

    #[test]
    fn shapes_are_judged_before_anything_else() {
        assert_eq!(read(None).err(), Some(Failure::Absent));
        assert_eq!(read(Some(&Value::Null)).err(), Some(Failure::Absent));
        assert_eq!(read(Some(&Value::text("login"))).err(), Some(Failure::Malformed));
        let good = auth(DECIMAL_NONCE, "2026-03-14T10:15:30-05:00", "x");
        for name in ["login", "tranKey", "nonce", "seed"] {
            let mut changed = good.clone();
            changed.set(name, Value::Null);
            assert_eq!(read(Some(&changed)).err(), Some(Failure::Malformed), "{name} null");
            changed.set(name, Value::from(7));
            assert_eq!(read(Some(&changed)).err(), Some(Failure::NotCompliant), "{name} a number");
            changed.set(name, Value::text("A".repeat(256)));
            assert_eq!(read(Some(&changed)).err(), Some(Failure::NotCompliant), "{name} too long");
        }
        let mut changed = good;
        changed.set("nonce", Value::text("not base64!"));
        assert_eq!(read(Some(&changed)).err(), Some(Failure::NotCompliant));
    }

    #[test]
    fn a_site_may_refuse_the_older_digest() {
        let strict = Site { accepts_sha1: false, ..site(SECRET) };
        let presented =
            read(Some(&auth(DECIMAL_NONCE, "2026-03-14T10:15:30-05:00", "Rud3Ww4gLmqFzZl2CXG9Q0A+UDs=")))
                .expect("the shape is right");
        assert_eq!(presented.verify(Some(strict), now()), Err(Failure::WrongDigest));
    }
}
