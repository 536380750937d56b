//! The members of a request, read without regard to case, with every objection gathered (§2.5, §4.6).

use simulation::decimal::Decimal;
use simulation::strict_json::{self, Value};

use crate::answer::Objection;

/// Digits before the point, and decimals, of an amount.
const WHOLE_DIGITS: usize = 16;
const DECIMALS: usize = 2;
/// Letters of an address's last label.
const LONGEST_TOP_LABEL: usize = 24;

/// A JSON object as a request brings it. Unknown members are ignored; `null` counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a>(&'a [(String, Value)]);

/// Reads a body; `None` when it is no JSON object (or names a member twice).
pub fn parse(body: &[u8]) -> Option<Value> {
    strict_json::parse(body).ok().filter(|value| value.members().is_some())
}

impl<'a> Members<'a> {
    /// The members of an object; none of anything else.
    pub fn of(value: &'a Value) -> Self {
        Self(value.members().unwrap_or_default())
    }

    /// A member that is there and not null, whatever the case of its name. Of two that differ in case the
    /// last counts.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        let same = |(known, _): &&(String, Value)| known.eq_ignore_ascii_case(name);
        self.0.iter().rev().find(same).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The spelling under which a member came.
    pub fn spelling(self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().map(|(known, _)| known.as_str()).find(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Reads members one by one and gathers what is wrong, in the order of reading (PE-U17: the order of the
/// tables).
#[derive(Debug)]
pub struct Reader<'a> {
    members: Members<'a>,
    objections: Vec<Objection>,
}

impl<'a> Reader<'a> {
    /// A reader that has no objection yet.
    pub fn new(members: Members<'a>) -> Self {
        Self { members, objections: Vec::new() }
    }

    /// What was wrong so far.
    pub fn into_objections(self) -> Vec<Objection> {
        self.objections
    }

    /// Notes that a field is of a wrong shape or out of bounds.
    pub fn object_to(&mut self, name: &'static str) {
        self.objections.push(Objection::Invalid(name));
    }

    /// Notes that a mandatory field is missing.
    pub fn miss(&mut self, name: &'static str) {
        self.objections.push(Objection::Missing(name));
    }

    /// A member as it came.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// A text of at most `longest` characters. PE-U57: a blank one counts as absent. PE-U56: another type is
    /// an objection.
    pub fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        self.text_that(name, longest, |_| true)
    }

    /// The same, with a rule.
    pub fn text_that(
        &mut self,
        name: &'static str,
        longest: usize,
        is_right: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let text = match self.members.get(name)? {
            Value::Text(text) if text.trim().is_empty() => return None,
            Value::Text(text) => text.as_str(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.object_to(name);
                return None;
            }
        };
        if text.chars().count() > longest || !is_right(text) {
            self.object_to(name);
            return None;
        }
        Some(text.to_owned())
    }

    /// A text that has to be there.
    pub fn mandatory_text(
        &mut self,
        name: &'static str,
        longest: usize,
        is_right: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if is_blank(self.members.get(name)) {
            self.miss(name);
            return None;
        }
        self.text_that(name, longest, is_right)
    }

    /// A text that may as well come as a whole number, as some clients send it.
    pub fn text_or_number(
        &mut self,
        name: &'static str,
        longest: usize,
        is_right: impl Fn(&str) -> bool,
    ) -> Option<String> {
        match self.members.get(name) {
            Some(Value::Number(digits))
                if digits.len() <= longest && is_digits(digits) && is_right(digits) =>
            {
                Some(digits.clone())
            }
            Some(Value::Number(_)) => {
                self.object_to(name);
                None
            }
            _ => self.text_that(name, longest, is_right),
        }
    }

    /// An amount with at most two decimals, as a number or as a text of the same digits. PE-U13: more decimals
    /// are an objection.
    pub fn mandatory_amount(&mut self, name: &'static str) -> Option<Decimal> {
        let value = self.members.get(name);
        if is_blank(value) {
            self.miss(name);
            return None;
        }
        let text = value.and_then(|value| value.number_text().or_else(|| value.as_str()));
        let amount = text.filter(|text| is_plain_amount(text)).and_then(|text| Decimal::parse(text).ok());
        if amount.is_none() {
            self.object_to(name);
        }
        amount
    }
}

/// Digits, and nothing else.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// PE-U16: letters, digits and `._%+-`, an `@`, a domain whose last label has letters only. The kit for Android
/// ends that label after six, which would refuse `.example` and many names of today.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    let all = |text: &str, others: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    all(local, b"._%+-")
        && all(host, b".-")
        && (2..=LONGEST_TOP_LABEL).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Text(text)) => text.trim().is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
    }
}

fn is_plain_amount(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, after)| (whole, Some(after)));
    let has_decimals = |digits: &str| is_digits(digits) && digits.len() <= DECIMALS;
    is_digits(whole) && whole.len() <= WHOLE_DIGITS && decimals.is_none_or(has_decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mail_addresses_are_judged_by_the_pattern_of_the_published_clients() {
        for text in ["rosa.quispe@correo.example", "A+b_c%d-e@sub.dom-ain.pe", "a@b.museum"] {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "",
            "rosa",
            "rosa@",
            "@correo.pe",
            "ro sa@correo.pe",
            "rosa@correo",
            "rosa@correo.p",
            "rosa@correo.abcdefghijklmnopqrstuvwxy",
            "rosa@corr@eo.pe",
            "rosañ@correo.pe",
            "rosa@.1e",
        ] {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn an_amount_has_sixteen_digits_and_two_decimals_at_most() {
        for text in ["1", "1.0", "149.90", "0.51", "9999999999999999.99"] {
            assert!(is_plain_amount(text), "{text}");
        }
        for text in ["", "1.", ".5", "1.001", "-1", "+1", "1,5", "1e2", "10000000000000000", " 1"] {
            assert!(!is_plain_amount(text), "{text}");
        }
    }
}
