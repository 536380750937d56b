//! Every row of `vectors.tsv` is used by this side.

use std::collections::BTreeMap;

use testing::{Side, vector_used};

use crate::hash::Parts;
use crate::notice::sign;

const TABLE: &str = include_str!("../../../exchanges/vectors.tsv");

struct Row {
    id: &'static str,
    kind: &'static str,
    is_right: bool,
    fields: BTreeMap<&'static str, &'static str>,
}

#[test]
fn every_vector_is_judged_as_the_table_says() {
    let _story = testing::story("stories::vectors::every_vector_is_judged_as_the_table_says");
    let rows: Vec<Row> = TABLE.lines().skip(1).map(read_row).collect();
    for row in &rows {
        let is_right = match row.kind {
            "authorization_hash" => {
                let parts = parts(row);
                let is_right = parts.hash() == row.fields["hashString"];
                if let Some(mistake) = row.fields.get("mistake") {
                    assert_eq!(parts.mistake(row.fields["hashString"]), *mistake, "{}", row.id);
                }
                is_right
            }
            "notice_signature" => {
                sign(row.fields["secretKey"], row.fields["body"].as_bytes()) == row.fields["signature"]
            }
            other => panic!("{} has the unknown kind {other}", row.id),
        };
        assert_eq!(is_right, row.is_right, "{}", row.id);
        vector_used(row.id, Side::Simulator);
    }
    assert!(rows.len() > 15, "the table was read");
}

fn parts(row: &Row) -> Parts<'static> {
    Parts {
        id_service: row.fields["idService"],
        access_key: row.fields["accessKey"],
        secret_key: row.fields["secretKey"],
        date_request: row.fields["dateRequest"],
    }
}

fn read_row(line: &'static str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, _section, kind, expect, fields] = columns.try_into().expect("five columns");
    let fields = fields.split('|').map(|field| field.split_once('=').expect("name=value")).collect();
    Row { id, kind, is_right: expect == "ok", fields }
}
