//! A session and where its payer stands (§4, §8). Nothing here tells anybody: the caller does.

use simulation::{Timestamp, World};

use crate::account::{Country, Environment, Merchant};
use crate::banks::Bank;
use crate::course::Course;
use crate::funnel::Language;
use crate::instant::seconds_after;
use crate::order::{Method, Order};
use crate::reasons::Reason;
use crate::tokens;

/// Refused inputs that end an attempt (§4.3).
pub const MOST_FAILURES: u32 = 3;
/// Lines kept of an attempt's log.
const LOG_LINES: usize = 200;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The payer's bank or, in Mexico, method.
    Choosing,
    /// RUT and password.
    Credentials,
    /// The payer's account.
    Account,
    /// The first input of the approval.
    DynamicKey,
    /// The last one.
    SecondFactor,
    /// In Mexico: the payer's transfer.
    Transfer,
    /// The bank, which has not said yes or no.
    Confirming {
        /// When it will.
        due: Timestamp,
    },
    /// Its own backend, which the funnel has lost.
    Lost {
        /// When that is back.
        due: Timestamp,
        /// Whether the money moved.
        is_paid: bool,
    },
    /// Nothing: there is an outcome.
    Ended,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Paid.
    Success,
    /// Not paid.
    Error(Reason),
}

/// The end of a session. ET-U20: it has one attempt, and that is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// When the payer was through: `payment_date`.
    pub at: Timestamp,
    /// When the bank confirmed, if not at once: `confirmated_at`.
    pub confirmed_late_at: Option<Timestamp>,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The account it belongs to.
    pub merchant: String,
    /// The environment it was opened in.
    pub environment: Environment,
    /// The merchant's country.
    pub country: Country,
    /// The session_token, which stands in the funnel's address.
    pub token: String,
    /// The key of what is signed about it.
    pub signature_token: String,
    /// What it is for.
    pub order: Order,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// The funnel's language.
    pub language: Language,
    /// What it waits for.
    pub stage: Stage,
    /// Refused inputs of the present stage.
    pub failures: u32,
    /// The chosen bank.
    pub bank: Option<&'static Bank>,
    /// The payer's RUT, once the bank knows it.
    pub rut: Option<String>,
    /// The payer's account, once it is chosen.
    pub account: Option<&'static str>,
    /// What becomes of the attempt.
    pub course: Option<Course>,
    /// In Mexico: the chosen method.
    pub method: Option<Method>,
    /// In Mexico: where a transfer goes, CLABE and reference.
    pub transfer: Option<(String, String)>,
    /// Names the attempt, once the funnel was opened.
    pub payment_token: Option<String>,
    /// What happened, oldest first.
    pub log: Vec<(Timestamp, String)>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When the payer was through, where the outcome came later.
    pub attempted_at: Option<Timestamp>,
    /// When the funnel lost its backend.
    pub lost_at: Option<Timestamp>,
    /// The token of the notice about the ending: signed once, the same in each delivery and in the redirect.
    pub told: Option<String>,
    /// How the deliveries of that notice ended: HTTP status.
    pub deliveries: Vec<Option<u16>>,
    /// When a notice that waits for the redirect leaves all the same.
    pub notice_due: Option<Timestamp>,
}

impl Session {
    /// A session that nobody has opened.
    pub fn open(merchant: &Merchant, order: Order, world: &mut dyn World) -> Self {
        let now = world.now();
        Self {
            merchant: merchant.name.clone(),
            environment: merchant.settings.environment,
            country: merchant.settings.country,
            token: tokens::token(world),
            signature_token: tokens::token(world),
            created_at: now,
            expires_at: seconds_after(now, merchant.settings.session_minutes * 60),
            language: Language::Spanish,
            stage: Stage::Choosing,
            failures: 0,
            bank: order.bank,
            rut: None,
            account: None,
            course: None,
            method: order.method,
            transfer: None,
            payment_token: None,
            log: Vec::new(),
            ending: None,
            attempted_at: None,
            lost_at: None,
            told: None,
            deliveries: Vec::new(),
            notice_due: None,
            order,
        }
    }

    /// Notes a step of the attempt.
    pub fn note(&mut self, at: Timestamp, text: impl Into<String>) {
        if self.log.len() < LOG_LINES {
            self.log.push((at, text.into()));
        }
    }

    /// The attempt's name. ET-U50: one that ends before anybody opened the funnel gets its name then.
    pub fn name_attempt(&mut self, world: &mut dyn World) -> String {
        self.payment_token.get_or_insert_with(|| tokens::token(world)).clone()
    }

    /// Whether the payer may still do something.
    pub fn is_open(&self) -> bool {
        match self.stage {
            Stage::Choosing
            | Stage::Credentials
            | Stage::Account
            | Stage::DynamicKey
            | Stage::SecondFactor
            | Stage::Transfer => true,
            Stage::Confirming { .. } | Stage::Lost { .. } | Stage::Ended => false,
        }
    }

    /// Goes on to another stage, with its refusals counted anew.
    pub fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.failures = 0;
    }

    /// Counts a refused input; answers whether it was the last that is forgiven.
    pub fn count_failure(&mut self) -> bool {
        self.failures += 1;
        self.failures >= MOST_FAILURES
    }

    /// The next instant at which something happens by itself.
    pub fn due(&self) -> Option<Timestamp> {
        let own = match self.stage {
            Stage::Confirming { due } | Stage::Lost { due, .. } => Some(due),
            Stage::Ended => None,
            Stage::Choosing
            | Stage::Credentials
            | Stage::Account
            | Stage::DynamicKey
            | Stage::SecondFactor
            | Stage::Transfer => Some(self.expires_at),
        };
        own.into_iter().chain(self.notice_due).min()
    }

    /// The word for its state, as steering shows it.
    pub fn state(&self) -> &'static str {
        match (self.stage, self.ending.map(|ending| ending.outcome)) {
            (_, Some(Outcome::Success)) => "success",
            (_, Some(Outcome::Error(_))) => "error",
            (Stage::Confirming { .. }, None) => "confirming",
            (Stage::Lost { .. }, None) => "system_error",
            (_, None) if self.payment_token.is_some() => "open",
            (_, None) => "created",
        }
    }
}
