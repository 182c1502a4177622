//! What the host must have before a virtual board can run, and how to get it.

use super::command_line::QEMU;
use super::{Network, ProgramError, program};

/// Why [`install`] could not install.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This process may not install packages, or the host is not a Debian.
    #[error("this host lacks {}; run: {command}", .packages.join(", "))]
    ByHand {
        /// The Debian packages.
        packages: Vec<String>,
        /// The exact command for a Debian with sudo.
        command: String,
    },
    /// The package manager failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// Returns the Debian packages that a board on `network` needs and this host lacks; empty if it can
/// run.
#[must_use]
pub fn missing(network: Network) -> Vec<&'static str> {
    missing_with(network, |name| program::find(name).is_some())
}

/// Installs `packages` as root on a Debian; does nothing for none. Blocks for as long as the
/// download takes.
///
/// # Errors
///
/// [`InstallError::ByHand`] with the command to run where this process may not install,
/// [`InstallError::Program`] if the package manager fails.
pub fn install(packages: &[&str]) -> Result<(), InstallError> {
    if packages.is_empty() {
        return Ok(());
    }
    if !is_root() || program::find("apt-get").is_none() {
        return Err(InstallError::ByHand {
            packages: packages.iter().map(ToString::to_string).collect(),
            command: format!(
                "sudo apt-get update && sudo apt-get {} {}",
                INSTALL.join(" "),
                packages.join(" ")
            ),
        });
    }
    update_package_lists()?;
    let mut install = program::command("apt-get")?;
    program::output(
        install
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(INSTALL)
            .args(packages),
    )?;
    Ok(())
}

/// Refreshes the host's package lists, which a new machine does not have.
///
/// # Errors
///
/// [`ProgramError`], among others for everybody but root.
pub(super) fn update_package_lists() -> Result<(), ProgramError> {
    program::output(program::command("apt-get")?.arg("update")).map(drop)
}

/// Returns whether this process may install packages.
pub(super) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Returns what to do when `program` is missing, for the end of an error message.
pub(super) fn remedy(program: &str) -> String {
    match REQUIREMENTS
        .iter()
        .find(|requirement| requirement.program == program)
    {
        Some(requirement) => format!(
            "run: sudo apt-get install --no-install-recommends {}",
            requirement.package
        ),
        None => "the virtual board's image is made of Debian packages, on a Debian host".to_owned(),
    }
}

fn missing_with(network: Network, installed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let needed = REQUIREMENTS
        .iter()
        .filter(|requirement| network == Network::Tap || !requirement.only_for_tap);
    needed
        .filter(|requirement| !installed(requirement.program))
        .map(|requirement| requirement.package)
        .collect()
}

/// A program and the package that brings it.
struct Requirement {
    program: &'static str,
    package: &'static str,
    only_for_tap: bool,
}

const REQUIREMENTS: [Requirement; 3] = [
    Requirement {
        program: QEMU,
        package: "qemu-system-x86",
        only_for_tap: false,
    },
    Requirement {
        program: "mke2fs",
        package: "e2fsprogs",
        only_for_tap: false,
    },
    Requirement {
        program: "ip",
        package: "iproute2",
        only_for_tap: true,
    },
];

const INSTALL: [&str; 3] = ["install", "--no-install-recommends", "-y"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: Network, installed: &[&str], expected: &[&str]) {
        assert_eq!(
            missing_with(network, |name| installed.contains(&name)),
            expected,
            "with {installed:?}"
        );
    }

    #[test]
    fn what_is_installed_is_not_asked_for() {
        check(Network::User, &[], &["qemu-system-x86", "e2fsprogs"]);
        check(Network::User, &["mke2fs"], &["qemu-system-x86"]);
        check(Network::User, &["mke2fs", "qemu-system-x86_64"], &[]);
    }

    #[test]
    fn only_a_tap_needs_ip() {
        check(
            Network::Tap,
            &["mke2fs", "qemu-system-x86_64"],
            &["iproute2"],
        );
        check(Network::Tap, &["mke2fs", "qemu-system-x86_64", "ip"], &[]);
    }

    #[test]
    fn installing_nothing_asks_nobody() {
        install(&[]).unwrap();
    }

    #[test]
    fn a_missing_program_is_answered_with_its_package() {
        assert!(remedy("mke2fs").ends_with(" e2fsprogs"));
        assert!(remedy("dpkg").contains("Debian host"));
    }
}
