//! Replaces secrets and card numbers by facts, wherever they stand in recorded traffic.
//!
//! Bodies are not parsed and written again: a scanner goes over the text and changes only the values
//! that must not stay, so that broken, truncated and duplicate-key JSON is recorded as it came, and
//! is masked all the same.

use serde::Serialize;

use crate::card::{KnownNumbers, RunKey};
use crate::strict_json::{self, Value, write_quoted};

/// A body as it may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MaskedBody {
    /// Bytes of the body as it was.
    pub length: usize,
    /// HMAC-SHA-256 of the body as it was, under the key of this run; empty for an empty body.
    pub hmac: String,
    /// The text with replacements, cut at the journal's limit.
    pub text: String,
    /// Whether the text was cut.
    pub cut: bool,
}

/// What stands behind a name in JSON, a form or a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sensitivity {
    Plain,
    CardNumber,
    Secret,
}

/// Names (lower case, without `_`, `-`, blanks) whose values are card numbers.
const CARD_NAMES: &[&str] =
    &["number", "cardnumber", "pan", "numerotarjeta", "numerodetarjeta", "cardno", "esitefcardnumber"];

/// Names whose values are secrets.
const SECRET_NAMES: &[&str] = &[
    "trankey",
    "secretkey",
    "secret",
    "password",
    "clave",
    "apikey",
    "accesstoken",
    "merchantapitoken",
    "merchantapikey",
    "signaturetoken",
    "dynamickey",
    "secondfactor",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "securitycode",
    "esitefcardsecuritycode",
    "cryptogram",
    "merchantkey",
    "codigoseguridad",
    "pin",
    "pinblock",
    "otp",
    "track",
    "track1",
    "track2",
];

/// Headers whose values are never kept.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "merchant_key",
    "token",
];

/// Knows which numbers are cards and holds the key of this run.
#[derive(Debug)]
pub struct Masker {
    key: RunKey,
    known: KnownNumbers,
}

impl Masker {
    /// Masks under `key`, knowing `known` beside every number with a right check digit.
    pub fn new(key: RunKey, known: KnownNumbers) -> Self {
        Self { key, known }
    }

    /// The numbers it knows, to add to them.
    pub fn known_mut(&mut self) -> &mut KnownNumbers {
        &mut self.known
    }

    /// A body by its content type, at most `keep` bytes of text.
    pub fn body(&self, content_type: &str, body: &[u8], keep: usize) -> MaskedBody {
        if body.is_empty() {
            return MaskedBody::default();
        }
        let text = String::from_utf8_lossy(body);
        let mut masked = if content_type.starts_with("multipart/") {
            // The parts' names and values are not worth a third scanner; nothing unmasked may stay.
            "[multipart body, not kept]".to_owned()
        } else if text.trim_start().starts_with(['{', '[', '"']) || content_type.contains("json") {
            self.json(&text)
        } else if content_type.contains("x-www-form-urlencoded") || looks_like_a_form(&text) {
            self.form(&text)
        } else {
            self.text(&text)
        };
        let cut = masked.len() > keep;
        if cut {
            masked.truncate(masked.floor_char_boundary(keep));
        }
        MaskedBody { length: body.len(), hmac: self.key.fingerprint(body), text: masked, cut }
    }

    /// A header's value by its lower-case name.
    pub fn header(&self, name: &str, value: &str) -> String {
        if SECRET_HEADERS.contains(&name) {
            self.hidden_text(value)
        } else if value.contains('?') {
            self.address(value)
        } else {
            self.text(value)
        }
    }

    /// A path, a URL or the like: card numbers anywhere, and secrets by name behind the question mark.
    pub fn address(&self, address: &str) -> String {
        match address.split_once('?') {
            Some((path, query)) => format!("{}?{}", self.encoded(path), self.form(query)),
            None => self.encoded(address),
        }
    }

    /// `name=value&name=value`, as in queries and forms.
    pub fn form(&self, text: &str) -> String {
        text.split('&').map(|pair| self.pair(pair)).collect::<Vec<_>>().join("&")
    }

    /// Free text: only card numbers are replaced.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for range in self.known.find(text) {
            out.push_str(&text[done..range.start]);
            out.push_str(&self.known.facts(&text[range.clone()], &self.key).sentence());
            done = range.end;
        }
        out.push_str(&text[done..]);
        out
    }

    /// JSON, well formed or not.
    pub fn json(&self, text: &str) -> String {
        Scanner { masker: self, text, at: 0, out: String::with_capacity(text.len()), open: Vec::new() }.run()
    }

    fn pair(&self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else { return self.encoded(pair) };
        let name_masked = self.encoded(name);
        match sensitivity(&decoded(name)) {
            Sensitivity::Plain => format!("{name_masked}={}", self.encoded(value)),
            Sensitivity::CardNumber => {
                format!("{name_masked}={}", self.known.facts(&decoded(value), &self.key).sentence())
            }
            Sensitivity::Secret => format!("{name_masked}={}", self.hidden_text(&decoded(value))),
        }
    }

    /// Text that may be percent-encoded: kept as written unless decoding shows a number.
    fn encoded(&self, text: &str) -> String {
        let plain = decoded(text);
        if plain != text && !self.known.find(&plain).is_empty() { self.text(&plain) } else { self.text(text) }
    }

    fn hidden_text(&self, secret: &str) -> String {
        format!("[hidden {} hmac {}]", secret.chars().count(), self.key.fingerprint(secret.as_bytes()))
    }

    fn hidden_json(&self, secret: &str) -> String {
        Value::object([
            ("hidden", Value::from(true)),
            ("length", Value::from(secret.chars().count() as u64)),
            ("hmac", Value::from(self.key.fingerprint(secret.as_bytes()))),
        ])
        .to_text()
    }

    fn facts_json(&self, number: &str) -> String {
        let facts = self.known.facts(number, &self.key);
        Value::object([
            ("brand", Value::from(facts.brand.word())),
            ("length", Value::from(facts.length as u64)),
            ("luhn", Value::from(facts.luhn)),
            ("bin", Value::from(facts.bin)),
            ("last_four", Value::from(facts.last_four)),
            ("canary", Value::from(facts.canary)),
            ("hmac", Value::from(facts.hmac)),
        ])
        .to_text()
    }
}

fn sensitivity(name: &str) -> Sensitivity {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect();
    // `card[number]` and `card.number` name the same as `number`.
    let last = plain.trim_end_matches(']').rsplit(['[', '.']).next().unwrap_or(&plain);
    if CARD_NAMES.contains(&last) {
        Sensitivity::CardNumber
    } else if SECRET_NAMES.contains(&last) {
        Sensitivity::Secret
    } else {
        Sensitivity::Plain
    }
}

fn looks_like_a_form(text: &str) -> bool {
    text.contains('=') && !text.contains(['<', '\n', ' '])
}

/// Percent and plus decoding, as far as it is valid.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (b'+', _) => {
                out.push(b' ');
                at += 1;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A container that is open while scanning.
struct Container {
    is_object: bool,
    /// What holds for all scalars inside, inherited from the member that holds the container.
    inside: Sensitivity,
    /// What holds for the next value.
    next: Sensitivity,
    /// In an object: whether the next string is a key.
    at_key: bool,
}

struct Scanner<'a> {
    masker: &'a Masker,
    text: &'a str,
    at: usize,
    out: String,
    open: Vec<Container>,
}

impl Scanner<'_> {
    fn run(mut self) -> String {
        while let Some(character) = self.text[self.at..].chars().next() {
            match character {
                '{' | '[' => {
                    let inside = self.next();
                    let is_object = character == '{';
                    self.open.push(Container { is_object, inside, next: inside, at_key: is_object });
                    self.copy(1);
                }
                '}' | ']' => {
                    self.open.pop();
                    self.copy(1);
                }
                ',' => {
                    if let Some(container) = self.open.last_mut() {
                        container.at_key = container.is_object;
                        container.next = container.inside;
                    }
                    self.copy(1);
                }
                ':' => {
                    if let Some(container) = self.open.last_mut() {
                        container.at_key = false;
                    }
                    self.copy(1);
                }
                ' ' | '\t' | '\n' | '\r' => self.copy(1),
                '"' => self.string(),
                _ => self.scalar(),
            }
        }
        self.out
    }

    fn next(&self) -> Sensitivity {
        self.open.last().map_or(Sensitivity::Plain, |container| container.next)
    }

    fn copy(&mut self, length: usize) {
        self.out.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    fn string(&mut self) {
        let rest = &self.text[self.at..];
        let token = &rest[..end_of_string(rest)];
        self.at += token.len();
        // An unfinished or broken string is taken as it stands, without its quote.
        let content = match strict_json::parse(token.as_bytes()) {
            Ok(Value::Text(content)) => content,
            _ => token.trim_matches('"').to_owned(),
        };
        match self.open.last_mut() {
            Some(container) if container.at_key => {
                container.next = match sensitivity(&content) {
                    Sensitivity::Plain => container.inside,
                    stricter => stricter,
                };
                self.plain(token, &content);
            }
            _ => self.value(token, &content),
        }
    }

    fn scalar(&mut self) {
        let rest = &self.text[self.at..];
        let end = rest.find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let token = &rest[..end];
        self.at += end;
        if token == "null" {
            self.out.push_str(token);
        } else {
            self.value(token, token);
        }
    }

    fn value(&mut self, token: &str, content: &str) {
        match self.next() {
            Sensitivity::Secret => self.out.push_str(&self.masker.hidden_json(content)),
            Sensitivity::CardNumber => self.out.push_str(&self.masker.facts_json(content)),
            Sensitivity::Plain => self.plain(token, content),
        }
    }

    /// A token that is kept unless card numbers (or a link with secrets) stand in it.
    fn plain(&mut self, token: &str, content: &str) {
        let masked =
            if content.contains('?') { self.masker.address(content) } else { self.masker.text(content) };
        if masked == content {
            self.out.push_str(token);
        } else {
            write_quoted(&masked, &mut self.out);
        }
    }
}

/// The length of the string token at the start of `text`, its quotes included; all of it when unfinished.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBER: &str = "4111111111111111";

    fn masker() -> Masker {
        let mut known = KnownNumbers::default();
        known.declare_canary("4999999999999999", "canary-a");
        Masker::new(RunKey::from_bytes(b"a key for tests"), known)
    }

    fn body(content_type: &str, text: &str) -> String {
        masker().body(content_type, text.as_bytes(), 100_000).text
    }

    #[test]
    fn json_secrets_and_numbers_become_facts_and_all_else_stays_to_the_letter() {
        let text = "{ \"auth\": {\"tranKey\":\"c2VjcmV0\", \"login\":\"shop\"},\n \"card\":{\"number\":\"4999999999999999\",\"cvv\": 123},\"amount\":1.50}";
        let masked = body("application/json", text);
        for gone in ["c2VjcmV0", "4999999999999999", "123}"] {
            assert!(text.contains(gone) && !masked.contains(gone), "{gone}: {masked}");
        }
        assert!(masked.starts_with("{ \"auth\": {\"tranKey\":{\"hidden\":true,\"length\":8,"), "{masked}");
        assert!(masked.contains("\"login\":\"shop\"},\n \"card\""), "{masked}");
        assert!(masked.contains("\"canary\":\"canary-a\""), "{masked}");
        assert!(masked.ends_with("\"amount\":1.50}"), "{masked}");
        strict_json::parse(masked.as_bytes()).expect("still JSON");
    }

    #[test]
    fn numbers_are_found_wherever_a_sender_hides_them() {
        for text in [
            format!(r#"{{"note":"card {NUMBER} of mine"}}"#),
            format!(r#"{{"reference":{NUMBER}}}"#),
            format!(r#"{{"{NUMBER}":1}}"#),
            format!(r#"["{NUMBER}",["x{NUMBER}y"]]"#),
            format!(r#"{{"a":"4111 1111 1111 1111","b":"4111-1111-1111-1111","n":"{NUMBER}"#),
            r#"{"a":"\u0034111111111111111"}"#.to_owned(),
            format!(r#"{{"url":"https://shop.localhost/back?card={NUMBER}&cvv=987"}}"#),
        ] {
            let masked = body("application/json", &text);
            assert!(!masked.contains("1111111111") && !masked.contains("1111 1111"), "{masked}");
            assert!(masked.contains("411111"), "the BIN stays as a fact: {masked}");
            assert!(!masked.contains("987"), "{masked}");
        }
    }

    #[test]
    fn broken_json_is_masked_too() {
        for text in [
            r#"{"signature_token":"98765"#,
            r#"{"cvv":"98765"#,
            r#"{"cvv":98765"#,
            r#"{"cvv":["98765",{"x":98765}]"#,
            r#"{"cvv":"98765","cvv":"98765"}"#,
            r#"{"card":{"cvv" : "98765"},,}"#,
        ] {
            let masked = body("application/json", text);
            assert!(text.contains("98765") && !masked.contains("98765"), "{masked}");
        }
    }

    #[test]
    fn forms_and_addresses_are_masked_by_name_and_by_number() {
        let masked = body(
            "application/x-www-form-urlencoded",
            "cardNumber=4111+1111+1111+1111&cvv=987&card%5Bpin%5D=5432&name=A+Person&memo=%34111111111111111",
        );
        assert!(
            !masked.contains("1111+1111") && !masked.contains("987&") && !masked.contains("5432"),
            "{masked}"
        );
        assert!(masked.contains("&name=A+Person&memo=[card visa 16 luhn"), "{masked}");

        let page = body(
            "application/x-www-form-urlencoded",
            "esitef-cardnumber=4111111111111112&esitef-cardsecuritycode=97531&esitef-cardholder=A+Person",
        );
        assert!(!page.contains("4111111111111112") && !page.contains("97531"), "{page}");
        assert!(page.ends_with("&esitef-cardholder=A+Person"), "{page}");

        let address = masker().address(&format!("/pay/{NUMBER}/x?otp=445566&page=2"));
        assert!(!address.contains(NUMBER) && !address.contains("445566"), "{address}");
        assert!(address.ends_with("&page=2"), "{address}");
    }

    #[test]
    fn headers_that_carry_credentials_are_hidden_and_others_are_searched() {
        let masker = masker();
        assert!(masker.header("authorization", "Basic c2VjcmV0").starts_with("[hidden 14 hmac "));
        assert!(masker.header("cookie", "session=abc").starts_with("[hidden 11 "));
        assert!(!masker.header("referer", &format!("http://a.localhost/?n={NUMBER}")).contains(NUMBER));
        assert_eq!(masker.header("user-agent", "curl/8"), "curl/8");
    }

    #[test]
    fn equal_secrets_show_equal_fingerprints() {
        let one = body("application/json", r#"{"otp":"445566"}"#);
        assert_eq!(one, body("application/json", r#"{"otp":445566}"#));
        assert_ne!(one, body("application/json", r#"{"otp":"445567"}"#));
    }

    #[test]
    fn long_bodies_are_cut_after_masking() {
        let text = format!(r#"{{"cvv":"987","pad":"{}"}}"#, "ñ".repeat(500));
        let masked = masker().body("application/json", text.as_bytes(), 301);
        assert!(masked.cut && masked.text.len() <= 301 && masked.length == text.len());
        assert!(!masked.text.contains("987\""));
    }

    #[test]
    fn multipart_bodies_are_not_kept() {
        let masked = body("multipart/form-data; boundary=x", "--x\r\nname=\"cvv\"\r\n\r\n987\r\n--x--");
        assert_eq!(masked, "[multipart body, not kept]");
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_never_leaves_a_whole_number(before in ".{0,20}", after in "[^0-9]{0,20}") {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || " -+".contains(c) || c == '%');
            let text = format!("{before}\"{NUMBER}\"{after}");
            for content_type in ["application/json", "application/x-www-form-urlencoded", "text/html", ""] {
                let masked = body(content_type, &text);
                prop_assert!(!masked.contains(NUMBER), "{}: {}", content_type, masked);
            }
        }
    }
}
