//! Every row of `vectors.tsv` is used by this side.

use std::collections::BTreeMap;

use simulation::Timestamp;
use simulation::form::{self, Form};
use testing::{Side, vector_used};

use crate::account::{Profile, Settings};
use crate::identifiers::{HASH_LENGTH, NIT_LENGTH, NITA_LENGTH};
use crate::transaction::Status;
use crate::{authorizers, course, instant, order};

const TABLE: &str = include_str!("../../../exchanges/vectors.tsv");

struct Row {
    id: &'static str,
    kind: &'static str,
    is_right: bool,
    fields: BTreeMap<&'static str, &'static str>,
}

#[test]
fn every_vector_is_judged_as_the_table_says() {
    let _story = testing::story(concat!(module_path!(), "::every_vector_is_judged_as_the_table_says"));
    let rows: Vec<Row> = TABLE.lines().skip(1).map(read_row).collect();
    for row in &rows {
        assert_eq!(is_right(row), row.is_right, "{}", row.id);
        vector_used(row.id, Side::Simulator);
    }
    assert!(rows.len() > 30, "the table was read");
}

fn is_right(row: &Row) -> bool {
    let field = |name: &str| row.fields[name];
    let now = || field("instant").parse::<Timestamp>().expect("an instant");
    match row.kind {
        "amount" => order::amount(field("text"), &Settings::default()).is_some_and(|amount| {
            amount.to_string() == field("minor") && course::money(amount) == field("shown")
        }),
        "rest_date" => instant::rest(now()) == field("text"),
        "notice_date" => instant::notice(now()) == field("text"),
        "form_value" => {
            let read = Form::read(format!("x={}", field("encoded")).as_bytes());
            read.find("x") == Some(field("plain"))
                && form::write([("x", field("plain"))])[2..] == *field("encoded")
        }
        "identifier" => is_identifier(field("which"), field("text")),
        "storable" => {
            let id = field("authorizer").parse().expect("a number");
            authorizers::find(id).is_some_and(|authorizer| authorizer.may_be_stored)
        }
        "status_move" => {
            let status = |name: &str| Status::ALL.into_iter().find(|status| status.word() == field(name));
            status("from").zip(status("to")).is_some_and(|(from, to)| from.may_become(to))
        }
        "page_address" => {
            let query = field("address").split_once('?').expect("a query").1;
            Form::read(query.as_bytes()).find("input['nit']") == Some(field("nit"))
        }
        "merchant_usn" => order::is_merchant_usn(field("text"), &settings(field("profile"))),
        other => panic!("{} has the unknown kind {other}", row.id),
    }
}

fn is_identifier(which: &str, text: &str) -> bool {
    let is = |length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match which {
        "nit" => is(NIT_LENGTH),
        "nita" => is(NITA_LENGTH),
        "nsua" => is(15),
        "hash" => text.len() == HASH_LENGTH && text.ends_with("==") && !text.contains(' '),
        other => panic!("unknown identifier {other}"),
    }
}

fn settings(profile: &str) -> Settings {
    let profile = if profile == "guide" { Profile::Guide } else { Profile::Docs };
    Settings { profile, ..Settings::default() }
}

fn read_row(line: &'static str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, _section, kind, expect, fields] = columns.try_into().expect("five columns");
    let fields = fields.split('|').map(|field| field.split_once('=').expect("name=value")).collect();
    Row { id, kind, is_right: expect == "ok", fields }
}
