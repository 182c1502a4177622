//! The same on a microcontroller: real firmware on an emulated Cortex-M3.

use super::{introduce, reboot};
use crate::board::mcu;
use crate::line::Line;
use anyhow::Result;
use tokio::time::Instant;

/// A line of its shell, who it is, and a reboot.
pub(super) async fn show() -> Result<()> {
    println!("\n== A microcontroller: firmware on an emulated Cortex-M3, one UART for everything");
    let board = mcu::start_held("demo-mcu", &mcu::image("responder")?).await?;
    let mut line = Line::connect(&board).await?;
    let begun = Instant::now();
    board.release().await?;
    line.announcement().await?;
    let up = begun.elapsed().as_secs_f64() * 1_000.0;
    println!("   up: it announces itself {up:.1} ms after power came");

    println!("\n== printf 'power status\\n', as a script");
    line.say("\npower status\n").await?;
    print!("   {}", line.until("\n").await?);
    // The UART serves one at a time.
    drop(line);

    introduce(&board.serial_line(), "firmware").await?;
    reboot(board.subscribe(), &board.serial_line(), "its UART").await?;
    Ok(board.stop().await?)
}
