//! What may have been done stays possible, whatever comes after the lost answer.

mod support;

use std::sync::Arc;

use payment::account::Account;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::Profile;
use payment::provider::{Moment, Provider};
use payment::step::{AfterLost, Call, Input, Memo, Refusal, Request, Step};
use payment::{Task, Timestamp};
use support::paper::{self, Paper};
use support::{Api, KEY, account, hub_with, order, serve, settings};
use testing::TestDatabase;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use url::Url;

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1/";

/// What the provider does after its first answer was lost.
#[derive(Clone, Copy)]
enum Then {
    Refuse,
    CallNowhere,
}

/// The paper provider, but an order is a call that is safe to repeat, whose answer is lost.
struct Doubtful(Then);

impl Doubtful {
    fn call(url: Url, memo: &str) -> Step {
        let request = Request {
            operation: "charge",
            method: "POST",
            url,
            headers: vec![],
            body: vec![].into(),
            timeout_ms: 5000,
            needs_token: false,
        };
        let on_lost = AfterLost::RepeatSame;
        Step::Call(Box::new(Call { request, memo: Memo(memo.to_owned()), on_lost }))
    }
}

impl Provider for Doubtful {
    fn profile(&self) -> &'static Profile {
        Paper.profile()
    }

    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint> {
        Paper.check(order, account)
    }

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        match task {
            Task::Authorize(_) => Self::call(account.base_url.clone(), "first"),
            _ => Paper.begin(task, account, moment),
        }
    }

    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step {
        match (task, self.0, memo.0.as_str()) {
            (Task::Authorize(_), Then::Refuse, _) => Step::Refused(Refusal::unsupported("Not this time.")),
            (Task::Authorize(_), Then::CallNowhere, "first") => {
                Self::call(NOWHERE.parse().expect("an address"), "second")
            }
            (Task::Authorize(_), Then::CallNowhere, _) => Step::Unclear { cause: "lost".to_owned() },
            _ => Paper.resume(task, account, memo, input, moment),
        }
    }

    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
        Paper.read_notice(notice, keys, now)
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        Paper.reply_to(verdict)
    }
}

/// An address where every request is read and none is answered.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
        }
    });
    url
}

async fn stays_open(database: &TestDatabase, then: Then) {
    let accounts = vec![account("papel", "tienda", paper::ID, &silent().await)];
    let hub = hub_with(database, settings(accounts), vec![Arc::new(Doubtful(then))]).await;
    let api = Api::new(&serve(&hub).await, KEY);
    let payment = api.post("/v1/payments", "key-1", &order("PEDIDO-1")).await;
    assert_eq!(
        (payment.status, payment.member("status"), payment.member("certainty")),
        (201, "pending", "unknown")
    );
}

testing::both_databases! {
    async fn a_refusal_after_a_lost_answer_does_not_make_a_charge_fail(database: TestDatabase) {
        stays_open(&database, Then::Refuse).await;
    }

    async fn a_call_that_is_not_sent_after_a_lost_answer_does_not_make_a_charge_fail(database: TestDatabase) {
        stays_open(&database, Then::CallNowhere).await;
    }
}
