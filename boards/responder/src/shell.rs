//! Lines, for scripts and for people.

mod saying;

use crate::hardware::Board;
use crate::house::House;
use crate::text::Sealed;
use crate::told::Told;
use crate::window::Window;
use core::fmt;
use lastword_protocol::frame::session_nonce;
use lastword_protocol::refusal::Code;
use lastword_protocol::{ClientId, Instant, OperationId, Sequence};
use lastword_shell::parse;
use lastword_shell::{
    Action, Answer, Dialect, HAS_TERM, Input, Level, LineError, Medium, Out, Received, Rules,
    Table, Vocabulary,
};
use saying::Saying;

/// The most bytes that are echoed at once: for a byte, and for the CR before it.
const ECHO_BYTES: usize = 2 * lastword_shell::ECHO_BYTES;

/// The text side of a line, with a line of at most `LINE` bytes, and `HISTORY` bytes for the lines
/// that were typed before.
///
/// Its commands should have the hello of these lines: `commands::hello(LINE, …)`.
#[derive(Debug)]
pub struct Shell<const LINE: usize, const HISTORY: usize> {
    table: Table,
    input: Input<LINE, HISTORY>,
    echo: Echo,
    saying: Saying,
    /// To the line under way.
    answer: Answer,
    /// What its step under way has come to.
    told: Told,
    /// What is done once that is said.
    then: Then,
    /// Why it was not fit to read, if it was not.
    unfit: LineError,
    /// The operations that lines have staged without naming them.
    asked: Sequence,
    /// A byte behind what is being said.
    held: Option<u8>,
}

/// What a step does to the session, once it is answered.
#[derive(Clone, Copy, Debug)]
enum Then {
    GoOn,
    Speak(Dialect),
    Leave,
}

/// What a terminal is sent back at once.
#[derive(Clone, Debug, Default)]
struct Echo(heapless::Vec<u8, ECHO_BYTES>);

impl Out for Echo {
    fn text(&mut self, text: &str) -> fmt::Result {
        let fits = self.0.extend_from_slice(text.as_bytes());
        fits.map_err(|_| fmt::Error)
    }
}

impl<const LINE: usize, const HISTORY: usize> Shell<LINE, HISTORY> {
    /// A shell with these commands on a line of `baud` bits per second.
    #[must_use]
    pub const fn new(table: Table, baud: u32) -> Self {
        Self {
            table,
            input: Input::new(Medium::Serial { baud }),
            echo: Echo(heapless::Vec::new()),
            saying: Saying::Nothing,
            answer: Answer::new(Dialect::Plain, None, 0),
            told: Told::Done,
            then: Then::GoOn,
            unfit: LineError::Incomplete,
            asked: Sequence(0),
            held: None,
        }
    }

    /// How the line under way is read.
    const fn rules(&self) -> Rules {
        Rules::new(self.table, self.answer.dialect())
    }

    /// Whether the answer under way is for a person.
    const fn is_answered_in_term(&self) -> bool {
        self.answer.dialect().is_term()
    }

    fn is_term(&self) -> bool {
        self.input.dialect().is_some_and(Dialect::is_term)
    }

    /// Takes a byte: what the input comes to.
    #[inline(never)]
    fn take(&mut self, now: Instant, byte: u8) -> Heard {
        let byte = [byte];
        let mut left = &byte[..];
        let received = self.input.feed(now, &mut left, &mut self.echo);
        // A lone CR is often recognised at the byte behind it.
        self.held = left.first().copied();
        heard(received, &mut self.answer, &mut self.unfit)
    }

    /// Lets time pass: what the input comes to.
    #[inline(never)]
    fn wait(&mut self, now: Instant) -> Heard {
        let received = self.input.tick(now, &mut self.echo);
        heard(received, &mut self.answer, &mut self.unfit)
    }

    /// Takes what the input came to: what is to be said of it, if anything.
    #[inline(never)]
    fn hear(&mut self, heard: Heard) -> Saying {
        match heard {
            Heard::Nothing => Saying::Nothing,
            Heard::Complete if !HAS_TERM => Saying::Nothing,
            Heard::Say(saying) => saying,
            Heard::Line => self.read(),
            Heard::Complete => self.complete(),
            Heard::Leave => {
                self.input.forget();
                Saying::Nothing
            }
        }
    }

    /// Completes the word that a person is typing.
    #[inline(never)]
    fn complete(&mut self) -> Saying {
        match self
            .input
            .complete(Vocabulary::of(self.table), &mut self.echo)
        {
            Some(Received::Redraw) => Saying::Redraw,
            Some(Received::Choices) => Saying::Choices,
            _ => Saying::Nothing,
        }
    }

    /// Reads the line that was received.
    fn read(&mut self) -> Saying {
        let dialect = self.answer.dialect();
        match parse::check(self.input.line(), self.rules()) {
            Err(_) => Saying::Misread,
            Ok(outline) => {
                self.answer = Answer::new(dialect, outline.tag, outline.steps);
                Saying::Step
            }
        }
    }

    /// Runs the step that is to be answered next, if there is one.
    #[inline(never)]
    fn run(&mut self, house: &mut House, board: &mut impl Board) {
        if !matches!(self.saying, Saying::Step) {
            return;
        }
        if !self.answer.is_open() {
            self.saying = Saying::Final;
            return;
        }
        // It is long, and stays where it is.
        let mut step = parse::step(self.input.line(), self.answer.done(), self.rules());
        let Some(step) = &mut step else {
            self.saying = Saying::Final;
            return;
        };
        if step.command.level == Level::Danger {
            self.input.unkeep();
        }
        self.carry_out(&mut step.action, house, board);
    }

    /// Does what the step under way asks for.
    #[inline(never)]
    fn carry_out(&mut self, action: &mut Action, house: &mut House, board: &mut impl Board) {
        self.told = Told::Done;
        // Help is said with the answer, and there are no logs to follow.
        if let Action::Request(request) = action {
            self.asked = self.asked.next();
            let nonce = session_nonce(house.boot(), LINES);
            let assigned = OperationId::assigned(nonce, self.asked);
            self.told = house.ask(request, assigned, board);
        } else if let Action::Mode(dialect) = action {
            match dialect {
                Dialect::Json => self.told = Told::Refused(Code::Mode, NO_JSON),
                Dialect::Term if !HAS_TERM => {
                    self.told = Told::Refused(Code::Mode, "this board speaks plain only");
                }
                dialect => self.then = Then::Speak(*dialect),
            }
        } else if matches!(action, Action::Logout) {
            self.then = Then::Leave;
        }
    }

    /// What was being said is said: what is to be said next.
    fn next(&mut self) -> Saying {
        if matches!(self.saying, Saying::Step) {
            self.answer.pass(self.told.is_no());
            match core::mem::replace(&mut self.then, Then::GoOn) {
                Then::GoOn => {}
                Then::Speak(dialect) => self.input.set_dialect(dialect),
                Then::Leave => {
                    self.input.forget();
                    return Saying::Nothing;
                }
            }
            if self.answer.is_open() {
                return Saying::Step;
            }
        }
        let is_answer = self.saying.is_answer();
        if is_answer && self.is_term() {
            Saying::Prompt
        } else {
            Saying::Nothing
        }
    }
}

/// Names the lines among the clients: their operations have ids of their own.
const LINES: ClientId = ClientId(0);

const NO_JSON: &str = "this board speaks no json";

/// What was received, free of the input's buffer.
#[derive(Clone, Copy)]
enum Heard {
    Nothing,
    Say(Saying),
    Line,
    Complete,
    Leave,
}

impl<const LINE: usize, const HISTORY: usize> Sealed for Shell<LINE, HISTORY> {
    #[inline(never)]
    fn feed(&mut self, now: Instant, byte: u8, house: &mut House, board: &mut impl Board) {
        if HAS_TERM {
            self.input.set_name(house.about().name);
        }
        // One behind the other, and none on the stack of another.
        let heard = self.take(now, byte);
        self.saying = self.hear(heard);
        self.run(house, board);
    }

    fn tick(&mut self, now: Instant, house: &mut House, board: &mut impl Board) {
        let heard = self.wait(now);
        self.saying = self.hear(heard);
        self.run(house, board);
    }

    fn deadline(&self) -> Option<Instant> {
        self.input.deadline()
    }

    fn speaks(&self) -> bool {
        !self.echo.0.is_empty() || self.held.is_some() || !matches!(self.saying, Saying::Nothing)
    }

    #[inline(never)]
    fn write(&self, house: &House, out: &mut Window<'_>) -> fmt::Result {
        out.bytes(&self.echo.0)?;
        saying::write(self, house, out)
    }

    #[inline(never)]
    fn said(&mut self, now: Instant, house: &mut House, board: &mut impl Board) {
        self.echo.0.clear();
        self.saying = self.next();
        self.run(house, board);
        if matches!(self.saying, Saying::Nothing)
            && let Some(byte) = self.held.take()
        {
            self.feed(now, byte, house, board);
        }
    }

    fn disturbed(&mut self) {
        if HAS_TERM && self.input.is_shown() {
            self.saying = Saying::Redraw;
        }
    }

    fn lost(&mut self) {
        self.input.lost();
    }

    fn dropped(&mut self) {
        self.input.dropped();
    }

    fn forget(&mut self) {
        self.input.forget();
        self.saying = Saying::Nothing;
        self.echo.0.clear();
        self.held = None;
    }
}

/// Takes from what was received what outlives it: how its line is answered, and why it is not read.
fn heard(received: Option<Received<'_>>, answer: &mut Answer, unfit: &mut LineError) -> Heard {
    match received {
        None => Heard::Nothing,
        Some(Received::Logout | Received::Http) => Heard::Leave,
        Some(Received::Interrupt) => Heard::Say(Saying::Prompt),
        Some(Received::Echo) => Heard::Say(Saying::Echo),
        Some(Received::Redraw) => Heard::Say(Saying::Redraw),
        Some(Received::Choices) => Heard::Say(Saying::Choices),
        Some(Received::Complete) => Heard::Complete,
        Some(
            Received::Line {
                dialect: Dialect::Json,
                ..
            }
            | Received::Refused {
                dialect: Dialect::Json,
                ..
            },
        ) => Heard::Say(Saying::NoJson),
        Some(Received::Line { dialect, .. }) => {
            *answer = Answer::new(dialect, None, 0);
            Heard::Line
        }
        Some(Received::Refused {
            dialect,
            tag,
            error,
        }) => {
            *answer = Answer::new(dialect, tag, 0);
            *unfit = error;
            Heard::Say(Saying::Unfit)
        }
    }
}
