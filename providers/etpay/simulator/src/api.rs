//! The two calls of a merchant's server: a session is opened (§3), a payment is asked after (§7).

use simulation::strict_json::{self, Value};
use simulation::{Reply, Request, World};

use crate::account::{Country, Environment, Merchant, Profile, funnel_origin};
use crate::conduct::Check;
use crate::order::{Method, Order, required};
use crate::refusal::{Refusal, answer};
use crate::session::Session;
use crate::{EtPay, SESSIONS_KEPT, claims, rut};

/// Headers that only browsers write.
const BROWSER_HEADERS: &[&str] = &["origin", "referer", "sec-fetch-mode", "sec-fetch-site"];
/// The wrong name under which the integration page's prose mentions the secret (C-11).
const MISNAMED_TOKEN: &str = "merchant_api_key";

impl EtPay {
    /// `POST {api_url}/session/initialize`
    pub(crate) fn initialize(
        &mut self,
        environment: Environment,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let is_server = judge_caller(request, world);
        let opened = self.try_initialize(environment, request, is_server, world);
        opened.unwrap_or_else(Refusal::reply)
    }

    /// ET-U47: form first, then who is calling, then what for.
    fn try_initialize(
        &mut self,
        environment: Environment,
        request: &Request,
        is_server: bool,
        world: &mut dyn World,
    ) -> Result<Reply, Refusal> {
        let body = json_object(request, world)?;
        let merchant = self.authenticate(environment, &body, world)?;
        let name = merchant.name.clone();
        let order = Order::read(&body, &merchant.settings);
        let session = order.map(|order| {
            judge_order(&order, &body, merchant.settings.profile, world);
            Session::open(merchant, order, world)
        });
        let pmt_url = match merchant.pmt_url.split_once("://") {
            Some(_) => merchant.pmt_url.clone(),
            None => format!("{}{}", funnel_origin(&request.origin), environment.prefix()),
        };
        let (profile, country) = (merchant.settings.profile, merchant.settings.country);
        let is_plain = self.judge_secrets(&name, request);
        let conduct = self.conduct_of(&name);
        conduct.see(Check::Secrets, is_plain && is_server, "a call to open a session");
        let session = match session {
            Ok(session) => session,
            Err(refusal) => {
                conduct.see(Check::Initialize, false, refusal.message());
                return Err(refusal);
            }
        };
        conduct.see(Check::Initialize, is_server, if is_server { "by a server" } else { "by a browser" });
        let terms = match country {
            Country::Chile => Value::text(format!("{pmt_url}/terms")),
            Country::Mexico => Value::Null,
        };
        let (token, signature_token) = (Value::text(&session.token), Value::text(&session.signature_token));
        self.remember(session);
        // D-15: the integration page names both tokens; on the wire the first has a shorter name (§3.5).
        let members = match profile {
            Profile::Docs => {
                vec![("token", token), ("signature_token", signature_token), ("terms_url", terms)]
            }
            Profile::Guide => vec![("session_token", token), ("signature_token", signature_token)],
        };
        Ok(answer(200, &Value::object(members)))
    }

    /// Who is calling: by code and token, or a clear refusal.
    fn authenticate(
        &self,
        environment: Environment,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<&Merchant, Refusal> {
        let code = required(body, "merchant_code")?;
        let is_misnamed = body.get(MISNAMED_TOKEN).is_some() && body.get("merchant_api_token").is_none();
        if is_misnamed {
            world.verdict("token_by_its_name", false, "merchant_api_key was sent for merchant_api_token");
        }
        let token = required(body, "merchant_api_token")?;
        let found = self.merchants.iter().find(|merchant| {
            merchant.settings.environment == environment
                && Some(merchant.code.as_str()) == code.as_str()
                && Some(merchant.api_token.as_str()) == token.as_str()
        });
        world.verdict("credentials_known", found.is_some(), "merchant_code and merchant_api_token");
        let merchant = found.ok_or(Refusal::Unauthorized)?;
        if merchant.settings.is_active { Ok(merchant) } else { Err(Refusal::Disabled) }
    }

    fn remember(&mut self, session: Session) {
        if self.sessions.len() >= SESSIONS_KEPT
            && let Some((id, oldest)) = self.sessions.pop_first()
        {
            self.by_token.remove(&oldest.token);
            if let Some(ids) = self.by_order.get_mut(&(oldest.merchant, oldest.order.id)) {
                ids.retain(|known| *known != id);
            }
            if let Some(name) = oldest.payment_token {
                self.by_payment.remove(&name);
            }
            if let Some(at) = self.scheduled.remove(&id) {
                self.schedule.remove(&(at, id));
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        self.by_token.insert(session.token.clone(), id);
        let key = (session.merchant.clone(), session.order.id.clone());
        let of_order = self.by_order.entry(key).or_default();
        of_order.push(id);
        let is_another = of_order.len() > 1;
        let name = session.merchant.clone();
        self.sessions.insert(id, session);
        self.plan(id);
        if is_another {
            self.conduct_of(&name).see(Check::NewSession, true, "another session for the same order");
        }
    }

    /// `POST {api_url}/merchant/check_payment_status`
    pub(crate) fn check_status(
        &mut self,
        environment: Environment,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        judge_caller(request, world);
        self.try_check_status(environment, request, world).unwrap_or_else(Refusal::reply)
    }

    fn try_check_status(
        &mut self,
        environment: Environment,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<Reply, Refusal> {
        let body = json_object(request, world)?;
        let token = required(&body, "merchant_api_token")?;
        let merchant = self
            .merchants
            .iter()
            .find(|merchant| {
                merchant.settings.environment == environment
                    && Some(merchant.api_token.as_str()) == token.as_str()
            })
            .ok_or(Refusal::Unauthorized)?;
        if !merchant.settings.is_active {
            return Err(Refusal::Disabled);
        }
        // D-16: the integration page knows no such query.
        if merchant.settings.profile == Profile::Guide {
            return Err(Refusal::NotFound);
        }
        let wanted = Wanted::read(&body)?;
        let found = self.find(&merchant.name, &wanted);
        let listed = found.iter().filter_map(|session| claims::about(session, merchant));
        // ET-U38: nothing found, and nothing ended yet, are both an empty list.
        let list = Value::array(listed);
        let name = merchant.name.clone();
        let count = list.items().map_or(0, <[Value]>::len);
        self.conduct_of(&name).see(Check::StatusQuery, true, format!("{count} answered"));
        Ok(answer(200, &list))
    }

    /// The merchant's own sessions that fit all that is wanted (ET-U35), newest first (ET-U36).
    fn find(&self, merchant: &str, wanted: &Wanted) -> Vec<&Session> {
        let by_name = |index: &std::collections::HashMap<String, u64>, name: &String| -> Vec<u64> {
            index.get(name).copied().into_iter().collect()
        };
        let candidates = match (&wanted.session_token, &wanted.payment_token, &wanted.order_id) {
            (Some(token), _, _) => by_name(&self.by_token, token),
            (None, Some(token), _) => by_name(&self.by_payment, token),
            (None, None, Some(order_id)) => {
                self.by_order.get(&(merchant.to_owned(), order_id.clone())).cloned().unwrap_or_default()
            }
            (None, None, None) => Vec::new(),
        };
        let sessions = candidates.iter().rev().filter_map(|id| self.sessions.get(id));
        sessions.filter(|session| session.merchant == merchant && wanted.fits(session)).collect()
    }

    /// Whether no secret stands where others can read it.
    fn judge_secrets(&self, name: &str, request: &Request) -> bool {
        let Some(merchant) = self.merchant(name) else { return true };
        !request.query.contains(&merchant.api_token) && !request.path.contains(&merchant.api_token)
    }
}

/// What a status query asks for.
struct Wanted {
    session_token: Option<String>,
    order_id: Option<String>,
    payment_token: Option<String>,
}

impl Wanted {
    fn read(body: &Value) -> Result<Self, Refusal> {
        let wanted = Self {
            session_token: identifier(body, "session_token")?,
            order_id: identifier(body, "merchant_order_id")?,
            payment_token: identifier(body, "payment_token")?,
        };
        let is_empty =
            wanted.session_token.is_none() && wanted.order_id.is_none() && wanted.payment_token.is_none();
        if is_empty { Err(Refusal::NoIdentifier) } else { Ok(wanted) }
    }

    /// Whether a session has the other names too; it was found by its session_token, if that is wanted.
    fn fits(&self, session: &Session) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
        is(&self.order_id, &session.order.id)
            && is(&self.payment_token, session.payment_token.as_deref().unwrap_or_default())
    }
}

/// A text or a number. ET-U34: an empty text counts as absent.
fn identifier(body: &Value, field: &'static str) -> Result<Option<String>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(digits)) => Ok(Some(digits.clone())),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(Refusal::Invalid(field)),
    }
}

/// The body, whatever the content type says of it (§2.2).
fn json_object(request: &Request, world: &mut dyn World) -> Result<Value, Refusal> {
    let body = strict_json::parse(&request.body).map_err(|error| {
        world.verdict("json_well_formed", false, &error.to_string());
        Refusal::InvalidJson
    })?;
    let kind = request.header("content-type").unwrap_or_default();
    world.verdict("content_type_json", kind.starts_with("application/json"), &format!("`{kind}`"));
    if body.members().is_some() { Ok(body) } else { Err(Refusal::InvalidJson) }
}

/// Calls come from the merchant's server and never from a browser (ET-03, C-10).
fn judge_caller(request: &Request, world: &mut dyn World) -> bool {
    let written = BROWSER_HEADERS.iter().find(|name| request.header(name).is_some());
    let is_browser =
        written.is_some() || request.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"));
    let detail = match (written, is_browser) {
        (Some(name), _) => format!("the header {name} is a browser's"),
        (None, true) => "the user agent is a browser's".into(),
        (None, false) => "no sign of a browser".into(),
    };
    world.verdict("called_by_server", !is_browser, &detail);
    !is_browser
}

fn judge_order(order: &Order, body: &Value, profile: Profile, world: &mut dyn World) {
    let unknown = &order.unknown;
    world.verdict("members_known", unknown.is_empty(), &unknown.join(", "));
    if profile == Profile::Guide {
        world.verdict("basic_fields_only", Order::is_basic(body), "ET-05: four fields, no fifth");
    }
    let is_asked = body.get("user_bank_code").and_then(Value::as_str).is_some_and(|code| !code.is_empty());
    if is_asked {
        world.verdict("bank_offered", order.bank.is_some(), "user_bank_code");
    }
    if let Some(text) = &order.rut {
        world.verdict("rut_check_digit", rut::read(text).is_some(), "user_rut");
    }
    if order.is_rut_locked {
        world.verdict(
            "rut_lock_has_a_rut",
            order.rut.is_some(),
            "is_rut_block without user_rut locks nothing",
        );
    }
    if let (Some(phone), Some(Method::Codi)) = (&order.phone, order.method) {
        world.verdict("phone_has_ten_digits", is_phone(phone), "customer_phone");
    }
}

/// Ten digits (§4.6).
pub fn is_phone(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())
}
