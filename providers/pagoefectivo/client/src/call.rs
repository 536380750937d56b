//! The calls: one address rule, one set of headers, one way to write a body (PROTOCOL.md 2, 4.1).

use payment::Account;
use payment::order::Language;
use payment::step::{AfterLost, Call, Memo, Refusal, Request, Step};
use serde::Serialize;
use url::Url;

use crate::account::unconfigured;

/// One operation of the provider that needs a token.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name in metrics and the wire log.
    pub name: &'static str,
    /// `POST`, `DELETE`.
    pub method: &'static str,
    /// How long its whole answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// What may be done when its answer is lost.
    pub on_lost: AfterLost,
}

/// The step that sends `body` to a path below the account's address.
///
/// # Errors
/// The account's base address can have no path, or the body cannot be written.
pub fn step<B: Serialize>(
    operation: Operation,
    account: &Account,
    path: &[&str],
    language: Language,
    body: Option<&B>,
) -> Result<Step, Box<Refusal>> {
    let url = below(&account.base_url, path)
        .ok_or_else(|| unconfigured("The account's base URL is no address of a server."))?;
    let written = body.map(serde_json::to_vec).transpose();
    let written = written.map_err(|_| unconfigured("The request cannot be written as JSON."))?;
    let content_type = written.is_some().then(|| ("content-type", "application/json".to_owned()));
    // `Origin` is mandatory by the document, and nobody else sends it (PROTOCOL.md 4.1): always sent, it is right with all.
    let others = [("origin", "web".to_owned()), ("accept-language", told_in(language).to_owned())];
    let request = Request {
        operation: operation.name,
        method: operation.method,
        url,
        headers: content_type.into_iter().chain(others).collect(),
        body: written.unwrap_or_default().into(),
        timeout_ms: operation.timeout_ms,
        needs_token: true,
    };
    // The task itself says all that the answer is to be compared with: there is nothing to remember.
    Ok(Step::Call(Box::new(Call { request, memo: Memo::default(), on_lost: operation.on_lost })))
}

/// An address below a base that may have a path of its own and may end in a slash.
pub fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

/// The provider speaks two languages (PROTOCOL.md 2.8).
const fn told_in(language: Language) -> &'static str {
    match language {
        Language::Es | Language::Pt => "es-PE",
        Language::En => "en-US",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_base_is_kept_whether_or_not_it_ends_in_a_slash() {
        let table = [
            ("https://api.example", "https://api.example/v1/cips"),
            ("https://api.example/", "https://api.example/v1/cips"),
            ("https://alb.example/sandbox/?x=1#y", "https://alb.example/sandbox/v1/cips"),
        ];
        for (base, expected) in table {
            let url = below(&base.parse().expect("an address"), &["v1", "cips"]);
            assert_eq!(url.map(String::from).as_deref(), Some(expected), "{base}");
        }
        let outside = below(&"https://api.example".parse().expect("an address"), &["v1", "../x?y"]);
        assert_eq!(outside.map(String::from).as_deref(), Some("https://api.example/v1/..%2Fx%3Fy"));
        assert_eq!(below(&"mailto:a@api.example".parse().expect("an address"), &["x"]), None);
    }
}
