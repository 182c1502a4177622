//! The project's Rust files, in the working tree or at a commit, each with the package it belongs to.

use crate::cargo::root;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One Rust file.
pub(super) struct SourceFile {
    /// Relative to the workspace's root.
    pub(super) path: PathBuf,
    /// The directory of its package, relative to the same.
    pub(super) package: String,
    pub(super) text: String,
}

impl SourceFile {
    /// Returns the path within the package.
    pub(super) fn path_in_package(&self) -> &Path {
        self.path.strip_prefix(&self.package).unwrap_or(&self.path)
    }
}

/// Reads what git has or would add.
///
/// # Errors
///
/// Git cannot be asked, or a file is not readable.
pub(super) fn read_working_tree() -> Result<Vec<SourceFile>> {
    let list = git(&["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let names = list.lines().filter(|name| root().join(name).exists());
    let names: Vec<_> = names.map(ToOwned::to_owned).collect();
    let texts = source_names(&names).map(|name| {
        let text = fs::read_to_string(root().join(name));
        Ok((name, text.with_context(|| format!("cannot read {name}"))?))
    });
    with_packages(&names, texts)
}

/// Reads what a commit has.
///
/// # Errors
///
/// Git does not have the commit, or a file is not UTF-8.
pub(super) fn read_commit(commit: &str) -> Result<Vec<SourceFile>> {
    let list = git(&["ls-tree", "-r", "--name-only", commit])?;
    let names: Vec<_> = list.lines().map(ToOwned::to_owned).collect();
    let wanted: Vec<&str> = source_names(&names).collect();
    let texts = blobs(commit, &wanted)?;
    with_packages(&names, wanted.into_iter().zip(texts).map(Ok))
}

/// Returns git's answer.
///
/// # Errors
///
/// Git is not there, or says no.
pub(super) fn git(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    let output = command.current_dir(root()).args(arguments).output();
    let output = output.context("cannot run git")?;
    ensure!(
        output.status.success(),
        "git {} failed",
        arguments.join(" ")
    );
    String::from_utf8(output.stdout).context("git's answer is not UTF-8")
}

fn source_names(names: &[String]) -> impl Iterator<Item = &str> {
    let names = names.iter().map(String::as_str);
    names.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "rs"))
}

fn with_packages<'a>(
    names: &[String],
    texts: impl Iterator<Item = Result<(&'a str, String)>>,
) -> Result<Vec<SourceFile>> {
    let packages: BTreeSet<_> = names
        .iter()
        .filter_map(|name| name.strip_suffix("/Cargo.toml"))
        .collect();
    texts
        .map(|text| {
            let (name, text) = text?;
            Ok(SourceFile {
                path: PathBuf::from(name),
                package: package_of(name, &packages).to_owned(),
                text,
            })
        })
        .collect()
}

/// Returns the nearest directory above the file that is a package's; "." if there is none.
fn package_of<'a>(name: &'a str, packages: &BTreeSet<&str>) -> &'a str {
    let folders = Path::new(name).ancestors().skip(1);
    folders
        .filter_map(Path::to_str)
        .find(|folder| packages.contains(folder))
        .unwrap_or(".")
}

/// Reads files of a commit, in the order of the names.
fn blobs(commit: &str, names: &[&str]) -> Result<Vec<String>> {
    let mut git = Command::new("git")
        .current_dir(root())
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let (Some(mut orders), Some(answers)) = (git.stdin.take(), git.stdout.take()) else {
        bail!("git has no pipes");
    };
    let mut answers = BufReader::new(answers);
    let mut texts = Vec::new();
    for name in names {
        writeln!(orders, "{commit}:{name}").context("git takes no more names")?;
        texts.push(blob(&mut answers).with_context(|| format!("cannot read {commit}:{name}"))?);
    }
    drop(orders);
    git.wait()?;
    Ok(texts)
}

/// Reads one answer of `git cat-file --batch`: `OBJECT blob BYTES`, the bytes, a line end.
fn blob(answers: &mut impl BufRead) -> Result<String> {
    let mut head = String::new();
    answers.read_line(&mut head)?;
    let length = head.split_whitespace().nth(2).context("not there")?;
    let mut text = vec![0; length.parse()?];
    answers.read_exact(&mut text)?;
    answers.read_exact(&mut [0])?;
    String::from_utf8(text).context("not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_nearest_package_above_it() {
        let packages = BTreeSet::from(["tests", "tests/fuzz"]);
        for (name, package) in [
            ("tests/src/a.rs", "tests"),
            ("tests/fuzz/src/a.rs", "tests/fuzz"),
            ("build.rs", "."),
        ] {
            assert_eq!(package_of(name, &packages), package, "{name}");
        }
    }

    #[test]
    fn a_blob_is_read_to_its_end_and_a_missing_one_is_an_error() {
        let mut answers = &b"1234 blob 3\na\nb\nHEAD:x missing\n"[..];
        assert_eq!(blob(&mut answers).unwrap(), "a\nb");
        assert!(blob(&mut answers).is_err());
    }
}
