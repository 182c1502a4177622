//! What goes to standard output: the answer to the line, for a person, a script or a program.

use crate::json;
use crate::notes::Notes;
use lastword_client::escape::escape;
use lastword_client::ladder::Proof;
use lastword_protocol::message::service::{Item, Page};
use lastword_protocol::message::{AlreadyDone, Reply};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_shell::escape::JsonSafe;
use lastword_shell::items::numbered_event;
use lastword_shell::parse::{Script, Step};
use lastword_shell::{Answer, Dialect, ParseError, fields, plain, term};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Map, Value as Json};
use std::fs::File;
use std::future::pending;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Person,
    Script,
    Program,
}

impl Reader {
    /// A program if JSON is wished; a person if there is a terminal.
    pub(crate) fn of(json: bool) -> Self {
        if json {
            Self::Program
        } else if std::io::stdout().is_terminal() {
            Self::Person
        } else {
            Self::Script
        }
    }

    /// Whether what is wrong is to be said on standard error, too: not to a script that has both
    /// streams in one file, and would read it twice.
    fn wants_it_noted(self) -> bool {
        self != Self::Script || !is_one_file(std::io::stdout(), std::io::stderr())
    }
}

/// Whether both lead to one file, pipe or terminal.
fn is_one_file(one: impl AsFd, other: impl AsFd) -> bool {
    let identity = |stream: BorrowedFd<'_>| {
        let about = File::from(stream.try_clone_to_owned().ok()?).metadata();
        about.ok().map(|about| (about.dev(), about.ino()))
    };
    // Of a stream that is closed nothing is known.
    let (one, other) = (identity(one.as_fd()), identity(other.as_fd()));
    one.is_some() && one == other
}

/// The answer to one line, written as its steps are carried out.
pub(crate) struct Report {
    reader: Reader,
    answer: Answer,
    notes: Notes,
    /// What a program is told of the step, as far as it was said.
    object: Map<String, Json>,
}

impl Report {
    pub(crate) fn new(reader: Reader, script: &Script, notes: Notes) -> Self {
        let dialect = match reader {
            Reader::Person => Dialect::Term,
            Reader::Script | Reader::Program => Dialect::Plain,
        };
        Self {
            reader,
            answer: Answer::new(dialect, script.tag.clone(), script.steps.len()),
            notes,
            object: Map::new(),
        }
    }

    /// The answer to a command of `lastword`'s own.
    pub(crate) fn of_one_step(reader: Reader, notes: Notes) -> Self {
        Self {
            reader,
            answer: Answer::new(Dialect::Plain, None, 1),
            notes,
            object: Map::new(),
        }
    }

    /// The board's reply to a step; returns whether it is a yes.
    pub(crate) fn reply(&mut self, step: &Step, reply: &Reply) -> bool {
        let refusal = fields::refusal(reply);
        if self.reader == Reader::Program {
            let page = match refusal {
                Some((code, detail)) => json::error_because(code, detail, fields::cause(reply)),
                None => json::reply(step, reply),
            };
            json::append(&mut self.object, page);
            if !matches!(reply, Reply::Items(page) if page.has_more()) {
                print_object(std::mem::take(&mut self.object));
            }
        } else {
            self.write(|answer, out| answer.step(out, step, reply));
        }
        refusal.is_none()
    }

    /// A page of an answer that goes on: a program has an object for each item.
    pub(crate) fn goes_on(&mut self, step: &Step, page: &Page) {
        if self.reader == Reader::Program {
            return json::items(page).for_each(print_object);
        }
        let reply: Reply = Reply::Items(page.clone().and_more());
        self.write(|answer, out| answer.step(out, step, &reply));
    }

    /// Events that were subscribed to, as they are told in a session.
    pub(crate) fn events(&self, page: &Page) {
        if self.reader == Reader::Program {
            return json::items(page).for_each(print_object);
        }
        let mut text = String::new();
        for event in page.items().filter_map(|it| numbered_event(&it)) {
            // A String takes everything.
            let _ = match self.reader {
                Reader::Person => event.write_row(Dialect::Term, &mut text),
                Reader::Script | Reader::Program => event.write_plain(&mut text),
            };
        }
        print(&text);
    }

    /// The last page of an answer that went on.
    pub(crate) fn ends(&mut self, step: &Step, page: &Page) {
        if self.reader == Reader::Program {
            return self.goes_on(step, page);
        }
        let reply: Reply = Reply::Items(page.clone());
        self.write(|answer, out| answer.step(out, step, &reply));
    }

    /// There is no reply, and why: to a person on standard error only, to a script there, too.
    pub(crate) fn trouble(&mut self, code: Code, detail: &str) {
        if self.reader == Reader::Program {
            return print_object(json::error(code, detail));
        }
        if self.reader.wants_it_noted() {
            self.notes.line(&format!("lastword: {detail}"));
        }
        self.refuse(code, detail);
    }

    /// A climb is over.
    pub(crate) fn proof(&mut self, step: &Step, proof: &Proof) {
        let reply = reply_of(proof);
        if self.reader == Reader::Program {
            let code = code_of(proof);
            let mut object = match &reply {
                Some(reply) if proof.holds() => json::reply(step, reply),
                _ => json::error(code, &proof.to_string()),
            };
            object.insert("proof".to_owned(), json::proof(proof));
            return print_object(object);
        }
        if proof.holds() || self.reader.wants_it_noted() {
            self.notes.line(&proof.to_string());
        }
        match reply {
            Some(reply) if proof.holds() => {
                self.write(|answer, out| answer.step(out, step, &reply));
            }
            _ => self.refuse(code_of(proof), &proof.to_string()),
        }
    }

    /// Whatever the answer still owes.
    pub(crate) fn finish(&mut self) {
        if self.reader == Reader::Script {
            self.write(|answer, out| answer.finish(out));
        }
    }

    /// A script has its final on standard output, cut to what a refusal holds.
    fn refuse(&mut self, code: Code, detail: &str) {
        if self.reader == Reader::Script {
            let refusal = Refusal::new(code, detail);
            self.write(|answer, out| answer.refuse(out, &refusal));
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Answer, &mut String) -> std::fmt::Result) {
        let mut text = String::new();
        // A String takes everything.
        let _ = write(&mut self.answer, &mut text);
        print(&text);
    }
}

/// Says what is wrong with a line: with a caret under it on standard error.
pub(crate) fn parse_error(reader: Reader, notes: &Notes, error: &ParseError<'_>) {
    let mut pointed = format!("{PROMPT}> {}\n", error.line.escape_debug());
    // A String takes everything.
    let _ = term::parse_error(&mut pointed, PROMPT, error);
    match reader {
        Reader::Person => {}
        Reader::Script => {
            let mut text = String::new();
            let _ = plain::parse_error(&mut text, error);
            print(&text);
        }
        Reader::Program => print_object(json::error(error.fault.code, &error.to_string())),
    }
    if reader.wants_it_noted() {
        notes.line(pointed.replace("\r\n", "\n").trim_end());
    }
}

/// The rows of a board's answer in text, as they are.
pub(crate) fn text(reader: Reader, rows: &[String], is_done: bool) {
    if reader == Reader::Program {
        let mut object = Map::new();
        object.insert("ok".to_owned(), is_done.into());
        object.insert("lines".to_owned(), rows.into());
        return print_object(object);
    }
    for row in rows {
        print(&(escape(row.as_bytes()) + "\n"));
    }
}

/// Waits until nobody reads standard output any more: the other end of the pipe, socket or terminal is
/// closed. Of a file, or where it cannot be known, that never comes. Cancel-safe; call it once.
pub(crate) async fn nobody_reads() {
    let (tell, told) = oneshot::channel();
    // A thread, because a runtime's own registration of a descriptor is unsafe; it ends with the process.
    std::thread::spawn(move || {
        let output = std::io::stdout();
        // Nothing is asked for: an error or a hang-up is told all the same.
        let mut polled = [PollFd::new(output.as_fd(), PollFlags::empty())];
        let seen = loop {
            match poll(&mut polled, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                seen => break seen,
            }
        };
        if seen.is_ok() {
            // Who asked may wait for it no more.
            let _ = tell.send(());
        }
    });
    if told.await.is_err() {
        pending::<()>().await;
    }
}

/// The reply that a proof stands for: if the acknowledgement was lost, that it is done already.
fn reply_of(proof: &Proof) -> Option<Reply> {
    let initiated = proof.initiated.map(Reply::Initiated);
    initiated.or_else(|| {
        let after = proof.after.as_ref()?;
        Some(Reply::AlreadyDone(AlreadyDone {
            boot: after.boot,
            cause: after.cause,
            last: after.last,
        }))
    })
}

fn code_of(proof: &Proof) -> Code {
    use lastword_client::ladder::Verdict;
    match proof.verdict {
        Verdict::Unreachable => Code::Timeout,
        Verdict::Rebooted | Verdict::NotRebooted | Verdict::UnknownBefore | Verdict::Quiet => {
            Code::Internal
        }
    }
}

/// Shows a failure on the desk.
pub(crate) fn desk_error(reader: Reader, notes: &Notes, code: Code, detail: &str) {
    if reader == Reader::Program {
        print_object(json::error(code, detail));
    } else {
        notes.line(&format!("lastword: {detail}"));
    }
}

/// A line of an answer that quotes files: what a terminal would act on is spelled out.
pub(crate) fn desk_line(text: &str) {
    line(&escape(text.as_bytes()));
}

/// An object for a program.
pub(crate) fn object(object: Map<String, Json>) {
    print_object(object);
}

/// A line of an answer.
pub(crate) fn line(line: &str) {
    print(&format!("{line}\n"));
}

fn print_object(object: Map<String, Json>) {
    let object = Json::Object(object).to_string();
    print(&format!("{}\n", JsonSafe(&object)));
}

fn print(text: &str) {
    let mut out = std::io::stdout();
    let written = out.write_all(text.replace("\r\n", "\n").as_bytes());
    // If nobody reads any more there is nobody to tell; the exit code still says what came of it.
    if let Err(error) = written.and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
        && !HAS_FAILED.swap(true, Ordering::Relaxed)
    {
        let why = format!("lastword: standard output cannot be written: {error}");
        Notes::default().line(&why);
    }
}

/// Returns whether something that was to be shown could not be written.
pub(crate) fn has_failed() -> bool {
    HAS_FAILED.load(Ordering::Relaxed)
}

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// What stands in front of a line that is pointed at.
const PROMPT: &str = "lastword";

/// Returns the items of a reply.
pub(crate) fn items(reply: &Reply) -> impl Iterator<Item = Item<'_>> {
    let page = match reply {
        Reply::Items(page) => Some(page),
        _ => None,
    };
    page.into_iter().flat_map(Page::items)
}
