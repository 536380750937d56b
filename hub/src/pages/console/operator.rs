//! Who may look at the console: HTTP Basic against the settings, compared in constant time.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use payment::order::Language;
use subtle::ConstantTimeEq;

use super::super::frame::WantedLanguage;
use super::super::trouble;
use crate::settings::ConsoleAccess;
use crate::state::Hub;

/// An operator who has said who they are, and the language of the console.
pub(super) struct Operator {
    pub(super) language: Language,
}

impl FromRequestParts<Arc<Hub>> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Response> {
        let Ok(WantedLanguage(wanted)) = WantedLanguage::from_request_parts(parts, hub).await;
        let language = wanted.unwrap_or_default();
        let Some(access) = &hub.settings.console else { return Err(trouble::not_found(language)) };
        match is_operator(access, &parts.headers) {
            true => Ok(Self { language }),
            false => Err(trouble::unauthorized(language)),
        }
    }
}

/// Whether the request carries the name and the password. Both are hashed first, so that the time it takes
/// tells neither how much is right nor how long it is.
fn is_operator(access: &ConsoleAccess, headers: &HeaderMap) -> bool {
    let Some((user, password)) = credentials(headers) else { return false };
    let right_user = sha256(access.user.as_bytes()).ct_eq(&sha256(&user));
    let right_password = access.password_sha256.ct_eq(&sha256(&password));
    (right_user & right_password).into()
}

fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((decoded[..colon].to_vec(), decoded[colon + 1..].to_vec()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(authorization: Option<&str>) -> bool {
        let access = ConsoleAccess { user: "operación".into(), password_sha256: sha256(b"a:b c") };
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().expect("a header"));
        }
        is_operator(&access, &headers)
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn the_right_name_and_password_open_it() {
        assert!(opens(Some(&basic("operación:a:b c"))));
        assert!(opens(Some(&basic("operación:a:b c").replace("Basic", "basic"))));
    }

    #[test]
    fn everything_else_does_not() {
        for wrong in ["operación:a:b", "operacion:a:b c", ":a:b c", "operación:", "operación", ""] {
            assert!(!opens(Some(&basic(wrong))), "{wrong}");
        }
        assert!(!opens(None));
        assert!(!opens(Some("Basic %%%")));
        assert!(!opens(Some("Basic")));
        assert!(!opens(Some(&basic("operación:a:b c").replace("Basic", "Bearer"))));
    }
}
