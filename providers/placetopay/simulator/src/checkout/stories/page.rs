//! The hosted page, driven through its forms.

use simulation::world::Canary;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD, location, read_form, visible};
use super::{Bench, text_at};
use crate::checkout::cards;

const RETURN_URL: &str = "https://libreria.example/pagos/retorno/CAR2026000871";

#[test]
fn every_page_says_that_it_is_a_simulator_and_runs_no_script() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    let mut pages = vec![bench.open(&page).1];
    pages.push(bench.open_card_form(&page));
    pages.push(bench.open(&format!("{page}/methods")).1);
    bench.pay(&page, "4110760000000008");
    pages.push(bench.open(&page).1);
    let (_, challenge) = bench.open(&page);
    bench.send(&challenge, "challenge-form", &[("challenge_code", "12345")]);
    pages.push(bench.open(&page).1);
    pages.push(bench.open("/spa/session/1/ff").1);
    for html in pages {
        assert!(html.contains("Esto es un simulador: no mueve dinero"), "{html}");
        assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains("<style"), "{html}");
    }
}

#[test]
fn pages_carry_a_strict_policy_and_their_own_stylesheet() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    let request = bench.request("GET", &page, "", vec![]);
    let reply = bench.handle(&request);
    let policy = reply.headers.iter().find(|(name, _)| name == "content-security-policy").expect("a policy");
    assert_eq!(
        policy.1,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'"
    );
    let (status, style) = bench.open("/spa/style.css");
    assert!(status == 200 && style.contains("body"));
}

#[test]
fn the_first_page_shows_what_is_paid_and_asks_for_the_email() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(
        r#"{"fields":[{"keyword":"Tienda","value":"Sede <Norte>","displayOn":"both"},
                      {"keyword":"Secreto","value":"x","displayOn":"none"},
                      {"keyword":"Mesa","value":"7","displayOn":"payment"},
                      {"keyword":"Puntos","value":"9","displayOn":"approved"}]}"#,
    );
    let (status, html) = bench.open(&page);
    assert_eq!(status, 200);
    let text = visible(&html);
    for part in [
        "$119.000,00 COP",
        "Tres libros y un mapa",
        "CAR2026000871",
        "2026-03-14 10:15:31",
        "S508817-T1",
        "Tu proceso expirará en 20 minutos",
        "ayuda@avalpay.example",
        "IVA (base $100.000,00) $19.000,00",
        "Subtotal $100.000,00",
        "Tienda Sede <Norte>",
        "Mesa 7",
        "Continuar",
        "No deseo continuar",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Secreto") && !text.contains("Puntos"));
    let (_, members) = read_form(&html, "email-form");
    assert_eq!(members, [("email".to_owned(), "mariana.prueba@correo.example".to_owned())]);
    let reply = bench.send(&html, "email-form", &[("email", "nobody")]);
    assert_eq!(reply.status, 422);
    assert!(String::from_utf8_lossy(&reply.body).contains("Escriba un correo electrónico válido."));
}

#[test]
fn a_buyer_fills_the_form_and_no_buyer_fill_leaves_it_empty() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    let form = bench.open_card_form(&page);
    let (_, members) = read_form(&form, "card-form");
    let value = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(value("holder_name"), Some("Mariana"));
    assert_eq!(value("document_type"), Some("CC"));
    assert_eq!(value("mobile"), Some("3005550147"));
    let (_, page) = bench.session(r#"{"noBuyerFill":"true"}"#);
    let form = bench.open_card_form(&page);
    let (_, members) = read_form(&form, "card-form");
    assert!(
        members.iter().filter(|(name, _)| name.starts_with("holder_")).all(|(_, value)| value.is_empty())
    );
}

#[test]
fn a_payer_locks_the_form_whatever_the_browser_sends() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(
        r#"{"payer":{"documentType":"CC","document":"1093847561","name":"Ana","surname":"Titular","email":"ana@correo.example","mobile":"3005550199"}}"#,
    );
    let form = bench.open_card_form(&page);
    assert!(form.contains("El comercio fijó este dato."));
    bench.send(
        &form,
        "card-form",
        &[
            ("card_number", A_CARD),
            ("expiry", "11/30"),
            ("cvv", "123"),
            ("holder_name", "Otra"),
            ("document", "99999"),
        ],
    );
    let answer = bench.query(id);
    assert_eq!(
        text_at(&answer, &["request", "payer"]),
        r#"{"documentType":"CC","document":"1093847561","name":"Ana","surname":"Titular","email":"ana@correo.example","mobile":"3005550199"}"#
    );
}

#[test]
fn each_refused_datum_has_its_sentence_beside_it() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let form = bench.open_card_form(&page);
    let good = [("card_number", A_CARD), ("expiry", "11/30"), ("cvv", "123")];
    for (name, value, sentence) in [
        ("card_number", "4242424242424242", "Este simulador solo acepta las tarjetas de prueba públicas."),
        ("card_number", "", "Este dato es obligatorio."),
        ("expiry", "13/30", "Escriba el vencimiento como MM/AA."),
        ("expiry", "02/26", "La tarjeta está vencida."),
        ("cvv", "12", "El código tiene 3 o 4 dígitos."),
        ("installments", "37", "Elija de 1 a 36 cuotas."),
        ("holder_name", "Juan3", "Use solo letras, espacios"),
        ("holder_surname", "", "Este dato es obligatorio."),
        ("document_type", "DNX", "Elija un tipo de documento."),
        ("document", "0123", "El número no corresponde al tipo de documento."),
        ("mobile", "tres", "Escriba al menos 7 dígitos."),
    ] {
        let mut typed: Vec<(&str, &str)> = good.iter().copied().filter(|(known, _)| *known != name).collect();
        typed.push((name, value));
        let reply = bench.send(&form, "card-form", &typed);
        let html = String::from_utf8(reply.body).expect("UTF-8");
        assert_eq!(reply.status, 422, "{name} {value}");
        let error = html.split_once(&format!("id=\"{name}-error\">")).map(|(_, after)| after);
        assert!(error.is_some_and(|error| error.starts_with(sentence)), "{name} {value}");
        assert!(!html.contains("value=\"4110760000000081\"") && !html.contains("value=\"4242424242424242\""));
    }
    assert!(bench.avalpay.sessions[&id].attempts.is_empty());
    assert!(bench.world.ledger.is_empty());
}

#[test]
fn the_same_form_sent_twice_makes_one_attempt() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    let form = bench.open_card_form(&page);
    let typed = [("card_number", DENIED_CARD), ("expiry", "1130"), ("cvv", "123")];
    for _ in 0..3 {
        let reply = bench.send(&form, "card-form", &typed);
        assert_eq!((reply.status, location(&reply)), (303, page.as_str()));
    }
    assert_eq!(bench.ledger(), ["rejected"]);
    let stale = form.replace("name=\"form_token\" value=\"", "name=\"form_token\" value=\"0");
    assert_eq!(bench.send(&stale, "card-form", &typed).status, 422);
    assert_eq!(bench.ledger(), ["rejected"]);
}

#[test]
fn the_result_lists_attempts_newest_first_with_every_datum() {
    let _story =
        testing::story("checkout::stories::page::the_result_lists_attempts_newest_first_with_every_datum");
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    let text = visible(&bench.open(&page).1);
    assert!(
        text.contains("Intentar de nuevo") && text.contains("Intento 1: Transacción Rechazada"),
        "{text}"
    );
    bench.advance(30);
    bench.pay(&page, A_CARD);
    let (_, html) = bench.open(&page);
    let text = visible(&html);
    let newest = text.find("Intento 2: Transacción Aprobada").expect("the newest");
    let oldest = text.find("Intento 1: Transacción Rechazada").expect("the oldest");
    assert!(newest < oldest);
    for part in [
        "Fecha y hora 2026-03-14 10:16:01",
        "Estado Transacción Aprobada",
        "Mensaje Aprobada",
        "Medio de pago VISA **** 0081",
        "Valor $119.000,00 COP",
        "Fecha de la transacción 2026-03-14 10:16:01",
        "Código de respuesta 00",
        "Código de respuesta 05",
        "Autorización / CUS 000000",
        "Dirección IP 203.0.113.24",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    covers!("AV-4.2-05");
    for part in [
        "El proceso de pago ha finalizado: aprobado",
        "Sesión S508817-T1",
        "Total a pagar $119.000,00 COP",
        "Descripción Tres libros y un mapa",
        "Referencia CAR2026000871",
        "Fecha de la solicitud 2026-03-14 10:15:31",
        "Imprimir",
        "Ayuda: ayuda@avalpay.example",
        "Idioma",
        "Volver al comercio",
        "Enviamos el comprobante a pagadora@correo.example",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(html.contains(&format!("href=\"{RETURN_URL}\"")));
    covers!("AV-4.2-06");
    let held = text_at(&bench.query(508_817), &["request", "payer", "name"]);
    assert_eq!(held, "Mariana", "only the buyer was sent: the page asked for the holder");
    covers!("AV-4.4-12", "AV-4.7-17");
    assert!(!text.contains("Tu proceso expirará") && !text.contains("Intentar de nuevo"));
}

#[test]
fn a_payer_who_gives_up_goes_to_the_cancel_address_or_back() {
    let mut bench = Bench::new();
    for (changes, target) in [
        (r#"{"cancelUrl":"https://libreria.example/cancelado"}"#, "https://libreria.example/cancelado"),
        ("{}", RETURN_URL),
    ] {
        let (id, page) = bench.session(changes);
        let (_, html) = bench.open(&page);
        let reply = bench.send(&html, "abandon", &[]);
        assert_eq!((reply.status, location(&reply)), (303, target));
        assert_eq!(bench.status(id), ("REJECTED".into(), "?C".into()));
        let (_, html) = bench.open(&page);
        assert!(html.contains("El proceso de pago fue cancelado por el usuario"));
    }
    assert_eq!(bench.notices().len(), 2);
}

#[test]
fn a_skipped_result_goes_straight_to_the_merchant_when_final() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(r#"{"skipResult":true}"#);
    let reply = bench.pay(&page, DENIED_CARD);
    assert_eq!(location(&reply), page);
    let reply = bench.pay(&page, A_CARD);
    assert_eq!((reply.status, location(&reply)), (303, RETURN_URL));
}

#[test]
fn a_pending_result_offers_to_look_again_but_not_to_pay_again() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    bench.pay(&page, PENDING_CARD);
    let (_, html) = bench.open(&page);
    let text = visible(&html);
    assert!(text.contains("La transacción está pendiente") && text.contains("Actualizar el estado"));
    assert!(!text.contains("Intentar de nuevo"));
    assert_eq!(bench.open(&format!("{page}/card")).0, 303);
}

#[test]
fn a_challenged_card_asks_for_its_code_and_fails_after_three_wrong_ones() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, "4110760000000008");
    assert!(bench.ledger().is_empty());
    let (_, html) = bench.open(&page);
    for _ in 0..2 {
        let reply = bench.send(&html, "challenge-form", &[("challenge_code", "00000")]);
        assert_eq!(reply.status, 422);
        assert!(String::from_utf8_lossy(&reply.body).contains("El código no es correcto."));
    }
    assert_eq!(bench.send(&html, "challenge-form", &[("challenge_code", "00000")]).status, 303);
    assert_eq!(bench.ledger(), ["rejected"]);
    bench.pay(&page, "4110760000000008");
    let (_, html) = bench.open(&page);
    bench.send(&html, "challenge-form", &[("challenge_code", "12345")]);
    bench.send(&html, "challenge-form", &[("challenge_code", "12345")]);
    assert_eq!(bench.ledger(), ["rejected", "approved"]);
    assert_eq!(bench.status(id).0, "APPROVED");
}

#[test]
fn a_site_may_ask_for_a_one_time_password() {
    let mut bench = Bench::with_settings(&[("one_time_password", "required")]);
    for (password, is_paid) in [("123456", true), ("000000", true), ("12345", false)] {
        let (id, page) = bench.session("{}");
        bench.pay(&page, A_CARD);
        let (_, html) = bench.open(&page);
        assert!(visible(&html).contains("Clave de un solo uso (OTP)"));
        bench.send(&html, "challenge-form", &[("challenge_code", password)]);
        assert_eq!(bench.status(id).0 == "APPROVED", is_paid, "{password}");
    }
}

#[test]
fn the_payer_changes_the_language_of_the_page_and_of_nothing_else() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    for (language, heading) in [("en", "Where do we send the receipt?"), ("pt", "Para qual e-mail")] {
        let body = format!("language={language}&step=").into_bytes();
        let request =
            bench.request("POST", &format!("{page}/language"), "application/x-www-form-urlencoded", body);
        assert_eq!(bench.handle(&request).status, 303);
        assert!(bench.open(&page).1.contains(heading));
    }
    assert_eq!(text_at(&bench.query(id), &["status", "message"]), "La petición se encuentra activa");
}

#[test]
fn a_restriction_of_methods_is_respected() {
    let mut bench = Bench::new();
    for (restriction, card, is_accepted) in [
        ("visa,master", A_CARD, true),
        ("master", A_CARD, false),
        ("CR_VS,_PSE_", A_CARD, true),
        ("", A_CARD, true),
        ("visa", "5367680000000005", false),
    ] {
        let (_, page) = bench.session(&format!(r#"{{"paymentMethod":"{restriction}"}}"#));
        let reply = bench.pay(&page, card);
        assert_eq!(reply.status == 303, is_accepted, "{restriction} {card}");
    }
    let (_, page) = bench.session(r#"{"paymentMethod":"safetypay"}"#);
    bench.open_card_form(&page);
    assert!(bench.open(&format!("{page}/methods")).1.contains("no tiene medios de pago habilitados"));
    for (restriction, cards, transfers) in
        [("visa", true, false), ("pse", false, true), ("_PSE_,CR_VS", true, true)]
    {
        let (_, page) = bench.session(&format!(r#"{{"paymentMethod":"{restriction}"}}"#));
        bench.open_card_form(&page);
        let (_, html) = bench.open(&format!("{page}/methods"));
        assert_eq!(html.contains("method-card"), cards, "{restriction}");
        assert_eq!(html.contains("method-pse"), transfers, "{restriction}");
    }
}

#[test]
fn every_test_card_is_listed_and_accepted() {
    for card in cards::all() {
        let mut bench = Bench::new();
        let (_, page) = bench.session("{}");
        let form = bench.open_card_form(&page);
        assert!(form.contains(card.number), "{card:?}");
        assert_eq!(bench.pay(&page, card.number).status, 303, "{card:?}");
    }
}

#[test]
fn a_canary_acts_as_its_test_card_and_leaves_only_six_and_four_digits() {
    let mut bench = Bench::new();
    let number = "4999991234567894";
    bench.world.canaries.insert(number.into(), Canary { id: "canary-1".into(), acts_as: DENIED_CARD.into() });
    let (id, page) = bench.session("{}");
    bench.pay(&page, "4999 9912 3456 7894");
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "05");
    let text = answer.to_text();
    assert!(text.contains("\"499999\"") && text.contains("\"7894\"") && !text.contains(number));
    assert!(!format!("{:?}", bench.avalpay).contains(number));
}

#[test]
fn a_wrong_key_opens_nothing() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    assert_eq!(bench.open(&format!("/spa/session/{id}/{}", "0".repeat(32))).0, 404);
    assert_eq!(bench.open(&format!("{page}x")).0, 404);
}

#[test]
fn every_page_is_rendered_in_every_language() {
    for (locale, result) in [
        ("es_CO", "Intento 1: Transacción Rechazada"),
        ("en_US", "Attempt 1: Transaction Rejected"),
        ("pt_BR", "Tentativa 1: Transação Rejeitada"),
    ] {
        let mut bench = Bench::new();
        let (_, page) = bench.session(&format!(r#"{{"locale":"{locale}"}}"#));
        let mut pages = vec![bench.open(&page).1, bench.open_card_form(&page)];
        pages.push(bench.open(&format!("{page}/methods")).1);
        bench.pay(&page, "4110760000000008");
        let (_, challenge) = bench.open(&page);
        for _ in 0..3 {
            bench.send(&challenge, "challenge-form", &[("challenge_code", "0")]);
        }
        pages.push(challenge);
        let (_, html) = bench.open(&page);
        assert!(html.contains(result), "{html}");
        pages.push(html);
        let language = format!("<html lang=\"{}\">", &locale[..2]);
        assert!(pages.iter().all(|html| html.contains(&language)));
    }
}
