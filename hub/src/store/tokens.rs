//! Access tokens of provider accounts, sealed; one row an account.

use payment::Timestamp;

use super::database::{Store, StoreError, instant, on};

const READ: &str = "SELECT sealed_value, expires_at FROM access_token \
     WHERE merchant_id = $1 AND id = $2 AND sealed_value IS NOT NULL";
const CLAIM: &str = "INSERT INTO access_token (merchant_id, id, expires_at, claimed_until) VALUES ($1, $2, 0, $4) \
     ON CONFLICT (merchant_id, id) DO UPDATE SET claimed_until = excluded.claimed_until \
     WHERE access_token.claimed_until <= $3";
const WRITE: &str = "UPDATE access_token SET sealed_value = $3, expires_at = $4, claimed_until = 0 \
     WHERE merchant_id = $1 AND id = $2";
const RELEASE: &str = "UPDATE access_token SET claimed_until = 0 WHERE merchant_id = $1 AND id = $2";
const END: &str = "UPDATE access_token SET expires_at = 0 \
     WHERE merchant_id = $1 AND id = $2 AND expires_at = $3";

impl Store {
    /// The token of an account, sealed, and when it ends.
    pub async fn access_token(
        &self,
        merchant: &str,
        account: &str,
    ) -> Result<Option<(Vec<u8>, Timestamp)>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<(Vec<u8>, i64)> = on!(reader.link(), connection => {
            sqlx::query_as(READ).bind(merchant).bind(account).fetch_optional(connection).await?
        });
        row.map(|(sealed, expires_at)| Ok((sealed, instant(expires_at)?))).transpose()
    }

    /// Claims the renewal of an account's token until an instant of real time. False: another one is at it.
    pub async fn claim_token_renewal(
        &self,
        merchant: &str,
        account: &str,
        real_now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let claimed = on!(tx.link(), connection => {
            sqlx::query(CLAIM)
                .bind(merchant)
                .bind(account)
                .bind(real_now.as_microsecond())
                .bind(lease_until.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(claimed == 1)
    }

    /// Writes a renewed token; the claim ends.
    pub async fn write_access_token(
        &self,
        merchant: &str,
        account: &str,
        sealed: &[u8],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(WRITE)
                .bind(merchant)
                .bind(account)
                .bind(sealed)
                .bind(expires_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// Ends a claim that came to nothing.
    pub async fn release_token_renewal(&self, merchant: &str, account: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(RELEASE).bind(merchant).bind(account).execute(connection).await?;
        });
        tx.commit().await
    }

    /// Ends a token that the provider refused, unless it was renewed meanwhile.
    pub async fn end_access_token(
        &self,
        merchant: &str,
        account: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(END)
                .bind(merchant)
                .bind(account)
                .bind(expires_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }
}
