//! The three descriptors that a new process gets. Their numbers are low: a new process copies the
//! agent's descriptors up to these, not the thousands above, which it would only close again (a tenth of
//! the time that 500 services took to start).

use rustix::io::{DupFlags, dup3, fcntl_dupfd_cloexec};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Input, output and error output, above the numbers that they are to have: to put one in its place
/// closes none of the others. The input is empty.
#[derive(Debug)]
struct Numbers {
    input: OwnedFd,
    out: OwnedFd,
    err: OwnedFd,
}

/// Numbers that are kept for new processes, open on nothing meanwhile.
static KEPT: Mutex<Vec<Numbers>> = Mutex::new(Vec::new());

fn kept() -> MutexGuard<'static, Vec<Numbers>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps numbers for so many processes that are being started at once; for as long as the agent lives.
/// While few descriptors are open they are low.
///
/// # Errors
///
/// If no more can be open. Starting then takes longer.
pub fn keep_low(count: usize) -> io::Result<()> {
    let before = kept().len();
    for _ in before..count {
        let numbers = Numbers::open()?;
        kept().push(numbers);
    }
    Ok(())
}

impl Numbers {
    fn open() -> io::Result<Self> {
        /// The standard three lie below.
        const FIRST: i32 = 3;
        let nothing = File::open("/dev/null")?;
        let number = || fcntl_dupfd_cloexec(&nothing, FIRST);
        Ok(Self {
            input: number()?,
            out: number()?,
            err: number()?,
        })
    }

    fn set(&mut self, out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<()> {
        dup3(out, &mut self.out, DupFlags::CLOEXEC)?;
        Ok(dup3(err, &mut self.err, DupFlags::CLOEXEC)?)
    }

    /// Open on nothing.
    fn clear(&mut self) -> io::Result<()> {
        dup3(&self.input, &mut self.out, DupFlags::CLOEXEC)?;
        Ok(dup3(&self.input, &mut self.err, DupFlags::CLOEXEC)?)
    }
}

/// What a new process is to have as its standard descriptors.
#[derive(Debug)]
pub(super) struct Standard {
    numbers: Option<Numbers>,
    is_kept: bool,
}

impl Standard {
    /// Copies of these for its output and error output, and no input.
    pub(super) fn new(out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<Self> {
        let kept = kept().pop();
        let is_kept = kept.is_some();
        let mut numbers = kept.map_or_else(Numbers::open, Ok)?;
        let set = numbers.set(out, err);
        let numbers = Some(numbers);
        let standard = Self { numbers, is_kept };
        set.map(|()| standard)
    }

    /// Input, output, error output.
    pub(super) fn all(&self) -> Option<[BorrowedFd<'_>; 3]> {
        let numbers = self.numbers.as_ref()?;
        Some([&numbers.input, &numbers.out, &numbers.err].map(AsFd::as_fd))
    }

    /// The first number above all of them.
    pub(super) fn end(&self) -> u32 {
        self.all()
            .into_iter()
            .flatten()
            .map(above)
            .max()
            .unwrap_or_default()
    }
}

impl Drop for Standard {
    fn drop(&mut self) {
        let numbers = self.numbers.take().filter(|_| self.is_kept);
        if let Some(mut numbers) = numbers
            && numbers.clear().is_ok()
        {
            kept().push(numbers);
        }
    }
}

/// The number after that of a descriptor.
pub(super) fn above(file: BorrowedFd<'_>) -> u32 {
    file.as_raw_fd().unsigned_abs() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::io::Write;

    #[test]
    fn numbers_that_are_kept_serve_one_process_after_the_other() {
        keep_low(2).expect("numbers");
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let first = Standard::new(writer.as_fd(), writer.as_fd()).expect("numbers");
        let [_, out, _] = first.all().expect("three");
        let mut out = File::from(out.try_clone_to_owned().expect("a copy"));
        out.write_all(b"heard").expect("a pipe takes it");
        drop((first, writer, out));
        let mut heard = String::new();
        // Nothing holds the pipe's other end any more: it ends.
        reader.read_to_string(&mut heard).expect("a pipe gives it");
        assert_eq!(heard, "heard");
    }
}
