//! The documents about the API: each says what the program does.

mod support;

use std::path::Path;
use std::sync::Arc;

use hub::api;
use hub::api::code::{Code, errors_document};
use hub::settings::{MAX_API_BODY, MAX_NOTICE_BODY};
use serde_json::Value;
use support::paper::Paper;
use support::{Api, KEY, hub_on, serve};
use testing::TestDatabase;

/// Set to write the documents anew instead of comparing them.
const WRITE: &str = "CAUDAL_WRITE_DOCUMENTS";

fn is_up_to_date(path: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, made).expect("the document can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "{} is out of date: run this test once with {WRITE}=1", path.display());
}

#[test]
fn the_openapi_document_in_the_repository_is_the_one_served() {
    is_up_to_date("openapi.json", api::openapi());
}

#[test]
fn docs_errors_md_is_made_from_the_table_of_codes() {
    is_up_to_date("../docs/errors.md", &errors_document());
}

#[test]
fn docs_http_status_codes_md_names_every_status_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http-status-codes.md");
    let text = std::fs::read_to_string(path).expect("the document");
    for code in Code::ALL {
        assert!(text.contains(&format!("| {} |", code.status())), "{} of {}", code.status(), code.word());
    }
    for limit in [MAX_API_BODY, MAX_NOTICE_BODY] {
        assert!(text.contains(&format!("larger than {} KiB", limit / 1024)), "{limit}");
    }
}

/// The documented operations: method and path.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(api::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
        let methods = item.as_object().expect("operations").keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn every_reference_inside_the_openapi_document_leads_somewhere() {
    let document: Value = serde_json::from_str(api::openapi()).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let parts = api::openapi().split("\"$ref\": \"#").skip(1);
    let pointers: Vec<_> = parts.filter_map(|part| part.split('"').next()).collect();
    assert!(pointers.len() > 10);
    for pointer in pointers {
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn the_api_is_mounted_by_documented_operations_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a source");
        for line in text.lines().filter(|line| line.contains(".route(")) {
            assert!(!line.contains("/v1"), "mounted past the document in {}: {line}", path.display());
        }
    }
}

testing::both_databases! {
    async fn every_documented_operation_is_mounted_and_no_other(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let operations = operations();
        assert_eq!(operations.len(), 25);
        let client = &api.client;
        for (_, path) in &operations {
            // Without a key, whoever is there says 401 before it looks at anything else.
            let address = api.url(&path.replace("{id}", "any"));
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let is_documented = operations.contains(&(method.to_owned(), path.clone()));
                let request = client.request(method.parse().expect("a method"), address.clone());
                let answer = api.send(request).await;
                let expected = if is_documented { (401, "unauthorized") } else { (405, "method_not_allowed") };
                answer.problem(expected.0, expected.1);
            }
        }
    }

    async fn the_documents_are_served(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let openapi = api.get("/openapi.json").await;
        assert_eq!((openapi.status, openapi.text.as_str()), (200, api::openapi()));
        assert_eq!(openapi.header("content-type"), "application/json");
        let llms = api.get("/llms.txt").await;
        assert!(llms.status == 200 && llms.text.starts_with("# Caudal"));
        let all = api.get("/problems").await;
        assert_eq!(all.json.as_array().map(Vec::len), Some(Code::ALL.len()));
        for code in Code::ALL {
            let explained = api.get(&code.address()).await;
            assert_eq!(explained.json["code"], code.word());
            assert_eq!(explained.json["cure"], code.cure());
        }
        api.get("/problems/no_such_code").await.problem(404, "not_found");
    }
}
