//! Creating a payment for the hosted page: `init/json.se` and `init/xml.se` (PROTOCOL.md 2).

use simulation::strict_json::{self, Value};
use simulation::{Reply, Request, World};

use crate::account::Merchant;
use crate::codes::Code;
use crate::order::Order;
use crate::route::Format;
use crate::transaction::{Interface, Transaction};
use crate::{CaratEsitef, judge};
use simulation::form::Form;

/// The form member that holds the request.
const REQUEST: &str = "request";
/// CA-U09: the HTTP status of every answer; the code inside tells success from failure.
const HTTP_STATUS: u16 = 200;
/// Characters of a shop's code.
const MERCHANT_ID_LIMIT: usize = 15;

/// The shop's code in a request, when that can be told without judging it.
pub fn merchant_of(request: &Request) -> Option<String> {
    let body = read_request(request).ok()?;
    body.get("merchant_id").and_then(Value::as_str).map(str::to_owned)
}

impl CaratEsitef {
    pub(super) fn init(&mut self, format: Format, request: &Request, world: &mut dyn World) -> Reply {
        let answer = self.begin(request, world).unwrap_or_else(|code| {
            world.verdict("init_accepted", false, &format!("{} {}", code.0, code.message()));
            vec![
                ("responseCode", Value::from(u64::from(code.0))),
                ("description", Value::text(code.message())),
            ]
        });
        write(format, answer)
    }

    fn begin(&mut self, request: &Request, world: &mut dyn World) -> Result<Members, Code> {
        let body = read_request(request)?;
        let merchant = self.shop(&body, request)?;
        let order = Order::read(&body, &merchant.settings)?;
        judge::creation(&body, &order, self.known(&merchant.name, &order), world);
        let nit = self.create(&merchant, Interface::Html, order, world);
        Ok(self.created(&self.transactions[&nit], &request.origin))
    }

    fn shop(&self, body: &Value, request: &Request) -> Result<Merchant, Code> {
        let missing = |value: &&Value| !value.is_null();
        let id = body.get("merchant_id").filter(missing).ok_or(Code::MERCHANT_MISSING)?;
        let id = id.as_str().filter(|id| !id.is_empty() && id.len() <= MERCHANT_ID_LIMIT);
        let merchant = id.and_then(|id| self.merchant_by_id(id)).ok_or(Code::MERCHANT_INVALID)?;
        if !merchant.settings.is_active {
            return Err(Code::SHOP_INACTIVE);
        }
        // The interface needs no key; one that is sent is looked at where the shop is set so.
        let key = request.header("merchant_key").filter(|_| merchant.settings.checks_html_key);
        if key.is_some_and(|key| key != merchant.key) {
            return Err(Code::KEY_INVALID);
        }
        Ok(merchant.clone())
    }

    fn created(&self, transaction: &Transaction, origin: &str) -> Members {
        let nit = &transaction.nit;
        let mut members = vec![
            ("responseCode", Value::from(0u64)),
            ("description", Value::text(Code::OK.message())),
            // With raw brackets and quotes, as the portal gives it out, and below this prefix whatever was called.
            ("url", Value::text(format!("{origin}/e-sitef/do.se?input['nit']={nit}"))),
            ("nsuesitef", Value::text(transaction.esitef_usn.clone())),
            ("nit", Value::text(nit.clone())),
        ];
        if let Some(storage) = transaction.nita.as_ref().and_then(|nita| self.storages.get(nita)) {
            members.push(("nita", Value::text(storage.ids.nita.clone())));
            members.push(("nsua", Value::text(storage.ids.nsua.clone())));
        }
        members
    }
}

type Members = Vec<(&'static str, Value)>;

/// The request inside the form, from the body or from the query. What is wrong with it has codes of its own:
/// 42 when there is none, 2 when it is empty, 43 when it is no JSON, 132 when it is no object.
/// CA-U53: which of them stands for what. CA-U56: `xml.se` takes JSON, too.
fn read_request(request: &Request) -> Result<Value, Code> {
    let body = Form::read(&request.body);
    let query = Form::read(request.query.as_bytes());
    let text = body.find(REQUEST).or_else(|| query.find(REQUEST)).ok_or(Code::JSON_MISSING)?;
    if text.trim().is_empty() {
        return Err(Code::EMPTY_REQUEST);
    }
    let value = strict_json::parse(text.as_bytes()).map_err(|_| Code::JSON_INVALID)?;
    if value.members().is_some() { Ok(value) } else { Err(Code::MALFORMED) }
}

fn write(format: Format, members: Members) -> Reply {
    match format {
        Format::Json => Reply::json(HTTP_STATUS, Value::object(members).to_text()),
        Format::Xml => {
            let text = members.iter().fold(String::new(), |text, (name, value)| {
                let value = value.as_str().map_or_else(|| value.to_text(), escape);
                format!("{text}<{name}>{value}</{name}>")
            });
            // CA-U05: the names of the JSON members below one root.
            let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response>{text}</response>");
            Reply::with_type(HTTP_STATUS, "application/xml; charset=utf-8", text.into_bytes())
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
