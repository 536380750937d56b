//! The Chilean identity number (PROTOCOL.md 2.6).

/// A RUT as the provider writes it, digits and check digit together, out of one as it is printed, `11.111.111-1`. None
/// when its check digit is not its own. ET-U08: the letter K is written in upper case.
pub fn normal(printed: &str) -> Option<String> {
    let plain: String = printed.chars().filter(|letter| !matches!(letter, '.' | '-')).collect();
    let plain = plain.to_ascii_uppercase();
    let (number, check) = plain.split_at_checked(plain.len().checked_sub(1)?)?;
    let is_number = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && check.chars().eq([check_digit(number)])).then_some(plain)
}

/// Modulo 11 with weights 2 to 7 from the right.
fn check_digit(number: &str) -> char {
    let weights = (2..=7).cycle();
    let digits = number.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits.zip(weights).map(|(digit, weight): (u32, u32)| digit * weight).sum();
    match 11 - sum % 11 {
        11 => '0',
        10 => 'K',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rut_is_written_without_points_and_hyphen() {
        let table = [
            ("11.111.111-1", Some("111111111")),
            ("111111111", Some("111111111")),
            ("22222222-2", Some("222222222")),
            ("1.000.005-k", Some("1000005K")),
            ("1000005K", Some("1000005K")),
            ("11.111.111-2", None),
            ("1-9", Some("19")),
            ("", None),
            ("-", None),
            ("K", None),
            ("11.111.11K-1", None),
            ("11 111 111-1", None),
            ("é", None),
            ("1234567890123", None),
        ];
        for (printed, expected) in table {
            assert_eq!(normal(printed).as_deref(), expected, "{printed}");
        }
    }
}
