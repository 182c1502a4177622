//! Services: how long a supervisor takes to start, restart and stop five hundred, what it needs for
//! that, and how fast it takes a service's lines, beside other supervisors.

mod contender;
mod lines;
mod peers;
mod roll;
mod supervised;

use crate::clock;
use crate::figure::{Bar, Figure, Unit, number};
use crate::samples::Samples;
use crate::setting::Setting;
use anyhow::{Context, Result, ensure};
use contender::{Contender, Order};
use lines::LINE_BYTES;
use nix::unistd::geteuid;
use peers::Unpacked;
use roll::monotonic;
use std::path::Path;
use std::time::Duration;
use supervised::{PATIENCE, Place, Supervised};
use tempfile::TempDir;

/// How long everything is left alone before it is measured; runit waits for a second with what has run
/// for less than one.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long between two restarts: each is measured alone.
const BETWEEN: Duration = Duration::from_millis(5);

/// Measures it.
///
/// # Errors
///
/// If the agent cannot be measured. A peer that cannot be had is a figure without a value.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let parent = tempfile::tempdir().context("no temporary directory")?;
    let mut figures = Vec::new();
    for contender in agents(setting) {
        match contender {
            Ok(contender) => figures.extend(one(setting, &contender, &parent)?),
            Err(why) => figures.push(not_measured(&why)),
        }
    }
    for peer in peers(setting) {
        let measured = peer.and_then(|peer| one(setting, &peer, &parent));
        match measured {
            Ok(measured) => figures.extend(measured),
            Err(why) => figures.push(not_measured(&format!("{why:#}"))),
        }
    }
    Ok(figures)
}

fn agents(setting: &Setting) -> [Result<Contender, String>; 2] {
    let agent = |cgroups| Contender::Agent {
        program: setting.agent.clone(),
        cgroups,
    };
    let without = agent(false);
    let without = if geteuid().is_root() {
        Ok(without)
    } else {
        Err(format!("{}: only root can take them away", without.name()))
    };
    [Ok(agent(true)), without]
}

fn peers(setting: &Setting) -> [Result<Contender>; 2] {
    let get = |packages: &[&str]| Unpacked::get(&setting.peers, packages, !setting.quick);
    let supervisord = get(&["supervisor", "python3-pkg-resources"]);
    let runit = get(&["runit"]);
    [
        supervisord
            .map(Contender::Supervisord)
            .context("supervisord"),
        runit.map(Contender::Runit).context("runit"),
    ]
}

/// What is not there is said, and never taken for measured.
fn not_measured(why: &str) -> Figure {
    Figure::new(why, f64::NAN, Unit::Count, "")
}

/// Everything of one supervisor.
fn one(setting: &Setting, contender: &Contender, parent: &TempDir) -> Result<Vec<Figure>> {
    let name = contender.name();
    let mut figures = sleeping(setting, contender, parent).context(name.clone())?;
    for (lines, what) in [(600, BLOCKS), (1, SINGLE)] {
        figures.extend(writing(setting, contender, lines, what).context(name.clone())?);
    }
    Ok(figures)
}

/// The figures of many services that sleep.
fn sleeping(setting: &Setting, contender: &Contender, parent: &TempDir) -> Result<Vec<Figure>> {
    let count = if setting.quick { 50 } else { 500 };
    let place = Place::new(parent)?;
    let orders: Vec<Order> = (0..count)
        .map(|number| sleeper(setting, &place, number))
        .collect();
    let mut run = place.start(contender.clone(), &setting.service, &orders)?;
    let started = run.wait_for(count, run.started())?;
    check_cgroups(contender, &run)?;
    clock::pause(SETTLE);
    let mut restarts = Samples::default();
    for order in orders.iter().take(contender.kills()) {
        clock::pause(BETWEEN);
        restarts.push(run.kill(&order.name)?);
    }
    clock::pause(SETTLE);
    let memory = run.private_memory()?;
    let all = run.kill_all()?;
    clock::pause(SETTLE);
    let stopped = run.end()?;

    let ours = matches!(contender, Contender::Agent { cgroups: true, .. });
    let name = contender.name();
    let figure = |what: &str, value, unit, bar, measured| {
        let figure = Figure::new(format!("{name}, {what}"), value, unit, measured);
        if ours { with(figure, bar) } else { figure }
    };
    let p50 = restarts.percentile(50) / 1e6;
    let p99 = restarts.percentile(99) / 1e6;
    let seconds = |span: Duration| span.as_secs_f64();
    let memory = number(memory);
    Ok(vec![
        figure("restart, p50", p50, Unit::Millis, Some(3.0), RESTART),
        figure("restart, p99", p99, Unit::Millis, Some(10.0), THE_SAME),
        figure(
            "start all",
            seconds(started),
            Unit::Seconds,
            Some(0.7),
            START,
        ),
        figure(
            "restart all at once",
            seconds(all),
            Unit::Seconds,
            None,
            RESTART_ALL,
        ),
        figure("stop all", seconds(stopped), Unit::Seconds, None, STOP),
        figure(
            "private memory",
            memory,
            Unit::Kibibytes,
            Some(10e6 / 1024.0),
            MEMORY,
        ),
    ])
}

fn with(mut figure: Figure, bar: Option<f64>) -> Figure {
    figure.bar = bar.map(Bar::Below);
    figure
}

/// A figure without cgroups must not pass for one with them.
fn check_cgroups(contender: &Contender, run: &Supervised) -> Result<()> {
    if let Contender::Agent { cgroups, .. } = contender {
        let has = run.has_cgroups();
        ensure!(!has || *cgroups, "it has cgroups nevertheless");
        if *cgroups && !has {
            println!("NOT SHOWN: with cgroups: none of version 2 is this user's to divide here");
        }
    }
    Ok(())
}

fn sleeper(setting: &Setting, place: &Place, number: usize) -> Order {
    let name = format!("s{number:03}");
    let words = ["sleep", &name].map(str::to_owned);
    order(&setting.service, place, name, &words, false)
}

fn order(service: &Path, place: &Place, name: String, words: &[String], logged: bool) -> Order {
    let shown = |path: &Path| path.display().to_string();
    let mut all = vec![shown(service)];
    all.extend_from_slice(words);
    all.insert(3, shown(&place.roll()));
    Order {
        name,
        words: all,
        logged,
    }
}

/// The figures of one service that writes lines as fast as it can.
fn writing(
    setting: &Setting,
    contender: &Contender,
    lines: usize,
    what: &'static str,
) -> Result<[Figure; 2]> {
    let seconds = if setting.quick { 1 } else { 3 };
    // It goes at once, since it may be large.
    let parent = tempfile::tempdir()?;
    let place = Place::new(&parent)?;
    let words = ["write".to_owned(), "writer".to_owned()];
    let mut writer = order(&setting.service, &place, "writer".to_owned(), &words, true);
    writer
        .words
        .extend([seconds.to_string(), lines.to_string()]);
    let mut run = place.start(contender.clone(), &setting.service, &[writer])?;
    let began = run.next()?.at;
    let done = run.next()?;
    let ended = wait_for_log(&run, done.lines * LINE_BYTES)?;
    run.end()?;
    let lost = lines::lost(&run.log_files("writer"), done.lines)?;

    let span = ended.saturating_sub(began).as_secs_f64();
    let kept = number((done.lines.saturating_sub(lost)) * LINE_BYTES);
    let name = format!("{}, {what}", contender.name());
    let rate = Figure::new(&name, kept / span / 1e6, Unit::MegabytesPerSecond, WRITTEN);
    let lost = Figure::new(format!("{name}, lost"), number(lost), Unit::Count, LOST);
    if !matches!(contender, Contender::Agent { .. }) {
        return Ok([rate, lost]);
    }
    let rate = if lines > 1 {
        rate.with_bar(Bar::AtLeast(100.0))
    } else {
        rate
    };
    Ok([rate, lost.with_bar(Bar::AtMost(0.0))])
}

/// When so many bytes were in the log, or it had grown no more for a while.
fn wait_for_log(run: &Supervised, bytes: u64) -> Result<Duration> {
    let (mut size, mut grown) = (0, monotonic()?);
    loop {
        let files = run.log_files("writer");
        let now: u64 = files
            .iter()
            .flat_map(std::fs::metadata)
            .map(|it| it.len())
            .sum();
        let at = monotonic()?;
        if now != size {
            (size, grown) = (now, at);
        }
        if size >= bytes || at.saturating_sub(grown) > PATIENCE / 10 {
            return Ok(grown);
        }
        clock::pause(Duration::from_millis(1));
    }
}

const BLOCKS: &str = "lines in blocks of 60 kB";
const SINGLE: &str = "lines one by one";
const RESTART: &str = "from just before SIGKILL to a service's process until its successor's `main`, \
                       which looks at the same clock first; one at a time, 500 run (50 if quick)";
const THE_SAME: &str = "the same run";
const START: &str = "from before the supervisor is started until the last of 500 has begun";
const RESTART_ALL: &str = "from the first of 500 kills until the last successor has begun";
const STOP: &str = "from the signal to the supervisor until it and all 500 are gone";
const MEMORY: &str = "what its processes share with nobody (`smaps_rollup`), all running, after the \
                      restarts; without those that only pass on lines";
const WRITTEN: &str = "one service, 3 s (1 s if quick) of numbered lines of 100 bytes, from its start \
                       until all of them are in the log";
const LOST: &str = "the same lines, read from the log: missing, damaged or out of order";
