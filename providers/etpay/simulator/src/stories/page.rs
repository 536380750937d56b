//! The funnel, driven through its forms.

use testing::covers;

use super::driving::{PAYER, location, read_form, visible};
use super::{Bench, Opened, text_at};

fn outcome(bench: &mut Bench, session: &Opened) -> String {
    let (status, page) = bench.open(&format!("{}/result", session.page));
    assert_eq!(status, 200, "{page}");
    visible(&page)
}

#[test]
fn the_published_walk_pays_and_nothing_else_does() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.pay(&session);
    assert!(outcome(&mut bench, &session).contains("Pago realizado"));
    let entry = &bench.world.ledger[0];
    assert_eq!(
        (entry.kind.as_str(), entry.state.as_str(), entry.amount.as_str(), entry.currency.as_str()),
        ("charge", "approved", "24990", "CLP")
    );
    for (rut, password) in [(PAYER, "1112"), (PAYER, ""), ("777777777", "1111"), ("123456785", "1111")] {
        let session = bench.session("{}");
        bench.step(&session, "bank-form", &[]);
        let reply = bench.step(&session, "credentials-form", &[("rut", rut), ("password", password)]);
        assert_eq!(reply.status, 422, "{rut} {password}");
        let page = String::from_utf8(reply.body).expect("UTF-8");
        assert!(
            page.contains("El banco no reconoce")
                && page.contains("name=\"password\" type=\"password\" value=\"\"")
        );
    }
    assert_eq!(bench.ledger(), ["approved"]);
}

#[test]
fn every_page_says_that_it_is_a_simulator_and_runs_no_script() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let mut pages = vec![bench.open(&session.page).1];
    bench.step(&session, "bank-form", &[]);
    pages.push(bench.open(&session.page).1);
    bench.step(&session, "credentials-form", &[("rut", PAYER), ("password", "1111")]);
    pages.push(bench.open(&session.page).1);
    bench.step(&session, "account-form", &[]);
    pages.push(bench.open(&session.page).1);
    bench.step(&session, "dynamic-key-form", &[("dynamic_key", "11111111")]);
    pages.push(bench.open(&session.page).1);
    bench.step(&session, "second-factor-form", &[("second_factor", "12")]);
    pages.push(bench.open(&session.page).1);
    pages.push(bench.open(&format!("{}/result", session.page)).1);
    pages.push(bench.open("/session/unheard").1);
    pages.push(bench.open("/terms").1);
    for html in pages {
        assert!(html.contains("Esto es un simulador: no mueve dinero"), "{html}");
        assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains("<style"), "{html}");
    }
}

#[test]
fn pages_carry_a_strict_policy_and_may_be_framed() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let reply = bench.get(&session.page);
    let header =
        |name: &str| reply.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(
        header("content-security-policy"),
        Some("default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'")
    );
    assert_eq!((header("x-frame-options"), header("cache-control")), (None, Some("no-store")));
    let (status, style) = bench.open("/assets/etpay.css");
    assert!(status == 200 && style.contains("body"));
}

#[test]
fn the_first_page_shows_what_is_paid_and_which_banks_there_are() {
    let mut bench = Bench::with_settings(&[("merchant_name", "Librería <Andes>")]);
    let session = bench.session(
        r#"{"metadata":[{"name":"Pedido","value":"000 & 417","show":true},{"name":"tienda","value":"07-secreta","show":false}]}"#,
    );
    let (status, html) = bench.open(&session.page);
    assert_eq!(status, 200);
    let text = visible(&html);
    for part in [
        "Librería <Andes>",
        "$24.990 CLP",
        "ANDES2026000417",
        "Pedido 000 & 417",
        "Elija su banco",
        "Banco de prueba",
        "BancoEstado",
        "Scotiabank",
        "MACH",
        "La sesión expira en 30 minutos",
        "Términos y condiciones",
        "Cancelar el pago",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secreta") && !text.contains("BBVA"));
    assert_eq!(bench.verdict("funnel_address_unchanged"), Some(true));
    bench.open(&format!("{}?utm=1", session.page));
    assert_eq!(bench.verdict("funnel_address_unchanged"), Some(false));
}

#[test]
fn a_bank_chosen_beforehand_is_the_only_one() {
    let mut bench = Bench::new();
    let session = bench.session(r#"{"user_bank_code":"CL_Estado"}"#);
    let (_, html) = bench.open(&session.page);
    assert!(
        html.contains("cl_estado") && !html.contains("cl_bci") && html.contains("Pagará desde este banco")
    );
    bench.pay(&session);
    assert_eq!(text_at(&bench.list(&session)[0], &["user_bank"]), "BancoEstado");
    let unknown = bench.session(r#"{"user_bank_code":"cl_bank_of_tomorrow"}"#);
    assert!(bench.open(&unknown.page).1.contains("cl_bci"));
    let reply = bench.step(&unknown, "bank-form", &[("bank", "cl_bank_of_tomorrow")]);
    assert_eq!(reply.status, 422);
}

#[test]
fn a_rut_is_offered_or_locked() {
    let mut bench = Bench::new();
    let offered = bench.session(r#"{"user_rut":"1000005k"}"#);
    let locked = bench.session(r#"{"user_rut":"111111111","is_rut_block":"true"}"#);
    for session in [&offered, &locked] {
        bench.step(session, "bank-form", &[]);
    }
    let (_, page) = bench.open(&offered.page);
    assert_eq!(read_form(&page, "credentials-form").1[0], ("rut".to_owned(), "1000005K".to_owned()));
    assert!(!page.contains(" readonly"));
    let (_, page) = bench.open(&locked.page);
    assert!(page.contains(" readonly") && page.contains("El comercio fijó este dato."));
    bench.send(&page, "credentials-form", &[("rut", "222222222"), ("password", "1111")]);
    bench.step(&locked, "account-form", &[]);
    bench.step(&locked, "dynamic-key-form", &[("dynamic_key", "11111111")]);
    bench.step(&locked, "second-factor-form", &[("second_factor", "12")]);
    assert_eq!(text_at(&bench.list(&locked)[0], &["user_rut"]), PAYER);
    assert_eq!(bench.statuses(&locked), ["success"]);
}

#[test]
fn a_rut_of_a_wrong_form_counts_for_nothing_and_three_wrong_passwords_end_the_attempt() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.step(&session, "bank-form", &[]);
    for rut in ["", "11.111.111-1", "111111112", "x"] {
        let reply = bench.step(&session, "credentials-form", &[("rut", rut), ("password", "1111")]);
        assert_eq!(reply.status, 422, "{rut}");
    }
    for _ in 0..2 {
        bench.step(&session, "credentials-form", &[("rut", PAYER), ("password", "0000")]);
    }
    assert!(bench.world.notices.is_empty());
    let reply = bench.step(&session, "credentials-form", &[("rut", PAYER), ("password", "0000")]);
    assert_eq!(location(&reply), format!("{}/result", session.page));
    assert_eq!(text_at(&bench.list(&session)[0], &["code"]), "ET_INVALID_CREDENTIALS");
    assert!(outcome(&mut bench, &session).contains("Motivo: Credenciales inválidas"));
}

#[test]
fn three_wrong_keys_end_the_attempt_at_either_step() {
    let mut bench = Bench::new();
    for (form, member, right) in
        [("dynamic-key-form", "dynamic_key", ""), ("second-factor-form", "second_factor", "11111111")]
    {
        let session = bench.session("{}");
        bench.enter_bank(&session, PAYER);
        bench.step(&session, "account-form", &[]);
        if !right.is_empty() {
            bench.step(&session, "dynamic-key-form", &[("dynamic_key", right)]);
        }
        for status in [422, 422, 303] {
            assert_eq!(bench.step(&session, form, &[(member, "99")]).status, status, "{form}");
        }
        assert_eq!(text_at(&bench.list(&session)[0], &["code"]), "ET_SECOND_FACTOR_REJECTED");
    }
}

#[test]
fn cancelling_ends_the_session_at_once_and_leaves_for_the_failure_address() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.enter_bank(&session, PAYER);
    let reply = bench.step(&session, "cancel-form", &[]);
    assert_eq!(reply.status, 302);
    assert!(location(&reply).starts_with("https://andes-demo.example/lo-sentimos?jwt="));
    let element = bench.list(&session).remove(0);
    assert_eq!(
        (text_at(&element, &["reason"]), text_at(&element, &["code"])),
        ("Usuario cancela el pago".to_owned(), "ET_USER_CANCELLED".to_owned())
    );
    assert_eq!(text_at(&element, &["user_rut"]), PAYER);
}

#[test]
fn a_session_that_is_over_takes_no_payment_and_no_second_one() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let (_, first_page) = bench.open(&session.page);
    bench.enter_bank(&session, PAYER);
    bench.step(&session, "account-form", &[]);
    bench.step(&session, "dynamic-key-form", &[("dynamic_key", "11111111")]);
    let (_, last_page) = bench.open(&session.page);
    for _ in 0..2 {
        let reply = bench.send(&last_page, "second-factor-form", &[("second_factor", "12")]);
        assert_eq!(location(&reply), format!("{}/result", session.page));
    }
    assert_eq!((bench.ledger(), bench.world.notices.len()), (vec!["approved"], 1));
    let (status, page) = bench.open(&session.page);
    assert!(status == 410 && page.contains("Esta sesión terminó"));
    for form in ["bank-form", "cancel-form"] {
        let reply = bench.send(&first_page, form, &[]);
        assert_eq!((reply.status, location(&reply)), (303, format!("{}/result", session.page).as_str()));
    }
    assert_eq!(bench.statuses(&session), ["success"]);
    let (status, page) = bench.open("/session/kT4vQm9ZrX2cLb7NwHs1");
    assert!(status == 404 && page.contains("No encontramos esta sesión de pago"));
}

#[test]
fn forms_out_of_turn_lead_back_to_where_the_payer_stands() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    for step in ["credentials", "account", "dynamic-key", "second-factor", "transfer", "bank-decides"] {
        let body: &[u8] =
            b"rut=111111111&password=1111&dynamic_key=11111111&second_factor=12&decision=confirm";
        let request = bench.request("POST", &format!("{}/{step}", session.page), "", body);
        let reply = bench.handle(&request);
        assert_eq!((reply.status, location(&reply)), (303, session.page.as_str()), "{step}");
    }
    assert_eq!(bench.get(&format!("{}/result", session.page)).status, 303);
    assert_eq!(location(&bench.get(&format!("{}/return", session.page))), session.page);
    assert!(bench.world.ledger.is_empty());
}

#[test]
fn the_pages_speak_three_languages() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    for (language, heading) in
        [("en", "Choose your bank"), ("pt", "Escolha o seu banco"), ("xx", "Escolha o seu banco")]
    {
        let request = bench.request(
            "POST",
            &format!("{}/language", session.page),
            "",
            format!("language={language}").as_bytes(),
        );
        assert_eq!(bench.handle(&request).status, 303);
        assert!(bench.open(&session.page).1.contains(heading), "{language}");
    }
}

#[test]
fn in_mexico_a_transfer_is_awaited_and_the_bank_decides() {
    let mut bench = Bench::with_settings(&[("country", "MX")]);
    let mut run = |decision: &str| {
        let session = bench.session(r#"{"order_amount":1500,"customer_email":"pagadora@correo.example"}"#);
        bench.step(&session, "method-form", &[("method", "spei")]);
        let (_, page) = bench.open(&session.page);
        assert_eq!(read_form(&page, "transfer-form").1[1].1, "pagadora@correo.example");
        assert!(page.contains("mx_bbva") && !page.contains("cl_bci") && !page.contains("/terms"));
        let reply = bench.send(&page, "transfer-form", &[]);
        assert_eq!(reply.status, 422, "no bank was chosen");
        bench.send(&page, "transfer-form", &[("bank", "mx_bbva")]);
        let (_, page) = bench.open(&session.page);
        let text = visible(&page);
        assert!(
            text.contains("CLABE 999180") && text.contains("$1,500 MXN") && text.contains("Referencia"),
            "{text}"
        );
        let reply = bench.send(&page, decision, &[]);
        assert_eq!(location(&reply), format!("{}/result", session.page));
        session
    };
    let (paid, refused, late) = (run("confirm-form"), run("refuse-form"), run("late-form"));
    let element = bench.list(&paid).remove(0);
    for (name, text) in [
        ("payment_status", "success"),
        ("merchant_currency", "MXN"),
        ("merchant_amount", "1500"),
        ("user_bank", "BBVA"),
        ("user_rut", ""),
        ("payment_date", "02-03-2026 08:00:00"),
    ] {
        assert_eq!(text_at(&element, &[name]), text, "{name}");
    }
    assert_eq!(text_at(&bench.list(&refused)[0], &["code"]), "ET_BANK_REJECTED");
    assert!(bench.list(&late).is_empty());
    bench.advance(300);
    assert_eq!(bench.statuses(&late), ["success"]);
}

#[test]
fn in_mexico_a_method_chosen_beforehand_is_fixed_and_codi_shows_a_code() {
    let mut bench = Bench::with_settings(&[("country", "MX")]);
    let session = bench.session(r#"{"target_flow":"codi","customer_phone":"5512345678"}"#);
    let (_, page) = bench.open(&session.page);
    assert!(!page.contains("method-form"));
    assert_eq!(read_form(&page, "transfer-form").1, [("phone".to_owned(), "5512345678".to_owned())]);
    for phone in ["", "551234567", "55123456789", "55-1234567"] {
        assert_eq!(bench.send(&page, "transfer-form", &[("phone", phone)]).status, 422, "{phone}");
    }
    bench.send(&page, "transfer-form", &[]);
    let (_, page) = bench.open(&session.page);
    assert!(page.contains("<svg class=\"qr\"") && page.contains("Código QR del cobro"));
    let free = bench.session("{}");
    assert_eq!(bench.step(&free, "method-form", &[("method", "cash")]).status, 422);
    bench.step(&free, "method-form", &[("method", "codi")]);
    bench.step(&free, "method-form", &[]);
    assert!(bench.open(&free.page).1.contains("Elija cómo pagar"));
    assert_eq!(bench.initialize(r#"{"target_flow":"cash"}"#).0, 400);
}

#[test]
fn a_basic_session_needs_no_customisation_to_be_paid() {
    let _story = testing::story("stories::page::a_basic_session_needs_no_customisation_to_be_paid");
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.pay(&session);
    let reply = bench.get(&format!("{}/return", session.page));
    assert!(location(&reply).starts_with("https://andes-demo.example/gracias?jwt="));
    assert_eq!(bench.told(&session).len(), 1);
    covers!("ET-30");
}
