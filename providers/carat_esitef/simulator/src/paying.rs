//! One try to pay, from the page or from a server: the card as it is tendered, and what becomes of it.

use simulation::World;

use crate::account::{Exchange, Settings};
use crate::authorizers::Authorizer;
use crate::cards::{self, CardNumber, Expiry};
use crate::codes::Code;
use crate::course::{Answer, Course};
use crate::order::Financing;
use crate::transaction::Status;
use crate::{CaratEsitef, instant};

/// Debit cards carry the numbers of their brands' credit cards: authorizer of the debit, and of the brand.
const DEBIT_OF: [(u16, u16); 2] = [(286, 2), (288, 41)];

/// A card as somebody pays with it. The security code is gone by now; all that is left of it is whether it was there.
pub struct Tendered {
    /// The number.
    pub number: CardNumber,
    /// The expiry.
    pub expiry: Expiry,
    /// The authorizer to be asked.
    pub authorizer: &'static Authorizer,
    /// Whether a stored card is charged.
    pub is_stored: bool,
    /// Whether a security code was given.
    pub has_code: bool,
}

/// The authorizer that a payment goes to, when `chosen` was asked for and the card is `card`'s.
pub fn authorizer_for(
    chosen: Option<&'static Authorizer>,
    card: &'static Authorizer,
    settings: &Settings,
) -> Result<&'static Authorizer, Code> {
    let Some(chosen) = chosen else {
        return settings.authorizer(card.id).ok_or(Code::OTHER_AUTHORIZER);
    };
    if chosen.id == card.id || DEBIT_OF.contains(&(chosen.id, card.id)) {
        return Ok(chosen);
    }
    match settings.exchange {
        Exchange::Ignore => Ok(chosen),
        Exchange::Switch => settings.authorizer(card.id).ok_or(Code::OTHER_AUTHORIZER),
        Exchange::Refuse => Err(Code::OTHER_AUTHORIZER),
    }
}

impl CaratEsitef {
    /// The published card behind a number, and the authorizer to ask. A card that cannot be used is counted against
    /// the transaction, which is blocked after too many.
    pub(super) fn recognize(
        &mut self,
        nit: &str,
        number: &CardNumber,
        chosen: Option<&'static Authorizer>,
        settings: &Settings,
        world: &mut dyn World,
    ) -> Result<&'static Authorizer, Code> {
        let card = cards::find(number.digits(), world).ok_or(Code::CARD_INVALID);
        let judged = card.and_then(|card| authorizer_for(chosen, card.authorizer, settings));
        if judged.is_err() && self.count_wrong_card(nit, settings, world) {
            return Err(Code::BLOCKED);
        }
        judged
    }

    /// CA-U41: counts a card; `true` when that was one too many and the transaction is now blocked.
    pub(super) fn count_wrong_card(&mut self, nit: &str, settings: &Settings, world: &mut dyn World) -> bool {
        let now = world.now();
        let Some(transaction) = self.transactions.get_mut(nit) else { return false };
        transaction.wrong_cards += 1;
        transaction.wrong_cards >= settings.card_limit && self.change(nit, Status::Blocked, now, world)
    }

    /// Asks the acquirer, and moves the transaction to where that leads.
    pub(super) fn pay(&mut self, nit: &str, tendered: Tendered, world: &mut dyn World) {
        let now = world.now();
        let Some(transaction) = self.transactions.get(nit) else { return };
        let Some(settings) = self.merchant(&transaction.merchant).map(|merchant| merchant.settings.clone())
        else {
            return;
        };
        let course = self.course_of(nit, &tendered, &settings, world);
        let face = (tendered.number.bin(), tendered.number.last_four());
        let answer = Answer::new(course, settings.routing, face, tendered.is_stored, now, world);
        if let Some(storage) =
            self.transactions[nit].nita.as_ref().and_then(|nita| self.storages.get_mut(nita))
        {
            storage.waiting = self.vault.seal(&tendered.number, tendered.expiry);
        }
        let Some(transaction) = self.transactions.get_mut(nit) else { return };
        transaction.authorizer = Some(tendered.authorizer);
        transaction.answer = Some(answer);
        let next = match course {
            Course::Approved if transaction.order.is_confirmed_later => Status::Unconfirmed,
            Course::Approved => Status::Confirmed,
            Course::Denied(_) => Status::Denied,
            Course::Failed => Status::Failed,
            Course::Pending => Status::Pending,
        };
        self.change(nit, next, now, world);
    }

    /// What was scripted for the reference goes before what happens by itself.
    fn course_of(
        &mut self,
        nit: &str,
        tendered: &Tendered,
        settings: &Settings,
        world: &dyn World,
    ) -> Course {
        let Some(transaction) = self.transactions.get(nit) else { return Course::Failed };
        let scripted =
            self.scripts.get_mut(transaction.reference()).and_then(std::collections::VecDeque::pop_front);
        let is_expired = tendered.expiry.is_before(instant::year_and_month(world.now()));
        let lacks_code = tendered.is_stored && !tendered.has_code && !settings.issuer_accepts_no_code;
        scripted.unwrap_or_else(|| Course::by_itself(transaction.order.amount, is_expired, lacks_code))
    }

    /// Instalments that the payer chose on the page.
    pub(super) fn choose_installments(&mut self, nit: &str, number: u8, financing: Financing) {
        if let Some(transaction) = self.transactions.get_mut(nit) {
            transaction.order.installments = Some(number);
            transaction.order.financing = Some(financing);
        }
    }
}
