//! A service to be supervised. The first thing it does is to look at the clock; then it tells that time,
//! and sleeps, or writes lines first.

use nix::time::{ClockId, clock_gettime};
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::{ExitCode, id};
use std::time::Duration;

/// How long a line is, with its end.
const LINE_BYTES: usize = 100;

fn main() -> ExitCode {
    let began = monotonic();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(began, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(began: Duration, arguments: &[&str]) -> io::Result<()> {
    match *arguments {
        ["sleep", name, roll] => tell(name, Path::new(roll), began, 0)?,
        ["write", name, roll, seconds, block, ref pace @ ..] if pace.len() < 2 => {
            let number = |text: &str| text.parse().map_err(io::Error::other);
            tell(name, Path::new(roll), began, 0)?;
            let until = began + Duration::from_secs(number(seconds)?);
            let block = usize::try_from(number(block)?).map_err(io::Error::other)?;
            let pace = pace.first().map_or(Ok(u64::MAX), |pace| number(pace))?;
            let lines = write_until((began, until), block, pace)?;
            tell(name, Path::new(roll), monotonic(), lines)?;
        }
        _ => {
            return Err(io::Error::other(
                "sleep NAME ROLL | write NAME ROLL SECONDS BLOCK [BYTES_PER_SECOND]",
            ));
        }
    }
    loop {
        std::thread::park();
    }
}

/// One line to whoever calls the roll, in one write: name, process, nanoseconds, lines.
fn tell(name: &str, roll: &Path, at: Duration, lines: u64) -> io::Result<()> {
    let line = format!("{name} {} {} {lines}\n", id(), at.as_nanos());
    let mut roll = OpenOptions::new().write(true).open(roll)?;
    roll.write_all(line.as_bytes())
}

/// Writes numbered lines, so many in a block, until then, and no faster than so many bytes in a second. Returns
/// how many.
fn write_until(
    (began, until): (Duration, Duration),
    lines_in_block: usize,
    bytes_per_second: u64,
) -> io::Result<u64> {
    let mut stdout = OpenOptions::new().write(true).open("/proc/self/fd/1")?;
    let mut block = Vec::with_capacity(lines_in_block * LINE_BYTES);
    let mut lines = 0;
    while monotonic() < until {
        block.clear();
        for _ in 0..lines_in_block {
            append(&mut block, lines);
            lines += 1;
        }
        stdout.write_all(&block)?;
        let bytes = u128::from(lines) * LINE_BYTES as u128;
        let nanos = bytes * 1_000_000_000 / u128::from(bytes_per_second);
        let due = began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let early = due.saturating_sub(monotonic());
        if !early.is_zero() {
            std::thread::park_timeout(early);
        }
    }
    Ok(lines)
}

/// Ten digits, a space, and what fills the line.
fn append(block: &mut Vec<u8>, number: u64) {
    let mut line = [b'.'; LINE_BYTES];
    let mut rest = number;
    for digit in line[..10].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    line[10] = b' ';
    line[LINE_BYTES - 1] = b'\n';
    block.extend_from_slice(&line);
}

/// What all processes of this machine have in common.
fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
