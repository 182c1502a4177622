//! The sessions of machine clients: kept by client, not by connection, so that whoever
//! reconnects and repeats itself is understood.

use super::log::range::LogRange;
use super::streams::{EventFeed, OpenStreams};
use super::transfers::{ClientTransfer, ObjectAsk, OpenObject};
use super::world::{Ask, World};
use lastword_protocol::frame::{Packet, TooLong, wire_bytes};
use lastword_protocol::message::event::EventsRequest;
use lastword_protocol::message::service::Page;
use lastword_protocol::message::{Reply, Working};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::session::Session;
use lastword_protocol::{BootId, ClientId, Instant, Millis, Sequence};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The longest frame body that the agent takes or sends, in bytes.
pub const MTU_BYTES: u16 = 512;
/// How many requests of a session may be under way, and how many replies are kept.
pub const WINDOW: usize = 8;
/// How many bytes such a frame takes on the wire at most.
pub const FRAME_BYTES: usize = wire_bytes(MTU_BYTES as usize);
/// The most clients remembered that are on no link; the one unheard for longest is forgotten
/// first. Those on a link are bounded by the number of links.
pub const CLIENTS: usize = 64;

/// The answer of a board that keeps no events.
pub const NO_EVENTS: &str = "this board keeps no events";

/// One client's replies: each request runs at most once.
pub type ClientSession = Session<FRAME_BYTES, WINDOW>;

/// The state of one client, on whichever link it is.
#[derive(Debug)]
pub struct ClientState {
    /// Its replies.
    pub session: ClientSession,
    /// The rests of answers that are longer than a reply.
    pub streams: OpenStreams,
    /// Its transfer.
    pub transfer: ClientTransfer,
    /// The requests that others still work on, and since when.
    running: Vec<RunningRequest>,
    /// The attachment that its replies go to; none while no link carries the session.
    attachment: Option<u64>,
    /// The replies that came while another link waited for them than the one that has the session
    /// now.
    undelivered: VecDeque<Sequence>,
    /// Wakes whoever serves that link.
    waker: Option<Waker>,
}

/// A request that others still work on.
#[derive(Debug)]
struct RunningRequest {
    sequence: Sequence,
    ask: Ask,
    since: Instant,
}

impl ClientState {
    fn new(session: ClientSession) -> Self {
        Self {
            session,
            streams: OpenStreams::default(),
            transfer: ClientTransfer::default(),
            running: Vec::new(),
            attachment: None,
            undelivered: VecDeque::new(),
            waker: None,
        }
    }

    /// Notes that others work on an admitted request from now on. [`ClientState::reply`] ends that.
    pub fn begin(&mut self, now: Instant, sequence: Sequence, ask: Ask) {
        self.running.push(RunningRequest {
            sequence,
            ask,
            since: now,
        });
    }

    /// Answers a copy of a request that still runs.
    ///
    /// # Errors
    ///
    /// [`TooLong`], which cannot happen while a frame holds a hello.
    pub fn working(
        &self,
        now: Instant,
        sequence: Sequence,
        world: &dyn World,
    ) -> Result<Packet<FRAME_BYTES>, TooLong> {
        let running = self.running.iter().find(|it| it.sequence == sequence);
        let working = Working {
            elapsed: running.map_or(Millis(0), |it| now.since(it.since)),
            left: running.and_then(|it| world.left(now, &it.ask)),
        };
        self.session.say(sequence, &Reply::Working(working))
    }

    /// Tells that there is no room for a request: it is as if it had not come, and may be sent again.
    ///
    /// # Errors
    ///
    /// [`TooLong`], which cannot happen while a frame holds a hello.
    pub fn turn_back(
        &mut self,
        sequence: Sequence,
        reply: &Reply,
    ) -> Result<Packet<FRAME_BYTES>, TooLong> {
        self.session.retract(sequence);
        self.session.say(sequence, reply)
    }

    /// Keeps the reply to a request that others worked on, and opens a stream for the pages behind it. One for
    /// which they had no room (429) is turned back.
    ///
    /// # Errors
    ///
    /// [`TooLong`], which cannot happen while a frame holds a hello.
    pub fn reply(
        &mut self,
        sequence: Sequence,
        replies: &[Reply],
        rest: Option<LogRange>,
    ) -> Result<Packet<FRAME_BYTES>, TooLong> {
        self.running.retain(|it| it.sequence != sequence);
        let none = match &rest {
            Some(_) => Reply::Items(Page::default().and_more()),
            None => Reply::Refused(Refusal::new(Code::Internal, "there is no answer")),
        };
        let (first, pages) = replies.split_first().unwrap_or((&none, &[]));
        match first {
            Reply::Refused(refusal) if refusal.code == Code::SlowDown => {
                self.turn_back(sequence, first)
            }
            Reply::Items(page) if page.has_more() => {
                let stream = self.streams.open(pages.to_vec().into(), rest);
                let first = Reply::Items(page.clone().in_front_of(stream));
                self.session.answer(sequence, &first)
            }
            first => self.session.answer(sequence, first),
        }
    }

    /// Opens a stream of events, and returns the reply.
    pub fn open_events(&mut self, request: &EventsRequest, world: &dyn World) -> Reply {
        let Some(events) = world.events() else {
            return Reply::Refused(Refusal::new(Code::NotHere, NO_EVENTS));
        };
        let feed = EventFeed::new(request, &events.lock());
        let stream = self.streams.open_events(feed);
        Reply::Items(Page::default().in_front_of(stream))
    }

    /// Opens the transfer that the store was asked to begin, if that is the answer to `ask`, and returns the reply.
    pub fn open_transfer(
        &mut self,
        now: Instant,
        ask: &Ask,
        object: Option<OpenObject>,
        is_line: bool,
    ) -> Option<Reply> {
        if !matches!(ask, Ask::Object(ObjectAsk::Put(..) | ObjectAsk::Get(..))) {
            return None;
        }
        let Some(object) = object else {
            self.transfer.not_opened();
            return None;
        };
        self.transfer.open(now, object, (is_line, MTU_BYTES))
    }

    /// Has the link that carries the session now say a reply that is kept.
    fn deliver(&mut self, sequence: Sequence) {
        if self.attachment.is_some() {
            self.undelivered.push_back(sequence);
            self.wake();
        }
    }

    /// Wakes whoever serves the link that carries the session now.
    pub fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Returns whether it may be forgotten: nobody is there, and nobody works for it.
    fn is_idle(&self) -> bool {
        self.attachment.is_none() && self.running.is_empty()
    }
}

/// A client's state, which outlives the link it is used on.
#[derive(Clone, Debug)]
pub struct SharedSession(Arc<Mutex<ClientState>>);

impl SharedSession {
    /// The state itself. Nothing waits while it is held.
    pub fn lock(&self) -> MutexGuard<'_, ClientState> {
        // What a panicking holder left behind is still whole: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the reply to a request whose link has lost the session, and has the link that carries
    /// it now say it, if there is one.
    ///
    /// # Errors
    ///
    /// [`TooLong`], which cannot happen while a frame holds a hello.
    pub fn reply_elsewhere(
        &self,
        sequence: Sequence,
        replies: &[Reply],
        rest: Option<LogRange>,
    ) -> Result<(), TooLong> {
        let mut state = self.lock();
        state.reply(sequence, replies, rest)?;
        state.deliver(sequence);
        Ok(())
    }
}

/// A client's session on the link that carries it. The session stays with the newest attachment;
/// dropping that leaves it without a link.
#[derive(Debug)]
pub struct SessionAttachment {
    shared: SharedSession,
    id: u64,
}

impl SessionAttachment {
    /// The client's state.
    #[must_use]
    pub const fn shared(&self) -> &SharedSession {
        &self.shared
    }

    /// The client's state, if this attachment is the one that carries it: streams and transfers go on over one link.
    #[must_use]
    pub fn carried(&self) -> Option<MutexGuard<'_, ClientState>> {
        let state = self.shared.lock();
        (state.attachment == Some(self.id)).then_some(state)
    }

    /// Returns whether replies to the requests of `asked` go to this attachment's link.
    #[must_use]
    pub fn carries(&self, asked: &SharedSession) -> bool {
        Arc::ptr_eq(&self.shared.0, &asked.0) && self.shared.lock().attachment == Some(self.id)
    }

    /// Returns whether there are replies to say that another link asked for. `waker` is woken when some
    /// come.
    #[must_use]
    pub fn has_mail(&self, waker: &Waker) -> bool {
        let mut state = self.shared.lock();
        if state.attachment != Some(self.id) {
            return false;
        }
        state.waker = Some(waker.clone());
        !state.undelivered.is_empty()
    }

    /// The next of those replies.
    #[must_use]
    pub fn take_mail(&self) -> Option<Packet<FRAME_BYTES>> {
        let mut state = self.shared.lock();
        if state.attachment != Some(self.id) {
            return None;
        }
        while let Some(sequence) = state.undelivered.pop_front() {
            if let Some(packet) = state.session.kept(sequence) {
                return Some(packet.clone());
            }
        }
        None
    }
}

impl Drop for SessionAttachment {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.attachment == Some(self.id) {
            state.attachment = None;
            state.transfer.close();
            state.undelivered.clear();
            state.waker = None;
        }
    }
}

/// Tells this life of the agent from earlier ones in the same boot: how long the board was up
/// when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(pub Millis);

impl Life {
    /// A number that neither this life nor another one gives out twice, as far as 32 bits go.
    #[must_use]
    pub fn birth(self, count: u32) -> u32 {
        // Knuth's multiplicative hash keeps lives that began in neighbouring milliseconds apart.
        let life = self.0.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        u32::try_from(life).unwrap_or(0).wrapping_add(count)
    }
}

/// Every client that is remembered.
#[derive(Clone, Debug)]
pub struct Clients {
    boot: BootId,
    life: Life,
    remembered: Arc<Mutex<Remembered>>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The most recently heard last.
    known: Vec<SharedSession>,
    /// How many sessions were ever opened.
    births: u32,
    /// The number of attachments there ever were.
    attachments: u64,
}

impl Clients {
    /// Nobody yet.
    #[must_use]
    pub fn new(boot: BootId, life: Life) -> Self {
        Self {
            boot,
            life,
            remembered: Arc::default(),
        }
    }

    /// Attaches the session of `client` to the link that asks, and tells whether it was there before.
    #[must_use]
    pub fn open(&self, client: ClientId) -> (SessionAttachment, bool) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let index = remembered
            .known
            .iter()
            .position(|shared| shared.lock().session.client() == client);
        let shared = match index {
            Some(index) => remembered.known.remove(index),
            None => self.create(client, &mut remembered),
        };
        remembered.known.push(shared.clone());
        remembered.attachments += 1;
        let id = remembered.attachments;
        shared.lock().attachment = Some(id);
        (SessionAttachment { shared, id }, index.is_some())
    }

    /// Makes room for one more client, and its state.
    fn create(&self, client: ClientId, remembered: &mut Remembered) -> SharedSession {
        let Remembered { known, births, .. } = remembered;
        let idle: Vec<_> = (0..known.len())
            .filter(|index| known[*index].lock().is_idle())
            .collect();
        if idle.len() >= CLIENTS {
            known.remove(idle[0]);
        }
        *births = births.wrapping_add(1);
        let session = ClientSession::reborn(self.boot, client, self.life.birth(*births));
        SharedSession(Arc::new(Mutex::new(ClientState::new(session))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::message::service::ServiceRequest;

    #[test]
    fn the_client_unheard_for_longest_is_forgotten_first() {
        let clients = Clients::new(BootId([1; 16]), Life(Millis(0)));
        for id in 0..CLIENTS as u64 {
            assert!(!clients.open(ClientId(id)).1);
        }
        assert!(clients.open(ClientId(0)).1);
        assert!(!clients.open(ClientId(1_000)).1);
        assert!(!clients.open(ClientId(1)).1, "1 was unheard for longest");
        assert!(clients.open(ClientId(0)).1, "0 was heard again");
    }

    #[test]
    fn a_client_on_a_link_is_not_forgotten_however_many_come_and_go() {
        let clients = Clients::new(BootId([1; 16]), Life(Millis(0)));
        let attached: Vec<_> = (0..2 * CLIENTS as u64)
            .map(|id| clients.open(ClientId(id)).0)
            .collect();
        for id in 1_000..1_000 + 2 * CLIENTS as u64 {
            drop(clients.open(ClientId(id)));
        }
        for (id, attachment) in (0..).zip(attached) {
            let nonce = attachment.shared().lock().session.nonce();
            let (again, known) = clients.open(ClientId(id));
            assert!(known, "{id}");
            assert_eq!(again.shared().lock().session.nonce(), nonce);
        }
    }

    #[test]
    fn a_client_for_whom_somebody_works_is_not_forgotten() {
        let clients = Clients::new(BootId([1; 16]), Life(Millis(0)));
        let stop = Ask::Service(ServiceRequest::Stop(None));
        let (attachment, _) = clients.open(ClientId(7));
        let shared = attachment.shared().clone();
        shared.lock().begin(Instant(0), Sequence(1), stop);
        drop(attachment);
        for round in [true, false] {
            for id in 100..100 + CLIENTS as u64 {
                drop(clients.open(ClientId(id)));
            }
            assert_eq!(clients.open(ClientId(7)).1, round);
            for id in 200..200 + CLIENTS as u64 {
                drop(clients.open(ClientId(id)));
            }
            shared
                .reply_elsewhere(Sequence(1), &[Reply::Done], None)
                .unwrap();
        }
    }

    #[test]
    fn a_session_that_was_forgotten_is_told_from_its_successor() {
        let clients = |life| Clients::new(BootId([1; 16]), Life(Millis(life)));
        let nonce = |clients: &Clients| {
            let (attachment, _) = clients.open(ClientId(7));
            attachment.shared().lock().session.nonce()
        };
        let first = clients(1_000);
        let before = nonce(&first);
        assert_eq!(nonce(&first), before);
        for id in 100..100 + CLIENTS as u64 {
            assert!(!first.open(ClientId(id)).1);
        }
        assert_ne!(nonce(&first), before, "forgotten and opened anew");
        assert_ne!(nonce(&clients(1_001)), before, "another life of the agent");
    }
}
