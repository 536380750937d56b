//! Notices: what a provider tells us unasked, and how far it is believed.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::fact::Observation;
use crate::instrument::InstrumentToken;
use crate::subject::Subject;
use crate::task::Target;

/// A notice as it arrived, before any meaning is read into it.
#[derive(Clone, Debug)]
pub struct RawNotice {
    /// `POST`, `GET`…
    pub method: String,
    /// What followed the account in the address, for providers with several notice routes; empty otherwise.
    pub route: String,
    /// Query text, as sent.
    pub query: String,
    /// Header names (lower case) and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, at most the hub's limit.
    pub body: Vec<u8>,
}

/// What a notice is verified with.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The account that it came to, with its secrets.
    pub account: &'a Account,
    /// The attempt that it claims to be about, when there is such an attempt.
    pub attempt: Option<&'a ClaimedAttempt>,
}

/// An attempt that a notice claims to be about.
#[derive(Clone, Debug)]
pub struct ClaimedAttempt {
    /// The key that the provider gave for it, where each attempt has one.
    pub key: Option<SecretString>,
    /// What was asked for, to be compared with what the notice tells.
    pub target: Target,
}

impl<'a> Keys<'a> {
    /// The keys of an account alone.
    pub const fn of(account: &'a Account) -> Self {
        Self { account, attempt: None }
    }
}

/// What a client reads in a notice, before the store is asked whether we know the subject.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Whether it is what it claims to be.
    pub verdict: Verdict,
    /// Why, in a few words without any content of the notice.
    pub reason: &'static str,
    /// What it is about, when that could be read.
    pub subject: Option<Subject>,
    /// What it says our reference is, to be compared with the attempt; absent when it does not say.
    pub reference: Option<String>,
    /// Facts that the provider's profile lets us believe at once.
    pub observations: Vec<Observation>,
    /// Whether to go and ask the provider.
    pub ask: bool,
    /// A key under which this is the same notice again.
    pub repeat_key: Option<String>,
    /// The tokens of kept instruments that the observations tell of.
    pub tokens: Vec<InstrumentToken>,
    /// What it hands over to an operation whose call is under way.
    pub handover: Option<Handover>,
}

/// What a provider gives us by a notice in the middle of our own call, and wants back in the next one. It is taken only
/// while an operation on that attempt is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Our reference of the attempt.
    pub reference: String,
    /// What is handed over.
    pub value: String,
}

impl Reading {
    /// A verdict alone: nothing was read that could have an effect.
    pub const fn of(verdict: Verdict, reason: &'static str) -> Self {
        Self {
            verdict,
            reason,
            subject: None,
            reference: None,
            observations: Vec::new(),
            ask: false,
            repeat_key: None,
            tokens: Vec::new(),
            handover: None,
        }
    }
}

/// The verdict on a notice. Kept with it and countable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The provider's own, about something we know: by its signature, or, where it signs nothing, by a name that it told to
    /// us alone.
    Valid,
    /// Signed by the provider as a test of the address.
    Test,
    /// Valid, and the same one was taken before.
    Repeated,
    /// It claims a signature that does not hold.
    Forged,
    /// It carries no signature. With [`Reading::ask`] it is a hint to go and ask, with [`Reading::handover`]
    /// a piece of our own call; it tells no fact.
    Unsigned,
    /// It is signed by a key that we do not have: about something we do not know, or not yet.
    Unverifiable,
    /// It cannot be read.
    Unreadable,
    /// Signed, about something we do not know.
    UnknownReference,
    /// From an address that the account takes no notices from; it was not read.
    Outside,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 9] = [
        Self::Valid,
        Self::Test,
        Self::Repeated,
        Self::Forged,
        Self::Unsigned,
        Self::Unverifiable,
        Self::Unreadable,
        Self::UnknownReference,
        Self::Outside,
    ];

    /// The word in the store, metrics and the console.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Test => "test",
            Self::Repeated => "repeated",
            Self::Forged => "forged",
            Self::Unsigned => "unsigned",
            Self::Unverifiable => "unverifiable",
            Self::Unreadable => "unreadable",
            Self::UnknownReference => "unknown_reference",
            Self::Outside => "outside",
        }
    }

    /// Whether the provider itself wrote it.
    pub const fn is_genuine(self) -> bool {
        match self {
            Self::Valid | Self::Test | Self::Repeated | Self::UnknownReference => true,
            Self::Forged | Self::Unsigned | Self::Unverifiable | Self::Unreadable | Self::Outside => false,
        }
    }
}

/// What the provider is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeReply {
    /// HTTP status code.
    pub status: u16,
    /// Content type.
    pub content_type: &'static str,
    /// Body.
    pub body: &'static str,
}
