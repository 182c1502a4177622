//! A microcontroller board runs firmware, resets, loses power, and is patient with slow readers.
//! A few instructions stand in for the firmware.

use std::time::Duration;

use lastword_virtual::prerequisites::{self, Wanted};
use lastword_virtual::{BoardError, BoardEventKind, McuBoard};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Says `!` when it starts, and then says all it hears; behind an `r` it resets.
///
/// Thumb, from address 0; `r0` is UART0, whose registers Arm DDI 0479 lists under "APB UART": DATA at
/// 0, STATE at 4 (bit 0: transmitter full, bit 1: receiver full), CTRL at 8, BAUDDIV at 16.
const STAND_IN: [u16; 34] = [
    0x1000, 0x2000, // the stack's end
    0x0009, 0x0000, // the reset vector: the next instruction
    0xf04f, 0x2040, //        mov  r0, #0x40004000
    0x2110, //                movs r1, #16
    0x6101, //                str  r1, [r0, #16]
    0x2103, //                movs r1, #3           transmitter and receiver on
    0x6081, //                str  r1, [r0, #8]
    0x6801, //                ldr  r1, [r0]         QEMU looks for input when DATA is read
    0x2301, //                movs r3, #1
    0x2402, //                movs r4, #2
    0x2221, //                movs r2, #'!'
    0x6841, // say:           ldr  r1, [r0, #4]
    0x4219, //                tst  r1, r3
    0xd1fc, //                bne  say
    0x6002, //                str  r2, [r0]
    0x2a72, //                cmp  r2, #'r'
    0xd004, //                beq  reset
    0x6841, // hear:          ldr  r1, [r0, #4]
    0x4221, //                tst  r1, r4
    0xd0fc, //                beq  hear
    0x6802, //                ldr  r2, [r0]
    0xe7f4, //                b    say
    0x4802, // reset:         ldr  r0, =0xe000ed0c  AIRCR
    0x4902, //                ldr  r1, =0x05fa0004  key and SYSRESETREQ
    0x6001, //                str  r1, [r0]
    0xe7fe, //                b    .
    0x0000, //
    0xed0c, 0xe000, 0x0004, 0x05fa,
];

struct Rig {
    board: McuBoard,
    directory: TempDir,
}

impl Rig {
    /// A board that is held, and somebody on its line.
    async fn held() -> (Self, UnixStream) {
        let directory = tempfile::tempdir().unwrap();
        tokio::task::spawn_blocking(|| {
            prerequisites::install(&prerequisites::missing(Wanted::Mcu))
        })
        .await
        .unwrap()
        .unwrap();
        let firmware = directory.path().join("stand-in.bin");
        let bytes: Vec<u8> = STAND_IN
            .iter()
            .flat_map(|half| half.to_le_bytes())
            .collect();
        std::fs::write(&firmware, bytes).unwrap();
        let board = McuBoard::start_held(&firmware, directory.path())
            .await
            .unwrap();
        let line = board.connect_serial().await.unwrap();
        (Self { board, directory }, line)
    }

    /// Waits for a reset and returns QEMU's reason.
    async fn reset(&mut self) -> String {
        loop {
            let event = timeout(BOUND, self.board.next_event())
                .await
                .unwrap()
                .unwrap();
            if event.kind == BoardEventKind::Reset {
                return event.reason.unwrap_or_default();
            }
        }
    }
}

/// Reads exactly this.
async fn expect(line: &mut UnixStream, expected: &[u8]) {
    let mut heard = vec![0; expected.len()];
    let read = timeout(BOUND, line.read_exact(&mut heard)).await;
    assert!(read.is_ok(), "{expected:?} does not come: {heard:?}");
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn firmware_that_is_held_is_heard_from_its_first_byte() {
    let (rig, mut line) = Rig::held().await;
    rig.board.release().await.unwrap();
    expect(&mut line, b"!").await;
    line.write_all(b"and then all it is told").await.unwrap();
    expect(&mut line, b"and then all it is told").await;
    rig.board.stop().await.unwrap();
}

#[tokio::test]
async fn a_board_resets_itself_or_is_reset_and_says_so_each_time() {
    let (mut rig, mut line) = Rig::held().await;
    rig.board.release().await.unwrap();
    expect(&mut line, b"!").await;
    line.write_all(b"r").await.unwrap();
    expect(&mut line, b"r!").await;
    assert_eq!(rig.reset().await, "guest-reset");
    rig.board
        .execute("system_reset", Value::Null)
        .await
        .unwrap();
    expect(&mut line, b"!").await;
    assert_eq!(rig.reset().await, "host-qmp-system-reset");
}

#[tokio::test]
async fn a_board_without_power_is_silent_and_starts_anew_with_it() {
    let (mut rig, mut line) = Rig::held().await;
    rig.board.release().await.unwrap();
    expect(&mut line, b"!").await;
    rig.board.power_cut().await.unwrap();
    assert_eq!(line.read(&mut [0]).await.unwrap(), 0, "the line is closed");
    assert!(rig.board.connect_serial().await.is_err());
    rig.board.power_on().await.unwrap();
    let mut line = rig.board.connect_serial().await.unwrap();
    rig.board.release().await.unwrap();
    expect(&mut line, b"!").await;
}

/// More than socket buffers hold of single bytes: the transmitter waits, and the reset behind it.
#[tokio::test]
async fn what_nobody_reads_waits_in_the_board_and_is_not_lost() {
    let (mut rig, mut line) = Rig::held().await;
    rig.board.release().await.unwrap();
    let said = [b'x'; 5_000];
    line.write_all(&said).await.unwrap();
    line.write_all(b"r").await.unwrap();
    assert!(timeout(WATCH, rig.reset()).await.is_err(), "it has reset");
    expect(&mut line, b"!").await;
    expect(&mut line, &said).await;
    expect(&mut line, b"r!").await;
    assert_eq!(rig.reset().await, "guest-reset");
}

#[tokio::test]
async fn firmware_that_is_not_there_is_named() {
    let (rig, _line) = Rig::held().await;
    let nowhere = rig.directory.path().join("nowhere.elf");
    let error = McuBoard::start(&nowhere, rig.directory.path())
        .await
        .unwrap_err();
    assert!(matches!(error, BoardError::File { .. }), "{error}");
    assert!(error.to_string().ends_with("nowhere.elf"), "{error}");
}

/// A board with a reader says all this in a tenth of it.
const WATCH: Duration = Duration::from_millis(500);
const BOUND: Duration = Duration::from_secs(20);
