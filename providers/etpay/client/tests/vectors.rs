//! The provider's signatures and dates as documented: every row of vectors.tsv, the wrong ones included.

use std::collections::BTreeMap;
use std::path::Path;

use etpay_client::{Country, EtPay, Token};
use payment::account::Environment;
use payment::notice::{ClaimedAttempt, Keys, RawNotice, Verdict};
use payment::task::Target;
use payment::{Account, Currency, Money, Provider, Timestamp};
use secrecy::SecretString;
use testing::Side;

#[test]
fn every_vector_is_met_or_refused_as_written() {
    let _story = testing::story("every_vector_is_met_or_refused_as_written");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges/vectors.tsv");
    let table = std::fs::read_to_string(path).expect("the vectors");
    let rows: Vec<Vector> = table.lines().skip(1).map(Vector::read).collect();
    assert!(rows.len() >= 20);
    for row in rows {
        let holds = match row.kind.as_str() {
            "notice_jwt" => row.notice_holds(),
            "system_error_jwt" => row.system_error_holds(),
            "date" => row.date_holds(),
            other => panic!("{}: no kind {other}", row.id),
        };
        assert_eq!(holds, row.is_right, "{}", row.id);
        testing::vector_used(&row.id, Side::Client);
    }
}

struct Vector {
    id: String,
    kind: String,
    is_right: bool,
    fields: BTreeMap<String, String>,
}

impl Vector {
    fn read(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, _section, kind, expect, fields] = cells[..] else { panic!("five cells: {line}") };
        let fields = fields.split('|').map(|field| {
            let (name, value) = field.split_once('=').expect("a name and a value");
            (name.to_owned(), value.to_owned())
        });
        assert!(["ok", "refused"].contains(&expect), "{id}");
        Self { id: id.into(), kind: kind.into(), is_right: expect == "ok", fields: fields.collect() }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("{} lacks {name}", self.id))
    }

    fn key(&self) -> SecretString {
        self.field("key").to_owned().into()
    }

    /// Through the front door: a whole notice, as the provider would send it.
    fn notice_holds(&self) -> bool {
        let notice = self.notice();
        let (account, attempt) = (account(), claimed(self.key()));
        let keys = Keys { account: &account, attempt: Some(&attempt) };
        let reading = EtPay.read_notice(&notice, keys, now());
        if reading.verdict == Verdict::Valid {
            let claims = Token::parse(self.field("jwt")).expect(&self.id);
            assert_eq!(claims.claims(), self.field("claims"), "{}", self.id);
        } else {
            assert!(!reading.verdict.is_genuine() && reading.observations.is_empty(), "{}", self.id);
        }
        reading.verdict == Verdict::Valid
    }

    /// The token of a way back holds by a key that is public. As a notice it is never more than forged.
    fn system_error_holds(&self) -> bool {
        let account = account();
        let attempt = claimed("una-clave-de-la-sesion".to_owned().into());
        let keys = Keys { account: &account, attempt: Some(&attempt) };
        assert_eq!(EtPay.read_notice(&self.notice(), keys, now()).verdict, Verdict::Forged, "{}", self.id);
        let token = Token::parse(self.field("jwt")).expect(&self.id);
        token.is_signed_with(&self.key()) && token.claims() == self.field("claims")
    }

    fn date_holds(&self) -> bool {
        let country = match self.field("country") {
            "CL" => Country::Chile,
            "MX" => Country::Mexico,
            other => panic!("{}: no country {other}", self.id),
        };
        let instant = self.field("instant").parse().expect("an instant");
        country.instant(self.field("text")) == Some(instant)
    }

    fn notice(&self) -> RawNotice {
        let body = serde_json::json!({ "payment": self.field("jwt") });
        RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }
}

fn now() -> Timestamp {
    "2026-03-02T14:30:00Z".parse().expect("a time")
}

fn account() -> Account {
    Account {
        id: "andes".to_owned(),
        merchant: "andes".to_owned(),
        provider: "etpay".to_owned(),
        environment: Environment::Test,
        base_url: "https://api-sandbox.etpay.com".parse().expect("an address"),
        credentials: BTreeMap::new(),
        secrets: BTreeMap::new(),
        settings: BTreeMap::new(),
    }
}

/// An attempt with a key; what was asked for plays no part in whether a signature holds.
fn claimed(key: SecretString) -> ClaimedAttempt {
    let target = Target {
        reference: "ANDES-2026-000417".into(),
        provider_reference: "sesion1".into(),
        total: Money::new(24_990, Currency::Clp),
        movements: Vec::new(),
        awaited_instrument: None,
    };
    ClaimedAttempt { key: Some(key), target }
}
