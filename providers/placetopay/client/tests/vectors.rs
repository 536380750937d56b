//! The provider's digests as documented: every row of vectors.tsv, the wrong formulas included.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payment::account::Environment;
use payment::notice::{Keys, RawNotice, Verdict};
use payment::{Account, Provider};
use placetopay_client::authentication::{Digest, tran_key};
use placetopay_client::checkout::AvalPay;
use testing::Side;

#[test]
fn every_vector_is_met_or_refused_as_written() {
    let _story = testing::story("every_vector_is_met_or_refused_as_written");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checkout/exchanges/vectors.tsv");
    let table = std::fs::read_to_string(path).expect("the vectors");
    let rows: Vec<Vector> = table.lines().skip(1).map(Vector::read).collect();
    assert!(rows.len() >= 30);
    for row in rows {
        let holds = match row.kind.as_str() {
            "authentication" => row.authentication_holds(),
            "notice_signature" => row.signature_holds(),
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

    fn authentication_holds(&self) -> bool {
        let digest = match self.field("digest") {
            "sha256" => Digest::Sha256,
            "sha1" => Digest::Sha1,
            other => panic!("{}: no digest {other}", self.id),
        };
        let raw_nonce = STANDARD.decode(self.field("nonce")).expect("Base64");
        let secret_key = self.field("secretKey").to_owned().into();
        tran_key(digest, &raw_nonce, self.field("seed"), &secret_key) == self.field("tranKey")
    }

    /// Through the front door: a whole notice with these members, as the provider would send it.
    fn signature_holds(&self) -> bool {
        let body = serde_json::json!({
            "status": { "status": self.field("status"), "reason": "00", "date": self.field("date") },
            "requestId": self.field("requestId").parse::<u64>().expect("an id"),
            "reference": "PRUEBA1",
            "signature": self.field("signature"),
        });
        let notice = RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        let now = "2026-03-14T15:22:08Z".parse().expect("a time");
        match AvalPay.read_notice(&notice, Keys::of(&self.account()), now).verdict {
            Verdict::Valid => true,
            Verdict::Forged => false,
            other => panic!("{}: {other:?}", self.id),
        }
    }

    fn account(&self) -> Account {
        Account {
            id: "libreria".to_owned(),
            merchant: "libreria".to_owned(),
            provider: "avalpay".to_owned(),
            environment: Environment::Test,
            base_url: "https://checkout.test.avalpaycenter.com".parse().expect("an address"),
            credentials: BTreeMap::new(),
            secrets: [("secret_key".to_owned(), vec![self.field("secretKey").to_owned().into()])].into(),
            settings: BTreeMap::new(),
        }
    }
}
