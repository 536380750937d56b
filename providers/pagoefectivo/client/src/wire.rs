//! Reading JSON that others wrote: tolerant of types where the provider is careless, exact about digits.

use std::collections::BTreeSet;
use std::fmt;

use payment::Money;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

/// Longest text of the provider that we keep, in characters.
const LONGEST_TEXT: usize = 255;

/// Longest CIP, in digits.
const LONGEST_CIP: usize = 14;

/// A text or a number as it was written: codes, amounts and CIPs come as either (PROTOCOL.md 2.6, 2.7, 9.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scalar {
    /// `null`, an absent member, or what is neither.
    #[default]
    Nothing,
    /// A string's content.
    Text(String),
    /// A number's digits.
    Number(String),
}

impl Scalar {
    /// The content of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Number(_) => None,
        }
    }

    /// A string's content or a number's digits.
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Nothing => None,
        }
    }

    /// The scalar for people: no control characters, at most 255 letters; empty when there is none.
    pub fn for_people(&self) -> String {
        let text = match self {
            Self::Nothing => "",
            Self::Text(text) | Self::Number(text) => text,
        };
        text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
    }

    /// A CIP: 1 to 14 digits (PROTOCOL.md 4.8). PE-U58: without zeros that stand before it.
    pub fn cip(&self) -> Option<&str> {
        let digits = self.digits().filter(|digits| (1..=LONGEST_CIP).contains(&digits.len()))?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(digits.trim_start_matches('0')).filter(|cip| is_number && !cip.is_empty())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get();
        Ok(match written.as_bytes() {
            [b'"', ..] => Self::Text(serde_json::from_str(written).map_err(D::Error::custom)?),
            [b'-' | b'0'..=b'9', ..] => Self::Number(written.to_owned()),
            _ => Self::Nothing,
        })
    }
}

/// Reads a JSON object, and nothing else: no list, and no object that names a member twice at any depth, since what
/// two readers may read differently is not believed.
pub fn object<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Unambiguous>(text).ok()?;
    serde_json::from_str(text).ok()
}

/// Writes an amount as an exact JSON number with its two decimals: `149.90`.
#[derive(Clone, Copy, Debug)]
pub struct Amount(pub Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.to_text()).map_err(S::Error::custom)?;
        number.serialize(serializer)
    }
}

/// Any JSON in which no object, at any depth, names a member twice.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousVisitor)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Unambiguous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without repeated members")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unambiguous, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member is named twice"));
            }
            members.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(default)]
        value: Scalar,
    }

    #[test]
    fn a_scalar_is_kept_as_it_was_written_and_its_kind_with_it() {
        let table = [
            (r#"{"value":24990}"#, Scalar::Number("24990".into())),
            (r#"{"value":"24990"}"#, Scalar::Text("24990".into())),
            (r#"{"value":-1.50e3}"#, Scalar::Number("-1.50e3".into())),
            (r#"{"value":true}"#, Scalar::Nothing),
            (r#"{"value":"true"}"#, Scalar::Text("true".into())),
            (r#"{"value":"\u0041"}"#, Scalar::Text("A".into())),
            (r#"{"value":null}"#, Scalar::Nothing),
            (r#"{"value":["success"]}"#, Scalar::Nothing),
            (r#"{"value":{"a":1}}"#, Scalar::Nothing),
            ("{}", Scalar::Nothing),
        ];
        for (text, expected) in table {
            assert_eq!(object::<Sample>(text).expect(text).value, expected, "{text}");
        }
    }

    #[test]
    fn a_cip_is_digits_as_number_or_text() {
        let cip = |written: &str| {
            let sample = object::<Sample>(&format!(r#"{{"value":{written}}}"#)).expect(written);
            sample.value.cip().map(str::to_owned)
        };
        for written in ["30418826", "\"30418826\"", "\"00000030418826\""] {
            assert_eq!(cip(written).as_deref(), Some("30418826"), "{written}");
        }
        for written in
            ["0", "-1", "3.0", "3e7", "\"\"", "\" 1\"", "\"1a\"", "123456789012345", "null", "[1]", "true"]
        {
            assert_eq!(cip(written), None, "{written}");
        }
    }

    #[test]
    fn only_an_object_that_names_each_member_once_is_read() {
        let table = [
            r#"{"value":1,"value":2}"#,
            r#"{"value":1,"\u0076alue":2}"#,
            r#"{"value":[{"a":1,"b":[],"a":1}]}"#,
            r#"["value"]"#,
            "\"value\"",
            "",
            "{",
            "{} {}",
        ];
        for text in table {
            assert!(object::<Sample>(text).is_none(), "{text}");
        }
    }
}
