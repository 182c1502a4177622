//! `lastword gen keygen | build | inspect | diff | verify`: generations on the desk. No board is asked.

mod arguments;
mod build;
mod compare;
mod delta_cache;
mod inspect;
mod keys;
mod saved_terminal;
mod unfinished_file;

use crate::Exit;
use crate::notes::Notes;
use crate::report::{self, Reader};
use crate::signals;
use lastword_generation::archive::{ArchiveError, GenerationArchive};
use lastword_protocol::refusal::Code;
use saved_terminal::SavedTerminal;
use serde_json::{Map, Value as Json};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use tokio::sync::oneshot;

pub(crate) use arguments::{GenerationCommand, ImportOptions, MoveOptions, PullOptions};
pub(crate) use build::{check_output, default_output};
pub(crate) use delta_cache::DeltaCache;
pub(crate) use unfinished_file::UnfinishedFile;

/// A failure on the desk: its code, its description, and the exit code.
pub(crate) type DeskError = (Code, String, Exit);

/// Runs a command, on a thread, so that a signal ends it where it waits for a password or packs a file.
pub(crate) async fn run(command: GenerationCommand, json: bool) -> Exit {
    let terminal = SavedTerminal::save();
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        // Whoever asked may wait for it no more.
        let _ = tell.send(carry_out(&command, json));
    });
    tokio::select! {
        // A prompt that a signal has interrupted fails, too.
        biased;
        exit = signals::end() => {
            terminal.restore();
            unfinished_file::remove();
            exit
        }
        exit = told => exit.unwrap_or(Exit::No),
    }
}

fn carry_out(command: &GenerationCommand, json: bool) -> Exit {
    let reader = Reader::of(json);
    let done = match command {
        GenerationCommand::Keygen(options) => keys::keygen(options, reader),
        GenerationCommand::Build(options) => build::build(options, reader),
        GenerationCommand::Inspect(options) => inspect::inspect(options, reader),
        GenerationCommand::Diff(options) => compare::diff(options, reader),
        GenerationCommand::Verify(options) => inspect::verify(options, reader),
        // They are orders to a board.
        GenerationCommand::Push(_) | GenerationCommand::Pull(_) | GenerationCommand::Import(_) => {
            Ok(())
        }
    };
    match done {
        Ok(()) => Exit::Done,
        Err((code, detail, exit)) => {
            report::desk_error(reader, &Notes::default(), code, &detail);
            exit
        }
    }
}

/// Removes the file that is being written, if there is one.
pub(crate) fn remove_unfinished() {
    unfinished_file::remove();
}

/// Opens the file of a generation.
pub(crate) fn open(path: &Path) -> Result<GenerationArchive, DeskError> {
    let metadata = fs::metadata(path).map_err(|error| unusable(path, error))?;
    if !metadata.is_file() {
        return Err(unusable(path, "not a regular file"));
    }
    GenerationArchive::open(path).map_err(|error| match error {
        ArchiveError::Read(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unusable(path, error)
        }
        error => invalid(path, error),
    })
}

/// The largest key, password or description that is read, in bytes.
const TEXT_MAX_BYTES: u64 = 64 << 10;

/// Reads a small file, or a pipe.
fn read_text(path: &Path) -> Result<String, DeskError> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| unusable(path, error))?;
    let read = file.take(TEXT_MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| unusable(path, error))?;
    if text.len() as u64 > TEXT_MAX_BYTES {
        return Err(unusable(
            path,
            format!("larger than {TEXT_MAX_BYTES} bytes"),
        ));
    }
    Ok(text)
}

/// Something that was given is wrong: the check failed.
fn invalid(path: &Path, error: impl Display) -> DeskError {
    (Code::BadValue, describe(path, error), Exit::No)
}

/// Something cannot be read or written.
fn unusable(path: &Path, error: impl Display) -> DeskError {
    (Code::BadValue, describe(path, error), Exit::Usage)
}

/// Names a path and its fault, on one line: names of files may hold line ends.
fn describe(path: &Path, error: impl Display) -> String {
    format!("{}: {error}", path.display()).replace('\n', "\\n")
}

/// Shows rows to a person or a script, an object to a program.
pub(crate) fn tell(
    reader: Reader,
    rows: impl IntoIterator<Item = String>,
    object: Map<String, Json>,
) {
    if reader == Reader::Program {
        return report::object(object);
    }
    for row in rows {
        report::desk_line(&row);
    }
}

/// An object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
