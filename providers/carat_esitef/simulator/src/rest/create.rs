//! `POST v1/transactions` (PROTOCOL.md 9.1).

use simulation::strict_json::Value;
use simulation::{Reply, World};

use super::{envelope, view};
use crate::account::Merchant;
use crate::codes::Code;
use crate::order::{Order, text_at};
use crate::transaction::{Interface, Transaction};
use crate::{CaratEsitef, identifiers, judge};

impl CaratEsitef {
    pub(super) fn create_transaction(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        // Schedules that the portal runs are a product of their own, which no shop here has.
        if body.get("schedule").is_some_and(|value| !value.is_null()) {
            return Err(Code::NO_PERMISSION);
        }
        let settings = &merchant.settings;
        let is_for_script = text_at(body, &["payment_js"], Code::PARAMETER_INVALID, settings)?;
        let nit = self.begin_rest(merchant, body, world)?;
        let transaction = &self.transactions[&nit];
        let mut created = view::created(transaction);
        if is_for_script.as_deref() == Some("true") {
            created.set("pay_token", Value::text(identifiers::token(world)));
        }
        let mut members = vec![(view::name(transaction), created)];
        members.extend(self.storage_of(transaction));
        Ok(envelope(201, Code::OK, members))
    }

    /// Reads and creates, for both ways to pay.
    pub(super) fn begin_rest(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<String, Code> {
        let order = Order::read(body, &merchant.settings)?;
        judge::creation(body, &order, self.known(&merchant.name, &order), world);
        Ok(self.create(merchant, Interface::Rest, order, world))
    }

    /// The member `store` of an answer, when a card is to be kept.
    pub(super) fn storage_of(&self, transaction: &Transaction) -> Option<(&'static str, Value)> {
        let storage = transaction.nita.as_ref().and_then(|nita| self.storages.get(nita))?;
        Some(("store", view::storage(storage)))
    }
}
