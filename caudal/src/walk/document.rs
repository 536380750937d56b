//! A small, tolerant reader of HTML: title, text, links and forms. It reads our own pages, and pages like them.

/// What a visitor without scripts can use of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The text of `title`.
    pub title: String,
    /// All text a reader sees, blanks joined.
    pub text: String,
    /// Links: address and text.
    pub links: Vec<(String, String)>,
    /// The forms, in order.
    pub forms: Vec<Form>,
}

/// A form.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it goes; empty for the page itself.
    pub action: String,
    /// Whether it is sent by POST.
    pub is_post: bool,
    /// Its fields, buttons included, in order.
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct Field {
    /// Its name; one without a name is not sent.
    pub name: String,
    /// Its value as the page wrote it.
    pub value: String,
    /// What it is.
    pub kind: FieldKind,
    /// What a browser's autofill is told: `cc-number`, `email`…
    pub autocomplete: String,
    /// Whether it must be filled.
    pub is_required: bool,
    /// Whether it is chosen (boxes and radio buttons).
    pub is_checked: bool,
    /// Whether the page forbids to change it.
    pub is_locked: bool,
    /// Where a button sends the form instead.
    pub action: String,
}

/// What a field is.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub enum FieldKind {
    /// Anything typed.
    #[default]
    Text,
    /// Sent as it is.
    Hidden,
    /// A box.
    Checkbox,
    /// One of several with the same name.
    Radio,
    /// A list: the values that can be chosen.
    Select(Vec<String>),
    /// A button; its text.
    Button(String),
}

impl Document {
    /// Reads a page. Never fails: what is not understood is text or nothing.
    pub fn read(html: &str) -> Self {
        let mut reader = Reader::default();
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            reader.text(&rest[..start]);
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix("<!--") {
                rest = after.find("-->").map_or("", |end| &after[end + 3..]);
                continue;
            }
            let Some((tag, after)) = tag(rest) else {
                reader.text("<");
                rest = &rest[1..];
                continue;
            };
            rest = after;
            let is_silent = matches!(tag.name.as_str(), "script" | "style" | "template");
            if is_silent && !tag.is_end {
                let end = format!("</{}", tag.name);
                rest = rest.to_ascii_lowercase().find(&end).map_or("", |end| &rest[end..]);
                continue;
            }
            reader.tag(&tag);
        }
        reader.text(rest);
        reader.finish()
    }
}

impl Form {
    /// Whether it has a field or button of that name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The buttons with their texts.
    pub fn buttons(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Button(text) => Some((field, text.as_str())),
            FieldKind::Text
            | FieldKind::Hidden
            | FieldKind::Checkbox
            | FieldKind::Radio
            | FieldKind::Select(_) => None,
        })
    }
}

struct Tag {
    name: String,
    is_end: bool,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn owned(&self, name: &str) -> String {
        self.attribute(name).unwrap_or_default().to_owned()
    }

    fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }
}

/// Reads one tag at the beginning of `html`.
fn tag(html: &str) -> Option<(Tag, &str)> {
    let inside = html.strip_prefix('<')?;
    let (is_end, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
        return None;
    }
    let name_end = inside.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')?;
    let name = inside[..name_end].to_ascii_lowercase();
    let mut attributes = Vec::new();
    let mut rest = &inside[name_end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((Tag { name, is_end, attributes }, after));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))?;
        // A stray sign in place of a name must not be read for ever.
        let (key, after) = rest.split_at(end.max(rest.chars().next()?.len_utf8()));
        let mut value = String::new();
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(after.trim_start())?;
        }
        attributes.push((key.to_ascii_lowercase(), value));
    }
}

fn attribute_value(text: &str) -> Option<(String, &str)> {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            let end = inside.find(quote)?;
            return Some((decoded(&inside[..end]), &inside[end + 1..]));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some((decoded(&text[..end]), &text[end..]))
}

#[derive(Default)]
struct Reader {
    document: Document,
    text: String,
    /// Where in the text the open element of that kind began.
    title_at: Option<usize>,
    link: Option<(String, usize)>,
    button: Option<(Field, usize)>,
    area: Option<(Field, usize)>,
    list: Option<List>,
    form: Option<Form>,
}

struct List {
    field: Field,
    values: Vec<String>,
    chosen: Option<String>,
}

impl Reader {
    fn text(&mut self, raw: &str) {
        self.text.push_str(&decoded(raw));
    }

    fn since(&self, at: usize) -> String {
        joined(&self.text[at..])
    }

    fn tag(&mut self, tag: &Tag) {
        match (tag.name.as_str(), tag.is_end) {
            ("form", false) => {
                self.form = Some(Form {
                    action: tag.owned("action"),
                    is_post: tag
                        .attribute("method")
                        .is_some_and(|method| method.eq_ignore_ascii_case("post")),
                    fields: Vec::new(),
                })
            }
            ("form", true) => self.document.forms.extend(self.form.take()),
            ("title", false) => self.title_at = Some(self.text.len()),
            ("title", true) => {
                if let Some(at) = self.title_at.take() {
                    self.document.title = self.since(at);
                    self.text.truncate(at);
                }
            }
            ("a", false) => self.link = tag.attribute("href").map(|href| (href.to_owned(), self.text.len())),
            ("a", true) => {
                if let Some((href, at)) = self.link.take() {
                    let text = self.since(at);
                    self.document.links.push((href, text));
                }
            }
            ("input", false) => self.input(tag),
            ("button", false) => self.button = Some((field(tag, FieldKind::Text), self.text.len())),
            ("button", true) => self.end_button(),
            ("textarea", false) => self.area = Some((field(tag, FieldKind::Text), self.text.len())),
            ("textarea", true) => {
                if let Some((mut field, at)) = self.area.take() {
                    field.value = self.text.split_off(at);
                    self.add(field);
                }
            }
            ("select", false) => {
                let field = field(tag, FieldKind::Text);
                self.list = Some(List { field, values: Vec::new(), chosen: None });
            }
            ("option", false) => self.option(tag),
            ("select", true) => self.end_list(),
            _ => {}
        }
        if !INLINE.contains(&tag.name.as_str()) {
            self.text.push(' ');
        }
    }

    fn input(&mut self, tag: &Tag) {
        let kind = match tag.attribute("type").unwrap_or_default().to_ascii_lowercase().as_str() {
            "hidden" => FieldKind::Hidden,
            "checkbox" => FieldKind::Checkbox,
            "radio" => FieldKind::Radio,
            "submit" => FieldKind::Button(tag.owned("value")),
            _ => FieldKind::Text,
        };
        let mut field = field(tag, kind);
        if matches!(field.kind, FieldKind::Checkbox | FieldKind::Radio) && !tag.has("value") {
            "on".clone_into(&mut field.value);
        }
        self.add(field);
    }

    fn end_button(&mut self) {
        let Some((mut field, at)) = self.button.take() else { return };
        field.kind = FieldKind::Button(self.since(at));
        self.add(field);
    }

    fn option(&mut self, tag: &Tag) {
        let Some(list) = &mut self.list else { return };
        if tag.has("disabled") {
            return;
        }
        let value = tag.owned("value");
        if tag.has("selected") || list.values.is_empty() {
            list.chosen = Some(value.clone());
        }
        list.values.push(value);
    }

    fn end_list(&mut self) {
        let Some(mut list) = self.list.take() else { return };
        list.field.value = list.chosen.unwrap_or_default();
        list.field.kind = FieldKind::Select(list.values);
        self.add(list.field);
    }

    fn add(&mut self, field: Field) {
        if let Some(form) = &mut self.form {
            form.fields.push(field);
        }
    }

    fn finish(mut self) -> Document {
        self.document.forms.extend(self.form.take());
        self.document.text = joined(&self.text);
        self.document
    }
}

fn field(tag: &Tag, kind: FieldKind) -> Field {
    Field {
        name: if tag.has("disabled") { String::new() } else { tag.owned("name") },
        value: tag.owned("value"),
        kind,
        autocomplete: tag.owned("autocomplete"),
        is_required: tag.has("required"),
        is_checked: tag.has("checked"),
        is_locked: tag.has("readonly"),
        action: tag.owned("formaction"),
    }
}

/// Elements whose text flows with the text around them.
const INLINE: [&str; 13] =
    ["a", "abbr", "b", "code", "data", "em", "i", "small", "span", "strong", "sup", "textarea", "time"];

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Character references as our pages write them: by number, and the five of XML and the blank by name.
fn decoded(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = rest.find('&') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest[1..].find(';').map(|end| &rest[1..=end]);
        match reference.and_then(character) {
            Some(found) => {
                text.push(found);
                rest = &rest[reference.map_or(1, str::len) + 2..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r##"<!doctype html><html lang=es><head><title>Pago &amp; m&#225;s</title>
        <style>form { color: red } </style></head><body><h1>Total</h1><p>COP <b>119</b>.000</p><!-- <form> -->
        <a href="/volver?a=1&amp;b=2">Volver <span>al comercio</span></a>
        <form action='/pagar' method="POST"><input type="hidden" name="token" value="a&quot;b">
        <input name=email type=email required autocomplete=email><input type=checkbox name=terms>
        <input type="radio" name="own" value="yes" checked/><input type=radio name=own value=no>
        <select name="kind"><option value="">-</option><option value=CC selected>Cédula</option></select>
        <textarea name="note">a &lt; b</textarea><input name=gone disabled>
        <button name="act" value="pay">Pagar <b>$119</b></button><button formaction="/no">No</button></form>
        2 < 3</body></html>"##;

    #[test]
    fn a_page_is_read_as_a_visitor_without_scripts_sees_it() {
        let page = Document::read(PAGE);
        assert_eq!(page.title, "Pago & más");
        assert!(page.text.starts_with("Total COP 119.000 Volver al comercio"), "{}", page.text);
        assert!(page.text.ends_with("2 < 3") && !page.text.contains("red"), "{}", page.text);
        assert_eq!(page.links, [("/volver?a=1&b=2".to_owned(), "Volver al comercio".to_owned())]);
    }

    #[test]
    fn a_form_is_read_with_its_fields_and_buttons() {
        let page = Document::read(PAGE);
        let [form] = &page.forms[..] else { panic!("one form: {:?}", page.forms) };
        assert_eq!((form.action.as_str(), form.is_post), ("/pagar", true));
        let values: Vec<_> =
            form.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        let expected = [
            ("token", "a\"b"),
            ("email", ""),
            ("terms", "on"),
            ("own", "yes"),
            ("own", "no"),
            ("kind", "CC"),
            ("note", "a < b"),
            ("", ""),
            ("act", "pay"),
            ("", ""),
        ];
        assert_eq!(values, expected);
        assert!(form.fields[1].is_required && form.fields[1].autocomplete == "email");
        assert!(form.fields[3].is_checked && !form.fields[4].is_checked);
        assert_eq!(form.fields[5].kind, FieldKind::Select(vec![String::new(), "CC".into()]));
        let buttons: Vec<_> = form.buttons().map(|(field, text)| (field.action.as_str(), text)).collect();
        assert_eq!(buttons, [("", "Pagar $119"), ("/no", "No")]);
    }

    #[test]
    fn broken_pages_are_read_to_their_end() {
        for html in [
            "<",
            "<a",
            "<a href=",
            "<a href='x",
            "<form><input name=",
            "&",
            "&#;",
            "&#x110000;",
            "<!--",
            "< b>",
            "<script>",
            "<select><option",
            "<p =>x",
            "<é>",
            "</>",
            "<a \u{0}=\"\">",
        ] {
            let _ = Document::read(html);
        }
        assert_eq!(Document::read("a &unknown; b &amp c").text, "a &unknown; b &amp c");
    }
}
