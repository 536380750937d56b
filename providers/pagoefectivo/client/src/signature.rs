//! The two proofs: the hash that asks for a token, and the signature of a notice (PROTOCOL.md 3.2, 9.2).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

/// `hashString`: lower-case hexadecimal SHA-256 of four texts joined by dots, the date as it stands in the body.
pub fn hash_string(id_service: &str, access_key: &str, secret_key: &str, date_request: &str) -> String {
    let joined = [id_service, access_key, secret_key, date_request].join(".");
    let hash = digest(&SHA256, joined.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a signature, as the header holds it, is that of the body's bytes by this key: the text of the secret key, not
/// decoded. Compared in constant time.
pub fn is_signed_with(key: &SecretString, body: &[u8], signature: &str) -> bool {
    let Some(tag) = from_hexadecimal(signature) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
    hmac::verify(&key, body, &tag).is_ok()
}

/// Bytes from lower-case hexadecimal, the only one that is documented.
fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_lower_case_and_whole() {
        assert_eq!(from_hexadecimal("00ff3f"), Some(vec![0, 255, 63]));
        for text in ["0", "0g", "FF", "é", " 00", "0x"] {
            assert_eq!(from_hexadecimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_signature_that_is_cut_short_is_none() {
        let key = SecretString::from("clave");
        let body = b"{}";
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"clave"), body);
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(is_signed_with(&key, body, &signature));
        for length in 0..signature.len() {
            assert!(!is_signed_with(&key, body, &signature[..length]), "{length}");
        }
        assert!(!is_signed_with(&key, body, &format!("{signature}00")));
    }
}
