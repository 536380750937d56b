//! What else is asked about stored cards: invalidate, look up, and what a card or method needs (§10, §13).

use simulation::strict_json::Value;
use simulation::{Reply, Request, Timestamp, World};

use super::AvalPay;
use super::banks;
use super::cards::{self, Brand, ThreeDs};
use super::instrument::ISSUER;
use super::objection::Objection;
use super::refusal::{Refusal, status};
use super::texts::Message;
use super::vault::StoredCard;

impl AvalPay {
    /// AV-U32: a second invalidation finds nothing any more.
    pub(super) fn invalidate_token(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        self.about_token(request, world, |avalpay, card, now| {
            avalpay.vault.invalidate(&card.token, now);
            Vec::new()
        })
    }

    pub(super) fn look_up_token(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        self.about_token(request, world, |_, card, _| {
            let text = |text: &str| Value::text(text);
            let (year, month) = (card.valid_until.year() % 100, card.valid_until.month());
            let data = Value::object([
                ("id", text(&card.token[..32])),
                ("type", text("card")),
                ("token", text(&card.token)),
                ("subtoken", text(&card.subtoken)),
                ("franchise", text(card.face.brand.method())),
                ("franchiseName", text(card.face.brand.name())),
                ("issuerName", text(ISSUER)),
                ("lastDigits", text(&card.face.last_four)),
                ("validUntil", Value::text(format!("{month:02}/{year:02}"))),
                ("owner", text(&card.owner)),
                ("bin", text(&card.face.bin)),
                ("accountType", Value::Null),
            ]);
            vec![("data", data)]
        })
    }

    /// What a card, a token or a transfer needs of its payer.
    pub(super) fn inform(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let now = world.now();
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let language = self.language_at(merchant, &body);
        let done = status("OK", Value::text("00"), Message::Processed.text(language), now);
        match self.needs_of(merchant, &body) {
            Ok(members) => {
                let members = [("status", done)].into_iter().chain(members);
                Reply::json(200, Value::object(members).to_text())
            }
            Err(refusal) => refusal.reply(language, now),
        }
    }

    fn needs_of(&self, merchant: usize, body: &Value) -> Result<Vec<(&'static str, Value)>, Refusal> {
        let instrument = body.get("instrument");
        let member =
            |name: &str| instrument.and_then(|known| known.get(name)).filter(|value| !value.is_null());
        let asks_password = self.merchants[merchant].settings.asks_password;
        if let Some(token) = member("token") {
            let card = self.vault.find(&self.merchants[merchant].name, Some(token))?;
            return Ok(needs(card.face.brand, ThreeDs::None, false, false));
        }
        if let Some(card) = member("card") {
            let number = card.get("number").and_then(Value::as_str).unwrap_or_default();
            let card = cards::find(number)
                .ok_or_else(|| Refusal::request(Objection::Invalid("instrument.card.number".to_owned())))?;
            return Ok(needs(card.brand, card.three_ds, true, asks_password));
        }
        let bank = |bank: &banks::Bank| {
            Value::object([("code", Value::text(bank.code)), ("description", Value::text(bank.name))])
        };
        Ok(vec![
            ("provider", Value::text("PSE")),
            ("serviceCode", Value::text("_PSE_")),
            ("requireRedirection", Value::from(true)),
            ("bankList", Value::array(banks::all().iter().map(bank))),
        ])
    }

    /// Finds the token that a request names and answers what `effect` adds to the status.
    fn about_token(
        &mut self,
        request: &Request,
        world: &mut dyn World,
        effect: impl Fn(&mut Self, &StoredCard, Timestamp) -> Vec<(&'static str, Value)>,
    ) -> Reply {
        let now = world.now();
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let language = self.language_at(merchant, &body);
        let name = self.merchants[merchant].name.clone();
        let named = body.get("instrument").and_then(|instrument| instrument.get("token"));
        match self.vault.find(&name, named).cloned() {
            Ok(card) => {
                let members = effect(self, &card, now);
                let done = status("OK", Value::text("00"), Message::Processed.text(language), now);
                let members = [("status", done)].into_iter().chain(members);
                Reply::json(200, Value::object(members).to_text())
            }
            Err(refusal) => refusal.reply(language, now),
        }
    }
}

fn needs(
    brand: Brand,
    three_ds: ThreeDs,
    needs_code: bool,
    asks_password: bool,
) -> Vec<(&'static str, Value)> {
    let word = match three_ds {
        ThreeDs::None => "unsupported",
        ThreeDs::Challenge => "required",
        ThreeDs::Silent(_) => "optional",
    };
    vec![
        ("provider", Value::text("CREDIBANCO")),
        ("serviceCode", Value::text(brand.franchise())),
        ("cardTypes", Value::array([Value::text("C")])),
        ("requireOtp", Value::from(asks_password)),
        ("requireCvv2", Value::from(needs_code)),
        ("threeDS", Value::text(word)),
        ("credits", Value::array([])),
        ("requirePockets", Value::from(false)),
        ("requireAvs", Value::from(false)),
        ("requireRedirection", Value::from(false)),
    ]
}
