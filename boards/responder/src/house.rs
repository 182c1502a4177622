//! The board's affairs, whoever asks and however: who it is, how it is, and its power.

use crate::about::About;
use crate::application::Said;
use crate::boot::{Boot, Record};
use crate::hardware::Board;
use crate::told::Told;
use lastword_protocol::identity::{
    BootSource, CURRENT, Capabilities, Identity, NAME_BYTES, OLDEST,
};
use lastword_protocol::message::{PowerStatus, Request, SCHEMA_HASH};
use lastword_protocol::power::{
    self, Answer, Backend, Desk, Effect, Event, Evidence, LastOperation, Operation, Origin,
    PowerRequest, Verdict,
};
use lastword_protocol::units::Text;
use lastword_protocol::{BootId, Instant, OperationId};

/// The longest acknowledgement in text, with a tag and a prompt, in bytes.
const ACKNOWLEDGEMENT_BYTES: usize = 128;

/// The board's affairs.
#[derive(Debug)]
pub struct House {
    about: About,
    boots: u32,
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
            boot: boot.id,
            cause: boot.cause,
            backend: about.backend,
            drain_cap: about.drain_cap,
        };
        Self {
            about: *about,
            boots: boot.record.boots,
            desk: Desk::new(board, boot.record.last),
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

    /// Who the board is. `last` is passed because it may change while a reply is on its way.
    pub(crate) fn identity(&self, last: Option<LastOperation>) -> Identity {
        let power::Board { boot, cause, .. } = *self.desk.board();
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot,
            boot_source: BootSource::RetainedCounter,
            cause,
            kind: self.about.kind,
            name: text(self.about.name),
            firmware: text(self.about.firmware),
            build: text(self.about.build),
            backend: self.about.backend,
            mtu: self.mtu,
            window: self.window,
            capabilities: Capabilities(0),
            schema: SCHEMA_HASH,
            last,
            active: None,
            pending: None,
        }
    }

    /// The last power operation, and what is on record of it.
    pub(crate) const fn last(&self) -> Option<LastOperation> {
        self.desk.last()
    }

    /// Carries a request out, or stages what it asks for. `assigned` is its operation's id, if it
    /// chooses none.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        request: &Request,
        assigned: OperationId,
        board: &mut impl Board,
    ) -> Told {
        match request {
            Request::Identity => Told::Identity(self.desk.last()),
            Request::Uptime => Told::Uptime(now),
            Request::Status => Told::Status(now, self.desk.status(now).pending),
            Request::PowerStatus => {
                let PowerStatus { pending, last, .. } = self.desk.status(now);
                Told::Power(pending, last)
            }
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
        Told::Answer(match self.desk.ask(request, origin) {
            Verdict::Answer(answer) => answer,
            // Preparing is over before anybody else can ask.
            Verdict::Wait => Answer::NotNow,
            Verdict::Prepare(order) => {
                let record = self.desk.staging_record(&order);
                let can = self.about.backend == Backend::DryRun || board.can(order.operation);
                let ready = can && (self.keep(Some(record), board) || order.force);
                if ready {
                    self.ack = Ack::Leaving;
                }
                self.desk
                    .prepared(now, ready)
                    .unwrap_or(Answer::Cannot(order.operation))
            }
        })
    }

    /// Writes down what became of the last operation.
    fn keep(&self, last: Option<LastOperation>, board: &mut impl Board) -> bool {
        let boots = self.boots;
        Record { boots, last }.write(board)
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

/// As much of `text` as a name may have.
fn text(text: &str) -> Text<NAME_BYTES> {
    let fits = text.get(..text.floor_char_boundary(NAME_BYTES));
    Text::try_from(fits.unwrap_or_default()).unwrap_or_default()
}
