//! reboot(2), in this process.

use super::console::QuietConsole;
use super::program::Program;
use super::{PowerBackend, Trigger};
use lastword_protocol::power::{Backend, Evidence, Operation};
use nix::sys::reboot::{RebootMode, reboot};
use std::fs;
use std::io;

/// The Linux kernel.
#[derive(Clone, Debug)]
pub struct Linux {
    reboot_program: Vec<String>,
    poweroff_program: Vec<String>,
}

impl Linux {
    /// The programs are what graceful operations run, with their arguments.
    #[must_use]
    pub const fn new(reboot_program: Vec<String>, poweroff_program: Vec<String>) -> Self {
        Self {
            reboot_program,
            poweroff_program,
        }
    }
}

impl PowerBackend for Linux {
    fn kind(&self) -> Backend {
        Backend::Linux
    }

    fn prepare(&self, operation: Operation, quiet_console: bool) -> io::Result<Box<dyn Trigger>> {
        let way = match operation {
            Operation::Reboot => Way::kernel(RebootMode::RB_AUTOBOOT)?,
            Operation::Shutdown => Way::kernel(RebootMode::RB_POWER_OFF)?,
            Operation::GracefulReboot => Way::Program(Program::open(&self.reboot_program)?),
            Operation::GracefulShutdown => Way::Program(Program::open(&self.poweroff_program)?),
        };
        let quiet = quiet_console.then(QuietConsole::begin).flatten();
        Ok(Box::new(LinuxTrigger { way, quiet }))
    }
}

/// How it is done.
enum Way {
    Kernel(RebootMode),
    Program(Program),
}

impl Way {
    fn kernel(mode: RebootMode) -> io::Result<Self> {
        may_reboot()?;
        // What the page cache holds is written while the answer can still be no. A dying disk may
        // hang here; whoever called gives up on this thread then.
        nix::unistd::sync();
        Ok(Self::Kernel(mode))
    }
}

struct LinuxTrigger {
    way: Way,
    quiet: Option<QuietConsole>,
}

impl Trigger for LinuxTrigger {
    fn acknowledged(&mut self) {
        self.quiet = None;
    }

    fn fire(self: Box<Self>, evidence: Evidence) -> u16 {
        match self.way {
            Way::Kernel(mode) => {
                tracing::info!(target: "power", ?mode, %evidence, "firing");
                let Err(error) = reboot(mode);
                tracing::error!(target: "power", %error, "reboot(2) returned");
                u16::try_from(error as i32).unwrap_or(u16::MAX)
            }
            Way::Program(program) => program.run(),
        }
    }
}

/// Whether reboot(2) would reset the machine: it needs `CAP_SYS_BOOT` in the first user namespace,
/// and in a pid namespace of its own it only ends that namespace's init (reboot(2),
/// `pid_namespaces(7)`).
fn may_reboot() -> io::Result<()> {
    /// The inodes of the first namespaces (`PROC_PID_INIT_INO` and `PROC_USER_INIT_INO`,
    /// `linux/proc_ns.h`).
    const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
    const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";
    const CAP_SYS_BOOT: u32 = 22;

    let status = fs::read_to_string("/proc/self/status")?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or(0);
    if effective & 1 << CAP_SYS_BOOT == 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "CAP_SYS_BOOT is missing",
        ));
    }
    let is_in = |namespace: &str, first: &str| -> io::Result<bool> {
        match fs::read_link(format!("/proc/self/ns/{namespace}")) {
            Ok(link) => Ok(link.as_os_str() == first),
            // A kernel without this kind of namespace has but one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    };
    if !is_in("pid", FIRST_PID_NAMESPACE)? || !is_in("user", FIRST_USER_NAMESPACE)? {
        let message = "the init of these namespaces is not the machine's";
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
    }
    Ok(())
}
