//! Memory that a reset leaves alone.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use lastword_responder::RETAINED_BYTES;

type Bytes = [u8; RETAINED_BYTES];

struct Memory(UnsafeCell<MaybeUninit<Bytes>>);

// SAFETY: this firmware has one thread of execution, and no interrupts.
unsafe impl Sync for Memory {}

// SAFETY: cortex-m-rt has this section for variables that start-up leaves alone.
#[unsafe(link_section = ".uninit.retained")]
static MEMORY: Memory = Memory(UnsafeCell::new(MaybeUninit::uninit()));

pub(crate) fn load() -> Bytes {
    // SAFETY: it is there, and bytes are valid whatever they hold. Volatile, because they were
    // written before this program began.
    unsafe { MEMORY.0.get().cast::<Bytes>().read_volatile() }
}

pub(crate) fn store(bytes: &Bytes) {
    // SAFETY: as above; nobody holds a reference. Volatile, because they are read after this
    // program has ended.
    unsafe { MEMORY.0.get().cast::<Bytes>().write_volatile(*bytes) }
}
