//! The access token that every other call carries (PROTOCOL.md 3).

use payment::step::{Answer, Request};
use payment::token::AccessToken;
use payment::{Account, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{ACCESS_KEY, SECRET_KEY, id_service, secret};
use crate::signature::hash_string;
use crate::wire::{self, Scalar};
use crate::{answer, call, lima};

/// How long the whole answer may take, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;

/// Longest token that is taken, in characters. 205 are documented, and its length is the provider's business.
const LONGEST_TOKEN: usize = 4096;

/// The call that gets a token. None: the account lacks one of its values, or its address is none.
///
/// The date is now, in Lima. PE-U08: how far it may be off is not published.
pub fn request(account: &Account, now: Timestamp) -> Option<Request> {
    let id_service = id_service(account)?;
    let access_key = secret(account, ACCESS_KEY)?;
    let date_request = lima::written(now);
    let secret_key = secret(account, SECRET_KEY)?;
    let hash_string = hash_string(&id_service.to_string(), access_key, secret_key, &date_request);
    let body = Wanted { access_key, id_service, date_request, hash_string };
    Some(Request {
        operation: "authorize",
        method: "POST",
        url: call::below(&account.base_url, &["v1", "authorizations"])?,
        headers: vec![("content-type", "application/json".to_owned())],
        body: serde_json::to_vec(&body).ok()?.into(),
        timeout_ms: TIMEOUT_MS,
        needs_token: false,
    })
}

/// Reads a token. It lives as long as the answer says: two hours are documented, and five minutes were seen.
pub fn read(answer: &Answer) -> Option<AccessToken> {
    let data = answer::data(answer).ok()?;
    let given: Given = wire::object(data)?;
    let token = given.token.text().filter(|token| is_token(token))?;
    let expires_at = lima::instant(given.token_expires.text()?)?;
    Some(AccessToken { value: token.to_owned().into(), expires_at })
}

/// Whether a text can stand in a header.
fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The secret key itself is never sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    access_key: &'a str,
    id_service: u32,
    date_request: String,
    hash_string: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Given {
    token: Scalar,
    token_expires: Scalar,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::ID_SERVICE;
    use crate::account::tests::account;

    fn now() -> Timestamp {
        "2026-03-02T14:30:00Z".parse().expect("a time")
    }

    fn answered(status: u16, body: &str) -> Option<AccessToken> {
        let body = body.as_bytes().to_vec();
        read(&Answer {
            status,
            content_type: String::new(),
            body,
            received_at: now(),
            provider_date: None,
            handed_over: None,
        })
    }

    #[test]
    fn neither_the_secret_key_nor_an_older_one_is_ever_sent() {
        let _story = testing::story("neither_the_secret_key_nor_an_older_one_is_ever_sent");
        let request = request(&account(), now()).expect("a request");
        let body = String::from_utf8(request.body.to_vec()).expect("text");
        assert!(body.contains("20fa6ac994ebd37b2489bb6dee3699229f65794cacfb7c8049e422e747ac0d86"), "{body}");
        assert!(!body.contains("hub0Demo") && !body.contains("antes"), "{body}");
        assert!(!request.needs_token);
        assert!(!format!("{request:?}").contains("Q0FTSEhVQkRFTU8yMDI2"));
    }

    #[test]
    fn an_account_that_lacks_one_of_its_values_asks_for_no_token() {
        for name in [ACCESS_KEY, SECRET_KEY] {
            let mut account = account();
            account.secrets.insert(name.to_owned(), vec![String::new().into()]);
            assert!(request(&account, now()).is_none(), "{name}");
            account.secrets.remove(name);
            assert!(request(&account, now()).is_none(), "{name}");
        }
        let mut account = account();
        account.credentials.remove(ID_SERVICE);
        assert!(request(&account, now()).is_none());
    }

    #[test]
    fn a_token_is_one_only_with_its_end_and_only_on_success() {
        let token = |data: &str| answered(201, &format!(r#"{{"code":100,"data":{data}}}"#));
        let whole = r#"{"token":"a.b.c","tokenExpires":"2026-03-02T09:35:00-05:00"}"#;
        let expected: Timestamp = "2026-03-02T14:35:00Z".parse().expect("a time");
        assert_eq!(token(whole).map(|token| token.expires_at), Some(expected));
        let no_tokens = [
            "null",
            "[]",
            "{}",
            r#"{"token":"a.b.c"}"#,
            r#"{"token":"a.b.c","tokenExpires":"1900-01-01T00:00:00-05:00"}"#,
            r#"{"token":"","tokenExpires":"2026-03-02T09:35:00-05:00"}"#,
            r#"{"token":"a b","tokenExpires":"2026-03-02T09:35:00-05:00"}"#,
            r#"{"token":"a\r\nx","tokenExpires":"2026-03-02T09:35:00-05:00"}"#,
            r#"{"token":7,"tokenExpires":"2026-03-02T09:35:00-05:00"}"#,
            r#"{"token":"a","token":"b","tokenExpires":"2026-03-02T09:35:00-05:00"}"#,
        ];
        for data in no_tokens {
            assert!(token(data).is_none(), "{data}");
        }
        for status in [400, 401, 403, 500, 302] {
            assert!(answered(status, &format!(r#"{{"code":100,"data":{whole}}}"#)).is_none(), "{status}");
        }
        assert!(answered(201, &format!(r#"{{"code":111,"data":{whole}}}"#)).is_none());
    }
}
