//! The CIP page and the simulator of payments, as a browser without scripts sees them (§10, §12).

use simulation::Reply;

use super::{Bench, SECRET_KEY};

fn get(bench: &mut Bench, path: &str) -> (u16, String) {
    let request = bench.request("GET", path, &[], b"");
    let reply = bench.handle(&request);
    (reply.status, String::from_utf8(reply.body).expect("UTF-8"))
}

fn post(bench: &mut Bench, path: &str, body: &str) -> Reply {
    let request = bench.request(
        "POST",
        path,
        &[("content-type", "application/x-www-form-urlencoded")],
        body.as_bytes(),
    );
    bench.handle(&request)
}

fn location(reply: &Reply) -> &str {
    reply.headers.iter().find(|(name, _)| name == "location").map_or("", |(_, value)| value.as_str())
}

#[test]
fn the_page_shows_what_to_pay_until_when_and_where() {
    let mut bench = Bench::new();
    let (cip, page) = bench.cip(r#"{"amount":2349.9}"#);
    let guid = page.trim_start_matches('/').trim_end_matches(".html");
    assert!(
        guid.len() == 36
            && guid.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    );
    let (status, shown) = get(&mut bench, &page);
    assert_eq!(status, 200);
    for text in [
        "Simulador de PagoEfectivo",
        "Información para tu pago",
        "Comercio de demostración",
        "Empresa recaudadora",
        "PagoEfectivo Soles",
        &format!("<strong id=\"cip\">{cip}</strong>"),
        "S/. 2,349.90",
        "Págalo antes del",
        "Miércoles 04/03/2026 - 11:59 PM",
        "2 días y 14 horas",
        "no es por sí mismo una confirmación",
        "Caja Arequipa",
        "Tambo+",
        "Facilito",
        &crate::barcode::draw(cip).digits,
    ] {
        assert!(shown.contains(text), "{text} is missing in {shown}");
    }
    assert!(!shown.contains("<script") && !shown.contains("style=") && !shown.contains(SECRET_KEY));
}

#[test]
fn every_language_is_complete_and_dollars_are_dollars() {
    let mut bench = Bench::new();
    let (_, page) = bench.cip(r#"{"currency":"USD"}"#);
    for (language, text) in [("es", "Tiempo restante"), ("pt", "Tempo restante"), ("en", "Time left")] {
        let (_, shown) = get(&mut bench, &format!("{page}?lang={language}"));
        assert!(shown.contains(text) && shown.contains(&format!("<html lang=\"{language}\">")), "{language}");
        assert!(shown.contains("US$ 149.90") && shown.contains("PagoEfectivo Dólares"), "{language}");
    }
    assert!(get(&mut bench, &format!("{page}?lang=xx")).1.contains("Tiempo restante"));
}

#[test]
fn a_page_may_be_framed_and_takes_no_script() {
    let mut bench = Bench::new();
    let (_, page) = bench.cip("{}");
    let request = bench.request("GET", &page, &[], b"");
    let reply = bench.handle(&request);
    let policy =
        &reply.headers.iter().find(|(name, _)| name == "content-security-policy").expect("a policy").1;
    assert!(
        policy.contains("default-src 'none'")
            && !policy.contains("script")
            && !policy.contains("frame-ancestors")
    );
    assert!(reply.headers.iter().all(|(name, _)| name != "x-frame-options"));
}

#[test]
fn a_page_tells_that_its_code_was_paid_or_has_expired() {
    let mut bench = Bench::new();
    let (paid, paid_page) = bench.cip("{}");
    let (_, expired_page) = bench.cip("{}");
    bench.pay(paid);
    bench.advance(7 * 24 * 3_600);
    for (page, banner, date) in [
        (paid_page, "Código pagado", "Lunes 02/03/2026 - 09:30 AM"),
        (expired_page, "Código expirado", "Miércoles 04/03/2026 - 11:59 PM"),
    ] {
        let (status, shown) = get(&mut bench, &page);
        assert!(status == 200 && shown.contains(banner) && shown.contains(date), "{banner}");
        assert!(shown.contains("Comercio de demostración") && !shown.contains("a punto de finalizar"));
        assert!(
            !shown.contains("¿Cómo pagar?")
                && !shown.contains("class=\"qr\"")
                && !shown.contains("http-equiv")
        );
    }
}

#[test]
fn the_page_of_a_deleted_code_is_gone_like_one_that_never_was() {
    let mut bench = Bench::new();
    let (cip, page) = bench.cip("{}");
    bench.call("DELETE", &format!("/v1/cips/{cip}"), "");
    for path in [page.as_str(), "/00000000-0000-4000-8000-000000000000.html", "/%3Cscript%3E.html"] {
        let (status, shown) = get(&mut bench, path);
        assert!(status == 404 && shown.contains("Code: NoSuchKey") && shown.contains("Simulador"), "{path}");
        assert!(!shown.contains("<script"));
    }
}

#[test]
fn the_code_is_sent_to_a_phone_that_can_be_called() {
    let mut bench = Bench::new();
    let (_, page) = bench.cip("{}");
    let form = page.replace(".html", "/sms");
    let reply = post(&mut bench, &form, "lang=pt&country_code=%2B593&phone=0991234567");
    assert_eq!((reply.status, location(&reply)), (303, format!("{page}?lang=pt&sms=1").as_str()));
    assert_eq!(bench.world.mails.last().map(|mail| mail.to.as_str()), Some("+5930991234567"));
    assert!(get(&mut bench, &format!("{page}?lang=pt&sms=1")).1.contains("Enviamos o código"));
    for wrong in ["country_code=%2B51&phone=123", "country_code=%2B57&phone=951204477", ""] {
        let reply = post(&mut bench, &form, wrong);
        assert_eq!(reply.status, 422, "{wrong}");
        assert!(String::from_utf8_lossy(&reply.body).contains("revisa el número"));
    }
    assert_eq!(post(&mut bench, "/ABC/sms", "").status, 404);
    assert_eq!(bench.world.mails.len(), 2, "the generation mail and one text message");
}

#[test]
fn a_developer_pays_a_cip_and_watches_its_notice() {
    let mut bench = Bench::new();
    let (cip, _) = bench.cip("{}");
    let page = format!("/simulador-de-pagos?cip={cip}");
    let (_, shown) = get(&mut bench, &page);
    assert!(shown.contains("Generado (pendiente de pago)") && shown.contains("id=\"pay-form\""));
    let reply = post(&mut bench, "/simulador-de-pagos/pagar", &format!("cip={cip}&channel=Kasnet&lang=es"));
    assert_eq!((reply.status, location(&reply)), (303, format!("{page}&lang=es").as_str()));
    bench.deliver(Some(503));
    let (_, shown) = get(&mut bench, &page);
    for text in [
        "Cancelado (pagado)",
        "Kasnet",
        "PE-Signature: ",
        "HTTP 503",
        "en espera",
        "cip.paid",
        "id=\"notice-form\"",
    ] {
        assert!(shown.contains(text), "{text} is missing in {shown}");
    }
    assert!(!shown.contains("id=\"pay-form\"") && !shown.contains(SECRET_KEY) && !shown.contains("<script"));
    let again = post(&mut bench, "/simulador-de-pagos/pagar", &format!("cip={cip}&channel=Kasnet"));
    assert_eq!(again.status, 422);
    assert_eq!(bench.world.ledger.len(), 1);
    let sent =
        post(&mut bench, "/simulador-de-pagos/avisar", &format!("cip={cip}&variant=wrong_signature&lang=en"));
    assert_eq!(sent.status, 303);
    assert!(get(&mut bench, &format!("{page}&lang=en")).1.contains("Wrong signature"));
}

#[test]
fn the_simulator_of_payments_knows_the_test_environment_only() {
    let mut bench = Bench::with_settings(&[("environment", "production")]);
    let (cip, page) = bench.cip("{}");
    let (status, shown) = get(&mut bench, &format!("/simulador-de-pagos?cip={cip}"));
    assert!(status == 404 && shown.contains("No hay ningún CIP"), "{status}");
    let reply = post(&mut bench, "/simulador-de-pagos/pagar", &format!("cip={cip}&channel=BCP"));
    assert_eq!(reply.status, 422);
    assert!(bench.world.ledger.is_empty());
    assert_eq!(get(&mut bench, &page).0, 200, "the payer's page is there");
    assert_eq!(get(&mut bench, "/simulador-de-pagos").0, 200);
    assert_eq!(get(&mut bench, "/").0, 303);
}
