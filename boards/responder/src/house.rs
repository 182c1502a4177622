//! The board's affairs, whoever asks and however: who it is, how it is, and its power.

use crate::about::About;
use crate::application::Said;
use crate::boot::{Boot, Record};
use crate::hardware::Board;
use crate::told::Told;
use crate::window::Window;
use lastword_protocol::announcement::Announcement;
#[cfg(feature = "shell")]
use lastword_protocol::identity::Identity;
use lastword_protocol::identity::{BootSource, CURRENT, Capabilities, NAME_BYTES, OLDEST};
use lastword_protocol::message::{BadRequest, Field, Request, SCHEMA_HASH, Writer};
use lastword_protocol::power::{
    self, Answer, Backend, Desk, Effect, Event, Evidence, LastOperation, Operation, Origin,
    PowerRequest, Standdown, Verdict,
};
use lastword_protocol::{BootId, Generation, Instant, OperationId};

/// The longest acknowledgement in text, with a tag and a prompt, in bytes.
const ACKNOWLEDGEMENT_BYTES: usize = 128;

/// The board's affairs.
#[derive(Debug)]
pub struct House {
    ack: Ack,
    pub(crate) window: u8,
    /// The longest frame body taken, in bytes, and how many replies are kept.
    pub(crate) mtu: u16,
    about: &'static About,
    /// The time, as it was told last.
    now: Instant,
    desk: Desk,
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
    pub(crate) fn new(about: &'static About, boot: &Boot, mtu: u16, window: u8) -> Self {
        let board = power::Board {
            boot: boot.id,
            cause: boot.cause,
            backend: about.backend,
            drain_cap: about.drain_cap,
        };
        Self {
            about,
            desk: Desk::new(board, boot.last),
            now: Instant(0),
            ack: Ack::None,
            mtu,
            window,
        }
    }

    #[cfg(feature = "shell")]
    pub(crate) const fn about(&self) -> &About {
        self.about
    }

    pub(crate) const fn boot(&self) -> BootId {
        self.desk.board().boot
    }

    /// Writes the line that tells, unasked, that the board is up.
    #[inline(never)]
    pub(crate) fn announce(&self, out: &mut Window<'_>) {
        let power::Board { boot, cause, .. } = *self.desk.board();
        let name = name(self.about.name);
        Announcement { name, boot, cause }.write(&mut |text| {
            // A window that is full has what it needs.
            let _ = out.bytes(text.as_bytes());
        });
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

    /// Says what the time is. Whatever happens until it is said again happens at this time.
    pub(crate) const fn at(&mut self, now: Instant) {
        self.now = now;
    }

    /// The time, as it was said last.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Carries a request out, or stages what it asks for. `assigned` is its operation's id, if it
    /// chooses none.
    pub(crate) fn ask(
        &mut self,
        request: &mut Request,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Told {
        // The flat forms take the same path, and their place is long enough.
        let flat = match request {
            Request::Reboot => Some(Operation::Reboot),
            Request::Shutdown => Some(Operation::Shutdown),
            _ => None,
        };
        if let Some(operation) = flat {
            *request = Request::Power(PowerRequest::plain(operation));
        }
        match request {
            Request::Identity => Told::Identity,
            Request::Uptime => Told::Uptime(self.now),
            Request::Status => Told::Status(self.now),
            Request::PowerStatus => Told::Power(self.now),
            Request::Power(request) => Told::Answer(self.stage(request, assigned, board)),
            Request::PowerCancel(id) => Told::Answer(self.cancel(*id, board)),
            Request::Application(message) => match board.ask(message) {
                Said::Reply(reply) => Told::Application(reply),
                Said::Done => Told::Done,
                Said::Unknown => Told::Bad(BadRequest::Unsupported(message.opcode())),
                Said::Refused(code, detail) => Told::Refused(code, detail),
            },
            // What is for other kinds of boards; of what is for this one, nothing is left.
            other => Told::Bad(BadRequest::Unsupported(other.opcode())),
        }
    }

    /// Calls the staged operation off: the named one, or whichever it is.
    pub(crate) fn cancel(&mut self, id: Option<OperationId>, board: &mut impl Board) -> Answer {
        let answer = self.desk.cancellation(id);
        let can = matches!(answer, Answer::Cancelled { .. });
        let cancel = Event::Cancel(Standdown::Cancelled);
        let is_late = can && !self.step(cancel, board);
        if is_late { Answer::NotNow } else { answer }
    }

    fn stage(
        &mut self,
        request: &PowerRequest,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Answer {
        let origin = Origin {
            assigned,
            wire_time: self.about.wire_time(ACKNOWLEDGEMENT_BYTES),
            is_connection: false,
        };
        match self.desk.ask(request, origin) {
            Verdict::Answer(answer) => answer,
            Verdict::Prepare => self.prepare(board),
            // Preparing is over before anybody else can ask.
            Verdict::Wait => Answer::NotNow,
        }
    }

    /// Makes sure that what is asked can be done, and writes down that it is staged.
    #[inline(never)]
    fn prepare(&mut self, board: &mut impl Board) -> Answer {
        let ready = self.desk.order().is_some_and(|order| {
            let staging = self.desk.staging_record(order);
            let can = order.dry_run || board.can(order.operation);
            can && (self.keep(Some(&staging), board) || order.force)
        });
        if ready {
            self.ack = Ack::Leaving;
        }
        let answer = self.desk.prepared(self.now, ready);
        answer.unwrap_or(Answer::NotNow)
    }

    /// Writes down what became of the last operation.
    fn keep(&self, last: Option<&LastOperation>, board: &mut impl Board) -> bool {
        Record::store(&self.desk.board().boot, last, board)
    }

    /// Everything said so far was taken by the driver.
    pub(crate) fn written(&mut self, board: &mut impl Board) {
        if self.ack == Ack::Leaving {
            self.ack = Ack::None;
            self.step(Event::AckWritten, board);
        }
    }

    /// Nothing could be said.
    pub(crate) fn unsaid(&mut self, board: &mut impl Board) {
        if self.ack == Ack::Leaving {
            self.step(Event::AckFailed, board);
        }
    }

    /// Whether somebody has to see whether everything written has left.
    pub(crate) fn awaits_drain(&self) -> bool {
        self.ack == Ack::Draining
    }

    /// Everything written has left.
    pub(crate) fn drained(&mut self, board: &mut impl Board) {
        if self.awaits_drain() {
            self.step(Event::Drained(Evidence::UartEmpty), board);
        }
    }

    /// The line is gone.
    pub(crate) fn link_lost(&mut self, board: &mut impl Board) {
        self.ack = Ack::None;
        self.step(Event::LinkLost, board);
    }

    /// When to call [`House::tick`] at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.desk.deadline()
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, board: &mut impl Board) {
        if self.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.step(Event::Tick, board);
        }
    }

    /// Moves the staged operation on, and carries out what comes of that, until there is something
    /// to wait for. Returns whether anything came of it.
    #[inline(never)]
    fn step(&mut self, mut event: Event, board: &mut impl Board) -> bool {
        let mut any = false;
        while let Some(effect) = self.desk.step(self.now, event) {
            any = true;
            self.ack = match effect {
                Effect::AwaitDrain(_) => Ack::Draining,
                _ => Ack::None,
            };
            event = match effect {
                Effect::AwaitDrain(_) | Effect::AwaitDelay(_) => return true,
                Effect::Release(_) if self.keep(self.desk.record(), board) => Event::Recorded,
                Effect::Release(_) => Event::RecordFailed,
                Effect::Fire(..) if self.about.backend == Backend::DryRun => Event::FireFailed(0),
                Effect::Fire(operation, evidence) => {
                    Event::FireFailed(board.fire(operation, evidence))
                }
                Effect::Stand(_) | Effect::Failed(_) => {
                    // The operation is over either way; the next boot knows no better.
                    let _ = self.keep(self.desk.record(), board);
                    return true;
                }
            };
        }
        any
    }
}

/// As the fields of [`House::identity`], which takes long to make.
impl Field for House {
    fn write(&self, out: &mut Writer<'_>) {
        let (about, board) = (self.about, self.desk.board());
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
