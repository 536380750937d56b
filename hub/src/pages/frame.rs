//! What every page is given: the messages, the language, and how amounts and instants are written.

use std::borrow::Borrow;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use jiff::tz::TimeZone;
use payment::order::Language;
use payment::{Money, Status, Timestamp};
use serde::Deserialize;

use crate::text::{self, LANGUAGES, Text, format_amount, format_instant};

/// What every page is given.
pub(super) struct Frame {
    /// The messages.
    pub(super) text: &'static Text,
    language: Language,
    zone: TimeZone,
}

/// The language that an address asks for by `?lang=`; absent or unknown, the page has its own.
pub(super) struct WantedLanguage(pub(super) Option<Language>);

#[derive(Deserialize)]
struct LanguageQuery {
    lang: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for WantedLanguage {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = Query::<LanguageQuery>::try_from_uri(&parts.uri).ok();
        let tag = query.and_then(|Query(query)| query.lang);
        Ok(Self(tag.and_then(|tag| text::language_of(&tag))))
    }
}

impl Frame {
    /// A frame that shows instants in an IANA zone; in UTC when there is no such zone.
    pub(super) fn new(language: Language, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self { text: Text::of(language), language, zone }
    }

    /// A frame of a page that shows no instant.
    pub(super) fn plain(language: Language) -> Self {
        Self { text: Text::of(language), language, zone: TimeZone::UTC }
    }

    /// The language's tag.
    pub(super) fn tag(&self) -> &'static str {
        text::tag(self.language)
    }

    /// The other languages: tag and own name.
    pub(super) fn other_languages(&self) -> Vec<(&'static str, &'static str)> {
        let others = LANGUAGES.into_iter().filter(|language| *language != self.language);
        others.map(|language| (text::tag(language), text::own_name(language))).collect()
    }

    /// An amount for people.
    pub(super) fn amount(&self, money: impl Borrow<Money>) -> String {
        format_amount(*money.borrow(), self.language)
    }

    /// An instant for people.
    pub(super) fn instant(&self, at: impl Borrow<Timestamp>) -> String {
        format_instant(*at.borrow(), &self.zone, self.language)
    }

    /// A status for people.
    pub(super) fn status(&self, status: impl Borrow<Status>) -> &'static str {
        self.text.status(*status.borrow())
    }

    /// The tone of a status, for the style sheet.
    pub(super) fn tone(&self, status: impl Borrow<Status>) -> &'static str {
        tone(*status.borrow())
    }
}

/// The tone of a status, for the style sheet.
const fn tone(status: Status) -> &'static str {
    match status {
        Status::Created | Status::RequiresAction | Status::Pending => "open",
        Status::Authorized | Status::Approved => "good",
        Status::Rejected | Status::Failed | Status::Expired | Status::Cancelled => "bad",
        Status::PartiallyApproved
        | Status::PartiallyExpired
        | Status::Reversed
        | Status::PartiallyRefunded
        | Status::Refunded
        | Status::Returned
        | Status::Disputed => "odd",
    }
}

#[cfg(test)]
impl Frame {
    pub(super) fn sample(language: Language) -> Self {
        Self::new(language, "America/Bogota")
    }
}
