//! A witness between a client and a board: it passes every byte on and notes when the
//! acknowledgement of a power request could be read on this side.

use lastword_client::dial::{Dial, Dialing, Stream};
use lastword_client::endpoint::Baud;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{Class, Frame};
use lastword_protocol::hello::{self, Welcome, opcode};
use lastword_protocol::message::{Initiated, Reply};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

/// The longest candidate, in bytes.
const CANDIDATE_BYTES: usize = 1024;
/// How many bytes are passed on at once.
const PIECE_BYTES: usize = 4096;

/// What was readable, and when.
#[derive(Clone, Debug)]
pub(crate) struct Log<A = Initiated>(Arc<Mutex<Option<(A, Instant)>>>);

impl<A> Default for Log<A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<A: Clone> Log<A> {
    /// The first acknowledgement, if it was readable by now.
    pub(crate) fn acknowledged(&self) -> Option<(A, Instant)> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone()
    }

    /// An acknowledgement can be read.
    pub(crate) fn note(&self, initiated: A) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert((initiated, Instant::now()));
    }
}

/// Opens links to a board with a witness on each.
pub(crate) struct Watched<'d> {
    /// How the board is reached.
    pub(crate) line: &'d dyn Dial,
    pub(crate) log: Log,
}

impl Dial for Watched<'_> {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let link = self.line.dial().await?;
            let (near, far) = duplex(PIECE_BYTES);
            tokio::spawn(relay(link, far, self.log.clone()));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }

    fn baud(&self) -> Option<Baud> {
        self.line.baud()
    }
}

/// Passes bytes both ways until either side ends.
async fn relay(mut link: Box<dyn Stream>, mut near: DuplexStream, log: Log) -> io::Result<()> {
    let mut reader = Reader {
        decoder: Decoder::new(Manner::HOST),
        log,
    };
    let (mut from_board, mut from_client) = ([0; PIECE_BYTES], [0; PIECE_BYTES]);
    loop {
        tokio::select! {
            read = link.read(&mut from_board) => {
                let piece = &from_board[..read?];
                if piece.is_empty() {
                    return Ok(());
                }
                reader.read(piece);
                near.write_all(piece).await?;
            }
            read = near.read(&mut from_client) => {
                let piece = &from_client[..read?];
                if piece.is_empty() {
                    return Ok(());
                }
                link.write_all(piece).await?;
            }
        }
    }
}

struct Reader {
    decoder: Decoder<CANDIDATE_BYTES>,
    log: Log,
}

impl Reader {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // Time only ends candidates by silence, which a witness need not hurry.
            let step = self.decoder.push(lastword_protocol::Instant(0), *byte);
            let Step::Frame(frame) = step else { continue };
            if let Some(welcome) = welcome(&frame) {
                self.decoder.enter(Some(welcome.nonce));
            } else if let Some(initiated) = initiated(&frame) {
                self.log.note(initiated);
            }
        }
    }
}

fn welcome(frame: &Frame<'_>) -> Option<Welcome> {
    let is_welcome = frame.header.class == Class::Hello && frame.header.opcode == opcode::WELCOME;
    is_welcome.then(|| hello::decode(frame))?
}

fn initiated(frame: &Frame<'_>) -> Option<Initiated> {
    if frame.header.class != Class::Reply {
        return None;
    }
    match Reply::decode(frame.header.opcode, frame.body) {
        Ok(Reply::Initiated(initiated)) => Some(initiated),
        _ => None,
    }
}
