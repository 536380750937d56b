//! Each provider's payments from creation to their end, against its simulator over HTTP, on both databases.

mod carat_esitef;
mod etpay;
mod pagoefectivo;
#[path = "../support/mod.rs"]
mod support;
