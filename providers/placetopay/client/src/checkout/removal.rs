//! What a denied charge means for the kept card that was charged, as data (AV-8.6, C-68).
//!
//! AV-U29: which code stands for which of the guide's reasons is assumed by meaning, so that the words of the message count
//! as well, whatever the code. Nothing here depends on an account: no setting switches it off (AV-8.6-12).

use std::sync::LazyLock;

use payment::fact::Reason;
use payment::instrument::RemovalRule;

use super::reasons::{Level, reason_text};

/// One row of the table.
struct Row {
    rule: RemovalRule,
    code: &'static str,
    /// All of them stand in the message, in any order; none for a row of a code alone.
    words: Vec<&'static str>,
}

const TABLE: &str = include_str!("removal.tsv");

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

/// What stands in the table for nothing.
const NOTHING: &str = "-";

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let rule = match cells.next()? {
        "at_once" => RemovalRule::AtOnce,
        "technical" => RemovalRule::NoStrike,
        _ => return None,
    };
    let (code, words) = (cells.next()?, cells.next()?);
    let words = words.split(' ').filter(|word| *word != NOTHING).collect();
    cells.next()?;
    Some(Row { rule, code, words })
}

/// Words that end a card when they stand beside a code that nobody knows.
const ALARMS: [&str; 8] =
    ["retencion", "bloqueada", "cancelada", "robada", "perdida", "restringido", "vencida", "bin"];

/// The rule for the reason of a denied charge.
pub fn rule(reason: &Reason) -> RemovalRule {
    let message = plain(&reason.message);
    let said: Vec<&str> = message.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let is_said = |words: &[&str]| !words.is_empty() && words.iter().all(|word| said.contains(word));
    let mut rows = ROWS.iter();
    if rows.any(|row| row.rule == RemovalRule::AtOnce && (row.code == reason.code || is_said(&row.words))) {
        return RemovalRule::AtOnce;
    }
    let is_known = reason_text(Level::Transaction, &reason.code, payment::order::Language::Es).is_some();
    if !is_known && ALARMS.iter().any(|alarm| said.contains(alarm)) {
        return RemovalRule::AtOnce;
    }
    let is_technical = ROWS.iter().any(|row| row.rule == RemovalRule::NoStrike && row.code == reason.code);
    if is_technical || reason.status == "FAILED" { RemovalRule::NoStrike } else { RemovalRule::Strike }
}

/// Small letters without accents.
fn plain(text: &str) -> String {
    let without_accent = |letter: char| match letter {
        'á' | 'à' | 'ã' | 'â' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'õ' | 'ô' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    };
    text.chars().flat_map(char::to_lowercase).map(without_accent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, message: &str) -> RemovalRule {
        let (status, code, message) = ("REJECTED".to_owned(), code.to_owned(), message.to_owned());
        rule(&Reason { status, code, message })
    }

    #[test]
    fn every_row_of_the_table_is_a_rule() {
        assert_eq!(ROWS.len(), TABLE.lines().count() - 1);
        assert!(ROWS.iter().all(|row| row.code != NOTHING || !row.words.is_empty()));
    }

    #[test]
    fn a_card_that_is_gone_is_taken_away_at_once_by_its_code_and_by_its_words() {
        let _story = testing::story("a_card_that_is_gone_is_taken_away_at_once_by_its_code_and_by_its_words");
        for code in ["33", "36", "54", "43", "14", "41", "62", "XE"] {
            assert_eq!(told(code, "Negada"), RemovalRule::AtOnce, "{code}");
        }
        for message in [
            "La tarjeta está vencida, con orden de retención",
            "Tarjeta BLOQUEADA o cancelada",
            "Negada: tarjeta vencida",
            "La tarjeta es robada",
            "TARJETA INVÁLIDA",
            "Tarjeta reportada como perdida",
            "Bloqueada por estar en el archivo de uso restringido",
            "El tipo de la tarjeta es inválida",
            "BIN bloqueado",
        ] {
            for code in ["05", "Z9", "51"] {
                assert_eq!(told(code, message), RemovalRule::AtOnce, "{code} {message}");
            }
        }
        assert_eq!(told("Z9", "Tarjeta bloqueada"), RemovalRule::AtOnce, "an alarm beside an unknown code");
        testing::covers!("AV-8.6-12");
    }

    #[test]
    fn any_other_denial_is_a_strike_and_a_fault_on_the_way_is_none() {
        for (code, message) in [
            ("51", "Fondos insuficientes"),
            ("05", "Negada, puede ser tarjeta bloqueada o timeout"),
            ("61", "Negada, Monto excede el máximo"),
            ("Z9", "Negada"),
            ("", ""),
        ] {
            assert_eq!(told(code, message), RemovalRule::Strike, "{code} {message}");
        }
        for code in ["XH", "XR", "91", "96", "68"] {
            assert_eq!(told(code, "Falla en la comunicación"), RemovalRule::NoStrike, "{code}");
        }
        let failed = Reason { status: "FAILED".into(), code: "Z9".into(), message: String::new() };
        assert_eq!(rule(&failed), RemovalRule::NoStrike);
    }
}
