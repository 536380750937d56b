//! Keys derived from the master keys: sealing of records, fingerprints, page addresses.
//!
//! The ring holds one master key or several, the newest first. The first one seals and signs; any of them opens and
//! verifies. Sealed records go over to a new first key by [`Vault::rewrap`]. Fingerprints and page addresses cannot be
//! made anew: those of an older key hold as long as it stands in the ring, and end with it, which is what is wanted of
//! a key that leaked.

mod envelope;
mod master_key;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use self::master_key::MasterKey;

pub use self::envelope::KEY_ID_AT;
pub use self::master_key::{KEY_ID_BYTES, KeyId};

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The master key is not 64 hex digits.
    #[error("the master key is not 64 hex digits")]
    MalformedKey,
    /// The ring holds a key twice.
    #[error("a master key is given twice")]
    RepeatedKey,
    /// A key sealed it that the ring does not hold.
    #[error("a sealed value needs master key {0}, which is not given")]
    UnknownKey(KeyId),
    /// What was stored does not open at this place.
    #[error("a sealed value does not open: it was moved or altered")]
    DoesNotOpen,
    /// The cipher refused.
    #[error("sealing failed")]
    SealingFailed,
}

/// The key ring. Never printed.
pub struct Vault {
    /// Newest first; never empty.
    ring: Vec<MasterKey>,
}

impl Vault {
    /// Reads the ring: one master key a line, 64 hex digits each, the newest first.
    ///
    /// # Errors
    /// [`VaultError::MalformedKey`] when a line is no key or there is none, [`VaultError::RepeatedKey`].
    pub fn new(master_keys: &SecretString) -> Result<Self, VaultError> {
        let lines = master_keys.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let ring: Vec<MasterKey> = lines.map(MasterKey::derive).collect::<Result<_, _>>()?;
        if ring.is_empty() {
            return Err(VaultError::MalformedKey);
        }
        let mut ids: Vec<KeyId> = ring.iter().map(|key| key.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < ring.len() {
            return Err(VaultError::RepeatedKey);
        }
        Ok(Self { ring })
    }

    /// The ids of the ring's keys, the sealing one first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.ring.iter().map(|key| key.id)
    }

    /// Seals bytes to one place (`notice/body/not_…`): they open nowhere else.
    ///
    /// # Errors
    /// [`VaultError::SealingFailed`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        envelope::seal(self.first()?, place, plain)
    }

    /// Opens what was sealed to the same place by any key of the ring.
    ///
    /// # Errors
    /// [`VaultError::UnknownKey`] and [`VaultError::DoesNotOpen`].
    pub fn open(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>, VaultError> {
        envelope::open(&self.ring, place, stored)
    }

    /// Opens text that was sealed to the same place.
    ///
    /// # Errors
    /// Those of [`Vault::open`]; [`VaultError::DoesNotOpen`] too when what was sealed is no text.
    pub fn open_text(&self, place: &str, stored: &[u8]) -> Result<String, VaultError> {
        String::from_utf8(self.open(place, stored)?).map_err(|_| VaultError::DoesNotOpen)
    }

    /// The same sealed value, opened by the ring's first key. None: it already is.
    ///
    /// # Errors
    /// Those of [`Vault::open`].
    pub fn rewrap(&self, place: &str, stored: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        envelope::rewrap(&self.ring, place, stored)
    }

    /// A keyed fingerprint: tells equality to us and nothing to anybody else. 64 hex digits.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> String {
        self.fingerprints(parts).into_iter().next().unwrap_or_default()
    }

    /// The fingerprint under each key of the ring, the one to keep first: what an older key fingerprinted is still
    /// known again.
    pub fn fingerprints(&self, parts: &[&[u8]]) -> Vec<String> {
        self.ring.iter().map(|key| encode_hex(tag(&key.fingerprints, parts).as_ref())).collect()
    }

    /// The unguessable part of a page's address, for one purpose and one thing. 32 hex digits.
    pub fn page_token(&self, purpose: &str, id: &str) -> String {
        self.ring.first().map(|key| page_token(key, purpose, id)).unwrap_or_default()
    }

    /// Whether a page's address carries the right token of any key, in constant time for each.
    pub fn is_page_token(&self, purpose: &str, id: &str, token: &str) -> bool {
        let is_of = |key: &MasterKey| -> bool {
            page_token(key, purpose, id).as_bytes().ct_eq(token.as_bytes()).into()
        };
        self.ring.iter().any(is_of)
    }

    fn first(&self) -> Result<&MasterKey, VaultError> {
        self.ring.first().ok_or(VaultError::MalformedKey)
    }
}

fn page_token(key: &MasterKey, purpose: &str, id: &str) -> String {
    encode_hex(&tag(&key.pages, &[purpose.as_bytes(), id.as_bytes()]).as_ref()[..16])
}

/// Every part goes in with its length, so that no two lists of parts read the same.
fn tag(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.sign()
}

/// The digits of hex.
const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Lower-case hex.
pub fn encode_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring of plainly invented keys, newest first.
    fn ring(digits: &str) -> Vault {
        let lines: Vec<String> = digits.chars().map(|digit| digit.to_string().repeat(64)).collect();
        Vault::new(&SecretString::from(lines.join("\n"))).expect("a ring")
    }

    fn id(digit: &str) -> KeyId {
        ring(digit).key_ids().next().expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_at_its_own_place_only() {
        let sealed = ring("1").seal("notice/body/a", b"plain").expect("sealed");
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
        assert_eq!(ring("1").open("notice/body/a", &sealed).as_deref(), Ok(&b"plain"[..]));
        assert_eq!(ring("1").open("notice/body/b", &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(ring("2").open("notice/body/a", &sealed), Err(VaultError::UnknownKey(id("1"))));
    }

    #[test]
    fn a_sealed_value_with_any_bit_turned_or_byte_cut_off_does_not_open() {
        let vault = ring("1");
        let sealed = vault.seal("p", b"plain").expect("sealed");
        for at in 0..sealed.len() {
            let mut turned = sealed.clone();
            turned[at] ^= 1;
            assert!(vault.open("p", &turned).is_err(), "byte {at}");
            assert!(vault.open("p", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn every_value_has_a_data_key_of_its_own() {
        let vault = ring("1");
        let [one, other] = [0, 1].map(|_| vault.seal("p", b"plain").expect("sealed"));
        let header = 1 + KEY_ID_BYTES + 60;
        assert_ne!(one[9..], other[9..]);
        let mixed = [&one[..header], &other[header..]].concat();
        assert_eq!(vault.open("p", &mixed), Err(VaultError::DoesNotOpen));
    }

    #[test]
    fn a_new_first_key_takes_over_and_the_old_one_can_go() {
        let place = "notice/body/a";
        let old = ring("1").seal(place, b"plain").expect("sealed");
        let both = ring("21");
        assert_eq!(both.open(place, &old).as_deref(), Ok(&b"plain"[..]));
        let anew = both.rewrap(place, &old).expect("rewrapped").expect("changed");
        assert_eq!(anew[KEY_ID_AT - 1..][..KEY_ID_BYTES], id("2").0);
        assert_eq!(ring("2").open(place, &anew).as_deref(), Ok(&b"plain"[..]));
        assert_eq!(ring("1").open(place, &anew), Err(VaultError::UnknownKey(id("2"))));
        assert_eq!(both.rewrap(place, &anew), Ok(None));
        assert_eq!(both.rewrap("notice/body/b", &old), Err(VaultError::DoesNotOpen));
        assert_eq!(ring("23").rewrap(place, &old), Err(VaultError::UnknownKey(id("1"))));
        let mut altered = old;
        *altered.last_mut().expect("bytes") ^= 1;
        assert_eq!(both.rewrap(place, &altered), Err(VaultError::DoesNotOpen));
    }

    #[test]
    fn a_fingerprint_needs_the_key_and_keeps_parts_apart() {
        let one = ring("1");
        assert_eq!(one.fingerprint(&[b"a", b"bc"]), ring("1").fingerprint(&[b"a", b"bc"]));
        assert_ne!(one.fingerprint(&[b"a", b"bc"]), one.fingerprint(&[b"ab", b"c"]));
        assert_ne!(one.fingerprint(&[b"a", b"bc"]), ring("2").fingerprint(&[b"a", b"bc"]));
    }

    #[test]
    fn what_an_older_key_fingerprinted_is_known_until_the_key_goes() {
        let old = ring("1").fingerprint(&[b"a"]);
        assert_eq!(ring("21").fingerprints(&[b"a"]), [ring("2").fingerprint(&[b"a"]), old.clone()]);
        assert!(!ring("2").fingerprints(&[b"a"]).contains(&old));
    }

    #[test]
    fn a_page_token_of_another_purpose_or_thing_is_refused() {
        let vault = ring("1");
        let token = vault.page_token("status", "pay_1");
        assert!(vault.is_page_token("status", "pay_1", &token));
        assert!(!vault.is_page_token("return", "pay_1", &token));
        assert!(!vault.is_page_token("status", "pay_2", &token));
        assert!(!vault.is_page_token("status", "pay_1", ""));
    }

    #[test]
    fn a_page_address_holds_until_its_key_goes() {
        let token = ring("1").page_token("status", "pay_1");
        assert!(ring("21").is_page_token("status", "pay_1", &token));
        assert_ne!(ring("21").page_token("status", "pay_1"), token);
        assert!(!ring("2").is_page_token("status", "pay_1", &token));
    }

    #[test]
    fn a_malformed_or_repeated_master_key_is_refused() {
        let key = "1".repeat(64);
        for text in ["", "\n", "zz", &"g".repeat(64), &"1".repeat(63), &format!("{key}\nzz")] {
            let refused = Vault::new(&SecretString::from(text.to_owned())).err();
            assert_eq!(refused, Some(VaultError::MalformedKey), "{text}");
        }
        let twice = Vault::new(&SecretString::from(format!("{key}\n{key}\n"))).err();
        assert_eq!(twice, Some(VaultError::RepeatedKey));
    }

    #[test]
    fn the_ids_of_keys_tell_nothing_of_them() {
        assert!(!id("1").to_string().contains("1111") && id("1") != id("2"));
    }
}
