//! Chance, handed in: protocols need nonces, and own no source of chance.

/// Fresh random bytes for one use. The driver draws them; tests fix them.
#[derive(Clone, Copy, Debug)]
pub struct Entropy([u8; 32]);

impl Entropy {
    /// Bytes drawn by the caller.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
