//! The lightbox, as far as a server shows it; `tests/served.rs` opens it in a browser.

use simulation::strict_json;

use super::driving::{A_CARD, location};
use super::{Bench, text_at};

impl Bench {
    /// GETs a page as a browser does inside a frame.
    fn open_framed(&mut self, path: &str) -> (String, String) {
        let mut request = self.request("GET", path, "", vec![]);
        request.headers.push(("sec-fetch-dest".into(), "iframe".into()));
        let reply = self.handle(&request);
        let policy =
            reply.headers.iter().find(|(name, _)| name == "content-security-policy").expect("a policy");
        (policy.1.clone(), String::from_utf8(reply.body).expect("UTF-8"))
    }
}

#[test]
fn the_script_is_served_to_merchants_pages_and_knows_its_calls() {
    let mut bench = Bench::new();
    let request = bench.request("GET", "/lightbox.min.js", "", vec![]);
    let reply = bench.handle(&request);
    assert_eq!((reply.status, reply.headers[0].1.as_str()), (200, "text/javascript; charset=utf-8"));
    let text = String::from_utf8(reply.body).expect("UTF-8");
    for part in [
        "window.P = { init: init, on: on }",
        "placetopay_lightbox",
        "placetopay-lightbox:redirect",
        "backupTarget",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_page_in_a_frame_loads_one_script_and_leads_out_of_the_frame() {
    let mut bench = Bench::new();
    let (_, page) = bench.session("{}");
    let (policy, html) = bench.open_framed(&page);
    assert!(policy.ends_with("; script-src 'self'"), "{policy}");
    assert_eq!(html.matches("<script").count(), 1);
    assert!(
        html.contains("<script src=\"/spa/frame.js\" defer></script>") && !html.contains("data-lightbox")
    );
    assert!(html.contains("id=\"abandon\" method=\"post\"") && html.contains("target=\"_top\""));
    let request = bench.request("GET", "/spa/frame.js", "", vec![]);
    assert_eq!(bench.handle(&request).status, 200);
    bench.open_card_form(&page);
    let (_, html) = bench.open_framed(&format!("{page}/pse"));
    assert!(html.contains("/pse\" target=\"_top\""), "a transfer leaves the frame");
}

#[test]
fn a_finished_page_in_a_frame_carries_the_notification() {
    let mut bench = Bench::new();
    for (changes, kind, stays) in [("{}", "response", "true"), (r#"{"skipResult":true}"#, "close", "false")] {
        let (_, page) = bench.session(changes);
        bench.pay(&page, A_CARD);
        let (_, html) = bench.open_framed(&page);
        let message =
            html.split("data-lightbox=\"").nth(1).expect("a message").split('"').next().expect("its end");
        let message = message.replace("&#34;", "\"");
        let message = strict_json::parse(message.as_bytes()).expect("JSON");
        assert_eq!(text_at(&message, &["type"]), kind);
        assert_eq!(text_at(&message, &["preventClose"]), stays);
        let notice = bench.world.notices.last().expect("a notice");
        assert_eq!(
            message.get("payload").map(strict_json::Value::to_text).map(String::into_bytes),
            Some(notice.body.clone())
        );
        assert!(html.contains("id=\"return\" class=\"button\" rel=\"noreferrer\" target=\"_top\""));
    }
}

#[test]
fn a_skipped_result_in_a_frame_closes_it_instead_of_leading_the_frame_away() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(r#"{"skipResult":true}"#);
    let form = bench.open_card_form(&page);
    let (action, members) = super::driving::read_form(&form, "card-form");
    let typed = [("card_number", A_CARD), ("expiry", "11/30"), ("cvv", "123")];
    let value = |name: &str, own: &str| {
        typed.iter().find(|(known, _)| *known == name).map_or(own.to_owned(), |(_, text)| (*text).to_owned())
    };
    let pairs: Vec<(String, String)> =
        members.iter().map(|(name, own)| (name.clone(), value(name, own))).collect();
    let body = simulation::form::write(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut request = bench.request("POST", &action, "application/x-www-form-urlencoded", body.into_bytes());
    request.headers.push(("sec-fetch-dest".into(), "iframe".into()));
    let reply = bench.handle(&request);
    assert_eq!((reply.status, location(&reply)), (303, page.as_str()));
}
