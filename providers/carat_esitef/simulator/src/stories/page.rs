//! The hosted page, driven through its forms.

use simulation::world::Canary;
use testing::covers;

use super::driving::{location, page_of, visible};
use super::{Bench, STATUS_URL, STORED, VISA, text_at};
use crate::cards;
use crate::page::labels::Language;

const BACK: &str = r#""back_url":{"url_success":"https://loja.example/ok?p=1","url_failure":"https://loja.example/ruim","url_cancel":"https://loja.example/sair"}"#;

#[test]
fn every_page_says_that_it_is_a_simulator_and_runs_no_script() {
    for (language, words) in [
        (Language::Spanish, "Esto es un simulador"),
        (Language::Portuguese, "Isto é um simulador"),
        (Language::English, "This is a simulator"),
    ] {
        let mut bench = Bench::with_settings(&[("language", language.code())]);
        let created = bench.created(STORED);
        let mut pages = vec![bench.open_page(&created)];
        let refused = bench.pay_on_page(&created, &[("esitef-cardnumber", "1")]);
        pages.push(String::from_utf8(refused.body).expect("UTF-8"));
        bench.pay_on_page(&created, &[]);
        pages.push(bench.open_page(&created));
        for html in pages {
            assert!(visible(&html).contains(words), "{html}");
            assert!(
                !html.contains("<script") && !html.contains(" style=") && !html.contains("<style"),
                "{html}"
            );
        }
    }
    let (status, html) = Bench::new().open("/e-sitef/do.se?nit=unknown");
    assert!(status == 404 && visible(&html).contains("Isto é um simulador"), "{html}");
}

#[test]
fn pages_carry_a_strict_policy_and_their_own_stylesheet() {
    let mut bench = Bench::new();
    let created = bench.created("");
    let reply = bench.handle(&bench.request("GET", &page_of(&created), &[], b""));
    let policy = reply.headers.iter().find(|(name, _)| name == "content-security-policy").expect("a policy");
    assert_eq!(
        policy.1,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'"
    );
    let (status, style) = bench.open("/e-sitef/estilo.css");
    assert!(status == 200 && style.contains("body"));
}

#[test]
fn the_page_shows_what_is_paid_and_whether_the_card_is_kept() {
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    let text = visible(&bench.open_page(&created));
    for part in
        ["R$ 119,00", "12345", "livraria", "Pagar R$ 119,00", "vence em 30 minutos", "nunca é guardado"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let plain = bench.created("");
    assert!(!visible(&bench.open_page(&plain)).contains("guardado"));
}

#[test]
fn opening_the_page_waits_for_the_payer_and_paying_confirms() {
    let mut bench = Bench::new();
    let created = bench.created(BACK);
    let nit = text_at(&created, &["nit"]);
    bench.open_page(&created);
    assert_eq!(bench.status(&nit), "AGU");
    let reply = bench.pay_on_page(&created, &[]);
    assert_eq!((reply.status, location(&reply)), (302, "https://loja.example/ok?p=1"));
    assert_eq!(bench.status(&nit), "CON");
    assert_eq!(bench.told(STATUS_URL), ["CON"]);
    assert_eq!(bench.ledger(), [("charge", "approved", "119.00")]);
    let html = bench.open_page(&created);
    assert!(html.contains("O pagamento foi aprovado.") && !html.contains("card-form"));
    assert!(!html.contains(VISA) && html.contains("400000******0044"));
}

#[test]
fn every_end_of_the_page_leads_to_its_own_address() {
    for (amount, failure, end) in [("2200000", true, "NEG"), ("100", false, "CON")] {
        let mut bench = Bench::new();
        let id = bench.merchant_id.clone();
        let created = bench.init(&format!(r#"{{"merchant_id":"{id}","amount":"{amount}",{BACK}}}"#));
        let reply = bench.pay_on_page(&created, &[]);
        assert_eq!(location(&reply).contains("/ruim"), failure);
        assert_eq!(bench.status(&text_at(&created, &["nit"])), end);
    }
    let mut bench = Bench::new();
    let created = bench.created(BACK);
    let html = bench.open_page(&created);
    let reply = bench.send(&html, "cancel-form", &[]);
    assert_eq!((reply.status, location(&reply)), (302, "https://loja.example/sair"));
    assert_eq!(bench.told(STATUS_URL), ["CAN"]);
    assert!(bench.world.ledger.is_empty());
}

#[test]
fn registered_addresses_stand_in_and_without_any_the_page_tells_the_result() {
    let mut bench = Bench::with_settings(&[("url_success", "https://loja.example/registrada")]);
    let created = bench.created("");
    assert_eq!(location(&bench.pay_on_page(&created, &[])), "https://loja.example/registrada");
    bench.set("url_success", "");
    let created = bench.created("");
    let reply = bench.pay_on_page(&created, &[]);
    assert_eq!(reply.status, 303);
    let (_, html) = bench.open(location(&reply));
    assert!(visible(&html).contains("Você pode fechar esta página."), "{html}");
    let by_link = bench.created(&format!(r#""redirect":"M",{BACK}"#));
    let reply = bench.pay_on_page(&by_link, &[]);
    let (_, html) = bench.open(location(&reply));
    assert!(html.contains("id=\"return\"") && html.contains("https://loja.example/ok?p=1"), "{html}");
}

#[test]
fn a_form_sent_twice_pays_once() {
    let mut bench = Bench::new();
    let created = bench.created(BACK);
    let html = bench.open_page(&created);
    for _ in 0..2 {
        let reply = bench.send(&html, "card-form", &super::driving::TYPED);
        assert_eq!(location(&reply), "https://loja.example/ok?p=1");
    }
    assert_eq!(bench.ledger().len(), 1);
}

#[test]
fn each_refused_datum_has_its_sentence_and_neither_number_nor_code_comes_back() {
    let mut bench = Bench::new();
    let created = bench.created("");
    for (name, text, sentence) in [
        ("esitef-cardnumber", "", "Este dado é obrigatório."),
        ("esitef-cardnumber", "4000000000000045", "só aceita os cartões públicos de teste"),
        ("esitef-cardexpirydate", "1399", "Escreva mês e ano"),
        ("esitef-cardexpirydate", "0226", "Escreva mês e ano"),
        ("esitef-cardsecuritycode", "12", "dígitos do código"),
        ("esitef-cardholder", "R2D2", "Escreva o nome com letras"),
        ("identification_number", "123", "11 dígitos do CPF"),
        ("installments", "99-4", "parcelas oferecidas"),
        ("authorizer_id", "440", "meios de pagamento oferecidos"),
    ] {
        let reply = bench.pay_on_page(&created, &[(name, text)]);
        let html = String::from_utf8(reply.body).expect("UTF-8");
        assert_eq!(reply.status, 422, "{name} {text}");
        assert!(html.contains(&format!("id=\"{name}-error\"")) && html.contains(sentence), "{name}: {html}");
        assert!(!html.contains("value=\"97531\"") && !html.contains("value=\"4000"), "{html}");
    }
    assert!(bench.world.ledger.is_empty());
}

#[test]
fn a_voucher_wants_a_tax_number() {
    let mut bench = Bench::new();
    let created = bench.created("");
    let sodexo = [("esitef-cardnumber", "6060713339142012"), ("authorizer_id", "281")];
    assert_eq!(bench.pay_on_page(&created, &sodexo).status, 422);
    let with_document = [sodexo[0], sodexo[1], ("identification_number", "123.456.789-09")];
    assert_eq!(bench.pay_on_page(&created, &with_document).status, 303);
    assert_eq!(bench.last(STATUS_URL).get("autorizadora"), "281");
}

#[test]
fn several_cards_that_cannot_be_used_block_the_payment() {
    let mut bench = Bench::new();
    let created = bench.created(BACK);
    for _ in 0..4 {
        assert_eq!(bench.pay_on_page(&created, &[("esitef-cardnumber", "4000000000000045")]).status, 422);
    }
    let reply = bench.pay_on_page(&created, &[("esitef-cardnumber", "4000000000000045")]);
    assert_eq!(location(&reply), "https://loja.example/ruim");
    assert_eq!(bench.told(STATUS_URL), ["BLQ"]);
}

#[test]
fn a_page_left_alone_is_abandoned_and_one_never_opened_expires() {
    let mut bench = Bench::new();
    let opened = bench.created("");
    bench.open_page(&opened);
    bench.created("");
    bench.advance(9 * 60);
    bench.open_page(&opened);
    bench.advance(9 * 60);
    assert!(bench.told(STATUS_URL).is_empty(), "every move starts the time anew");
    bench.advance(60);
    assert_eq!(bench.told(STATUS_URL), ["ABA"]);
    bench.advance(30 * 60);
    assert_eq!(bench.told(STATUS_URL), ["ABA", "EXP"]);
    assert!(visible(&bench.open_page(&opened)).contains("O pagamento foi abandonado."));
}

#[test]
fn a_card_of_another_brand_is_kept_exchanged_or_refused_as_the_shop_is_set() {
    for (policy, expected) in [("ignore", Some("2")), ("switch", Some("1")), ("refuse", None)] {
        let mut bench = Bench::with_settings(&[("exchange", policy)]);
        let created = bench.created("");
        let reply = bench.pay_on_page(&created, &[("authorizer_id", "2")]);
        match expected {
            Some(authorizer) => assert_eq!(bench.last(STATUS_URL).get("autorizadora"), authorizer),
            None => assert!(String::from_utf8_lossy(&reply.body).contains("não é do meio de pagamento")),
        }
    }
}

#[test]
fn instalments_are_those_of_the_request_or_those_that_the_payer_chooses() {
    let mut bench = Bench::new();
    let created = bench.created(r#""additional_data":{"max_installments_with_interest":"3"}"#);
    bench.pay_on_page(&created, &[("installments", "3-3")]);
    let told = bench.last(STATUS_URL);
    assert_eq!((told.get("parcelas"), told.get("tipoFinanciamento")), ("3", "3"));
    let fixed = bench.created(r#""installments":"2","installment_type":"4""#);
    assert_eq!(bench.pay_on_page(&fixed, &[("installments", "1-4")]).status, 422);
    bench.pay_on_page(&fixed, &[]);
    assert_eq!(bench.last(STATUS_URL).get("parcelas"), "2");
}

#[test]
fn allowed_methods_decide_which_brands_are_offered() {
    let mut bench = Bench::new();
    let created = bench.created(r#""additional_data":{"allowed_payment_methods":[{"id":"DBT"}]}"#);
    let html = bench.open_page(&created);
    assert!(html.contains("Mastercard débito") && !html.contains(">American Express</option<"), "{html}");
}

#[test]
fn the_language_can_be_changed_and_stays() {
    let mut bench = Bench::new();
    let created = bench.created("");
    let html = bench.open_page(&created);
    let reply = bench.send(&html, "language-form", &[("idioma", "es")]);
    assert_eq!(reply.status, 303);
    assert!(visible(&bench.open_page(&created)).contains("Datos de la tarjeta"));
}

#[test]
fn every_published_card_pays_and_a_canary_acts_as_one() {
    let _story =
        testing::story(concat!(module_path!(), "::every_published_card_pays_and_a_canary_acts_as_one"));
    for card in cards::all() {
        let mut bench = Bench::new();
        let created = bench.created("");
        bench.pay_on_page(
            &created,
            &[("esitef-cardnumber", card.number), ("identification_number", "12345678909")],
        );
        let told = bench.last(STATUS_URL);
        assert_eq!(told.get("status"), "CON", "{card:?}");
        assert_eq!(told.get("autorizadora"), card.authorizer.id.to_string());
    }
    let mut bench = Bench::new();
    let number = "4999999999999999";
    bench.world.canaries.insert(number.into(), Canary { id: "a".into(), acts_as: VISA.into() });
    let created = bench.created("");
    bench.pay_on_page(&created, &[("esitef-cardnumber", number)]);
    let told = bench.last(STATUS_URL);
    assert_eq!((told.get("binCartao"), told.get("finalCartao")), ("499999", "9999"));
    let everything = format!("{:?}", bench.portal);
    assert!(!everything.contains(number), "the number is in no state");
    assert!(!everything.contains("\"97531\""), "nor is the security code");
    covers!("CA-06");
}
