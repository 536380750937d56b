//! Amounts for people: the ISO code, a blank, the number as the language writes it (C-50).

use payment::Money;
use payment::order::Language;

/// An amount with the currency's decimals: `COP 119.000,00` in Spanish and Portuguese, `COP 119,000.00` in
/// English, `CLP 15.000` where the currency has none.
pub fn format_amount(money: Money, language: Language) -> String {
    let (thousands, decimal) = match language {
        Language::Es | Language::Pt => ('.', ','),
        Language::En => (',', '.'),
    };
    let text = money.to_text();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut number = String::with_capacity(digits.len() * 2);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            number.push(thousands);
        }
        number.push(digit);
    }
    if !fraction.is_empty() {
        number.push(decimal);
        number.push_str(fraction);
    }
    format!("{} {sign}{number}", money.currency)
}

#[cfg(test)]
mod tests {
    use payment::Currency;

    use super::*;

    #[test]
    fn an_amount_is_the_code_a_blank_and_the_number_of_the_language() {
        let table = [
            (11_900_000, Currency::Cop, Language::Es, "COP 119.000,00"),
            (11_900_000, Currency::Cop, Language::Pt, "COP 119.000,00"),
            (11_900_000, Currency::Cop, Language::En, "COP 119,000.00"),
            (15_000, Currency::Clp, Language::Es, "CLP 15.000"),
            (93_899, Currency::Usd, Language::Es, "USD 938,99"),
            (5, Currency::Pen, Language::Es, "PEN 0,05"),
            (0, Currency::Pyg, Language::En, "PYG 0"),
            (-100_000_000, Currency::Usd, Language::En, "USD -1,000,000.00"),
            (i64::MIN, Currency::Clp, Language::Es, "CLP -9.223.372.036.854.775.808"),
        ];
        for (minor, currency, language, expected) in table {
            assert_eq!(format_amount(Money::new(minor, currency), language), expected);
        }
    }
}
