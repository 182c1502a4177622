//! Whom a service runs as.

use super::explain;
use nix::unistd::{Gid, Uid, geteuid, getgrouplist};
use rustix::thread::{CapabilitySet, capabilities};
use std::ffi::CString;
use std::io;
use std::path::PathBuf;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: Uid,
    /// The first group.
    pub gid: Gid,
    /// All groups, the first among them.
    pub groups: Vec<Gid>,
    /// The home directory.
    pub home: PathBuf,
    /// The shell.
    pub shell: PathBuf,
}

impl User {
    /// Looks a user up by name. It may wait for a directory service.
    ///
    /// # Errors
    ///
    /// If there is no such user, or the list of users cannot be read.
    pub fn find(name: &str) -> io::Result<Self> {
        let failed =
            |error: nix::Error| explain(format!("cannot look up user {name}"), &error.into());
        let Some(found) = nix::unistd::User::from_name(name).map_err(failed)? else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no such user: {name}; add one or correct `user`"),
            ));
        };
        let groups = getgrouplist(&CString::new(name)?, found.gid).map_err(failed)?;
        Ok(Self {
            name: found.name,
            uid: found.uid,
            gid: found.gid,
            groups,
            home: found.dir,
            shell: found.shell,
        })
    }

    /// Says why this process can run nothing as that user, if it cannot.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
        if self.is_current() || capabilities(None).is_ok_and(|it| it.effective.contains(needed)) {
            return None;
        }
        let name = &self.name;
        Some(format!(
            "user {} may not become {name} (CAP_SETUID, CAP_SETGID); run the agent as root or as {name}, or \
             remove `user`",
            geteuid()
        ))
    }

    /// Whether this process runs as that user already, so that there is nothing to change.
    pub(super) fn is_current(&self) -> bool {
        let current = geteuid();
        !current.is_root() && current == self.uid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_a_missing_one_is_named() {
        let root = User::find("root").expect("every machine has one");
        assert_eq!(root.uid, Uid::from_raw(0));
        assert!(root.groups.contains(&root.gid));
        let error = User::find("nobody-of-that-name").expect_err("nobody");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("nobody-of-that-name"), "{error}");
    }
}
