//! Rows in sets: one statement for many rows. A set has one of a few sizes, so that few statements are prepared.

/// Rows per statement, largest first.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Cuts rows into sets.
pub(super) fn sets<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (set, rest) = rows.split_at(size);
        rows = rest;
        Some(set)
    })
}

/// The statement with `count` lists of `width` parameters in the place of `{rows}`.
pub(super) fn statement(template: &str, width: usize, count: usize) -> String {
    use std::fmt::Write;

    let mut rows = String::with_capacity(count * (width * 5 + 3));
    for row in 0..count {
        rows.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let separator = if column == 0 { "" } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(rows, "{separator}${}", row * width + column + 1);
        }
        rows.push(')');
    }
    template.replacen("{rows}", &rows, 1)
}

/// Runs a statement over rows, a set at a time.
macro_rules! write_rows {
    ($tx:expr, $template:expr, $width:expr, $rows:expr, |$query:ident, $row:ident| $bound:expr) => {
        for set in $crate::store::sets::sets($rows) {
            let text = $crate::store::sets::statement($template, $width, set.len());
            on!($tx.link(), connection => {
                let mut $query = sqlx::query(sqlx::AssertSqlSafe(text));
                for $row in set {
                    $query = $bound;
                }
                $query.execute(connection).await?;
            });
        }
    };
}
pub(super) use write_rows;

/// Runs a query over rows, a set at a time, and gathers what it answers.
macro_rules! read_rows {
    ($tx:expr, $type:ty, $template:expr, $width:expr, $rows:expr, |$query:ident, $row:ident| $bound:expr) => {{
        let mut found: Vec<$type> = Vec::new();
        for set in $crate::store::sets::sets($rows) {
            let text = $crate::store::sets::statement($template, $width, set.len());
            on!($tx.link(), connection => {
                let mut $query = sqlx::query_as(sqlx::AssertSqlSafe(text));
                for $row in set {
                    $query = $bound;
                }
                found.extend($query.fetch_all(connection).await?);
            });
        }
        found
    }};
}
pub(super) use read_rows;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_set_and_the_sets_have_few_sizes() {
        for count in [0, 1, 3, 4, 15, 63, 64, 65, 130, 203] {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = sets(&rows).collect();
            assert_eq!(cut.concat(), rows);
            assert!(cut.iter().all(|set| SIZES.contains(&set.len())));
        }
    }

    #[test]
    fn parameters_are_numbered_through() {
        let text = statement("INSERT INTO t (a, b) VALUES {rows} ON CONFLICT DO NOTHING", 2, 2);
        assert_eq!(text, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
    }
}
