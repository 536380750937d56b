//! The five operations of the API: token, creation, search, change, deletion (§3 to §6).

use std::net::{IpAddr, SocketAddr};

use simulation::strict_json::Value;
use simulation::{Reply, Request, Timestamp, World};

use crate::account::Merchant;
use crate::answer::{Code, Objection, Refusal, Style};
use crate::cip::State;
use crate::fields::{self, Members, Reader, is_digits};
use crate::hash::Parts;
use crate::order::{self, Expiry, read_expiry};
use crate::settings::Settings;
use crate::tokens::{self, Claims};
use crate::{PagoEfectivo, judge, lima, random};

/// PE-U24: CIPs in one search.
const MOST_SEARCHED: usize = 100;
/// Digits of a CIP's number at most (§4.8).
const LONGEST_CIP: usize = 14;
/// Values of `Origin` (§4.1).
const ORIGINS: [&str; 3] = ["web", "android", "ios"];

impl PagoEfectivo {
    pub(crate) fn authorize(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let place = self.merchant_of_authorization(request).map(|merchant| merchant.name.clone());
        let style = Style::of(&self.settings_of(place.as_deref()), request);
        if let Some(refused) = self.failure("authorize", place.as_deref(), &style) {
            return refused;
        }
        match self.issue_token(request, world) {
            Ok(data) => style.success(201, data),
            Err(refusal) => style.refusal(&refusal),
        }
    }

    pub(crate) fn create_cip(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        self.call("create_cip", request, world, |provider, merchant, body, world| {
            let now = world.now();
            let merchant = provider.merchants[merchant].clone();
            let body = body.ok_or_else(|| Refusal::Invalid(Vec::new()))?;
            let order = order::read(&body, &merchant.settings, now)?;
            judge::creation(
                &body,
                &order,
                provider.is_transaction_known(&merchant.name, &order),
                &merchant,
                world,
            );
            let number = provider.make_cip(order, &merchant, &request.origin, world);
            Ok((201, provider.cips[&number].created()))
        })
    }

    pub(crate) fn search_cips(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        self.call("search_cips", request, world, |provider, merchant, body, world| {
            let body = body.ok_or_else(|| Refusal::Invalid(Vec::new()))?;
            let wanted = read_search(&body).map_err(|objection| Refusal::Invalid(vec![objection]))?;
            let name = &provider.merchants[merchant].name;
            // PE-U25: a CIP that nobody has, or another service, is left out.
            let own = wanted
                .iter()
                .filter_map(|number| provider.cips.get(number))
                .filter(|cip| cip.merchant == *name);
            let now = world.now();
            Ok((200, Value::array(own.map(|cip| cip.found(now)))))
        })
    }

    pub(crate) fn change_cip(&mut self, cip: &str, request: &Request, world: &mut dyn World) -> Reply {
        self.call("change_cip", request, world, |provider, merchant, body, world| {
            let now = world.now();
            let body = body.ok_or_else(|| Refusal::Invalid(Vec::new()))?;
            // PE-U27, PE-U28: a CIP that is paid, deleted or unknown is an objection to `cip`.
            let number = provider.own_cip(cip, merchant, now, &[State::Generated, State::Expired]);
            let mut reader = Reader::new(Members::of(&body));
            if number.is_none() {
                reader.object_to("cip");
            }
            let expiry = read_expiry(&mut reader, now);
            if expiry == Expiry::Absent {
                reader.miss("dateExpiry");
            }
            match (number, expiry) {
                (Some(number), Expiry::At(at)) => {
                    provider.move_expiry(number, at, world);
                    Ok((200, Value::object::<String>([])))
                }
                (None, _) | (Some(_), Expiry::Absent | Expiry::Wrong) => {
                    Err(Refusal::Invalid(reader.into_objections()))
                }
            }
        })
    }

    pub(crate) fn delete_cip(&mut self, cip: &str, request: &Request, world: &mut dyn World) -> Reply {
        self.call("delete_cip", request, world, |provider, merchant, _, world| {
            // PE-U29: in any other state than generated, deleted before included, it is an objection to `cip`.
            let number = provider.own_cip(cip, merchant, world.now(), &[State::Generated]);
            let number = number.ok_or_else(|| Refusal::Invalid(vec![Objection::Invalid("cip")]))?;
            provider.remove_cip(number, world.now());
            Ok((200, Value::object::<String>([])))
        })
    }

    /// The service whose access key an authorization names.
    pub(crate) fn merchant_of_authorization(&self, request: &Request) -> Option<&Merchant> {
        let body = fields::parse(&request.body)?;
        let key = Members::of(&body).get("accessKey")?.as_str()?.to_owned();
        self.merchants.iter().find(|merchant| merchant.access_key == key)
    }

    /// The service whose token a call carries, valid or not.
    pub(crate) fn merchant_of_token(&self, request: &Request) -> Option<&Merchant> {
        let claims = tokens::read(bearer(request)?)?;
        self.merchants.iter().find(|merchant| merchant.id_service == claims.id_service)
    }

    fn settings_of(&self, merchant: Option<&str>) -> Settings {
        merchant
            .and_then(|name| self.merchant(name))
            .map(|merchant| merchant.settings.clone())
            .unwrap_or_default()
    }

    /// A call with a token: who calls, whether they may, what they sent; then `act`, with the place of the
    /// service and the body, when that is an object.
    fn call(
        &mut self,
        operation: &'static str,
        request: &Request,
        world: &mut dyn World,
        act: impl FnOnce(&mut Self, usize, Option<Value>, &mut dyn World) -> Result<(u16, Value), Refusal>,
    ) -> Reply {
        let name = self.merchant_of_token(request).map(|merchant| merchant.name.clone());
        let style = Style::of(&self.settings_of(name.as_deref()), request);
        let outcome = self.admit(request, world).and_then(|merchant| {
            judge::call(request, &self.merchants[merchant], world);
            let name = self.merchants[merchant].name.clone();
            if self.failures.take(&name, operation, false) {
                return Err(Refusal::Internal);
            }
            let done = act(self, merchant, fields::parse(&request.body), world)?;
            if self.failures.take(&name, operation, true) { Err(Refusal::Internal) } else { Ok(done) }
        });
        match outcome {
            Ok((status, data)) => style.success(status, data),
            Err(refusal) => {
                world.verdict("call_accepted", false, &format!("{operation}: {refusal:?}"));
                style.refusal(&refusal)
            }
        }
    }

    /// Lets a call in, and answers the place of its service.
    fn admit(&mut self, request: &Request, world: &mut dyn World) -> Result<usize, Refusal> {
        let now = world.now();
        let claims = bearer(request).and_then(tokens::read).ok_or(Refusal::NoValidToken)?;
        let place = self.merchants.iter().position(|merchant| merchant.id_service == claims.id_service);
        let place = place.ok_or(Refusal::NoValidToken)?;
        let merchant = &mut self.merchants[place];
        judge_caller(request, merchant, world)?;
        let uses = merchant.use_token(&claims.id, now).filter(|_| claims.expires_at_s > now.as_second());
        let uses = uses.ok_or(Refusal::NoValidToken)?;
        world.verdict("token_valid", true, &format!("call {uses} with this token"));
        if !merchant.settings.is_active {
            return Err(Refusal::Special(Code::InvalidService, "idService"));
        }
        // PE-U11: another origin than the three is refused; none at all is what half of the clients send.
        match request.header("origin") {
            Some(origin) if !ORIGINS.contains(&origin) => {
                Err(Refusal::Invalid(vec![Objection::Invalid("Origin")]))
            }
            Some(_) | None => Ok(place),
        }
    }

    fn issue_token(&mut self, request: &Request, world: &mut dyn World) -> Result<Value, Refusal> {
        let now = world.now();
        let body = fields::parse(&request.body).ok_or_else(|| Refusal::Invalid(Vec::new()))?;
        let asked = read_authorization(&body)?;
        let place = self.merchants.iter().position(|merchant| merchant.id_service == asked.id_service);
        // PE-U09: whatever does not fit is an objection to the field that holds it.
        let invalid = |field| Refusal::Invalid(vec![Objection::Invalid(field)]);
        let merchant = &mut self.merchants[place.ok_or_else(|| invalid("idService"))?];
        judge_caller(request, merchant, world)?;
        if merchant.access_key != asked.access_key {
            return Err(invalid("accessKey"));
        }
        judge_date(&asked, merchant, now, world)?;
        let parts = Parts {
            id_service: &asked.id_service,
            access_key: &asked.access_key,
            secret_key: &merchant.secret_key,
            date_request: &asked.date_request,
        };
        let is_right = parts.hash() == asked.hash;
        world.verdict(
            "hash_right",
            is_right,
            if is_right { "as documented" } else { parts.mistake(&asked.hash) },
        );
        if !is_right {
            return Err(invalid("hashString"));
        }
        judge::secret_on_wire(request, merchant, world);
        let held = merchant.holds_token(now);
        world.verdict(
            "token_renewed_when_needed",
            !held,
            if held { "another token is still valid" } else { "none was valid" },
        );
        let issued = lima::whole_second(now);
        let expires_at = lima::seconds_after(issued, merchant.settings.token_life_s);
        let claims = Claims {
            code_service: merchant.code_service.clone(),
            id: random::guid(world),
            id_service: merchant.id_service.clone(),
            expires_at_s: expires_at.as_second(),
        };
        merchant.remember_token(claims.id.clone(), expires_at, now);
        Ok(Value::object([
            ("token", Value::text(tokens::write(&claims))),
            ("codeService", Value::text(&claims.code_service)),
            ("tokenStart", Value::text(lima::write(issued))),
            ("tokenExpires", Value::text(lima::write(expires_at))),
        ]))
    }

    /// A CIP of this service in one of the states.
    fn own_cip(&self, text: &str, merchant: usize, now: Timestamp, states: &[State]) -> Option<u64> {
        let cip = self.cips.get(&cip_number(text)?)?;
        let is_own = cip.merchant == self.merchants[merchant].name;
        (is_own && states.contains(&cip.state(now))).then_some(cip.number)
    }

    fn failure(&mut self, operation: &'static str, account: Option<&str>, style: &Style) -> Option<Reply> {
        self.failures.take(account?, operation, false).then(|| style.refusal(&Refusal::Internal))
    }
}

/// The token of the `Authorization` header: `Bearer`, exactly one blank, the token (§4.1).
fn bearer(request: &Request) -> Option<&str> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    (!token.is_empty() && !token.contains(' ')).then_some(token)
}

/// PE-U01: a service that declared its addresses is served at those only.
fn judge_caller(request: &Request, merchant: &Merchant, world: &mut dyn World) -> Result<(), Refusal> {
    let declared = &merchant.settings.caller_addresses;
    if declared.is_empty() {
        return Ok(());
    }
    let caller: Option<IpAddr> = request.peer.parse().map(|peer: SocketAddr| peer.ip().to_canonical()).ok();
    let is_declared = caller.is_some_and(|caller| declared.contains(&caller));
    world.verdict("caller_declared", is_declared, &request.peer);
    if is_declared { Ok(()) } else { Err(Refusal::UnknownCaller) }
}

/// What an authorization asks with.
struct Authorization {
    access_key: String,
    id_service: String,
    date_request: String,
    hash: String,
}

fn read_authorization(body: &Value) -> Result<Authorization, Refusal> {
    let mut reader = Reader::new(Members::of(body));
    let access_key = reader.mandatory_text("accessKey", 20, |key| key.chars().count() == 20);
    if reader.value("idService").is_none() {
        reader.miss("idService");
    }
    let id_service = reader.text_or_number("idService", 5, is_digits);
    let date_request = reader.mandatory_text("dateRequest", 25, |date| lima::read(date).is_some());
    let hash = reader.mandatory_text("hashString", 64, |hash| hash.len() <= 64);
    match (access_key, id_service, date_request, hash) {
        (Some(access_key), Some(id_service), Some(date_request), Some(hash)) => {
            Ok(Authorization { access_key, id_service, date_request, hash })
        }
        _ => Err(Refusal::Invalid(reader.into_objections())),
    }
}

/// PE-U08: within the setting's distance from our clock, as often as one likes.
fn judge_date(
    asked: &Authorization,
    merchant: &Merchant,
    now: Timestamp,
    world: &mut dyn World,
) -> Result<(), Refusal> {
    let at = match lima::read(&asked.date_request) {
        Some(lima::Sent::At(at)) => at,
        Some(lima::Sent::NotGiven) | None => {
            return Err(Refusal::Invalid(vec![Objection::Invalid("dateRequest")]));
        }
    };
    let apart_s = (now.as_second() - at.as_second()).abs();
    judge::date_request(&asked.date_request, apart_s, world);
    if apart_s > merchant.settings.date_request_skew_s {
        return Err(Refusal::Invalid(vec![Objection::Invalid("dateRequest")]));
    }
    Ok(())
}

/// The CIPs that a search asks for. PE-U23: a body without an array `data` is an objection to it.
fn read_search(body: &Value) -> Result<Vec<u64>, Objection> {
    let items = match Members::of(body).get("data") {
        None => return Err(Objection::Missing("data")),
        Some(data) => data.items().ok_or(Objection::Invalid("data"))?,
    };
    if items.len() > MOST_SEARCHED {
        return Err(Objection::Invalid("data"));
    }
    items
        .iter()
        .map(|item| {
            let cip = Members::of(item).get("cip").ok_or(Objection::Missing("cip"))?;
            let text = cip.number_text().or_else(|| cip.as_str()).unwrap_or_default();
            cip_number(text).ok_or(Objection::Invalid("cip"))
        })
        .collect()
}

/// A CIP's number from its text: one to fourteen digits.
pub(crate) fn cip_number(text: &str) -> Option<u64> {
    (is_digits(text) && text.len() <= LONGEST_CIP).then(|| text.parse().ok()).flatten()
}
