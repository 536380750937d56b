//! One attempt to pay a session, and how it reads in a query (§7.2).

use simulation::Timestamp;
use simulation::strict_json::Value;

use super::amount::{Amount, number};
use super::cards::Brand;
use super::course::{Verdict, Waiting};
use super::reasons;
use super::refusal;
use super::texts::Language;

/// The issuer of every test card.
pub const ISSUER: &str = "BANCO DE PRUEBAS S.A.";
/// What stands for an authorization when there is none.
const NO_AUTHORIZATION: &str = "000000";
/// Receipts of attempts that were decided at once count on from here.
const RECEIPT_BASE: u64 = 900_410_000_000;

/// All that is kept of a card: never the number, never the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFace {
    /// Its brand.
    pub brand: Brand,
    /// The first six digits.
    pub bin: String,
    /// The last four digits.
    pub last_four: String,
    /// `MMYY`
    pub expiry: String,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not decided.
    InFlight {
        /// What it waits for.
        waiting: Waiting,
        /// When it is decided by itself; never, when a person decides.
        due: Option<Timestamp>,
        /// How it is decided then.
        then: Verdict,
    },
    /// Decided.
    Decided(Verdict),
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The provider's key of the transaction.
    pub internal_reference: u64,
    /// The provider's other key, 32 hexadecimal characters.
    pub id: String,
    /// The card.
    pub card: CardFace,
    /// Number of instalments.
    pub installments: u32,
    /// When it was made.
    pub started_at: Timestamp,
    /// When its present state began.
    pub changed_at: Timestamp,
    /// Its state.
    pub state: State,
    /// Whether it was pending once: its receipt is then its own number (§7.2).
    pub was_pending: bool,
    /// Six digits, when approved.
    pub authorization: Option<String>,
}

impl Attempt {
    /// Whether it is not decided yet.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight { .. })
    }

    /// The verdict, when there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.state {
            State::InFlight { .. } => None,
            State::Decided(verdict) => Some(verdict),
        }
    }

    /// Decides it.
    pub fn decide(&mut self, verdict: Verdict, authorization: String, at: Timestamp) {
        self.state = State::Decided(verdict);
        self.changed_at = at;
        self.authorization = (verdict == Verdict::Approved).then_some(authorization);
    }

    /// `APPROVED`, `REJECTED`, `PENDING` or `FAILED`.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::InFlight { .. } => "PENDING",
            State::Decided(Verdict::Approved) => "APPROVED",
            State::Decided(Verdict::Rejected(_)) => "REJECTED",
            State::Decided(Verdict::Failed(_)) => "FAILED",
        }
    }

    /// The reason of §7.8.
    pub fn reason(&self) -> &'static str {
        match self.state {
            State::InFlight { waiting, .. } => waiting.reason(),
            State::Decided(Verdict::Approved) => "00",
            State::Decided(Verdict::Rejected(reason) | Verdict::Failed(reason)) => reason,
        }
    }

    /// The reason's sentence.
    pub fn message(&self, language: Language) -> &'static str {
        reasons::text(self.reason(), language)
    }

    /// The authorization, zeros when there is none.
    pub fn authorization(&self) -> &str {
        self.authorization.as_deref().unwrap_or(NO_AUTHORIZATION)
    }

    /// The receipt's number.
    pub fn receipt(&self) -> String {
        let number = self.internal_reference;
        if self.was_pending { number.to_string() } else { (RECEIPT_BASE + number).to_string() }
    }

    /// As an element of the query's `payment`.
    pub fn to_value(&self, reference: &str, amount: &Amount, language: Language) -> Value {
        let side = Value::object([
            ("currency", Value::text(amount.currency.clone())),
            ("total", number(amount.total)),
        ]);
        let brand = self.card.brand;
        Value::object([
            (
                "status",
                refusal::status(
                    self.word(),
                    Value::text(self.reason()),
                    self.message(language),
                    self.changed_at,
                ),
            ),
            ("internalReference", Value::from(self.internal_reference)),
            ("reference", Value::text(reference)),
            ("paymentMethod", Value::text(brand.method())),
            ("paymentMethodName", Value::text(brand.name())),
            ("issuerName", Value::text(ISSUER)),
            ("amount", Value::object([("from", side.clone()), ("to", side), ("factor", Value::from(1))])),
            ("authorization", Value::text(self.authorization())),
            ("receipt", Value::text(self.receipt())),
            ("franchise", Value::text(brand.franchise())),
            ("refunded", Value::from(false)),
            ("processorFields", Value::array(self.processor_fields())),
        ])
    }

    fn processor_fields(&self) -> Vec<Value> {
        let field = |keyword: &str, value: Value| {
            Value::object([
                ("keyword", Value::text(keyword)),
                ("value", value),
                ("displayOn", Value::text("none")),
            ])
        };
        let mut fields = Vec::new();
        if self.verdict() == Some(Verdict::Approved) {
            fields.push(field("merchantCode", Value::text("011271442")));
            fields.push(field("terminalNumber", Value::text("00057742")));
        }
        fields.extend([
            field("bin", Value::text(self.card.bin.clone())),
            field("lastDigits", Value::text(self.card.last_four.clone())),
            field("expiration", Value::text(self.card.expiry.clone())),
            field("cardType", Value::text("C")),
            field("installments", Value::from(self.installments)),
            field("id", Value::text(self.id.clone())),
            field("onTest", Value::from(true)),
        ]);
        if self.verdict().is_some() {
            fields.push(field("b24", Value::text(self.bank_response())));
        }
        fields
    }

    /// `000` of an approval, `050` of reason 05, else the reason itself, as recorded (§7.2).
    fn bank_response(&self) -> &'static str {
        match self.reason() {
            "00" => "000",
            "05" => "050",
            other => other,
        }
    }
}
