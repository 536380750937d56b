//! The six stories. Each places one order in the shop, and says how it has to end.

use std::future::Future;
use std::pin::Pin;

use anyhow::Context;
use serde_json::json;
use url::Url;

use super::scene::{Paid, Scene};
use super::witnesses::Expected;
use crate::clients::CraftedNotice;
use crate::registry::SHOWN;
use crate::walk::{Following, Page, Shopper};

/// One story.
pub struct Story {
    /// A word for machines.
    pub name: &'static str,
    /// A line for people.
    pub title: &'static str,
    /// Tells it.
    pub tell: for<'a> fn(&'a mut Scene) -> Telling<'a>,
}

type Telling<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Expected>> + 'a>>;

/// All stories, in the order in which they are told.
pub const ALL: [Story; 6] = [
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
        name: "forged_notices_refused",
        title: "Forged, tampered and replayed notices change nothing",
        tell: |scene| Box::pin(forged_notices_refused(scene)),
    },
];

const PAID: Expected = Expected { status: "approved", is_paid: true, declined: 0 };
const UNPAID: Expected = Expected { status: "expired", is_paid: false, declined: 0 };

/// Beyond the probe's first look, and well within the life of a session.
const BEYOND_FIRST_PROBE_S: u64 = 10 * 60;
/// Beyond the longest life of a session, and the look after it.
const BEYOND_EXPIRY_S: u64 = 35 * 60;

async fn approved_by_notice(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order().await?;
    shopper.pay(page, SHOWN.cards.approved).await?;
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
    let provider_id = payment.provider_id.context("the hub knows no key of the provider")?;
    scene.known.paid = Some(Paid { reference: payment.reference, provider_id });
    Ok(PAID)
}

async fn rejected_then_approved(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order().await?;
    let page = shopper.pay(page, SHOWN.cards.rejected).await?;
    scene.tell("the first card is declined; the session stays open");
    let status = scene.payment().await?.status;
    anyhow::ensure!(
        status != "approved" && status != "rejected",
        "the hub says {status} after one declined card"
    );
    let page = shopper.pay(page, SHOWN.cards.approved).await?;
    scene.tell("the second card is approved in the same session");
    shopper.return_to_merchant(&page).await?;
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("one payment, approved once; the shop counts the order as paid");
    Ok(Expected { declined: 1, ..PAID })
}

async fn lost_notice_found_on_return(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (shopper, page) = scene.order().await?;
    lose_next_notice(scene).await?;
    let page = shopper.pay(page, SHOWN.cards.approved).await?;
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
    let (shopper, page) = scene.order().await?;
    lose_next_notice(scene).await?;
    shopper.pay(page, SHOWN.cards.approved).await?;
    let notice = scene.wait_for_notice().await?;
    anyhow::ensure!(notice.state == "lost", "the notice was to be lost, and is {}", notice.state);
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "the hub knows of an approval that nobody told it");
    scene.tell(format!(
        "the shopper pays and closes the window; the notice is lost, the hub still says {status}"
    ));
    scene.places.steering.advance(BEYOND_FIRST_PROBE_S).await?;
    scene.tell(format!("the clock moves on by {} minutes", BEYOND_FIRST_PROBE_S / 60));
    scene.wait_for_status("approved").await?;
    scene.wait_for_shop().await?;
    scene.tell("the probe has found the approval; the shop counts the order as paid");
    Ok(PAID)
}

async fn abandoned_then_expired(scene: &mut Scene) -> anyhow::Result<Expected> {
    let (_shopper, _page) = scene.order().await?;
    scene.tell("the shopper looks at the provider's page, and closes the window");
    scene.places.steering.advance(BEYOND_EXPIRY_S).await?;
    scene.tell(format!("the clock moves on by {} minutes", BEYOND_EXPIRY_S / 60));
    scene.wait_for_status("expired").await?;
    scene.tell("the session's time ran out; the hub tells so, and nothing was charged");
    Ok(UNPAID)
}

async fn forged_notices_refused(scene: &mut Scene) -> anyhow::Result<Expected> {
    let paid = scene.known.paid.clone().context("the first story left no paid order to start from")?;
    let (shopper, page) = scene.order().await?;
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
    let notice_url = ["notices", SHOWN.provider, &scene.places.account];
    let crafted = CraftedNotice {
        provider: SHOWN.provider.to_owned(),
        url: crate::clients::below(&scene.places.hub_url, &notice_url).into(),
        body: genuine.body.replace(&paid.provider_id, key),
    };
    let sent = scene.places.steering.send_crafted(&crafted).await?;
    refused(sent.last_answer(), "a forged notice")?;
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "a forged notice was believed");
    scene.tell(format!(
        "a forged notice claims that the order is paid: answered {}, nothing changes",
        shown(sent.last_answer())
    ));
    Ok(())
}

/// The shopper gives up; the provider's notice of it is altered on its way into a success, and then sent again.
/// Answers with the address at which the shopper would come back.
async fn tamper(scene: &mut Scene, shopper: &Shopper, page: &Page) -> anyhow::Result<Url> {
    let (member, value) = SHOWN.tempting_forgery;
    let fault = json!({ "tampered": { "member": member, "value": value } });
    scene.places.steering.spoil_next_notice(SHOWN.provider, &scene.places.account, &fault).await?;
    let given_up = shopper.give_up(page, Following::None).await?;
    let tampered = scene.wait_for_notice().await?;
    refused(tampered.last_answer(), "a tampered notice")?;
    scene.tell(format!(
        "the shopper gives up; the notice of it is altered on its way to say {value}: answered {}",
        shown(tampered.last_answer())
    ));
    let again = scene.places.steering.resend(&tampered.id).await?;
    refused(again.last_answer(), "a tampered notice that came again")?;
    let status = scene.payment().await?.status;
    anyhow::ensure!(status != "approved", "a tampered notice was believed");
    scene.tell(format!("the same bytes come again: answered {}", shown(again.last_answer())));
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
        shown(replayed.last_answer())
    ));
    Ok(())
}

async fn lose_next_notice(scene: &Scene) -> anyhow::Result<()> {
    scene.places.steering.spoil_next_notice(SHOWN.provider, &scene.places.account, &json!("lost")).await
}

fn refused(answer: Option<u16>, what: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        answer.is_some_and(|status| (400..500).contains(&status)),
        "{what} was answered {}",
        shown(answer)
    );
    Ok(())
}

fn shown(answer: Option<u16>) -> String {
    answer.map_or_else(|| "not at all".to_owned(), |status| status.to_string())
}
