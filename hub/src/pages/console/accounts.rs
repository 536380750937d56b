//! A merchant's provider accounts, as the gates of this process see them.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use payment::account::Environment;
use payment::{Account, Timestamp};

use super::super::frame::Frame;
use super::super::{page, trouble};
use super::operator::Operator;
use crate::limits::{BreakerState, GateView};
use crate::state::Hub;
use crate::store::AgreementLine;
use crate::text::Text;

#[derive(Template)]
#[template(path = "console/accounts.html")]
struct AccountsPage {
    frame: Frame,
    merchant_id: String,
    merchant_name: String,
    accounts: Vec<AccountLine>,
    /// What was agreed upon with providers, the earliest of each setting first.
    agreements: Vec<AgreementLine>,
}

/// How one account stands, with instants of real time.
struct AccountLine {
    id: String,
    provider: String,
    environment: Environment,
    /// Where its notices may come from; empty, from anywhere.
    notice_addresses: usize,
    /// What of its configuration may be shown.
    settings: Vec<(String, String)>,
    breaker: BreakerState,
    /// Failed calls in a row, and how many open the breaker.
    failures: u32,
    breaker_failures: u32,
    open_since: Option<Timestamp>,
    trial_at: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    calls_under_way: usize,
    calls_at_once: usize,
    calls_per_second: u32,
    skew: Option<Skew>,
}

/// How far a provider's clock is from ours.
struct Skew {
    milliseconds: u64,
    is_ahead: bool,
    seen_at: Timestamp,
}

pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    operator: Operator,
    Path(merchant_id): Path<String>,
) -> Response {
    let Some(merchant) = hub.settings.merchant(&merchant_id) else {
        return trouble::not_found(operator.language);
    };
    let now = hub.clock.real_now();
    let line = |account: &Account| AccountLine::of(account, hub.limits.gate(&account.id).view(), now);
    let accounts = hub.settings.accounts_of(&merchant.id).map(line).collect();
    let frame = Frame::new(operator.language, &merchant.zone);
    let (merchant_id, merchant_name) = (merchant.id.clone(), merchant.name.clone());
    let agreements = match hub.store.agreements(&merchant.id).await {
        Ok(agreements) => agreements,
        Err(error) => return trouble::unavailable(operator.language, &error),
    };
    page(StatusCode::OK, &AccountsPage { frame, merchant_id, merchant_name, accounts, agreements })
}

impl AccountLine {
    fn of(account: &Account, view: GateView, now: Timestamp) -> Self {
        let earlier = |ago: Option<Duration>| ago.and_then(|ago| now.checked_sub(ago).ok());
        let later = |left: Option<Duration>| left.and_then(|left| now.checked_add(left).ok());
        Self {
            id: account.id.clone(),
            provider: account.provider.clone(),
            environment: account.environment,
            notice_addresses: view.limits.notice_addresses.len(),
            settings: account.settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            breaker: view.breaker,
            failures: view.failures,
            breaker_failures: view.limits.breaker_failures,
            open_since: earlier(view.open_for),
            trial_at: later(view.trial_in),
            paused_until: later(view.pause_left),
            answered_at: earlier(view.answered_ago),
            calls_under_way: view.calls_under_way,
            calls_at_once: view.limits.calls_at_once,
            calls_per_second: view.limits.calls_per_second,
            skew: view.skew.map(|(skew_ms, seen_at)| Skew::of(skew_ms, seen_at)),
        }
    }

    const fn state(&self, text: &Text) -> &'static str {
        text.breaker_state(self.breaker)
    }

    const fn environment(&self, text: &Text) -> &'static str {
        text.environment(self.environment)
    }

    /// The tone of its breaker, for the style sheet.
    const fn tone(&self) -> &'static str {
        match self.breaker {
            BreakerState::Closed => "good",
            BreakerState::Open => "bad",
            BreakerState::HalfOpen => "open",
        }
    }
}

impl Skew {
    fn of(skew_ms: i64, seen_at: Timestamp) -> Self {
        Self { milliseconds: skew_ms.unsigned_abs(), is_ahead: skew_ms >= 0, seen_at }
    }
}

#[cfg(test)]
pub(in super::super) fn samples(language: payment::order::Language) -> Vec<String> {
    let at = super::sample::at();
    let calm = || AccountLine {
        id: "<xss>".into(),
        provider: "<xss>".into(),
        environment: Environment::Test,
        notice_addresses: 2,
        settings: vec![("<xss>".into(), "<xss>".into())],
        breaker: BreakerState::Closed,
        failures: 0,
        breaker_failures: 5,
        open_since: None,
        trial_at: None,
        paused_until: None,
        answered_at: None,
        calls_under_way: 0,
        calls_at_once: 64,
        calls_per_second: 500,
        skew: None,
    };
    let troubled = |breaker, skew_ms| AccountLine {
        environment: Environment::Production,
        breaker,
        failures: 7,
        open_since: Some(at),
        trial_at: Some(at),
        paused_until: Some(at),
        answered_at: Some(at),
        skew: Some(Skew::of(skew_ms, at)),
        ..calm()
    };
    let lists = [
        vec![],
        vec![calm(), troubled(BreakerState::Open, 1_250), troubled(BreakerState::HalfOpen, -90_000)],
    ];
    let xss = || "<xss>".to_owned();
    let agreement = || AgreementLine {
        account_id: xss(),
        setting: xss(),
        ordinal: 1,
        value: xss(),
        agreed_on: xss(),
        author: xss(),
        document: xss(),
        noted_at: at,
    };
    let pages = lists.into_iter().enumerate().map(|(number, accounts)| AccountsPage {
        frame: Frame::sample(language),
        merchant_id: "uno".into(),
        merchant_name: "<xss>".into(),
        accounts,
        agreements: (0..number).map(|_| agreement()).collect(),
    });
    pages.map(|page| page.render().expect("it renders")).collect()
}
