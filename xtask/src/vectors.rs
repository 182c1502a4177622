//! `cargo xtask vectors`: the golden vectors of the protocol, checked on an emulated Cortex-M3.

mod list;

use crate::board::mcu;
use anyhow::{Context, Result, ensure};
use list::{Vector, Verdict};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the board may take for one.
const LIMIT: Duration = Duration::from_secs(10);

/// Has the board read every vector and write it again, and refuse every part of one.
pub(crate) fn run() -> Result<()> {
    mcu::build()?;
    let vectors = list::collect()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(check_all(&vectors))
}

async fn check_all(vectors: &[Vector]) -> Result<()> {
    let board = mcu::start_held("vectors", &mcu::image("vectors")?).await?;
    let mut line = board.connect_serial().await.context("the board is off")?;
    board.release().await?;
    ensure!(
        sees_a_fault(&mut line, vectors).await?,
        "a wrong byte went unseen"
    );
    let mut failed = 0_usize;
    let mut cuts = 0_usize;
    for vector in vectors {
        let wrong = check(&mut line, vector).await?;
        failed += usize::from(wrong.is_some());
        if let Some(wrong) = wrong {
            println!("{vector}: {wrong}");
        }
        for cut in vector.cuts() {
            cuts += 1;
            if let Some(wrong) = check(&mut line, &cut).await? {
                failed += 1;
                println!("{cut}: {wrong}");
            }
        }
    }
    drop(line);
    board.stop().await?;
    println!(
        "vectors: {} run on the board and {cuts} parts of them, {failed} failed",
        vectors.len()
    );
    ensure!(failed == 0, "the board does not keep to the vectors");
    Ok(())
}

/// Whether a vector whose last byte is not what was sent is noticed: this check can fail.
async fn sees_a_fault(line: &mut UnixStream, vectors: &[Vector]) -> Result<bool> {
    let good = vectors.iter().find(|vector| vector.can_be_spoiled());
    let good = good.context("no vector to spoil")?;
    Ok(check(line, &good.spoiled()).await?.is_some())
}

/// What is wrong with what the board makes of a vector, if anything.
async fn check(line: &mut UnixStream, vector: &Vector) -> Result<Option<String>> {
    let exchange = timeout(LIMIT, ask(line, vector)).await;
    let answer = exchange.with_context(|| format!("{vector}: the board says nothing"))??;
    Ok(match (vector.verdict, answer) {
        (Verdict::Good, Some(written)) if written == vector.expected() => None,
        (Verdict::Good, Some(written)) => Some(format!("written as {written:02x?}")),
        (Verdict::Good, None) => Some("refused".to_owned()),
        (Verdict::Bad, None) => None,
        (Verdict::Bad, Some(_)) => Some("taken".to_owned()),
    })
}

/// What the board writes, or `None` if it refuses.
async fn ask(line: &mut UnixStream, vector: &Vector) -> Result<Option<Vec<u8>>> {
    line.write_all(&vector.question()?).await?;
    let is_read = line.read_u8().await? == 1;
    let mut content = vec![0; line.read_u16_le().await?.into()];
    line.read_exact(&mut content).await?;
    Ok(is_read.then_some(content))
}
