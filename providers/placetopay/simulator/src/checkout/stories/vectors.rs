//! Every row of `vectors.tsv` is used by this side.

use std::collections::BTreeMap;

use simulation::strict_json::Value;
use testing::{Side, vector_used};

use crate::authentication::{self, Site, SiteState};
use crate::checkout::account::Signature;
use crate::checkout::notice;
use crate::instant;

const TABLE: &str = include_str!("../../../../checkout/exchanges/vectors.tsv");

struct Row {
    id: &'static str,
    kind: &'static str,
    is_right: bool,
    fields: BTreeMap<&'static str, &'static str>,
}

#[test]
fn every_vector_is_judged_as_the_table_says() {
    let _story = testing::story("checkout::stories::vectors::every_vector_is_judged_as_the_table_says");
    let rows: Vec<Row> = TABLE.lines().skip(1).map(read_row).collect();
    for row in &rows {
        let is_right = match row.kind {
            "authentication" => authenticates(row),
            "notice_signature" => is_our_signature(row),
            other => panic!("{} has the unknown kind {other}", row.id),
        };
        assert_eq!(is_right, row.is_right, "{}", row.id);
        vector_used(row.id, Side::Simulator);
    }
    assert!(rows.len() > 30, "the table was read");
}

fn authenticates(row: &Row) -> bool {
    let member = |name: &str| Value::text(row.fields[name]);
    let auth = Value::object(["login", "tranKey", "nonce", "seed"].map(|name| (name, member(name))));
    let site = Site { secret_key: row.fields["secretKey"], state: SiteState::Active, accepts_sha1: true };
    let now = instant::read(row.fields["seed"]).expect("a seed");
    let digest = authentication::read(Some(&auth)).and_then(|presented| presented.verify(Some(site), now));
    digest.is_ok_and(|digest| digest.word() == row.fields["digest"])
}

fn is_our_signature(row: &Row) -> bool {
    let request_id = row.fields["requestId"].parse().expect("a number");
    [Signature::Sha1, Signature::Sha256].into_iter().any(|kind| {
        let (status, date, secret) = (row.fields["status"], row.fields["date"], row.fields["secretKey"]);
        notice::sign(kind, request_id, status, date, secret) == row.fields["signature"]
    })
}

fn read_row(line: &'static str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, _section, kind, expect, fields] = columns.try_into().expect("five columns");
    let fields = fields.split('|').map(|field| field.split_once('=').expect("name=value")).collect();
    Row { id, kind, is_right: expect == "ok", fields }
}
