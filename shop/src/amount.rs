//! Amounts for people: the ISO code, a blank, the number as the language writes it (C-50).

use crate::language::Language;

/// The shop's only currency.
pub const CURRENCY: &str = "COP";

/// Centavos as text: `COP 119.000,00` in Spanish and Portuguese, `COP 119,000.00` in English.
pub fn format_cop(centavos: i64, language: Language) -> String {
    let (thousands, decimal) = match language {
        Language::Es | Language::Pt => ('.', ','),
        Language::En => (',', '.'),
    };
    let sign = if centavos < 0 { "-" } else { "" };
    let digits = (centavos.unsigned_abs() / 100).to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    format!("{CURRENCY} {sign}{grouped}{decimal}{:02}", centavos.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_the_code_a_blank_and_the_number_of_the_language() {
        let table = [
            (11_900_000, Language::Es, "COP 119.000,00"),
            (11_900_000, Language::Pt, "COP 119.000,00"),
            (11_900_000, Language::En, "COP 119,000.00"),
            (5, Language::Es, "COP 0,05"),
            (99_999, Language::Es, "COP 999,99"),
            (100_000, Language::Es, "COP 1.000,00"),
            (-123_456_789, Language::En, "COP -1,234,567.89"),
        ];
        for (centavos, language, expected) in table {
            assert_eq!(format_cop(centavos, language), expected);
        }
    }
}
