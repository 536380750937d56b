//! New keys, and files that only their owner reads.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What an API key begins with, so that a leaked one is recognised.
const API_KEY_PREFIX: &str = "sk_";
/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// 32 random bytes as 64 hex digits.
pub fn new_master_key() -> String {
    hex(&rand::random::<[u8; 32]>())
}

/// A new API key: 256 bits of chance behind its prefix.
pub fn new_api_key() -> String {
    format!("{API_KEY_PREFIX}{}", new_password())
}

/// 256 bits of chance as text.
pub fn new_password() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The hash of a key, as the configuration holds it.
pub fn sha256(key: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    hash
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a key file holds; where there is none, it is made with what `make` gives.
///
/// # Errors
/// When the file cannot be read or written.
pub fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = make();
            let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
            writeln!(file, "{key}")?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

/// Lets a file be its owner's alone.
///
/// # Errors
/// When the file is not ours to change.
pub fn make_owner_only(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(OWNER_ONLY))
}

/// Whether somebody else than the owner may read a file.
///
/// # Errors
/// When the file cannot be looked at.
pub fn is_readable_by_others(path: &Path) -> std::io::Result<bool> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let first = read_or_make(&path, new_master_key).expect("made");
        assert_eq!(read_or_make(&path, new_master_key).expect("read"), first);
        assert!(first.len() == 64 && !is_readable_by_others(&path).expect("a mode"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(is_readable_by_others(&path).expect("a mode"));
    }

    #[test]
    fn keys_differ_and_hash_as_documented() {
        assert_ne!(new_api_key(), new_api_key());
        assert!(new_api_key().starts_with("sk_") && new_api_key().len() == 46);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&sha256("")), empty);
    }
}
