//! The agent's unit under a real systemd: what a restart, a kill and a stop of the agent do to its
//! services.

mod debian;

use super::exam;
use lastword_virtual::{GuestFile, Options};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is put on the disk beside a Debian.
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

/// Makes the board's disk.
fn make_disk(disk: &Path) {
    let root = debian::root(Path::new(env!("CARGO_TARGET_TMPDIR")));
    for (path, contents) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    fs::copy(exam::static_agent(), root.join("usr/sbin/lastwordd")).unwrap();
    debian::run(Command::new("chmod").arg("755").arg(root.join("etc/exam")));
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
    debian::run(make.arg(root).arg(disk).arg("300M"));
}

#[tokio::test]
async fn services_survive_what_systemd_does_to_their_agent() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk.img");
    let image = tokio::task::spawn_blocking(move || {
        let image = exam::image([GuestFile::program("/init", include_str!("systemd/init"))]);
        make_disk(&disk);
        image
    });
    let mut options = Options::new(directory.path());
    options.memory_mib = 512;
    exam::sit(image.await.unwrap(), options).await;
}
