//! What the panel's templates show.

use askama::Template;
use simulation::Timestamp;
use simulation::decimal::Decimal;

use super::labels::{self, PanelLabels};
use super::{CANCELLED, LATE, NOT_DONE, REFUSED, REVERSED};
use crate::checkout::account::Merchant;
use crate::checkout::attempt::Attempt;
use crate::checkout::charge::Charge;
use crate::checkout::page::view_words::{heading, share_name};
use crate::checkout::page::{labels as page_labels, money};
use crate::checkout::recurrence::{End, Recurrence};
use crate::checkout::recurring::Periodicity;
use crate::checkout::reversal::reconciled_at;
use crate::checkout::route::PANEL_PREFIX;
use crate::checkout::texts::Language;
use crate::checkout::{AvalPay, Place, transaction};
use crate::instant;

/// Rows that a list shows, newest first.
const ROWS_LIMIT: usize = 200;

/// What every page of the panel has around its content.
pub struct Desk {
    pub labels: &'static PanelLabels,
    pub page_labels: &'static page_labels::Labels,
    pub language: &'static str,
    /// Code, name, address, whether it is the present one.
    pub languages: Vec<(&'static str, &'static str, bool)>,
    /// The account, as shown and as addresses write it; empty on the list of accounts.
    pub account: String,
    pub base: String,
    /// Address, name and whether it is the present one.
    pub places: Vec<(String, &'static str, bool)>,
    /// What was done just now, and whether that is bad news.
    pub told: Option<(&'static str, bool)>,
}

impl Desk {
    pub fn new(account: &str, place: &str, language: Language, told: &str) -> Self {
        let labels = labels::of(language);
        let base = format!("{PANEL_PREFIX}/{}", escaped(account));
        let places = [
            ("", "transactions", labels.transactions),
            ("/recurrences", "recurrences", labels.recurrences),
            ("/late-reversals", "late-reversals", labels.late_reversals),
            ("/cards", "cards", labels.cards),
        ];
        let told = match told {
            REVERSED => Some((labels.done_reversed, false)),
            REFUSED => Some((labels.done_refused, true)),
            LATE => Some((labels.done_late, false)),
            CANCELLED => Some((labels.done_cancelled, false)),
            NOT_DONE => Some((labels.not_done, true)),
            _ => None,
        };
        Self {
            labels,
            page_labels: page_labels::of(language),
            language: language.code(),
            languages: Language::ALL
                .map(|other| (other.code(), page_labels::name_of(other), other == language))
                .into(),
            account: account.to_owned(),
            places: places
                .map(|(path, id, name)| {
                    (format!("{base}{path}?language={}", language.code()), name, id == place)
                })
                .into(),
            base,
            told,
        }
    }

    fn language(&self) -> Language {
        Language::of_code(self.language).unwrap_or(Language::Spanish)
    }
}

/// The accounts.
#[derive(Template)]
#[template(path = "panel_accounts.html")]
pub struct AccountsPage {
    pub desk: Desk,
    /// Name and address.
    pub accounts: Vec<(String, String)>,
}

/// No such thing.
#[derive(Template)]
#[template(path = "panel_missing.html")]
pub struct MissingPage {
    pub desk: Desk,
}

/// One row of the transactions.
pub struct Row {
    pub number: u64,
    pub at: String,
    pub session: u64,
    pub reference: String,
    pub method: String,
    pub amount: String,
    pub state: &'static str,
    pub heading: &'static str,
    pub reason: &'static str,
    pub given_back: String,
}

/// The transactions of an account.
#[derive(Template)]
#[template(path = "panel_transactions.html")]
pub struct TransactionsPage {
    pub desk: Desk,
    pub rows: Vec<Row>,
}

/// One transaction.
#[derive(Template)]
#[template(path = "panel_transaction.html")]
pub struct TransactionPage {
    pub desk: Desk,
    pub number: u64,
    pub state: &'static str,
    pub heading: &'static str,
    pub facts: Vec<(&'static str, String)>,
    /// Number, who, amount, heading, state.
    pub parts: Vec<(u64, String, String, &'static str, &'static str)>,
    /// What may be given back, and the reconciliation after which it may not.
    pub reversible: Option<(String, String)>,
    /// What may be given back late.
    pub late: Option<String>,
}

/// One recurrence.
pub struct RecurrenceRow {
    pub number: u64,
    pub reference: String,
    pub amount: String,
    pub rhythm: String,
    pub next: String,
    pub state: &'static str,
    pub is_active: bool,
    /// Number of the transaction, date, amount, heading, state.
    pub charges: Vec<(u64, String, String, &'static str, &'static str)>,
}

/// The recurrences of an account.
#[derive(Template)]
#[template(path = "panel_recurrences.html")]
pub struct RecurrencesPage {
    pub desk: Desk,
    pub rows: Vec<RecurrenceRow>,
}

/// The late reversals of an account: transaction, reference, amount, requested, settles, state, tone.
#[derive(Template)]
#[template(path = "panel_late.html")]
pub struct LateReversalsPage {
    pub desk: Desk,
    pub rows: Vec<(u64, String, String, String, String, &'static str, &'static str)>,
}

/// The stored cards of an account: card, subtoken, owner, valid until, stored, invalidated.
#[derive(Template)]
#[template(path = "panel_cards.html")]
pub struct CardsPage {
    pub desk: Desk,
    pub rows: Vec<(String, String, String, String, String, String)>,
}

impl AccountsPage {
    pub fn new(desk: Desk, merchants: &[Merchant]) -> Self {
        let address = |merchant: &Merchant| {
            format!("{PANEL_PREFIX}/{}?language={}", escaped(&merchant.name), desk.language)
        };
        let accounts = merchants.iter().map(|merchant| (merchant.name.clone(), address(merchant))).collect();
        Self { accounts, desk }
    }
}

impl TransactionsPage {
    pub fn new(desk: Desk, avalpay: &AvalPay, account: &str) -> Self {
        let labels = desk.page_labels;
        let mut rows: Vec<Row> = Vec::new();
        for session in avalpay.sessions.values().filter(|session| session.merchant == account) {
            let reference = &session.order.reference;
            let own = session.attempts.iter();
            rows.extend(own.map(|attempt| row(attempt, session.request_id, reference, labels)));
        }
        for recurrence in &avalpay.recurrences {
            let session = avalpay.sessions.get(&recurrence.request_id);
            if let Some(session) = session.filter(|session| session.merchant == account) {
                let reference = &session.order.reference;
                rows.extend(
                    recurrence
                        .charges
                        .iter()
                        .map(|attempt| row(attempt, session.request_id, reference, labels)),
                );
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.number));
        rows.truncate(ROWS_LIMIT);
        Self { desk, rows }
    }
}

impl TransactionPage {
    /// `None` when there is no such transaction of this account.
    pub fn new(desk: Desk, avalpay: &AvalPay, account: &str, number: u64, now: Timestamp) -> Option<Self> {
        let place = avalpay.place_of(number).ok()?;
        if avalpay.merchant_at(place) != account {
            return None;
        }
        let (attempt, part) = avalpay.attempt_at(place)?;
        let charge = part.map_or(&attempt.charge, |part| &attempt.parts[part].charge);
        let (heading, state) = heading(charge, desk.page_labels);
        let left = avalpay.what_is_left(place).ok();
        let shown = |amount| money::with_currency(amount, &charge.currency);
        let until = |charged_at| reconciled_at(charged_at);
        let is_open = |charged_at| now < until(charged_at);
        let reversible = left
            .filter(|(_, charged_at)| is_open(*charged_at))
            .map(|(amount, charged_at)| (shown(amount), instant::for_people(until(charged_at))));
        let late = left.filter(|(_, charged_at)| !is_open(*charged_at)).map(|(amount, _)| shown(amount));
        let parts = if part.is_some() { &[][..] } else { attempt.parts.as_slice() };
        let part_row = |part: &crate::checkout::attempt::Part| {
            let (title, state) = self::heading(&part.charge, desk.page_labels);
            let who = share_name(&part.share, desk.page_labels);
            (part.charge.internal_reference, who, shown(part.charge.amount), title, state)
        };
        Some(Self {
            number,
            state,
            heading,
            facts: facts(&desk, avalpay, place, attempt, charge),
            parts: parts.iter().map(part_row).collect(),
            reversible,
            late,
            desk,
        })
    }
}

impl RecurrencesPage {
    pub fn new(desk: Desk, avalpay: &AvalPay, account: &str) -> Self {
        let is_own = |recurrence: &&Recurrence| {
            avalpay.sessions.get(&recurrence.request_id).is_some_and(|session| session.merchant == account)
        };
        let own = avalpay.recurrences.iter().rev().filter(is_own).take(ROWS_LIMIT);
        let rows = own.map(|recurrence| recurrence_row(recurrence, avalpay, &desk)).collect();
        Self { rows, desk }
    }
}

impl LateReversalsPage {
    pub fn new(desk: Desk, avalpay: &AvalPay, account: &str) -> Self {
        let labels = desk.labels;
        let own =
            avalpay.late_reversals.iter().rev().filter(|late| late.merchant == account).take(ROWS_LIMIT);
        let rows = own
            .map(|late| {
                let (state, tone) = match late.settled {
                    None => (labels.waiting, "pending"),
                    Some(true) => (labels.settled, "approved"),
                    Some(false) => (labels.refused, "rejected"),
                };
                (
                    late.internal_reference,
                    late.reference.clone(),
                    money::with_currency(late.amount, &late.currency),
                    instant::for_people(late.requested_at),
                    instant::for_people(late.settles_at),
                    state,
                    tone,
                )
            })
            .collect();
        Self { desk, rows }
    }
}

impl CardsPage {
    pub fn new(desk: Desk, avalpay: &AvalPay, account: &str) -> Self {
        let rows = avalpay
            .vault
            .of(account)
            .take(ROWS_LIMIT)
            .map(|card| {
                (
                    format!("{} **** {}", card.face.brand.name(), card.face.last_four),
                    card.subtoken.clone(),
                    card.owner.clone(),
                    card.valid_until.to_string(),
                    instant::for_people(card.stored_at),
                    card.invalidated_at.map(instant::for_people).unwrap_or_default(),
                )
            })
            .collect();
        Self { desk, rows }
    }
}

/// A name as a segment of an address.
pub fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn row(attempt: &Attempt, session: u64, reference: &str, labels: &page_labels::Labels) -> Row {
    let charge = &attempt.charge;
    let (heading, state) = heading(charge, labels);
    let given_back = given_back(attempt);
    Row {
        number: charge.internal_reference,
        at: instant::for_people(charge.changed_at),
        session,
        reference: reference.to_owned(),
        method: attempt.instrument.shown(),
        amount: money::with_currency(charge.amount, &charge.currency),
        state,
        heading,
        reason: charge.reason(),
        given_back: if given_back.is_zero() {
            String::new()
        } else {
            money::with_currency(given_back, &charge.currency)
        },
    }
}

fn given_back(attempt: &Attempt) -> Decimal {
    if attempt.parts.is_empty() {
        attempt.charge.given_back
    } else {
        crate::checkout::charge::sum(attempt.parts.iter().map(|part| part.charge.given_back))
    }
}

fn facts(
    desk: &Desk,
    avalpay: &AvalPay,
    place: Place,
    attempt: &Attempt,
    charge: &Charge,
) -> Vec<(&'static str, String)> {
    let labels = desk.labels;
    let shown = |amount| money::with_currency(amount, &charge.currency);
    let session = avalpay.session_at(place).map(|session| session.request_id.to_string()).unwrap_or_default();
    let mut facts = vec![
        (labels.date, instant::for_people(charge.changed_at)),
        (labels.session, session),
        (labels.reference, avalpay.reference_at(place)),
        (labels.method, attempt.instrument.shown()),
        (labels.amount, shown(charge.amount)),
        (labels.reason, charge.reason().to_owned()),
        (labels.message, charge.message(desk.language()).to_owned()),
        (labels.authorization, transaction::authorization(charge, &attempt.instrument).to_owned()),
        (labels.receipt, charge.receipt()),
    ];
    if let Some(hold) = attempt.hold {
        facts.push((labels.held, shown(hold.held)));
        facts.push((labels.captured, hold.captured.map(shown).unwrap_or_else(|| "-".to_owned())));
    }
    let given_back =
        if std::ptr::eq(charge, &attempt.charge) { given_back(attempt) } else { charge.given_back };
    facts.push((labels.given_back, shown(given_back)));
    facts
}

fn recurrence_row(recurrence: &Recurrence, avalpay: &AvalPay, desk: &Desk) -> RecurrenceRow {
    let labels = desk.labels;
    let session = avalpay.sessions.get(&recurrence.request_id);
    let unit = match recurrence.terms.periodicity {
        Periodicity::Day => labels.days,
        Periodicity::Month => labels.months,
        Periodicity::Year => labels.years,
    };
    let state = match recurrence.end {
        None => labels.active,
        Some(End::Cancelled) => labels.cancelled,
        Some(End::Finished) => labels.finished,
        Some(End::Denied) => labels.denied,
    };
    let charge_row = |attempt: &Attempt| {
        let charge = &attempt.charge;
        let (title, state) = heading(charge, desk.page_labels);
        let amount = money::with_currency(charge.amount, &charge.currency);
        (charge.internal_reference, instant::for_people(charge.changed_at), amount, title, state)
    };
    RecurrenceRow {
        number: recurrence.number,
        reference: session.map(|session| session.order.reference.clone()).unwrap_or_default(),
        amount: money::with_currency(recurrence.amount, &recurrence.currency),
        rhythm: format!("{} {} {unit}", labels.rhythm, recurrence.terms.interval),
        next: recurrence.due.map(instant::for_people).unwrap_or_else(|| "-".to_owned()),
        state,
        is_active: recurrence.end.is_none(),
        charges: recurrence.charges.iter().rev().map(charge_row).collect(),
    }
}
