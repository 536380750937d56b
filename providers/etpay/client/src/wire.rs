//! Reading JSON that others wrote: tolerant of types where the provider is careless, exact about digits.

use std::collections::BTreeSet;
use std::fmt;

use payment::Money;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

/// Longest text of the provider that we keep, in characters.
const LONGEST_TEXT: usize = 255;

/// A scalar as it was written. What a status means hangs on whether it is a text or a truth value, so the kinds
/// are told apart and never turned into one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scalar {
    /// `null`, an absent member, or what is no scalar.
    #[default]
    Nothing,
    /// A string's content.
    Text(String),
    /// A number's digits.
    Number(String),
    /// A truth value.
    Truth(bool),
}

impl Scalar {
    /// The content of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Number(_) | Self::Truth(_) => None,
        }
    }

    /// A string's content or a number's digits: ids and amounts are seen both ways.
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Nothing | Self::Truth(_) => None,
        }
    }

    /// The scalar for people: no control characters, at most 255 letters; empty when there is none.
    pub fn for_people(&self) -> String {
        let text = match self {
            Self::Nothing => "",
            Self::Text(text) | Self::Number(text) => text,
            Self::Truth(true) => "true",
            Self::Truth(false) => "false",
        };
        text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
    }

    /// The text for people, unless it is empty.
    pub fn told(&self) -> Option<String> {
        Some(self.for_people()).filter(|text| !text.is_empty())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get();
        Ok(match written.as_bytes() {
            [b'"', ..] => Self::Text(serde_json::from_str(written).map_err(D::Error::custom)?),
            b"true" => Self::Truth(true),
            b"false" => Self::Truth(false),
            [b'-' | b'0'..=b'9', ..] => Self::Number(written.to_owned()),
            _ => Self::Nothing,
        })
    }
}

/// Reads a JSON object, and nothing else: no list, and no object that names a member twice at any depth, since what
/// two readers may read differently is not believed.
pub fn object<T: DeserializeOwned>(text: &str) -> Option<T> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Unambiguous>(text).ok()?;
    serde_json::from_str(text).ok()
}

/// Writes an amount as an exact JSON number without its currency: `24990`.
#[derive(Clone, Copy, Debug)]
pub struct Digits(pub Money);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.to_json_digits()).map_err(S::Error::custom)?;
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
            (r#"{"value":true}"#, Scalar::Truth(true)),
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
