//! A line to a board on which everything goes wrong that can, in both directions.

use super::forger::Forger;
use super::noise::Noise;
use crate::lossy::{Lossy, Mishaps, Shared, Struck, shared};
use lastword_client::dial::{Dial, Dialing, Stream};
use lastword_client::endpoint::Baud;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{self, timeout};

/// How many bytes are on their way at most, and moved at once.
const PIECE_BYTES: usize = 4_096;
/// What follows on a byte within this time belongs to it: eleven bytes' time at 115200 baud.
const PAUSE: Duration = Duration::from_millis(1);

/// A line around another.
pub struct NoisyLine<'d> {
    inner: &'d dyn Dial,
    start: time::Instant,
    from_host: Shared,
    from_board: Shared,
    noise: Arc<Mutex<[Noise; 2]>>,
    planted: Option<u64>,
}

/// What a line did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// What it did to writes and bytes.
    pub struck: Struck,
    /// How many lines of a console it carried, to the host and to the board.
    pub noise: [u64; 2],
}

impl<'d> NoisyLine<'d> {
    /// A line around `line`. `planted`: one reply in so many has the body of the one before it,
    /// well sealed: a fault that has to be found. Needs a tokio runtime, whose clock it follows.
    #[must_use]
    pub fn new(line: &'d dyn Dial, mishaps: Mishaps, planted: Option<u64>, seed: u64) -> Self {
        Self {
            inner: line,
            start: time::Instant::now(),
            from_host: shared(mishaps, seed),
            from_board: shared(mishaps, !seed),
            noise: Arc::new(Mutex::new([Noise::new(seed), Noise::new(!seed)])),
            planted,
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn account(&self) -> Account {
        let lock = |path: &Shared| path.lock().unwrap_or_else(PoisonError::into_inner).struck();
        let mut struck = lock(&self.from_host);
        struck.add(lock(&self.from_board));
        let noise = self.noise.lock().unwrap_or_else(PoisonError::into_inner);
        Account {
            struck,
            noise: [noise[0].lines(), noise[1].lines()],
        }
    }
}

impl Dial for NoisyLine<'_> {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let link = self.inner.dial().await?;
            let (near, far) = duplex(PIECE_BYTES);
            let far = Lossy::new(far, &self.from_board, self.start);
            let relay = Relay {
                noise: Arc::clone(&self.noise),
                forger: self.planted.map(Forger::new),
            };
            tokio::spawn(relay.run(link, far));
            let near = Lossy::new(near, &self.from_host, self.start);
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }

    fn baud(&self) -> Option<Baud> {
        self.inner.baud()
    }
}

/// Passes bytes on, with a console talking into them.
struct Relay {
    noise: Arc<Mutex<[Noise; 2]>>,
    forger: Option<Forger>,
}

impl Relay {
    /// Until either side ends.
    async fn run(
        mut self,
        mut link: Box<dyn Stream>,
        mut near: Lossy<DuplexStream>,
    ) -> io::Result<()> {
        loop {
            // What was gathered when the other side was quicker is kept by neither stream: so
            // only the first byte is raced for, and taking it is cancel-safe.
            tokio::select! {
                first = link.read_u8() => {
                    let mut said = gather(first?, &mut link).await?;
                    if let Some(forger) = &mut self.forger {
                        said = forger.pass(said);
                    }
                    near.write_all(&self.mix(0, &said)).await?;
                }
                first = near.read_u8() => {
                    let asked = gather(first?, &mut near).await?;
                    link.write_all(&self.mix(1, &asked)).await?;
                }
            }
        }
    }

    fn mix(&self, direction: usize, bytes: &[u8]) -> Vec<u8> {
        let mut noise = self.noise.lock().unwrap_or_else(PoisonError::into_inner);
        noise[direction].mix(bytes)
    }
}

/// What follows on the first byte without a pause: a frame and its neighbours, as they were
/// written, whatever pieces the link makes of them.
async fn gather(first: u8, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut gathered = vec![first];
    let mut piece = [0; PIECE_BYTES];
    while gathered.len() < PIECE_BYTES {
        match timeout(PAUSE, stream.read(&mut piece)).await {
            Err(_) => break,
            Ok(read) => match read? {
                0 => break,
                length => gathered.extend_from_slice(&piece[..length]),
            },
        }
    }
    Ok(gathered)
}
