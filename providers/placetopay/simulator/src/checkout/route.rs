//! Paths of the API and of the hosted page (§1.1, §6.10).

use simulation::Request;

/// Where the hosted page lives.
pub const PAGE_PREFIX: &str = "/spa/session";
/// The page's stylesheet.
pub const STYLESHEET: &str = "/spa/style.css";

/// The script that merchants' pages load for the lightbox (§15).
pub const LIGHTBOX: &str = "/lightbox.min.js";
/// The script by which a page inside the lightbox speaks to the merchant's.
pub const FRAME_SCRIPT: &str = "/spa/frame.js";
/// Where the mock of the banks' pages lives (§16.1).
pub const BANK_PREFIX: &str = "/rest/mock/redirection";
/// Where the merchant's panel lives.
pub const PANEL_PREFIX: &str = "/panel";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// An operation of the API.
    Api(Operation),
    /// A stylesheet, a script, a picture.
    Static(Asset),
    /// Something of a session's page.
    Page(u64, &'a str, Step),
    /// GET and POST: the page of the payer's bank.
    Bank(&'a str, bool),
    /// The merchant's panel.
    Panel(View<'a>),
    /// Anything else.
    Unknown,
}

/// An operation of the API (§1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /api/session`
    Create,
    /// `POST /api/session/{requestId}`
    Query(u64),
    /// `POST /api/session/{requestId}/cancel`
    Cancel(u64),
    /// `POST /api/collect`
    Collect,
    /// `POST /api/instrument/invalidate`
    Invalidate,
    /// `POST /api/transaction`
    Transaction,
    /// `POST /api/reverse`
    Reverse,
    /// `POST /api/gateway/information`
    Information,
    /// `POST /api/gateway/token`
    Token,
}

/// A file that is the same for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    /// The stylesheet.
    Style,
    /// [`LIGHTBOX`]
    Lightbox,
    /// [`FRAME_SCRIPT`]
    Frame,
    /// The picture in a browser's tab.
    Icon,
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
    /// GET: the form of a transfer by PSE.
    TransferForm,
    /// POST: the payer's e-mail.
    Email,
    /// POST: the card form.
    Pay,
    /// POST: the form of a transfer.
    Transfer,
    /// POST: the 3-D Secure code.
    Challenge,
    /// POST: "No deseo continuar".
    Abandon,
    /// POST: another language.
    Language,
}

/// A page of the merchant's panel, or something done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'a> {
    /// GET: the accounts.
    Accounts,
    /// GET: the transactions of an account.
    Transactions(&'a str),
    /// GET: one transaction.
    Transaction(&'a str, u64),
    /// GET: the recurrences.
    Recurrences(&'a str),
    /// GET: the late reversals.
    LateReversals(&'a str),
    /// GET: the stored cards.
    Cards(&'a str),
    /// POST: gives back.
    Reverse(&'a str, u64),
    /// POST: asks the network for a reversal after the hour.
    ReverseLate(&'a str, u64),
    /// POST: ends a recurrence.
    CancelRecurrence(&'a str, u64),
}

impl<'a> Route<'a> {
    /// Reads method and path; one trailing slash is forgiven.
    pub fn of(request: &'a Request) -> Self {
        let path = request.path.strip_suffix('/').unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let method = request.method.as_str();
        match (method, parts.as_slice()) {
            ("POST", ["api", rest @ ..]) => api(rest).map_or(Self::Unknown, Self::Api),
            ("GET", ["spa", "style.css"]) => Self::Static(Asset::Style),
            ("GET", ["spa", "frame.js"]) => Self::Static(Asset::Frame),
            ("GET", ["spa", "icon.svg"] | ["favicon.ico"]) => Self::Static(Asset::Icon),
            ("GET", ["lightbox.min.js"]) => Self::Static(Asset::Lightbox),
            (_, ["spa", "session", id, key, rest @ ..]) => match (number(id), step(method, rest)) {
                (Some(id), Some(step)) => Self::Page(id, key, step),
                (_, None) | (None, _) => Self::Unknown,
            },
            ("GET" | "POST", ["rest", "mock", "redirection", key]) => Self::Bank(key, method == "POST"),
            (_, ["panel", rest @ ..]) => view(method, rest).map_or(Self::Unknown, Self::Panel),
            _ => Self::Unknown,
        }
    }

    /// The operation's name in hardships and journal.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Api(operation) => operation.name(),
            Self::Static(Asset::Style) => "stylesheet",
            Self::Static(Asset::Lightbox) => "lightbox",
            Self::Static(Asset::Frame) => "frame_script",
            Self::Static(Asset::Icon) => "icon",
            Self::Page(_, _, Step::Show | Step::Methods | Step::CardForm | Step::TransferForm) => "page",
            Self::Page(_, _, Step::Email) => "page_email",
            Self::Page(_, _, Step::Pay) => "page_pay",
            Self::Page(_, _, Step::Transfer) => "page_transfer",
            Self::Page(_, _, Step::Challenge) => "page_challenge",
            Self::Page(_, _, Step::Abandon) => "page_abandon",
            Self::Page(_, _, Step::Language) => "page_language",
            Self::Bank(_, false) => "bank_page",
            Self::Bank(_, true) => "bank_decide",
            Self::Panel(View::Reverse(..) | View::ReverseLate(..)) => "panel_reverse",
            Self::Panel(View::CancelRecurrence(..)) => "panel_cancel_recurrence",
            Self::Panel(_) => "panel",
            Self::Unknown => "unknown",
        }
    }
}

impl<'a> View<'a> {
    /// The account that a page is about, as the address writes it.
    pub fn account(self) -> Option<&'a str> {
        match self {
            Self::Accounts => None,
            Self::Transactions(account)
            | Self::Transaction(account, _)
            | Self::Recurrences(account)
            | Self::LateReversals(account)
            | Self::Cards(account)
            | Self::Reverse(account, _)
            | Self::ReverseLate(account, _)
            | Self::CancelRecurrence(account, _) => Some(account),
        }
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create_session",
            Self::Query(_) => "query_session",
            Self::Cancel(_) => "cancel_session",
            Self::Collect => "collect",
            Self::Invalidate => "invalidate_token",
            Self::Transaction => "transaction",
            Self::Reverse => "reverse",
            Self::Information => "gateway_information",
            Self::Token => "gateway_token",
        }
    }
}

fn api(rest: &[&str]) -> Option<Operation> {
    match rest {
        ["session"] => Some(Operation::Create),
        ["session", id] => number(id).map(Operation::Query),
        ["session", id, "cancel"] => number(id).map(Operation::Cancel),
        ["collect"] => Some(Operation::Collect),
        ["instrument", "invalidate"] => Some(Operation::Invalidate),
        ["transaction"] => Some(Operation::Transaction),
        ["reverse"] => Some(Operation::Reverse),
        ["gateway", "information"] => Some(Operation::Information),
        ["gateway", "token"] => Some(Operation::Token),
        _ => None,
    }
}

fn step(method: &str, rest: &[&str]) -> Option<Step> {
    match (method, rest) {
        ("GET", []) => Some(Step::Show),
        ("GET", ["methods"]) => Some(Step::Methods),
        ("GET", ["card"]) => Some(Step::CardForm),
        ("GET", ["pse"]) => Some(Step::TransferForm),
        ("POST", ["email"]) => Some(Step::Email),
        ("POST", ["card"]) => Some(Step::Pay),
        ("POST", ["pse"]) => Some(Step::Transfer),
        ("POST", ["challenge"]) => Some(Step::Challenge),
        ("POST", ["abandon"]) => Some(Step::Abandon),
        ("POST", ["language"]) => Some(Step::Language),
        _ => None,
    }
}

fn view<'a>(method: &str, rest: &[&'a str]) -> Option<View<'a>> {
    match (method, rest) {
        ("GET", []) => Some(View::Accounts),
        ("GET", [account]) => Some(View::Transactions(account)),
        ("GET", [account, "recurrences"]) => Some(View::Recurrences(account)),
        ("GET", [account, "late-reversals"]) => Some(View::LateReversals(account)),
        ("GET", [account, "cards"]) => Some(View::Cards(account)),
        ("GET", [account, "transactions", id]) => Some(View::Transaction(account, number(id)?)),
        ("POST", [account, "transactions", id, "reverse"]) => Some(View::Reverse(account, number(id)?)),
        ("POST", [account, "transactions", id, "reverse-late"]) => {
            Some(View::ReverseLate(account, number(id)?))
        }
        ("POST", [account, "recurrences", id, "cancel"]) => {
            Some(View::CancelRecurrence(account, number(id)?))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
