//! What stands around every page: name, navigation, languages, contact.

use std::borrow::Borrow;

use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::amount::format_amount;
use crate::language::Language;
use crate::market::Market;
use crate::running::Shop;
use crate::text::Text;
use crate::visitor::Visitor;

/// Zone in which the shop's pages show dates.
const ZONE: &str = "America/Bogota";

/// What every page is given.
pub(super) struct Frame {
    /// The messages.
    pub(super) text: &'static Text,
    /// The language.
    pub(super) language: Language,
    /// The shop's name.
    pub(super) shop_name: String,
    /// Where the shopper buys.
    pub(super) market: Market,
    /// Everywhere the shop sells.
    pub(super) markets: Vec<Market>,
    /// Whom to write to.
    pub(super) email: String,
    /// Whom to call.
    pub(super) phone: String,
    /// Whether cards are kept where the shopper buys.
    pub(super) keeps_cards: bool,
    /// Pieces in the cart.
    pub(super) cart_count: u32,
}

impl Frame {
    pub(super) fn new(shop: &Shop, visitor: &Visitor) -> Self {
        let settings = &shop.settings;
        Self {
            text: Text::of(visitor.language),
            language: visitor.language,
            shop_name: settings.name.clone(),
            market: visitor.market,
            markets: Market::ALL.into_iter().filter(|market| shop.sells_in(*market)).collect(),
            email: settings.contact_email.clone(),
            phone: settings.contact_phone.clone(),
            keeps_cards: shop.means_in(visitor.market).any(|means| means.keeps_cards),
            cart_count: shop.memory().cart(&visitor.id).count(),
        }
    }

    /// The other languages: tag and own name.
    pub(super) fn other_languages(&self) -> Vec<(&'static str, &'static str)> {
        let others = Language::ALL.into_iter().filter(|language| *language != self.language);
        others.map(|language| (language.tag(), language.own_name())).collect()
    }

    /// The other markets: word and name.
    pub(super) fn other_markets(&self) -> Vec<(&'static str, &'static str)> {
        let others = self.markets.iter().filter(|market| **market != self.market);
        others.map(|market| (market.word(), market.name(self.language))).collect()
    }

    /// Minor units of a market's money for people.
    pub(super) fn amount(&self, minor: impl Borrow<i64>, market: impl Borrow<Market>) -> String {
        format_amount(*minor.borrow(), *market.borrow(), self.language)
    }

    /// An instant for people, in the shop's zone, with the distance from UTC.
    pub(super) fn instant(&self, at: impl Borrow<Timestamp>) -> String {
        let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
        let local = at.borrow().to_zoned(zone);
        let month = self.month(local.month());
        let (day, year) = (local.day(), local.year());
        let date = match self.language {
            Language::Es | Language::Pt => format!("{day} de {month} de {year}"),
            Language::En => format!("{day} {month} {year}"),
        };
        let hours = local.offset().seconds() / 3600;
        format!("{date}, {:02}:{:02}:{:02} (UTC{hours:+})", local.hour(), local.minute(), local.second())
    }

    /// The same for a machine, in the attribute `datetime`.
    pub(super) fn machine_instant(&self, at: impl Borrow<Timestamp>) -> String {
        at.borrow().to_string()
    }

    const fn month(&self, month: i8) -> &'static str {
        let names: [&'static str; 12] = match self.language {
            Language::Es => [
                "enero",
                "febrero",
                "marzo",
                "abril",
                "mayo",
                "junio",
                "julio",
                "agosto",
                "septiembre",
                "octubre",
                "noviembre",
                "diciembre",
            ],
            Language::Pt => [
                "janeiro",
                "fevereiro",
                "março",
                "abril",
                "maio",
                "junho",
                "julho",
                "agosto",
                "setembro",
                "outubro",
                "novembro",
                "dezembro",
            ],
            Language::En => [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ],
        };
        match month {
            1..=12 => names[month as usize - 1],
            _ => "",
        }
    }
}

#[cfg(test)]
impl Frame {
    /// A frame whose every free text would be markup if it were not escaped.
    pub(super) fn sample(language: Language) -> Self {
        Self {
            text: Text::of(language),
            language,
            shop_name: "<xss>Tienda</xss>".into(),
            market: Market::Colombia,
            markets: Market::ALL.into(),
            email: "\"><xss>@tienda.example".into(),
            phone: "<xss>601".into(),
            keeps_cards: true,
            cart_count: 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_in_the_shop_s_zone_and_language() {
        let at: Timestamp = "2026-03-14T15:00:07Z".parse().expect("a time");
        let table = [
            (Language::Es, "14 de marzo de 2026, 10:00:07 (UTC-5)"),
            (Language::Pt, "14 de março de 2026, 10:00:07 (UTC-5)"),
            (Language::En, "14 March 2026, 10:00:07 (UTC-5)"),
        ];
        for (language, expected) in table {
            assert_eq!(Frame::sample(language).instant(at), expected);
        }
    }
}
