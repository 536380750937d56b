//! Query parameters: read strictly, so that a misspelt filter never widens a list in silence.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::state::Hub;
use crate::store::{Cursor, Page};

/// Entries of a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// Most entries of a page.
pub const MAX_LIMIT: u32 = 100;

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListDocument<T> {
    /// Always `list`.
    pub object: &'static str,
    /// The entries.
    pub data: Vec<T>,
    /// Whether more follow in the direction asked.
    pub has_more: bool,
}

impl<T> ListDocument<T> {
    /// The documents of a page.
    pub fn new<R>(page: Page<R>, document: impl Fn(R) -> T) -> Self {
        let data = page.data.into_iter().map(document).collect();
        Self { object: "list", data, has_more: page.has_more }
    }

    /// A list that is short enough to be told whole.
    pub const fn whole(data: Vec<T>) -> Self {
        Self { object: "list", data, has_more: false }
    }
}

/// The parameters of a request. Each is taken once; what is left in the end is unknown.
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl FromRequestParts<Arc<Hub>> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Hub>) -> Result<Self, Problem> {
        Self::from_text(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    fn from_text(text: &str) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        for (index, (name, value)) in pairs.iter().enumerate() {
            if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(wrong(name, "The parameter is given twice."));
            }
            if value.contains('\0') {
                return Err(wrong(name, "The character U+0000 is not taken."));
            }
        }
        Ok(Self { pairs })
    }

    /// Takes one parameter as text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// Takes one parameter as a value; `rule` says what is taken.
    pub fn value<T: FromStr>(&mut self, name: &str, rule: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| wrong(name, rule))
    }

    /// Takes where a page begins. `I` is the kind of id that the list is made of.
    pub fn cursor<I: FromStr + ToString>(&mut self) -> Result<Cursor, Problem> {
        let rule = "An id of an entry of this list.";
        let after = self.value::<I>("starting_after", rule)?;
        let before = self.value::<I>("ending_before", rule)?;
        if after.is_some() && before.is_some() {
            return Err(wrong("ending_before", "Either `starting_after` or `ending_before`, not both."));
        }
        let limit_rule = format!("A whole number from 1 to {MAX_LIMIT}.");
        let limit = self.value::<u32>("limit", &limit_rule)?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(wrong("limit", &limit_rule));
        }
        let text = |id: Option<I>| id.map(|id| id.to_string());
        Ok(Cursor { starting_after: text(after), ending_before: text(before), limit })
    }

    /// Refuses what was not taken.
    pub fn end(self) -> Result<(), Problem> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => Err(wrong(name, "The parameter is not known here.")),
        }
    }
}

fn wrong(param: &str, detail: &str) -> Problem {
    let shown: String = param.chars().take(64).collect();
    Problem::new(Code::InvalidParameter, detail).with_param(&shown)
}

#[cfg(test)]
mod tests {
    use payment::id::PaymentId;

    use super::*;

    const ID: &str = "pay_00000000000000000000000000000001";

    fn cursor(text: &str) -> Result<Cursor, Option<String>> {
        let read = |text| {
            let mut query = Query::from_text(text)?;
            let cursor = query.cursor::<PaymentId>()?;
            query.end()?;
            Ok::<_, Problem>(cursor)
        };
        read(text).map_err(|problem| problem.param.clone())
    }

    #[test]
    fn a_page_begins_where_it_was_asked_to() {
        let plain = cursor("").expect("no parameter");
        assert_eq!((plain.starting_after, plain.ending_before, plain.limit), (None, None, DEFAULT_LIMIT));
        let after = cursor(&format!("limit=100&starting_after={ID}")).expect("sound");
        assert_eq!((after.starting_after.as_deref(), after.limit), (Some(ID), 100));
        let before = cursor(&format!("ending_before={ID}")).expect("sound");
        assert_eq!(before.ending_before.as_deref(), Some(ID));
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        let both = format!("starting_after={ID}&ending_before={ID}");
        let table = [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=ten", "limit"),
            ("limit=1&limit=2", "limit"),
            ("starting_after=evt_1", "starting_after"),
            ("starting_after=%00", "starting_after"),
            (both.as_str(), "ending_before"),
            ("page=2", "page"),
        ];
        for (text, param) in table {
            assert_eq!(cursor(text).expect_err(text).as_deref(), Some(param), "{text}");
        }
    }
}
