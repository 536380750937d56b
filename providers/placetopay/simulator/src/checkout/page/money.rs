//! Amounts as Colombians write them: `$119.000,00 COP`.

use simulation::decimal::{self, Decimal};

/// Sign, thousands separated by points, a comma before all decimals of the currency: `$119.000,00`.
pub fn text(amount: Decimal, currency: &str) -> String {
    let fixed = amount.to_fixed(decimal::exponent(currency).unwrap_or(2));
    let (sign, digits) = fixed.strip_prefix('-').map_or(("", fixed.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text = format!("{sign}{}", symbol(currency));
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(',');
        text.push_str(fraction);
    }
    text
}

/// The same with the currency's code behind it.
pub fn with_currency(amount: Decimal, currency: &str) -> String {
    format!("{} {currency}", text(amount, currency))
}

fn symbol(currency: &str) -> &'static str {
    match currency {
        "COP" | "USD" | "CLP" | "ARS" | "MXN" | "UYU" | "BZD" => "$",
        "EUR" => "€",
        "PEN" => "S/",
        "BRL" => "R$",
        "CRC" => "₡",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_on_the_provider_s_page() {
        for (amount, currency, shown) in [
            ("119000", "COP", "$119.000,00 COP"),
            ("576.5", "USD", "$576,50 USD"),
            ("1234567", "CLP", "$1.234.567 CLP"),
            ("12", "PAB", "12,00 PAB"),
            ("-1000", "COP", "-$1.000,00 COP"),
        ] {
            assert_eq!(with_currency(Decimal::parse(amount).expect(amount), currency), shown);
        }
    }
}
