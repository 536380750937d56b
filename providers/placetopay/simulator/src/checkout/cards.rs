//! The public test cards, read from `data/test_cards.tsv`, and what each one does (§18).

use std::fmt;
use std::sync::LazyLock;

use simulation::decimal::Decimal;

use super::course::{Course, Verdict, Waiting};
use super::reasons;

const TABLE: &str = include_str!("../../data/test_cards.tsv");

/// The condition of some cards: approved below this many US dollars.
const DOLLAR_LIMIT: i64 = 200;

/// AV-U66: Colombian pesos that the dollar limit counts for one dollar. Any other currency is taken at
/// face value.
const PESOS_PER_DOLLAR: i64 = 4_000;

/// Reason of a plain denial. AV-U29: the reasons that end a token at once stand in the table, paired by meaning.
const DENIED: &str = "05";
/// Reason of a denial for exceeding the dollar limit.
const ABOVE_LIMIT: &str = "61";
/// AV-U50: reason of an exception.
const EXCEPTION: &str = "XH";

/// A brand that the simulator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Brand {
    /// Visa
    Visa,
    /// Mastercard
    Mastercard,
    /// Diners Club
    Diners,
    /// American Express
    Amex,
    /// Discover
    Discover,
    /// Maestro
    Maestro,
    /// Somos
    Somos,
    /// Éxito
    Exito,
    /// Alkosto
    Alkosto,
}

impl Brand {
    /// Every brand, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::Visa,
        Self::Mastercard,
        Self::Diners,
        Self::Amex,
        Self::Discover,
        Self::Maestro,
        Self::Somos,
        Self::Exito,
        Self::Alkosto,
    ];

    /// The method code of `paymentMethod` (§19).
    pub fn method(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "master",
            Self::Diners => "diners",
            Self::Amex => "amex",
            Self::Discover => "discover",
            Self::Maestro => "maestro",
            Self::Somos => "somos",
            Self::Exito => "exito",
            Self::Alkosto => "alkosto",
        }
    }

    /// The name for people, as in `paymentMethodName`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visa => "Visa",
            Self::Mastercard => "Mastercard",
            Self::Diners => "Diners Club",
            Self::Amex => "American Express",
            Self::Discover => "Discover",
            Self::Maestro => "Maestro",
            Self::Somos => "Somos",
            Self::Exito => "Éxito",
            Self::Alkosto => "Alkosto",
        }
    }

    /// The processor's code in `franchise` (§19). AV-U63: those of Discover and Somos.
    pub fn franchise(self) -> &'static str {
        match self {
            Self::Visa => "CR_VS",
            Self::Mastercard => "RM_MC",
            Self::Diners => "CR_DN",
            Self::Amex => "CR_AM",
            Self::Discover => "CR_DS",
            Self::Maestro => "MSTRP",
            Self::Somos => "CR_CR",
            Self::Exito => "TY_EX",
            Self::Alkosto => "TY_AK",
        }
    }

    /// The brand of a method code, or of an old franchise code, which also travelled in `paymentMethod` (§6.1).
    pub fn of_method(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|brand| brand.method() == code || brand.franchise() == code)
    }
}

/// What a card does, by the letters of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// A: approved.
    Approved,
    /// R: denied, with the reason of [`DENIED`] or the one that the table names.
    Denied(&'static str),
    /// PA: pending, then approved.
    PendingApproved,
    /// PR: pending, then rejected.
    PendingRejected,
    /// MA: manual review, approved when processed.
    ReviewApproved,
    /// MR: manual review, rejected when processed.
    ReviewRejected,
    /// SA: answers late, approved.
    SlowApproved,
    /// SR: answers late, rejected.
    SlowRejected,
    /// X: an exception.
    Exception,
}

/// A condition on an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// None.
    Always,
    /// Only below [`DOLLAR_LIMIT`].
    BelowDollarLimit,
    /// Only with this expiry (`MM/YY`) and verification code.
    Typed {
        /// `MM/YY`
        expiry: &'static str,
        /// The verification code.
        code: &'static str,
    },
}

/// 3-D Secure, by the letters of the table. Only the challenge changes what the page does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreeDs {
    /// Not taking part.
    None,
    /// C: the payer types a code.
    Challenge,
    /// Another letter: settled without the payer.
    Silent(&'static str),
}

/// A published test card. `Debug` shows no more than the last four digits.
#[derive(Clone, PartialEq, Eq)]
pub struct TestCard {
    /// The number.
    pub number: &'static str,
    /// Its brand.
    pub brand: Brand,
    /// What it does.
    pub behaviour: Behaviour,
    /// 3-D Secure.
    pub three_ds: ThreeDs,
    /// When it is approved.
    pub condition: Condition,
}

/// A card as it was typed, without number and code: all that decides a charge now, or later by its token.
#[derive(Clone, Copy, Debug)]
pub struct Typed {
    /// The published card that it is or acts as.
    pub card: &'static TestCard,
    /// Whether expiry and code were the card's own, where it has any of its own.
    pub is_right: bool,
}

impl Typed {
    /// The card with this expiry (`MM/YY`) and verification code.
    pub fn new(card: &'static TestCard, expiry: &str, code: &str) -> Self {
        let is_right = match card.condition {
            Condition::Always | Condition::BelowDollarLimit => true,
            Condition::Typed { expiry: own, code: own_code } => expiry == own && code == own_code,
        };
        Self { card, is_right }
    }

    /// The course that a charge of this amount takes.
    pub fn course(self, total: Decimal, currency: &str) -> Course {
        let pending = |waiting, then| Course::Pending { waiting, then };
        match self.card.behaviour {
            Behaviour::Approved => Course::Decided(self.approval(total, currency)),
            Behaviour::Denied(reason) => Course::Decided(Verdict::Rejected(reason)),
            Behaviour::PendingApproved => pending(Waiting::Bank, Verdict::Approved),
            Behaviour::PendingRejected => pending(Waiting::Bank, Verdict::Rejected(DENIED)),
            Behaviour::ReviewApproved => pending(Waiting::Review, Verdict::Approved),
            Behaviour::ReviewRejected => pending(Waiting::Review, Verdict::Rejected(DENIED)),
            Behaviour::SlowApproved => pending(Waiting::SlowAnswer, Verdict::Approved),
            Behaviour::SlowRejected => pending(Waiting::SlowAnswer, Verdict::Rejected(DENIED)),
            Behaviour::Exception => Course::Decided(Verdict::Failed(EXCEPTION)),
        }
    }

    fn approval(self, total: Decimal, currency: &str) -> Verdict {
        match self.card.condition {
            Condition::BelowDollarLimit if !is_below_dollar_limit(total, currency) => {
                Verdict::Rejected(ABOVE_LIMIT)
            }
            Condition::Typed { .. } if !self.is_right => Verdict::Rejected(DENIED),
            Condition::Always | Condition::BelowDollarLimit | Condition::Typed { .. } => Verdict::Approved,
        }
    }
}

impl fmt::Debug for TestCard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last_four = &self.number[self.number.len().saturating_sub(4)..];
        write!(formatter, "TestCard({} {last_four})", self.brand.method())
    }
}

/// All published test cards, in the table's order.
pub fn all() -> &'static [TestCard] {
    &CARDS
}

/// The published card with this number, digits only.
pub fn find(number: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.number == number)
}

static CARDS: LazyLock<Vec<TestCard>> = LazyLock::new(|| rows().filter_map(read_row).collect());

fn is_below_dollar_limit(total: Decimal, currency: &str) -> bool {
    let units = if currency == "COP" { PESOS_PER_DOLLAR } else { 1 };
    total < Decimal::from(DOLLAR_LIMIT * units)
}

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<TestCard> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, brand, behaviour, three_ds, condition, _source] = columns.try_into().ok()?;
    Some(TestCard {
        number,
        brand: Brand::of_method(brand)?,
        behaviour: read_behaviour(behaviour)?,
        three_ds: match three_ds {
            "-" => ThreeDs::None,
            "C" => ThreeDs::Challenge,
            letter => ThreeDs::Silent(letter),
        },
        condition: read_condition(condition)?,
    })
}

fn read_behaviour(letters: &'static str) -> Option<Behaviour> {
    if let Some(code) = letters.strip_prefix("R:") {
        return reasons::find(code).map(|reason| Behaviour::Denied(reason.code));
    }
    Some(match letters {
        "A" => Behaviour::Approved,
        "R" => Behaviour::Denied(DENIED),
        "PA" => Behaviour::PendingApproved,
        "PR" => Behaviour::PendingRejected,
        "MA" => Behaviour::ReviewApproved,
        "MR" => Behaviour::ReviewRejected,
        "SA" => Behaviour::SlowApproved,
        "SR" => Behaviour::SlowRejected,
        "X" => Behaviour::Exception,
        _ => return None,
    })
}

fn read_condition(text: &'static str) -> Option<Condition> {
    match text {
        "-" => Some(Condition::Always),
        "below_200_usd" => Some(Condition::BelowDollarLimit),
        typed => {
            let (expiry, code) = typed.strip_prefix("expiry ")?.split_once(" cvv ")?;
            Some(Condition::Typed { expiry, code })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(number: &str, expiry: &str, code: &str, total: &str, currency: &str) -> Course {
        let total = Decimal::parse(total).expect(total);
        Typed::new(find(number).expect(number), expiry, code).course(total, currency)
    }

    #[test]
    fn every_row_of_the_table_is_read_and_no_number_comes_twice() {
        assert_eq!(all().len(), rows().count());
        let mut numbers: Vec<_> = all().iter().map(|card| card.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all().len());
        assert!(numbers.iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit())));
    }

    #[test]
    fn the_dollar_limit_counts_in_dollars_and_in_pesos() {
        let approved = Course::Decided(Verdict::Approved);
        let denied = Course::Decided(Verdict::Rejected("61"));
        let card = "4110760000000057";
        assert_eq!(course(card, "12/30", "123", "199.99", "USD"), approved);
        assert_eq!(course(card, "12/30", "123", "200", "USD"), denied);
        assert_eq!(course(card, "12/30", "123", "799999.99", "COP"), approved);
        assert_eq!(course(card, "12/30", "123", "800000", "COP"), denied);
    }

    #[test]
    fn a_card_with_its_own_expiry_and_code_is_approved_with_them_only() {
        let card = "4012888888881881";
        assert_eq!(course(card, "11/28", "917", "1", "COP"), Course::Decided(Verdict::Approved));
        assert_eq!(course(card, "11/28", "123", "1", "COP"), Course::Decided(Verdict::Rejected("05")));
        assert_eq!(course(card, "12/28", "917", "1", "COP"), Course::Decided(Verdict::Rejected("05")));
    }

    #[test]
    fn methods_are_known_by_their_codes_old_and_new() {
        assert_eq!(Brand::of_method("visa"), Some(Brand::Visa));
        assert_eq!(Brand::of_method("RM_MC"), Some(Brand::Mastercard));
        assert_eq!(Brand::of_method("pse"), None);
    }

    #[test]
    fn a_card_in_a_log_shows_its_last_four_digits_only() {
        let card = find("4110760000000081").expect("a published card");
        assert_eq!(format!("{card:?}"), "TestCard(visa 0081)");
    }
}
