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

/// Without a sign, for a field: `119.000,00`.
pub fn plain(amount: Decimal, currency: &str) -> String {
    text(amount, currency).trim_start_matches(symbol(currency)).to_owned()
}

/// Reads an amount as people type one: with points or blanks between thousands and a comma before decimals, or plainly.
pub fn read(typed: &str) -> Option<Decimal> {
    let typed: String = typed.chars().filter(|character| !matches!(character, ' ' | '$')).collect();
    let (whole, fraction) =
        typed.split_once(',').map_or((typed.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let groups: Vec<&str> = whole.split('.').collect();
    let is_grouped = groups.len() > 1
        && groups[1..].iter().all(|group| group.len() == 3)
        && (1..=3).contains(&groups[0].len());
    let text = match (is_grouped || groups.len() == 1, fraction) {
        (true, "") => groups.concat(),
        (true, fraction) => format!("{}.{fraction}", groups.concat()),
        (false, "") => whole.to_owned(),
        (false, _) => return None,
    };
    Decimal::parse(&text).ok().filter(|amount| !text.contains(['e', 'E']) && !amount.is_negative())
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
    fn amounts_are_read_as_people_type_them() {
        for (typed, amount) in [
            ("119.000,50", Some("119000.5")),
            ("$ 119.000", Some("119000")),
            ("119000", Some("119000")),
            ("119000.50", Some("119000.5")),
            ("1.234.567", Some("1234567")),
            ("12,5", Some("12.5")),
            ("1.23,5", None),
            ("-5", None),
            ("1e3", None),
            ("", None),
        ] {
            assert_eq!(read(typed).map(Decimal::to_minimal).as_deref(), amount, "{typed}");
        }
        assert_eq!(plain(Decimal::from(119_000), "COP"), "119.000,00");
    }

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
