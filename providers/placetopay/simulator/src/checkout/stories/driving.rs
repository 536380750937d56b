//! A browser's part in the stories: opens pages, fills forms by the names of their members.

use simulation::Reply;

use super::Bench;

/// What a payer types; the buyer's data is already there.
pub const A_CARD: &str = "4110760000000081";
pub const DENIED_CARD: &str = "4110760000000016";
pub const PENDING_CARD: &str = "4110760000000073";

impl Bench {
    /// GETs a path and answers its page.
    pub fn open(&mut self, path: &str) -> (u16, String) {
        let request = self.request("GET", path, "", Vec::new());
        let reply = self.handle(&request);
        (reply.status, String::from_utf8(reply.body).expect("UTF-8"))
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
        let body = body.join("&").into_bytes();
        let request = self.request("POST", &action, "application/x-www-form-urlencoded", body);
        self.handle(&request)
    }

    /// From the first page to an open card form.
    pub fn open_card_form(&mut self, page: &str) -> String {
        let (_, html) = self.open(page);
        if html.contains("id=\"email-form\"") {
            let email =
                if html.contains("readonly") { vec![] } else { vec![("email", "pagadora@correo.example")] };
            let reply = self.send(&html, "email-form", &email);
            assert_eq!((reply.status, location(&reply)), (303, format!("{page}/methods").as_str()));
        }
        let (status, html) = self.open(&format!("{page}/card"));
        assert_eq!(status, 200);
        html
    }

    /// Pays with a card from wherever the page is.
    pub fn pay(&mut self, page: &str, card: &str) -> Reply {
        let form = self.open_card_form(page);
        self.send(&form, "card-form", &[("card_number", card), ("expiry", "11/30"), ("cvv", "123")])
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

/// Action and members of a form: inputs with their values, lists with what is chosen.
pub fn read_form(page: &str, id: &str) -> (String, Vec<(String, String)>) {
    let start = page.find(&format!("<form id=\"{id}\"")).unwrap_or_else(|| panic!("no form {id} in {page}"));
    let form = page[start..].split("</form>").next().expect("a form");
    let mut members = Vec::new();
    for tag in form.split('<').skip(1) {
        if tag.contains(" type=\"checkbox\"") {
            let is_ticked = tag.split('>').next().is_some_and(|tag| tag.ends_with(" checked"));
            members.push((
                attribute(tag, "name"),
                if is_ticked { attribute(tag, "value") } else { String::new() },
            ));
        } else if tag.starts_with("input ") {
            members.push((attribute(tag, "name"), attribute(tag, "value")));
        } else if tag.starts_with("select ") {
            members.push((attribute(tag, "name"), String::new()));
        } else if tag.starts_with("option ")
            && tag.split('>').next().is_some_and(|tag| tag.ends_with(" selected"))
        {
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
