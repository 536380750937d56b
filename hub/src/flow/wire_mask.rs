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
    let masked = if fault!("log_unmasked") {
        text.to_owned()
    } else if is_form(text) {
        mask_numbers(&mask_form(text, members))
    } else {
        mask_numbers(&mask_members(text, members))
    };
    match masked.char_indices().find(|(at, _)| *at >= KEPT_BYTES) {
        Some((cut, _)) => format!("{}… ({} bytes)", &masked[..cut], body.len()),
        None => masked,
    }
}

/// Whether a body is a form: its first name ends in an equals sign, and nothing in it is raw that a form encodes.
fn is_form(text: &str) -> bool {
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*+%&=".contains(&byte);
    let name = text.split('=').next().unwrap_or_default();
    !name.is_empty() && name.len() < text.len() && !name.contains('&') && text.bytes().all(is_encoded)
}

/// Masks the parameters of a form by their names, and the members of JSON inside the others, which is shown decoded.
fn mask_form(text: &str, members: &[&str]) -> String {
    let masked = text.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| {
            let mut pairs = url::form_urlencoded::parse(text.as_bytes());
            pairs.next().map(|(text, _)| text.into_owned()).unwrap_or_default()
        };
        if members.contains(&decoded(name).as_str()) {
            return format!("{name}={MASK}");
        }
        let told = decoded(value);
        if told.starts_with(['{', '[']) {
            format!("{name}={}", mask_members(&told, members))
        } else {
            pair.to_owned()
        }
    });
    masked.collect::<Vec<_>>().join("&")
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
    let mut rest = text;
    while let Some(begins) = rest.bytes().position(|byte| byte.is_ascii_digit()) {
        let (before, from_here) = rest.split_at(begins);
        let joins = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
        let length = from_here.bytes().position(|byte| !joins(byte)).unwrap_or(from_here.len());
        let (run, after) = from_here.split_at(length);
        masked.push_str(before);
        masked.push_str(masked_number(run).as_deref().unwrap_or(run));
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// A run of digits, blanks and hyphens, masked if it can be a card's number.
fn masked_number(run: &str) -> Option<String> {
    if run.len() < *CARD_LENGTHS.start() {
        return None;
    }
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    if !CARD_LENGTHS.contains(&digits.len()) || !luhn(digits.as_bytes()) {
        return None;
    }
    let after = &run[run.trim_end_matches([' ', '-']).len()..];
    Some(format!("{}{MASK}{}{after}", &digits[..6], &digits[digits.len() - 4..]))
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
    fn a_form_is_masked_by_its_names_and_by_the_members_of_json_inside() {
        let table = [
            ("hash=a%2Bb&bin=400000", "hash=***&bin=400000"),
            ("%68ash=a&b", "%68ash=***&b"),
            (
                "request=%7B%22card%22%3A%7B%22hash%22%3A%22x%22%7D%2C%22amount%22%3A%221%22%7D",
                r#"request={"card":{"hash":"***"},"amount":"1"}"#,
            ),
            ("request=%7B%22hash%22%3A%22never+closed", r#"request={"hash":"***""#),
            ("numero=4111111111111111", "numero=411111***1111"),
            ("hash", "hash"),
            ("a hash=b", "a hash=b"),
        ];
        for (text, expected) in table {
            assert_eq!(mask(text.as_bytes(), &["hash"]), expected, "{text}");
        }
    }

    #[test]
    fn a_card_number_keeps_its_first_six_and_last_four() {
        assert_eq!(mask_numbers("n=4111111111111111;"), "n=411111***1111;");
        assert_eq!(mask_numbers("4111 1111 1111 1111 x"), "411111***1111 x");
        assert_eq!(mask_numbers("4111-1111-1111-1111"), "411111***1111");
        assert_eq!(mask_numbers("requestId 1700004455"), "requestId 1700004455");
        assert_eq!(
            mask_numbers("ñ4111111111111111ñ41111111111111112 -"),
            "ñ411111***1111ñ41111111111111112 -"
        );
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
            let form: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("request", &text)
                .append_pair("secret", &secret)
                .finish();
            prop_assert!(!mask(form.as_bytes(), &["secret"]).contains(&secret));
        }
    }
}
