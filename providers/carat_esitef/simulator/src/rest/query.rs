//! Queries that answer at once: one transaction, or those of some days (PROTOCOL.md 9.5). They tell what the portal
//! knows and ask no acquirer.

use simulation::strict_json::Value;
use simulation::{Reply, Request, Timestamp};

use super::{envelope, view};
use crate::account::Merchant;
use crate::codes::Code;
use crate::{CaratEsitef, instant};
use simulation::form::Form;

/// Seconds that a transaction can be asked for.
const KEPT_S: i64 = 15 * 24 * 60 * 60;
/// Days that a list may span, the last one included.
const LIST_DAYS: i32 = 5;
/// Transactions on a page: the most, and what is taken when nothing is said.
const PAGE_LIMIT: usize = 1_000;

impl CaratEsitef {
    /// One transaction, whichever interface created it. CA-U48: a cancellation is found by its own `nit`, too.
    pub(super) fn query_transaction(
        &self,
        merchant: &Merchant,
        nit: &str,
        now: Timestamp,
    ) -> Result<Reply, Code> {
        if let Some(cancellation) = self.cancellation_of(merchant, nit) {
            return Ok(envelope(200, Code::OK, [("cancellation", self.cancellation_view(cancellation))]));
        }
        let transaction = self.owned(merchant, nit)?;
        if instant::seconds_after(transaction.created_at, KEPT_S) < now {
            return Err(Code::NOT_FOUND);
        }
        let mut members = vec![(view::name(transaction), view::whole(transaction))];
        members.extend(self.storage_of(transaction));
        Ok(envelope(200, Code::OK, members))
    }

    pub(super) fn list_transactions(&self, merchant: &Merchant, request: &Request) -> Result<Reply, Code> {
        let query = Form::read(request.query.as_bytes());
        let day = |name| {
            let text = query.find(name).ok_or(Code::PARAMETER_MISSING)?;
            instant::read_day(text).ok_or(Code::PARAMETER_INVALID)
        };
        let (first, last) = (day("start_date")?, day("end_date")?);
        let span = first.until(last).map_err(|_| Code::PARAMETER_INVALID)?.get_days();
        if !(0..LIST_DAYS).contains(&span) {
            return Err(Code::PARAMETER_INVALID);
        }
        let number = |name, standard: usize| match query.find(name) {
            Some(text) => text.parse::<usize>().map_err(|_| Code::PARAMETER_INVALID),
            None => Ok(standard),
        };
        let (page, limit) = (number("page", 0)?, number("limit", PAGE_LIMIT)?.min(PAGE_LIMIT));
        let status = query.find("status").filter(|status| !status.is_empty());
        let transactions =
            self.arrivals.iter().filter_map(|nit| self.transactions.get(nit)).filter(|known| {
                known.merchant == merchant.name
                    && (first..=last).contains(&instant::day(known.created_at))
                    && status.is_none_or(|status| known.status.word() == status)
            });
        let items = transactions.skip(page.saturating_mul(limit)).take(limit).map(|transaction| {
            let mut item = view::whole(transaction);
            view::put(&mut item, "type", Some(if transaction.is_preauthorization() { "F" } else { "P" }));
            view::put(&mut item, "merchant_id", Some(&merchant.id));
            view::put(&mut item, "creation_date", Some(&instant::rest(transaction.created_at)));
            let installments = transaction.order.installments.unwrap_or(1).to_string();
            view::put(&mut item, "installments", Some(&installments));
            item
        });
        Ok(envelope(200, Code::OK, [("transactions", Value::array(items))]))
    }
}
