//! The sealed columns, all of them, as a change of master keys goes through them.

use super::database::{Store, StoreError, on};

/// A column that holds sealed values. One that is missing here would keep needing an old key: a test compares them
/// with the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// `access_token.sealed_value`.
    AccessToken,
    /// `attempt.sealed_key`.
    AttemptKey,
    /// `notice.sealed_body`.
    NoticeBody,
    /// `event_endpoint.sealed_secret`.
    EndpointSecret,
    /// `event_endpoint.sealed_former_secret`.
    EndpointFormerSecret,
    /// `idempotency.sealed_body`.
    IdempotencyBody,
    /// `instrument.sealed_token`.
    InstrumentToken,
}

/// The key of a row that has a sealed column. The route is empty where a table has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedRowKey {
    /// Whose row it is.
    pub merchant: String,
    /// The route of an idempotency key.
    pub route: String,
    /// Id or key.
    pub id: String,
}

/// A row that was sealed by another key than the wanted one.
#[derive(Clone, Debug)]
pub struct SealedRow {
    /// Where it stands.
    pub key: SealedRowKey,
    /// The sealed value.
    pub sealed: Vec<u8>,
}

/// How many values of a column one key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCount {
    /// The column.
    pub column: SealedColumn,
    /// The master key's id, as it stands in the values.
    pub key_id: Vec<u8>,
    /// Values.
    pub values: u64,
}

impl SealedColumn {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AccessToken,
        Self::AttemptKey,
        Self::NoticeBody,
        Self::EndpointSecret,
        Self::EndpointFormerSecret,
        Self::IdempotencyBody,
        Self::InstrumentToken,
    ];

    /// Table and column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token.sealed_value",
            Self::AttemptKey => "attempt.sealed_key",
            Self::NoticeBody => "notice.sealed_body",
            Self::EndpointSecret => "event_endpoint.sealed_secret",
            Self::EndpointFormerSecret => "event_endpoint.sealed_former_secret",
            Self::IdempotencyBody => "idempotency.sealed_body",
            Self::InstrumentToken => "instrument.sealed_token",
        }
    }

    /// The place to which a row's value is sealed.
    pub fn place(self, key: &SealedRowKey) -> String {
        match self {
            Self::AccessToken => format!("access_token/value/{}/{}", key.merchant, key.id),
            Self::AttemptKey => format!("attempt/key/{}", key.id),
            Self::NoticeBody => format!("notice/body/{}", key.id),
            Self::EndpointSecret => format!("event_endpoint/secret/{}", key.id),
            Self::EndpointFormerSecret => format!("event_endpoint/former_secret/{}", key.id),
            Self::IdempotencyBody => {
                format!("idempotency/body/{}/{}/{}", key.merchant, key.route, key.id)
            }
            Self::InstrumentToken => format!("instrument/token/{}", key.id),
        }
    }

    const fn sql(self) -> Sql {
        match self {
            Self::AccessToken => Sql {
                next: "SELECT merchant_id, '', id, sealed_value FROM access_token \
                       WHERE sealed_value IS NOT NULL AND substr(sealed_value, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE access_token SET sealed_value = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_value = $4",
                count: "SELECT substr(sealed_value, 2, 8), COUNT(*) FROM access_token \
                        WHERE sealed_value IS NOT NULL GROUP BY 1",
            },
            Self::AttemptKey => Sql {
                next: "SELECT merchant_id, '', id, sealed_key FROM attempt \
                       WHERE sealed_key IS NOT NULL AND substr(sealed_key, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE attempt SET sealed_key = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_key = $4",
                count: "SELECT substr(sealed_key, 2, 8), COUNT(*) FROM attempt \
                        WHERE sealed_key IS NOT NULL GROUP BY 1",
            },
            Self::InstrumentToken => Sql {
                next: "SELECT merchant_id, '', id, sealed_token FROM instrument \
                       WHERE sealed_token IS NOT NULL AND substr(sealed_token, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE instrument SET sealed_token = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_token = $4",
                count: "SELECT substr(sealed_token, 2, 8), COUNT(*) FROM instrument \
                        WHERE sealed_token IS NOT NULL GROUP BY 1",
            },
            Self::NoticeBody => Sql {
                next: "SELECT merchant_id, '', id, sealed_body FROM notice \
                       WHERE sealed_body IS NOT NULL AND substr(sealed_body, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE notice SET sealed_body = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_body = $4",
                count: "SELECT substr(sealed_body, 2, 8), COUNT(*) FROM notice \
                        WHERE sealed_body IS NOT NULL GROUP BY 1",
            },
            Self::EndpointSecret => Sql {
                next: "SELECT merchant_id, '', id, sealed_secret FROM event_endpoint \
                       WHERE substr(sealed_secret, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE event_endpoint SET sealed_secret = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_secret = $4",
                count: "SELECT substr(sealed_secret, 2, 8), COUNT(*) FROM event_endpoint GROUP BY 1",
            },
            Self::EndpointFormerSecret => Sql {
                next: "SELECT merchant_id, '', id, sealed_former_secret FROM event_endpoint \
                       WHERE sealed_former_secret IS NOT NULL AND substr(sealed_former_secret, 2, 8) <> $1 \
                       AND (merchant_id, id) > ($2, $4) AND $3 = '' ORDER BY merchant_id, id LIMIT $5",
                replace: "UPDATE event_endpoint SET sealed_former_secret = $5 \
                          WHERE merchant_id = $1 AND $2 = '' AND id = $3 AND sealed_former_secret = $4",
                count: "SELECT substr(sealed_former_secret, 2, 8), COUNT(*) FROM event_endpoint \
                        WHERE sealed_former_secret IS NOT NULL GROUP BY 1",
            },
            Self::IdempotencyBody => Sql {
                next: "SELECT merchant_id, route, key, sealed_body FROM idempotency \
                       WHERE sealed_body IS NOT NULL AND substr(sealed_body, 2, 8) <> $1 \
                       AND (merchant_id, route, key) > ($2, $3, $4) ORDER BY merchant_id, route, key LIMIT $5",
                replace: "UPDATE idempotency SET sealed_body = $5 \
                          WHERE merchant_id = $1 AND route = $2 AND key = $3 AND sealed_body = $4",
                count: "SELECT substr(sealed_body, 2, 8), COUNT(*) FROM idempotency \
                        WHERE sealed_body IS NOT NULL GROUP BY 1",
            },
        }
    }
}

/// The texts of one column. `substr(…, 2, 8)` is the key's id of a sealed value.
struct Sql {
    next: &'static str,
    replace: &'static str,
    count: &'static str,
}

impl Store {
    /// The next rows after a key whose value another master key than this one wraps, in the order of their keys.
    pub async fn sealed_otherwise(
        &self,
        column: SealedColumn,
        wanted_key: &[u8],
        after: &SealedRowKey,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        type Row = (String, String, String, Vec<u8>);
        let mut reader = self.read().await?;
        let rows: Vec<Row> = on!(reader.link(), connection => {
            sqlx::query_as(column.sql().next)
                .bind(wanted_key)
                .bind(&after.merchant)
                .bind(&after.route)
                .bind(&after.id)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        let row =
            |(merchant, route, id, sealed)| SealedRow { key: SealedRowKey { merchant, route, id }, sealed };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Replaces sealed values in one transaction, each only where it still is what was read. Answers how many were.
    pub async fn replace_sealed(
        &self,
        column: SealedColumn,
        changes: &[(SealedRow, Vec<u8>)],
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut replaced = 0;
        for (row, anew) in changes {
            replaced += on!(tx.link()?, connection => {
                sqlx::query(column.sql().replace)
                    .bind(&row.key.merchant)
                    .bind(&row.key.route)
                    .bind(&row.key.id)
                    .bind(&row.sealed)
                    .bind(anew)
                    .execute(connection)
                    .await?
                    .rows_affected()
            });
        }
        tx.commit().await?;
        Ok(replaced)
    }

    /// How many values each master key opens, by column. It reads every sealed row.
    pub async fn count_sealed(&self) -> Result<Vec<SealedCount>, StoreError> {
        let mut counts = Vec::new();
        let mut reader = self.read().await?;
        for column in SealedColumn::ALL {
            let rows: Vec<(Vec<u8>, i64)> = on!(reader.link(), connection => {
                sqlx::query_as(column.sql().count).fetch_all(connection).await?
            });
            let count = |(key_id, values)| SealedCount {
                column,
                key_id,
                values: u64::try_from(values).unwrap_or_default(),
            };
            counts.extend(rows.into_iter().map(count));
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{KEY_ID_AT, KEY_ID_BYTES};

    /// `table.column` of every column whose name begins with `sealed_`, as a migration declares them.
    fn declared(schema: &str) -> Vec<String> {
        let mut table = "";
        let mut found = Vec::new();
        for line in schema.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("CREATE"), Some("TABLE"), Some(name)) => table = name.trim_end_matches('('),
                (Some(column), _, _) if column.starts_with("sealed_") => {
                    found.push(format!("{table}.{column}"))
                }
                _ => {}
            }
        }
        found.sort();
        found
    }

    #[test]
    fn every_sealed_column_of_the_schema_is_listed() {
        let mut listed: Vec<String> = SealedColumn::ALL.map(|column| column.name().to_owned()).into();
        listed.sort();
        assert_eq!(declared(include_str!("../../migrations/sqlite/0001_begin.sql")), listed);
        assert_eq!(declared(include_str!("../../migrations/postgres/0001_begin.sql")), listed);
    }

    #[test]
    fn the_texts_look_where_a_sealed_value_has_its_key() {
        let place = format!(", {KEY_ID_AT}, {KEY_ID_BYTES})");
        for column in SealedColumn::ALL {
            let sql = column.sql();
            assert!(sql.next.contains(&place) && sql.count.contains(&place), "{column:?}");
        }
    }
}
