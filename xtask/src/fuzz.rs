//! The fuzz targets: built once, run one after the other by libFuzzer, one line each.

mod report;

use crate::cargo::{root, run as run_command, target as target_directory};
use anyhow::{Context, Result, bail, ensure};
use report::Report;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The targets, fastest first.
pub(crate) const TARGETS: [&str; 4] = ["messages", "decoder", "line", "session"];

/// The crate of the targets, from the workspace's root.
const CRATE: &str = "tests/fuzz";
/// How long each target runs unless something else is asked for.
const SECONDS: u32 = 60;
/// No input may take longer than this, in seconds.
const TIMEOUT_S: u32 = 10;
/// No target may take more memory than this, in MiB.
const RSS_MIB: u32 = 2_048;
/// What is fuzzed is safe code, so that freed memory need not be kept for long to be watched: with
/// these the sanitizer costs a quarter less.
const SANITIZER: &str = "detect_stack_use_after_return=0:quarantine_size_mb=8";

/// What to fuzz, and for how long.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Which; all otherwise.
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
    /// How long each runs; a minute otherwise.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// How many executions of each, however long that takes.
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// What watches each access to memory; without it five times as fast, for long campaigns.
    #[arg(long, value_enum, default_value_t)]
    sanitizer: Sanitizer,
    /// Put what was found into the repository's corpus, made as small as it can be.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// The limit of a run, as libFuzzer takes it.
    fn limit(&self) -> String {
        match self.runs {
            Some(runs) => format!("-runs={runs}"),
            None => format!("-max_total_time={}", self.seconds.unwrap_or(SECONDS)),
        }
    }
}

/// The instrumentation of the targets beside that of coverage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sanitizer {
    /// Every access to memory is checked, that of dependencies, too.
    #[default]
    Address,
    /// Five times as many executions a second, for long campaigns.
    None,
}

/// Runs the named target, or all; with `keep` what was found goes into the repository's corpus.
pub(crate) fn run(options: &Options) -> Result<()> {
    let sanitizer = options.sanitizer;
    check_nightly()?;
    install_cargo_fuzz()?;
    let only = options.target.as_deref();
    run_command(cargo_fuzz("build", sanitizer).args(only))?;
    let wanted = TARGETS
        .iter()
        .filter(|name| only.is_none_or(|only| only == **name));
    let targets: Vec<_> = wanted.map(|name| Target { name, sanitizer }).collect();
    let mut reports = Vec::new();
    for target in &targets {
        reports.push((target, target.fuzz(options.limit())?));
    }
    for (target, report) in &reports {
        if options.keep && !report.has_crashed() {
            target.keep()?;
        }
    }
    for (target, report) in &reports {
        if let Some(artifact) = report.artifact() {
            println!("{}: {}", target.name, report.message());
            println!("  {artifact}\n  {}", target.reproduction(artifact));
        }
        println!("fuzz: {} {report}", target.name);
    }
    let crashed = reports.iter().any(|(_, report)| report.has_crashed());
    ensure!(!crashed, "a fuzz target failed");
    Ok(())
}

/// Whether there is a nightly compiler, whose coverage the fuzzer needs.
///
/// # Errors
///
/// What to run to get one.
pub(crate) fn check_nightly() -> Result<()> {
    let mut version = Command::new("rustup");
    let answer = version
        .args(["run", "nightly", "rustc", "--version"])
        .output();
    if answer.is_ok_and(|answer| answer.status.success()) {
        return Ok(());
    }
    bail!(
        "fuzzing needs a nightly compiler; run: rustup toolchain install nightly --profile minimal"
    );
}

fn install_cargo_fuzz() -> Result<()> {
    let answer = nightly_cargo().args(["fuzz", "--version"]).output();
    if answer.is_ok_and(|answer| answer.status.success()) {
        return Ok(());
    }
    if !is_ci() && !nix::unistd::geteuid().is_root() {
        bail!("cargo-fuzz is missing; run: cargo {}", INSTALL.join(" "));
    }
    run_command(crate::cargo::cargo(&INSTALL).env_remove("CARGO_TARGET_DIR"))
}

const INSTALL: [&str; 3] = ["install", "cargo-fuzz", "--locked"];

/// Whether this is a continuous integration run, as every service says.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Nightly's cargo, whatever toolchain runs this.
fn nightly_cargo() -> Command {
    let mut command = Command::new("rustup");
    command
        .current_dir(root())
        .args(["run", "nightly", "cargo"]);
    command.env("ASAN_OPTIONS", SANITIZER);
    command
}

fn cargo_fuzz(task: &str, sanitizer: Sanitizer) -> Command {
    let mut command = nightly_cargo();
    command.args(["fuzz", task, "--fuzz-dir", CRATE]);
    // Dictionaries know the words that comparisons would tell; without those it is twice as fast.
    command.arg("--no-trace-compares");
    command.args(sanitizer.flags());
    command.arg("--target-dir").arg(sanitizer.folder());
    command
}

impl Sanitizer {
    const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Address => &[],
            Self::None => &["--sanitizer", "none"],
        }
    }

    /// Where the targets are built: each kind has its own flags, and would build the other's anew.
    fn folder(self) -> PathBuf {
        match self {
            Self::Address => folder(),
            Self::None => folder().join("no-sanitizer"),
        }
    }
}

/// Everything that fuzzing leaves behind.
fn folder() -> PathBuf {
    target_directory().join("fuzz")
}

/// One fuzz target.
struct Target {
    name: &'static str,
    sanitizer: Sanitizer,
}

impl Target {
    /// The longest input that is tried, in bytes: what a target needs to reach everything, and no
    /// more, because short inputs run fast.
    fn longest(&self) -> u32 {
        match self.name {
            "messages" => 384,
            "decoder" | "session" => 96,
            _ => 128,
        }
    }

    /// The corpus in the repository, from the workspace's root.
    fn corpus(&self) -> PathBuf {
        PathBuf::from(CRATE).join("corpus").join(self.name)
    }

    /// A folder of this target's among what fuzzing leaves behind; made if it is missing.
    fn folder(&self, kind: &str) -> Result<PathBuf> {
        let folder = folder().join(kind).join(self.name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A run of libFuzzer, not started yet; the first folder gets what is found.
    fn libfuzzer(&self, folders: &[PathBuf], flags: &[String]) -> Result<Command> {
        let artifacts = self.folder("artifacts")?;
        let mut command = cargo_fuzz("run", self.sanitizer);
        command.arg(self.name).args(folders).arg("--").args(flags);
        command.args([
            format!("-max_len={}", self.longest()),
            format!("-dict={CRATE}/dictionaries/{}.dict", self.name),
            format!("-timeout={TIMEOUT_S}"),
            format!("-rss_limit_mb={RSS_MIB}"),
            format!("-artifact_prefix={}/", artifacts.display()),
        ]);
        Ok(command)
    }

    fn fuzz(&self, limit: String) -> Result<Report> {
        let found = self.folder("corpus")?;
        let log = folder().join(format!("{}.log", self.name));
        let flags = [limit, "-print_final_stats=1".to_owned()];
        let mut command = self.libfuzzer(&[found, self.corpus()], &flags)?;
        eprintln!(
            "+ cargo +nightly fuzz run {} -- {}  # {}",
            self.name,
            flags[0],
            log.display()
        );
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run rustup")?;
        let mut log = fs::File::create(&log).with_context(|| format!("{}", log.display()))?;
        let mut report = Report::default();
        let told = child.stderr.take().context("its output is piped")?;
        // A panic may show bytes that are no text.
        for line in BufReader::new(told).split(b'\n') {
            let line = line?;
            log.write_all(&[&line, &b"\n"[..]].concat())?;
            report.hear(&String::from_utf8_lossy(&line));
        }
        let status = child.wait()?;
        report.ended(status.success())?;
        Ok(report)
    }

    /// Moves what was found into the repository's corpus, of which only what reaches something
    /// that nothing else does stays.
    fn keep(&self) -> Result<()> {
        let smallest = self.folder("smallest")?;
        fs::remove_dir_all(&smallest)?;
        fs::create_dir(&smallest)?;
        let folders = [smallest.clone(), self.corpus(), self.folder("corpus")?];
        // Which lines run decides, not how often.
        let flags = ["-set_cover_merge=1", "-use_counters=0"].map(str::to_owned);
        run_command(&mut self.libfuzzer(&folders, &flags)?)?;
        let corpus = root().join(self.corpus());
        fs::remove_dir_all(&corpus)?;
        fs::create_dir_all(&corpus)?;
        for file in fs::read_dir(&smallest)? {
            let file = file?;
            fs::copy(file.path(), corpus.join(file.file_name()))?;
        }
        Ok(())
    }

    fn reproduction(&self, artifact: &str) -> String {
        format!(
            "cargo +nightly fuzz run --fuzz-dir {CRATE} --no-trace-compares {} --target-dir {} {} {artifact}",
            self.sanitizer.flags().join(" "),
            self.sanitizer.folder().display(),
            self.name
        )
    }
}
