//! Pre-authorization and its capture (PROTOCOL.md 9.11).

use simulation::strict_json::Value;
use simulation::{Reply, World};

use super::{envelope, view};
use crate::CaratEsitef;
use crate::account::Merchant;
use crate::codes::Code;
use crate::effects::book;
use crate::order::{amount, text_at};
use crate::transaction::{Capture, Status};

impl CaratEsitef {
    pub(super) fn preauthorize(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        if !self.owned(merchant, nit)?.is_preauthorization() {
            return Err(Code::TYPE_INVALID);
        }
        self.charge(merchant, nit, body, world)?;
        Ok(self.paid(nit))
    }

    /// Takes all of what is held, or less, once. CA-U49: the card may be sent again; then it must be the same.
    pub(super) fn capture(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let settings = &merchant.settings;
        let transaction = self.owned(merchant, nit)?;
        if !transaction.is_preauthorization() {
            return Err(Code::TYPE_INVALID);
        }
        if transaction.status != Status::Confirmed {
            return Err(Code::WRONG_STATUS);
        }
        if transaction.capture.is_some() {
            return Err(Code::FINISHED);
        }
        let held = transaction.order.amount;
        let wanted =
            text_at(body, &["amount"], Code::AMOUNT_INVALID, settings)?.ok_or(Code::AMOUNT_MISSING)?;
        let wanted =
            amount(&wanted, settings).filter(|wanted| *wanted <= held).ok_or(Code::AMOUNT_INVALID)?;
        self.judge_same_card(merchant, transaction, body.get("card"))?;
        let capture = Capture { esitef_usn: self.next_usn(world.now()), amount: wanted };
        let Some(transaction) = self.transactions.get_mut(nit) else { return Err(Code::NOT_FOUND) };
        transaction.capture = Some(capture.clone());
        book(transaction, "charge", "approved", wanted, world.now(), world);
        let mut view = view::whole(transaction);
        view.set("esitef_usn", Value::text(capture.esitef_usn));
        view.set("amount", Value::text(wanted.to_string()));
        Ok(envelope(200, Code::OK, [("capture", view)]))
    }
}
