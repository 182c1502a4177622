//! A virtual microcontroller board with the real firmware inside.

use super::{directory, install};
use crate::bare_metal::CORTEX_M3;
use crate::firmware;
use anyhow::{Context, Result};
use lastword_virtual::McuBoard;
use lastword_virtual::prerequisites::Wanted;
use std::path::{Path, PathBuf};

/// Builds the firmware, installing what is missing where that is allowed.
pub(crate) fn build() -> Result<()> {
    install(Wanted::Mcu)?;
    firmware::build(CORTEX_M3)
}

/// Where the firmware of this name is, once it is built.
pub(crate) fn image(name: &str) -> Result<PathBuf> {
    firmware::elf(CORTEX_M3, name)
}

/// A board of this name with this firmware, in a fresh directory. It is held: nothing runs before
/// it is released, so that somebody can listen from the first byte.
pub(crate) async fn start_held(name: &str, image: &Path) -> Result<McuBoard> {
    let board = McuBoard::start_held(image, directory(name)?).await;
    board.context("the virtual board does not start")
}
