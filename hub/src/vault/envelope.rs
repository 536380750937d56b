//! The bytes of a sealed value: a data key of its own, wrapped by a master key, and the value under the data key.
//!
//! ```text
//! 1   format
//! 8   id of the master key that wraps
//! 60  the data key, wrapped: nonce 12, key 32, tag 16
//! n   the value: nonce 12, bytes, tag 16
//! ```
//!
//! Both layers are AES-256-GCM and authenticate the place, so a value moved to another row opens nowhere; a new master
//! key wraps the data key anew and leaves the value's bytes as they are.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::VaultError;
use super::master_key::{KEY_ID_BYTES, KeyId, MasterKey};

const FORMAT: u8 = 1;
const TAG: usize = 16;
const DATA_KEY: usize = 32;
const WRAPPED: usize = NONCE_LEN + DATA_KEY + TAG;
/// Where the key's id begins in a sealed value, counted from 1 as SQL counts.
pub const KEY_ID_AT: usize = 2;

/// A sealed value, taken apart.
struct Envelope<'a> {
    key: KeyId,
    wrapped: &'a [u8],
    value: &'a [u8],
}

/// Seals a value to its place under a data key of its own.
pub fn seal(master: &MasterKey, place: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut data_key = Zeroizing::new([0; DATA_KEY]);
    aws_lc_rs::rand::fill(&mut *data_key).map_err(|_| VaultError::SealingFailed)?;
    let mut stored = header(master, place, &*data_key)?;
    stored.append(&mut encrypt(&cipher(&*data_key)?, Layer::Value, place, plain)?);
    Ok(stored)
}

/// Opens a sealed value with whichever of these keys wraps it.
pub fn open(ring: &[MasterKey], place: &str, stored: &[u8]) -> Result<Vec<u8>, VaultError> {
    let envelope = Envelope::read(stored)?;
    let data_key = envelope.data_key(ring, place)?;
    let mut plain = decrypt(&cipher(&data_key)?, Layer::Value, place, envelope.value)?;
    Ok(std::mem::take(&mut *plain))
}

/// Wraps a value's data key by the first key of the ring. None: it is so already.
pub fn rewrap(ring: &[MasterKey], place: &str, stored: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
    let envelope = Envelope::read(stored)?;
    let first = ring.first().ok_or(VaultError::MalformedKey)?;
    if envelope.key == first.id {
        return Ok(None);
    }
    let data_key = envelope.data_key(ring, place)?;
    // A value that its own data key does not open was altered: a new wrapping would only hide it.
    decrypt(&cipher(&data_key)?, Layer::Value, place, envelope.value)?;
    let mut anew = header(first, place, &data_key)?;
    anew.extend_from_slice(envelope.value);
    Ok(Some(anew))
}

impl<'a> Envelope<'a> {
    fn read(stored: &'a [u8]) -> Result<Self, VaultError> {
        let (format, rest) = stored.split_first().ok_or(VaultError::DoesNotOpen)?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(VaultError::DoesNotOpen)?;
        let (wrapped, value) = rest.split_at_checked(WRAPPED).ok_or(VaultError::DoesNotOpen)?;
        if *format != FORMAT {
            return Err(VaultError::DoesNotOpen);
        }
        Ok(Self { key: KeyId(*id), wrapped, value })
    }

    fn data_key(&self, ring: &[MasterKey], place: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let master = ring.iter().find(|key| key.id == self.key).ok_or(VaultError::UnknownKey(self.key))?;
        decrypt(&master.wrapping, Layer::DataKey, place, self.wrapped)
    }
}

/// The two layers authenticate different words, so that one can never stand for the other.
#[derive(Clone, Copy)]
enum Layer {
    DataKey,
    Value,
}

fn bound_to(layer: Layer, place: &str) -> Aad<Vec<u8>> {
    let word: &[u8] = match layer {
        Layer::DataKey => b"data key\0",
        Layer::Value => b"value\0",
    };
    Aad::from([word, place.as_bytes()].concat())
}

fn header(master: &MasterKey, place: &str, data_key: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut stored = vec![FORMAT];
    stored.extend_from_slice(&master.id.0);
    stored.append(&mut encrypt(&master.wrapping, Layer::DataKey, place, data_key)?);
    Ok(stored)
}

fn cipher(key: &[u8]) -> Result<RandomizedNonceKey, VaultError> {
    RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| VaultError::SealingFailed)
}

fn encrypt(
    cipher: &RandomizedNonceKey,
    layer: Layer,
    place: &str,
    plain: &[u8],
) -> Result<Vec<u8>, VaultError> {
    // Room for the tag from the beginning, so that no copy of the plain bytes is left behind by growing.
    let mut sealed = Vec::with_capacity(plain.len() + TAG);
    sealed.extend_from_slice(plain);
    let nonce = cipher
        .seal_in_place_append_tag(bound_to(layer, place), &mut sealed)
        .map_err(|_| VaultError::SealingFailed)?;
    Ok([&nonce.as_ref()[..], &sealed].concat())
}

fn decrypt(
    cipher: &RandomizedNonceKey,
    layer: Layer,
    place: &str,
    stored: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, sealed) = stored.split_at_checked(NONCE_LEN).ok_or(VaultError::DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::DoesNotOpen)?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let length = cipher
        .open_in_place(nonce, bound_to(layer, place), &mut buffer)
        .map_err(|_| VaultError::DoesNotOpen)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}
