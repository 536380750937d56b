//! Tokens and numbers made from the world's chance.

use simulation::World;

/// Characters of the tokens of a session.
pub const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// ET-U06: all three tokens of a session are as long as the one that was seen.
pub const TOKEN_LENGTH: usize = 64;

/// A token of letters and digits: `token`, `signature_token`, `payment_token`.
pub fn token(world: &mut dyn World) -> String {
    let mut bytes = [0; TOKEN_LENGTH];
    world.random(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// A merchant's secret: 64 hexadecimal characters.
pub fn api_token(world: &mut dyn World) -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; TOKEN_LENGTH / 2];
    world.random(&mut bytes);
    bytes.iter().fold(String::with_capacity(TOKEN_LENGTH), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// So many decimal digits.
pub fn digits(world: &mut dyn World, count: usize) -> String {
    let mut bytes = vec![0; count];
    world.random(&mut bytes);
    bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}
