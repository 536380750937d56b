//! The data files: lines of columns between tabs, after comments and one line of headings.

/// The rows of a data file, each with exactly `N` columns; a row of another width is left out, and the tests of
/// each table see that there is none.
pub fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .skip(1)
        .filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

/// Lines that should be rows.
#[cfg(test)]
pub fn count(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count() - 1
}
