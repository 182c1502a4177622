//! The files that make a kernel and a busybox a board; they live in `boards/linux`.

use crate::initrd::{Node, Tree};

/// One file that is put into an image, in place of an earlier one with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    path: String,
    contents: Vec<u8>,
    executable: bool,
}

impl GuestFile {
    /// Returns a file that is read; `path` is absolute, as the board sees it.
    pub fn text(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            contents: contents.into(),
            executable: false,
        }
    }

    /// Returns a file that is run; `path` is absolute, as the board sees it.
    pub fn program(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            contents: contents.into(),
            executable: true,
        }
    }

    /// Puts the file into `tree`.
    pub(crate) fn add_to(self, tree: &mut Tree) {
        tree.insert(
            &self.path,
            Node::File {
                contents: self.contents,
                executable: self.executable,
            },
        );
    }
}

/// Returns a tree with the directories and the files of `boards/linux`, without busybox, modules
/// and agent.
pub(crate) fn skeleton() -> Tree {
    let mut tree = Tree::default();
    for path in DIRECTORIES {
        tree.insert(path, Node::Directory);
    }
    for (path, contents) in PROGRAMS {
        GuestFile::program(path, contents).add_to(&mut tree);
    }
    for (path, contents) in TEXTS {
        GuestFile::text(path, contents).add_to(&mut tree);
    }
    tree
}

const DIRECTORIES: [&str; 10] = [
    "/dev",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr/bin",
    "/usr/sbin",
    "/var/lib/lastword",
];

const PROGRAMS: [(&str, &str); 3] = [
    ("/init", include_str!("../../../boards/linux/init")),
    ("/etc/rc", include_str!("../../../boards/linux/rc")),
    ("/etc/noise", include_str!("../../../boards/linux/noise")),
];

const TEXTS: [(&str, &str); 2] = [
    (
        "/etc/inittab",
        include_str!("../../../boards/linux/inittab"),
    ),
    (
        "/etc/lastword/agent.kdl",
        include_str!("../../../boards/linux/agent.kdl"),
    ),
];
