//! A browser's part in the stories: opens pages, fills forms by the names of their members.

use simulation::Reply;

use super::{Bench, Opened};

/// The payer of the published walk.
pub const PAYER: &str = "111111111";

impl Bench {
    /// GETs a path and answers its page.
    pub fn open(&mut self, path: &str) -> (u16, String) {
        let reply = self.get(path);
        (reply.status, String::from_utf8(reply.body).expect("UTF-8"))
    }

    /// GETs a path.
    pub fn get(&mut self, path: &str) -> Reply {
        let request = self.request("GET", path, "", b"");
        self.handle(&request)
    }

    /// Sends the form `id` of a page, with some members typed over.
    pub fn send(&mut self, page: &str, id: &str, typed: &[(&str, &str)]) -> Reply {
        let (action, members) = read_form(page, id);
        let body: Vec<String> = members
            .iter()
            .map(|(name, value)| {
                let value =
                    typed.iter().find(|(known, _)| known == name).map_or(value.as_str(), |(_, text)| text);
                format!("{}={}", escape(name), escape(value))
            })
            .collect();
        for (name, _) in typed {
            assert!(members.iter().any(|(known, _)| known == name), "the form {id} has no member {name}");
        }
        let request =
            self.request("POST", &action, "application/x-www-form-urlencoded", body.join("&").as_bytes());
        self.handle(&request)
    }

    /// Opens the funnel and sends the form that it shows.
    pub fn step(&mut self, session: &Opened, id: &str, typed: &[(&str, &str)]) -> Reply {
        let (status, page) = self.open(&session.page);
        assert_eq!(status, 200, "{page}");
        self.send(&page, id, typed)
    }

    /// From the first page to the payer's account.
    pub fn enter_bank(&mut self, session: &Opened, rut: &str) {
        let reply = self.step(session, "bank-form", &[]);
        assert_eq!((reply.status, location(&reply)), (303, session.page.as_str()));
        let reply = self.step(session, "credentials-form", &[("rut", rut), ("password", "1111")]);
        assert_eq!((reply.status, location(&reply)), (303, session.page.as_str()));
    }

    /// The published walk, as this payer; answers what the last form led to.
    pub fn pay_as(&mut self, session: &Opened, rut: &str) -> Reply {
        self.enter_bank(session, rut);
        let reply = self.step(session, "account-form", &[]);
        if location(&reply) != session.page {
            return reply;
        }
        self.step(session, "dynamic-key-form", &[("dynamic_key", "11111111")]);
        self.step(session, "second-factor-form", &[("second_factor", "12")])
    }

    /// Pays.
    pub fn pay(&mut self, session: &Opened) {
        let reply = self.pay_as(session, PAYER);
        assert_eq!((reply.status, location(&reply)), (303, format!("{}/result", session.page).as_str()));
    }
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

/// Action and members of a form: inputs with their values, lists and radio buttons with what is chosen.
pub fn read_form(page: &str, id: &str) -> (String, Vec<(String, String)>) {
    let start = page.find(&format!("<form id=\"{id}\"")).unwrap_or_else(|| panic!("no form {id} in {page}"));
    let form = page[start..].split("</form>").next().expect("a form");
    let mut members = Vec::new();
    for tag in form.split('<').skip(1) {
        let is_chosen = |word: &str| tag.split('>').next().is_some_and(|tag| tag.ends_with(word));
        if tag.starts_with("input type=\"radio\"") && !is_chosen(" checked") {
            continue;
        }
        if tag.starts_with("input ") {
            members.push((attribute(tag, "name"), attribute(tag, "value")));
        } else if tag.starts_with("select ") {
            members.push((attribute(tag, "name"), String::new()));
        } else if tag.starts_with("option ") && is_chosen(" selected") {
            members.last_mut().expect("a list before its options").1 = attribute(tag, "value");
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

fn escape(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
