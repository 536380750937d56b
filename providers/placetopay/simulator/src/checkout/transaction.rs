//! Transactions as answers write them: attempts, parts of a dispersion, and actions on both (§7.2, §7.6, §11).

use simulation::Timestamp;
use simulation::decimal::{self, Decimal};
use simulation::strict_json::Value;

use super::account::{DispersionShape, Numbers, Settings};
use super::amount;
use super::attempt::{Attempt, Part};
use super::charge::{Charge, State};
use super::fields::Field;
use super::instrument::Instrument;
use super::refusal;
use super::texts::Language;

/// How a site is told its transactions.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    /// The site's settings.
    pub settings: &'a Settings,
    /// The language of messages.
    pub language: Language,
    /// The merchant's reference.
    pub reference: &'a str,
}

impl Style<'_> {
    /// The elements of a query's `payment` for one attempt, newest first where there are several.
    pub fn attempt(self, attempt: &Attempt) -> Vec<Value> {
        if attempt.parts.is_empty() {
            let mut value = self.charge(&attempt.charge, attempt, is_refunded(attempt));
            value.set("processorFields", Value::array(self.processor_fields(attempt)));
            return vec![value];
        }
        let shape = self.settings.dispersion_shape;
        let is_told = |part: &&Part| {
            shape == DispersionShape::Documented
                || !matches!(part.charge.state, State::Skipped | State::Queued)
        };
        let parts = attempt.parts.iter().filter(is_told);
        if shape == DispersionShape::Flat {
            let flat = parts.rev().map(|part| {
                let mut value = self.charge(&part.charge, attempt, part.charge.is_refunded());
                set_share(&mut value, part);
                value.set("processorFields", Value::array(self.processor_fields(attempt)));
                value
            });
            return flat.collect();
        }
        let mut parent = self.charge(&attempt.charge, attempt, is_refunded(attempt));
        if let Some(first) = attempt.parts.first() {
            parent.set("authorization", Value::text(first.charge.shown_authorization()));
            parent.set("receipt", Value::text(first.charge.receipt()));
        }
        parent.set("processorFields", Value::array(self.processor_fields(attempt)));
        parent.set("dispersion", Value::array(parts.map(|part| self.part(part, &attempt.instrument))));
        vec![parent]
    }

    /// What an action answers: the transaction that it made, with an id of its own (AV-U33).
    pub fn action(self, action: &Action<'_>) -> Value {
        let Action { attempt, internal_reference, word, reason, message, amount, at } = *action;
        let is_done = word == "APPROVED";
        Value::object([
            ("status", refusal::status(word, Value::text(reason), message, at)),
            ("internalReference", Value::from(internal_reference)),
            ("reference", Value::text(self.reference)),
            ("paymentMethod", Value::text(attempt.instrument.method())),
            ("paymentMethodName", Value::text(attempt.instrument.method_name())),
            ("issuerName", Value::text(attempt.instrument.issuer())),
            ("amount", self.amount(amount, &attempt.charge.currency)),
            (
                "authorization",
                Value::text(if is_done {
                    attempt.charge.authorization.as_str()
                } else {
                    super::charge::NO_AUTHORIZATION
                }),
            ),
            ("receipt", Value::text((RECEIPT_BASE + internal_reference).to_string())),
            ("franchise", Value::text(attempt.instrument.franchise())),
            ("refunded", Value::from(false)),
        ])
    }

    fn charge(self, charge: &Charge, attempt: &Attempt, is_refunded: bool) -> Value {
        let instrument = &attempt.instrument;
        Value::object([
            ("status", self.status(charge)),
            ("internalReference", Value::from(charge.internal_reference)),
            ("reference", Value::text(self.reference)),
            ("paymentMethod", Value::text(instrument.method())),
            ("paymentMethodName", Value::text(instrument.method_name())),
            ("issuerName", Value::text(instrument.issuer())),
            ("amount", self.amount(charge.amount, &charge.currency)),
            ("authorization", Value::text(authorization(charge, instrument))),
            ("receipt", Value::text(charge.receipt())),
            ("franchise", Value::text(instrument.franchise())),
            ("refunded", Value::from(is_refunded && self.settings.shows_refunded)),
        ])
    }

    fn part(self, part: &Part, instrument: &Instrument) -> Value {
        let charge = &part.charge;
        let mut value = Value::object([
            ("status", self.status(charge)),
            ("internalReference", Value::from(charge.internal_reference)),
            ("amount", self.amount(charge.amount, &charge.currency)),
            ("authorization", Value::text(charge.shown_authorization())),
            ("receipt", Value::text(charge.receipt())),
            ("franchise", Value::text(instrument.franchise())),
            ("refunded", Value::from(charge.is_refunded() && self.settings.shows_refunded)),
        ]);
        set_share(&mut value, part);
        value.set("paymentMethod", Value::text(instrument.method()));
        value
    }

    fn status(self, charge: &Charge) -> Value {
        let reason = Value::text(charge.reason());
        refusal::status(charge.word(), reason, charge.message(self.language), charge.changed_at)
    }

    fn amount(self, total: Decimal, currency: &str) -> Value {
        let (total, factor) = match self.settings.numbers {
            Numbers::Numbers => (amount::number(total), Value::from(1)),
            Numbers::Texts => {
                let places = decimal::exponent(currency).unwrap_or(2);
                (Value::text(total.to_fixed(places)), Value::text("1"))
            }
        };
        let side = Value::object([("currency", Value::text(currency)), ("total", total)]);
        Value::object([("from", side.clone()), ("to", side), ("factor", factor)])
    }

    fn processor_fields(self, attempt: &Attempt) -> Vec<Value> {
        let field = |keyword: &str, value: Value| Field::hidden(keyword, value).to_value();
        let mut fields = Vec::new();
        if attempt.charge.is_approved() {
            fields.push(field("merchantCode", Value::text("011271442")));
            fields.push(field("terminalNumber", Value::text("00057742")));
        }
        let own = attempt.instrument.processor_fields(attempt.installments);
        fields.extend(own.into_iter().map(|(keyword, value)| field(keyword, value)));
        fields.push(field("id", Value::text(attempt.id.clone())));
        fields.push(field("onTest", Value::from(true)));
        if attempt.verdict().is_some() && attempt.instrument.transfer().is_none() {
            fields.push(field("b24", Value::text(bank_response(&attempt.charge))));
        }
        fields
    }
}

/// Receipts of actions count on from here.
const RECEIPT_BASE: u64 = 900_410_000_000;

/// An action that was carried out, or that the network refused.
#[derive(Clone, Copy)]
pub struct Action<'a> {
    /// On which attempt.
    pub attempt: &'a Attempt,
    /// The action's own id.
    pub internal_reference: u64,
    /// `APPROVED`, `REJECTED` or `FAILED`
    pub word: &'static str,
    /// §7.8
    pub reason: &'static str,
    /// Its sentence.
    pub message: &'a str,
    /// How much it is about.
    pub amount: Decimal,
    /// When.
    pub at: Timestamp,
}

/// Whether nothing of an attempt is left with the merchant.
pub fn is_refunded(attempt: &Attempt) -> bool {
    match attempt.hold {
        Some(hold) => hold.captured.is_some() && !attempt.paid().is_zero() && attempt.left().is_zero(),
        None => !attempt.paid().is_zero() && attempt.left().is_zero(),
    }
}

/// Of a transfer the network's number, decided or not.
pub fn authorization<'a>(charge: &'a Charge, instrument: &'a Instrument) -> &'a str {
    instrument.transfer().map_or_else(|| charge.shown_authorization(), |transfer| transfer.cus.as_str())
}

fn set_share(value: &mut Value, part: &Part) {
    value.set("agreement", part.share.agreement_value());
    value.set("agreementType", Value::text(part.share.kind.word()));
}

/// `000` of an approval, `050` of reason 05, else the reason itself, as recorded (§7.2).
fn bank_response(charge: &Charge) -> &'static str {
    match charge.reason() {
        "00" => "000",
        "05" => "050",
        other => other,
    }
}
