//! Small checks of single values; each refusal names its key.

use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::failure::Failure;

/// Longest id of a merchant or account.
const MAX_IDENTIFIER: usize = 64;
/// A random 32-byte key has about thirty different bytes; one with fewer than this was typed by a person.
const LEAST_DIFFERENT_BYTES: usize = 12;

/// An id: lower-case letters, digits and hyphens, beginning with a letter.
pub fn is_identifier(key: &str, id: &str) -> Result<(), Failure> {
    let sound = id.len() <= MAX_IDENTIFIER
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if sound {
        return Ok(());
    }
    let text = format!("{key}: an id is lower-case letters, digits and hyphens, {MAX_IDENTIFIER} at most");
    Err(Failure::usage(text))
}

/// An http or https address; only https in production.
pub fn url(key: &str, text: &str, is_production: bool) -> Result<Url, Failure> {
    let refused = |reason: &str| Failure::usage(format!("{key}: {text:?} {reason}"));
    let url = Url::parse(text).map_err(|_| refused("is no address such as https://pay.example.com"))?;
    match url.scheme() {
        "https" => {}
        "http" if !is_production => {}
        "http" => return Err(refused("is plain http, which production refuses: use https")),
        _ => return Err(refused("is neither http nor https")),
    }
    if !url.has_host() || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(refused("may have a host, a port and a path, and nothing else"));
    }
    Ok(url)
}

/// An address and port to listen on.
pub fn listen_address(key: &str, text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{key}: {text:?} is no address such as 127.0.0.1:4040")))
}

/// The address of a machine.
pub fn ip_address(key: &str, text: &str) -> Result<IpAddr, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{key}: {text:?} is no IP address")))
}

/// SHA-256 as 64 hex digits.
pub fn sha256(key: &str, text: &str) -> Result<[u8; 32], Failure> {
    hex_32(text).ok_or_else(|| Failure::usage(format!("{key}: expected SHA-256 as 64 hex digits")))
}

/// A master key: 32 random bytes as 64 hex digits.
pub fn master_key(key: &str, text: &str, is_production: bool) -> Result<(), Failure> {
    let make_one = "make one by `caudal doctor --new-master-key`";
    let bytes =
        hex_32(text).ok_or_else(|| Failure::usage(format!("{key}: expected 64 hex digits: {make_one}")))?;
    let different = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    if is_production && different < LEAST_DIFFERENT_BYTES {
        return Err(Failure::usage(format!("{key}: this key is not random: {make_one}")));
    }
    Ok(())
}

/// A whole number within bounds.
pub fn within(key: &str, value: u64, least: u64, most: u64) -> Result<u64, Failure> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Failure::usage(format!("{key}: {value} is not from {least} to {most}")))
}

fn hex_32(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_no_secrets() {
        for text in ["ftp://a", "https://", "pay.example", "https://u@a/", "https://a/?q=1", "https://a/#f"] {
            assert!(url("hub.public_url", text, false).is_err(), "{text}");
        }
        assert!(url("hub.public_url", "http://localhost:4040", false).is_ok());
        assert!(url("hub.public_url", "http://localhost:4040", true).is_err());
        assert!(url("hub.public_url", "https://pay.example/hub", true).is_ok());
    }

    #[test]
    fn a_typed_master_key_is_refused_in_production() {
        let typed = "0123456789abcdef".repeat(4);
        assert!(master_key("keys.master_key", &typed, false).is_ok());
        assert!(master_key("keys.master_key", &typed, true).is_err());
        assert!(master_key("keys.master_key", "short", false).is_err());
        assert!(master_key("keys.master_key", &"é".repeat(32), false).is_err());
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_identifier("merchants.x", "tienda-2").is_ok());
        for id in ["", "2tienda", "Tienda", "tienda_2", "tienda.2", &"a".repeat(65)] {
            assert!(is_identifier("merchants.x", id).is_err(), "{id}");
        }
    }
}
