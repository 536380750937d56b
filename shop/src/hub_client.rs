//! The hub as a merchant sees it: a few calls of its public API, with time-outs, limits and safe repeats.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::signature::EventSecret;

/// Longest wait for an answer: the hub may be asking a provider meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// How often a call that may have been lost is repeated under the same idempotency key.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(400);
/// Most pages of endpoints looked through for our own.
const MAX_PAGES: u32 = 20;

/// A payment as the hub tells it. Members the shop has no use for are ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentDocument {
    /// The hub's id.
    pub id: String,
    /// The shop's reference.
    pub reference: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The status word.
    pub status: String,
    /// `confirmed` or `unknown`.
    #[serde(default)]
    pub certainty: String,
    /// Grows by one with each change.
    #[serde(default)]
    pub version: i64,
    /// Where the shopper pays, while that is possible.
    #[serde(default)]
    pub pay_url: Option<Url>,
    /// How the provider's page opens in a frame over the shop's own; absent, the browser is sent there.
    #[serde(default)]
    pub lightbox: Option<Lightbox>,
    /// How far it is, where it is paid in parts.
    #[serde(default)]
    pub division: Option<Division>,
    /// The card that is kept since this payment.
    #[serde(default)]
    pub kept_instrument: Option<String>,
    /// What the shopper gives at a counter or a bank to pay.
    #[serde(default)]
    pub pay_code: Option<String>,
    /// What a receipt shows.
    #[serde(default)]
    pub receipt: Option<Receipt>,
    /// The provider's reason.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// How the newest try came out.
    #[serde(default)]
    pub last_try: Option<LastTry>,
    /// When the provider decided.
    #[serde(default)]
    pub decided_at: Option<crate::Timestamp>,
    /// When the hub last learned something.
    #[serde(default)]
    pub updated_at: Option<crate::Timestamp>,
}

/// How a provider's page opens in a frame over the shop's own.
#[derive(Clone, Debug, Deserialize)]
pub struct Lightbox {
    /// The provider's script.
    pub script_url: Url,
    /// Where the browser goes when the frame is closed.
    pub back_url: Url,
}

/// How far a payment in parts is.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Division {
    /// What was received.
    pub collected: i64,
    /// What is missing.
    pub missing: i64,
}

/// A payment of a shopper that is pending, after its provider was asked.
#[derive(Clone, Debug, Deserialize)]
struct PendingDocument {
    payment: PaymentDocument,
}

/// A card that a provider keeps for a shopper.
#[derive(Clone, Debug, Deserialize)]
pub struct KeptCard {
    /// The hub's id.
    pub id: String,
    /// The account that keeps it.
    pub account: String,
    /// Whether it can be charged: `active`.
    pub state: String,
    /// The brand.
    #[serde(default)]
    pub brand: Option<String>,
    /// Its last four digits.
    #[serde(default)]
    pub last_four: Option<String>,
}

/// What a receipt shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// Authorization number or CUS.
    pub authorization: Option<String>,
    /// Name of the means of payment.
    pub method_name: Option<String>,
    /// Last four digits.
    pub last_four: Option<String>,
}

/// The provider's reason.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// The provider's status word; empty when the reason is the hub's own and not for shoppers.
    pub status: String,
    /// Its text.
    pub message: Option<String>,
}

/// One try at a charge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LastTry {
    /// What became of it: `approved` and the like.
    pub state: String,
    /// The provider's reason, that of the bank.
    pub reason: Option<Reason>,
}

/// Why a call brought no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    /// No answer came, after all repeats: what happened is not known.
    #[error("the hub does not answer: {0}")]
    Unreachable(String),
    /// The hub refuses: nothing was charged.
    #[error("the hub refuses with {status} {code}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// The problem's sentence, for the log.
        detail: String,
    },
    /// The hub answered something that is not in its contract.
    #[error("the hub's answer cannot be read: {0}")]
    Unreadable(String),
}

/// The hub's API.
pub struct HubClient {
    http: reqwest::Client,
    base: Url,
    api_key: SecretString,
    in_flight: AtomicUsize,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

#[derive(Serialize)]
struct NewEndpoint<'a> {
    url: &'a str,
}

#[derive(Deserialize)]
struct EndpointDocument {
    id: String,
    url: String,
    #[serde(default)]
    secret: Option<String>,
}

#[derive(Deserialize)]
struct ListOf<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct PageOf<T> {
    data: Vec<T>,
    has_more: bool,
}

impl HubClient {
    /// A client of the hub at `base`.
    pub fn new(base: Url, api_key: SecretString) -> Result<Self, reqwest::Error> {
        Ok(Self { http: local_client()?, base, api_key, in_flight: AtomicUsize::new(0) })
    }

    /// Asks for a payment. `key` and `body` are the same at every repeat, so that there is one payment
    /// however often the answer is lost.
    pub async fn create_payment(&self, key: &str, body: &str) -> Result<PaymentDocument, HubError> {
        let mut last = HubError::Unreachable("not tried".into());
        for turn in 0..TRIES {
            if turn > 0 {
                tokio::time::sleep(BETWEEN_TRIES * turn).await;
            }
            let request = self
                .request(Method::POST, &["v1", "payments"])
                .header("Idempotency-Key", key)
                .header("Content-Type", "application/json")
                .body(body.to_owned());
            match self.send(request).await {
                Ok(document) => return Ok(document),
                Err(error) if error.may_be_repeated() => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Reads a payment.
    pub async fn payment(&self, id: &str) -> Result<PaymentDocument, HubError> {
        self.send(self.request(Method::GET, &["v1", "payments", id])).await
    }

    /// What a shopper is about to pay already. The hub asks the providers first.
    pub async fn pending(&self, customer: &str) -> Result<Vec<PaymentDocument>, HubError> {
        let request = self.request(Method::GET, &["v1", "pending_payments"]).query(&[("customer", customer)]);
        let found: ListOf<PendingDocument> = self.send(request).await?;
        Ok(found.data.into_iter().map(|pending| pending.payment).collect())
    }

    /// The cards that are kept for a shopper and can be charged.
    pub async fn cards(&self, customer: &str) -> Result<Vec<KeptCard>, HubError> {
        let request = self.request(Method::GET, &["v1", "instruments"]).query(&[("customer", customer)]);
        let found: ListOf<KeptCard> = self.send(request).await?;
        Ok(found.data.into_iter().filter(|card| card.state == "active").collect())
    }

    /// Takes a kept card away, at its provider too. Asked twice it is taken away once.
    pub async fn remove_card(&self, id: &str) -> Result<(), HubError> {
        let request = self.request(Method::POST, &["v1", "instruments", id, "remove"]);
        self.send_for_status(request.header("Idempotency-Key", format!("remove-{id}"))).await
    }

    /// Registers `url` for events and brings back the secret. Registrations of the same address that an
    /// earlier run left behind are removed first: their secrets are forgotten.
    pub async fn register_endpoint(&self, url: &Url, key: &str) -> Result<EventSecret, HubError> {
        for old in self.endpoints().await?.iter().filter(|endpoint| endpoint.url == url.as_str()) {
            self.send_for_status(self.request(Method::DELETE, &["v1", "event_endpoints", &old.id])).await?;
        }
        let request = self
            .request(Method::POST, &["v1", "event_endpoints"])
            .header("Idempotency-Key", key)
            .json(&NewEndpoint { url: url.as_str() });
        let endpoint: EndpointDocument = self.send(request).await?;
        let secret = endpoint.secret.ok_or_else(|| HubError::Unreadable("no secret came".into()))?;
        EventSecret::parse(&secret).map_err(|error| HubError::Unreadable(error.to_string()))
    }

    /// How many calls are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    async fn endpoints(&self) -> Result<Vec<EndpointDocument>, HubError> {
        let mut found: Vec<EndpointDocument> = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut request =
                self.request(Method::GET, &["v1", "event_endpoints"]).query(&[("limit", "100")]);
            if let Some(last) = found.last() {
                request = request.query(&[("starting_after", last.id.as_str())]);
            }
            let page: PageOf<EndpointDocument> = self.send(request).await?;
            let is_last = !page.has_more || page.data.is_empty();
            found.extend(page.data);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url).bearer_auth(self.api_key.expose_secret())
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, HubError> {
        let (status, body) = self.exchange(request).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| HubError::Unreadable(error.to_string()));
        }
        Err(refusal(status, &body))
    }

    async fn send_for_status(&self, request: RequestBuilder) -> Result<(), HubError> {
        let (status, body) = self.exchange(request).await?;
        let is_gone = status.is_success() || status == StatusCode::NOT_FOUND;
        if is_gone { Ok(()) } else { Err(refusal(status, &body)) }
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), HubError> {
        let _under_way = UnderWay::begin(&self.in_flight);
        exchange(request).await
    }
}

impl HubError {
    /// Whether the same call under the same key may bring a better answer at once.
    fn may_be_repeated(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => matches!(status, 409 | 429 | 503),
            Self::Unreadable(_) => false,
        }
    }
}

/// A client that keeps to the address it is given and finds `*.localhost` on this machine.
pub(crate) fn local_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .dns_resolver(Arc::new(LocalhostResolver))
        .build()
}

/// Sends, and reads at most [`MAX_ANSWER`] bytes of the answer.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), HubError> {
    let lost = |error: reqwest::Error| HubError::Unreachable(error.without_url().to_string());
    let mut answer = request.send().await.map_err(lost)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HubError::Unreadable("the answer is too large".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

fn refusal(status: StatusCode, body: &[u8]) -> HubError {
    let problem: Problem =
        serde_json::from_slice(body).unwrap_or(Problem { code: String::new(), detail: String::new() });
    HubError::Refused { status: status.as_u16(), code: problem.code, detail: problem.detail }
}

/// Counts a call from here until it is dropped, also when its caller goes away.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Names under `localhost` are this machine (RFC 6761), whatever the system's resolver thinks of them.
struct LocalhostResolver;

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let lower = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            let found: Vec<SocketAddr> = if lower == "localhost" || lower.ends_with(".localhost") {
                vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
