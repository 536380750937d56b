//! Paying by REST: in two steps, in one, with a stored card; confirming and undoing (PROTOCOL.md 9.2 to 9.4, 9.6, 9.9).

use simulation::strict_json::Value;
use simulation::{Reply, Request, World};

use super::{envelope, view};
use crate::account::{Merchant, Settings};
use crate::authorizers::Authorizer;
use crate::cards::{self, CardNumber, Expiry, is_security_code};
use crate::codes::Code;
use crate::course::Routing;
use crate::identifiers::HASH_LENGTH;
use crate::order::{Financing, Order, Type, amount, text_at};
use crate::paying::{Tendered, authorizer_for};
use crate::transaction::{Status, Transaction};
use crate::vault::State;
use crate::{CaratEsitef, judge};
use simulation::form::Form;

impl CaratEsitef {
    pub(super) fn pay_transaction(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let transaction = self.owned(merchant, nit)?;
        if transaction.is_preauthorization() {
            return Err(Code::TYPE_INVALID);
        }
        self.charge(merchant, nit, body, world)?;
        Ok(self.paid(nit))
    }

    pub(super) fn pay_at_once(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        // What cannot be read or used leaves no transaction behind.
        let order = Order::read(body, &merchant.settings)?;
        if order.kind == Type::PreAuthorization {
            return Err(Code::TYPE_INVALID);
        }
        let chosen = order.authorizer;
        let presented = self.judge_card(merchant, body, world)?;
        if presented.stored_authorizer.is_none() {
            let card = cards::find(presented.number.digits(), world).ok_or(Code::CARD_INVALID)?;
            authorizer_for(chosen, card.authorizer, &merchant.settings)?;
        }
        let nit = self.begin_rest(merchant, body, world)?;
        self.tender(merchant, &nit, chosen, presented, world)?;
        Ok(self.paid(&nit))
    }

    /// Takes the card of `body` for a transaction that still takes one.
    pub(super) fn charge(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<(), Code> {
        let transaction = self.owned(merchant, nit)?;
        match transaction.status {
            status if status.takes_card() => {}
            Status::Blocked => return Err(Code::BLOCKED),
            Status::Expired => return Err(Code::WRONG_STATUS),
            _ => return Err(Code::FINISHED),
        }
        let presented = self.judge_card(merchant, body, world)?;
        let repeated = self.repeated(merchant, nit, body)?;
        let chosen = repeated.or(self.transactions[nit].order.authorizer);
        self.tender(merchant, nit, chosen, presented, world)
    }

    fn tender(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        chosen: Option<&'static Authorizer>,
        presented: Presented,
        world: &mut dyn World,
    ) -> Result<(), Code> {
        let authorizer = match presented.stored_authorizer {
            Some(authorizer) => authorizer,
            None => self.recognize(nit, &presented.number, chosen, &merchant.settings, world)?,
        };
        let tendered = Tendered {
            number: presented.number,
            expiry: presented.expiry,
            authorizer,
            is_stored: presented.stored_authorizer.is_some(),
            has_code: presented.has_code,
        };
        self.pay(nit, tendered, world);
        Ok(())
    }

    /// What is told again at payment time is taken, but for another amount.
    fn repeated(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
    ) -> Result<Option<&'static Authorizer>, Code> {
        let settings = &merchant.settings;
        let told = text_at(body, &["amount"], Code::AMOUNT_INVALID, settings)?;
        let whole = self.transactions[nit].order.amount;
        if told.is_some_and(|told| amount(&told, settings) != Some(whole)) {
            return Err(Code::AMOUNT_INVALID);
        }
        let authorizer = match text_at(body, &["authorizer_id"], Code::AUTHORIZER_INVALID, settings)? {
            Some(id) => {
                let id = id.parse().ok().and_then(|id| settings.authorizer(id));
                Some(id.ok_or(Code::AUTHORIZER_INVALID)?)
            }
            None => None,
        };
        let number = text_at(body, &["installments"], Code::INSTALLMENTS_INVALID, settings)?;
        let financing = text_at(body, &["installment_type"], Code::INSTALLMENT_TYPE_INVALID, settings)?;
        if let Some(number) = number {
            let number = number.parse::<u8>().ok().filter(|number| *number > 0);
            let number = number.ok_or(Code::INSTALLMENTS_INVALID)?;
            if number > settings.max_installments {
                return Err(Code::TOO_MANY_INSTALLMENTS);
            }
            let financing = match financing {
                Some(word) => Financing::of_word(&word).ok_or(Code::INSTALLMENT_TYPE_INVALID)?,
                None => Financing::Plain,
            };
            self.choose_installments(nit, number, financing);
        }
        Ok(authorizer)
    }

    /// Reads the card of a request: a number with expiry and code, or the token of a stored card. CA-U28: a stored
    /// card without its code is refused where the acquirer wants one.
    fn judge_card(
        &self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Presented, Code> {
        let settings = &merchant.settings;
        let card = body.get("card").filter(|card| card.members().is_some()).ok_or(Code::NUMBER_MISSING)?;
        let member = |name: &str, code| text_at(card, &[name], code, settings);
        let token = member("token", Code::HASH_INVALID)?;
        let code = member("security_code", Code::SECURITY_CODE_INVALID)?.map(zeroize::Zeroizing::new);
        if code.as_ref().is_some_and(|code| !is_security_code(code)) {
            return Err(Code::SECURITY_CODE_INVALID);
        }
        let has_code = code.is_some();
        let Some(token) = token else {
            let presented = read_number(card, settings)?;
            return if has_code { Ok(presented) } else { Err(Code::SECURITY_CODE_MISSING) };
        };
        judge::recurring(card, world);
        if card.get("number").is_some() {
            return Err(Code::NUMBER_AND_TOKEN);
        }
        let stored = self.vault.find(&token, &merchant.name, world.now());
        let stored = stored.filter(|card| token.len() == HASH_LENGTH && card.state == State::Active);
        let stored = stored.ok_or(Code::HASH_INVALID)?;
        if !has_code && settings.requires_code {
            return Err(Code::SECURITY_CODE_MISSING);
        }
        let (number, expiry) = self.vault.unseal(stored).ok_or(Code::HASH_INVALID)?;
        Ok(Presented { number, expiry, stored_authorizer: Some(stored.authorizer), has_code })
    }

    /// A transaction of this shop; another's is as unknown as none.
    pub(super) fn owned(&self, merchant: &Merchant, nit: &str) -> Result<&Transaction, Code> {
        self.transactions
            .get(nit)
            .filter(|transaction| transaction.merchant == merchant.name)
            .ok_or(Code::NOT_FOUND)
    }

    /// The answer to a payment. A denial is a 400 with the whole body.
    pub(super) fn paid(&self, nit: &str) -> Reply {
        let transaction = &self.transactions[nit];
        let (status, code) = match transaction.status {
            Status::Denied => (400, Code::DENIED),
            Status::Failed => (400, Code::PAYING_FAILED),
            _ => (200, Code::OK),
        };
        let mut members = vec![(view::name(transaction), view::whole(transaction))];
        members.extend(self.storage_of(transaction));
        envelope(status, code, members)
    }

    /// `PUT v1/payments/{nit}?confirm=…`: takes the money, or gives up the authorization.
    pub(super) fn confirm(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let query = Form::read(request.query.as_bytes());
        let next = match query.find("confirm") {
            None | Some("") => return Err(Code::CONFIRM_MISSING),
            Some("true") => Status::Confirmed,
            Some("false") => Status::Undone,
            Some(_) => return Err(Code::CONFIRM_INVALID),
        };
        let transaction = self.owned(merchant, nit)?;
        if transaction.status != Status::Unconfirmed {
            return Err(Code::WRONG_STATUS);
        }
        let part = match query.find("amount") {
            Some(text) => {
                let part = amount(text, &merchant.settings).ok_or(Code::AMOUNT_INVALID)?;
                let whole = transaction.order.amount;
                // A part is taken only where the payment did not go through SiTef.
                let is_sitef =
                    transaction.answer.as_ref().is_some_and(|answer| answer.routing == Routing::Sitef);
                if part > whole || (part < whole && is_sitef) {
                    return Err(Code::AMOUNT_INVALID);
                }
                Some(part)
            }
            None => None,
        };
        if let Some(transaction) = self.transactions.get_mut(nit)
            && next == Status::Confirmed
        {
            transaction.confirmed_amount = part;
        }
        self.change(nit, next, world.now(), world);
        let transaction = &self.transactions[nit];
        let mut members = vec![(view::name(transaction), view::whole(transaction))];
        members.extend(self.storage_of(transaction));
        Ok(envelope(200, Code::OK, members))
    }

    /// `POST v1/payments/{nit}/cards`: whose card it is. CA-U25: the other members of the answer.
    pub(super) fn query_card(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        match self.owned(merchant, nit)?.status {
            Status::New => {}
            Status::Blocked => return Err(Code::BLOCKED),
            _ => return Err(Code::WRONG_STATUS),
        }
        let settings = &merchant.settings;
        let card = body.get("card").ok_or(Code::NUMBER_MISSING)?;
        let number = read_number(card, settings)?.number;
        let is_blocked = self.count_wrong_card(nit, settings, world);
        let authorizer = match cards::find(number.digits(), world) {
            _ if is_blocked => return Err(Code::BLOCKED),
            Some(known) => known.authorizer,
            None => return Err(Code::CARD_INVALID),
        };
        let view = Value::object([
            ("authorizer_id", Value::text(authorizer.id.to_string())),
            ("bin", Value::text(number.bin())),
            ("suffix", Value::text(number.last_four())),
        ]);
        let transaction = &self.transactions[nit];
        Ok(envelope(200, Code::OK, [("card", view), ("payment", view::created(transaction))]))
    }
}

/// A card as it stands in a request.
pub(super) struct Presented {
    pub(super) number: CardNumber,
    pub(super) expiry: Expiry,
    stored_authorizer: Option<&'static Authorizer>,
    has_code: bool,
}

/// Number and expiry, by their form.
pub(super) fn read_number(card: &Value, settings: &Settings) -> Result<Presented, Code> {
    let number = text_at(card, &["number"], Code::NUMBER_INVALID, settings)?.map(zeroize::Zeroizing::new);
    let number = number.filter(|number| !number.is_empty()).ok_or(Code::NUMBER_MISSING)?;
    let number = CardNumber::read(&number).ok_or(Code::NUMBER_INVALID)?;
    let expiry =
        text_at(card, &["expiry_date"], Code::EXPIRY_INVALID, settings)?.ok_or(Code::EXPIRY_MISSING)?;
    let expiry = Expiry::read(&expiry).ok_or(Code::EXPIRY_INVALID)?;
    Ok(Presented { number, expiry, stored_authorizer: None, has_code: true })
}
