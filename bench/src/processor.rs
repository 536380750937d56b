//! Who used the processor, by `/proc`: without it a shared machine measures its neighbours.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Ticks a second in `/proc`: the kernel shows this number to programs whatever its own clock is.
const TICKS: f64 = 100.0;

/// The processes of a measurement, by id. The load generator is this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// The hub.
    pub hub: Option<u32>,
    /// The database server, with the processes that it started.
    pub database: Option<u32>,
    /// Provider, yardsticks and sink.
    pub companion: Option<u32>,
}

/// What a span cost. Shares are in per cent of one processor, so that two busy ones are 200.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// What the host gave to others.
    pub steal: f64,
    /// What processes used that have no part in the measurement.
    pub other: f64,
    /// What the hub used.
    pub hub: f64,
    /// What the database server used.
    pub database: f64,
    /// What the companion used.
    pub companion: f64,
    /// What the load generator used, with the programs that it ran.
    pub load: f64,
    /// How long it took.
    pub span: Duration,
}

impl Usage {
    /// Processor time of some shares for each of so many pieces of work, in microseconds.
    pub fn each_us(&self, shares: f64, pieces: u64) -> f64 {
        shares / 100.0 * self.span.as_secs_f64() * 1e6 / (pieces.max(1) as f64)
    }

    /// Whichever of two was disturbed more, for the columns of a report.
    pub fn worse(self, other: Usage) -> Usage {
        Usage { steal: self.steal.max(other.steal), other: self.other.max(other.other), ..self }
    }
}

/// What all have used up to a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    at: Instant,
    machine: Machine,
    hub: u64,
    database: u64,
    companion: u64,
    load: u64,
}

impl Sample {
    /// Reads `/proc`. A process that has ended counts nothing.
    ///
    /// # Errors
    /// When there is no `/proc` as Linux has it.
    pub fn take(watched: &Watched) -> anyhow::Result<Sample> {
        let stat = fs::read_to_string("/proc/stat").context("/proc/stat cannot be read: Linux is needed")?;
        let alone = |id: Option<u32>| id.and_then(process).map_or(0, |process| process.own);
        let own = process(std::process::id()).context("/proc/self cannot be read")?;
        Ok(Sample {
            at: Instant::now(),
            machine: Machine::read(&stat).context("/proc/stat is not as Linux writes it")?,
            hub: alone(watched.hub),
            database: watched.database.map_or(0, family),
            companion: alone(watched.companion),
            // Programs that were run to their end are counted; the companions still run.
            load: own.own + own.waited,
        })
    }

    /// What was used from this sample to a later one.
    pub fn until(&self, later: &Sample) -> Usage {
        let span = later.at.saturating_duration_since(self.at);
        let share = |before: u64, after: u64| {
            after.saturating_sub(before) as f64 / TICKS / span.as_secs_f64().max(1e-3) * 100.0
        };
        let (hub, database) = (share(self.hub, later.hub), share(self.database, later.database));
        let (companion, load) = (share(self.companion, later.companion), share(self.load, later.load));
        let busy = share(self.machine.busy, later.machine.busy);
        let other = (busy - hub - database - companion - load).max(0.0);
        let steal = share(self.machine.steal, later.machine.steal);
        Usage { steal, other, hub, database, companion, load, span }
    }
}

/// What a process holds in memory, in megabytes.
pub fn resident_mb(id: u32) -> Option<f64> {
    resident_in(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
}

fn resident_in(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    /// What processes used. Interrupts belong to nobody and are left out.
    busy: u64,
    steal: u64,
}

impl Machine {
    /// The first line: `cpu user nice system idle iowait irq softirq steal …`.
    fn read(stat: &str) -> Option<Machine> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line.split_whitespace().filter_map(|text| text.parse().ok()).collect();
        let [user, nice, system, _, _, _, _, steal, ..] = ticks[..] else { return None };
        Some(Machine { busy: user + nice + system, steal })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: u32,
    /// Ticks of its threads.
    own: u64,
    /// Ticks of its children that have ended.
    waited: u64,
}

impl Process {
    /// `id (name) state parent …`, where the name may hold anything.
    fn read(stat: &str) -> Option<Process> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Process {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            waited: ticks(13)? + ticks(14)?,
        })
    }
}

fn process(id: u32) -> Option<Process> {
    Process::read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Ticks of a server and of all the processes that it started, those that have ended included.
fn family(id: u32) -> u64 {
    let Some(parent) = process(id) else { return 0 };
    let running = fs::read_dir("/proc").into_iter().flatten().filter_map(|item| {
        let child: u32 = item.ok()?.file_name().to_str()?.parse().ok()?;
        process(child).filter(|child| child.parent == id)
    });
    parent.own + parent.waited + running.map(|child| child.own + child.waited).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_line_is_read_and_interrupts_are_nobody_s() {
        let stat = "cpu  100 20 3 4000 50 600 700 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(Machine::read(stat), Some(Machine { busy: 123, steal: 8 }));
        assert_eq!(Machine::read("cpu0 1 2 3"), None);
        assert_eq!(Machine::read(""), None);
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (a (bad) name) S 3 7 7 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1 0 9 8";
        assert_eq!(Process::read(stat), Some(Process { parent: 3, own: 33, waited: 77 }));
        assert_eq!(Process::read("7 (short) S 3"), None);
    }

    #[test]
    fn memory_is_told_in_megabytes() {
        let status = "Name:\tcaudal\nVmPeak:\t  999 kB\nVmRSS:\t   20480 kB\n";
        assert_eq!(resident_in(status), Some(20.0));
        assert_eq!(resident_in("Name:\tkworker\n"), None);
    }

    #[test]
    fn shares_are_of_one_processor_and_what_is_left_is_the_others() {
        let at = Instant::now();
        let begin = Sample {
            at,
            machine: Machine { busy: 1000, steal: 10 },
            hub: 100,
            database: 50,
            companion: 0,
            load: 30,
        };
        let end = Sample {
            at: at + Duration::from_secs(2),
            machine: Machine { busy: 1390, steal: 30 },
            hub: 300,
            database: 150,
            companion: 10,
            load: 90,
        };
        let usage = begin.until(&end);
        assert_eq!((usage.hub, usage.database, usage.companion, usage.load), (100.0, 50.0, 5.0, 30.0));
        assert_eq!((usage.other, usage.steal), (10.0, 10.0));
        assert_eq!(usage.each_us(usage.hub + usage.database, 30_000), 100.0);
    }

    #[test]
    fn this_process_is_found() {
        let sample = Sample::take(&Watched::default()).expect("Linux");
        assert!(sample.machine.busy > 0);
        assert!(resident_mb(std::process::id()).is_some_and(|megabytes| megabytes > 0.5));
    }
}
