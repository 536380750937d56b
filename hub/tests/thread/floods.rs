//! Notices in numbers, from elsewhere, too early, too late, for somebody else.

use aws_lc_rs::digest;
use futures_util::{StreamExt, stream};
use hub::notice_memory::{IDLE_KEPT_PER_HOUR, UNVERIFIED_KEPT_PER_HOUR};
use hub::settings::Settings;
use payment::Status;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stage::{ACCOUNT, APPROVED_CARD, MERCHANT, PROVIDER, Stage};

const OTHER_ACCOUNT: &str = "otra-cuenta";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn secret(stage: &Stage) -> String {
    stage.sandbox.steering.accounts()[PROVIDER][0].credentials["secret_key"].clone()
}

/// A notice as the provider signs it.
fn signed(secret: &str, request_id: u64, reference: &str, status: &str, reason: &str, date: &str) -> Value {
    let text = format!("{request_id}{status}{date}{secret}");
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "status": { "status": status, "reason": reason, "message": "", "date": date },
        "requestId": request_id, "reference": reference, "signature": format!("sha256:{hex}"),
    })
}

fn request_id(payment: &hub::store::Payment) -> u64 {
    payment.detail.provider_id.as_deref().expect("an id").parse().expect("a number")
}

fn reference(payment: &hub::store::Payment) -> String {
    payment.detail.provider_reference.clone().expect("a reference")
}

/// Posts to an account's address, as if a proxy had said whom from.
async fn notify_from(stage: &Stage, account: &str, from: Option<&str>, body: &Value) -> (u16, String) {
    let url = format!("{}/notices/{PROVIDER}/{account}", stage.hub_url);
    let mut post = stage.browser.post(url).body(body.to_string());
    if let Some(from) = from {
        post = post.header("x-forwarded-for", from);
    }
    let answer = post.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

async fn count(stage: &Stage, verdict: &str) -> usize {
    let notices = stage.hub.store.latest_notices(MERCHANT, 10_000).await.expect("notices");
    notices.iter().filter(|notice| notice.verdict == verdict).count()
}

testing::both_databases! {
    async fn five_thousand_forged_notices_leave_few_rows_and_a_genuine_one_is_taken(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-51").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let date = "2026-03-14T10:00:01-05:00";
        let forged = signed("Otra-Clave", request_id(&payment), &reference(&payment), "APPROVED", "00", date);
        let genuine = signed(&secret(&stage), request_id(&payment), &reference(&payment), "APPROVED", "00", date);
        let sent = (0..5_000).map(|number| {
            let body = if number == 2_500 { &genuine } else { &forged };
            notify_from(&stage, ACCOUNT, None, body)
        });
        let statuses: Vec<u16> = stream::iter(sent).buffer_unordered(48).map(|(status, _)| status).collect().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "the genuine one");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401)));
        let kept = UNVERIFIED_KEPT_PER_HOUR;
        let forged = count(&stage, "forged").await;
        assert!((kept..kept + 48).contains(&forged), "{forged} rows of 4999");
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("query_session"), 1);
    }

    async fn a_recorded_notice_sent_again_and_again_leaves_few_rows(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-52").await;
        let date = "2026-03-14T10:00:01-05:00";
        let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), "PENDING", "PT", date);
        for _ in 0..IDLE_KEPT_PER_HOUR + 50 {
            assert_eq!(notify_from(&stage, ACCOUNT, None, &body).await.0, 200);
        }
        let kept = IDLE_KEPT_PER_HOUR;
        assert_eq!((count(&stage, "valid").await, count(&stage, "repeated").await), (1, kept));
    }

    async fn senders_that_are_slow_keep_others_waiting_for_a_moment_only(database: TestDatabase) {
        let stage = Stage::tuned(&database, |settings| {
            settings.limits.entry(ACCOUNT.into()).or_default().notices_at_once = 1;
        }).await;
        let payment = stage.order("PEDIDO-53").await;
        let date = "2026-03-14T10:00:01-05:00";
        let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), "PENDING", "PT", date);
        let address = stage.hub_url.trim_start_matches("http://").to_owned();
        let mut slow = TcpStream::connect(&address).await.expect("a connection");
        let head = format!("POST /notices/{PROVIDER}/{ACCOUNT} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 99\r\n\r\n{{");
        slow.write_all(head.as_bytes()).await.expect("written");
        let gone = async || {
            let (status, _) = notify_from(&stage, ACCOUNT, None, &body).await;
            (status == 503).then_some(())
        };
        testing::until(PATIENCE, gone).await;
        drop(slow);
        let taken = async || (notify_from(&stage, ACCOUNT, None, &body).await.0 == 200).then_some(());
        testing::until(PATIENCE, taken).await;
    }

    async fn notices_are_taken_from_the_addresses_of_the_account_only(database: TestDatabase) {
        let pool = |settings: &mut Settings| {
            let range = "203.0.113.0/24".parse().expect("a range");
            settings.limits.entry(ACCOUNT.into()).or_default().notice_addresses = vec![range];
        };
        let stage = Stage::tuned(&database, pool).await;
        let payment = stage.order("PEDIDO-54").await;
        let date = "2026-03-14T10:00:01-05:00";
        let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), "PENDING", "PT", date);
        assert_eq!(notify_from(&stage, ACCOUNT, None, &body).await.0, 401);
        // Nobody vouches for this header.
        assert_eq!(notify_from(&stage, ACCOUNT, Some("203.0.113.7"), &body).await.0, 401);
        assert_eq!(stage.verdicts().await, ["outside"; 2]);

        let database = TestDatabase::fresh(database.kind).await.expect("a database");
        let stage = Stage::tuned(&database, |settings| {
            pool(settings);
            settings.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        }).await;
        let payment = stage.order("PEDIDO-54").await;
        let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), "PENDING", "PT", date);
        assert_eq!(notify_from(&stage, ACCOUNT, Some("198.51.100.7"), &body).await.0, 401);
        assert_eq!(notify_from(&stage, ACCOUNT, Some("203.0.113.7, 198.51.100.7"), &body).await.0, 401);
        assert_eq!(notify_from(&stage, ACCOUNT, Some("203.0.113.7"), &body).await.0, 200);
        assert_eq!((count(&stage, "outside").await, count(&stage, "valid").await), (2, 1));
    }

    async fn a_notice_of_one_account_is_never_accepted_for_another(database: TestDatabase) {
        for (secret_of_other, status, verdict) in [(None, 404, "unknown_reference"), (Some("Otra-Clave"), 401, "forged")] {
            let database = TestDatabase::fresh(database.kind).await.expect("a database");
            let stage = Stage::tuned(&database, |settings| {
                let mut other = settings.accounts[0].clone();
                other.id = OTHER_ACCOUNT.into();
                if let Some(secret) = secret_of_other {
                    other.secrets.insert("secret_key".into(), vec![SecretString::from(secret.to_owned())]);
                }
                settings.accounts.push(other);
            }).await;
            let payment = stage.order("PEDIDO-55").await;
            let date = "2026-03-14T10:00:01-05:00";
            let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), "APPROVED", "00", date);
            assert_eq!(notify_from(&stage, OTHER_ACCOUNT, None, &body).await.0, status);
            assert_eq!(stage.verdicts().await, [verdict]);
            stage.settle().await;
            assert_eq!(stage.requests("query_session"), 0, "nobody is asked for it");
            assert_eq!(notify_from(&stage, ACCOUNT, None, &body).await.0, 200);
        }
    }

    async fn an_older_notice_after_a_newer_one_changes_nothing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-56").await;
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        let version = stage.expect(&payment, Status::Approved, 1).await.version;
        let older = ("PENDING", "PT", "2026-03-14T09:59:00-05:00");
        for (status, reason, date) in [older, ("REJECTED", "05", "2026-03-14T10:59:00-05:00")] {
            let body = signed(&secret(&stage), request_id(&payment), &reference(&payment), status, reason, date);
            assert_eq!(notify_from(&stage, ACCOUNT, None, &body).await.0, 200);
            stage.settle().await;
            assert_eq!(stage.expect(&payment, Status::Approved, 1).await.version, version);
        }
    }

    async fn a_notice_that_overtakes_our_own_answer_is_followed_when_that_is_here(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        stage.spoil_request("create_session", RequestFault::Delay { ms: 3_000 });
        let early = async {
            let session = testing::until(PATIENCE, async || {
                let listed = stage.command("sessions", json!({}));
                let first = listed["sessions"].as_array().and_then(|sessions| sessions.first().cloned());
                first.filter(|session| session["request_id"].is_u64())
            }).await;
            let id = session["request_id"].as_u64().expect("a number");
            let reference = session["reference"].as_str().expect("a reference");
            let date = "2026-03-14T10:00:01-05:00";
            let body = signed(&secret(&stage), id, reference, "APPROVED", "00", date);
            let status = notify_from(&stage, ACCOUNT, None, &body).await.0;
            (status, stage.verdicts().await, stage.requests("query_session"))
        };
        let (payment, (status, verdicts, asked)) = tokio::join!(stage.order("PEDIDO-57"), early);
        assert_eq!((status, asked), (200, 0));
        assert_eq!(verdicts, ["valid"]);
        assert_eq!(payment.status, Status::RequiresAction, "it was not given up");
        stage.settle().await;
        assert_eq!(stage.requests("query_session"), 1, "asked as soon as the session was known");
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "a notice alone pays nothing");
    }

    async fn a_test_notice_with_another_key_is_refused_and_learns_nothing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-58").await;
        let date = "2026-03-14T10:00:01-05:00";
        let genuine = signed(&secret(&stage), request_id(&payment), &reference(&payment), "APPROVED", "TT", date);
        let forged = signed("Otra-Clave", request_id(&payment), &reference(&payment), "APPROVED", "TT", date);
        let (status, text) = notify_from(&stage, ACCOUNT, None, &forged).await;
        assert_eq!(status, 401);
        let expected = genuine["signature"].as_str().expect("a signature").trim_start_matches("sha256:");
        assert!(!text.contains(expected) && text.len() < 200, "{text}");
        let mut upper = genuine.clone();
        upper["signature"] = json!(format!("sha256:{}", expected.to_uppercase()));
        assert_eq!(notify_from(&stage, ACCOUNT, None, &upper).await.0, 401, "letter by letter");
        assert_eq!(stage.verdicts().await, ["forged"; 2]);
        assert_eq!(notify_from(&stage, ACCOUNT, None, &genuine).await.0, 200);
    }

    async fn a_return_proves_nothing_whatever_its_address_says(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let (mine, other) = (stage.order("PEDIDO-59").await, stage.order("PEDIDO-60").await);
        let (my_attempt, other_attempt) = (stage.attempt(&mine).await, stage.attempt(&other).await);
        let my_return = stage.hub.return_url(MERCHANT, &my_attempt).to_string();
        let swapped = my_return.replace(my_attempt.as_str(), other_attempt.as_str());
        let status = stage.browser.get(swapped).send().await.expect("an answer").status().as_u16();
        assert_eq!((status, stage.requests("query_session")), (404, 0), "the token belongs to one attempt");
        let claims = format!("{my_return}?status=APPROVED&reference=PEDIDO-60&amount=1&currency=USD");
        stage.browser.get(claims).send().await.expect("an answer");
        assert_eq!(stage.requests("query_session"), 1);
        for payment in [&mine, &other] {
            let stands = stage.now(payment).await;
            assert!(stands.status.is_open() && stands.paid.is_zero(), "{stands:?}");
        }
    }
}
