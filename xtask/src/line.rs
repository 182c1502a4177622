//! A microcontroller's line with a reader that can stop reading.

use anyhow::{Context, Result, bail, ensure};
use lastword_protocol::BootId;
use lastword_protocol::announcement::{Announcement, AnnouncementReader};
use lastword_tests::every_board::{Sorted, Sorter};
use lastword_virtual::McuBoard;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

/// How long anything that must come may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// A line on which nothing more arrived for so long is full, or its board has nothing to say.
const QUIET: Duration = Duration::from_millis(120);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How many bytes are read at once.
const PIECE_BYTES: usize = 1_024;

/// The line. Nobody reads unless told to: what the board says waits in the socket, and once that
/// is full, in the board.
pub(crate) struct Line {
    stream: UnixStream,
    sorter: Sorter,
    text: Vec<u8>,
    reader: AnnouncementReader,
    /// The first announcement of each boot.
    announcements: VecDeque<Announcement>,
    /// The boot that announced itself last.
    boot: Option<BootId>,
}

impl Line {
    /// Takes the board's line.
    pub(crate) async fn connect(board: &McuBoard) -> Result<Self> {
        let stream = board.connect_serial().await.context("the board is off")?;
        Ok(Self {
            stream,
            sorter: Sorter::default(),
            text: Vec::new(),
            reader: AnnouncementReader::new(),
            announcements: VecDeque::new(),
            boot: None,
        })
    }

    /// Says something to the board.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let written = timeout(LIMIT, self.stream.write_all(bytes.as_ref())).await;
        Ok(written.context("the board takes no more bytes")??)
    }

    /// How many bytes wait to be read.
    pub(crate) fn waiting(&self) -> Result<usize> {
        Ok(readable(&self.stream)?)
    }

    /// Waits until more than `before` bytes wait to be read and no more come, and returns how many
    /// that are; soon, if none come.
    pub(crate) async fn settled(&self, before: usize) -> Result<usize> {
        let begun = Instant::now();
        let (mut waiting, mut grown) = (before, Instant::now());
        while grown.elapsed() < QUIET {
            ensure!(
                begun.elapsed() < LIMIT,
                "the board says ever more: {waiting} bytes"
            );
            sleep(LOOK).await;
            let now = self.waiting()?;
            if now > waiting {
                (waiting, grown) = (now, Instant::now());
            }
        }
        Ok(waiting)
    }

    /// Waits until more than `before` bytes wait to be read; whether they do.
    pub(crate) async fn has_grown(&self, before: usize) -> Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < QUIET {
            if self.waiting()? > before {
                return Ok(true);
            }
            sleep(LOOK).await;
        }
        Ok(false)
    }

    /// Reads what there is, and waits for something if there is nothing; it is not sorted.
    /// Cancel-safe.
    pub(crate) async fn piece(&mut self) -> Result<Vec<u8>> {
        let mut piece = vec![0; PIECE_BYTES];
        let length = self.stream.read(&mut piece).await?;
        ensure!(length > 0, "the board's line has ended");
        piece.truncate(length);
        Ok(piece)
    }

    /// Reads as [`Line::piece`] does, and sorts it into text and frames. Cancel-safe.
    pub(crate) async fn read(&mut self) -> Result<()> {
        for byte in self.piece().await? {
            match self.sorter.push(byte) {
                Sorted::Text(byte) => {
                    self.text.push(byte);
                    if let Some(announcement) = self.reader.push(byte)
                        && self.boot.replace(announcement.boot) != Some(announcement.boot)
                    {
                        self.announcements.push_back(announcement);
                    }
                }
                Sorted::Frame(_) | Sorted::Held => {}
            }
        }
        Ok(())
    }

    /// The text that was read and not taken.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Takes all the text that was read.
    pub(crate) fn forget_text(&mut self) {
        self.text.clear();
    }

    /// Takes the text up to and including `end`, if that was read.
    fn take_text(&mut self, end: &str) -> Option<String> {
        let length = end.len();
        let found = self
            .text
            .windows(length)
            .position(|text| text == end.as_bytes())?;
        let text: Vec<u8> = self.text.drain(..found + length).collect();
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads text up to and including `end`.
    pub(crate) async fn until(&mut self, end: &str) -> Result<String> {
        let read = timeout(LIMIT, async {
            loop {
                if let Some(text) = self.take_text(end) {
                    return Ok(text);
                }
                self.read().await?;
            }
        });
        let read = read.await.unwrap_or_else(|_| bail!("nothing more comes"));
        read.with_context(|| format!("waiting for {end:?} behind {:?}", self.text()))
    }

    /// Takes the next announcement of a new boot that was read.
    pub(crate) fn take_announcement(&mut self) -> Option<Announcement> {
        self.announcements.pop_front()
    }

    /// Reads up to the next announcement of a new boot.
    pub(crate) async fn announcement(&mut self) -> Result<Announcement> {
        let read = timeout(LIMIT, async {
            loop {
                if let Some(announcement) = self.take_announcement() {
                    return Ok(announcement);
                }
                self.read().await?;
            }
        });
        read.await
            .unwrap_or_else(|_| bail!("the board does not announce itself"))
    }
}

/// How many bytes could be read.
pub(crate) fn readable(line: &UnixStream) -> io::Result<usize> {
    let mut room = vec![std::mem::MaybeUninit::uninit(); 1 << 20];
    match SockRef::from(line).peek(&mut room) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        peeked => peeked,
    }
}
