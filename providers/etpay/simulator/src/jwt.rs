//! JSON Web Tokens as the provider signs them: compact JSON, base64url without padding, HMAC-SHA-256 (§6.1).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use simulation::strict_json::Value;

/// The only header the provider writes.
pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Signs claims; the key is the bytes of a token's text, not decoded.
pub fn sign(claims: &Value, key: &str) -> String {
    sign_text(HEADER, &claims.to_text(), hmac::HMAC_SHA256, key)
}

/// Signs any header and claims by any HMAC, for the attacks too.
pub fn sign_text(header: &str, claims: &str, algorithm: hmac::Algorithm, key: &str) -> String {
    let signed = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// `header.claims`, without a signature.
pub fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}
