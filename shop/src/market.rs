//! The countries that the shop sells in: their money, their sales tax, their documents and how telephones are numbered.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// A country that the shop sells in, with the money that it asks for there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Market {
    /// Colombian pesos.
    Colombia,
    /// Soles.
    Peru,
    /// United States dollars.
    Ecuador,
    /// Chilean pesos, which have no cents.
    Chile,
    /// Mexican pesos.
    Mexico,
    /// Reais.
    Brazil,
}

/// What is so of a market.
struct Facts {
    word: &'static str,
    names: [&'static str; 3],
    country: &'static str,
    currency: &'static str,
    decimals: u32,
    tax: &'static str,
    tax_percent: i64,
    documents: &'static [DocumentKind],
    mobile_digits: RangeInclusive<usize>,
}

/// A kind of identity document.
#[derive(Debug, PartialEq, Eq)]
pub struct DocumentKind {
    /// The usual abbreviation.
    pub word: &'static str,
    /// Who has one.
    pub holder: Holder,
    shape: Shape,
}

/// Who has a kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// People.
    Person,
    /// Companies.
    Company,
    /// Both.
    Either,
}

/// How the numbers of a kind of document are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// So many digits, the first one not zero.
    Number(usize, usize),
    /// So many digits, leading zeros too.
    Digits(usize, usize),
    /// Up to five letters, then digits.
    ForeignerCard,
    /// Letters, digits and `_`.
    Passport,
    /// Letters and digits, in capitals.
    Plain(usize, usize),
    /// Chile's number with its check digit, with points and hyphen or without.
    Rut,
}

const fn kind(word: &'static str, holder: Holder, shape: Shape) -> DocumentKind {
    DocumentKind { word, holder, shape }
}

use Holder::{Company, Either, Person};

static COLOMBIA: Facts = Facts {
    word: "colombia",
    names: ["Colombia", "Colômbia", "Colombia"],
    country: "CO",
    currency: "COP",
    decimals: 2,
    tax: "IVA",
    tax_percent: 19,
    documents: &[
        kind("CC", Person, Shape::Number(4, 10)),
        kind("CE", Person, Shape::ForeignerCard),
        kind("TI", Person, Shape::Number(5, 12)),
        kind("PPN", Person, Shape::Passport),
        kind("NIT", Company, Shape::Number(7, 10)),
        kind("RUT", Company, Shape::Number(7, 10)),
    ],
    mobile_digits: 7..=15,
};

static PERU: Facts = Facts {
    word: "peru",
    names: ["Perú", "Peru", "Peru"],
    country: "PE",
    currency: "PEN",
    decimals: 2,
    tax: "IGV",
    tax_percent: 18,
    documents: &[
        kind("DNI", Person, Shape::Digits(8, 8)),
        kind("CE", Person, Shape::Digits(8, 12)),
        kind("PAS", Person, Shape::Plain(6, 14)),
        kind("RUC", Company, Shape::Number(11, 11)),
    ],
    mobile_digits: 9..=9,
};

static ECUADOR: Facts = Facts {
    word: "ecuador",
    names: ["Ecuador", "Equador", "Ecuador"],
    country: "EC",
    currency: "USD",
    decimals: 2,
    tax: "IVA",
    tax_percent: 15,
    documents: &[
        kind("CI", Person, Shape::Digits(10, 10)),
        kind("PAS", Person, Shape::Plain(6, 14)),
        kind("RUC", Company, Shape::Digits(13, 13)),
    ],
    mobile_digits: 9..=10,
};

static CHILE: Facts = Facts {
    word: "chile",
    names: ["Chile", "Chile", "Chile"],
    country: "CL",
    currency: "CLP",
    decimals: 0,
    tax: "IVA",
    tax_percent: 19,
    documents: &[kind("RUT", Either, Shape::Rut), kind("PPN", Person, Shape::Passport)],
    mobile_digits: 9..=9,
};

static MEXICO: Facts = Facts {
    word: "mexico",
    names: ["México", "México", "Mexico"],
    country: "MX",
    currency: "MXN",
    decimals: 2,
    tax: "IVA",
    tax_percent: 16,
    documents: &[
        kind("CURP", Person, Shape::Plain(18, 18)),
        kind("RFC", Either, Shape::Plain(12, 13)),
        kind("PPN", Person, Shape::Passport),
    ],
    mobile_digits: 10..=10,
};

static BRAZIL: Facts = Facts {
    word: "brasil",
    names: ["Brasil", "Brasil", "Brazil"],
    country: "BR",
    currency: "BRL",
    decimals: 2,
    tax: "ICMS",
    tax_percent: 18,
    documents: &[
        kind("CPF", Person, Shape::Digits(11, 11)),
        kind("CNPJ", Company, Shape::Digits(14, 14)),
        kind("PPN", Person, Shape::Passport),
    ],
    mobile_digits: 10..=11,
};

impl Market {
    /// Every market, in the order in which products list their prices.
    pub const ALL: [Self; 6] =
        [Self::Colombia, Self::Peru, Self::Ecuador, Self::Chile, Self::Mexico, Self::Brazil];

    const fn facts(self) -> &'static Facts {
        match self {
            Self::Colombia => &COLOMBIA,
            Self::Peru => &PERU,
            Self::Ecuador => &ECUADOR,
            Self::Chile => &CHILE,
            Self::Mexico => &MEXICO,
            Self::Brazil => &BRAZIL,
        }
    }

    /// Its place in lists of prices.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// The word in addresses and cookies.
    pub const fn word(self) -> &'static str {
        self.facts().word
    }

    /// The market of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|market| market.word() == word)
    }

    /// The country's name.
    pub const fn name(self, language: Language) -> &'static str {
        language.pick(&self.facts().names)
    }

    /// ISO 3166-1 alpha-2.
    pub const fn country(self) -> &'static str {
        self.facts().country
    }

    /// ISO 4217.
    pub const fn currency(self) -> &'static str {
        self.facts().currency
    }

    /// Decimals of an amount.
    pub const fn decimals(self) -> u32 {
        self.facts().decimals
    }

    /// What the sales tax is called, with its rate: `IVA 19 %`.
    pub fn tax_name(self) -> String {
        format!("{} {} %", self.facts().tax, self.facts().tax_percent)
    }

    /// The tax on a net price, in minor units, half a unit rounded up.
    pub const fn tax_on(self, net: i64) -> i64 {
        (net * self.facts().tax_percent + 50) / 100
    }

    /// The documents that are taken.
    pub const fn documents(self) -> &'static [DocumentKind] {
        self.facts().documents
    }

    /// Whether so many digits are a mobile number, written without a country code.
    pub fn takes_mobile_of(self, digits: usize) -> bool {
        self.facts().mobile_digits.contains(&digits)
    }
}

impl DocumentKind {
    /// Whether a company, or a person, has one.
    pub const fn is_of(&self, is_company: bool) -> bool {
        match self.holder {
            Holder::Either => true,
            Holder::Company => is_company,
            Holder::Person => !is_company,
        }
    }

    /// Whether a number is written as this kind's numbers are.
    pub fn takes(&self, number: &str) -> bool {
        let is_digits = |text: &str, least: usize, most: usize| {
            (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        match self.shape {
            Shape::Number(least, most) => is_digits(number, least, most) && !number.starts_with('0'),
            Shape::Digits(least, most) => is_digits(number, least, most),
            Shape::ForeignerCard => {
                let digits = number.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
                number.len() - digits.len() <= 5 && is_digits(digits, 4, 8) && !digits.starts_with('0')
            }
            Shape::Passport => {
                (4..=16).contains(&number.len())
                    && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }
            Shape::Plain(least, most) => {
                (least..=most).contains(&number.len())
                    && number.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            }
            Shape::Rut => is_rut(number),
        }
    }
}

/// `11.111.111-1`, with its marks or without: the last one is the check digit of the others.
fn is_rut(written: &str) -> bool {
    let plain: Vec<u8> = written.bytes().filter(|byte| !matches!(byte, b'.' | b'-')).collect();
    let Some((check, digits)) = plain.split_last() else { return false };
    if !(7..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weights = (2..=7).cycle();
    let sum: u32 =
        digits.iter().rev().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        digit => b'0' + u8::try_from(digit).unwrap_or_default(),
    };
    check.to_ascii_uppercase() == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(market: Market, word: &str, number: &str) -> bool {
        let kind = market.documents().iter().find(|kind| kind.word == word);
        kind.expect("a kind of document").takes(number)
    }

    #[test]
    fn each_market_is_known_by_its_word_and_its_place() {
        for (place, market) in Market::ALL.into_iter().enumerate() {
            assert_eq!(market.place(), place);
            assert_eq!(Market::of_word(market.word()), Some(market));
            assert!(market.documents().iter().any(|kind| kind.is_of(false)), "{market:?}");
            assert!(market.documents().iter().any(|kind| kind.is_of(true)), "{market:?}");
        }
        assert_eq!(Market::of_word("atlantis"), None);
    }

    #[test]
    fn documents_are_written_as_their_country_writes_them() {
        let table = [
            (Market::Peru, "DNI", "01234567", true),
            (Market::Peru, "DNI", "1234567", false),
            (Market::Peru, "RUC", "20123456789", true),
            (Market::Ecuador, "CI", "0102030405", true),
            (Market::Ecuador, "RUC", "0102030405001", true),
            (Market::Chile, "RUT", "11.111.111-1", true),
            (Market::Chile, "RUT", "111111111", true),
            (Market::Chile, "RUT", "11.111.111-2", false),
            (Market::Chile, "RUT", "-", false),
            (Market::Mexico, "RFC", "XAXX010101000", true),
            (Market::Mexico, "RFC", "xaxx010101000", false),
            (Market::Mexico, "CURP", "XEXX010101HNEXXXA4", true),
            (Market::Brazil, "CPF", "00000000191", true),
            (Market::Brazil, "CNPJ", "0000000000019", false),
        ];
        for (market, word, number, is_taken) in table {
            assert_eq!(takes(market, word, number), is_taken, "{market:?} {word} {number}");
        }
    }

    #[test]
    fn a_check_digit_may_be_a_letter_or_zero() {
        // 7×2+6×3+… of these numbers leaves one and nothing.
        let with = |check: char| format!("1000005{check}");
        let valid: Vec<char> = "0123456789K".chars().filter(|check| is_rut(&with(*check))).collect();
        assert_eq!(valid.len(), 1, "one check digit fits each number: {valid:?}");
        let letters = (1_000_000..1_000_040).filter(|number| is_rut(&format!("{number}-k"))).count();
        assert!(letters > 0, "some numbers end in the letter");
    }

    #[test]
    fn a_tax_is_a_share_of_the_net_price() {
        assert_eq!(Market::Colombia.tax_on(10_000_000), 1_900_000);
        assert_eq!(Market::Chile.tax_on(20_990), 3_988);
        assert_eq!(Market::Mexico.tax_name(), "IVA 16 %");
    }
}
