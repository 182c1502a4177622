//! The one thread that moves what services write to their logs. A disk that stalls stalls this
//! thread, and services whose FIFOs are full; never the executor.

use super::Directories;
use super::attached_log::AttachedLog;
use super::feed::Feeds;
use super::fifo::{Fifos, Tap};
use super::service::{Next, Service};
use crate::core::log::{LogLimits, Stream};
use crate::edge::clock::Clock;
use crate::edge::failpoint::pass;
use lastword_protocol::{Instant, Millis};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How many looks at one stream come before another one's turn.
const TURN_LOOKS: usize = 8;
/// How many events the kernel is asked for at a time.
const EVENTS: usize = 64;

/// What the pump is asked for.
#[derive(Debug)]
pub(super) enum Command {
    /// Open a service's log.
    Attach(String, LogLimits, Answer<()>),
    /// The service has ended: write everything there is.
    Settle(String, Answer<()>),
    /// The service is removed: settle, close and remove its FIFOs.
    Detach(String, Answer<()>),
    /// End.
    Stop,
}

/// Where an answer goes. Nobody may be left to hear it.
pub(super) type Answer<T> = oneshot::Sender<io::Result<T>>;

/// One stream of one service: what the kernel's events carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Token(u64);

impl Token {
    /// The commands' own.
    const COMMANDS: Self = Self(u64::MAX);

    const fn new(id: u64, stream: Stream) -> Self {
        Self(id * 2 + stream as u64)
    }

    const fn parts(self) -> (u64, Stream) {
        let stream = if self.0.is_multiple_of(2) {
            Stream::Out
        } else {
            Stream::Err
        };
        (self.0 / 2, stream)
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pump {
    directories: Directories,
    feeds: Arc<Feeds>,
    clock: Clock,
    epoll: Epoll,
    woken: Arc<EventFd>,
    commands: mpsc::Receiver<Command>,
    /// The longest that services wait for a log that cannot be written.
    write_wait_limit: Millis,
    tap: Tap,
    attached: BTreeMap<u64, AttachedLog>,
    ids: HashMap<String, u64>,
    next_id: u64,
    /// Streams that may have more to look at, each once.
    ready: VecDeque<Token>,
    /// When streams are to be looked at though nothing is written to them.
    due: BTreeSet<(Instant, Token)>,
}

impl Pump {
    /// Everything it needs; `woken` is written to after each command.
    pub(super) fn open(
        directories: Directories,
        feeds: Arc<Feeds>,
        commands: mpsc::Receiver<Command>,
        write_wait_limit: Millis,
    ) -> io::Result<(Self, Arc<EventFd>)> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let woken = Arc::new(EventFd::from_flags(flags)?);
        let event = EpollEvent::new(EpollFlags::EPOLLIN, Token::COMMANDS.0);
        epoll.add(&*woken, event)?;
        let pump = Self {
            directories,
            feeds,
            clock: Clock::start(),
            epoll,
            woken: Arc::clone(&woken),
            commands,
            write_wait_limit,
            tap: Tap::open()?,
            attached: BTreeMap::new(),
            ids: HashMap::new(),
            next_id: 0,
            ready: VecDeque::new(),
            due: BTreeSet::new(),
        };
        Ok((pump, woken))
    }

    /// Pumps until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let count = match self.epoll.wait(&mut events, self.timeout()) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(error) => {
                    tracing::error!(%error, "the logs of services can no longer be written");
                    return;
                }
            };
            let turned = self.hear(&events[..count]).is_continue();
            if !turned || self.take_turns().is_break() {
                return;
            }
        }
    }

    fn hear(&mut self, events: &[EpollEvent]) -> ControlFlow<()> {
        for event in events {
            if event.data() == Token::COMMANDS.0 {
                self.obey_all()?;
            } else {
                self.mark_ready(Token(event.data()));
            }
        }
        ControlFlow::Continue(())
    }

    /// Until when there is nothing to do, if nothing happens.
    fn timeout(&self) -> EpollTimeout {
        if !self.ready.is_empty() {
            return EpollTimeout::ZERO;
        }
        let Some((due, _)) = self.due.first() else {
            return EpollTimeout::NONE;
        };
        let span = due.since(self.clock.now()).0;
        EpollTimeout::try_from(span).unwrap_or(EpollTimeout::MAX)
    }

    fn mark_ready(&mut self, token: Token) {
        if !self.ready.contains(&token) {
            self.ready.push_back(token);
        }
    }

    /// Each stream that is ready or due gets one turn.
    fn take_turns(&mut self) -> ControlFlow<()> {
        let now = self.clock.now();
        while let Some((due, token)) = self.due.first().copied() {
            if due > now {
                break;
            }
            self.due.pop_first();
            self.mark_ready(token);
        }
        for _turn in 0..self.ready.len() {
            // Hundreds of busy services keep nobody waiting who starts or stops another.
            if !self.commands.is_empty() {
                self.obey_all()?;
            }
            if let Some(token) = self.ready.pop_front() {
                self.take_turn(token);
            }
        }
        ControlFlow::Continue(())
    }

    fn take_turn(&mut self, token: Token) {
        let (id, stream) = token.parts();
        let now = self.clock.now();
        let Some(attached) = self.attached.get_mut(&id) else {
            return;
        };
        let limit = self.write_wait_limit;
        if attached.stalled.is_some_and(|stall| stall.retry > now) {
            return attached.relieve(&mut self.tap, now, limit);
        }
        for _look in 0..TURN_LOOKS {
            match attached.service.pump(&mut self.tap, stream, now) {
                Ok(Next::Look) => attached.recover(now),
                Ok(Next::Wait(due)) => {
                    attached.recover(now);
                    self.note(token, due);
                    return;
                }
                Err(error) => {
                    let retry = attached.stall(now, &error);
                    attached.relieve(&mut self.tap, now, limit);
                    for stream in Stream::BOTH {
                        self.note(Token::new(id, stream), Some(retry));
                    }
                    return;
                }
            }
        }
        self.ready.push_back(token);
    }

    /// Notes when a stream is to be looked at, instead of what was noted before.
    fn note(&mut self, token: Token, due: Option<Instant>) {
        let (id, stream) = token.parts();
        let Some(attached) = self.attached.get_mut(&id) else {
            return;
        };
        let noted = std::mem::replace(&mut attached.due[stream as usize], due);
        if let Some(noted) = noted {
            self.due.remove(&(noted, token));
        }
        self.due.extend(due.map(|due| (due, token)));
    }

    fn obey_all(&mut self) -> ControlFlow<()> {
        // Reset before the commands are taken: one that comes meanwhile rings again.
        let _count = self.woken.read();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Attach(name, limits, answer) => {
                    drop(answer.send(self.attach(&name, limits)));
                }
                Command::Settle(name, answer) => drop(answer.send(self.settle(&name).map(drop))),
                Command::Detach(name, answer) => drop(answer.send(self.detach(&name))),
                Command::Stop => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    fn attach(&mut self, name: &str, limits: LogLimits) -> io::Result<()> {
        if let Some(attached) = self.ids.get(name).and_then(|id| self.attached.get_mut(id)) {
            attached.service.limit(limits)?;
            return self.renew(name);
        }
        let service = Service::open(&self.directories, name, limits)?;
        let id = self.next_id;
        watch(&self.epoll, id, service.fifos())?;
        self.feeds.insert(name, Arc::clone(service.feed()));
        self.next_id += 1;
        self.ids.insert(name.to_owned(), id);
        let attached = AttachedLog {
            name: name.to_owned(),
            service,
            stalled: None,
            due: [None; 2],
        };
        self.attached.insert(id, attached);
        self.begin(id);
        Ok(())
    }

    /// Opens a service's files. That of a disk which is full now may have room later.
    fn begin(&mut self, id: u64) {
        let now = self.clock.now();
        let Some(attached) = self.attached.get_mut(&id) else {
            return;
        };
        if let Err(error) = attached.service.begin() {
            let retry = attached.stall(now, &error);
            self.note(Token::new(id, Stream::Out), Some(retry));
        }
    }

    /// Gives a service new FIFOs where somebody has removed the names of its own.
    fn renew(&mut self, name: &str) -> io::Result<()> {
        let id = self.ids.get(name).copied().ok_or_else(super::unknown)?;
        let attached = self.attached.get_mut(&id).ok_or_else(super::unknown)?;
        if attached.service.fifos().are_there() {
            return Ok(());
        }
        tracing::warn!(name, "its FIFOs were removed; new ones are made");
        for stream in Stream::BOTH {
            self.epoll.delete(attached.service.fifos().of(stream))?;
        }
        let service = &mut attached.service;
        service.renew(&self.directories.fifos, name, &mut self.tap)?;
        watch(&self.epoll, id, service.fifos())
    }

    fn settle(&mut self, name: &str) -> io::Result<u64> {
        pass("in-logs");
        let id = self.ids.get(name).copied().ok_or_else(super::unknown)?;
        let attached = self.attached.get_mut(&id).ok_or_else(super::unknown)?;
        attached.service.settle(&mut self.tap)?;
        Ok(id)
    }

    fn detach(&mut self, name: &str) -> io::Result<()> {
        let id = self.settle(name)?;
        let Some(attached) = self.attached.remove(&id) else {
            return Ok(());
        };
        self.ids.remove(name);
        self.feeds.remove(name);
        for stream in Stream::BOTH {
            self.epoll.delete(attached.service.fifos().of(stream))?;
        }
        attached.service.feed().close();
        attached.service.fifos().unlink()
    }
}

/// Has the kernel tell when something is written to FIFOs.
fn watch(epoll: &Epoll, id: u64, fifos: &Fifos) -> io::Result<()> {
    for stream in Stream::BOTH {
        // Edge-triggered: an unfinished line stays in its FIFO and would ring without end.
        // Linux 5.5 to 5.13 rings only where the FIFO was empty: there, the rest of such a
        // line is seen when the line is due.
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        let event = EpollEvent::new(flags, Token::new(id, stream).0);
        epoll.add(fifos.of(stream), event)?;
    }
    Ok(())
}

impl Drop for Pump {
    fn drop(&mut self) {
        // Nothing will follow: whoever waits for it is told.
        for attached in self.attached.values() {
            attached.service.feed().close();
        }
    }
}
