//! What the provider is told about the payer, and how it may be written (PROTOCOL.md 4.3, 11).
//!
//! Payer is who buys: whoever has the code can pay it.

use payment::Account;
use payment::order::{Complaint, Order};
use payment::person::{Document, Person};

use crate::account::reminds_in;

/// Longest address of mail, in characters.
const LONGEST_EMAIL: usize = 100;
/// Longest name and longest surname. They are only shown: what is longer is cut.
const LONGEST_NAME: usize = 30;
/// Longest number of a document.
const LONGEST_DOCUMENT: usize = 14;
/// Letters of the last label of a mail's host. PE-U16: the pattern is that of the provider's kit, which has six at most,
/// and longer ones exist by now.
const LAST_LABEL: std::ops::RangeInclusive<usize> = 2..=24;
/// Digits of a mobile number in both countries. PE-U50: the first one is a 9.
const MOBILE_DIGITS: usize = 9;

/// A country with reminders by phone, the only ones there are (PE-27).
struct Country {
    iso: &'static str,
    /// Its word in the account's settings.
    setting: &'static str,
    /// Its name in the request.
    name: &'static str,
    prefix: &'static str,
    /// What is written before a number inside the country, and never after the prefix.
    trunk: &'static str,
}

const COUNTRIES: [Country; 2] = [
    Country { iso: "PE", setting: "pe", name: "PERU", prefix: "+51", trunk: "" },
    Country { iso: "EC", setting: "ec", name: "ECUADOR", prefix: "+593", trunk: "0" },
];

/// The payer's mobile number with its country's prefix, two members of which neither is sent without the other (PE-26).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone<'a> {
    /// Nine digits.
    pub number: &'a str,
    /// `+51` or `+593`.
    pub prefix: &'static str,
}

/// The number that reminders go to; nothing where they are not agreed for its country, or the country is not known.
pub fn phone<'a>(payer: &'a Person, account: &Account) -> Option<Phone<'a>> {
    let country = reminded_country(payer, account)?;
    let number = mobile_number(payer.mobile.as_deref()?, country)?;
    Some(Phone { number, prefix: country.prefix })
}

/// The name of the payer's country, where it is one that the provider works in.
pub fn country_name(payer: &Person) -> Option<&'static str> {
    Some(country(payer)?.name)
}

/// A document of a kind that the provider knows: its word and the number. Others are not told.
pub fn document(payer: &Person) -> Option<(&'static str, &str)> {
    let document = payer.document.as_ref()?;
    Some((document_kind(document)?, &document.number))
}

/// A name as it is shown, cut to what is taken.
pub fn shown_name(name: Option<&str>) -> Option<String> {
    let cut: String = name?.trim().chars().take(LONGEST_NAME).collect();
    Some(cut).filter(|name| !name.is_empty())
}

/// Whether a text is an address of mail as the provider takes it.
pub fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let Some((labels, last)) = host.rsplit_once('.') else { return false };
    let letters = |text: &str, others: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    text.len() <= LONGEST_EMAIL
        && letters(name, b"._%+-")
        && letters(labels, b".-")
        && LAST_LABEL.contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Complaints about the payer.
pub fn check(order: &Order, account: &Account, complaints: &mut Vec<Complaint>) {
    let Some(payer) = &order.buyer else { return };
    let mut refuse = |member: &str, detail: &str| {
        complaints.push(Complaint::new(format!("buyer.{member}"), "invalid_value", detail));
    };
    if payer.email.as_ref().is_some_and(|email| !is_email(email)) {
        refuse("email", "PagoEfectivo takes an address of mail of 100 ASCII characters at most.");
    }
    if let Some((kind, number)) = document(payer)
        && !is_document_number(kind, number)
    {
        refuse("document.number", "A document has 1 to 14 digits; a passport may have letters.");
    }
    if let (Some(country), Some(mobile)) = (reminded_country(payer, account), payer.mobile.as_deref())
        && mobile_number(mobile, country).is_none()
    {
        refuse("mobile", "A mobile number of Peru or Ecuador has nine digits, of which the first is a 9.");
    }
}

/// The country of the payer's address, else of his document.
fn country(payer: &Person) -> Option<&'static Country> {
    let address = payer.address.as_ref().map(|address| &address.country);
    let iso = address.or(payer.document.as_ref().map(|document| &document.country))?;
    COUNTRIES.iter().find(|country| country.iso == iso)
}

fn reminded_country(payer: &Person, account: &Account) -> Option<&'static Country> {
    country(payer).filter(|country| reminds_in(account, country.setting))
}

fn mobile_number<'a>(mobile: &'a str, country: &Country) -> Option<&'a str> {
    let number = match mobile.strip_prefix(country.trunk) {
        Some(number) if !country.trunk.is_empty() => number,
        Some(_) | None => mobile,
    };
    let is_number = number.len() == MOBILE_DIGITS
        && number.starts_with('9')
        && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

/// The provider's word for a kind of document. Identity cards other than Peru's have none.
fn document_kind(document: &Document) -> Option<&'static str> {
    match document.kind.as_str() {
        "DNI" => Some("DNI"),
        "PAS" | "PPN" => Some("PAS"),
        "PAR" => Some("PAR"),
        "LMI" => Some("LMI"),
        "NAN" => Some("NAN"),
        _ => None,
    }
}

/// PE-U12: letters are assumed to be taken in passports and in what is none of the others.
fn is_document_number(kind: &str, number: &str) -> bool {
    let may_have_letters = matches!(kind, "PAS" | "NAN");
    let is_plain = |byte: u8| byte.is_ascii_digit() || (may_have_letters && byte.is_ascii_alphabetic());
    (1..=LONGEST_DOCUMENT).contains(&number.len()) && number.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use payment::person::Address;

    use super::*;
    use crate::account::tests::{account, account_with};
    use crate::account::{SMS_AGREEMENT, SMS_REMINDERS};

    fn payer(country: &str, mobile: Option<&str>) -> Person {
        let address = Address { country: country.into(), ..Address::default() };
        Person { mobile: mobile.map(str::to_owned), address: Some(address), ..Person::default() }
    }

    fn both() -> Account {
        account_with(&[(SMS_REMINDERS, "pe_and_ec"), (SMS_AGREEMENT, "Acta 7")])
    }

    #[test]
    fn number_and_country_code_are_told_together_or_not_at_all() {
        let _story = testing::story("number_and_country_code_are_told_together_or_not_at_all");
        let told = |payer: &Person, account: &Account| {
            phone(payer, account).map(|phone| (phone.number.to_owned(), phone.prefix))
        };
        let peru = Some(("951204477".to_owned(), "+51"));
        let ecuador = Some(("991204477".to_owned(), "+593"));
        assert_eq!(told(&payer("PE", Some("951204477")), &both()), peru);
        assert_eq!(told(&payer("EC", Some("991204477")), &both()), ecuador);
        assert_eq!(told(&payer("EC", Some("0991204477")), &both()), ecuador);
        // Only the number, only the country, another country, a number that is none.
        assert_eq!(told(&Person { mobile: Some("951204477".into()), ..Person::default() }, &both()), None);
        assert_eq!(told(&payer("PE", None), &both()), None);
        assert_eq!(told(&payer("CO", Some("951204477")), &both()), None);
        for mobile in ["", "95120447", "9512044771", "851204477", "+51951204477", "0951204477", "95120447a"] {
            assert_eq!(told(&payer("PE", Some(mobile)), &both()), None, "{mobile}");
        }
        // Not agreed at all, or not for this country.
        assert_eq!(told(&payer("PE", Some("951204477")), &account()), None);
        let peru_alone = account_with(&[(SMS_REMINDERS, "pe"), (SMS_AGREEMENT, "Acta 7")]);
        assert_eq!(told(&payer("EC", Some("991204477")), &peru_alone), None);
        testing::covers!("PE-26", "PE-27");
    }

    #[test]
    fn an_address_of_mail_is_one_that_the_provider_takes() {
        for email in ["rosa.quispe@correo.example", "a@b.pe", "A_%+-9@x-1.y.museum"] {
            assert!(is_email(email), "{email}");
        }
        let long = format!("{}@correo.example", "a".repeat(90));
        for email in [
            "", "rosa", "@b.pe", "a@", "a@b", "a@.p", "a@b.p", "a@b.1e", "a@b@c.pe", "ñ@b.pe", "a b@c.pe",
            &long,
        ] {
            assert!(!is_email(email), "{email}");
        }
    }

    #[test]
    fn documents_that_the_provider_has_no_word_for_are_not_told() {
        let told = |kind: &str, number: &str| {
            let document = Document { country: "PE".into(), kind: kind.into(), number: number.into() };
            let payer = Person { document: Some(document), ..Person::default() };
            document_told(&payer)
        };
        fn document_told(payer: &Person) -> Option<(String, bool)> {
            super::document(payer).map(|(kind, number)| (kind.to_owned(), is_document_number(kind, number)))
        }
        assert_eq!(told("DNI", "45127790"), Some(("DNI".into(), true)));
        assert_eq!(told("DNI", "4512779A"), Some(("DNI".into(), false)));
        assert_eq!(told("PPN", "AB123456"), Some(("PAS".into(), true)));
        assert_eq!(told("PAS", "123456789012345"), Some(("PAS".into(), false)));
        assert_eq!(told("RUC", "20123456789"), None);
    }

    #[test]
    fn names_are_cut_and_blank_ones_are_none() {
        assert_eq!(shown_name(Some("Rosa")).as_deref(), Some("Rosa"));
        assert_eq!(shown_name(Some(&"ñ".repeat(40))).map(|name| name.chars().count()), Some(30));
        assert_eq!(shown_name(Some("  ")), None);
        assert_eq!(shown_name(None), None);
    }
}
