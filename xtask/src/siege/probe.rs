//! Those who must not notice that there is a siege: a console on the serial line, and a power client over TCP.

use super::agent::Besieged;
use super::report::Latencies;
use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::OFlag;
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout};

/// How long the console waits between two lines.
const CONSOLE_INTERVAL: Duration = Duration::from_millis(20);
/// How long the power client waits between two requests.
const POWER_INTERVAL: Duration = Duration::from_millis(50);
/// How long an answer may take before the agent counts as gone.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The most answers that may stand before that to `status`.
const STALE_ANSWERS_MAX: u32 = 4;
/// The answer to a cancel where nothing is staged.
const NOTHING_STAGED: &str = "no power operation is staged";

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Somebody who says a line and waits for its answer.
struct Line(BufReader<Box<dyn Stream>>);

impl Line {
    fn new(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    async fn tcp(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }

    /// Says a line. Returns its final, and how long that took.
    async fn ask(&mut self, line: &str) -> Result<(String, Duration)> {
        let began = Instant::now();
        self.0.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = timeout(ANSWER_MAX, self.read_final()).await;
        let answer = answer.map_err(|_| NoAnswer(line.to_owned()))??;
        ensure!(answer.starts_with("ok"), "`{line}`: {answer}");
        Ok((answer, began.elapsed()))
    }

    async fn read_final(&mut self) -> Result<String> {
        loop {
            let mut answer = String::new();
            ensure!(
                self.0.read_line(&mut answer).await? > 0,
                "the agent has left"
            );
            if answer.starts_with("ok") || answer.starts_with("err") {
                return Ok(answer);
            }
        }
    }
}

/// The console and the power client.
pub(super) struct Probes {
    console: Line,
    /// What stages.
    stager: Line,
    /// What looks and cancels.
    canceller: Line,
    /// A thread that sends back what it is sent over a pseudo-terminal.
    tty_echo: Line,
    /// And one over a socket.
    socket_echo: Line,
}

/// The latencies of all probes.
pub(super) struct ProbeLatencies {
    pub(super) console: Latencies,
    pub(super) power: Latencies,
    pub(super) tty_echo: Latencies,
    pub(super) socket_echo: Latencies,
}

impl Probes {
    /// Connects both, before anybody else does.
    pub(super) async fn connect(agent: &Besieged) -> Result<Self> {
        Ok(Self {
            console: open_console(agent)?,
            stager: Line::tcp(agent.address()).await?,
            canceller: Line::tcp(agent.address()).await?,
            tty_echo: start_tty_echo()?,
            socket_echo: start_socket_echo()?,
        })
    }

    /// How many sessions the agent says there are.
    pub(super) async fn sessions(&mut self) -> Result<usize> {
        // Answers that came too late for those who asked may stand before this one.
        for _ in 0..STALE_ANSWERS_MAX {
            let (status, _) = self.canceller.ask("status").await?;
            let mut fields = status.split(' ');
            let field = fields.find_map(|it| it.strip_prefix("sessions="));
            if let Some(field) = field {
                return field.parse().context("`sessions` is no number");
            }
        }
        bail!("no sessions in `status`")
    }

    /// Asks for `length`. Returns how long everybody's requests took.
    pub(super) async fn ask_for(&mut self, length: Duration) -> Result<ProbeLatencies> {
        let end = Instant::now() + length;
        let (stager, canceller) = (&mut self.stager, &mut self.canceller);
        let (console, power, tty_echo, socket_echo) = tokio::try_join!(
            ask_again(&mut self.console, "uptime", end),
            use_power(stager, canceller, end),
            ask_again(&mut self.tty_echo, "ok", end),
            ask_again(&mut self.socket_echo, "ok", end)
        )?;
        Ok(ProbeLatencies {
            console,
            power,
            tty_echo,
            socket_echo,
        })
    }
}

/// Starts a thread that sends back what it is sent over a pseudo-terminal, and opens that as the console is opened:
/// the kernel moves its bytes in the same way, and needs a processor for that.
fn start_tty_echo() -> Result<Line> {
    let pair = openpty(None, None)?;
    let mut from = File::from(pair.master);
    let mut to = from.try_clone()?;
    // It ends with the other side.
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    open_raw(File::from(pair.slave))
}

/// Starts a thread that sends back what it is sent, and connects to it.
fn start_socket_echo() -> Result<Line> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut from = theirs.try_clone()?;
    let mut to = theirs;
    // It ends with the other side.
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    Ok(Line::new(UnixStream::from_std(ours)?))
}

async fn ask_again(line: &mut Line, asked: &str, end: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    while Instant::now() < end && note(line.ask(asked).await, &mut latencies)? {
        sleep(CONSOLE_INTERVAL).await;
    }
    Ok(latencies)
}

async fn use_power(stager: &mut Line, canceller: &mut Line, end: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    while Instant::now() < end {
        if !note(canceller.ask("power status").await, &mut latencies)? {
            break;
        }
        sleep(POWER_INTERVAL).await;
        let begun = Instant::now();
        if !note(stager.ask("power reboot --in 1h").await, &mut latencies)? {
            break;
        }
        sleep(POWER_INTERVAL).await;
        match canceller.ask("power cancel").await {
            // An acknowledgement that leaves too late stands its operation down: that is as slow as all of it.
            Err(error) if error.to_string().contains(NOTHING_STAGED) => {
                let ago = begun.elapsed();
                println!("siege: an operation has stood down, asked for {ago:.1?} ago");
                latencies.push(ago);
            }
            answer => {
                if !note(answer, &mut latencies)? {
                    break;
                }
            }
        }
        sleep(POWER_INTERVAL).await;
    }
    Ok(latencies)
}

/// Notes how long an answer took. Returns whether it came; for one that did not, the longest wait counts.
fn note(answer: Result<(String, Duration)>, latencies: &mut Latencies) -> Result<bool> {
    match answer {
        Ok((_, latency)) => {
            latencies.push(latency);
            Ok(true)
        }
        Err(error) if error.is::<NoAnswer>() => {
            println!("siege: {error}");
            latencies.push(ANSWER_MAX);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// There was no answer in time.
#[derive(Debug)]
struct NoAnswer(String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer to `{}` in {ANSWER_MAX:?}", self.0)
    }
}

impl std::error::Error for NoAnswer {}

/// Opens the agent's pseudo-terminal as a terminal program does.
fn open_console(agent: &Besieged) -> Result<Line> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(OFlag::O_NOCTTY.bits());
    open_raw(options.open(agent.tty()).context("no pseudo-terminal")?)
}

fn open_raw(tty: File) -> Result<Line> {
    let mut termios = tcgetattr(&tty)?;
    cfmakeraw(&mut termios);
    tcsetattr(&tty, SetArg::TCSANOW, &termios)?;
    Ok(Line::new(tokio::fs::File::from_std(tty)))
}
