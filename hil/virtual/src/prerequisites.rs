//! What the host must have before a virtual board can run, and how to get it.

use crate::{Network, ProgramError, command_line, mcu, program};

/// A board that is to run on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A Linux board on such a network.
    Linux(Network),
    /// A microcontroller board.
    Mcu,
}

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

/// Returns the Debian packages that the board needs and this host lacks; empty if it can run.
#[must_use]
pub fn missing(wanted: Wanted) -> Vec<&'static str> {
    missing_with(wanted, |name| program::find(name).is_some())
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
pub(crate) fn update_package_lists() -> Result<(), ProgramError> {
    program::output(program::command("apt-get")?.arg("update")).map(drop)
}

/// Returns whether this process may install packages.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Returns what to do when `program` is missing, for the end of an error message.
pub(crate) fn remedy(program: &str) -> String {
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

fn missing_with(wanted: Wanted, installed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let needed = REQUIREMENTS
        .iter()
        .filter(|requirement| requirement.needed_by.contains(&wanted));
    needed
        .filter(|requirement| !installed(requirement.program))
        .map(|requirement| requirement.package)
        .collect()
}

/// A program and the package that brings it.
struct Requirement {
    program: &'static str,
    package: &'static str,
    needed_by: &'static [Wanted],
}

const LINUX_WITH_USER_NETWORK: Wanted = Wanted::Linux(Network::User);
const LINUX_WITH_TAP: Wanted = Wanted::Linux(Network::Tap);

const REQUIREMENTS: [Requirement; 4] = [
    Requirement {
        program: command_line::QEMU,
        package: "qemu-system-x86",
        needed_by: &[LINUX_WITH_USER_NETWORK, LINUX_WITH_TAP],
    },
    Requirement {
        program: "mke2fs",
        package: "e2fsprogs",
        needed_by: &[LINUX_WITH_USER_NETWORK, LINUX_WITH_TAP],
    },
    Requirement {
        program: "ip",
        package: "iproute2",
        needed_by: &[LINUX_WITH_TAP],
    },
    Requirement {
        program: mcu::QEMU,
        package: "qemu-system-arm",
        needed_by: &[Wanted::Mcu],
    },
];

const INSTALL: [&str; 3] = ["install", "--no-install-recommends", "-y"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: Wanted, installed: &[&str], expected: &[&str]) {
        assert_eq!(
            missing_with(wanted, |name| installed.contains(&name)),
            expected,
            "{wanted:?} with {installed:?}"
        );
    }

    #[test]
    fn what_is_installed_is_not_asked_for() {
        let wanted = LINUX_WITH_USER_NETWORK;
        check(wanted, &[], &["qemu-system-x86", "e2fsprogs"]);
        check(wanted, &["mke2fs"], &["qemu-system-x86"]);
        check(wanted, &["mke2fs", "qemu-system-x86_64"], &[]);
    }

    #[test]
    fn only_a_tap_needs_ip() {
        let installed = ["mke2fs", "qemu-system-x86_64"];
        check(LINUX_WITH_TAP, &installed, &["iproute2"]);
        check(LINUX_WITH_TAP, &["mke2fs", "qemu-system-x86_64", "ip"], &[]);
    }

    #[test]
    fn only_a_microcontroller_needs_an_arm() {
        check(Wanted::Mcu, &[], &["qemu-system-arm"]);
        check(Wanted::Mcu, &["qemu-system-arm"], &[]);
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
