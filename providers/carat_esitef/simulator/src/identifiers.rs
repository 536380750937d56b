//! Identifiers made from the world's chance, in the forms of PROTOCOL.md 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulation::{Timestamp, World};

use crate::account::{Profile, Shapes};
use crate::instant;

/// Characters of a `nit`, and of a schedule's identifier.
pub const NIT_LENGTH: usize = 64;
/// Characters of a `nita`.
pub const NITA_LENGTH: usize = 65;
/// Characters of a stored card's hash.
pub const HASH_LENGTH: usize = 88;
/// Characters of the tokens that are used once.
const TOKEN_LENGTH: usize = 66;

const LOWER_ALPHANUMERICS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A storage transaction's two identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageIds {
    /// The transaction.
    pub nita: String,
    /// Its number for the back office.
    pub nsua: String,
}

/// A transaction: 64 lower-case hexadecimal characters.
pub fn nit(world: &mut dyn World) -> String {
    hex(world, NIT_LENGTH / 2)
}

/// `nita` and `nsua`. [`Shapes::Swapped`] gives each the form that the sample of the seed page shows for it:
/// fifteen characters for `nita`, sixty-four for `nsua`.
pub fn storage(shapes: Shapes, profile: Profile, now: Timestamp, world: &mut dyn World) -> StorageIds {
    let number = format!("{}{:08}", instant::number_prefix(now), below(world, 100_000_000));
    let nsua = match profile {
        // The table of the seed page says fifteen digits, every other page fifteen characters that end in `A`.
        Profile::Guide => format!("{number}{}", below(world, 10)),
        Profile::Docs => format!("{number}A"),
    };
    let body = pick(world, LOWER_ALPHANUMERICS, NITA_LENGTH - 1);
    match shapes {
        Shapes::Proper => StorageIds { nita: format!("Z{body}"), nsua },
        Shapes::Swapped => StorageIds { nita: format!("{number}a"), nsua: body },
    }
}

/// The portal's own number of a payment: date, nine digits of which the last is 0 or 4.
pub fn esitef_usn(sequence: u64, now: Timestamp) -> String {
    let last = if sequence.is_multiple_of(2) { 0 } else { 4 };
    format!("{}{:08}{last}", instant::number_prefix(now), sequence % 100_000_000)
}

/// CA-U54: a stored card's hash, Base64 of 64 bytes. It always holds a plus sign and a slash, so that a
/// reader who decodes it wrongly shows it.
pub fn card_hash(world: &mut dyn World) -> String {
    let mut bytes = [0; 64];
    world.random(&mut bytes);
    // 0xFB 0xEF 0xFF is `++//` wherever it falls on a group of four characters.
    bytes[30..33].copy_from_slice(&[0xFB, 0xEF, 0xFF]);
    STANDARD.encode(bytes)
}

/// A token that is used once: 66 characters.
pub fn token(world: &mut dyn World) -> String {
    pick(world, LOWER_ALPHANUMERICS, TOKEN_LENGTH)
}

/// A shop's code at the portal: 14 characters, so that it fits both readings of the format.
pub fn merchant_id(world: &mut dyn World) -> String {
    format!("loja{:010}", below(world, 10_000_000_000))
}

/// A shop's key: 64 upper-case hexadecimal characters.
pub fn merchant_key(world: &mut dyn World) -> String {
    hex(world, 32).to_uppercase()
}

/// So many decimal digits.
pub fn digits(world: &mut dyn World, count: usize) -> String {
    pick(world, b"0123456789", count)
}

/// So many characters, each of an alphabet.
pub fn pick(world: &mut dyn World, alphabet: &[u8], count: usize) -> String {
    let mut bytes = vec![0; count];
    world.random(&mut bytes);
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}

fn hex(world: &mut dyn World, bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    world.random(&mut buffer);
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn below(world: &mut dyn World, limit: u64) -> u64 {
    let mut buffer = [0; 8];
    world.random(&mut buffer);
    u64::from_be_bytes(buffer) % limit
}
