//! A merchant's service at the provider: its credentials, the tokens it holds, what was agreed with it.

use std::collections::HashMap;

use simulation::{Account, CommandError, Timestamp, World};

use crate::random;
use crate::settings::Settings;

/// Tokens remembered per service; beyond that the one that ends first is forgotten.
const TOKENS_KEPT: usize = 10_000;

/// A service: one agreement with one merchant.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The account's name.
    pub name: String,
    /// `idService`, in decimal.
    pub id_service: String,
    /// 20 characters.
    pub access_key: String,
    /// 40 characters; the key of notices too.
    pub secret_key: String,
    /// The short code that a token carries.
    pub code_service: String,
    /// Where notices go.
    pub notification_url: Option<String>,
    /// What was agreed.
    pub settings: Settings,
    tokens: HashMap<String, IssuedToken>,
}

#[derive(Clone, Debug)]
struct IssuedToken {
    expires_at: Timestamp,
    uses: u64,
}

impl Merchant {
    /// A new service with credentials made by chance; `number` tells its id apart from all others.
    pub fn open(
        name: String,
        number: usize,
        notification_url: Option<String>,
        settings: Settings,
        world: &mut dyn World,
    ) -> Self {
        // Seven is coprime to nine thousand, so neighbours differ and no two of nine thousand meet.
        let id_service = (1_000 + (number * 7 + 3_821) % 9_000).to_string();
        let (access_key, secret_key) = (random::access_key(world), random::secret_key(world));
        let code_service = short_code(&name);
        let tokens = HashMap::new();
        Self { name, id_service, access_key, secret_key, code_service, notification_url, settings, tokens }
    }

    /// Issues another secret key; the old one is void at once, tokens stay.
    pub fn rotate_secret(&mut self, world: &mut dyn World) {
        self.secret_key = random::secret_key(world);
    }

    /// Remembers a token that was issued.
    pub fn remember_token(&mut self, id: String, expires_at: Timestamp, now: Timestamp) {
        self.tokens.retain(|_, token| token.expires_at > now);
        if self.tokens.len() >= TOKENS_KEPT {
            let first = self.tokens.iter().min_by_key(|(_, token)| token.expires_at);
            if let Some(id) = first.map(|(id, _)| id.clone()) {
                self.tokens.remove(&id);
            }
        }
        self.tokens.insert(id, IssuedToken { expires_at, uses: 0 });
    }

    /// Uses a token for a call: how often it was used, this time included; `None` when it is not valid (any
    /// more). A token may be used as often as one likes while it lives (§3.5).
    pub fn use_token(&mut self, id: &str, now: Timestamp) -> Option<u64> {
        let token = self.tokens.get_mut(id).filter(|token| token.expires_at > now)?;
        token.uses += 1;
        Some(token.uses)
    }

    /// Voids all tokens in the middle of their life.
    pub fn revoke_tokens(&mut self) -> usize {
        let count = self.tokens.len();
        self.tokens.clear();
        count
    }

    /// Whether a token that is still valid was issued before.
    pub fn holds_token(&self, now: Timestamp) -> bool {
        self.tokens.values().any(|token| token.expires_at > now)
    }

    /// The account as steering shows it.
    pub fn to_account(&self) -> Account {
        Account {
            name: self.name.clone(),
            notification_url: self.notification_url.clone(),
            credentials: [
                ("id_service", &self.id_service),
                ("access_key", &self.access_key),
                ("secret_key", &self.secret_key),
            ]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into(),
            settings: self.settings.to_map(),
        }
    }

    /// Changes a setting, or the address for notices.
    pub fn set(&mut self, setting: &str, value: &str) -> Result<(), CommandError> {
        if setting == "notification_url" {
            self.notification_url = Some(value.to_owned()).filter(|url| !url.is_empty());
            return Ok(());
        }
        self.settings.set(setting, value)
    }
}

/// Three to five capitals of the name; `CAUDA` where it has too few letters.
fn short_code(name: &str) -> String {
    let letters: String =
        name.chars().filter(char::is_ascii_alphabetic).take(5).collect::<String>().to_ascii_uppercase();
    if letters.len() < 3 { "CAUDA".to_owned() } else { letters }
}
