//! Identifiers and secrets made from the world's chance.

use simulation::World;

/// Characters that a secret is made of.
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Length of a secret.
const SECRET_LENGTH: usize = 24;

/// `bytes` random bytes in lower-case hexadecimal.
pub fn hex(world: &mut dyn World, bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    world.random(&mut buffer);
    super::to_hex(&buffer)
}

/// `count` decimal digits, the first one no zero.
pub fn digits(world: &mut dyn World, count: usize) -> String {
    let mut buffer = vec![0; count];
    world.random(&mut buffer);
    let digit =
        |(index, byte): (usize, &u8)| char::from(b'0' + if index == 0 { byte % 9 + 1 } else { byte % 10 });
    buffer.iter().enumerate().map(digit).collect()
}

/// A shared secret.
pub fn secret(world: &mut dyn World) -> String {
    let mut buffer = [0; SECRET_LENGTH];
    world.random(&mut buffer);
    buffer.iter().map(|byte| char::from(SECRET_ALPHABET[usize::from(byte % 64)])).collect()
}

/// An authorization code: six digits, never the `000000` that stands for none.
pub fn authorization(world: &mut dyn World) -> String {
    let mut buffer = [0; 4];
    world.random(&mut buffer);
    format!("{:06}", u32::from_be_bytes(buffer) % 999_999 + 1)
}
