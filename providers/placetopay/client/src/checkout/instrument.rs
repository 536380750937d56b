//! Cards that the provider keeps: what a session tells of one, and how one is named to be charged or taken away
//! (PROTOCOL.md 7.5, 9, 10).

use aws_lc_rs::digest;
use payment::fact::{Fact, FactKind, Reason};
use payment::instrument::{InstrumentTelling, InstrumentToken, KeepingState};
use payment::subject::SubjectKind;
use payment::{Account, Subject, Timestamp};
use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::answer::Status;
use super::transaction::last_four;
use super::wire::{Part, Scalar};

/// Longest token that is taken, in characters. The documented one has 64.
const LONGEST_TOKEN: usize = 255;
/// Digits of a subtoken: those of a card, of which the last four are the card's.
const SUBTOKEN_DIGITS: usize = 16;

/// The member `subscription` of a session.
#[derive(Debug, Default, Deserialize)]
pub struct Subscription {
    #[serde(default)]
    status: Part<Status>,
    #[serde(default)]
    instrument: Part<Vec<Part<Keyword>>>,
}

#[derive(Debug, Default, Deserialize)]
struct Keyword {
    #[serde(default)]
    keyword: Scalar,
    #[serde(default)]
    value: Scalar,
}

/// A card that a session tells of, and its token.
pub struct Kept {
    pub fact: Fact,
    pub token: InstrumentToken,
}

impl Subscription {
    /// The card that is kept. None: nothing in it can be charged.
    pub fn kept(&self, request_id: &str, otherwise_at: Timestamp) -> Option<Kept> {
        let status = self.status.read()?;
        if !matches!(status.status.text(), Some("OK" | "APPROVED")) {
            return None;
        }
        let token = [self.value("token"), self.value("subtoken")].into_iter().flatten().find(is_token)?;
        let digest = digest_of(token);
        let telling = InstrumentTelling {
            provider_reference: request_id.to_owned(),
            state: KeepingState::Kept,
            digest: digest.clone(),
            brand: self.told("franchiseName").or_else(|| self.told("franchise")),
            bin: None,
            last_four: self.value("lastDigits").and_then(last_four),
            valid_until: self.value("validUntil").and_then(month),
            reason: status.told(),
        };
        let at = status.date().unwrap_or(otherwise_at);
        let token = InstrumentToken { digest, value: token.to_owned().into() };
        Some(Kept { fact: Fact::new(at, FactKind::Instrument(telling)), token })
    }

    fn named(&self, keyword: &str) -> Option<&Scalar> {
        let mut named = self.instrument.read()?.iter().filter_map(Part::read);
        named.find(|entry| entry.keyword.text() == Some(keyword)).map(|entry| &entry.value)
    }

    fn value(&self, keyword: &str) -> Option<&str> {
        self.named(keyword)?.text()
    }

    fn told(&self, keyword: &str) -> Option<String> {
        self.named(keyword)?.told()
    }
}

/// What is told of a card before, or without, a token.
pub fn telling(request_id: &str, state: KeepingState, reason: Reason) -> FactKind {
    FactKind::Instrument(InstrumentTelling {
        provider_reference: request_id.to_owned(),
        state,
        digest: String::new(),
        brand: None,
        bin: None,
        last_four: None,
        valid_until: None,
        reason,
    })
}

/// The subject of what is told of a card.
pub fn subject(account: &Account, reference: &str) -> Subject {
    let provider_reference = reference.to_owned();
    Subject { account: account.id.clone(), kind: SubjectKind::Instrument, provider_reference }
}

/// The digest under which tellings of one token are known as such.
pub fn digest_of(token: &str) -> String {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_token(text: &&str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `2030-11` of `2030-11-30`.
fn month(day: &str) -> Option<String> {
    let day: jiff::civil::Date = day.parse().ok()?;
    Some(day.strftime("%Y-%m").to_string())
}

/// The member `instrument.token` of a request: a token, or a subtoken, by the look of it (C-57).
pub struct TokenMember<'a> {
    pub token: &'a SecretString,
    pub instalments: Option<u32>,
}

impl Serialize for TokenMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let token = self.token.expose_secret();
        let is_subtoken = token.len() == SUBTOKEN_DIGITS && token.bytes().all(|byte| byte.is_ascii_digit());
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry(if is_subtoken { "subtoken" } else { "token" }, token)?;
        if let Some(instalments) = self.instalments {
            members.serialize_entry("installments", &instalments)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(subscription: &str) -> Option<Kept> {
        let at = "2026-03-14T16:04:10Z".parse().expect("a time");
        let subscription: Subscription = serde_json::from_str(subscription).expect("a subscription");
        subscription.kept("508830", at)
    }

    fn with(entries: &str) -> String {
        format!(r#"{{"type":"token","status":{{"status":"OK","reason":"00"}},"instrument":[{entries}]}}"#)
    }

    const TOKEN: &str =
        r#"{"keyword":"token","value":"73fbceff582b12975aa1a3db767daafb04fea4a68867dc5dc663e0220680b405"}"#;
    const SUBTOKEN: &str = r#"{"keyword":"subtoken","value":7741902836150081}"#;

    #[test]
    fn a_card_is_kept_by_its_token_or_its_subtoken_and_by_nothing_less() {
        let both = kept(&with(&format!("{SUBTOKEN},{TOKEN}"))).expect("a card");
        assert_eq!(both.token.value.expose_secret().len(), 64);
        assert_eq!(both.token.digest, digest_of(both.token.value.expose_secret()));
        let alone = kept(&with(&format!("null,{SUBTOKEN}"))).expect("a card");
        assert_eq!(alone.token.value.expose_secret(), "7741902836150081");
        for entries in ["", r#"{"keyword":"token"}"#, r#"{"keyword":"token","value":"a b"}"#, "[]", "7"] {
            assert!(kept(&with(entries)).is_none(), "{entries}");
        }
        let pending = with(TOKEN).replace("OK", "PENDING");
        assert!(kept(&pending).is_none());
    }

    #[test]
    fn no_fact_holds_the_token() {
        let both = kept(&with(&format!("{TOKEN},{SUBTOKEN}"))).expect("a card");
        let written = both.fact.key();
        assert!(!written.contains("73fbceff") && !written.contains("7741902836150081"), "{written}");
    }

    #[test]
    fn the_month_of_a_day_is_told_and_of_nothing_else() {
        assert_eq!(month("2030-11-30").as_deref(), Some("2030-11"));
        for text in ["11/30", "2030-11", "2030-13-01", ""] {
            assert_eq!(month(text), None, "{text}");
        }
    }
}
