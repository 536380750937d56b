//! Amounts for people: the ISO code, a blank, the number as the language writes it (C-50).

use crate::language::Language;
use crate::market::Market;

/// Minor units of a market's money as text: `COP 119.000,00` in Spanish and Portuguese, `COP 119,000.00` in English.
pub fn format_amount(minor: i64, market: Market, language: Language) -> String {
    let (thousands, decimal) = match language {
        Language::Es | Language::Pt => ('.', ','),
        Language::En => (',', '.'),
    };
    let sign = if minor < 0 { "-" } else { "" };
    let unit = 10_u64.pow(market.decimals());
    let digits = (minor.unsigned_abs() / unit).to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    let code = market.currency();
    match market.decimals() {
        0 => format!("{code} {sign}{grouped}"),
        width => format!(
            "{code} {sign}{grouped}{decimal}{:0width$}",
            minor.unsigned_abs() % unit,
            width = width as usize
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_the_code_a_blank_and_the_number_of_the_language() {
        let table = [
            (11_900_000, Market::Colombia, Language::Es, "COP 119.000,00"),
            (11_900_000, Market::Colombia, Language::Pt, "COP 119.000,00"),
            (11_900_000, Market::Colombia, Language::En, "COP 119,000.00"),
            (5, Market::Colombia, Language::Es, "COP 0,05"),
            (99_999, Market::Peru, Language::Es, "PEN 999,99"),
            (100_000, Market::Ecuador, Language::Es, "USD 1.000,00"),
            (24_990, Market::Chile, Language::Es, "CLP 24.990"),
            (-123_456_789, Market::Mexico, Language::En, "MXN -1,234,567.89"),
        ];
        for (minor, market, language, expected) in table {
            assert_eq!(format_amount(minor, market, language), expected);
        }
    }
}
