//! Steering: what a test or a person may make the provider do.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::{Command, CommandError, World};

use super::course::{Course, Verdict};
use super::reasons::{self, Group};
use super::recurrence::{End, Recurrence};
use super::refusal::Refusal;
use super::reversal::LateReversal;
use super::session::Session;
use super::texts::Language;
use super::{AvalPay, banks, notice};

/// Outcomes that one script may hold.
const SCRIPT_LIMIT: usize = 100;
/// References that may be scripted at a time.
const SCRIPTS_LIMIT: usize = 10_000;
/// Lines that a list shows, newest first.
const LIST_LIMIT: usize = 200;

/// Names and help.
pub const COMMANDS: &[(&str, &str)] = &[
    (
        "resolve_pending",
        "{request_id, outcome: approved | rejected | rejected:CODE}: decides the attempt in flight of a session",
    ),
    (
        "script",
        "{reference, outcomes: [approved | rejected | rejected:CODE | failed | pending_approved | pending_rejected | \
         review_approved | review_rejected | slow_approved | slow_rejected]}: the next charges of a reference (attempts, \
         parts of a dispersion, collects, later charges of a recurrence), whatever the card",
    ),
    (
        "script_actions",
        "{reference, outcomes: [approved | rejected | rejected:CODE | failed]}: what the network says to the next reversals, \
         captures and confirmations of a reference",
    ),
    (
        "end_at_bank",
        "{request_id, reason: one of the codes of the bank's page}: does what the payer would choose on the bank's page",
    ),
    ("send_test_notice", "{account, url?}: the provider's test notice, reason TT"),
    ("set_account", "{account, setting, value}: changes a setting, or notification_url"),
    ("rotate_secret", "{account}: issues another secret; the old one is void at once"),
    ("sessions", "lists the newest sessions with their states"),
    ("recurrences", "lists the newest recurrences with their charges"),
    ("cancel_recurrence", "{number}: ends a recurrence, as the merchant's panel does"),
    ("reverse_in_panel", "{internal_reference}: gives a transaction back, as the merchant's panel does"),
    (
        "request_late_reversal",
        "{internal_reference}: asks the network for a reversal after 20:00, as the merchant's panel does; settled the next day",
    ),
    ("late_reversals", "lists the newest late reversals with their states"),
    ("tokens", "{account}: lists the newest stored cards"),
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
struct EndAtBank {
    request_id: u64,
    reason: String,
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
struct OneAccount {
    account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneRecurrence {
    number: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneTransaction {
    internal_reference: u64,
}

impl AvalPay {
    pub(super) fn steer(&mut self, command: &Command, world: &mut dyn World) -> Result<Value, CommandError> {
        match command.name.as_str() {
            "resolve_pending" => self.resolve_pending(&read(command)?, world),
            "script" => self.script(read(command)?),
            "script_actions" => self.script_actions(read(command)?),
            "end_at_bank" => self.end_transfer(&read(command)?, world),
            "send_test_notice" => self.send_test_notice(read(command)?, world),
            "set_account" => self.set_account(&read(command)?),
            "rotate_secret" => {
                let wanted: OneAccount = read(command)?;
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.rotate_secret(world);
                Ok(json!({ "account": merchant.to_account() }))
            }
            "sessions" => Ok(self.list_sessions()),
            "recurrences" => Ok(self.list_recurrences()),
            "cancel_recurrence" => {
                let wanted: OneRecurrence = read(command)?;
                if !self.cancel_recurrence(wanted.number) {
                    return Err(CommandError(format!("no recurrence {} is active", wanted.number)));
                }
                Ok(json!({ "number": wanted.number }))
            }
            "reverse_in_panel" => self.reverse_by_steering(&read(command)?, world),
            "request_late_reversal" => {
                let wanted: OneTransaction = read(command)?;
                let late = self.request_late_reversal(wanted.internal_reference, world);
                late.map(|late| late_line(&late)).map_err(|refusal| said(&refusal))
            }
            "late_reversals" => {
                let lines = self.late_reversals.iter().rev().take(LIST_LIMIT).map(late_line);
                Ok(json!({ "late_reversals": lines.collect::<Vec<_>>() }))
            }
            "tokens" => {
                let wanted: OneAccount = read(command)?;
                Ok(self.list_tokens(&wanted.account))
            }
            unknown => Err(CommandError(format!("avalpay has no command `{unknown}`"))),
        }
    }

    fn resolve_pending(
        &mut self,
        wanted: &ResolvePending,
        world: &mut dyn World,
    ) -> Result<Value, CommandError> {
        let verdict = match Course::of_word(&wanted.outcome) {
            Some(Course::Decided(verdict)) => verdict,
            Some(Course::Pending { .. }) | None => {
                return Err(CommandError(format!(
                    "`outcome` is approved or rejected, not `{}`",
                    wanted.outcome
                )));
            }
        };
        let now = world.now();
        if !self.conclude_attempt(wanted.request_id, verdict, now, world) {
            return Err(CommandError(format!("session {} has no attempt in flight", wanted.request_id)));
        }
        Ok(json!({ "request_id": wanted.request_id, "outcome": wanted.outcome }))
    }

    fn end_transfer(&mut self, wanted: &EndAtBank, world: &mut dyn World) -> Result<Value, CommandError> {
        let outcome = banks::outcome(&wanted.reason)
            .ok_or_else(|| CommandError(format!("the bank's page has no reason `{}`", wanted.reason)))?;
        let waits = self
            .sessions
            .get(&wanted.request_id)
            .and_then(Session::in_flight)
            .is_some_and(|attempt| attempt.instrument.transfer().is_some());
        if !waits {
            return Err(CommandError(format!("session {} has no transfer in flight", wanted.request_id)));
        }
        self.end_at_bank(wanted.request_id, outcome.state, outcome.code, world);
        Ok(json!({ "request_id": wanted.request_id, "reason": outcome.name }))
    }

    fn script(&mut self, wanted: Script) -> Result<Value, CommandError> {
        judge_script(&wanted, self.scripts.len())?;
        let courses = wanted
            .outcomes
            .iter()
            .map(|word| Course::of_word(word).ok_or_else(|| CommandError(format!("`{word}` is no outcome"))))
            .collect::<Result<_, _>>()?;
        self.scripts.insert(wanted.reference.clone(), courses);
        Ok(json!({ "reference": wanted.reference, "outcomes": wanted.outcomes }))
    }

    fn script_actions(&mut self, wanted: Script) -> Result<Value, CommandError> {
        judge_script(&wanted, self.action_scripts.len())?;
        let verdicts = wanted
            .outcomes
            .iter()
            .map(|word| action_outcome(word).ok_or_else(|| CommandError(format!("`{word}` is no outcome"))))
            .collect::<Result<_, _>>()?;
        self.action_scripts.insert(wanted.reference.clone(), verdicts);
        Ok(json!({ "reference": wanted.reference, "outcomes": wanted.outcomes }))
    }

    fn reverse_by_steering(
        &mut self,
        wanted: &OneTransaction,
        world: &mut dyn World,
    ) -> Result<Value, CommandError> {
        let place = self.place_of(wanted.internal_reference).map_err(|refusal| said(&refusal))?;
        let account = self.merchant_at(place);
        let done = self.reverse_in_panel(&account, wanted.internal_reference, world);
        Ok(json!({ "internal_reference": wanted.internal_reference, "done": done }))
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
            json!({
                "request_id": session.request_id,
                "account": session.merchant,
                "reference": session.order.reference,
                "status": status.word,
                "reason": status.reason,
                "amount": session.order.amount.as_ref().map(super::amount::Amount::fixed_total).unwrap_or_default(),
                "currency": session.order.currency(),
                "created_at": session.created_at,
                "expires_at": session.order.expires_at,
                "process_url": session.process_url,
                "attempts": attempt_lines(session),
            })
        });
        json!({ "sessions": sessions.collect::<Vec<_>>() })
    }

    fn list_recurrences(&self) -> Value {
        let lines = self.recurrences.iter().rev().take(LIST_LIMIT).map(|recurrence| {
            let reference =
                self.sessions.get(&recurrence.request_id).map(|session| session.order.reference.clone());
            recurrence_line(recurrence, reference)
        });
        json!({ "recurrences": lines.collect::<Vec<_>>() })
    }

    fn list_tokens(&self, account: &str) -> Value {
        let lines = self.vault.of(account).take(LIST_LIMIT).map(|card| {
            json!({
                "token": card.token,
                "subtoken": card.subtoken,
                "brand": card.face.brand.method(),
                "last_four": card.face.last_four,
                "valid_until": card.valid_until,
                "stored_at": card.stored_at,
                "invalidated_at": card.invalidated_at,
            })
        });
        json!({ "tokens": lines.collect::<Vec<_>>() })
    }
}

fn attempt_lines(session: &Session) -> Vec<Value> {
    let line = |charge: &super::charge::Charge| {
        json!({
            "internal_reference": charge.internal_reference,
            "status": charge.word(),
            "reason": charge.reason(),
            "amount": charge.fixed(charge.amount),
            "given_back": charge.fixed(charge.given_back),
        })
    };
    let lines = session.attempts.iter().map(|attempt| {
        let mut told = line(&attempt.charge);
        if !attempt.parts.is_empty() {
            told["parts"] = attempt.parts.iter().map(|part| line(&part.charge)).collect();
        }
        if let Some(hold) = attempt.hold {
            told["held"] = json!(attempt.charge.fixed(hold.held));
            told["captured"] = json!(hold.captured.map(|amount| attempt.charge.fixed(amount)));
        }
        told
    });
    lines.collect()
}

fn recurrence_line(recurrence: &Recurrence, reference: Option<String>) -> Value {
    let state = match recurrence.end {
        None => "active",
        Some(End::Cancelled) => "cancelled",
        Some(End::Finished) => "finished",
        Some(End::Denied) => "denied",
    };
    let charges: Vec<Value> = recurrence
        .charges
        .iter()
        .map(|attempt| {
            json!({
                "internal_reference": attempt.charge.internal_reference,
                "status": attempt.charge.word(),
                "reason": attempt.charge.reason(),
                "at": attempt.charge.changed_at,
            })
        })
        .collect();
    json!({
        "number": recurrence.number,
        "request_id": recurrence.request_id,
        "reference": reference,
        "state": state,
        "due": recurrence.due,
        "charges": charges,
    })
}

fn late_line(late: &LateReversal) -> Value {
    json!({
        "number": late.number,
        "account": late.merchant,
        "internal_reference": late.internal_reference,
        "reference": late.reference,
        "amount": late.amount.to_minimal(),
        "currency": late.currency,
        "requested_at": late.requested_at,
        "settles_at": late.settles_at,
        "state": match late.settled {
            None => "requested",
            Some(true) => "settled",
            Some(false) => "refused",
        },
    })
}

/// What the network may say to an action.
fn action_outcome(word: &str) -> Option<Verdict> {
    match word {
        "approved" => Some(Verdict::Approved),
        "rejected" => Some(Verdict::Rejected("XR")),
        "failed" => Some(Verdict::Failed("XH")),
        other => {
            let reason = reasons::find(other.strip_prefix("rejected:")?)?;
            (reason.group == Group::Rejected).then_some(Verdict::Rejected(reason.code))
        }
    }
}

fn judge_script(wanted: &Script, scripts: usize) -> Result<(), CommandError> {
    if wanted.outcomes.len() > SCRIPT_LIMIT || scripts >= SCRIPTS_LIMIT {
        return Err(CommandError(format!(
            "a script holds {SCRIPT_LIMIT} outcomes, of {SCRIPTS_LIMIT} references"
        )));
    }
    Ok(())
}

fn said(refusal: &Refusal) -> CommandError {
    CommandError(refusal.objection.text(Language::English))
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, CommandError> {
    serde_json::from_value(command.arguments.clone())
        .map_err(|error| CommandError(format!("`{}`: {error}", command.name)))
}
