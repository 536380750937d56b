//! A story under way: the shopper, the order, the steps told so far, and waiting for what others do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use shop::market::Market;

use super::witnesses::{Expected, Words};
use crate::clients::{InstrumentSeen, NoticeSeen, PaymentSeen};
use crate::screen::{self, Paint};
use crate::shown::Shown;
use crate::stage::Places;
use crate::walk::{Page, Shopper, WalkError};

/// How long something may take that happens by itself, in real time.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What later stories need of earlier ones.
#[derive(Clone, Debug, Default)]
pub struct KnownSoFar {
    /// A paid order of an earlier story of each provider: its notice is what a forger would start from.
    pub paid: BTreeMap<&'static str, Paid>,
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
    /// The provider that it is about.
    pub shown: &'static Shown,
    /// What earlier stories left.
    known: KnownSoFar,
    steps: Vec<Step>,
    reference: Option<String>,
    /// What an order costs that was placed through the API; the shop knows what its own ones do.
    ordered: Option<i64>,
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
    pub fn new(places: &Places, shown: &'static Shown, known: KnownSoFar, is_shown: bool) -> Self {
        let paint = Paint::for_output();
        let (places, begun) = (places.clone(), Instant::now());
        Self {
            places,
            shown,
            known,
            steps: Vec::new(),
            reference: None,
            ordered: None,
            begun,
            is_shown,
            paint,
        }
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

    /// A shopper orders the first thing on sale in a market, and stands on the provider's page.
    pub async fn order(&mut self, market: Market) -> anyhow::Result<(Shopper, Page)> {
        let (shopper, page) = self.place(market).await?;
        let host = self.shown.pages;
        anyhow::ensure!(
            page.url.host_str() == Some(host),
            "the pay button led to {} and not to the provider",
            page.url
        );
        self.tell(format!("a shopper places order {} and is sent on to {host}", self.reference()?));
        Ok((shopper, page))
    }

    /// A shopper orders the first thing on sale in a market, and stands where the pay button leads to.
    pub async fn place(&mut self, market: Market) -> anyhow::Result<(Shopper, Page)> {
        let shopper = Shopper::of(market)?;
        let page = shopper.order(&self.places.shop_url).await?;
        self.find_reference(&shopper).await?;
        Ok((shopper, page))
    }

    /// A shopper orders the first thing on sale in a market, and is told that it cannot be paid.
    pub async fn order_refused(&mut self, market: Market) -> anyhow::Result<()> {
        let shopper = Shopper::of(market)?;
        match shopper.order(&self.places.shop_url).await {
            Err(WalkError::Unexpected { .. }) => self.find_reference(&shopper).await,
            Err(error) => Err(error.into()),
            Ok(page) => anyhow::bail!("the order was to be refused, and led to {}", page.url),
        }
    }

    /// The merchant's own system places an order through the API, beside the shop: what is tried can need more than the
    /// shop asks for.
    pub async fn order_by_api(
        &mut self,
        account: &str,
        amount: i64,
        more: Value,
    ) -> anyhow::Result<PaymentSeen> {
        let reference = format!("API-{:016x}", rand::random::<u64>());
        let mut order = json!({
            "reference": reference,
            "account": self.places.account_by(account)?,
            "amount": amount,
            "return_url": self.places.shop_url,
            "shopper": { "ip": "127.0.0.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) caudal-tour/1.0" },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            order[name] = value.clone();
        }
        let payment = self.places.hub.create(&format!("tour-{reference}"), &order).await?;
        (self.reference, self.ordered) = (Some(reference), Some(amount));
        Ok(payment)
    }

    /// Waits until the shop's server heard that an order of the API was approved.
    pub async fn wait_until_heard(&self) -> anyhow::Result<()> {
        let reference = self.reference()?;
        let found = wait_for(async || {
            let heard = self.places.shop.heard(reference).await?;
            Ok(if heard.approvals > 0 { Ok(()) } else { Err(()) })
        });
        found.await?.map_err(|()| anyhow::anyhow!("no verified event told of the approval"))
    }

    /// Waits until a customer's card is kept.
    pub async fn wait_for_card(&self, customer: &str) -> anyhow::Result<InstrumentSeen> {
        let found = wait_for(async || {
            let kept = self.places.hub.instruments(customer).await?;
            Ok(kept.into_iter().find(|card| card.state == "active").ok_or(()))
        });
        found.await?.map_err(|()| anyhow::anyhow!("the provider keeps no card"))
    }

    /// What the shop calls the shopper's newest order.
    async fn find_reference(&mut self, shopper: &Shopper) -> anyhow::Result<()> {
        let history = shopper.visitor().open(&self.places.shop_url.join("/history")?).await?;
        let mut paths = history.document.links.iter().filter_map(|(href, _)| history.url.join(href).ok());
        let order = paths
            .find(|url| url.path().starts_with("/orders/"))
            .context("the shop's history has no order")?;
        let reference =
            order.path_segments().and_then(|mut parts| parts.nth(1)).context("the order has no reference")?;
        self.reference = Some(reference.to_owned());
        Ok(())
    }

    /// The shop's reference of the order.
    pub fn reference(&self) -> anyhow::Result<&str> {
        self.reference.as_deref().context("no order was placed yet")
    }

    /// Has the provider's simulator do something.
    pub async fn command(&self, name: &str, arguments: Value) -> anyhow::Result<Value> {
        self.places.steering.command(self.shown.provider, name, &arguments).await
    }

    /// The next notices of a market's account do not arrive.
    pub async fn lose_notices(&self, market: Market, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.spoil_notice(market, &json!("lost")).await?;
        }
        Ok(())
    }

    /// Puts a fault in force for the next notice of a market's account.
    pub async fn spoil_notice(&self, market: Market, fault: &Value) -> anyhow::Result<()> {
        let account = self.places.account(market)?;
        self.places.steering.spoil_next_notice(self.shown.provider, account, fault).await
    }

    /// Puts a fault in force for the next request of an operation.
    pub async fn spoil_request(&self, operation: &str, fault: &Value) -> anyhow::Result<()> {
        self.places.steering.spoil_operation(self.shown.provider, operation, fault).await
    }

    /// Moves everybody's clock.
    pub async fn advance(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.places.steering.advance(seconds).await?;
        self.tell(match seconds {
            0..7200 => format!("the clock moves on by {} minutes", seconds / 60),
            _ => format!("the clock moves on by {} hours", seconds / 3600),
        });
        Ok(())
    }

    /// A paid order of an earlier story of this provider.
    pub fn paid_before(&self) -> anyhow::Result<Paid> {
        let paid = self.known.paid.get(self.shown.provider).cloned();
        paid.context("no earlier story left a paid order to start from")
    }

    /// Leaves the order, which is paid, to later stories of this provider.
    pub fn leave_paid(&mut self, payment: PaymentSeen) -> anyhow::Result<()> {
        let provider_id = payment.provider_id.context("the hub knows no key of the provider")?;
        let paid = Paid { reference: payment.reference, provider_id };
        self.known.paid.insert(self.shown.provider, paid);
        Ok(())
    }

    /// The hub does not call the order paid: what was just tried was not believed.
    pub async fn is_unpaid(&self, what: &str) -> anyhow::Result<()> {
        let payment = self.payment().await?;
        anyhow::ensure!(payment.status != "approved" && payment.paid == 0, "{what} was believed");
        Ok(())
    }

    /// The operator is shown a case of the order.
    pub async fn is_flagged(&mut self, case: &str) -> anyhow::Result<()> {
        let payment = self.payment().await?;
        let story = self.places.console.story(&payment.id).await?;
        anyhow::ensure!(story.contains(case), "the console shows no case {case:?}");
        self.tell(format!("the console shows a person the case {case:?}"));
        Ok(())
    }

    /// The order's payment at the hub.
    pub async fn payment(&self) -> anyhow::Result<PaymentSeen> {
        let reference = self.reference()?;
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
        let reference = self.reference()?;
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

    /// Waits until no notice is on its way, whatever it is about.
    pub async fn wait_for_quiet(&self) -> anyhow::Result<()> {
        let found = wait_for(async || {
            let notices = self.places.steering.notices().await?;
            let is_under_way =
                notices.iter().any(|notice| matches!(notice.state.as_str(), "queued" | "sending"));
            Ok(if is_under_way { Err(()) } else { Ok(()) })
        });
        found.await?.map_err(|()| anyhow::anyhow!("the provider's notices do not leave"))
    }

    /// Has the order's witnesses heard, and closes the story.
    pub async fn close(mut self, told: anyhow::Result<Expected>) -> Closed {
        let expected = told.as_ref().ok().copied();
        let mut trouble = told.err().map(|error| format!("{error:#}"));
        let words = match &self.reference {
            None => None,
            Some(reference) => match hear(&self.places, reference, self.ordered, expected).await {
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
async fn hear(
    places: &Places,
    reference: &str,
    ordered: Option<i64>,
    expected: Option<Expected>,
) -> anyhow::Result<Words> {
    let heard = wait_for(async || {
        let words = Words::hear(places, reference, ordered).await?;
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

/// Whether the hub turned something away.
///
/// # Errors
/// When it did not.
pub fn refused(answer: Option<u16>, what: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        answer.is_some_and(|status| (400..500).contains(&status)),
        "{what} was answered {}",
        shown_answer(answer)
    );
    Ok(())
}

/// An answer's status for people.
pub fn shown_answer(answer: Option<u16>) -> String {
    answer.map_or_else(|| "not at all".to_owned(), |status| status.to_string())
}
