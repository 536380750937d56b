//! The provider's hash and signature as documented: every row of vectors.tsv, the wrong ones included.

use std::collections::BTreeMap;
use std::path::Path;

use pagoefectivo_client::{PagoEfectivo, hash_string};
use payment::account::Environment;
use payment::notice::{Keys, RawNotice, Verdict};
use payment::{Account, Provider};
use testing::Side;

#[test]
fn every_vector_is_met_or_refused_as_written() {
    let _story = testing::story("every_vector_is_met_or_refused_as_written");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges/vectors.tsv");
    let table = std::fs::read_to_string(path).expect("the vectors");
    let rows: Vec<Vector> = table.lines().skip(1).map(Vector::read).collect();
    assert!(rows.len() >= 25);
    for row in rows {
        let holds = match row.kind.as_str() {
            "authorization_hash" => row.hash_holds(),
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

    fn hash_holds(&self) -> bool {
        let [id_service, access_key, secret_key, date_request] =
            ["idService", "accessKey", "secretKey", "dateRequest"].map(|name| self.field(name));
        hash_string(id_service, access_key, secret_key, date_request) == self.field("hashString")
    }

    /// Through the front door: a whole notice, as the provider would send it.
    fn signature_holds(&self) -> bool {
        let notice = RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: vec![("pe-signature".to_owned(), self.field("signature").to_owned())],
            body: self.field("body").as_bytes().to_vec(),
        };
        let account = self.account();
        let now = "2026-03-02T16:05:00Z".parse().expect("a time");
        let reading = PagoEfectivo.read_notice(&notice, Keys::of(&account), now);
        if reading.verdict != Verdict::Valid {
            assert_eq!(reading.verdict, Verdict::Forged, "{}", self.id);
            assert!(reading.observations.is_empty() && !reading.ask, "{}", self.id);
        }
        reading.verdict == Verdict::Valid
    }

    fn account(&self) -> Account {
        let secret = self.field("secretKey").to_owned();
        Account {
            id: "andes".to_owned(),
            merchant: "andes".to_owned(),
            provider: "pagoefectivo".to_owned(),
            environment: Environment::Test,
            base_url: "https://pre1a.services.pagoefectivo.pe".parse().expect("an address"),
            credentials: BTreeMap::new(),
            secrets: [("secret_key".to_owned(), vec![secret.into()])].into(),
            settings: BTreeMap::new(),
        }
    }
}
