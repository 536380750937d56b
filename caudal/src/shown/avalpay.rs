//! Aval Pay: cards in Colombia, on the provider's page.

use anyhow::Context;
use serde_json::{Value, json};
use shop::market::Market::Colombia;
use url::Url;

use super::{Shown, ShownAccount, ShownChoice};
use crate::clients::CraftedNotice;
use crate::seeds::{Fate, Growing, Seed, Seedling};
use crate::tour::{Expected, PAID, Paid, Scene, Story, Sum, UNPAID, refused, shown_answer};
use crate::walk::{Following, Page, Shopper};

/// Aval Pay as demo and tour meet it.
pub const SHOWN: Shown = Shown {
    provider: "avalpay",
    host: "avalpay.localhost",
    pages: "avalpay.localhost",
    notice_routes: &[],
    accounts: &[ShownAccount {
        market: Colombia,
        apart: None,
        is_card: true,
        keeps_cards: true,
        takes_parts: true,
        choices: &CHOICES,
        opened_with: &[],
        settings: &[],
    }],
    seeds: &SEEDS,
    stories: &STORIES,
};

/// Cards are typed on its page; PSE leads on to the bank's.
const CHOICES: [ShownChoice; 2] = [
    ShownChoice {
        word: "card",
        label: "method_card",
        methods: &["visa", "master", "amex", "diners", "discover"],
        is_card: true,
    },
    ShownChoice { word: "pse", label: "method_pse", methods: &["pse"], is_card: false },
];

/// Public test cards: approved at once, declined at once, under review until somebody decides.
const APPROVED: &str = "4110760000000081";
const REJECTED: &str = "4110760000000016";
const REVIEWED: &str = "36545400000701";
/// A test card that takes what is below 200 dollars.
const BELOW_200_DOLLARS: &str = "4110760000000057";
/// What is asked for by API, and what of it is paid at first, in minor units.
const PRICE: i64 = 11_900_000;
const PART: i64 = 5_000_000;
/// Declined attempts after which it closes a session.
const ATTEMPTS_LIMIT: usize = 10;
/// A member of its notices that tells the outcome, and the value by which a forger would turn it into a success.
const TEMPTING_FORGERY: (&str, &str) = ("status.status", "APPROVED");

/// Beyond the probe's first look, and well within the life of a session.
const BEYOND_FIRST_PROBE_S: u64 = 10 * 60;
/// Beyond the longest life of a session, and the look after it.
const BEYOND_EXPIRY_S: u64 = 35 * 60;

const fn seed(title: &'static str, minor: i64, fate: Fate) -> Seed {
    Seed { title, market: Colombia, minor, currency: "COP", fate }
}

const SEEDS: [Seed; 12] = [
    seed("Lámpara de ensayo", 7_735_000, Fate::Expires(None)),
    seed("Morral imaginario", 11_900_000, Fate::Payer(pays)),
    seed("Dos tazas ejemplares", 5_950_000, Fate::Payer(pays)),
    Seed { currency: "USD", ..seed("Suscripción de muestra", 1_999, Fate::Payer(pays)) },
    seed("Café nube de prueba", 4_998_000, Fate::Payer(pays_at_the_second_try)),
    seed("Planta hipotética", 3_629_500, Fate::Payer(is_declined)),
    seed("Libreta ficticia", 2_142_000, Fate::Payer(is_declined_for_good)),
    seed("Mesa de borrador", 48_790_000, Fate::Payer(is_under_review)),
    seed("Silla de boceto", 26_180_000, Fate::Payer(gives_up)),
    seed("Reloj de ejemplo", 17_731_000, Fate::TakenBack),
    seed("Paraguas de maqueta", 6_545_000, Fate::Waits),
    seed("Radio de utilería", 14_280_000, Fate::Failed),
];

fn pays(seedling: Seedling) -> Growing {
    Box::pin(try_cards(seedling, vec![APPROVED]))
}

fn pays_at_the_second_try(seedling: Seedling) -> Growing {
    Box::pin(try_cards(seedling, vec![REJECTED, APPROVED]))
}

fn is_declined(seedling: Seedling) -> Growing {
    Box::pin(try_cards(seedling, vec![REJECTED]))
}

fn is_declined_for_good(seedling: Seedling) -> Growing {
    Box::pin(try_cards(seedling, vec![REJECTED; ATTEMPTS_LIMIT]))
}

fn is_under_review(seedling: Seedling) -> Growing {
    Box::pin(try_cards(seedling, vec![REVIEWED]))
}

fn gives_up(seedling: Seedling) -> Growing {
    Box::pin(async move {
        let shopper = Shopper::of(seedling.market)?;
        let page = shopper.visitor().open(&seedling.pay_url()?).await?;
        shopper.give_up(&page, Following::Every).await?;
        Ok(())
    })
}

/// One try with each card, then back to the merchant, which makes the hub ask.
async fn try_cards(seedling: Seedling, cards: Vec<&str>) -> anyhow::Result<()> {
    let shopper = Shopper::of(seedling.market)?;
    let mut page = shopper.visitor().open(&seedling.pay_url()?).await?;
    for card in cards {
        page = shopper.pay(page, card).await?;
    }
    shopper.return_to_merchant(&page).await?;
    Ok(())
}

const STORIES: [Story; 14] = [
    Story {
        name: "approved_by_notice",
        title: "Approved: the provider's notice tells it, nobody returns",
        tell: |scene| Box::pin(approved_by_notice(scene)),
    },
    Story {
        name: "rejected_then_approved",
        title: "Rejected, then approved in the same session",
        tell: |scene| Box::pin(rejected_then_approved(scene)),
    },
    Story {
        name: "rejected_for_good",
        title: "Rejected until the provider takes no more",
        tell: |scene| Box::pin(rejected_for_good(scene)),
    },
    Story {
        name: "under_review_then_approved",
        title: "Under review: pending until somebody decides",
        tell: |scene| Box::pin(under_review_then_approved(scene)),
    },
    Story {
        name: "lost_notice_found_on_return",
        title: "The notice is lost; the shopper's return finds it out",
        tell: |scene| Box::pin(lost_notice_found_on_return(scene)),
    },
    Story {
        name: "lost_notice_found_by_probe",
        title: "The notice is lost and nobody returns; the probe finds it out",
        tell: |scene| Box::pin(lost_notice_found_by_probe(scene)),
    },
    Story {
        name: "abandoned_then_expired",
        title: "Abandoned on the provider's page, then expired",
        tell: |scene| Box::pin(abandoned_then_expired(scene)),
    },
    Story {
        name: "provider_out_of_order",
        title: "The provider is out of order: failed, and nothing was charged",
        tell: |scene| Box::pin(provider_out_of_order(scene)),
    },
    Story {
        name: "forged_notices_refused",
        title: "Forged, tampered and replayed notices change nothing",
        tell: |scene| Box::pin(forged_notices_refused(scene)),
    },
    Story {
        name: "given_back",
        title: "Paid, and given back before the day's reconciliation",
        tell: |scene| Box::pin(given_back(scene)),
    },
    Story {
        name: "paid_in_parts",
        title: "Paid in two parts, each with a card of its own",
        tell: |scene| Box::pin(paid_in_parts(scene)),
    },
    Story {
        name: "partly_paid",
        title: "Paid in part when its time runs out: collected and missing are told",
        tell: |scene| Box::pin(partly_paid(scene)),
    },
    Story {
        name: "dispersion_given_back",
        title: "Dispersed among three sites; the second is denied, and the first given back",
        tell: |scene| Box::pin(dispersion_given_back(scene)),
    },
    Story {
        name: "kept_card_charged",
        title: "A card is kept with nothing to pay, then charged while the shopper is away",
        tell: |scene| Box::pin(kept_card_charged(scene)),
    },
];

async fn approved_by_notice(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    shopper.pay(page, APPROVED).await?;
    scene.tell("the shopper pays with a test card and closes the window");
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(
        notice.last_answer() == Some(200),
        "the hub answered the notice with {:?} and not 200",
        notice.last_answer()
    );
    scene.tell("the provider's signed notice arrives, and the hub answers 200");
    let payment = scene.wait_for_status("approved").await?;
    scene.tell("the hub asks the provider, and the payment is approved");
    scene.wait_for_shop().await?;
    scene.tell("the shop verifies the signed event, and counts the order as paid");
    scene.leave_paid(payment)?;
    Ok(PAID)
}

async fn rejected_then_approved(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    let page = shopper.pay(page, REJECTED).await?;
    scene.tell("the first card is declined; the session stays open");
    let status = scene.payment().await?.status;
    anyhow::ensure!(
        status != "approved" && status != "rejected",
        "the hub says {status} after one declined card"
    );
    let page = shopper.pay(page, APPROVED).await?;
    scene.tell("the second card is approved in the same session");
    shopper.return_to_merchant(&page).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("one payment, approved once; the shop counts the order as paid");
    Ok(Expected { declined: 1, ..PAID })
}

async fn rejected_for_good(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, mut page) = scene.order(Colombia).await?;
    for _ in 0..ATTEMPTS_LIMIT {
        page = shopper.pay(page, REJECTED).await?;
    }
    scene.tell(format!("{ATTEMPTS_LIMIT} cards are declined, and the provider takes no more"));
    shopper.return_to_merchant(&page).await?;
    scene.wait_for_status("rejected").await?;
    scene.tell("the order is rejected, and nothing was charged");
    Ok(Expected { status: "rejected", declined: ATTEMPTS_LIMIT, ..UNPAID })
}

async fn under_review_then_approved(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    let page = shopper.pay(page, REVIEWED).await?;
    shopper.return_to_merchant(&page).await?;
    scene.wait_for_status("pending").await?;
    scene.tell("the card has to be looked at: the order is pending, and nothing is delivered");
    let key = scene.payment().await?.provider_id.context("the hub knows no key of the provider")?;
    let request_id: u64 = key.parse().context("a number names the session")?;
    scene.command("resolve_pending", json!({ "request_id": request_id, "outcome": "approved" })).await?;
    scene.tell("somebody decides, and the provider's notice tells it");
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the shop counts the order as paid");
    Ok(PAID)
}

async fn provider_out_of_order(scene: &mut Scene) -> anyhow::Result<Expected> {
    let fault = json!({ "http_status": { "status": 500 } });
    for _ in 0..5 {
        scene.spoil_request("create_session", &fault).await?;
    }
    scene.order_refused(Colombia).await?;
    scene.tell("the provider answers every try with 500; the shop says that nothing was charged");
    scene.wait_for_status("failed").await?;
    Ok(Expected { status: "failed", ..UNPAID })
}

async fn lost_notice_found_on_return(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    scene.lose_notices(Colombia, 1).await?;
    let page = shopper.pay(page, APPROVED).await?;
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(notice.state == "lost", "the notice was to be lost, and is {}", notice.state);
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "the hub knows of an approval that nobody told it");
    scene.tell(format!("the shopper pays; the notice is lost, the hub still says {status}"));
    let page = shopper.return_to_merchant(&page).await?;
    let status = scene.payment().await?.status;
    anyhow::ensure!(status == "approved", "after the return the hub says {status}");
    anyhow::ensure!(
        page.url.host() == scene.places.shop_url.host() && page.url.path().starts_with("/orders/"),
        "the return led to {}",
        page.url
    );
    scene.tell("the shopper returns; the hub asks the provider and shows the approval at once");
    scene.wait_for_shop().await?;
    scene.tell("the shop counts the order as paid");
    Ok(PAID)
}

async fn lost_notice_found_by_probe(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    scene.lose_notices(Colombia, 1).await?;
    shopper.pay(page, APPROVED).await?;
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(notice.state == "lost", "the notice was to be lost, and is {}", notice.state);
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "the hub knows of an approval that nobody told it");
    scene.tell(format!(
        "the shopper pays and closes the window; the notice is lost, the hub still says {status}"
    ));
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the probe has found the approval; the shop counts the order as paid");
    Ok(PAID)
}

async fn abandoned_then_expired(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (_shopper, _page) = scene.order(Colombia).await?;
    scene.tell("the shopper looks at the provider's page, and closes the window");
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("expired").await?;
    scene.tell("the session's time ran out; the hub tells so, and nothing was charged");
    Ok(UNPAID)
}

async fn given_back(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Colombia).await?;
    shopper.pay(page, APPROVED).await?;
    let payment = scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the order is paid");
    scene.places.hub.refund(&payment.id, &format!("tour-{}-refund", payment.id)).await?;
    scene.wait_for_status("reversed").await?;
    scene.tell("the merchant gives it back before eight in the evening: the charge is undone");
    Ok(Expected { status: "reversed", refunds: 1, ..PAID })
}

/// Who buys by API.
fn buyer() -> Value {
    json!({
        "name": "Persona", "surname": "De Prueba", "email": "persona@correo.example", "mobile": "3005550147",
        "document": { "country": "CO", "type": "CC", "number": "1010101010" },
    })
}

/// An order of the API, for what the shop does not sell.
async fn order_by_api(scene: &mut Scene, minor: i64, more: Value) -> anyhow::Result<(Shopper, Page)> {
    let mut order = json!({
        "currency": "COP",
        "description": "Tres cuadernos de prueba",
        "buyer": buyer(),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        order[name] = value.clone();
    }
    let payment = scene.order_by_api(Colombia.word(), minor, order).await?;
    let shopper = Shopper::of(Colombia)?;
    let url = payment.pay_url.context("the payment has no page to be paid at")?;
    let page = shopper.visitor().open(&url).await?;
    Ok((shopper, page))
}

async fn paid_in_parts(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = order_by_api(scene, PRICE, json!({ "allow_partial": true })).await?;
    let page = shopper.pay_so_much(page, APPROVED, Some("50000")).await?;
    scene.tell("the first card pays a part, and the page asks for the rest");
    shopper.pay(page, APPROVED).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_until_heard().await?;
    scene.tell("the second card pays the rest; the shop's server hears of one approval");
    Ok(Expected { charges: 2, sum: Sum::Together, ..PAID })
}

async fn partly_paid(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = order_by_api(scene, PRICE, json!({ "allow_partial": true })).await?;
    shopper.pay_so_much(page, APPROVED, Some("50000")).await?;
    scene.tell("a card pays a part, and nobody pays the rest");
    scene.advance(BEYOND_EXPIRY_S).await?;
    let payment = scene.wait_for_status("partially_expired").await?;
    anyhow::ensure!(payment.paid == PART, "the hub says that {} was paid", payment.paid);
    scene.tell("the session's time ran out: the hub tells what is collected and what is missing");
    Ok(Expected { status: "partially_expired", sum: Sum::Part(PART), ..PAID })
}

async fn dispersion_given_back(scene: &mut Scene) -> anyhow::Result<Expected> {
    let part = |agreement: Option<u32>, minor: i64| json!({ "agreement": agreement, "amount": minor });
    let parts = json!([part(Some(4021), PART), part(Some(4022), 100_000_000), part(None, 1_900_000)]);
    let total = PART + 100_000_000 + 1_900_000;
    let (shopper, page) = order_by_api(scene, total, json!({ "dispersion": parts })).await?;
    shopper.pay(page, BELOW_200_DOLLARS).await?;
    scene.tell("the first site is paid, the second is too much for the card, the third is not tried");
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("reversed").await?;
    scene.tell("the session's time ran out, and the provider has given the first part back");
    Ok(Expected { status: "reversed", declined: 1, refunds: 1, sum: Sum::Part(PART), ..PAID })
}

async fn kept_card_charged(scene: &mut Scene) -> anyhow::Result<Expected> {
    let customer = format!("customer-{:08x}", rand::random::<u32>());
    let keeping = json!({ "customer": customer, "keep_instrument": true });
    let (shopper, page) = order_by_api(scene, 0, keeping).await?;
    let page = shopper.pay(page, APPROVED).await?;
    shopper.return_to_merchant(&page).await?;
    let card = scene.wait_for_card(&customer).await?;
    let end = card.last_four.context("the kept card has no digits to show")?;
    anyhow::ensure!(APPROVED.ends_with(&end), "another card is kept: {end}");
    scene.tell(format!("nothing is paid, and the provider keeps the card that ends in {end}"));
    let charge = json!({
        "currency": "COP",
        "description": "Cuota de prueba",
        "buyer": buyer(),
        "customer": customer, "instrument": card.id, "is_shopper_away": true,
    });
    let charged = scene.order_by_api(Colombia.word(), PRICE, charge).await?;
    anyhow::ensure!(charged.status == "approved", "the answer says {}", charged.status);
    scene.wait_until_heard().await?;
    scene.tell("the card is charged by itself, and the answer tells at once");
    Ok(PAID)
}

async fn forged_notices_refused(scene: &mut Scene) -> anyhow::Result<Expected> {
    let paid = scene.paid_before()?;
    let (shopper, page) = scene.order(Colombia).await?;
    let before = scene.payment().await?;
    let key = before.provider_id.clone().context("the hub knows no key of the provider")?;

    forge(scene, &paid, &key).await?;
    let way_back = tamper(scene, &shopper, &page).await?;
    replay(scene, &paid).await?;

    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "a forged notice was believed");
    shopper.visitor().open(&way_back).await?;
    scene.wait_for_status("cancelled").await?;
    scene.tell("the shopper returns; the hub asks the provider, who says that it was cancelled");
    Ok(Expected { status: "cancelled", ..UNPAID })
}

/// A genuine notice about a paid order, made to speak of this one.
async fn forge(scene: &mut Scene, paid: &Paid, key: &str) -> anyhow::Result<()> {
    let notices = scene.places.steering.notices().await?;
    let genuine = notices.iter().find(|notice| notice.about == paid.provider_id);
    let genuine = genuine.context("the notice of the first story is gone")?;
    let notice_url = ["notices", SHOWN.provider, scene.places.account(Colombia)?];
    let crafted = CraftedNotice {
        provider: SHOWN.provider.to_owned(),
        url: crate::clients::below(&scene.places.hub_url, &notice_url).into(),
        headers: vec![],
        body: genuine.body.replace(&paid.provider_id, key),
    };
    let sent = scene.places.steering.send_crafted(&crafted).await?;
    refused(sent.last_answer(), "a forged notice")?;
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "a forged notice was believed");
    scene.tell(format!(
        "a forged notice claims that the order is paid: answered {}, nothing changes",
        shown_answer(sent.last_answer())
    ));
    Ok(())
}

/// The shopper gives up; the provider's notice of it is altered on its way into a success, and then sent again.
/// Answers with the address at which the shopper would come back.
async fn tamper(scene: &mut Scene, shopper: &Shopper, page: &Page) -> anyhow::Result<Url> {
    let (member, value) = TEMPTING_FORGERY;
    let fault = json!({ "tampered": { "member": member, "value": value } });
    scene.spoil_notice(Colombia, &fault).await?;
    let given_up = shopper.give_up(page, Following::None).await?;
    let tampered = scene.wait_for_notice().await?;
    refused(tampered.last_answer(), "a tampered notice")?;
    scene.tell(format!(
        "the shopper gives up; the notice of it is altered on its way to say {value}: answered {}",
        shown_answer(tampered.last_answer())
    ));
    let again = scene.places.steering.resend(&tampered.id).await?;
    refused(again.last_answer(), "a tampered notice that came again")?;
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "a tampered notice was believed");
    scene.tell(format!("the same bytes come again: answered {}", shown_answer(again.last_answer())));
    given_up.onward.context("the provider sends nobody back who gives up")
}

/// The genuine notice of an earlier story, sent once more.
async fn replay(scene: &mut Scene, paid: &Paid) -> anyhow::Result<()> {
    let notices = scene.places.steering.notices().await?;
    let genuine = notices.iter().find(|notice| notice.about == paid.provider_id);
    let genuine = genuine.context("the notice of the first story is gone")?.id.clone();
    let version = async |scene: &Scene| -> anyhow::Result<i64> {
        let payment = scene.places.hub.by_reference(&paid.reference).await?;
        Ok(payment.context("the hub forgot a paid order")?.version)
    };
    let before = version(scene).await?;
    let replayed = scene.places.steering.resend(&genuine).await?;
    let after = version(scene).await?;
    anyhow::ensure!(before == after, "a replayed notice changed a paid order");
    let shop = scene.places.shop.order(&paid.reference).await?.context("the shop forgot a paid order")?;
    anyhow::ensure!(shop.approvals == 1, "a replayed notice told the shop {} times", shop.approvals);
    scene.tell(format!(
        "the genuine notice of the first order is replayed: answered {}, nothing changes",
        shown_answer(replayed.last_answer())
    ));
    Ok(())
}
