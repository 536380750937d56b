//! Access tokens of provider accounts: shared by all instances, renewed by one of them.
//!
//! A token is sealed in the database and remembered in memory; memory is safe to lose. Who finds it missing or about to
//! end claims the renewal under a short lease, and the others wait for what that one writes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use payment::account::Account;
use payment::provider::Moment;
use payment::step::{Input, Request};
use payment::token::AccessToken;
use payment::{Provider, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::crash::{crash_point, lapsed_by, lease_s};
use crate::outbound::Called;
use crate::state::Hub;
use crate::store::StoreError;

/// How long before its end a token is no longer used.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a renewal is believed to be under way, in seconds of real time.
const RENEWAL_LEASE_S: i64 = 15;
/// Between two looks at whether another instance has renewed it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The tokens that this process knows, by account.
#[derive(Default)]
pub struct TokenMemory(Mutex<HashMap<String, AccessToken>>);

impl TokenMemory {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, AccessToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, account: &str, now: Timestamp) -> Option<SecretString> {
        self.lock().get(account).filter(|token| is_usable(token, now)).map(|token| token.value.clone())
    }
}

/// A call that was made for a token.
pub struct TokenCall {
    /// What was sent.
    pub request: Request,
    /// What came of it.
    pub called: Called,
}

/// The account's token, renewed when it has to be; the call made for it, if one was made here. No token: the provider
/// gave none, or nobody got one in time.
pub async fn access_token(
    hub: &Hub,
    account: &Account,
    provider: &dyn Provider,
    until: Instant,
) -> Result<(Option<SecretString>, Option<TokenCall>), StoreError> {
    loop {
        if let Some(token) = hub.tokens.usable(&account.id, hub.clock.now()) {
            return Ok((Some(token), None));
        }
        if let Some(token) = shared(hub, account).await? {
            return Ok((Some(token), None));
        }
        let real_now = hub.clock.real_now();
        let lease = real_now + SignedDuration::from_secs(lease_s(RENEWAL_LEASE_S));
        let lapsed = lapsed_by(real_now);
        if hub.store.claim_token_renewal(&account.merchant, &account.id, lapsed, lease).await? {
            // Another one may have ended its renewal since we looked.
            if let Some(token) = shared(hub, account).await? {
                hub.store.release_token_renewal(&account.merchant, &account.id, lease).await?;
                return Ok((Some(token), None));
            }
            return renew(hub, account, provider, lease, until).await;
        }
        if Instant::now() + LOOK_EVERY >= until {
            return Ok((None, None));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Forgets a token that the provider refused, unless another one is there by now.
pub async fn forget_token(hub: &Hub, account: &Account, refused: &SecretString) -> Result<(), StoreError> {
    let is_refused = |token: &AccessToken| token.value.expose_secret() == refused.expose_secret();
    {
        let mut tokens = hub.tokens.lock();
        if tokens.get(&account.id).is_some_and(is_refused) {
            tokens.remove(&account.id);
        }
    }
    match stored(hub, account).await? {
        Some(token) if is_refused(&token) => {
            hub.store.end_access_token(&account.merchant, &account.id, token.expires_at).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Gets a new token under a claim that lasts until `lease`.
async fn renew(
    hub: &Hub,
    account: &Account,
    provider: &dyn Provider,
    lease: Timestamp,
    until: Instant,
) -> Result<(Option<SecretString>, Option<TokenCall>), StoreError> {
    let moment = Moment { now: hub.clock.now(), entropy: hub.entropy() };
    let Some(request) = provider.token_request(account, moment) else {
        hub.store.release_token_renewal(&account.merchant, &account.id, lease).await?;
        return Ok((None, None));
    };
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Duration::from_millis(request.timeout_ms).min(left);
    crash_point!("token.before_call");
    let called = hub.outbound.call(&request, timeout, &hub.clock).await;
    crash_point!("token.after_call");
    let token = match &called.input {
        Input::Answer(answer) => provider.read_token(account, answer),
        Input::Lost { .. } => None,
    };
    match &token {
        Some(token) => {
            let sealed = hub.vault.seal(&place(account), token.value.expose_secret().as_bytes());
            let sealed = sealed.map_err(|_| StoreError::Corrupt("access token"))?;
            hub.store
                .write_access_token(&account.merchant, &account.id, &sealed, token.expires_at, lease)
                .await?;
            hub.tokens.lock().insert(account.id.clone(), token.clone());
        }
        None => {
            tracing::warn!(
                account = account.id,
                outcome = called.outcome.word(),
                "no access token was given"
            );
            hub.store.release_token_renewal(&account.merchant, &account.id, lease).await?;
        }
    }
    Ok((token.map(|token| token.value), Some(TokenCall { request, called })))
}

/// The token in the database, remembered, when it can still be used.
async fn shared(hub: &Hub, account: &Account) -> Result<Option<SecretString>, StoreError> {
    let now = hub.clock.now();
    let Some(token) = stored(hub, account).await?.filter(|token| is_usable(token, now)) else {
        return Ok(None);
    };
    let value = token.value.clone();
    hub.tokens.lock().insert(account.id.clone(), token);
    Ok(Some(value))
}

async fn stored(hub: &Hub, account: &Account) -> Result<Option<AccessToken>, StoreError> {
    let Some((sealed, expires_at)) = hub.store.access_token(&account.merchant, &account.id).await? else {
        return Ok(None);
    };
    let text = hub.vault.open_text(&place(account), &sealed);
    let text = text.map_err(|_| StoreError::Corrupt("access token"))?;
    Ok(Some(AccessToken { value: SecretString::from(text), expires_at }))
}

fn is_usable(token: &AccessToken, now: Timestamp) -> bool {
    token.expires_at - MARGIN > now
}

fn place(account: &Account) -> String {
    format!("access_token/value/{}/{}", account.merchant, account.id)
}
