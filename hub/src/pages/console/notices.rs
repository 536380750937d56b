//! The latest notices of a merchant's providers, by verdict.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use payment::notice::Verdict;
use serde::Deserialize;

use super::super::frame::Frame;
use super::super::{page, trouble};
use super::operator::Operator;
use crate::state::Hub;
use crate::store::NoticeLine;

/// How many notices are looked back at.
const LATEST: u32 = 200;

#[derive(Template)]
#[template(path = "console/notices.html")]
struct NoticesPage {
    frame: Frame,
    merchant_id: String,
    merchant_name: String,
    /// The verdict to which the list is limited; empty, none.
    verdict: String,
    /// Every verdict with how often it is among the latest.
    counts: Vec<(&'static str, usize)>,
    notices: Vec<NoticeLine>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    verdict: String,
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
    match hub.store.latest_notices(&merchant.id, LATEST).await {
        Ok(latest) => {
            let frame = Frame::new(operator.language, &merchant.zone);
            let (merchant_id, merchant_name) = (merchant.id.clone(), merchant.name.clone());
            page(StatusCode::OK, &NoticesPage::of(frame, merchant_id, merchant_name, filter.verdict, latest))
        }
        Err(error) => trouble::unavailable(operator.language, &error),
    }
}

impl NoticesPage {
    fn of(
        frame: Frame,
        merchant_id: String,
        merchant_name: String,
        verdict: String,
        latest: Vec<NoticeLine>,
    ) -> Self {
        let count = |word: &str| latest.iter().filter(|notice| notice.verdict == word).count();
        let counts = Verdict::ALL.map(|verdict| (verdict.word(), count(verdict.word()))).to_vec();
        let notices =
            latest.into_iter().filter(|notice| verdict.is_empty() || notice.verdict == verdict).collect();
        Self { frame, merchant_id, merchant_name, verdict, counts, notices }
    }
}

#[cfg(test)]
pub(in super::super) fn samples(language: payment::order::Language) -> Vec<String> {
    let notice = super::sample::notice;
    let lists = [(String::new(), vec![]), (String::new(), vec![notice("forged"), notice("<xss>")])];
    let pages = lists.into_iter().map(|(verdict, latest)| {
        NoticesPage::of(Frame::sample(language), "uno".into(), "<xss>".into(), verdict, latest)
    });
    pages.map(|page| page.render().expect("it renders")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_limited_and_the_counts_are_not() {
        let latest = ["forged", "valid", "forged"].map(super::super::sample::notice).to_vec();
        let frame = Frame::sample(payment::order::Language::Es);
        let page = NoticesPage::of(frame, "uno".into(), "Uno".into(), "forged".into(), latest);
        assert_eq!(page.notices.len(), 2);
        assert!(page.counts.contains(&("forged", 2)) && page.counts.contains(&("valid", 1)));
    }
}
