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
use lastword_shell::{Action, Answer, Dialect, Input, Level, Medium, Out, Received, Rules, Table};
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
    /// The operations that lines have staged without naming them.
    asked: Sequence,
    /// A byte behind what is being said.
    held: Option<u8>,
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
            asked: Sequence(0),
            held: None,
        }
    }

    const fn rules(&self, dialect: Dialect) -> Rules {
        Rules::new(self.table, dialect)
    }

    /// Makes of what was received what is to be said, and runs what can be run.
    fn hear(&mut self, now: Instant, received: Heard, house: &mut House, board: &mut impl Board) {
        self.saying = match received {
            Heard::Nothing => return,
            Heard::Forget => {
                self.input.forget();
                return;
            }
            Heard::Say(saying) => saying,
            Heard::Complete => match self.input.complete(self.table, &mut self.echo) {
                Some(Received::Redraw) => Saying::Redraw,
                Some(Received::Choices) => Saying::Choices,
                _ => return,
            },
            Heard::Line(dialect) => self.read(dialect),
        };
        self.run(now, house, board);
    }

    /// Reads the line that was received.
    fn read(&mut self, dialect: Dialect) -> Saying {
        let (line, rules) = (self.input.line(), self.rules(dialect));
        let Ok(outline) = parse::check(line, rules) else {
            return Saying::Misread(dialect);
        };
        let mut steps = (0..outline.steps).filter_map(|index| parse::step(line, index, rules));
        if steps.any(|step| step.command.level == Level::Danger) {
            self.input.unkeep();
        }
        Saying::Steps {
            answer: Answer::new(dialect, outline.tag, outline.steps),
            dialect,
            index: 0,
            told: None,
        }
    }

    /// Runs the next step of the line under way, if there is one.
    fn run(&mut self, now: Instant, house: &mut House, board: &mut impl Board) {
        let Saying::Steps {
            answer,
            dialect,
            index,
            told,
        } = &mut self.saying
        else {
            return;
        };
        if !answer.is_open() {
            return;
        }
        let rules = Rules::new(self.table, *dialect);
        let Some(step) = parse::step(self.input.line(), *index, rules) else {
            return;
        };
        *told = Some(match &step.action {
            Action::Request(request) => {
                self.asked = self.asked.next();
                let nonce = session_nonce(house.boot(), LINES);
                house.ask(
                    now,
                    request,
                    OperationId::assigned(nonce, self.asked),
                    board,
                )
            }
            Action::Mode(Dialect::Json) => Told::Refused(Code::Mode, NO_JSON),
            Action::Help(_) | Action::Mode(_) | Action::Logout => Told::Done,
        });
    }

    /// The step under way is said: what it does to the session.
    fn settle(&mut self, house: &House) -> bool {
        let Saying::Steps {
            answer,
            dialect,
            index,
            told,
        } = &mut self.saying
        else {
            return false;
        };
        let rules = Rules::new(self.table, *dialect);
        let Some((step, told)) = parse::step(self.input.line(), *index, rules).zip(told.take())
        else {
            return false;
        };
        *index += 1;
        saying::count(answer, &step, &told, house);
        match step.action {
            Action::Mode(chosen) if told == Told::Done => self.input.set_dialect(chosen),
            Action::Logout => {
                self.input.forget();
                self.saying = Saying::Nothing;
                return false;
            }
            _ => {}
        }
        answer.is_open()
    }
}

/// Names the lines among the clients: their operations have ids of their own.
const LINES: ClientId = ClientId(0);

const NO_JSON: &str = "this board speaks no json";

/// What was received, free of the input's buffer.
enum Heard {
    Nothing,
    Forget,
    Say(Saying),
    Complete,
    Line(Dialect),
}

impl Heard {
    fn of(received: Option<Received<'_>>) -> Self {
        match received {
            None => Self::Nothing,
            Some(Received::Logout | Received::Http) => Self::Forget,
            Some(Received::Interrupt) => Self::Say(Saying::Prompt),
            Some(Received::Redraw) => Self::Say(Saying::Redraw),
            Some(Received::Choices) => Self::Say(Saying::Choices),
            Some(Received::Complete) => Self::Complete,
            Some(Received::Line {
                dialect: Dialect::Json,
                ..
            }) => Self::Say(Saying::NoJson),
            Some(Received::Line { dialect, .. }) => Self::Line(dialect),
            Some(Received::Refused {
                dialect,
                tag,
                error,
            }) => Self::Say(Saying::Unfit {
                dialect,
                tag,
                error,
            }),
        }
    }
}

impl<const LINE: usize, const HISTORY: usize> Sealed for Shell<LINE, HISTORY> {
    fn feed(&mut self, now: Instant, byte: u8, house: &mut House, board: &mut impl Board) {
        self.input.set_name(house.about().name);
        let byte = [byte];
        let mut left = &byte[..];
        let heard = Heard::of(self.input.feed(now, &mut left, &mut self.echo));
        // A lone CR is often recognised at the byte behind it.
        self.held = left.first().copied();
        self.hear(now, heard, house, board);
    }

    fn tick(&mut self, now: Instant, house: &mut House, board: &mut impl Board) {
        let heard = Heard::of(self.input.tick(now, &mut self.echo));
        self.hear(now, heard, house, board);
    }

    fn deadline(&self) -> Option<Instant> {
        self.input.deadline()
    }

    fn speaks(&self) -> bool {
        !self.echo.0.is_empty() || self.held.is_some() || !matches!(self.saying, Saying::Nothing)
    }

    fn write(&self, house: &House, out: &mut Window<'_>) -> fmt::Result {
        out.bytes(&self.echo.0)?;
        saying::write(self, house, out)
    }

    fn said(&mut self, now: Instant, house: &mut House, board: &mut impl Board) {
        self.echo.0.clear();
        if self.settle(house) {
            return self.run(now, house, board);
        }
        self.saying = match self.saying {
            Saying::Steps { .. } | Saying::Misread(_) | Saying::Unfit { .. } | Saying::NoJson
                if self.is_term() =>
            {
                Saying::Prompt
            }
            _ => Saying::Nothing,
        };
        if matches!(self.saying, Saying::Nothing)
            && let Some(byte) = self.held.take()
        {
            self.feed(now, byte, house, board);
        }
    }

    fn lost(&mut self) {
        self.input.lost();
    }

    fn forget(&mut self) {
        self.input.forget();
        self.saying = Saying::Nothing;
        self.echo.0.clear();
        self.held = None;
    }
}

impl<const LINE: usize, const HISTORY: usize> Shell<LINE, HISTORY> {
    fn is_term(&self) -> bool {
        self.input.dialect() == Some(Dialect::Term)
    }
}
