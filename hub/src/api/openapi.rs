//! The OpenAPI document: made from the handlers, and what they have in common.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::api::problem::{PROBLEM_JSON, ProblemDocument};

/// What all operations share: the title, the key, the shape of a problem.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Caudal",
        version = "1",
        description = "One API over several payment providers. Amounts are whole minor units; instants are UTC, \
            RFC 3339. Every answer carries `Request-Id`. Every POST needs `Idempotency-Key`: the same key and body \
            give the same answer, marked by `Idempotent-Replayed: true`, for seven days.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemDocument)),
    modifiers(&ApiKey),
    security(("api_key" = [])),
    tags(
        (name = "payments", description = "Orders to be paid"),
        (name = "instruments", description = "Cards that providers keep for your customers"),
        (name = "events", description = "What happened, told to you by Standard Webhooks"),
        (name = "event endpoints", description = "Where events go"),
    ),
)]
pub(super) struct Frame;

struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("sk_…")
            .description(Some("The API key of a merchant."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// Any answer that is not a success is a problem.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build().into()
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("The request is refused, or the payment was declined")),
            ("5XX".to_owned(), problem("The provider or the hub failed")),
        ])
    }
}
