//! Input of a link that waits: bytes in runs, and the places where some may be missing.

use std::collections::VecDeque;

/// The next of a link's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkInput {
    Byte(u8),
    /// Bytes may be missing here.
    Loss,
}

/// Input of a link, in its order.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    bytes: VecDeque<u8>,
    /// The number of bytes that were in front of each place where some may be missing, since the beginning.
    losses: VecDeque<u64>,
    /// The number of bytes that were taken.
    taken: u64,
}

impl InputQueue {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Bytes may be missing behind what was pushed. Told twice it is one place.
    pub(super) fn push_loss(&mut self) {
        let end = self.taken + self.bytes.len() as u64;
        if self.losses.back() != Some(&end) {
            self.losses.push_back(end);
        }
    }

    /// Takes the next.
    pub(super) fn pop(&mut self) -> Option<LinkInput> {
        if self.losses.pop_front_if(|at| *at == self.taken).is_some() {
            return Some(LinkInput::Loss);
        }
        let byte = self.bytes.pop_front()?;
        self.taken += 1;
        Some(LinkInput::Byte(byte))
    }

    /// Returns bytes that are next, without a loss among them; all or a part of those.
    pub(super) fn run(&self) -> &[u8] {
        let run = self.bytes.as_slices().0;
        let whole = self.losses.front().map_or(run.len(), |at| {
            usize::try_from(at - self.taken).unwrap_or(usize::MAX)
        });
        &run[..run.len().min(whole)]
    }

    /// Takes so many bytes of [`InputQueue::run`].
    pub(super) fn skip(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.taken += count as u64;
    }

    /// Returns how many bytes and losses wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.losses.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The input that is left, losses as `!`.
    fn rest(queue: &mut InputQueue) -> String {
        let input = std::iter::from_fn(|| queue.pop());
        let shown = input.map(|input| match input {
            LinkInput::Byte(byte) => char::from(byte),
            LinkInput::Loss => '!',
        });
        shown.collect()
    }

    #[test]
    fn input_comes_in_its_order_with_its_losses_at_their_places() {
        let mut queue = InputQueue::default();
        queue.push_loss();
        queue.push_loss();
        queue.push(b"ab");
        queue.push_loss();
        queue.push(b"c");
        queue.push_loss();
        assert_eq!(queue.len(), 6);
        assert_eq!(rest(&mut queue), "!ab!c!");
        assert_eq!(queue.len(), 0);
        queue.push_loss();
        queue.push(b"d");
        assert_eq!(rest(&mut queue), "!d");
    }

    #[test]
    fn a_run_ends_in_front_of_a_loss() {
        let mut queue = InputQueue::default();
        queue.push(b"abc");
        queue.push_loss();
        queue.push(b"de");
        assert_eq!(queue.run(), b"abc");
        queue.skip(2);
        assert_eq!(queue.run(), b"c");
        queue.skip(1);
        assert_eq!(queue.run(), b"");
        assert_eq!(queue.pop(), Some(LinkInput::Loss));
        assert_eq!(queue.run(), b"de");
    }

    #[test]
    fn a_run_that_was_pushed_in_many_parts_is_told_in_parts() {
        let mut queue = InputQueue::default();
        let mut told = Vec::new();
        for round in 0..100_u8 {
            queue.push(&[round; 7]);
            let run = queue.run().to_vec();
            queue.skip(run.len().min(5));
            told.extend_from_slice(&run[..run.len().min(5)]);
        }
        told.extend(rest(&mut queue).bytes());
        let expected: Vec<u8> = (0..100).flat_map(|round| [round; 7]).collect();
        assert_eq!(told, expected);
    }
}
