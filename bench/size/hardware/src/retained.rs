//! Memory that a reset leaves alone.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use lastword_responder::RETAINED_BYTES;

/// Words, because a bus moves them at once.
type Words = [u32; RETAINED_BYTES / 4];

struct Memory(UnsafeCell<MaybeUninit<Words>>);

// SAFETY: this firmware has one thread of execution, and no interrupts.
unsafe impl Sync for Memory {}

// SAFETY: cortex-m-rt has this section for variables that start-up leaves alone.
#[unsafe(link_section = ".uninit.retained")]
static MEMORY: Memory = Memory(UnsafeCell::new(MaybeUninit::uninit()));

pub(crate) fn load() -> [u8; RETAINED_BYTES] {
    let mut bytes = [0; RETAINED_BYTES];
    for (index, place) in bytes.as_chunks_mut().0.iter_mut().enumerate() {
        // SAFETY: it is there, and words are valid whatever they hold. Volatile, because they were
        // written before this program began.
        *place = unsafe { word(index).read_volatile() }.to_le_bytes();
    }
    bytes
}

pub(crate) fn store(bytes: &[u8; RETAINED_BYTES]) {
    for (index, word_bytes) in bytes.as_chunks().0.iter().enumerate() {
        // SAFETY: as above; nobody holds a reference. Volatile, because they are read after this
        // program has ended.
        unsafe { word(index).write_volatile(u32::from_le_bytes(*word_bytes)) };
    }
}

/// Where a word is; `index` is below the number of words, as whoever goes through the bytes keeps it.
fn word(index: usize) -> *mut u32 {
    MEMORY.0.get().cast::<u32>().wrapping_add(index)
}
