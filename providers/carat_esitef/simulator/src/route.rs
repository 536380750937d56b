//! Paths of the portal: the same under two prefixes (PROTOCOL.md 0.4).

use simulation::Request;

use simulation::form::{Form, decode_path};

/// The prefixes that every path is served under.
pub const PREFIXES: [&str; 2] = ["e-sitef", "e-sitef-hml"];
/// The page's stylesheet.
pub const STYLESHEET: &str = "/e-sitef/estilo.css";
/// Where the page's forms go. CA-U11: the real page's forms are not public.
pub const PAGE_FORMS: &str = "/e-sitef/pagamento";

/// In what the HTML interface answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `json.se`
    Json,
    /// `xml.se`
    Xml,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST init/json.se`, `init/xml.se`
    Init(Format),
    /// The stylesheet.
    Stylesheet,
    /// Something of a payment's page.
    Page(String, Step),
    /// `consultarTransacao.se`, of a `nit`.
    QueryStatus(String),
    /// `armazenamento/consultarArmazenamento.se`, of a `nita`.
    QueryStorage(String),
    /// The REST interface.
    Rest(Rest),
    /// A known path with a method that it does not have.
    WrongMethod,
    /// Anything else.
    Unknown,
}

/// A step on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// GET: the form, or how the payment stands.
    Show,
    /// POST: the card.
    Pay,
    /// POST: the payer gives up.
    Cancel,
    /// POST: another language.
    Language,
}

/// A call of the REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// `POST v1/transactions`
    Create,
    /// `GET v1/transactions`
    List,
    /// `GET v1/transactions/{nit}`
    Query(String),
    /// `POST v1/payments/{nit}`
    Pay(String),
    /// `POST v2/payments`
    PayAtOnce,
    /// `PUT v1/payments/{nit}`
    Confirm(String),
    /// `POST v1/payments/{nit}/cards`
    QueryCard(String),
    /// `POST v1/cards`
    StoreCard,
    /// `GET v1/cards/list`
    ListCards,
    /// `PUT v1/cards/{token}`
    ChangeCard(String),
    /// `GET v1/token`
    NewToken,
    /// `POST v1/cancellations`
    BeginCancellation,
    /// `PUT v1/cancellations/{nit}`
    Cancel(String),
    /// `POST v1/preauthorizations/{nit}`
    Preauthorize(String),
    /// `POST v1/preauthorizations/capture/{nit}`
    Capture(String),
}

impl Route {
    /// Reads method, path and query; one trailing slash is forgiven.
    pub fn of(request: &Request) -> Self {
        let path = request.path.strip_suffix('/').unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let method = request.method.as_str();
        match parts.as_slice() {
            [prefix, rest @ ..] if PREFIXES.contains(prefix) => below_prefix(method, rest, request),
            _ => Self::Unknown,
        }
    }

    /// The operation's name in hardships and journal.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Stylesheet => "stylesheet",
            Self::Page(_, Step::Show) => "page",
            Self::Page(_, Step::Pay) => "page_pay",
            Self::Page(_, Step::Cancel) => "page_cancel",
            Self::Page(_, Step::Language) => "page_language",
            Self::QueryStatus(_) => "query_status_notice",
            Self::QueryStorage(_) => "query_storage",
            Self::Rest(call) => call.operation(),
            Self::WrongMethod | Self::Unknown => "unknown",
        }
    }
}

impl Rest {
    fn operation(&self) -> &'static str {
        match self {
            Self::Create => "create_transaction",
            Self::List => "list_transactions",
            Self::Query(_) => "query_transaction",
            Self::Pay(_) => "pay",
            Self::PayAtOnce => "pay_at_once",
            Self::Confirm(_) => "confirm",
            Self::QueryCard(_) => "query_card",
            Self::StoreCard => "store_card",
            Self::ListCards => "list_cards",
            Self::ChangeCard(_) => "change_card",
            Self::NewToken => "new_token",
            Self::BeginCancellation => "begin_cancellation",
            Self::Cancel(_) => "cancel",
            Self::Preauthorize(_) => "preauthorize",
            Self::Capture(_) => "capture",
        }
    }

    fn of(method: &str, parts: &[&str]) -> Result<Self, Route> {
        let only =
            |allowed: &str, call: Self| if method == allowed { Ok(call) } else { Err(Route::WrongMethod) };
        let with =
            |allowed: &str, make: fn(String) -> Self, value: &str| only(allowed, make(value.to_owned()));
        match parts {
            ["v1", "transactions"] if method == "GET" => Ok(Self::List),
            ["v1", "transactions"] => only("POST", Self::Create),
            ["v1", "transactions", nit] => with("GET", Self::Query, nit),
            ["v1", "payments", nit] if method == "PUT" => with("PUT", Self::Confirm, nit),
            ["v1", "payments", nit] => with("POST", Self::Pay, nit),
            ["v1", "payments", nit, "cards"] => with("POST", Self::QueryCard, nit),
            ["v2", "payments"] => only("POST", Self::PayAtOnce),
            ["v1", "cards"] => only("POST", Self::StoreCard),
            ["v1", "cards", "list"] => only("GET", Self::ListCards),
            ["v1", "cards", token] => with("PUT", Self::ChangeCard, &decode_path(token)),
            ["v1", "token"] => only("GET", Self::NewToken),
            ["v1", "cancellations"] => only("POST", Self::BeginCancellation),
            ["v1", "cancellations", nit] => with("PUT", Self::Cancel, nit),
            ["v1", "preauthorizations", "capture", nit] => with("POST", Self::Capture, nit),
            ["v1", "preauthorizations", nit] => with("POST", Self::Preauthorize, nit),
            _ => Err(Route::Unknown),
        }
    }
}

fn below_prefix(method: &str, rest: &[&str], request: &Request) -> Route {
    let parameter = |names: &[&str]| {
        let query = Form::read(request.query.as_bytes());
        names.iter().find_map(|name| query.find(name)).unwrap_or_default().to_owned()
    };
    match (method, rest) {
        ("POST", ["init", "json.se"]) => Route::Init(Format::Json),
        ("POST", ["init", "xml.se"]) => Route::Init(Format::Xml),
        // Its address is given out with raw brackets and quotes; browsers and libraries encode some of them.
        ("GET", ["do.se"]) => Route::Page(parameter(&["input['nit']", "nit"]), Step::Show),
        ("GET", ["estilo.css"]) => Route::Stylesheet,
        ("POST", ["pagamento", nit, "pagar"]) => Route::Page((*nit).to_owned(), Step::Pay),
        ("POST", ["pagamento", nit, "cancelar"]) => Route::Page((*nit).to_owned(), Step::Cancel),
        ("POST", ["pagamento", nit, "idioma"]) => Route::Page((*nit).to_owned(), Step::Language),
        // The diagram of the status query allows both methods; the storage query is a POST only.
        ("GET" | "POST", ["consultarTransacao.se"]) => Route::QueryStatus(parameter(&["nit"])),
        ("POST", ["armazenamento", "consultarArmazenamento.se"]) => Route::QueryStorage(parameter(&["nita"])),
        (
            _,
            ["init", "json.se" | "xml.se"]
            | ["do.se"]
            | ["consultarTransacao.se"]
            | ["armazenamento", "consultarArmazenamento.se"],
        ) => Route::WrongMethod,
        (_, ["api", call @ ..]) => Rest::of(method, call).map_or_else(|route| route, Route::Rest),
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str, query: &str) -> Route {
        let request = Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
            peer: String::new(),
            origin: String::new(),
        };
        Route::of(&request)
    }

    #[test]
    fn every_path_is_there_under_both_prefixes_and_with_a_trailing_slash() {
        for prefix in PREFIXES {
            assert_eq!(route("POST", &format!("/{prefix}/init/json.se"), ""), Route::Init(Format::Json));
            assert_eq!(
                route("POST", &format!("/{prefix}/api/v2/payments/"), ""),
                Route::Rest(Rest::PayAtOnce)
            );
        }
        assert_eq!(route("POST", "/init/json.se", ""), Route::Unknown);
    }

    #[test]
    fn the_page_is_found_by_any_spelling_of_its_address() {
        for query in ["input['nit']=ab", "input%5B%27nit%27%5D=ab", "input[%27nit%27]=ab", "nit=ab"] {
            assert_eq!(
                route("GET", "/e-sitef/do.se", query),
                Route::Page("ab".into(), Step::Show),
                "{query}"
            );
        }
    }

    #[test]
    fn a_token_in_a_path_is_decoded_once() {
        assert_eq!(
            route("PUT", "/e-sitef/api/v1/cards/a%2Bb%2Fc%3D%3D", ""),
            Route::Rest(Rest::ChangeCard("a+b/c==".into()))
        );
    }

    #[test]
    fn a_wrong_method_is_told_from_a_wrong_path() {
        for (method, path) in [
            ("GET", "/e-sitef/init/json.se"),
            ("GET", "/e-sitef-hml/armazenamento/consultarArmazenamento.se"),
            ("DELETE", "/e-sitef/api/v1/transactions"),
            ("GET", "/e-sitef/api/v1/payments/ab"),
        ] {
            assert_eq!(route(method, path, ""), Route::WrongMethod, "{path}");
        }
        assert_eq!(route("POST", "/e-sitef/api/v3/payments", ""), Route::Unknown);
    }
}
