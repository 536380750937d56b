//! Keeps the record of what was agreed upon with providers: a value changes by another agreement only (PE-18).

use crate::state::Hub;
use crate::store::{AgreementLine, StoreError};

/// Why a hub does not run with its configuration.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// A value is another one than before, by no agreement of its own.
    #[error(
        "accounts.{account}.settings.{setting}: {value:?} is not what was agreed ({agreed:?} by {document:?}): a change has \
         an agreement of its own, with its day, who confirmed it, and its document"
    )]
    NotAgreed {
        /// The account.
        account: String,
        /// The setting.
        setting: String,
        /// The value now.
        value: String,
        /// The value before.
        agreed: String,
        /// The document by which that was agreed.
        document: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compares what the accounts say was agreed with the record, and adds what is new to it.
///
/// # Errors
/// [`AgreementError`]; nothing is to be begun then.
pub async fn note_agreements(hub: &Hub) -> Result<(), AgreementError> {
    for merchant in &hub.settings.merchants {
        let record = hub.store.agreements(&merchant.id).await?;
        for account in hub.settings.accounts_of(&merchant.id) {
            let Some((_, provider)) = hub.account(&account.id) else { continue };
            for agreement in provider.agreements(account) {
                let of_setting = |line: &&AgreementLine| {
                    line.account_id == account.id && line.setting == agreement.setting
                };
                let last = record.iter().rfind(of_setting);
                if last.map_or("", |last| last.value.as_str()) == agreement.value {
                    continue;
                }
                let is_same = |line: &AgreementLine| {
                    agreement.reference.as_ref().is_some_and(|reference| {
                        line.document == reference.document && line.agreed_on == reference.date.to_string()
                    })
                };
                let reference = agreement.reference.as_ref().filter(|_| !last.is_some_and(is_same));
                let Some(reference) = reference else {
                    return Err(AgreementError::NotAgreed {
                        account: account.id.clone(),
                        setting: agreement.setting,
                        value: agreement.value,
                        agreed: last.map_or_else(String::new, |last| last.value.clone()),
                        document: last.map_or_else(String::new, |last| last.document.clone()),
                    });
                };
                let line = AgreementLine {
                    account_id: account.id.clone(),
                    setting: agreement.setting,
                    ordinal: last.map_or(1, |last| last.ordinal + 1),
                    value: agreement.value,
                    agreed_on: reference.date.to_string(),
                    author: reference.author.clone(),
                    document: reference.document.clone(),
                    noted_at: hub.clock.now(),
                };
                hub.store.add_agreement(&merchant.id, &line).await?;
            }
        }
    }
    Ok(())
}
