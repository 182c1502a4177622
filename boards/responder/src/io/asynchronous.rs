//! Over `embedded-io-async`: for an executor, such as embassy's.

use super::{WINDOW_BYTES, is_loss};
use crate::hardware::Board;
use crate::responder::Responder;
use crate::text::Text;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorType, Read, Write};

/// The longest time between two turns: what the watchdog is fed by, in milliseconds.
const TURN_MS: u32 = 250;

/// Answers what arrives, for as long as the line is there.
///
/// Reading and writing need a half of the line each, because a read under way is never dropped: it
/// may have taken a byte. While an acknowledgement is awaited in `flush`, or a peer holds the line,
/// nobody feeds the watchdog: see to that elsewhere if that may take longer than it waits.
///
/// # Errors
///
/// If the line is gone; what was staged has stood down.
pub async fn run<T: Text, R, W, B, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    reader: &mut R,
    writer: &mut W,
    board: &mut B,
    delay: &mut impl DelayNs,
) -> Result<core::convert::Infallible, R::Error>
where
    R: Read,
    W: Write + ErrorType<Error = R::Error>,
    B: Board,
{
    loop {
        let mut byte = [0];
        let arrived = arrive(responder, reader, &mut byte, writer, board, delay).await;
        let now = board.now();
        match arrived {
            Ok(0) => {}
            Ok(_) => responder.receive(now, byte[0], board),
            Err(error) if is_loss(&error) => {
                responder.lost_input_somewhere(now);
                // A line that fails again and again leaves the others their turns.
                pass().await;
            }
            Err(error) => {
                responder.link_lost(now, board);
                return Err(error);
            }
        }
    }
}

/// Reads the next byte, and does meanwhile what time demands.
async fn arrive<T: Text, R, W, B, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    reader: &mut R,
    byte: &mut [u8],
    writer: &mut W,
    board: &mut B,
    delay: &mut impl DelayNs,
) -> Result<usize, R::Error>
where
    R: Read,
    W: Write + ErrorType<Error = R::Error>,
    B: Board,
{
    let mut reading = pin!(reader.read(byte));
    loop {
        speak(responder, writer, board).await?;
        let now = board.now();
        let wait_ms = responder.deadline().map_or(TURN_MS, |deadline| {
            let left = u32::try_from(deadline.since(now).0).unwrap_or(TURN_MS);
            left.clamp(1, TURN_MS)
        });
        let waiting = pin!(delay.delay_ms(wait_ms));
        let caught_up = || responder.caught_up();
        if let Some(read) = first(reading.as_mut(), waiting, caught_up).await {
            return read;
        }
    }
}

/// Says what is to be said, and sees an acknowledgement off.
async fn speak<T: Text, W: Write, B: Board, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    writer: &mut W,
    board: &mut B,
) -> Result<(), W::Error> {
    board.feed();
    let now = board.now();
    responder.tick(now, board);
    let mut room = [0; WINDOW_BYTES];
    loop {
        let now = board.now();
        let length = responder.output(now, &mut room, board);
        let Some(output) = room.get(..length).filter(|output| !output.is_empty()) else {
            break;
        };
        responder.sent(writer.write(output).await?);
        board.feed();
    }
    if responder.awaits_drain() {
        writer.flush().await?;
        let now = board.now();
        responder.drained(now, board);
    }
    Ok(())
}

/// Returns the result of `reading`, or `None` if `waiting` is over before. `reading` goes on. `caught_up` is
/// called when there is nothing to be read.
async fn first<F: Future>(
    mut reading: Pin<&mut F>,
    mut waiting: Pin<&mut impl Future>,
    mut caught_up: impl FnMut(),
) -> Option<F::Output> {
    poll_fn(|context| {
        if let Poll::Ready(read) = reading.as_mut().poll(context) {
            return Poll::Ready(Some(read));
        }
        caught_up();
        waiting.as_mut().poll(context).map(|_| None)
    })
    .await
}

/// Lets other tasks have a turn.
async fn pass() {
    let mut has_passed = false;
    poll_fn(|context| {
        if core::mem::replace(&mut has_passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
