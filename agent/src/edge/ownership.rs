//! Who else could change a file that the agent trusts: one that runs programs by it, or writes into it.

use crate::core::service::catalog::SUFFIX;
use nix::unistd::geteuid;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Returns how somebody other than root and this agent's user could change a file or directory, and what to
/// do about it; `None` if nobody could. Members of root's group count as root.
#[must_use]
pub fn exposure(file: &Metadata) -> Option<String> {
    exposure_of(file, geteuid().as_raw())
}

fn exposure_of(file: &Metadata, own: u32) -> Option<String> {
    const GROUP_WRITE: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    if ![own, 0].contains(&file.uid()) {
        let owner = file.uid();
        return Some(format!(
            "it belongs to user {owner}; give it to user {own} (chown)"
        ));
    }
    let mode = file.mode() & 0o7777;
    let by_group = mode & GROUP_WRITE != 0 && file.gid() != 0;
    (by_group || mode & OTHERS_WRITE != 0)
        .then(|| format!("its mode is {mode:04o}, so others may write to it; chmod go-w"))
}

/// Returns the first directory above `path` in which somebody else could put another in its place, and how.
#[must_use]
pub fn exposed_parent(path: &Path) -> Option<(PathBuf, String)> {
    const STICKY: u32 = 0o1000;
    let parent = fs::canonicalize(path.parent()?).ok()?;
    parent.ancestors().find_map(|parent| {
        let directory = fs::metadata(parent).ok()?;
        // In a sticky directory only the owner of a file may rename it.
        let is_sticky =
            directory.mode() & STICKY != 0 && [geteuid().as_raw(), 0].contains(&directory.uid());
        let why = exposure(&directory).filter(|_| !is_sticky)?;
        Some((parent.to_owned(), why))
    })
}

/// Returns what decides which programs the agent runs, and could be changed by others: a line each for the
/// configuration, the directory of the service files, and those files. What is not there is not exposed.
#[must_use]
pub fn exposed_files(configuration: &Path, services: &Path) -> Vec<String> {
    let told = |path: &Path| {
        let why = exposure(&fs::metadata(path).ok()?)?;
        Some(format!("{}: {why}", path.display()))
    };
    let mut exposed: Vec<_> = told(configuration).into_iter().collect();
    if let Some(directory) = told(services) {
        exposed.push(directory);
        return exposed;
    }
    let entries = fs::read_dir(services).into_iter().flatten().flatten();
    let is_service = |path: &PathBuf| path.to_string_lossy().ends_with(SUFFIX);
    let mut files: Vec<_> = entries.map(|it| it.path()).filter(is_service).collect();
    files.sort();
    exposed.extend(files.iter().filter_map(|path| told(path)));
    exposed
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{Gid, Uid, chown};
    use std::os::unix::fs::PermissionsExt;

    #[track_caller]
    fn check(mode: u32, part: Option<&str>) {
        let directory = tempfile::tempdir().expect("a directory");
        // Another group than root's, where this user may give it one.
        let _ = chown(directory.path(), None, Some(Gid::from_raw(65_534)));
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).expect("ours");
        let metadata = fs::metadata(directory.path()).expect("there");
        if metadata.gid() == 0 {
            eprintln!("NOT SHOWN: another group than root's");
            return;
        }
        let found = exposure(&metadata);
        match part {
            Some(part) => assert!(
                found.as_ref().is_some_and(|it| it.contains(part)),
                "{mode:o}: {found:?}"
            ),
            None => assert_eq!(found, None, "{mode:o}"),
        }
    }

    #[test]
    fn what_only_its_owner_may_write_to_is_not_exposed() {
        check(0o700, None);
        check(0o755, None);
        check(0o1755, None);
        check(0o775, Some("0775"));
        check(0o707, Some("0707"));
        check(0o1777, Some("chmod go-w"));
    }

    #[test]
    fn a_directory_in_which_others_could_put_another_in_its_place_is_named() {
        for (mode, is_named) in [(0o755, false), (0o777, true), (0o1777, false)] {
            let directory = tempfile::tempdir().expect("a directory");
            let parent = directory.path().join("open");
            fs::create_dir_all(parent.join("a")).expect("ours");
            fs::set_permissions(&parent, fs::Permissions::from_mode(mode)).expect("ours");
            let found = exposed_parent(&parent.join("a/b"));
            let found = found.map(|(directory, _)| directory);
            assert_eq!(found, is_named.then_some(parent), "{mode:o}");
        }
    }

    #[test]
    fn what_belongs_to_another_user_is_exposed_and_roots_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let own = fs::metadata(directory.path()).expect("there");
        assert_eq!(exposure_of(&own, own.uid()), None);
        if !Uid::effective().is_root() {
            eprintln!("NOT SHOWN: files of other users; this needs root");
            return;
        }
        assert_eq!(exposure_of(&own, 1_000), None, "root's");
        chown(directory.path(), Some(Uid::from_raw(1_001)), None).expect("root may");
        let others = fs::metadata(directory.path()).expect("there");
        let told = exposure_of(&others, 1_000).expect("another user's");
        assert!(
            told.contains("user 1001") && told.contains("chown"),
            "{told}"
        );
    }
}
