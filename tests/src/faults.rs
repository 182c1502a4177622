//! What goes wrong on a line, by chance or by order, a byte at a time.

use crate::dice::Dice;

/// How often each fault strikes a byte, in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// One bit of it is flipped.
    pub flip: u32,
    /// It is lost.
    pub drop: u32,
    /// It arrives twice.
    pub duplicate: u32,
    /// Its stop bit is wrong: a framing error.
    pub framing: u32,
    /// A burst of garbage arrives behind it.
    pub garbage: u32,
    /// The receiver has no room for it, and counts that: it and those behind it, 16 at most, are lost.
    pub overrun: u32,
}

impl Rates {
    /// Every fault equally often, so that one byte in `bytes` is struck.
    #[must_use]
    pub const fn one_in(bytes: u32) -> Self {
        let each = 1_000_000 / bytes / 5;
        Self {
            flip: each,
            drop: each,
            duplicate: each,
            framing: each,
            garbage: each,
            overrun: 0,
        }
    }

    /// Nothing arrives.
    #[must_use]
    pub const fn deaf() -> Self {
        Self {
            flip: 0,
            drop: 1_000_000,
            duplicate: 0,
            framing: 0,
            garbage: 0,
            overrun: 0,
        }
    }
}

/// What arrives at the far end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Byte(u8),
    /// A byte with a framing error.
    Damaged(u8),
    /// A byte that the receiver had no room for.
    Overrun,
    /// The line was held in the spacing state.
    Break,
}

impl Symbol {
    /// The bytes that whoever reads gets to see of it; `marks`: from a tty that marks breaks and
    /// framing errors (termios(3), `PARMRK`).
    pub(crate) fn received(self, marks: bool) -> impl Iterator<Item = u8> {
        let (bytes, length) = match self {
            Self::Byte(0xFF) if marks => ([0xFF, 0xFF, 0], 2),
            Self::Break if marks => ([0xFF, 0, 0], 3),
            Self::Damaged(byte) if marks => ([0xFF, 0, byte], 3),
            Self::Byte(byte) | Self::Damaged(byte) => ([byte, 0, 0], 1),
            Self::Overrun => ([0, 0, 0], 0),
            Self::Break => ([0, 0, 0], 1),
        };
        bytes.into_iter().take(length)
    }
}

/// The faults of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    rates: Rates,
    dice: Dice,
    /// How many bytes were struck.
    struck: u64,
    /// How many bytes more are lost to an overrun.
    overruns: u64,
}

impl Faults {
    pub(crate) const fn new(rates: Rates, seed: u64) -> Self {
        Self {
            rates,
            dice: Dice::new(seed),
            struck: 0,
            overruns: 0,
        }
    }

    pub(crate) const fn struck(&self) -> u64 {
        self.struck
    }

    /// What becomes of a symbol on its way.
    pub(crate) fn strike(&mut self, symbol: Symbol) -> Vec<Symbol> {
        let Symbol::Byte(byte) = symbol else {
            return vec![symbol];
        };
        let arrives = self.fate(byte);
        self.struck += u64::from(arrives != [symbol]);
        arrives
    }

    fn fate(&mut self, byte: u8) -> Vec<Symbol> {
        let Self { rates, dice, .. } = self;
        let symbol = Symbol::Byte(byte);
        if self.overruns > 0 || rates.overrun > 0 && dice.happens(rates.overrun) {
            if self.overruns == 0 {
                self.overruns = 1 + dice.below(OVERRUN_BYTES);
            }
            self.overruns -= 1;
            return vec![Symbol::Overrun];
        }
        if dice.happens(rates.drop) {
            return Vec::new();
        }
        let mut arrives = vec![symbol];
        if dice.happens(rates.flip) {
            arrives[0] = Symbol::Byte(byte ^ (1 << dice.below(8)));
        } else if dice.happens(rates.framing) {
            arrives[0] = Symbol::Damaged(byte);
        }
        if dice.happens(rates.duplicate) {
            arrives.push(arrives[0]);
        }
        if dice.happens(rates.garbage) {
            let length = 1 + dice.below(GARBAGE_BYTES);
            arrives.extend((0..length).map(|_| Symbol::Byte(dice.byte())));
        }
        arrives
    }
}

/// How many bytes an overrun costs at most.
const OVERRUN_BYTES: u64 = 16;
/// The longest burst of garbage, in bytes.
const GARBAGE_BYTES: u64 = 16;
