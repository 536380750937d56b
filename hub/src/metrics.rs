//! Metrics for Prometheus: described once, recorded where things happen, rendered on demand.
//!
//! Names are in base units and lower case. Counters and histograms live in the process's one recorder; the
//! gauges of money are computed from the store at each scrape, so that they are right after a restart and with
//! several processes on one database.

use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use payment::Currency;

use crate::store::PendingCount;

/// Duration of requests answered by the hub, by method, route template and status.
pub const HTTP_REQUEST_DURATION: &str = "caudal_http_request_duration_seconds";
/// Duration of calls to providers, by provider, operation and outcome.
pub const PROVIDER_REQUEST_DURATION: &str = "caudal_provider_request_duration_seconds";
/// Notices by provider and verdict.
pub const NOTICE_RECEIVED: &str = "caudal_notice_received_total";
/// Tries to deliver an event, by result.
pub const EVENT_DELIVERY_ATTEMPTS: &str = "caudal_event_delivery_attempts_total";
/// Statuses that the probe found out, by provider, from and to.
pub const PROBE_RESOLVED: &str = "caudal_probe_resolved_total";
/// Calls whose outcome was not known when they ended, by provider.
pub const UNKNOWN_OUTCOME: &str = "caudal_unknown_outcome_total";
/// Calls to providers that were not made, by account and cause.
pub const PROVIDER_CALLS_HELD: &str = "caudal_provider_calls_held_total";
/// Whether an account's breaker is open or half open (1) or closed (0).
pub const PROVIDER_BREAKER_OPEN: &str = "caudal_provider_breaker_open";
/// How far a provider's clock is ahead of ours, in seconds, by account.
pub const PROVIDER_CLOCK_SKEW: &str = "caudal_provider_clock_skew_seconds";
/// Notices that were turned away unread because too many came at once, by account.
pub const NOTICE_TURNED_AWAY: &str = "caudal_notice_turned_away_total";
/// How many operations were written in one transaction.
pub const WRITE_BATCH: &str = "caudal_write_batch_operations";
/// Operations that were turned away because too many waited to be written.
pub const WRITE_TURNED_AWAY: &str = "caudal_write_turned_away_total";
/// Open payments, by provider and age.
pub const PAYMENTS_PENDING: &str = "caudal_payments_pending";
/// Amount times age of open payments, in units of the currency times seconds, by provider and currency.
pub const MONEY_AT_RISK: &str = "caudal_money_at_risk";

/// Upper bounds of the duration buckets, in seconds.
const DURATION_BUCKETS: [f64; 13] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0];
/// Between two tidyings of the recorder: unscraped samples are folded into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder. Done once per process, however often it is called; where another program's recorder
/// stands already, ours stays empty.
pub fn install() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let is_duration = Matcher::Suffix("_duration_seconds".to_owned());
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(is_duration, &DURATION_BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        match ::metrics::set_global_recorder(recorder) {
            Ok(()) => describe(),
            Err(error) => tracing::warn!(%error, "metrics are recorded elsewhere"),
        }
        handle
    })
}

/// Keeps the recorder small while nobody scrapes. Runs until it is dropped.
pub async fn keep_tidy() {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        install().run_upkeep();
    }
}

/// The text that Prometheus reads: what was recorded, and the gauges of money.
pub fn render(pending: &[PendingCount]) -> String {
    let mut text = install().render();
    // Writing to a text does not fail.
    let _ = write_gauges(&mut text, pending);
    text
}

fn describe() {
    describe_histogram!(HTTP_REQUEST_DURATION, Unit::Seconds, "Duration of requests answered by the hub");
    describe_histogram!(PROVIDER_REQUEST_DURATION, Unit::Seconds, "Duration of calls to providers");
    describe_counter!(NOTICE_RECEIVED, "Notices received, by verdict");
    describe_counter!(EVENT_DELIVERY_ATTEMPTS, "Tries to deliver an event");
    describe_counter!(PROBE_RESOLVED, "Statuses that the probe found out");
    describe_counter!(PROVIDER_CALLS_HELD, "Calls to providers that limits, breaker or provider held");
    describe_gauge!(PROVIDER_BREAKER_OPEN, "Whether the breaker of an account is open or half open");
    describe_gauge!(PROVIDER_CLOCK_SKEW, Unit::Seconds, "How far a provider's clock is ahead of ours");
    describe_counter!(NOTICE_TURNED_AWAY, "Notices turned away unread, too many at once");
    describe_histogram!(WRITE_BATCH, Unit::Count, "Operations written in one transaction");
    describe_counter!(WRITE_TURNED_AWAY, "Operations turned away, too many waited to be written");
    describe_counter!(UNKNOWN_OUTCOME, "Calls to providers whose outcome was not known when they ended");
}

fn write_gauges(text: &mut String, pending: &[PendingCount]) -> std::fmt::Result {
    writeln!(text, "# HELP {PAYMENTS_PENDING} Open payments")?;
    writeln!(text, "# TYPE {PAYMENTS_PENDING} gauge")?;
    for ((provider, bucket), count) in
        summed(pending, |entry| entry.age_bucket, |entry| i128::from(entry.count))
    {
        writeln!(text, "{PAYMENTS_PENDING}{{provider=\"{provider}\",age_bucket=\"{bucket}\"}} {count}")?;
    }
    writeln!(
        text,
        "# HELP {MONEY_AT_RISK} Amount times age of open payments, in currency units times seconds"
    )?;
    writeln!(text, "# TYPE {MONEY_AT_RISK} gauge")?;
    for ((provider, currency), minor) in summed(pending, |entry| &entry.currency, |entry| entry.minor_seconds)
    {
        let units = in_units(minor, currency);
        writeln!(text, "{MONEY_AT_RISK}{{provider=\"{provider}\",currency=\"{currency}\"}} {units}")?;
    }
    Ok(())
}

/// Sums by provider and one more label, in a fixed order.
fn summed<'a>(
    pending: &'a [PendingCount],
    label: impl Fn(&'a PendingCount) -> &'a str,
    amount: impl Fn(&'a PendingCount) -> i128,
) -> std::collections::BTreeMap<(&'a str, &'a str), i128> {
    let mut sums = std::collections::BTreeMap::new();
    for entry in pending {
        let sum: &mut i128 = sums.entry((entry.provider.as_str(), label(entry))).or_default();
        *sum = sum.saturating_add(amount(entry));
    }
    sums
}

/// Minor units as a decimal number of whole units.
fn in_units(minor: i128, currency: &str) -> String {
    let exponent = currency.parse::<Currency>().map_or(0, Currency::exponent);
    let scale = 10_i128.pow(exponent);
    let (whole, rest) = (minor / scale, minor % scale);
    if exponent == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:0width$}", width = exponent as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(currency: &str, age_bucket: &'static str, count: i64, minor_seconds: i128) -> PendingCount {
        let (provider, currency) = ("avalpay".to_owned(), currency.to_owned());
        PendingCount { provider, currency, age_bucket, count, minor: 0, minor_seconds }
    }

    #[test]
    fn gauges_are_summed_by_their_labels_and_told_in_units_of_the_currency() {
        let rows = [
            pending("COP", "under_5m", 2, 12_345),
            pending("COP", "under_1h", 1, 5),
            pending("CLP", "under_5m", 3, 700),
        ];
        let text = render(&rows);
        for line in [
            "caudal_payments_pending{provider=\"avalpay\",age_bucket=\"under_5m\"} 5",
            "caudal_payments_pending{provider=\"avalpay\",age_bucket=\"under_1h\"} 1",
            "caudal_money_at_risk{provider=\"avalpay\",currency=\"COP\"} 123.50",
            "caudal_money_at_risk{provider=\"avalpay\",currency=\"CLP\"} 700",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_is_recorded_is_rendered_whoever_installs() {
        assert!(std::ptr::eq(install(), install()));
        ::metrics::counter!(UNKNOWN_OUTCOME, "provider" => "nobody").increment(1);
        ::metrics::histogram!(HTTP_REQUEST_DURATION, "route" => "/t").record(0.02);
        let text = render(&[]);
        assert!(text.contains("caudal_unknown_outcome_total{provider=\"nobody\"} 1"), "{text}");
        assert!(
            text.contains("caudal_http_request_duration_seconds_bucket{route=\"/t\",le=\"0.025\"} 1"),
            "{text}"
        );
    }
}
