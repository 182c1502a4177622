//! The vectors, as the protocol's own tests write them down.

use crate::cargo::{cargo, run, target};
use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::fs;

/// The vectors there must be at least: fewer, and not all were collected.
const AT_LEAST: usize = 150;

/// Whether a vector is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is, and is written again as it was.
    Good,
    /// It is to be refused.
    Bad,
}

/// What a vector is a vector of, as the board numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request = 0,
    Reply = 1,
    Hello = 2,
    Frame = 3,
}

/// One vector.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) verdict: Verdict,
    kind: Kind,
    opcode: u8,
    bytes: Vec<u8>,
    /// What is to come back of it, where that is not what is sent.
    instead: Option<Vec<u8>>,
}

/// Runs the protocol's tests of the wire, which write down what they check.
pub(crate) fn collect() -> Result<Vec<Vector>> {
    let path = target().join("vectors.txt");
    if path.exists() {
        fs::remove_file(&path)?;
    }
    let mut tests = cargo(&["test", "--quiet", "--package", "lastword-protocol"]);
    run(tests
        .args(["--test", "wire", "v1::"])
        .env("LASTWORD_VECTORS", &path))?;
    let text = fs::read_to_string(&path).context("the tests of the wire noted no vectors")?;
    let vectors: Vec<Vector> = text.lines().map(read).collect::<Result<_>>()?;
    ensure!(
        vectors.len() >= AT_LEAST,
        "only {} vectors were noted, not {AT_LEAST}",
        vectors.len()
    );
    Ok(vectors)
}

/// `good reply 16 00010203`
fn read(line: &str) -> Result<Vector> {
    let mut words = line.split(' ');
    let mut word = || words.next().with_context(|| format!("cut off: {line:?}"));
    let verdict = match word()? {
        "good" => Verdict::Good,
        "bad" => Verdict::Bad,
        other => bail!("no verdict: {other:?}"),
    };
    let kind = match word()? {
        "request" => Kind::Request,
        "reply" => Kind::Reply,
        "hello" => Kind::Hello,
        "frame" => Kind::Frame,
        other => bail!("no kind of vector: {other:?}"),
    };
    let opcode = word()?.parse()?;
    let digits = word()?.as_bytes().chunks(2);
    let bytes = digits
        .map(|two| Ok(u8::from_str_radix(std::str::from_utf8(two)?, 16)?))
        .collect::<Result<_>>()?;
    Ok(Vector {
        verdict,
        kind,
        opcode,
        bytes,
        instead: None,
    })
}

impl Vector {
    /// What the board is asked.
    pub(crate) fn question(&self) -> Result<Vec<u8>> {
        let length = u16::try_from(self.bytes.len())?.to_le_bytes();
        Ok([&[self.kind as u8, self.opcode][..], &length, &self.bytes].concat())
    }

    /// What the board is to answer: a frame comes back between its delimiters, without its nonce.
    pub(crate) fn expected(&self) -> Vec<u8> {
        match (&self.instead, self.kind) {
            (Some(instead), _) => instead.clone(),
            (None, Kind::Frame) => [&[0], &self.bytes[4..], &[0]].concat(),
            (None, _) => self.bytes.clone(),
        }
    }

    /// Every part of it that is cut off at its end: none is to be read.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = Self> {
        let lengths = match self.verdict {
            Verdict::Good => 0..self.bytes.len(),
            Verdict::Bad => 0..0,
        };
        lengths.map(|length| Self {
            verdict: Verdict::Bad,
            bytes: self.bytes[..length].to_vec(),
            ..self.clone()
        })
    }

    pub(crate) fn can_be_spoiled(&self) -> bool {
        self.verdict == Verdict::Good && self.kind == Kind::Reply && !self.bytes.is_empty()
    }

    /// The same, but with another last byte to come back.
    pub(crate) fn spoiled(&self) -> Self {
        let mut instead = self.expected();
        if let Some(last) = instead.last_mut() {
            *last ^= 1;
        }
        Self {
            instead: Some(instead),
            ..self.clone()
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            opcode,
            bytes,
            ..
        } = self;
        write!(f, "{kind:?} {opcode:#04x} {bytes:02x?}")
    }
}
