//! What a certifiable merchant must not send of mixed and dispersed payments, recurrences and kept cards (AV-8.5, AV-9 to
//! AV-11). What holds whatever the provider is the order's own.

use payment::dispersion::Party;
use payment::order::{Complaint, Order};

/// Most sites that a dispersion reaches, the account's own included (AV-10-01).
const MOST_SITES: usize = 3;

/// Every complaint.
pub fn check(order: &Order, complaints: &mut Vec<Complaint>) {
    dispersion(order, complaints);
    kept_card(order, complaints);
    // AV-U11: the provider is assumed to drop them, which the guide would find on its page.
    if order.allow_partial && !(order.taxes.is_empty() && order.details.is_empty()) {
        let detail = "Aval Pay keeps neither taxes nor details of a payment in parts.";
        complaints.push(Complaint::new("allow_partial", "invalid_value", detail));
    }
    if order.recurrence.is_some() && order.methods.iter().any(|method| method == "pse") {
        let detail = "Only cards are charged again.";
        complaints.push(Complaint::new("recurrence", "invalid_value", detail));
    }
}

fn dispersion(order: &Order, complaints: &mut Vec<Complaint>) {
    let parts = &order.dispersion;
    if parts.len() > MOST_SITES {
        let detail = format!("A dispersion reaches {MOST_SITES} sites at most, your own included.");
        complaints.push(Complaint::new("dispersion", "too_long", detail));
    }
    let airlines = parts.iter().filter(|part| part.party == Party::Airline).count();
    if airlines > 1 || (airlines == 1 && parts.len() > 2) {
        let detail = "An airline shares with one merchant at most.";
        complaints.push(Complaint::new("dispersion", "invalid_value", detail));
    }
    for (index, part) in parts.iter().enumerate() {
        if parts[..index].iter().any(|earlier| earlier.agreement == part.agreement) {
            let param = format!("dispersion[{index}].agreement");
            complaints.push(Complaint::new(param, "invalid_value", "Each site has one part."));
        }
        if part.taxes.iter().any(|tax| tax.base.is_none()) {
            let detail = "Aval Pay wants the base on which a tax is computed.";
            complaints.push(Complaint::new(format!("dispersion[{index}].taxes"), "missing", detail));
        }
    }
}

/// A kept card is charged with its holder's data and a description (AV-8.5-01, AV-8.5-02), whole and once. Where a card is
/// only to be kept, nothing of a payment is sent.
fn kept_card(order: &Order, complaints: &mut Vec<Complaint>) {
    let mut complain = |param: &str, code: &str, detail: &str| {
        complaints.push(Complaint::new(param, code, detail));
    };
    if order.instrument.is_some() {
        if order.buyer.is_none() && order.payer.is_none() {
            complain("buyer", "missing", "A kept card is charged with its holder's data.");
        }
        if order.description.as_deref().is_none_or(|text| text.trim().is_empty()) {
            complain("description", "missing", "A kept card is charged with a description.");
        }
        if order.allow_partial {
            complain("allow_partial", "invalid_value", "A kept card is charged at once and whole.");
        }
    }
    let is_divided = order.allow_partial || !order.dispersion.is_empty() || order.recurrence.is_some();
    let is_told = !(order.taxes.is_empty() && order.details.is_empty() && order.items.is_empty());
    if order.is_enrolment() && (is_divided || is_told) {
        complain(
            "total.minor",
            "invalid_value",
            "Where nothing is paid there is nothing to divide or to make up.",
        );
    }
}

#[cfg(test)]
mod tests {
    use payment::dispersion::DispersionPart;
    use payment::recurrence::{Period, Recurrence};
    use payment::{Currency, Money};

    use super::super::check;
    use super::super::check::tests::sound;
    use super::*;

    fn part(agreement: Option<u64>) -> DispersionPart {
        let amount = Money::new(100, Currency::Cop);
        DispersionPart { agreement, party: Party::Merchant, amount, taxes: vec![], details: vec![] }
    }

    fn complaints(change: impl FnOnce(&mut Order)) -> Vec<(String, String)> {
        let mut changed = Order { taxes: vec![], ..sound() };
        change(&mut changed);
        let complaints = check::order(&changed).into_iter();
        complaints.map(|complaint| (complaint.param, complaint.code)).collect()
    }

    fn one(param: &str, code: &str) -> Vec<(String, String)> {
        vec![(param.to_owned(), code.to_owned())]
    }

    #[test]
    fn a_dispersion_reaches_three_sites_and_no_fourth() {
        let _story = testing::story("a_dispersion_reaches_three_sites_and_no_fourth");
        let sites = |count: u64| (0..count).map(|site| part((site > 0).then_some(site))).collect();
        assert_eq!(complaints(|order| order.dispersion = sites(3)), []);
        assert_eq!(complaints(|order| order.dispersion = sites(4)), one("dispersion", "too_long"));
        let twice = complaints(|order| order.dispersion = vec![part(None), part(None)]);
        assert_eq!(twice, one("dispersion[1].agreement", "invalid_value"));
    }

    #[test]
    fn an_airline_shares_with_one_merchant() {
        let airline = DispersionPart { party: Party::Airline, ..part(Some(1)) };
        let with = |others: Vec<DispersionPart>| {
            complaints(|order| order.dispersion = others.into_iter().chain([airline.clone()]).collect())
        };
        assert_eq!(with(vec![part(None)]), []);
        assert_eq!(with(vec![part(None), part(Some(2))]), one("dispersion", "invalid_value"));
        let other = DispersionPart { agreement: Some(3), ..airline.clone() };
        assert_eq!(with(vec![other]), one("dispersion", "invalid_value"));
    }

    #[test]
    fn what_the_provider_would_drop_or_never_do_is_refused() {
        let taxed = complaints(|order| (order.taxes, order.allow_partial) = (sound().taxes, true));
        assert_eq!(taxed, one("allow_partial", "invalid_value"));
        let base = |order: &mut Order| {
            let mut taxes = sound().taxes;
            taxes[0].base = None;
            order.dispersion = vec![DispersionPart { taxes, ..part(None) }];
        };
        assert_eq!(complaints(base), one("dispersion[0].taxes", "missing"));
        let recurrence =
            Recurrence { period: Period::Month, interval: 1, next: None, most: None, until: None };
        let by_transfer = complaints(|order| order.recurrence = Some(recurrence.clone()));
        assert_eq!(by_transfer, one("recurrence", "invalid_value"));
        let by_card = |order: &mut Order| {
            order.methods = vec!["visa".into()];
            order.recurrence = Some(recurrence.clone());
        };
        assert_eq!(complaints(by_card), []);
    }

    #[test]
    fn a_kept_card_is_charged_with_its_holder_s_data_and_a_description() {
        let _story = testing::story("a_kept_card_is_charged_with_its_holder_s_data_and_a_description");
        let charged = |change: fn(&mut Order)| {
            complaints(|order| {
                order.instrument = format!("ins_{}", "0".repeat(32)).parse().ok();
                change(order);
            })
        };
        assert_eq!(charged(|_| {}), []);
        assert_eq!(charged(|order| order.buyer = None), one("buyer", "missing"));
        assert_eq!(charged(|order| order.description = None), one("description", "missing"));
        assert_eq!(charged(|order| order.allow_partial = true), one("allow_partial", "invalid_value"));
        // IVA and base of devolution may be sent, or not.
        assert_eq!(charged(|order| order.taxes = sound().taxes), []);
        testing::covers!("AV-8.5-03");
    }

    #[test]
    fn where_nothing_is_paid_nothing_of_a_payment_is_sent() {
        let enrolment = |change: fn(&mut Order)| {
            complaints(|order| {
                (order.total.minor, order.keep_instrument) = (0, true);
                change(order);
            })
        };
        assert_eq!(enrolment(|_| {}), []);
        assert_eq!(enrolment(|order| order.allow_partial = true), one("total.minor", "invalid_value"));
        assert_eq!(enrolment(|order| order.taxes = sound().taxes), one("total.minor", "invalid_value"));
    }
}
