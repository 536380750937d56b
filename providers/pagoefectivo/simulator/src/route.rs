//! Paths of the API and of the pages (§1.2, §10, §12).

use simulation::Request;

/// The simulator of payments.
pub const PAYMENT_SIMULATOR: &str = "/simulador-de-pagos";
/// The pages' stylesheet.
pub const STYLESHEET: &str = "/simulador/estilo.css";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST /v1/authorizations`
    Authorize,
    /// `POST /v1/cips`
    Create,
    /// `POST /v1/cips/search`
    Search,
    /// `PATCH /v1/cips/{cip}`
    Change(&'a str),
    /// `DELETE /v1/cips/{cip}`
    Delete(&'a str),
    /// `GET /{GUID}.html`
    CipPage(&'a str),
    /// `POST /{GUID}/sms`: the code to a phone.
    CipSms(&'a str),
    /// `GET /simulador-de-pagos`
    Simulator,
    /// `POST /simulador-de-pagos/pagar`
    SimulatePayment,
    /// `POST /simulador-de-pagos/avisar`
    SimulateNotice,
    /// The stylesheet.
    Stylesheet,
    /// `GET /`: leads to the simulator of payments.
    Front,
    /// A path of the API with a method that it does not have; the methods that it has.
    WrongMethod(&'static str),
    /// Anything else.
    Unknown,
}

impl<'a> Route<'a> {
    /// Reads method and path. PE-U06: a path of the API with another method is 405, another path 404.
    pub fn of(request: &'a Request) -> Self {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v1", "authorizations"]) => Self::Authorize,
            ("POST", ["v1", "cips"]) => Self::Create,
            ("POST", ["v1", "cips", "search"]) => Self::Search,
            (_, ["v1", "authorizations"] | ["v1", "cips"] | ["v1", "cips", "search"]) => {
                Self::WrongMethod("POST")
            }
            ("PATCH", ["v1", "cips", cip]) => Self::Change(cip),
            ("DELETE", ["v1", "cips", cip]) => Self::Delete(cip),
            (_, ["v1", "cips", _]) => Self::WrongMethod("PATCH, DELETE"),
            ("GET", ["simulador-de-pagos"]) => Self::Simulator,
            ("POST", ["simulador-de-pagos", "pagar"]) => Self::SimulatePayment,
            ("POST", ["simulador-de-pagos", "avisar"]) => Self::SimulateNotice,
            ("GET", ["simulador", "estilo.css"]) => Self::Stylesheet,
            ("GET", [""]) => Self::Front,
            ("GET", [file]) => file.strip_suffix(".html").map_or(Self::Unknown, Self::CipPage),
            ("POST", [guid, "sms"]) => Self::CipSms(guid),
            _ => Self::Unknown,
        }
    }

    /// The operation's name in hardships and journal.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Create => "create_cip",
            Self::Search => "search_cips",
            Self::Change(_) => "change_cip",
            Self::Delete(_) => "delete_cip",
            Self::CipPage(_) => "cip_page",
            Self::CipSms(_) => "cip_sms",
            Self::Simulator | Self::Front => "payment_simulator",
            Self::SimulatePayment => "simulate_payment",
            Self::SimulateNotice => "simulate_notice",
            Self::Stylesheet => "stylesheet",
            Self::WrongMethod(_) | Self::Unknown => "unknown",
        }
    }
}
