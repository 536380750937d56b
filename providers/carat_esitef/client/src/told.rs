//! A transaction as the portal tells it, turned into facts: by a payment's own answer and by a query alike, so that both tell
//! one and the same movement (PROTOCOL.md 7, 9.2, 9.5).

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason, Telling};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::task::Target;
use payment::{Account, Money, Timestamp};
use serde::Deserialize;

use crate::statuses::{self, Meaning};
use crate::wire::Scalar;
use crate::{account, authorizers, dates, identifiers, subject};

/// A transaction's members that are read. CA-U46: receipts have lines, and none of them is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Transaction {
    pub nit: Scalar,
    pub status: Scalar,
    pub order_id: Scalar,
    pub merchant_usn: Scalar,
    pub amount: Scalar,
    pub esitef_usn: Scalar,
    authorizer_code: Scalar,
    authorizer_message: Scalar,
    authorizer_id: Scalar,
    authorization_number: Scalar,
    payment_date: Scalar,
    installments: Scalar,
}

/// A cancellation's members that are read. CA-U48: a `cancellation` object, found by its own `nit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cancellation {
    pub nit: Scalar,
    pub status: Scalar,
    pub amount: Scalar,
    pub authorizer_date: Scalar,
    pub authorizer_code: Scalar,
    pub authorizer_message: Scalar,
}

/// What was asked for, to be compared with what is told.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub account: &'a Account,
    pub reference: &'a str,
    /// The transaction; none while it is not known.
    pub nit: Option<&'a str>,
    pub total: Money,
    /// What is known of its money.
    pub movements: &'a [Movement],
}

impl<'a> Asked<'a> {
    /// What was asked for with an attempt that the portal knows.
    pub fn of(target: &'a Target, account: &'a Account) -> Self {
        Self {
            account,
            reference: &target.reference,
            nit: Some(&target.provider_reference),
            total: target.total,
            movements: &target.movements,
        }
    }

    fn known(&self, kind: MovementKind) -> impl Iterator<Item = &'a Movement> {
        let movements = self.movements.iter();
        movements.filter(move |known| known.kind == kind && known.state == MovementState::Approved)
    }

    /// Whether the payment is one that is held first. What is known of it decides, else the account's setting: a query must
    /// not call a capture a charge.
    fn is_held_first(&self) -> bool {
        let holds = self.known(MovementKind::Hold).chain(self.known(MovementKind::Capture));
        holds.count() > 0
            || (self.known(MovementKind::Charge).count() == 0 && account::postpones(self.account))
    }
}

impl Transaction {
    /// What the status means, when it is known.
    pub fn meaning(&self) -> Option<Meaning> {
        self.status.text().and_then(statuses::meaning)
    }

    /// The transaction's name.
    pub fn nit(&self) -> Option<&str> {
        self.nit.text().filter(|nit| identifiers::is_nit(nit))
    }

    /// What it says of the shop's own number that is not what was asked: the number itself where it is told, else the order's.
    pub fn names_another(&self, reference: &str) -> bool {
        let told =
            [&self.merchant_usn, &self.order_id].map(|told| told.text().filter(|told| *told != "null"));
        told.into_iter().flatten().next().is_some_and(|told| told.trim() != reference)
    }

    /// All that it tells, about one subject.
    pub fn observation(&self, nit: &str, asked: Asked<'_>, told_at: Timestamp) -> Observation {
        Observation { subject: subject(asked.account, nit), facts: self.facts(nit, asked, told_at) }
    }

    /// What disagrees with what was asked for is a contradiction, and nothing else is believed.
    pub fn facts(&self, nit: &str, asked: Asked<'_>, told_at: Timestamp) -> Vec<Fact> {
        let amount = self.told_amount(asked);
        if let Some(detail) = self.contradiction(asked) {
            return vec![Fact::new(told_at, FactKind::Contradicted { detail })];
        }
        let at =
            self.payment_date.text().and_then(dates::instant).filter(|at| *at <= told_at).unwrap_or(told_at);
        let said = Said { told: self, nit, asked, amount: amount.flatten(), at };
        let kinds = self.meaning().map_or_else(|| said.unrecognized(), |meaning| said.kinds(meaning));
        kinds.into_iter().map(|kind| Fact::new(at, kind)).collect()
    }

    /// The amount; inside, none when what is told is no amount.
    fn told_amount(&self, asked: Asked<'_>) -> Option<Option<Money>> {
        self.amount.text().map(|amount| identifiers::amount(amount.trim(), asked.total.currency))
    }

    /// What disagrees with what was asked for.
    pub fn contradiction(&self, asked: Asked<'_>) -> Option<String> {
        if asked.nit.is_some_and(|nit| self.nit.text().is_some_and(|told| told != nit)) {
            return Some("The portal tells of another transaction.".into());
        }
        if self.names_another(asked.reference) {
            return Some("The portal tells of another order than the one that was sent.".into());
        }
        // CA-U59: after a part was confirmed the part may be told, or the whole.
        let is_ours = |amount: Money| {
            amount == asked.total
                || (asked.is_held_first()
                    && amount.minor <= asked.total.minor
                    && self.meaning() != Some(Meaning::Held))
        };
        match self.told_amount(asked) {
            Some(Some(amount)) if !is_ours(amount) => {
                Some(format!("The portal tells of {amount} and not of {}.", asked.total))
            }
            Some(None) => Some("The portal tells of an amount that is none.".into()),
            _ => None,
        }
    }

    pub fn reason(&self) -> Reason {
        Reason {
            status: self.status.for_people(),
            code: self.authorizer_code.for_people(),
            message: self.authorizer_message.for_people(),
        }
    }

    fn receipt(&self) -> Receipt {
        let method = self.authorizer_id.told();
        Receipt {
            authorization: self.authorization_number.told(),
            number: self
                .esitef_usn
                .text()
                .map(str::trim)
                .filter(|usn| identifiers::is_esitef_usn(usn))
                .map(str::to_owned),
            method_name: method.as_deref().and_then(authorizers::brand).map(str::to_owned),
            method,
            instalments: self.installments.text().and_then(|count| count.trim().parse().ok()),
            ..Receipt::default()
        }
    }
}

/// One telling, and what it is compared with.
struct Said<'a> {
    told: &'a Transaction,
    nit: &'a str,
    asked: Asked<'a>,
    amount: Option<Money>,
    at: Timestamp,
}

impl Said<'_> {
    fn kinds(&self, meaning: Meaning) -> Vec<FactKind> {
        let telling = || Telling { reason: self.told.reason() };
        match meaning {
            Meaning::Waiting => vec![FactKind::Waiting(telling())],
            Meaning::Deciding => vec![FactKind::InProgress(telling())],
            // A hold is no end: the shop has to confirm or undo it.
            Meaning::Held if self.amount.is_some() => {
                let hold = self.movement(MovementKind::Hold, self.asked.total, MovementState::Approved);
                vec![hold, FactKind::InProgress(telling())]
            }
            Meaning::Paid | Meaning::GivenBack if self.amount.is_some() => self.paid(meaning),
            // Money moved, and nobody says how much.
            Meaning::Held | Meaning::Paid | Meaning::GivenBack => self.unrecognized(),
            Meaning::Undone => {
                let moved = [MovementKind::Hold, MovementKind::Release];
                let moved = moved.map(|kind| self.movement(kind, self.asked.total, MovementState::Approved));
                moved.into_iter().chain([self.ended(Outcome::Cancelled)]).collect()
            }
            Meaning::Denied => {
                let charge = self.movement(MovementKind::Charge, self.asked.total, MovementState::Rejected);
                vec![charge, self.ended(Outcome::Rejected)]
            }
            Meaning::Failed => vec![self.ended(Outcome::Failed)],
            Meaning::Expired => vec![self.ended(Outcome::Expired)],
            Meaning::Cancelled => vec![self.ended(Outcome::Cancelled)],
        }
    }

    fn paid(&self, meaning: Meaning) -> Vec<FactKind> {
        let told = self.amount.unwrap_or(self.asked.total);
        let mut kinds = Vec::new();
        let taken = if self.asked.is_held_first() {
            // What the capture's own answer told stands: a query may tell the whole (CA-U59).
            let taken = self.asked.known(MovementKind::Capture).next().map_or(told, |known| known.amount);
            kinds.push(self.movement(MovementKind::Hold, self.asked.total, MovementState::Approved));
            kinds.push(self.movement(MovementKind::Capture, taken, MovementState::Approved));
            kinds.extend(self.rest_released(taken));
            taken
        } else {
            kinds.push(self.movement(MovementKind::Charge, told, MovementState::Approved));
            told
        };
        if meaning == Meaning::GivenBack {
            kinds.extend(self.given_back(taken));
        }
        kinds.push(self.ended(Outcome::Approved));
        kinds
    }

    /// A hold is confirmed once: what was not taken then is let go.
    fn rest_released(&self, taken: Money) -> Option<FactKind> {
        let rest = self.asked.total.minus(taken).ok().filter(|rest| rest.minor > 0)?;
        Some(self.movement(MovementKind::Release, rest, MovementState::Approved))
    }

    /// What was given back and is not known yet, under the name that the refund of all that is left has too: one told by its
    /// own answer and by a query is one movement.
    fn given_back(&self, taken: Money) -> Option<FactKind> {
        let mut known = self.asked.known(MovementKind::Refund);
        if known.any(|refund| refund.provider_reference == self.nit) {
            return None;
        }
        let parts: i64 = self.asked.known(MovementKind::Refund).map(|refund| refund.amount.minor).sum();
        let rest = Money::new(taken.minor.saturating_sub(parts), taken.currency);
        (rest.minor > 0).then(|| self.movement(MovementKind::Refund, rest, MovementState::Approved))
    }

    fn movement(&self, kind: MovementKind, amount: Money, state: MovementState) -> FactKind {
        let parent = match kind {
            MovementKind::Hold | MovementKind::Charge => None,
            _ => Some(self.nit.to_owned()),
        };
        FactKind::Moved(Movement {
            kind,
            provider_reference: self.nit.to_owned(),
            parent,
            amount,
            state,
            at: self.at,
            reason: self.told.reason(),
            receipt: self.told.receipt(),
        })
    }

    fn ended(&self, outcome: Outcome) -> FactKind {
        FactKind::Ended(Ending { outcome, reason: self.told.reason() })
    }

    fn unrecognized(&self) -> Vec<FactKind> {
        vec![FactKind::Unrecognized(Telling { reason: self.told.reason() })]
    }
}

#[cfg(test)]
mod tests {
    use payment::Currency;

    use super::*;
    use crate::account::tests::{account, account_with};
    use crate::wire;

    pub const NIT: &str = "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";

    fn brl(minor: i64) -> Money {
        Money::new(minor, Currency::Brl)
    }

    fn told(status: &str, amount: &str) -> Transaction {
        let text = format!(
            r#"{{"status":"{status}","nit":"{NIT}","merchant_usn":"20260001","order_id":"54321","amount":{amount},"authorizer_code":"000","authorizer_id":"1","esitef_usn":"260314000000014","payment_date":"14/03/2026T12:15"}}"#
        );
        wire::object(&text).expect("a transaction")
    }

    fn kinds(told: &Transaction, account: &Account, movements: &[Movement]) -> Vec<FactKind> {
        let asked = Asked { account, reference: "20260001", nit: Some(NIT), total: brl(11_900), movements };
        let at = "2026-03-14T15:15:31Z".parse().expect("a time");
        told.facts(NIT, asked, at).into_iter().map(|fact| fact.kind).collect()
    }

    fn moved(kinds: &[FactKind]) -> Vec<(MovementKind, i64, MovementState)> {
        let movements = kinds.iter().filter_map(|kind| match kind {
            FactKind::Moved(movement) => Some((movement.kind, movement.amount.minor, movement.state)),
            _ => None,
        });
        movements.collect()
    }

    fn known(kinds: Vec<FactKind>) -> Vec<Movement> {
        let movements = kinds.into_iter().filter_map(|kind| match kind {
            FactKind::Moved(movement) => Some(movement),
            _ => None,
        });
        movements.collect()
    }

    #[test]
    fn every_status_is_a_state_and_only_two_of_them_take_money() {
        let _story = testing::story("every_status_is_a_state_and_only_two_of_them_take_money");
        for row in statuses::status_texts().iter().filter(|row| !row.is_of_storage) {
            let kinds = kinds(&told(row.status, "\"11900\""), &account(), &[]);
            let taken = moved(&kinds)
                .iter()
                .any(|(kind, _, state)| *kind == MovementKind::Charge && *state == MovementState::Approved);
            assert_eq!(taken, ["CON", "EST"].contains(&row.status), "{}", row.status);
            assert!(!kinds.iter().any(|kind| matches!(kind, FactKind::Unrecognized(_))), "{}", row.status);
        }
        for odd in ["", "con", "XYZ", "CONF"] {
            assert!(matches!(
                kinds(&told(odd, "\"11900\""), &account(), &[])[..],
                [FactKind::Unrecognized(_)]
            ));
        }
    }

    #[test]
    fn what_was_not_asked_for_is_contradicted_and_never_paid() {
        let _story = testing::story("what_was_not_asked_for_is_contradicted_and_never_paid");
        let right = told("CON", "11900");
        assert_eq!(
            moved(&kinds(&right, &account(), &[])),
            [(MovementKind::Charge, 11_900, MovementState::Approved)]
        );
        for amount in ["\"11901\"", "\"1\"", "\"119.00\"", "-11900", "1.19e4", "\"0\""] {
            let kinds = kinds(&told("CON", amount), &account(), &[]);
            assert!(matches!(kinds[..], [FactKind::Contradicted { .. }]), "{amount}");
        }
        let other = Transaction { merchant_usn: Scalar::of("20260002".into()), ..right.clone() };
        assert!(matches!(kinds(&other, &account(), &[])[..], [FactKind::Contradicted { .. }]));
        // Where the shop's number is not told, the order's is compared; where neither is, the transaction's name is enough.
        let by_order = Transaction { merchant_usn: Scalar::default(), ..right.clone() };
        assert!(matches!(kinds(&by_order, &account(), &[])[..], [FactKind::Contradicted { .. }]));
        let by_name = Transaction { order_id: Scalar::default(), ..by_order };
        assert_eq!(moved(&kinds(&by_name, &account(), &[])).len(), 1);
        let no_amount = kinds(&told("CON", "null"), &account(), &[]);
        assert!(matches!(no_amount[..], [FactKind::Unrecognized(_)]));
    }

    #[test]
    fn what_was_held_is_captured_and_never_charged_beside() {
        use MovementKind::{Capture, Hold, Release};
        let postponing = account_with(&[("postpone_confirmation", "yes")]);
        let held = known(kinds(&told("PPC", "11900"), &postponing, &[]));
        assert_eq!(held.len(), 1);
        let both = [(Hold, 11_900, MovementState::Approved), (Capture, 11_900, MovementState::Approved)];
        // With or without the knowledge of the hold, and whatever the account says by now.
        assert_eq!(moved(&kinds(&told("CON", "11900"), &postponing, &[])), both);
        assert_eq!(moved(&kinds(&told("CON", "11900"), &account(), &held)), both);
        let charged = known(kinds(&told("CON", "11900"), &account(), &[]));
        let again = moved(&kinds(&told("CON", "11900"), &postponing, &charged));
        assert_eq!(again, [(MovementKind::Charge, 11_900, MovementState::Approved)]);
        let part = moved(&kinds(&told("CON", "9000"), &postponing, &held));
        assert_eq!(
            part[1..],
            [(Capture, 9000, MovementState::Approved), (Release, 2900, MovementState::Approved)]
        );
        let undone = kinds(&told("PPN", "11900"), &postponing, &held);
        assert_eq!(moved(&undone)[1], (Release, 11_900, MovementState::Approved));
    }

    #[test]
    fn a_refund_that_is_told_again_is_the_same_one() {
        let account = account();
        let first = known(kinds(&told("EST", "11900"), &account, &[]));
        assert_eq!(
            first.last().map(|last| (last.kind, last.amount.minor)),
            Some((MovementKind::Refund, 11_900))
        );
        assert_eq!(moved(&kinds(&told("EST", "11900"), &account, &first)).len(), 1, "the refund is known");
        // A part was given back before, under its own name: the rest alone is told.
        let part = Movement { provider_reference: "fe".repeat(32), amount: brl(3000), ..first[1].clone() };
        let rest = moved(&kinds(&told("EST", "11900"), &account, &[first[0].clone(), part]));
        assert_eq!(rest[1], (MovementKind::Refund, 8900, MovementState::Approved));
    }
}
