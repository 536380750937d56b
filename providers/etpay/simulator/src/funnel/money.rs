//! Amounts as the funnel shows them: `$24.990 CLP` in Chile, `$1,234.50 MXN` in Mexico.

use crate::account::Country;

/// Digits as a claim carries them, for people.
pub fn text(amount: &str, country: Country) -> String {
    let (whole, fraction) =
        amount.split_once('.').map_or((amount, None), |(whole, rest)| (whole, Some(rest)));
    let (group, point) = match country {
        Country::Chile => ('.', ','),
        Country::Mexico => (',', '.'),
    };
    let mut shown = String::from("$");
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            shown.push(group);
        }
        shown.push(digit);
    }
    if let Some(fraction) = fraction {
        shown.push(point);
        shown.push_str(fraction);
    }
    format!("{shown} {}", country.currency())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_in_their_country() {
        assert_eq!(text("24990", Country::Chile), "$24.990 CLP");
        assert_eq!(text("100", Country::Chile), "$100 CLP");
        assert_eq!(text("1234567", Country::Mexico), "$1,234,567 MXN");
        assert_eq!(text("1234.50", Country::Mexico), "$1,234.50 MXN");
    }
}
