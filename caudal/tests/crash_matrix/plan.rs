//! What is told: which point, in which story, with which provider, and what must have come of it.

use hub::crash::POINTS;

use crate::parties::Part::{self, AvalPay, Carat, EtPay, PagoEfectivo};

/// How the story of a cell goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Ordered, paid, told by a notice.
    Paid,
    /// The same, and the provider's first answer is lost.
    PaidAfterALostAnswer,
    /// The same, and the hub died of the first creation when that was at the provider, so that its request comes again.
    PaidAfterADeath,
    /// The merchant asks once, the hub dies of it, and the request never comes again.
    Abandoned,
    /// The same where what was made can be paid all the same.
    AbandonedAndPaid,
    /// Ordered, paid, and all of it given back.
    GivenBack,
    /// A card is enrolled, charged and denied, and goes with that.
    CardTakenAway,
    /// Paid in part, and what was collected is given back by the hub itself when the time is over.
    Returned,
    /// Ordered and taken back.
    Cancelled,
    /// The endpoint gets another secret before the order.
    PaidAfterARotation,
    /// Paid, and every notice is lost.
    FoundByAsking,
    /// The same, and the access token has ended by then.
    FoundWithANewToken,
    /// The same, and the provider does not give a token at first.
    FoundAfterNoToken,
    /// The same, and the token at hand is no good any more.
    FoundAfterARevocation,
    /// Ordered, and nobody pays.
    Expired,
    /// The same, no notice comes, and whoever asks is told nothing: only the hub's own clock says so.
    ExpiredInSilence,
    /// Paid, every notice lost, and nobody answers until the hub gives up asking; then a notice comes after all.
    GivenUp,
}

/// One point at which the hub dies, in one story of one provider.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub part: Part,
    pub story: Story,
    pub point: &'static str,
    /// Which arrival at the point it dies of.
    pub arrival: u32,
}

impl Cell {
    pub fn name(&self) -> String {
        format!("{:?} {:?} {}:{}", self.part, self.story, self.point, self.arrival)
    }

    /// What each process is to die of, in order.
    pub fn lives(&self) -> Vec<String> {
        let last = format!("{}:{}", self.point, self.arrival);
        match self.story {
            Story::PaidAfterADeath | Story::Abandoned | Story::AbandonedAndPaid => {
                vec!["create.after_call".to_owned(), last]
            }
            _ => vec![last],
        }
    }

    /// Whether what was charged is given back.
    pub fn is_given_back(&self) -> bool {
        matches!(self.story, Story::GivenBack | Story::Returned)
    }

    /// What was charged, in minor units.
    pub fn charged(&self) -> i64 {
        match self.story {
            Story::Returned => PART_MINOR,
            _ => self.part.amount(),
        }
    }

    /// What must have come of it: the payment's status, and charges in the provider's ledger.
    pub fn outcome(&self) -> (&'static str, usize) {
        match self.story {
            Story::Abandoned => ("failed", 0),
            Story::Cancelled => ("cancelled", 0),
            Story::CardTakenAway => ("rejected", 0),
            // The charge is undone before the day's reconciliation.
            Story::GivenBack if self.part == AvalPay => ("reversed", 1),
            Story::GivenBack => ("refunded", 1),
            Story::Returned => ("reversed", 1),
            Story::Expired | Story::ExpiredInSilence => ("expired", 0),
            Story::Paid
            | Story::PaidAfterALostAnswer
            | Story::PaidAfterADeath
            | Story::AbandonedAndPaid
            | Story::PaidAfterARotation
            | Story::FoundByAsking
            | Story::FoundWithANewToken
            | Story::FoundAfterNoToken
            | Story::FoundAfterARevocation
            | Story::GivenUp => ("approved", 1),
        }
    }
}

/// What is paid of a payment in parts, in minor units.
const PART_MINOR: i64 = 5_000_000;
/// What a creation does before anything can be at the provider.
const BEFORE_THE_PROVIDER: [&str; 8] = [
    "create.after_commit",
    "token.before_claim",
    "token.after_claim",
    "token.before_call",
    "token.after_call",
    "token.before_commit",
    "token.after_commit",
    "create.before_call",
];
const RENEWAL: [&str; 6] = [
    "token.before_claim",
    "token.after_claim",
    "token.before_call",
    "token.after_call",
    "token.before_commit",
    "token.after_commit",
];
const AT_THE_PROVIDER: [&str; 3] = ["create.after_call", "create.before_answer", "create.after_answer"];
const CREATION: [&str; 3] = ["create.before_commit", "create.after_commit", "create.before_call"];
const ANSWER: [&str; 2] = ["create.before_answer", "create.after_answer"];
const NOTICE: [&str; 2] = ["notice.before_commit", "notice.after_commit"];
const TIMER: [&str; 2] = ["timer.before_commit", "timer.after_commit"];
const LOOK_UP: [&str; 8] = [
    "probe.before_claim",
    "probe.after_claim",
    "look_up.before_call",
    "look_up.after_call",
    "look_up.before_commit",
    "look_up.after_commit",
    "probe.before_release",
    "probe.after_release",
];
const CANCELLATION: [&str; 6] = [
    "cancel.before_commit",
    "cancel.after_commit",
    "cancel.before_call",
    "cancel.after_call",
    "cancel.before_answer",
    "cancel.after_answer",
];

const CARD: [&str; 6] = [
    "supply.before_commit",
    "supply.after_commit",
    "pay.before_commit",
    "pay.after_commit",
    "pay.before_call",
    "pay.after_call",
];
const REFUND: [&str; 8] = [
    "operation.before_commit",
    "operation.after_commit",
    "operate.before_call",
    "operate.after_call",
    "operate.before_commit",
    "operate.after_commit",
    "operate.before_answer",
    "operate.after_answer",
];

/// The same in one call, whose intent is written with the operation.
const REVERSAL: [&str; 6] = [
    "operation.before_commit",
    "operation.after_commit",
    "operate.before_call",
    "operate.after_call",
    "operate.before_answer",
    "operate.after_answer",
];

/// Every cell: all points with Aval Pay but those that its way has not, and with the others those of their own ways.
pub fn cells() -> Vec<Cell> {
    let of_aval_pay = POINTS.into_iter().filter_map(of_aval_pay);
    let returned = each(AvalPay, Story::Returned, &REVERSAL, 1);
    of_aval_pay.chain(returned).chain(of_pago_efectivo()).chain(of_et_pay()).chain(of_carat()).collect()
}

fn each(
    part: Part,
    story: Story,
    points: &[&'static str],
    arrival: u32,
) -> impl Iterator<Item = Cell> + use<> {
    let points = points.to_vec();
    points.into_iter().map(move |point| Cell { part, story, point, arrival })
}

/// A code that may exist is not asked for twice: what died before it was made is held until its time is over.
fn of_pago_efectivo() -> impl Iterator<Item = Cell> {
    let each = |story, points: &[&'static str]| each(PagoEfectivo, story, points, 1);
    each(Story::Paid, &CREATION[..1])
        .chain(each(Story::Expired, &BEFORE_THE_PROVIDER))
        .chain(each(Story::Paid, &AT_THE_PROVIDER))
        .chain(each(Story::PaidAfterALostAnswer, &ANSWER))
        .chain(each(Story::PaidAfterALostAnswer, &NOTICE))
        .chain(each(Story::AbandonedAndPaid, &TIMER))
        .chain(each(Story::Paid, &NOTICE))
        .chain(each(Story::ExpiredInSilence, &TIMER))
        .chain(each(Story::FoundByAsking, &LOOK_UP))
        .chain(self::each(PagoEfectivo, Story::FoundWithANewToken, &RENEWAL, 2))
        .chain(each(Story::FoundAfterNoToken, &["token.before_release", "token.after_release"]))
        .chain(each(Story::FoundAfterARevocation, &["token.before_end", "token.after_end"]))
        .chain(each(Story::Cancelled, &CANCELLATION))
}

/// A session that may exist harms nobody: it is begun anew.
fn of_et_pay() -> impl Iterator<Item = Cell> {
    let each = |story, points: &[&'static str]| each(EtPay, story, points, 1);
    each(Story::Paid, &CREATION)
        .chain(each(Story::Paid, &AT_THE_PROVIDER))
        .chain(each(
            Story::PaidAfterALostAnswer,
            &["create_again.before_commit", "create_again.after_commit"],
        ))
        .chain(each(Story::PaidAfterADeath, &["resume.before_commit", "resume.after_commit"]))
        .chain(each(Story::Abandoned, &TIMER))
        .chain(each(Story::Paid, &NOTICE))
        .chain(each(Story::ExpiredInSilence, &TIMER))
        .chain(each(Story::FoundByAsking, &LOOK_UP))
        .chain(each(Story::GivenUp, &["give_up.before_commit", "give_up.after_commit"]))
}

/// A card is typed on the hub's own page, and what was paid is given back in two calls, of which the first is inert.
fn of_carat() -> impl Iterator<Item = Cell> {
    let each = |story, points: &[&'static str]| each(Carat, story, points, 1);
    each(Story::Paid, &CARD).chain(each(Story::GivenBack, &REFUND)).chain(self::each(
        Carat,
        Story::GivenBack,
        &["operate.before_call", "operate.after_call"],
        2,
    ))
}

fn of_aval_pay(point: &'static str) -> Option<Cell> {
    let (part, _) = point.split_once('.').expect("a part");
    let (story, arrival) = match part {
        // Aval Pay has no access tokens, and its own page takes the card; given up is what nobody answers for.
        "token" | "give_up" | "supply" | "pay" => return None,
        "operation" => (Story::GivenBack, 1),
        // A reversal is one call, whose intent is written with the operation.
        "operate" if matches!(point, "operate.before_commit" | "operate.after_commit") => return None,
        "operate" => (Story::GivenBack, 1),
        // The first key that is claimed by itself is that of the merchant's endpoint, the second that of the cancellation:
        // the key of an order is claimed and answered in the transactions of the order.
        "key" => (Story::Cancelled, 2),
        // The first delivery tells where to pay.
        "delivery" => (Story::Paid, 2),
        "create_again" => (Story::PaidAfterALostAnswer, 1),
        "resume" => (Story::PaidAfterADeath, 1),
        "timer" => (Story::Abandoned, 1),
        "cancel" => (Story::Cancelled, 1),
        "rotation" => (Story::PaidAfterARotation, 1),
        "invalidate" | "removal" => (Story::CardTakenAway, 1),
        _ => (Story::Paid, 1),
    };
    Some(Cell { part: AvalPay, story, point, arrival })
}
