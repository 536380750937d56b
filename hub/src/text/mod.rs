//! What the hub says to people, in three languages: a message that one of them lacks does not compile.

mod amount;
mod en;
mod es;
mod instant;
mod pt;

use payment::Status;
use payment::account::Environment;
use payment::division::PartState;
use payment::operation::{OperationKind, OperationState};
use payment::order::Language;

use crate::limits::BreakerState;
use crate::store::InstrumentState;

pub use amount::format_amount;
pub use instant::format_instant;

/// Declares the messages once; each language then has to fill every one.
macro_rules! messages {
    ($($name:ident)+) => {
        /// The messages of one language.
        pub struct Text { $(pub(crate) $name: &'static str,)+ }

        #[cfg(test)]
        impl Text {
            fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

messages! {
    // every page
    skip_to_content language navigation
    // where a payment stands
    pending authorized approved partially_approved partially_expired rejected failed expired cancelled
    reversed partially_refunded refunded returned disputed
    requires_action_meaning pending_meaning authorized_meaning approved_meaning partially_approved_meaning
    partially_expired_meaning rejected_meaning failed_meaning expired_meaning cancelled_meaning
    reversed_meaning partially_refunded_meaning refunded_meaning returned_meaning disputed_meaning
    // the shopper's page
    how_to_pay status_title reference state date total currency method authorization receipt_number issuer instalments
    paid_through reason last_attempt pay_now pay_code pay_until back_to look_again renews_itself contact_title
    contact_text test_payment print_hint
    // another payment of the shopper's that is pending
    pending_other_heading pending_other_title pending_other_reason pending_other_advice pending_other_contact
    pending_other_quote pending_other_resume pending_other_look pending_other_go_on
    // the shopper's page for a card
    card_title card_number card_expiry card_code card_kept card_to_be_kept card_not_kept card_pay card_wrong_number
    card_wrong_expiry card_expired card_wrong_code card_refused card_held
    // pages for what goes wrong
    not_found_title not_found_text unavailable_title unavailable_text unauthorized_title unauthorized_text
    // the console
    console merchants payment payments notices cases no_cases case filter all_states search_hint
    newer older no_payments payments_caption created amount opened story summary certainty confirmed unknown
    amount_authorized amount_paid amount_refunded amount_overpaid told provider account provider_reference
    provider_id expires updated version shopper_view order description items item quantity price tax
    base says part buyer payer shipping ip user_agent
    attempts attempt facts fact concerns learned_from recorded history from to wire_log
    request answer verdict peer bytes replied received events deliveries endpoint tries
    next_try last_result failure nothing read_only all_verdicts latest_notices
    // the console's page of accounts
    agreements agreements_note setting value agreed_on confirmed_by document notices_from from_anywhere addresses
    accounts no_accounts accounts_note environment_test environment_certification
    environment_production breaker_closed breaker_open breaker_half_open since failures_in_a_row
    next_trial calls_at_once calls_per_second left_alone_until clock_skew ahead behind last_answer not_yet
    // what was done with the money
    operations operation_capture operation_release operation_refund operation_started operation_pending
    operation_done operation_refused operation_unknown
    // instruments and recurrences
    kept_instrument charged_instrument instrument_active instrument_disputed instrument_removing instrument_removed
    recurrence recurrence_of recurrence_ends charges_at_most last_day
    // how a payment is divided
    collected missing division party own_site part_not_attempted part_pending part_rejected part_approved part_given_back
    part_reversal_refused
    // verdicts on notices
    verdict_valid verdict_test verdict_repeated verdict_forged verdict_unsigned verdict_unverifiable verdict_unreadable
    verdict_unknown_reference verdict_outside
    // cases
    case_conflict case_overpaid case_late_payment case_possible_orphan case_reversal_refused case_unresolved
}

impl Text {
    /// The messages of a language.
    pub const fn of(language: Language) -> &'static Self {
        match language {
            Language::Es => &es::TEXT,
            Language::Pt => &pt::TEXT,
            Language::En => &en::TEXT,
        }
    }

    /// What is done with money.
    pub const fn operation_kind(&self, kind: OperationKind) -> &'static str {
        match kind {
            OperationKind::Capture => self.operation_capture,
            OperationKind::Release => self.operation_release,
            OperationKind::Refund => self.operation_refund,
        }
    }

    /// Where that stands.
    pub const fn operation_state(&self, state: OperationState) -> &'static str {
        match state {
            OperationState::Started => self.operation_started,
            OperationState::Pending => self.operation_pending,
            OperationState::Done => self.operation_done,
            OperationState::Refused => self.operation_refused,
            OperationState::Unknown => self.operation_unknown,
        }
    }

    /// Where a kept instrument stands.
    pub const fn instrument_state(&self, state: InstrumentState) -> &'static str {
        match state {
            InstrumentState::Active => self.instrument_active,
            InstrumentState::Disputed => self.instrument_disputed,
            InstrumentState::Removing => self.instrument_removing,
            InstrumentState::Removed => self.instrument_removed,
        }
    }

    /// What became of a part of a divided payment.
    pub const fn part_state(&self, state: PartState) -> &'static str {
        match state {
            PartState::NotAttempted => self.part_not_attempted,
            PartState::Pending => self.part_pending,
            PartState::Rejected => self.part_rejected,
            PartState::Approved => self.part_approved,
            PartState::GivenBack => self.part_given_back,
            PartState::ReversalRefused => self.part_reversal_refused,
        }
    }

    /// The word for where a payment stands. While it is open it is pending, whatever is waited for
    /// (AV-12.4-03).
    pub const fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Created | Status::RequiresAction | Status::Pending => self.pending,
            Status::Authorized => self.authorized,
            Status::Approved => self.approved,
            Status::PartiallyApproved => self.partially_approved,
            Status::PartiallyExpired => self.partially_expired,
            Status::Rejected => self.rejected,
            Status::Failed => self.failed,
            Status::Expired => self.expired,
            Status::Cancelled => self.cancelled,
            Status::Reversed => self.reversed,
            Status::PartiallyRefunded => self.partially_refunded,
            Status::Refunded => self.refunded,
            Status::Returned => self.returned,
            Status::Disputed => self.disputed,
        }
    }

    /// What that means for the shopper.
    pub const fn meaning(&self, status: Status) -> &'static str {
        match status {
            Status::Created | Status::RequiresAction => self.requires_action_meaning,
            Status::Pending => self.pending_meaning,
            Status::Authorized => self.authorized_meaning,
            Status::Approved => self.approved_meaning,
            Status::PartiallyApproved => self.partially_approved_meaning,
            Status::PartiallyExpired => self.partially_expired_meaning,
            Status::Rejected => self.rejected_meaning,
            Status::Failed => self.failed_meaning,
            Status::Expired => self.expired_meaning,
            Status::Cancelled => self.cancelled_meaning,
            Status::Reversed => self.reversed_meaning,
            Status::PartiallyRefunded => self.partially_refunded_meaning,
            Status::Refunded => self.refunded_meaning,
            Status::Returned => self.returned_meaning,
            Status::Disputed => self.disputed_meaning,
        }
    }

    /// A verdict as it stands in the record, for the operator. A word from a newer version is shown as it is.
    pub fn verdict<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "valid" => self.verdict_valid,
            "test" => self.verdict_test,
            "repeated" => self.verdict_repeated,
            "forged" => self.verdict_forged,
            "unsigned" => self.verdict_unsigned,
            "unverifiable" => self.verdict_unverifiable,
            "unreadable" => self.verdict_unreadable,
            "unknown_reference" => self.verdict_unknown_reference,
            "outside" => self.verdict_outside,
            newer => newer,
        }
    }

    /// What an account's environment is called, for the operator.
    pub const fn environment(&self, environment: Environment) -> &'static str {
        match environment {
            Environment::Test => self.environment_test,
            Environment::Certification => self.environment_certification,
            Environment::Production => self.environment_production,
        }
    }

    /// How a breaker stands, for the operator.
    pub const fn breaker_state(&self, state: BreakerState) -> &'static str {
        match state {
            BreakerState::Closed => self.breaker_closed,
            BreakerState::Open => self.breaker_open,
            BreakerState::HalfOpen => self.breaker_half_open,
        }
    }

    /// The kind of a case as it stands in the record, for the operator.
    pub fn case_kind<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "conflict" => self.case_conflict,
            "overpaid" => self.case_overpaid,
            "late_payment" => self.case_late_payment,
            "possible_orphan" => self.case_possible_orphan,
            "reversal_refused" => self.case_reversal_refused,
            "unresolved" => self.case_unresolved,
            newer => newer,
        }
    }
}

/// The tag in addresses and in the attribute `lang`.
pub const fn tag(language: Language) -> &'static str {
    match language {
        Language::Es => "es",
        Language::Pt => "pt",
        Language::En => "en",
    }
}

/// The language's own name.
pub const fn own_name(language: Language) -> &'static str {
    match language {
        Language::Es => "Español",
        Language::Pt => "Português",
        Language::En => "English",
    }
}

/// Every language, Spanish first.
pub const LANGUAGES: [Language; 3] = [Language::Es, Language::Pt, Language::En];

/// Reads a tag.
pub fn language_of(tag_text: &str) -> Option<Language> {
    LANGUAGES.into_iter().find(|language| tag(*language) == tag_text)
}

#[cfg(test)]
mod tests {
    use payment::case::CaseKind;
    use payment::notice::Verdict;

    use super::*;

    /// Messages that two languages rightly write alike.
    const ALIKE: &[&str] = &[
        "amount",
        "amount_authorized",
        "amount_paid",
        "authorized",
        "base",
        "behind",
        "buyer",
        "bytes",
        "cancelled",
        "card_pay",
        "case",
        "certainty",
        "confirmed",
        "console",
        "deliveries",
        "endpoint",
        "expires",
        "from",
        "language",
        "last_result",
        "operation_refund",
        "order",
        "part",
        "payer",
        "reason",
        "recorded",
        "refunded",
        "replied",
        "total",
        "user_agent",
    ];

    #[test]
    fn languages_differ_unless_listed() {
        let pairs =
            [(Language::Es, Language::Pt), (Language::Es, Language::En), (Language::Pt, Language::En)];
        let mut used = Vec::new();
        for (one, other) in pairs {
            let (one_text, other_text) = (Text::of(one).entries(), Text::of(other).entries());
            for ((name, first), (_, second)) in one_text.iter().zip(&other_text) {
                if first == second {
                    assert!(ALIKE.contains(name), "{name} is alike in {one:?} and {other:?}: {first}");
                    used.push(*name);
                }
            }
        }
        for name in ALIKE {
            assert!(used.contains(name), "{name} is listed as alike and is not");
        }
    }

    #[test]
    fn no_message_is_empty() {
        for language in LANGUAGES {
            for (name, message) in Text::of(language).entries() {
                assert!(!message.trim().is_empty(), "{name} {language:?}");
            }
        }
    }

    #[test]
    fn every_word_of_the_record_has_a_message() {
        for language in LANGUAGES {
            let text = Text::of(language);
            for verdict in Verdict::ALL {
                assert_ne!(text.verdict(verdict.word()), verdict.word(), "{language:?}");
            }
            for case in CaseKind::ALL {
                assert_ne!(text.case_kind(case.word()), case.word(), "{language:?}");
            }
        }
    }

    #[test]
    fn shoppers_read_the_four_words_and_never_a_raw_one() {
        let text = Text::of(Language::Es);
        let table = [
            (Status::Approved, "Aprobado"),
            (Status::Rejected, "Rechazado"),
            (Status::Pending, "Pendiente"),
            (Status::RequiresAction, "Pendiente"),
            (Status::Created, "Pendiente"),
            (Status::Failed, "Fallido"),
        ];
        for (status, word) in table {
            assert_eq!(text.status(status), word);
        }
        for language in LANGUAGES {
            for status in Status::ALL {
                assert!(!Text::of(language).status(status).contains('_'));
            }
        }
    }

    #[test]
    fn a_language_is_read_by_its_tag() {
        for language in LANGUAGES {
            assert_eq!(language_of(tag(language)), Some(language));
        }
        assert_eq!(language_of("fr"), None);
    }
}
