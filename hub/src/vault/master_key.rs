//! A master key, and the keys derived from it, one for each purpose.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use super::VaultError;

/// Bytes of a key's id.
pub const KEY_ID_BYTES: usize = 8;

/// Names a master key without telling anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// What one master key is used for. The key itself is forgotten once these are derived.
pub struct MasterKey {
    pub id: KeyId,
    pub wrapping: RandomizedNonceKey,
    pub fingerprints: hmac::Key,
    pub pages: hmac::Key,
}

impl MasterKey {
    /// Derives one key per purpose from 64 hex digits.
    ///
    /// # Errors
    /// [`VaultError::MalformedKey`].
    pub fn derive(digits: &str) -> Result<Self, VaultError> {
        let master = Zeroizing::new(decode_hex(digits).ok_or(VaultError::MalformedKey)?);
        let material = hkdf::Salt::new(hkdf::HKDF_SHA256, b"caudal").extract(&*master);
        let derived = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>, VaultError> {
            let mut key = Zeroizing::new([0; 32]);
            material
                .expand(&[purpose], Bytes32)
                .and_then(|expanded| expanded.fill(&mut *key))
                .map_err(|_| VaultError::MalformedKey)?;
            Ok(key)
        };
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&derived(b"name the key")?[..KEY_ID_BYTES]);
        Ok(Self {
            id: KeyId(id),
            wrapping: RandomizedNonceKey::new(&AES_256_GCM, &*derived(b"wrap data keys")?)
                .map_err(|_| VaultError::MalformedKey)?,
            fingerprints: hmac::Key::new(hmac::HMAC_SHA256, &*derived(b"fingerprint bodies")?),
            pages: hmac::Key::new(hmac::HMAC_SHA256, &*derived(b"sign page addresses")?),
        })
    }
}

struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
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
