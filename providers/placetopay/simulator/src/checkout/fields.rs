//! Additional fields: how many are kept, which one wins, where they are shown and how (§6.5).

use simulation::strict_json::Value;

use super::objection::Objection;
use super::person::shortened;
use super::refusal::Refusal;

/// Fields kept altogether, those of the payment included.
pub const FIELDS_LIMIT: usize = 50;
const KEYWORD_LIMIT: usize = 50;
const VALUE_LIMIT: usize = 255;

/// Where a field is shown to the payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayOn {
    /// Nowhere.
    None,
    /// While the payment is captured.
    Payment,
    /// On the result.
    Receipt,
    /// Both.
    Both,
    /// On the result when approved.
    Approved,
}

impl DisplayOn {
    /// The provider's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Payment => "payment",
            Self::Receipt => "receipt",
            Self::Both => "both",
            Self::Approved => "approved",
        }
    }

    /// AV-U61: an unknown word hides the field, like an absent one.
    fn of_word(word: Option<&str>) -> Self {
        [Self::Payment, Self::Receipt, Self::Both, Self::Approved]
            .into_iter()
            .find(|display| Some(display.word()) == word)
            .unwrap_or(Self::None)
    }
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub keyword: String,
    /// Its value, of any type.
    pub value: Value,
    /// Where it is shown.
    pub display_on: DisplayOn,
}

impl Field {
    /// A field of the provider's own, never shown.
    pub fn hidden(keyword: &str, value: Value) -> Self {
        Self { keyword: keyword.to_owned(), value, display_on: DisplayOn::None }
    }

    /// As the query writes it.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("keyword", Value::text(self.keyword.clone())),
            ("value", self.value.clone()),
            ("displayOn", Value::text(self.display_on.word())),
        ])
    }

    /// As the page shows it: scalars as text, an array's scalars joined, anything else not at all.
    pub fn shown(&self) -> Option<String> {
        let scalar = |value: &Value| match value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        match &self.value {
            Value::Array(items) => {
                let scalars: Vec<String> = items.iter().filter_map(scalar).collect();
                (!scalars.is_empty()).then(|| scalars.join(", "))
            }
            single => scalar(single),
        }
    }
}

/// Reads one list, keeping of it what `kept` leaves room for; the first of equal keywords wins.
pub fn read(list: Option<&Value>, path: &str, kept: &[Field]) -> Result<Vec<Field>, Refusal> {
    let invalid = || Refusal::request(Objection::Invalid(path.to_owned()));
    let Some(list) = list.filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let mut fields: Vec<Field> = Vec::new();
    for item in list.items().ok_or_else(invalid)? {
        let keyword = item.get("keyword").and_then(Value::as_str).ok_or_else(invalid)?;
        if keyword.is_empty() || keyword.chars().count() > KEYWORD_LIMIT {
            return Err(invalid());
        }
        let is_known = kept.iter().chain(&fields).any(|field| field.keyword == keyword);
        if is_known || kept.len() + fields.len() >= FIELDS_LIMIT {
            continue;
        }
        fields.push(Field {
            keyword: keyword.to_owned(),
            value: bounded(item.get("value").unwrap_or(&Value::Null)).ok_or_else(invalid)?,
            display_on: DisplayOn::of_word(item.get("displayOn").and_then(Value::as_str)),
        });
    }
    Ok(fields)
}

/// AV-U60: a long text is cut; a long array or object cannot be.
fn bounded(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) => Some(Value::text(shortened(text, VALUE_LIMIT))),
        other => (other.to_text().chars().count() <= VALUE_LIMIT).then(|| other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use simulation::strict_json::parse;

    use super::*;

    fn field(value: &str) -> Field {
        Field::hidden("k", parse(value.as_bytes()).expect("JSON"))
    }

    #[test]
    fn the_first_of_equal_keywords_wins() {
        let list =
            parse(br#"[{"keyword":"a","value":1},{"keyword":"a","value":2},{"keyword":"b"}]"#).expect("JSON");
        let fields = read(Some(&list), "fields", &[]).expect("taken");
        assert_eq!(fields, [Field::hidden("a", Value::from(1)), Field::hidden("b", Value::Null)]);
        let more = read(Some(&list), "payment.fields", &fields).expect("taken");
        assert!(more.is_empty());
    }

    #[test]
    fn fields_beyond_fifty_are_dropped() {
        let list = |prefix: &str, count: usize| {
            Value::array(
                (0..count).map(|n| Value::object([("keyword", Value::text(format!("{prefix}{n}")))])),
            )
        };
        let top = read(Some(&list("a", 40)), "fields", &[]).expect("taken");
        let rest = read(Some(&list("b", 40)), "payment.fields", &top).expect("taken");
        assert_eq!((top.len(), rest.len()), (40, 10));
    }

    #[test]
    fn values_are_shown_by_their_type() {
        for (value, shown) in [
            ("\"Sede Norte\"", Some("Sede Norte")),
            ("12.50", Some("12.50")),
            ("true", Some("true")),
            ("[\"a\",1,{\"x\":2},null]", Some("a, 1")),
            ("[{\"x\":2}]", None),
            ("{\"x\":2}", None),
            ("null", None),
        ] {
            assert_eq!(field(value).shown().as_deref(), shown, "{value}");
        }
    }

    #[test]
    fn a_field_without_a_keyword_is_refused() {
        for text in [r#"[{"value":1}]"#, r#"[{"keyword":""}]"#, r#"[7]"#, r#"{}"#] {
            let list = parse(text.as_bytes()).expect("JSON");
            assert!(read(Some(&list), "fields", &[]).is_err(), "{text}");
        }
    }
}
