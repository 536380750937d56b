//! Carat e-SiTef: cards in Brazil, typed on the portal's page or on the hub's own, kept, charged, and given back.

use anyhow::Context;
use serde_json::{Value, json};
use shop::market::Market::Brazil;

use super::{Shown, ShownAccount};
use crate::clients::{CraftedNotice, PaymentSeen};
use crate::seeds::{Fate, Growing, Seed, Seedling};
use crate::tour::{Expected, PAID, Scene, Story, UNPAID};
use crate::walk::{Following, Page, Shopper};

/// Carat as demo and tour meet it.
pub const SHOWN: Shown = Shown {
    provider: "carat_esitef",
    host: "carat.localhost",
    pages: "carat.localhost",
    notice_routes: &[
        ("notification_url", "status"),
        ("storage_url", "storage"),
        ("authenticity_url", "authenticity"),
    ],
    accounts: &[
        ShownAccount {
            market: Brazil,
            apart: None,
            is_card: true,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[],
            settings: &[("flow", "page")],
        },
        ShownAccount {
            market: Brazil,
            apart: Some(OWN_PAGE),
            is_card: true,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[],
            settings: &[("flow", "rest")],
        },
    ],
    seeds: &SEEDS,
    stories: &STORIES,
};

/// The account whose shoppers type the card on the hub's own page.
const OWN_PAGE: &str = "brasil-own-page";

/// A card of the vendor's published ones; it is approved.
const CARD: &str = "4000000000000044";
/// As late as a card may expire on the hub's own page, which takes more than twenty years for a slip of the finger.
const EXPIRY: &str = "1244";
const CODE: &str = "123";
/// The amount that is denied whatever the card, in minor units, and a usual one.
const DENIED: i64 = 2_200_000;
const USUAL: i64 = 11_900;
/// Deliveries by which the portal tells of an end, at the most.
const DELIVERIES: usize = 4;
/// Beyond the probe's first look, and within the life of a transaction.
const BEYOND_FIRST_PROBE_S: u64 = 6 * 60;
/// Beyond the life of a transaction, and the look after it.
const BEYOND_EXPIRY_S: u64 = 35 * 60;
/// Parameters that the portal's notices come as.
const FORM: &str = "application/x-www-form-urlencoded";

const fn seed(title: &'static str, minor: i64, fate: Fate) -> Seed {
    Seed { title, market: Brazil, minor, currency: "BRL", fate }
}

const SEEDS: [Seed; 6] = [
    seed("Lanterna de ensaio", 9_900, Fate::Expires(None)),
    seed("Mochila imaginária", 25_900, Fate::Payer(pays)),
    seed("Violão fictício", DENIED, Fate::Payer(pays)),
    seed("Rede hipotética", 18_400, Fate::Payer(gives_up)),
    seed("Caderno de prova", 3_150, Fate::GivenBack(pays)),
    seed("Pandeiro de amostra", 7_200, Fate::Waits),
];

fn pays(seedling: Seedling) -> Growing {
    Box::pin(async move {
        let shopper = Shopper::of(seedling.market)?;
        let page = shopper.visitor().open(&seedling.pay_url()?).await?;
        pay(&shopper, &page).await.map(|_| ())
    })
}

fn gives_up(seedling: Seedling) -> Growing {
    Box::pin(async move {
        let shopper = Shopper::of(seedling.market)?;
        let page = shopper.visitor().open(&seedling.pay_url()?).await?;
        give_up(&shopper, &page).await
    })
}

const STORIES: [Story; 10] = [
    Story {
        name: "paid_on_the_portal_s_page",
        title: "A card on the portal's page: a notice hints at it, and a query tells it",
        tell: |scene| Box::pin(paid(scene)),
    },
    Story { name: "denied", title: "The card is denied", tell: |scene| Box::pin(denied(scene)) },
    Story {
        name: "cancelled_by_the_payer",
        title: "The payer gives up on the portal's page: cancelled",
        tell: |scene| Box::pin(cancelled(scene)),
    },
    Story {
        name: "abandoned_then_expired",
        title: "Nobody pays, and the transaction's time runs out",
        tell: |scene| Box::pin(expired(scene)),
    },
    Story {
        name: "lost_notice_found_by_probe",
        title: "The notice is lost every time; the probe finds the payment",
        tell: |scene| Box::pin(found_by_probe(scene)),
    },
    Story {
        name: "forged_notices_change_nothing",
        title: "Notices are signed by nobody: forged ones change nothing",
        tell: |scene| Box::pin(forged(scene)),
    },
    Story {
        name: "paid_on_the_hub_s_page",
        title: "The card is typed on the hub's own page",
        tell: |scene| Box::pin(paid_on_own_page(scene)),
    },
    Story {
        name: "denied_on_the_hub_s_page",
        title: "A card that is typed on the hub's own page is denied",
        tell: |scene| Box::pin(denied_on_own_page(scene)),
    },
    Story {
        name: "kept_card_charged",
        title: "A card is kept, and charged while the shopper is away",
        tell: |scene| Box::pin(kept_card_charged(scene)),
    },
    Story {
        name: "given_back",
        title: "The merchant gives the payment back: the portal asks the shop in the middle of the call",
        tell: |scene| Box::pin(given_back(scene)),
    },
];

async fn paid(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Brazil).await?;
    let back = pay(&shopper, &page).await?;
    scene.tell("the payer types a card and is led back");
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(
        notice.last_answer() == Some(200),
        "the hub answered the notice with {:?} and not 200",
        notice.last_answer()
    );
    scene.wait_for_status("approved").await?;
    scene.tell("the notice is a hint that nobody signs; the portal itself is asked, and believed");
    anyhow::ensure!(
        back.url.host() == scene.places.shop_url.host() && back.url.path().starts_with("/orders/"),
        "the return led to {}",
        back.url
    );
    scene.wait_for_shop().await?;
    scene.tell("the payer is back in the shop, which counts the order as paid");
    Ok(PAID)
}

async fn denied(scene: &mut Scene) -> anyhow::Result<Expected> {
    let payment = scene.order_by_api(Brazil.word(), DENIED, order(json!({}))).await?;
    let (shopper, page) = open(scene, &payment).await?;
    pay(&shopper, &page).await?;
    scene.tell("the payer types a card, and the portal denies the amount");
    scene.wait_for_status("rejected").await?;
    scene.tell("nothing was charged, and the shop is told so");
    Ok(Expected { status: "rejected", declined: 1, ..UNPAID })
}

async fn cancelled(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Brazil).await?;
    give_up(&shopper, &page).await?;
    scene.tell("the payer gives up on the portal's page");
    scene.wait_for_status("cancelled").await?;
    Ok(Expected { status: "cancelled", ..UNPAID })
}

async fn expired(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Brazil).await?;
    scene.tell("the payer looks at the page, and closes the window");
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("expired").await?;
    scene.tell("the portal tells that the transaction's time ran out");
    Ok(UNPAID)
}

async fn found_by_probe(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Brazil).await?;
    scene.lose_notices(Brazil, DELIVERIES).await?;
    fill_in(&shopper, &page, Following::None).await?;
    scene.wait_for_notice().await?;
    scene.is_unpaid("a lost notice").await?;
    scene.tell("the card is charged and the payer closes the window; the notice is lost");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the probe has found the payment; the shop counts the order as paid");
    Ok(PAID)
}

async fn forged(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Brazil).await?;
    let payment = scene.payment().await?;
    let nit = payment.provider_id.context("the hub knows no transaction")?;
    let reference = payment.provider_reference.context("the hub knows no number of its own")?;
    let unknown = "f".repeat(64);
    let told = |nit: &str, number: &str| format!("nit={nit}&nsu={number}&pedido={number}&status=CON");
    // Whoever holds the page's address can name the transaction: that makes the hub ask, and believe the answer only.
    let answer = forge(scene, &["status"], told(&nit, &reference)).await?;
    anyhow::ensure!(answer == Some(200), "a hint was answered {answer:?}");
    scene.is_unpaid("a notice that says paid").await?;
    let others = [
        (&["status"][..], told(&unknown, &reference)),
        (&["status"][..], told(&nit, "1")),
        (&["status"][..], format!("{}&status=NEG", told(&nit, &reference))),
        (&["storage"][..], format!("nita={unknown}&nsu={reference}&status=CON")),
        (&["another"][..], told(&nit, &reference)),
        (&[][..], told(&nit, &reference)),
    ];
    for (route, body) in &others {
        crate::tour::refused(forge(scene, route, body.clone()).await?, body)?;
        scene.is_unpaid(body).await?;
    }
    scene.tell(format!("{} notices that are no payment are sent, and none is believed", others.len() + 1));
    give_up(&shopper, &page).await?;
    scene.wait_for_status("cancelled").await?;
    scene.tell("the payer gives up, and the hub learns that from the portal");
    Ok(Expected { status: "cancelled", ..UNPAID })
}

async fn paid_on_own_page(scene: &mut Scene) -> anyhow::Result<Expected> {
    let payment = scene.order_by_api(OWN_PAGE, USUAL, order(json!({}))).await?;
    type_card(scene, &payment).await?;
    scene.tell("the shopper types the card on the hub's own page");
    scene.wait_for_status("approved").await?;
    scene.wait_until_heard().await?;
    scene.tell("the portal charges it at once, and the shop's server hears so");
    Ok(PAID)
}

async fn denied_on_own_page(scene: &mut Scene) -> anyhow::Result<Expected> {
    let payment = scene.order_by_api(OWN_PAGE, DENIED, order(json!({}))).await?;
    type_card(scene, &payment).await?;
    scene.tell("the shopper types the card on the hub's own page");
    scene.wait_for_status("rejected").await?;
    scene.tell("the portal denies it, and nothing is charged");
    Ok(Expected { status: "rejected", declined: 1, ..UNPAID })
}

async fn kept_card_charged(scene: &mut Scene) -> anyhow::Result<Expected> {
    let customer = format!("customer-{:08x}", rand::random::<u32>());
    let keeping = order(json!({ "customer": customer, "keep_instrument": true }));
    let first = scene.order_by_api(Brazil.word(), USUAL, keeping).await?;
    let (shopper, page) = open(scene, &first).await?;
    pay(&shopper, &page).await?;
    scene.wait_for_status("approved").await?;
    let card = scene.wait_for_card(&customer).await?;
    let end = card.last_four.context("the kept card has no digits to show")?;
    anyhow::ensure!(CARD.ends_with(&end), "another card is kept: {end}");
    scene.tell(format!("a first order is paid, and the portal keeps the card that ends in {end}"));
    let charge = order(json!({ "customer": customer, "instrument": card.id, "is_shopper_away": true }));
    let second = scene.order_by_api(Brazil.word(), USUAL, charge).await?;
    anyhow::ensure!(second.pay_url.is_none(), "a shopper who is away is sent to {:?}", second.pay_url);
    scene.wait_for_status("approved").await?;
    scene.wait_until_heard().await?;
    scene.tell("a second order is charged to it by itself, with nobody there");
    Ok(PAID)
}

async fn given_back(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Brazil).await?;
    pay(&shopper, &page).await?;
    let payment = scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the order is paid");
    scene.places.hub.refund(&payment.id, &format!("tour-{}-refund", payment.id)).await?;
    let stands = scene.wait_for_status("refunded").await?;
    anyhow::ensure!(
        stands.refunded == stands.amount,
        "{} of {} was given back",
        stands.refunded,
        stands.amount
    );
    scene.tell("the merchant gives all of it back; the portal has asked whether the call is genuine");
    Ok(Expected { status: "refunded", refunds: 1, ..PAID })
}

/// An order in reais, with what else it has.
fn order(mut more: Value) -> Value {
    more["currency"] = json!("BRL");
    more["language"] = json!("pt");
    more["description"] = json!("Três cadernos de prova");
    more
}

/// The page where a payment of the API is paid.
async fn open(scene: &mut Scene, payment: &PaymentSeen) -> anyhow::Result<(Shopper, Page)> {
    let shopper = Shopper::of(Brazil)?;
    let url = payment.pay_url.as_ref().context("the order cannot be paid")?;
    let page = shopper.visitor().open(url).await?;
    scene.tell(format!("order {} is placed through the API", scene.reference()?));
    Ok((shopper, page))
}

/// The shopper types a card on the hub's own page.
async fn type_card(scene: &mut Scene, payment: &PaymentSeen) -> anyhow::Result<()> {
    let (shopper, page) = open(scene, payment).await?;
    let hub = scene.places.hub_url.host();
    anyhow::ensure!(page.url.host() == hub, "the card is asked for at {}", page.url);
    let typed = [("number", CARD), ("expiry", EXPIRY), ("code", CODE)];
    let next = shopper.fill(&page, "", &typed, Following::Every).await?;
    anyhow::ensure!(next.status.is_success(), "the card was answered {}", next.status);
    Ok(())
}

/// The payer types a card on the portal's page, and is led on.
async fn pay(shopper: &Shopper, page: &Page) -> anyhow::Result<Page> {
    fill_in(shopper, page, Following::Every).await
}

async fn fill_in(shopper: &Shopper, page: &Page, following: Following) -> anyhow::Result<Page> {
    let typed = [
        ("esitef-cardnumber", CARD),
        ("esitef-cardexpirydate", EXPIRY),
        ("esitef-cardsecuritycode", CODE),
        ("esitef-cardholder", "Pessoa De Prova"),
    ];
    let next = shopper.fill(page, "/pagar", &typed, following).await?;
    anyhow::ensure!(!next.status.is_client_error(), "the card was answered {}", next.status);
    Ok(next)
}

async fn give_up(shopper: &Shopper, page: &Page) -> anyhow::Result<()> {
    shopper.fill(page, "/cancelar", &[], Following::Every).await?;
    Ok(())
}

/// Sends a notice that the portal never wrote, and answers how the hub took it.
async fn forge(scene: &Scene, route: &[&str], body: String) -> anyhow::Result<Option<u16>> {
    let account = scene.places.account(Brazil)?;
    let path = [&["notices", SHOWN.provider, account], route].concat();
    let crafted = CraftedNotice {
        provider: SHOWN.provider.to_owned(),
        url: crate::clients::below(&scene.places.hub_url, &path).into(),
        headers: vec![("content-type".to_owned(), FORM.to_owned())],
        body,
    };
    let sent = scene.places.steering.send_crafted(&crafted).await?;
    scene.wait_for_quiet().await?;
    Ok(sent.last_answer())
}
