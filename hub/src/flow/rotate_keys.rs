//! Gives every sealed value to the key ring's first key, while the hub goes on serving.

use std::time::Duration;

use crate::fault::fault;
use crate::store::{SealedColumn, SealedRowKey, Store, StoreError};
use crate::vault::{KeyId, Vault, VaultError};

/// Values taken in one transaction: few enough that nobody who writes waits noticeably.
const BATCH: u32 = 100;
/// Between two transactions, so that those who serve come first.
const PAUSE: Duration = Duration::from_millis(5);

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Values that the first key opens now and did not before.
    pub rewrapped: u64,
    /// Values that somebody else changed in the same moment: the hub, or another rotation.
    pub changed_meanwhile: u64,
    /// Values that no key of the ring opens; they are left as they are.
    pub unopened: u64,
}

/// What the sealed values still need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Values that the first key opens.
    pub current: u64,
    /// Values that an older key of the ring opens.
    pub older: u64,
    /// Values sealed by a key that the ring does not hold.
    pub unknown: u64,
}

/// Wraps every sealed value's data key by the ring's first key, batch by batch. It may be stopped and begun again at
/// any time: what is done is not done twice.
///
/// # Errors
/// [`StoreError`] of the database; the batches before it stay done.
pub async fn rotate_keys(store: &Store, vault: &Vault) -> Result<Rotated, StoreError> {
    let mut rotated = Rotated::default();
    let Some(first) = vault.key_ids().next() else { return Ok(rotated) };
    for column in SealedColumn::ALL {
        if column == SealedColumn::EndpointSecret && fault!("rotate_all_but_endpoints") {
            continue;
        }
        let mut after = SealedRowKey::default();
        loop {
            let rows = store.sealed_otherwise(column, &first.0, &after, BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = last.key.clone();
            let mut changes = Vec::with_capacity(rows.len());
            for row in rows {
                match vault.rewrap(&column.place(&row.key), &row.sealed) {
                    Ok(Some(anew)) => changes.push((row, anew)),
                    Ok(None) => {}
                    Err(error) => {
                        log_unopened(column, &row.key, error);
                        rotated.unopened += 1;
                    }
                }
            }
            let wanted = u64::try_from(changes.len()).unwrap_or(u64::MAX);
            let replaced = store.replace_sealed(column, &changes).await?;
            rotated.rewrapped += replaced;
            rotated.changed_meanwhile += wanted.saturating_sub(replaced);
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(rotated)
}

/// Counts which keys the sealed values need. It reads every sealed row.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn key_use(store: &Store, vault: &Vault) -> Result<KeyUse, StoreError> {
    let ring: Vec<KeyId> = vault.key_ids().collect();
    let mut found = KeyUse::default();
    for count in store.count_sealed().await? {
        match ring.iter().position(|id| id.0[..] == count.key_id[..]) {
            Some(0) => found.current += count.values,
            Some(_) => found.older += count.values,
            None => found.unknown += count.values,
        }
    }
    Ok(found)
}

fn log_unopened(column: SealedColumn, key: &SealedRowKey, error: VaultError) {
    tracing::error!(column = column.name(), merchant = key.merchant, id = key.id, %error, "a sealed value is left");
}
