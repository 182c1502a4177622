//! The requests of a session that others still work on: several in frames, and one line.
//!
//! Each is named by a [`RequestId`], so that answers may come in any order.

use super::Job;
use super::deferred_request::{DeferredRequest, OrphanedRequest, Requester, unheard};
use crate::core::clients::WINDOW;
use crate::core::log::range::LogRange;
use crate::core::transfers::OpenObject;
use crate::core::world::Ask;
use lastword_protocol::message::Reply;
use lastword_protocol::{ClientId, OperationId};
use std::collections::VecDeque;
use std::mem;

/// Names a request that others work on. No two of a session have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u64);

/// With so many requests of its earlier owners still under way, a line takes no other owner. Each owner
/// has its whole window: [`Session::admit`](lastword_protocol::session::Session::admit) bounds that.
const EARLIER_OWNERS_REQUESTS: usize = 8 * WINDOW;

/// The line or frame that waits for an answer.
#[derive(Debug)]
pub(super) enum AnswerTarget {
    /// The line under way.
    Line,
    /// A request in a frame.
    Frame(Box<DeferredRequest>),
}

/// The requests that others still work on.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    /// The number of requests there ever were.
    count: u64,
    line: Option<PendingLine>,
    frames: Vec<(RequestId, DeferredRequest)>,
    /// Questions that nobody has been asked yet.
    jobs: VecDeque<Job>,
    /// Questions whose answers nobody wants any more.
    forgotten: VecDeque<RequestId>,
    /// Answers that came while nothing might be said.
    late: Vec<(RequestId, Vec<Reply>)>,
}

#[derive(Debug)]
struct PendingLine {
    id: RequestId,
    /// True if it may be given up: the supervisor goes on with it, a staged operation would not.
    is_service: bool,
}

impl PendingRequests {
    /// Has others asked what the line under way asks.
    pub(super) fn ask_line(&mut self, ask: Ask, assigned: OperationId) {
        let is_service = matches!(ask, Ask::Service(_));
        let id = self.push(ask, assigned);
        self.line = Some(PendingLine { id, is_service });
    }

    /// Has others asked what a frame asks.
    pub(super) fn ask_frame(&mut self, asked: DeferredRequest) {
        let id = self.push(asked.ask.clone(), asked.assigned());
        self.frames.push((id, asked));
    }

    fn push(&mut self, ask: Ask, assigned: OperationId) -> RequestId {
        self.count += 1;
        let id = RequestId(self.count);
        self.jobs.push_back(Job { id, ask, assigned });
        id
    }

    /// The next question to others.
    pub(super) fn take_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Keeps only those requests in frames that are wanted.
    pub(super) fn retain_frames(&mut self, is_wanted: impl Fn(&DeferredRequest) -> bool) {
        let unwanted = self.frames.extract_if(.., |(_, asked)| !is_wanted(asked));
        let ids = unwanted.map(|(id, _)| id);
        let jobs = &mut self.jobs;
        self.forgotten
            .extend(ids.inspect(|id| jobs.retain(|job| job.id != *id)));
    }

    /// The next question whose answer nobody wants any more.
    pub(super) fn take_forgotten(&mut self) -> Option<RequestId> {
        self.forgotten.pop_front()
    }

    /// Returns whether the line under way waits.
    pub(super) const fn has_line(&self) -> bool {
        self.line.is_some()
    }

    /// Returns whether anything waits.
    pub(super) const fn is_waiting(&self) -> bool {
        self.line.is_some() || !self.frames.is_empty()
    }

    /// Returns whether `client` may come to own the line, as far as the requests of its earlier owners go.
    pub(super) fn has_room_for_owner(&self, client: ClientId) -> bool {
        let others = self.frames.iter().filter(|(_, asked)| !asked.is_of(client));
        others.count() < EARLIER_OWNERS_REQUESTS
    }

    /// Returns whether one more request may be asked for clients whose hello was refused.
    pub(super) fn has_room_for_refused(&self) -> bool {
        let is_refused = |asked: &DeferredRequest| matches!(asked.asker, Requester::Refused(_));
        let refused = self.frames.iter().filter(|(_, asked)| is_refused(asked));
        refused.count() < WINDOW
    }

    /// Ends the waiting of the line under way, if others go on with what it asked: their answer will
    /// be for nobody.
    pub(super) fn give_up_line(&mut self) -> bool {
        self.line.take_if(|line| line.is_service).is_some()
    }

    /// Ends the waiting of the line under way, because the line is forgotten.
    pub(super) fn forget_line(&mut self) {
        self.line = None;
    }

    /// Takes the one that waits for this answer; nobody any more if the line was given up.
    pub(super) fn take(&mut self, id: RequestId) -> Option<AnswerTarget> {
        if self.line.take_if(|line| line.id == id).is_some() {
            return Some(AnswerTarget::Line);
        }
        let index = self.frames.iter().position(|(it, _)| *it == id)?;
        Some(AnswerTarget::Frame(Box::new(self.frames.remove(index).1)))
    }

    /// Notes what the answer to a request in a frame does not hold of a log.
    pub(super) fn continues(&mut self, id: RequestId, rest: LogRange) {
        if let Some((_, asked)) = self.frames.iter_mut().find(|(it, _)| *it == id) {
            asked.rest = Some(rest);
        }
    }

    /// Notes the object that the answer to a request in a frame opens a transfer of.
    pub(super) fn opens(&mut self, id: RequestId, object: OpenObject) {
        if let Some((_, asked)) = self.frames.iter_mut().find(|(it, _)| *it == id) {
            asked.object = Some(object);
        }
    }

    /// Keeps an answer until something may be said again. `staged`: it has staged an operation,
    /// which stands down, because nobody can be told of it now.
    pub(super) fn postpone(&mut self, id: RequestId, replies: &[Reply], staged: bool) {
        let replies = match replies {
            [reply] => vec![unheard(reply, staged)],
            pages => pages.to_vec(),
        };
        self.late.push((id, replies));
    }

    /// Returns how many replies were kept.
    pub(super) fn late_replies(&self) -> usize {
        self.late.iter().map(|(_, replies)| replies.len()).sum()
    }

    /// The answers that were kept.
    pub(super) fn take_late(&mut self) -> Vec<(RequestId, Vec<Reply>)> {
        mem::take(&mut self.late)
    }

    /// The link is gone: what came too late to be said is kept for the clients, and the requests in
    /// frames whose answers are still to come are returned.
    pub(super) fn abandon(mut self) -> Vec<OrphanedRequest> {
        for (id, replies) in self.take_late() {
            if let Some(AnswerTarget::Frame(asked)) = self.take(id) {
                OrphanedRequest::new(id, *asked).keep(&replies, false);
            }
        }
        // Without a link nobody takes what is read for a stream.
        let frames = self.frames.into_iter();
        let frames = frames.filter(|(_, asked)| !asked.put_back());
        frames
            .map(|(id, asked)| OrphanedRequest::new(id, asked))
            .collect()
    }
}
