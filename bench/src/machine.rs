//! What the figures were measured on.

use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// A machine and its tools.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The CPU's name.
    pub cpu: String,
    /// How many CPUs there are.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// The date, in UTC.
    pub date: String,
    /// The commit that is checked out, with a `-dirty` behind it if something was changed.
    pub commit: String,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    ///
    /// If it does not say.
    pub fn this() -> Result<Self> {
        let cpu_info = fs::read_to_string("/proc/cpuinfo")?;
        let named = cpu_info
            .lines()
            .find_map(|it| it.strip_prefix("model name"));
        let cpu = named.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            rustc: said("rustc", &["--version"])?,
            date: said("date", &["-u", "+%Y-%m-%d"])?,
            commit: said(
                "git",
                &["describe", "--always", "--dirty", "--exclude", "*"],
            )?,
        })
    }
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The version of a package in this crate's lock file.
///
/// # Errors
///
/// If it is not locked.
pub fn locked(package: &str) -> Result<String> {
    version_in(include_str!("../Cargo.lock"), package)
        .map(str::to_owned)
        .with_context(|| format!("{package} is not in the lock file"))
}

fn version_in<'l>(lock: &'l str, package: &str) -> Option<&'l str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_behind_the_name() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\n\
                    version = \"2.0.1\"\n";
        assert_eq!(version_in(lock, "a"), Some("2.0.1"));
        assert_eq!(version_in(lock, "b"), None);
    }

    #[test]
    fn the_peers_are_locked() {
        for peer in ["ergot", "postcard-rpc"] {
            assert!(locked(peer).is_ok(), "{peer}");
        }
    }
}
