//! Reading the project's tables: comma-separated with quotes (RFC 4180), or tab-separated without.

use std::path::{Path, PathBuf};

/// A table with a header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is no header line.
    #[error("the table is empty")]
    Empty,
    /// A quote is not closed.
    #[error("a quote that opens in row {row} does not close")]
    OpenQuote {
        /// Counted from 1, the header included.
        row: usize,
    },
    /// A row has too few or too many cells.
    #[error("row {row} has {found} cells, the header {expected}")]
    Ragged {
        /// Counted from 1, the header included.
        row: usize,
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A column is missing.
    #[error("there is no column {0}")]
    NoColumn(String),
}

impl Table {
    /// Reads a file: tab-separated when its name ends in `.tsv`, comma-separated otherwise.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn read(path: &Path) -> Result<Table, TableError> {
        let read = |source| TableError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        if path.extension().is_some_and(|extension| extension == "tsv") {
            Table::from_tabs(&text)
        } else {
            Table::from_commas(&text)
        }
    }

    /// Reads tab-separated lines; lines that are empty or begin with `#` are passed over.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn from_tabs(text: &str) -> Result<Table, TableError> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Table::from_rows(lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// Reads comma-separated rows; a quoted cell may hold commas, line ends and doubled quotes.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn from_commas(text: &str) -> Result<Table, TableError> {
        let mut rows = Vec::new();
        let mut row = Vec::new();
        let mut cell = String::new();
        let mut quoted = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match (quoted, character) {
                (true, '"') if characters.peek() == Some(&'"') => {
                    characters.next();
                    cell.push('"');
                }
                (_, '"') => quoted = !quoted,
                (false, ',') => row.push(std::mem::take(&mut cell)),
                (false, '\r') => {}
                (false, '\n') => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                (true | false, other) => cell.push(other),
            }
        }
        if quoted {
            return Err(TableError::OpenQuote { row: rows.len() + 1 });
        }
        if !cell.is_empty() || !row.is_empty() {
            row.push(cell);
            rows.push(row);
        }
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        Table::from_rows(rows)
    }

    /// The place of a column.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        let place = self.columns.iter().position(|column| column == name);
        place.ok_or_else(|| TableError::NoColumn(name.to_owned()))
    }

    fn from_rows(mut rows: Vec<Vec<String>>) -> Result<Table, TableError> {
        if rows.is_empty() {
            return Err(TableError::Empty);
        }
        let columns = rows.remove(0);
        let expected = columns.len();
        let ragged = rows.iter().position(|row| row.len() != expected);
        match ragged {
            Some(index) => Err(TableError::Ragged { row: index + 2, found: rows[index].len(), expected }),
            None => Ok(Table { columns, rows }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_cells_hold_commas_quotes_and_line_ends() {
        let table = Table::from_commas("id,text\n1,\"a, \"\"b\"\"\nc\"\r\n2,plain").expect("a table");
        assert_eq!(table.rows, [["1", "a, \"b\"\nc"], ["2", "plain"]]);
    }

    #[test]
    fn a_row_of_another_length_is_refused_with_its_number() {
        let error = Table::from_commas("a,b\n1,2\n3\n").expect_err("ragged");
        assert!(matches!(error, TableError::Ragged { row: 3, found: 1, expected: 2 }));
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert!(matches!(Table::from_commas("a\n\"b\n"), Err(TableError::OpenQuote { row: 2 })));
    }

    #[test]
    fn remarks_between_tab_separated_rows_are_passed_over() {
        let table = Table::from_tabs("# vectors\nid\tvalue\n\n1\t\n").expect("a table");
        assert_eq!(table.rows, [["1", ""]]);
    }
}
