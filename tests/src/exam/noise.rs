//! A console that shares the line: kernel messages between what is said, and in the middle of it.

use crate::dice::Dice;

/// Where and when a console speaks.
#[derive(Debug)]
pub(super) struct Noise {
    dice: Dice,
    lines: u64,
}

impl Noise {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            lines: 0,
        }
    }

    /// How many lines there were so far.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// The bytes, with what the console says in front of any of them.
    pub(super) fn mix(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mixed = Vec::new();
        for byte in bytes {
            if self.dice.below(ONE_IN) == 0 {
                mixed.extend(self.line());
            }
            mixed.push(*byte);
        }
        mixed
    }

    fn line(&mut self) -> Vec<u8> {
        self.lines += 1;
        let what = WORDS[usize::try_from(self.dice.below(WORDS.len() as u64)).unwrap_or(0)];
        let micros = self.lines * 1_000 + self.dice.below(1_000);
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        format!("[{seconds:5}.{fraction:06}] {what}\r\n").into_bytes()
    }
}

/// In front of one byte in so many: before one exchange in ten, or in the middle of it.
const ONE_IN: u64 = 500;
/// What kernels say; one of them would be a command if it stood alone.
const WORDS: [&str; 4] = [
    "usb 1-1: new high-speed USB device number 7 using xhci_hcd",
    "random: crng init done",
    "EXT4-fs (vda): mounted filesystem with ordered data mode. Quota mode: none.",
    "reboot: Restarting system\r\npower cancel",
];
