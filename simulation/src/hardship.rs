//! Hardships: faults on demand, as data. The sandbox applies them around a simulator that knows nothing of them.

use serde::{Deserialize, Serialize};

/// What happens to one request or its answer. Everything but the `before` kinds (and [`RequestFault::HttpStatus`],
/// which says) leaves the request's effect in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestFault {
    /// The effect happens at once, the answer comes late.
    Delay {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// The connection is reset and the simulator never sees the request.
    ResetBeforeEffect,
    /// The simulator does its work, then the connection is reset.
    ResetAfterEffect,
    /// The simulator never sees the request; the connection is held, then closed.
    TimeOutBeforeEffect {
        /// Milliseconds of real time until the close.
        hold_ms: u64,
    },
    /// The simulator does its work; no answer comes, the connection is held, then closed.
    TimeOutAfterEffect {
        /// Milliseconds of real time until the close.
        hold_ms: u64,
    },
    /// Another status with a short text.
    HttpStatus {
        /// For example 500 or 429.
        status: u16,
        /// Written as `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
        /// Whether the simulator does its work all the same.
        #[serde(default)]
        after_effect: bool,
    },
    /// A web page in place of the answer, with status 200.
    HtmlPage,
    /// No bytes in place of the answer, with its own status and content type.
    EmptyBody,
    /// Half of the answer's bytes under the length of all, then a close.
    Truncated,
    /// A well-formed but huge JSON answer.
    Huge {
        /// Bytes, bounded by the sandbox.
        bytes: u64,
    },
    /// The answer with every scalar turned into another JSON type.
    WrongTypes,
    /// The four letters `null`.
    NullJson,
    /// The answer byte by byte.
    SlowDrip {
        /// Milliseconds of real time between two bytes.
        ms_per_byte: u64,
    },
    /// The answer with one member changed, for example to a status that nobody knows.
    Tampered {
        /// Keys and array positions joined by points, for example `status.status`.
        member: String,
        /// The value put there.
        value: serde_json::Value,
    },
}

/// What happens to one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NoticeFault {
    /// Never sent.
    Lost,
    /// Sent later.
    Late {
        /// Seconds of business time.
        seconds: u32,
    },
    /// Sent several times at once.
    Doubled {
        /// How often in all.
        deliveries: u32,
    },
    /// Held until the account's next notice has left.
    Reordered,
    /// One member changed, the signature left as it was.
    Tampered {
        /// Keys and array positions joined by points.
        member: String,
        /// The value put there.
        value: serde_json::Value,
    },
    /// The signature replaced by a wrong one of the same form.
    ForgedSignature,
}

/// What a rule waits for, and what it does then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// A request to the provider.
    Request {
        /// Only this operation.
        #[serde(default)]
        operation: Option<String>,
        /// What happens.
        fault: RequestFault,
    },
    /// A notice from the provider.
    Notice {
        /// Only notices whose body has this `status`.
        #[serde(default)]
        status: Option<String>,
        /// What happens.
        fault: NoticeFault,
    },
}

/// How often a rule applies before it is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// So many times.
    Count(u32),
    /// Until it is removed.
    Forever,
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// A fault to be applied when something fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The provider's id.
    pub provider: String,
    /// What it waits for and what it does.
    pub on: Target,
    /// Only what concerns this account.
    #[serde(default)]
    pub account: Option<String>,
    /// Only what concerns this key or reference: it is the notice's subject, or stands in the text.
    #[serde(default)]
    pub about: Option<String>,
    /// How often; once when not said.
    #[serde(default)]
    pub times: Times,
}

/// A rule in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hardship {
    /// For removal, and named in the journal.
    pub id: String,
    /// The rule; `times` counts down.
    #[serde(flatten)]
    pub rule: Rule,
}

/// A request, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct RequestSeen<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The operation's name.
    pub operation: &'a str,
    /// The account it speaks for.
    pub account: Option<&'a str>,
    /// Path and query.
    pub address: &'a str,
    /// The body as text.
    pub body: &'a str,
}

/// A notice, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct NoticeSeen<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The account whose merchant is told.
    pub account: &'a str,
    /// The provider's key of what it is about.
    pub about: &'a str,
    /// The status that its body tells, when it has one.
    pub status: Option<&'a str>,
    /// The body as text.
    pub body: &'a str,
}

/// The rules in force, in the order in which they were added; the first that fits applies.
#[derive(Clone, Debug, Default)]
pub struct Hardships {
    in_force: Vec<Hardship>,
    added: u64,
}

impl Hardships {
    /// Puts a rule in force under a new id.
    pub fn add(&mut self, rule: Rule) -> Hardship {
        self.added += 1;
        let hardship = Hardship { id: format!("hardship-{}", self.added), rule };
        if hardship.rule.times != Times::Count(0) {
            self.in_force.push(hardship.clone());
        }
        hardship
    }

    /// The rules in force.
    pub fn list(&self) -> &[Hardship] {
        &self.in_force
    }

    /// Takes a rule out of force; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.in_force.len();
        self.in_force.retain(|hardship| hardship.id != id);
        self.in_force.len() < before
    }

    /// Takes all rules out of force.
    pub fn clear(&mut self) {
        self.in_force.clear();
    }

    /// The fault for this request and its hardship's id, and one use less of it.
    pub fn take_for_request(&mut self, seen: &RequestSeen<'_>) -> Option<(String, RequestFault)> {
        let fits = |rule: &Rule| match &rule.on {
            Target::Request { operation, fault } => (rule.provider == seen.provider
                && operation.as_deref().is_none_or(|wanted| wanted == seen.operation)
                && rule.account.as_deref().is_none_or(|wanted| Some(wanted) == seen.account)
                && rule
                    .about
                    .as_deref()
                    .is_none_or(|wanted| mentions(seen.address, wanted) || mentions(seen.body, wanted)))
            .then(|| fault.clone()),
            Target::Notice { .. } => None,
        };
        self.take(fits)
    }

    /// The fault for this notice and its hardship's id, and one use less of it.
    pub fn take_for_notice(&mut self, seen: &NoticeSeen<'_>) -> Option<(String, NoticeFault)> {
        let fits = |rule: &Rule| match &rule.on {
            Target::Notice { status, fault } => (rule.provider == seen.provider
                && status.as_deref().is_none_or(|wanted| Some(wanted) == seen.status)
                && rule.account.as_deref().is_none_or(|wanted| wanted == seen.account)
                && rule
                    .about
                    .as_deref()
                    .is_none_or(|wanted| wanted == seen.about || mentions(seen.body, wanted)))
            .then(|| fault.clone()),
            Target::Request { .. } => None,
        };
        self.take(fits)
    }

    fn take<F>(&mut self, fits: impl Fn(&Rule) -> Option<F>) -> Option<(String, F)> {
        let (place, fault) = self
            .in_force
            .iter()
            .enumerate()
            .find_map(|(place, hardship)| fits(&hardship.rule).map(|fault| (place, fault)))?;
        let id = self.in_force[place].id.clone();
        match &mut self.in_force[place].rule.times {
            Times::Forever => {}
            Times::Count(left) if *left > 1 => *left -= 1,
            Times::Count(_) => {
                self.in_force.remove(place);
            }
        }
        Some((id, fault))
    }
}

impl Target {
    /// The word its fault is written with.
    pub fn fault_name(&self) -> &'static str {
        match self {
            Self::Request { fault, .. } => fault.name(),
            Self::Notice { fault, .. } => fault.name(),
        }
    }
}

impl RequestFault {
    /// The word it is written with.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::ResetBeforeEffect => "reset_before_effect",
            Self::ResetAfterEffect => "reset_after_effect",
            Self::TimeOutBeforeEffect { .. } => "time_out_before_effect",
            Self::TimeOutAfterEffect { .. } => "time_out_after_effect",
            Self::HttpStatus { .. } => "http_status",
            Self::HtmlPage => "html_page",
            Self::EmptyBody => "empty_body",
            Self::Truncated => "truncated",
            Self::Huge { .. } => "huge",
            Self::WrongTypes => "wrong_types",
            Self::NullJson => "null_json",
            Self::SlowDrip { .. } => "slow_drip",
            Self::Tampered { .. } => "tampered",
        }
    }
}

impl NoticeFault {
    /// The word it is written with.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Late { .. } => "late",
            Self::Doubled { .. } => "doubled",
            Self::Reordered => "reordered",
            Self::Tampered { .. } => "tampered",
            Self::ForgedSignature => "forged_signature",
        }
    }
}

/// Whether `wanted` stands in `text` as a word of its own: key 12 is not meant by 123.
fn mentions(text: &str, wanted: &str) -> bool {
    if wanted.is_empty() {
        return false;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(wanted).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_word)
            && !text[at + wanted.len()..].chars().next().is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_rule(text: &str) -> Rule {
        serde_json::from_str(text).expect(text)
    }

    const REQUEST: RequestSeen<'static> = RequestSeen {
        provider: "toypay",
        operation: "pay",
        account: Some("shop"),
        address: "/api/pay/123",
        body: r#"{"reference":"ORDER-7"}"#,
    };

    #[test]
    fn a_rule_is_used_up_after_its_times() {
        let mut hardships = Hardships::default();
        hardships.add(request_rule(
            r#"{"provider":"toypay","times":{"count":2},"on":{"request":{"operation":"pay","fault":"reset_before_effect"}}}"#,
        ));
        for _ in 0..2 {
            assert_eq!(
                hardships.take_for_request(&REQUEST),
                Some(("hardship-1".into(), RequestFault::ResetBeforeEffect))
            );
        }
        assert_eq!(hardships.take_for_request(&REQUEST), None);
        assert!(hardships.list().is_empty());
    }

    #[test]
    fn a_rule_applies_once_unless_it_says_otherwise() {
        let mut hardships = Hardships::default();
        let text = r#"{"provider":"toypay","on":{"request":{"fault":{"delay":{"ms":5}}}}}"#;
        hardships.add(request_rule(text));
        hardships.add(Rule { times: Times::Forever, ..request_rule(text) });
        let ids: Vec<_> =
            (0..3).filter_map(|_| hardships.take_for_request(&REQUEST)).map(|(id, _)| id).collect();
        assert_eq!(ids, ["hardship-1", "hardship-2", "hardship-2"]);
        assert!(hardships.remove("hardship-2") && !hardships.remove("hardship-2"));
        assert_eq!(hardships.take_for_request(&REQUEST), None);
    }

    #[test]
    fn every_condition_of_a_rule_must_hold() {
        let fits = |change: fn(&mut Rule)| {
            let mut rule = request_rule(r#"{"provider":"toypay","on":{"request":{"fault":"null_json"}}}"#);
            change(&mut rule);
            let mut hardships = Hardships::default();
            hardships.add(rule);
            hardships.take_for_request(&REQUEST).is_some()
        };
        assert!(fits(|_| {}));
        assert!(fits(|rule| rule.account = Some("shop".into())));
        assert!(fits(|rule| rule.about = Some("ORDER-7".into())));
        assert!(fits(|rule| rule.about = Some("123".into())));
        assert!(!fits(|rule| rule.about = Some("12".into())));
        assert!(!fits(|rule| rule.about = Some("ORDER".into())));
        assert!(!fits(|rule| rule.account = Some("other".into())));
        assert!(!fits(|rule| rule.provider = "otherpay".into()));
        assert!(!fits(|rule| rule.times = Times::Count(0)));
        assert!(!fits(|rule| {
            rule.on = Target::Request { operation: Some("query".into()), fault: RequestFault::NullJson };
        }));
        assert!(!fits(|rule| rule.on = Target::Notice { status: None, fault: NoticeFault::Lost }));
    }

    #[test]
    fn notices_are_chosen_by_status_and_subject() {
        let rule = request_rule(
            r#"{"provider":"toypay","about":"77","on":{"notice":{"status":"APPROVED","fault":{"late":{"seconds":60}}}}}"#,
        );
        let seen = |status: Option<&'static str>, about: &'static str| NoticeSeen {
            provider: "toypay",
            account: "shop",
            about,
            status,
            body: "{}",
        };
        let take = |seen: NoticeSeen<'_>| {
            let mut hardships = Hardships::default();
            hardships.add(rule.clone());
            hardships.take_for_notice(&seen).map(|(_, fault)| fault)
        };
        assert_eq!(take(seen(Some("APPROVED"), "77")), Some(NoticeFault::Late { seconds: 60 }));
        assert_eq!(take(seen(Some("REJECTED"), "77")), None);
        assert_eq!(take(seen(None, "77")), None);
        assert_eq!(take(seen(Some("APPROVED"), "78")), None);
    }

    #[test]
    fn unknown_members_and_mismatched_faults_are_refused() {
        for text in [
            r#"{"provider":"toypay","on":{"request":{"fault":"lost"}}}"#,
            r#"{"provider":"toypay","on":{"notice":{"fault":"null_json"}}}"#,
            r#"{"provider":"toypay","on":{"notice":{"fault":"lost"}},"time":1}"#,
            r#"{"provider":"toypay","on":{"notice":{"fault":"lost","state":"x"}}}"#,
            r#"{"on":{"notice":{"fault":"lost"}}}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(text).is_err(), "{text}");
        }
    }
}
