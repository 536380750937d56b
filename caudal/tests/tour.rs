//! The tour as a person starts it, on both databases: each provider's stories, three witnesses, one verdict.

mod support;

use serde_json::Value;
use support::Place;

testing::both_databases! {
    async fn the_tour_ends_with_three_witnesses_who_agree(database: testing::TestDatabase) {
        let place = Place::with("");
        let arguments = ["demo", "--tour", "--json", "--port", "0", "--database", &database.url];
        let ended = tokio::task::block_in_place(|| place.run(&arguments));
        let report: Value = serde_json::from_str(ended.succeeds()).expect("a line of JSON");
        let troubles: Vec<&Value> = report["stories"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|story| story["passed"] != true)
            .collect();
        assert!(report["passed"] == true && troubles.is_empty(), "{troubles:#?}");

        let stories = report["stories"].as_array().expect("stories");
        let ends = stories.iter().map(|story| {
            let words = &story["witnesses"];
            let word = |pointer: &str| words.pointer(pointer).cloned().unwrap_or_default();
            let told = |member: &str| story[member].as_str().unwrap_or_default().to_owned();
            (told("provider"), told("name"), word("/hub/status"), word("/provider/approved"), word("/provider/declined"), word("/shop/times_paid"))
        });
        let expected = [
            ("avalpay", "approved_by_notice", "approved", 1, 0, 1),
            ("avalpay", "rejected_then_approved", "approved", 1, 1, 1),
            ("avalpay", "rejected_for_good", "rejected", 0, 10, 0),
            ("avalpay", "under_review_then_approved", "approved", 1, 0, 1),
            ("avalpay", "lost_notice_found_on_return", "approved", 1, 0, 1),
            ("avalpay", "lost_notice_found_by_probe", "approved", 1, 0, 1),
            ("avalpay", "abandoned_then_expired", "expired", 0, 0, 0),
            ("avalpay", "provider_out_of_order", "failed", 0, 0, 0),
            ("avalpay", "forged_notices_refused", "cancelled", 0, 0, 0),
            ("avalpay", "given_back", "reversed", 1, 0, 1),
            ("avalpay", "paid_in_parts", "approved", 2, 0, 1),
            ("avalpay", "partly_paid", "partially_expired", 1, 0, 0),
            ("avalpay", "dispersion_given_back", "reversed", 1, 1, 0),
            ("avalpay", "kept_card_charged", "approved", 1, 0, 1),
            ("pagoefectivo", "paid_in_soles", "approved", 1, 0, 1),
            ("pagoefectivo", "paid_in_dollars", "approved", 1, 0, 1),
            ("pagoefectivo", "nobody_pays_expired_by_the_hub", "expired", 0, 0, 0),
            ("pagoefectivo", "taken_back_by_the_merchant", "cancelled", 0, 0, 0),
            ("pagoefectivo", "refused_above_the_agreed_maximum", "failed", 0, 0, 0),
            ("pagoefectivo", "first_notice_lost_second_arrives", "approved", 1, 0, 1),
            ("pagoefectivo", "lost_notices_found_by_probe", "approved", 1, 0, 1),
            ("pagoefectivo", "late_payment_taken_once", "approved", 1, 0, 1),
            ("pagoefectivo", "lost_creation_found_by_its_notice", "approved", 1, 0, 1),
            ("pagoefectivo", "repeated_notices_taken_once", "approved", 1, 0, 1),
            ("pagoefectivo", "forged_notices_refused", "approved", 1, 0, 1),
            ("etpay", "approved_by_notice", "approved", 1, 0, 1),
            ("etpay", "approved_by_spei", "approved", 1, 0, 1),
            ("etpay", "approved_by_codi", "approved", 1, 0, 1),
            ("etpay", "not_enough_funds", "rejected", 0, 1, 0),
            ("etpay", "second_factor_refused", "rejected", 0, 1, 0),
            ("etpay", "given_up_in_the_funnel", "cancelled", 0, 1, 0),
            ("etpay", "abandoned_then_expired", "expired", 0, 1, 0),
            ("etpay", "bank_confirms_later", "approved", 1, 0, 1),
            ("etpay", "funnel_loses_its_backend", "approved", 1, 0, 1),
            ("etpay", "lost_notice_found_by_probe", "approved", 1, 0, 1),
            ("etpay", "failed_then_confirmed_late", "approved", 1, 1, 1),
            ("etpay", "two_sessions_paid_is_overpaid", "approved", 2, 0, 1),
            ("etpay", "forged_notices_refused", "cancelled", 0, 1, 0),
            ("carat_esitef", "paid_on_the_portal_s_page", "approved", 1, 0, 1),
            ("carat_esitef", "denied", "rejected", 0, 1, 0),
            ("carat_esitef", "cancelled_by_the_payer", "cancelled", 0, 0, 0),
            ("carat_esitef", "abandoned_then_expired", "expired", 0, 0, 0),
            ("carat_esitef", "lost_notice_found_by_probe", "approved", 1, 0, 1),
            ("carat_esitef", "forged_notices_change_nothing", "cancelled", 0, 0, 0),
            ("carat_esitef", "paid_on_the_hub_s_page", "approved", 1, 0, 1),
            ("carat_esitef", "denied_on_the_hub_s_page", "rejected", 0, 1, 0),
            ("carat_esitef", "kept_card_charged", "approved", 1, 0, 1),
            ("carat_esitef", "given_back", "refunded", 1, 0, 1),
        ];
        let expected = expected.map(|(provider, name, status, approved, declined, paid)| {
            (provider.to_owned(), name.to_owned(), Value::from(status), Value::from(approved), Value::from(declined), Value::from(paid))
        });
        assert_eq!(ends.collect::<Vec<_>>(), expected);
        testing::covers!("AV-4-05", "AV-4.2-04", "AV-4.6-01");
    }
}

#[test]
fn a_tour_on_ports_that_are_taken_names_the_first_of_them() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    Place::with("").run(&["demo", "--tour", "--port", &port]).fails_with(3, &[&port]);
}
