//! Authorizers: brands and methods by the portal's own numbers, read from `data/authorizers.tsv` (PROTOCOL.md 8).

use std::sync::LazyLock;

const TABLE: &str = include_str!("../data/authorizers.tsv");

/// What an authorizer deals in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Credit cards, private labels included.
    Credit,
    /// Debit cards.
    Debit,
    /// Meal, food, culture and other benefit cards.
    Voucher,
    /// Gift cards.
    Gift,
    /// Wallets of others.
    Wallet,
    /// PIX
    Pix,
    /// Payment slips
    Boleto,
}

impl Kind {
    /// `C` credit, `D` debit, `B` boleto: the notice's `tipoPagamento`. CA-U58: a benefit card is told as debit.
    pub fn payment_type(self) -> &'static str {
        match self {
            Self::Credit | Self::Wallet => "C",
            Self::Debit | Self::Voucher | Self::Gift | Self::Pix => "D",
            Self::Boleto => "B",
        }
    }

    /// Whether it is paid with a card that this simulator can take.
    pub fn is_card(self) -> bool {
        match self {
            Self::Credit | Self::Debit | Self::Voucher => true,
            Self::Gift | Self::Wallet | Self::Pix | Self::Boleto => false,
        }
    }

    /// The method's code in `allowed_payment_methods`.
    pub fn method(self) -> &'static str {
        match self {
            Self::Debit => "DBT",
            Self::Credit | Self::Voucher | Self::Gift | Self::Wallet | Self::Pix | Self::Boleto => "CRD",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "credit" => Self::Credit,
            "debit" => Self::Debit,
            "voucher" => Self::Voucher,
            "gift" => Self::Gift,
            "wallet" => Self::Wallet,
            "pix" => Self::Pix,
            "boleto" => Self::Boleto,
            _ => return None,
        })
    }
}

/// One authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// Its number, as `authorizer_id` and `autorizadora` carry it.
    pub id: u16,
    /// Its name for people.
    pub name: &'static str,
    /// What it deals in.
    pub kind: Kind,
    /// Whether its cards may be kept.
    pub may_be_stored: bool,
}

/// All of them, in the order of their numbers.
pub fn all() -> &'static [Authorizer] {
    &AUTHORIZERS
}

/// The authorizer with this number.
pub fn find(id: u16) -> Option<&'static Authorizer> {
    AUTHORIZERS.iter().find(|authorizer| authorizer.id == id)
}

static AUTHORIZERS: LazyLock<Vec<Authorizer>> = LazyLock::new(|| rows().filter_map(read_row).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<Authorizer> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, name, kind, stored] = columns.try_into().ok()?;
    Some(Authorizer {
        id: id.parse().ok()?,
        name,
        kind: Kind::of_word(kind)?,
        may_be_stored: stored == "yes",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_no_number_comes_twice() {
        assert_eq!(all().len(), rows().count());
        let mut ids: Vec<_> = all().iter().map(|authorizer| authorizer.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), all().len());
        assert!(ids.is_sorted());
    }

    #[test]
    fn credit_cards_and_seven_vouchers_may_be_stored_and_nothing_else() {
        let vouchers: Vec<u16> = all()
            .iter()
            .filter(|authorizer| authorizer.may_be_stored && authorizer.kind != Kind::Credit)
            .map(|authorizer| authorizer.id)
            .collect();
        assert_eq!(vouchers, [223, 224, 225, 245, 279, 280, 281]);
        assert!(all().iter().all(|authorizer| authorizer.kind != Kind::Credit || authorizer.may_be_stored));
    }
}
