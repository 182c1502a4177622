//! Directories in which something is not as it should be: the rest is read all the same.

use super::*;
use crate::core::service::Name;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::Instant;

/// A directory with two services.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["a", "z"] {
        let path = directory.path().join(format!("{name}.kdl"));
        fs::write(path, "command \"true\"").expect("a file");
    }
    directory
}

/// `told`: what is said of everything but the two services, `@` for the directory.
#[track_caller]
fn check(directory: &Path, told: &[&str]) -> Catalog {
    let begun = begun();
    let mut files = ServiceFiles::new(directory.to_owned());
    files.limit = Duration::from_mins(1);
    let catalog = files.read().catalog();
    assert!(begun.elapsed() < files.limit, "nothing was waited for");
    let names: Vec<_> = catalog.services.keys().map(Name::as_str).collect();
    assert_eq!(names, ["a", "z"], "{catalog:?}");
    let flaws = catalog.broken.iter().flat_map(|broken| &broken.flaws);
    let here = directory.display().to_string();
    let flaws: Vec<_> = flaws
        .map(|flaw| flaw.to_string().replace(&here, "@"))
        .collect();
    assert_eq!(flaws, told);
    catalog
}

#[expect(clippy::disallowed_methods, reason = "a test that measures")]
fn begun() -> Instant {
    Instant::now()
}

#[test]
fn what_is_no_regular_file_is_told_and_the_others_are_read() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    mkfifo(&path("b.kdl"), Mode::S_IRWXU).expect("a FIFO");
    symlink("/dev/zero", path("c.kdl")).expect("a link");
    fs::create_dir(path("d.kdl")).expect("a directory");
    let _socket = UnixListener::bind(path("e.kdl")).expect("a socket");
    symlink("f.kdl", path("f.kdl")).expect("a link");
    symlink("a.kdl", path("z2.kdl")).expect("a link");
    fs::remove_file(path("z2.kdl")).expect("a link");
    check(
        directory.path(),
        &[
            "@/b.kdl: it is a FIFO; a regular file is wanted here",
            "@/c.kdl: it is a device; a regular file is wanted here",
            "@/d.kdl: it is a directory; a regular file is wanted here",
            "@/e.kdl: it is a socket; a regular file is wanted here",
            "@/f.kdl: Too many levels of symbolic links (os error 40)",
        ],
    );
}

#[test]
fn what_is_too_large_or_too_deep_is_told_and_the_others_are_read() {
    let directory = directory();
    let write = |name: &str, text: &[u8]| {
        fs::write(directory.path().join(name), text).expect("a file");
    };
    let most = usize::try_from(FILE_BYTES_MAX).expect("a size");
    write("b.kdl", &b"/".repeat(most + 1));
    write("c.kdl", &b"/*".repeat(most / 2));
    write("d.kdl", &b"/- ".repeat(most / 3));
    write("e.kdl", &b"a {".repeat(most / 3));
    write("f.kdl", b"command \"x\"\nargs \xff");
    check(
        directory.path(),
        &[
            "@/b.kdl: it is larger than 65536 bytes, which is the most that is read",
            "@/c.kdl:1:1: this comment is never closed",
            "@/d.kdl:1:4: a /- comments out what follows it, and another /- is nothing to comment out",
            "@/e.kdl:1:51: blocks lie more than 16 deep here; the rest of the file is not read",
            "@/f.kdl:2:6: this byte is no UTF-8; save the file as UTF-8",
        ],
    );
}

#[test]
fn a_file_that_hangs_costs_its_own_time_once_and_the_others_none() {
    let directory = directory();
    let mut files = ServiceFiles::new(directory.path().to_owned());
    files.limit = Duration::from_millis(50);
    let (release, held) = channel::<()>();
    let slow = directory.path().join("a.kdl");
    // Somebody is at it, and hangs.
    let told = files.on_a_thread(vec![slow.clone()], move |_| held.recv());
    while !lock(&files.busy).contains(&slow) {
        std::thread::yield_now();
    }
    let names = |files: &ServiceFiles| {
        let catalog = files.read().catalog();
        let broken = catalog
            .broken
            .into_iter()
            .map(|it| format!("{:?}", it.flaws));
        (catalog.services.len(), broken.collect::<String>())
    };
    for _ in 0..2 {
        let (services, broken) = names(&files);
        assert_eq!(services, 1, "{broken}");
        assert!(broken.contains("a.kdl: it is still being read"), "{broken}");
    }
    drop(release);
    let _ = told.recv();
    while lock(&files.busy).contains(&slow) {
        std::thread::yield_now();
    }
    assert_eq!(names(&files), (2, String::new()));
}

#[test]
fn a_reader_that_is_given_up_leaves_the_rest_to_another() {
    let directory = directory();
    let mut files = ServiceFiles::new(directory.path().to_owned());
    files.limit = Duration::from_millis(500);
    let (_release, held) = channel::<()>();
    let paths = ["one", "two", "three"].map(PathBuf::from);
    let told = files.on_a_thread(paths.into(), move |path| {
        if path.ends_with("two") {
            // For as long as the test.
            let _ = held.recv();
        }
        path
    });
    assert_eq!(told.recv_timeout(FILE_LIMIT), Ok(Some("one".into())));
    assert!(told.recv_timeout(files.limit).is_err());
    drop(told);
    assert_eq!(files.read().catalog().services.len(), 2);
}

#[test]
fn a_directory_that_cannot_be_listed_removes_nothing_and_an_absent_one_is_empty() {
    let directory = directory();
    let file = directory.path().join("a.kdl");
    let catalog = ServiceFiles::new(file).read().catalog();
    assert!(catalog.is_partial && catalog.services.is_empty());
    let catalog = ServiceFiles::new(directory.path().join("absent"))
        .read()
        .catalog();
    assert!(!catalog.is_partial && catalog.broken.is_empty());
}

#[test]
fn so_many_files_are_read_and_no_more() {
    let directory = directory();
    for number in 0..=FILES_MAX {
        let path = directory.path().join(format!("b{number:05}.kdl"));
        fs::write(path, "command \"true\"").expect("a file");
    }
    let read = ServiceFiles::new(directory.path().to_owned()).read();
    assert_eq!(read.files.len(), FILES_MAX);
    let why = read.partial.expect("there are more");
    assert!(why.contains("more than 4096 service files"), "{why}");
    assert!(why.contains("behind b04094.kdl"), "{why}");
}
