//! A story under way: the shopper, the order, the steps told so far, and waiting for what others do.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::witnesses::{Expected, Words};
use crate::clients::{NoticeSeen, PaymentSeen};
use crate::registry::SHOWN;
use crate::screen::{self, Paint};
use crate::stage::Places;
use crate::walk::{Page, Shopper};

/// How long something may take that happens by itself, in real time.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What later stories need of earlier ones.
#[derive(Clone, Debug, Default)]
pub struct KnownSoFar {
    /// A paid order of an earlier story: its notice is what a forger would start from.
    pub paid: Option<Paid>,
}

/// A paid order and the provider's key of it.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The shop's reference.
    pub reference: String,
    /// What the provider calls the session.
    pub provider_id: String,
}

/// A story under way.
pub struct Scene {
    /// Where everything is.
    pub places: Places,
    /// What earlier stories left.
    pub known: KnownSoFar,
    steps: Vec<Step>,
    reference: Option<String>,
    begun: Instant,
    is_shown: bool,
    paint: Paint,
}

/// One step, as it was told.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Step {
    /// Milliseconds since the story began.
    pub at_ms: u128,
    /// What happened.
    pub text: String,
}

/// A story that has ended.
pub struct Closed {
    /// Its steps.
    pub steps: Vec<Step>,
    /// The shop's reference of its order.
    pub reference: Option<String>,
    /// What was expected, when it came so far.
    pub expected: Option<Expected>,
    /// What the witnesses say.
    pub words: Option<Words>,
    /// What went wrong.
    pub trouble: Option<String>,
    /// What it leaves for later stories.
    pub known: KnownSoFar,
}

impl Scene {
    /// A story that begins now.
    pub fn new(places: &Places, known: KnownSoFar, is_shown: bool) -> Self {
        let paint = Paint::for_output();
        let (places, begun) = (places.clone(), Instant::now());
        Self { places, known, steps: Vec::new(), reference: None, begun, is_shown, paint }
    }

    /// Tells a step.
    pub fn tell(&mut self, text: impl Into<String>) {
        let step = Step { at_ms: self.begun.elapsed().as_millis(), text: text.into() };
        if self.is_shown {
            let at = self.paint.faint(&format!("{:>6} ms", step.at_ms));
            screen::line(format!("   {} {at}  {}", self.paint.good("✓"), step.text));
        }
        self.steps.push(step);
    }

    /// A shopper orders the first thing on sale, and stands on the provider's page.
    pub async fn order(&mut self) -> anyhow::Result<(Shopper, Page)> {
        let shopper = Shopper::new()?;
        let page = shopper.order(&self.places.shop_url).await?;
        anyhow::ensure!(
            page.url.host_str() == Some(SHOWN.host),
            "the pay button led to {} and not to the provider",
            page.url
        );
        let history = shopper.visitor().open(&self.places.shop_url.join("/history")?).await?;
        let mut paths = history.document.links.iter().filter_map(|(href, _)| history.url.join(href).ok());
        let order = paths
            .find(|url| url.path().starts_with("/orders/"))
            .context("the shop's history has no order")?;
        let reference =
            order.path_segments().and_then(|mut parts| parts.nth(1)).context("the order has no reference")?;
        self.reference = Some(reference.to_owned());
        self.tell(format!("a shopper places order {reference} and is sent on to {}", SHOWN.host));
        Ok((shopper, page))
    }

    /// The order's payment at the hub.
    pub async fn payment(&self) -> anyhow::Result<PaymentSeen> {
        let reference = self.reference.as_deref().context("no order was placed yet")?;
        self.places.hub.by_reference(reference).await?.context("the hub does not know the order")
    }

    /// Waits until the hub tells a status.
    pub async fn wait_for_status(&self, wanted: &str) -> anyhow::Result<PaymentSeen> {
        let found = wait_for(async || {
            let payment = self.payment().await?;
            Ok(if payment.status == wanted { Ok(payment) } else { Err(payment.status) })
        });
        found.await?.map_err(|status| anyhow::anyhow!("the hub says {status} and not {wanted}"))
    }

    /// Waits until the shop counts the order as paid.
    pub async fn wait_for_shop(&self) -> anyhow::Result<()> {
        let reference = self.reference.as_deref().context("no order was placed yet")?;
        let found = wait_for(async || {
            let order = self.places.shop.order(reference).await?;
            let is_told = order.is_some_and(|order| order.times_paid > 0 && order.approvals > 0);
            Ok(if is_told { Ok(()) } else { Err(()) })
        });
        found.await?.map_err(|()| anyhow::anyhow!("no verified event told the shop"))
    }

    /// Waits for the newest notice about the order that came to an end, whatever end.
    pub async fn wait_for_notice(&self) -> anyhow::Result<NoticeSeen> {
        let about = self.payment().await?.provider_id.context("the hub knows no key of the provider")?;
        let found = wait_for(async || {
            let notices = self.places.steering.notices().await?;
            let ended = |notice: &NoticeSeen| {
                matches!(notice.state.as_str(), "delivered" | "failed" | "lost" | "refused")
            };
            let notice = notices.into_iter().rfind(|notice| notice.about == about);
            Ok(notice.filter(ended).ok_or(()))
        });
        found.await?.map_err(|()| anyhow::anyhow!("the provider sent no notice"))
    }

    /// Has the order's witnesses heard, and closes the story.
    pub async fn close(mut self, told: anyhow::Result<Expected>) -> Closed {
        let expected = told.as_ref().ok().copied();
        let mut trouble = told.err().map(|error| format!("{error:#}"));
        let words = match &self.reference {
            None => None,
            Some(reference) => match hear(&self.places, reference, expected).await {
                Ok(words) => Some(words),
                Err(error) => {
                    trouble.get_or_insert_with(|| format!("{error:#}"));
                    None
                }
            },
        };
        if trouble.is_none()
            && !words.as_ref().zip(expected).is_some_and(|(words, expected)| words.agree_with(expected))
        {
            trouble = Some("the witnesses do not say what is expected".to_owned());
        }
        if let Err(error) = self.places.steering.clear_hardships().await {
            trouble.get_or_insert_with(|| format!("{error:#}"));
        }
        let steps = std::mem::take(&mut self.steps);
        Closed { steps, reference: self.reference, expected, words, trouble, known: self.known }
    }
}

/// The witnesses are heard until they say what is expected, or patience ends: an event may still be on its way. A
/// story that went wrong expects nothing, and they are heard once.
async fn hear(places: &Places, reference: &str, expected: Option<Expected>) -> anyhow::Result<Words> {
    let heard = wait_for(async || {
        let words = Words::hear(places, reference).await?;
        let is_enough = expected.is_none_or(|expected| words.agree_with(expected));
        Ok(if is_enough { Ok(words) } else { Err(words) })
    });
    Ok(heard.await?.unwrap_or_else(|words| words))
}

/// Looks again and again. The last look is returned as it was; an error ends the waiting.
async fn wait_for<T, E>(
    mut look: impl AsyncFnMut() -> anyhow::Result<Result<T, E>>,
) -> anyhow::Result<Result<T, E>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let is_last = Instant::now() >= deadline;
        let found = look().await?;
        if found.is_ok() || is_last {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
