//! Access tokens of provider accounts, sealed; one row an account.

use payment::Timestamp;

use crate::crash::crash_point;

use super::database::{Store, StoreError, instant, on};

const READ: &str = "SELECT sealed_value, expires_at FROM access_token \
     WHERE merchant_id = $1 AND id = $2 AND sealed_value IS NOT NULL";
const CLAIM: &str = "INSERT INTO access_token (merchant_id, id, expires_at, claimed_until) VALUES ($1, $2, 0, $4) \
     ON CONFLICT (merchant_id, id) DO UPDATE SET claimed_until = excluded.claimed_until \
     WHERE access_token.claimed_until <= $3";
const WRITE: &str = "UPDATE access_token SET sealed_value = $3, expires_at = $4, claimed_until = 0 \
     WHERE merchant_id = $1 AND id = $2 AND claimed_until = $5";
const RELEASE: &str = "UPDATE access_token SET claimed_until = 0 \
     WHERE merchant_id = $1 AND id = $2 AND claimed_until = $3";
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
        let claimed = on!(tx.link()?, connection => {
            sqlx::query(CLAIM)
                .bind(merchant)
                .bind(account)
                .bind(real_now.as_microsecond())
                .bind(lease_until.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        if claimed == 1 {
            crash_point!("token.before_claim");
        }
        tx.commit().await?;
        if claimed == 1 {
            crash_point!("token.after_claim");
        }
        Ok(claimed == 1)
    }

    /// Writes a renewed token; the claim ends. Whoever was taken over, whose claim is another's by now, writes nothing.
    pub async fn write_access_token(
        &self,
        merchant: &str,
        account: &str,
        sealed: &[u8],
        expires_at: Timestamp,
        claimed_until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(WRITE)
                .bind(merchant)
                .bind(account)
                .bind(sealed)
                .bind(expires_at.as_microsecond())
                .bind(claimed_until.as_microsecond())
                .execute(connection)
                .await?;
        });
        crash_point!("token.before_commit");
        tx.commit().await?;
        crash_point!("token.after_commit");
        Ok(())
    }

    /// Ends a claim that came to nothing, unless it is another's by now.
    pub async fn release_token_renewal(
        &self,
        merchant: &str,
        account: &str,
        claimed_until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(RELEASE)
                .bind(merchant)
                .bind(account)
                .bind(claimed_until.as_microsecond())
                .execute(connection)
                .await?;
        });
        crash_point!("token.before_release");
        tx.commit().await?;
        crash_point!("token.after_release");
        Ok(())
    }

    /// Ends a token that the provider refused, unless it was renewed meanwhile.
    pub async fn end_access_token(
        &self,
        merchant: &str,
        account: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(END)
                .bind(merchant)
                .bind(account)
                .bind(expires_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        crash_point!("token.before_end");
        tx.commit().await?;
        crash_point!("token.after_end");
        Ok(())
    }
}
