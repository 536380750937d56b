//! What was agreed upon with providers, one row a change; rows are only added.

use payment::Timestamp;

use super::database::{Store, StoreError, instant, on};

const OF_MERCHANT: &str = "SELECT account_id, setting, ordinal, value, agreed_on, author, document, noted_at FROM agreement \
     WHERE merchant_id = $1 ORDER BY account_id, setting, ordinal";
const INSERT: &str = "INSERT INTO agreement \
     (merchant_id, account_id, setting, ordinal, value, agreed_on, author, document, noted_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";

/// A value from when on it held, and who agreed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementLine {
    /// The account.
    pub account_id: String,
    /// The setting.
    pub setting: String,
    /// Its place among the changes of the setting, from 1.
    pub ordinal: i64,
    /// The value; empty when it was taken out.
    pub value: String,
    /// The day of the agreement.
    pub agreed_on: String,
    /// Who confirmed it.
    pub author: String,
    /// The document.
    pub document: String,
    /// When the hub first ran with it.
    pub noted_at: Timestamp,
}

type Row = (String, String, i64, String, String, String, String, i64);

impl Store {
    /// Every change of a merchant's accounts, the earliest of each setting first.
    pub async fn agreements(&self, merchant: &str) -> Result<Vec<AgreementLine>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<Row> = on!(reader.link(), connection => {
            sqlx::query_as(OF_MERCHANT).bind(merchant).fetch_all(connection).await?
        });
        rows.into_iter()
            .map(|(account_id, setting, ordinal, value, agreed_on, author, document, noted_at)| {
                let noted_at = instant(noted_at)?;
                Ok(AgreementLine {
                    account_id,
                    setting,
                    ordinal,
                    value,
                    agreed_on,
                    author,
                    document,
                    noted_at,
                })
            })
            .collect()
    }

    /// Adds a change. One that another instance has just added is there already.
    pub async fn add_agreement(&self, merchant: &str, line: &AgreementLine) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let _added = on!(tx.link()?, connection => {
            sqlx::query(INSERT)
                .bind(merchant)
                .bind(&line.account_id)
                .bind(&line.setting)
                .bind(line.ordinal)
                .bind(&line.value)
                .bind(&line.agreed_on)
                .bind(&line.author)
                .bind(&line.document)
                .bind(line.noted_at.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await
    }
}
