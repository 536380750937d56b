//! Masks what goes into the wire log: named members and anything that looks like a card number.

use crate::fault::fault;

/// Longest text kept of one body, in bytes.
const KEPT_BYTES: usize = 16 * 1024;
const MASK: &str = "***";
/// Lengths that card numbers have.
const CARD_LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;

/// The text of a body with the values of `members` and every run of digits that could be a card number masked.
pub fn mask(body: &[u8], members: &[&str]) -> String {
    let Ok(text) = std::str::from_utf8(body) else {
        return format!("({} bytes that are no text)", body.len());
    };
    let masked =
        if fault!("log_unmasked") { text.to_owned() } else { mask_numbers(&mask_members(text, members)) };
    match masked.char_indices().find(|(at, _)| *at >= KEPT_BYTES) {
        Some((cut, _)) => format!("{}… ({} bytes)", &masked[..cut], body.len()),
        None => masked,
    }
}

/// Replaces the value after each `"member":`, whatever it is: text, number, word, array or object.
fn mask_members(text: &str, members: &[&str]) -> String {
    let bytes = text.as_bytes();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'"' {
            let next = text[at..].find('"').map_or(bytes.len(), |found| at + found);
            masked.push_str(&text[at..next]);
            at = next;
            continue;
        }
        let end = end_of_string(bytes, at);
        masked.push_str(&text[at..end]);
        let name = text.get(at + 1..end.saturating_sub(1)).unwrap_or("");
        at = end;
        let colon = skip_blanks(bytes, at);
        if bytes.get(colon) == Some(&b':') && members.contains(&name) {
            let value = skip_blanks(bytes, colon + 1);
            masked.push_str(&text[at..value]);
            masked.push('"');
            masked.push_str(MASK);
            masked.push('"');
            at = end_of_value(bytes, value);
        }
    }
    masked
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The index behind the string that begins at `at`; the end of the text when it does not close.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while let Some(byte) = bytes.get(next) {
        match byte {
            b'\\' => next += 2,
            b'"' => return next + 1,
            _ => next += 1,
        }
    }
    bytes.len()
}

/// The index behind the value that begins at `at`.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut next = at;
    while let Some(byte) = bytes.get(next) {
        match byte {
            b'"' => {
                next = end_of_string(bytes, next);
                if depth == 0 {
                    return next;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 0 { next } else { next + 1 },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return next,
            _ => {}
        }
        next += 1;
    }
    bytes.len()
}

/// Keeps the first six and last four of every run of digits that passes Luhn's check and has a card's length.
/// Blanks and hyphens inside a run do not hide it.
pub fn mask_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        let joins = character.is_ascii_digit() || (matches!(character, ' ' | '-') && !run.is_empty());
        if joins {
            run.push(character);
        } else {
            flush(&mut masked, &mut run);
            masked.push(character);
        }
    }
    flush(&mut masked, &mut run);
    masked
}

fn flush(masked: &mut String, run: &mut String) {
    let digits: Vec<u8> = run.bytes().filter(u8::is_ascii_digit).collect();
    if CARD_LENGTHS.contains(&digits.len()) && luhn(&digits) {
        let tail = run.len() - run.trim_end_matches([' ', '-']).len();
        masked.extend(digits[..6].iter().map(|digit| char::from(*digit)));
        masked.push_str(MASK);
        masked.extend(digits[digits.len() - 4..].iter().map(|digit| char::from(*digit)));
        masked.push_str(&run[run.len() - tail..]);
    } else {
        masked.push_str(run);
    }
    run.clear();
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_values_of_named_members_are_masked_whatever_they_are() {
        let table = [
            (r#"{"tranKey":"abc","a":1}"#, r#"{"tranKey":"***","a":1}"#),
            (r#"{"a":{"tranKey" : "x\"y"}}"#, r#"{"a":{"tranKey" : "***"}}"#),
            (r#"{"tranKey":123}"#, r#"{"tranKey":"***"}"#),
            (r#"{"tranKey":{"b":["c"]},"d":2}"#, r#"{"tranKey":"***","d":2}"#),
            (r#"{"note":"tranKey: x"}"#, r#"{"note":"tranKey: x"}"#),
            (r#"{"tranKey":"never closed"#, r#"{"tranKey":"***""#),
        ];
        for (text, expected) in table {
            assert_eq!(mask(text.as_bytes(), &["tranKey"]), expected, "{text}");
        }
    }

    #[test]
    fn a_card_number_keeps_its_first_six_and_last_four() {
        assert_eq!(mask_numbers("n=4111111111111111;"), "n=411111***1111;");
        assert_eq!(mask_numbers("4111 1111 1111 1111 x"), "411111***1111 x");
        assert_eq!(mask_numbers("4111-1111-1111-1111"), "411111***1111");
        assert_eq!(mask_numbers("requestId 1700004455"), "requestId 1700004455");
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_never_shows_a_masked_value(
            before in "[^\"\\\\]{0,20}",
            secret in "[A-Za-z]{24}",
            after in ".{0,20}",
        ) {
            let text = format!("{{\"x\":\"{before}\",\"secret\":\"{secret}\",\"y\":{after}");
            let masked = mask(text.as_bytes(), &["secret"]);
            prop_assert!(!masked.contains(&secret));
        }
    }
}
