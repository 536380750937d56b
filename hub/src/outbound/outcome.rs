//! How a call to a provider ended, told apart as far as that can be known.

use std::error::Error;
use std::io;
use std::time::Duration;

use jiff::fmt::rfc2822;
use payment::Timestamp;

/// How a call ended. What may have been sent is what decides about money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// An answer came, whole.
    Answered,
    /// An answer came that asks for patience (429).
    Throttled,
    /// An answer came that tells of the provider's own fault (5xx).
    ProviderFault,
    /// No whole answer within the time given.
    TimedOut,
    /// The connection broke before an answer.
    ConnectionBroken,
    /// The connection broke within the answer.
    HalfAnswered,
    /// The answer was larger than any of the protocol.
    TooLarge,
    /// The name has no address: nothing was sent.
    NoName,
    /// Nobody listens, or the way there is closed: nothing was sent.
    NoConnection,
    /// The two ends agreed on no encryption, or the certificate is not to be trusted: nothing was sent.
    NoTls,
    /// The request cannot be written, or its time was over: nothing was sent.
    NotSent,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Answered,
        Self::Throttled,
        Self::ProviderFault,
        Self::TimedOut,
        Self::ConnectionBroken,
        Self::HalfAnswered,
        Self::TooLarge,
        Self::NoName,
        Self::NoConnection,
        Self::NoTls,
        Self::NotSent,
    ];

    /// The word in the wire log and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Throttled => "throttled",
            Self::ProviderFault => "provider_fault",
            Self::TimedOut => "timed_out",
            Self::ConnectionBroken => "connection_broken",
            Self::HalfAnswered => "half_answered",
            Self::TooLarge => "too_large",
            Self::NoName => "no_name",
            Self::NoConnection => "no_connection",
            Self::NoTls => "no_tls",
            Self::NotSent => "not_sent",
        }
    }

    /// Whether the provider may have received the request.
    pub const fn maybe_sent(self) -> bool {
        match self {
            Self::NoName | Self::NoConnection | Self::NoTls | Self::NotSent => false,
            Self::Answered
            | Self::Throttled
            | Self::ProviderFault
            | Self::TimedOut
            | Self::ConnectionBroken
            | Self::HalfAnswered
            | Self::TooLarge => true,
        }
    }

    /// Whether a whole answer came.
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Answered | Self::Throttled | Self::ProviderFault)
    }

    /// How an answer is counted.
    pub(super) const fn of_answer(status: u16) -> Self {
        match status {
            429 => Self::Throttled,
            500.. => Self::ProviderFault,
            _ => Self::Answered,
        }
    }

    /// What a failed call comes to. Only where no connection came about nothing was sent for sure.
    pub(super) fn of_error(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::NotSent;
        }
        if !error.is_connect() {
            return if error.is_timeout() { Self::TimedOut } else { Self::ConnectionBroken };
        }
        let causes =
            || std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
        if causes().any(|cause| cause.is::<NoName>()) {
            return Self::NoName;
        }
        // What refuses the encryption comes as data that make no sense or that end too soon.
        let is_handshake = causes().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
            )
        });
        let is_encrypted = error.url().is_some_and(|url| url.scheme() == "https");
        if is_handshake && is_encrypted { Self::NoTls } else { Self::NoConnection }
    }
}

/// A name has no address that may be used.
#[derive(Debug, thiserror::Error)]
#[error("the name has no permitted address")]
pub(super) struct NoName;

/// The instant that a header of HTTP names.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}

/// How long `Retry-After` says: seconds, or until an instant of the provider's clock.
pub(super) fn retry_after(text: &str, provider_now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    Duration::try_from(http_date(text)?.duration_since(provider_now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_waits_of_http_are_read() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        let now = at("2026-03-14T15:00:00Z");
        assert_eq!(http_date("Sat, 14 Mar 2026 15:00:00 GMT"), Some(now));
        assert_eq!(http_date("yesterday"), None);
        let table = [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("Sat, 14 Mar 2026 15:01:30 GMT", Some(90)),
            ("Sat, 14 Mar 2026 14:59:00 GMT", None),
            ("", None),
            ("-5", None),
            ("soon", None),
        ];
        for (text, seconds) in table {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn every_outcome_has_its_own_word_and_what_was_answered_was_sent() {
        let words: std::collections::BTreeSet<_> = CallOutcome::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), CallOutcome::ALL.len());
        assert!(CallOutcome::ALL.iter().all(|kind| kind.maybe_sent() || !kind.is_answer()));
    }
}
