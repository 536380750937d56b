//! The page over which a provider's page opens in a frame (docs/lightbox.md). Without scripts it is a link to that page.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use super::frame::Frame;
use super::page;
use crate::order::Order;
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage {
    frame: Frame,
    order: Order,
    script_url: Url,
    pay_url: Url,
    back_url: Url,
}

pub(super) async fn show(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    Path((reference, token)): Path<(String, String)>,
) -> Response {
    let known = shop.memory().order(&reference, &token).cloned();
    let Some(order) = known else {
        return super::plain::not_found(State(shop), Extension(visitor)).await;
    };
    let framed = order.lightbox().filter(|_| shop.settings.lightbox);
    let Some((pay_url, lightbox)) = framed.map(|(url, lightbox)| (url.clone(), lightbox.clone())) else {
        // There is nothing to pay here, or not in a frame: the order's page knows.
        return Redirect::to(&order.page()).into_response();
    };
    let Some(policy) = policy(&lightbox.script_url, &pay_url) else {
        return Redirect::to(pay_url.as_str()).into_response();
    };
    let (script_url, back_url) = (lightbox.script_url, lightbox.back_url);
    let frame = Frame::new(&shop, &visitor);
    let mut answer = page(StatusCode::OK, &PayPage { frame, order, script_url, pay_url, back_url });
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    answer
}

/// Lets in our own script, exactly the provider's, and a frame of the provider's pages. None, when one of them has an
/// address that could say more than that.
fn policy(script: &Url, page: &Url) -> Option<HeaderValue> {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_web(script) || !is_web(page) {
        return None;
    }
    let mut script = script.clone();
    // A policy names addresses without what follows the path.
    script.set_query(None);
    script.set_fragment(None);
    let (script, frame) = (script.as_str(), page.origin().ascii_serialization());
    let is_plain = |text: &str| !text.contains([';', ',', ' ']);
    if !is_plain(script) || !is_plain(&frame) {
        return None;
    }
    let text = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self' {script}; frame-src {frame}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let order = super::order::sample_order(language, Some("requires_action"));
    let (pay_url, lightbox) = order.lightbox().expect("it opens in a frame");
    let (pay_url, lightbox) = (pay_url.clone(), lightbox.clone());
    let page = PayPage {
        frame: Frame::sample(language),
        order,
        script_url: lightbox.script_url,
        pay_url,
        back_url: lightbox.back_url,
    };
    vec![page.render().expect("it renders")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn the_policy_lets_in_exactly_the_script_and_the_frame() {
        let made =
            policy(&url("https://pago.example/caja.min.js?v=2#x"), &url("https://pago.example:8443/s/1"));
        let made = made.expect("a policy");
        let text = made.to_str().expect("text");
        assert!(text.contains("script-src 'self' https://pago.example/caja.min.js;"), "{text}");
        assert!(text.contains("frame-src https://pago.example:8443;") && !text.contains("unsafe"), "{text}");
    }

    #[test]
    fn an_address_that_would_say_more_in_a_policy_makes_none() {
        let page = url("https://pago.example/s/1");
        for script in ["https://pago.example/a;b.js", "https://pago.example/a,b.js", "data:text/javascript,1"]
        {
            assert_eq!(policy(&url(script), &page), None, "{script}");
        }
    }
}
