//! Lines that nobody mistakes for another, or for a piece of two.

/// Which command the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSpelling {
    /// `tally NUMBER`, of microcontrollers: the answer has the number.
    Tally,
    /// `@TAG help WORD`, of every board: the answer has both, since there is no such word.
    Help,
}

/// A line, and its whole answer, but for what `ran` is.
#[derive(Clone, Debug)]
pub(super) struct SentLine {
    pub(super) text: String,
    pub(super) tag: Option<String>,
    pub(super) answer: String,
}

/// Lines, one after the other.
#[derive(Debug)]
pub(super) struct LineSource {
    spelling: LineSpelling,
    count: u32,
    seed: u64,
}

impl LineSource {
    pub(super) const fn new(spelling: LineSpelling, seed: u64) -> Self {
        Self {
            spelling,
            count: 0,
            seed,
        }
    }

    pub(super) fn next(&mut self) -> SentLine {
        self.count += 1;
        let [low, .., high, _, _] = self.seed.to_le_bytes();
        let number = scattered(self.count ^ u32::from(low) << 24 ^ u32::from(high) << 20);
        match self.spelling {
            LineSpelling::Tally => SentLine {
                text: format!("tally {number}\n"),
                tag: None,
                answer: format!("ok number={number}"),
            },
            LineSpelling::Help => {
                // Of another number, so that a tag goes with one word only.
                let tag = format!("{:08x}", scattered(!number));
                let word = format!("w{number}");
                let (at, length) = ("@ help ".len() + tag.len(), word.len());
                SentLine {
                    text: format!("@{tag} help {word}\n"),
                    answer: format!("err @{tag} 404 unknown at={at} len={length} got=\"{word}\""),
                    tag: Some(tag),
                }
            }
        }
    }
}

/// Another number for each: of 100,000 in the four billion that there are, so that what is put together
/// of two is none of them but once in 43,000 times.
const fn scattered(number: u32) -> u32 {
    let mut mixed = number.wrapping_mul(0x9E37_79B1);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x85EB_CA6B);
    mixed ^ mixed >> 13
}
