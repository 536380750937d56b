//! What became of each part of a total that is paid in parts, or that goes to several parties. Pure.

use serde::{Deserialize, Serialize};

use crate::fact::Reason;
use crate::money::Money;
use crate::movement::{Movement, MovementKind, MovementState};
use crate::order::Order;

/// One part of a divided total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The number of the party that it goes to; absent, the account's own site, or a payment in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub state: PartState,
    /// The provider's own reference of the charge, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_reference: Option<String>,
    /// The provider's reason.
    #[serde(default)]
    pub reason: Reason,
}

/// What became of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Nothing was tried: what follows a denied part is never sent (AV-10.3-02).
    NotAttempted,
    /// Not decided.
    Pending,
    /// Denied.
    Rejected,
    /// Taken.
    Approved,
    /// Taken, and given back.
    GivenBack,
    /// Taken, and it was refused to give it back: it is still with the merchant (AV-10.4-04).
    ReversalRefused,
}

impl PartState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::NotAttempted,
        Self::Pending,
        Self::Rejected,
        Self::Approved,
        Self::GivenBack,
        Self::ReversalRefused,
    ];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotAttempted => "not_attempted",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Approved => "approved",
            Self::GivenBack => "given_back",
            Self::ReversalRefused => "reversal_refused",
        }
    }
}

/// What a merchant wants done with what was collected of a payment that ended partly paid (AV-9.2-02, AV-10.2-02).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialPolicy {
    /// It stays with the merchant, who collects the rest.
    #[default]
    Collect,
    /// It is given back.
    Return,
}

impl PartialPolicy {
    /// The word in settings and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Return => "return",
        }
    }
}

impl Order {
    /// Whether its total may be divided, by the shopper or by the merchant.
    pub const fn is_divided(&self) -> bool {
        self.allow_partial || !self.dispersion.is_empty()
    }
}

/// The parts of an order by what is known of its money: one for each party, in the order of the dispersion; of a payment in
/// parts one for each charge, oldest first. None of an order that is not divided.
pub fn parts(order: &Order, movements: &[Movement]) -> Vec<Part> {
    let charges = || movements.iter().filter(|movement| movement.kind == MovementKind::Charge);
    if order.dispersion.is_empty() {
        let mut told: Vec<&Movement> = charges().filter(|_| order.allow_partial).collect();
        told.sort_by(|one, other| {
            (one.at, &one.provider_reference).cmp(&(other.at, &other.provider_reference))
        });
        return told.into_iter().map(|charge| part(charge, movements)).collect();
    }
    let of_party = |agreement: &Option<String>, amount: Money| {
        let same =
            charges().filter(|charge| charge.receipt.agreement == *agreement && charge.amount == amount);
        same.max_by(|one, other| {
            let weight = |charge: &Movement| (charge.state, charge.at);
            weight(one)
                .cmp(&weight(other))
                .then_with(|| one.provider_reference.cmp(&other.provider_reference))
        })
    };
    order
        .dispersion
        .iter()
        .map(|party| {
            let agreement = party.agreement.map(|number| number.to_string());
            let told = of_party(&agreement, party.amount).map(|charge| part(charge, movements));
            told.unwrap_or(Part {
                agreement,
                amount: party.amount,
                state: PartState::NotAttempted,
                provider_reference: None,
                reason: Reason::default(),
            })
        })
        .collect()
}

fn part(charge: &Movement, movements: &[Movement]) -> Part {
    let undoing = |state: MovementState| {
        movements.iter().find(|other| {
            matches!(other.kind, MovementKind::Reversal | MovementKind::Refund | MovementKind::Return)
                && other.state == state
                && other.parent.as_deref() == Some(charge.provider_reference.as_str())
        })
    };
    let (state, told) = match charge.state {
        MovementState::Pending => (PartState::Pending, charge),
        MovementState::Rejected => (PartState::Rejected, charge),
        MovementState::Approved => match (undoing(MovementState::Approved), undoing(MovementState::Rejected))
        {
            (Some(undone), _) => (PartState::GivenBack, undone),
            (None, Some(refused)) => (PartState::ReversalRefused, refused),
            (None, None) => (PartState::Approved, charge),
        },
    };
    Part {
        agreement: charge.receipt.agreement.clone(),
        amount: charge.amount,
        state,
        provider_reference: Some(charge.provider_reference.clone()),
        reason: told.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::dispersion::{DispersionPart, Party};
    use crate::movement::Receipt;
    use crate::order::tests::order;

    fn charge(reference: &str, agreement: Option<&str>, minor: i64, state: MovementState) -> Movement {
        Movement {
            kind: MovementKind::Charge,
            provider_reference: reference.into(),
            parent: None,
            amount: Money::new(minor, Currency::Cop),
            state,
            at: "2026-03-14T15:10:00Z".parse().expect("a time"),
            reason: Reason { status: format!("{state:?}"), ..Reason::default() },
            receipt: Receipt { agreement: agreement.map(Into::into), ..Receipt::default() },
        }
    }

    fn reversal(of: &Movement, state: MovementState) -> Movement {
        Movement {
            kind: MovementKind::Reversal,
            provider_reference: format!("{}-reversal", of.provider_reference),
            parent: Some(of.provider_reference.clone()),
            state,
            ..of.clone()
        }
    }

    fn dispersed() -> Order {
        let party = |agreement, minor| DispersionPart {
            agreement,
            party: Party::Merchant,
            amount: Money::new(minor, Currency::Cop),
            taxes: vec![],
            details: vec![],
        };
        Order { dispersion: vec![party(None, 600), party(Some(7), 300), party(Some(8), 100)], ..order() }
    }

    fn states(order: &Order, movements: &[Movement]) -> Vec<&'static str> {
        parts(order, movements).iter().map(|part| part.state.word()).collect()
    }

    #[test]
    fn what_a_short_list_does_not_name_was_not_attempted() {
        use MovementState::{Approved, Rejected};
        let told = [charge("1", None, 600, Approved), charge("2", Some("7"), 300, Rejected)];
        let of_each = parts(&dispersed(), &told);
        let expected = ["approved", "rejected", "not_attempted"];
        assert_eq!(states(&dispersed(), &told), expected);
        assert_eq!(of_each[2].agreement.as_deref(), Some("8"));
        let backwards: Vec<Movement> = told.iter().rev().cloned().collect();
        assert_eq!(parts(&dispersed(), &backwards), of_each, "the order of what is told changes nothing");
        assert_eq!(states(&dispersed(), &[]), ["not_attempted"; 3]);
    }

    #[test]
    fn a_part_that_was_denied_and_paid_after_all_is_paid() {
        use MovementState::{Approved, Rejected};
        let told = [charge("2", Some("7"), 300, Approved), charge("9", Some("7"), 300, Rejected)];
        assert_eq!(states(&dispersed(), &told), ["not_attempted", "approved", "not_attempted"]);
        let foreign = [charge("3", Some("70"), 300, Approved), charge("4", Some("7"), 301, Approved)];
        assert_eq!(states(&dispersed(), &foreign), ["not_attempted"; 3], "another party, another amount");
    }

    #[test]
    fn a_part_tells_whether_it_was_given_back() {
        use MovementState::{Approved, Pending, Rejected};
        let paid = charge("1", None, 600, Approved);
        let table = [
            (vec![], "approved"),
            (vec![reversal(&paid, Approved)], "given_back"),
            (vec![reversal(&paid, Rejected)], "reversal_refused"),
            (vec![reversal(&paid, Rejected), reversal(&paid, Approved)], "given_back"),
            (vec![reversal(&paid, Pending)], "approved"),
        ];
        for (reversals, expected) in table {
            let told: Vec<Movement> = [paid.clone()].into_iter().chain(reversals).collect();
            assert_eq!(states(&dispersed(), &told)[0], expected);
        }
    }

    #[test]
    fn a_payment_in_parts_has_one_for_each_charge_and_an_ordinary_one_has_none() {
        use MovementState::{Approved, Rejected};
        let later = Movement {
            at: "2026-03-14T15:20:00Z".parse().expect("a time"),
            ..charge("1", None, 5, Approved)
        };
        let told = [later, charge("2", None, 7, Rejected)];
        assert_eq!(states(&Order { allow_partial: true, ..order() }, &told), ["rejected", "approved"]);
        assert_eq!(states(&order(), &told), Vec::<&str>::new());
        assert!(!order().is_divided() && dispersed().is_divided());
    }

    #[test]
    fn the_words_are_those_of_the_wire() {
        for state in PartState::ALL {
            assert_eq!(serde_json::to_value(state).ok(), Some(state.word().into()));
        }
        for policy in [PartialPolicy::Collect, PartialPolicy::Return] {
            assert_eq!(serde_json::to_value(policy).ok(), Some(policy.word().into()));
        }
    }
}
