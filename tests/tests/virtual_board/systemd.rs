//! The agent's unit under a real systemd: what a restart, a kill and a stop of the agent do to its
//! services.

use super::services::static_agent;
use lastword_hil::virtual_board::prerequisites;
use lastword_hil::virtual_board::{GuestFile, Image, LinuxBoard, Options};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The whole takes half a minute alone on a machine.
const BOUND: Duration = Duration::from_mins(4);

/// What is put on the disk beside a minimal Debian.
const FILES: [(&str, &str); 7] = [
    (
        "etc/systemd/system/lastwordd.service",
        include_str!("../../../agent/lastwordd.service"),
    ),
    (
        "etc/systemd/system/lastwordd.service.d/short.conf",
        include_str!("systemd/short.conf"),
    ),
    (
        "etc/systemd/system/exam.service",
        include_str!("systemd/exam.service"),
    ),
    ("etc/lastword/agent.kdl", include_str!("systemd/agent.kdl")),
    (
        "etc/lastword/services/stays.kdl",
        include_str!("systemd/stays.kdl"),
    ),
    (
        "etc/lastword/services/goes.kdl",
        include_str!("systemd/goes.kdl"),
    ),
    ("etc/exam", include_str!("systemd/exam")),
];

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("the program is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// A minimal Debian with systemd, kept for the next run.
fn debian() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("systemd-root");
    if !kept.exists() {
        prerequisites::install(&["debootstrap"]).unwrap();
        let fresh = kept.with_extension("new");
        // What an earlier run did not finish.
        let _ = fs::remove_dir_all(&fresh);
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", "--include=systemd,dbus", "bookworm"]);
        run(debootstrap.arg(&fresh));
        for unused in ["var/cache/apt", "usr/share/doc", "usr/share/locale"] {
            fs::remove_dir_all(fresh.join(unused)).unwrap();
        }
        fs::rename(&fresh, &kept).unwrap();
    }
    kept
}

/// Makes the board's disk.
fn make_disk(disk: &Path) {
    let root = debian();
    for (path, contents) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    fs::copy(static_agent(), root.join("usr/sbin/lastwordd")).unwrap();
    run(Command::new("chmod").arg("755").arg(root.join("etc/exam")));
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    for unit in ["lastwordd.service", "exam.service"] {
        let link = wants.join(unit);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(format!("../{unit}"), link).unwrap();
        }
    }
    let mut make = Command::new("mke2fs");
    make.args(["-q", "-F", "-t", "ext4", "-m", "0", "-d"]);
    run(make.arg(root).arg(disk).arg("500M"));
}

fn image() -> Image {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("virtual-board");
    let init = GuestFile::program("/init", include_str!("systemd/init"));
    Image::build(&cache, &static_agent(), [init]).unwrap()
}

#[tokio::test]
#[ignore = "downloads a Debian as root: cargo xtask systemd"]
async fn services_survive_what_systemd_does_to_their_agent() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk.img");
    let image = tokio::task::spawn_blocking(move || {
        make_disk(&disk);
        image()
    });
    let image = image.await.unwrap();
    let mut options = Options::new(directory.path());
    options.memory_mib = 512;
    let mut board = LinuxBoard::start(&image, options).await.unwrap();
    let over = board.wait_for_console("exam: over", BOUND).await;
    let console = board.console_text().unwrap();
    assert!(
        over.is_ok() && console.contains("exam: passed"),
        "{console}"
    );
    board.stop().await.unwrap();
}
