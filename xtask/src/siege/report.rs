//! What a siege came to, and the bars.

use std::fmt;
use std::time::Duration;

/// The longest that one in a hundred of a console's lines may take.
const CONSOLE_P99_MAX: Duration = Duration::from_millis(20);
/// The longest that one in a hundred power requests may take.
const POWER_P99_MAX: Duration = Duration::from_millis(50);
/// The most memory that the agent may hold, in KiB: what its sessions may hold together (16 MiB), as much again
/// for what the allocator keeps of it, and itself.
const MEMORY_MAX_KIB: u64 = 48 * 1_024;
/// How many more descriptors may be open behind a siege than before: services start and end meanwhile.
const DESCRIPTORS_SLACK: usize = 12;
/// The fewest samples that tell anything.
const SAMPLES_MIN: usize = 100;

/// A bar of a siege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SiegeBar {
    /// The siege took place: load and probes ran.
    Conduct,
    /// Console and power client are answered in time.
    Latency,
    Memory,
    /// What the siege used is given back.
    Leftovers,
}

/// A bar that was missed, and by how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MissedBar {
    pub(super) bar: SiegeBar,
    pub(super) text: String,
}

/// What the agent uses at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) memory_kib: u64,
    pub(super) descriptors: usize,
    pub(super) sessions: usize,
}

/// How long each request took.
#[derive(Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Returns what so many of a hundred took at most.
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().unwrap_or(Duration::MAX)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1e3;
        write!(
            f,
            "p50 {:.2} ms, p99 {:.2} ms, maximum {:.2} ms ({} requests)",
            millis(50),
            millis(99),
            millis(100),
            self.0.len()
        )
    }
}

/// What a siege came to.
#[derive(Debug)]
pub(super) struct Report {
    length: Duration,
    pub(super) console: Latencies,
    pub(super) power: Latencies,
    /// Of an echo over a pseudo-terminal that does nothing else, asked as often as the console: what this machine
    /// takes for two processes, and the kernel's own thread between them, to be scheduled. It is no fault of the
    /// agent, so the bar stands on top of it.
    pub(super) tty_echo: Latencies,
    /// The same over a socket, for the power client.
    pub(super) socket_echo: Latencies,
    pub(super) before: Usage,
    pub(super) peak: Usage,
    pub(super) after: Usage,
    /// The time after which what the siege used was given back, or was looked for no longer.
    pub(super) settling: Duration,
    /// The connections that are left, if not all was given back.
    pub(super) connections: Vec<String>,
    /// The processor time that the agent took.
    pub(super) work: Duration,
    /// True if the load ran to its end.
    pub(super) load: bool,
}

impl Report {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            console: Latencies::default(),
            power: Latencies::default(),
            tty_echo: Latencies::default(),
            socket_echo: Latencies::default(),
            before: Usage::default(),
            peak: Usage::default(),
            after: Usage::default(),
            settling: Duration::ZERO,
            connections: Vec::new(),
            work: Duration::ZERO,
            load: false,
        }
    }

    /// Returns whether the agent has given back what the siege used.
    pub(super) const fn has_settled(&self) -> bool {
        self.after.sessions <= self.before.sessions
            && self.after.descriptors <= self.before.descriptors + DESCRIPTORS_SLACK
    }

    /// Returns the slower of the two probes' p99.
    pub(super) fn slowest_p99(&self) -> Duration {
        self.console.percentile(99).max(self.power.percentile(99))
    }

    /// Returns what is not as it has to be.
    pub(super) fn missed(&self) -> Vec<MissedBar> {
        let beside = |probe: &Latencies, echo: &Latencies| {
            probe.percentile(99).saturating_sub(echo.percentile(99))
        };
        let console = beside(&self.console, &self.tty_echo);
        let power = beside(&self.power, &self.socket_echo);
        let few = self.console.0.len().min(self.power.0.len());
        let checks = [
            (
                SiegeBar::Conduct,
                self.load,
                "the load failed; see above".to_owned(),
            ),
            (
                SiegeBar::Conduct,
                few >= SAMPLES_MIN,
                format!("only {few} requests were answered"),
            ),
            (
                SiegeBar::Latency,
                console <= CONSOLE_P99_MAX,
                format!(
                    "the console's p99 is {console:.1?} behind the tty echo's, over {CONSOLE_P99_MAX:?}"
                ),
            ),
            (
                SiegeBar::Latency,
                power <= POWER_P99_MAX,
                format!(
                    "the power client's p99 is {power:.1?} behind the socket echo's, over {POWER_P99_MAX:?}"
                ),
            ),
            (
                SiegeBar::Memory,
                self.peak.memory_kib <= MEMORY_MAX_KIB,
                format!(
                    "{} KiB of memory, over {MEMORY_MAX_KIB}",
                    self.peak.memory_kib
                ),
            ),
            (
                SiegeBar::Leftovers,
                self.has_settled(),
                format!(
                    "{} descriptors and {} sessions are left, of {} and {} before",
                    self.after.descriptors,
                    self.after.sessions,
                    self.before.descriptors,
                    self.before.sessions
                ),
            ),
        ];
        let missed = checks.into_iter().filter(|(_, holds, _)| !holds);
        missed
            .map(|(bar, _, text)| MissedBar { bar, text })
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            before,
            peak,
            after,
            ..
        } = self;
        writeln!(f, "siege: {} s", self.length.as_secs())?;
        writeln!(f, "  console      {}", self.console)?;
        writeln!(f, "  power client {}", self.power)?;
        writeln!(f, "  tty echo     {}", self.tty_echo)?;
        writeln!(f, "  socket echo  {}", self.socket_echo)?;
        writeln!(
            f,
            "  memory       {} KiB before, {} at most, {} after",
            before.memory_kib, peak.memory_kib, after.memory_kib
        )?;
        writeln!(
            f,
            "  descriptors  {} before, {} at most, {} after",
            before.descriptors, peak.descriptors, after.descriptors
        )?;
        writeln!(
            f,
            "  sessions     {} before, {} after {:.1?}",
            before.sessions, after.sessions, self.settling
        )?;
        for connection in &self.connections {
            writeln!(f, "  left         {connection}")?;
        }
        let share = self.work.as_secs_f64() / self.length.as_secs_f64() * 100.0;
        write!(f, "  agent        {share:.0} % of a processor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn besieged() -> Report {
        let mut report = Report::new(Duration::from_mins(1));
        for _ in 0..SAMPLES_MIN {
            report.console.push(CONSOLE_P99_MAX);
            report.power.push(POWER_P99_MAX);
            report.tty_echo.push(Duration::ZERO);
            report.socket_echo.push(Duration::ZERO);
        }
        report.load = true;
        report
    }

    #[test]
    fn each_bar_can_be_missed() {
        assert_eq!(besieged().missed(), []);
        let spoil: [fn(&mut Report); 7] = [
            |it| it.load = false,
            |it| it.console = Latencies::default(),
            |it| it.console.0[..2].fill(CONSOLE_P99_MAX * 2),
            |it| it.power.0[..2].fill(POWER_P99_MAX * 2),
            |it| it.peak.memory_kib = MEMORY_MAX_KIB + 1,
            |it| it.after.sessions = 1,
            |it| it.after.descriptors = DESCRIPTORS_SLACK + 1,
        ];
        for (index, spoil) in spoil.iter().enumerate() {
            let mut report = besieged();
            spoil(&mut report);
            assert!(!report.missed().is_empty(), "{index}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_slowest() {
        let millis = Duration::from_millis;
        let latencies = Latencies((1..=200).map(millis).collect());
        let percentiles = [50, 99, 100].map(|percent| latencies.percentile(percent));
        assert_eq!(percentiles, [millis(100), millis(198), millis(200)]);
    }
}
