//! What the portal's own codes mean, as data (PROTOCOL.md 11.1): whose turn it is, and whether money may have moved.

use std::sync::LazyLock;

use payment::order::Complaint;
use payment::step::{Advice, Refusal};

/// What may have happened when a call is answered with a code and without a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Nothing, and the shopper is to give the security code. CA-U28: by the code 12.
    CodeWanted,
    /// The portal knows: ask it.
    Ask,
}

struct Row {
    code: &'static str,
    problem: &'static str,
    advice: Advice,
    effect: Effect,
    param: Option<&'static str>,
}

/// What may have happened after a code. A code that is not known may mean anything.
pub fn effect(code: &str) -> Effect {
    known(code).map_or(Effect::Ask, |row| row.effect)
}

/// The refusal that a code stands for, with the portal's own words.
pub fn refusal(code: &str, message: &str) -> Refusal {
    let row = known(code);
    let (problem, advice) =
        row.map_or(("provider_refused", Advice::Contact), |row| (row.problem, row.advice));
    let told = if message.is_empty() { "it did not say why" } else { message };
    let detail = format!("The portal refused: {told} (code {code}).");
    let complaint = row.and_then(|row| row.param).map(|param| {
        let word = if problem == "invalid_amount" { "invalid_amount" } else { "invalid_value" };
        Complaint::new(param, word, detail.clone())
    });
    Refusal {
        code: problem,
        provider_code: Some(code.to_owned()),
        detail,
        complaints: complaint.into_iter().collect(),
        advice,
    }
}

/// Every code that is known.
#[cfg(test)]
pub fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.code)
}

fn known(code: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code == code)
}

const WRITTEN: &str = include_str!("../data/response_codes.tsv");

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| WRITTEN.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let (code, problem) = (cells.next()?, cells.next()?);
    let advice = match cells.next()? {
        "retry" => Advice::Retry,
        "change_request" => Advice::ChangeRequest,
        "change_instrument" => Advice::ChangeInstrument,
        "contact" => Advice::Contact,
        _ => return None,
    };
    let effect = match cells.next()? {
        "none" => Effect::Nothing,
        "code" => Effect::CodeWanted,
        "ask" => Effect::Ask,
        _ => return None,
    };
    let param = cells.next().filter(|param| *param != "-");
    Some(Row { code, problem, advice, effect, param })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_read_and_success_is_no_row() {
        assert_eq!(TABLE.len(), WRITTEN.lines().count() - 1);
        assert_eq!(codes().collect::<BTreeSet<_>>().len(), TABLE.len());
        assert!(known("0").is_none());
    }

    #[test]
    fn what_may_have_charged_makes_us_ask_and_what_is_unknown_as_well() {
        for code in ["100", "102", "107", "114", "131", "255", "1000", "77777", "", "x"] {
            assert_eq!(effect(code), Effect::Ask, "{code}");
        }
        for code in ["9", "11", "27", "33", "49", "73", "82", "88"] {
            assert_eq!(effect(code), Effect::Nothing, "{code}");
        }
        assert_eq!(effect("12"), Effect::CodeWanted);
    }

    #[test]
    fn a_refusal_says_whose_turn_it_is() {
        let dead = refusal("49", "Parameter card_hash is invalid");
        assert_eq!((dead.code, dead.advice), ("invalid_number", Advice::ChangeInstrument));
        assert_eq!(dead.complaints[0].param, "instrument");
        let amount = refusal("33", "");
        assert_eq!((amount.code, &*amount.complaints[0].code), ("invalid_amount", "invalid_amount"));
        let unknown = refusal("77777", "?");
        assert_eq!((unknown.code, unknown.provider_code.as_deref()), ("provider_refused", Some("77777")));
    }
}
