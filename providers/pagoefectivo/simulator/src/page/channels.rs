//! Where a code can be paid: banks, agents and shops (§10.3).

/// A place to pay at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// `bank` or `shop`.
    pub kind: &'static str,
    /// As payers know it.
    pub name: &'static str,
}

const TABLE: &str = include_str!("../../data/channels.tsv");

/// All of them, in the order of the table.
pub fn all() -> impl Iterator<Item = Channel> {
    TABLE.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        Some(Channel { country: cells.next()?, kind: cells.next()?, name: cells.next()? })
    })
}

/// The channel of a name.
pub fn named(name: &str) -> Option<Channel> {
    all().find(|channel| channel.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_banks_and_shops_of_both_countries() {
        assert_eq!(all().count(), 15);
        assert!(all().all(|channel| matches!(channel.kind, "bank" | "shop") && !channel.name.is_empty()));
        assert_eq!(named("TIA").map(|channel| channel.country), Some("EC"));
        assert_eq!(named("Bazar"), None);
    }
}
