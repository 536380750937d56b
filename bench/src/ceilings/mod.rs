//! What the machine allows: the databases and HTTP without a hub.
//!
//! *Transaction A* is what a notice costs a database at the least: in one transaction an event is written unless
//! it is there already, its payment is locked, read and changed, and a message to the merchant is written.

mod per_request;
pub mod pgbench;
mod sqlite;

pub use self::per_request::PerRequest;
pub use self::sqlite::Sqlite;

/// What an event and a message carry: 340 bytes.
const PAYLOAD: &str = r#"{"type":"payment.approved","timestamp":"2026-03-14T15:22:07Z","data":{"id":"pay_0195f0c2a7e87d1b9c3f5a6b7c8d9e0f","reference":"ORDER-000000","status":"approved","amount":11900000,"currency":"COP","provider":"provider","session":"000000","authorization":"718233","receipt":"900412771003","method":"card","issuer":"BANCO DE PRUEBAS S.A. 01"}}"#;

#[cfg(test)]
mod tests {
    #[test]
    fn the_payload_is_as_large_as_it_says() {
        assert_eq!(super::PAYLOAD.len(), 340);
    }
}
