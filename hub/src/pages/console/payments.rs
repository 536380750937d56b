//! A merchant's payments: open cases on top, then the list with filter, search and pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use payment::id::PaymentId;
use payment::{Money, Status, Timestamp};
use serde::Deserialize;
use url::form_urlencoded;

use super::super::frame::Frame;
use super::super::{page, trouble};
use super::operator::Operator;
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::{Case, Cursor, Payment, PaymentFilter, StoreError};

/// Payments on one page.
const PAGE: u32 = 25;
/// Cases on top.
const CASES: u32 = 20;

#[derive(Template)]
#[template(path = "console/payments.html")]
struct PaymentsPage {
    frame: Frame,
    merchant_id: String,
    merchant_name: String,
    cases: Vec<Case>,
    lines: Vec<Line>,
    filter: Filter,
    /// Addresses of the pages beside this one.
    newer: Option<String>,
    older: Option<String>,
}

/// One payment in the list.
struct Line {
    id: String,
    reference: String,
    status: Status,
    total: Money,
    /// Of a divided payment, what was collected and what is missing.
    divided: Option<(Money, Money)>,
    provider: String,
    authorization: String,
    created_at: Timestamp,
}

/// What the address asks for. Empty texts ask for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    status: String,
    reference: String,
    starting_after: String,
    ending_before: String,
}

pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    operator: Operator,
    Path(merchant_id): Path<String>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let (Some(merchant), Ok(Query(filter))) = (hub.settings.merchant(&merchant_id), filter) else {
        return trouble::not_found(operator.language);
    };
    let frame = Frame::new(operator.language, &merchant.zone);
    match find_by_id(&hub, merchant, &filter.reference).await {
        Ok(Some(id)) => {
            let address = format!("/console/{}/payments/{id}?lang={}", merchant.id, frame.tag());
            return Redirect::to(&address).into_response();
        }
        Ok(None) => {}
        Err(error) => return trouble::unavailable(operator.language, &error),
    }
    match PaymentsPage::load(&hub, merchant, frame, filter).await {
        Ok(payments) => page(StatusCode::OK, &payments),
        Err(error) => trouble::unavailable(operator.language, &error),
    }
}

/// The search takes a payment's id as well.
async fn find_by_id(hub: &Hub, merchant: &Merchant, text: &str) -> Result<Option<PaymentId>, StoreError> {
    let Ok(id) = text.trim().parse::<PaymentId>() else { return Ok(None) };
    Ok(hub.store.payment(&merchant.id, &id).await?.map(|payment| payment.id))
}

impl PaymentsPage {
    async fn load(hub: &Hub, merchant: &Merchant, frame: Frame, filter: Filter) -> Result<Self, StoreError> {
        let cases = hub.store.open_cases(&merchant.id, CASES).await?;
        let found = hub.store.payments(&merchant.id, &filter.wanted(), &filter.cursor()).await?;
        let (newer, older) = filter.neighbours(&found.data, found.has_more, frame.tag());
        Ok(Self {
            frame,
            merchant_id: merchant.id.clone(),
            merchant_name: merchant.name.clone(),
            cases,
            lines: found.data.into_iter().map(Line::of).collect(),
            filter,
            newer,
            older,
        })
    }

    fn statuses(&self) -> [Status; 16] {
        Status::ALL
    }
}

impl Line {
    fn of(payment: Payment) -> Self {
        Self {
            divided: payment.collected_and_missing(),
            id: payment.id.to_string(),
            reference: payment.order.reference.clone(),
            status: payment.status,
            total: payment.order.total,
            provider: payment.provider,
            authorization: payment.detail.receipt.authorization.unwrap_or_default(),
            created_at: payment.created_at,
        }
    }
}

impl Filter {
    fn wanted(&self) -> PaymentFilter {
        PaymentFilter {
            status: self.status.parse().ok(),
            reference: some(self.reference.trim()),
            ..PaymentFilter::default()
        }
    }

    fn cursor(&self) -> Cursor {
        let starting_after = some(&self.starting_after);
        let ending_before = some(&self.ending_before).filter(|_| starting_after.is_none());
        Cursor { starting_after, ending_before, limit: PAGE }
    }

    /// The pages with newer and with older payments than those shown, where there may be any.
    fn neighbours(&self, shown: &[Payment], has_more: bool, tag: &str) -> (Option<String>, Option<String>) {
        let came_backwards = self.cursor().ending_before.is_some();
        let came_forwards = self.cursor().starting_after.is_some();
        let is_newer = came_forwards || (came_backwards && has_more);
        let is_older = came_backwards || has_more;
        let newer = shown.first().filter(|_| is_newer).map(|first| ("ending_before", first));
        let older = shown.last().filter(|_| is_older).map(|last| ("starting_after", last));
        let address = |(name, payment): (&str, &Payment)| self.address(name, payment.id.as_str(), tag);
        (newer.map(address), older.map(address))
    }

    fn address(&self, cursor: &str, id: &str, tag: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("status", &self.status), ("reference", &self.reference)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair(cursor, id).append_pair("lang", tag);
        format!("?{}", query.finish())
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(in super::super) fn samples(language: payment::order::Language) -> Vec<String> {
    let empty = PaymentsPage {
        frame: Frame::sample(language),
        merchant_id: "uno".into(),
        merchant_name: "<xss>".into(),
        cases: vec![],
        lines: vec![],
        filter: Filter { reference: "\"><xss>".into(), status: "<xss>".into(), ..Filter::default() },
        newer: None,
        older: None,
    };
    let full = PaymentsPage {
        frame: Frame::sample(language),
        merchant_id: "uno".into(),
        merchant_name: "Comercio".into(),
        cases: vec![super::sample::case()],
        lines: Status::ALL.into_iter().map(|status| Line::of(super::sample::payment(status))).collect(),
        filter: Filter::default(),
        newer: Some("?a=1&b=\"><xss>".into()),
        older: Some("?a=2".into()),
    };
    [empty, full].iter().map(|page| page.render().expect("it renders")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_beside_this_one_keep_the_filter() {
        let payments = [super::super::sample::payment(Status::Approved)];
        let id = payments[0].id.to_string();
        let filter = Filter { status: "approved".into(), reference: "A&B".into(), ..Filter::default() };
        let (newer, older) = filter.neighbours(&payments, true, "pt");
        assert_eq!(newer, None);
        assert_eq!(older, Some(format!("?status=approved&reference=A%26B&starting_after={id}&lang=pt")));
        let second = Filter { starting_after: "pay_x".into(), ..filter.clone() };
        let (newer, older) = second.neighbours(&payments, false, "es");
        assert!(newer.is_some_and(|address| address.contains(&format!("ending_before={id}"))));
        assert_eq!(older, None);
        let back = Filter { ending_before: "pay_x".into(), ..filter };
        let (newer, older) = back.neighbours(&payments, false, "es");
        assert_eq!(newer, None);
        assert!(older.is_some());
    }

    #[test]
    fn an_unknown_status_filters_nothing() {
        let filter = Filter { status: "novelty".into(), ..Filter::default() };
        assert_eq!(filter.wanted().status, None);
        assert_eq!(filter.wanted().reference, None);
    }
}
