//! The token of a notice: compact, signed by HMAC-SHA256 and by nothing else (PROTOCOL.md 6.1).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::wire::{self, Scalar};

/// The one algorithm that is computed, whatever a token asks for.
const ALGORITHM: &str = "HS256";

/// A token taken apart and not yet verified.
#[derive(Debug)]
pub struct Token {
    /// Header and claims as they were sent, which is what the signature covers.
    signed: String,
    /// Whether the header asks for [`ALGORITHM`] and for no extension of it.
    is_of_our_kind: bool,
    /// The signature's bytes, when it is written as one: base64url, no padding, no bits left over.
    signature: Option<Vec<u8>>,
    claims: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    alg: Scalar,
    /// Names extensions that a reader has to know; we know none.
    crit: Option<serde::de::IgnoredAny>,
}

impl Token {
    /// Takes a token apart: three parts, of which header and claims are base64url of UTF-8, and the header is a JSON
    /// object. None: it is no token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let known: Header = wire::object(&decoded(header)?)?;
        let is_of_our_kind = known.alg.text() == Some(ALGORITHM) && known.crit.is_none();
        Some(Self {
            signed: format!("{header}.{claims}"),
            is_of_our_kind,
            signature: URL_SAFE_NO_PAD.decode(signature).ok(),
            claims: decoded(claims)?,
        })
    }

    /// What it claims, as JSON text. Anybody can have written it unless [`Self::is_signed_with`] its key.
    pub fn claims(&self) -> &str {
        &self.claims
    }

    /// Whether the bytes of `key` as text made its signature. Takes the same time wherever the difference is.
    pub fn is_signed_with(&self, key: &SecretString) -> bool {
        let Some(signature) = self.signature.as_ref().filter(|_| self.is_of_our_kind) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
        hmac::verify(&key, self.signed.as_bytes(), signature).is_ok()
    }
}

fn decoded(part: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A token with any header, signed by HMAC-SHA256.
    pub fn made(header: &str, claims: &str, key: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A token as the provider makes it.
    pub fn signed(claims: &str, key: &str) -> String {
        made(r#"{"alg":"HS256","typ":"JWT"}"#, claims, key)
    }

    fn holds(token: &str, key: &str) -> bool {
        Token::parse(token).is_some_and(|token| token.is_signed_with(&key.to_owned().into()))
    }

    #[test]
    fn a_token_holds_with_its_own_key_only() {
        let token = signed("{}", "clave-1");
        assert!(holds(&token, "clave-1"));
        for key in ["clave-2", "", "clave-1 ", "CLAVE-1"] {
            assert!(!holds(&token, key), "{key}");
        }
    }

    #[test]
    fn no_header_but_the_one_algorithm_s_is_believed_even_under_a_right_signature() {
        let headers = [
            r#"{"alg":"none"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"typ":"JWT"}"#,
            r#"["HS256"]"#,
        ];
        for header in headers {
            assert!(!holds(&made(header, "{}", "clave"), "clave"), "{header}");
        }
        assert!(holds(&made(r#"{"alg":"HS256"}"#, "{}", "clave"), "clave"), "the type may be left out");
    }

    #[test]
    fn one_changed_letter_anywhere_breaks_it() {
        let token = signed(r#"{"session_token":"s","payment_status":"success"}"#, "clave");
        for (at, letter) in token.char_indices() {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let mut changed = token.clone();
            changed.replace_range(at..=at, &other.to_string());
            assert!(!holds(&changed, "clave"), "{at}");
        }
    }

    #[test]
    fn base64_is_read_strictly() {
        let token = signed("{}", "clave");
        let spoilt = [
            format!("{token}="),
            format!("{token}."),
            format!(" {token}"),
            format!("{token}\n"),
            token.replacen('.', "=.", 1),
            token[..token.len() - 1].to_owned(),
            token[..token.rfind('.').expect("a point")].to_owned(),
            format!("{}.", &token[..token.rfind('.').expect("a point")]),
            String::new(),
            "..".to_owned(),
        ];
        for text in spoilt {
            assert!(!holds(&text, "clave"), "{text}");
        }
    }
}
