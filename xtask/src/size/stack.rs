//! How deep the stack went, read from what is left of the paint that start-up put there.

use super::elf::Image;
use super::session::{self, Session, Shell};
use crate::board::mcu::start_held;
use crate::line::Line;
use anyhow::{Context, Result, ensure};
use lastword_virtual::{BoardEventKind, McuBoard};
use serde_json::{Value, json};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// What cortex-m-rt's feature `paint-stack` fills the stack with.
const PAINT: [u8; 4] = [0xCC; 4];
/// How long a board may take to reset once it has said that it will.
const RESET_LIMIT: Duration = Duration::from_secs(10);

/// Runs the firmware on an emulated board, leads the session with it, and returns how many bytes of
/// stack it has used at the most. A lower bound by nature: of what was never run nothing is known.
pub(crate) fn deepest(elf: &Path, image: &Image, session: Session) -> Result<u64> {
    let stack = image.stack.clone();
    let stack = stack.context("it does not say where its stack is; is it painted?")?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(elf, &stack, session))
        .with_context(|| format!("measuring the stack of {}", elf.display()))
}

async fn run(elf: &Path, stack: &Range<u64>, session: Session) -> Result<u64> {
    let board = start_held("size", elf).await?;
    let deepest = match session {
        Session::Lines(exchanges) => {
            let mut line = Line::connect(&board).await?;
            board.release().await?;
            session::lines(&mut line, exchanges).await?;
            drop(line);
            order(&board, "stop", Value::Null).await?;
            read(&board, stack).await?
        }
        Session::Lastword { shell } => lastword(&board, stack, shell).await?,
    };
    board.stop().await?;
    Ok(deepest)
}

/// All of it twice: up to the reset, at which the machine stands still, and through the boot that
/// finds what was retained. Start-up paints again each time.
async fn lastword(board: &McuBoard, stack: &Range<u64>, shell: Shell) -> Result<u64> {
    let stand_still = json!({ "reboot": "shutdown", "shutdown": "pause" });
    order(board, "set-action", stand_still).await?;
    let mut events = board.subscribe();
    let mut line = Line::connect(board).await?;
    board.release().await?;
    session::shell(&mut line, shell).await?;
    line.say(session::noise()).await?;
    drop(line);
    session::frames(board).await?;
    let stopped = async {
        while events.next().await?.kind != BoardEventKind::Shutdown {}
        Ok::<_, anyhow::Error>(())
    };
    let stopped = timeout(RESET_LIMIT, stopped).await;
    stopped.context("the board was told to reset and did not")??;
    let first = read(board, stack).await?;

    order(board, "set-action", json!({ "reboot": "reset" })).await?;
    order(board, "system_reset", Value::Null).await?;
    order(board, "cont", Value::Null).await?;
    session::look(board).await?;
    order(board, "stop", Value::Null).await?;
    Ok(first.max(read(board, stack).await?))
}

async fn order(board: &McuBoard, command: &str, arguments: Value) -> Result<()> {
    board.execute(command, arguments).await?;
    Ok(())
}

async fn read(board: &McuBoard, stack: &Range<u64>) -> Result<u64> {
    let file = tempfile::NamedTempFile::new()?;
    let what = json!({
        "val": stack.start,
        "size": stack.end - stack.start,
        "filename": file.path(),
    });
    order(board, "pmemsave", what).await?;
    used(&fs::read(file.path())?)
}

/// How much of the stack, of which this is the whole, has been written.
fn used(stack: &[u8]) -> Result<u64> {
    let painted = stack.chunks(PAINT.len()).take_while(|word| **word == PAINT);
    let painted_bytes = painted.count() * PAINT.len();
    ensure!(painted_bytes > 0, "the stack ran over into the variables");
    ensure!(painted_bytes < stack.len(), "the stack was never used");
    Ok((stack.len() - painted_bytes).try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[u32], expected: Option<u64>) {
        let stack: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(used(&stack).ok(), expected, "{words:x?}");
    }

    const P: u32 = u32::from_le_bytes(PAINT);

    #[test]
    fn the_deepest_word_counts_whatever_lies_above() {
        check(&[P, P, P, 1], Some(4));
        check(&[P, 0, P, 1], Some(12));
        check(&[P, P, P ^ 1, P], Some(8));
    }

    #[test]
    fn a_stack_without_paint_is_an_error() {
        check(&[0, P, P, 1], None);
        check(&[P, P, P], None);
        check(&[], None);
    }
}
