//! Reading JSON that others wrote: numbers and truth values may come as texts and texts as numbers (PROTOCOL.md 0.6).

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Longest text of the provider that we keep, in characters.
const LONGEST_TEXT: usize = 255;

/// A scalar by its content, however it was written; nothing for `null`, an absent member, and what is no scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scalar(Option<String>);

impl Scalar {
    /// One with this content.
    #[cfg(test)]
    pub const fn of(content: String) -> Self {
        Self(Some(content))
    }

    /// The content, unless it is empty.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The content for people: no control characters, no blanks at its ends, at most 255 letters.
    pub fn for_people(&self) -> String {
        shown(self.0.as_deref().unwrap_or_default())
    }

    /// The content for people, unless it is empty.
    pub fn told(&self) -> Option<String> {
        Some(self.for_people()).filter(|text| !text.is_empty())
    }
}

/// A text for people: no control characters, no blanks at its ends, at most 255 letters.
pub fn shown(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
    plain.trim().chars().take(LONGEST_TEXT).collect()
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get();
        Ok(Self(match written.as_bytes() {
            [b'"', ..] => Some(serde_json::from_str(written).map_err(D::Error::custom)?),
            b"null" | [b'{' | b'[', ..] => None,
            _ => Some(written.to_owned()),
        }))
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
    fn a_scalar_is_its_content_however_it_was_written() {
        let table = [
            (r#"{"value":11900}"#, Some("11900")),
            (r#"{"value":"11900"}"#, Some("11900")),
            (r#"{"value":true}"#, Some("true")),
            (r#"{"value":"\u0041"}"#, Some("A")),
            (r#"{"value":""}"#, None),
            (r#"{"value":null}"#, None),
            (r#"{"value":["CON"]}"#, None),
            (r#"{"value":{"a":1}}"#, None),
            ("{}", None),
        ];
        for (text, expected) in table {
            assert_eq!(object::<Sample>(text).expect(text).value.text(), expected, "{text}");
        }
        let blank: Sample = object("{\"value\":\"999190010   \\u0000\"}").expect("an object");
        assert_eq!(blank.value.for_people(), "999190010   ".trim_end());
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
