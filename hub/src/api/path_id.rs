//! Ids in addresses.

use std::str::FromStr;

use axum::RequestPartsExt;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use payment::id::{EndpointId, EventId, InstrumentId, PaymentId};

use crate::api::problem::Problem;

/// The one id in a path. What is no id of its kind is not found, like any other id that is not there.
pub struct PathId<I>(pub I);

/// What an id names, in a word for people.
pub trait Names: FromStr {
    /// The word.
    const WHAT: &'static str;
}

impl Names for PaymentId {
    const WHAT: &'static str = "payment";
}

impl Names for EventId {
    const WHAT: &'static str = "event";
}

impl Names for EndpointId {
    const WHAT: &'static str = "event endpoint";
}

impl Names for InstrumentId {
    const WHAT: &'static str = "instrument";
}

impl<I: Names, S: Send + Sync> FromRequestParts<S> for PathId<I> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let id = parts.extract::<Path<String>>().await.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::not_found(I::WHAT))
    }
}
