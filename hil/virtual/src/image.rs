//! What every virtual board of one kind starts from: a kernel and the initrd with the agent.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::guest::{self, GuestFile};
use crate::initrd::{Node, Tree};
use crate::packages::Parts;
use crate::program::ProgramError;

/// A kernel and an initrd. Cheap to clone, and shared by any number of boards.
#[derive(Clone)]
pub struct Image {
    kernel: PathBuf,
    initrd: Arc<[u8]>,
}

impl fmt::Debug for Image {
    /// The initrd by its size: its bytes are ten megabytes in a test's failure.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let initrd_bytes = self.initrd.len();
        formatter
            .debug_struct("Image")
            .field("kernel", &self.kernel)
            .field("initrd_bytes", &initrd_bytes)
            .finish()
    }
}

/// Why an [`Image`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program of the host is missing or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The host's package lists do not have the kernel.
    #[error("the host's package lists have no board kernel; run: sudo apt-get update")]
    PackageLists,
    /// The packages do not have what a board needs.
    #[error("the downloaded packages have no {part}; the recipe has to follow the distribution")]
    Part {
        /// What is missing.
        part: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Image {
    /// Makes an image around the static x86-64 `agent` program; `files` are added, or replace.
    ///
    /// The first call downloads some 30 MB of Debian packages and keeps what it needs below
    /// `cache`; later calls take milliseconds and no network. Blocks either way.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the packages cannot be had or a file cannot be read.
    pub fn build(
        cache: &Path,
        agent: &Path,
        files: impl IntoIterator<Item = GuestFile>,
    ) -> Result<Self, ImageError> {
        let parts = Parts::obtain(cache)?;
        let mut tree = guest::skeleton();
        add_busybox(&mut tree, &parts)?;
        add_modules(&mut tree, &parts)?;
        GuestFile::program("/usr/sbin/lastwordd", read(agent)?).add_to(&mut tree);
        for guest_file in files {
            guest_file.add_to(&mut tree);
        }
        let initrd = file(cache, "pack an initrd for", tree.into_archive())?.into();
        Ok(Self {
            kernel: parts.kernel(),
            initrd,
        })
    }

    /// Returns the kernel's path.
    pub(crate) fn kernel(&self) -> &Path {
        &self.kernel
    }

    /// Returns the initrd's bytes.
    pub(crate) fn initrd(&self) -> &[u8] {
        &self.initrd
    }
}

/// Names the file and the action in the error of `result`.
pub(crate) fn file<T>(
    path: &Path,
    action: &'static str,
    result: io::Result<T>,
) -> Result<T, ImageError> {
    result.map_err(|source| ImageError::File {
        action,
        path: path.to_owned(),
        source,
    })
}

fn add_busybox(tree: &mut Tree, parts: &Parts) -> Result<(), ImageError> {
    GuestFile::program("/bin/busybox", read(&parts.busybox())?).add_to(tree);
    // The scripts name busybox themselves; this is for init, which needs a shell for any line
    // with a special character before the board has made its links.
    tree.insert("/bin/sh", Node::Link("busybox".to_owned()));
    Ok(())
}

fn add_modules(tree: &mut Tree, parts: &Parts) -> Result<(), ImageError> {
    let mut order = String::new();
    for path in parts.modules() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        GuestFile::text(format!("/lib/modules/{name}"), read(&path)?).add_to(tree);
        order.push_str(&name);
        order.push('\n');
    }
    GuestFile::text("/etc/modules", order).add_to(tree);
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    file(path, "read", fs::read(path))
}
