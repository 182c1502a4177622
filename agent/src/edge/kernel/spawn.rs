//! A new process that borrows this one's memory until it has become another program (clone(2),
//! clone3(2)): nothing is copied, so that starting does not slow down as the agent grows. With 10 MB
//! in use a copying fork took 2.1 ms where this took 0.8.

use super::checked;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr;

/// What the process is to become.
pub(in crate::edge) struct Program<'a> {
    /// Its file: the first of these that there is and that may be run.
    pub(in crate::edge) candidates: &'a [CString],
    /// Its arguments; its name is the first.
    pub(in crate::edge) arguments: &'a [CString],
    /// Its environment, `NAME=value` each.
    pub(in crate::edge) environment: &'a [CString],
}

/// Which step the new process could not take, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge) struct Refusal {
    /// What it was doing.
    pub(in crate::edge) step: &'static str,
    /// What the kernel said.
    pub(in crate::edge) errno: Errno,
}

/// The step that is the program's own start.
pub(in crate::edge) const RUNNING: &str = "running it";

/// Why there is no such program running now.
#[derive(Debug)]
pub(in crate::edge) enum Failure {
    /// There was no process at all.
    NoProcess(io::Error),
    /// There was one, and it has ended; it has been reaped.
    Refused(Refusal),
}

/// Starts a process in `cgroup`, if one is named, has it run `prepare` and become `program`, and
/// returns its process id once it has. It keeps only the standard descriptors, all signals have their
/// default disposition, and none is blocked. `prepare` has the descriptors whose numbers are below `end`.
///
/// This thread waits meanwhile. `prepare` runs in the new process, on a stack of 64 KiB and in the
/// memory of this one: what it changes in memory stays changed, what it changes of the process
/// (session, user, directory, descriptors) is the new one's alone. It must neither panic nor wait.
///
/// # Errors
///
/// See [`Failure`]. Naming a cgroup fails where this machine cannot start a process in one; it can
/// always write itself into one, which costs a grace period of the kernel (8 ms measured).
pub(in crate::edge) fn spawn(
    program: &Program<'_>,
    cgroup: Option<BorrowedFd<'_>>,
    end: u32,
    prepare: &dyn Fn() -> Result<(), Refusal>,
) -> Result<i32, Failure> {
    let mut child = Child {
        candidates: pointers(program.candidates),
        arguments: pointers(program.arguments),
        environment: pointers(program.environment),
        end,
        prepare,
        refusal: None,
    };
    let mut stack = vec![0_u128; STACK_BYTES / size_of::<u128>()];
    // A handler of the agent must not run in the new process: they share the memory.
    let mask = SigSet::all()
        .thread_swap_mask(SigmaskHow::SIG_SETMASK)
        .map_err(|errno| Failure::NoProcess(errno.into()))?;
    let started = match cgroup {
        None => clone(&mut stack, &mut child),
        Some(cgroup) => clone_into(cgroup, &mut stack, &mut child),
    };
    // It was this thread's own mask a moment ago.
    let _ = mask.thread_set_mask();
    let pid = started.map_err(Failure::NoProcess)?;
    match child.refusal {
        None => Ok(pid),
        Some(refusal) => {
            // It has called _exit.
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            Err(Failure::Refused(refusal))
        }
    }
}

/// The stack of the new process until it has one of its own.
const STACK_BYTES: usize = 64 << 10;
/// What the new process exits with if it became nothing, as in a shell. Nobody sees it.
const NOT_FOUND: c_int = 127;
/// The new process shares our memory, and we wait until it no longer does; and our descriptors, until it
/// has its own.
const SHARED: c_int = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES;

/// What the new process reads, and the one thing that it writes.
struct Child<'a> {
    candidates: Vec<*const c_char>,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    end: u32,
    prepare: &'a dyn Fn() -> Result<(), Refusal>,
    refusal: Option<Refusal>,
}

impl Child<'_> {
    /// Returns only if it could not.
    fn become_program(&self) -> Refusal {
        default_signals();
        if let Err(errno) = own_descriptors(self.end) {
            let step = "having descriptors of its own";
            return Refusal { step, errno };
        }
        if let Err(refusal) = (self.prepare)() {
            return refusal;
        }
        close_on_exec();
        if let Err(errno) = SigSet::empty().thread_set_mask() {
            let step = "unblocking signals";
            return Refusal { step, errno };
        }
        let mut errno = Errno::ENOENT;
        for &candidate in self.candidates.iter().filter(|file| !file.is_null()) {
            // SAFETY: path, arguments and environment are strings that live in the parent, which
            // waits; both lists end with a null pointer.
            unsafe {
                libc::execve(
                    candidate,
                    self.arguments.as_ptr(),
                    self.environment.as_ptr(),
                );
            }
            // As execvp(3): a file that may not be run is worth telling, the next may be better.
            match Errno::last() {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES => errno = Errno::EACCES,
                other => {
                    errno = other;
                    break;
                }
            }
        }
        let step = RUNNING;
        Refusal { step, errno }
    }
}

extern "C" fn run_child(child: *mut c_void) -> c_int {
    // SAFETY: it is the `Child` of `spawn`, which waits until this has exited or is another program,
    // and touches it only then.
    let child = unsafe { &mut *child.cast::<Child<'_>>() };
    child.refusal = Some(child.become_program());
    // SAFETY: ends the process without running anything that belongs to the parent.
    unsafe { libc::_exit(NOT_FOUND) }
}

/// The strings' addresses and a null pointer, as execve(2) has it. Valid as long as they are.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let addresses = strings.iter().map(|string| string.as_ptr());
    addresses.chain([ptr::null()]).collect()
}

/// Gives every signal its default disposition: what is ignored stays so over execve(2), and what
/// has a handler must not run one here. By the system call itself, since the C library keeps signals 32
/// and 33 to itself, and whoever started the agent may have had them ignored.
fn default_signals() {
    /// At least a `struct sigaction` of the kernel; all zero it says `SIG_DFL`, on every architecture.
    const DEFAULT: [u64; 8] = [0; 8];
    /// A bit for each signal.
    const SET_BYTES: usize = 8;
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the kernel reads less than `DEFAULT` has. The default is no handler, so none can be
        // wrong. The kernel refuses SIGKILL and SIGSTOP, which have no other disposition.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                DEFAULT.as_ptr(),
                ptr::null::<u64>(),
                SET_BYTES,
            )
        };
    }
}

/// The last signal of Linux (signal(7)).
const LAST_SIGNAL: c_int = 64;

/// Has the new process copy the descriptors below `end`, and no others, to have them for itself: what it
/// does with them is nothing to us from here on.
fn own_descriptors(end: u32) -> nix::Result<()> {
    const CLOSE_RANGE_UNSHARE: libc::c_uint = 1 << 1;
    // Kernels before 6.11 copied a wrong bit if it was not a whole word of them.
    let first = end.next_multiple_of(u64::BITS);
    // SAFETY: copies descriptors of this process; it reads and writes no memory.
    let parted = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            CLOSE_RANGE_UNSHARE,
        )
    };
    if parted == 0 {
        return Ok(());
    }
    // Before Linux 5.9: all of them.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES)
}

/// Marks every descriptor but the standard three to be closed by execve(2). Kernels before 5.11
/// cannot; the agent's own are marked anyhow, and only what its parent left open stays.
fn close_on_exec() {
    const FIRST: libc::c_uint = 3;
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 1 << 2;
    // SAFETY: marks descriptors of this process; it reads and writes no memory.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    };
}

fn clone(stack: &mut [u128], child: &mut Child<'_>) -> io::Result<i32> {
    // SAFETY: the stack belongs to the new process alone, its end is aligned to 16 bytes, and it and
    // `child` outlive the sharing of memory, since this thread waits for its end.
    let pid = unsafe {
        libc::clone(
            run_child,
            stack.as_mut_ptr_range().end.cast(),
            SHARED | libc::SIGCHLD,
            ptr::from_mut(child).cast(),
        )
    };
    if pid < 0 {
        checked(pid)?;
    }
    Ok(pid)
}

/// As [`clone`], in a cgroup (clone3(2), `CLONE_INTO_CGROUP`, Linux 5.7). The C library has no
/// function for it that takes a stack.
#[cfg(target_arch = "x86_64")]
fn clone_into(
    cgroup: BorrowedFd<'_>,
    stack: &mut [u128],
    child: &mut Child<'_>,
) -> io::Result<i32> {
    use std::os::fd::AsRawFd;

    const CLONE_INTO_CGROUP: u64 = 1 << 33;
    let word = |number: c_int| u64::from(number.unsigned_abs());
    let address = |pointer: *mut u128| pointer as usize as u64;
    // `struct clone_args` of linux/sched.h: flags, pidfd, child_tid, parent_tid, exit_signal,
    // stack, stack_size, tls, set_tid, set_tid_size, cgroup.
    let arguments: [u64; 11] = [
        word(SHARED) | CLONE_INTO_CGROUP,
        0,
        0,
        0,
        word(libc::SIGCHLD),
        address(stack.as_mut_ptr()),
        size_of_val(stack) as u64,
        0,
        0,
        0,
        word(cgroup.as_raw_fd()),
    ];
    let result: i64;
    // SAFETY: as for `clone`. The new process comes out of the system call with the registers of this
    // one, but for the result and the stack: it calls `run_child` on its own stack, whose end is
    // aligned to 16 bytes, and never returns; this one goes on behind.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r8",
            "call r9",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") arguments.as_ptr(),
            in("rsi") size_of_val(&arguments),
            in("r8") ptr::from_mut(child),
            in("r9") run_child as extern "C" fn(*mut c_void) -> c_int,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    let result = i32::try_from(result).unwrap_or(i32::MIN);
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(result)
}

/// Not on this architecture: the few instructions have been written and tried for x86-64 only.
#[cfg(not(target_arch = "x86_64"))]
fn clone_into(
    _cgroup: BorrowedFd<'_>,
    _stack: &mut [u128],
    _child: &mut Child<'_>,
) -> io::Result<i32> {
    Err(Errno::ENOSYS.into())
}
