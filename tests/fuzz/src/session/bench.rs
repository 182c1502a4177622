//! Puts board, links and clients together as the agent's edge does, and keeps the books.

mod power;
mod services;

use super::action::{Action, Place};
use super::board::Board;
use super::client::{Client, damaged};
use super::ledger::Ledger;
use super::link::{Link, News, SCRIPT};
use super::services::Services;
use lastword_agent::core::session::{End, OrphanedRequest, RequestId};
use lastword_protocol::frame::session_nonce;
use lastword_protocol::power::{Backend, Event, Evidence, PowerRequest, Standdown};
use lastword_protocol::{ClientId, Instant, Millis, OperationId};
use services::{Followed, Job};
use std::task::Waker;

/// How many clients there are.
pub(super) const CLIENTS: usize = 3;
const LINKS: usize = 4;
/// What the bytes of an acknowledgement take on the wire.
const WIRE_TIME: Millis = Millis(5);
/// More rounds than all that can wait needs.
const ROUNDS: usize = 400;

/// Everything there is.
pub(super) struct Bench {
    setup: u8,
    board: Board,
    links: Vec<Option<Link>>,
    clients: [Client; CLIENTS],
    ledger: Ledger,
    /// How many links there ever were.
    opened: u64,
    preparing: Option<Preparing>,
    ticket: Option<Ticket>,
    services: Services,
    jobs: Vec<Job>,
    followed: Vec<Followed>,
}

/// A request for power while the backend is made ready.
struct Preparing {
    request: PowerRequest,
    assigned: OperationId,
    asker: AnswerRoute,
    /// Who asked again for the same.
    also: Vec<AnswerRoute>,
}

/// Where a question to the desk came from, or what is left of that.
type AnswerRoute = Result<(usize, RequestId), Option<OrphanedRequest>>;

/// What ties the staged operation to its link.
struct Ticket {
    link: usize,
    /// Behind the acknowledgement in the link's output.
    position: u64,
    written: bool,
    drained: bool,
}

/// A place for each link, and none there.
fn no_links() -> Vec<Option<Link>> {
    std::iter::repeat_with(|| None).take(LINKS).collect()
}

impl Bench {
    pub(super) fn new(setup: u8) -> Self {
        let backend = [
            Backend::Linux,
            Backend::DryRun,
            Backend::Linux,
            Backend::None,
        ][usize::from(setup & 3)];
        Self {
            setup,
            board: Board::new(backend),
            links: no_links(),
            clients: [0, 1, 2].map(Client::new),
            ledger: Ledger::default(),
            opened: 0,
            preparing: None,
            ticket: None,
            services: Services::new(),
            jobs: Vec::new(),
            followed: Vec::new(),
        }
    }

    /// Lets something happen, and everything that follows at once.
    pub(super) fn act(&mut self, action: Action<'_>) {
        match action {
            Action::Raw(SCRIPT, bytes) | Action::Line(SCRIPT, bytes, _) => self.script(bytes),
            Action::Raw(link, bytes) => self.receive(link, bytes),
            Action::Line(link, bytes, end) => self.receive(link, &[bytes, end].concat()),
            Action::Write(link, count) => self.write(link, count),
            Action::End(link) => self.end_of_input(link),
            Action::Break(link) => self.close(link, None),
            Action::Hello(..) | Action::Goodbye(_) | Action::Ask(..) | Action::Resend(..) => {
                self.talk(&action);
            }
            other => self.befall(&other),
        }
        self.follow();
    }

    /// A client says something.
    fn talk(&mut self, action: &Action<'_>) {
        let (place, bytes) = match action {
            Action::Hello(place, take_over) => {
                let packet = self.clients[place.client].hello(*take_over);
                (place, Some(packet.to_vec()))
            }
            Action::Goodbye(place) => (place, Some(self.clients[place.client].goodbye().to_vec())),
            Action::Ask(place, ahead, asked) => {
                let boot = self.board.boot_id();
                let client = &mut self.clients[place.client];
                let packet = client.ask(boot, *ahead, asked, &mut self.ledger);
                (place, packet.map(|packet| packet.to_vec()))
            }
            Action::Resend(place, back, mishap) => {
                let packet = self.clients[place.client].again(*back);
                (place, packet.map(|packet| damaged(&packet, *mishap)))
            }
            _ => return,
        };
        let Place { link, .. } = *place;
        if let Some(bytes) = bytes
            && link != SCRIPT
        {
            self.receive(link, &bytes);
        }
    }

    /// Something happens to board or backend.
    fn befall(&mut self, action: &Action<'_>) {
        match action {
            Action::Wait(span) => self.wait_until(self.board.now.after(*span)),
            Action::WaitUntilDue => self.wait_until_due(),
            Action::Prepared(ready) => self.prepared(*ready),
            Action::Drained(evidence) => self.drained(*evidence),
            Action::Recorded(written) => self.recorded(*written),
            Action::Returned(code) => self.step(Event::FireFailed(*code)),
            Action::Stop => self.step(Event::Cancel(Standdown::AgentStopped)),
            Action::Restart => self.restart(false),
            Action::Boot => self.restart(true),
            Action::Crowd => self.board.crowd(),
            Action::GoWell => self.go_well(),
            Action::Service(which, deed) => self.services.befall(self.board.now, *which, *deed),
            Action::Edit(files) => self.services.edit(*files),
            _ => {}
        }
    }

    fn open(&mut self, index: usize) -> &mut Link {
        let Self {
            setup,
            board,
            ledger,
            opened,
            ..
        } = self;
        self.links[index].get_or_insert_with(|| {
            *opened += 1;
            let nonce = session_nonce(board.boot_id(), ClientId(*opened));
            ledger.opened(nonce);
            Link::new(index, *setup, board, nonce)
        })
    }

    fn receive(&mut self, index: usize, bytes: &[u8]) {
        self.open(index);
        if let Some(link) = &mut self.links[index] {
            link.receive(&self.board, bytes);
        }
    }

    fn script(&mut self, bytes: &[u8]) {
        self.open(SCRIPT);
        if let Some(link) = &mut self.links[SCRIPT]
            && link.session.wants_input()
            && let Some(line) = link.script.as_mut().and_then(|script| script.line(bytes))
        {
            link.receive(&self.board, &line);
        }
    }

    fn write(&mut self, index: usize, count: usize) {
        let Some(link) = &mut self.links[index] else {
            return;
        };
        link.write(self.board.now, count, |news| match news {
            News::Welcome(id, number, nonce) => {
                for client in &mut self.clients {
                    client.welcomed(id, number, nonce);
                }
            }
            News::Reply(nonce, sequence, bytes, initiated) => {
                self.ledger.replied(nonce, sequence, &bytes, initiated);
            }
        });
        if let Some(ticket) = &mut self.ticket
            && ticket.link == index
            && !ticket.written
            && link.session.output().has_written(ticket.position)
        {
            ticket.written = true;
            if link.is_deaf() {
                self.ledger.cannot_hear();
            }
            self.step(Event::AckWritten);
        }
    }

    fn end_of_input(&mut self, index: usize) {
        match &mut self.links[index] {
            // Nobody leaves a line: if it ends, the port is gone.
            Some(_) if index == 1 => self.close(index, None),
            Some(link) => link.session.end_of_input(&self.board),
            None => {}
        }
    }

    /// The link is gone; `end` if the session said so.
    fn close(&mut self, index: usize, end: Option<End>) {
        let Some(link) = self.links[index].take() else {
            return;
        };
        if let (Some(End::Finished), Some(script)) = (end, &link.script) {
            script.is_answered();
        }
        self.followed.retain(|followed| followed.link != index);
        let mut unanswered = link.session.abandon();
        for asker in self.askers(index) {
            let is_theirs = |it: &OrphanedRequest| matches!(asker, Ok((_, id)) if *id == it.id());
            let place = unanswered.iter().position(is_theirs);
            *asker = Err(place.map(|place| unanswered.swap_remove(place)));
        }
        assert!(unanswered.is_empty(), "an answer that nobody works on");
        let Some(ticket) = self.ticket.take_if(|ticket| ticket.link == index) else {
            return;
        };
        if !ticket.written {
            self.step(Event::AckFailed);
        } else if !ticket.drained {
            self.step(Event::LinkLost);
        }
    }

    /// Carries questions to the desk and ends what is over, until nothing follows any more.
    fn follow(&mut self) {
        loop {
            if self.answer_jobs() || self.follow_logs() {
                continue;
            }
            for link in self.links.iter_mut().flatten() {
                while link.session.has_work() {
                    link.session.work(self.board.now, &self.board);
                    link.check();
                }
                if link.session.has_mail(Waker::noop()) {
                    link.session.say_mail(self.board.now);
                }
            }
            let jobs = self.links.iter_mut().enumerate();
            let mut jobs = jobs.filter_map(|(index, link)| {
                let job = link.as_mut()?.session.take_job()?;
                Some((index, job))
            });
            if let Some((index, job)) = jobs.next() {
                self.ask(index, job);
                continue;
            }
            let ack = self.ticket.as_ref().map(|ticket| ticket.link);
            let links = self.links.iter().enumerate();
            let mut over = links.filter_map(|(index, link)| {
                let end = link.as_ref()?.end(ack == Some(index))?;
                Some((index, end))
            });
            let Some((index, end)) = over.next() else {
                break;
            };
            self.close(index, Some(end));
        }
        self.links.iter().flatten().for_each(Link::check);
    }

    fn restart(&mut self, boots: bool) {
        self.links = no_links();
        self.preparing = None;
        self.ticket = None;
        self.jobs.clear();
        self.followed.clear();
        self.services.restart(self.board.now, boots);
        self.ledger.forgot();
        self.board.restart(boots);
    }

    fn wait_until(&mut self, now: Instant) {
        self.board.now = now;
        self.services.tick(now);
        self.step(Event::Tick);
        assert!(self.board.desk.deadline().is_none_or(|due| now < due));
        for index in 0..LINKS {
            let Some(link) = &mut self.links[index] else {
                continue;
            };
            link.session.tick(now, &self.board);
            let due = link.session.deadline(now, &self.board);
            let over = link.session.end().is_some();
            assert!(over || due.is_none_or(|due| now < due), "due for ever");
        }
    }

    fn wait_until_due(&mut self) {
        let now = self.board.now;
        let links = self.links.iter().flatten();
        let due = links
            .filter_map(|link| link.session.deadline(now, &self.board))
            .chain(self.board.desk.deadline())
            .chain(self.services.deadline())
            .min();
        if let Some(due) = due {
            self.wait_until(due.max(now));
        }
    }

    fn go_well(&mut self) {
        self.prepared(true);
        if let Some(ticket) = &self.ticket {
            self.write(ticket.link, usize::MAX);
        }
        self.drained(Evidence::PeerAcked);
        self.recorded(true);
    }

    /// Lets everything under way come to its end, and checks that everybody has an answer.
    pub(super) fn settle(&mut self) {
        self.come_to_rest();
        // What is followed goes on until then.
        self.end_of_input(SCRIPT);
        self.follow();
        self.come_to_rest();
        self.services.check();
        if let Some(script) = self.links[SCRIPT]
            .as_ref()
            .and_then(|it| it.script.as_ref())
        {
            script.is_answered();
        }
        for client in 0..CLIENTS {
            self.answers(client);
        }
    }

    fn come_to_rest(&mut self) {
        for _ in 0..ROUNDS {
            let is_quiet = |link: &Link| link.session.output().is_empty();
            let quiet = self.links.iter().flatten().all(is_quiet);
            if quiet
                && self.jobs.is_empty()
                && self.services.is_idle()
                && self.preparing.is_none()
                && self.board.desk.status(self.board.now).pending.is_none()
            {
                return;
            }
            for index in 0..LINKS {
                self.write(index, usize::MAX);
            }
            self.go_well();
            self.services.go_well(self.board.now);
            let stuck = self.services.deadline().filter(|_| !self.jobs.is_empty());
            if let Some(due) = self.board.desk.deadline().into_iter().chain(stuck).min() {
                self.wait_until(due.max(self.board.now));
            }
            self.step(Event::FireFailed(0));
            self.follow();
        }
        let said: Vec<_> = self
            .links
            .iter()
            .flatten()
            .map(Link::waiting_bytes)
            .collect();
        panic!(
            "no end of it: {} jobs, services: {}, preparing: {}, pending: {:?}, to be said: {said:?}",
            self.jobs.len(),
            self.services.shown(),
            self.preparing.is_some(),
            self.board.desk.status(self.board.now).pending,
        );
    }

    /// A client that connects anew and repeats its newest request has its answer in the end.
    fn answers(&mut self, client: usize) {
        let newest = self.clients[client].newest();
        let has_reply = |(nonce, sequence, _): &_| self.ledger.has_reply(*nonce, *sequence);
        let Some((nonce, sequence, packet)) = newest.filter(|newest| !has_reply(newest)) else {
            return;
        };
        self.close(0, None);
        self.act(Action::Hello(Place { link: 0, client }, false));
        self.come_to_rest();
        if self.clients[client].newest().is_none() {
            // The board has forgotten the session: nothing may be sent again.
            return;
        }
        self.receive(0, &packet);
        self.follow();
        self.come_to_rest();
        let is_answered = self.ledger.has_reply(nonce, sequence);
        assert!(is_answered, "{sequence:?} has no answer");
    }
}
