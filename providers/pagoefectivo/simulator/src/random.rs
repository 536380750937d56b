//! Identifiers and secrets made from the world's chance.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulation::World;

/// Characters of an access key and of a secret key, as handed over (§1.6).
const ACCESS_KEY_LENGTH: usize = 20;
const SECRET_KEY_LENGTH: usize = 40;
const BASE64_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A number below `limit`, which is above zero.
pub fn below(world: &mut dyn World, limit: u64) -> u64 {
    let mut buffer = [0; 16];
    world.random(&mut buffer);
    // 128 bits against 64: no value is noticeably likelier than another.
    u64::try_from(u128::from_be_bytes(buffer) % u128::from(limit)).unwrap_or_default()
}

/// `count` decimal digits, the first of which is not zero.
pub fn digits(world: &mut dyn World, count: u32) -> u64 {
    let least = 10_u64.pow(count - 1);
    least + below(world, 9 * least)
}

/// `bytes` random bytes in lower-case hexadecimal.
pub fn hex(world: &mut dyn World, bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    world.random(&mut buffer);
    crate::to_hex(&buffer)
}

/// A GUID of version 4 in lower case.
pub fn guid(world: &mut dyn World) -> String {
    let mut bytes = [0_u8; 16];
    world.random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = crate::to_hex(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// An access key: base64 of fifteen hexadecimal digits, as the newer ones.
pub fn access_key(world: &mut dyn World) -> String {
    let text = hex(world, 8).to_uppercase();
    let mut key = STANDARD.encode(&text[..15]);
    key.truncate(ACCESS_KEY_LENGTH);
    key
}

/// A secret key of the base64 alphabet, without padding.
pub fn secret_key(world: &mut dyn World) -> String {
    let mut buffer = [0; SECRET_KEY_LENGTH];
    world.random(&mut buffer);
    buffer.iter().map(|byte| char::from(BASE64_ALPHABET[usize::from(byte % 64)])).collect()
}
