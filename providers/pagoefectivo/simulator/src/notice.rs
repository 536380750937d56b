//! The notice that a CIP was paid, its signature, and what a certifier sends in its place (§9, §12).

use aws_lc_rs::hmac;
use std::net::{IpAddr, Ipv4Addr};

use simulation::strict_json::Value;
use simulation::{NoticeOutcome, OutgoingNotice, Timestamp};

use crate::account::Merchant;
use crate::cip::{Cip, Payment};
use crate::settings::{AmountStyle, Settings};
use crate::{lima, to_hex};

/// The notice's header with the signature.
pub const SIGNATURE_HEADER: &str = "PE-Signature";
/// PE-U35: the content type, charset included.
const CONTENT_TYPE: &str = "application/json; charset=utf-8";
/// PE-U39: the one status that counts as received; redirects are not followed.
const RECEIVED: u16 = 200;
/// An address of this machine that no pool holds.
const OUTSIDE_POOL: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 99));
/// A CIP that nobody has, of a length that exists.
const UNKNOWN_CIP: u64 = 10_000_001;

/// What is sent: the genuine notice, or one of those that a receiver has to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The notice of the payment, with its second attempt.
    Genuine,
    /// The same bytes once more.
    Repeated,
    /// The same bytes twice, at the same moment.
    Concurrent,
    /// Genuine in content, with another operation number, as if the code had been paid twice.
    OtherOperation,
    /// The documented members alone.
    DocumentedMembers,
    /// With a member that no document has.
    UnknownMember,
    /// Rightly signed, of another kind.
    UnknownEvent,
    /// A signature that is wrong.
    WrongSignature,
    /// No signature.
    NoSignature,
    /// The amount changed after signing.
    ChangedBody,
    /// Rightly signed, one unit more than the CIP's amount.
    WrongAmount,
    /// Rightly signed, in the other currency.
    WrongCurrency,
    /// Rightly signed, of a CIP that nobody has.
    UnknownCip,
    /// From an address outside the pool.
    OutsidePool,
}

/// Every variant with the word that steering and forms know it by.
pub const VARIANTS: [(&str, Variant); 14] = [
    ("genuine", Variant::Genuine),
    ("repeated", Variant::Repeated),
    ("concurrent", Variant::Concurrent),
    ("other_operation", Variant::OtherOperation),
    ("documented_members", Variant::DocumentedMembers),
    ("unknown_member", Variant::UnknownMember),
    ("unknown_event", Variant::UnknownEvent),
    ("wrong_signature", Variant::WrongSignature),
    ("no_signature", Variant::NoSignature),
    ("changed_body", Variant::ChangedBody),
    ("wrong_amount", Variant::WrongAmount),
    ("wrong_currency", Variant::WrongCurrency),
    ("unknown_cip", Variant::UnknownCip),
    ("outside_pool", Variant::OutsidePool),
];

impl Variant {
    /// The variant of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        VARIANTS.iter().find(|(known, _)| *known == word).map(|(_, variant)| *variant)
    }

    /// The word of the variant.
    pub fn word(self) -> &'static str {
        VARIANTS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// A notice and its attempts.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What kind it is.
    pub variant: Variant,
    /// PE-U40: the bytes that every attempt sends, and their signature.
    pub body: Vec<u8>,
    /// Empty for none.
    pub signature: String,
    /// The address it leaves from.
    pub from: Option<IpAddr>,
    /// Every attempt that was planned, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Business time before which it does not leave.
    pub due_at: Timestamp,
    /// How it ended; none while it is under way.
    pub outcome: Option<NoticeOutcome>,
}

impl Notice {
    /// Writes a notice about a payment.
    pub fn write(variant: Variant, cip: &Cip, payment: &Payment, merchant: &Merchant) -> Self {
        let settings = &merchant.settings;
        let body = body(variant, cip, payment, settings);
        let signature = match variant {
            Variant::WrongSignature => sign("not the merchant's key", &body),
            Variant::NoSignature => String::new(),
            Variant::ChangedBody => {
                sign(&merchant.secret_key, &self::body(Variant::Genuine, cip, payment, settings))
            }
            Variant::Genuine
            | Variant::Repeated
            | Variant::Concurrent
            | Variant::OtherOperation
            | Variant::DocumentedMembers
            | Variant::UnknownMember
            | Variant::UnknownEvent
            | Variant::WrongAmount
            | Variant::WrongCurrency
            | Variant::UnknownCip
            | Variant::OutsidePool => sign(&merchant.secret_key, &body),
        };
        let from = if variant == Variant::OutsidePool {
            Some(OUTSIDE_POOL)
        } else {
            // The pool takes turns.
            settings.notice_sources.get(cip.notices.len() % settings.notice_sources.len().max(1)).copied()
        };
        Self { variant, body, signature, from, attempts: Vec::new() }
    }

    /// Plans an attempt; what is sent for it.
    pub fn attempt(&mut self, cip: u64, account: &str, url: &str, due_at: Timestamp) -> OutgoingNotice {
        self.attempts.push(Attempt { due_at, outcome: None });
        let mut headers = vec![("Content-Type".to_owned(), CONTENT_TYPE.to_owned())];
        if !self.signature.is_empty() {
            headers.push((SIGNATURE_HEADER.to_owned(), self.signature.clone()));
        }
        OutgoingNotice {
            account: account.to_owned(),
            about: cip.to_string(),
            url: url.to_owned(),
            due_at,
            headers,
            body: self.body.clone(),
            from: self.from,
        }
    }

    /// Whether an attempt has left by `now` and has not ended; one that waits for its time is not under way.
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        self.attempts.iter().any(|attempt| attempt.outcome.is_none() && attempt.due_at <= now)
    }

    /// Whether these are the bytes, the signature and the source of this notice.
    pub fn is_sent_as(&self, sent: &OutgoingNotice) -> bool {
        let signature = sent.headers.iter().find(|(name, _)| name == SIGNATURE_HEADER);
        self.body == sent.body
            && self.from == sent.from
            && self.signature == signature.map_or("", |(_, value)| value.as_str())
    }

    /// Writes down how an attempt ended. Answers with the seconds until the next, when one is due: only the
    /// genuine notice is tried again, and only after a failure (§9.8). PE-U38 says when, PE-U39 what failed.
    pub fn end_attempt(&mut self, outcome: &NoticeOutcome, retries_s: &[u32]) -> Option<u32> {
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.outcome.is_none())?;
        attempt.outcome = Some(outcome.clone());
        let is_received = outcome.status == Some(RECEIVED);
        if is_received || self.variant != Variant::Genuine {
            return None;
        }
        retries_s.get(self.attempts.len() - 1).copied()
    }
}

/// The signature: lower-case hexadecimal of HMAC-SHA256 over the body's bytes; the key is the secret key's
/// text (§9.2).
pub fn sign(secret_key: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    to_hex(hmac::sign(&key, body).as_ref())
}

/// The body: compact JSON, the CIP as text (§9.3).
fn body(variant: Variant, cip: &Cip, payment: &Payment, settings: &Settings) -> Vec<u8> {
    let number = if variant == Variant::UnknownCip { UNKNOWN_CIP } else { cip.number };
    let mut data = vec![
        ("cip", Value::text(number.to_string())),
        ("currency", Value::text(currency(variant, &cip.order.currency))),
        ("amount", Value::number(amount(variant, cip, settings))),
    ];
    if settings.notice_observed_members && variant != Variant::DocumentedMembers {
        let date = lima::write_with_fraction(payment.at, settings.notice_fraction_digits);
        data.push(("paymentDate", Value::text(date)));
        data.push(("transactionCode", Value::text(&cip.order.transaction_code)));
    }
    if settings.unknown_members || variant == Variant::UnknownMember {
        data.push(("channelName", Value::text(&payment.channel)));
    }
    let event = if variant == Variant::UnknownEvent { "cip.expired" } else { "cip.paid" };
    let is_other = variant == Variant::OtherOperation;
    let operation_number =
        if is_other { format!("9{}", payment.operation_number) } else { payment.operation_number.clone() };
    Value::object([
        ("eventType", Value::text(event)),
        ("operationNumber", Value::text(operation_number)),
        ("data", Value::object(data)),
    ])
    .to_text()
    .into_bytes()
}

fn amount(variant: Variant, cip: &Cip, settings: &Settings) -> String {
    let is_changed = matches!(variant, Variant::WrongAmount | Variant::ChangedBody);
    let one_more = cip.order.amount.plus(1_i64.into()).unwrap_or(cip.order.amount);
    let amount = if is_changed { one_more } else { cip.order.amount };
    match settings.notice_amount {
        AmountStyle::TwoDecimals => amount.to_fixed(2),
        AmountStyle::Shortest => amount.to_minimal(),
    }
}

fn currency(variant: Variant, currency: &str) -> &str {
    if variant != Variant::WrongCurrency {
        return currency;
    }
    if currency == "PEN" { "USD" } else { "PEN" }
}
