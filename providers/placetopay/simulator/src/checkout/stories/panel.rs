//! The merchant's panel.

use serde_json::json;
use testing::covers;

use super::driving::{A_CARD, location, visible};
use super::{ACCOUNT, Bench, text_at};

fn paid(bench: &mut Bench) -> (u64, String) {
    let (id, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    let number = text_at(&bench.query(id), &["payment", "0", "internalReference"]);
    (id, number)
}

#[test]
fn the_panel_lists_accounts_transactions_and_cards() {
    let mut bench = Bench::new();
    bench.open_account("otra tienda", &[]);
    let (_, html) = bench.open("/panel");
    assert!(html.contains("href=\"/panel/otra%20tienda?language=es\""), "{html}");
    let (_, number) = paid(&mut bench);
    super::stored_cards::store(&mut bench, A_CARD);
    let (status, html) = bench.open(&format!("/panel/{ACCOUNT}"));
    let text = visible(&html);
    assert_eq!(status, 200);
    for part in
        [number.as_str(), "CAR2026000871", "VISA **** 0081", "$119.000,00 COP", "Transacción Aprobada · 00"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (_, html) = bench.open(&format!("/panel/{ACCOUNT}/cards"));
    assert!(visible(&html).contains("Visa **** 0081"));
    let (_, html) = bench.open("/panel/otra%20tienda");
    assert!(
        visible(&html).contains("Todavía no hay nada aquí."),
        "another account's transactions are not shown"
    );
    assert_eq!(bench.open(&format!("/panel/otra%20tienda/transactions/{number}")).0, 404);
    assert_eq!(bench.open("/panel/nadie").0, 404);
    assert_eq!(bench.open(&format!("/panel/{ACCOUNT}/transactions/1")).0, 404);
}

#[test]
fn the_panel_speaks_three_languages_without_any_script() {
    let mut bench = Bench::new();
    let (_, number) = paid(&mut bench);
    for (language, heading) in
        [("es", "Panel del comercio"), ("en", "Merchant panel"), ("pt", "Painel do estabelecimento")]
    {
        for place in ["", "/recurrences", "/late-reversals", "/cards", &format!("/transactions/{number}")] {
            let (status, html) = bench.open(&format!("/panel/{ACCOUNT}{place}?language={language}"));
            assert!(
                status == 200
                    && html.contains(heading)
                    && html.contains(&format!("<html lang=\"{language}\"")),
                "{place}"
            );
            assert!(
                !html.contains("<script")
                    && !html.contains(" style=")
                    && html.contains("class=\"simulator\"")
            );
        }
    }
}

#[test]
fn a_reversal_in_the_panel_is_found_by_asking() {
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench);
    let address = format!("/panel/{ACCOUNT}/transactions/{number}");
    let (_, html) = bench.open(&address);
    assert!(visible(&html).contains("Conciliación: 2026-03-14 20:00:00"));
    let reply = bench.send(&html, "reverse", &[]);
    assert_eq!(
        (reply.status, location(&reply)),
        (303, format!("{address}?language=es&done=reversed").as_str())
    );
    let (_, html) = bench.open(location(&reply));
    assert!(visible(&html).contains("El reverso fue aprobado.") && !html.contains("id=\"reverse\""));
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "true");
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "119000.00")));
    let (_, number) = paid(&mut bench);
    bench
        .steer("script_actions", json!({ "reference": "CAR2026000871", "outcomes": ["rejected"] }))
        .expect("scripted");
    let done = bench
        .steer("reverse_in_panel", json!({ "internal_reference": number.parse::<u64>().expect("a number") }));
    assert_eq!(done.expect("done")["done"], "refused");
}

#[test]
fn after_the_hour_the_panel_asks_the_network_for_a_late_reversal() {
    let _story = testing::story(
        "checkout::stories::panel::after_the_hour_the_panel_asks_the_network_for_a_late_reversal",
    );
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench);
    bench.advance(10 * 3_600);
    let (_, html) = bench.open(&format!("/panel/{ACCOUNT}/transactions/{number}"));
    assert!(!html.contains("id=\"reverse\""));
    let reply = bench.send(&html, "reverse-late", &[]);
    let (_, html) = bench.open(location(&reply));
    let text = visible(&html);
    assert!(text.contains("El reverso extemporáneo quedó pedido.") && text.contains("En trámite"), "{text}");
    bench.advance(24 * 3_600);
    let (_, html) = bench.open(&format!("/panel/{ACCOUNT}/late-reversals"));
    assert!(visible(&html).contains("2026-03-15 10:00:00 Devuelto"));
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "true");
    covers!("AV-6.2-02");
}

#[test]
fn another_site_s_page_cannot_use_the_panel() {
    let mut bench = Bench::new();
    let (id, number) = paid(&mut bench);
    let path = format!("/panel/{ACCOUNT}/transactions/{number}/reverse");
    let mut request = bench.request("POST", &path, "application/x-www-form-urlencoded", vec![]);
    request.headers.push(("sec-fetch-site".into(), "cross-site".into()));
    assert_eq!(bench.handle(&request).status, 404);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "refunded"]), "false");
}
