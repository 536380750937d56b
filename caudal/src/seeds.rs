//! Payments in different states, so that no screen of the demo is empty.
//!
//! They come about as real ones would: asked for through the public API, paid on the providers' pages, moved by steering.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use shop::market::Market;

use crate::clients::PaymentSeen;
use crate::shown::{self, Shown};
use crate::stage::Places;
use crate::walk::Identity;

/// Beyond the life of what is planted to expire, and the hub's look after it.
const BEYOND_EXPIRY_S: u64 = 50 * 60;
/// How long a payment may take to be approved, in real time.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A payment to be planted.
pub struct Seed {
    /// What is ordered.
    pub title: &'static str,
    /// Where.
    pub market: Market,
    /// For how much, in minor units.
    pub minor: i64,
    /// ISO 4217; the provider may take another money than the shop's.
    pub currency: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a seed.
#[derive(Clone, Copy)]
pub enum Fate {
    /// Nobody pays it, and its time runs out; so many seconds after it was made, where the provider's usual time is long.
    Expires(Option<i64>),
    /// Nobody has paid it yet.
    Waits,
    /// The merchant takes it back.
    TakenBack,
    /// The provider was out of order when it was to be opened.
    Failed,
    /// Something that only this provider's payers do.
    Payer(fn(Seedling) -> Growing),
    /// They pay, and the merchant gives it back.
    GivenBack(fn(Seedling) -> Growing),
}

/// A planted payment that a payer goes on with.
pub struct Seedling {
    /// Where it was ordered.
    pub market: Market,
    /// The payment as it was made.
    pub payment: PaymentSeen,
}

/// What becomes of a seed, under way.
pub type Growing = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// Plants all seeds, and answers how many there are. Those that expire come first, since they move the clock past the
/// expiry of whatever waits.
///
/// # Errors
/// What did not go as it should.
pub async fn plant(places: &Places) -> anyhow::Result<usize> {
    let all = || shown::ALL.into_iter().flat_map(|shown| shown.seeds.iter().map(move |seed| (shown, seed)));
    let (expiring, others): (Vec<_>, Vec<_>) =
        all().partition(|(_, seed)| matches!(seed.fate, Fate::Expires(_)));
    let mut planted = 0;
    for (shown, seed) in &expiring {
        planted += 1;
        plant_one(places, shown, seed, planted).await?;
    }
    places.steering.advance(BEYOND_EXPIRY_S).await?;
    for (shown, seed) in &others {
        planted += 1;
        plant_one(places, shown, seed, planted).await?;
    }
    Ok(planted)
}

async fn plant_one(
    places: &Places,
    shown: &'static Shown,
    seed: &'static Seed,
    number: usize,
) -> anyhow::Result<()> {
    let reference = format!("DEMO-{number:03}");
    let grown = grow(places, shown, seed, &reference).await;
    grown.with_context(|| format!("seed {reference}, {}", seed.title))
}

async fn grow(
    places: &Places,
    shown: &'static Shown,
    seed: &'static Seed,
    reference: &str,
) -> anyhow::Result<()> {
    let order = order(places, seed, reference).await?;
    if matches!(seed.fate, Fate::Failed) {
        return fail(places, shown, reference, &order).await;
    }
    let payment = places.hub.create(&format!("seed-{reference}"), &order).await?;
    match seed.fate {
        Fate::TakenBack => {
            places.hub.cancel(&payment.id, &format!("seed-{reference}-cancel")).await?;
            Ok(())
        }
        Fate::Expires(_) | Fate::Waits | Fate::Failed => Ok(()),
        Fate::Payer(go_on) => go_on(Seedling { market: seed.market, payment }).await,
        Fate::GivenBack(go_on) => {
            let id = payment.id.clone();
            go_on(Seedling { market: seed.market, payment }).await?;
            wait_until_approved(places, reference).await?;
            places.hub.refund(&id, &format!("seed-{reference}-refund")).await?;
            Ok(())
        }
    }
}

/// What is to be given back has to be taken first.
async fn wait_until_approved(places: &Places, reference: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let payment = places.hub.by_reference(reference).await?.context("the hub does not know the order")?;
        if payment.status == "approved" {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "it was paid, and is {}", payment.status);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The provider answers nothing useful while this one is opened.
async fn fail(places: &Places, shown: &Shown, reference: &str, order: &Value) -> anyhow::Result<()> {
    const MORE_THAN_ENOUGH: u32 = 10;
    let fault = json!({ "http_status": { "status": 500 } });
    places.steering.spoil_requests(shown.provider, MORE_THAN_ENOUGH, &fault).await?;
    let refused = places.hub.create(&format!("seed-{reference}"), order).await;
    places.steering.clear_hardships().await?;
    match refused {
        Err(_) => Ok(()),
        Ok(payment) => {
            anyhow::bail!("it was opened although the provider was out of order: {}", payment.status)
        }
    }
}

impl Seedling {
    /// Where its payer pays.
    ///
    /// # Errors
    /// When it cannot be paid.
    pub fn pay_url(&self) -> anyhow::Result<url::Url> {
        let payment = &self.payment;
        let url = payment.pay_url.clone();
        url.with_context(|| format!("{} cannot be paid: it is {}", payment.reference, payment.status))
    }
}

async fn order(places: &Places, seed: &Seed, reference: &str) -> anyhow::Result<Value> {
    let identity = Identity::of(seed.market);
    let mut order = json!({
        "reference": reference,
        "account": places.account(seed.market)?,
        "amount": seed.minor,
        "currency": seed.currency,
        "description": seed.title,
        "buyer": {
            "name": "Persona",
            "surname": "De Prueba",
            "document": {
                "country": seed.market.country(),
                "type": identity.document_type,
                "number": identity.document_number,
            },
            "email": "persona@correo.example",
            "mobile": identity.mobile,
        },
        "return_url": places.shop_url,
        "language": "es",
        "shopper": { "ip": "127.0.0.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) caudal-seed/1.0" },
    });
    if let Fate::Expires(Some(life_s)) = seed.fate {
        let end = places.steering.now().await? + jiff::SignedDuration::from_secs(life_s);
        order["expires_at"] = json!(end);
    }
    Ok(order)
}
