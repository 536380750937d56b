//! Steering: what a test or a person may make the provider do.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::{Command, CommandError, World};

use super::course::{Course, Verdict};
use super::{AvalPay, notice};

/// Outcomes that one script may hold.
const SCRIPT_LIMIT: usize = 100;
/// References that may be scripted at a time.
const SCRIPTS_LIMIT: usize = 10_000;
/// Sessions that the list shows, newest first.
const LIST_LIMIT: usize = 200;

/// Names and help.
pub const COMMANDS: &[(&str, &str)] = &[
    (
        "resolve_pending",
        "{request_id, outcome: approved | rejected}: decides the attempt in flight of a session",
    ),
    (
        "script",
        "{reference, outcomes: [approved | rejected | rejected:CODE | failed | pending_approved | pending_rejected | \
         review_approved | review_rejected | slow_approved | slow_rejected]}: the next attempts of a reference, \
         whatever the card",
    ),
    ("send_test_notice", "{account, url?}: the provider's test notice, reason TT"),
    ("set_account", "{account, setting, value}: changes a setting, or notification_url"),
    ("rotate_secret", "{account}: issues another secret; the old one is void at once"),
    ("sessions", "lists the newest sessions with their states"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolvePending {
    request_id: u64,
    outcome: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    reference: String,
    outcomes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendTestNotice {
    account: String,
    url: Option<String>,
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
struct RotateSecret {
    account: String,
}

impl AvalPay {
    pub(super) fn steer(&mut self, command: &Command, world: &mut dyn World) -> Result<Value, CommandError> {
        match command.name.as_str() {
            "resolve_pending" => self.resolve_pending(&read(command)?, world),
            "script" => self.script(read(command)?),
            "send_test_notice" => self.send_test_notice(read(command)?, world),
            "set_account" => self.set_account(&read(command)?),
            "rotate_secret" => {
                let wanted: RotateSecret = read(command)?;
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.rotate_secret(world);
                Ok(json!({ "account": merchant.to_account() }))
            }
            "sessions" => Ok(self.list_sessions()),
            unknown => Err(CommandError(format!("avalpay has no command `{unknown}`"))),
        }
    }

    fn resolve_pending(
        &mut self,
        wanted: &ResolvePending,
        world: &mut dyn World,
    ) -> Result<Value, CommandError> {
        let verdict = match wanted.outcome.as_str() {
            "approved" => Verdict::Approved,
            "rejected" => Verdict::Rejected("05"),
            other => return Err(CommandError(format!("`outcome` is approved or rejected, not `{other}`"))),
        };
        let now = world.now();
        if !self.conclude_attempt(wanted.request_id, verdict, now, world) {
            return Err(CommandError(format!("session {} has no attempt in flight", wanted.request_id)));
        }
        Ok(json!({ "request_id": wanted.request_id, "outcome": wanted.outcome }))
    }

    fn script(&mut self, wanted: Script) -> Result<Value, CommandError> {
        if wanted.outcomes.len() > SCRIPT_LIMIT || self.scripts.len() >= SCRIPTS_LIMIT {
            return Err(CommandError(format!(
                "a script holds {SCRIPT_LIMIT} outcomes, of {SCRIPTS_LIMIT} references"
            )));
        }
        let courses = wanted
            .outcomes
            .iter()
            .map(|word| Course::of_word(word).ok_or_else(|| CommandError(format!("`{word}` is no outcome"))))
            .collect::<Result<_, _>>()?;
        self.scripts.insert(wanted.reference.clone(), courses);
        Ok(json!({ "reference": wanted.reference, "outcomes": wanted.outcomes }))
    }

    fn send_test_notice(
        &mut self,
        wanted: SendTestNotice,
        world: &mut dyn World,
    ) -> Result<Value, CommandError> {
        let merchant = self.merchant_mut(&wanted.account)?;
        let url = wanted
            .url
            .or_else(|| merchant.notification_url.clone())
            .ok_or_else(|| CommandError(format!("account `{}` has no notification_url", wanted.account)))?;
        world.notify(notice::for_testing(merchant, url.clone(), world.now()));
        Ok(json!({ "url": url }))
    }

    fn set_account(&mut self, wanted: &SetAccount) -> Result<Value, CommandError> {
        let merchant = self.merchant_mut(&wanted.account)?;
        if wanted.setting == "notification_url" {
            merchant.notification_url = Some(wanted.value.clone()).filter(|url| !url.is_empty());
        } else {
            merchant.settings.set(&wanted.setting, &wanted.value)?;
        }
        Ok(json!({ "account": merchant.to_account() }))
    }

    fn list_sessions(&self) -> Value {
        let sessions = self.sessions.values().rev().take(LIST_LIMIT).map(|session| {
            let status = session.status(self.settings_of(session).profile);
            let attempts: Vec<Value> = session
                .attempts
                .iter()
                .map(|attempt| json!({ "internal_reference": attempt.internal_reference, "status": attempt.word(), "reason": attempt.reason() }))
                .collect();
            json!({
                "request_id": session.request_id,
                "account": session.merchant,
                "reference": session.order.reference,
                "status": status.word,
                "reason": status.reason,
                "amount": session.order.amount.fixed_total(),
                "currency": session.order.amount.currency,
                "created_at": session.created_at,
                "expires_at": session.order.expires_at,
                "process_url": session.process_url,
                "attempts": attempts,
            })
        });
        json!({ "sessions": sessions.collect::<Vec<_>>() })
    }
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, CommandError> {
    serde_json::from_value(command.arguments.clone())
        .map_err(|error| CommandError(format!("`{}`: {error}", command.name)))
}
