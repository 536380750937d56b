//! The brands and methods behind the portal's numbers, as data (PROTOCOL.md 8). The vendor says that they may change.

use std::sync::LazyLock;

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A credit card.
    Credit,
    /// A card for meals, food, culture or fuel.
    Voucher,
    /// A debit card.
    Debit,
    /// A gift card.
    Gift,
    /// A wallet.
    Wallet,
    /// A payment slip.
    Slip,
    /// PIX.
    Pix,
}

/// One of the portal's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The number as it is written.
    pub number: &'static str,
    /// The brand as people know it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether its cards may be kept.
    pub is_kept: bool,
}

impl Authorizer {
    /// Whether it can be paid with here: what needs another page, another way or another proof of the shopper is left
    /// out (PROTOCOL.md 12.4).
    pub const fn is_paid_with(&self) -> bool {
        match self.kind {
            Kind::Credit | Kind::Voucher | Kind::Debit | Kind::Gift => true,
            Kind::Wallet | Kind::Slip | Kind::Pix => false,
        }
    }
}

/// Every number that is known.
pub fn authorizers() -> &'static [Authorizer] {
    &TABLE
}

/// The number's row; none for a number that is not known.
pub fn authorizer(number: &str) -> Option<&'static Authorizer> {
    TABLE.iter().find(|row| row.number == number)
}

/// The brand's name for people. CA-31: the number is the brand's and never an authorization (C-23).
pub fn brand(number: &str) -> Option<&'static str> {
    Some(authorizer(number)?.name)
}

const WRITTEN: &str = include_str!("../data/authorizers.tsv");

static TABLE: LazyLock<Vec<Authorizer>> = LazyLock::new(|| WRITTEN.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<Authorizer> {
    let mut cells = line.split('\t');
    let (number, name) = (cells.next()?, cells.next()?);
    let kind = match cells.next()? {
        "credit" => Kind::Credit,
        "voucher" => Kind::Voucher,
        "debit" => Kind::Debit,
        "gift" => Kind::Gift,
        "wallet" => Kind::Wallet,
        "slip" => Kind::Slip,
        "pix" => Kind::Pix,
        _ => return None,
    };
    Some(Authorizer { number, name, kind, is_kept: cells.next()? == "yes" })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_read_and_every_number_stands_once() {
        assert_eq!(authorizers().len(), WRITTEN.lines().count() - 1);
        let numbers: BTreeSet<&str> = authorizers().iter().map(|row| row.number).collect();
        assert_eq!(numbers.len(), authorizers().len());
        assert!(authorizers().iter().all(|row| row.number.parse::<u16>().is_ok() && !row.name.is_empty()));
    }

    #[test]
    fn credit_cards_and_seven_vouchers_are_kept_and_nothing_else() {
        let kept = |kind| authorizers().iter().filter(move |row| row.kind == kind && row.is_kept).count();
        let all = |kind| authorizers().iter().filter(move |row| row.kind == kind).count();
        assert_eq!(kept(Kind::Credit), all(Kind::Credit));
        assert_eq!(kept(Kind::Voucher), 7);
        for kind in [Kind::Debit, Kind::Gift, Kind::Wallet, Kind::Slip, Kind::Pix] {
            assert_eq!(kept(kind), 0, "{kind:?}");
        }
        assert_eq!((brand("1"), brand("999")), (Some("Visa"), None));
    }
}
