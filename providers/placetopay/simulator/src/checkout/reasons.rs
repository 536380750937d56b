//! The reasons a transaction can carry and their sentences, read from `data/reasons.tsv` (§7.8).

use std::sync::LazyLock;

use super::texts::Language;

const TABLE: &str = include_str!("../../data/reasons.tsv");

/// The state that goes with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Paid.
    Approved,
    /// Not decided yet.
    Pending,
    /// Denied.
    Rejected,
    /// Broken on the way.
    Failed,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Two characters.
    pub code: &'static str,
    /// The state it goes with.
    pub group: Group,
    texts: [&'static str; 3],
}

impl Reason {
    /// The sentence in a language.
    pub fn text(&self, language: Language) -> &'static str {
        let [spanish, english, portuguese] = self.texts;
        match language {
            Language::Spanish => spanish,
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }
}

/// Every reason, in the table's order.
pub fn all() -> &'static [Reason] {
    &REASONS
}

/// The reason with this code.
pub fn find(code: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.code == code)
}

/// The sentence of a code; the code itself when the table lacks it, as the provider does with `?2`.
pub fn text(code: &'static str, language: Language) -> &'static str {
    find(code).map_or(code, |reason| reason.text(language))
}

static REASONS: LazyLock<Vec<Reason>> = LazyLock::new(|| rows().filter_map(read_row).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<Reason> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [code, group, spanish, english, portuguese, _source] = columns.try_into().ok()?;
    let group = match group {
        "approved" => Group::Approved,
        "pending" => Group::Pending,
        "rejected" => Group::Rejected,
        "failed" => Group::Failed,
        _ => return None,
    };
    Some(Reason { code, group, texts: [spanish, english, portuguese] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_and_no_code_comes_twice() {
        assert_eq!(REASONS.len(), rows().count());
        let mut codes: Vec<_> = REASONS.iter().map(|reason| reason.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), REASONS.len());
        assert!(REASONS.iter().all(|reason| reason.texts.iter().all(|text| !text.is_empty())));
    }

    #[test]
    fn the_recorded_denial_reads_as_recorded() {
        assert_eq!(text("05", Language::Spanish), "Negada, puede ser tarjeta bloqueada o timeout");
        assert_eq!(text("00", Language::Spanish), "Aprobada");
    }
}
