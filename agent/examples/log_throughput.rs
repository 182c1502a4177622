//! Measures how fast the lines of one service get into its log, and that none is lost.
//!
//!     cargo run --release --package lastword-agent --example log_throughput -- [MIB] [WRITE_BYTES]
//!
//! The service is this program, started once more. It writes numbered lines of 100 bytes, as many
//! at once as `WRITE_BYTES` hold, to its standard output.

use anyhow::{Context, Result, ensure};
use lastword_agent::core::log::LogLimits;
use lastword_agent::edge::clock::Clock;
use lastword_agent::edge::logs::Logs;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::process::Command;

/// What a line takes, its newline among it.
const LINE_BYTES: u64 = 100;
/// What follows its number of ten digits.
const FILLER_BYTES: usize = 89;
/// Marks the service among this program's arguments.
const SERVICE: &str = "--service";

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let is_service = arguments.first().is_some_and(|first| first == SERVICE);
    let mut numbers = arguments.iter().skip(usize::from(is_service));
    let mut number = |otherwise: u64| numbers.next().map_or(Ok(otherwise), |text| text.parse());
    let lines = number(1024)? * 1024 * 1024 / LINE_BYTES;
    let write_bytes = usize::try_from(number(64 * 1024)?)?;
    if is_service {
        return write(lines, write_bytes);
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(measure(lines, &arguments))
}

/// What the service does.
fn write(lines: u64, write_bytes: usize) -> Result<()> {
    // Standard output as the library has it would write line by line.
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let mut output = BufWriter::with_capacity(write_bytes, File::from(output));
    let filler = [&[b' '; FILLER_BYTES][..], b"\n"].concat();
    for number in 0..lines {
        write!(output, "{number:010}")?;
        output.write_all(&filler)?;
    }
    Ok(output.flush()?)
}

async fn measure(lines: u64, arguments: &[String]) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let logs = Logs::start(directory.path())?;
    let limits = LogLimits {
        max_size_bytes: 10 * 1024 * 1024,
        keep: 5,
        ring_bytes: 1024 * 1024,
    };
    let ends = logs.attach("service", limits).await?;
    let clock = Clock::start();
    let mut service = Command::new(std::env::current_exe()?)
        .arg(SERVICE)
        .args(arguments)
        .stdout(ends.out)
        .stderr(ends.err)
        .spawn()?;
    let status = tokio::task::spawn_blocking(move || service.wait()).await??;
    let written_ms = clock.now().0;
    logs.settle("service").await?;
    let settled_ms = clock.now().0;
    ensure!(status.success(), "the service ended with {status}");
    let tail = logs.tail("service", 1_000).await?;
    ensure!(tail.next.0 == lines, "{} lines of {lines}", tail.next.0);
    for (line, number) in tail.lines.iter().rev().zip((0..lines).rev()) {
        let text = str::from_utf8(&line.bytes)?.trim_end();
        ensure!(text.parse() == Ok(number), "{text} is not {number}");
    }
    let bytes = lines * LINE_BYTES;
    let per_second = bytes / settled_ms.max(1) / 1_000;
    let used = processor_ms().context("cannot read what this process used")?;
    println!(
        "{lines} lines, {bytes} bytes: written in {written_ms} ms, all in the log after \
         {settled_ms} ms, {per_second} MB/s, none lost; the agent used {used} ms of a processor"
    );
    Ok(())
}

/// How long this process has run on a processor, in milliseconds: fields 14 and 15 of
/// `/proc/PID/stat`, in hundredths of a second (proc(5)).
fn processor_ms() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<u64>).sum::<Result<u64, _>>().ok()?;
    Some(ticks * 10)
}
