//! The notice that a session ended (PROTOCOL.md 6): verified by that session's own key, and believed then, since the
//! signature covers session, order, amount, currency and outcome.

use payment::fact::{Fact, FactKind, Observation};
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::{Account, Subject, Timestamp};
use serde::Deserialize;

use crate::claims::Claims;
use crate::country::Country;
use crate::jwt::Token;
use crate::subject;
use crate::wire::{self, Scalar};

/// Which session a notice claims to be about. It is believed for nothing but finding the key.
pub fn claimed_subject(notice: &RawNotice, account: &Account) -> Option<Subject> {
    let (_, claims) = taken_apart(notice).ok()?;
    Some(subject(account, claims.session_token()?))
}

/// Reads a notice. Never panics on any bytes.
pub fn read(notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
    let (token, claims) = match taken_apart(notice) {
        Ok(parts) => parts,
        Err(reason) => return not_believed(Verdict::Unreadable, reason),
    };
    let Some(session_token) = claims.session_token() else {
        return not_believed(Verdict::Unreadable, "it names no session");
    };
    let Some((attempt, key)) = keys.attempt.and_then(|attempt| Some((attempt, attempt.key.as_ref()?))) else {
        return not_believed(Verdict::Unverifiable, "it names a session that we have no key of");
    };
    if !token.is_signed_with(key) {
        return not_believed(Verdict::Forged, "the session's key did not sign it");
    }
    let country = Country::of(keys.account);
    let facts = match claims.contradiction(&attempt.target) {
        Some(detail) => {
            vec![Fact::new(claims.decided_at(country, now), FactKind::Contradicted { detail })]
        }
        None => claims.facts(country, now),
    };
    let leaves_doubt =
        |fact: &Fact| matches!(fact.kind, FactKind::Unrecognized(_) | FactKind::Contradicted { .. });
    let is_doubtful = facts.iter().any(leaves_doubt);
    let subject = subject(keys.account, session_token);
    Reading {
        verdict: Verdict::Valid,
        reason: "signed with the session's own key",
        reference: claims.order_id().map(str::to_owned),
        repeat_key: Some(claims.repeat_key()),
        tokens: Vec::new(),
        handover: None,
        observations: vec![Observation { subject: subject.clone(), facts }],
        subject: Some(subject),
        // What cannot be read in it, or is not what was asked for, may be told by the query.
        ask: is_doubtful,
    }
}

/// What the provider is answered: 200 for what is durable, and for all else what makes it come again (ET-U33), so that
/// a notice that overtook our own answer is verified at its next coming.
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

/// The body: the token under the name that public code reads, or under the one that the catalogue reads into the base
/// page (PROTOCOL.md 11).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    payment: Scalar,
    jwt: Scalar,
}

fn taken_apart(notice: &RawNotice) -> Result<(Token, Claims), &'static str> {
    if notice.method != "POST" {
        return Err("a notice is a POST");
    }
    let text = std::str::from_utf8(&notice.body).map_err(|_| "the body is not UTF-8")?;
    let body: Body = wire::object(text).ok_or("the body is not a JSON object, or names a member twice")?;
    let written = [&body.payment, &body.jwt].into_iter().find_map(Scalar::text).ok_or("there is no token")?;
    let token = Token::parse(written).ok_or("the token is not one")?;
    let claims = wire::object(token.claims()).ok_or("the claims are not a JSON object, or name one twice")?;
    Ok((token, claims))
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
    use payment::fact::Outcome;
    use payment::notice::ClaimedAttempt;
    use payment::task::Target;
    use payment::{Currency, Money};

    use super::*;
    use crate::account::tests::account;
    use crate::jwt::tests::{made, signed};

    const KEY: &str = "clave-de-la-sesion";
    const PAID: &str = r#"{"session_token":"sesion1","payment_token":"pago1","merchant_order_id":"PRUEBA1","merchant_amount":24990,"merchant_currency":"CLP","payment_status":"success","payment_date":"02-03-2026 11:05:07","iat":1772460309}"#;

    fn notice(body: &str) -> RawNotice {
        RawNotice {
            method: "POST".into(),
            route: String::new(),
            query: String::new(),
            headers: vec![],
            body: body.as_bytes().to_vec(),
        }
    }

    fn claimed(key: &str) -> ClaimedAttempt {
        let target = Target {
            reference: "PRUEBA1".into(),
            provider_reference: "sesion1".into(),
            total: Money::new(24_990, Currency::Clp),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        ClaimedAttempt { key: Some(key.to_owned().into()), target }
    }

    fn read_body(body: &str, key: Option<&str>) -> Reading {
        let attempt = key.map(claimed);
        let account = account();
        let keys = Keys { account: &account, attempt: attempt.as_ref() };
        read(&notice(body), keys, "2026-03-02T14:30:00Z".parse().expect("a time"))
    }

    fn read_token(token: &str) -> Reading {
        read_body(&format!(r#"{{"payment":"{token}"}}"#), Some(KEY))
    }

    fn ends(reading: &Reading) -> Vec<Outcome> {
        let facts = reading.observations.iter().flat_map(|observation| &observation.facts);
        let ends = facts.filter_map(|fact| match &fact.kind {
            FactKind::Ended(ending) => Some(ending.outcome),
            _ => None,
        });
        ends.collect()
    }

    #[test]
    fn a_notice_names_its_session_before_it_is_believed() {
        let body = format!(r#"{{"payment":"{}"}}"#, signed(PAID, "otra"));
        let claimed = claimed_subject(&notice(&body), &account()).expect("a subject");
        assert_eq!((claimed.account.as_str(), claimed.provider_reference.as_str()), ("andes", "sesion1"));
        for claims in
            ["{}", r#"{"session_token":1}"#, r#"{"session_token":"a b"}"#, r#"{"session_token":""}"#]
        {
            let body = format!(r#"{{"payment":"{}"}}"#, signed(claims, KEY));
            assert_eq!(claimed_subject(&notice(&body), &account()), None, "{claims}");
            assert_eq!(read_body(&body, Some(KEY)).verdict, Verdict::Unreadable, "{claims}");
        }
    }

    #[test]
    fn only_the_session_s_own_key_makes_a_notice_genuine() {
        let _story = testing::story("only_the_session_s_own_key_makes_a_notice_genuine");
        let genuine = read_token(&signed(PAID, KEY));
        assert_eq!((genuine.verdict, ends(&genuine)), (Verdict::Valid, vec![Outcome::Approved]));
        let forged = [
            signed(PAID, "clave-de-otra-sesion"),
            // The session's token stands in the shopper's address bar: whoever reads it can sign with it.
            signed(PAID, "sesion1"),
            signed(
                r#"{"session_token":"sesion1","system_error":true,"payment_status":"success"}"#,
                "sesion1",
            ),
            made(r#"{"alg":"none","typ":"JWT"}"#, PAID, KEY),
            made(r#"{"alg":"HS512","typ":"JWT"}"#, PAID, KEY),
            made(r#"{"alg":"RS256","typ":"JWT"}"#, PAID, KEY),
            format!("{}=", signed(PAID, KEY)),
        ];
        for token in forged {
            let reading = read_token(&token);
            assert_eq!(reading.verdict, Verdict::Forged, "{token}");
            assert!(reading.subject.is_none() && reading.observations.is_empty() && !reading.ask);
        }
        let token = signed(PAID, KEY);
        let claims = token.find('.').expect("a point") + 1..token.rfind('.').expect("a point");
        for at in claims {
            let mut changed = token.clone();
            let other = if changed.as_bytes()[at] == b'x' { "y" } else { "x" };
            changed.replace_range(at..=at, other);
            assert!(!read_token(&changed).verdict.is_genuine(), "{at}");
        }
        testing::covers!("ET-24");
    }

    #[test]
    fn a_notice_of_a_session_without_a_key_here_is_not_believed() {
        let early = read_body(&format!(r#"{{"payment":"{}"}}"#, signed(PAID, KEY)), None);
        assert_eq!(early.verdict, Verdict::Unverifiable);
        assert!(early.observations.is_empty());
    }

    #[test]
    fn a_genuine_notice_tells_its_own_amount_order_and_repeat() {
        let reading = read_token(&signed(PAID, KEY));
        assert_eq!(reading.reference.as_deref(), Some("PRUEBA1"));
        assert_eq!(reading.repeat_key.as_deref(), Some("sesion1|pago1|success"));
        assert!(!reading.ask);
        let failed = read_token(&signed(&PAID.replace("success", "error"), KEY));
        assert_eq!(failed.repeat_key.as_deref(), Some("sesion1|pago1|error"));
        assert_eq!(ends(&failed), [Outcome::Rejected]);
        let later = read_token(&signed(&PAID.replace("772460309", "772460400"), KEY));
        assert_eq!(later.repeat_key, reading.repeat_key, "signed again, told again");
    }

    #[test]
    fn a_genuine_notice_that_cannot_be_read_makes_us_ask_and_pays_nothing() {
        for (own, other) in [
            ("\"success\"", "\"SUCCESS\""),
            ("\"success\"", "\"true\""),
            ("\"success\"", "1"),
            ("24990", "0"),
            ("\"CLP\"", "\"XTS\""),
            ("\"pago1\"", "null"),
            ("\"iat\"", "\"system_error\""),
        ] {
            let reading = read_token(&signed(&PAID.replace(own, other), KEY));
            assert_eq!((reading.verdict, reading.ask), (Verdict::Valid, true), "{other}");
            assert_eq!(ends(&reading), [], "{other}");
        }
    }

    #[test]
    fn a_body_that_is_not_of_the_documented_shape_is_unreadable() {
        let token = signed(PAID, KEY);
        let table = [
            String::new(),
            "null".into(),
            format!("\"{token}\""),
            format!("[\"{token}\"]"),
            token.clone(),
            "{}".into(),
            r#"{"payment":null}"#.into(),
            r#"{"payment":{"jwt":"a.b.c"}}"#.into(),
            format!(r#"{{"payment":"{token}","payment":"{token}"}}"#),
            format!(r#"{{"payment":"{token}"}}{{}}"#),
            r#"{"payment":"a.b"}"#.into(),
            r#"{"payment":"a.b.c.d"}"#.into(),
            format!(r#"{{"payment":"{}"}}"#, signed("[]", KEY)),
            format!(r#"{{"payment":"{}"}}"#, signed(r#"{"session_token":"a","session_token":"b"}"#, KEY)),
            format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
        ];
        for body in table {
            assert_eq!(read_body(&body, Some(KEY)).verdict, Verdict::Unreadable, "{body:.90}");
        }
        let mut get = notice(&format!(r#"{{"payment":"{token}"}}"#));
        get.method = "GET".into();
        let (account, attempt) = (account(), claimed(KEY));
        let keys = Keys { account: &account, attempt: Some(&attempt) };
        assert_eq!(
            read(&get, keys, "2026-03-02T14:30:00Z".parse().expect("a time")).verdict,
            Verdict::Unreadable
        );
    }

    #[test]
    fn only_what_is_genuine_and_ours_is_answered_200() {
        for verdict in Verdict::ALL {
            let is_taken = verdict.is_genuine() && verdict != Verdict::UnknownReference;
            assert_eq!(reply_to(verdict).status == 200, is_taken, "{verdict:?}");
        }
    }
}
