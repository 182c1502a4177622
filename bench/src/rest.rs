//! The agent at rest: what it costs a board to have it.

use crate::figure::{Figure, Unit};
use crate::part::Setting;
use anyhow::{Context, Result};
use std::path::Path;

/// Measures the agent at rest.
///
/// # Errors
///
/// If the agent cannot be measured.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    Ok(vec![size(&setting.board_agent)?])
}

fn size(agent: &Path) -> Result<Figure> {
    let data = std::fs::metadata(agent).with_context(|| format!("no {}", agent.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
    let bytes = data.len() as f64;
    let measured = "the file that a board gets: profile `board`, linked statically, stripped";
    Ok(Figure::new(
        "size of `lastwordd`",
        bytes,
        Unit::Bytes,
        measured,
    ))
}
