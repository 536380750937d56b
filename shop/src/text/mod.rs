//! What the shop says, in three languages: a message that one of them lacks does not compile.

mod en;
mod es;
mod pt;

use crate::buyer::{Fault, Field};
use crate::language::Language;
use crate::order::State;

/// Declares the messages once; each language then has to fill every one.
macro_rules! messages {
    ($($name:ident)+) => {
        /// The messages of one language.
        pub(crate) struct Text { $(pub(crate) $name: &'static str,)+ }

        #[cfg(test)]
        impl Text {
            fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

messages! {
    demo_notice skip_to_content navigation language
    nav_catalogue nav_cart nav_orders nav_questions nav_terms nav_data contact market
    catalogue_intro tax_included quantity add
    cart_title cart_empty cart_caption product price amount update to_checkout keep_shopping
    subtotal tax_base total
    checkout_title summary_title buyer_title kind kind_person kind_company
    document_type choose document_number name name_hint surname email mobile mobile_hint
    choose_means own_card own_card_yes own_card_no own_card_hint
    acceptance accept_terms accept_data pay with pay_hint faults_title
    missing_means missing_document_type missing_document_number missing_name missing_surname missing_email missing_mobile
    wrong_for_kind malformed_document malformed_name malformed_surname malformed_email malformed_mobile
    too_long terms_not_accepted data_not_accepted
    hub_unreachable hub_refused
    pending_title pending_reason pending_advice pending_resume pending_go_on pending_quote
    my_cards cards_intro cards_empty cards_caption card cards_add cards_add_hint card_remove card_not_removed
    options keep_card keep_card_hint in_parts in_parts_hint pay_with_kept card_kept_now
    collected missing pay_the_rest partly_expired partly_expired_meaning lightbox_title lightbox_opening lightbox_asking
    order_title reference state date currency authorization means reason pay_now_at pay_code how_to_pay look_again bought print
    mismatch all_orders
    pending approved rejected failed expired cancelled partly_paid given_back disputed
    waiting_meaning pending_meaning approved_meaning rejected_meaning failed_meaning expired_meaning
    cancelled_meaning partly_paid_meaning given_back_meaning disputed_meaning
    history_title history_empty history_caption
    inbox_title inbox_intro events event_kind received repeats no_events paid_orders no_paid_orders
    learned_by refused_title forged stale unreadable not_delivered
    questions_title question_brand answer_brand question_safe answer_safe question_pending answer_pending
    question_receipt answer_receipt question_offline answer_offline
    terms_title terms_first terms_second terms_third data_title data_first data_second version
    not_found_title not_found_text back_home
}

impl Text {
    /// The messages of a language.
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Es => &es::TEXT,
            Language::Pt => &pt::TEXT,
            Language::En => &en::TEXT,
        }
    }

    /// The word for where an order stands.
    pub(crate) const fn state_word(&self, state: State) -> &'static str {
        match state {
            State::Waiting | State::Pending => self.pending,
            State::Approved => self.approved,
            State::Rejected => self.rejected,
            State::Failed => self.failed,
            State::Expired => self.expired,
            State::Cancelled => self.cancelled,
            State::PartlyPaid => self.partly_paid,
            State::PartlyExpired => self.partly_expired,
            State::GivenBack => self.given_back,
            State::Disputed => self.disputed,
        }
    }

    /// What that means for the shopper.
    pub(crate) const fn state_meaning(&self, state: State) -> &'static str {
        match state {
            State::Waiting => self.waiting_meaning,
            State::Pending => self.pending_meaning,
            State::Approved => self.approved_meaning,
            State::Rejected => self.rejected_meaning,
            State::Failed => self.failed_meaning,
            State::Expired => self.expired_meaning,
            State::Cancelled => self.cancelled_meaning,
            State::PartlyPaid => self.partly_paid_meaning,
            State::PartlyExpired => self.partly_expired_meaning,
            State::GivenBack => self.given_back_meaning,
            State::Disputed => self.disputed_meaning,
        }
    }

    /// What is wrong with a field, in a sentence.
    pub(crate) const fn fault(&self, field: Field, fault: Fault) -> &'static str {
        match (fault, field) {
            (_, Field::Means) => self.missing_means,
            (Fault::WrongForKind, _) => self.wrong_for_kind,
            (Fault::TooLong, _) => self.too_long,
            (Fault::Missing | Fault::NotAccepted | Fault::Malformed, Field::DocumentType) => {
                self.missing_document_type
            }
            (Fault::Missing | Fault::NotAccepted, Field::DocumentNumber) => self.missing_document_number,
            (Fault::Missing | Fault::NotAccepted, Field::Name) => self.missing_name,
            (Fault::Missing | Fault::NotAccepted, Field::Surname) => self.missing_surname,
            (Fault::Missing | Fault::NotAccepted, Field::Email) => self.missing_email,
            (Fault::Missing | Fault::NotAccepted, Field::Mobile) => self.missing_mobile,
            (Fault::Malformed, Field::DocumentNumber) => self.malformed_document,
            (Fault::Malformed, Field::Name) => self.malformed_name,
            (Fault::Malformed, Field::Surname) => self.malformed_surname,
            (Fault::Malformed, Field::Email) => self.malformed_email,
            (Fault::Malformed, Field::Mobile) => self.malformed_mobile,
            (Fault::Missing | Fault::NotAccepted | Fault::Malformed, Field::Terms) => self.terms_not_accepted,
            (Fault::Missing | Fault::NotAccepted | Fault::Malformed, Field::Data) => self.data_not_accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages that two languages rightly write alike.
    const ALIKE: &[&str] = &[
        "acceptance",
        "amount",
        "cancelled",
        "document_type",
        "event_kind",
        "language",
        "mobile",
        "pay",
        "pending",
        "reason",
        "total",
    ];

    #[test]
    fn languages_differ_unless_listed() {
        let pairs =
            [(Language::Es, Language::Pt), (Language::Es, Language::En), (Language::Pt, Language::En)];
        for (one, other) in pairs {
            let (one_text, other_text) = (Text::of(one).entries(), Text::of(other).entries());
            for ((name, first), (_, second)) in one_text.iter().zip(&other_text) {
                let alike = first == second;
                assert!(!alike || ALIKE.contains(name), "{name} is alike in {one:?} and {other:?}: {first}");
            }
        }
    }

    #[test]
    fn no_message_is_empty() {
        for language in Language::ALL {
            for (name, message) in Text::of(language).entries() {
                assert!(!message.trim().is_empty(), "{name} {language:?}");
            }
        }
    }
}
