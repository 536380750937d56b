//! The buyer's form: what a shopper typed, and the rules it has to keep, all of them checked here by the
//! server whether or not a browser checked before (AV-4.4-04 to -07, AV-4.7-07 to -13).

use serde::{Deserialize, Serialize};

use crate::market::{DocumentKind, Market};

/// Version of the conditions and of the data policy that a shopper accepts; kept with the order.
pub const TERMS_VERSION: &str = "2026-01";

const LONGEST_NAME: usize = 60;
const LONGEST_EMAIL: usize = 80;

/// What came in the form, as typed. A field that is missing is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BuyerForm {
    /// The id of the means of payment; empty where there is only one.
    pub means: String,
    /// `person` or `company`.
    pub kind: String,
    /// One of the market's kinds of document.
    pub document_type: String,
    /// The document's number.
    pub document_number: String,
    /// Given name, or the company's name.
    pub name: String,
    /// Family name; not looked at for a company.
    pub surname: String,
    /// E-mail address.
    pub email: String,
    /// Mobile number, national, digits only.
    pub mobile: String,
    /// Whether the card is the buyer's own: `yes`, `no`, or empty when not answered (AV-4.4-11).
    pub own_card: String,
    /// Not empty: the card is to be kept for the next time.
    pub keep_card: String,
    /// Not empty: it is paid in parts, by several means.
    pub in_parts: String,
    /// Not empty: the conditions are accepted (AV-12.5-06).
    pub accept_terms: String,
    /// Not empty: the treatment of personal data is accepted (AV-12.1-04).
    pub accept_data: String,
}

/// A buyer that keeps every rule, in the shape of the hub's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Buyer {
    /// Whether this is a company.
    pub is_company: bool,
    /// Given name, or the company's name.
    pub name: String,
    /// Family name; a company has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    /// Identity document.
    pub document: Document,
    /// E-mail address.
    pub email: String,
    /// Digits.
    pub mobile: String,
}

/// An identity document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// The type's abbreviation.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The number.
    pub number: String,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The means of payment.
    Means,
    /// Type of document.
    DocumentType,
    /// Number of document.
    DocumentNumber,
    /// Name.
    Name,
    /// Surname.
    Surname,
    /// E-mail.
    Email,
    /// Mobile.
    Mobile,
    /// Conditions.
    Terms,
    /// Data policy.
    Data,
}

/// What is wrong with a field; the page says it in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Empty, or nothing chosen.
    Missing,
    /// Not a document of the kind of buyer chosen.
    WrongForKind,
    /// Not written as its rule wants.
    Malformed,
    /// Longer than the gateway takes.
    TooLong,
    /// Not accepted.
    NotAccepted,
}

impl BuyerForm {
    /// Whether the buyer is a company.
    pub fn is_company(&self) -> bool {
        self.kind == "company"
    }

    /// Whether the shopper said that the card is his own; only then is the holder told (AV-4.7-18).
    pub fn is_own_card(&self) -> bool {
        self.own_card == "yes"
    }

    /// Checks every rule: a buyer, or everything that is wrong, in the order of the form.
    pub fn check(&self, market: Market) -> Result<Buyer, Vec<(Field, Fault)>> {
        let mut faults = Vec::new();
        let kind = market.documents().iter().find(|kind| kind.word == self.document_type);
        let document_number = self.document_number.trim();
        match kind {
            None => faults.push((Field::DocumentType, Fault::Missing)),
            Some(kind) if !kind.is_of(self.is_company()) => {
                faults.push((Field::DocumentType, Fault::WrongForKind));
            }
            Some(_) => {}
        }
        note(&mut faults, Field::DocumentNumber, check_document(kind, document_number));
        let (name, surname) = (self.name.trim(), self.surname.trim());
        if self.is_company() {
            note(&mut faults, Field::Name, check_name(name, is_company_name_letter));
        } else {
            note(&mut faults, Field::Name, check_name(name, is_name_letter));
            note(&mut faults, Field::Surname, check_name(surname, is_name_letter));
        }
        note(&mut faults, Field::Email, check_email(self.email.trim()));
        note(&mut faults, Field::Mobile, check_mobile(self.mobile.trim(), market));
        let accepted = |text: &str| if text.is_empty() { Err(Fault::NotAccepted) } else { Ok(()) };
        note(&mut faults, Field::Terms, accepted(&self.accept_terms));
        note(&mut faults, Field::Data, accepted(&self.accept_data));
        match kind {
            Some(kind) if faults.is_empty() => Ok(Buyer {
                is_company: self.is_company(),
                name: name.to_owned(),
                surname: (!self.is_company()).then(|| surname.to_owned()),
                document: Document {
                    country: market.country(),
                    kind: kind.word,
                    number: document_number.to_owned(),
                },
                email: self.email.trim().to_owned(),
                mobile: self.mobile.trim().to_owned(),
            }),
            Some(_) | None => Err(faults),
        }
    }
}

fn note(faults: &mut Vec<(Field, Fault)>, field: Field, verdict: Result<(), Fault>) {
    if let Err(fault) = verdict {
        faults.push((field, fault));
    }
}

fn check_document(kind: Option<&DocumentKind>, number: &str) -> Result<(), Fault> {
    match kind {
        _ if number.is_empty() => Err(Fault::Missing),
        Some(kind) if !kind.takes(number) => Err(Fault::Malformed),
        Some(_) | None => Ok(()),
    }
}

fn check_name(name: &str, allowed: fn(char) -> bool) -> Result<(), Fault> {
    if name.is_empty() {
        Err(Fault::Missing)
    } else if name.chars().count() > LONGEST_NAME {
        Err(Fault::TooLong)
    } else if name.chars().all(allowed) && name.chars().any(char::is_alphanumeric) {
        Ok(())
    } else {
        Err(Fault::Malformed)
    }
}

/// Letters with and without accents, Ñ, and blanks (C-72): no hyphen, no apostrophe, no digit.
fn is_name_letter(letter: char) -> bool {
    let accented = ('\u{c0}'..='\u{ff}').contains(&letter) && !matches!(letter, '×' | '÷');
    letter.is_ascii_alphabetic() || letter == ' ' || accented
}

/// A legal or trade name has digits too, and the points of `S.A.S.` (AV-4.7-11).
fn is_company_name_letter(letter: char) -> bool {
    is_name_letter(letter) || letter.is_ascii_digit() || matches!(letter, '.' | ',' | '&' | '-' | '\'')
}

/// A local part, `@`, a domain and at least one more label of two letters or more (C-36).
fn check_email(email: &str) -> Result<(), Fault> {
    if email.is_empty() {
        return Err(Fault::Missing);
    }
    if email.len() > LONGEST_EMAIL {
        return Err(Fault::TooLong);
    }
    let (local, domain) = email.split_once('@').ok_or(Fault::Malformed)?;
    let local_is_good = local.split('.').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte))
    });
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_is_good = labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    let ends_in_letters = labels
        .last()
        .is_some_and(|last| last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if local_is_good && domain_is_good && ends_in_letters { Ok(()) } else { Err(Fault::Malformed) }
}

fn check_mobile(mobile: &str, market: Market) -> Result<(), Fault> {
    if mobile.is_empty() {
        Err(Fault::Missing)
    } else if market.takes_mobile_of(mobile.len()) && mobile.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(Fault::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> BuyerForm {
        BuyerForm {
            means: String::new(),
            kind: "person".into(),
            document_type: "CC".into(),
            document_number: "1093847561".into(),
            name: "Prueba".into(),
            surname: "Ficticia Ñáñez".into(),
            email: "prueba@correo.example".into(),
            mobile: "3005550147".into(),
            own_card: String::new(),
            keep_card: String::new(),
            in_parts: String::new(),
            accept_terms: "yes".into(),
            accept_data: "yes".into(),
        }
    }

    fn company() -> BuyerForm {
        BuyerForm {
            kind: "company".into(),
            document_type: "NIT".into(),
            document_number: "9001234567".into(),
            name: "Ejemplos 24 S.A.S.".into(),
            surname: String::new(),
            ..form()
        }
    }

    fn faults(form: &BuyerForm) -> Vec<(Field, Fault)> {
        form.check(Market::Colombia).err().unwrap_or_default()
    }

    #[test]
    fn a_complete_form_is_a_buyer() {
        let buyer = form().check(Market::Colombia).expect("no fault");
        assert_eq!(buyer.surname.as_deref(), Some("Ficticia Ñáñez"));
        assert_eq!(buyer.document.kind, "CC");
        assert!(!buyer.is_company);
    }

    #[test]
    fn every_field_that_is_sent_is_required() {
        let _story = testing::story("every_field_that_is_sent_is_required");
        type Empty = fn(&mut BuyerForm);
        let table: [(Field, Empty, Fault); 8] = [
            (Field::DocumentType, |form| form.document_type.clear(), Fault::Missing),
            (Field::DocumentNumber, |form| form.document_number.clear(), Fault::Missing),
            (Field::Name, |form| form.name = "  ".into(), Fault::Missing),
            (Field::Surname, |form| form.surname.clear(), Fault::Missing),
            (Field::Email, |form| form.email.clear(), Fault::Missing),
            (Field::Mobile, |form| form.mobile.clear(), Fault::Missing),
            (Field::Terms, |form| form.accept_terms.clear(), Fault::NotAccepted),
            (Field::Data, |form| form.accept_data.clear(), Fault::NotAccepted),
        ];
        for (field, empty, fault) in table {
            let mut broken = form();
            empty(&mut broken);
            assert_eq!(faults(&broken), vec![(field, fault)], "{field:?}");
        }
        testing::covers!("AV-4.7-07");
    }

    #[test]
    fn names_hold_letters_accents_and_blanks_only() {
        let _story = testing::story("names_hold_letters_accents_and_blanks_only");
        for good in ["José Ñandú", "María José Ñandú", "Ana", "João", "Güiza Müller", "Ç"] {
            let named = BuyerForm { name: good.into(), surname: good.into(), ..form() };
            assert_eq!(faults(&named), vec![], "{good}");
        }
        for bad in ["Juan3", "Ana@", "O'Nadie", "Ana-Lía", "Ana_", "Ana.", "×", "<b>", "Ана", "Ana\u{0}"]
        {
            let named = BuyerForm { name: bad.into(), ..form() };
            assert_eq!(faults(&named), vec![(Field::Name, Fault::Malformed)], "{bad}");
            let named = BuyerForm { surname: bad.into(), ..form() };
            assert_eq!(faults(&named), vec![(Field::Surname, Fault::Malformed)], "{bad}");
        }
        let long = BuyerForm { name: "ñ".repeat(61), ..form() };
        assert_eq!(faults(&long), vec![(Field::Name, Fault::TooLong)]);
        testing::covers!("AV-4.4-04", "AV-4.7-09", "AV-4.7-10");
    }

    #[test]
    fn a_company_has_a_name_with_digits_and_no_surname() {
        let _story = testing::story("a_company_has_a_name_with_digits_and_no_surname");
        let mut typed = company();
        typed.surname = "no se mira 9".into();
        let buyer = typed.check(Market::Colombia).expect("no fault");
        assert!(buyer.is_company && buyer.surname.is_none());
        let sent = serde_json::to_value(&buyer).expect("JSON");
        assert!(sent.get("surname").is_none());
        assert_eq!(sent["name"], "Ejemplos 24 S.A.S.");
        let only_marks = BuyerForm { name: "...".into(), ..company() };
        assert_eq!(faults(&only_marks), vec![(Field::Name, Fault::Malformed)]);
        testing::covers!("AV-4.7-11");
    }

    #[test]
    fn a_document_is_written_as_its_type_is() {
        let _story = testing::story("a_document_is_written_as_its_type_is");
        let table = [
            ("CC", "1234", true),
            ("CC", "1093847561", true),
            ("CC", "123", false),
            ("CC", "01234", false),
            ("CC", "10938475612", false),
            ("CC", "1.093.847", false),
            ("CC", "12a4", false),
            ("CE", "AB1234", true),
            ("CE", "12345678", true),
            ("CE", "ABCDEF1234", false),
            ("CE", "AB123", false),
            ("TI", "12345", true),
            ("TI", "123456789012", true),
            ("TI", "1234", false),
            ("PPN", "AZ_1", true),
            ("PPN", "AZ-12", false),
            ("PPN", "12345678901234567", false),
            ("NIT", "9001234567", true),
            ("NIT", "900123456-7", false),
            ("RUT", "123456", false),
        ];
        for (kind, number, good) in table {
            let base = if matches!(kind, "NIT" | "RUT") { company() } else { form() };
            let typed = BuyerForm { document_type: kind.into(), document_number: number.into(), ..base };
            let expected = if good { vec![] } else { vec![(Field::DocumentNumber, Fault::Malformed)] };
            assert_eq!(faults(&typed), expected, "{kind} {number}");
        }
        testing::covers!("AV-4.4-05", "AV-4.7-08");
    }

    #[test]
    fn a_document_of_the_other_kind_of_buyer_is_refused() {
        let person =
            BuyerForm { document_type: "NIT".into(), document_number: "9001234567".into(), ..form() };
        assert_eq!(faults(&person), vec![(Field::DocumentType, Fault::WrongForKind)]);
        let firm = BuyerForm { document_type: "CC".into(), ..company() };
        assert_eq!(faults(&firm), vec![(Field::DocumentType, Fault::WrongForKind)]);
        let unknown = BuyerForm { document_type: "XX".into(), ..form() };
        assert_eq!(faults(&unknown), vec![(Field::DocumentType, Fault::Missing)]);
    }

    #[test]
    fn an_email_has_a_valid_structure() {
        let _story = testing::story("an_email_has_a_valid_structure");
        for good in ["a@b.co", "prueba@correo.example", "a.b-c_d+e@sub.correo.com.co", "x@1a.example"] {
            let typed = BuyerForm { email: good.into(), ..form() };
            assert_eq!(faults(&typed), vec![], "{good}");
        }
        for bad in [
            "sin-arroba",
            "@b.co",
            "a@",
            "a@b",
            "a@b.c",
            "a@b.c0",
            "a@@b.co",
            "a b@c.co",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.co",
            "a@-b.co",
            "a@b-.co",
            "a@b..co",
            "a@b.co.",
            "a@b.co\r\nBcc: c@d.co",
            "ñ@b.co",
        ] {
            let typed = BuyerForm { email: bad.into(), ..form() };
            assert_eq!(faults(&typed), vec![(Field::Email, Fault::Malformed)], "{bad}");
        }
        let long = BuyerForm { email: format!("{}@b.co", "a".repeat(80)), ..form() };
        assert_eq!(faults(&long), vec![(Field::Email, Fault::TooLong)]);
        testing::covers!("AV-4.4-06", "AV-4.7-13");
    }

    #[test]
    fn a_mobile_number_is_digits_only() {
        let _story = testing::story("a_mobile_number_is_digits_only");
        for bad in
            ["300 555 0147", "300-555-0147", "+573005550147", "30055501a7", "123456", "1234567890123456"]
        {
            let typed = BuyerForm { mobile: bad.into(), ..form() };
            assert_eq!(faults(&typed), vec![(Field::Mobile, Fault::Malformed)], "{bad}");
        }
        testing::covers!("AV-4.7-12");
    }

    #[test]
    fn the_holder_is_told_only_when_the_card_is_the_buyer_s_own() {
        for (answer, own) in [("yes", true), ("no", false), ("", false), ("maybe", false)] {
            let typed = BuyerForm { own_card: answer.into(), ..form() };
            assert_eq!(typed.is_own_card(), own, "{answer}");
        }
    }
}
