//! A histogram of latencies: every value within 1.6 %, in constant memory.

use std::time::Duration;

/// Each power of two is cut into so many parts, as a power of two itself.
const PARTS_BITS: u32 = 6;
const PARTS: u64 = 1 << PARTS_BITS;

/// How often which latency was seen.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let index = index(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        self.total += 1;
    }

    /// The latency, in milliseconds, that this many of a thousand do not exceed. None: nothing was counted.
    pub fn per_mille_ms(&self, per_mille: u64) -> Option<f64> {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map(|index| Duration::from_nanos(largest_of(index)).as_secs_f64() * 1000.0)
    }
}

/// Below [`PARTS`] every value has a place of its own; above, the leading bits decide.
fn index(value: u64) -> usize {
    let shift = (u64::BITS - 1 - PARTS_BITS).saturating_sub(value.leading_zeros());
    let place = if value < PARTS { value } else { u64::from(shift) * PARTS + (value >> shift) };
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The largest value of a place.
fn largest_of(index: usize) -> u64 {
    let place = index as u64;
    if place < 2 * PARTS {
        return place;
    }
    let shift = place / PARTS - 1;
    let leading = place - shift * PARTS;
    ((leading + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_place_and_within_two_per_cent_of_it() {
        for value in (0..5_000).chain((13..50).map(|bits| (1 << bits) + (1 << bits) / 3)) {
            let place = index(value);
            assert!(largest_of(place) >= value, "{value}");
            assert!(place == 0 || largest_of(place - 1) < value, "{value}");
            let error = (largest_of(place) - value) as f64 / value.max(1) as f64;
            assert!(error < 0.016, "{value}: {error}");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.per_mille_ms(500), None);
        for microseconds in 1..=1000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        let close = |per_mille, expected: f64| {
            let found = histogram.per_mille_ms(per_mille).expect("a value");
            assert!((found - expected).abs() / expected < 0.016, "{per_mille}: {found}");
        };
        close(500, 0.5);
        close(990, 0.99);
        close(1000, 1.0);
        close(0, 0.001);
        assert_eq!(histogram.total, 1000);
    }
}
