//! The books: what was asked, sent, seen and said, kept without a look at what is being tested,
//! and the rules that they must keep.

use lastword_agent::core::world::Ask;
use lastword_protocol::power::{Effect, Event, Evidence, Operation, PowerRequest, Standdown};
use lastword_protocol::{Instant, Millis, Nonce, OperationId, Sequence};

/// Without evidence nobody gives up sooner than this.
const DRAIN_LEAST: Millis = Millis(250);

/// Everything that happened.
#[derive(Default)]
pub(super) struct Ledger {
    /// Requests for power in frames, by the id that they would be assigned, and other requests.
    sent: Vec<(OperationId, Option<Ask>)>,
    /// The nonces of text lines.
    lines: Vec<Nonce>,
    /// What the desk was asked.
    jobs: Vec<OperationId>,
    /// The first answer to each request.
    replies: Vec<(Nonce, Sequence, Vec<u8>)>,
    initiated: Vec<OperationId>,
    last_id: Option<OperationId>,
    hand: Option<InHand>,
}

/// What is known of the operation that is staged.
struct InHand {
    id: OperationId,
    request: PowerRequest,
    dry_run: bool,
    in_frame: bool,
    progress: Progress,
    /// When its acknowledgement was written.
    written: Option<Instant>,
    /// The first evidence behind that.
    evidence: Option<(Evidence, Instant)>,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    Released,
    Fired,
}

impl Ledger {
    /// A client sends a request.
    pub(super) fn sent(&mut self, id: OperationId, ask: Option<Ask>) {
        self.sent.push((id, ask));
    }

    /// A link's text lines are told apart by this.
    pub(super) fn opened(&mut self, nonce: Nonce) {
        self.lines.push(nonce);
    }

    /// The desk is asked.
    pub(super) fn asked(&mut self, id: OperationId, ask: &Ask) {
        assert!(!self.jobs.contains(&id), "{id} runs twice");
        self.jobs.push(id);
        if !self.is_line(id) {
            let known = |sent: &(_, Option<Ask>)| sent.0 == id && sent.1.as_ref() == Some(ask);
            assert!(self.sent.iter().any(known), "nobody sent {id}: {ask:?}");
        }
    }

    fn is_line(&self, id: OperationId) -> bool {
        let is = |nonce: &Nonce| OperationId::assigned(*nonce, Sequence(0)).0 >> 16 == id.0 >> 16;
        self.lines.iter().any(is)
    }

    /// A reply is heard.
    pub(super) fn replied(
        &mut self,
        nonce: Nonce,
        sequence: Sequence,
        bytes: &[u8],
        initiated: Option<OperationId>,
    ) {
        let id = OperationId::assigned(nonce, sequence);
        assert!(self.sent.iter().any(|sent| sent.0 == id), "nobody asked");
        self.initiated.extend(initiated);
        let first = self
            .replies
            .iter()
            .find(|reply| (reply.0, reply.1) == (nonce, sequence));
        match first {
            Some((_, _, first)) => assert_eq!(first, bytes, "another answer to {sequence:?}"),
            None => self.replies.push((nonce, sequence, bytes.to_vec())),
        }
    }

    /// An operation is accepted: the request, and the id that it is given if it has none.
    pub(super) fn staged(&mut self, request: PowerRequest, assigned: OperationId, dry_run: bool) {
        let id = request.id.unwrap_or(assigned);
        assert!(self.hand.is_none(), "staged while another is");
        assert_ne!(self.last_id, Some(id), "the same operation again");
        self.last_id = Some(id);
        self.hand = Some(InHand {
            id,
            request,
            dry_run,
            in_frame: !self.is_line(assigned),
            written: None,
            evidence: None,
            progress: Progress::Open,
        });
    }

    /// Nobody listens on the link of what is staged.
    pub(super) fn cannot_hear(&mut self) {
        if let Some(hand) = &mut self.hand {
            hand.in_frame = false;
        }
    }

    /// The desk is told something.
    pub(super) fn told(&mut self, now: Instant, event: Event) {
        let Some(hand) = &mut self.hand else {
            return;
        };
        match event {
            Event::AckWritten => {
                let heard = !hand.in_frame || self.initiated.contains(&hand.id);
                assert!(heard, "written, but nobody has it");
                hand.written = Some(now);
            }
            Event::Drained(evidence) if hand.written.is_some() => {
                hand.evidence.get_or_insert((evidence, now));
            }
            _ => {}
        }
    }

    /// The desk orders something, because of that.
    pub(super) fn ordered(&mut self, now: Instant, event: Event, effect: Effect) {
        let hand = self.hand.as_mut().expect("nothing is staged");
        match effect {
            Effect::AwaitDrain(_) | Effect::AwaitDelay(_) => {
                assert!(hand.progress == Progress::Open, "back from the release");
            }
            Effect::Release(evidence) => {
                assert!(hand.progress == Progress::Open, "released twice");
                hand.is_proven(now, evidence);
                hand.progress = Progress::Released;
            }
            Effect::Fire(operation, evidence) => {
                hand.may_fire(now, event, operation, evidence);
                hand.progress = Progress::Fired;
            }
            Effect::Stand(why) => {
                let from = match why {
                    Standdown::RecordFailed => Progress::Released,
                    _ => Progress::Open,
                };
                assert!(hand.progress == from, "called off too late: {why}");
                self.hand = None;
            }
            Effect::Failed(_) => {
                assert!(hand.progress == Progress::Fired, "it never fired");
                self.hand = None;
            }
        }
    }

    /// Whether a request has had its answer.
    pub(super) fn has_reply(&self, nonce: Nonce, sequence: Sequence) -> bool {
        let is = |reply: &(Nonce, Sequence, Vec<u8>)| (reply.0, reply.1) == (nonce, sequence);
        self.replies.iter().any(is)
    }

    /// The agent is gone, and what it had in hand.
    pub(super) fn forgot(&mut self) {
        self.hand = None;
    }
}

impl InHand {
    fn may_fire(&self, now: Instant, event: Event, operation: Operation, evidence: Evidence) {
        assert!(self.progress != Progress::Fired, "fired twice");
        assert!(
            self.progress == Progress::Released,
            "fired before the release"
        );
        assert_eq!(operation, self.request.operation);
        self.is_proven(now, evidence);
        let recorded = match event {
            Event::Recorded => true,
            Event::RecordFailed => self.request.force,
            _ => false,
        };
        assert!(recorded, "fired without a record: {event:?}");
    }

    /// The acknowledgement is written, this is the evidence that it left, and the delay is over.
    fn is_proven(&self, now: Instant, evidence: Evidence) {
        let written = self.written.expect("the acknowledgement is not written");
        let since = match evidence {
            Evidence::Forced => {
                assert!(self.request.force, "forced, and nobody said so");
                let overdue = written.after(DRAIN_LEAST);
                match self.evidence {
                    Some((Evidence::Unknowable, at)) => at.min(overdue),
                    _ => overdue,
                }
            }
            Evidence::Unknowable => {
                assert!(self.dry_run, "unknowable is no evidence");
                self.seen(evidence)
            }
            evidence => self.seen(evidence),
        };
        assert!(
            since.after(self.request.delay) <= now,
            "too early, on {evidence}"
        );
    }

    /// When this evidence was seen.
    fn seen(&self, evidence: Evidence) -> Instant {
        match self.evidence {
            Some((seen, at)) if seen == evidence => at,
            other => panic!("released on {evidence}, seen {other:?}"),
        }
    }
}
