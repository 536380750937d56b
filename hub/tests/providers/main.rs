//! Each provider's payments from creation to their end, against its simulator over HTTP, on both databases.

mod agreements;
mod avalpay_cards;
mod avalpay_recurrences;
mod carat_esitef;
mod carat_esitef_cards;
mod carat_esitef_doubts;
mod etpay;
mod pagoefectivo;
#[path = "../support/mod.rs"]
mod support;
