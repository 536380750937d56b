//! PlacetoPay simulated: Checkout (Aval Pay), its rule book and its hosted page.
//!
//! Written from the numbered facts of `checkout/PROTOCOL.md`; a choice that nobody confirmed carries its
//! id there (`AV-U…`) beside the constant or setting that makes it. Section numbers in comments (§) are
//! those of that file.

pub mod authentication;
pub mod checkout;
pub mod instant;

pub use checkout::AvalPay;
