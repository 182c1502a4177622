//! One link with its session, and what the edge would know of it.

use super::heard::Heard;
use super::script::Script;
use lastword_agent::core::session::{End, OUTPUT_BYTES, SESSION_BYTES, Session, Traits};
use lastword_protocol::frame::{Class, Frame};
use lastword_protocol::hello::{self, Welcome};
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;
use lastword_protocol::{ClientId, Instant, Nonce, OperationId, Sequence};
use lastword_shell::{Medium, WINDOW_BYTES};

use super::board::Board;

/// How many bytes the edge reads at once.
pub(super) const READ_BYTES: usize = 512;
/// What one byte of input may be answered with at most: `help`, with its line end, gives a
/// kilobyte.
const ANSWER_BYTES: usize = 256;
/// The most that may ever wait: what may wait before input is held back, and the answers to what
/// was read until then.
const OUTPUT_BOUND: usize = OUTPUT_BYTES + (WINDOW_BYTES + READ_BYTES) * ANSWER_BYTES;

/// The script's link: it carries lines only.
pub(super) const SCRIPT: usize = 3;

/// A link with a session on it.
pub(super) struct Link {
    pub(super) session: Session,
    heard: Heard,
    pub(super) script: Option<Script>,
    /// Where its output stood when it was told to say nothing more.
    mute_at: Option<u64>,
    is_telnet: bool,
    before: u8,
}

/// What was heard that others want to know of.
pub(super) enum News {
    Welcome(ClientId, Sequence, Nonce),
    /// A reply under its session's nonce: opcode and body, and the id if it says `Initiated`.
    Reply(Nonce, Sequence, Vec<u8>, Option<OperationId>),
}

impl Link {
    /// Returns how much it has to say, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.session.output().len()
    }

    pub(super) fn new(index: usize, setup: u8, board: &Board, nonce: Nonce) -> Self {
        let traits = traits(index, setup);
        let mut link = Self {
            session: Session::new(traits, &board.house, nonce, board.now),
            heard: Heard::new(),
            script: (index == SCRIPT).then(Script::new),
            mute_at: None,
            is_telnet: traits.telnet,
            before: 0,
        };
        if index == SCRIPT {
            // Its dialect is decided from here on.
            link.receive(board, b"\n");
        }
        if traits.medium != Medium::Stream {
            link.session.announce(board.now, board);
        }
        link
    }

    /// Hands bytes in, as many as the session takes; returns whether it took them.
    pub(super) fn receive(&mut self, board: &Board, bytes: &[u8]) -> bool {
        if !self.session.wants_input() {
            return false;
        }
        for byte in bytes {
            if self.is_telnet && self.before == 0xFF && (0xFB..=0xFE).contains(byte) {
                self.heard.negotiated();
            }
            self.before = *byte;
        }
        self.session.receive(board.now, bytes, board);
        true
    }

    /// Lets the link take up to `count` bytes of what waits; hands the news among them to `tell`.
    pub(super) fn write(&mut self, now: Instant, count: usize, mut tell: impl FnMut(News)) {
        let waiting = self.session.output().front();
        let count = count.min(waiting.len());
        for byte in &waiting[..count] {
            if let Some(script) = &mut self.script {
                script.hear(*byte);
            }
            let nonce = self.heard.nonce();
            let news = self.heard.push(*byte).and_then(|frame| news(&frame, nonce));
            if let Some(News::Welcome(_, _, nonce)) = news {
                self.heard.enter(nonce);
            }
            news.into_iter().for_each(&mut tell);
        }
        self.session.wrote(now, count);
    }

    /// Whether its frames are not looked at any more.
    pub(super) const fn is_deaf(&self) -> bool {
        self.heard.is_telnet()
    }

    /// It must say nothing more.
    pub(super) fn mute(&mut self) {
        self.session.mute();
        self.mute_at = Some(self.session.output().end());
    }

    pub(super) fn unmute(&mut self, board: &Board) {
        self.mute_at = None;
        self.session.unmute(board.now, board);
    }

    /// What holds at any time.
    pub(super) fn check(&self) {
        let output = self.session.output();
        assert!(output.len() <= OUTPUT_BOUND, "{} bytes wait", output.len());
        let held = self.session.held_bytes();
        assert!(held <= SESSION_BYTES, "{held} bytes are held");
        if let Some(end) = self.mute_at {
            assert_eq!(output.end(), end, "that was not the last word");
        }
    }

    /// Why the edge would leave it: not before what has still to be said or seen off.
    pub(super) fn end(&self, carries_ack: bool) -> Option<End> {
        let end = self.session.end()?;
        let busy = carries_ack || !self.session.output().is_empty();
        (end != End::Finished || !busy).then_some(end)
    }
}

/// What a frame tells.
fn news(frame: &Frame<'_>, nonce: Option<Nonce>) -> Option<News> {
    let sequence = frame.header.sequence;
    match frame.header.class {
        Class::Hello if frame.header.opcode == hello::opcode::WELCOME => {
            let Welcome { client, nonce, .. } = hello::decode::<Welcome>(frame).expect("a welcome");
            Some(News::Welcome(client, sequence, nonce))
        }
        Class::Reply => {
            let reply = Reply::decode(frame.header.opcode, frame.body).expect("a reply");
            // Neither is the reply to its request.
            let is_too_many =
                matches!(&reply, Reply::Refused(refusal) if refusal.code == Code::SlowDown);
            if is_too_many || matches!(reply, Reply::Working(_)) {
                return None;
            }
            let initiated = match &reply {
                Reply::Initiated(initiated) => Some(initiated.id),
                _ => None,
            };
            let bytes = [&[frame.header.opcode], frame.body].concat();
            Some(News::Reply(nonce?, sequence, bytes, initiated))
        }
        _ => None,
    }
}

fn traits(index: usize, setup: u8) -> Traits {
    let stream = |telnet| Traits {
        medium: Medium::Stream,
        marked: false,
        telnet,
    };
    match index {
        0 | SCRIPT => stream(false),
        1 => Traits {
            medium: Medium::Serial { baud: 115_200 },
            marked: setup >> 2 & 1 == 1,
            telnet: false,
        },
        _ => stream(true),
    }
}
