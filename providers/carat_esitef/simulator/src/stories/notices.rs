//! Notices: their parameters, their order, and how often they are tried.

use simulation::Simulator;
use testing::covers;

use super::{Bench, CARD, STATUS_URL, STORAGE_URL, STORED};

fn story(name: &str) -> testing::Story {
    testing::story(&format!("{}::{name}", module_path!()))
}

impl Bench {
    /// The last queued notice is answered; answers how many are queued now.
    fn answer_notice(&mut self, status: Option<u16>) -> usize {
        let notice = self.world.notices.last().expect("a notice").clone();
        self.world.clock.advance_to(notice.due_at);
        let outcome = self.outcome(status);
        self.portal.notice_ended(&notice, &outcome, &mut self.world);
        self.world.notices.len()
    }

    fn delivery_states(&mut self) -> Vec<String> {
        let list = self.steer("transactions", serde_json::json!({})).expect("a list");
        let notices = list["transactions"][0]["notices"].as_array().expect("notices").clone();
        notices.iter().map(|notice| notice["state"].as_str().expect("a state").to_owned()).collect()
    }
}

#[test]
fn a_status_notice_has_the_documented_parameters_in_their_forms() {
    let mut bench = Bench::new();
    let created = bench.created("");
    bench.pay_on_page(&created, &[]);
    let told = bench.last(STATUS_URL);
    let notice = &bench.world.notices[0];
    let content_type = &notice.headers[0];
    assert_eq!(content_type.1, "application/x-www-form-urlencoded; charset=utf-8");
    let raw = String::from_utf8(notice.body.clone()).expect("ASCII");
    let names: Vec<&str> = raw.split('&').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    assert_eq!(
        names,
        [
            "nit",
            "pedido",
            "nsu",
            "nsuSitef",
            "nsuHost",
            "nsuesitef",
            "status",
            "cupom",
            "cupomEstabelecimento",
            "autorizadora",
            "tipoPagamento",
            "dataSitef",
            "parcelas",
            "tipoFinanciamento",
            "mensagem",
            "codigoRespostaAutorizadora",
            "rede",
            "numeroAutorizacao",
            "bandeira",
            "valor",
            "binCartao",
            "finalCartao",
            "acquirerdId",
        ]
    );
    assert_eq!(told.get("dataSitef"), "14/03/2026 12:15:31");
    assert_eq!((told.get("mensagem"), told.get("codigoRespostaAutorizadora")), ("Transação aprovada", "000"));
    assert!(raw.contains("mensagem=Transa%C3%A7%C3%A3o+aprovada"), "{raw}");
    let receipt = told.get("cupom");
    assert!(receipt.contains('@') && !receipt.contains('\n') && receipt.contains("119,00"), "{receipt}");
    assert!(receipt.split('@').all(|line| line.chars().count() <= 40));
    assert!(told.find("nsuHost").expect("a number").ends_with(' '));
}

#[test]
fn past_sitef_there_are_other_numbers_and_another_date() {
    let mut bench = Bench::with_settings(&[("routing", "gateway"), ("extra_parameters", "none")]);
    let created = bench.created("");
    bench.pay_on_page(&created, &[]);
    let told = bench.last(STATUS_URL);
    assert_eq!((told.get("codigoRespostaAutorizadora"), told.get("tid").len()), ("00", 40));
    assert_eq!((told.find("dataSitef"), told.find("nsuSitef"), told.find("valor")), (None, None, None));
    assert_eq!(told.get("dataEfetivacao").len(), 19);
}

#[test]
fn a_number_that_was_not_sent_is_told_as_null_or_left_out() {
    for (setting, told) in [("null", Some("null")), ("absent", None)] {
        let mut bench = Bench::with_settings(&[("absent_nsu", setting)]);
        bench.rest_payment("");
        bench.advance(3_600);
        assert_eq!(bench.last(STATUS_URL).find("nsu"), told);
    }
}

#[test]
fn a_switch_adds_parameters_that_nobody_knows() {
    let _story = story("a_switch_adds_parameters_that_nobody_knows");
    let count = |extras: &str| {
        let mut bench = Bench::with_settings(&[("extra_parameters", extras)]);
        let created = bench.created(STORED);
        bench.pay_on_page(&created, &[]);
        let pairs = |body: &[u8]| body.split(|byte| *byte == b'&').count();
        (pairs(&bench.world.notices[0].body), pairs(&bench.world.notices[1].body))
    };
    let (plain, random) = (count("none"), count("random"));
    assert_eq!(random, (plain.0 + 4 + 5, plain.1 + 5));
    covers!("CA-34");
}

#[test]
fn either_notice_can_come_first_and_each_can_come_late() {
    let mut bench =
        Bench::with_settings(&[("notice_order", "storage_first"), ("status_delay_seconds", "90")]);
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    let queued: Vec<_> = bench.world.notices.iter().map(|notice| notice.url.as_str()).collect();
    assert_eq!(queued, [STORAGE_URL, STATUS_URL]);
    assert_eq!(bench.world.notices[1].due_at, crate::instant::seconds_after(bench.world.clock.now(), 90));
}

#[test]
fn only_200_ends_the_trying_and_a_limit_leaves_a_pending_notice() {
    let _story = story("only_200_ends_the_trying_and_a_limit_leaves_a_pending_notice");
    for (profile, attempts) in [("docs", 4), ("guide", 3)] {
        let mut bench = Bench::with_settings(&[("profile", profile)]);
        let created = bench.created("");
        bench.pay_on_page(&created, &[]);
        let first = bench.world.notices[0].clone();
        for (round, status) in [Some(500), Some(302), Some(204), None].into_iter().enumerate().take(attempts)
        {
            assert_eq!(bench.world.notices.len(), round + 1);
            bench.answer_notice(status);
        }
        assert_eq!(bench.world.notices.len(), attempts, "{profile}");
        covers!("CA-36");
        assert!(bench.world.notices.iter().all(|notice| notice.body == first.body), "the same bytes");
        let second = &bench.world.notices[1];
        assert_eq!(second.due_at, crate::instant::seconds_after(first.due_at, 60));
        assert_eq!(bench.delivery_states(), ["pending notice"]);
        covers!("CA-37");
    }
}

#[test]
fn a_second_try_that_is_answered_with_200_ends_it() {
    let _story = story("a_second_try_that_is_answered_with_200_ends_it");
    let mut bench = Bench::new();
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    assert_eq!(bench.answer_notice(None), 3, "the storage notice is tried again");
    assert_eq!(bench.answer_notice(Some(200)), 3);
    let storage = bench.portal.storages.values().next().expect("a storage");
    let sent: Vec<_> = storage.notices.iter().map(|sent| (sent.attempts, sent.state.word())).collect();
    assert_eq!(sent, [(2, "delivered")]);
    covers!("CA-35", "CA-60");
}

#[test]
fn rest_payments_are_told_where_the_shop_is_set_so() {
    for (setting, count) in [("yes", 1), ("no", 0)] {
        let mut bench = Bench::with_settings(&[("rest_notices", setting)]);
        let nit = bench.rest_payment("");
        bench.rest_pay(&nit, CARD);
        assert_eq!(bench.told(STATUS_URL).len(), count);
    }
}

#[test]
fn opening_the_page_is_told_where_the_shop_is_set_so() {
    let mut bench = Bench::with_settings(&[("told", "every")]);
    let created = bench.created("");
    bench.open_page(&created);
    assert_eq!(bench.told(STATUS_URL), ["AGU"]);
}

#[test]
fn an_address_without_tls_is_left_out_where_the_shop_is_set_so() {
    let mut bench = Bench::with_settings(&[("storage_url", "http://loja.localhost/g"), ("plain_http", "no")]);
    let created = bench.created(STORED);
    bench.pay_on_page(&created, &[]);
    assert_eq!(bench.world.notices.len(), 1);
}
