//! The steering page: what the sandbox holds, and forms for what is asked for most. No script.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;
use simulation::hardship::{Hardship, Rule, Times};
use simulation::inbox::Message;
use simulation::ledger::Entry as LedgerEntry;
use simulation::{Account, Command, NewAccount, Timestamp, journal};

use super::{DISCLAIMER, Status, Steering, SteeringError};
use crate::notices::Notice;

/// Rows of each list on the page.
const ROWS: usize = 30;

/// Faults that the page's form offers, and whether they strike requests. The API takes all of them.
const OFFERED_FAULTS: &[(&str, bool)] = &[
    ("lost", false),
    ("reordered", false),
    ("forged_signature", false),
    ("reset_before_effect", true),
    ("reset_after_effect", true),
    ("html_page", true),
    ("empty_body", true),
    ("truncated", true),
    ("wrong_types", true),
    ("null_json", true),
];

/// The page and its style sheet.
pub fn routes() -> Router<Steering> {
    Router::new().route("/", get(show).post(act)).route("/steering.css", get(style))
}

#[derive(Template)]
#[template(path = "steering.html")]
struct Page {
    disclaimer: &'static str,
    message: Option<&'static str>,
    failure: Option<String>,
    result: Option<String>,
    status: Status,
    accounts: Vec<(String, Vec<Account>)>,
    notices: Vec<Notice>,
    hardships: Vec<Hardship>,
    offered: Vec<&'static str>,
    journal: Vec<journal::Entry>,
    inbox: Vec<Message>,
    ledger: Vec<LedgerEntry>,
}

impl Page {
    fn new(steering: &Steering) -> Self {
        Self {
            disclaimer: DISCLAIMER,
            message: None,
            failure: None,
            result: None,
            status: steering.status(),
            accounts: steering.accounts().into_iter().collect(),
            notices: newest(steering.notices()),
            hardships: steering.hardships(),
            offered: OFFERED_FAULTS.iter().map(|(name, _)| *name).collect(),
            journal: steering.latest_journal(ROWS),
            inbox: newest(steering.inbox(None)),
            ledger: newest(steering.ledger(None, None)),
        }
    }

    fn answer(self, status: StatusCode) -> Response {
        match self.render() {
            Ok(text) => (status, Html(text)).into_response(),
            Err(error) => {
                tracing::error!(%error, "the steering page could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

async fn show(State(steering): State<Steering>, Query(query): Query<HashMap<String, String>>) -> Response {
    let mut page = Page::new(&steering);
    page.message = query.get("hecho").and_then(|action| message(action));
    page.answer(StatusCode::OK)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../templates/steering.css"))
}

/// One form's action. What succeeds is followed by a redirect, so that reloading does not repeat it.
async fn act(State(steering): State<Steering>, Form(form): Form<HashMap<String, String>>) -> Response {
    let action = form.get("action").map_or("", String::as_str);
    match carry_out(&steering, action, &form).await {
        Ok(None) => Redirect::to(&format!("/?hecho={action}")).into_response(),
        Ok(Some(result)) => {
            let mut page = Page::new(&steering);
            page.result = Some(result);
            page.answer(StatusCode::OK)
        }
        Err(error) => {
            let mut page = Page::new(&steering);
            page.failure = Some(error.to_string());
            page.answer(super::problem::Problem::from(error).status)
        }
    }
}

async fn carry_out(
    steering: &Steering,
    action: &str,
    form: &HashMap<String, String>,
) -> Result<Option<String>, SteeringError> {
    let field = |name: &str| form.get(name).map(|value| value.trim()).unwrap_or_default();
    match action {
        "advance" => {
            let seconds =
                field("seconds").parse().map_err(|_| invalid("«segundos» debe ser un número entero"))?;
            steering.advance(seconds).await?;
        }
        "add_hardship" => {
            steering.add_hardship(rule(field("provider"), field("fault"), field("about"))?)?;
        }
        "remove_hardship" => steering.remove_hardship(field("id"))?,
        "resend" => {
            steering.resend(field("id")).await?;
        }
        "open_account" => {
            let url = Some(field("notification_url")).filter(|url| !url.is_empty());
            let wanted = NewAccount {
                name: field("name").to_owned(),
                notification_url: url.map(str::to_owned),
                ..NewAccount::default()
            };
            steering.open_account(field("provider"), wanted)?;
        }
        "command" => {
            let text = Some(field("arguments")).filter(|text| !text.is_empty()).unwrap_or("{}");
            let arguments =
                serde_json::from_str(text).map_err(|error| invalid(&format!("argumentos: {error}")))?;
            let command = Command { name: field("name").to_owned(), arguments };
            let answer = steering.command(field("provider"), &command)?;
            return Ok(Some(format!("{answer:#}")));
        }
        "reset" => steering.reset(),
        _ => return Err(invalid("acción desconocida")),
    }
    Ok(None)
}

fn rule(provider: &str, fault: &str, about: &str) -> Result<Rule, SteeringError> {
    let (_, strikes_requests) =
        OFFERED_FAULTS.iter().find(|(name, _)| *name == fault).ok_or_else(|| invalid("falla desconocida"))?;
    let target = if *strikes_requests { "request" } else { "notice" };
    let about = Some(about).filter(|about| !about.is_empty());
    serde_json::from_value(
        json!({ "provider": provider, "about": about, "on": { target: { "fault": fault } } }),
    )
    .map_err(|error| SteeringError::Invalid(error.to_string()))
}

fn invalid(detail: &str) -> SteeringError {
    SteeringError::Invalid(detail.to_owned())
}

/// What the page says after a redirect; only texts from here are shown, whatever the address asks for.
fn message(action: &str) -> Option<&'static str> {
    match action {
        "advance" => Some("El reloj avanzó."),
        "add_hardship" => Some("La falla quedó activa."),
        "remove_hardship" => Some("La falla se retiró."),
        "resend" => Some("El aviso se envió otra vez con los mismos bytes."),
        "open_account" => Some("La cuenta quedó abierta."),
        "reset" => Some("Se olvidó todo, salvo cuentas y reloj."),
        _ => None,
    }
}

fn newest<T>(mut list: Vec<T>) -> Vec<T> {
    list.reverse();
    list.truncate(ROWS);
    list
}

/// A time as people read it, to the second.
fn time(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How often a hardship still strikes.
fn times(times: &Times) -> String {
    match times {
        Times::Count(1) => "una vez".into(),
        Times::Count(count) => format!("{count} veces"),
        Times::Forever => "siempre".into(),
    }
}

/// A word of the API as JSON writes it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offered_fault_is_a_rule() {
        for (fault, _) in OFFERED_FAULTS {
            rule("toypay", fault, "").expect(fault);
        }
        assert!(rule("toypay", "unheard", "").is_err());
    }
}
