//! Steering: what a test or a person may make the provider do.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::{Command, CommandError, World};

use crate::EtPay;
use crate::account::Merchant;
use crate::attack::Kind;
use crate::course::Course;
use crate::reasons::Reason;
use crate::session::{Outcome, Session, Stage};

/// Outcomes that one script may hold.
const SCRIPT_LIMIT: usize = 100;
/// Orders that may be scripted at a time.
const SCRIPTS_LIMIT: usize = 10_000;
/// Sessions that the list shows, newest first.
const LIST_LIMIT: usize = 200;

/// Names and help.
pub const COMMANDS: &[(&str, &str)] = &[
    ("sessions", "{account?}: lists the newest sessions with their states"),
    ("attempt", "{session_token} or {payment_token}: an attempt with its steps and deliveries"),
    (
        "decide",
        "{session_token, outcome: success | error}: the bank decides; a success after a failure is a late confirmation",
    ),
    (
        "script",
        "{account, merchant_order_id, outcomes: [success | insufficient_funds | second_factor | late | \
         system_error_paid | system_error_unpaid]}: the next attempts of an order, whoever pays",
    ),
    ("resend_notice", "{session_token}: the notice once more, the same token"),
    (
        "attack",
        "{session_token, kind: other_key | session_token_key | other_session | alg_none | alg_hs512 | alg_rs256 | \
         changed_claims | truncated | padded | wrong_amount | wrong_currency | wrong_order | status_true_as_text | \
         status_one | status_upper_case | unknown_claims}: a notice that is no payment",
    ),
    ("certification", "{account}: the provider's checks as far as seen, and the evidence it asks for"),
    ("set_account", "{account, setting, value}: changes a setting, or notification_url"),
    ("rotate_token", "{account}: issues another merchant_api_token; the old one is void at once"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAccount {
    account: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct List {
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSession {
    session_token: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfAttempt {
    session_token: Option<String>,
    payment_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    session_token: String,
    outcome: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    account: String,
    merchant_order_id: String,
    outcomes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    session_token: String,
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetAccount {
    account: String,
    setting: String,
    value: String,
}

impl EtPay {
    pub(crate) fn steer(&mut self, command: &Command, world: &mut dyn World) -> Result<Value, CommandError> {
        match command.name.as_str() {
            "sessions" => Ok(self.list_sessions(&read::<List>(command)?)),
            "attempt" => self.show_attempt(&read(command)?),
            "decide" => self.decide(&read(command)?, world),
            "script" => self.script(read(command)?),
            "resend_notice" => {
                let wanted: OfSession = read(command)?;
                let id = self.session_id(&wanted.session_token)?;
                let now = world.now();
                if !self.send_notice(id, now, world) {
                    return Err(CommandError("there is no notice yet, or no address for it".into()));
                }
                Ok(json!({ "session_token": wanted.session_token }))
            }
            "attack" => {
                let wanted: Attack = read(command)?;
                let id = self.session_id(&wanted.session_token)?;
                let kind = Kind::of_word(&wanted.kind)
                    .ok_or_else(|| CommandError(format!("`{}` is no kind of attack", wanted.kind)))?;
                let token = self.attack(id, kind, world).map_err(CommandError)?;
                Ok(json!({ "kind": wanted.kind, "token": token }))
            }
            "certification" => {
                let wanted: OfAccount = read(command)?;
                let name = self.merchant_mut(&wanted.account)?.name.clone();
                Ok(self.conduct_of(&name).report())
            }
            "set_account" => self.set_account(&read(command)?),
            "rotate_token" => {
                let wanted: OfAccount = read(command)?;
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.rotate_token(world);
                Ok(json!({ "account": merchant.to_account() }))
            }
            unknown => Err(CommandError(format!("etpay has no command `{unknown}`"))),
        }
    }

    fn decide(&mut self, wanted: &Decide, world: &mut dyn World) -> Result<Value, CommandError> {
        let id = self.session_id(&wanted.session_token)?;
        let outcome = match wanted.outcome.as_str() {
            "success" => Outcome::Success,
            "error" => Outcome::Error(Reason::Bank),
            other => return Err(CommandError(format!("`outcome` is success or error, not `{other}`"))),
        };
        let is_ended = self.sessions.get(&id).is_some_and(|session| session.stage == Stage::Ended);
        let now = world.now();
        match (is_ended, outcome) {
            (false, _) => self.conclude(id, outcome, now, world),
            (true, Outcome::Success) if self.confirm_late(id, world) => {}
            (true, Outcome::Success | Outcome::Error(_)) => {
                return Err(CommandError("the session has ended, and that does not change any more".into()));
            }
        }
        let state = self.sessions.get(&id).map_or("", Session::state);
        Ok(json!({ "session_token": wanted.session_token, "state": state }))
    }

    fn script(&mut self, wanted: Script) -> Result<Value, CommandError> {
        if wanted.outcomes.len() > SCRIPT_LIMIT || self.scripts.len() >= SCRIPTS_LIMIT {
            return Err(CommandError(format!(
                "a script holds {SCRIPT_LIMIT} outcomes, of {SCRIPTS_LIMIT} orders"
            )));
        }
        let courses = wanted
            .outcomes
            .iter()
            .map(|word| Course::of_word(word).ok_or_else(|| CommandError(format!("`{word}` is no outcome"))))
            .collect::<Result<_, _>>()?;
        let name = self.merchant_mut(&wanted.account)?.name.clone();
        self.scripts.insert((name, wanted.merchant_order_id.clone()), courses);
        Ok(json!({ "merchant_order_id": wanted.merchant_order_id, "outcomes": wanted.outcomes }))
    }

    fn set_account(&mut self, wanted: &SetAccount) -> Result<Value, CommandError> {
        let merchant = self.merchant_mut(&wanted.account)?;
        match wanted.setting.as_str() {
            "notification_url" => {
                merchant.notification_url = Some(wanted.value.clone()).filter(|url| !url.is_empty());
            }
            "environment" => {
                return Err(CommandError("each environment has accounts of its own: open another".into()));
            }
            setting => merchant.settings.set(setting, &wanted.value)?,
        }
        Ok(json!({ "account": merchant.to_account() }))
    }

    fn list_sessions(&self, wanted: &List) -> Value {
        let fits =
            |session: &&Session| wanted.account.as_ref().is_none_or(|account| *account == session.merchant);
        let sessions: Vec<Value> = self
            .sessions
            .values()
            .rev()
            .filter(fits)
            .take(LIST_LIMIT)
            .map(|session| self.summary(session))
            .collect();
        json!({ "sessions": sessions })
    }

    fn show_attempt(&self, wanted: &OfAttempt) -> Result<Value, CommandError> {
        let id = match (&wanted.session_token, &wanted.payment_token) {
            (Some(token), _) => self.by_token.get(token),
            (None, Some(token)) => self.by_payment.get(token),
            (None, None) => None,
        };
        let session = id.and_then(|id| self.sessions.get(id));
        let session = session.ok_or_else(|| CommandError("no such attempt".into()))?;
        let mut shown = self.summary(session);
        let log: Vec<Value> =
            session.log.iter().map(|(at, text)| json!({ "at": at, "step": text })).collect();
        shown["log"] = json!(log);
        shown["deliveries"] = json!(session.deliveries);
        Ok(shown)
    }

    /// A session without its signature_token.
    fn summary(&self, session: &Session) -> Value {
        let pmt_url = self.merchant(&session.merchant).map_or("", |merchant: &Merchant| &merchant.pmt_url);
        json!({
            "session_token": session.token,
            "payment_token": session.payment_token,
            "account": session.merchant,
            "merchant_order_id": session.order.id,
            "amount": session.order.amount,
            "currency": session.country.currency(),
            "state": session.state(),
            "reason": session.ending.and_then(|ending| match ending.outcome {
                Outcome::Success => None,
                Outcome::Error(reason) => Some(reason.code()),
            }),
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "funnel": format!("{pmt_url}/session/{}", session.token),
        })
    }

    fn session_id(&self, token: &str) -> Result<u64, CommandError> {
        self.by_token.get(token).copied().ok_or_else(|| CommandError("no such session".into()))
    }
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, CommandError> {
    serde_json::from_value(command.arguments.clone())
        .map_err(|error| CommandError(format!("`{}`: {error}", command.name)))
}
