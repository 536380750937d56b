//! The tour as a person starts it, on both databases: six stories, three witnesses, one verdict.

mod support;

use serde_json::Value;
use support::Place;

testing::both_databases! {
    async fn the_tour_ends_with_three_witnesses_who_agree(database: testing::TestDatabase) {
        let place = Place::with("");
        let arguments = ["demo", "--tour", "--json", "--port", "0", "--database", &database.url];
        let ended = tokio::task::block_in_place(|| place.run(&arguments));
        let report: Value = serde_json::from_str(ended.succeeds()).expect("a line of JSON");
        assert_eq!(report["passed"], true, "{report:#}");

        let stories = report["stories"].as_array().expect("stories");
        let ends = stories.iter().map(|story| {
            let words = &story["witnesses"];
            let word = |pointer: &str| words.pointer(pointer).cloned().unwrap_or_default();
            let name = story["name"].as_str().unwrap_or_default().to_owned();
            (name, word("/hub/status"), word("/provider/approved"), word("/provider/declined"), word("/shop/times_paid"))
        });
        let expected = [
            ("approved_by_notice", "approved", 1, 0, 1),
            ("rejected_then_approved", "approved", 1, 1, 1),
            ("lost_notice_found_on_return", "approved", 1, 0, 1),
            ("lost_notice_found_by_probe", "approved", 1, 0, 1),
            ("abandoned_then_expired", "expired", 0, 0, 0),
            ("forged_notices_refused", "cancelled", 0, 0, 0),
        ];
        let expected = expected.map(|(name, status, approved, declined, paid)| {
            (name.to_owned(), Value::from(status), Value::from(approved), Value::from(declined), Value::from(paid))
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
