//! One attempt inside a session: an element of `payment` (PROTOCOL.md 7.2).

use payment::fact::{Fact, FactKind, Reason, Telling};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::{Money, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Status;
use super::wire::{Amount, Part, Scalar};

/// What the provider writes for "no authorization".
const NO_AUTHORIZATION: &str = "000000";

/// A transaction as it is listed. What the hub does not use is not read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    #[serde(default)]
    status: Part<Status>,
    #[serde(default)]
    internal_reference: Scalar,
    /// The merchant's reference.
    #[serde(default)]
    reference: Scalar,
    #[serde(default)]
    payment_method: Scalar,
    #[serde(default)]
    payment_method_name: Scalar,
    #[serde(default)]
    issuer_name: Scalar,
    #[serde(default)]
    amount: Part<Conversion>,
    #[serde(default)]
    authorization: Scalar,
    #[serde(default)]
    receipt: Scalar,
    #[serde(default)]
    refunded: Scalar,
    #[serde(default)]
    processor_fields: Part<Vec<Part<ProcessorField>>>,
    #[serde(default)]
    agreement: Scalar,
    #[serde(default)]
    agreement_type: Scalar,
    /// As written: parts are read one level deep only, however deep they go.
    #[serde(default)]
    dispersion: Option<Box<RawValue>>,
    /// Whether it was found among another one's parts.
    #[serde(skip)]
    is_part: bool,
}

/// The amount in the merchant's currency (`from`) and in the processor's (`to`, not read); or, without any conversion, the
/// amount itself.
#[derive(Clone, Debug, Deserialize)]
struct Conversion {
    #[serde(default)]
    from: Part<Amount>,
    #[serde(default)]
    currency: Scalar,
    #[serde(default)]
    total: Scalar,
}

#[derive(Clone, Debug, Deserialize)]
struct ProcessorField {
    #[serde(default)]
    keyword: Scalar,
    #[serde(default)]
    value: Scalar,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It happened.
    Approved,
    /// Declined, or it failed.
    Rejected,
    /// Not decided, or not begun.
    Pending,
    /// A word of another day, or one that needs more than one movement to tell.
    Unknown,
}

impl Transaction {
    /// Where it stands. Only these words mean something; `APPROVED_PARTIAL`, which only a dispersion has,
    /// does not tell how much was approved and is kept as unrecognized.
    pub fn state(&self) -> State {
        match self.status.read().and_then(|status| status.status.text()) {
            Some("APPROVED") => State::Approved,
            Some("REJECTED" | "FAILED") => State::Rejected,
            Some("PENDING" | "PENDING_CONFIRMATION" | "PENDING_PROCESS" | "PENDING_VALIDATION") => {
                State::Pending
            }
            Some(_) | None => State::Unknown,
        }
    }

    /// When it was decided, or last moved.
    pub fn decided_at(&self) -> Option<Timestamp> {
        self.status.read()?.date()
    }

    /// The provider's words about it.
    pub fn status_told(&self) -> Reason {
        self.status.read().map(Status::told).unwrap_or_default()
    }

    /// What the merchant asked for in this attempt, as written.
    pub fn asked_amount(&self) -> Option<Amount> {
        let Conversion { from, currency, total } = self.amount.read()?;
        match from {
            Part::Read(from) => Some(from.clone()),
            Part::Absent if currency.text().is_some() => {
                Some(Amount { currency: currency.clone(), total: total.clone() })
            }
            Part::Absent | Part::Unreadable => None,
        }
    }

    /// The parts of a dispersion, when it holds any.
    pub fn parts(&self) -> Part<Vec<Part<Self>>> {
        let Some(written) = &self.dispersion else { return Part::Absent };
        match serde_json::from_str::<Part<Vec<Part<Self>>>>(written.get()) {
            Ok(Part::Read(parts)) if parts.is_empty() => Part::Absent,
            Ok(Part::Read(parts)) => Part::Read(parts.into_iter().map(Part::into_part).collect()),
            Ok(Part::Absent) => Part::Absent,
            Ok(Part::Unreadable) | Err(_) => Part::Unreadable,
        }
    }

    /// Whether it is a part of a dispersion, in either shape.
    pub fn is_dispersed(&self) -> bool {
        self.is_part || self.agreement_type.text().is_some()
    }

    /// The merchant's reference, which a part does not have.
    pub fn own_reference(&self) -> Option<&Scalar> {
        (!self.is_part).then_some(&self.reference)
    }

    /// How much was taken, when that is sure.
    pub fn approved_amount(&self) -> Option<Money> {
        let amount = self.asked_amount()?.money()?;
        (self.state() == State::Approved).then_some(amount)
    }

    /// What it makes known: a charge, and the return of it when it is marked so.
    pub fn facts(&self, told_at: Timestamp) -> Vec<Fact> {
        let at = self.decided_at().unwrap_or(told_at);
        if self.was_not_reached() {
            return Vec::new();
        }
        let Some(charge) = self.charge(at) else {
            let telling = Telling { reason: self.status_told() };
            return vec![Fact::new(at, FactKind::Unrecognized(telling))];
        };
        let refund = self.is_refunded().then(|| reversal_of(&charge));
        std::iter::once(charge)
            .chain(refund)
            .map(|movement| Fact::new(at, FactKind::Moved(movement)))
            .collect()
    }

    fn charge(&self, at: Timestamp) -> Option<Movement> {
        let state = match self.state() {
            State::Approved => MovementState::Approved,
            State::Rejected => MovementState::Rejected,
            State::Pending => MovementState::Pending,
            State::Unknown => return None,
        };
        Some(Movement {
            kind: MovementKind::Charge,
            provider_reference: self.internal_reference.id()?.to_owned(),
            parent: None,
            amount: self.asked_amount()?.money()?,
            state,
            at,
            reason: self.status_told(),
            receipt: self.receipt(),
        })
    }

    /// A part behind one that was denied is not sent to the network, and has no number there (PROTOCOL.md 7.6): it moved
    /// nothing and will not.
    fn was_not_reached(&self) -> bool {
        self.is_dispersed()
            && self.internal_reference.text().is_none()
            && matches!(self.state(), State::Pending | State::Rejected)
    }

    /// The reversal that a partly paid dispersion owes for this part, when the provider has not made it.
    pub fn missing_reversal(&self, told_at: Timestamp) -> Option<Movement> {
        if self.state() != State::Approved || self.is_refunded() {
            return None;
        }
        let charge = self.charge(self.decided_at().unwrap_or(told_at))?;
        let reason = Reason { message: "not given back by the gateway".to_owned(), ..Reason::default() };
        Some(Movement { state: MovementState::Rejected, reason, ..reversal_of(&charge) })
    }

    fn is_refunded(&self) -> bool {
        let is_marked = matches!(self.refunded.text(), Some("true" | "1"));
        is_marked && self.state() == State::Approved
    }

    fn receipt(&self) -> Receipt {
        Receipt {
            authorization: self.authorization.told().filter(|number| number != NO_AUTHORIZATION),
            number: self.receipt.told(),
            method: self.payment_method.told(),
            method_name: self.payment_method_name.told(),
            issuer: self.issuer_name.told(),
            last_four: self.processor_field("lastDigits").and_then(last_four),
            instalments: self.processor_field("installments").and_then(|text| text.parse().ok()),
            agreement: self.agreement.told(),
        }
    }

    /// What a reversal's own answer tells for a receipt.
    pub fn reversal_receipt(&self) -> Receipt {
        let Receipt { authorization, number, .. } = self.receipt();
        Receipt { authorization, number, ..Receipt::default() }
    }

    fn processor_field(&self, keyword: &str) -> Option<&str> {
        let fields = self.processor_fields.read()?.iter().filter_map(Part::read);
        let mut named = fields.filter(|field| field.keyword.text() == Some(keyword));
        named.find_map(|field| field.value.text())
    }
}

impl Part<Transaction> {
    fn into_part(self) -> Self {
        match self {
            Self::Read(transaction) => Self::Read(Transaction { is_part: true, ..transaction }),
            Self::Absent => Self::Absent,
            Self::Unreadable => Self::Unreadable,
        }
    }
}

/// The return of a charge that the provider marks `refunded`. It names neither the operation, its amount nor
/// its instant: the whole charge, at the charge's own instant, under a reference made from the charge's, so that it is the
/// same movement whether the reversal's own answer told it or a look-up afterwards.
///
/// AV-U52: whether a session shows this mark at all is told both ways by the provider's pages, and whether
/// it means the whole amount is told by none; both are assumed, as the provider's own plugins do.
pub fn reversal_of(charge: &Movement) -> Movement {
    Movement {
        kind: MovementKind::Reversal,
        provider_reference: format!("{}-reversal", charge.provider_reference),
        parent: Some(charge.provider_reference.clone()),
        receipt: Receipt::default(),
        ..charge.clone()
    }
}

/// The last four digits of `0081` and of `****0081`; nothing when that is not what it is.
pub fn last_four(text: &str) -> Option<String> {
    let start = text.len().checked_sub(4)?;
    let digits = text.get(start..)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(members: &str) -> Vec<Fact> {
        let text = format!(
            r#"{{"status":{{"status":"APPROVED","reason":"00","date":"2026-03-14T10:22:06-05:00"}},{members}}}"#
        );
        let transaction: Transaction = serde_json::from_str(&text).expect("a transaction");
        transaction.facts("2026-03-14T15:30:00Z".parse().expect("a time"))
    }

    fn movements(members: &str) -> Vec<Movement> {
        let kinds = facts(members).into_iter().map(|fact| fact.kind);
        kinds.filter_map(|kind| if let FactKind::Moved(moved) = kind { Some(moved) } else { None }).collect()
    }

    const AMOUNT: &str = r#""amount":{"from":{"currency":"COP","total":"119000.00"},"to":{"currency":"USD","total":29},"factor":"0.00025"}"#;

    #[test]
    fn numbers_may_be_texts_and_the_amount_is_what_the_merchant_asked_for() {
        let fields = r#""processorFields":[{"keyword":"lastDigits","value":"****0081"},null,{"keyword":"installments","value":"12"}]"#;
        let moved = movements(&format!(
            r#""internalReference":"990412",{AMOUNT},"authorization":"000000","receipt":900412771003,{fields}"#
        ));
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].provider_reference, "990412");
        assert_eq!(moved[0].amount.to_string(), "COP 119000.00");
        let receipt = &moved[0].receipt;
        assert_eq!(
            (receipt.authorization.as_deref(), receipt.number.as_deref()),
            (None, Some("900412771003"))
        );
        assert_eq!((receipt.last_four.as_deref(), receipt.instalments), (Some("0081"), Some(12)));
    }

    #[test]
    fn a_charge_marked_refunded_is_given_back_whole() {
        let moved = movements(&format!(r#""internalReference":990412,{AMOUNT},"refunded":true"#));
        assert_eq!(moved.len(), 2);
        assert_eq!((moved[1].kind, moved[1].amount), (MovementKind::Reversal, moved[0].amount));
        assert_eq!(moved[1].parent.as_deref(), Some("990412"));
        assert_eq!(movements(&format!(r#""internalReference":990412,{AMOUNT},"refunded":false"#)).len(), 1);
    }

    #[test]
    fn no_money_is_told_without_a_reference_or_an_exact_amount() {
        let table = [
            AMOUNT.to_owned(),
            r#""internalReference":990412"#.to_owned(),
            r#""internalReference":990412,"amount":{"from":{"currency":"COP","total":119000.005}}"#
                .to_owned(),
            r#""internalReference":990412,"amount":{"to":{"currency":"COP","total":119000}}"#.to_owned(),
            format!(r#""internalReference":{{"id":1}},{AMOUNT}"#),
        ];
        for members in table {
            let facts = facts(&members);
            assert!(matches!(facts[..], [Fact { kind: FactKind::Unrecognized(_), .. }]), "{members}");
        }
    }

    #[test]
    fn only_four_digits_are_kept_of_a_card() {
        for (text, expected) in
            [("0081", Some("0081")), ("****1111", Some("1111")), ("081", None), ("00é1", None)]
        {
            assert_eq!(last_four(text).as_deref(), expected, "{text}");
        }
    }
}
