//! What goes wrong on the line, by chance: the same seed gives the same mishaps to the same bytes.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::str::FromStr;
use std::time::Duration;

/// How probable each fault is for each byte; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    /// It is lost.
    drop: f64,
    /// One bit of it is flipped.
    flip: f64,
    /// It arrives twice.
    duplicate: f64,
    /// A burst of garbage arrives behind it.
    garbage: f64,
    /// Nothing follows it for a while.
    stall: f64,
}

impl FromStr for Rates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rates = Self::default();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not of the form NAME=PROBABILITY"))?;
            let rate = match name {
                "drop" => &mut rates.drop,
                "flip" => &mut rates.flip,
                "duplicate" => &mut rates.duplicate,
                "garbage" => &mut rates.garbage,
                "stall" => &mut rates.stall,
                _ => {
                    return Err(format!(
                        "`{name}` is no fault; there are drop, flip, duplicate, garbage and stall"
                    ));
                }
            };
            *rate = value
                .parse()
                .ok()
                .filter(|rate| (0.0..=1.0).contains(rate))
                .ok_or_else(|| format!("`{value}` is no probability from 0 to 1, such as 1e-3"))?;
        }
        Ok(rates)
    }
}

/// The faults of one direction.
#[derive(Debug)]
pub(crate) struct Faults {
    rates: Rates,
    dice: StdRng,
    struck: u64,
}

/// What becomes of a byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// What arrives.
    pub(crate) bytes: Vec<u8>,
    /// How long nothing follows.
    pub(crate) stall: Duration,
}

impl Faults {
    pub(crate) fn new(rates: Rates, seed: u64) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        let struck = 0;
        Self {
            rates,
            dice,
            struck,
        }
    }

    /// How many bytes were struck.
    pub(crate) const fn struck(&self) -> u64 {
        self.struck
    }

    /// What becomes of a byte on its way.
    pub(crate) fn strike(&mut self, byte: u8) -> Fate {
        let mut fate = Fate {
            bytes: vec![byte],
            stall: Duration::ZERO,
        };
        if self.rates == Rates::default() {
            return fate;
        }
        if self.dice.random_bool(self.rates.drop) {
            fate.bytes.clear();
        } else if self.dice.random_bool(self.rates.flip) {
            fate.bytes = vec![byte ^ (1 << self.dice.random_range(0..8))];
        }
        if self.dice.random_bool(self.rates.duplicate) {
            fate.bytes.extend_from_within(..);
        }
        if self.dice.random_bool(self.rates.garbage) {
            let length = self.dice.random_range(1..=GARBAGE_BYTES);
            fate.bytes
                .extend((0..length).map(|_| self.dice.random::<u8>()));
        }
        if self.dice.random_bool(self.rates.stall) {
            fate.stall = Duration::from_millis(self.dice.random_range(1..=STALL_MS));
        }
        self.struck += u64::from(fate.bytes != [byte] || !fate.stall.is_zero());
        fate
    }
}

/// The longest burst of garbage, in bytes.
const GARBAGE_BYTES: usize = 16;
/// The longest stall, in milliseconds: longer than the silences that end a candidate.
const STALL_MS: u64 = 1_500;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a thousand bytes are struck, and how many arrive.
    #[track_caller]
    fn check(rates: &str, struck: std::ops::RangeInclusive<u64>, arrive: std::ops::Range<usize>) {
        let mut faults = Faults::new(rates.parse().unwrap(), 1);
        let arrived: usize = (0..1_000).map(|_| faults.strike(0x55).bytes.len()).sum();
        assert!(struck.contains(&faults.struck()), "{rates}: {faults:?}");
        assert!(arrive.contains(&arrived), "{rates}: {arrived}");
    }

    #[test]
    fn each_fault_strikes_as_often_as_it_is_asked_to() {
        check("drop=0", 0..=0, 1_000..1_001);
        check("drop=1", 1_000..=1_000, 0..1);
        check("flip=1", 1_000..=1_000, 1_000..1_001);
        check("duplicate=1", 1_000..=1_000, 2_000..2_001);
        check("garbage=1", 1_000..=1_000, 2_000..17_001);
        check("stall=1", 1_000..=1_000, 1_000..1_001);
        check("drop=1e-1", 50..=150, 850..950);
        check("drop=0.1,duplicate=0.1", 100..=300, 850..1_150);
    }

    #[test]
    fn what_is_no_fault_is_told() {
        for (text, why) in [
            ("drop", "NAME=PROBABILITY"),
            ("dorp=1", "`dorp` is no fault"),
            ("drop=2", "from 0 to 1"),
            ("drop=-1", "from 0 to 1"),
            ("drop=NaN", "from 0 to 1"),
            ("drop=1,", "NAME=PROBABILITY"),
        ] {
            let error = text.parse::<Rates>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_same_seed_strikes_alike() {
        let rates = "drop=0.1,flip=0.1,duplicate=0.1,garbage=0.1,stall=0.1"
            .parse()
            .unwrap();
        let [mut first, mut second] = [7, 7].map(|seed| Faults::new(rates, seed));
        for byte in 0..=255 {
            assert_eq!(first.strike(byte), second.strike(byte));
        }
    }
}
