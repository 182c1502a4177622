//! Services on a Linux board whose agent is a child of a plain init.

use lastword_hil::virtual_board::prerequisites::{self, Wanted};
use lastword_hil::virtual_board::{GuestFile, Image, LinuxBoard, Network, Options};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A boot takes some seconds, each of the exam's rounds too.
const BOUND: Duration = Duration::from_mins(4);

/// The agent that runs in a board with nothing but a kernel.
pub(crate) fn static_agent() -> PathBuf {
    let agent = std::env::var_os("LASTWORD_BOARD_AGENT");
    agent
        .expect("LASTWORD_BOARD_AGENT names a static agent; cargo xtask test sets it")
        .into()
}

fn image() -> Image {
    prerequisites::install(&prerequisites::missing(Wanted::Linux(Network::User))).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("virtual-board");
    let files = [
        GuestFile::text("/etc/inittab", include_str!("services/inittab")),
        GuestFile::program("/etc/agent", include_str!("services/agent")),
        GuestFile::program("/etc/exam", include_str!("services/exam")),
        GuestFile::program("/etc/impostor", include_str!("services/impostor")),
        GuestFile::text(
            "/etc/lastword/services/one.kdl",
            include_str!("services/one.kdl"),
        ),
        GuestFile::text(
            "/etc/lastword/services/daemon.kdl",
            include_str!("services/daemon.kdl"),
        ),
    ];
    Image::build(&cache, &static_agent(), files).unwrap()
}

#[tokio::test]
async fn a_cgroup_holds_all_of_a_service_and_a_number_given_away_again_is_never_signalled() {
    let directory = tempfile::tempdir().unwrap();
    let image = tokio::task::spawn_blocking(image).await.unwrap();
    let options = Options::new(directory.path());
    let mut board = LinuxBoard::start(&image, options).await.unwrap();
    let over = board.wait_for_console("exam: over", BOUND).await;
    let console = board.console_text().unwrap();
    assert!(
        over.is_ok() && console.contains("exam: passed"),
        "{console}"
    );
    board.stop().await.unwrap();
}
