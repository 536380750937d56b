//! What is so of a provider, as data: the hub reads it and names no provider.

use crate::Timestamp;
use crate::currency::Currency;
use crate::entropy::Entropy;
use crate::operation::Operations;

/// A provider's profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The provider's id, for example the one in notice addresses.
    pub id: &'static str,
    /// The brand as shoppers know it.
    pub brand: &'static str,
    /// ISO 3166-1 alpha-2 countries.
    pub countries: &'static [&'static str],
    /// Currencies it can charge.
    pub currencies: &'static [Currency],
    /// IANA zone of its dates and cut-offs.
    pub zone: &'static str,
    /// How references minted for it look.
    pub reference: ReferenceRule,
    /// How long an attempt may live.
    pub life: LifeRule,
    /// When to ask.
    pub query: QueryPolicy,
    /// What it can do with money that was held or taken.
    pub operations: Operations,
    /// Whether it keeps instruments, and charges kept ones.
    pub keeps_instruments: bool,
    /// What its accounts are configured with.
    pub settings: &'static [Setting],
    /// Members of its JSON whose values are masked in the wire log.
    pub masked_members: &'static [&'static str],
}

/// How the references minted for a provider look.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceRule {
    /// How many characters are made.
    pub length: usize,
    /// Of which letters.
    pub alphabet: &'static [u8],
}

/// How long an attempt may live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct LifeRule {
    /// Shortest.
    pub shortest_s: i64,
    /// Longest.
    pub longest_s: i64,
    /// When the order does not say.
    pub default_s: i64,
}

/// When to ask a provider what became of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct QueryPolicy {
    /// Ask on every return of the shopper, final or not (true), or only while open (false).
    pub on_every_return: bool,
    /// The probe in production and tests.
    pub usual: Cadence,
    /// The probe while the account is being certified.
    pub certification: Cadence,
    /// How long after its expiry an attempt is still asked for, in seconds; then a case is opened.
    pub grace_s: i64,
    /// Where the provider does not tell that an attempt's time ran out: how long after its end the hub says so itself,
    /// in seconds. It is asked for all the same until the provider was heard after the end.
    pub own_expiry_s: Option<i64>,
}

/// A probe's cadence, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    /// First look-up after the attempt was opened.
    pub first_after_s: i64,
    /// Between look-ups.
    pub every_s: i64,
    /// An extra look-up this long after the expiry, where the cadence itself is too slow to see it.
    pub after_expiry_s: Option<i64>,
}

/// One credential or setting of an account.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it is.
    pub kind: SettingKind,
    /// What it is for, in a sentence.
    pub help: &'static str,
}

/// What a setting is.
#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    /// A credential that may be shown.
    Credential,
    /// A secret: from a file or the environment, never shown.
    Secret,
    /// One of these words; the first is the default.
    OneOf(&'static [&'static str]),
    /// A whole number within bounds.
    Number {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
        /// When it is not set.
        default: i64,
    },
    /// Free text, may be absent.
    Text,
}

/// Digits and capitals without the ones that people mix up.
pub const CLEAR_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl ReferenceRule {
    /// A new reference: begins with the time, so that later ones sort later, and goes on with chance.
    pub fn mint(&self, now: Timestamp, entropy: Entropy) -> String {
        let base = self.alphabet.len() as u64;
        let mut time = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let time_length = (self.length / 3).min(10);
        let mut head = vec![self.alphabet[0]; time_length];
        for place in head.iter_mut().rev() {
            *place = self.alphabet[usize::try_from(time % base).unwrap_or(0)];
            time /= base;
        }
        let chance = entropy.bytes().iter().cycle().take(self.length - time_length);
        let tail = chance.map(|byte| self.alphabet[usize::from(*byte) % self.alphabet.len()]);
        head.into_iter().chain(tail).map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_reference_has_the_rule_s_length_and_letters() {
        let rule = ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET };
        let now: Timestamp = "2026-03-14T15:00:00Z".parse().expect("time");
        let early = rule.mint(now, Entropy::new([9; 32]));
        let late = rule.mint(now + jiff::SignedDuration::from_secs(3600), Entropy::new([9; 32]));
        assert_eq!(early.len(), 26);
        assert!(early.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_ne!(early, late);
        assert_ne!(early, rule.mint(now, Entropy::new([10; 32])));
    }
}
