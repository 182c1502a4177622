//! A Linux board that examines its agent by a script of its own, and writes on its console how it went.

use lastword_virtual::prerequisites::{self, Wanted};
use lastword_virtual::{GuestFile, Image, LinuxBoard, Network, Options};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An exam takes half a minute, or twice that beside another.
const BOUND: Duration = Duration::from_mins(4);

/// The agent that runs in a board with nothing but a kernel.
pub(crate) fn static_agent() -> PathBuf {
    let agent = std::env::var_os("LASTWORD_BOARD_AGENT");
    agent
        .expect("LASTWORD_BOARD_AGENT names a static agent; cargo xtask test sets it")
        .into()
}

/// A board with these files, after what it needs of the host was installed.
pub(crate) fn image(files: impl IntoIterator<Item = GuestFile>) -> Image {
    prerequisites::install(&prerequisites::missing(Wanted::Linux(Network::User))).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("virtual-board");
    Image::build(&cache, &static_agent(), files).unwrap()
}

/// Boots the board; its exam has to be passed.
pub(crate) async fn sit(image: Image, options: Options) {
    let mut board = LinuxBoard::start(&image, options).await.unwrap();
    let over = board.wait_for_console("exam: over", BOUND).await;
    let console = board.console_text().unwrap();
    assert!(
        over.is_ok() && console.contains("exam: passed"),
        "{console}"
    );
    board.stop().await.unwrap();
}
