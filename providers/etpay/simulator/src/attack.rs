//! The attack kit: notices that no merchant should believe, and odd ones that none should stumble over (§10, §6.4).

use aws_lc_rs::hmac;
use simulation::strict_json::Value;
use simulation::{OutgoingNotice, World};

use crate::account::Merchant;
use crate::conduct::Check;
use crate::session::{Ending, Outcome, Session};
use crate::{EtPay, claims, jwt, notice, tokens};

/// How the subject of such a notice begins.
const SUBJECT: &str = "attack-";

/// What is wrong with a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed with a key that is nobody's.
    OtherKey,
    /// Signed with the session_token, which everybody can read.
    SessionTokenKey,
    /// Signed with the key of another session of the merchant.
    OtherSession,
    /// `alg` is `none`, without a signature.
    NoAlgorithm,
    /// `alg` is HS512, rightly signed so.
    Hs512,
    /// `alg` is RS256 over an HMAC.
    Rs256,
    /// The claims were changed after signing.
    ChangedClaims,
    /// The signature is cut short.
    Truncated,
    /// Base64 padding where there is none.
    Padded,
    /// Another amount, rightly signed.
    WrongAmount,
    /// Another currency, rightly signed.
    WrongCurrency,
    /// Another order, rightly signed.
    WrongOrder,
    /// `payment_status` is the text `true`.
    StatusTrueAsText,
    /// `payment_status` is the number 1.
    StatusOne,
    /// `payment_status` is `SUCCESS`.
    StatusUpperCase,
    /// A success with claims that nobody knows.
    UnknownClaims,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::OtherKey,
        Self::SessionTokenKey,
        Self::OtherSession,
        Self::NoAlgorithm,
        Self::Hs512,
        Self::Rs256,
        Self::ChangedClaims,
        Self::Truncated,
        Self::Padded,
        Self::WrongAmount,
        Self::WrongCurrency,
        Self::WrongOrder,
        Self::StatusTrueAsText,
        Self::StatusOne,
        Self::StatusUpperCase,
        Self::UnknownClaims,
    ];

    /// Its word in the command.
    pub fn word(self) -> &'static str {
        match self {
            Self::OtherKey => "other_key",
            Self::SessionTokenKey => "session_token_key",
            Self::OtherSession => "other_session",
            Self::NoAlgorithm => "alg_none",
            Self::Hs512 => "alg_hs512",
            Self::Rs256 => "alg_rs256",
            Self::ChangedClaims => "changed_claims",
            Self::Truncated => "truncated",
            Self::Padded => "padded",
            Self::WrongAmount => "wrong_amount",
            Self::WrongCurrency => "wrong_currency",
            Self::WrongOrder => "wrong_order",
            Self::StatusTrueAsText => "status_true_as_text",
            Self::StatusOne => "status_one",
            Self::StatusUpperCase => "status_upper_case",
            Self::UnknownClaims => "unknown_claims",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The check it belongs to.
    pub fn check(self) -> Check {
        match self {
            Self::OtherKey
            | Self::SessionTokenKey
            | Self::OtherSession
            | Self::NoAlgorithm
            | Self::Hs512
            | Self::Rs256
            | Self::ChangedClaims
            | Self::Truncated
            | Self::Padded => Check::Forged,
            Self::WrongAmount | Self::WrongCurrency | Self::WrongOrder => Check::ForgedClaims,
            Self::StatusTrueAsText | Self::StatusOne | Self::StatusUpperCase | Self::UnknownClaims => {
                Check::OddClaims
            }
        }
    }
}

/// The kind of a notice by its subject.
pub fn kind_of(about: &str) -> Option<Kind> {
    Kind::of_word(about.strip_prefix(SUBJECT)?.split('-').next()?)
}

impl EtPay {
    /// Sends a notice of the kit about a session, as if it had just been paid.
    pub(crate) fn attack(&mut self, id: u64, kind: Kind, world: &mut dyn World) -> Result<String, String> {
        let now = world.now();
        let stranger = tokens::token(world);
        let session = self.sessions.get(&id).ok_or("no such session")?;
        let merchant = self.merchant(&session.merchant).ok_or("no such account")?;
        let other = self
            .sessions
            .values()
            .find(|other| other.merchant == session.merchant && other.token != session.token);
        let mut paid = session.clone();
        paid.payment_token.get_or_insert_with(|| stranger.clone());
        paid.ending = Some(Ending { outcome: Outcome::Success, at: now, confirmed_late_at: None });
        let other_key = other.map(|other| other.signature_token.as_str());
        let token = forged(&paid, merchant, kind, now.as_second(), &stranger, other_key)?;
        let about = format!("{SUBJECT}{}-{}", kind.word(), session.token);
        let notice =
            notice::outgoing(session, merchant, &token, now).ok_or("the account names no address")?;
        world.notify(OutgoingNotice { about, ..notice });
        Ok(token)
    }
}

fn forged(
    paid: &Session,
    merchant: &Merchant,
    kind: Kind,
    epoch_seconds: i64,
    stranger: &str,
    other_key: Option<&str>,
) -> Result<String, &'static str> {
    let claims = claims::about(paid, merchant).ok_or("nothing to tell")?;
    let claims = claims::signed_at(claims, epoch_seconds);
    let key = paid.signature_token.as_str();
    let changed = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed.set(name, value);
        changed
    };
    let right = jwt::sign(&claims, key);
    let text = claims.to_text();
    Ok(match kind {
        Kind::OtherKey => jwt::sign(&claims, stranger),
        Kind::SessionTokenKey => jwt::sign(&claims, &paid.token),
        Kind::OtherSession => jwt::sign(&claims, other_key.ok_or("the merchant has no other session")?),
        Kind::NoAlgorithm => format!("{}.", jwt::unsigned(r#"{"alg":"none","typ":"JWT"}"#, &text)),
        Kind::Hs512 => jwt::sign_text(r#"{"alg":"HS512","typ":"JWT"}"#, &text, hmac::HMAC_SHA512, key),
        Kind::Rs256 => jwt::sign_text(r#"{"alg":"RS256","typ":"JWT"}"#, &text, hmac::HMAC_SHA256, key),
        Kind::ChangedClaims => {
            let signature = right.rsplit('.').next().unwrap_or_default();
            let other = changed("iat", Value::from(epoch_seconds + 1)).to_text();
            format!("{}.{signature}", jwt::unsigned(jwt::HEADER, &other))
        }
        Kind::Truncated => right[..right.len() - 4].to_owned(),
        Kind::Padded => format!("{right}="),
        Kind::WrongAmount => jwt::sign(&changed("merchant_amount", Value::from(1_u32)), key),
        Kind::WrongCurrency => jwt::sign(&changed("merchant_currency", Value::text("USD")), key),
        Kind::WrongOrder => jwt::sign(&changed("merchant_order_id", Value::text("OTHER0001")), key),
        Kind::StatusTrueAsText => jwt::sign(&changed("payment_status", Value::text("true")), key),
        Kind::StatusOne => jwt::sign(&changed("payment_status", Value::from(1_u32)), key),
        Kind::StatusUpperCase => jwt::sign(&changed("payment_status", Value::text("SUCCESS")), key),
        Kind::UnknownClaims => {
            jwt::sign(&changed("a_claim_of_tomorrow", Value::object([("a", Value::Null)])), key)
        }
    })
}
