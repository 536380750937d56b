//! The protocols of PlacetoPay as pure code: Checkout, which is sold in Colombia as Aval Pay.
//!
//! Both products of the house prove who sends a request in the same way, so [`authentication`] stands
//! beside them; each product is a module of its own.

pub mod authentication;
pub mod checkout;
