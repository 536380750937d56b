//! The pieces of work that loads are made of.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use serde::Deserialize;

use crate::companion::SESSIONS;
use crate::hub::API_KEY;
use crate::load::{Connection, Work};
use crate::provider::{self, Session};

/// Sessions that notices can be about, shared by the loads of a stage.
pub type Sessions = Rc<[Session]>;

/// What a notice is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed, and never sent before.
    Genuine,
    /// Its signature does not hold; never sent before either.
    Forged,
    /// Signed, and always the same one.
    Repeated,
}

/// Notices posted to an address.
pub struct Notices {
    /// What they are about; not empty.
    pub sessions: Sessions,
    /// What they are like.
    pub kind: Kind,
    /// Where they are taken.
    pub server: SocketAddr,
    /// The path there.
    pub path: &'static str,
}

impl Work for Notices {
    async fn piece(&self, connection: &mut Connection, number: u64) -> io::Result<u16> {
        let body = match self.kind {
            Kind::Genuine => provider::notice(turn(&self.sessions, number), number),
            Kind::Forged => provider::forged_notice(turn(&self.sessions, number), number),
            Kind::Repeated => provider::notice(turn(&self.sessions, 0), 0),
        };
        Ok(connection.exchange(&posted(self.server, self.path, "", &body)).await?.status)
    }

    fn is_done(&self, status: u16) -> bool {
        match self.kind {
            Kind::Genuine | Kind::Repeated => status == 200,
            Kind::Forged => status == 401,
        }
    }
}

/// Payments created at a hub.
pub struct Creations {
    /// The hub.
    pub hub: SocketAddr,
}

impl Work for Creations {
    async fn piece(&self, connection: &mut Connection, number: u64) -> io::Result<u16> {
        Ok(connection.exchange(&creation(self.hub, number)).await?.status)
    }

    fn is_done(&self, status: u16) -> bool {
        status == 201
    }
}

/// Sessions opened at the provider, without a hub.
pub struct BareCalls {
    /// The companion.
    pub provider: SocketAddr,
}

impl Work for BareCalls {
    async fn piece(&self, connection: &mut Connection, number: u64) -> io::Result<u16> {
        let request = posted(self.provider, SESSIONS, "", &provider::bare_creation(number));
        Ok(connection.exchange(&request).await?.status)
    }
}

/// Whole lives of payments, as far as others drive them: a creation and the notice that it was paid.
pub struct Lives {
    /// The hub.
    pub hub: SocketAddr,
}

#[derive(Deserialize)]
struct Created {
    pay_url: String,
}

impl Work for Lives {
    async fn piece(&self, connection: &mut Connection, number: u64) -> io::Result<u16> {
        let answer = connection.exchange(&creation(self.hub, number)).await?;
        if answer.status != 201 {
            return Ok(answer.status);
        }
        let created: Created = serde_json::from_slice(answer.body)?;
        let session = provider::session_of(&created.pay_url);
        let session = session.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no session"))?;
        let body = provider::notice(&session, number);
        Ok(connection.exchange(&posted(self.hub, provider::NOTICES, "", &body)).await?.status)
    }

    fn is_done(&self, status: u16) -> bool {
        status == 200
    }
}

fn turn(sessions: &[Session], number: u64) -> &Session {
    &sessions[usize::try_from(number).unwrap_or(0) % sessions.len()]
}

/// A request for a payment, each with a reference and a key of its own.
fn creation(hub: SocketAddr, number: u64) -> Vec<u8> {
    let headers = format!("authorization: Bearer {API_KEY}\r\nidempotency-key: bench-{number}\r\n");
    let body = format!(
        r#"{{"reference":"BENCH-{number}","amount":11900000,"currency":"COP","shopper":{{"ip":"203.0.113.24","user_agent":"Medida/1.0"}}}}"#
    );
    posted(hub, "/v1/payments", &headers, &body)
}

fn posted(server: SocketAddr, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_the_length_of_its_body() {
        let server = SocketAddr::from(([127, 0, 0, 1], 80));
        let request = String::from_utf8(creation(server, 7)).expect("text");
        let (head, body) = request.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("POST /v1/payments HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(head.contains("idempotency-key: bench-7") && body.contains("\"BENCH-7\""));
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
