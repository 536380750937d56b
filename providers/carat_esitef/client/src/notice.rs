//! Notices of three kinds, none of them signed, each to an address of its own; how far each is believed is the table
//! [`ROUTES`] (PROTOCOL.md 4, 5, 10.1).
//!
//! CA-U14: how often and how long the portal tries again is its own affair: only 200 ends it. CA-U15: which of two notices
//! comes first changes nothing. CA-U44, CA-U58: what is told beside a name and a status is not read.

use aws_lc_rs::digest;
use payment::fact::{Fact, FactKind, Observation, Reason};
use payment::instrument::{InstrumentTelling, InstrumentToken, KeepingState};
use payment::movement::{MovementKind, MovementState};
use payment::notice::{Handover, Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::subject::SubjectKind;
use payment::task::Target;
use payment::{Account, Subject, Timestamp};

use crate::account::MERCHANT_ID;
use crate::form::Form;
use crate::{authorizers, identifiers, statuses, wire};

/// How far the notices of one address are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Not at all: the payer knows the transaction's name, too. It makes us ask, and a query tells.
    Hint,
    /// As what only the portal can tell: nobody but the portal and the hub knows the name of a storage transaction.
    ByName,
    /// As the next piece of a call that is under way, and which the portal itself judges.
    Handover,
}

/// What follows the account in the address that the shop registers, with its trust.
const ROUTES: [(&str, Trust); 3] =
    [("status", Trust::Hint), ("storage", Trust::ByName), ("authenticity", Trust::Handover)];

/// Which transaction or storage a notice claims to be about. It is believed for nothing but finding what was asked for.
pub fn claimed_subject(notice: &RawNotice, account: &Account) -> Option<Subject> {
    let form = Form::read(&notice.body)?;
    let (kind, name) = match trust(notice)? {
        Trust::Hint => (SubjectKind::Attempt, form.value("nit").filter(|nit| identifiers::is_nit(nit))?),
        Trust::ByName => {
            (SubjectKind::Instrument, form.value("nita").filter(|nita| identifiers::is_opaque(nita))?)
        }
        Trust::Handover => return None,
    };
    Some(Subject { account: account.id.clone(), kind, provider_reference: name.to_owned() })
}

/// Reads a notice. Never panics on any bytes.
pub fn read(notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
    if notice.method != "POST" {
        return Reading::of(Verdict::Unreadable, "a notice is a POST");
    }
    let Some(trust) = trust(notice) else {
        return Reading::of(Verdict::Unreadable, "it came to an address of no kind of notice");
    };
    let Some(form) = Form::read(&notice.body) else {
        return Reading::of(Verdict::Unreadable, "it is no form in UTF-8, or names a parameter twice");
    };
    match trust {
        Trust::Hint => hint(notice, &form, keys),
        Trust::ByName => storage(notice, &form, keys, now),
        Trust::Handover => handover(&form, keys.account),
    }
}

/// What the portal is answered: 200 without content for what was processed, the repeated included (C-30), and for all else
/// what makes it come again.
pub const fn reply_to(verdict: Verdict) -> NoticeReply {
    let status = match verdict {
        Verdict::Valid | Verdict::Test | Verdict::Repeated | Verdict::Unsigned => 200,
        Verdict::Forged | Verdict::Unverifiable | Verdict::Outside => 401,
        Verdict::Unreadable => 400,
        Verdict::UnknownReference => 404,
    };
    NoticeReply { status, content_type: "text/plain; charset=utf-8", body: "" }
}

fn trust(notice: &RawNotice) -> Option<Trust> {
    let (_, trust) = ROUTES.iter().find(|(route, _)| *route == notice.route)?;
    Some(*trust)
}

/// A transaction has another status: a reason to ask, and nothing else.
fn hint(notice: &RawNotice, form: &Form, keys: Keys<'_>) -> Reading {
    let Some(subject) = claimed_subject(notice, keys.account) else {
        return Reading::of(Verdict::Unreadable, "it names no transaction");
    };
    let Some(status) = form.value("status") else {
        return Reading::of(Verdict::Unreadable, "it tells no status");
    };
    let Some(attempt) = keys.attempt else {
        return Reading::of(Verdict::UnknownReference, "about a transaction that this account does not know");
    };
    if names_another(form, &attempt.target) {
        return Reading::of(Verdict::UnknownReference, "the order is not that of the transaction");
    }
    let ask = is_news(status, &attempt.target);
    let reason =
        if ask { "not signed: the portal is asked" } else { "not signed, and nothing that is not known" };
    Reading {
        reference: Some(attempt.target.reference.clone()),
        subject: Some(subject),
        ask,
        ..Reading::of(Verdict::Unsigned, reason)
    }
}

/// Whether a status can follow what the portal itself has told: what it told before, or what cannot follow, is no reason to
/// ask.
fn is_news(status: &str, target: &Target) -> bool {
    let approved = || target.movements.iter().filter(|known| known.state == MovementState::Approved);
    let is_known = |kinds: &[MovementKind]| approved().any(|known| kinds.contains(&known.kind));
    let is_given_back = approved().any(|known| {
        known.kind == MovementKind::Refund && known.provider_reference == target.provider_reference
    });
    let known = if is_given_back {
        "EST"
    } else if is_known(&[MovementKind::Charge, MovementKind::Capture]) {
        "CON"
    } else if is_known(&[MovementKind::Hold]) {
        "PPC"
    } else {
        return true;
    };
    // A status that nobody knows yet may mean anything.
    statuses::meaning(status).is_none() || statuses::may_become(known, status)
}

/// What became of a card that was to be kept: believed for a name that the portal gave in answer to our own call.
fn storage(notice: &RawNotice, form: &Form, keys: Keys<'_>, now: Timestamp) -> Reading {
    let Some(subject) = claimed_subject(notice, keys.account) else {
        return Reading::of(Verdict::Unreadable, "it names no storage transaction");
    };
    let Some(status) = form.value("status") else {
        return Reading::of(Verdict::Unreadable, "it tells no status");
    };
    let Some(attempt) = keys.attempt else {
        return Reading::of(
            Verdict::UnknownReference,
            "about a storage transaction that this account does not know",
        );
    };
    if names_another(form, &attempt.target) {
        return Reading::of(Verdict::UnknownReference, "the order is not that of the storage transaction");
    }
    let state = statuses::keeping(status);
    let hash = form.value("hash").filter(|hash| identifiers::is_hash(hash));
    if state == Some(KeepingState::Kept) && hash.is_none() {
        // It is sent again, and asked for again: another reader may have spoilt it on its way.
        return Reading::of(Verdict::Unreadable, "it tells of a kept card without its identifier");
    }
    // An identifier counts where a card is kept, and nowhere else.
    let token = hash
        .filter(|_| state == Some(KeepingState::Kept))
        .map(|hash| InstrumentToken { digest: digest_of(hash), value: hash.to_owned().into() });
    let digest = token.as_ref().map(|token| token.digest.clone()).unwrap_or_default();
    // A notice with another identifier must not stand in the place of this one.
    let repeat_key = format!("{}|{}|{digest}", subject.provider_reference, wire::shown(status));
    let telling = telling(form, &subject.provider_reference, status, state, digest);
    let fact = Fact::new(now, FactKind::Instrument(telling));
    Reading {
        reference: Some(attempt.target.reference.clone()),
        observations: vec![Observation { subject: subject.clone(), facts: vec![fact] }],
        subject: Some(subject),
        repeat_key: Some(repeat_key),
        tokens: token.into_iter().collect(),
        ..Reading::of(Verdict::Valid, "about a storage transaction that the portal named to us alone")
    }
}

fn telling(
    form: &Form,
    nita: &str,
    status: &str,
    state: Option<KeepingState>,
    digest: String,
) -> InstrumentTelling {
    let digits = |name: &str, count: usize| {
        let value = form.value(name)?;
        (value.len() == count && value.bytes().all(|byte| byte.is_ascii_digit())).then(|| value.to_owned())
    };
    let number = form.value("nsua").filter(|nsua| identifiers::is_opaque(nsua));
    InstrumentTelling {
        provider_reference: nita.to_owned(),
        // A word that nobody knows is kept and shown, and its card is not used (D-19). CA-U17: DUP tells the same card again.
        state: state.unwrap_or(KeepingState::Begun),
        digest,
        brand: form.value("autorizadora").and_then(authorizers::brand).map(str::to_owned),
        bin: digits("bin", 6),
        last_four: digits("final", 4),
        valid_until: None,
        reason: Reason {
            status: wire::shown(status),
            message: number.map(|number| format!("nsua {number}")).unwrap_or_default(),
            ..Reason::default()
        },
    }
}

/// The name of a cancellation that our own call has begun: it is used in our next call, which the portal judges.
fn handover(form: &Form, account: &Account) -> Reading {
    if form.value("codigoLoja").is_some_and(|shop| shop != account.credential(MERCHANT_ID)) {
        return Reading::of(Verdict::UnknownReference, "it is for another shop");
    }
    let Some(nit) = form.value("nit").filter(|nit| identifiers::is_nit(nit)) else {
        return Reading::of(Verdict::Unreadable, "it hands nothing over");
    };
    let Some(reference) = form.value("nsu").or_else(|| form.value("pedido")) else {
        return Reading::of(Verdict::Unreadable, "it names no order");
    };
    let handover = Handover { reference: reference.to_owned(), value: nit.to_owned() };
    Reading {
        reference: Some(reference.to_owned()),
        handover: Some(handover),
        ..Reading::of(Verdict::Unsigned, "it hands over what our own call has asked for")
    }
}

/// Whether a notice names another order: by the shop's number where it is told, else by the order's.
fn names_another(form: &Form, target: &Target) -> bool {
    let named = form.value("nsu").or_else(|| form.value("pedido"));
    named.is_some_and(|named| named.trim() != target.reference)
}

/// SHA-256 in hexadecimal: by it tellings of one token are known as such.
fn digest_of(token: &str) -> String {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex).collect()
}

fn hex(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or('0')
}
