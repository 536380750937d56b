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
        Arc::new(carat_esitef_client::CaratEsitef),
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
