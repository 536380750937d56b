//! Reading JSON that others wrote: tolerant of types where the provider is careless, exact about digits.

use std::collections::BTreeSet;
use std::fmt;

use payment::{Currency, Money};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

/// Longest text of the provider that we keep, in characters (its own limit, PROTOCOL.md 2).
const LONGEST_TEXT: usize = 255;

/// A scalar as it was written: the digits of a number, the content of a string. Nothing for `null`, for an
/// absent member, and for what is no scalar. The provider writes ids, amounts and reasons both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scalar(Option<String>);

impl Scalar {
    /// The text, exactly as written.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text for people: no control characters, at most [`LONGEST_TEXT`]; empty when there is none.
    pub fn for_people(&self) -> String {
        let text = self.text().unwrap_or_default();
        text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
    }

    /// The text for people, unless it is empty.
    pub fn told(&self) -> Option<String> {
        Some(self.for_people()).filter(|text| !text.is_empty())
    }

    /// The text when it consists of digits only, as ids do.
    pub fn id(&self) -> Option<&str> {
        let is_id =
            |text: &&str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        self.text().filter(is_id)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get();
        let text = match written.bytes().next() {
            Some(b'"') => Some(serde_json::from_str(written).map_err(D::Error::custom)?),
            Some(b'n' | b'{' | b'[') | None => None,
            Some(_) => Some(written.to_owned()),
        };
        Ok(Self(text))
    }
}

/// A word that counts only as JSON text: a status that came as a number or a truth value is no status, and an
/// answer that has one tells nothing.
pub fn only_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    match raw.get().as_bytes() {
        [b'"', ..] => Ok(Scalar(Some(serde_json::from_str(raw.get()).map_err(D::Error::custom)?))),
        _ => Ok(Scalar(None)),
    }
}

/// A member that is read when it has the documented shape and does no harm when it has not.
#[derive(Clone, Debug, Default)]
pub enum Part<T> {
    /// Not there, or `null`: the provider means the same by both.
    #[default]
    Absent,
    /// As documented.
    Read(T),
    /// There, in a shape that is not documented.
    Unreadable,
}

impl<T> Part<T> {
    /// The member when it could be read.
    pub const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match raw.get() {
            "null" => Self::Absent,
            written => serde_json::from_str(written).map_or(Self::Unreadable, Self::Read),
        })
    }
}

/// An amount of money in the provider's shape: `{"currency": "COP", "total": 119000}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Amount {
    #[serde(default)]
    pub currency: Scalar,
    #[serde(default)]
    pub total: Scalar,
}

impl Amount {
    /// The amount by its digits as written; nothing when the currency is unknown to us or the number is no
    /// amount of it.
    pub fn money(&self) -> Option<Money> {
        let currency: Currency = self.currency.text()?.parse().ok()?;
        let money = Money::from_json_digits(self.total.text()?, currency).ok()?;
        (money.minor >= 0).then_some(money)
    }
}

/// Writes an amount as an exact JSON number without its currency: `119000`, `22.5`.
#[derive(Clone, Copy, Debug)]
pub struct Digits(pub Money);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.to_json_digits()).map_err(S::Error::custom)?;
        number.serialize(serializer)
    }
}

/// Any JSON in which no object, at any depth, names a member twice. What two readers may read differently
/// is not believed when it claims to be signed.
pub struct Unambiguous;

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

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default)]
        value: Scalar,
    }

    #[test]
    fn a_scalar_is_kept_as_it_was_written() {
        let table = [
            (r#"{"value":508817}"#, Some("508817")),
            (r#"{"value":"508817"}"#, Some("508817")),
            (r#"{"value":119000.00}"#, Some("119000.00")),
            (r#"{"value":12345678901234567890}"#, Some("12345678901234567890")),
            (r#"{"value":"la pregunta \u00bfqu\u00e9?"}"#, Some("la pregunta ¿qué?")),
            (r#"{"value":true}"#, Some("true")),
            (r#"{"value":null}"#, None),
            (r#"{"value":{"status":"APPROVED"}}"#, None),
            (r#"{"value":[1]}"#, None),
            ("{}", None),
        ];
        for (text, expected) in table {
            let sample: Sample = serde_json::from_str(text).expect(text);
            assert_eq!(sample.value.text(), expected, "{text}");
        }
    }

    #[test]
    fn only_digits_are_an_id() {
        for (text, expected) in [("508817", true), ("", false), ("5e3", false), ("-5", false), ("5.0", false)]
        {
            assert_eq!(Scalar(Some(text.into())).id().is_some(), expected, "{text}");
        }
        assert_eq!(Scalar(Some("1".repeat(21))).id(), None);
    }

    #[test]
    fn an_amount_is_read_whether_number_or_text_and_never_rounded() {
        let table = [
            (r#"{"currency":"COP","total":119000}"#, Some(11_900_000)),
            (r#"{"currency":"COP","total":"119000.00"}"#, Some(11_900_000)),
            (r#"{"currency":"COP","total":119000.005}"#, None),
            (r#"{"currency":"COP","total":-1}"#, None),
            (r#"{"currency":"XTS","total":1}"#, None),
            (r#"{"currency":"COP","total":null}"#, None),
            (r#"{"total":1}"#, None),
        ];
        for (text, expected) in table {
            let amount: Amount = serde_json::from_str(text).expect(text);
            assert_eq!(amount.money().map(|money| money.minor), expected, "{text}");
        }
    }

    #[test]
    fn a_member_named_twice_is_seen_at_every_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"c":[],"a":1}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(serde_json::from_str::<Unambiguous>(text).is_err(), "{text}");
        }
        let sound = r#"{"a":{"a":1},"b":[{"a":null},{"a":-1.5e3},true,"a"],"c":18446744073709551616}"#;
        assert!(serde_json::from_str::<Unambiguous>(sound).is_ok());
    }
}
