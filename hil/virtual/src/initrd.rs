//! A tree of files and its cpio archive, the form in which the kernel takes its first file system.
//!
//! The archive is not compressed: the kernel takes it either way, and a board without KVM unpacks
//! slower than the host reads.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use cpio::NewcBuilder;
use cpio::newc::ModeFileType;

/// One thing in a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// What is in it.
        contents: Vec<u8>,
        /// Whether it is a program.
        executable: bool,
    },
    /// A symbolic link to this path.
    Link(String),
}

/// A file system by path, in an order in which directories precede what is in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// Puts `node` at `path`, in place of what was there, and makes the directories above it.
    ///
    /// A leading slash is left out: an archive's paths are relative.
    pub(crate) fn insert(&mut self, path: &str, node: Node) {
        let path = path.trim_start_matches('/');
        for (end, _) in path.match_indices('/') {
            self.nodes
                .entry(path[..end].to_owned())
                .or_insert(Node::Directory);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Returns the tree as a cpio archive of the `newc` form.
    ///
    /// # Errors
    ///
    /// An error of the writer, which memory does not give.
    pub(crate) fn into_archive(self) -> io::Result<Vec<u8>> {
        let entries = self.nodes.into_iter().map(|(path, node)| {
            let (file_type, permissions, contents) = node.into_parts();
            let entry = NewcBuilder::new(&path)
                .mode(permissions)
                .set_mode_file_type(file_type);
            (entry, Cursor::new(contents))
        });
        cpio::write_cpio(entries, Vec::new())
    }
}

impl Node {
    fn into_parts(self) -> (ModeFileType, u32, Vec<u8>) {
        match self {
            Self::Directory => (ModeFileType::Directory, 0o755, Vec::new()),
            Self::File {
                contents,
                executable: true,
            } => (ModeFileType::Regular, 0o755, contents),
            Self::File {
                contents,
                executable: false,
            } => (ModeFileType::Regular, 0o644, contents),
            Self::Link(target) => (ModeFileType::Symlink, 0o777, target.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an archive back as (name, mode, contents).
    fn listed(archive: Vec<u8>) -> Vec<(String, u32, Vec<u8>)> {
        let mut reader = cpio::NewcReader::new(Cursor::new(archive)).unwrap();
        let mut entries = Vec::new();
        while !reader.entry().is_trailer() {
            let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
            let mut contents = Vec::new();
            let rest = reader.to_writer(&mut contents).unwrap();
            entries.push((name, mode, contents));
            reader = cpio::NewcReader::new(rest).unwrap();
        }
        entries
    }

    #[test]
    fn directories_come_before_what_is_in_them() {
        let mut tree = Tree::default();
        tree.insert(
            "/etc/lastword/agent.kdl",
            Node::File {
                contents: b"name".to_vec(),
                executable: false,
            },
        );
        tree.insert("/bin/sh", Node::Link("busybox".to_owned()));
        tree.insert(
            "/init",
            Node::File {
                contents: b"#!".to_vec(),
                executable: true,
            },
        );
        let expected = [
            ("bin", 0o040_755, ""),
            ("bin/sh", 0o120_777, "busybox"),
            ("etc", 0o040_755, ""),
            ("etc/lastword", 0o040_755, ""),
            ("etc/lastword/agent.kdl", 0o100_644, "name"),
            ("init", 0o100_755, "#!"),
        ];
        let expected =
            expected.map(|(name, mode, text)| (name.to_owned(), mode, text.as_bytes().to_vec()));
        assert_eq!(listed(tree.into_archive().unwrap()), expected);
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one() {
        let mut tree = Tree::default();
        for text in ["old", "new"] {
            tree.insert(
                "/a",
                Node::File {
                    contents: text.as_bytes().to_vec(),
                    executable: false,
                },
            );
        }
        assert_eq!(
            listed(tree.into_archive().unwrap()),
            [("a".to_owned(), 0o100_644, b"new".to_vec())]
        );
    }
}
