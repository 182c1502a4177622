//! Any bytes as lines, and any line as a command.
//!
//! - Reading a line never panics. What is wrong is said of whole characters of the line, and what
//!   is suggested is in the table.
//! - What takes the board down was spelled out: its words stand in the line, which is taken apart
//!   here a second time and more simply; and it is the last of at most four commands.
//! - However a stream is cut, it gives the same lines and the same echo.
//! - A script's line is what was sent between two line ends, and nothing else.
//! - Of a line that is too long nothing runs, and the next line works.

mod cut;
mod spelled;

use crate::input::Bytes;
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_shell::commands::ALL;
use lastword_shell::{
    Action, Dialect, MAX_STEPS, Medium, ParseError, Rules, Script, Want, parse, plain, term,
};

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Bytes::new(data);
    let setup = input.byte();
    let medium = [Medium::Stream, Medium::Serial { baud: 9_600 }][usize::from(setup & 1)];
    let dialect = [Dialect::Plain, Dialect::Term][usize::from(setup >> 1 & 1)];
    let stream = input.rest();
    check_line(leading_text(stream), dialect);
    cut::check(medium, stream, setup >> 2);
}

fn leading_text(bytes: &[u8]) -> &str {
    let end = match str::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.valid_up_to(),
    };
    str::from_utf8(&bytes[..end]).unwrap_or_default()
}

/// Reads a line and checks what comes of it.
fn check_line(line: &str, dialect: Dialect) {
    match parse(line, Rules::new(ALL, dialect)) {
        Ok(script) => check_script(line, dialect, &script),
        Err(error) => check_error(line, &error),
    }
}

fn check_script(line: &str, dialect: Dialect, script: &Script) {
    assert!(script.steps.len() <= MAX_STEPS);
    for (index, step) in script.steps.iter().enumerate() {
        assert!(ALL.iter().any(|known| known == step.command), "{step:?}");
        let Some(asked) = power_of(&step.action) else {
            continue;
        };
        assert_eq!(index + 1, script.steps.len(), "{line:?}: not the last word");
        let words = spelled::last_command(line);
        assert!(
            spelled::asks_for(&words, &asked, dialect),
            "{line:?} does not say {asked:?}"
        );
    }
}

/// What takes the board down, in the one typed form.
fn power_of(action: &Action) -> Option<PowerRequest> {
    let asked = match action {
        Action::Request(Request::Power(asked)) => Some(asked.clone()),
        Action::Request(Request::Reboot) => Some(PowerRequest::plain(Operation::Reboot)),
        Action::Request(Request::Shutdown) => Some(PowerRequest::plain(Operation::Shutdown)),
        _ => None,
    };
    assert_eq!(asked.is_some(), action.is_power(), "{action:?}");
    asked
}

fn check_error(line: &str, error: &ParseError<'_>) {
    let fault = &error.fault;
    let end = fault.at + fault.len;
    assert!(line.get(fault.at..end).is_some(), "{line:?}: {fault:?}");
    assert_eq!(error.got(), &line[fault.at..end]);
    assert!(!fault.message.is_empty());
    if let Want::Word(word) = fault.want {
        assert!(is_in_table(word), "{line:?}: {fault:?}");
    }
    let mut said = String::new();
    plain::parse_error(&mut said, error).expect("a string takes everything");
    let text = said.strip_suffix('\n').expect("a whole line");
    assert!(text.starts_with("err "), "{said:?}");
    assert!(!text.contains(char::is_control), "{said:?}");
    said.clear();
    term::parse_error(&mut said, "board1", error).expect("a string takes everything");
    assert!(!said.contains('\x1b'), "{said:?}");
}

fn is_in_table(word: &str) -> bool {
    ALL.iter().any(|command| {
        let mut options = command.options.iter();
        command.path.split(' ').any(|known| known == word)
            || options.any(|option| option.name == word)
    })
}
