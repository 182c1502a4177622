//! Memory that a reset leaves alone.
//!
//! Start-up code neither loads nor clears it. After power came it holds anything at all; whoever
//! keeps something in it has to be able to tell that from what was kept.
#![expect(
    unsafe_code,
    reason = "memory that nobody initialises, at the section that is kept"
)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;

/// How much a program can keep, in bytes.
pub const RETAINED_BYTES: usize = 24;

/// The program's part of the retained memory.
pub struct Retained(());

impl Retained {
    /// Made once, by the board.
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// What it holds; after power came, anything at all.
    #[must_use]
    pub fn load(&self) -> [u8; RETAINED_BYTES] {
        // SAFETY: the memory is there, bytes are valid whatever they hold, and only the one
        // `Retained` reaches them. Volatile, because they were written before this program began.
        unsafe { ptr::read_volatile(&raw const (*MEMORY.whole()).program) }
    }

    /// Replaces it. A reset in the middle leaves some old and some new bytes behind.
    pub fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) {
        // SAFETY: as for `load`. Volatile, because they are read after this program has ended.
        unsafe { ptr::write_volatile(&raw mut (*MEMORY.whole()).program, *bytes) }
    }
}

/// Why this firmware reset the board without having been asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The main loop did not feed the watchdog.
    Watchdog,
    /// The program ran into a fault, an interrupt that nobody expected, or a panic.
    Fault,
}

impl Mark {
    const fn number(self) -> u32 {
        match self {
            Self::Watchdog => 0x57D6_0001,
            Self::Fault => 0x57D6_0002,
        }
    }
}

/// Leaves a mark for the next boot. From any handler, right before it resets.
pub(crate) fn leave(mark: Mark) {
    write_cookie([mark.number(), !mark.number()]);
}

/// Takes the mark that the boot before this one left; none after any other reset.
pub(crate) fn take_mark() -> Option<Mark> {
    // SAFETY: the memory is there and words are valid whatever they hold. Handlers that write
    // them do not return.
    let [number, complement] = unsafe { ptr::read_volatile(&raw const (*MEMORY.whole()).cookie) };
    write_cookie([0, 0]);
    let marks = [Mark::Watchdog, Mark::Fault];
    let found = marks.into_iter().find(|mark| mark.number() == number);
    found.filter(|_| complement == !number)
}

fn write_cookie(cookie: [u32; 2]) {
    // SAFETY: as for `take_mark`.
    unsafe { ptr::write_volatile(&raw mut (*MEMORY.whole()).cookie, cookie) }
}

/// All of it, in an order that no build changes.
#[repr(C)]
struct Layout {
    /// A mark and its complement.
    cookie: [u32; 2],
    program: [u8; RETAINED_BYTES],
}

struct Memory(UnsafeCell<MaybeUninit<Layout>>);

impl Memory {
    fn whole(&self) -> *mut Layout {
        self.0.get().cast()
    }
}

// SAFETY: its two parts have one user each at a time, as said where they are accessed.
unsafe impl Sync for Memory {}

#[unsafe(link_section = ".retained")]
static MEMORY: Memory = Memory(UnsafeCell::new(MaybeUninit::uninit()));
