//! Schemas of closed lists of words, for the OpenAPI document.

use payment::division::{PartState, PartialPolicy};
use payment::operation::{OperationKind, OperationState};
use payment::{Currency, Status};
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::store::InstrumentState;

/// What may help after a refusal.
pub fn advice() -> Object {
    words("What may help.", ADVICE)
}

/// ISO 4217 codes.
pub fn currency() -> Object {
    words("ISO 4217.", Currency::ALL.map(Currency::code))
}

/// Status words.
pub fn status() -> Object {
    words("Where the payment stands. Grant value at `approved` only.", Status::ALL.map(Status::word))
}

/// Languages of pages.
pub fn language() -> Object {
    words_or_null("Language of the shopper; absent, yours.", LANGUAGES)
}

/// Kinds of taxes.
pub fn tax_kind() -> Object {
    words("Which tax.", TAX_KINDS)
}

/// Kinds of parts of a total.
pub fn detail_kind() -> Object {
    words("Which part of the amount.", DETAIL_KINDS)
}

/// Where an extra field is shown.
pub fn shown() -> Object {
    words("Where the provider's pages show it; absent, nowhere.", SHOWN)
}

/// What to do when something is pending.
pub fn if_pending() -> Object {
    words("What to do when the customer has a pending payment; absent, `create`.", IF_PENDING)
}

/// What a party of a dispersion is.
pub fn party() -> Object {
    words("What the party is to the network; absent, a merchant.", PARTIES)
}

/// Periods of a recurrence.
pub fn period() -> Object {
    words("The period.", PERIODS)
}

/// How an attempt ended.
pub fn outcome() -> Object {
    words_or_null("What the shopper was shown while the truth was open.", OUTCOMES)
}

/// Sure or not.
pub fn certainty() -> Object {
    words("Whether the status is sure. While it is `unknown` the hub goes on asking.", CERTAINTIES)
}

/// States of instruments.
pub fn instrument_state() -> Object {
    words("Whether it can be charged: while it is `active`.", InstrumentState::ALL.map(InstrumentState::word))
}

/// What becomes of a part.
pub fn part_state() -> Object {
    words("What became of it.", PartState::ALL.map(PartState::word))
}

/// What is done with what was collected.
pub fn partial_policy() -> Object {
    let policies = [PartialPolicy::Collect, PartialPolicy::Return];
    words("What is done with what was collected.", policies.map(PartialPolicy::word))
}

/// Kinds of operations.
pub fn operation_kind() -> Object {
    words("What is done.", OperationKind::ALL.map(OperationKind::word))
}

/// States of operations.
pub fn operation_state() -> Object {
    let text =
        "Where it stands. While it is `unknown` the hub goes on asking, and a person looks after that.";
    words(text, OperationState::ALL.map(OperationState::word))
}

/// States of tries.
pub fn try_state() -> Object {
    words("What became of it.", TRY_STATES)
}

/// Types of events.
pub fn event_type() -> Object {
    words("What it tells.", super::document::event_kinds())
}

const ADVICE: [&str; 4] = ["retry", "change_request", "change_instrument", "contact"];
const IF_PENDING: [&str; 2] = ["create", "refuse"];
const TRY_STATES: [&str; 3] = ["pending", "rejected", "approved"];
const PARTIES: [&str; 2] = ["merchant", "airline"];
const PERIODS: [&str; 3] = ["day", "month", "year"];
const LANGUAGES: [&str; 3] = ["es", "pt", "en"];
const TAX_KINDS: [&str; 7] = [
    "value_added_tax",
    "excise_duty",
    "ice",
    "airport_tax",
    "state_tax",
    "reduced_state_tax",
    "municipal_tax",
];
const DETAIL_KINDS: [&str; 12] = [
    "discount",
    "additional",
    "vat_devolution_base",
    "shipping",
    "handling_fee",
    "insurance",
    "gift_wrap",
    "subtotal",
    "fee",
    "tip",
    "airline",
    "interest",
];
const SHOWN: [&str; 5] = ["nowhere", "payment", "receipt", "both", "approved"];
const OUTCOMES: [&str; 6] = ["failed", "expired", "cancelled", "rejected", "partially_expired", "approved"];
const CERTAINTIES: [&str; 2] = ["confirmed", "unknown"];

fn words<I>(description: &str, list: I) -> Object
where
    I: IntoIterator,
    I::Item: Into<Value>,
{
    let list: Vec<Value> = list.into_iter().map(Into::into).collect();
    let object = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    object.enum_values(Some(list)).build()
}

fn words_or_null<const N: usize>(description: &str, list: [&'static str; N]) -> Object {
    let list = list.map(Value::from).into_iter().chain([Value::Null]);
    let kind = SchemaType::from_iter([Type::String, Type::Null]);
    let object = ObjectBuilder::new().schema_type(kind).description(Some(description));
    object.enum_values(Some(list)).build()
}

#[cfg(test)]
mod tests {
    use payment::dispersion::Party;
    use payment::fact::Outcome;
    use payment::order::{DetailKind, Language, Shown, TaxKind};
    use payment::recurrence::Period;
    use payment::step::Advice;
    use payment::summary::Certainty;
    use serde::de::DeserializeOwned;

    use super::*;

    /// The words that serde names when it is given one that is not of the list.
    fn known_to_serde<T: DeserializeOwned>() -> Vec<String> {
        let Err(error) = serde_json::from_str::<T>("\"?\"") else { panic!("'?' is a word") };
        let text = error.to_string();
        let quoted = text.split('`').skip(3).step_by(2);
        quoted.map(ToOwned::to_owned).collect()
    }

    #[test]
    fn the_listed_words_are_those_that_are_read() {
        assert_eq!(known_to_serde::<Advice>(), ADVICE);
        assert_eq!(known_to_serde::<Language>(), LANGUAGES);
        assert_eq!(known_to_serde::<TaxKind>(), TAX_KINDS);
        assert_eq!(known_to_serde::<DetailKind>(), DETAIL_KINDS);
        assert_eq!(known_to_serde::<Shown>(), SHOWN);
        assert_eq!(known_to_serde::<crate::api::IfPending>(), IF_PENDING);
        assert_eq!(known_to_serde::<Party>(), PARTIES);
        assert_eq!(known_to_serde::<Period>(), PERIODS);
        assert_eq!(known_to_serde::<Outcome>(), OUTCOMES);
        assert_eq!(known_to_serde::<Certainty>(), CERTAINTIES);
        let instrument_states = InstrumentState::ALL.map(InstrumentState::word);
        assert_eq!(known_to_serde::<InstrumentState>(), instrument_states);
        assert_eq!(known_to_serde::<payment::movement::MovementState>(), TRY_STATES);
        assert_eq!(known_to_serde::<OperationKind>(), OperationKind::ALL.map(OperationKind::word));
        assert_eq!(known_to_serde::<OperationState>(), OperationState::ALL.map(OperationState::word));
        assert_eq!(known_to_serde::<Status>(), Status::ALL.map(Status::word));
        assert_eq!(known_to_serde::<Currency>(), Currency::ALL.map(Currency::code));
    }
}
