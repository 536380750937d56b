//! The notice that a CIP was paid (PROTOCOL.md 9): verified over the bytes as they came, and believed then, since the
//! signature covers CIP, amount and currency.

use payment::fact::{Fact, FactKind, Observation, Opening, Reason, Telling};
use payment::movement::Receipt;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::task::Target;
use payment::{Account, Currency, Money, Subject, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::account::signing_keys;
use crate::search::paid;
use crate::signature::is_signed_with;
use crate::wire::{self, Scalar};
use crate::{lima, subject};

/// The header of the signature, in lower case.
const SIGNATURE: &str = "pe-signature";
/// The one kind of event that is documented.
const PAID: &str = "cip.paid";

/// Which CIP a notice claims to be about. It is believed for nothing but finding what was asked for.
pub fn claimed_subject(notice: &RawNotice, account: &Account) -> Option<Subject> {
    let event = Event::read(&notice.body)?;
    Some(subject(account, event.data.cip.cip()?))
}

/// Reads a notice. Never panics on any bytes.
pub fn read(notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
    if let Err((verdict, reason)) = verify(notice, keys.account) {
        return not_believed(verdict, reason);
    }
    match Event::read(&notice.body) {
        Some(event) => event.reading(keys, now),
        None => not_believed(Verdict::Unreadable, "the body is not of the documented shape, or is ambiguous"),
    }
}

/// What the provider is answered: 200 for what is durable, and for all else what makes it come once more (PE-U39), so that
/// a notice that overtook our own answer is taken at its next coming.
pub const fn reply_to(verdict: Verdict) -> NoticeReply {
    let (status, body) = match verdict {
        Verdict::Valid | Verdict::Test | Verdict::Repeated => (200, "ok"),
        Verdict::Forged | Verdict::Unsigned | Verdict::Unverifiable | Verdict::Outside => {
            (401, "not authentic")
        }
        Verdict::Unreadable => (400, "not readable"),
        Verdict::UnknownReference => (404, "not known"),
    };
    NoticeReply { status, content_type: "text/plain; charset=utf-8", body }
}

/// One signature, that any of the account's keys made: while the secret is being changed the older one signs too.
fn verify(notice: &RawNotice, account: &Account) -> Result<(), (Verdict, &'static str)> {
    if notice.method != "POST" {
        return Err((Verdict::Unreadable, "a notice is a POST"));
    }
    let mut signatures = notice.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(SIGNATURE));
    let Some((_, signature)) = signatures.next() else {
        return Err((Verdict::Unsigned, "there is no signature"));
    };
    if signatures.next().is_some() {
        return Err((Verdict::Forged, "there is more than one signature"));
    }
    let mut keys = signing_keys(account).peekable();
    if keys.peek().is_none() {
        return Err((Verdict::Unverifiable, "the account has no secret key"));
    }
    let is_genuine = keys.any(|key| is_signed_with(key, &notice.body, signature));
    if is_genuine { Ok(()) } else { Err((Verdict::Forged, "none of the account's keys signed it")) }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body<'a> {
    event_type: Scalar,
    operation_number: Scalar,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// `paymentDate` and `transactionCode` are not documented, and were seen.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    cip: Scalar,
    currency: Scalar,
    amount: Scalar,
    payment_date: Scalar,
    transaction_code: Scalar,
}

/// What happened, by the provider's word.
struct Event {
    kind: Scalar,
    operation_number: Scalar,
    data: Data,
}

impl Event {
    fn read(body: &[u8]) -> Option<Self> {
        let body: Body<'_> = wire::object(std::str::from_utf8(body).ok()?)?;
        let data = match body.data {
            Some(data) => wire::object(data.get())?,
            None => Data::default(),
        };
        Some(Self { kind: body.event_type, operation_number: body.operation_number, data })
    }

    fn reading(&self, keys: Keys<'_>, now: Timestamp) -> Reading {
        let Some(cip) = self.data.cip.cip() else {
            // PE-U42: another kind of event is assumed to want a 200, and it changes nothing.
            return if self.kind.text() == Some(PAID) {
                not_believed(Verdict::Unreadable, "it names no CIP")
            } else {
                not_believed(Verdict::Test, "signed, of a kind that is not documented, and about no CIP")
            };
        };
        let account = keys.account;
        let told = self.facts(cip, now);
        let contradiction = keys.attempt.and_then(|attempt| self.contradiction(&attempt.target));
        let (reason, facts, ask) = match (told, contradiction) {
            (Some(facts), None) => ("signed with the account's secret key", facts, false),
            (Some(_), Some(detail)) => {
                let kind = FactKind::Contradicted { detail };
                ("signed, and not what was asked for", vec![Fact::new(now, kind)], true)
            }
            // PE-U42: kept and shown, and the provider is asked what it means.
            (None, _) => {
                let kind = FactKind::Unrecognized(Telling { reason: self.reason() });
                ("signed, and nothing that is documented", vec![Fact::new(now, kind)], true)
            }
        };
        // Only one notice of payment is processed for each CIP (PE-37); what is none must not stand in its place.
        let repeat_key = if ask { self.words(cip) } else { cip.to_owned() };
        let subject = subject(account, cip);
        Reading {
            verdict: Verdict::Valid,
            reason,
            reference: self.reference().map(str::to_owned),
            repeat_key: Some(repeat_key),
            tokens: Vec::new(),
            handover: None,
            observations: vec![Observation { subject: subject.clone(), facts }],
            subject: Some(subject),
            ask,
        }
    }

    /// What a notice of payment tells; nothing when it is not one, or has no amount that we can count.
    fn facts(&self, cip: &str, now: Timestamp) -> Option<Vec<Fact>> {
        if self.kind.text() != Some(PAID) {
            return None;
        }
        let amount = self.amount()?;
        let at = self.data.payment_date.text().and_then(lima::instant).unwrap_or(now);
        let opened = self.reference().map(|_| opened(cip, at));
        let number = Some(self.operation_number.for_people()).filter(|number| !number.is_empty());
        let receipt = Receipt { number, ..Receipt::default() };
        Some(opened.into_iter().chain(paid(cip, amount, at, self.reason(), receipt)).collect())
    }

    /// What disagrees with what was asked for, where that is known. Then no payment is believed.
    fn contradiction(&self, target: &Target) -> Option<String> {
        let amount = self.amount()?;
        (amount != target.total).then(|| format!("The notice tells of {amount} and not of {}.", target.total))
    }

    fn amount(&self) -> Option<Money> {
        let currency: Currency = self.data.currency.text()?.parse().ok()?;
        let amount = Money::from_json_digits(self.data.amount.digits()?, currency).ok()?;
        (amount.minor > 0).then_some(amount)
    }

    /// A notice in the provider's own words, by which it is the same one again.
    fn words(&self, cip: &str) -> String {
        let parts = [&self.kind, &self.data.currency, &self.data.amount].map(Scalar::for_people);
        format!("{cip}|{}", parts.join("|"))
    }

    fn reference(&self) -> Option<&str> {
        self.data.transaction_code.digits().filter(|code| !code.is_empty())
    }

    fn reason(&self) -> Reason {
        Reason { status: self.kind.for_people(), ..Reason::default() }
    }
}

/// That the CIP exists and is this attempt's: what an attempt needs whose creation was lost. Its page is not told and nobody
/// is sent there any more, since the CIP is paid: the account's own address stands in its place.
fn opened(cip: &str, at: Timestamp) -> Fact {
    let opening = Opening {
        provider_reference: cip.to_owned(),
        pay_url: None,
        pay_code: Some(cip.to_owned()),
        expires_at: at,
    };
    Fact::new(at, FactKind::Opened(opening))
}

/// A notice that claims nothing we act upon: no subject, nothing to ask, nothing to remember it by.
fn not_believed(verdict: Verdict, reason: &'static str) -> Reading {
    Reading {
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use payment::notice::ClaimedAttempt;

    use super::*;
    use crate::account::tests::account;

    const NEW: &str = "hub0Demo+Secret/Key1ForDocs2Only3Andes4x";
    const OLD: &str = "la+clave/de+antes00000000000000000000000";
    const BODY: &str = r#"{"eventType":"cip.paid","operationNumber":"7781204","data":{"cip":"30418826","currency":"PEN","amount":149.90,"paymentDate":"2026-03-02T11:04:37-05:00","transactionCode":"PRUEBA1"}}"#;

    fn sign(body: &str, key: &str) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn notice(body: &str, headers: &[(&str, &str)]) -> RawNotice {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        RawNotice {
            method: "POST".into(),
            route: String::new(),
            query: String::new(),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn read_with(body: &str, headers: &[(&str, &str)], account: &Account) -> Reading {
        read(&notice(body, headers), Keys::of(account), "2026-03-02T16:05:00Z".parse().expect("a time"))
    }

    fn read_signed(body: &str) -> Reading {
        read_with(body, &[("pe-signature", &sign(body, NEW))], &account())
    }

    fn kinds(reading: &Reading) -> Vec<FactKind> {
        let facts = reading.observations.iter().flat_map(|observation| observation.facts.clone());
        facts.map(|fact| fact.kind).collect()
    }

    #[test]
    fn a_notice_is_genuine_by_any_of_the_account_s_keys_and_by_no_other() {
        let _story = testing::story("a_notice_is_genuine_by_any_of_the_account_s_keys_and_by_no_other");
        for key in [NEW, OLD] {
            let reading = read_with(BODY, &[("pe-signature", &sign(BODY, key))], &account());
            assert_eq!(reading.verdict, Verdict::Valid, "{key}");
        }
        let genuine = sign(BODY, NEW);
        let forged = [
            sign(BODY, "otra"),
            sign(BODY, ""),
            genuine.to_uppercase(),
            format!("{genuine} "),
            format!("sha256={genuine}"),
            genuine[..62].to_owned(),
            String::new(),
        ];
        for signature in forged {
            let reading = read_with(BODY, &[("pe-signature", &signature)], &account());
            assert_eq!(reading.verdict, Verdict::Forged, "{signature}");
            assert!(reading.observations.is_empty() && reading.subject.is_none() && !reading.ask);
        }
        for at in 0..BODY.len() {
            let mut changed = BODY.as_bytes().to_vec();
            changed[at] ^= 1;
            let mut raw = notice("", &[("PE-Signature", &genuine)]);
            raw.body = changed;
            assert_eq!(
                read(&raw, Keys::of(&account()), "2026-03-02T16:05:00Z".parse().expect("a time")).verdict,
                Verdict::Forged
            );
        }
    }

    #[test]
    fn no_signature_two_signatures_and_no_key_are_told_apart() {
        let genuine = sign(BODY, NEW);
        assert_eq!(read_with(BODY, &[("x-signature", &genuine)], &account()).verdict, Verdict::Unsigned);
        let twice = [("pe-signature", &*genuine), ("pe-signature", &*genuine)];
        assert_eq!(read_with(BODY, &twice, &account()).verdict, Verdict::Forged);
        let header = [("pe-signature", &*sign(BODY, ""))];
        let without = Account { secrets: [].into(), ..account() };
        assert_eq!(read_with(BODY, &header, &without).verdict, Verdict::Unverifiable);
        let empty = Account { secrets: [("secret_key".to_owned(), vec!["".into()])].into(), ..account() };
        assert_eq!(read_with(BODY, &header, &empty).verdict, Verdict::Unverifiable);
        let mut get = notice(BODY, &[("pe-signature", &genuine)]);
        get.method = "GET".into();
        assert!(
            !read(&get, Keys::of(&account()), "2026-03-02T16:05:00Z".parse().expect("a time"))
                .verdict
                .is_genuine()
        );
    }

    #[test]
    fn the_signature_is_verified_over_the_bytes_and_not_over_what_they_mean() {
        let _story = testing::story("the_signature_is_verified_over_the_bytes_and_not_over_what_they_mean");
        for (amount, minor) in [
            ("35.50", 3550),
            ("80.00", 8000),
            ("2000.00", 200_000),
            ("64.07", 6407),
            ("22.5", 2250),
            ("80", 8000),
            ("\"22.50\"", 2250),
        ] {
            let body = BODY.replace("149.90", amount);
            let kinds = kinds(&read_signed(&body));
            let [FactKind::Opened(_), FactKind::Moved(charge), FactKind::Ended(_)] = &kinds[..] else {
                panic!("{amount}")
            };
            assert_eq!(charge.amount, Money::new(minor, Currency::Pen), "{amount}");
        }
        let pretty = BODY.replace(':', ": ");
        let reading = read_with(&pretty, &[("pe-signature", &sign(BODY, NEW))], &account());
        assert_eq!(reading.verdict, Verdict::Forged);
    }

    #[test]
    fn a_lost_creation_can_be_told_from_its_notice() {
        let reading = read_signed(BODY);
        assert_eq!(reading.reference.as_deref(), Some("PRUEBA1"));
        assert_eq!(reading.subject.as_ref().map(|subject| &*subject.provider_reference), Some("30418826"));
        let [FactKind::Opened(opening), ..] = &kinds(&reading)[..] else { panic!("not opened") };
        assert_eq!(
            (&*opening.provider_reference, opening.pay_code.as_deref()),
            ("30418826", Some("30418826"))
        );
        // Without the merchant's code nobody can tell whose it is.
        let documented = BODY.replace(r#","transactionCode":"PRUEBA1""#, "");
        let reading = read_signed(&documented);
        assert!(reading.reference.is_none());
        assert!(matches!(kinds(&reading)[..], [FactKind::Moved(_), FactKind::Ended(_)]));
    }

    #[test]
    fn what_was_not_asked_for_is_contradicted_where_that_is_known() {
        let _story = testing::story("what_was_not_asked_for_is_contradicted_where_that_is_known");
        let target = |minor, currency| ClaimedAttempt {
            key: None,
            target: Target {
                reference: "PRUEBA1".into(),
                provider_reference: "30418826".into(),
                total: Money::new(minor, currency),
                movements: Vec::new(),
                awaited_instrument: None,
            },
        };
        let raw = notice(BODY, &[("pe-signature", &sign(BODY, NEW))]);
        let account = account();
        let claimed = claimed_subject(&raw, &account).map(|subject| subject.provider_reference);
        assert_eq!(claimed.as_deref(), Some("30418826"));
        let table =
            [(14_990, Currency::Pen, true), (14_991, Currency::Pen, false), (14_990, Currency::Usd, false)];
        for (minor, currency, is_ours) in table {
            let attempt = target(minor, currency);
            let keys = Keys { account: &account, attempt: Some(&attempt) };
            let reading = read(&raw, keys, "2026-03-02T16:05:00Z".parse().expect("a time"));
            let is_contradicted = matches!(kinds(&reading)[..], [FactKind::Contradicted { .. }]);
            assert_eq!((is_contradicted, reading.ask), (!is_ours, !is_ours), "{minor} {currency}");
            assert_eq!(reading.repeat_key.as_deref() == Some("30418826"), is_ours, "{minor} {currency}");
        }
    }

    #[test]
    fn one_payment_of_a_cip_is_taken_whatever_the_operation_number() {
        let other = BODY.replace("7781204", "97781204");
        let (one, two) = (read_signed(BODY), read_signed(&other));
        assert_eq!((one.repeat_key.as_deref(), two.repeat_key), (Some("30418826"), one.repeat_key.clone()));
        let padded = read_signed(&BODY.replace("\"30418826\"", "30418826"));
        assert_eq!(padded.repeat_key.as_deref(), Some("30418826"));
    }

    #[test]
    fn what_is_signed_and_not_documented_pays_nothing_and_makes_us_ask() {
        let changes = [
            ("cip.paid", "cip.expired"),
            ("\"cip.paid\"", "null"),
            ("cip.paid", "CIP.PAID"),
            ("149.90", "0.00"),
            ("149.90", "-1"),
            ("149.90", "149.901"),
            ("149.90", "null"),
            ("\"PEN\"", "\"XTS\""),
            ("\"PEN\"", "\"pen\""),
            ("\"PEN\"", "null"),
        ];
        for (own, other) in changes {
            let reading = read_signed(&BODY.replace(own, other));
            assert_eq!((reading.verdict, reading.ask), (Verdict::Valid, true), "{other}");
            assert!(matches!(kinds(&reading)[..], [FactKind::Unrecognized(_)]), "{other}");
            assert_ne!(reading.repeat_key.as_deref(), Some("30418826"), "it must not stand for the payment");
        }
        let nobody = BODY.replace("\"30418826\"", "\"\"");
        assert_eq!(read_signed(&nobody).verdict, Verdict::Unreadable);
        let test = nobody.replace("cip.paid", "ping");
        let reading = read_signed(&test);
        assert_eq!((reading.verdict, reading.subject, reading.ask), (Verdict::Test, None, false));
    }

    #[test]
    fn what_is_signed_and_ambiguous_is_unreadable() {
        for body in [
            "",
            "null",
            "[]",
            &format!("[{BODY}]"),
            &BODY.replace("\"cip\":", "\"cip\":\"1\",\"cip\":"),
            r#"{"eventType":"cip.paid","operationNumber":"1","data":["30418826","PEN",149.90]}"#,
            r#"{"eventType":"cip.paid","operationNumber":"1","data":"30418826"}"#,
            &format!("{BODY}{BODY}"),
            &BODY[..90],
        ] {
            assert_eq!(read_signed(body).verdict, Verdict::Unreadable, "{body}");
        }
    }

    #[test]
    fn only_what_is_genuine_and_ours_is_answered_200() {
        for verdict in Verdict::ALL {
            let is_taken = verdict.is_genuine() && verdict != Verdict::UnknownReference;
            assert_eq!(reply_to(verdict).status == 200, is_taken, "{verdict:?}");
        }
    }
}
