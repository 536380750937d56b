//! Every row of `vectors.tsv` is used by this side.

use std::collections::BTreeMap;

use simulation::strict_json;
use testing::{Side, vector_used};

use crate::account::Country;
use crate::{instant, jwt};

const TABLE: &str = include_str!("../../../exchanges/vectors.tsv");

struct Row {
    id: &'static str,
    kind: &'static str,
    is_right: bool,
    fields: BTreeMap<&'static str, &'static str>,
}

#[test]
fn every_vector_is_written_as_the_table_says() {
    let _story = testing::story("stories::vectors::every_vector_is_written_as_the_table_says");
    let rows: Vec<Row> = TABLE.lines().skip(1).map(read_row).collect();
    for row in &rows {
        let is_right = match row.kind {
            "notice_jwt" | "system_error_jwt" => is_our_token(row),
            "date" => is_our_date(row),
            other => panic!("{} has the unknown kind {other}", row.id),
        };
        assert_eq!(is_right, row.is_right, "{}", row.id);
        vector_used(row.id, Side::Simulator);
    }
    assert!(rows.len() >= 20, "the table was read");
}

fn is_our_token(row: &Row) -> bool {
    let claims = strict_json::parse(row.fields["claims"].as_bytes()).expect("JSON");
    jwt::sign(&claims, row.fields["key"]) == row.fields["jwt"]
}

fn is_our_date(row: &Row) -> bool {
    let country = Country::of_code(row.fields["country"]).expect("a country");
    instant::write(row.fields["instant"].parse().expect("an instant"), country) == row.fields["text"]
}

fn read_row(line: &'static str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, _section, kind, expect, fields] = columns.try_into().expect("five columns");
    let fields = fields.split('|').map(|field| field.split_once('=').expect("name=value")).collect();
    Row { id, kind, is_right: expect == "ok", fields }
}
