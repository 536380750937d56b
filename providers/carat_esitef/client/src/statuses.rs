//! The statuses of transactions and of storage: meanings, moves, and words for people, as data (PROTOCOL.md 7).

use std::sync::LazyLock;

use payment::instrument::KeepingState;
use payment::order::Language;

/// What a status of a transaction means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The payer can act.
    Waiting,
    /// Somebody else is deciding.
    Deciding,
    /// The amount is held, and the shop has to confirm it.
    Held,
    /// The hold was undone.
    Undone,
    /// Paid.
    Paid,
    /// Denied.
    Denied,
    /// It could not be tried. CA-U20: after a failure of the authorizer nothing more comes of this transaction.
    Failed,
    /// Its time ran out.
    Expired,
    /// The payer gave up.
    Cancelled,
    /// Paid, and given back in full.
    GivenBack,
}

/// One status with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusText {
    /// Whether it is a status of storage.
    pub is_of_storage: bool,
    /// The three letters.
    pub status: &'static str,
    /// The statuses that may follow it.
    next: &'static str,
    meaning: &'static str,
    /// Where it is from: a section of PROTOCOL.md, or the id of the assumption.
    pub source: &'static str,
    es: &'static str,
    pt: &'static str,
    en: &'static str,
}

impl StatusText {
    /// A sentence for the shopper.
    pub const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::Es => self.es,
            Language::Pt => self.pt,
            Language::En => self.en,
        }
    }
}

/// Every status that is known.
pub fn status_texts() -> &'static [StatusText] {
    &TABLE
}

/// What a transaction's status means; nothing for one that is not known.
pub fn meaning(status: &str) -> Option<Meaning> {
    Some(match of(false, status)?.meaning {
        "waiting" => Meaning::Waiting,
        "deciding" => Meaning::Deciding,
        "held" => Meaning::Held,
        "undone" => Meaning::Undone,
        "paid" => Meaning::Paid,
        "denied" => Meaning::Denied,
        "failed" => Meaning::Failed,
        "expired" => Meaning::Expired,
        "cancelled" => Meaning::Cancelled,
        "given_back" => Meaning::GivenBack,
        _ => return None,
    })
}

/// Whether a transaction may go from one status straight to another.
pub fn may_become(from: &str, to: &str) -> bool {
    of(false, from).is_some_and(|row| row.next.split(' ').any(|next| next == to))
}

/// What a status of storage means; nothing for one that is not known.
pub fn keeping(status: &str) -> Option<KeepingState> {
    Some(match of(true, status)?.meaning {
        "kept" => KeepingState::Kept,
        "not_kept" => KeepingState::NotKept,
        "removed" => KeepingState::Removed,
        _ => return None,
    })
}

fn of(is_of_storage: bool, status: &str) -> Option<&'static StatusText> {
    TABLE.iter().find(|row| row.is_of_storage == is_of_storage && row.status == status)
}

const WRITTEN: &str = include_str!("../../storefront/statuses.tsv");

static TABLE: LazyLock<Vec<StatusText>> = LazyLock::new(|| WRITTEN.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<StatusText> {
    let mut cells = line.split('\t');
    let is_of_storage = match cells.next()? {
        "transaction" => false,
        "storage" => true,
        _ => return None,
    };
    let (status, meaning, next, source) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(StatusText { is_of_storage, status, next, meaning, source, es, pt, en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_has_a_meaning_and_speaks_every_language() {
        assert_eq!(status_texts().len(), WRITTEN.lines().count() - 1);
        for row in status_texts() {
            let has_meaning =
                if row.is_of_storage { keeping(row.status).is_some() } else { meaning(row.status).is_some() };
            assert!(has_meaning && row.status.len() == 3, "{}", row.status);
            let texts = [Language::Es, Language::Pt, Language::En].map(|language| row.text(language));
            assert!(texts.iter().all(|text| text.ends_with('.')), "{}", row.status);
            assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{}", row.status);
        }
        assert_eq!(meaning("con"), None);
        assert_eq!(meaning("DUP"), None);
        assert_eq!(keeping("DUP"), Some(KeepingState::Kept));
        assert_eq!(keeping("NOV"), None);
    }

    #[test]
    fn one_status_alone_says_paid_and_one_alone_held() {
        let of = |wanted| {
            status_texts().iter().filter(move |row| !row.is_of_storage && meaning(row.status) == Some(wanted))
        };
        assert_eq!(
            (of(Meaning::Paid).count(), of(Meaning::Held).count(), of(Meaning::GivenBack).count()),
            (1, 1, 1)
        );
        assert!(may_become("CON", "EST") && !may_become("EST", "CON") && !may_become("XYZ", "CON"));
    }
}
