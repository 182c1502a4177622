//! Real firmware on an emulated Cortex-M3 answers as every board does, and a real kernel under a
//! real agent does to services what no other machine may be made to do.
//!
//! They need QEMU, and the firmware and the static agent that `cargo xtask test` builds, so they are
//! behind a feature; it says with `LASTWORD_FIRMWARE` and `LASTWORD_BOARD_AGENT` where those are.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test, as its body does"
)]

mod exam;
mod services;
mod systemd;

use lastword_tests::every_board::{self, Board, Kind, Wire};
use lastword_tests::process::Peer;
use lastword_virtual::McuBoard;
use std::os::unix::net::UnixStream;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The firmware.
struct Firmware;

/// A board with it. Its runtime is only driven while something is asked of QEMU.
struct Running {
    board: McuBoard,
    runtime: Runtime,
    /// Whether its announcement was read.
    announced: bool,
    _directory: TempDir,
}

impl Kind for Firmware {
    fn start(&self) -> Box<dyn Board> {
        let firmware = std::env::var_os("LASTWORD_FIRMWARE")
            .expect("LASTWORD_FIRMWARE names the firmware; cargo xtask test sets it");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let started = McuBoard::start_held(firmware, directory.path());
        Box::new(Running {
            board: runtime.block_on(started).unwrap(),
            runtime,
            announced: false,
            _directory: directory,
        })
    }
}

impl Board for Running {
    fn link(&mut self) -> Wire {
        let line = UnixStream::connect(self.board.serial_path()).unwrap();
        self.runtime.block_on(self.board.release()).unwrap();
        let mut wire = Wire::new(Peer::new(line));
        // It announces itself once it is released.
        if !std::mem::replace(&mut self.announced, true) {
            wire.until("crc=");
            wire.until("\r\n");
        }
        wire
    }

    fn is_line(&self) -> bool {
        true
    }
}

#[test]
fn firmware_answers_a_script_as_every_board_does() {
    every_board::plain(&Firmware);
}

#[test]
fn firmware_shows_a_person_what_every_board_does() {
    every_board::term(&Firmware);
}

#[test]
fn firmware_answers_frames_as_every_board_does() {
    every_board::frames(&Firmware);
}

#[test]
fn firmware_takes_the_same_care_of_its_power_and_is_really_reset() {
    every_board::power(&Firmware);
}
