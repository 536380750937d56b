//! Event endpoints: where a merchant's events go, made, tried and removed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payment::id::{EndpointId, EventId};
use secrecy::SecretString;
use url::Url;

use crate::crash::crash_point;
use crate::flow::deliver_event::SECRET_PREFIX;
use crate::flow::document::{ENDPOINT_DISABLED_EVENT, TEST_EVENT, endpoint_disabled_body, test_event_body};
use crate::outbound::is_private;
use crate::state::Hub;
use crate::store::{Cursor, Endpoint, Event, Rotation, StoreError};
use crate::vault::VaultError;

/// Most endpoints of one merchant.
pub const MAX_ENDPOINTS: usize = 16;
/// How long a secret goes on signing after it was rotated, in seconds of business time: a day.
pub const FORMER_SIGNS_S: i64 = 86_400;
/// Longest address of an endpoint, in bytes.
pub const MAX_URL: usize = 2048;

/// Why an endpoint could not be managed.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is none of this merchant's.
    #[error("no such endpoint")]
    NotFound,
    /// The address is not one to deliver to; the rule it breaks.
    #[error("unsuitable address: {0}")]
    UnsuitableUrl(&'static str),
    /// The merchant has [`MAX_ENDPOINTS`].
    #[error("too many endpoints")]
    TooMany,
    /// The secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An endpoint with the secret that signs what is sent to it.
pub struct NewEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// `whsec_` and base64.
    pub secret: SecretString,
}

/// Makes an endpoint, or finds the one that the same key made before.
pub async fn create_endpoint(
    hub: &Hub,
    merchant: &str,
    url: Url,
    idempotency_key: &str,
) -> Result<NewEndpoint, EndpointError> {
    check_url(hub, &url)?;
    if let Some(endpoint) = hub.store.endpoint_by_idempotency_key(merchant, idempotency_key).await? {
        let secret = open_secret(hub, merchant, &endpoint.id).await?;
        return Ok(NewEndpoint { endpoint, secret });
    }
    let limit = u32::try_from(MAX_ENDPOINTS).unwrap_or(u32::MAX);
    let known = hub.store.endpoints(merchant, &Cursor { limit, ..Cursor::default() }).await?;
    if known.data.len() >= MAX_ENDPOINTS {
        return Err(EndpointError::TooMany);
    }
    let now = hub.clock.now();
    let endpoint = Endpoint {
        id: EndpointId::new(now, hub.entropy()),
        merchant_id: merchant.to_owned(),
        url,
        disabled_reason: None,
        created_at: now,
    };
    let entropy = hub.entropy();
    let sealed = hub.vault.seal(&secret_place(&endpoint.id), entropy.bytes())?;
    crash_point!("endpoint.before_commit");
    hub.store.insert_endpoint(&endpoint, &sealed, idempotency_key).await?;
    crash_point!("endpoint.after_commit");
    Ok(NewEndpoint { endpoint, secret: in_text(entropy.bytes()) })
}

/// Removes an endpoint; what was on its way to it is given up.
pub async fn delete_endpoint(hub: &Hub, merchant: &str, id: &EndpointId) -> Result<(), EndpointError> {
    if hub.store.delete_endpoint(merchant, id).await? { Ok(()) } else { Err(EndpointError::NotFound) }
}

/// Gives an endpoint a new secret. The one before it goes on signing beside it for [`FORMER_SIGNS_S`]. The same key
/// rotates once and is answered with the same secret.
pub async fn rotate_secret(
    hub: &Hub,
    merchant: &str,
    id: &EndpointId,
    idempotency_key: &str,
) -> Result<NewEndpoint, EndpointError> {
    loop {
        let target = hub.store.delivery_target(merchant, id).await?.ok_or(EndpointError::NotFound)?;
        let plain = hub.vault.open(&secret_place(id), &target.sealed_secret)?;
        if hub.store.is_rotated_by(merchant, id, idempotency_key).await? {
            return Ok(NewEndpoint { endpoint: target.endpoint, secret: in_text(&plain) });
        }
        let entropy = hub.entropy();
        let rotation = Rotation {
            key: idempotency_key,
            replaces: &target.sealed_secret,
            sealed_secret: &hub.vault.seal(&secret_place(id), entropy.bytes())?,
            sealed_former_secret: &hub.vault.seal(&former_secret_place(id), &plain)?,
            former_until: hub.clock.now() + jiff::SignedDuration::from_secs(FORMER_SIGNS_S),
        };
        crash_point!("rotation.before_commit");
        if hub.store.rotate_secret(merchant, id, &rotation).await? {
            crash_point!("rotation.after_commit");
            return Ok(NewEndpoint { endpoint: target.endpoint, secret: in_text(entropy.bytes()) });
        }
        // Another request rotated meanwhile, or the keys that seal did: look again.
    }
}

/// Sends nothing more to an endpoint, and tells the merchant's other ones.
pub async fn disable_endpoint(hub: &Hub, endpoint: &Endpoint, reason: &str) -> Result<(), StoreError> {
    let now = hub.clock.now();
    let event = Event {
        id: EventId::new(now, hub.entropy()),
        merchant_id: endpoint.merchant_id.clone(),
        payment_id: None,
        kind: ENDPOINT_DISABLED_EVENT.to_owned(),
        body: endpoint_disabled_body(now, &endpoint.id, reason),
        change: None,
        created_at: now,
    };
    if hub.store.disable_endpoint(&endpoint.merchant_id, &endpoint.id, reason, &event).await? {
        tracing::error!(endpoint = %endpoint.id, reason, "an event endpoint was disabled");
        hub.wake.notify_waiters();
    }
    Ok(())
}

/// Sends to an endpoint again, what waited for it first.
pub async fn enable_endpoint(hub: &Hub, merchant: &str, id: &EndpointId) -> Result<Endpoint, EndpointError> {
    hub.store.enable_endpoint(merchant, id, hub.clock.now()).await?;
    hub.wake.notify_waiters();
    hub.store.endpoint(merchant, id).await?.ok_or(EndpointError::NotFound)
}

/// Sends a test event to one endpoint.
pub async fn try_endpoint(hub: &Hub, merchant: &str, id: &EndpointId) -> Result<Event, EndpointError> {
    let endpoint = hub.store.endpoint(merchant, id).await?.ok_or(EndpointError::NotFound)?;
    let now = hub.clock.now();
    let event = Event {
        id: EventId::new(now, hub.entropy()),
        merchant_id: merchant.to_owned(),
        payment_id: None,
        kind: TEST_EVENT.to_owned(),
        body: test_event_body(now, &endpoint.id),
        change: None,
        created_at: now,
    };
    hub.store.insert_event(&event, Some(&endpoint.id), now).await?;
    hub.wake.notify_waiters();
    Ok(event)
}

/// The place to which an endpoint's secret is sealed.
pub fn secret_place(id: &EndpointId) -> String {
    format!("event_endpoint/secret/{id}")
}

/// The place to which the secret before the last rotation is sealed.
pub fn former_secret_place(id: &EndpointId) -> String {
    format!("event_endpoint/former_secret/{id}")
}

async fn open_secret(hub: &Hub, merchant: &str, id: &EndpointId) -> Result<SecretString, EndpointError> {
    let target = hub.store.delivery_target(merchant, id).await?.ok_or(EndpointError::NotFound)?;
    let plain = hub.vault.open(&secret_place(id), &target.sealed_secret)?;
    Ok(in_text(&plain))
}

/// A secret as merchants keep it.
fn in_text(secret: &[u8]) -> SecretString {
    SecretString::from(format!("{SECRET_PREFIX}{}", STANDARD.encode(secret)))
}

/// The rules that an address shows by itself. What its name resolves to is checked at each delivery.
fn check_url(hub: &Hub, url: &Url) -> Result<(), EndpointError> {
    let rule = |is_kept: bool, rule| if is_kept { Ok(()) } else { Err(EndpointError::UnsuitableUrl(rule)) };
    rule(url.as_str().len() <= MAX_URL, "An address has at most 2048 bytes.")?;
    rule(matches!(url.scheme(), "http" | "https"), "Only http and https are taken.")?;
    rule(!hub.settings.is_production || url.scheme() == "https", "Only https is taken.")?;
    rule(
        url.username().is_empty() && url.password().is_none(),
        "An address holds no user name or password.",
    )?;
    rule(url.fragment().is_none(), "An address has no fragment.")?;
    let literal = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(address.into()),
        Some(url::Host::Ipv6(address)) => Some(address.into()),
        Some(url::Host::Domain(_)) | None => None,
    };
    let is_open = hub.settings.events.allow_private_targets || !literal.is_some_and(is_private);
    rule(is_open, "A private address is not delivered to.")
}
