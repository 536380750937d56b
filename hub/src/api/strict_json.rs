//! Strict reading of JSON: what other readers pass over in silence is refused here, with the member named.
//!
//! Two passes over the same bytes. The first walks the grammar and looks for what typed reading cannot see:
//! a name given twice, depth, U+0000. The second reads the typed value and says where it did not fit.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::settings::MAX_JSON_DEPTH;

/// Last names of members that hold an amount: a fraction there is an amount that is not taken.
const AMOUNTS: [&str; 5] = ["amount", "base", "price", "tax", "total"];

/// A request's body.
pub trait Body: DeserializeOwned {
    /// The members that hold lists. Anywhere else a list is refused, since the typed reader would take one
    /// for an object whose members come in order.
    const LISTS: &'static [&'static str];
}

/// Reads one value that fills the bytes.
///
/// # Errors
/// A problem with the code and the path of the first member that is wrong. It quotes no value of the body.
pub fn read<T: Body>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8."))?;
    walk(text, T::LISTS)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        misfit(&path, &error.inner().to_string())
    })
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::MalformedJson, detail)
}

/// The first pass.
fn walk(text: &str, lists: &[&str]) -> Result<(), Problem> {
    let trail = Trail::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let walked = Walk { trail: &trail, lists, depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end());
    match (walked, trail.fault.into_inner()) {
        (_, Some(fault)) => Err(fault),
        (Ok(()), None) => Ok(()),
        (Err(error), None) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Err(malformed(&format!("The body is not JSON at {place}.")))
        }
    }
}

/// Where the walk is, and what it found.
#[derive(Default)]
struct Trail {
    path: RefCell<String>,
    fault: RefCell<Option<Problem>>,
}

impl Trail {
    /// Keeps a fault and gives the error that ends the walk.
    fn fault<E: de::Error>(&self, code: Code, detail: &str) -> E {
        let path = self.path.borrow();
        let problem = Problem::new(code, detail);
        let problem = if path.is_empty() { problem } else { problem.with_param(&path) };
        *self.fault.borrow_mut() = Some(problem);
        E::custom("refused")
    }

    /// Goes one member deeper; gives what to come back to.
    fn enter(&self, member: &str) -> usize {
        let mut path = self.path.borrow_mut();
        let back = path.len();
        if !path.is_empty() && !member.starts_with('[') {
            path.push('.');
        }
        path.extend(member.chars().take(LONGEST_NAME));
        back
    }

    fn leave(&self, back: usize) {
        self.path.borrow_mut().truncate(back);
    }
}

/// How much of a member's name is repeated in a problem, in characters.
const LONGEST_NAME: usize = 64;
/// How much of a path is repeated in a problem, in characters.
const LONGEST_PATH: usize = 256;

#[derive(Clone, Copy)]
struct Walk<'a> {
    trail: &'a Trail,
    lists: &'a [&'a str],
    depth: usize,
}

impl Walk<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_JSON_DEPTH {
            let detail = format!("At most {MAX_JSON_DEPTH} levels are taken.");
            return Err(self.trail.fault(Code::NestedTooDeep, &detail));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn check_text<E: de::Error>(self, text: &str) -> Result<(), E> {
        match text.contains('\0') {
            true => Err(self.trail.fault(Code::InvalidValue, "The character U+0000 is not taken.")),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.check_text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inside = self.deeper()?;
        if !self.lists.contains(&last_name(&self.trail.path.borrow())) {
            return Err(self.trail.fault(Code::WrongType, "A list is not taken here."));
        }
        for index in 0.. {
            let back = self.trail.enter(&format!("[{index}]"));
            if entries.next_element_seed(inside)?.is_none() {
                self.trail.leave(back);
                break;
            }
            self.trail.leave(back);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inside = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let back = self.trail.enter(&name);
            self.check_text(&name)?;
            if !seen.insert(name) {
                return Err(self.trail.fault(Code::DuplicateMember, "The member is given twice."));
            }
            members.next_value_seed(inside)?;
            self.trail.leave(back);
        }
        Ok(())
    }
}

/// The last name of a path; an entry of a list has none.
fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

/// Turns the typed reader's message into a problem that quotes no value.
fn misfit(path: &str, message: &str) -> Problem {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let shown: String = path.chars().take(LONGEST_PATH).collect();
    let named = |problem: Problem| if path == "." { problem } else { problem.with_param(&shown) };
    if message.starts_with("missing field") {
        let missing = if path == "." { quoted.to_owned() } else { format!("{path}.{quoted}") };
        return Problem::new(Code::MissingMember, "The member is needed.").with_param(&missing);
    }
    if message.starts_with("unknown field") {
        return named(Problem::new(Code::UnknownMember, "The member is not part of this request."));
    }
    if message.starts_with("unknown variant") {
        let known = message.split_once("expected ").map_or("", |(_, known)| known);
        let known = known.split(" at line ").next().unwrap_or_default();
        return named(Problem::new(Code::InvalidValue, format!("Expected {known}.")));
    }
    let expected = message.split_once(", expected ").map_or("another value", |(_, expected)| expected);
    let expected = in_words(expected.split(" at line ").next().unwrap_or_default());
    let code = if AMOUNTS.contains(&last_name(path)) && expected.starts_with("a whole number") {
        Code::InvalidAmount
    } else {
        Code::WrongType
    };
    named(Problem::new(code, format!("Expected {expected}.")))
}

/// What the typed reader calls things, in words for people who write other languages.
fn in_words(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number, written without a fraction, an exponent or quotes",
        "u32" => "a whole number from 0 to 4294967295",
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        amount: i64,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        parts: Vec<Part>,
    }

    impl Body for Sample {
        const LISTS: &'static [&'static str] = &["parts"];
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Part {
        price: i64,
        #[serde(default)]
        is_digital: bool,
    }

    fn refused(text: &str) -> (&'static str, Option<String>) {
        let problem = read::<Sample>(text.as_bytes()).expect_err(text);
        (problem.code.word(), problem.param.clone())
    }

    #[test]
    fn a_sound_body_is_read() {
        let read = read::<Sample>(br#" {"amount":7,"name":null,"parts":[{"price":7}]} "#);
        let part = Part { price: 7, is_digital: false };
        assert_eq!(read, Ok(Sample { amount: 7, name: None, parts: vec![part] }));
    }

    #[test]
    fn each_fault_has_its_code_and_names_its_member() {
        let table = [
            ("", "malformed_json", None),
            ("{", "malformed_json", None),
            (r#"{"amount":7} x"#, "malformed_json", None),
            (r#"{"amount":7,}"#, "malformed_json", None),
            (r#"{"amount":07}"#, "malformed_json", None),
            (r#"{"amount":NaN}"#, "malformed_json", None),
            (r#"{"amount":1e999}"#, "malformed_json", None),
            (r#"{"name":"\ud800"}"#, "malformed_json", None),
            (r#"{"amount":7,"amount":8}"#, "duplicate_member", Some("amount")),
            (r#"{"amount":7,"\u0061mount":8}"#, "duplicate_member", Some("amount")),
            (r#"{"amount":7,"parts":[{"price":1,"price":1}]}"#, "duplicate_member", Some("parts[0].price")),
            (r#"{"amount":7,"name":"a\u0000b"}"#, "invalid_value", Some("name")),
            (r#"{"amount":7,"surprise":1}"#, "unknown_member", Some("surprise")),
            (
                r#"{"amount":7,"parts":[{"price":1,"surprise":1}]}"#,
                "unknown_member",
                Some("parts[0].surprise"),
            ),
            (r#"{"name":"x"}"#, "missing_member", Some("amount")),
            (r#"{"amount":7,"parts":[{}]}"#, "missing_member", Some("parts[0].price")),
            (r#"{"amount":7.5}"#, "invalid_amount", Some("amount")),
            (r#"{"amount":7.0}"#, "invalid_amount", Some("amount")),
            (r#"{"amount":7e2}"#, "invalid_amount", Some("amount")),
            (r#"{"amount":"7"}"#, "invalid_amount", Some("amount")),
            (r#"{"amount":9223372036854775808}"#, "invalid_amount", Some("amount")),
            (r#"{"amount":7,"parts":[{"price":0.5}]}"#, "invalid_amount", Some("parts[0].price")),
            (r#"{"amount":7,"name":7}"#, "wrong_type", Some("name")),
            (r#"{"amount":7,"parts":{}}"#, "wrong_type", Some("parts")),
            (
                r#"{"amount":7,"parts":[{"price":1,"is_digital":"yes"}]}"#,
                "wrong_type",
                Some("parts[0].is_digital"),
            ),
            (r#"{"amount":7,"parts":[[1,true]]}"#, "wrong_type", Some("parts[0]")),
            (r#"{"amount":[7]}"#, "wrong_type", Some("amount")),
            (r#"[7]"#, "wrong_type", None),
            ("7", "wrong_type", None),
            ("null", "wrong_type", None),
        ];
        for (text, code, param) in table {
            assert_eq!(refused(text), (code, param.map(ToOwned::to_owned)), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        let problem = read::<Sample>(b"{\"name\":\"\xff\"}").expect_err("not UTF-8");
        assert_eq!(problem.code, Code::MalformedJson);
    }

    #[test]
    fn depth_is_taken_up_to_the_limit_and_no_further() {
        let nested = |levels: usize| format!("{}7{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert_eq!(walk(&nested(MAX_JSON_DEPTH), &[]), Ok(()));
        let problem = walk(&nested(MAX_JSON_DEPTH + 1), &[]).expect_err("one too deep");
        assert_eq!(problem.code, Code::NestedTooDeep);
        let bomb = walk(&r#"{"a":"#.repeat(100_000), &[]).expect_err("far too deep");
        assert_eq!(bomb.code, Code::NestedTooDeep);
    }

    #[test]
    fn the_problem_repeats_no_more_than_the_beginning_of_a_name() {
        let text = format!(r#"{{"amount":7,"{}":1}}"#, "x".repeat(100_000));
        let problem = read::<Sample>(text.as_bytes()).expect_err("unknown");
        assert!(problem.param.as_ref().expect("a path").len() <= LONGEST_PATH);
    }

    #[test]
    fn no_value_of_the_body_is_quoted() {
        for text in [r#"{"amount":"4111111111111111"}"#, r#"{"amount":7,"parts":"4111111111111111"}"#] {
            let problem = read::<Sample>(text.as_bytes()).expect_err("refused");
            assert!(!format!("{problem:?}").contains("4111"), "{problem:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Sample>(&bytes);
        }

        #[test]
        fn reading_what_looks_like_json_never_panics(text in r#"[\[\]{}",:0-9a-z\\. ]{0,120}"#) {
            let _ = read::<Sample>(text.as_bytes());
        }
    }
}
