//! The pages: the payer's at `cipUrl` (§10), and the developer's simulator of payments (§12). No script.

mod channels;
mod cip_page;
pub mod labels;
mod simulator_page;
pub mod words;

use askama::Template;
use simulation::form::Form;
use simulation::{Reply, Request};

use crate::cip::State;
use labels::Labels;
use words::Tongue;

const STYLE: &str = include_str!("../../templates/style.css");

/// Merchants show the CIP page in a frame of theirs, so framing is not forbidden (§10.1).
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'";

/// The stylesheet.
pub fn stylesheet() -> Reply {
    Reply::with_type(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

/// A language of the pages, and where the same page is in it.
struct LanguageLink {
    code: &'static str,
    name: &'static str,
    href: String,
    is_current: bool,
}

/// Links to a page in every language; `address` ends where `lang=` may follow.
fn language_links(address: &str, current: Tongue) -> Vec<LanguageLink> {
    Tongue::ALL
        .into_iter()
        .map(|(code, name, tongue)| LanguageLink {
            code,
            name,
            href: format!("{address}lang={code}"),
            is_current: tongue == current,
        })
        .collect()
}

/// The members of a query.
fn query(request: &Request) -> Form {
    Form::read(request.query.as_bytes())
}

fn state_name(state: State, labels: &'static Labels) -> &'static str {
    match state {
        State::Generated => labels.state_generated,
        State::Paid => labels.state_paid,
        State::Expired => labels.state_expired,
        State::Removed => labels.state_removed,
    }
}

fn render(status: u16, page: &impl Template) -> Reply {
    let mut reply = match page.render() {
        Ok(text) => Reply::html(status, text),
        Err(error) => Reply::html(500, format!("<!doctype html><title>500</title><p>{error}</p>")),
    };
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        reply.headers.push((name.into(), value.into()));
    }
    reply
}
