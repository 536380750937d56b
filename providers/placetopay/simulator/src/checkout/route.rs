//! Paths of the API and of the hosted page (§1.1, §6.10).

use simulation::Request;

/// Where the hosted page lives.
pub const PAGE_PREFIX: &str = "/spa/session";
/// The page's stylesheet.
pub const STYLESHEET: &str = "/spa/style.css";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST /api/session`
    Create,
    /// `POST /api/session/{requestId}`
    Query(u64),
    /// `POST /api/session/{requestId}/cancel`
    Cancel(u64),
    /// The stylesheet.
    Stylesheet,
    /// Something of a session's page.
    Page(u64, &'a str, Step),
    /// Anything else.
    Unknown,
}

/// A step on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// GET: whatever the session's state calls for.
    Show,
    /// GET: the methods.
    Methods,
    /// GET: the card form.
    CardForm,
    /// POST: the payer's e-mail.
    Email,
    /// POST: the card form.
    Pay,
    /// POST: the 3-D Secure code.
    Challenge,
    /// POST: "No deseo continuar".
    Abandon,
    /// POST: another language.
    Language,
}

impl<'a> Route<'a> {
    /// Reads method and path; one trailing slash is forgiven.
    pub fn of(request: &'a Request) -> Self {
        let path = request.path.strip_suffix('/').unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["api", "session"]) => Self::Create,
            ("POST", ["api", "session", id]) => number(id).map_or(Self::Unknown, Self::Query),
            ("POST", ["api", "session", id, "cancel"]) => number(id).map_or(Self::Unknown, Self::Cancel),
            ("GET", ["spa", "style.css"]) => Self::Stylesheet,
            (method, ["spa", "session", id, key, rest @ ..]) => match (number(id), step(method, rest)) {
                (Some(id), Some(step)) => Self::Page(id, key, step),
                (_, None) | (None, _) => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The operation's name in hardships and journal.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Create => "create_session",
            Self::Query(_) => "query_session",
            Self::Cancel(_) => "cancel_session",
            Self::Stylesheet => "stylesheet",
            Self::Page(_, _, Step::Show | Step::Methods | Step::CardForm) => "page",
            Self::Page(_, _, Step::Email) => "page_email",
            Self::Page(_, _, Step::Pay) => "page_pay",
            Self::Page(_, _, Step::Challenge) => "page_challenge",
            Self::Page(_, _, Step::Abandon) => "page_abandon",
            Self::Page(_, _, Step::Language) => "page_language",
            Self::Unknown => "unknown",
        }
    }
}

fn step(method: &str, rest: &[&str]) -> Option<Step> {
    match (method, rest) {
        ("GET", []) => Some(Step::Show),
        ("GET", ["methods"]) => Some(Step::Methods),
        ("GET", ["card"]) => Some(Step::CardForm),
        ("POST", ["email"]) => Some(Step::Email),
        ("POST", ["card"]) => Some(Step::Pay),
        ("POST", ["challenge"]) => Some(Step::Challenge),
        ("POST", ["abandon"]) => Some(Step::Abandon),
        ("POST", ["language"]) => Some(Step::Language),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
