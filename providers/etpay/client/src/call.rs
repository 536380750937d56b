//! The calls: one address rule, one set of headers, one way to write a body (PROTOCOL.md 2.1).

use payment::Account;
use payment::step::{AfterLost, Call, Memo, Refusal, Request, Step};
use serde::Serialize;
use url::Url;

use crate::account::unconfigured;

/// One operation of the provider.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name in metrics and the wire log.
    pub name: &'static str,
    /// Where it is, below the account's base address.
    pub path: [&'static str; 2],
    /// How long its whole answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// What may be done when its answer is lost.
    pub on_lost: AfterLost,
}

/// The step that sends `body`, in which the account names itself: no header does (PROTOCOL.md 2.1).
///
/// # Errors
/// The account's base address can have no path, or the body cannot be written.
pub fn step(operation: Operation, account: &Account, body: &impl Serialize) -> Result<Step, Box<Refusal>> {
    let url = below(&account.base_url, &operation.path)
        .ok_or_else(|| unconfigured("The account's base URL is no address of a server."))?;
    let body =
        serde_json::to_vec(body).map_err(|_| unconfigured("The request cannot be written as JSON."))?;
    let request = Request {
        operation: operation.name,
        method: "POST",
        url,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: body.into(),
        timeout_ms: operation.timeout_ms,
        needs_token: false,
    };
    // The task itself says all that the answer is to be compared with: there is nothing to remember.
    Ok(Step::Call(Box::new(Call { request, memo: Memo::default(), on_lost: operation.on_lost })))
}

/// An address below a base that may have a path of its own and may end in a slash (PROTOCOL.md 1.2).
pub fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_base_is_kept_whether_or_not_it_ends_in_a_slash() {
        let table = [
            ("https://api.example", "https://api.example/session/initialize"),
            ("https://api.example/", "https://api.example/session/initialize"),
            ("https://alb.example/sandbox", "https://alb.example/sandbox/session/initialize"),
            ("https://alb.example/sandbox/?x=1#y", "https://alb.example/sandbox/session/initialize"),
        ];
        for (base, expected) in table {
            let url = below(&base.parse().expect("an address"), &["session", "initialize"]);
            assert_eq!(url.map(String::from).as_deref(), Some(expected), "{base}");
        }
        assert_eq!(below(&"mailto:a@api.example".parse().expect("an address"), &["x"]), None);
    }
}
