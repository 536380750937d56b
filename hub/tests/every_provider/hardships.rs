//! The hardships, in the order of the matrix. Each makes payments and leaves words about where they ended: the hub's status
//! and how often the provider charged, as the three witnesses agree.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use hub::crash::rehearsal;
use hub::flow::{self, NewOperation};
use hub::store::Payment;
use payment::Status;
use payment::operation::OperationKind;
use payment::summary::Certainty;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::players::Player;
use crate::support::stage::{MERCHANT, Stage};
use crate::{Hardship, secrets};

/// How long a connection is held that brings no answer, in milliseconds.
const HOLD_MS: u64 = 50;
/// How long the provider's notice may be on its way, in real time.
const PATIENCE: Duration = Duration::from_secs(10);
/// More look-ups than are made until the first of them is answered with what can be read.
const MOST_LOOK_UPS: usize = 20;

pub static HARDSHIPS: [Hardship; 14] = [
    Hardship { name: "happy", play: |player, database| Box::pin(happy(player, database)) },
    Hardship { name: "declined", play: |player, database| Box::pin(declined(player, database)) },
    Hardship { name: "expired", play: |player, database| Box::pin(expired(player, database)) },
    Hardship { name: "duplicate notice", play: |player, database| Box::pin(duplicate(player, database)) },
    Hardship { name: "forged notice", play: |player, database| Box::pin(forged(player, database)) },
    Hardship { name: "lost notice", play: |player, database| Box::pin(lost(player, database)) },
    Hardship { name: "late notice", play: |player, database| Box::pin(late(player, database)) },
    Hardship { name: "reordered notices", play: |player, database| Box::pin(reordered(player, database)) },
    Hardship { name: "unknown status", play: |player, database| Box::pin(unknown_status(player, database)) },
    Hardship {
        name: "time-out before effect",
        play: |player, database| Box::pin(time_out(player, database, before_effect)),
    },
    Hardship {
        name: "time-out after effect",
        play: |player, database| Box::pin(time_out(player, database, after_effect)),
    },
    Hardship { name: "crash", play: |player, database| Box::pin(crash(player, database)) },
    Hardship { name: "refund", play: |player, database| Box::pin(refund(player, database)) },
    Hardship { name: "secrets in no log", play: |player, database| Box::pin(no_secrets(player, database)) },
];

/// Where a payment ended, once hub, ledger and inbox were heard to agree.
async fn ended(stage: &Stage, payment: &Payment, status: Status, charges: usize) -> String {
    let stands = stage.expect(payment, status, charges).await;
    assert_eq!(stands.overpaid.minor, 0);
    let plural = if charges == 1 { "" } else { "s" };
    format!("{status}, {charges} charge{plural}")
}

/// Nothing that was told makes it paid.
async fn is_open(stage: &Stage, payment: &Payment, what: &str) {
    let stands = stage.now(payment).await;
    assert!(stands.status.is_open() && stands.paid.minor == 0, "{what}: {}", stands.status);
}

fn lose_notices(stage: &Stage, player: Player) {
    for _ in 0..player.deliveries {
        stage.spoil_notice(NoticeFault::Lost);
    }
}

async fn happy(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    ended(&stage, &payment, Status::Approved, 1).await
}

async fn declined(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    let (decline, status) = player.decline;
    decline(&stage, &payment).await;
    stage.settle().await;
    ended(&stage, &payment, status, 0).await
}

async fn expired(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    stage.advance(player.expiry_s).await;
    ended(&stage, &payment, Status::Expired, 0).await
}

async fn duplicate(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    stage.spoil_notice(NoticeFault::Doubled { deliveries: 3 });
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    let verdicts = stage.verdicts().await;
    assert!(verdicts.len() >= 3, "three deliveries arrive: {verdicts:?}");
    let taken = verdicts.iter().filter(|verdict| *verdict == player.taken()).count();
    let expected = if player.only_hints { verdicts.len() } else { 1 };
    assert_eq!(taken, expected, "one is taken, or each is a hint: {verdicts:?}");
    ended(&stage, &payment, Status::Approved, 1).await
}

async fn forged(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    (player.forge)(&stage, &payment).await;
    stage.settle().await;
    is_open(&stage, &payment, "a forged notice").await;
    let verdicts = stage.verdicts().await;
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict != player.taken()), "{verdicts:?}");
    if stage.charges(&payment).is_empty() {
        (player.pay)(&stage, &payment).await;
    }
    stage.advance(player.probe_s).await;
    format!("refused; {}", ended(&stage, &payment, Status::Approved, 1).await)
}

async fn lost(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    lose_notices(&stage, player);
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    is_open(&stage, &payment, "a lost notice").await;
    stage.advance(player.probe_s).await;
    format!("found by the probe; {}", ended(&stage, &payment, Status::Approved, 1).await)
}

async fn late(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    let seconds = u32::try_from(2 * player.probe_s).expect("a wait");
    stage.spoil_notice(NoticeFault::Late { seconds });
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    is_open(&stage, &payment, "a notice that is under way").await;
    stage.advance(player.probe_s).await;
    let found = stage.expect(&payment, Status::Approved, 1).await;
    stage.advance(2 * player.probe_s).await;
    assert!(!stage.verdicts().await.is_empty(), "the late notice has arrived");
    assert_eq!(stage.now(&payment).await.paid, found.paid);
    format!("found by the probe, then told; {}", ended(&stage, &payment, Status::Approved, 1).await)
}

/// The notice of a first order is held until that of a second one has left.
async fn reordered(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let (first, second) = (stage.order("PEDIDO-1").await, stage.order("PEDIDO-2").await);
    stage.spoil_notice(NoticeFault::Reordered);
    (player.pay)(&stage, &first).await;
    (player.pay)(&stage, &second).await;
    stage.settle().await;
    let both =
        [ended(&stage, &first, Status::Approved, 1).await, ended(&stage, &second, Status::Approved, 1).await];
    format!("both {}", both[0])
}

/// The provider's own answer tells a state that nobody knows.
async fn unknown_status(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    if !player.tells_state_before_charge {
        lose_notices(&stage, player);
        (player.pay)(&stage, &payment).await;
    }
    let (operation, member, word) = player.unknown;
    for _ in 0..MOST_LOOK_UPS {
        stage.spoil_request(operation, RequestFault::Tampered { member: member.into(), value: word() });
    }
    stage.advance(player.probe_s).await;
    is_open(&stage, &payment, "an unknown status").await;
    assert_eq!(stage.now(&payment).await.certainty, Certainty::Unknown);
    stage.sandbox.steering.clear_hardships();
    if player.tells_state_before_charge {
        (player.pay)(&stage, &payment).await;
    }
    stage.advance(4 * 3600).await;
    format!("unknown, asked again; {}", ended(&stage, &payment, Status::Approved, 1).await)
}

fn before_effect() -> RequestFault {
    RequestFault::TimeOutBeforeEffect { hold_ms: HOLD_MS }
}

fn after_effect() -> RequestFault {
    RequestFault::TimeOutAfterEffect { hold_ms: HOLD_MS }
}

/// The creation's answer does not come. Whatever exists at the provider then is charged once at the most.
async fn time_out(player: Player, database: TestDatabase, fault: fn() -> RequestFault) -> String {
    let stage = player.stage(&database).await;
    stage.spoil_request(player.creation, fault());
    let payment = stage.order("PEDIDO-1").await;
    let creations = stage.requests(player.creation);
    if payment.certainty == Certainty::Confirmed {
        assert_eq!((payment.status, creations), (Status::RequiresAction, 2), "begun anew once");
        (player.pay)(&stage, &payment).await;
        stage.settle().await;
        return format!("begun anew; {}", ended(&stage, &payment, Status::Approved, 1).await);
    }
    assert_eq!((payment.status, creations), (Status::Pending, 1), "held, and never asked for again");
    if (player.pay_unknown)(&stage, &payment) {
        stage.settle().await;
        return format!("held, told by its notice; {}", ended(&stage, &payment, Status::Approved, 1).await);
    }
    stage.advance(player.expiry_s).await;
    let stands = stage.now(&payment).await;
    assert!(stands.paid.minor == 0 && stage.charges(&payment).is_empty());
    format!("held; {}, 0 charges", stands.status)
}

/// The hub dies at each point of a creation, and at each point of taking a notice; another one takes its place, and the
/// merchant asks again. No order is charged twice, and each that is paid is told once.
async fn crash(player: Player, database: TestDatabase) -> String {
    let mut stage = player.stage(&database).await;
    let mut points = Vec::new();
    for number in 0.. {
        let reference = format!("PEDIDO-{number}");
        rehearsal::begin(Some(number));
        let answered = AssertUnwindSafe(stage.try_order(&reference)).catch_unwind().await;
        let Some(point) = rehearsal::died_at() else {
            let answered = answered.expect("a creation without a death ends");
            assert!(answered.is_ok(), "after {points:?}: {answered:?}");
            break;
        };
        points.push(point);
        rehearsal::begin(None);
        stage.restart().await;
        let payment = stage.order(&reference).await;
        finish(player, &stage, payment, point).await;
    }
    assert!(points.contains(&"create.after_call") && points.len() >= 5, "{points:?}");
    for number in 0..2 {
        rehearsal::begin(None);
        let payment = stage.order(&format!("AVISO-{number}")).await;
        rehearsal::begin(Some(number));
        (player.pay)(&stage, &payment).await;
        let point = testing::until(PATIENCE, async || rehearsal::died_at()).await;
        assert!(point.starts_with("notice."), "{point}");
        rehearsal::begin(None);
        stage.restart().await;
        stage.advance(player.probe_s).await;
        ended(&stage, &payment, Status::Approved, 1).await;
        points.push(point);
    }
    format!("{} deaths; each charged and told once at most", points.len())
}

/// After a death: what can be paid is paid, and found out.
async fn finish(player: Player, stage: &Stage, payment: Payment, point: &str) {
    if payment.detail.pay_url.is_some() {
        (player.pay)(stage, &payment).await;
        stage.settle().await;
    } else {
        stage.advance(player.probe_s).await;
        if !(player.pay_unknown)(stage, &payment) {
            let stands = stage.now(&payment).await;
            assert!(
                stands.paid.minor == 0 && stage.charges(&payment).is_empty(),
                "{point}: {}",
                stands.status
            );
            return;
        }
        stage.settle().await;
        stage.advance(player.probe_s).await;
    }
    ended(stage, &payment, Status::Approved, 1).await;
}

/// All of it is given back, once: asked for again under its key, and told again by the provider itself.
async fn refund(player: Player, database: TestDatabase) -> String {
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    let paid = stage.expect(&payment, Status::Approved, 1).await;
    for _ in 0..2 {
        let idempotency_key = "devolucion-1".to_owned();
        let wanted = NewOperation { kind: OperationKind::Refund, amount: None, idempotency_key };
        let asked = flow::operate(&stage.hub, MERCHANT, &payment.id, wanted).await;
        assert!(asked.is_ok(), "{asked:?}");
        stage.settle().await;
    }
    stage.advance(2 * player.probe_s).await;
    let stands = stage.now(&payment).await;
    // Before settlement it is undone, after it given back: the provider says which.
    assert!(matches!(stands.status, Status::Refunded | Status::Reversed), "{}", stands.status);
    assert_eq!((stands.paid, stands.refunded), (paid.paid, paid.paid));
    let ledger = stage.charges(&payment);
    let approved = |is_charge: bool| {
        let of_kind = ledger.iter().filter(|entry| (entry.kind == "charge") == is_charge);
        of_kind
            .filter(|entry| entry.state == "approved")
            .map(|entry| entry.amount.clone())
            .collect::<Vec<_>>()
    };
    let (charged, given_back) = (approved(true), approved(false));
    assert!(charged.len() == 1 && charged == given_back, "{ledger:?}");
    let told = stage.told(&payment);
    let kind = format!("payment.{}", stands.status);
    let times = told.iter().filter(|event| event.kind == kind).count();
    assert!(times == 1 && told.iter().all(|event| event.is_genuine), "told {times} times: {told:?}");
    format!("{}, 1 charge, given back once", stands.status)
}

async fn no_secrets(player: Player, database: TestDatabase) -> String {
    secrets::keep_the_log();
    let stage = player.stage(&database).await;
    let payment = stage.order("PEDIDO-1").await;
    (player.pay)(&stage, &payment).await;
    stage.settle().await;
    let payment = stage.now(&payment).await;
    ended(&stage, &payment, Status::Approved, 1).await;
    let found = secrets::found(player, &stage, &payment, &database).await;
    assert!(found.is_empty(), "{found:?}");
    "none found".to_owned()
}
