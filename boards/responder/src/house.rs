//! The board's affairs, whoever asks and however: who it is, how it is, and its power.

use crate::about::About;
use crate::application::Said;
use crate::boot::{Boot, Number, Record};
use crate::hardware::Board;
use crate::told::Told;
#[cfg(feature = "shell")]
use lastword_protocol::identity::Identity;
use lastword_protocol::identity::{BootSource, CURRENT, Capabilities, NAME_BYTES, OLDEST};
use lastword_protocol::message::{Field, Request, SCHEMA_HASH, Writer};
use lastword_protocol::power::{
    self, Answer, Backend, Desk, Effect, Event, Evidence, LastOperation, Operation, Origin,
    PowerRequest, Verdict,
};
use lastword_protocol::{BootId, Generation, Instant, OperationId};

/// The longest acknowledgement in text, with a tag and a prompt, in bytes.
const ACKNOWLEDGEMENT_BYTES: usize = 128;

/// The board's affairs.
#[derive(Debug)]
pub struct House {
    about: About,
    boot: Number,
    desk: Desk,
    ack: Ack,
    /// The longest frame body taken, in bytes, and how many replies are kept.
    pub(crate) mtu: u16,
    pub(crate) window: u8,
}

/// The acknowledgement of the staged operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ack {
    /// There is none on its way.
    None,
    /// It is being written.
    Leaving,
    /// It is written, and watched.
    Draining,
}

impl House {
    pub(crate) fn new(about: &About, boot: &Boot, mtu: u16, window: u8) -> Self {
        let board = power::Board {
            boot: boot.number.id(),
            cause: boot.cause,
            backend: about.backend,
            drain_cap: about.drain_cap,
        };
        Self {
            about: *about,
            boot: boot.number,
            desk: Desk::new(board, boot.last),
            ack: Ack::None,
            mtu,
            window,
        }
    }

    pub(crate) const fn about(&self) -> &About {
        &self.about
    }

    pub(crate) const fn boot(&self) -> BootId {
        self.desk.board().boot
    }

    /// Who the board is.
    #[cfg(feature = "shell")]
    pub(crate) fn identity(&self) -> Identity<&'static str> {
        let power::Board { boot, cause, .. } = *self.desk.board();
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot,
            boot_source: BOOT_SOURCE,
            cause,
            kind: self.about.kind,
            name: name(self.about.name),
            firmware: name(self.about.firmware),
            build: name(self.about.build),
            backend: self.about.backend,
            mtu: self.mtu,
            window: self.window,
            capabilities: CAPABILITIES,
            schema: SCHEMA_HASH,
            last: self.desk.last(),
            active: NO_GENERATION,
            pending: NO_GENERATION,
        }
    }

    pub(crate) const fn desk(&self) -> &Desk {
        &self.desk
    }

    #[cfg(all(test, feature = "shell"))]
    pub(crate) const fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// Carries a request out, or stages what it asks for. `assigned` is its operation's id, if it
    /// chooses none.
    #[inline(never)]
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        request: &Request,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Told {
        match request {
            Request::Identity => Told::Identity,
            Request::Uptime => Told::Uptime(now),
            Request::Status => Told::Status(now),
            Request::PowerStatus => Told::Power(now),
            Request::Power(request) => self.stage(now, request, assigned, board),
            Request::Reboot => self.stage_plain(now, Operation::Reboot, assigned, board),
            Request::Shutdown => self.stage_plain(now, Operation::Shutdown, assigned, board),
            Request::PowerCancel(id) => {
                let (answer, effect) = self.desk.cancel(now, *id);
                self.carry_out(now, effect, board);
                Told::Answer(answer)
            }
            Request::Application(message) => match board.ask(message) {
                Said::Reply(reply) => Told::Application(reply),
                Said::Done => Told::Done,
                Said::Unknown => Told::Unsupported(message.opcode()),
                Said::Refused(code, detail) => Told::Refused(code, detail),
            },
        }
    }

    /// The flat forms take the same path.
    fn stage_plain(
        &mut self,
        now: Instant,
        operation: Operation,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Told {
        self.stage(now, &PowerRequest::plain(operation), assigned, board)
    }

    #[inline(never)]
    fn stage(
        &mut self,
        now: Instant,
        request: &PowerRequest,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Told {
        let origin = Origin {
            assigned,
            wire_time: self.about.wire_time(ACKNOWLEDGEMENT_BYTES),
        };
        match self.desk.ask(request, origin) {
            Verdict::Answer(answer) => Told::Answer(answer),
            Verdict::Prepare => self.prepare(now, board),
            // Preparing is over before anybody else can ask.
            Verdict::Wait => Told::Answer(Answer::NotNow),
        }
    }

    /// Makes sure that what is asked can be done, and writes down that it is staged.
    #[inline(never)]
    fn prepare(&mut self, now: Instant, board: &mut impl Board) -> Told {
        let ready = self.desk.order().is_some_and(|order| {
            let staging = self.desk.staging_record(order);
            let can = order.dry_run || board.can(order.operation);
            can && (self.keep(Some(staging), board) || order.force)
        });
        if ready {
            self.ack = Ack::Leaving;
        }
        let answer = self.desk.prepared(now, ready);
        Told::Answer(answer.unwrap_or(Answer::NotNow))
    }

    /// Writes down what became of the last operation.
    fn keep(&self, last: Option<LastOperation>, board: &mut impl Board) -> bool {
        let boot = self.boot;
        board.store(&Record { boot, last }.to_bytes())
    }

    /// Everything said so far was taken by the driver.
    pub(crate) fn written(&mut self, now: Instant, board: &mut impl Board) {
        if self.ack == Ack::Leaving {
            self.ack = Ack::None;
            self.step(now, Event::AckWritten, board);
        }
    }

    /// Nothing could be said.
    pub(crate) fn unsaid(&mut self, now: Instant, board: &mut impl Board) {
        if self.ack == Ack::Leaving {
            self.step(now, Event::AckFailed, board);
        }
    }

    /// Whether somebody has to see whether everything written has left.
    pub(crate) fn awaits_drain(&self) -> bool {
        self.ack == Ack::Draining
    }

    /// Everything written has left.
    pub(crate) fn drained(&mut self, now: Instant, board: &mut impl Board) {
        if self.awaits_drain() {
            self.step(now, Event::Drained(Evidence::UartEmpty), board);
        }
    }

    /// The line is gone.
    pub(crate) fn link_lost(&mut self, now: Instant, board: &mut impl Board) {
        self.ack = Ack::None;
        self.step(now, Event::LinkLost, board);
    }

    /// When to call [`House::tick`] at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.desk.deadline()
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Instant, board: &mut impl Board) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.step(now, Event::Tick, board);
        }
    }

    #[inline(never)]
    fn step(&mut self, now: Instant, event: Event, board: &mut impl Board) {
        let effect = self.desk.step(now, event);
        self.carry_out(now, effect, board);
    }

    /// Carries an effect out, and what comes of that, until there is something to wait for.
    fn carry_out(&mut self, now: Instant, mut next: Option<Effect>, board: &mut impl Board) {
        while let Some(effect) = next.take() {
            self.ack = match effect {
                Effect::AwaitDrain(_) => Ack::Draining,
                _ => Ack::None,
            };
            let event = match effect {
                Effect::AwaitDrain(_) | Effect::AwaitDelay(_) => return,
                Effect::Release(_) if self.keep(self.desk.last(), board) => Event::Recorded,
                Effect::Release(_) => Event::RecordFailed,
                Effect::Fire(..) if self.about.backend == Backend::DryRun => Event::FireFailed(0),
                Effect::Fire(operation, evidence) => {
                    Event::FireFailed(board.fire(operation, evidence))
                }
                Effect::Stand(_) | Effect::Failed(_) => {
                    // The operation is over either way; the next boot knows no better.
                    let _ = self.keep(self.desk.last(), board);
                    return;
                }
            };
            next = self.desk.step(now, event);
        }
    }
}

/// As the fields of [`House::identity`], which takes long to make.
impl Field for House {
    fn write(&self, out: &mut Writer<'_>) {
        let (about, board) = (&self.about, self.desk.board());
        OLDEST.write(out);
        CURRENT.write(out);
        board.boot.write(out);
        BOOT_SOURCE.write(out);
        board.cause.write(out);
        about.kind.write(out);
        for text in [about.name, about.firmware, about.build] {
            name(text).write(out);
        }
        about.backend.write(out);
        self.mtu.write(out);
        self.window.write(out);
        CAPABILITIES.write(out);
        SCHEMA_HASH.write(out);
        self.desk.record().write(out);
        NO_GENERATION.write(out);
        NO_GENERATION.write(out);
    }
}

const BOOT_SOURCE: BootSource = BootSource::RetainedCounter;
const CAPABILITIES: Capabilities = Capabilities(0);
const NO_GENERATION: Option<Generation> = None;

/// As much of `text` as a name may have.
fn name(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NAME_BYTES))
        .unwrap_or_default()
}
