//! What the hub writes down and says, to be searched for secrets.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use hub::store::Payment;
use secrecy::ExposeSecret;
use testing::{DatabaseKind, TestDatabase};

use crate::players::Player;
use crate::support::stage::{MERCHANT, Stage};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Where the log of this process goes.
struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps from now on all that this process logs.
pub fn keep_the_log() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let logged = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(|| Kept);
        logged.with_ansi(false).init();
    });
}

/// Every place in which a secret of this payment stands in clear.
pub async fn found(player: Player, stage: &Stage, payment: &Payment, database: &TestDatabase) -> Vec<String> {
    let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
    assert!(!calls.is_empty(), "the wire log is there to be searched");
    let told: Vec<String> = stage.told(payment).iter().map(|event| event.body.to_string()).collect();
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!log.is_empty(), "the log is there to be searched");
    let mut places = vec![
        ("wire log", format!("{calls:?}").into_bytes()),
        ("events", told.concat().into_bytes()),
        ("log", log),
    ];
    if database.kind == DatabaseKind::Sqlite {
        let path = database.url.trim_start_matches("sqlite://").split('?').next().unwrap_or_default();
        for ending in ["", "-wal"] {
            places.push(("database", std::fs::read(format!("{path}{ending}")).unwrap_or_default()));
        }
    }
    let account = stage.hub.settings.account(player.account).expect("the account");
    let secrets = account.secrets.values().flatten().map(|secret| secret.expose_secret().to_owned());
    let mut secrets: Vec<String> =
        secrets.chain(player.secrets.iter().map(|text| (*text).to_owned())).collect();
    secrets.extend(attempt_key(stage, payment).await);
    assert!(!secrets.is_empty());
    let holds = |text: &[u8], secret: &str| text.windows(secret.len()).any(|part| part == secret.as_bytes());
    let mut found = Vec::new();
    for secret in &secrets {
        for (place, text) in &places {
            if holds(text, secret) {
                found.push(format!("{place}: {}…", secret.chars().take(6).collect::<String>()));
            }
        }
    }
    found
}

/// The key that the provider gave for this attempt, where it gives one.
async fn attempt_key(stage: &Stage, payment: &Payment) -> Option<String> {
    let subject = payment::Subject {
        account: stage.account.into(),
        kind: payment::subject::SubjectKind::Attempt,
        provider_reference: payment.detail.provider_id.clone()?,
    };
    let keyed = stage.hub.store.claimed_attempt(MERCHANT, &subject).await.expect("the store")?;
    let place = format!("attempt/key/{}", keyed.attempt_id);
    let key = stage.hub.vault.open(&place, &keyed.sealed_key?).expect("our own seal");
    Some(String::from_utf8(key).expect("text"))
}
