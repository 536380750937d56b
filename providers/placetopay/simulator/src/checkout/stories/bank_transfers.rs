//! Transfers by PSE: bank list, the bank's page with its states and reasons, coming back, pending for long.

use serde_json::json;
use simulation::Reply;
use testing::covers;

use super::driving::{A_CARD, location, read_form, visible};
use super::{Bench, text_at};
use crate::checkout::banks::{self, BankState};

const RETURN_URL: &str = "https://libreria.example/pagos/retorno/CAR2026000871";
const UNION: &str = "1022";

/// Fills the form of a transfer and sends it.
pub fn transfer(bench: &mut Bench, page: &str, typed: &[(&str, &str)]) -> Reply {
    bench.open_card_form(page);
    let (status, html) = bench.open(&format!("{page}/pse"));
    assert_eq!(status, 200);
    let mut all = vec![("person_kind", "natural"), ("bank", UNION), ("mobile", "+573005550147")];
    for (name, value) in typed {
        all.retain(|(known, _)| known != name);
        all.push((name, value));
    }
    bench.send(&html, "transfer-form", &all)
}

/// Chooses how the bank ends a transfer.
fn choose(bench: &mut Bench, bank: &str, state: &str, reason: &str) -> Reply {
    let (_, html) = bench.open(bank);
    bench.send(&html, "bank-form", &[("state", state), ("reason", reason)])
}

#[test]
fn the_form_of_a_transfer_lists_the_banks_and_judges_every_field() {
    let _story = testing::story(
        "checkout::stories::bank_transfers::the_form_of_a_transfer_lists_the_banks_and_judges_every_field",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.open_card_form(&page);
    let (_, html) = bench.open(&format!("{page}/methods"));
    assert!(visible(&html).contains("Cuentas débito ahorro y corriente (PSE)"));
    let (_, html) = bench.open(&format!("{page}/pse"));
    for bank in
        ["BANCO AV VILLAS", "BANCO UNION COLOMBIANO", "BANCOLOMBIA", "ITAU", "NEQUI", "Placetopay Bank"]
    {
        assert!(html.contains(&format!(">{bank}</option>")), "{bank}");
    }
    let (_, members) = read_form(&html, "transfer-form");
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "form_token",
            "person_kind",
            "bank",
            "holder_name",
            "holder_surname",
            "document_type",
            "document",
            "mobile"
        ]
    );
    for (name, value, sentence) in [
        ("person_kind", "", "Elija el tipo de persona."),
        ("bank", "", "Elija un banco."),
        ("bank", "9999", "Elija un banco."),
        ("holder_name", "Juan3", "Use solo letras, espacios"),
        ("document", "0123", "El número no corresponde al tipo de documento."),
        ("document_type", "NIT", "El tipo de documento no corresponde al tipo de persona."),
        ("mobile", "3005550147", "Escriba el celular con el indicativo del país"),
    ] {
        let reply = transfer(&mut bench, &page, &[(name, value)]);
        let html = String::from_utf8(reply.body).expect("UTF-8");
        assert_eq!(reply.status, 422, "{name} {value}");
        let error = html.split_once(&format!("id=\"{name}-error\">")).map(|(_, after)| after);
        assert!(error.is_some_and(|error| error.starts_with(sentence)), "{name} {value}");
    }
    covers!("AV-7.2-01");
    assert!(bench.avalpay.sessions[&id].attempts.is_empty());
}

#[test]
fn the_bank_s_page_offers_four_states_and_the_reasons_that_fit_each() {
    let _story = testing::story(
        "checkout::stories::bank_transfers::the_bank_s_page_offers_four_states_and_the_reasons_that_fit_each",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let reply = transfer(&mut bench, &page, &[]);
    let bank = location(&reply).to_owned();
    let key = bank.strip_prefix("/rest/mock/redirection/").expect("the mock's address");
    assert!(reply.status == 303 && key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let (status, html) = bench.open(&bank);
    let text = visible(&html);
    assert!(status == 200 && text.contains("BANCO UNION COLOMBIANO"), "{text}");
    covers!("AV-7.2-05");
    assert!(text.contains("¡Transacción de prueba!") && text.contains("Procesar transacción"));
    assert_eq!(html.matches("<select").count(), 2);
    covers!("AV-7.2-06");
    let states = html.split("</select>").next().expect("the states");
    let options: Vec<&str> = states
        .split("<option")
        .skip(1)
        .map(|option| option.split(['>', '<']).nth(1).expect("a text"))
        .collect();
    assert_eq!(options, ["Aprobada", "Pendiente", "Declinada", "Fallido"]);
    let groups: Vec<&str> = html.split("<optgroup class=\"").skip(1).collect();
    for (group, state) in groups.iter().zip(BankState::ALL) {
        let offered = banks::outcomes().iter().filter(|outcome| group.contains(&outcome.label()));
        assert!(group.starts_with(state.word()) && offered.clone().all(|outcome| outcome.state == state));
        assert_eq!(
            offered.count(),
            banks::outcomes().iter().filter(|outcome| outcome.state == state).count()
        );
    }
    for (state, reason) in
        [("approved", "?-"), ("pending", "00"), ("declined", "XR"), ("failed", "?C"), ("", "00")]
    {
        assert_eq!(choose(&mut bench, &bank, state, reason).status, 422, "{state} {reason}");
    }
    let expert = json!({ "account": super::ACCOUNT, "setting": "bank_reasons", "value": "all" });
    bench.steer("set_account", expert).expect("set");
    assert_eq!(bench.status(id), ("PENDING".into(), "PT".into()));
    choose(&mut bench, &bank, "declined", "XR");
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "XR", "an expert may combine any");
}

#[test]
fn every_reason_of_the_bank_leads_where_its_state_says() {
    let _story = testing::story(
        "checkout::stories::bank_transfers::every_reason_of_the_bank_leads_where_its_state_says",
    );
    assert_eq!(banks::outcomes().len(), 19);
    for outcome in banks::outcomes() {
        let mut bench = Bench::with_settings(&[("bank_failure", "failed")]);
        let (id, page) = bench.session("{}");
        let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
        let reply = choose(&mut bench, &bank, outcome.state.word(), outcome.code);
        assert_eq!((reply.status, location(&reply)), (303, page.as_str()));
        let answer = bench.query(id);
        let (transaction, session) = match outcome.state {
            BankState::Approved => ("APPROVED", "APPROVED"),
            BankState::Pending => ("PENDING", "PENDING"),
            BankState::Declined => ("REJECTED", "PENDING"),
            BankState::Failed => ("FAILED", "PENDING"),
        };
        assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), transaction, "{outcome:?}");
        assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), outcome.code);
        assert_eq!(text_at(&answer, &["status", "status"]), session);
    }
}

#[test]
fn an_approved_transfer_is_told_with_the_network_s_number() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
    assert_eq!(bench.movements(), [("charge", "pending", "119000.00")]);
    choose(&mut bench, &bank, "approved", "11");
    let answer = bench.query(id);
    let at = |path: &str| text_at(&answer, &["payment", "0", path]);
    for (path, value) in [
        ("paymentMethod", "pse"),
        ("paymentMethodName", "Cuentas débito ahorro y corriente (PSE)"),
        ("issuerName", "BANCO UNION COLOMBIANO"),
        ("franchise", "_PSE_"),
    ] {
        assert_eq!(at(path), value);
    }
    let cus = at("authorization");
    assert!(
        cus.len() == 9
            && at("processorFields").contains(&format!(r#""keyword":"trazabilyCode","value":"{cus}""#))
    );
    assert_eq!(at("receipt"), at("internalReference"));
    assert_eq!(text_at(&answer, &["request", "payer", "mobile"]), "+573005550147");
    assert_eq!(bench.ledger(), ["pending", "approved"]);
    let text = visible(&bench.open(&page).1);
    assert!(
        text.contains(&format!("Autorización / CUS {cus}")) && text.contains("PSE BANCO UNION COLOMBIANO"),
        "{text}"
    );
    let (_, over) = bench.open(&bank);
    assert!(visible(&over).contains("ya no espera al banco") && !over.contains("bank-form"));
    assert!(bench.open(&format!("{bank}0")).0 == 404);
}

#[test]
fn a_declined_transfer_may_be_tried_again_with_a_card() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
    let (_, html) = bench.open(&page);
    assert!(html.contains(&format!("id=\"to-bank\" class=\"button\" href=\"{bank}\"")));
    choose(&mut bench, &bank, "declined", "?C");
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), ("APPROVED".into(), "00".into()));
    assert_eq!(bench.ledger(), ["pending", "rejected", "approved"]);
}

#[test]
fn a_transfer_that_the_bank_leaves_pending_is_settled_by_clock_or_steering() {
    let mut bench = Bench::new();
    for by_clock in [true, false] {
        let (id, page) = bench.session(r#"{"expiration":null}"#);
        let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
        choose(&mut bench, &bank, "pending", "?-");
        bench.advance(1_801);
        assert_eq!(bench.status(id), ("PENDING".into(), "PT".into()), "longer than the session lives");
        if by_clock {
            bench.advance(1_800);
        } else {
            bench.steer("end_at_bank", json!({ "request_id": id, "reason": "00" })).expect("ended");
        }
        assert_eq!(bench.status(id), ("APPROVED".into(), "00".into()));
    }
    let (id, page) = bench.session(r#"{"expiration":null}"#);
    let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
    choose(&mut bench, &bank, "pending", "?*");
    bench.advance(1_000_000);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "status", "reason"]), "?*");
    bench.steer("resolve_pending", json!({ "request_id": id, "outcome": "rejected:?2" })).expect("resolved");
    assert_eq!(bench.status(id), ("REJECTED".into(), "EX".into()), "its time was long over");
}

#[test]
fn a_payer_who_never_comes_back_from_the_bank_loses_the_session() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    transfer(&mut bench, &page, &[]);
    bench.advance(1_200);
    assert_eq!(bench.status(id), ("REJECTED".into(), "EX".into()));
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "status", "reason"]), "?5");
}

#[test]
fn a_skipped_result_leads_from_the_bank_straight_to_the_merchant() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(r#"{"skipResult":true}"#);
    let bank = location(&transfer(&mut bench, &page, &[])).to_owned();
    let reply = choose(&mut bench, &bank, "approved", "00");
    assert_eq!((reply.status, location(&reply)), (303, RETURN_URL));
}

#[test]
fn the_form_and_the_bank_speak_three_languages_without_any_script() {
    for (locale, form, bank) in [
        ("es_CO", "Pago con PSE", "¡Transacción de prueba!"),
        ("en_US", "Payment by PSE", "Test transaction!"),
        ("pt_BR", "Pagamento com PSE", "Transação de teste!"),
    ] {
        let mut bench = Bench::new();
        let (_, page) =
            bench.session(&format!(r#"{{"locale":"{locale}","payment":{{"allowPartial":true}}}}"#));
        bench.open_card_form(&page);
        let (_, asked) = bench.open(&format!("{page}/pse"));
        let at_bank = location(&transfer(&mut bench, &page, &[])).to_owned();
        let (_, shown) = bench.open(&at_bank);
        assert!(asked.contains(form) && shown.contains(bank), "{locale}");
        for html in [asked, shown] {
            assert!(html.contains(&format!("<html lang=\"{}\">", &locale[..2])));
            assert!(
                !html.contains("<script")
                    && !html.contains(" style=")
                    && html.contains("class=\"simulator\"")
            );
        }
    }
}

#[test]
fn a_transfer_is_offered_in_pesos_and_for_plain_payments_only() {
    let mut bench = Bench::new();
    for changes in [
        r#"{"payment":{"amount":{"currency":"USD","total":10}}}"#,
        r#"{"type":"checkin"}"#,
        r#"{"payment":{"recurring":{"periodicity":"M","interval":1,"maxPeriods":2}}}"#,
        r#"{"payment":null,"subscription":{"reference":"S1"}}"#,
        r#"{"paymentMethod":"visa"}"#,
    ] {
        let (_, page) = bench.session(changes);
        bench.open_card_form(&page);
        assert!(!bench.open(&format!("{page}/methods")).1.contains("method-pse"), "{changes}");
        assert_eq!(bench.open(&format!("{page}/pse")).0, 303, "{changes}");
    }
}
