//! ETpay: transfers from a bank account, in Chile and in Mexico.

use anyhow::Context;
use serde_json::{Value, json};
use shop::market::Market;
use shop::market::Market::{Chile, Mexico};

use super::{Shown, ShownAccount};
use crate::seeds::{Fate, Growing, Seed, Seedling};
use crate::tour::{Expected, PAID, Scene, Story, UNPAID};
use crate::walk::{Following, Page, Shopper};

/// ETpay as demo and tour meet it.
pub const SHOWN: Shown = Shown {
    provider: "etpay",
    host: "etpay.localhost",
    pages: "pmt-etpay.localhost",
    notice_routes: &[],
    accounts: &[
        ShownAccount {
            market: Chile,
            apart: None,
            is_card: false,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[("country", "CL"), ("merchant_name", "Tienda Imaginaria")],
            settings: &[("country", "cl")],
        },
        ShownAccount {
            market: Mexico,
            apart: None,
            is_card: false,
            keeps_cards: false,
            takes_parts: false,
            choices: &[],
            opened_with: &[("country", "MX"), ("merchant_name", "Tienda Imaginaria")],
            settings: &[("country", "mx")],
        },
    ],
    seeds: &SEEDS,
    stories: &STORIES,
};

/// Payers of the test bank: whose transfer is done, whose account has not enough, whose second factor is refused, whose
/// bank confirms minutes later, whose funnel loses its backend though the transfer was made.
const PAYS: &str = "111111111";
const HAS_TOO_LITTLE: &str = "222222222";
const CANNOT_APPROVE: &str = "333333333";
const CONFIRMED_LATE: &str = "444444444";
const LOST_BUT_PAID: &str = "555555555";

/// Deliveries by which the provider tells of an end, at the most.
const DELIVERIES: usize = 3;
/// Beyond the probe's first look, and within the life of a session.
const BEYOND_FIRST_PROBE_S: u64 = 15 * 60;
/// Beyond the life of a session.
const BEYOND_EXPIRY_S: u64 = 45 * 60;

const fn seed(title: &'static str, market: Market, minor: i64, fate: Fate) -> Seed {
    let currency = if matches!(market, Mexico) { "MXN" } else { "CLP" };
    Seed { title, market, minor, currency, fate }
}

const SEEDS: [Seed; 6] = [
    seed("Candil de ensayo", Chile, 18_564, Fate::Expires(None)),
    seed("Mochila ficticia", Chile, 28_560, Fate::Payer(pays)),
    seed("Cuaderno imaginario", Chile, 5_117, Fate::Payer(has_too_little)),
    seed("Rebozo hipotético", Mexico, 58_000, Fate::Payer(transfers)),
    seed("Trompo de muestra", Chile, 7_140, Fate::Waits),
    seed("Alebrije de prueba", Mexico, 37_700, Fate::Waits),
];

fn pays(seedling: Seedling) -> Growing {
    Box::pin(go_through(seedling, PAYS))
}

fn has_too_little(seedling: Seedling) -> Growing {
    Box::pin(go_through(seedling, HAS_TOO_LITTLE))
}

fn transfers(seedling: Seedling) -> Growing {
    Box::pin(async move {
        let shopper = Shopper::of(seedling.market)?;
        let page = shopper.visitor().open(&seedling.pay_url()?).await?;
        transfer(&shopper, page, "spei").await.map(|_| ())
    })
}

async fn go_through(seedling: Seedling, rut: &'static str) -> anyhow::Result<()> {
    let shopper = Shopper::of(seedling.market)?;
    let page = shopper.visitor().open(&seedling.pay_url()?).await?;
    go_through_funnel(&shopper, page, rut).await.map(|_| ())
}

const STORIES: [Story; 13] = [
    Story {
        name: "approved_by_notice",
        title: "A transfer in Chile: the notice signed with the session's own key tells it",
        tell: |scene| Box::pin(approved_by_notice(scene)),
    },
    Story {
        name: "approved_by_spei",
        title: "A transfer in Mexico by SPEI",
        tell: |scene| Box::pin(approved_in_mexico(scene, "spei")),
    },
    Story {
        name: "approved_by_codi",
        title: "A transfer in Mexico by CoDi",
        tell: |scene| Box::pin(approved_in_mexico(scene, "codi")),
    },
    Story {
        name: "not_enough_funds",
        title: "The account has not enough: rejected",
        tell: |scene| Box::pin(rejected(scene, HAS_TOO_LITTLE, "the account has not enough")),
    },
    Story {
        name: "second_factor_refused",
        title: "The bank refuses the second factor: rejected",
        tell: |scene| Box::pin(rejected(scene, CANNOT_APPROVE, "the bank refuses the second factor")),
    },
    Story {
        name: "given_up_in_the_funnel",
        title: "The payer gives up in the funnel: cancelled",
        tell: |scene| Box::pin(given_up(scene)),
    },
    Story {
        name: "abandoned_then_expired",
        title: "Abandoned in the funnel, and its time runs out",
        tell: |scene| Box::pin(abandoned(scene)),
    },
    Story {
        name: "bank_confirms_later",
        title: "The bank confirms minutes later",
        tell: |scene| Box::pin(confirmed_later(scene)),
    },
    Story {
        name: "funnel_loses_its_backend",
        title: "The funnel loses its backend: the redirect says so, and the query tells the truth",
        tell: |scene| Box::pin(system_error(scene)),
    },
    Story {
        name: "lost_notice_found_by_probe",
        title: "The notice is lost and nobody returns; the probe finds it out",
        tell: |scene| Box::pin(lost_notice_found_by_probe(scene)),
    },
    Story {
        name: "failed_then_confirmed_late",
        title: "A failed transfer is confirmed late: taken once, and shown to a person",
        tell: |scene| Box::pin(failed_then_confirmed(scene)),
    },
    Story {
        name: "two_sessions_paid_is_overpaid",
        title: "Two sessions of one order are paid: found by the query, and shown to a person",
        tell: |scene| Box::pin(overpaid(scene)),
    },
    Story {
        name: "forged_notices_refused",
        title: "Forged and altered notices change nothing",
        tell: |scene| Box::pin(forged(scene)),
    },
];

async fn approved_by_notice(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    let page = go_through_funnel(&shopper, page, PAYS).await?;
    scene.tell("the payer chooses a bank, signs in, and approves the transfer");
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(
        notice.last_answer() == Some(200),
        "the hub answered the notice with {:?} and not 200",
        notice.last_answer()
    );
    let payment = scene.wait_for_status("approved").await?;
    scene.tell("the notice is verified by the session's own key, and believed");
    let back = go_back(&shopper, &page).await?;
    anyhow::ensure!(
        back.url.host() == scene.places.shop_url.host() && back.url.path().starts_with("/orders/"),
        "the return led to {}",
        back.url
    );
    scene.wait_for_shop().await?;
    scene.tell("the payer is back in the shop, which counts the order as paid");
    scene.leave_paid(payment)?;
    Ok(PAID)
}

async fn approved_in_mexico(scene: &mut Scene, method: &str) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Mexico).await?;
    transfer(&shopper, page, method).await?;
    scene.tell(format!("the payer chooses {method}, and the bank confirms the transfer"));
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the notice tells it; the shop counts the order as paid");
    Ok(PAID)
}

async fn rejected(scene: &mut Scene, rut: &str, why: &str) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    go_through_funnel(&shopper, page, rut).await?;
    scene.tell(why);
    scene.wait_for_status("rejected").await?;
    scene.tell("the failure is told by a notice as well, and nothing was charged");
    Ok(Expected { status: "rejected", declined: 1, ..UNPAID })
}

async fn given_up(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    shopper.fill(&page, "/cancel", &[], Following::Every).await?;
    scene.tell("the payer gives up, and is sent back");
    scene.wait_for_status("cancelled").await?;
    Ok(Expected { status: "cancelled", declined: 1, ..UNPAID })
}

async fn abandoned(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.order(Chile).await?;
    scene.tell("the payer looks at the funnel, and closes the window");
    scene.advance(BEYOND_EXPIRY_S).await?;
    scene.wait_for_status("expired").await?;
    scene.tell("the session's time ran out, and nothing was charged");
    Ok(Expected { declined: 1, ..UNPAID })
}

async fn confirmed_later(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    go_through_funnel(&shopper, page, CONFIRMED_LATE).await?;
    scene.is_unpaid("a transfer that no bank has confirmed").await?;
    scene.tell("the payer has approved the transfer, and the bank is silent");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the bank has confirmed; the shop counts the order as paid");
    Ok(PAID)
}

async fn system_error(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    go_through_funnel(&shopper, page, LOST_BUT_PAID).await?;
    scene.is_unpaid("a funnel that knows nothing").await?;
    scene.tell("the funnel loses its backend, and sends the payer to the failure address");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the query tells that the transfer was made; the shop counts the order as paid");
    Ok(PAID)
}

async fn lost_notice_found_by_probe(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    scene.lose_notices(Chile, DELIVERIES).await?;
    go_through_funnel(&shopper, page, PAYS).await?;
    scene.wait_for_notice().await?;
    scene.is_unpaid("a lost notice").await?;
    scene.tell("the transfer is done and the payer closes the window; the notice is lost");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the probe has found the transfer; the shop counts the order as paid");
    Ok(PAID)
}

async fn failed_then_confirmed(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order(Chile).await?;
    go_through_funnel(&shopper, page, HAS_TOO_LITTLE).await?;
    scene.wait_for_status("rejected").await?;
    scene.tell("the transfer fails, and the shop is told so");
    let session = session(scene).await?;
    scene.command("decide", json!({ "session_token": session, "outcome": "success" })).await?;
    scene.tell("the bank confirms it after all");
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the payment is taken once; the shop counts the order as paid");
    scene.is_flagged("Late payment").await?;
    Ok(Expected { declined: 1, ..PAID })
}

async fn overpaid(scene: &mut Scene) -> anyhow::Result<Expected> {
    scene.spoil_request("initialize_session", &json!("reset_after_effect")).await?;
    let (shopper, page) = scene.order(Chile).await?;
    scene.tell("the answer of the first session was lost, and a second one was opened");
    let own = session(scene).await?;
    let lost = other_session(scene, &own).await?;
    scene.lose_notices(Chile, 2 * DELIVERIES).await?;
    scene.command("decide", json!({ "session_token": lost, "outcome": "success" })).await?;
    go_through_funnel(&shopper, page, PAYS).await?;
    scene.tell("both sessions are paid, and their notices are lost");
    scene.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the query of the order tells of both; the shop counts the order as paid, once");
    scene.is_flagged("Overpaid").await?;
    Ok(Expected { charges: 2, ..PAID })
}

async fn forged(scene: &mut Scene) -> anyhow::Result<Expected> {
    const KINDS: [&str; 12] = [
        "other_key",
        "session_token_key",
        "other_session",
        "alg_none",
        "alg_hs512",
        "alg_rs256",
        "changed_claims",
        "truncated",
        "padded",
        "status_true_as_text",
        "status_one",
        "status_upper_case",
    ];
    let (shopper, page) = scene.order(Chile).await?;
    let session = session(scene).await?;
    for kind in KINDS {
        let sent = scene.command("attack", json!({ "session_token": session, "kind": kind })).await?;
        anyhow::ensure!(sent.is_object(), "{kind} was not sent");
        scene.wait_for_quiet().await?;
        scene.is_unpaid(kind).await?;
    }
    scene.tell(format!("{} notices that are no payment are sent, and none is believed", KINDS.len()));
    shopper.fill(&page, "/cancel", &[], Following::Every).await?;
    scene.wait_for_status("cancelled").await?;
    scene.tell("the payer gives up, and the genuine notice of that is believed");
    Ok(Expected { status: "cancelled", declined: 1, ..UNPAID })
}

/// Through the funnel up to the end that the payer's RUT stands for; the last page that was shown.
async fn go_through_funnel(shopper: &Shopper, mut page: Page, rut: &str) -> anyhow::Result<Page> {
    let steps: [(&str, &[(&str, &str)]); 5] = [
        ("/bank", &[("bank", "cl_test")]),
        ("/credentials", &[("rut", rut), ("password", "1111")]),
        ("/account", &[]),
        ("/dynamic-key", &[("dynamic_key", "11111111")]),
        ("/second-factor", &[("second_factor", "12")]),
    ];
    for (end, fields) in steps {
        if page.document.forms.iter().any(|form| form.action.ends_with(end)) {
            page = shopper.fill(&page, end, fields, Following::Every).await?;
            anyhow::ensure!(page.status.is_success(), "{end} was answered {}", page.status);
        }
    }
    Ok(page)
}

/// Through Mexico's funnel, and the bank confirms.
async fn transfer(shopper: &Shopper, page: Page, method: &str) -> anyhow::Result<Page> {
    let page = shopper.fill(&page, "/method", &[("method", method)], Following::Every).await?;
    let fields = [("bank", "mx_test"), ("email", "persona@correo.example"), ("phone", "5500000001")];
    let page = shopper.fill(&page, "/transfer", &fields, Following::Every).await?;
    Ok(shopper.fill(&page, "/bank-decides", &[], Following::Every).await?)
}

/// From the result back to the merchant.
async fn go_back(shopper: &Shopper, page: &Page) -> anyhow::Result<Page> {
    let links = page.document.links.iter().filter_map(|(href, _)| page.url.join(href).ok());
    let back = links.into_iter().find(|url| url.path().ends_with("/return"));
    Ok(shopper.visitor().open(&back.context("the result shows no way back")?).await?)
}

async fn session(scene: &Scene) -> anyhow::Result<String> {
    scene.payment().await?.provider_id.context("the hub knows no session")
}

/// The other session of the same order.
async fn other_session(scene: &Scene, own: &str) -> anyhow::Result<String> {
    let listed = scene.command("sessions", json!({ "account": scene.places.account(Chile)? })).await?;
    let sessions = listed["sessions"].as_array().context("a list of sessions")?;
    let order = |session: &Value| session["merchant_order_id"].clone();
    let known = sessions.iter().find(|session| session["session_token"] == own).context("our session")?;
    let other = sessions
        .iter()
        .find(|session| session["session_token"] != own && order(session) == order(known))
        .context("there is no other session of this order")?;
    Ok(other["session_token"].as_str().context("a token")?.to_owned())
}
