//! The form of a transfer by PSE: kind of person, bank and owner (§16.1).

use super::card_form::{Errors, Values, is_locked, judge_amount, judge_holder, payer};
use super::labels::Labels;
use crate::checkout::account::Settings;
use crate::checkout::banks;
use crate::checkout::course::{Course, Waiting};
use crate::checkout::documents::{self, Holder};
use crate::checkout::effects::verdict_too_late;
use crate::checkout::instrument::{Instrument, Transfer};
use crate::checkout::person::Person;
use crate::checkout::session::{Prepared, Session};

/// The kinds of person that the form offers.
pub const NATURAL: &str = "natural";
pub const COMPANY: &str = "company";
/// Characters of a mobile with its prefix, the plus sign included.
const SHORTEST_WITH_PREFIX: usize = 9;

/// A form that begins a transfer.
pub struct AcceptedTransfer {
    /// The attempt, which waits for the bank's page.
    pub prepared: Prepared,
    /// The payer as typed.
    pub payer: Person,
}

/// Judges a form that was sent; `key` and `cus` are those of the transfer that it begins.
pub fn judge(
    values: &Values,
    session: &Session,
    settings: &Settings,
    labels: &Labels,
    key: &str,
    cus: &str,
) -> Result<AcceptedTransfer, Errors> {
    let mut errors = Errors::new();
    let amount = judge_amount(values, session, settings, labels, &mut errors);
    let bank = banks::find(&values.bank);
    if bank.is_none() {
        errors.push(("bank", labels.error_bank));
    }
    judge_kind(values, labels, &mut errors);
    judge_holder(values, labels, &mut errors);
    let has_prefix = values.mobile.starts_with('+') && values.mobile.len() >= SHORTEST_WITH_PREFIX;
    // What the merchant fixed nobody can correct here.
    if !has_prefix && !is_locked(session, "mobile") && !errors.iter().any(|(name, _)| *name == "mobile") {
        errors.push(("mobile", labels.error_prefix));
    }
    let (Some(bank), Some(amount), true) = (bank, amount, errors.is_empty()) else { return Err(errors) };
    let transfer = Transfer { bank, cus: cus.to_owned(), key: key.to_owned() };
    Ok(AcceptedTransfer {
        prepared: Prepared {
            instrument: Instrument::Transfer(transfer),
            installments: 1,
            amount,
            typed: None,
            course: Course::Pending { waiting: Waiting::BankPage, then: verdict_too_late() },
            saves_card: false,
        },
        payer: payer(values, session),
    })
}

fn judge_kind(values: &Values, labels: &Labels, errors: &mut Errors) {
    let holder = documents::find(&values.document_type).map(|kind| kind.holder);
    match (values.person_kind.as_str(), holder) {
        (NATURAL, Some(Holder::Company)) | (COMPANY, Some(Holder::Natural)) => {
            errors.push(("document_type", labels.error_company));
        }
        (NATURAL | COMPANY, _) => {}
        _ => errors.push(("person_kind", labels.error_person_kind)),
    }
}
