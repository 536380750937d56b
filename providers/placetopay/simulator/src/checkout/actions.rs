//! Actions on a transaction: `POST /api/transaction` and the older `POST /api/reverse` (§11, §12).

use simulation::decimal::Decimal;
use simulation::ledger::Entry;
use simulation::strict_json::Value;
use simulation::{Reply, Request, World};

use super::amount;
use super::attempt::Attempt;
use super::charge::State;
use super::course::Verdict;
use super::echo::api_language;
use super::objection::Objection;
use super::reasons;
use super::refusal::{Refusal, status};
use super::reversal::Done;
use super::session::Session;
use super::texts::Language;
use super::transaction::{Action, Style};
use super::{AvalPay, PROVIDER, Place};

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Checkout,
    Reauthorization,
    Reverse,
    Confirm,
    Cancel,
}

const WORDS: [(&str, Wanted); 5] = [
    ("checkout", Wanted::Checkout),
    ("reauthorization", Wanted::Reauthorization),
    ("reverse", Wanted::Reverse),
    ("confirm", Wanted::Confirm),
    ("cancel", Wanted::Cancel),
];

impl AvalPay {
    pub(super) fn act_on_transaction(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let word = body.get("action").and_then(Value::as_str).unwrap_or_default();
        let Some((_, wanted)) = WORDS.into_iter().find(|(known, _)| *known == word) else {
            let refusal = Refusal::request(Objection::Invalid("action".to_owned()));
            return refusal.reply(self.language_at(merchant, &body), world.now());
        };
        self.act(merchant, &body, wanted, word, world)
    }

    /// Until 2026 the documented way to give back, and still that of the provider's libraries.
    pub(super) fn reverse_as_before(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        if body.get("internalReference").is_none_or(Value::is_null) {
            let refusal = Refusal::without_reference();
            return refusal.reply(self.language_at(merchant, &body), world.now());
        }
        self.act(merchant, &body, Wanted::Reverse, "reverse", world)
    }

    fn act(
        &mut self,
        merchant: usize,
        body: &Value,
        wanted: Wanted,
        word: &str,
        world: &mut dyn World,
    ) -> Reply {
        let now = world.now();
        let language = self.language_at(merchant, body);
        let carried_out = self.known_place(merchant, body).and_then(|place| {
            let amount = self.asked_amount(place, merchant, body)?;
            let done = match wanted {
                Wanted::Reverse => self.reverse(place, amount, world),
                Wanted::Checkout | Wanted::Reauthorization => self.change_hold(place, wanted, amount, world),
                Wanted::Confirm | Wanted::Cancel => self.conclude_confirmation(place, wanted, word, world),
            }?;
            Ok((place, done))
        });
        match carried_out {
            Ok((place, done)) => self.answer(place, &done, language, world),
            Err(refusal) => {
                world.verdict("action_accepted", false, &refusal.objection.text(Language::English));
                refusal.reply(language, now)
            }
        }
    }

    /// The transaction that the request names, if it is this site's.
    fn known_place(&self, merchant: usize, body: &Value) -> Result<Place, Refusal> {
        let named = body.get("internalReference");
        let number = named.and_then(|value| value.number_text().or_else(|| value.as_str()));
        let number = number.and_then(|text| text.parse().ok()).unwrap_or(0);
        let place = self.place_of(number)?;
        let is_own = self.merchant_at(place) == self.merchants[merchant].name;
        if is_own { Ok(place) } else { Err(Refusal::request(Objection::UnknownTransaction)) }
    }

    /// The amount of an action, rounded; an amount of zero lets a hold go.
    fn asked_amount(&self, place: Place, merchant: usize, body: &Value) -> Result<Option<Decimal>, Refusal> {
        let Some(asked) = body.get("amount").filter(|asked| !asked.is_null()) else { return Ok(None) };
        let invalid = |member: &str| Refusal::request(Objection::Invalid(member.to_owned()));
        let currency =
            self.attempt_at(place).map(|(attempt, _)| attempt.charge.currency.as_str()).unwrap_or_default();
        let is_known = asked.get("currency").and_then(Value::as_str) == Some(currency)
            && self.merchants[merchant].settings.currencies.iter().any(|known| known == currency);
        if !is_known {
            return Err(Refusal::request(Objection::InvalidCurrency));
        }
        let total = amount::read_number(asked.get("total"), currency).filter(|total| !total.is_negative());
        total.map(Some).ok_or_else(|| invalid("amount.total"))
    }

    /// Captures a hold, lets it go with an amount of zero, or changes what is held (§11).
    fn change_hold(
        &mut self,
        place: Place,
        wanted: Wanted,
        amount: Option<Decimal>,
        world: &mut dyn World,
    ) -> Result<Done, Refusal> {
        let word = if wanted == Wanted::Checkout { "checkout" } else { "reauthorization" };
        let amount = amount.ok_or_else(|| Refusal::request(Objection::Missing("amount".to_owned())))?;
        let is_held = self.attempt_at(place).is_some_and(|(attempt, _)| attempt.is_held());
        let is_sensible = wanted == Wanted::Checkout || !amount.is_zero();
        if !is_held || !is_sensible {
            return Err(Refusal::request(Objection::ActionNotSupported(word.to_owned())));
        }
        let reference = self.reference_at(place);
        let verdict = self.next_scripted_action(&reference).unwrap_or(Verdict::Approved);
        let account = self.merchant_at(place);
        let number = self.next_reference();
        self.transactions.insert(number, place);
        let Some((attempt, _)) = self.attempt_at_mut(place) else {
            return Err(Refusal::request(Objection::UnknownTransaction));
        };
        attempt.actions.push(number);
        let moved = apply_to_hold(attempt, wanted, amount, verdict.is_approved());
        let shown = attempt.charge.fixed(if amount.is_zero() { moved.1 } else { amount });
        world.book(Entry {
            provider: PROVIDER.into(),
            account,
            transaction: attempt.charge.internal_reference.to_string(),
            reference,
            kind: moved.0.into(),
            state: if verdict.is_approved() { "approved" } else { "rejected" }.into(),
            amount: shown,
            currency: attempt.charge.currency.clone(),
            at: world.now(),
        });
        if let Place::Session { request_id, .. } = place {
            self.after_change(request_id, world);
        }
        Ok(Done { internal_reference: number, verdict, objection: None, amount })
    }

    /// The merchant's word about a payment that waits for it (§11.2). The transaction keeps its number (AV-U33).
    fn conclude_confirmation(
        &mut self,
        place: Place,
        wanted: Wanted,
        word: &str,
        world: &mut dyn World,
    ) -> Result<Done, Refusal> {
        let now = world.now();
        let Place::Session { request_id, .. } = place else {
            return Err(Refusal::request(Objection::ActionNotSupported(word.to_owned())));
        };
        let session = &self.sessions[&request_id];
        if !session.order.needs_confirmation {
            return Err(Refusal::request(Objection::ActionNotSupported(word.to_owned())));
        }
        let (attempt, _) =
            self.attempt_at(place).ok_or_else(|| Refusal::request(Objection::UnknownTransaction))?;
        let (number, amount) = (attempt.charge.internal_reference, attempt.charge.amount);
        let is_too_late = attempt.charge.state == State::Decided(super::effects::verdict_too_late());
        if is_too_late {
            return Err(Refusal::with_reason("transaction_request_error", Objection::ConfirmationExpired));
        }
        if !attempt.charge.awaits_confirmation() {
            return Err(Refusal::request(Objection::NotAwaitingConfirmation(word.to_owned())));
        }
        let reference = session.order.reference.clone();
        let done = |verdict| Done { internal_reference: number, verdict, objection: None, amount };
        if wanted == Wanted::Cancel {
            if let Some(session) = self.sessions.get_mut(&request_id) {
                session.refuse_confirmation(now);
            }
            self.book_last(request_id, now, world);
            self.after_change(request_id, world);
            return Ok(done(Verdict::Rejected("?C")));
        }
        match self.next_scripted_action(&reference) {
            // The network did not answer well: nothing has changed, and the merchant may ask again.
            Some(Verdict::Failed(_) | Verdict::Rejected(_)) => Ok(done(Verdict::Failed("BR"))),
            Some(Verdict::Approved | Verdict::ApprovedAs(_) | Verdict::PartlyApproved(_)) | None => {
                self.conclude_attempt(request_id, Verdict::Approved, now, world);
                Ok(done(Verdict::Approved))
            }
        }
    }

    fn answer(&self, place: Place, done: &Done, language: Language, world: &mut dyn World) -> Reply {
        let now = world.now();
        let settings = self.settings_at(place);
        let reference = self.reference_at(place);
        let Some((attempt, _)) = self.attempt_at(place) else {
            return Refusal::request(Objection::UnknownTransaction).reply(language, now);
        };
        let word = match done.verdict {
            Verdict::Approved | Verdict::ApprovedAs(_) => "APPROVED",
            Verdict::PartlyApproved(_) | Verdict::Rejected(_) => "REJECTED",
            Verdict::Failed(_) => "FAILED",
        };
        let reason = done.verdict.reason();
        let message = match &done.objection {
            Some(objection) => objection.text(language),
            None => reasons::text(reason, language).to_owned(),
        };
        let action = Action {
            attempt,
            internal_reference: done.internal_reference,
            word,
            reason,
            message: &message,
            amount: done.amount,
            at: now,
        };
        let payment = Style { settings: &settings, language, reference: &reference }.action(&action);
        let told = status(word, Value::text(reason), &message, now);
        Reply::json(200, Value::object([("status", told), ("payment", payment)]).to_text())
    }

    /// The account's name of a transaction.
    pub(super) fn merchant_at(&self, place: Place) -> String {
        self.session_at(place).map(|session| session.merchant.clone()).unwrap_or_default()
    }

    /// The merchant's reference of a transaction.
    pub(super) fn reference_at(&self, place: Place) -> String {
        self.session_at(place).map(|session| session.order.reference.clone()).unwrap_or_default()
    }

    /// The session that a transaction began with.
    pub(super) fn session_at(&self, place: Place) -> Option<&Session> {
        let request_id = match place {
            Place::Session { request_id, .. } => request_id,
            Place::Recurrence { number, .. } => self.recurrence(number)?.request_id,
        };
        self.sessions.get(&request_id)
    }

    /// The attempt of a transaction, and which part of it.
    pub(super) fn attempt_at(&self, place: Place) -> Option<(&Attempt, Option<usize>)> {
        match place {
            Place::Session { request_id, attempt, part } => {
                Some((self.sessions.get(&request_id)?.attempts.get(attempt)?, part))
            }
            Place::Recurrence { number, charge } => {
                Some((self.recurrence(number)?.charges.get(charge)?, None))
            }
        }
    }

    pub(super) fn attempt_at_mut(&mut self, place: Place) -> Option<(&mut Attempt, Option<usize>)> {
        match place {
            Place::Session { request_id, attempt, part } => {
                Some((self.sessions.get_mut(&request_id)?.attempts.get_mut(attempt)?, part))
            }
            Place::Recurrence { number, charge } => {
                Some((self.recurrence_mut(number)?.charges.get_mut(charge)?, None))
            }
        }
    }

    /// The language of an answer that belongs to no session: the request's or the site's.
    pub(super) fn language_at(&self, merchant: usize, body: &Value) -> Language {
        Language::of_locale(&super::create::locale(body, &self.merchants[merchant].settings))
    }

    /// The language of a session's API answers.
    pub(super) fn session_language(&self, request_id: u64) -> Language {
        self.sessions.get(&request_id).map_or(Language::Spanish, api_language)
    }
}

/// What an action does to a hold: the ledger's kind of it, and how much was held.
fn apply_to_hold(
    attempt: &mut Attempt,
    wanted: Wanted,
    amount: Decimal,
    succeeds: bool,
) -> (&'static str, Decimal) {
    let Some(hold) = &mut attempt.hold else { return ("charge", Decimal::ZERO) };
    let held = hold.held;
    let kind = match wanted {
        Wanted::Checkout if amount.is_zero() => "release",
        Wanted::Checkout => "charge",
        Wanted::Reauthorization | Wanted::Reverse | Wanted::Confirm | Wanted::Cancel => "hold",
    };
    if succeeds {
        match wanted {
            Wanted::Checkout => hold.captured = Some(amount),
            Wanted::Reauthorization | Wanted::Reverse | Wanted::Confirm | Wanted::Cancel => {
                hold.held = amount
            }
        }
    }
    (kind, held)
}
