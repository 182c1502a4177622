//! A ring of bytes between an interrupt and the program, without locks.

use core::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

/// A byte in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingEntry {
    /// The byte itself.
    pub byte: u8,
    /// True if bytes are missing in front of it.
    pub follows_loss: bool,
}

/// A queue of up to `CAPACITY` bytes with one who pushes and one who pops.
///
/// `CAPACITY` is a power of two; anything else does not compile. Only loads and stores are used, so
/// that cores without compare-and-swap (Armv6-M) have it too. With a second pusher or popper bytes
/// are lost or repeated, but memory stays sound.
pub struct Ring<const CAPACITY: usize> {
    /// Each byte, and [`FOLLOWS_LOSS`].
    entries: [AtomicU16; CAPACITY],
    /// How many were ever pushed, wrapping. Stored by the pusher only.
    pushed: AtomicUsize,
    /// How many were ever popped, wrapping. Stored by the popper only.
    popped: AtomicUsize,
}

impl<const CAPACITY: usize> Ring<CAPACITY> {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        // Otherwise the place of a byte would jump where the counts wrap.
        const { assert!(CAPACITY.is_power_of_two()) };
        Self {
            entries: [const { AtomicU16::new(0) }; CAPACITY],
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
        }
    }

    /// Adds a byte at the end; returns whether there was room.
    pub fn push(&self, byte: u8) -> bool {
        let follows_loss = false;
        self.push_entry(RingEntry { byte, follows_loss })
    }

    /// Adds a byte, in front of which bytes may be missing, at the end; returns whether there was room.
    pub fn push_entry(&self, entry: RingEntry) -> bool {
        let pushed = self.pushed.load(Ordering::Relaxed);
        let used = pushed.wrapping_sub(self.popped.load(Ordering::Acquire));
        if used >= CAPACITY {
            return false;
        }
        if let Some(place) = self.entries.get(pushed % CAPACITY) {
            let mark = if entry.follows_loss { FOLLOWS_LOSS } else { 0 };
            place.store(u16::from(entry.byte) | mark, Ordering::Relaxed);
        }
        self.pushed.store(pushed.wrapping_add(1), Ordering::Release);
        true
    }

    /// The byte at the front, which stays there.
    pub fn front(&self) -> Option<RingEntry> {
        let popped = self.popped.load(Ordering::Relaxed);
        if popped == self.pushed.load(Ordering::Acquire) {
            return None;
        }
        let entry = self.entries.get(popped % CAPACITY)?.load(Ordering::Relaxed);
        let [byte, _] = entry.to_le_bytes();
        Some(RingEntry {
            byte,
            follows_loss: entry & FOLLOWS_LOSS != 0,
        })
    }

    /// Takes the byte at the front.
    pub fn pop(&self) -> Option<u8> {
        let entry = self.front()?;
        let popped = self.popped.load(Ordering::Relaxed);
        self.popped.store(popped.wrapping_add(1), Ordering::Release);
        Some(entry.byte)
    }

    /// How many bytes wait. Asked by the pusher it can only be too high a moment later, asked by
    /// the popper only too low.
    #[must_use]
    pub fn len(&self) -> usize {
        let popped = self.popped.load(Ordering::Acquire);
        self.pushed.load(Ordering::Acquire).wrapping_sub(popped)
    }

    /// Whether no byte waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= CAPACITY
    }
}

/// Set in an entry in front of which bytes are missing.
const FOLLOWS_LOSS: u16 = 1 << 8;

impl<const CAPACITY: usize> Default for Ring<CAPACITY> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `bytes`, pops `pops`, and looks at what is left of a ring of four.
    #[track_caller]
    fn check(start: usize, bytes: &[u8], accepted: usize, pops: &[Option<u8>], left: usize) {
        let ring = Ring::<4>::new();
        ring.pushed.store(start, Ordering::Relaxed);
        ring.popped.store(start, Ordering::Relaxed);
        let took = bytes.iter().take_while(|&&byte| ring.push(byte)).count();
        assert_eq!(took, accepted, "accepted of {bytes:?}");
        assert_eq!(ring.is_full(), accepted == 4, "full after {bytes:?}");
        for expected in pops {
            assert_eq!(ring.pop(), *expected, "of {bytes:?}");
        }
        assert_eq!(ring.len(), left, "left of {bytes:?}");
        assert_eq!(ring.is_empty(), left == 0, "empty after {bytes:?}");
    }

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        check(0, b"", 0, &[None], 0);
        check(0, b"abc", 3, &[Some(b'a'), Some(b'b')], 1);
        check(3, b"abc", 3, &[Some(b'a'), Some(b'b'), Some(b'c'), None], 0);
    }

    #[test]
    fn a_full_ring_takes_no_more_and_loses_nothing() {
        check(0, b"abcd", 4, &[Some(b'a')], 3);
        check(2, b"abcde", 4, &[Some(b'a'), Some(b'b')], 2);
    }

    #[test]
    fn a_loss_keeps_its_place_in_front_of_a_byte() {
        let ring = Ring::<4>::new();
        assert!(ring.push(b'a'));
        assert!(ring.push_entry(RingEntry {
            byte: 0xFF,
            follows_loss: true
        }));
        assert!(ring.push(b'c'));
        for (byte, follows_loss) in [(b'a', false), (0xFF, true), (b'c', false)] {
            assert_eq!(ring.front(), Some(RingEntry { byte, follows_loss }));
            assert_eq!(ring.pop(), Some(byte));
        }
        assert_eq!(ring.front(), None);
    }

    #[test]
    fn counts_may_wrap() {
        check(usize::MAX, b"abcde", 4, &[Some(b'a'), Some(b'b')], 2);
        check(usize::MAX - 3, b"abcd", 4, &[Some(b'a')], 3);
    }

    #[test]
    fn every_byte_crosses_once_and_in_order_between_two_threads() {
        const BYTES: u32 = 200_000;
        let ring = Ring::<8>::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..BYTES {
                    while !ring.push(number.to_le_bytes()[0]) {
                        std::thread::yield_now();
                    }
                }
            });
            for number in 0..BYTES {
                let byte = loop {
                    match ring.pop() {
                        Some(byte) => break byte,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(byte, number.to_le_bytes()[0], "byte {number}");
            }
        });
        assert!(ring.is_empty());
    }
}
