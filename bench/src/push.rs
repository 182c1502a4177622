//! A new version to a board that has the one before, beside rsync and zstd: bytes on the wire.

mod counting_relay;

use crate::figure::{Bar, Figure, Unit, number};
use crate::objects::RsyncServer;
use crate::process::Agent;
use crate::setting::Setting;
use crate::{clock, transfer};
use anyhow::{Context, Result, ensure};
use counting_relay::CountingRelay;
use lastword_generation::delta::compress;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The runs of the program that are replaced, and the length of each in bytes.
const RUNS: usize = 3;
const RUN_BYTES: usize = 14 << 10;
/// The level at which everything is compressed.
const LEVEL: i32 = 3;
/// The line over which the packed file is sent, in bytes a second.
const LINE_BYTES_PER_SECOND: f64 = 11_520.0;
/// The longest time from an order to the end of its soak.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bytes of one case.
struct PushBytes {
    push: u64,
    whole: u64,
    rsync: Option<u64>,
    patch: u64,
    packed_whole: u64,
}

/// Measures a push of a program of which three runs were replaced, and of a rebuild.
///
/// # Errors
///
/// If something that is measured does not work.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let program = fs::read(&setting.board_agent).context("the agent")?;
    let other = fs::read(&setting.service).context("another program")?;
    let mut figures = Vec::new();
    let replaced = replace_runs(&program, &other)?;
    let bytes = measure_case(setting, &program, &replaced)?;
    add_figures(&mut figures, "runs replaced", &bytes, 0.8);
    figures.extend(line_figures(&bytes)?);
    if let Some(older) = &setting.older_agent {
        let older = fs::read(older).context("the older agent")?;
        let bytes = measure_case(setting, &older, &program)?;
        add_figures(&mut figures, "rebuilt", &bytes, 0.4);
    }
    Ok(figures)
}

/// Replaces runs of a program by text of another one.
fn replace_runs(program: &[u8], other: &[u8]) -> Result<Vec<u8>> {
    let mut replaced = program.to_vec();
    let apart = program.len() / (RUNS + 1);
    for run in 0..RUNS {
        let from = other.get((run + 1) * RUN_BYTES..(run + 2) * RUN_BYTES);
        let from = from.context("the other program is too short")?;
        let at = (run + 1) * apart;
        let to = replaced.get_mut(at..at + RUN_BYTES);
        to.context("the program is too short")?
            .copy_from_slice(from);
    }
    Ok(replaced)
}

fn measure_case(setting: &Setting, old: &[u8], new: &[u8]) -> Result<PushBytes> {
    let desk = PushDesk::new(setting)?;
    let (old_file, _) = desk.build("1.0", old)?;
    let old_name = desk.name(&old_file)?;
    let (new_file, new_path) = desk.build("1.1", new)?;
    let agent = Agent::start_configured(&setting.agent, &desk.configuration("g")?)?;
    desk.run(agent.address(), &["gen", "push", &old_file])?;
    desk.run(agent.address(), &["gen", "activate", &old_name])?;
    desk.wait_until_kept(agent.address())?;
    let push = desk.count(agent.address(), &["gen", "push", &new_file])?;
    // A board that has nothing.
    let fresh = Agent::start_configured(&setting.agent, &desk.configuration("fresh")?)?;
    let whole = desk.count(fresh.address(), &["gen", "push", &new_file])?;
    Ok(PushBytes {
        push,
        whole,
        rsync: rsync(old, &new_path)?,
        patch: compress(new, old, LEVEL)?.len() as u64,
        packed_whole: compress(new, &[], LEVEL)?.len() as u64,
    })
}

fn add_figures(figures: &mut Vec<Figure>, case: &str, bytes: &PushBytes, bar: f64) {
    let figure = |name: &str, value, unit, measured| {
        Figure::new(format!("{case}: {name}"), value, unit, measured)
    };
    let size = |name, bytes, measured| figure(name, number(bytes), Unit::Bytes, measured);
    figures.push(size(
        "gen push",
        bytes.push,
        "both directions of the connection",
    ));
    let rsync = bytes.rsync.map_or(f64::NAN, number);
    figures.push(figure(
        "rsync -z",
        rsync,
        Unit::Bytes,
        "both directions of the connection",
    ));
    let patch = "the two files alone, at level 3";
    figures.push(size("zstd --patch-from", bytes.patch, patch));
    figures.push(size(
        "the whole, by gen push",
        bytes.whole,
        "to a board that has nothing",
    ));
    if bytes.rsync.is_some() {
        let beside = figure(
            "gen push, beside rsync -z",
            number(bytes.push) / rsync,
            Unit::Times,
            "",
        );
        figures.push(beside.with_bar(Bar::AtMost(bar)));
    }
    let beside = number(bytes.push) / number(bytes.whole);
    let beside = figure("gen push, beside the whole", beside, Unit::Times, "");
    figures.push(beside.with_bar(Bar::AtMost(1.0)));
}

/// Returns the time that the packed difference takes on a slow line, and the whole.
fn line_figures(bytes: &PushBytes) -> Result<Vec<Figure>> {
    let seconds = |object_bytes: u64| -> Result<f64> {
        let share = transfer::goodput_percent(object_bytes)? / 100.0;
        Ok(number(object_bytes) / LINE_BYTES_PER_SECOND / share)
    };
    let [delta, whole] = [seconds(bytes.patch)?, seconds(bytes.packed_whole)?];
    let figure = |name, value| Figure::new(name, value, Unit::Seconds, "at 115,200 bits a second");
    let beside = Figure::new(
        "runs replaced: the difference, beside the whole",
        delta / whole,
        Unit::Times,
        "of the time",
    );
    Ok(vec![
        figure("runs replaced: the difference", delta),
        figure("runs replaced: the whole", whole),
        beside.with_bar(Bar::AtMost(1.0 / 30.0)),
    ])
}

/// A desk with its key.
struct PushDesk {
    directory: TempDir,
    lastword: PathBuf,
}

impl PushDesk {
    fn new(setting: &Setting) -> Result<Self> {
        let desk = Self {
            directory: tempfile::tempdir()?,
            lastword: std::path::absolute(&setting.lastword)?,
        };
        desk.done(&["gen", "keygen", "bench", "--no-password"])?;
        Ok(desk)
    }

    /// Builds a version that is one program; returns its file, and the program's path.
    fn build(&self, version: &str, program: &[u8]) -> Result<(String, PathBuf)> {
        let tree = self.path(version);
        fs::create_dir_all(tree.join("bin"))?;
        let description = format!(
            "name \"bench\"\nversion \"{version}\"\ncompatible \"bench\"\narchitecture \"any\"\n\
             security-version 1\nsoak \"10ms\"\n"
        );
        fs::write(tree.join("generation.kdl"), description)?;
        let path = tree.join("bin/program");
        fs::write(&path, program)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let file = format!("{version}.gen");
        self.done(&["gen", "build", version, "-k", "bench.key", "-o", &file])?;
        Ok((file, path))
    }

    fn name(&self, file: &str) -> Result<String> {
        let said = self.done(&["gen", "inspect", file])?;
        let name = said
            .lines()
            .next()
            .and_then(|line| line.split_whitespace().nth(1));
        Ok(name.context("a generation has a name")?.to_owned())
    }

    fn configuration(&self, directory: &str) -> Result<String> {
        let key = fs::read_to_string(self.path("bench.pub"))?;
        let key = key.lines().nth(1).context("a public key has two lines")?;
        let directory = self.path(directory);
        let directory = directory.display();
        Ok(format!(
            "generations {{ directory \"{directory}\"; trust \"{key}\"; compatible \"bench\"; }}"
        ))
    }

    /// Runs the command beside a board, over a relay; returns the bytes that went over it.
    fn count(&self, board: SocketAddr, words: &[&str]) -> Result<u64> {
        let relay = CountingRelay::start(board)?;
        self.run(relay.address(), words)?;
        Ok(relay.bytes())
    }

    fn run(&self, board: SocketAddr, words: &[&str]) -> Result<String> {
        let url = format!("tcp://{board}");
        self.done(&[&["-u", &url], words].concat())
    }

    fn wait_until_kept(&self, board: SocketAddr) -> Result<()> {
        let begun = clock::now();
        while !self
            .run(board, &["gen", "status"])?
            .contains("state=converged")
        {
            ensure!(begun.elapsed() < PATIENCE, "the first version is not kept");
            clock::pause(Duration::from_millis(20));
        }
        Ok(())
    }

    fn done(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.lastword);
        command.env("HOME", self.directory.path());
        let output = command
            .args(words)
            .current_dir(self.directory.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "lastword {}: {said}",
            words.join(" ")
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Moves the new program to where the old one is, by rsync; none if there is no rsync.
fn rsync(old: &[u8], new: &Path) -> Result<Option<u64>> {
    let place = tempfile::tempdir()?;
    let Some(server) = RsyncServer::start(place.path())? else {
        return Ok(None);
    };
    fs::write(place.path().join("rsync/program"), old)?;
    let relay = CountingRelay::start(SocketAddr::from(([127, 0, 0, 1], server.port())))?;
    let target = format!("rsync://{}/room/program", relay.address());
    let mut rsync = Command::new("rsync");
    rsync.args(["--compress", "--no-whole-file", "--ignore-times"]);
    let status = rsync.arg(new).arg(target).status()?;
    ensure!(status.success(), "rsync: {status}");
    Ok(Some(relay.bytes()))
}
