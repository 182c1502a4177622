//! The calls, in the agent's core and in its trees of generations, that make something durable or visible: as their source has
//! them.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// The operations of `Storage` that a mutant can leave out.
const OPERATIONS: [&str; 3] = [".sync(", ".rename(", ".sync_names("];

/// The files whose calls are watched in a real directory.
const TREE_FILES: [&str; 3] = [
    "agent/src/edge/generations/trees.rs",
    "agent/src/edge/generations/trees/build.rs",
    "agent/src/edge/generation_link.rs",
];
/// The calls that they make for it, and those that nobody could watch.
const TREE_OPERATIONS: [&str; 7] = [
    "durable_calls::",
    "self.sync_names(",
    "fs::rename(",
    "renameat",
    ".sync_all(",
    ".sync_data(",
    "exchange(",
];

/// A call in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceCall {
    /// The path from the root of the project.
    pub(super) file: String,
    pub(super) line: u32,
}

impl fmt::Display for SourceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call at {}:{}", self.file, self.line)
    }
}

/// Returns every such call in the agent's core, its tests apart.
pub(super) fn of_the_core() -> io::Result<Vec<SourceCall>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut calls = Vec::new();
    find(&root, Path::new("agent/src/core"), &mut calls)?;
    Ok(calls)
}

fn find(root: &Path, directory: &Path, calls: &mut Vec<SourceCall>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            find(root, &path, calls)?;
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let source = fs::read_to_string(entry.path())?;
            let file = path.to_string_lossy();
            calls.extend(calls_of(&file, &source, &OPERATIONS));
        }
    }
    Ok(())
}

/// Returns every such call of the trees and of the link.
pub(super) fn of_the_trees() -> io::Result<Vec<SourceCall>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut calls = Vec::new();
    for file in TREE_FILES {
        let source = fs::read_to_string(root.join(file))?;
        calls.extend(calls_of(file, &source, &TREE_OPERATIONS));
    }
    Ok(calls)
}

fn calls_of<'s>(
    file: &'s str,
    source: &'s str,
    operations: &'s [&str],
) -> impl Iterator<Item = SourceCall> + 's {
    let code = source.lines().take_while(|line| *line != "mod tests {");
    let is_call = |line: &str| operations.iter().any(|it| line.contains(it));
    let numbered = (1..).zip(code).filter(move |(_, line)| is_call(line));
    numbered.map(|(line, _)| SourceCall {
        file: file.to_owned(),
        line,
    })
}
