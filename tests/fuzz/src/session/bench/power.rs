//! What comes of a question to the power desk: the bench is the agent's edge.

use super::{AnswerRoute, Bench, Preparing, Ticket, WIRE_TIME};
use lastword_agent::core::session::{Job, RequestId};
use lastword_agent::core::world::Ask;
use lastword_protocol::message::Reply;
use lastword_protocol::power::{Effect, Event, Evidence, Origin, Standdown, Verdict};
use lastword_protocol::refusal::{Code, Refusal};
use std::slice;

impl Bench {
    pub(super) fn ask(&mut self, index: usize, Job { id, ask, assigned }: Job) {
        let from = (index, id);
        self.ledger.asked(assigned, &ask);
        match ask {
            Ask::Stage(request) => {
                let origin = Origin {
                    assigned,
                    wire_time: WIRE_TIME,
                    is_connection: true,
                };
                match self.board.desk.ask(&request, origin) {
                    Verdict::Answer(said) => {
                        let reply = self.board.desk.reply(said);
                        self.answer(from, &reply, false);
                    }
                    Verdict::Prepare => {
                        assert!(self.preparing.is_none(), "two at a time");
                        self.preparing = Some(Preparing {
                            request,
                            assigned,
                            asker: Ok(from),
                            also: Vec::new(),
                        });
                    }
                    Verdict::Wait => {
                        let preparing = self.preparing.as_mut().expect("what is waited for");
                        preparing.also.push(Ok(from));
                    }
                }
            }
            Ask::Cancel(id) => {
                let (said, effect) = self.board.desk.cancel(self.board.now, id);
                let reply = self.board.desk.reply(said);
                assert_eq!(effect.is_some(), matches!(reply, Reply::Cancelled(_)));
                if let Some(effect) = effect {
                    self.carry_out(Event::Cancel(Standdown::Cancelled), effect);
                }
                self.answer(from, &reply, false);
            }
            Ask::Service(request) => self.ask_services(from, &request),
            Ask::Object(_) => {
                let refusal = Refusal::new(Code::NotHere, "this board has no store");
                self.answer(from, &Reply::Refused(refusal), false);
            }
            Ask::Generation(_) => {
                let refusal = Refusal::new(Code::NotHere, "this board takes no generations");
                self.answer(from, &Reply::Refused(refusal), false);
            }
            Ask::ReadLog(_) => panic!("no answer says that there is a rest to be read"),
        }
    }

    /// Hands an answer to the session, and returns the position behind it; `None` if nobody hears it
    /// there.
    pub(super) fn answer(
        &mut self,
        from: (usize, RequestId),
        reply: &Reply,
        staged: bool,
    ) -> Option<u64> {
        self.answer_pages(from, slice::from_ref(reply), staged)
    }

    /// As [`Bench::answer`], where it may take several pages.
    pub(super) fn answer_pages(
        &mut self,
        (link, id): (usize, RequestId),
        replies: &[Reply],
        staged: bool,
    ) -> Option<u64> {
        let link = self.links[link].as_mut()?;
        let now = self.board.now;
        link.session.answered(now, id, replies, staged, &self.board)
    }

    pub(super) fn prepared(&mut self, ready: bool) {
        let Some(preparing) = self.preparing.take() else {
            return;
        };
        let reply = self.board.desk.prepared(self.board.now, ready);
        let reply = reply.expect("it was being prepared");
        let reply = self.board.desk.reply(reply);
        if ready {
            self.board.record = self.board.desk.last();
            let dry_run = self.board.is_dry_run();
            self.ledger
                .staged(preparing.request, preparing.assigned, dry_run);
        }
        for also in preparing.also {
            self.answer_asker(also, &reply, false);
        }
        match self.answer_asker(preparing.asker, &reply, ready) {
            Some((link, position)) if ready => {
                self.ticket = Some(Ticket {
                    link,
                    position,
                    written: false,
                    drained: false,
                });
            }
            // Nobody is there to be told.
            None if ready => self.step(Event::AckFailed),
            Some(_) | None => {}
        }
    }

    /// Answers whoever asked; returns the link and the position behind the answer.
    pub(super) fn answer_asker(
        &mut self,
        asker: AnswerRoute,
        reply: &Reply,
        staged: bool,
    ) -> Option<(usize, u64)> {
        match asker {
            Ok(from) => Some((from.0, self.answer(from, reply, staged)?)),
            Err(unanswered) => {
                if let Some(unanswered) = unanswered {
                    unanswered.keep(slice::from_ref(reply), staged);
                }
                None
            }
        }
    }

    pub(super) fn drained(&mut self, evidence: Evidence) {
        if let Some(ticket) = &mut self.ticket {
            ticket.drained |= ticket.written;
        }
        self.step(Event::Drained(evidence));
    }

    pub(super) fn recorded(&mut self, written: bool) {
        if written {
            self.board.record = self.board.desk.last();
        }
        self.step(if written {
            Event::Recorded
        } else {
            Event::RecordFailed
        });
    }

    pub(super) fn step(&mut self, event: Event) {
        self.ledger.told(self.board.now, event);
        if let Some(effect) = self.board.desk.step(self.board.now, event) {
            self.carry_out(event, effect);
        }
    }

    pub(super) fn carry_out(&mut self, event: Event, effect: Effect) {
        self.ledger.ordered(self.board.now, event, effect);
        match effect {
            Effect::AwaitDrain(_) | Effect::AwaitDelay(_) | Effect::Fire(..) => {}
            Effect::Release(_) => {
                if let Some(ticket) = &self.ticket
                    && let Some(link) = &mut self.links[ticket.link]
                {
                    link.mute();
                }
            }
            Effect::Stand(_) | Effect::Failed(_) => {
                self.board.record = self.board.desk.last();
                if let Some(ticket) = self.ticket.take()
                    && let Some(link) = &mut self.links[ticket.link]
                {
                    link.unmute(&self.board);
                }
            }
        }
    }
}
