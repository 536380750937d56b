//! Keys derived from the master key: sealing of records, fingerprints, page addresses.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The master key is not 64 hex digits.
    #[error("the master key is not 64 hex digits")]
    MalformedKey,
    /// What was stored does not open at this place with this key.
    #[error("a sealed value does not open: another master key, or it was moved or altered")]
    DoesNotOpen,
    /// The cipher refused.
    #[error("sealing failed")]
    SealingFailed,
}

/// The keys. Never printed.
pub struct Vault {
    sealing: RandomizedNonceKey,
    fingerprints: hmac::Key,
    pages: hmac::Key,
}

struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl Vault {
    /// Derives one key per purpose.
    pub fn new(master_key: &SecretString) -> Result<Self, VaultError> {
        let master = decode_hex(master_key.expose_secret()).ok_or(VaultError::MalformedKey)?;
        let derived = |purpose: &[u8]| -> Result<[u8; 32], VaultError> {
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"caudal");
            let mut key = [0; 32];
            salt.extract(&master)
                .expand(&[purpose], Bytes32)
                .and_then(|material| material.fill(&mut key))
                .map_err(|_| VaultError::MalformedKey)?;
            Ok(key)
        };
        Ok(Self {
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &derived(b"seal records")?)
                .map_err(|_| VaultError::MalformedKey)?,
            fingerprints: hmac::Key::new(hmac::HMAC_SHA256, &derived(b"fingerprint bodies")?),
            pages: hmac::Key::new(hmac::HMAC_SHA256, &derived(b"sign page addresses")?),
        })
    }

    /// Seals bytes to one place (`notice/body/not_…`): they open nowhere else.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| VaultError::SealingFailed)?;
        let mut stored = nonce.as_ref().to_vec();
        stored.append(&mut sealed);
        Ok(stored)
    }

    /// Opens what was sealed to the same place.
    pub fn open(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = stored.split_at_checked(NONCE_LEN).ok_or(VaultError::DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::DoesNotOpen)?;
        let mut buffer = sealed.to_vec();
        let plain = self
            .sealing
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut buffer)
            .map_err(|_| VaultError::DoesNotOpen)?;
        Ok(plain.to_vec())
    }

    /// A keyed fingerprint: tells equality to us and nothing to anybody else. 64 hex digits.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> String {
        encode_hex(tag(&self.fingerprints, parts).as_ref())
    }

    /// The unguessable part of a page's address, for one purpose and one thing. 32 hex digits.
    pub fn page_token(&self, purpose: &str, id: &str) -> String {
        encode_hex(&tag(&self.pages, &[purpose.as_bytes(), id.as_bytes()]).as_ref()[..16])
    }

    /// Whether a page's address carries the right token, in constant time.
    pub fn is_page_token(&self, purpose: &str, id: &str, token: &str) -> bool {
        self.page_token(purpose, id).as_bytes().ct_eq(token.as_bytes()).into()
    }
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

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// Lower-case hex.
pub fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(digit: &str) -> Vault {
        Vault::new(&SecretString::from(digit.repeat(64))).expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_at_its_own_place_only() {
        let sealed = vault("1").seal("notice/body/a", b"plain").expect("sealed");
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
        assert_eq!(vault("1").open("notice/body/a", &sealed).as_deref(), Ok(&b"plain"[..]));
        assert_eq!(vault("1").open("notice/body/b", &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(vault("2").open("notice/body/a", &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(vault("1").open("notice/body/a", &sealed[..4]), Err(VaultError::DoesNotOpen));
    }

    #[test]
    fn a_fingerprint_needs_the_key_and_keeps_parts_apart() {
        let one = vault("1");
        assert_eq!(one.fingerprint(&[b"a", b"bc"]), vault("1").fingerprint(&[b"a", b"bc"]));
        assert_ne!(one.fingerprint(&[b"a", b"bc"]), one.fingerprint(&[b"ab", b"c"]));
        assert_ne!(one.fingerprint(&[b"a", b"bc"]), vault("2").fingerprint(&[b"a", b"bc"]));
    }

    #[test]
    fn a_page_token_of_another_purpose_or_thing_is_refused() {
        let vault = vault("1");
        let token = vault.page_token("status", "pay_1");
        assert!(vault.is_page_token("status", "pay_1", &token));
        assert!(!vault.is_page_token("return", "pay_1", &token));
        assert!(!vault.is_page_token("status", "pay_2", &token));
        assert!(!vault.is_page_token("status", "pay_1", ""));
    }

    #[test]
    fn a_malformed_master_key_is_refused() {
        for text in ["", "zz", &"g".repeat(64), &"1".repeat(63)] {
            assert!(matches!(
                Vault::new(&SecretString::from(text.to_owned())),
                Err(VaultError::MalformedKey)
            ));
        }
    }
}
