//! A browser's part in the stories: opens pages, fills forms by the names of their members.

use simulation::Reply;
use simulation::strict_json::Value;

use super::{Bench, ORIGIN, VISA, text_at};

/// What a payer types.
pub const TYPED: [(&str, &str); 4] = [
    ("esitef-cardnumber", VISA),
    ("esitef-cardexpirydate", "1230"),
    ("esitef-cardsecuritycode", "97531"),
    ("esitef-cardholder", "Ana Prueba"),
];

impl Bench {
    /// GETs a path and answers its page.
    pub fn open(&mut self, path: &str) -> (u16, String) {
        let reply = self.handle(&self.request("GET", path, &[], &[]));
        (reply.status, String::from_utf8(reply.body).expect("UTF-8"))
    }

    /// GETs the page of a payment that was created.
    pub fn open_page(&mut self, created: &Value) -> String {
        let (status, html) = self.open(&page_of(created));
        assert_eq!(status, 200, "{html}");
        html
    }

    /// Sends the form `id` of a page, with some members typed over.
    pub fn send(&mut self, page: &str, id: &str, typed: &[(&str, &str)]) -> Reply {
        let (action, mut members) = read_form(page, id);
        for (name, text) in typed {
            let member = members.iter_mut().find(|(known, _)| known == name);
            *member.map(|(_, value)| value).unwrap_or_else(|| panic!("{id} has no {name}")) =
                (*text).to_owned();
        }
        let body =
            simulation::form::write(members.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.handle(&self.request("POST", &action, &headers, body.as_bytes()))
    }

    /// Opens the page and pays, with some of what is typed changed.
    pub fn pay_on_page(&mut self, created: &Value, changes: &[(&str, &str)]) -> Reply {
        let html = self.open_page(created);
        let mut typed = TYPED.to_vec();
        for (name, text) in changes {
            match typed.iter_mut().find(|(known, _)| known == name) {
                Some((_, value)) => *value = text,
                None => typed.push((name, text)),
            }
        }
        self.send(&html, "card-form", &typed)
    }
}

/// The path and query of a payment's page.
pub fn page_of(created: &Value) -> String {
    text_at(created, &["url"]).strip_prefix(ORIGIN).expect("on our origin").to_owned()
}

/// Where a reply sends the browser.
pub fn location(reply: &Reply) -> &str {
    reply.headers.iter().find(|(name, _)| name == "location").map_or("", |(_, value)| value.as_str())
}

/// The text of a page without its tags, blanks run together.
pub fn visible(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    unescape(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Action and members of a form: inputs with their values, lists with what is chosen, or else first.
fn read_form(page: &str, id: &str) -> (String, Vec<(String, String)>) {
    let start = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no form {id} in {page}"));
    let form = page[start..].split("</form>").next().expect("a form");
    let mut members: Vec<(String, String)> = Vec::new();
    let mut is_first = false;
    for tag in form.split('<').skip(1) {
        if tag.starts_with("input ") {
            members.push((attribute(tag, "name"), attribute(tag, "value")));
        } else if tag.starts_with("select ") {
            members.push((attribute(tag, "name"), String::new()));
            is_first = true;
        } else if tag.starts_with("option ") {
            let is_chosen = tag.split('>').next().is_some_and(|tag| tag.ends_with(" selected"));
            if is_first || is_chosen {
                members.last_mut().expect("a list before its options").1 = attribute(tag, "value");
            }
            is_first = false;
        }
    }
    (attribute(form, "action"), members)
}

fn attribute(tag: &str, name: &str) -> String {
    let marker = format!(" {name}=\"");
    let value = tag.split_once(&marker).map_or("", |(_, after)| after.split('"').next().unwrap_or_default());
    unescape(value)
}

fn unescape(text: &str) -> String {
    text.replace("&#38;", "&")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
}
