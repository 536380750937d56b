//! How a task proceeds: what the provider wants done next, and what came of it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::Timestamp;
use crate::fact::Observation;
use crate::instrument::InstrumentToken;
use crate::order::Complaint;

/// What comes next in a task. Challenges and waits come with the providers that have them.
#[derive(Clone, Debug)]
pub enum Step {
    /// Make this call; the memo is committed first.
    Call(Box<Call>),
    /// This was learned; the task is done.
    Learned(Learned),
    /// It was refused, by our own rules or by the provider: nothing happened to money.
    Refused(Refusal),
    /// An answer came that does not tell what happened: as good as lost.
    Unclear {
        /// What was wrong with it, without any of its content.
        cause: String,
    },
}

/// What a task that is done has taught.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// What was learned.
    pub observations: Vec<Observation>,
    /// A secret that the provider gave for this attempt alone, by which its notices are verified. The hub keeps it
    /// sealed with the attempt; no fact holds it.
    pub attempt_key: Option<SecretString>,
    /// The tokens of kept instruments that the observations tell of. The hub keeps them sealed.
    pub tokens: Vec<InstrumentToken>,
}

impl From<Vec<Observation>> for Learned {
    fn from(observations: Vec<Observation>) -> Self {
        Self { observations, ..Self::default() }
    }
}

/// One call to a provider.
#[derive(Clone, Debug)]
pub struct Call {
    /// What to send.
    pub request: Request,
    /// What the client wants to remember until the answer; holds no secret.
    pub memo: Memo,
    /// What may be done when the answer is lost.
    pub on_lost: AfterLost,
}

/// An HTTP request, complete.
#[derive(Clone)]
pub struct Request {
    /// Name of the operation in metrics and the wire log.
    pub operation: &'static str,
    /// `POST`, `GET`…
    pub method: &'static str,
    /// Where.
    pub url: Url,
    /// Header names and values, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body's bytes; wiped when they are dropped, since they may hold a card.
    pub body: Zeroizing<Vec<u8>>,
    /// How long to wait for the whole answer, in milliseconds of real time.
    pub timeout_ms: u64,
    /// Whether the driver adds the account's access token (`Authorization: Bearer …`), for providers that have one.
    pub needs_token: bool,
}

/// Never prints header values or the body: they authenticate.
impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a client remembers between two steps of a task, as JSON text of its own making.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo(pub String);

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Input {
    /// An answer, whole.
    Answer(Answer),
    /// No answer, or half of one.
    Lost {
        /// Whether the provider may have received the request.
        maybe_sent: bool,
    },
}

/// An answer as it came.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Content type, empty when there was none.
    pub content_type: String,
    /// The body's bytes, at most the driver's limit.
    pub body: Vec<u8>,
    /// Business time at which it was complete.
    pub received_at: Timestamp,
    /// What time the provider says it is: the header `Date`, in whole seconds.
    pub provider_date: Option<Timestamp>,
    /// What a notice handed over while an operation's call was under way ([`crate::notice::Handover`]).
    pub handed_over: Option<String>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What may be sent after a lost answer. Nothing else ever is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLost {
    /// The lost thing is inert: begin anew, with a new reference where the provider wants one.
    FreshStart,
    /// Look first: by reference, by the provider's own key.
    Search,
    /// The same request is safe by the provider's own key.
    RepeatSame,
    /// A payable orphan may exist: hold the order, match a notice, tell a person.
    Adopt,
}

/// Nothing happened to money, and nothing will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word of the API's closed list: `config_error`, `invalid_amount`…
    pub code: &'static str,
    /// The provider's own code, when it was the provider who refused.
    pub provider_code: Option<String>,
    /// A sentence for the developer or the operator; holds no secret.
    pub detail: String,
    /// Single members that are wrong, when that is known.
    pub complaints: Vec<Complaint>,
    /// What may help.
    pub advice: Advice,
}

impl Refusal {
    /// The provider, or its client, has no such thing.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self {
            code: "unsupported_feature",
            provider_code: None,
            detail: detail.into(),
            complaints: Vec::new(),
            advice: Advice::ChangeRequest,
        }
    }
}

/// What may help after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// The same may work later.
    Retry,
    /// Change the request.
    ChangeRequest,
    /// Another instrument.
    ChangeInstrument,
    /// Talk to the provider or the operator.
    Contact,
}
