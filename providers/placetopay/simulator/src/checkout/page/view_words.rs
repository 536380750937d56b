//! Words that the hosted page, the merchant's panel and the guide share.

use super::labels::Labels;
use crate::checkout::cards::{Behaviour, Condition, TestCard, ThreeDs};
use crate::checkout::charge::Charge;
use crate::checkout::course::Verdict;
use crate::checkout::dispersion::{AgreementKind, Share};
use crate::checkout::reasons;
use crate::checkout::texts::Language;

/// Who gets a part of a dispersion.
pub fn share_name(share: &Share, labels: &Labels) -> String {
    let kind = match share.kind {
        AgreementKind::Airline => labels.airline,
        AgreementKind::Merchant => labels.own_site,
    };
    match &share.agreement {
        Some(agreement) => format!("{kind} ({} {agreement})", labels.agreement),
        None => kind.to_owned(),
    }
}

/// The heading of a transaction, and the word for its tone.
pub fn heading(charge: &Charge, labels: &Labels) -> (&'static str, &'static str) {
    match charge.verdict() {
        None if charge.awaits_confirmation() => (labels.awaits_confirmation, "pending"),
        None => (labels.pending, "pending"),
        Some(Verdict::Approved | Verdict::ApprovedAs(_)) => (labels.approved, "approved"),
        Some(Verdict::PartlyApproved(_)) => (labels.partial, "pending"),
        Some(Verdict::Rejected(_)) => (labels.rejected, "rejected"),
        Some(Verdict::Failed(_)) => (labels.failed, "failed"),
    }
}

/// What a test card does.
pub fn behaviour(card: &TestCard, labels: &Labels, language: Language) -> String {
    let mut text = match card.behaviour {
        Behaviour::Approved => labels.does_approve.to_owned(),
        Behaviour::Denied("05") => labels.does_deny.to_owned(),
        Behaviour::Denied(reason) => format!("{} ({reason})", reasons::text(reason, language)),
        Behaviour::PendingApproved => labels.does_pend_then_approve.to_owned(),
        Behaviour::PendingRejected => labels.does_pend_then_reject.to_owned(),
        Behaviour::ReviewApproved => labels.does_review_then_approve.to_owned(),
        Behaviour::ReviewRejected => labels.does_review_then_reject.to_owned(),
        Behaviour::SlowApproved => labels.does_answer_late_approved.to_owned(),
        Behaviour::SlowRejected => labels.does_answer_late_rejected.to_owned(),
        Behaviour::Exception => labels.does_fail.to_owned(),
    };
    match card.condition {
        Condition::Always => {}
        Condition::BelowDollarLimit => text.push_str(&format!(" {}", labels.when_below_limit)),
        Condition::Typed { expiry, code } => {
            text.push_str(&format!(" {} {expiry}, {code}", labels.when_typed))
        }
    }
    match card.three_ds {
        ThreeDs::None => {}
        ThreeDs::Challenge => text.push_str(&format!(" · {}", labels.when_challenged)),
        ThreeDs::Silent(letter) => text.push_str(&format!(" · 3DS {letter}")),
    }
    text
}
