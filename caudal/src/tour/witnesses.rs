//! The three witnesses of an order: the provider's ledger, the hub's API, the shop's inbox.

use anyhow::Context;
use payment::{Currency, Money};
use serde::Serialize;

use crate::clients::LedgerLine;
use crate::stage::Places;

/// How an order is expected to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The hub's status word.
    pub status: &'static str,
    /// How often the order's price moves at the provider: an overpaid order is paid twice.
    pub charges: usize,
    /// How many charges the provider declined before.
    pub declined: usize,
    /// How many charges are given back.
    pub refunds: usize,
    /// What they come to.
    pub sum: Sum,
}

/// What the charges of an order come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sum {
    /// Each is the whole price.
    Each,
    /// Together they are the price.
    Together,
    /// Together they are this much, in minor units, and less than the price.
    Part(i64),
}

/// What the witnesses say. Amounts are minor units of the order's currency.
#[derive(Clone, Debug, Serialize)]
pub struct Words {
    /// What the order costs, by whoever placed it.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// The provider's ledger.
    pub provider: ProviderWord,
    /// The hub's API.
    pub hub: HubWord,
    /// The shop's inbox.
    pub shop: ShopWord,
}

/// What the provider's ledger says.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderWord {
    /// Charged, less what was given back.
    pub paid: i64,
    /// Charges that went through.
    pub approved: usize,
    /// Charges that were declined.
    pub declined: usize,
    /// Charges that were given back, all or in part.
    pub refunds: usize,
}

/// What the hub's API says.
#[derive(Clone, Debug, Serialize)]
pub struct HubWord {
    /// The status word.
    pub status: String,
    /// Paid.
    pub paid: i64,
    /// Given back.
    pub refunded: i64,
    /// Paid beyond the price.
    pub overpaid: i64,
}

/// What the shop's inbox says.
#[derive(Clone, Debug, Serialize)]
pub struct ShopWord {
    /// The status it last heard of.
    pub status: Option<String>,
    /// How often it counts the order as paid.
    pub times_paid: usize,
    /// Verified events that told of the approval.
    pub approvals: usize,
}

impl Words {
    /// Hears all three about an order: one of the shop, or one of so much that was placed through the API, of which the
    /// shop's server only hears.
    ///
    /// # Errors
    /// When one of them does not know it.
    pub async fn hear(places: &Places, reference: &str, ordered: Option<i64>) -> anyhow::Result<Self> {
        let payment = places.hub.by_reference(reference).await?.context("the hub does not know the order")?;
        let (amount, shop) = shop_word(places, reference, ordered).await?;
        let currency: Currency = payment.currency.parse().ok().context("a currency")?;
        let lines = places.steering.ledger(&payment.provider, &payment.account).await?;
        let at_provider = payment.provider_reference.as_deref();
        let lines: Vec<_> =
            lines.into_iter().filter(|line| Some(line.reference.as_str()) == at_provider).collect();
        Ok(Self {
            amount,
            currency,
            provider: provider_word(&lines, currency)?,
            hub: HubWord {
                status: payment.status,
                paid: payment.paid,
                refunded: payment.refunded,
                overpaid: payment.overpaid,
            },
            shop,
        })
    }

    /// Whether each says what is expected, and so all say the same.
    pub fn agree_with(&self, expected: Expected) -> bool {
        let times_price = |times: usize| self.amount.saturating_mul(i64::try_from(times).unwrap_or(i64::MAX));
        let all = |sum: i64| (sum, if expected.refunds > 0 { sum } else { 0 });
        let (paid, refunded) = match expected.sum {
            Sum::Each => (times_price(expected.charges), times_price(expected.refunds)),
            Sum::Together => all(self.amount),
            Sum::Part(minor) => all(minor),
        };
        let times = usize::from(paid >= self.amount && expected.charges > 0);
        self.provider.paid == paid - refunded
            && self.provider.refunds == expected.refunds
            && self.hub.refunded == refunded
            && self.provider.approved == expected.charges
            && self.provider.declined == expected.declined
            && self.hub.paid == paid
            && self.hub.overpaid == (paid - self.amount).max(0)
            && self.hub.status == expected.status
            && self.shop.times_paid == times
            && self.shop.approvals == times
            && self.shop.status.as_deref() == Some(expected.status)
    }
}

/// What the order costs and what the shop's server says of it. An order of the API counts as paid there when it heard so.
async fn shop_word(
    places: &Places,
    reference: &str,
    ordered: Option<i64>,
) -> anyhow::Result<(i64, ShopWord)> {
    if let Some(amount) = ordered {
        let heard = places.shop.heard(reference).await?;
        let (status, approvals) = (heard.status, heard.approvals);
        return Ok((amount, ShopWord { status, times_paid: approvals, approvals }));
    }
    let order = places.shop.order(reference).await?.context("the shop does not know its order")?;
    if let Some(mismatch) = order.mismatch {
        anyhow::bail!("the shop heard another {mismatch} from the hub than it recorded");
    }
    let word = ShopWord { status: order.status, times_paid: order.times_paid, approvals: order.approvals };
    Ok((order.amount, word))
}

/// The last line of a transaction is what became of it.
fn provider_word(lines: &[LedgerLine], currency: Currency) -> anyhow::Result<ProviderWord> {
    let mut word = ProviderWord { paid: 0, approved: 0, declined: 0, refunds: 0 };
    for line in lines {
        anyhow::ensure!(line.currency == currency.code(), "the ledger is in {}", line.currency);
        let amount = Money::from_text(&line.amount, currency).context("an amount of the ledger")?.minor;
        match (line.kind.as_str(), line.state.as_str()) {
            ("charge", "approved") => {
                word.paid += amount;
                word.approved += 1;
            }
            ("charge", "rejected" | "failed") => word.declined += 1,
            ("reversal" | "refund", "approved") => {
                word.paid -= amount;
                word.refunds += 1;
            }
            _ => {}
        }
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected =
        Expected { status: "approved", charges: 1, declined: 1, refunds: 0, sum: Sum::Each };

    fn words() -> Words {
        Words {
            amount: 11_900_000,
            currency: Currency::Cop,
            provider: ProviderWord { paid: 11_900_000, approved: 1, declined: 1, refunds: 0 },
            hub: HubWord { status: "approved".into(), paid: 11_900_000, refunded: 0, overpaid: 0 },
            shop: ShopWord { status: Some("approved".into()), times_paid: 1, approvals: 1 },
        }
    }

    #[test]
    fn three_witnesses_who_say_the_same_agree() {
        assert!(words().agree_with(EXPECTED));
        assert!(!words().agree_with(Expected { charges: 0, ..EXPECTED }));
        assert!(!words().agree_with(Expected { status: "expired", ..EXPECTED }));
    }

    #[test]
    fn an_order_paid_twice_is_overpaid_by_its_price_and_counts_once_in_the_shop() {
        let mut twice = words();
        twice.provider.paid *= 2;
        twice.provider.approved = 2;
        twice.hub.paid *= 2;
        let expected = Expected { charges: 2, ..EXPECTED };
        assert!(!twice.agree_with(expected), "the hub has to say that it is too much");
        twice.hub.overpaid = twice.amount;
        assert!(twice.agree_with(expected) && !twice.agree_with(EXPECTED));
    }

    #[test]
    fn an_order_given_back_was_paid_and_is_paid_no_more() {
        let mut given_back = words();
        given_back.provider.paid = 0;
        given_back.provider.refunds = 1;
        given_back.hub.status = "refunded".into();
        given_back.shop.status = Some("refunded".into());
        let expected = Expected { status: "refunded", refunds: 1, ..EXPECTED };
        assert!(!given_back.agree_with(expected), "the hub has to say that it was given back");
        given_back.hub.refunded = given_back.amount;
        assert!(given_back.agree_with(expected) && !given_back.agree_with(EXPECTED));
    }

    #[test]
    fn an_order_paid_in_parts_is_paid_once_and_one_partly_paid_is_not() {
        let mut parts = words();
        parts.provider.approved = 2;
        let expected = Expected { charges: 2, sum: Sum::Together, ..EXPECTED };
        assert!(parts.agree_with(expected) && !parts.agree_with(EXPECTED));
        let status = "partially_expired";
        let part = Words {
            provider: ProviderWord { paid: 5_000_000, approved: 1, declined: 1, refunds: 0 },
            hub: HubWord { status: status.into(), paid: 5_000_000, refunded: 0, overpaid: 0 },
            shop: ShopWord { status: Some(status.into()), times_paid: 0, approvals: 0 },
            ..words()
        };
        assert!(part.agree_with(Expected { status, sum: Sum::Part(5_000_000), ..EXPECTED }));
        assert!(!part.agree_with(Expected { status, ..EXPECTED }));
    }

    #[test]
    fn one_witness_who_says_otherwise_is_enough_to_disagree() {
        let lies: [fn(&mut Words); 12] = [
            |words| words.provider.paid = 0,
            |words| words.provider.approved = 2,
            |words| words.provider.declined = 0,
            |words| words.provider.refunds = 1,
            |words| words.hub.refunded = 1,
            |words| words.hub.paid = 1,
            |words| words.hub.overpaid = 1,
            |words| words.hub.status = "pending".into(),
            |words| words.shop.times_paid = 0,
            |words| words.shop.approvals = 2,
            |words| words.shop.status = None,
            |words| words.amount = 1,
        ];
        for (number, lie) in lies.iter().enumerate() {
            let mut words = words();
            lie(&mut words);
            assert!(!words.agree_with(EXPECTED), "lie {number} was believed");
        }
    }

    #[test]
    fn the_ledger_is_summed_by_what_went_through() {
        let line = |kind: &str, state: &str, amount: &str| LedgerLine {
            reference: "R".into(),
            kind: kind.into(),
            state: state.into(),
            amount: amount.into(),
            currency: "COP".into(),
        };
        let lines = [
            line("charge", "rejected", "100.00"),
            line("charge", "pending", "100.00"),
            line("charge", "approved", "100.00"),
            line("refund", "approved", "40.50"),
        ];
        let word = provider_word(&lines, Currency::Cop).expect("sums");
        assert_eq!((word.paid, word.approved, word.declined, word.refunds), (5_950, 1, 1, 1));
        assert!(provider_word(&lines, Currency::Usd).is_err());
    }
}
