//! Words that the hosted page and the merchant's panel share.

use super::labels::Labels;
use crate::checkout::charge::Charge;
use crate::checkout::course::Verdict;
use crate::checkout::dispersion::{AgreementKind, Share};

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
