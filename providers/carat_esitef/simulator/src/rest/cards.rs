//! Stored cards without a payment: keeping, listing, switching on and off (PROTOCOL.md 9.7).

use simulation::strict_json::{self, Value};
use simulation::{Reply, Request, Timestamp, World};

use super::pay::read_number;
use super::{MaintenanceToken, envelope, view};
use crate::account::Merchant;
use crate::codes::Code;
use crate::identifiers::{self, HASH_LENGTH};
use crate::order::{is_customer, is_merchant_usn, text_at};
use crate::paying::authorizer_for;
use crate::storage::{Face, Status, Storage};
use crate::vault::{NewCard, State};
use crate::{CaratEsitef, cards, instant, notices};
use simulation::form::Form;

/// Storage transactions kept at most, those beside payments among them; beyond that no card is kept without one.
const STORAGES_LIMIT: usize = 400_000;
/// Cards on a page of the list, at most.
const PAGE_LIMIT: usize = 1_000;

impl CaratEsitef {
    /// Keeps a card. The same card of the same customer again has the same token, and the status `DUP`.
    pub(super) fn store_card(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let settings = &merchant.settings;
        if !settings.may_store {
            return Err(Code::NO_PERMISSION);
        }
        if self.storages.len() >= STORAGES_LIMIT {
            return Err(Code::UNEXPECTED);
        }
        let member = |name: &str, code| text_at(body, &[name], code, settings);
        let id = member("authorizer_id", Code::AUTHORIZER_INVALID)?.ok_or(Code::AUTHORIZER_MISSING)?;
        let chosen =
            id.parse().ok().and_then(|id| settings.authorizer(id)).ok_or(Code::AUTHORIZER_INVALID)?;
        let customer = member("customer_id", Code::CUSTOMER_INVALID)?.ok_or(Code::CUSTOMER_MISSING)?;
        if !is_customer(&customer, settings) {
            return Err(Code::CUSTOMER_INVALID);
        }
        let merchant_usn = member("merchant_usn", Code::MERCHANT_USN_INVALID)?;
        if merchant_usn.as_ref().is_some_and(|number| !is_merchant_usn(number, settings)) {
            return Err(Code::MERCHANT_USN_INVALID);
        }
        let card = body.get("card").ok_or(Code::NUMBER_MISSING)?;
        if card.get("security_code").is_some() {
            return Err(Code::SECURITY_CODE_INVALID);
        }
        let presented = read_number(card, settings)?;
        let known = cards::find(presented.number.digits(), world).ok_or(Code::CARD_INVALID)?;
        let authorizer = authorizer_for(Some(chosen), known.authorizer, settings)?;
        if !authorizer.may_be_stored {
            return Err(Code::STORAGE_NOT_ALLOWED);
        }
        let sealed = self.vault.seal(&presented.number, presented.expiry).ok_or(Code::UNEXPECTED)?;
        let new = NewCard { merchant: &merchant.name, customer: &customer, authorizer, sealed };
        let (hash, is_known) = self.vault.store(new, world).ok_or(Code::UNEXPECTED)?;
        let face = Face { hash, bin: presented.number.bin(), last_four: presented.number.last_four() };
        let storage = Storage {
            ids: identifiers::storage(settings.shapes, settings.profile, world.now(), world),
            merchant: merchant.name.clone(),
            nit: None,
            merchant_usn,
            customer,
            status: if is_known { Status::Duplicate } else { Status::Stored },
            authorizer: Some(authorizer),
            face: Some(face.clone()),
            waiting: None,
            notices: Default::default(),
        };
        let card = Value::object([
            ("token", Value::text(face.hash)),
            ("suffix", Value::text(face.last_four)),
            ("bin", Value::text(face.bin)),
        ]);
        let reply = envelope(201, Code::OK, [("card", card), ("store", view::storage(&storage))]);
        self.storages.insert(storage.ids.nita.clone(), storage);
        Ok(reply)
    }

    /// The shop's cards. CA-U26: the members of an item.
    pub(super) fn list_cards(
        &mut self,
        merchant: &Merchant,
        request: &Request,
        now: Timestamp,
    ) -> Result<Reply, Code> {
        self.spend_token(merchant, request, now)?;
        let query = Form::read(request.query.as_bytes());
        let number = |name, standard: usize| match query.find(name) {
            Some(text) => text.parse::<usize>().map_err(|_| Code::PARAMETER_INVALID),
            None => Ok(standard),
        };
        let (page, limit) = (number("page", 0)?, number("limit", PAGE_LIMIT)?.min(PAGE_LIMIT));
        let wanted =
            |name, value: &str| query.find(name).is_none_or(|wanted| wanted.is_empty() || wanted == value);
        let kept = self.vault.of_merchant(&merchant.name);
        let kept = kept.into_iter().filter(|card| {
            wanted("authorizer_id", &card.authorizer.id.to_string()) && wanted("status", card.state.word())
        });
        let items = kept.skip(page.saturating_mul(limit)).take(limit).map(|card| {
            Value::object([
                ("token", Value::text(card.hash.clone())),
                ("suffix", Value::text(card.last_four.clone())),
                ("bin", Value::text(card.bin.clone())),
                ("status", Value::text(card.state.word())),
                ("authorizer_id", Value::text(card.authorizer.id.to_string())),
                ("customer_id", Value::text(card.customer.clone())),
            ])
        });
        Ok(envelope(200, Code::OK, [("cards", Value::array(items.collect::<Vec<_>>()))]))
    }

    pub(super) fn change_card(
        &mut self,
        merchant: &Merchant,
        token: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Reply, Code> {
        let body = strict_json::parse(&request.body).map_err(|_| Code::JSON_INVALID)?;
        let state = body.get("status").and_then(Value::as_str).ok_or(Code::PARAMETER_MISSING)?;
        let state = State::of_word(state).ok_or(Code::PARAMETER_INVALID)?;
        if token.len() != HASH_LENGTH || self.vault.find(token, &merchant.name, now).is_none() {
            return Err(Code::HASH_INVALID);
        }
        self.spend_token(merchant, request, now)?;
        let card = self.vault.find_mut(token, &merchant.name, now).ok_or(Code::HASH_INVALID)?;
        card.state = state;
        let view = Value::object([("token", Value::text(token)), ("status", Value::text(state.word()))]);
        Ok(envelope(200, Code::OK, [("card", view)]))
    }

    /// Makes a token for the card maintenance, which reaches the shop at its authenticity address only.
    pub(super) fn new_token(&mut self, merchant: &Merchant, world: &mut dyn World) -> Result<Reply, Code> {
        let token = identifiers::token(world);
        let parameters =
            vec![("token".to_owned(), token.clone()), ("codigoLoja".to_owned(), merchant.id.clone())];
        let url = merchant.settings.authenticity_url.as_ref();
        let question =
            notices::outgoing(merchant, url, &token, parameters, 0, world).ok_or(Code::AUTHENTICITY)?;
        let now = world.now();
        self.tokens.retain(|_, token| token.ends_at > now);
        let ends_at = instant::seconds_after(now, merchant.settings.nit_life_s);
        self.tokens.insert(token, MaintenanceToken { merchant: merchant.name.clone(), ends_at });
        world.ask_before_answer(question);
        // Said in place of this once the shop has answered.
        Err(Code::AUTHENTICITY)
    }

    fn spend_token(&mut self, merchant: &Merchant, request: &Request, now: Timestamp) -> Result<(), Code> {
        let token = request.header("token").unwrap_or_default();
        let known =
            self.tokens.get(token).filter(|known| known.merchant == merchant.name && known.ends_at > now);
        known.ok_or(Code::AUTHENTICITY)?;
        self.tokens.remove(token);
        Ok(())
    }
}
