//! The task of one link: it moves the bytes of a session, watches acknowledgements leave and reads
//! the logs that are followed.

mod acknowledgement;
mod follows;
mod link_transfer;
mod memory;
mod pending_answers;
mod turn_queue;
mod waiting;

pub use memory::SessionMemory;
pub use turn_queue::TurnQueues;

use super::clock::{Alarm, Clock};
use super::events::EventBus;
use super::failpoint::{Fault, is_planted};
use super::generations::service::GenerationService;
use super::link::Link;
use super::objects::ObjectService;
use super::power::PowerHandle;
use super::services::Services;
use crate::core::session::{End, FollowOrder, House, Job, RequestId, Session};
use crate::core::world::World;
use acknowledgement::{Ack, released};
use follows::Follows;
use lastword_protocol::Nonce;
use lastword_protocol::power::Origin;
use lastword_protocol::refusal::Refusal;
use lastword_shell::Medium;
use link_transfer::{LinkTransfer, TransferEvent, bulk_turn, step};
use memory::MemoryShare;
use pending_answers::{AnswerOutcome, PendingAnswer, PendingAnswers, ask};
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;
use turn_queue::TurnPlace;
use waiting::{SessionTurn, mail, turn_of, wait};

/// How many bytes are read at once.
const READ_BYTES: usize = 512;
/// The same while an object is put.
const READ_OBJECT_BYTES: usize = 64 << 10;
/// How long the ends of logs may take to be told when the agent ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// What an acknowledgement takes on the wire at most, for the drain's deadline.
const ACK_BYTES: usize = 128;

/// What every session's task is given.
#[derive(Clone)]
pub struct Room {
    /// What the session itself is given.
    pub house: House,
    /// The board, to look at.
    pub world: Arc<dyn World + Send + Sync>,
    /// The way to the power desk.
    pub power: PowerHandle,
    /// The way to the supervisor.
    pub services: Services,
    /// The events on the board.
    pub events: EventBus,
    /// The board's store.
    pub objects: ObjectService,
    /// The way to the board's generations.
    pub generations: GenerationService,
    /// The time.
    pub clock: Clock,
    /// Turns true when the agent ends.
    pub stop: watch::Receiver<bool>,
    /// What all sessions hold.
    pub memory: SessionMemory,
    /// The sessions that want turn after turn.
    pub turns: TurnQueues,
}

/// Serves one session on `link` to its end, and says how it ended. `announce`: tell the line that
/// the board is there.
///
/// # Errors
///
/// If the link fails. A staged operation whose acknowledgement has not left stands down then.
pub async fn serve(
    link: &mut dyn Link,
    room: Room,
    nonce: Nonce,
    announce: bool,
) -> io::Result<End> {
    let session = Session::new(link.traits(), &room.house, nonce, room.clock.now());
    converse(link, room, session, announce).await
}

/// As [`serve`], on a line whose last session has ended: that may have left half a line behind.
///
/// # Errors
///
/// As [`serve`].
pub async fn resume(link: &mut dyn Link, room: Room, nonce: Nonce) -> io::Result<End> {
    let now = room.clock.now();
    let mut session = Session::new(link.traits(), &room.house, nonce, now);
    session.lose(now, &*room.world);
    converse(link, room, session, false).await
}

async fn converse(
    link: &mut dyn Link,
    room: Room,
    session: Session,
    announce: bool,
) -> io::Result<End> {
    let mut conversation = Conversation::new(link, room, session);
    if announce {
        let now = conversation.room.clock.now();
        conversation
            .session
            .announce(now, &*conversation.room.world);
    }
    let ended = conversation.run().await;
    conversation.leave();
    ended
}

/// Tells a connection for which there is no place so, in the dialect of its first line or frame.
///
/// # Errors
///
/// If the link fails.
pub async fn turn_away(
    link: &mut dyn Link,
    room: Room,
    nonce: Nonce,
    refusal: &Refusal,
) -> io::Result<End> {
    let session = Session::new(link.traits(), &room.house, nonce, room.clock.now());
    Conversation::new(link, room, session.refusing(refusal))
        .run()
        .await
}

struct Conversation<'l> {
    /// Something has happened to what is staged.
    news: watch::Receiver<()>,
    link: &'l mut dyn Link,
    /// Rings when time has to pass for the session; more often does no harm.
    alarm: Alarm,
    room: Room,
    session: Session,
    memory: MemoryShare,
    pending_answers: PendingAnswers,
    ack: Option<Ack>,
    follows: Follows,
    /// The number of the newest event.
    newest_event: watch::Receiver<u64>,
    /// True if the session has told events since its link could last give it something: however many there
    /// are, what its peer says is heard.
    has_told_events: bool,
    /// Whether the link is asked for input before it is given output: it was given some just now,
    /// and lines of logs must not keep it from being asked.
    reads_first: bool,
    /// True if the session has had its turn: it takes nothing in until the other tasks have had theirs.
    has_had_turn: bool,
    /// Its place among those that want another.
    turns: TurnPlace,
    /// The agent ends: until when the ends of logs may be told.
    farewell: Option<Instant>,
}

impl<'l> Conversation<'l> {
    fn new(link: &'l mut dyn Link, room: Room, session: Session) -> Self {
        Self {
            news: room.power.news(),
            turns: room.turns.place(link.traits().is_connected()),
            link,
            alarm: Alarm::new(room.clock),
            memory: room.memory.share(),
            newest_event: room.events.newest(),
            has_told_events: false,
            room,
            session,
            pending_answers: PendingAnswers::default(),
            ack: None,
            follows: Follows::default(),
            reads_first: false,
            has_had_turn: false,
            farewell: None,
        }
    }

    async fn run(&mut self) -> io::Result<End> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if self.session.receives_object() {
                buffer.resize(READ_OBJECT_BYTES, 0);
            }
            self.pass_on();
            if let Some(end) = self.end() {
                return Ok(end);
            }
            let has_turn = self.has_turn();
            let wants_input = has_turn && self.session.wants_input() && self.farewell.is_none();
            let transfer = LinkTransfer {
                output: self.session.output().front(),
                wants_input,
                reads_first: self.reads_first || self.has_told_events,
            };
            let now = self.room.clock.now();
            let deadline = self.session.deadline(now, &*self.room.world);
            let again = self.drain_deadline();
            let may_tell = self.may_tell_events();
            let has_event = may_tell && self.session.has_event(&*self.room.world);
            let turn = has_turn.then(|| self.next_turn(has_event)).flatten();
            // Each arm may be dropped and polled anew: polls of the link move bytes or nothing,
            // the question to the desk and the ticket are kept outside. The link comes last: it
            // alone can be ready for ever, and the same events then give the same order.
            tokio::select! {
                biased;
                _ = self.room.stop.changed(), if self.farewell.is_none() => {
                    if self.follows.is_unused() || self.ack.is_some() {
                        return Ok(End::Finished);
                    }
                    self.farewell = Some(Instant::now() + FAREWELL);
                }
                () = wait(self.farewell) => return Ok(End::Finished),
                released = released(self.ack.as_mut()) => self.note_released(released),
                (id, answer) = self.pending_answers.next() => self.answered(id, answer)?,
                () = wait(again) => self.look_for_drain()?,
                () = self.alarm.wait(deadline) => self.tick(),
                Ok(()) = self.news.changed() => self.tick(),
                () = mail(&self.session) => self.session.say_mail(self.room.clock.now()),
                turn = turn_of(turn) => self.take_turn(turn),
                (id, news) = self.follows.next(&self.session), if has_turn && self.ack.is_none() => {
                    let now = self.room.clock.now();
                    self.session.followed(now, id, news, &*self.room.world);
                    self.has_had_turn = !is_planted(Fault::UnboundedAnswer);
                }
                moved = step(self.link, transfer, &mut buffer) => self.moved(moved?, &buffer)?,
                () = self.turns.wait(), if self.has_had_turn => self.has_had_turn = false,
                // There was nothing to be done with it.
                () = ready(()), if self.turns.has_turn() => self.turns.pass(),
                () = yield_now(), if !self.has_had_turn && self.has_told_events => {
                    self.has_told_events = false;
                }
                // Each time round looks for one; this only wakes.
                Ok(()) = self.newest_event.changed(), if may_tell && !has_event => {}
            }
        }
    }

    /// Hands on what the session asks of others, and wants asked no longer.
    fn pass_on(&mut self) {
        while let Some(job) = self.session.take_job() {
            self.pending_answers.push(job.id, self.ask(job));
        }
        while let Some(id) = self.session.take_forgotten() {
            self.pending_answers.forget(id);
        }
        self.follow();
    }

    fn tick(&mut self) {
        let now = self.room.clock.now();
        self.session.tick(now, &*self.room.world);
    }

    /// Returns what the session does next, and when: what has arrived, then events, then bulk.
    fn next_turn(&self, has_event: bool) -> Option<(SessionTurn, Instant)> {
        if self.session.has_work() {
            return Some((SessionTurn::Work, Instant::now()));
        }
        if has_event && !self.has_told_events {
            return Some((SessionTurn::Events, Instant::now()));
        }
        // Behind an acknowledgement nothing is said that need not be.
        let bulk = bulk_turn(self.link, &self.session).filter(|_| self.may_send_bulk());
        bulk.map(|at| (SessionTurn::Bulk, at))
    }

    fn take_turn(&mut self, turn: SessionTurn) {
        let now = self.room.clock.now();
        match turn {
            SessionTurn::Work => self.session.work(now, &*self.room.world),
            SessionTurn::Events => {
                self.session.tell_events(now, &*self.room.world);
                self.has_told_events = true;
            }
            SessionTurn::Bulk => self.session.say_bulk_frame(now),
        }
        self.has_had_turn = true;
    }

    /// Notes what the session holds. Returns whether it may go on before others had their turn.
    fn has_turn(&mut self) -> bool {
        if self.has_had_turn {
            self.turns.pass();
        }
        let has_room = self.memory.note(&self.session) || is_planted(Fault::UnboundedAnswer);
        (has_room && !self.has_had_turn) || is_planted(Fault::UnfairSession)
    }

    /// Leaves the link for good.
    fn leave(self) {
        self.pending_answers.abandon(self.session.abandon());
    }

    /// Why it is over, unless something has still to be said or seen off.
    fn end(&self) -> Option<End> {
        let over = self.farewell.is_some() && self.follows.is_empty();
        let end = self.session.end().or(over.then_some(End::Finished))?;
        let busy = self.ack.is_some() || !self.session.output().is_empty();
        (end != End::Finished || !busy).then_some(end)
    }

    /// Follows the logs that the session wants followed, and no others.
    fn follow(&mut self) {
        while let Some(order) = self.session.take_follow() {
            match order {
                FollowOrder::Start { id, name, from } => {
                    let follower = self.room.services.follow(&name, from);
                    self.follows.start(id, follower);
                }
                FollowOrder::Stop(id) => self.follows.stop(id),
            }
        }
    }

    fn ask(&self, job: Job) -> PendingAnswer {
        let waiting = self.session.output().len() + ACK_BYTES;
        let origin = Origin {
            assigned: job.assigned,
            wire_time: self.link.wire_time(waiting),
            is_connection: !self.is_line(),
        };
        ask(job.ask, origin, &*self.link, &self.room)
    }

    fn answered(&mut self, id: RequestId, answer: Option<AnswerOutcome>) -> io::Result<()> {
        let answer = answer.unwrap_or_else(AnswerOutcome::ending);
        let (replies, ticket) = (answer.replies, answer.ticket);
        if let Some(rest) = answer.rest {
            self.session.continues(id, rest);
        }
        if let Some(object) = answer.object {
            self.session.opens(id, object);
        }
        let now = self.room.clock.now();
        let staged = ticket.is_some();
        let said = self
            .session
            .answered(now, id, &replies, staged, &*self.room.world);
        // A ticket that is dropped makes its operation stand down: nobody hears of it.
        if let Some((ticket, position)) = ticket.zip(said) {
            // Nothing of the answer is written yet. It is kept, though, if the link is dead.
            self.link.mark()?;
            self.ack = Some(Ack {
                ticket,
                position,
                again: Instant::now(),
            });
        }
        Ok(())
    }

    fn moved(&mut self, moved: TransferEvent, buffer: &[u8]) -> io::Result<()> {
        let now = self.room.clock.now();
        self.reads_first = matches!(moved, TransferEvent::Wrote(_)) && !self.follows.is_empty();
        self.has_had_turn |= !matches!(moved, TransferEvent::Wrote(_));
        match moved {
            TransferEvent::Read(count) if self.link.may_have_lost_input() => {
                self.session
                    .receive_unsure(now, &buffer[..count], &*self.room.world);
            }
            TransferEvent::Read(count) => {
                self.session
                    .receive(now, &buffer[..count], &*self.room.world);
            }
            // Nobody leaves a line: if it ends, the port is gone.
            TransferEvent::Ended if self.is_line() => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            TransferEvent::Ended => self.session.end_of_input(&*self.room.world),
            TransferEvent::Wrote(count) => {
                self.session.wrote(now, count);
                if let Some(ack) = &mut self.ack
                    && self.session.output().has_written(ack.position)
                {
                    ack.ticket.written();
                    return self.look_for_drain();
                }
            }
        }
        Ok(())
    }

    fn is_line(&self) -> bool {
        matches!(self.link.traits().medium, Medium::Serial { .. })
    }
}
