//! `lastword gen keygen | build | inspect | diff | verify`: generations on the desk. No board is asked.

mod arguments;
mod build;
mod compare;
mod inspect;
mod keys;

use crate::Exit;
use crate::notes::Notes;
use crate::report::{self, Reader};
use lastword_generation::archive::GenerationArchive;
use lastword_protocol::refusal::Code;
use serde_json::{Map, Value as Json};
use std::fmt::Display;
use std::path::Path;

pub(crate) use arguments::GenerationCommand;

/// A failure on the desk: its code, its description, and the exit code.
type DeskError = (Code, String, Exit);

/// Runs a command.
pub(crate) fn run(command: &GenerationCommand, json: bool) -> Exit {
    let reader = Reader::of(json);
    let done = match command {
        GenerationCommand::Keygen(options) => keys::keygen(options, reader),
        GenerationCommand::Build(options) => build::build(options, reader),
        GenerationCommand::Inspect(options) => inspect::inspect(options, reader),
        GenerationCommand::Diff(options) => compare::diff(options, reader),
        GenerationCommand::Verify(options) => inspect::verify(options, reader),
    };
    match done {
        Ok(()) => Exit::Done,
        Err((code, detail, exit)) => {
            report::desk_error(reader, &Notes::default(), code, &detail);
            exit
        }
    }
}

/// Opens the file of a generation.
fn open(path: &Path) -> Result<GenerationArchive, DeskError> {
    GenerationArchive::open(path).map_err(|error| invalid(path, error))
}

/// Something that was given is wrong: the check failed.
fn invalid(path: &Path, error: impl Display) -> DeskError {
    let detail = format!("{}: {error}", path.display());
    (Code::BadValue, detail, Exit::No)
}

/// Something cannot be read or written.
fn unusable(path: &Path, error: impl Display) -> DeskError {
    let detail = format!("{}: {error}", path.display());
    (Code::BadValue, detail, Exit::Usage)
}

/// Shows rows to a person or a script, an object to a program.
fn tell(reader: Reader, rows: impl IntoIterator<Item = String>, object: Map<String, Json>) {
    if reader == Reader::Program {
        return report::object(object);
    }
    for row in rows {
        report::desk_line(&row);
    }
}

/// An object of these members.
fn object<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
