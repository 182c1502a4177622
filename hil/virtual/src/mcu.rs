//! The microcontroller board: an Arm MPS2 with a Cortex-M3 (AN385), one UART and real firmware.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::board::{Kind, VirtualBoard};
use crate::error::{self, BoardError};
use crate::machine::UART;
use crate::program;

/// A virtual board with a Cortex-M3. Its UART carries all it has to say, boot text included.
///
/// The UART sends as fast as its reader reads: it knows no speed.
pub type McuBoard = VirtualBoard<Mcu>;

/// What a microcontroller board has beyond a QEMU.
#[derive(Debug)]
pub struct Mcu {
    firmware: PathBuf,
    is_held: bool,
}

/// QEMU's program.
pub(crate) const QEMU: &str = "qemu-system-arm";

impl VirtualBoard<Mcu> {
    /// Makes the board's directory where it is missing, and switches it on with the firmware at
    /// this path: an ELF, or an image that begins with the vector table at address 0.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if a program is missing (see [`crate::prerequisites`]), the directory cannot
    /// be made, or QEMU ends, as it does without the firmware.
    pub async fn start(
        firmware: impl AsRef<Path>,
        directory: impl Into<PathBuf>,
    ) -> Result<Self, BoardError> {
        Self::boot(firmware.as_ref(), directory.into(), false).await
    }

    /// As [`Self::start`], but whenever the board is switched on it runs nothing before
    /// [`Self::release`]: so that somebody is connected when it says its first byte.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_held(
        firmware: impl AsRef<Path>,
        directory: impl Into<PathBuf>,
    ) -> Result<Self, BoardError> {
        Self::boot(firmware.as_ref(), directory.into(), true).await
    }

    async fn boot(firmware: &Path, directory: PathBuf, is_held: bool) -> Result<Self, BoardError> {
        error::directory(&directory)?;
        let firmware = error::file(firmware, "find the firmware", firmware.canonicalize())?;
        Self::launch(Mcu { firmware, is_held }, directory).await
    }

    /// Lets a board run that is held; does nothing to one that runs.
    ///
    /// # Errors
    ///
    /// [`BoardError::Qmp`] if QEMU has ended.
    pub async fn release(&self) -> Result<(), BoardError> {
        self.execute("cont", Value::Null).await.map(drop)
    }
}

impl Kind for Mcu {
    fn command(&self) -> Result<Vec<String>, BoardError> {
        let program = program::path(QEMU)?;
        let firmware = self.firmware.to_string_lossy();
        let arguments = [
            &program,
            "-M",
            "mps2-an385",
            "-kernel",
            &firmware,
            "-serial",
            UART,
        ];
        let held: &[&str] = if self.is_held { &["-S"] } else { &[] };
        let all = arguments.iter().chain(held);
        Ok(all.map(ToString::to_string).collect())
    }
}
