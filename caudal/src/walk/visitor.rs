//! A visitor: one set of cookies, redirects followed one by one, forms sent as a browser sends them.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION, ORIGIN, REFERER, USER_AGENT};
use url::Url;

use super::document::{Document, Field, FieldKind, Form};

/// Redirects in a row.
const MOST_REDIRECTS: usize = 10;
/// Characters of a page that are read.
const MAX_PAGE: usize = 2 * 1024 * 1024;
/// What the visitor calls itself.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) caudal-tour/1.0";

/// Why a walk does not go on.
#[derive(Debug)]
pub enum WalkError {
    /// No answer.
    Unreachable {
        /// The address.
        url: String,
        /// What was said about it.
        reason: String,
    },
    /// The page is not what was expected.
    Unexpected {
        /// The address.
        url: String,
        /// What was missing.
        missing: String,
        /// How the page begins.
        page: String,
    },
}

impl std::fmt::Display for WalkError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable { url, reason } => write!(formatter, "{url} does not answer: {reason}"),
            Self::Unexpected { url, missing, page } => {
                write!(formatter, "{url} has no {missing}; it says: {page}")
            }
        }
    }
}

impl std::error::Error for WalkError {}

/// A visitor without scripts.
pub struct Visitor {
    client: reqwest::Client,
}

/// A page that the visitor sees.
#[derive(Debug)]
pub struct Page {
    /// Its address, after redirects.
    pub url: Url,
    /// The status of its answer.
    pub status: StatusCode,
    /// What is on it.
    pub document: Document,
    /// Where the last redirect points that was not followed.
    pub onward: Option<Url>,
}

/// How far redirects are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// To their end.
    Every,
    /// Not at all: the visitor closes the window.
    None,
}

impl Visitor {
    /// A visitor with no cookies yet.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { client: crate::web::client(true)? })
    }

    /// Opens an address.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn open(&self, url: &Url) -> Result<Page, WalkError> {
        self.follow(self.client.get(url.clone()), url.clone(), Following::Every).await
    }

    /// Sends a form with a button of it pressed: `filled` replaces what the page put into the named fields.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn send(
        &self,
        page: &Page,
        form: &Form,
        filled: &[(String, String)],
        button: Option<&Field>,
        following: Following,
    ) -> Result<Page, WalkError> {
        let action = button.map(|button| button.action.as_str()).filter(|action| !action.is_empty());
        let target = page.url.join(action.unwrap_or(&form.action)).map_err(|error| {
            WalkError::Unreachable { url: form.action.clone(), reason: error.to_string() }
        })?;
        let pairs = pairs(form, filled, button);
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let mut url = target;
        let request = if form.is_post {
            self.client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ORIGIN, page.url.origin().ascii_serialization())
                .body(encoded)
        } else {
            url.set_query(Some(&encoded));
            self.client.get(url.clone())
        };
        self.follow(request.header(REFERER, page.url.as_str()), url, following).await
    }

    /// Sends a request and follows the redirects of its answer.
    async fn follow(
        &self,
        first: reqwest::RequestBuilder,
        mut url: Url,
        following: Following,
    ) -> Result<Page, WalkError> {
        let mut request = first;
        for _ in 0..=MOST_REDIRECTS {
            let unreachable = |error: reqwest::Error| WalkError::Unreachable {
                url: url.to_string(),
                reason: causes(&error),
            };
            let request_now = request.header(USER_AGENT, AGENT).header(ACCEPT_LANGUAGE, "es-CO,es");
            let answer = request_now.send().await.map_err(unreachable)?;
            let status = answer.status();
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let onward = location.filter(|_| status.is_redirection()).and_then(|to| url.join(to).ok());
            match (onward, following) {
                (Some(onward), Following::Every) => {
                    request = self.client.get(onward.clone());
                    url = onward;
                }
                (onward, _) => {
                    let text = answer.text().await.map_err(unreachable)?;
                    let html = text.get(..MAX_PAGE).unwrap_or(&text);
                    return Ok(Page { url, status, document: Document::read(html), onward });
                }
            }
        }
        Err(WalkError::Unreachable { url: url.to_string(), reason: "too many redirects".to_owned() })
    }
}

impl Page {
    /// The complaint that something is not on this page.
    pub fn lacks(&self, missing: impl Into<String>) -> WalkError {
        const SHOWN: usize = 300;
        let page: String = self.document.text.chars().take(SHOWN).collect();
        let page = format!("{} {page}", self.status.as_u16());
        WalkError::Unexpected { url: self.url.to_string(), missing: missing.into(), page }
    }
}

/// What a browser sends: every named field in order, boxes and radio buttons when chosen, the pressed button only.
fn pairs(form: &Form, filled: &[(String, String)], button: Option<&Field>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let filled_value =
        |name: &str| filled.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for field in form.fields.iter().filter(|field| !field.name.is_empty()) {
        let wanted = filled_value(&field.name);
        let value = match &field.kind {
            FieldKind::Button(_) => button.filter(|pressed| *pressed == field).map(|_| field.value.as_str()),
            FieldKind::Checkbox if wanted.is_some() => wanted.filter(|value| !value.is_empty()),
            FieldKind::Radio if wanted.is_some() => wanted.filter(|value| *value == field.value),
            FieldKind::Checkbox | FieldKind::Radio => field.is_checked.then_some(field.value.as_str()),
            FieldKind::Text if field.is_locked => Some(field.value.as_str()),
            FieldKind::Text | FieldKind::Select(_) => Some(wanted.unwrap_or(&field.value)),
            FieldKind::Hidden => Some(field.value.as_str()),
        };
        pairs.extend(value.map(|value| (field.name.clone(), value.to_owned())));
    }
    pairs
}

/// An error with all its causes: the first alone says little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_as_a_browser_would_send_it() {
        let html = "<form method=post><input type=hidden name=token value=t><input name=email value=old>\
            <input name=fixed value=f readonly><input type=checkbox name=terms><input type=checkbox name=news checked>\
            <input type=radio name=own value=yes checked><input type=radio name=own value=no>\
            <select name=kind><option value=CC><option value=CE></select>\
            <button name=act value=pay>Pagar</button><button name=act value=leave>No</button></form>";
        let document = Document::read(html);
        let form = &document.forms[0];
        let filled = ["email", "fixed", "terms", "own", "kind"]
            .into_iter()
            .zip(["new", "other", "on", "no", "CE"])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>();
        let leave = form.buttons().find(|(_, text)| *text == "No").map(|(field, _)| field);
        let sent = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs(form, &filled, leave))
            .finish();
        assert_eq!(sent, "token=t&email=new&fixed=f&terms=on&news=on&own=no&kind=CE&act=leave");
    }
}
