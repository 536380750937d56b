//! JSON as a rule book reads it: order kept, number text kept, and no second meaning for one text.
//!
//! Ordinary JSON libraries forgive what a provider's validator does not (a key given twice) and forget
//! what a certifier must see (`100` against `100.00`). This tree keeps both, and writes answers back
//! with members in the order and numbers in the digits that the simulator chose.

mod reader;

use std::fmt::Write as _;

use zeroize::Zeroize as _;

use self::reader::Reader;
use crate::decimal::Decimal;

/// How much a text may hold before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Containers open at the same time.
    pub depth: usize,
    /// Bytes of text.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, bytes: 1024 * 1024 }
    }
}

/// Why a text is not accepted. Positions are byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It breaks the grammar, or something follows the value.
    #[error("malformed JSON at byte {at}")]
    Malformed {
        /// Where reading stopped.
        at: usize,
    },
    /// One object names the same member twice.
    #[error("a member is given twice, again at byte {at}")]
    DuplicateKey {
        /// Where the repeated key ends.
        at: usize,
    },
    /// Containers are nested deeper than the limit.
    #[error("nested too deeply")]
    TooDeep,
    /// The text is longer than the limit.
    #[error("too large")]
    TooLarge,
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
}

/// A JSON value. Numbers are the text that was written, members stand in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written; build it with [`Value::number`], which keeps the grammar.
    Number(String),
    /// A string, without its escapes.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object; keys are unique when it was parsed.
    Object(Vec<(String, Value)>),
}

/// Reads one JSON text within the default limits.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    parse_within(bytes, Limits::default())
}

/// Reads one JSON text within `limits`.
pub fn parse_within(bytes: &[u8], limits: Limits) -> Result<Value, Error> {
    if bytes.len() > limits.bytes {
        return Err(Error::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8)?;
    let mut reader = Reader { text, at: 0, depth_left: limits.depth };
    reader.skip_blanks();
    let value = reader.value()?;
    reader.skip_blanks();
    if reader.at == text.len() { Ok(value) } else { Err(reader.malformed()) }
}

/// Whether `text` is a number by the grammar of JSON.
pub fn is_number(text: &str) -> bool {
    let mut reader = Reader { text, at: 0, depth_left: 0 };
    reader.number().is_ok() && reader.at == text.len()
}

impl Value {
    /// An object with these members, in this order.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// An array of these items.
    pub fn array(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Array(items.into_iter().collect())
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with exactly these digits, for example `119000.00`. A text that is no JSON number
    /// becomes a string, so that what is written is JSON in every case.
    pub fn number(text: impl Into<String>) -> Self {
        let text = text.into();
        if is_number(&text) { Self::Number(text) } else { Self::Text(text) }
    }

    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members()?.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The member under a chain of keys and array positions, for example `["payment", "0", "amount"]`.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, step| match value {
            Self::Array(items) => items.get(step.parse::<usize>().ok()?),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => value.get(step),
        })
    }

    /// The same place as [`Value::at`], to change it.
    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Value> {
        path.iter().try_fold(self, |value, step| match value {
            Self::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            Self::Object(members) => {
                members.iter_mut().find(|(known, _)| known == step).map(|(_, member)| member)
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => None,
        })
    }

    /// Puts a member: replaces it where it stands, or appends it. Changes nothing on other than objects.
    pub fn set(&mut self, key: &str, value: Value) {
        if let Self::Object(members) = self {
            match members.iter_mut().find(|(known, _)| known == key) {
                Some((_, present)) => *present = value,
                None => members.push((key.to_owned(), value)),
            }
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The digits of a number, as written.
    pub fn number_text(&self) -> Option<&str> {
        if let Self::Number(text) = self { Some(text) } else { None }
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// A number written as an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.number_text()?.parse().ok()
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The members of an object, in order.
    pub fn members(&self) -> Option<&[(String, Value)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The type's name in English, for verdicts: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Wipes every text and number from memory; for values that held a card.
    pub fn wipe(&mut self) {
        match self {
            Self::Text(text) | Self::Number(text) => text.zeroize(),
            Self::Array(items) => items.iter_mut().for_each(Self::wipe),
            Self::Object(members) => members.iter_mut().for_each(|(_, member)| member.wipe()),
            Self::Null | Self::Bool(_) => {}
        }
    }

    /// Compact JSON text, order and number digits kept.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => write_quoted(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_quoted(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.to_string())
    }
}

/// The digits that the decimal was written with.
impl From<&Decimal> for Value {
    fn from(number: &Decimal) -> Self {
        Self::Number(number.to_string())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

/// Steering speaks `serde_json`; floating point numbers take the shortest text.
impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(number) => Self::number(number.to_string()),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Into::into).collect()),
            serde_json::Value::Object(members) => {
                Self::Object(members.iter().map(|(key, member)| (key.clone(), member.into())).collect())
            }
        }
    }
}

/// Writes `text` as a JSON string. Escapes only what the grammar demands.
pub fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wiped_value_holds_no_text_and_no_digits() {
        let mut value =
            parse(br#"{"card":{"number":"4111","codes":[123,"x"]},"ok":true}"#).expect("valid JSON");
        value.wipe();
        assert_eq!(value.at(&["card", "number"]), Some(&Value::text("")));
        assert_eq!(value.at(&["card", "codes", "0"]).and_then(Value::number_text), Some(""));
        assert_eq!(value.at(&["card", "codes", "1"]), Some(&Value::text("")));
        assert_eq!(value.get("ok"), Some(&Value::Bool(true)));
    }

    #[test]
    fn order_and_number_text_are_kept() {
        let text = r#"{"b":100.00,"a":[1e2,-0,"é\u00e9\ud83d\ude00\n"],"c":null,"d":true}"#;
        let value = parse(text.as_bytes()).expect("valid JSON");
        assert_eq!(value.get("b").and_then(Value::number_text), Some("100.00"));
        assert_eq!(value.at(&["a", "0"]).and_then(Value::number_text), Some("1e2"));
        assert_eq!(value.at(&["a", "2"]).and_then(Value::as_str), Some("éé😀\n"));
        assert_eq!(value.to_text(), "{\"b\":100.00,\"a\":[1e2,-0,\"éé😀\\n\"],\"c\":null,\"d\":true}");
    }

    #[test]
    fn a_key_given_twice_is_refused_even_when_it_is_written_in_two_ways() {
        let error = parse(br#"{"a":1,"\u0061":2}"#).expect_err("a duplicate");
        assert!(matches!(error, Error::DuplicateKey { .. }), "{error:?}");
        parse(br#"{"a":{"a":1}}"#).expect("the same key in two objects is no duplicate");
    }

    #[test]
    fn broken_texts_are_malformed_where_they_break() {
        let cases: &[(&str, usize)] = &[
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("01", 1),
            ("1.", 2),
            (".5", 0),
            ("+1", 0),
            ("-", 1),
            ("1e", 2),
            ("nul", 0),
            ("NaN", 0),
            ("{}x", 2),
            ("\"a", 1),
            ("\"\n\"", 1),
            ("\"\\x\"", 2),
            ("\u{feff}{}", 0),
        ];
        for (text, at) in cases {
            assert_eq!(parse(text.as_bytes()), Err(Error::Malformed { at: *at }), "{text:?}");
        }
        for lonely in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#, r#""\u+123""#] {
            assert!(matches!(parse(lonely.as_bytes()), Err(Error::Malformed { .. })), "{lonely}");
        }
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Limits { depth: 3, bytes: 8 };
        parse_within(b"[[[1]]]", limits).expect("three levels");
        assert_eq!(parse_within(b"[[[[]]]]", limits), Err(Error::TooDeep));
        assert_eq!(parse_within(b"[[[1]]]  ", limits), Err(Error::TooLarge));
        assert_eq!(parse(b"\"\xff\""), Err(Error::NotUtf8));
        assert_eq!(parse("[".repeat(100_000).as_bytes()), Err(Error::TooDeep));
    }

    #[test]
    fn a_number_that_is_none_is_written_as_text() {
        assert_eq!(Value::number("12.50").to_text(), "12.50");
        assert_eq!(Value::number("12,50").to_text(), "\"12,50\"");
        assert_eq!(Value::number("").to_text(), "\"\"");
    }

    #[test]
    fn members_are_set_in_place_or_appended() {
        let mut value = Value::object([("a", Value::from(1_i64)), ("b", Value::Null)]);
        value.set("a", "x".into());
        value.set("c", true.into());
        assert_eq!(value.to_text(), r#"{"a":"x","b":null,"c":true}"#);
        *value.at_mut(&["b"]).expect("b") = Value::array([Value::text("y")]);
        assert_eq!(value.at(&["b", "0"]), Some(&Value::text("y")));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?".prop_map(Value::Number),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let text = value.to_text();
            prop_assert_eq!(parse(text.as_bytes()), Ok(value));
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_this_reader_accepts_another_one_accepts(text in "[\\[\\]{}:,\"\\\\0-9.eEu+a-z -]{0,24}") {
            if parse(text.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
            }
        }
    }
}
