//! What a refusal says, in the request's language. Nothing may depend on these words.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::texts::Language;

const TEXTS: &str = include_str!("../../data/objections.tsv");

/// Why a request is refused. Where §6.10 leaves the wording open (AV-U17, AV-U18, AV-U19) it is ours, and so is
/// all Portuguese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// No such path.
    PageNotFound,
    /// `auth` could not be read.
    MalformedAuthentication,
    /// Authentication failed with this code.
    AuthenticationFailed(u16),
    /// The currency is unknown or not enabled.
    InvalidCurrency,
    /// The expiration is less than five minutes away.
    ExpirationTooNear,
    /// The reference is missing or too long.
    InvalidReference,
    /// No such session.
    UnknownSession,
    /// The session belongs to another site.
    ForeignSession,
    /// Only pending sessions can be cancelled.
    NotPending,
    /// A recurring payment cannot be partial.
    PartialRecurring,
    /// More than three dispersions.
    TooManyDispersions,
    /// The parts of a dispersion do not add up, or are in another currency.
    DispersionSum,
    /// These services do not go together in one session.
    Incompatible,
    /// A token of a wrong length.
    TokenLength,
    /// A token that is unknown or was invalidated.
    InvalidToken,
    /// The same charge was made within a day.
    RepeatedCollect,
    /// No such transaction.
    UnknownTransaction,
    /// Nothing is left to give back.
    AlreadyRefunded,
    /// Nothing was paid, so nothing can be given back.
    NotReversible,
    /// Before settlement only the whole is given back.
    PartialBeforeSettlement,
    /// More than is left.
    AmountTooLarge,
    /// The hour of reconciliation is over.
    AfterCutoff,
    /// The confirmation came too late.
    ConfirmationExpired,
    /// The action does not belong to this session.
    ActionNotSupported(String),
    /// The action needs a transaction that waits for confirmation.
    NotAwaitingConfirmation(String),
    /// This datum of the payer is not valid.
    InvalidPayer(String),
    /// This member is required.
    Missing(String),
    /// This member has a wrong type, length or value.
    Invalid(String),
    /// This member belongs to a service that this simulator does not serve.
    NotServed(String),
}

impl Objection {
    /// The sentence in a language.
    pub fn text(&self, language: Language) -> String {
        let word = self.word();
        let [spanish, english, portuguese] = TABLE.get(word).copied().unwrap_or([word; 3]);
        let template = match language {
            Language::Spanish => spanish,
            Language::English => english,
            Language::Portuguese => portuguese,
        };
        template.replace("{}", &self.subject())
    }

    /// What stands in for `{}`.
    fn subject(&self) -> String {
        match self {
            Self::AuthenticationFailed(code) => code.to_string(),
            Self::InvalidPayer(member)
            | Self::Missing(member)
            | Self::Invalid(member)
            | Self::NotServed(member)
            | Self::ActionNotSupported(member)
            | Self::NotAwaitingConfirmation(member) => member.clone(),
            Self::PageNotFound
            | Self::MalformedAuthentication
            | Self::InvalidCurrency
            | Self::ExpirationTooNear
            | Self::InvalidReference
            | Self::UnknownSession
            | Self::ForeignSession
            | Self::NotPending
            | Self::PartialRecurring
            | Self::TooManyDispersions
            | Self::DispersionSum
            | Self::Incompatible
            | Self::TokenLength
            | Self::InvalidToken
            | Self::RepeatedCollect
            | Self::UnknownTransaction
            | Self::AlreadyRefunded
            | Self::NotReversible
            | Self::PartialBeforeSettlement
            | Self::AmountTooLarge
            | Self::AfterCutoff
            | Self::ConfirmationExpired => String::new(),
        }
    }

    /// Its row in the table.
    fn word(&self) -> &'static str {
        match self {
            Self::PageNotFound => "page_not_found",
            Self::MalformedAuthentication => "malformed_authentication",
            Self::AuthenticationFailed(_) => "authentication_failed",
            Self::InvalidCurrency => "invalid_currency",
            Self::ExpirationTooNear => "expiration_too_near",
            Self::InvalidReference => "invalid_reference",
            Self::UnknownSession => "unknown_session",
            Self::ForeignSession => "foreign_session",
            Self::NotPending => "not_pending",
            Self::PartialRecurring => "partial_recurring",
            Self::TooManyDispersions => "too_many_dispersions",
            Self::DispersionSum => "dispersion_sum",
            Self::Incompatible => "incompatible",
            Self::TokenLength => "token_length",
            Self::InvalidToken => "invalid_token",
            Self::RepeatedCollect => "repeated_collect",
            Self::UnknownTransaction => "unknown_transaction",
            Self::AlreadyRefunded => "already_refunded",
            Self::NotReversible => "not_reversible",
            Self::PartialBeforeSettlement => "partial_before_settlement",
            Self::AmountTooLarge => "amount_too_large",
            Self::AfterCutoff => "after_cutoff",
            Self::ConfirmationExpired => "confirmation_expired",
            Self::ActionNotSupported(_) => "action_not_supported",
            Self::NotAwaitingConfirmation(_) => "not_awaiting_confirmation",
            Self::InvalidPayer(_) => "invalid_payer",
            Self::Missing(_) => "missing",
            Self::Invalid(_) => "invalid",
            Self::NotServed(_) => "not_served",
        }
    }
}

static TABLE: LazyLock<HashMap<&'static str, [&'static str; 3]>> =
    LazyLock::new(|| rows().filter_map(read_row).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TEXTS.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<(&'static str, [&'static str; 3])> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [word, spanish, english, portuguese] = columns.try_into().ok()?;
    Some((word, [spanish, english, portuguese]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objection_has_its_row_and_every_row_its_texts() {
        let some = String::new;
        let all = [
            Objection::PageNotFound,
            Objection::MalformedAuthentication,
            Objection::AuthenticationFailed(0),
            Objection::InvalidCurrency,
            Objection::ExpirationTooNear,
            Objection::InvalidReference,
            Objection::UnknownSession,
            Objection::ForeignSession,
            Objection::NotPending,
            Objection::PartialRecurring,
            Objection::TooManyDispersions,
            Objection::DispersionSum,
            Objection::Incompatible,
            Objection::TokenLength,
            Objection::InvalidToken,
            Objection::RepeatedCollect,
            Objection::UnknownTransaction,
            Objection::AlreadyRefunded,
            Objection::NotReversible,
            Objection::PartialBeforeSettlement,
            Objection::AmountTooLarge,
            Objection::AfterCutoff,
            Objection::ConfirmationExpired,
            Objection::ActionNotSupported(some()),
            Objection::NotAwaitingConfirmation(some()),
            Objection::InvalidPayer(some()),
            Objection::Missing(some()),
            Objection::Invalid(some()),
            Objection::NotServed(some()),
        ];
        assert_eq!(rows().count(), all.len());
        for objection in all {
            let texts = TABLE.get(objection.word());
            assert!(texts.is_some_and(|texts| texts.iter().all(|text| !text.is_empty())), "{objection:?}");
        }
    }

    #[test]
    fn the_code_of_a_failed_authentication_stands_in_the_sentence() {
        let failed = Objection::AuthenticationFailed(102);
        assert_eq!(failed.text(Language::Spanish), "Autenticación fallida 102");
        assert_eq!(failed.text(Language::English), "Authentication failed 102");
    }
}
