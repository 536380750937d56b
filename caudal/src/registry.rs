//! The one place that names providers: a line for each provider and role.

use std::sync::Arc;

use carat_esitef_simulator::CaratEsitef;
use etpay_simulator::EtPay;
use hub::Providers;
use pagoefectivo_simulator::PagoEfectivo;
use placetopay_client::checkout;
use placetopay_simulator as placetopay;
use simulation::Simulator;

/// The providers that the hub speaks to.
pub fn providers() -> Providers {
    Providers::new(vec![
        Arc::new(checkout::AvalPay),
        Arc::new(pagoefectivo_client::PagoEfectivo),
        Arc::new(etpay_client::EtPay),
    ])
}

/// The providers that the sandbox simulates.
pub fn simulators() -> Vec<Box<dyn Simulator>> {
    vec![
        Box::new(placetopay::checkout::AvalPay::new()),
        Box::new(PagoEfectivo::new()),
        Box::new(EtPay::new()),
        Box::new(CaratEsitef::new()),
    ]
}

/// A provider as demo and tour meet it.
pub struct Shown {
    /// Its id.
    pub provider: &'static str,
    /// The host name of its simulated site.
    pub host: &'static str,
    /// Its public test cards.
    pub cards: TestCards,
    /// A member of its notices that tells the outcome, and the value by which a forger would turn it into a success.
    pub tempting_forgery: (&'static str, &'static str),
    /// Declined attempts after which it closes a session.
    pub attempts_limit: usize,
}

/// Public test cards by what they do.
pub struct TestCards {
    /// Approved at once.
    pub approved: &'static str,
    /// Declined at once.
    pub rejected: &'static str,
    /// Under review until somebody decides.
    pub reviewed: &'static str,
}

/// The provider that demo and tour show.
pub const SHOWN: Shown = Shown {
    provider: "avalpay",
    host: "avalpay.localhost",
    cards: TestCards {
        approved: "4110760000000081",
        rejected: "4110760000000016",
        reviewed: "36545400000701",
    },
    tempting_forgery: ("status.status", "APPROVED"),
    attempts_limit: 10,
};
