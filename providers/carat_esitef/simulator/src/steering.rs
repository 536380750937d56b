//! Steering: what a test or a person may make the portal do.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::{Command, CommandError, World};

use crate::CaratEsitef;
use crate::course::Course;
use crate::delivery::Deliveries;
use crate::rest::cancel::Refund;
use crate::storage::Status as StorageStatus;
use crate::transaction::Status;

/// Outcomes that one script may hold.
const SCRIPT_LIMIT: usize = 100;
/// References that may be scripted at a time.
const SCRIPTS_LIMIT: usize = 10_000;
/// Transactions that the list shows, newest first.
const LIST_LIMIT: usize = 200;

/// Names and help.
pub const COMMANDS: &[(&str, &str)] = &[
    (
        "script",
        "{reference, outcomes: [approved | denied | denied:CODE | error | pending]}: the next tries to pay an order \
         (order_id, else merchant_usn), whatever the card",
    ),
    (
        "script_cancellations",
        "{reference, outcomes: [approved | denied | pending | error]}: the next cancellations of an order",
    ),
    ("resolve_pending", "{nit, outcome: approved | denied}: decides a payment or a cancellation in PEN"),
    ("move", "{nit, status}: moves a transaction to another status, where the rules allow it"),
    ("resend_status", "{nit}: sends the status notice again"),
    ("resend_storage", "{nita}: sends the storage notice again"),
    (
        "remove_card",
        "{account, hash, reason: merchant | owner | fraud}: takes a stored card away; its storage becomes CAN, DEL or BLQ",
    ),
    ("set_account", "{account, setting, value}: changes a setting, or notification_url"),
    ("rotate_key", "{account}: issues another merchant_key; the old one is void at once"),
    ("transactions", "lists the newest transactions with their notices, `pending notice` among them"),
    ("stored_cards", "{account}: lists the cards that are kept"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    reference: String,
    outcomes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolvePending {
    nit: String,
    outcome: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    nit: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfNit {
    nit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfNita {
    nita: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveCard {
    account: String,
    hash: String,
    reason: String,
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
struct OfAccount {
    account: String,
}

impl CaratEsitef {
    pub(super) fn steer(&mut self, command: &Command, world: &mut dyn World) -> Result<Value, CommandError> {
        match command.name.as_str() {
            "script" => {
                let wanted: Script = read(command)?;
                let outcomes = outcomes(&wanted, self.scripts.len(), Course::of_word)?;
                self.scripts.insert(wanted.reference.clone(), outcomes.into());
                Ok(json!({ "reference": wanted.reference, "outcomes": wanted.outcomes }))
            }
            "script_cancellations" => {
                let wanted: Script = read(command)?;
                let outcomes = outcomes(&wanted, self.refund_scripts.len(), Refund::of_word)?;
                self.refund_scripts.insert(wanted.reference.clone(), outcomes.into());
                Ok(json!({ "reference": wanted.reference, "outcomes": wanted.outcomes }))
            }
            "resolve_pending" => self.resolve_pending(&read(command)?, world),
            "move" => self.move_transaction(&read(command)?, world),
            "resend_status" => self.resend_status(&read(command)?, world),
            "resend_storage" => self.resend_storage(&read(command)?, world),
            "remove_card" => self.remove_card(&read(command)?),
            "set_account" => self.set_account(&read(command)?),
            "rotate_key" => {
                let wanted: OfAccount = read(command)?;
                let key = crate::identifiers::merchant_key(world);
                let merchant = self.merchant_mut(&wanted.account)?;
                merchant.key = key;
                Ok(json!({ "account": merchant.to_account() }))
            }
            "transactions" => Ok(self.list()),
            "stored_cards" => self.stored_cards(&read(command)?),
            unknown => Err(CommandError(format!("carat_esitef has no command `{unknown}`"))),
        }
    }

    fn resolve_pending(
        &mut self,
        wanted: &ResolvePending,
        world: &mut dyn World,
    ) -> Result<Value, CommandError> {
        let is_approved = match wanted.outcome.as_str() {
            "approved" => true,
            "denied" => false,
            other => return Err(CommandError(format!("`outcome` is approved or denied, not `{other}`"))),
        };
        let now = world.now();
        if self.is_cancellation_pending(&wanted.nit) {
            let refund = if is_approved { Refund::Approved } else { Refund::Denied };
            self.end_cancellation(&wanted.nit, refund, world);
        } else {
            let pending =
                self.transactions.get_mut(&wanted.nit).filter(|known| known.status == Status::Pending);
            let pending =
                pending.ok_or_else(|| CommandError(format!("nothing is pending under {}", wanted.nit)))?;
            let next = match (is_approved, pending.order.is_confirmed_later) {
                (true, false) => Status::Confirmed,
                (true, true) => Status::Unconfirmed,
                (false, _) => Status::Denied,
            };
            if let Some(answer) = &mut pending.answer {
                answer.decide(is_approved, now, world);
            }
            self.change(&wanted.nit, next, now, world);
        }
        Ok(json!({ "nit": wanted.nit, "outcome": wanted.outcome }))
    }

    fn move_transaction(&mut self, wanted: &Move, world: &mut dyn World) -> Result<Value, CommandError> {
        let next = Status::ALL.into_iter().find(|status| status.word() == wanted.status);
        let next = next.ok_or_else(|| CommandError(format!("`{}` is no status", wanted.status)))?;
        if !self.change(&wanted.nit, next, world.now(), world) {
            return Err(CommandError(format!("{} cannot become {}", wanted.nit, wanted.status)));
        }
        Ok(json!({ "nit": wanted.nit, "status": wanted.status }))
    }

    fn resend_status(&mut self, wanted: &OfNit, world: &mut dyn World) -> Result<Value, CommandError> {
        let transaction = self.transactions.get(&wanted.nit);
        let merchant = transaction.and_then(|known| self.merchant(&known.merchant)).cloned();
        let merchant = merchant.ok_or_else(|| CommandError(format!("there is no nit {}", wanted.nit)))?;
        self.tell_status(&wanted.nit, &merchant, 0, world);
        Ok(json!({ "nit": wanted.nit }))
    }

    fn resend_storage(&mut self, wanted: &OfNita, world: &mut dyn World) -> Result<Value, CommandError> {
        let storage = self.storages.get(&wanted.nita);
        let merchant = storage.and_then(|known| self.merchant(&known.merchant)).cloned();
        let merchant = merchant.ok_or_else(|| CommandError(format!("there is no nita {}", wanted.nita)))?;
        self.tell_storage(Some(&wanted.nita), &merchant, 0, world);
        Ok(json!({ "nita": wanted.nita }))
    }

    fn remove_card(&mut self, wanted: &RemoveCard) -> Result<Value, CommandError> {
        let status = match wanted.reason.as_str() {
            "merchant" => StorageStatus::Cancelled,
            "owner" => StorageStatus::Deleted,
            "fraud" => StorageStatus::Blocked,
            other => {
                return Err(CommandError(format!("`reason` is merchant, owner or fraud, not `{other}`")));
            }
        };
        let is_there = self.vault.of_merchant(&wanted.account).iter().any(|card| card.hash == wanted.hash);
        if !is_there || self.vault.remove(&wanted.hash).is_none() {
            return Err(CommandError(format!("`{}` keeps no such card", wanted.account)));
        }
        for storage in self.storages.values_mut() {
            if storage.face.as_ref().is_some_and(|face| face.hash == wanted.hash) {
                storage.status = status;
            }
        }
        Ok(json!({ "hash": wanted.hash, "status": status.word() }))
    }

    fn set_account(&mut self, wanted: &SetAccount) -> Result<Value, CommandError> {
        let merchant = self.merchant_mut(&wanted.account)?;
        if wanted.setting == "notification_url" {
            merchant.status_url = Some(wanted.value.clone()).filter(|url| !url.is_empty());
        } else {
            merchant.settings.set(&wanted.setting, &wanted.value)?;
        }
        Ok(json!({ "account": merchant.to_account() }))
    }

    fn list(&self) -> Value {
        let newest = self.arrivals.iter().rev().take(LIST_LIMIT).filter_map(|nit| self.transactions.get(nit));
        let items = newest.map(|transaction| {
            let storage = transaction.nita.as_ref().and_then(|nita| self.storages.get(nita));
            json!({
                "nit": transaction.nit,
                "account": transaction.merchant,
                "order_id": transaction.order.order_id,
                "merchant_usn": transaction.order.merchant_usn,
                "esitef_usn": transaction.esitef_usn,
                "status": transaction.status.word(),
                "amount": transaction.amount(),
                "refunded": transaction.refunded,
                "currency": transaction.order.currency,
                "created_at": transaction.created_at,
                "expires_at": transaction.expires_at,
                "notices": notices(&transaction.notices),
                "storage": storage.map(|storage| json!({
                    "nita": storage.ids.nita,
                    "nsua": storage.ids.nsua,
                    "status": storage.status.word(),
                    "hash": storage.face.as_ref().map(|face| &face.hash),
                    "notices": notices(&storage.notices),
                })),
            })
        });
        json!({ "transactions": items.collect::<Vec<_>>() })
    }

    fn stored_cards(&self, wanted: &OfAccount) -> Result<Value, CommandError> {
        if self.merchant(&wanted.account).is_none() {
            return Err(CommandError(format!("carat_esitef has no account `{}`", wanted.account)));
        }
        let kept = self.vault.of_merchant(&wanted.account);
        let cards = kept.into_iter().take(LIST_LIMIT).map(|card| {
            json!({
                "hash": card.hash,
                "customer": card.customer,
                "authorizer": card.authorizer.id,
                "bin": card.bin,
                "final": card.last_four,
                "status": card.state.word(),
            })
        });
        Ok(json!({ "stored_cards": cards.collect::<Vec<_>>() }))
    }
}

fn notices(deliveries: &Deliveries) -> Vec<Value> {
    deliveries.iter().map(|sent| json!({ "attempts": sent.attempts, "state": sent.state.word() })).collect()
}

fn outcomes<T>(
    wanted: &Script,
    scripts: usize,
    of_word: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, CommandError> {
    if wanted.outcomes.len() > SCRIPT_LIMIT || scripts >= SCRIPTS_LIMIT {
        return Err(CommandError(format!(
            "a script holds {SCRIPT_LIMIT} outcomes, of {SCRIPTS_LIMIT} references"
        )));
    }
    let read = |word: &String| of_word(word).ok_or_else(|| CommandError(format!("`{word}` is no outcome")));
    wanted.outcomes.iter().map(read).collect()
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, CommandError> {
    serde_json::from_value(command.arguments.clone())
        .map_err(|error| CommandError(format!("`{}`: {error}", command.name)))
}
