//! The means of payment that a shop offers: the hub's account behind each, and what shoppers are told about it.

use crate::language::Language;
use crate::market::Market;

/// A means of payment.
#[derive(Clone, Debug)]
pub struct Means {
    /// The word of the form's field.
    pub id: String,
    /// Where it is offered.
    pub market: Market,
    /// The hub's account that charges; absent, the hub chooses.
    pub account: Option<String>,
    /// What shoppers know the provider by; named on the pay button and among the questions (AV-12.5-02).
    pub brand: String,
    /// Whether it asks for a card, whose holder the hub is told when the shopper is that (AV-4.7-18).
    pub is_card: bool,
    /// The provider's method codes to which it is limited; empty, the shopper chooses on the provider's page.
    pub methods: Vec<String>,
    /// Whether the provider keeps cards for whoever wants that.
    pub keeps_cards: bool,
    /// Whether it keeps one with nothing to be paid.
    pub keeps_without_charge: bool,
    /// Whether an order can be paid in parts, by several means.
    pub takes_parts: bool,
    /// What shoppers are told, by language: Spanish, Portuguese, English.
    pub texts: [MeansTexts; 3],
}

/// What shoppers are told about a means of payment, in one language. What is empty is not shown.
#[derive(Clone, Debug, Default)]
pub struct MeansTexts {
    /// The means in a few words.
    pub method: String,
    /// What happens when the button is pressed.
    pub before_paying: String,
    /// What happens after paying.
    pub after_paying: String,
    /// How to pay, one sentence a step.
    pub steps: Vec<String>,
    /// Questions with their answers.
    pub questions: Vec<(String, String)>,
}

impl Means {
    /// What shoppers are told in their language.
    pub const fn texts(&self, language: Language) -> &MeansTexts {
        match language {
            Language::Es => &self.texts[0],
            Language::Pt => &self.texts[1],
            Language::En => &self.texts[2],
        }
    }

    /// How it is called where it is chosen.
    pub fn shown(&self, language: Language) -> &str {
        let method = self.texts(language).method.as_str();
        if method.is_empty() { &self.brand } else { method }
    }
}

/// A means of payment whose free texts would be markup if they were not escaped.
#[cfg(test)]
pub(crate) fn sample() -> Means {
    let xss = || "\"><xss>".to_owned();
    let texts = || MeansTexts {
        method: xss(),
        before_paying: xss(),
        after_paying: xss(),
        steps: vec![xss(), xss()],
        questions: vec![(xss(), xss())],
    };
    Means {
        id: "a".into(),
        market: Market::Colombia,
        account: None,
        brand: xss(),
        is_card: true,
        methods: vec![],
        keeps_cards: true,
        keeps_without_charge: true,
        takes_parts: true,
        texts: [texts(), texts(), texts()],
    }
}
