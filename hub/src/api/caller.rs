//! Who calls: a merchant, known by its API key.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::settings::{Merchant, Settings};
use crate::state::Hub;

/// What every API key begins with.
pub const KEY_PREFIX: &str = "sk_";
/// Longest text that is hashed as a key.
const LONGEST_KEY: usize = 255;

/// The merchant whose key was sent.
pub struct Caller {
    /// The merchant.
    pub merchant: Merchant,
}

impl Caller {
    /// The merchant's id.
    pub fn id(&self) -> &str {
        &self.merchant.id
    }
}

impl FromRequestParts<Arc<Hub>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        let key = bearer(&parts.headers).ok_or_else(|| {
            Problem::new(Code::Unauthorized, "Send your API key as `Authorization: Bearer sk_…`.")
        })?;
        let merchant = merchant_of(&hub.settings, key)
            .ok_or_else(|| Problem::new(Code::Unauthorized, "The API key is unknown or revoked."))?;
        tracing::Span::current().record("merchant", merchant.id.as_str());
        Ok(Self { merchant: merchant.clone() })
    }
}

/// The key of the only `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, key) = HeaderValue::to_str(value).ok()?.split_once(' ')?;
    let is_key = key.starts_with(KEY_PREFIX) && key.len() <= LONGEST_KEY;
    (scheme.eq_ignore_ascii_case("bearer") && is_key).then_some(key)
}

/// The merchant of a key. Its hash is compared with every configured one, so that the time tells neither
/// which one it is nor whether there is one.
fn merchant_of<'a>(settings: &'a Settings, key: &str) -> Option<&'a Merchant> {
    let hash = digest(&SHA256, key.as_bytes());
    let mut found = None;
    for merchant in &settings.merchants {
        for configured in &merchant.api_keys {
            let is_same: bool = configured.sha256.ct_eq(hash.as_ref()).into();
            if is_same && !configured.is_revoked {
                found = Some(merchant);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn a_key_is_read_from_one_bearer_header_only() {
        assert_eq!(bearer(&sent(&["Bearer sk_1"])), Some("sk_1"));
        assert_eq!(bearer(&sent(&["bearer sk_1"])), Some("sk_1"));
        let long = format!("Bearer sk_{}", "x".repeat(LONGEST_KEY));
        for refused in [
            &[][..],
            &["Bearer"],
            &["Basic sk_1"],
            &["Bearer pk_1"],
            &["Bearer sk_1", "Bearer sk_2"],
            &[&long],
        ] {
            assert_eq!(bearer(&sent(refused)), None, "{refused:?}");
        }
    }
}
