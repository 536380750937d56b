//! A dozen payments in different states, so that no screen of the demo is empty.
//!
//! They come about as real ones would: asked for through the public API, paid on the provider's page, moved by steering.

use anyhow::Context;
use serde_json::{Value, json};

use crate::clients::PaymentSeen;
use crate::registry::SHOWN;
use crate::stage::Places;
use crate::walk::{Following, Shopper};

/// Beyond the longest life of a session.
const BEYOND_EXPIRY_S: u64 = 35 * 60;

/// What becomes of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nobody pays it, and its time runs out.
    Expires,
    /// Nobody has paid it yet.
    Waits,
    /// Paid at the first try.
    Approved,
    /// Declined once, then paid.
    RejectedThenApproved,
    /// Declined once; the shopper thinks it over.
    RejectedOnce,
    /// Declined until the provider takes no more.
    RejectedForGood,
    /// Paid with a card that somebody has to look at.
    UnderReview,
    /// The shopper gives up on the provider's page.
    GivenUp,
    /// The merchant takes it back.
    TakenBack,
    /// The provider was out of order when it was to be opened.
    Failed,
}

/// What is ordered, for how much in minor units, in which currency, and what becomes of it.
const SEEDS: [(&str, i64, &str, Fate); 12] = [
    // First, since it moves the clock past the expiry of whatever waits.
    ("Lámpara de ensayo", 7_735_000, "COP", Fate::Expires),
    ("Morral imaginario", 11_900_000, "COP", Fate::Approved),
    ("Dos tazas ejemplares", 5_950_000, "COP", Fate::Approved),
    ("Suscripción de muestra", 1_999, "USD", Fate::Approved),
    ("Café nube de prueba", 4_998_000, "COP", Fate::RejectedThenApproved),
    ("Planta hipotética", 3_629_500, "COP", Fate::RejectedOnce),
    ("Libreta ficticia", 2_142_000, "COP", Fate::RejectedForGood),
    ("Mesa de borrador", 48_790_000, "COP", Fate::UnderReview),
    ("Silla de boceto", 26_180_000, "COP", Fate::GivenUp),
    ("Reloj de ejemplo", 17_731_000, "COP", Fate::TakenBack),
    ("Paraguas de maqueta", 6_545_000, "COP", Fate::Waits),
    ("Radio de utilería", 14_280_000, "COP", Fate::Failed),
];

/// Plants the seeds, and answers how many there are.
///
/// # Errors
/// What did not go as it should.
pub async fn plant(places: &Places) -> anyhow::Result<usize> {
    for (number, (title, minor, currency, fate)) in (1..).zip(SEEDS) {
        let reference = format!("DEMO-{number:03}");
        let order = order(places, &reference, title, minor, currency);
        grow(places, &reference, &order, fate)
            .await
            .with_context(|| format!("seed {reference}, {fate:?}"))?;
    }
    Ok(SEEDS.len())
}

async fn grow(places: &Places, reference: &str, order: &Value, fate: Fate) -> anyhow::Result<()> {
    if fate == Fate::Failed {
        return fail(places, reference, order).await;
    }
    let payment = places.hub.create(&format!("seed-{reference}"), order).await?;
    let cards = &SHOWN.cards;
    let tries = match fate {
        Fate::Approved => vec![cards.approved],
        Fate::RejectedThenApproved => vec![cards.rejected, cards.approved],
        Fate::RejectedOnce => vec![cards.rejected],
        Fate::RejectedForGood => vec![cards.rejected; SHOWN.attempts_limit],
        Fate::UnderReview => vec![cards.reviewed],
        Fate::Expires | Fate::Waits | Fate::GivenUp | Fate::TakenBack | Fate::Failed => Vec::new(),
    };
    match fate {
        Fate::Expires => places.steering.advance(BEYOND_EXPIRY_S).await?,
        Fate::TakenBack => {
            places.hub.cancel(&payment.id, &format!("seed-{reference}-cancel")).await?;
        }
        Fate::GivenUp => {
            let shopper = Shopper::new()?;
            let page = shopper.visitor().open(&pay_url(&payment)?).await?;
            shopper.give_up(&page, Following::Every).await?;
        }
        Fate::Waits | Fate::Failed => {}
        Fate::Approved
        | Fate::RejectedThenApproved
        | Fate::RejectedOnce
        | Fate::RejectedForGood
        | Fate::UnderReview => pay(&payment, &tries).await?,
    }
    Ok(())
}

/// One try with each card, then back to the merchant, which makes the hub ask.
async fn pay(payment: &PaymentSeen, cards: &[&str]) -> anyhow::Result<()> {
    let shopper = Shopper::new()?;
    let mut page = shopper.visitor().open(&pay_url(payment)?).await?;
    for card in cards {
        page = shopper.pay(page, card).await?;
    }
    shopper.return_to_merchant(&page).await?;
    Ok(())
}

/// The provider answers nothing useful while this one is opened.
async fn fail(places: &Places, reference: &str, order: &Value) -> anyhow::Result<()> {
    const MORE_THAN_ENOUGH: u32 = 10;
    let fault = json!({ "http_status": { "status": 500 } });
    places.steering.spoil_requests(SHOWN.provider, MORE_THAN_ENOUGH, &fault).await?;
    let refused = places.hub.create(&format!("seed-{reference}"), order).await;
    places.steering.clear_hardships().await?;
    match refused {
        Err(_) => Ok(()),
        Ok(payment) => {
            anyhow::bail!("it was opened although the provider was out of order: {}", payment.status)
        }
    }
}

fn pay_url(payment: &PaymentSeen) -> anyhow::Result<url::Url> {
    payment
        .pay_url
        .clone()
        .with_context(|| format!("{} cannot be paid: it is {}", payment.reference, payment.status))
}

fn order(places: &Places, reference: &str, title: &str, minor: i64, currency: &str) -> Value {
    json!({
        "reference": reference,
        "amount": minor,
        "currency": currency,
        "description": title,
        "buyer": {
            "name": "Persona",
            "surname": "De Prueba",
            "document": { "country": "CO", "type": "CC", "number": "1010101010" },
            "email": "persona@correo.example",
            "mobile": "3005550147",
        },
        "return_url": places.shop_url,
        "language": "es",
        "shopper": { "ip": "127.0.0.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) caudal-seed/1.0" },
    })
}
