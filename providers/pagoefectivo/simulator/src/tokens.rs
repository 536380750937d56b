//! The token that an authorization gives: a JWT of HS256 with four claims (§3.4).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use simulation::strict_json::{self, Value};

/// The provider's own key; a merchant never needs it.
const KEY: &[u8] = b"simulator-internal-key";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: the merchant's short code.
    pub code_service: String,
    /// `jti`: a GUID in lower case.
    pub id: String,
    /// `nameid`: the service's number, as text.
    pub id_service: String,
    /// `exp`: seconds since 1970.
    pub expires_at_s: i64,
}

/// Writes a token.
pub fn write(claims: &Claims) -> String {
    let payload = Value::object([
        ("sub", Value::text(&claims.code_service)),
        ("jti", Value::text(&claims.id)),
        ("nameid", Value::text(&claims.id_service)),
        ("exp", Value::from(claims.expires_at_s)),
    ])
    .to_text();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
    let signature = hmac::sign(&key(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// Reads a token that this provider wrote; `None` for any other.
pub fn read(token: &str) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    hmac::verify(&key(), signed.as_bytes(), &signature).ok()?;
    let (_, payload) = signed.split_once('.')?;
    let payload = strict_json::parse(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Claims {
        code_service: text("sub")?,
        id: text("jti")?,
        id_service: text("nameid")?,
        expires_at_s: payload.get("exp").and_then(Value::as_i64)?,
    })
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, KEY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims() -> Claims {
        Claims {
            code_service: "ANDES".into(),
            id: "6f0c2c52-8a77-4d7e-9a54-1f4f6d0b7c11".into(),
            id_service: "4821".into(),
            expires_at_s: 1_772_469_000,
        }
    }

    #[test]
    fn a_token_is_read_back_and_a_changed_one_is_not() {
        let token = write(&claims());
        assert_eq!(read(&token), Some(claims()));
        for place in [3, 40, token.len() - 2] {
            let mut changed = token.clone();
            let other = if &token[place..=place] == "A" { "B" } else { "A" };
            changed.replace_range(place..=place, other);
            assert_eq!(read(&changed), None, "{place}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,80}") {
            prop_assert_eq!(read(&text), None);
        }
    }
}
