//! What the provider has seen of a merchant's conduct: the checks of its certification, and the evidence it asks for (§10).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::EtPay;
use crate::attack::Kind;
use crate::instant;
use crate::session::Outcome;

/// Lines of evidence kept for a merchant.
const EVIDENCE_KEPT: usize = 1_000;

/// A check of the provider's certification that its side can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Sessions are opened by the server, with the base fields as they should be.
    Initialize,
    /// The secret is in no address and in no browser's call.
    Secrets,
    /// A new try has a new session.
    NewSession,
    /// The browser comes to the funnel's address as it was given.
    FunnelAddress,
    /// A valid notice of success is taken.
    SuccessNotice,
    /// A valid notice of failure is taken.
    FailureNotice,
    /// Forged notices are refused.
    Forged,
    /// Wrong amount, currency or order under a right signature settle nothing.
    ForgedClaims,
    /// The same notice again is taken, without effect.
    RepeatedNotice,
    /// Odd claims are no payment.
    OddClaims,
    /// What notices left open is asked after.
    StatusQuery,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 11] = [
        Self::Initialize,
        Self::Secrets,
        Self::NewSession,
        Self::FunnelAddress,
        Self::SuccessNotice,
        Self::FailureNotice,
        Self::Forged,
        Self::ForgedClaims,
        Self::RepeatedNotice,
        Self::OddClaims,
        Self::StatusQuery,
    ];

    /// Its id (§10).
    pub fn id(self) -> &'static str {
        match self {
            Self::Initialize => "ET-S1",
            Self::Secrets => "ET-S2",
            Self::NewSession => "ET-S3",
            Self::FunnelAddress => "ET-F1",
            Self::SuccessNotice => "ET-N1",
            Self::FailureNotice => "ET-N2",
            Self::Forged => "ET-N3",
            Self::ForgedClaims => "ET-N4",
            Self::RepeatedNotice => "ET-N5",
            Self::OddClaims => "ET-N6",
            Self::StatusQuery => "ET-Q1",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Initialize => "sessions are opened by the server with all base fields in order",
            Self::Secrets => "the API token is in no address and no browser call",
            Self::NewSession => "a new try has a new session",
            Self::FunnelAddress => "the browser comes to the funnel's address unchanged",
            Self::SuccessNotice => "a valid notice of success is answered 200",
            Self::FailureNotice => "a valid notice of failure is answered 200",
            Self::Forged => "forged notices are refused",
            Self::ForgedClaims => "wrong amount, currency or order under a right signature settle nothing",
            Self::RepeatedNotice => "the same notice again is answered 200",
            Self::OddClaims => "odd values of payment_status are no payment; unknown claims do no harm",
            Self::StatusQuery => "the status query is used",
        }
    }
}

/// Checks that only the merchant's side shows: id and what to look at.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ET-R1", "the return page shows a state and changes nothing"),
    ("ET-R2", "system_error is shown as an error and never read for payment_status"),
    ("ET-X1", "a session that cannot be opened is told as «try later» and loses no order"),
    ("ET-P1", "neither JWT nor RUT stand whole in a log"),
];

/// How often a check was seen, and how.
#[derive(Clone, Debug, Default)]
struct Seen {
    passed: u32,
    failed: u32,
    to_look_at: u32,
    last: String,
}

/// A finished attempt, as the evidence form asks for it.
#[derive(Clone, Debug)]
struct Evidence {
    payment_token: String,
    date: String,
    outcome: &'static str,
}

/// What was seen of one merchant.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    seen: BTreeMap<Check, Seen>,
    evidence: Vec<Evidence>,
}

impl Conduct {
    /// Notes a check that passed or failed.
    pub fn see(&mut self, check: Check, passed: bool, detail: impl Into<String>) {
        let seen = self.seen.entry(check).or_default();
        if passed {
            seen.passed += 1;
        } else {
            seen.failed += 1;
        }
        seen.last = detail.into();
    }

    /// How a notice of the attack kit was answered. A forged one must not be taken; of one that is signed rightly the
    /// status tells nothing, and somebody has to look at the order.
    pub fn hear_of_attack(&mut self, kind: Kind, status: Option<u16>) {
        let detail = format!(
            "{} answered {}",
            kind.word(),
            status.map_or("nothing".into(), |status| status.to_string())
        );
        let check = kind.check();
        match check {
            Check::Forged => {
                let is_refused = status.is_some_and(|status| !(200..300).contains(&status));
                self.see(check, is_refused, detail);
            }
            _ => {
                let seen = self.seen.entry(check).or_default();
                seen.to_look_at += 1;
                seen.last = detail;
            }
        }
    }

    /// The table of checks and the list of evidence.
    pub fn report(&self) -> Value {
        let of_check = |check: &Check| {
            let seen = self.seen.get(check).cloned().unwrap_or_default();
            let result = match &seen {
                Seen { failed: 1.., .. } => "failed",
                Seen { to_look_at: 1.., .. } => "to_look_at",
                Seen { passed: 1.., .. } => "passed",
                Seen { .. } => "not_seen",
            };
            json!({ "id": check.id(), "check": check.text(), "result": result, "passed": seen.passed,
                    "failed": seen.failed, "to_look_at": seen.to_look_at, "last": seen.last })
        };
        let mut checks: Vec<Value> = Check::ALL.iter().map(of_check).collect();
        checks.extend(
            ELSEWHERE.iter().map(
                |(id, check)| json!({ "id": id, "check": check, "result": "seen_by_the_merchant_only" }),
            ),
        );
        let of_evidence = |line: &Evidence| json!({ "payment_token": line.payment_token, "date": line.date, "outcome": line.outcome });
        json!({ "checks": checks, "evidence": self.evidence.iter().map(of_evidence).collect::<Vec<_>>() })
    }
}

impl EtPay {
    /// What was seen of a merchant.
    pub(crate) fn conduct_of(&mut self, merchant: &str) -> &mut Conduct {
        self.conduct.entry(merchant.to_owned()).or_default()
    }

    /// Adds an ended attempt to its merchant's evidence; a later truth about the same attempt is another line.
    pub(crate) fn note_evidence(&mut self, id: u64) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(ending) = session.ending else { return };
        let line = Evidence {
            payment_token: session.payment_token.clone().unwrap_or_default(),
            date: instant::write(ending.at, session.country),
            outcome: match ending.outcome {
                Outcome::Success => "success",
                Outcome::Error(reason) => reason.code(),
            },
        };
        let name = session.merchant.clone();
        let evidence = &mut self.conduct_of(&name).evidence;
        if evidence.len() < EVIDENCE_KEPT {
            evidence.push(line);
        }
    }
}
