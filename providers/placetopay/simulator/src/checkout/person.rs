//! Buyer, payer and recipient: what is taken, what is dropped in silence and what is refused (§6.2).

use simulation::card;
use simulation::strict_json::Value;

use super::documents;
use super::objection::Objection;
use super::refusal::Refusal;

/// Longest texts, in characters.
const DOCUMENT_TYPE_LIMIT: usize = 6;
const DOCUMENT_LIMIT: usize = 25;
const NAME_LIMIT: usize = 60;
const EMAIL_LIMIT: usize = 80;
const MOBILE_LIMIT: usize = 30;
const COUNTRY_LENGTH: usize = 2;
const STATE_LIMIT: usize = 3;
const CITY_LIMIT: usize = 30;
const POSTAL_CODE_LIMIT: usize = 10;
const STREET_LIMIT: usize = 128;
const PHONE_LIMIT: usize = 20;

/// Whose data it is; only the payer's is refused, the others' is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `buyer`: who buys; fills the page in advance.
    Buyer,
    /// `payer`: who owns the card; locks the page.
    Payer,
    /// `payment.shipping`: who receives.
    Recipient,
}

/// A person or company. Absent and empty texts are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members have the provider's names")]
pub struct Person {
    pub document_type: Option<String>,
    pub document: Option<String>,
    pub name: Option<String>,
    pub surname: Option<String>,
    pub company: Option<String>,
    pub email: Option<String>,
    pub mobile: Option<String>,
    pub address: Option<Address>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members have the provider's names")]
pub struct Address {
    pub country: Option<String>,
    pub state: Option<String>,
    pub city: Option<String>,
    pub postal_code: Option<String>,
    pub street: Option<String>,
    pub phone: Option<String>,
}

/// Reads a person at `path`. Absent, `null` and the empty array that PHP writes are nobody.
pub fn read(value: Option<&Value>, role: Role, path: &str) -> Result<Option<Person>, Refusal> {
    let Some(value) = value.filter(|value| !value.is_null() && value.items() != Some(&[])) else {
        return Ok(None);
    };
    let reader = Reader { value, role, path };
    if value.members().is_none() {
        return Err(reader.refusal(""));
    }
    let person = Person {
        document_type: reader.limited("documentType", DOCUMENT_TYPE_LIMIT)?,
        document: reader.limited("document", DOCUMENT_LIMIT)?,
        name: reader.name("name")?,
        surname: reader.name("surname")?,
        company: reader.limited("company", NAME_LIMIT)?,
        email: reader.email()?,
        mobile: reader.limited("mobile", MOBILE_LIMIT)?,
        address: reader.address()?,
    };
    reader.judge_document(&person)?;
    Ok(Some(person))
}

/// Whether a text has the form of an address: something, one `@`, a domain with a dot.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-+".contains(character);
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.chars().count() <= EMAIL_LIMIT
        && !local.is_empty()
        && local.chars().all(is_plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && labels.len() > 1
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|top| top.len() > 1)
}

impl Person {
    /// As the query writes it; absent members are left out.
    pub fn to_value(&self) -> Value {
        let mut person = object([
            ("documentType", &self.document_type),
            ("document", &self.document),
            ("name", &self.name),
            ("surname", &self.surname),
            ("company", &self.company),
            ("email", &self.email),
            ("mobile", &self.mobile),
        ]);
        if let Some(address) = &self.address {
            person.set("address", address.to_value());
        }
        person
    }

    /// Name and surname.
    pub fn full_name(&self) -> String {
        [&self.name, &self.surname].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether it holds the six data that the guide wants of a buyer; a company has no surname (AV-4.7-01, AV-4.7-11).
    pub fn is_complete(&self) -> bool {
        let is_company = self
            .document_type
            .as_deref()
            .and_then(documents::find)
            .is_some_and(|kind| kind.holder == documents::Holder::Company);
        [&self.document_type, &self.document, &self.name, &self.email, &self.mobile]
            .iter()
            .all(|datum| datum.is_some())
            && (self.surname.is_some() || is_company)
    }
}

impl Address {
    fn to_value(&self) -> Value {
        object([
            ("country", &self.country),
            ("state", &self.state),
            ("city", &self.city),
            ("postalCode", &self.postal_code),
            ("street", &self.street),
            ("phone", &self.phone),
        ])
    }
}

fn object<const N: usize>(members: [(&str, &Option<String>); N]) -> Value {
    Value::object(
        members
            .into_iter()
            .filter_map(|(name, text)| text.as_ref().map(|text| (name, Value::text(text.clone())))),
    )
}

struct Reader<'a> {
    value: &'a Value,
    role: Role,
    path: &'a str,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.value.get(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().ok_or_else(|| self.refusal(name))?.trim();
                Ok((!text.is_empty()).then(|| text.to_owned()))
            }
        }
    }

    /// AV-U10: any text beyond its limit is refused, unless the changelog says that it is cut or dropped.
    fn limited(&self, name: &str, limit: usize) -> Result<Option<String>, Refusal> {
        let text = self.text(name)?;
        match &text {
            Some(long) if long.chars().count() > limit => Err(self.refusal(name)),
            Some(_) | None => Ok(text),
        }
    }

    /// A card number in a name: the buyer's name goes away, the payer's is refused.
    fn name(&self, name: &str) -> Result<Option<String>, Refusal> {
        let text = self.limited(name, NAME_LIMIT)?;
        let holds_card = text.as_deref().is_some_and(|text| !card::find_numbers(text).is_empty());
        match (holds_card, self.role) {
            (false, _) => Ok(text),
            (true, Role::Buyer | Role::Recipient) => Ok(None),
            (true, Role::Payer) => Err(self.refusal(name)),
        }
    }

    fn email(&self) -> Result<Option<String>, Refusal> {
        let email = self.text("email")?;
        let is_long = email.as_deref().is_some_and(|email| email.chars().count() > EMAIL_LIMIT);
        match (self.role, email) {
            (Role::Buyer | Role::Recipient, email) => Ok(email.filter(|_| !is_long)),
            // The payer cannot mend a locked address on the page, so it has to be one.
            (Role::Payer, Some(email)) if is_long || !is_email(&email) => Err(self.refusal("email")),
            (Role::Payer, email) => Ok(email),
        }
    }

    fn address(&self) -> Result<Option<Address>, Refusal> {
        let Some(value) =
            self.value.get("address").filter(|value| !value.is_null() && value.items() != Some(&[]))
        else {
            return Ok(None);
        };
        if value.members().is_none() {
            return Err(self.refusal("address"));
        }
        let inner = Reader { value, role: self.role, path: self.path };
        let cut = |name, limit| inner.text(name).map(|text| text.map(|text| shortened(&text, limit)));
        let country = inner.limited("country", COUNTRY_LENGTH)?;
        if country.as_ref().is_some_and(|country| country.chars().count() != COUNTRY_LENGTH) {
            return Err(self.refusal("address.country"));
        }
        Ok(Some(Address {
            country,
            state: inner.limited("state", STATE_LIMIT)?,
            city: cut("city", CITY_LIMIT)?,
            postal_code: cut("postalCode", POSTAL_CODE_LIMIT)?,
            street: cut("street", STREET_LIMIT)?,
            phone: inner.limited("phone", PHONE_LIMIT)?,
        }))
    }

    /// AV-U48: patterns bind the payer; the buyer's document is asked for again on the page.
    fn judge_document(&self, person: &Person) -> Result<(), Refusal> {
        let (Role::Payer, Some(document)) = (self.role, &person.document) else { return Ok(()) };
        let kind = person.document_type.as_deref().and_then(documents::find);
        match kind {
            Some(kind) if kind.fits(document) => Ok(()),
            Some(_) => Err(self.refusal("document")),
            None => Err(self.refusal("documentType")),
        }
    }

    fn refusal(&self, member: &str) -> Refusal {
        let place = if member.is_empty() { self.path.to_owned() } else { format!("{}.{member}", self.path) };
        match self.role {
            Role::Payer => Refusal::payer(&place),
            Role::Buyer | Role::Recipient => Refusal::request(Objection::Invalid(place)),
        }
    }
}

/// The first `limit` characters.
pub fn shortened(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use simulation::strict_json::parse;

    use super::*;

    fn read_text(text: &str, role: Role) -> Result<Option<Person>, Refusal> {
        read(Some(&parse(text.as_bytes()).expect("JSON")), role, "person")
    }

    #[test]
    fn a_long_email_is_dropped_from_the_buyer_and_refused_of_the_payer() {
        let long = format!(r#"{{"name":"Prueba","email":"{}@correo.example"}}"#, "a".repeat(80));
        let buyer = read_text(&long, Role::Buyer).expect("taken").expect("somebody");
        assert_eq!((buyer.name.as_deref(), buyer.email), (Some("Prueba"), None));
        assert_eq!(read_text(&long, Role::Payer), Err(Refusal::payer("person.email")));
    }

    #[test]
    fn a_card_number_in_a_name_is_dropped_from_the_buyer_and_refused_of_the_payer() {
        let text = r#"{"name":"4110 7600 0000 0081","surname":"Prueba"}"#;
        let buyer = read_text(text, Role::Buyer).expect("taken").expect("somebody");
        assert_eq!((buyer.name, buyer.surname.as_deref()), (None, Some("Prueba")));
        assert_eq!(read_text(text, Role::Payer), Err(Refusal::payer("person.name")));
    }

    #[test]
    fn a_long_name_is_refused_of_both() {
        let text = format!(r#"{{"name":"{}"}}"#, "ñ".repeat(61));
        assert_eq!(
            read_text(&text, Role::Buyer),
            Err(Refusal::request(Objection::Invalid("person.name".into())))
        );
        assert_eq!(read_text(&text, Role::Payer), Err(Refusal::payer("person.name")));
        let fits = format!(r#"{{"name":"{}"}}"#, "ñ".repeat(60));
        assert!(read_text(&fits, Role::Payer).is_ok());
    }

    #[test]
    fn city_postal_code_and_street_are_cut() {
        let text = format!(
            r#"{{"address":{{"city":"{0}","postalCode":"{0}","street":"{0}","country":"CO"}}}}"#,
            "x".repeat(200)
        );
        let address =
            read_text(&text, Role::Buyer).expect("taken").expect("somebody").address.expect("an address");
        let length = |text: Option<String>| text.map(|text| text.len());
        assert_eq!(length(address.city), Some(30));
        assert_eq!(length(address.postal_code), Some(10));
        assert_eq!(length(address.street), Some(128));
    }

    #[test]
    fn document_patterns_bind_the_payer_only() {
        let text = r#"{"documentType":"CC","document":"0123"}"#;
        assert!(read_text(text, Role::Buyer).is_ok());
        assert_eq!(read_text(text, Role::Payer), Err(Refusal::payer("person.document")));
        assert_eq!(
            read_text(r#"{"document":"1093847561"}"#, Role::Payer),
            Err(Refusal::payer("person.documentType"))
        );
    }

    #[test]
    fn nobody_is_absent_null_or_an_empty_array() {
        assert_eq!(read(None, Role::Buyer, "buyer"), Ok(None));
        assert_eq!(read_text("null", Role::Buyer), Ok(None));
        assert_eq!(read_text("[]", Role::Payer), Ok(None));
        assert!(read_text("7", Role::Buyer).is_err());
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        for (text, yes) in [
            ("mariana.nanez@correo.example", true),
            ("a+b@sub.correo.example", true),
            ("a@b", false),
            ("@correo.example", false),
            ("a b@correo.example", false),
            ("a@b@correo.example", false),
            ("a@correo..example", false),
            (".a@correo.example", false),
        ] {
            assert_eq!(is_email(text), yes, "{text}");
        }
    }
}
