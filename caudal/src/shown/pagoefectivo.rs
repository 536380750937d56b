//! PagoEfectivo: codes that are paid in cash or at a bank, in Peru in soles and in Ecuador in dollars.

use anyhow::Context;
use serde_json::json;
use shop::market::Market;
use shop::market::Market::{Ecuador, Peru};

use super::{Shown, ShownAccount};
use crate::seeds::{Fate, Growing, Seed, Seedling};
use crate::tour::{Expected, PAID, Scene, Story, UNPAID};
use crate::walk::{Following, Page, Shopper};

/// PagoEfectivo as demo and tour meet it.
pub const SHOWN: Shown = Shown {
    provider: "pagoefectivo",
    host: "pagoefectivo.localhost",
    pages: "pagoefectivo.localhost",
    notice_routes: &[],
    accounts: &[
        ShownAccount {
            market: Peru,
            apart: None,
            is_card: false,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[("merchant_name", "Tienda Imaginaria")],
            settings: &[
                ("default_life_minutes", "120"),
                ("maximum_pen", "1000000"),
                ("maximum_pen_agreement", "2026-01-15; Persona De Prueba; Acta de ensayo 1"),
            ],
        },
        ShownAccount {
            market: Ecuador,
            apart: None,
            is_card: false,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[("merchant_name", "Tienda Imaginaria")],
            settings: &[
                ("default_life_minutes", "120"),
                ("maximum_usd", "300000"),
                ("maximum_usd_agreement", "2026-01-15; Persona De Prueba; Acta de ensayo 2"),
            ],
        },
    ],
    seeds: &SEEDS,
    stories: &STORIES,
};

/// Deliveries by which the provider tells of a payment, all in all.
const DELIVERIES: usize = 2;
/// Where a payer pays.
const CHANNEL: &str = "BCP";
/// Beyond the probe's first look.
const BEYOND_FIRST_PROBE_S: u64 = 20 * 60;
/// The life of a code of these accounts, and the hub's own expiry after it.
const LIFE_S: u64 = 2 * 60 * 60;
const BEYOND_EXPIRY_S: u64 = LIFE_S + 30 * 60;
/// Less than the shop's first thing on sale costs, in soles, and what was agreed before.
const TOO_LOW_A_MAXIMUM: &str = "10.00";
const USUAL_MAXIMUM: &str = "10000.00";

const fn seed(title: &'static str, market: Market, minor: i64, fate: Fate) -> Seed {
    let currency = if matches!(market, Ecuador) { "USD" } else { "PEN" };
    Seed { title, market, minor, currency, fate }
}

const SEEDS: [Seed; 6] = [
    seed("Farol de ensayo", Peru, 8_990, Fate::Expires(Some(12 * 60))),
    seed("Mochila imaginaria", Peru, 11_800, Fate::Payer(pays)),
    seed("Manta ficticia", Ecuador, 2_990, Fate::Payer(pays)),
    seed("Quena hipotética", Peru, 4_550, Fate::Waits),
    seed("Chullo de muestra", Peru, 6_100, Fate::TakenBack),
    seed("Sombrero de prueba", Ecuador, 3_475, Fate::Waits),
];

fn pays(seedling: Seedling) -> Growing {
    Box::pin(async move {
        let shopper = Shopper::of(seedling.market)?;
        let page = shopper.visitor().open(&seedling.pay_url()?).await?;
        let code = seedling.payment.pay_code.context("the payment has no code")?;
        pay_at_the_centre(&shopper, &page, &code).await
    })
}

const STORIES: [Story; 11] = [
    Story {
        name: "paid_in_soles",
        title: "A code is paid at a counter in Peru; the signed notice tells it",
        tell: |scene| Box::pin(paid_by_notice(scene, Peru)),
    },
    Story {
        name: "paid_in_dollars",
        title: "A code is paid at a counter in Ecuador; the signed notice tells it",
        tell: |scene| Box::pin(paid_by_notice(scene, Ecuador)),
    },
    Story {
        name: "nobody_pays_expired_by_the_hub",
        title: "Nobody pays: the provider tells nothing, and the hub expires the code itself",
        tell: |scene| Box::pin(expired_by_the_hub(scene)),
    },
    Story {
        name: "taken_back_by_the_merchant",
        title: "The merchant takes the code back before it is paid",
        tell: |scene| Box::pin(taken_back(scene)),
    },
    Story {
        name: "refused_above_the_agreed_maximum",
        title: "The provider refuses an amount above what was agreed: failed",
        tell: |scene| Box::pin(refused_above_maximum(scene)),
    },
    Story {
        name: "first_notice_lost_second_arrives",
        title: "The first delivery of the notice is lost; the second one arrives",
        tell: |scene| Box::pin(second_delivery(scene)),
    },
    Story {
        name: "lost_notices_found_by_probe",
        title: "Both deliveries of the notice are lost; the probe finds the payment",
        tell: |scene| Box::pin(lost_notices_found_by_probe(scene)),
    },
    Story {
        name: "late_payment_taken_once",
        title: "A centre tells of a payment after the hub's own expiry: taken once, and shown to a person",
        tell: |scene| Box::pin(late_payment(scene)),
    },
    Story {
        name: "lost_creation_found_by_its_notice",
        title: "The answer of the creation is lost: no second code, and the notice finds the first",
        tell: |scene| Box::pin(lost_creation(scene)),
    },
    Story {
        name: "repeated_notices_taken_once",
        title: "Repeated, concurrent and newly numbered notices of one code are taken once",
        tell: |scene| Box::pin(repeated_notices(scene)),
    },
    Story {
        name: "forged_notices_refused",
        title: "Forged and altered notices, and those of other amounts, change nothing",
        tell: |scene| Box::pin(forged_notices(scene)),
    },
];

async fn paid_by_notice(scene: &mut Scene, market: Market) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(market).await?;
    let code = code(scene).await?;
    pay_at_the_centre(&shopper, &page, &code).await?;
    scene.tell(format!("somebody pays the code {code} in cash, in the provider's simulator of payments"));
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(
        notice.last_answer() == Some(200),
        "the hub answered the notice with {:?} and not 200",
        notice.last_answer()
    );
    let payment = scene.wait_for_status("approved").await?;
    scene.tell("the signed notice is believed, answered 200, and nobody has to be asked");
    scene.wait_for_shop().await?;
    scene.tell("the shop verifies the signed event, and counts the order as paid");
    scene.leave_paid(payment)?;
    Ok(PAID)
}

async fn expired_by_the_hub(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Peru).await?;
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("expired").await?;
    scene.tell("the life of the code is over, and no notice ever tells so: the hub expires it");
    Ok(UNPAID)
}

async fn taken_back(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Peru).await?;
    let payment = scene.payment().await?;
    scene.places.hub.cancel(&payment.id, &format!("tour-{}", payment.id)).await?;
    scene.wait_for_status("cancelled").await?;
    scene.tell("the merchant takes the code back, and the provider deletes it");
    let gone = shopper.visitor().open(&page.url).await?;
    anyhow::ensure!(gone.status.as_u16() == 404, "the code's page still answers {}", gone.status);
    scene.tell("the code's page is gone");
    Ok(Expected { status: "cancelled", ..UNPAID })
}

async fn refused_above_maximum(scene: &mut Scene) -> anyhow::Result<Expected> {
    set_maximum(scene, TOO_LOW_A_MAXIMUM).await?;
    let refused = scene.order_refused(Peru).await;
    set_maximum(scene, USUAL_MAXIMUM).await?;
    refused?;
    scene.tell("the provider knows a lower maximum than the hub, and answers 511: no code is made");
    scene.wait_for_status("failed").await?;
    Ok(Expected { status: "failed", ..UNPAID })
}

async fn second_delivery(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Peru).await?;
    scene.lose_notices(Peru, 1).await?;
    pay(scene).await?;
    scene.wait_for_notice().await?;
    scene.is_unpaid("a lost notice").await?;
    scene.tell("the code is paid; the first delivery of the notice is lost");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the second delivery arrives; the shop counts the order as paid");
    Ok(PAID)
}

async fn lost_notices_found_by_probe(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Peru).await?;
    scene.lose_notices(Peru, DELIVERIES).await?;
    pay(scene).await?;
    scene.wait_for_notice().await?;
    scene.is_unpaid("a lost notice").await?;
    scene.tell("the code is paid; both deliveries of the notice are going to be lost");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the probe has found the payment; the shop counts the order as paid");
    Ok(PAID)
}

async fn late_payment(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Peru).await?;
    let payment = scene.payment().await?;
    let code = code(scene).await?;
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("expired").await?;
    scene.tell("the code's life is over, and the hub has told the shop so");
    let paid_at = payment.expires_at - jiff::SignedDuration::from_mins(1);
    scene.command("pay", json!({ "cip": number(&code)?, "paid_at": paid_at })).await?;
    scene.tell("a centre tells only now that it took the money in time");
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the payment is taken once; the shop counts the order as paid");
    scene.is_flagged("Late payment").await?;
    Ok(PAID)
}

async fn lost_creation(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.spoil_request("create_cip", &json!("reset_after_effect")).await?;
    let (_, page) = scene.place(Peru).await?;
    anyhow::ensure!(
        page.url.host() == scene.places.shop_url.host(),
        "an order whose code nobody knows led to {}",
        page.url
    );
    let payment = scene.payment().await?;
    anyhow::ensure!(payment.pay_code.is_none(), "the hub tells a code that it cannot know");
    scene.tell("the code is made and its answer lost: the order is held, and no second code is asked for");
    scene.is_flagged("May exist unknown to us").await?;
    let listed = scene.command("cips", json!({})).await?;
    let orphan = listed["cips"][0]["cip"].as_u64().context("the provider has made no code")?;
    scene.command("pay", json!({ "cip": orphan })).await?;
    scene.tell(format!("its payer got the code {orphan} by mail, and pays it"));
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the notice names the order, and the shop counts it as paid");
    Ok(PAID)
}

async fn repeated_notices(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Peru).await?;
    let code = code(scene).await?;
    pay(scene).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    let before = scene.payment().await?.version;
    for variant in ["repeated", "concurrent", "other_operation", "documented_members", "unknown_member"] {
        scene.command("notify", json!({ "cip": number(&code)?, "variant": variant })).await?;
        scene.wait_for_notice().await?;
    }
    let after = scene.payment().await?.version;
    anyhow::ensure!(before == after, "a repeated notice changed a paid order");
    scene.tell("five kinds of repetition are answered, and change nothing");
    Ok(PAID)
}

async fn forged_notices(scene: &mut Scene) -> anyhow::Result<Expected> {
    let paid = scene.paid_before()?;
    scene.order(Peru).await?;
    let code = code(scene).await?;
    scene.lose_notices(Peru, DELIVERIES).await?;
    pay(scene).await?;
    scene.wait_for_notice().await?;
    for variant in ["wrong_signature", "no_signature", "changed_body", "unknown_cip"] {
        scene.command("notify", json!({ "cip": number(&code)?, "variant": variant })).await?;
        scene.wait_for_notice().await?;
        scene.is_unpaid(variant).await?;
    }
    scene.tell("four kinds of forgery about a code that is paid already are refused, and change nothing");
    scene.command("notify", json!({ "cip": number(&paid.provider_id)?, "variant": "wrong_amount" })).await?;
    scene.wait_for_quiet().await?;
    let told = scene.places.hub.by_reference(&paid.reference).await?.context("the hub forgot an order")?;
    let shop = scene.places.shop.order(&paid.reference).await?.context("the shop forgot a paid order")?;
    anyhow::ensure!(told.paid == shop.amount, "another amount was believed: {}", told.paid);
    anyhow::ensure!(shop.times_paid == 1, "another amount made the order paid {} times", shop.times_paid);
    let shown = scene.places.console.story(&told.id).await?;
    anyhow::ensure!(shown.contains("Contradiction"), "nobody is shown the contradiction");
    scene.tell(
        "a signed notice tells another amount of an earlier order: not believed, and shown to a person",
    );
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.tell("the hub asks the provider itself, and learns the truth");
    Ok(PAID)
}

/// A developer pays a code in the provider's simulator of payments, as if at a counter.
async fn pay_at_the_centre(shopper: &Shopper, page: &Page, code: &str) -> anyhow::Result<()> {
    let centre = page.url.join(&format!("/simulador-de-pagos?cip={code}"))?;
    let centre = shopper.visitor().open(&centre).await?;
    shopper.fill(&centre, "/pagar", &[("channel", CHANNEL)], Following::Every).await?;
    Ok(())
}

async fn pay(scene: &Scene) -> anyhow::Result<()> {
    let code = code(scene).await?;
    scene.command("pay", json!({ "cip": number(&code)?, "channel": CHANNEL })).await.map(|_| ())
}

async fn code(scene: &Scene) -> anyhow::Result<String> {
    scene.payment().await?.pay_code.context("the hub tells no code to pay with")
}

fn number(code: &str) -> anyhow::Result<u64> {
    code.parse().with_context(|| format!("{code} is no number"))
}

async fn set_maximum(scene: &Scene, maximum: &str) -> anyhow::Result<()> {
    let account = scene.places.account(Peru)?;
    let change = json!({ "account": account, "setting": "maximum_pen", "value": maximum });
    scene.command("set_account", change).await.map(|_| ())
}
