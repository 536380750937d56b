//! Steering: what a test or a person may make the provider, the payer and the centre do.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::{Command, CommandError, Timestamp, World};

use crate::PagoEfectivo;
use crate::cip::Cip;
use crate::notice::{Notice, Variant};

/// CIPs that the list shows, newest first.
const LIST_LIMIT: usize = 200;
/// Failures planned at the same time.
const FAILURES_LIMIT: usize = 100;
/// The channel of a payment when none is named.
const DEFAULT_CHANNEL: &str = "BCP";
/// Operations that can be made to fail.
const OPERATIONS: [&str; 5] = ["authorize", "create_cip", "search_cips", "change_cip", "delete_cip"];

/// Names and help.
pub const COMMANDS: &[(&str, &str)] = &[
    (
        "pay",
        "{cip, channel?, paid_at?}: a payer pays at a centre; `paid_at` in the past: the centre took the money then \
         and says so now",
    ),
    (
        "notify",
        "{cip, variant: repeated | concurrent | other_operation | documented_members | unknown_member | unknown_event \
         | wrong_signature | no_signature | changed_body | wrong_amount | wrong_currency | unknown_cip | outside_pool}: \
         another notice about a paid CIP",
    ),
    ("cips", "lists the newest CIPs with their states"),
    ("cip", "{cip}: one CIP with its messages and its notices"),
    ("set_account", "{account, setting, value}: changes a setting, or notification_url"),
    ("rotate_secret", "{account}: issues another secret key; the old one is void at once"),
    ("revoke_tokens", "{account}: voids all tokens in the middle of their life"),
    (
        "fail_next",
        "{account, operation: authorize | create_cip | search_cips | change_cip | delete_cip, times?, after_effect?}: \
         answers 500 with code 166, before or after the work was done",
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    cip: u64,
    channel: Option<String>,
    paid_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    cip: u64,
    variant: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneCip {
    cip: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneAccount {
    account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetAccount {
    account: String,
    setting: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailNext {
    account: String,
    operation: String,
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    after_effect: bool,
}

fn once() -> u32 {
    1
}

/// Operations that fail on purpose.
#[derive(Debug, Default)]
pub struct Failures(Vec<FailNext>);

impl std::fmt::Debug for FailNext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} of {} fails {} times", self.operation, self.account, self.times)
    }
}

impl Failures {
    /// Whether an operation of an account fails now, before or after its effect; one time less then.
    pub fn take(&mut self, account: &str, operation: &str, after_effect: bool) -> bool {
        let fits = |planned: &FailNext| {
            planned.account == account
                && planned.operation == operation
                && planned.after_effect == after_effect
        };
        let Some(place) = self.0.iter().position(fits) else { return false };
        self.0[place].times -= 1;
        if self.0[place].times == 0 {
            self.0.remove(place);
        }
        true
    }
}

impl PagoEfectivo {
    pub(crate) fn steer(&mut self, command: &Command, world: &mut dyn World) -> Result<Value, CommandError> {
        match command.name.as_str() {
            "pay" => self.pay_by_command(&read(command)?, world),
            "notify" => {
                let wanted: Notify = read(command)?;
                let variant = Variant::of_word(&wanted.variant)
                    .ok_or_else(|| CommandError(format!("`{}` is no variant of a notice", wanted.variant)))?;
                self.tell(wanted.cip, variant, world).map_err(|why| CommandError(why.to_string()))?;
                self.shown(wanted.cip, world.now())
            }
            "cips" => Ok(self.list_cips(world.now())),
            "cip" => {
                let wanted: OneCip = read(command)?;
                self.shown(wanted.cip, world.now())
            }
            "set_account" => {
                let wanted: SetAccount = read(command)?;
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.set(&wanted.setting, &wanted.value)?;
                Ok(json!({ "account": merchant.to_account() }))
            }
            "rotate_secret" => {
                let wanted: OneAccount = read(command)?;
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.rotate_secret(world);
                Ok(json!({ "account": merchant.to_account() }))
            }
            "revoke_tokens" => {
                let wanted: OneAccount = read(command)?;
                Ok(json!({ "revoked": self.merchant_mut(&wanted.account)?.revoke_tokens() }))
            }
            "fail_next" => self.plan_failure(read(command)?),
            unknown => Err(CommandError(format!("pagoefectivo has no command `{unknown}`"))),
        }
    }

    fn pay_by_command(&mut self, wanted: &Pay, world: &mut dyn World) -> Result<Value, CommandError> {
        let now = world.now();
        let paid_at = wanted.paid_at.unwrap_or(now);
        let created_at = self.cips.get(&wanted.cip).map(|cip| cip.created_at);
        if paid_at > now || created_at.is_some_and(|created_at| paid_at < created_at) {
            return Err(CommandError("`paid_at` lies between the CIP's creation and now".into()));
        }
        let channel = wanted.channel.as_deref().unwrap_or(DEFAULT_CHANNEL);
        self.pay(wanted.cip, channel, paid_at, world).map_err(|why| CommandError(why.to_string()))?;
        self.shown(wanted.cip, now)
    }

    fn plan_failure(&mut self, wanted: FailNext) -> Result<Value, CommandError> {
        self.merchant_mut(&wanted.account)?;
        if !OPERATIONS.contains(&wanted.operation.as_str()) || wanted.times == 0 {
            return Err(CommandError(format!("`operation` is one of {}", OPERATIONS.join(", "))));
        }
        if self.failures.0.len() >= FAILURES_LIMIT {
            return Err(CommandError(format!("at most {FAILURES_LIMIT} failures are planned")));
        }
        let answer = json!({ "operation": wanted.operation, "times": wanted.times });
        self.failures.0.push(wanted);
        Ok(answer)
    }

    fn list_cips(&self, now: Timestamp) -> Value {
        let newest = self.made.iter().rev().take(LIST_LIMIT).filter_map(|number| self.cips.get(number));
        json!({ "cips": newest.map(|cip| summary(cip, now)).collect::<Vec<_>>() })
    }

    fn shown(&self, number: u64, now: Timestamp) -> Result<Value, CommandError> {
        let cip = self.cips.get(&number).ok_or_else(|| CommandError(format!("no CIP {number} is known")))?;
        let mut shown = summary(cip, now);
        let messages = cip.messages.iter().map(|message| match &message.fate {
            Ok(to) => json!({ "kind": message.kind.word(), "at": message.at, "to": to }),
            Err(why) => json!({ "kind": message.kind.word(), "at": message.at, "withheld": why }),
        });
        shown["messages"] = messages.collect();
        shown["notices"] = cip.notices.iter().map(notice).collect();
        shown["reminder_at"] = json!(cip.reminder_at);
        Ok(shown)
    }
}

fn summary(cip: &Cip, now: Timestamp) -> Value {
    json!({
        "cip": cip.number,
        "account": cip.merchant,
        "transaction_code": cip.order.transaction_code,
        "state": cip.state(now).word(),
        "amount": cip.order.amount.to_fixed(2),
        "currency": cip.order.currency,
        "created_at": cip.created_at,
        "expires_at": cip.expires_at,
        "paid_at": cip.payment.as_ref().map(|payment| payment.at),
        "channel": cip.payment.as_ref().map(|payment| payment.channel.as_str()),
        "operation_number": cip.payment.as_ref().map(|payment| payment.operation_number.as_str()),
        "url": cip.url,
    })
}

fn notice(notice: &Notice) -> Value {
    let attempts: Vec<Value> = notice
        .attempts
        .iter()
        .map(|attempt| json!({ "due_at": attempt.due_at, "outcome": attempt.outcome }))
        .collect();
    json!({
        "variant": notice.variant.word(),
        "body": String::from_utf8_lossy(&notice.body),
        "signature": notice.signature,
        "from": notice.from,
        "attempts": attempts,
    })
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, CommandError> {
    serde_json::from_value(command.arguments.clone())
        .map_err(|error| CommandError(format!("`{}`: {error}", command.name)))
}
