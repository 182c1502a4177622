//! A board in memory, for the tests of this crate: the protocol's own device side behind a
//! [`Dial`], with faults to order. Its clock is tokio's, so tests pause it.

use crate::dial::{Dial, Dialing, Stream};
use crate::endpoint::Baud;
use lastword_protocol::announcement::Announcement;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{Class, Header, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{BoardKind, BootSource, Capabilities, Cause, Identity};
use lastword_protocol::message::{Initiated, PowerStatus, Reply, Request, Uptime};
use lastword_protocol::power::{Backend, Evidence, LastOperation, Operation, Outcome, Standdown};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::session::{Admission, Session};
use lastword_protocol::{BootId, Instant, Millis, OperationId, Sequence, Text};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

const PACKET: usize = 512;

/// What happens to a packet that the board sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Pass,
    Lose,
    Corrupt,
    /// Console noise in front of it, with a candidate that is no frame.
    Noise,
}

/// When a board that goes down is there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    After(Duration),
    Never,
}

/// What a power request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnPower {
    /// The board goes down after 20 ms and comes back, or not.
    Goes(Back),
    /// Accepted, and then called off.
    StandsDown,
    Refused(Code),
    /// The board takes no notice: neither reply nor effect, the first time.
    Unheard(Back),
}

pub(crate) struct World {
    pub(crate) boot: u8,
    pub(crate) on_power: OnPower,
    pub(crate) faults: VecDeque<Fault>,
    /// Every request that ran.
    pub(crate) ran: Vec<Request>,
    pub(crate) boot_source: BootSource,
    pub(crate) cause_after: Cause,
    /// How long the clock of an uptime is ahead.
    pub(crate) uptime_ahead: Duration,
    /// Reboot when asked for an uptime, instead of answering.
    pub(crate) reboot_on_uptime: bool,
    pub(crate) owner: Option<hello::Busy>,
    /// Whether a line hears of each boot.
    pub(crate) announces: bool,
    /// The frames that came while the board was down.
    pub(crate) unheard: usize,
    up: bool,
    booted: tokio::time::Instant,
    cause: Cause,
    last: Option<LastOperation>,
    session: Option<Session<PACKET, 4>>,
    /// What just ran takes the board down.
    restart: Option<Back>,
}

/// A board, and all the links to it.
#[derive(Clone)]
pub(crate) struct FakeBoard {
    world: Arc<Mutex<World>>,
    boots: Arc<watch::Sender<u8>>,
    line: bool,
}

impl FakeBoard {
    /// A board behind a serial line.
    pub(crate) fn on_a_line() -> Self {
        Self::new(true)
    }

    /// A board with connections, which die silently when it goes down.
    pub(crate) fn with_connections() -> Self {
        Self::new(false)
    }

    fn new(line: bool) -> Self {
        let world = World {
            boot: 1,
            on_power: OnPower::Goes(Back::After(Duration::from_secs(2))),
            faults: VecDeque::new(),
            ran: Vec::new(),
            boot_source: BootSource::Kernel,
            cause_after: Cause::Requested,
            uptime_ahead: Duration::ZERO,
            reboot_on_uptime: false,
            owner: None,
            announces: true,
            unheard: 0,
            up: true,
            booted: tokio::time::Instant::now(),
            cause: Cause::Unknown,
            last: None,
            session: None,
            restart: None,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            boots: Arc::new(watch::channel(1).0),
            line,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut boots = self.boots.subscribe();
        let mut decoder = Decoder::<PACKET>::new(Manner::DEVICE_SERIAL);
        let start = tokio::time::Instant::now();
        let mut input = [0; 64];
        loop {
            tokio::select! {
                read = stream.read(&mut input) => {
                    let Ok(length @ 1..) = read else { return };
                    let now = Instant(u64::try_from(start.elapsed().as_millis()).unwrap());
                    let out = self.hear(&mut decoder, now, &input[..length]);
                    if stream.write_all(&out).await.is_err() { return }
                }
                changed = boots.changed() => {
                    if changed.is_err() || !self.line { break }
                    decoder.reset();
                    let out = [b"\x1b[0mbooting", &*self.announcement()].concat();
                    if stream.write_all(&out).await.is_err() { return }
                }
            }
        }
        // The connection of a board that went down: silent, and never closed.
        std::future::pending::<()>().await;
    }

    fn announcement(&self) -> Vec<u8> {
        let world = self.world();
        let mut line = Vec::new();
        if world.announces {
            let Identity {
                name, boot, cause, ..
            } = world.identity();
            Announcement { name, boot, cause }
                .write(&mut |text| line.extend_from_slice(text.as_bytes()));
        }
        line
    }

    fn hear(&self, decoder: &mut Decoder<PACKET>, now: Instant, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in bytes {
            let Step::Frame(frame) = decoder.push(now, *byte) else {
                continue;
            };
            let mut world = self.world();
            if !world.up {
                world.unheard += 1;
                continue;
            }
            let Header {
                class,
                sequence,
                opcode,
                ..
            } = frame.header;
            let packet = match class {
                Class::Hello if opcode == hello::opcode::ASK => {
                    let packet = world.greet(sequence, &postcard::from_bytes(frame.body).unwrap());
                    Some(packet)
                }
                Class::Hello => {
                    world.session = None;
                    None
                }
                Class::Request => {
                    let request = Request::decode(opcode, frame.body).unwrap();
                    world.run(sequence, &request)
                }
                _ => None,
            };
            let restart = world.restart.take();
            if let Some(packet) = packet {
                world.send(&packet, &mut out);
            }
            let nonce = world.session.as_ref().map(Session::nonce);
            drop(world);
            decoder.enter(nonce);
            if let Some(down) = restart {
                tokio::spawn(self.clone().go_down(down));
            }
        }
        out
    }

    async fn go_down(self, back: Back) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.world().up = false;
        let Back::After(back) = back else { return };
        tokio::time::sleep(back).await;
        let boot = {
            let mut world = self.world();
            world.come_back();
            world.boot
        };
        self.boots.send_replace(boot);
    }
}

impl World {
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            oldest: 1,
            current: 1,
            boot: BootId([self.boot; 16]),
            boot_source: self.boot_source,
            cause: self.cause,
            kind: BoardKind::Linux,
            name: "fake".try_into().unwrap(),
            firmware: "0".try_into().unwrap(),
            build: "".try_into().unwrap(),
            backend: Backend::Linux,
            mtu: 256,
            window: 4,
            capabilities: Capabilities(0),
            schema: 0,
            last: self.last,
            active: None,
            pending: None,
        }
    }

    fn come_back(&mut self) {
        self.boot += 1;
        self.booted = tokio::time::Instant::now();
        self.cause = self.cause_after;
        self.session = None;
        self.up = true;
        if let Some(last) = &mut self.last {
            last.outcome = Outcome::Done(Evidence::UartEmpty);
        }
    }

    fn greet(&mut self, sequence: Sequence, asked: &Hello) -> Packet<PACKET> {
        if let Some(busy) = self.owner.take_if(|_| !asked.take_over) {
            self.owner = Some(busy.clone());
            return hello::busy(sequence, &busy).unwrap();
        }
        self.owner = None;
        let resumed = self.session.as_ref().map(Session::client) == Some(asked.client);
        if !resumed {
            self.session = Some(Session::new(BootId([self.boot; 16]), asked.client));
        }
        let welcome = Welcome {
            client: asked.client,
            nonce: self.session.as_ref().unwrap().nonce(),
            resumed,
            identity: self.identity(),
        };
        hello::welcome(sequence, &welcome).unwrap()
    }

    fn run(&mut self, sequence: Sequence, request: &Request) -> Option<Packet<PACKET>> {
        let mut session = self.session.take()?;
        let packet = match session.admit(sequence) {
            Admission::Run => {
                self.ran.push(request.clone());
                let reply = self.reply(sequence, request);
                reply.map(|reply| session.answer(sequence, &reply).unwrap())
            }
            Admission::Replay(packet) => Some(packet.clone()),
            Admission::Running | Admission::Full | Admission::Stale => None,
        };
        self.session = Some(session);
        packet
    }

    fn reply(&mut self, sequence: Sequence, request: &Request) -> Option<Reply> {
        let boot = BootId([self.boot; 16]);
        Some(match request {
            Request::Uptime if self.reboot_on_uptime => {
                self.reboot_on_uptime = false;
                self.restart = Some(Back::After(Duration::from_millis(50)));
                return None;
            }
            Request::Uptime => {
                let uptime = self.booted.elapsed() + self.uptime_ahead;
                let uptime = Millis(u64::try_from(uptime.as_millis()).unwrap());
                Reply::Uptime(Uptime { uptime, boot })
            }
            Request::PowerStatus => Reply::PowerStatus(PowerStatus {
                backend: Backend::Linux,
                boot,
                pending: None,
                last: self.last,
                refused: Text::new(),
            }),
            Request::Power(power) => {
                let id = power.id.unwrap_or(OperationId(u64::from(sequence.0)));
                return self.accept(id, power.operation);
            }
            _ => Reply::Done,
        })
    }

    fn accept(&mut self, id: OperationId, operation: Operation) -> Option<Reply> {
        let outcome = match self.on_power {
            OnPower::Unheard(back) => {
                self.on_power = OnPower::Goes(back);
                return None;
            }
            OnPower::Refused(code) => return Some(Reply::Refused(Refusal::new(code, "no"))),
            OnPower::StandsDown => Outcome::StoodDown(Standdown::NotDrained),
            OnPower::Goes(back) => {
                self.restart = Some(back);
                Outcome::Released(Evidence::UartEmpty)
            }
        };
        self.last = Some(LastOperation {
            id,
            operation,
            outcome,
            boot: BootId([self.boot; 16]),
        });
        Some(Reply::Initiated(Initiated {
            operation,
            backend: Backend::Linux,
            id,
        }))
    }

    fn send(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        match self.faults.pop_front().unwrap_or(Fault::Pass) {
            Fault::Pass => out.extend(packet),
            Fault::Lose => {}
            Fault::Noise => {
                out.extend(b"noise\0more noise\n");
                out.extend(packet);
            }
            Fault::Corrupt => {
                let middle = packet.len() / 2;
                out.extend(&packet[..middle]);
                out.push(packet[middle] ^ 0x20);
                out.extend(&packet[middle + 1..]);
            }
        }
    }
}

impl Dial for FakeBoard {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(4_096);
            tokio::spawn(self.clone().serve(far));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }

    fn baud(&self) -> Option<Baud> {
        self.line.then_some(Baud::DEFAULT)
    }
}
