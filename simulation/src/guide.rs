//! What a provider's integration environment tells a developer: documentation, test data, requests to try.

use serde::Serialize;

/// The guide to one simulated provider, as the sandbox serves it: a page, JSON, a collection of requests.
/// Texts are Spanish, like the steering page; field names and codes are the provider's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Guide {
    /// The provider and its product, as people call it.
    pub title: String,
    /// The documentation, in reading order.
    pub chapters: Vec<Chapter>,
    /// What may be typed in, and what it leads to.
    pub test_data: Vec<GuideTable>,
    /// Requests in the order in which one would send them.
    pub requests: Vec<Example>,
}

/// A part of the documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// Its heading.
    pub title: String,
    /// Plain text, no markup.
    pub paragraphs: Vec<String>,
    /// What is better looked up than read.
    pub tables: Vec<GuideTable>,
}

/// A table of texts. Every row has as many cells as there are columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GuideTable {
    /// What it lists.
    pub title: String,
    /// Headings.
    pub columns: Vec<String>,
    /// Cells by row.
    pub rows: Vec<Vec<String>>,
}

/// A request that a developer can send. `{{name.response.body.$.path}}` in header or body stands for a part of the
/// answer to the example `name`, as clients of `.http` files read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Example {
    /// A word of letters, digits and `_`, unique in the guide.
    pub name: String,
    /// What it is for.
    pub note: String,
    /// Upper-case method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: String,
}

impl GuideTable {
    /// A table from texts.
    pub fn new<const N: usize>(
        title: &str,
        columns: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns.map(str::to_owned).into(),
            rows: rows.into_iter().map(Vec::from).collect(),
        }
    }
}

impl Guide {
    /// The examples as one `.http` file, which many editors send request by request. `origin` is where the
    /// provider is reached, without a trailing slash.
    pub fn collection(&self, origin: &str) -> String {
        let mut text = format!("# {}\n@origin = {origin}\n", one_line(&self.title));
        for example in &self.requests {
            let Example { name, note, method, path, headers, body } = example;
            text.push_str(&format!(
                "\n### {}\n# @name {name}\n{method} {{{{origin}}}}{path}\n",
                one_line(note)
            ));
            for (header, value) in headers {
                text.push_str(&format!("{header}: {value}\n"));
            }
            if !body.is_empty() {
                text.push_str(&format!("\n{body}\n"));
            }
        }
        text
    }
}

/// A comment ends with its line, so a text inside one must not have more.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_holds_every_example_with_its_name() {
        let guide = Guide {
            title: "Toy\nPay".into(),
            requests: vec![
                Example {
                    name: "token".into(),
                    note: "Pide un token".into(),
                    method: "POST".into(),
                    path: "/token".into(),
                    headers: vec![("Content-Type".into(), "application/json".into())],
                    body: "{}".into(),
                },
                Example {
                    name: "leave".into(),
                    note: "Se despide".into(),
                    method: "DELETE".into(),
                    path: "/token".into(),
                    headers: vec![("Authorization".into(), "Bearer {{token.response.body.$.token}}".into())],
                    body: String::new(),
                },
            ],
            ..Guide::default()
        };
        assert_eq!(
            guide.collection("http://toypay.localhost:1"),
            "# Toy Pay\n@origin = http://toypay.localhost:1\n\n### Pide un token\n# @name token\n\
             POST {{origin}}/token\nContent-Type: application/json\n\n{}\n\n### Se despide\n# @name leave\n\
             DELETE {{origin}}/token\nAuthorization: Bearer {{token.response.body.$.token}}\n"
        );
    }
}
