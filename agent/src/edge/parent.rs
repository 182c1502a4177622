//! Whoever started the agent: what it says by signals, and what it is told, if it is systemd.

use super::services::Services;
use crate::core::service::supervisor::End;
use crate::core::unit;
use lastword_daemon::bounded_file::{FileError, read_text};
use lastword_protocol::message::service::ServiceRequest;
use sd_notify::NotifyState;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::future::{Future, pending};
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;
use std::{fs, io};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, interval};

/// Where systemd looks for units, the first that has one first (systemd.unit(5)).
const UNIT_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// The largest unit or drop-in that is read, in bytes.
const UNIT_BYTES_MAX: u64 = 1 << 20;
/// How many files of a directory of drop-ins are looked at, at most.
const DROP_INS_MAX: usize = 1_024;

/// The signals that an agent listens to. From its making on they are kept, and kill nothing any more,
/// even if whoever started the agent had them ignored: `nohup` and `&` do, and they are the agent's
/// commands.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// The request that a signal makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignalRequest {
    End(&'static str, End),
    Reload,
}

impl Signals {
    /// Takes them over.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next_request(&mut self) -> SignalRequest {
        // Each arm may be dropped and polled anew: signals are kept.
        tokio::select! {
            _ = self.interrupt.recv() => SignalRequest::End("SIGINT", End::All),
            _ = self.terminate.recv() => SignalRequest::End("SIGTERM", End::KeepAdoptable),
            _ = self.hangup.recv() => SignalRequest::Reload,
        }
    }

    /// Tells systemd that the agent is ready, and then that it lives, until one of them ends it: SIGINT
    /// stops everything, SIGTERM leaves running what is to be adopted by the next agent. Tells that the
    /// agent is ending. SIGHUP has `services` read their files anew, as `svc reload` has. Cancel-safe, but
    /// nothing is told twice.
    pub async fn ended(&mut self, services: &Services) -> (&'static str, End) {
        tell(NotifyState::Ready);
        let mut watchdog = sd_notify::watchdog_enabled()
            .filter(|within| !within.is_zero())
            .map(|within| interval(watchdog_interval(within)));
        let mut reloads = ReloadQueue::default();
        let ended = loop {
            // Each arm may be dropped and polled anew: signals and ticks are kept, a reload is kept outside.
            tokio::select! {
                next_request = self.next_request() => match next_request {
                    SignalRequest::End(signal, how) => break (signal, how),
                    SignalRequest::Reload => reloads.ask(services),
                },
                () = due(watchdog.as_mut()) => tell(NotifyState::Watchdog),
                () = reloads.done(services) => {}
            }
        };
        tell(NotifyState::Stopping);
        ended
    }
}

/// Returns the time between two signs of life: twice as many as are asked for (`sd_watchdog_enabled(3)`), within reason.
fn watchdog_interval(within: Duration) -> Duration {
    (within / 2).max(WATCHDOG_INTERVAL_MIN)
}

/// The least time between two signs of life: a unit that asks for more often has a slip in its unit of time.
const WATCHDOG_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Reloads that SIGHUP has asked for: one at a time, and one more for all that were asked for meanwhile.
#[derive(Default)]
struct ReloadQueue {
    running: Option<Pin<Box<dyn Future<Output = ()>>>>,
    again: bool,
}

impl ReloadQueue {
    fn ask(&mut self, services: &Services) {
        if self.running.is_some() {
            self.again = true;
            return;
        }
        tracing::info!(target: "services", signal = "SIGHUP", "reloading");
        // systemd wants the time with it (sd_notify(3)).
        let now = NotifyState::monotonic_usec_now();
        tell_all(&[Some(NotifyState::Reloading), now.ok()]);
        let services = services.clone();
        self.running = Some(Box::pin(async move {
            // The supervisor logs what becomes of it.
            services.ask(ServiceRequest::Reload).await;
        }));
    }

    /// Waits until the reload is done; for ever, if there is none. Cancel-safe.
    async fn done(&mut self, services: &Services) {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        running.await;
        self.running = None;
        tell(NotifyState::Ready);
        if mem::take(&mut self.again) {
            self.ask(services);
        }
    }
}

async fn due(watchdog: Option<&mut Interval>) {
    match watchdog {
        Some(watchdog) => drop(watchdog.tick().await),
        None => pending().await,
    }
}

/// Does nothing if nobody wants to know.
fn tell(state: NotifyState<'_>) {
    tell_all(&[Some(state)]);
}

fn tell_all(states: &[Option<NotifyState<'_>>]) {
    let states: Vec<_> = states.iter().flatten().cloned().collect();
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!(%error, "whoever started the agent cannot be told how it is");
    }
}

/// What the agent's systemd unit, with its drop-ins, would do to its services, a line each: the unit
/// named, or the one that is installed; nothing if there is none. Drop-ins for all services
/// (`service.d`) are not looked at.
///
/// # Errors
///
/// If the unit or a drop-in cannot be read.
pub fn unit_warnings(named: Option<&Path>) -> io::Result<Vec<String>> {
    let installed = || {
        let paths = UNIT_DIRECTORIES.map(|it| Path::new(it).join("lastwordd.service"));
        paths.into_iter().find(|path| path.exists())
    };
    let Some(path) = named.map(PathBuf::from).or_else(installed) else {
        return Ok(Vec::new());
    };
    let places: Vec<_> = UNIT_DIRECTORIES.iter().map(Path::new).collect();
    let files = [path.clone()].into_iter().chain(drop_ins(&path, &places));
    let texts: Vec<_> = files
        .map(|file| unit_text(&file))
        .collect::<io::Result<_>>()?;
    let warnings = unit::warnings(&texts);
    let told = |warning: String| format!("{}: {warning}", path.display());
    Ok(warnings.into_iter().map(told).collect())
}

/// Reads a unit or a drop-in. One that is masked, a link to /dev/null (systemd.unit(5)), says nothing.
fn unit_text(file: &Path) -> io::Result<String> {
    if fs::canonicalize(file).is_ok_and(|it| it == Path::new("/dev/null")) {
        return Ok(String::new());
    }
    let told = |error: FileError| io::Error::other(error.of(file.display()));
    read_text(file, UNIT_BYTES_MAX).map_err(told)
}

/// The drop-ins of a unit in the order in which systemd applies them (systemd.unit(5)): by their names,
/// whatever the directory; of two with one name that of the earlier of `places` counts. A unit that lies
/// elsewhere has those beside it.
fn drop_ins(unit: &Path, places: &[&Path]) -> Vec<PathBuf> {
    let beside = unit.parent().unwrap_or(Path::new("/"));
    let places = if places.contains(&beside) {
        places
    } else {
        &[beside]
    };
    let mut name = unit.file_name().unwrap_or_default().to_owned();
    name.push(".d");
    let mut found = BTreeMap::new();
    for place in places {
        let entries = fs::read_dir(place.join(&name)).into_iter().flatten();
        let paths = entries.flatten().take(DROP_INS_MAX).map(|it| it.path());
        for path in paths.filter(|path| path.extension().is_some_and(|it| it == "conf")) {
            let name = path.file_name().map(OsStr::to_owned);
            found.entry(name).or_insert(path);
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files` in directories `etc`, `run` and `lib`, of which units are loaded, and `home`.
    #[track_caller]
    fn check(unit: &str, files: &[&str], expected: &[&str]) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let places = ["etc", "run", "lib"].map(|it| root.path().join(it));
        let places = places.each_ref().map(PathBuf::as_path);
        let found = drop_ins(&root.path().join(unit), &places);
        let found: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(found, expected, "{unit} with {files:?}");
    }

    #[test]
    fn a_masked_drop_in_says_nothing_and_another_device_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let link = |target: &str| {
            let path = root.path().join(target.replace('/', "-"));
            std::os::unix::fs::symlink(target, &path).unwrap();
            unit_text(&path).map_err(|error| error.to_string())
        };
        assert_eq!(link("/dev/null"), Ok(String::new()));
        let zero = link("/dev/zero").unwrap_err();
        assert!(
            zero.ends_with("it is a device; a regular file is wanted here"),
            "{zero}"
        );
    }

    #[test]
    fn a_watchdog_that_wants_to_be_fed_all_the_time_is_not() {
        let fed = |within_us| watchdog_interval(Duration::from_micros(within_us)).as_millis();
        assert_eq!([1, 20_000, 30_000_000].map(fed), [10, 10, 15_000]);
    }

    #[test]
    fn drop_ins_are_ordered_by_name_and_the_first_place_wins() {
        check("lib/a.service", &[], &[]);
        check(
            "lib/a.service",
            &[
                "lib/a.service.d/10-x.conf",
                "lib/a.service.d/20-y.conf",
                "etc/a.service.d/20-y.conf",
                "run/a.service.d/05-z.conf",
                "run/a.service.d/20-y.conf",
                "etc/a.service.d/note.txt",
                "etc/b.service.d/00.conf",
            ],
            &[
                "run/a.service.d/05-z.conf",
                "lib/a.service.d/10-x.conf",
                "etc/a.service.d/20-y.conf",
            ],
        );
        check(
            "home/a.service",
            &["home/a.service.d/1.conf", "etc/a.service.d/2.conf"],
            &["home/a.service.d/1.conf"],
        );
    }
}
