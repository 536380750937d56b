//! What is so of Aval Pay alone: its cards, its page, and its notices, which sign neither amount nor reference.

use payment::Status;
use payment::step::Request as Sent;
use serde_json::json;
use simulation::strict_json::{self, Value};
use simulation::{Command, OutgoingNotice, Reply};
use url::Url;

use super::{Part, Provider, Session, address, between, request, text};
use crate::plan::Forgery;

/// Who pays.
const SHOPPER: [(&str, &str); 7] = [
    ("expiry", "11/30"),
    ("installments", "1"),
    ("holder_name", "Mariana"),
    ("holder_surname", "Prueba"),
    ("document_type", "CC"),
    ("document", "1093847561"),
    ("mobile", "3005550147"),
];

/// The code on the back of the public test cards.
const USUAL_CODE: &str = "123";

/// A public test card, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Approved at once.
    Approved,
    /// Declined at once; the session stays open.
    Denied,
    /// Decided by a bank after a while.
    PendingApproved,
    /// The same, declined.
    PendingDenied,
    /// Reviewed until somebody decides.
    Reviewed,
    /// Approved after three minutes.
    SlowApproved,
    /// The network fails.
    Broken,
}

impl Card {
    /// Every card.
    pub const ALL: [Self; 7] = [
        Self::Approved,
        Self::Denied,
        Self::PendingApproved,
        Self::PendingDenied,
        Self::Reviewed,
        Self::SlowApproved,
        Self::Broken,
    ];

    /// Whether it is approved in the end, where nobody decides otherwise.
    pub const fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::PendingApproved | Self::SlowApproved)
    }

    /// Its number.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Approved => "4110760000000081",
            Self::Denied => "4110760000000016",
            Self::PendingApproved => "4110760000000073",
            Self::PendingDenied => "4048370000000037",
            Self::Reviewed => "4532034637206853",
            Self::SlowApproved => "4110760000000024",
            Self::Broken => "4110760000000065",
        }
    }
}

/// What an answer opened, and where it is paid.
pub fn opened(sent: &Sent, answer: &Value) -> Option<(String, Option<Url>)> {
    if session_of(sent).is_some() {
        return None;
    }
    let id = answer.get("requestId").and_then(Value::number_text)?;
    let page = answer.get("processUrl").and_then(Value::as_str).and_then(|text| text.parse().ok())?;
    Some((id.to_owned(), Some(page)))
}

/// The session that a call is about, when it is about one.
pub fn session_of(sent: &Sent) -> Option<String> {
    let segments: Vec<&str> = sent.url.path_segments()?.collect();
    let after = segments.iter().position(|segment| *segment == "session")?;
    segments.get(after + 1).map(|id| (*id).to_owned())
}

/// A session as steering lists it.
pub fn session(listed: &serde_json::Value) -> Session {
    Session {
        id: listed["request_id"].to_string(),
        reference: text(&listed["reference"]),
        status: (text(&listed["status"]), text(&listed["reason"])),
    }
}

/// A decision about the attempt in flight.
pub fn decision(session: &str, is_approved: bool) -> Command {
    let outcome = if is_approved { "approved" } else { "rejected" };
    let id: u64 = session.parse().unwrap_or(0);
    Command { name: "resolve_pending".into(), arguments: json!({ "request_id": id, "outcome": outcome }) }
}

/// What the hub may say in the end of what stands so.
pub fn may_end(session: &Session, is_charged: bool, is_refunded: bool) -> &'static [Status] {
    match (session.status.0.as_str(), session.status.1.as_str()) {
        // Nobody tells of what is given back: the hub learns it when it asks for another reason.
        ("APPROVED", _) if is_charged && is_refunded => &[Status::Approved, Status::Reversed],
        ("APPROVED", _) if is_charged => &[Status::Approved],
        ("REJECTED", "?C" | "MC") => &[Status::Cancelled],
        ("REJECTED", "EX") => &[Status::Expired],
        ("REJECTED", _) => &[Status::Rejected],
        _ => &[],
    }
}

/// What a forger is told (PROTOCOL.md 14.1).
pub const fn reply_to(forgery: Forgery) -> u16 {
    match forgery {
        Forgery::Outcome | Forgery::Signature | Forgery::Unsigned | Forgery::Account => 401,
        Forgery::Reference => 404,
        Forgery::Half => 400,
    }
}

/// What a forger makes of a genuine notice.
pub fn forge(notice: &mut OutgoingNotice, forgery: Forgery, other_reference: &str) {
    let body = &mut notice.body;
    if forgery == Forgery::Half {
        return body.truncate(body.len() / 2);
    }
    let Ok(mut tree) = strict_json::parse(body) else { return };
    let was_approved = tree.at(&["status", "status"]).and_then(Value::as_str) == Some("APPROVED");
    let outcome = if was_approved { "REJECTED" } else { "APPROVED" };
    let (member, value): (&[&str], &str) = match forgery {
        Forgery::Outcome => (&["status", "status"], outcome),
        Forgery::Signature => (&["signature"], "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
        Forgery::Unsigned => (&["signature"], ""),
        Forgery::Reference => (&["reference"], other_reference),
        Forgery::Account | Forgery::Half => return,
    };
    if let Some(place) = tree.at_mut(member) {
        *place = Value::text(value);
    }
    *body = tree.to_text().into_bytes();
}

impl Provider {
    /// A shopper pays on the page, as far as it lets them.
    pub(super) fn pay_on_page(&mut self, page: &Url, card: Card) {
        let page = page.as_str().trim_end_matches('/');
        self.step("POST", &format!("{page}/email"), &[("email", "compradora@correo.example")]);
        let form = self.step("GET", &format!("{page}/card"), &[]);
        let html = String::from_utf8_lossy(&form.body).into_owned();
        // Without a form the session takes no attempt.
        let Some(token) = between(&html, "name=\"form_token\" value=\"", "\"") else { return };
        let payer = self.payer.clone().filter(|_| card == Card::Approved);
        let number = payer.as_ref().map_or(card.number(), |payer| payer.number);
        let code = payer.as_ref().map_or(USUAL_CODE, |payer| payer.code);
        let mut fields = vec![("form_token", token), ("card_number", number), ("cvv", code)];
        fields.extend(SHOPPER);
        self.step("POST", &format!("{page}/card"), &fields);
    }

    /// A shopper gives up on the page.
    pub(super) fn abandon_page(&mut self, page: &Url) {
        let page = page.as_str().trim_end_matches('/');
        self.step("POST", &format!("{page}/abandon"), &[]);
    }

    fn step(&mut self, method: &'static str, page: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = vec![("content-type".into(), "application/x-www-form-urlencoded".into())];
        let request = request(Part::AvalPay, method, &address(page), headers, form.into_bytes());
        self.act(Part::AvalPay, |simulator, world| simulator.handle(&request, world))
    }

    /// An answer as the provider gives it once a charge was given back: it marks the charge and says no more.
    pub(super) fn with_refunds(&self, body: Vec<u8>) -> Vec<u8> {
        if self.refunded.is_empty() {
            return body;
        }
        let Ok(mut tree) = strict_json::parse(&body) else { return body };
        let count = tree.get("payment").and_then(Value::items).map_or(0, <[Value]>::len);
        for index in (0..count).map(|index| index.to_string()) {
            let text = |path: &[&str]| tree.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let is_charge = text(&["payment", &index, "status", "status"]) == "APPROVED";
            let is_refunded = self.refunded.contains(&text(&["payment", &index, "reference"]));
            if let (true, true, Some(mark)) =
                (is_charge, is_refunded, tree.at_mut(&["payment", &index, "refunded"]))
            {
                *mark = Value::Bool(true);
            }
        }
        tree.to_text().into_bytes()
    }
}
