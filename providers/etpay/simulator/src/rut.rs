//! The Chilean RUT as this provider writes it: digits and check digit together, no dots, no hyphen (§2.6).

/// Digits before the check digit.
const LEAST_DIGITS: usize = 6;
const MOST_DIGITS: usize = 9;

/// Whether a text has the form of a RUT, whatever its check digit.
pub fn is_formed(text: &str) -> bool {
    let Some((check, digits)) = text.as_bytes().split_last() else { return false };
    (LEAST_DIGITS..=MOST_DIGITS).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (check.is_ascii_digit() || check.eq_ignore_ascii_case(&b'k'))
}

/// The RUT as it is echoed, or `None` when its form or check digit is wrong. ET-U08: the letter K is taken
/// in either case and echoed in upper case.
pub fn read(text: &str) -> Option<String> {
    if !is_formed(text) {
        return None;
    }
    let text = text.to_ascii_uppercase();
    let (digits, check) = text.split_at(text.len() - 1);
    (check == check_digit(digits)).then_some(text)
}

/// Weights 2 to 7 from the right, again and again; eleven minus the remainder by eleven.
fn check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip((2..=7).cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    match 11 - sum % 11 {
        11 => "0".into(),
        10 => "K".into(),
        digit => digit.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rut_has_a_right_check_digit() {
        for digit in '1'..='9' {
            let repeated: String = std::iter::repeat_n(digit, 9).collect();
            assert_eq!(read(&repeated), Some(repeated.clone()), "{repeated}");
        }
        assert_eq!(read("1000005k"), Some("1000005K".to_owned()));
        assert_eq!(read("1000005K"), Some("1000005K".to_owned()));
        for wrong in [
            "",
            "k",
            "111111112",
            "11.111.111-1",
            "11111111-1",
            "K11111111",
            "1111k1111",
            "1",
            "0000000000000",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
