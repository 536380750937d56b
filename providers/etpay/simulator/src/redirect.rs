//! Back to the merchant (§5).

use simulation::{Reply, Timestamp};

use crate::account::Merchant;
use crate::session::{Outcome, Session, Stage};
use crate::{claims, jwt};

/// ET-U22: the parameter that carries the token, in Chile too.
pub const PARAMETER: &str = "jwt";

/// An address with the token appended. ET-U22: a given joint always wins; else `?`, or `&` where the address has
/// parameters already. What follows a `#` stays last.
pub fn with_token(url: &str, joint: Option<&str>, token: &str) -> String {
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let joint = joint.unwrap_or(if address.contains('?') { "&" } else { "?" });
    format!("{address}{joint}{PARAMETER}={token}{fragment}")
}

/// Where the browser is sent now; `None` while the payer is not through, or when no address is known.
pub fn address(session: &Session, merchant: &Merchant) -> Option<String> {
    let joint = session.order.joint.as_deref();
    let completed = known(session.order.completed_url.as_ref(), &merchant.settings.success_url);
    let cancelled = known(session.order.cancellation_url.as_ref(), &merchant.settings.failure_url);
    if let Some(at) = session.lost_at {
        return cancelled.map(|url| with_token(url, joint, &system_error(session, at)));
    }
    match (session.stage, session.ending.map(|ending| ending.outcome)) {
        // ET-U49: while the bank hesitates there is nothing to tell: the success address without a token.
        (Stage::Confirming { .. }, _) => completed.map(str::to_owned),
        (_, Some(outcome)) => {
            let url = match outcome {
                Outcome::Success => completed,
                Outcome::Error(_) => cancelled,
            };
            url.map(|url| with_token(url, joint, session.told.as_deref().unwrap_or_default()))
        }
        (_, None) => None,
    }
}

/// The token that anybody could make, signed with the session_token (§5.2).
pub fn system_error(session: &Session, at: Timestamp) -> String {
    jwt::sign(&claims::system_error(session, at.as_second()), &session.token)
}

/// ET-U23: the browser follows by GET.
pub fn reply(location: String) -> Reply {
    let mut reply = Reply::with_type(302, "text/plain; charset=utf-8", Vec::new());
    reply.headers.push(("location".into(), location));
    reply
}

fn known<'a>(own: Option<&'a String>, onboarding: &'a str) -> Option<&'a str> {
    own.map(String::as_str).or(Some(onboarding)).filter(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_joins_addresses_of_any_form() {
        for (url, joint, expected) in [
            ("https://a.example/ok", None, "https://a.example/ok?jwt=T"),
            ("https://a.example/ok?o=1", None, "https://a.example/ok?o=1&jwt=T"),
            ("https://a.example/ok?o=1", Some("&"), "https://a.example/ok?o=1&jwt=T"),
            ("https://a.example/ok", Some("&"), "https://a.example/ok&jwt=T"),
            ("https://a.example/ok;a=1", Some(";"), "https://a.example/ok;a=1;jwt=T"),
            ("https://a.example/ok#top", None, "https://a.example/ok?jwt=T#top"),
            ("https://a.example/ok?o=1#a?b", None, "https://a.example/ok?o=1&jwt=T#a?b"),
        ] {
            assert_eq!(with_token(url, joint, "T"), expected);
        }
    }
}
