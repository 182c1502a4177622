//! A board in simulated time: the real agent, on a simulated link, disk and reset line.

mod life;

use crate::agent::Counts;
use crate::disk::Disk;
use crate::reset::ResetLine;
use crate::uart::{Uart, UartLink};
use lastword_agent::edge::link::Link;
use lastword_protocol::Millis;
use lastword_protocol::power::{LastOperation, Outcome, Phase, Standdown};
use life::Life;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What kind of board.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The longest that an acknowledgement may take to be written, or to drain.
    pub drain_cap: Millis,
    /// Whether it tells the line that it is there, as a real one does.
    pub announce: bool,
    /// How long it takes from a reset to the next start of its agent; `None`: it stays down.
    pub boot_time: Option<Duration>,
    /// Its reset line fails with this error code.
    pub fire_fails: Option<u16>,
    /// Its disk and reset line answer at once, not on threads of their own: nothing then depends
    /// on how fast this machine is.
    pub at_once: bool,
}

impl Default for Options {
    /// A board that announces itself, and stays down after a reset.
    fn default() -> Self {
        Self {
            drain_cap: Millis(2_000),
            announce: true,
            boot_time: None,
            fire_fails: None,
            at_once: false,
        }
    }
}

/// A board. Clones are the same board. It lives until its runtime ends.
#[derive(Clone)]
pub struct Board {
    options: Options,
    /// Its disk.
    pub disk: Disk,
    /// The disk of its store.
    pub objects: Disk,
    /// Its reset line.
    pub reset: ResetLine,
    ports: Vec<Port>,
    life: Arc<Mutex<Option<Life>>>,
    counts: Arc<Counts>,
}

/// Opens the board's serial port, at every boot anew.
type Port = Arc<dyn Fn() -> Box<dyn Link> + Send + Sync>;

impl Board {
    /// A board with one serial port, at the agent's end of `uart`. A reset loses what the port
    /// has not sent.
    #[must_use]
    pub fn on_uart(uart: &Uart, options: Options) -> Self {
        Self::on_port(uart, options, |link| Box::new(link))
    }

    /// As [`Board::on_uart`], with something in between.
    #[must_use]
    pub fn on_port(
        uart: &Uart,
        options: Options,
        wrap: impl Fn(UartLink) -> Box<dyn Link> + Send + Sync + 'static,
    ) -> Self {
        let reset = uart.clone();
        let ports = vec![port(uart, wrap)];
        Self::start(options, ports, move || reset.reset_agent())
    }

    /// A board with two serial ports, and something in between.
    #[must_use]
    pub fn on_two_ports(
        uarts: [&Uart; 2],
        options: Options,
        wraps: [impl Fn(UartLink) -> Box<dyn Link> + Send + Sync + 'static; 2],
    ) -> Self {
        let resets = uarts.map(Uart::clone);
        let ports = uarts.into_iter().zip(wraps);
        let ports = ports.map(|(uart, wrap)| port(uart, wrap)).collect();
        Self::start(options, ports, move || {
            resets.iter().for_each(Uart::reset_agent);
        })
    }

    /// A board that is reached by [`Board::accept`] only. A reset does `pull` to its links.
    #[must_use]
    pub fn without_ports(options: Options, pull: impl Fn() + Send + Sync + 'static) -> Self {
        Self::start(options, Vec::new(), pull)
    }

    fn start(options: Options, ports: Vec<Port>, pull: impl Fn() + Send + Sync + 'static) -> Self {
        let board = Self {
            options,
            disk: Disk::default(),
            objects: Disk::default(),
            reset: ResetLine::new(pull, options.fire_fails),
            ports,
            life: Arc::default(),
            counts: Arc::default(),
        };
        board.boot(1);
        if board.reset.works() {
            tokio::spawn(board.clone().go_down_and_up());
        }
        board
    }

    /// Takes a connection. It breaks when the board goes down.
    pub fn accept(&self, link: impl Link + 'static) {
        if let Some(life) = &mut *self.life() {
            life.converse(Box::new(link), false);
        }
    }

    /// How often its status was looked at. Each look is told, as the memory there is, how many
    /// there were before it.
    #[must_use]
    pub fn statuses(&self) -> u32 {
        self.counts.statuses()
    }

    /// Whether its agent runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.life().is_some()
    }

    /// Tells its agent to end, as an init does.
    pub fn stop_agent(&self) {
        if let Some(life) = &*self.life() {
            life.stop();
        }
    }

    /// Takes its power away, without a word.
    pub fn cut_power(&self) {
        *self.life() = None;
    }

    /// Starts its agent in the boot of that number.
    pub fn power_up(&self, number: u8) {
        self.boot(number);
    }

    /// How far the staged operation is; `None` if nothing is staged.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        let life = self.life();
        let status = life.as_ref()?.power_status();
        status.pending.map(|pending| pending.phase)
    }

    /// The last operation on record; `None` also of a board that is down.
    #[must_use]
    pub fn last(&self) -> Option<LastOperation> {
        self.life().as_ref()?.power_status().last
    }

    /// Waits until the staged operation is that far.
    pub async fn reach(&self, phase: Phase) {
        self.poll(|| (self.phase() == Some(phase)).then_some(()), phase.word())
            .await;
    }

    /// Waits until the last operation has stood down, and tells why.
    pub async fn stood_down(&self) -> Standdown {
        let why = || match self.last()?.outcome {
            Outcome::StoodDown(why) => Some(why),
            _ => None,
        };
        self.poll(why, "stood down").await
    }

    /// Waits until the last operation came to this.
    pub async fn came_to(&self, outcome: Outcome) {
        let there = || (self.last()?.outcome == outcome).then_some(());
        self.poll(there, outcome.word()).await;
    }

    /// Asks every simulated millisecond.
    async fn poll<T>(&self, mut ask: impl FnMut() -> Option<T>, what: &str) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                match ask() {
                    Some(found) => break found,
                    None => sleep(Duration::from_millis(1)).await,
                }
            }
        });
        let last = self.last();
        found
            .await
            .unwrap_or_else(|_| panic!("never {what}: {last:?} {self:?}"))
    }

    fn boot(&self, number: u8) {
        let mut life = Life::begin(number, self);
        for port in &self.ports {
            life.converse(port(), self.options.announce);
        }
        *self.life() = Some(life);
    }

    /// Each pull of the reset line ends a life of the agent in mid-step.
    async fn go_down_and_up(self) {
        for boot in 1.. {
            self.reset.pulled(boot).await;
            *self.life() = None;
            let Some(boot_time) = self.options.boot_time else {
                return;
            };
            sleep(boot_time).await;
            self.boot(u8::try_from(boot + 1).expect("a test has few boots"));
        }
    }

    fn life(&self) -> MutexGuard<'_, Option<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The agent's end of `uart`, with something in between.
fn port(uart: &Uart, wrap: impl Fn(UartLink) -> Box<dyn Link> + Send + Sync + 'static) -> Port {
    let opened = uart.clone();
    Arc::new(move || wrap(opened.agent_end()))
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("options", &self.options)
            .field("fires", &self.reset)
            .field("power.json", &self.disk.text("power.json"))
            .finish_non_exhaustive()
    }
}

/// How long a test waits for a board, in simulated time.
const PATIENCE: Duration = Duration::from_mins(5);
