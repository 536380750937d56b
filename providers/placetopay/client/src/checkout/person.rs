//! How persons and companies may be written (AV-4.4-04 to -06, AV-4.7-07 to -13; PROTOCOL.md 6.2).

use payment::order::Complaint;
use payment::person::{Address, Document, Person};

use super::documents;

/// Longest name, surname and company name, in characters.
const LONGEST_NAME: usize = 60;
/// Longest e-mail address.
const LONGEST_EMAIL: usize = 80;
/// Longest identity document.
const LONGEST_DOCUMENT: usize = 25;
/// Digits of a telephone number, with the country's prefix at most.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Longest part of a country, as ISO 3166-2 writes it behind the hyphen.
const LONGEST_STATE: usize = 3;

/// What a person is in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Buys or pays: complete.
    Buyer,
    /// Receives the goods: what is there must be well formed.
    Recipient,
}

/// Complaints about one person, under the path `param`.
pub fn check(role: Role, param: &str, person: &Person, complaints: &mut Vec<Complaint>) {
    let mut checked = Checked { role, param, complaints };
    checked.names(person);
    checked.document(person);
    checked.text("email", person.email.as_deref(), LONGEST_EMAIL, is_email, "an e-mail address");
    checked.text("mobile", person.mobile.as_deref(), usize::MAX, is_phone, PHONE_RULE);
    if let Some(address) = &person.address {
        checked.address(address);
    }
}

const NAME_RULE: &str = "letters and blanks only";
const COMPANY_RULE: &str = "letters, digits, blanks and . , & ' - only";
const PHONE_RULE: &str = "7 to 15 digits and nothing else";

struct Checked<'a> {
    role: Role,
    param: &'a str,
    complaints: &'a mut Vec<Complaint>,
}

impl Checked<'_> {
    fn complain(&mut self, member: &str, code: &str, detail: String) {
        self.complaints.push(Complaint::new(format!("{}.{member}", self.param), code, detail));
    }

    /// A natural person has name and surname; a company has its legal or trade name and nothing else.
    fn names(&mut self, person: &Person) {
        let name = person.name.as_deref();
        if person.is_company {
            self.text("name", name, LONGEST_NAME, is_company_name, COMPANY_RULE);
            if person.surname.is_some() {
                self.complain("surname", "invalid_value", "A company has no surname.".to_owned());
            }
            return;
        }
        self.text("name", name, LONGEST_NAME, is_natural_name, NAME_RULE);
        self.text("surname", person.surname.as_deref(), LONGEST_NAME, is_natural_name, NAME_RULE);
    }

    fn text(
        &mut self,
        member: &str,
        text: Option<&str>,
        longest: usize,
        is_sound: fn(&str) -> bool,
        rule: &str,
    ) {
        match text.filter(|text| !text.trim().is_empty()) {
            None if self.role == Role::Buyer => {
                self.complain(member, "missing", "Aval Pay wants a complete buyer or none.".to_owned());
            }
            None => {}
            Some(text) if text.chars().count() > longest => {
                self.complain(member, "too_long", format!("At most {longest} characters."));
            }
            Some(text) if !is_sound(text) => {
                self.complain(member, "invalid_value", format!("Take {rule}."));
            }
            Some(_) => {}
        }
    }

    fn document(&mut self, person: &Person) {
        match &person.document {
            None if self.role == Role::Buyer => {
                let detail = "Aval Pay wants a complete buyer or none.".to_owned();
                self.complain("document", "missing", detail);
            }
            None => {}
            Some(document) => self.document_of(person.is_company, document),
        }
    }

    fn document_of(&mut self, is_company: bool, document: &Document) {
        let Some(rule) = documents::rule(&document.country, &document.kind) else {
            let known = documents::kinds(&document.country).join(", ");
            return self.complain("document.type", "invalid_value", format!("Take one of {known}."));
        };
        if !rule.fits(is_company) {
            let whose = if is_company { "a company" } else { "a natural person" };
            self.complain("document.type", "invalid_value", format!("This is no document of {whose}."));
        }
        if document.number.chars().count() > LONGEST_DOCUMENT {
            let detail = format!("At most {LONGEST_DOCUMENT} characters.");
            self.complain("document.number", "too_long", detail);
        } else if !rule.matches(&document.number) {
            let detail = format!("This is not how a {} is written.", document.kind);
            self.complain("document.number", "invalid_value", detail);
        }
    }

    fn address(&mut self, address: &Address) {
        if address.country.len() != 2 || !address.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.complain("address.country", "invalid_value", "Take two capitals of ISO 3166.".to_owned());
        }
        let state = address.state.as_deref().unwrap_or_default();
        if state.len() > LONGEST_STATE || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let detail = "Take the part behind the hyphen of ISO 3166-2.".to_owned();
            self.complain("address.state", "invalid_value", detail);
        }
        if address.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
            self.complain("address.phone", "invalid_value", format!("Take {PHONE_RULE}."));
        }
    }
}

/// Latin letters with their accents, and blanks between them (AV-4.7-09, AV-4.7-10).
fn is_natural_name(name: &str) -> bool {
    name.chars().all(|letter| is_latin(letter) || letter == ' ')
}

/// As above, with digits (AV-4.7-11) and the marks without which "Hijos & Cía. S.A.S." cannot be written.
fn is_company_name(name: &str) -> bool {
    let is_sound = |letter: char| {
        is_latin(letter) || letter.is_ascii_digit() || matches!(letter, ' ' | '.' | ',' | '&' | '\'' | '-')
    };
    name.chars().all(is_sound) && name.chars().any(|letter| is_latin(letter) || letter.is_ascii_digit())
}

fn is_latin(letter: char) -> bool {
    letter.is_ascii_alphabetic() || matches!(letter, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ɏ')
}

/// Local part, `@`, domain of at least two labels, the last of two letters or more (C-36).
fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte);
    let is_label = |label: &str| {
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    local.bytes().all(is_local)
        && local.split('.').all(|atom| !atom.is_empty())
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_phone(phone: &str) -> bool {
    PHONE_DIGITS.contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn natural() -> Person {
        Person {
            is_company: false,
            name: Some("José Ñandú".into()),
            surname: Some("Prueba".into()),
            document: Some(Document { country: "CO".into(), kind: "CC".into(), number: "1093847561".into() }),
            email: Some("jose@correo.example".into()),
            mobile: Some("3005550147".into()),
            address: None,
        }
    }

    fn company() -> Person {
        Person {
            is_company: true,
            name: Some("Librería 24 & Hijos S.A.S.".into()),
            surname: None,
            document: Some(Document {
                country: "CO".into(),
                kind: "NIT".into(),
                number: "9001234567".into(),
            }),
            ..natural()
        }
    }

    fn complaints(role: Role, person: &Person) -> Vec<(String, String)> {
        let mut complaints = Vec::new();
        check(role, "buyer", person, &mut complaints);
        complaints.into_iter().map(|complaint| (complaint.param, complaint.code)).collect()
    }

    #[test]
    fn a_natural_name_takes_accents_and_refuses_digits_and_signs() {
        let _story = testing::story("a_natural_name_takes_accents_and_refuses_digits_and_signs");
        for name in ["José Ñandú", "María José Ñandú", "Zoë", "Núñez", "Łucja"] {
            assert!(is_natural_name(name), "{name}");
        }
        for name in ["Juan3", "Ana@", "O'Neil", "María-José", "<b>", "Ana\u{a0}", "Ана", "名前"] {
            let person = Person { surname: Some(name.into()), ..natural() };
            let found = complaints(Role::Buyer, &person);
            assert_eq!(found, [("buyer.surname".to_owned(), "invalid_value".to_owned())], "{name}");
        }
        let long = Person { name: Some("a".repeat(61)), ..natural() };
        assert_eq!(complaints(Role::Buyer, &long), [("buyer.name".to_owned(), "too_long".to_owned())]);
        testing::covers!("AV-4.4-04", "AV-4.7-09", "AV-4.7-10");
    }

    #[test]
    fn a_company_has_a_name_with_digits_and_no_surname() {
        let _story = testing::story("a_company_has_a_name_with_digits_and_no_surname");
        assert_eq!(complaints(Role::Buyer, &company()), []);
        let with_surname = Person { surname: Some("Prueba".into()), ..company() };
        let found = complaints(Role::Buyer, &with_surname);
        assert_eq!(found, [("buyer.surname".to_owned(), "invalid_value".to_owned())]);
        for name in ["<script>", "a@b", "...", "Tienda; DROP"] {
            assert!(!is_company_name(name), "{name}");
        }
        testing::covers!("AV-4.7-11");
    }

    #[test]
    fn a_document_is_of_its_type_and_of_its_holder() {
        let _story = testing::story("a_document_is_of_its_type_and_of_its_holder");
        let with = |base: Person, kind: &str, number: &str| {
            let (country, kind, number) = ("CO".into(), kind.into(), number.into());
            complaints(Role::Buyer, &Person { document: Some(Document { country, kind, number }), ..base })
        };
        assert_eq!(with(natural(), "CE", "EX345678"), []);
        assert_eq!(with(natural(), "PPN", "AB123456"), []);
        let wrong = |member: &str| [(format!("buyer.document.{member}"), "invalid_value".to_owned())];
        assert_eq!(with(natural(), "CC", "0123"), wrong("number"));
        assert_eq!(with(natural(), "CC", "12A4567"), wrong("number"));
        assert_eq!(with(natural(), "NIT", "9001234567"), wrong("type"));
        assert_eq!(with(company(), "CC", "1093847561"), wrong("type"));
        assert_eq!(with(company(), "NIT", "900123456-7"), wrong("number"));
        assert_eq!(with(natural(), "DNI", "12345678"), wrong("type"));
        testing::covers!("AV-4.4-05", "AV-4.7-08");
    }

    #[test]
    fn an_email_has_a_local_part_and_a_domain_with_a_suffix() {
        let _story = testing::story("an_email_has_a_local_part_and_a_domain_with_a_suffix");
        for email in ["a@b.com", "ana.prueba+1@correo.gov.co", "ana_p@sub-dominio.example"] {
            assert!(is_email(email), "{email}");
        }
        for email in [
            "ana",
            "ana@",
            "@b.com",
            "ana@b",
            "ana@b.c",
            "ana@b..com",
            "ana@.com",
            "ana.@b.com",
            ".ana@b.com",
            "an a@b.com",
            "ana@b.c0m",
            "ana@-b.com",
            "a@b@c.com",
            "ana@b.com ",
            "ñandú@b.com",
            "ana@b.com\n",
        ] {
            assert!(!is_email(email), "{email}");
        }
        let long = Person { email: Some(format!("{}@correo.example", "a".repeat(70))), ..natural() };
        assert_eq!(complaints(Role::Buyer, &long), [("buyer.email".to_owned(), "too_long".to_owned())]);
        testing::covers!("AV-4.4-06", "AV-4.7-13");
    }

    #[test]
    fn telephones_are_digits_only() {
        let _story = testing::story("telephones_are_digits_only");
        for phone in ["300555014a", "300 555 0147", "300-555-0147", "+573005550147", "123", "３００５５５０"]
        {
            let person = Person { mobile: Some(phone.into()), ..natural() };
            let found = complaints(Role::Buyer, &person);
            assert_eq!(found, [("buyer.mobile".to_owned(), "invalid_value".to_owned())], "{phone}");
        }
        let address = Address { country: "CO".into(), phone: Some("601-555".into()), ..Address::default() };
        let found = complaints(Role::Buyer, &Person { address: Some(address), ..natural() });
        assert_eq!(found, [("buyer.address.phone".to_owned(), "invalid_value".to_owned())]);
        testing::covers!("AV-4.7-12");
    }

    #[test]
    fn a_recipient_may_be_incomplete_and_is_well_formed() {
        let named = Person { name: Some("José".into()), ..Person::default() };
        assert_eq!(complaints(Role::Recipient, &named), []);
        let address = Address { country: "Co".into(), state: Some("BOGO".into()), ..Address::default() };
        let found = complaints(Role::Recipient, &Person { address: Some(address), ..named });
        let params: Vec<&str> = found.iter().map(|(param, _)| param.as_str()).collect();
        assert_eq!(params, ["buyer.address.country", "buyer.address.state"]);
    }
}
