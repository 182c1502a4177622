//! The parts of a board that come from Debian packages: a kernel, its modules and a busybox.
//!
//! The packages are downloaded and unpacked, never installed. What a board needs of them is kept;
//! to get newer ones, delete the directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::image::ImageError;
use crate::program::{self, ProgramError};
use crate::{image, kernel, prerequisites};

/// A directory with the parts.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    directory: PathBuf,
}

impl Parts {
    /// Returns the parts kept below `cache`, downloading them the first time. Blocks meanwhile.
    ///
    /// Safe to call from several processes at once: the first to finish wins.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the host's package tools or the file system refuse.
    pub(crate) fn obtain(cache: &Path) -> Result<Self, ImageError> {
        image::file(cache, "make the directory", fs::create_dir_all(cache))?;
        // Absolute, because QEMU runs in the board's directory.
        let cache = &image::file(cache, "resolve", fs::canonicalize(cache))?;
        let parts = Self {
            directory: cache.join(PARTS),
        };
        if parts.directory.is_dir() {
            return Ok(parts);
        }
        let scratch = image::file(cache, "make a directory in", tempfile::tempdir_in(cache))?;
        download(scratch.path())?;
        let unpacked = unpack(scratch.path())?;
        let fresh = collect(&unpacked, &scratch.path().join("parts"))?;
        // Fails if another process was faster, and then its parts are as good.
        let kept = fs::rename(fresh, &parts.directory);
        if !parts.directory.is_dir() {
            image::file(&parts.directory, "make the directory", kept)?;
        }
        Ok(parts)
    }

    /// Returns the kernel's path.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.directory.join(KERNEL)
    }

    /// Returns the path of a static busybox.
    pub(crate) fn busybox(&self) -> PathBuf {
        self.directory.join(BUSYBOX)
    }

    /// Returns the paths of the modules that are not built into the kernel, in loading order.
    ///
    /// They end in `.ko` or, compressed, in `.ko.xz`, as the kernel's package had them.
    pub(crate) fn modules(&self) -> Vec<PathBuf> {
        let named = |name: &&str| module_in(&self.directory.join(MODULE_DIRECTORY), name);
        MODULES.iter().filter_map(named).collect()
    }
}

/// Downloads the packages into `directory`, refreshing stale package lists where this is allowed.
fn download(directory: &Path) -> Result<(), ImageError> {
    let first = download_once(directory);
    if first.is_ok() || !prerequisites::is_root() {
        return first;
    }
    prerequisites::update_package_lists()?;
    download_once(directory)
}

fn download_once(directory: &Path) -> Result<(), ImageError> {
    let dependencies =
        program::output(program::command("apt-cache")?.args(["depends", KERNEL_PACKAGE]));
    // An unknown package is a failure of apt-cache; it says nothing that helps.
    let kernel = versioned(&dependencies.unwrap_or_default()).ok_or(ImageError::PackageLists)?;
    let mut get = program::command("apt-get")?;
    get.current_dir(directory)
        .args(["download", &kernel, BUSYBOX_PACKAGE]);
    // As root, apt would download as another user, who cannot write here, and complain.
    program::output(get.args(["-o", "APT::Sandbox::User=root"]))?;
    Ok(())
}

/// Returns the kernel package that `apt-cache depends` names for the one that only depends on it.
fn versioned(dependencies: &str) -> Option<String> {
    let depended = dependencies
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    depended
        .map(str::to_owned)
        .find(|package| package.starts_with("linux-image-"))
}

/// Unpacks all packages of `directory` into one tree and returns it.
fn unpack(directory: &Path) -> Result<PathBuf, ImageError> {
    let tree = directory.join("tree");
    for package in image::file(directory, "list", files_below(directory))? {
        if package
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            unpack_one(&package, &tree)?;
        }
    }
    Ok(tree)
}

fn unpack_one(package: &Path, tree: &Path) -> Result<(), ProgramError> {
    program::output(program::command("dpkg")?.arg("-x").arg(package).arg(tree)).map(drop)
}

/// Copies what a board needs from the packages' `tree` into the new directory `parts`.
fn collect(tree: &Path, parts: &Path) -> Result<PathBuf, ImageError> {
    let files = image::file(tree, "list", files_below(tree))?;
    let kernel = files
        .iter()
        .find(|path| file_name(path).starts_with("vmlinuz-"));
    let busybox = files.iter().find(|path| file_name(path) == BUSYBOX);
    let (Some(kernel), Some(busybox)) = (kernel, busybox) else {
        return Err(ImageError::Part {
            part: "kernel or busybox".to_owned(),
        });
    };
    let modules = parts.join(MODULE_DIRECTORY);
    image::file(&modules, "make the directory", fs::create_dir_all(&modules))?;
    keep_kernel(kernel, &parts.join(KERNEL))?;
    image::file(busybox, "copy", fs::copy(busybox, parts.join(BUSYBOX)))?;
    let builtin = built_in(&files)?;
    for name in MODULES {
        match files.iter().find(|path| is_module(&file_name(path), name)) {
            Some(module) => {
                image::file(
                    module,
                    "copy",
                    fs::copy(module, modules.join(file_name(module))),
                )?;
            }
            None if builtin
                .lines()
                .any(|line| is_module(&file_name(Path::new(line)), name)) => {}
            None => {
                return Err(ImageError::Part {
                    part: format!("kernel module {name}"),
                });
            }
        }
    }
    Ok(parts.to_owned())
}

/// Keeps the kernel in the form that boots fastest.
fn keep_kernel(packaged: &Path, kept: &Path) -> Result<(), ImageError> {
    let boot_image = image::file(packaged, "read", fs::read(packaged))?;
    let kernel = kernel::unpacked(&boot_image).unwrap_or(boot_image);
    image::file(kept, "write", fs::write(kept, kernel))
}

/// Returns the kernel's list of the modules that are part of it, one path a line.
fn built_in(files: &[PathBuf]) -> Result<String, ImageError> {
    match files
        .iter()
        .find(|path| file_name(path) == "modules.builtin")
    {
        Some(path) => image::file(path, "read", fs::read_to_string(path)),
        None => Ok(String::new()),
    }
}

fn module_in(directory: &Path, name: &str) -> Option<PathBuf> {
    let paths = ENDINGS.map(|ending| directory.join(format!("{name}{ending}")));
    paths.into_iter().find(|path| path.is_file())
}

fn is_module(file_name: &str, name: &str) -> bool {
    file_name
        .strip_prefix(name)
        .is_some_and(|ending| ENDINGS.contains(&ending))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn files_below(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";
const BUSYBOX_PACKAGE: &str = "busybox-static";

/// Where the parts are below the cache. Another name for another content.
const PARTS: &str = "board-parts";

const KERNEL: &str = "kernel";
const BUSYBOX: &str = "busybox";
const MODULE_DIRECTORY: &str = "modules";

const ENDINGS: [&str; 2] = [".ko", ".ko.xz"];

/// What the disk and the network need; each after what it depends on.
const MODULES: [&str; 9] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A package tree with every module but `without`, compressed or not, and that one built in or
    /// not.
    fn tree(without: Option<&str>, ending: &str, builtin: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let kernel = tree.path().join("lib/modules/6.1/kernel");
        fs::create_dir_all(&kernel).unwrap();
        for name in MODULES.iter().filter(|name| Some(**name) != without) {
            fs::write(kernel.join(format!("{name}{ending}")), name).unwrap();
        }
        fs::write(tree.path().join("lib/modules/6.1/modules.builtin"), builtin).unwrap();
        fs::write(tree.path().join("vmlinuz-6.1"), "kernel").unwrap();
        fs::write(tree.path().join("busybox"), "busybox").unwrap();
        tree
    }

    #[track_caller]
    fn check(tree: &tempfile::TempDir, expected: Result<(usize, &str), &str>) {
        let found = collect(tree.path(), &tree.path().join("parts"));
        let found = found.map(|directory| Parts { directory }.modules());
        match (found, expected) {
            (Ok(modules), Ok((count, first))) => {
                assert_eq!((modules.len(), &*file_name(&modules[0])), (count, first));
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{found:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn the_versioned_kernel_is_the_one_depended_on() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(
            versioned(text).as_deref(),
            Some("linux-image-6.1.0-56-cloud-amd64")
        );
        assert_eq!(versioned("linux-image-cloud-amd64\n"), None);
    }

    #[test]
    fn modules_are_taken_as_the_package_has_them() {
        check(&tree(None, ".ko", ""), Ok((9, "virtio_ring.ko")));
        check(&tree(None, ".ko.xz", ""), Ok((9, "virtio_ring.ko.xz")));
    }

    #[test]
    fn a_module_may_be_built_in_but_not_absent() {
        let builtin = "kernel/drivers/virtio/virtio_ring.ko\n";
        check(
            &tree(Some("virtio_ring"), ".ko", builtin),
            Ok((8, "virtio.ko")),
        );
        check(
            &tree(Some("virtio_ring"), ".ko", ""),
            Err("kernel module virtio_ring"),
        );
    }
}
