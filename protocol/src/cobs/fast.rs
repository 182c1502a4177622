//! For hosts: a code takes the very place of the zero that it stands for, so that nothing moves but
//! what lies behind a full run, and many bytes are looked at together.

use super::{FULL, MAX_RUN};

/// Encodes what lies in `buffer` from 1 up to `end` and returns where it ends then; `None` if
/// that is beyond `buffer`. The first byte is room for the first code.
#[inline]
pub(crate) fn encode(buffer: &mut [u8], mut end: usize) -> Option<usize> {
    let mut code_at = 0;
    loop {
        let begin = code_at + 1;
        let limit = end.min(begin + MAX_RUN);
        let run = buffer.get(begin..limit)?;
        let zero = first_zero(run);
        let length = zero.unwrap_or(run.len());
        // At most 255.
        buffer[code_at] = (length + 1).to_le_bytes()[0];
        code_at = begin + length;
        if zero.is_some() {
            continue;
        }
        if code_at == end {
            return Some(end);
        }
        // A full run: its successor's code needs a place of its own.
        buffer.get(end)?;
        buffer.copy_within(code_at..end, code_at + 1);
        end += 1;
    }
}

/// Where the first zero is. It is near, or else blocks without one are passed as a whole.
fn first_zero(run: &[u8]) -> Option<usize> {
    let is_zero = |byte: &u8| *byte == 0;
    let (near, far) = run.split_at_checked(BLOCK).unwrap_or((run, &[]));
    if let Some(zero) = near.iter().position(is_zero) {
        return Some(zero);
    }
    let (blocks, _) = far.as_chunks::<BLOCK>();
    // Without a way out, so that all bytes of a block are compared at once.
    let is_clear =
        |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | is_zero(byte));
    let clear = BLOCK * blocks.iter().take_while(is_clear).count();
    let zero = far.get(clear..)?.iter().position(is_zero)?;
    Some(near.len() + clear + zero)
}

const BLOCK: usize = 16;

/// Decodes in place and returns what `encoded` says; `None` if it ends within a run. A zero where
/// a code should be ends it.
pub(crate) fn decode(encoded: &mut [u8]) -> Option<&[u8]> {
    let mut code = *encoded.first().filter(|code| **code != 0)?;
    let mut code_at = 0;
    // How many codes stood for no zero: what follows them moves up.
    let mut gap = 0;
    loop {
        let next = code_at + usize::from(code);
        let run = encoded.get(code_at + 1..next)?;
        if gap > 0 && !run.is_empty() {
            encoded.copy_within(code_at + 1..next, code_at + 1 - gap);
        }
        let Some(following) = encoded.get(next).copied().filter(|code| *code != 0) else {
            return encoded.get(1..next - gap);
        };
        if code == FULL {
            gap += 1;
        } else {
            encoded[next - gap] = 0;
        }
        code = following;
        code_at = next;
    }
}
