//! Amounts, dates, identifiers, forms and moves as documented: every row of vectors.tsv, the wrong ones included.

use std::collections::BTreeMap;
use std::path::Path;

use carat_esitef_client::{
    Profile, amount, authorizer, decoded, instant, is_hash, is_merchant_usn, is_nit, is_nita, is_nsua,
    may_become, page_url,
};
use payment::account::Environment;
use payment::{Account, Currency, Timestamp};
use testing::Side;

#[test]
fn every_vector_is_met_or_refused_as_written() {
    let _story = testing::story("every_vector_is_met_or_refused_as_written");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges/vectors.tsv");
    let table = std::fs::read_to_string(path).expect("the vectors");
    let rows: Vec<Vector> = table.lines().skip(1).map(Vector::read).collect();
    assert!(rows.len() >= 88);
    for row in rows {
        assert_eq!(row.holds(), row.is_right, "{}", row.id);
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

    fn holds(&self) -> bool {
        match self.kind.as_str() {
            "amount" => self.amount_holds(),
            "rest_date" => self.date_holds(60, 'T'),
            "notice_date" => self.date_holds(1, ' '),
            "form_value" => decoded(self.field("encoded").as_bytes()).as_deref() == Some(self.field("plain")),
            "identifier" => {
                let is_of = match self.field("which") {
                    "nit" => is_nit,
                    "nita" => is_nita,
                    "nsua" => is_nsua,
                    "hash" => is_hash,
                    other => panic!("{}: no identifier {other}", self.id),
                };
                is_of(self.field("text"))
            }
            "storable" => authorizer(self.field("authorizer")).is_some_and(|row| row.is_kept),
            "status_move" => may_become(self.field("from"), self.field("to")),
            "page_address" => self.page_holds(),
            "merchant_usn" => {
                let profile = if self.field("profile") == "guide" { Profile::Guide } else { Profile::Docs };
                is_merchant_usn(self.field("text"), profile)
            }
            other => panic!("{}: no kind {other}", self.id),
        }
    }

    fn amount_holds(&self) -> bool {
        let read = amount(self.field("text"), Currency::Brl);
        let shown = read.map(|money| brazilian(&money.to_text()));
        read.map(|money| money.minor) == self.field("minor").parse().ok()
            && shown.as_deref() == Some(self.field("shown"))
    }

    fn date_holds(&self, precision_s: i64, separator: char) -> bool {
        let expected: Timestamp = self.field("instant").parse().expect("an instant");
        let text = self.field("text");
        let read = instant(text).filter(|_| text.chars().nth(10) == Some(separator));
        read.is_some_and(|read| read.as_second() == expected.as_second() / precision_s * precision_s)
    }

    /// The address that a shopper is sent to names the transaction once it is decoded once, and nothing in it is raw.
    fn page_holds(&self) -> bool {
        let account = Account {
            id: "loja".to_owned(),
            merchant: "loja".to_owned(),
            provider: "carat_esitef".to_owned(),
            environment: Environment::Production,
            base_url: "https://esitef-ec.softwareexpress.com.br".parse().expect("an address"),
            credentials: BTreeMap::new(),
            secrets: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        let url = page_url(self.field("address"), self.field("nit"), &account);
        url.is_some_and(|url| {
            assert!(!url.as_str().contains(['[', ']', '\'']), "{url}");
            url.as_str().contains("?input%5B%27nit%27%5D=")
        })
    }
}

/// `9999999999.99` as it is written in Brazil.
fn brazilian(text: &str) -> String {
    let (whole, cents) = text.split_once('.').expect("cents");
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    format!("{},{cents}", groups.join("."))
}
