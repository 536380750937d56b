//! Mails and reminders (§11).

use super::Bench;

/// Channel and address of everything sent so far.
fn sent(bench: &Bench) -> Vec<(&str, &str)> {
    bench.world.mails.iter().map(|mail| (mail.channel.as_str(), mail.to.as_str())).collect()
}

/// What steering says of a CIP's messages: the kind, and the reason of those that were not sent.
fn fates(bench: &mut Bench, cip: u64) -> Vec<(String, Option<String>)> {
    let shown = bench.steer("cip", serde_json::json!({ "cip": cip })).expect("known");
    let messages = shown["messages"].as_array().expect("a list").clone();
    messages
        .iter()
        .map(|message| {
            (
                message["kind"].as_str().expect("a word").to_owned(),
                message["withheld"].as_str().map(str::to_owned),
            )
        })
        .collect()
}

#[test]
fn the_code_is_mailed_to_the_payer_and_copied_to_the_merchant() {
    let _story =
        testing::story("stories::messages::the_code_is_mailed_to_the_payer_and_copied_to_the_merchant");
    let mut bench = Bench::new();
    let (cip, page) = bench.cip(r#"{"adminEmail":"caja@andes-demo.example"}"#);
    assert_eq!(sent(&bench), [("email", "rosa.quispe@correo.example"), ("email", "caja@andes-demo.example")]);
    let mail = &bench.world.mails[0];
    for shown in [
        cip.to_string().as_str(),
        "Rosa",
        "S/. 149.90",
        "Miércoles 04/03/2026 - 11:59 PM",
        &page,
        "simulador",
    ] {
        assert!(mail.text.contains(shown), "{shown} is missing in {}", mail.text);
    }
    testing::covers!("PE-21");
}

#[test]
fn without_an_address_the_cip_is_made_and_no_mail_leaves() {
    let _story = testing::story("stories::messages::without_an_address_the_cip_is_made_and_no_mail_leaves");
    let mut bench = Bench::new();
    let (cip, _) = bench.cip(r#"{"userEmail":null,"adminEmail":"caja@andes-demo.example","userPhone":null}"#);
    bench.advance(7 * 24 * 3_600);
    assert!(sent(&bench).is_empty());
    let why = |text: &str| Some(text.to_owned());
    assert_eq!(
        fates(&mut bench, cip),
        [
            ("generation_mail".to_owned(), why("no userEmail")),
            ("reminder_mail".to_owned(), why("no userEmail")),
            ("reminder_sms".to_owned(), why("no userPhone")),
        ]
    );
    testing::covers!("PE-23");
}

#[test]
fn one_reminder_goes_out_at_half_of_the_life() {
    let _story = testing::story("stories::messages::one_reminder_goes_out_at_half_of_the_life");
    let mut bench = Bench::with_settings(&[("reminder_countries", "+51")]);
    bench.cip(r#"{"dateExpiry":"2026-03-02T11:30:00-05:00"}"#);
    bench.advance(3_599);
    assert_eq!(sent(&bench).len(), 1, "the generation mail alone");
    bench.advance(1);
    let reminders = [("email", "rosa.quispe@correo.example"), ("sms", "+51951204477")];
    assert_eq!(sent(&bench)[1..], reminders);
    bench.advance(24 * 3_600);
    assert_eq!(sent(&bench).len(), 3, "once");
    testing::covers!("PE-22");
    testing::covers!("PE-25");
}

#[test]
fn a_text_message_needs_number_and_code_rightly_filled_and_agreed() {
    for (profile, agreed, changes, count) in [
        ("guide", "+51,+593", "{}", 1),
        ("guide", "+51,+593", r#"{"userCodeCountry":"+593","userPhone":"0991234567"}"#, 1),
        ("guide", "+51", r#"{"userCodeCountry":null,"userCodeContry":"+51"}"#, 1),
        ("docs", "+51", r#"{"userCodeContry":"+51"}"#, 1),
        ("guide", "+51", r#"{"userCodeCountry":null}"#, 0),
        ("guide", "+51", r#"{"userPhone":null}"#, 0),
        ("guide", "+51", r#"{"userCodeCountry":"PE"}"#, 0),
        ("guide", "+51", r#"{"userCodeCountry":"+57"}"#, 0),
        ("guide", "+51", r#"{"userPhone":"851204477"}"#, 0),
        ("guide", "+593", "{}", 0),
        ("guide", "", "{}", 0),
    ] {
        let mut bench = Bench::with_settings(&[("profile", profile), ("reminder_countries", agreed)]);
        bench.cip(changes);
        bench.advance(7 * 24 * 3_600);
        let messages = sent(&bench).iter().filter(|(channel, _)| *channel == "sms").count();
        assert_eq!(messages, count, "{profile} {agreed:?} {changes}");
    }
}

#[test]
fn nothing_reminds_of_what_cannot_be_paid_any_more() {
    let mut bench = Bench::with_settings(&[("reminder_countries", "+51")]);
    let (paid, _) = bench.cip("{}");
    let (removed, _) = bench.cip("{}");
    bench.pay(paid);
    bench.call("DELETE", &format!("/v1/cips/{removed}"), "");
    bench.advance(7 * 24 * 3_600);
    assert_eq!(sent(&bench).len(), 2, "the two generation mails");
    let withheld = |bench: &mut Bench, cip| fates(bench, cip)[1].1.clone();
    assert_eq!(withheld(&mut bench, paid).as_deref(), Some("already paid"));
    assert_eq!(withheld(&mut bench, removed).as_deref(), Some("already deleted"));
}

#[test]
fn a_change_of_the_end_moves_the_reminder_that_did_not_go_out() {
    let mut bench = Bench::new();
    let (cip, _) = bench.cip(r#"{"dateExpiry":"2026-03-02T11:30:00-05:00"}"#);
    bench.advance(1_800);
    bench.call("PATCH", &format!("/v1/cips/{cip}"), r#"{"dateExpiry":"2026-03-02T13:30:00-05:00"}"#);
    bench.advance(5_399);
    assert_eq!(sent(&bench).len(), 1);
    bench.advance(1);
    assert_eq!(sent(&bench).len(), 2, "at half of four hours");
    bench.call("PATCH", &format!("/v1/cips/{cip}"), r#"{"dateExpiry":"2026-03-09T13:30:00-05:00"}"#);
    bench.advance(6 * 24 * 3_600);
    assert_eq!(sent(&bench).len(), 2, "one reminder in all");
}
