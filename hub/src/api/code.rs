//! The closed list of problem codes: one table from which answers, `/problems/{code}` and docs/errors.md are made.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes the enum, its words and its texts from one table.
macro_rules! codes {
    ($( $variant:ident, $word:literal, $status:literal, $title:literal, $meaning:literal, $cure:literal; )+) => {
        /// What went wrong, in one word of a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Code {
            $( #[doc = $title] #[serde(rename = $word)] $variant, )+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The HTTP status of a problem with this code.
            pub const fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )+ }
            }

            /// What happened, in a few words that never change.
            pub const fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )+ }
            }

            /// When it happens.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }

            /// What to do about it.
            pub const fn cure(self) -> &'static str {
                match self { $( Self::$variant => $cure, )+ }
            }
        }
    };
}

codes! {
    // The request could not be read.
    MalformedJson, "malformed_json", 400, "The body is not JSON",
        "The body is cut off, empty, not UTF-8, or breaks the grammar of JSON.",
        "Send one JSON object, encoded in UTF-8.";
    DuplicateMember, "duplicate_member", 400, "A member is given twice",
        "An object holds the same name twice, and readers disagree about which one counts.",
        "Give each member once.";
    NestedTooDeep, "nested_too_deep", 400, "The JSON is nested too deep",
        "Objects and lists lie inside each other beyond the limit of 32 levels.",
        "Send the shapes of the API; none comes near the limit.";
    UnknownMember, "unknown_member", 400, "A member is not known",
        "A member is not part of this request, perhaps by a slip of spelling, and nothing is silently ignored.",
        "Compare `param` with the documented members.";
    MissingMember, "missing_member", 400, "A member is missing",
        "A member that the request needs is not there.",
        "Send the member named by `param`.";
    WrongType, "wrong_type", 400, "A member has the wrong type",
        "A member is a text where a number belongs, or the like.",
        "Send the type told by `detail`.";
    InvalidParameter, "invalid_parameter", 400, "A query parameter is wrong",
        "A parameter of the address is unknown, given twice, or has a value that is not taken.",
        "Correct the parameter named by `param`.";
    IdempotencyKeyMissing, "idempotency_key_missing", 400, "The Idempotency-Key is missing",
        "Every POST needs the header `Idempotency-Key`.",
        "Send a fresh random text with each new request, and the same text when you repeat one.";
    IdempotencyKeyInvalid, "idempotency_key_invalid", 400, "The Idempotency-Key is not usable",
        "The header is empty, longer than 255 characters, given twice, or not visible ASCII.",
        "Use a UUID, for example.";
    BodyTooLarge, "body_too_large", 413, "The body is too large",
        "The body is larger than this address takes.",
        "Send less; an order of usual size is a few kilobytes.";
    UnsupportedMediaType, "unsupported_media_type", 415, "The body is of another kind",
        "The body is not declared as `application/json` in UTF-8, or it is compressed.",
        "Send `Content-Type: application/json` and no `Content-Encoding`.";

    // Who asks, and for what.
    Unauthorized, "unauthorized", 401, "The API key is missing or wrong",
        "There is no `Authorization: Bearer sk_…`, or the key is unknown or revoked.",
        "Check which key the merchant was given; keys are listed by name in the hub's configuration.";
    NotFound, "not_found", 404, "There is no such thing",
        "Nothing of yours has this address or id. What belongs to another merchant looks the same.",
        "Check the id and whose key you use.";
    MethodNotAllowed, "method_not_allowed", 405, "The address does not take this method",
        "The address exists, for other methods.",
        "Use a method of the header `Allow`.";

    // The request was read, and breaks a rule.
    InvalidOrder, "invalid_order", 422, "Several members break a rule",
        "More than one member is wrong; `errors` names them all.",
        "Correct every entry of `errors`. Nothing was sent and nothing was written.";
    InvalidAmount, "invalid_amount", 422, "The amount is not taken",
        "The amount is zero, negative, has a fraction, is beyond the limit, or is outside what the provider takes.",
        "Send a whole number of minor units: 11900000 for COP 119000.00, 15000 for CLP 15000.";
    UnknownCurrency, "unknown_currency", 422, "The currency is not known",
        "The currency is not one of the ISO 4217 codes that Caudal counts, in upper case.",
        "Use a code of the list in `detail`.";
    UnsupportedCurrency, "unsupported_currency", 422, "The account does not take the currency",
        "The currency is known, and the provider account cannot charge it.",
        "Leave `account` away to have one chosen that takes it, or ask the operator for an account.";
    InvalidValue, "invalid_value", 422, "A value breaks a rule",
        "A member is of the right type and has a value that is not taken.",
        "Read `detail`; it states the rule.";
    Missing, "missing", 422, "The provider needs more about the order",
        "A member that is optional in general is needed by this provider or for this method.",
        "Send the member named by `param`.";
    TooLong, "too_long", 422, "A text or a list is too long",
        "A member is longer than is taken.",
        "Shorten the member named by `param`.";
    NoAccount, "no_account", 422, "No provider account takes this order",
        "The account named is not yours, or none of your accounts takes the currency.",
        "Leave `account` away to have one chosen, or ask the operator for an account.";
    TooManyEndpoints, "too_many_endpoints", 422, "There are enough event endpoints",
        "A merchant has at most 16 event endpoints.",
        "Delete one that is no longer used.";
    IdempotencyKeyReused, "idempotency_key_reused", 422, "The Idempotency-Key was used for another request",
        "The same key came earlier with another body or for another address.",
        "Use a fresh key for a new request.";

    // The request is in order, and things stand against it.
    IdempotencyRunning, "idempotency_running", 409, "The first request with this key is still running",
        "A request with the same key is being worked on.",
        "Wait as long as `Retry-After` says and repeat it with the same key.";
    ReferenceUsed, "reference_used", 409, "The reference was used before",
        "Another payment of yours has this reference; `payment_id` names it.",
        "Read that payment; for a new order use a new reference.";
    PaymentPending, "payment_pending", 409, "The customer has a pending payment",
        "The order said `if_pending: refuse`, and payments of its customer are still open after their providers were asked; `pending` lists them.",
        "Offer the shopper to go on with one of them, or ask again without `if_pending`. Nothing was sent and nothing was written.";
    NothingLeft, "nothing_left", 409, "There is nothing to do that with",
        "Nothing is held that could be captured or released, or nothing was paid that could be given back.",
        "Read the payment; its sums and operations say what was done.";
    OperationRunning, "operation_running", 409, "Another operation is not finished",
        "A capture, release or refund of the same money is under way, or its answer was lost.",
        "Read the payment; repeat when that operation is `done` or `refused`.";
    NoRest, "no_rest", 409, "There is no rest to collect",
        "The payment did not end partly paid, or what was collected of it is given back, by the provider or as the account's settings say.",
        "Read the payment; to be paid all the same, create another one.";
    RestAsked, "rest_asked", 409, "The rest is asked for already",
        "Another payment of this rest can still be paid, or has collected something; `payment_id` names it.",
        "Go on with that payment.";
    InstrumentUnderWay, "instrument_under_way", 409, "The instrument has charges under way",
        "As many charges of the kept instrument are under way as may still be denied before it has to be taken away.",
        "Wait for the events of its payments, then repeat it with the same key.";
    PaymentNotOpen, "payment_not_open", 409, "The payment is no longer open",
        "What is paid, declined, expired or cancelled cannot be cancelled.",
        "Read the payment; its status says how it ended.";

    // Declined, or refused by the provider: nothing happened to money.
    CardDeclined, "card_declined", 402, "The payment was declined",
        "The issuer or the provider declined.",
        "Offer another instrument.";
    IncorrectNumber, "incorrect_number", 402, "The card number is wrong",
        "The number is not one of a card that exists.", "Have the shopper correct it.";
    InvalidNumber, "invalid_number", 402, "The card number is not a card number",
        "The number fails its check digit or length.", "Have the shopper correct it.";
    InvalidExpiryDate, "invalid_expiry_date", 402, "The card's expiry date is wrong",
        "The date is not a date or lies in the past.", "Have the shopper correct it.";
    InvalidCvc, "invalid_cvc", 402, "The security code is not one",
        "The code has the wrong length or letters.", "Have the shopper correct it.";
    ExpiredCard, "expired_card", 402, "The card has expired",
        "The issuer says that the card is no longer valid.", "Offer another instrument.";
    IncorrectCvc, "incorrect_cvc", 402, "The security code is wrong",
        "The issuer says that the code does not belong to the card.", "Have the shopper correct it.";
    IncorrectZip, "incorrect_zip", 402, "The postal code is wrong",
        "The issuer says that the postal code does not belong to the card.", "Have the shopper correct it.";
    IncorrectAddress, "incorrect_address", 402, "The address is wrong",
        "The issuer says that the address does not belong to the card.", "Have the shopper correct it.";
    IncorrectPin, "incorrect_pin", 402, "The PIN is wrong",
        "The issuer refused the PIN.", "Have the shopper enter it again.";
    CallIssuer, "call_issuer", 402, "The issuer wants to be called",
        "The issuer decides after a call only.", "Have the shopper call the bank, or offer another instrument.";
    PickupCard, "pickup_card", 402, "The issuer wants the card kept",
        "The issuer reports the card as lost or stolen.", "Offer another instrument and do not try this one again.";
    TestModeLiveCard, "test_mode_live_card", 402, "A live card in a test account",
        "The account is one for tests and the card is real.", "Use the provider's published test cards.";
    UnsupportedFeature, "unsupported_feature", 422, "The provider cannot do this",
        "The method, the country or the action is not part of what the provider or the account offers.",
        "Ask for something else, or ask the operator for another account.";
    ProviderRefused, "provider_refused", 422, "The provider refused",
        "The provider refused the request for a reason that no other code tells.",
        "Read `provider_code` and `detail`.";

    // Things at the provider.
    ConfigError, "config_error", 502, "The provider account is set up wrong",
        "The provider refuses the account's credentials or settings.",
        "Tell the operator; repeating does not help.";
    ProcessingError, "processing_error", 502, "The provider failed",
        "The provider says that it failed while processing. Nothing was charged.",
        "Repeat it later with a fresh key and reference.";
    ProviderUnreachable, "provider_unreachable", 502, "The provider could not be reached",
        "No usable answer came from the provider. Nothing payable was left behind.",
        "Repeat it later with a fresh key and reference.";
    ProviderUnavailable, "provider_unavailable", 503, "The provider is not called right now",
        "Too many calls in a row found nobody there, or the provider asked for patience. Nothing was done.",
        "Repeat it, with the same key, after `Retry-After` seconds.";
    OutcomeUnknown, "outcome_unknown", 502, "What the provider did is not known",
        "The answer was lost or unclear. The hub keeps asking, and an event tells the outcome.",
        "Do not repeat it; read the payment, or wait for the event.";

    // Things at the hub.
    Overloaded, "overloaded", 503, "The hub is busy",
        "As many requests as the hub takes are waiting. Nothing was done.",
        "Repeat it, with the same key, after `Retry-After` seconds.";
    DatabaseUnavailable, "database_unavailable", 503, "The hub's database does not answer",
        "The database could not be reached or refused.",
        "Repeat it, with the same key, after `Retry-After` seconds.";
    DatabaseFull, "database_full", 503, "The hub's disk is full",
        "The database has no room left for what was asked. Nothing that was answered before is lost.",
        "Repeat it, with the same key, after `Retry-After` seconds; the operator has to make room.";
    TimedOut, "timed_out", 503, "The hub took too long",
        "The request was not finished in time. Its work may go on.",
        "Repeat it with the same key: the answer is kept once it is there.";
    RequestTimeout, "request_timeout", 408, "The body came too slowly",
        "The body was not there in time. Nothing was done.",
        "Repeat it.";
    InternalError, "internal_error", 500, "The hub failed",
        "Something that should not happen happened; the hub's log tells more under `request_id`.",
        "Tell the operator the `request_id`; repeating with the same key is safe.";
}

impl Code {
    /// The code of a word, when it is one of the list.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }

    /// The address of its explanation, as told in a problem's `type`.
    pub fn address(self) -> String {
        format!("/problems/{}", self.word())
    }
}

/// docs/errors.md: the table for people.
pub fn errors_document() -> String {
    let mut text = String::from(ERRORS_HEAD);
    for code in Code::ALL {
        text.push_str(&format!(
            "\n### `{}`\n\n**{}** · HTTP {}\n\n{} {}\n",
            code.word(),
            code.title(),
            code.status(),
            code.meaning(),
            code.cure()
        ));
    }
    text
}

const ERRORS_HEAD: &str = "# Problem codes

<!-- Made from hub/src/api/code.rs. Change the table there; a test compares. -->

Every answer of the API that is not a success is a problem of RFC 9457, `application/problem+json`:

```json
{
  \"type\": \"/problems/invalid_amount\",
  \"title\": \"The amount is not taken\",
  \"status\": 422,
  \"detail\": \"The total is between 1 and 9007199254740991 minor units.\",
  \"instance\": \"/v1/payments\",
  \"code\": \"invalid_amount\",
  \"param\": \"amount\",
  \"request_id\": \"req_0123456789abcdef0123456789abcdef\"
}
```

Programs decide by `code`, a closed list; people read `detail`. `type` is the address, at the hub, of what stands
below. `param` names the member or parameter as a path (`taxes[0].amount`); when several are wrong, `errors` lists
`param`, `code` and `detail` of each. When a provider refused, `provider`, `provider_code`, `decline_code` and
`advice` (`retry`, `change_request`, `change_instrument`, `contact`) say more. `payment_id` names the payment that
the problem is about. `request_id`, also in the header `Request-Id`, finds the request in the hub's log.

## The codes
";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_word_and_comes_back_from_it() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::from_word(code.word()), Some(*code));
            assert_eq!(serde_json::to_value(code).expect("json"), code.word());
            assert!((400..600).contains(&code.status()), "{}", code.word());
        }
        assert_eq!(Code::from_word("no_such_code"), None);
    }

    #[test]
    fn the_texts_tell_the_limits_that_hold() {
        let depth = format!("limit of {} levels", crate::settings::MAX_JSON_DEPTH);
        assert!(Code::NestedTooDeep.meaning().contains(&depth));
        let key = format!("longer than {} characters", crate::api::idempotency::MAX_KEY);
        assert!(Code::IdempotencyKeyInvalid.meaning().contains(&key));
        let endpoints = format!("at most {} event endpoints", crate::flow::manage_endpoints::MAX_ENDPOINTS);
        assert!(Code::TooManyEndpoints.meaning().contains(&endpoints));
    }

    #[test]
    fn the_list_holds_the_words_that_card_payments_know_everywhere() {
        let words = "incorrect_number invalid_number invalid_expiry_date invalid_cvc expired_card incorrect_cvc \
            incorrect_zip incorrect_address incorrect_pin card_declined processing_error call_issuer pickup_card \
            config_error test_mode_live_card unsupported_feature invalid_amount";
        for word in words.split_whitespace() {
            assert!(Code::from_word(word).is_some(), "{word}");
        }
    }
}
