//! Starts a process of a service.

use super::user::User;
use super::watch::Process;
use super::{Cgroup, NONCE_VARIABLE, Nonce64, SERVICE_VARIABLE, explain, limits, orphans};
use crate::edge::kernel::{self, Failure, Program, Refusal};
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, setsid};
use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What to start, and as whom.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The service's name.
    pub name: String,
    /// The program. Without a slash it is looked up in the `PATH` of the service's environment; a
    /// relative path begins at `directory`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// What is added to the agent's environment, or replaces parts of it.
    pub env: Vec<(String, String)>,
    /// The working directory; without one `/`.
    pub directory: Option<PathBuf>,
    /// Whom it runs as; without one as the agent does.
    pub user: Option<User>,
    /// Which start this is.
    pub nonce: Nonce64,
    /// The cgroup it starts in, so that nothing it does can happen outside.
    pub cgroup: Option<Cgroup>,
    /// Where it may tell that it is ready (`sd_notify(3)`).
    pub notify: Option<PathBuf>,
}

/// Starts it and returns once it is the program that it was to become: in a session and process group of
/// its own, with no input, with these two for its output, no other descriptor, every signal at its
/// default, umask 022, and the limit on open files that the agent was started with.
///
/// Waits for the program's file, so on a thread that may wait if that may lie on a slow disk: about a
/// millisecond of it, however much memory the agent uses.
///
/// # Errors
///
/// If there is no such program, directory or cgroup, it may not be run, or the machine has no room for
/// a process. Nothing runs then.
pub fn launch(launch: &Launch, out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<Process> {
    launch_by(launch, out, err, Way::Inside)
}

/// How a process gets into its cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is started there; where that cannot be, it enters by itself.
    Inside,
    /// It enters by itself.
    #[cfg(test)]
    Entering,
}

pub(super) fn launch_by(
    launch: &Launch,
    out: BorrowedFd<'_>,
    err: BorrowedFd<'_>,
    way: Way,
) -> io::Result<Process> {
    let failed = |error: io::Error| explain(&format!("cannot start {}", launch.name), &error);
    let environment = environment(launch);
    let files = candidates(&launch.program, environment.get(OsStr::new("PATH")));
    let program = Program {
        candidates: &strings(files).map_err(failed)?,
        arguments: &strings(arguments(launch)).map_err(failed)?,
        environment: &strings(assignments(environment)).map_err(failed)?,
    };
    let before = Before::new(launch, out, err).map_err(failed)?;
    let dumpable = dumpable_behavior();
    let started = orphans::hold(|| spawn(&program, &before, way));
    // Becoming another user marks the memory that parent and child share as not to be looked into
    // (prctl(2), PR_SET_DUMPABLE). It is the agent's alone again.
    if launch.user.is_some() && matches!(dumpable, Ok(DumpableBehavior::Dumpable)) {
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    }
    match started {
        Ok(pid) => Process::of_child(pid)
            .inspect_err(|_| abandon(pid))
            .map_err(failed),
        Err(Failure::NoProcess(error)) => Err(failed(explain("no new process", &error))),
        Err(Failure::Refused(refusal)) => Err(failed(refused(launch, refusal))),
    }
}

/// It runs, and nobody could watch over it: the agent has no descriptor or memory left.
fn abandon(pid: i32) {
    // Unreaped it keeps its number, and it leads its own group.
    let _ = nix::sys::signal::killpg(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    );
    orphans::leave(pid);
}

fn spawn(program: &Program<'_>, before: &Before<'_>, way: Way) -> Result<i32, Failure> {
    let Some(cgroup) = &before.cgroup else {
        return kernel::spawn(program, None, &|| before.run());
    };
    if way == Way::Inside {
        match kernel::spawn(program, Some(cgroup.directory.as_fd()), &|| before.run()) {
            Err(Failure::NoProcess(error)) if cannot_ever(&error) => {}
            done => return done,
        }
    }
    let enter = || cgroup.enter().and_then(|()| before.run());
    kernel::spawn(program, None, &enter)
}

/// Too old a kernel, another architecture, a filter of system calls; not a limit that was reached, which
/// entering would get around.
fn cannot_ever(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::ENOSYS | Errno::EINVAL | Errno::E2BIG | Errno::EPERM)
    )
}

/// The cgroup, opened while that still is simple.
struct Entrance {
    directory: OwnedFd,
    members: File,
}

impl Entrance {
    /// In the new process: 0 is whoever writes (cgroups(7)).
    fn enter(&self) -> Result<(), Refusal> {
        let written = nix::unistd::write(&self.members, b"0").map(drop);
        step("entering its cgroup", written)
    }
}

/// What the new process does before it becomes the program.
struct Before<'a> {
    launch: &'a Launch,
    input: OwnedFd,
    out: OwnedFd,
    err: OwnedFd,
    cgroup: Option<Entrance>,
    directory: CString,
    groups: Vec<rustix::process::Gid>,
}

impl<'a> Before<'a> {
    fn new(launch: &'a Launch, out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<Self> {
        let entrance = |cgroup: &Cgroup| {
            let (directory, members) = cgroup.open()?;
            io::Result::Ok(Entrance { directory, members })
        };
        let groups = launch.user.iter().flat_map(|user| &user.groups);
        let directory = launch.directory.as_deref().unwrap_or(Path::new("/"));
        Ok(Self {
            launch,
            input: above_standard(File::open("/dev/null")?.as_fd())?,
            out: above_standard(out)?,
            err: above_standard(err)?,
            cgroup: launch.cgroup.as_ref().map(entrance).transpose()?,
            directory: CString::new(directory.as_os_str().as_bytes())?,
            groups: groups
                .map(|gid| rustix::process::Gid::from_raw(gid.as_raw()))
                .collect(),
        })
    }

    /// In the new process: allocates nothing.
    fn run(&self) -> Result<(), Refusal> {
        step("leading a session", setsid().map(drop))?;
        step("its input", plain(rustix::stdio::dup2_stdin(&self.input)))?;
        step("its output", plain(rustix::stdio::dup2_stdout(&self.out)))?;
        step(
            "its error output",
            plain(rustix::stdio::dup2_stderr(&self.err)),
        )?;
        umask(Mode::from_bits_truncate(0o022));
        if let Some(limit) = limits::before() {
            let set = setrlimit(Resource::RLIMIT_NOFILE, limit.soft_before, limit.hard);
            step("its limit on open files", set)?;
        }
        if let Some(user) = &self.launch.user
            && !user.is_current()
        {
            self.become_user(user)?;
        }
        step("its working directory", chdir(self.directory.as_c_str()))
    }

    /// By the system calls themselves: the C library's functions change all threads of the agent.
    fn become_user(&self, user: &User) -> Result<(), Refusal> {
        let gid = rustix::process::Gid::from_raw(user.gid.as_raw());
        let uid = rustix::process::Uid::from_raw(user.uid.as_raw());
        let set = rustix::thread::set_thread_groups(&self.groups);
        step("becoming its user's groups", plain(set))?;
        let set = rustix::thread::set_thread_res_gid(gid, gid, gid);
        step("becoming its user's group", plain(set))?;
        let set = rustix::thread::set_thread_res_uid(uid, uid, uid);
        step("becoming its user", plain(set))
    }
}

fn step(step: &'static str, taken: nix::Result<()>) -> Result<(), Refusal> {
    taken.map_err(|errno| Refusal { step, errno })
}

fn plain(result: rustix::io::Result<()>) -> nix::Result<()> {
    result.map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}

/// A copy that the standard descriptors cannot be put upon before it is used.
fn above_standard(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(file, 3)?)
}

/// Which file, directory or user it was that the kernel spoke of.
fn refused(launch: &Launch, refusal: Refusal) -> io::Error {
    let cause = io::Error::from(refusal.errno);
    let program = launch.program.display();
    let what = match (refusal.step, &launch.directory, &launch.user) {
        (kernel::RUNNING, _, _) if refusal.errno == Errno::ENOENT => {
            format!("there is no program {program}, or not what it names as its interpreter")
        }
        (kernel::RUNNING, _, _) => format!("{program} cannot be run"),
        (step, Some(directory), _) if step.ends_with("directory") => {
            format!("{step} {}", directory.display())
        }
        (step, _, Some(user)) if step.starts_with("becoming") => format!("{step} ({})", user.name),
        (step, _, _) => step.to_owned(),
    };
    explain(&what, &cause)
}

/// The agent's environment without what is the agent's alone, and the service's.
fn environment(launch: &Launch) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<_, _> =
        env::vars_os().filter(|(name, _)| is_shared(name)).collect();
    let mut set = |name: &str, value: &OsStr| environment.insert(name.into(), value.into());
    if let Some(user) = &launch.user {
        set("HOME", user.home.as_os_str());
        set("LOGNAME", user.name.as_ref());
        set("SHELL", user.shell.as_os_str());
        set("USER", user.name.as_ref());
    }
    for (name, value) in &launch.env {
        set(name, value.as_ref());
    }
    if let Some(notify) = &launch.notify {
        set("NOTIFY_SOCKET", notify.as_os_str());
    }
    set(SERVICE_VARIABLE, launch.name.as_ref());
    set(NONCE_VARIABLE, launch.nonce.to_string().as_ref());
    environment
}

/// Whether a variable of the agent is its services' too: what its own supervisor told it is not.
fn is_shared(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let own: [&[u8]; 3] = [b"WATCHDOG_", b"LISTEN_", b"LASTWORD_"];
    name != b"NOTIFY_SOCKET" && !own.iter().any(|prefix| name.starts_with(prefix))
}

fn assignments(environment: BTreeMap<OsString, OsString>) -> impl Iterator<Item = OsString> {
    environment.into_iter().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    })
}

fn arguments(launch: &Launch) -> impl Iterator<Item = OsString> {
    let program = launch.program.clone().into_os_string();
    [program].into_iter().chain(launch.args.iter().cloned())
}

/// Where the program may be, as execvp(3) looks; without `PATH` where the system's programs are.
fn candidates(program: &Path, path: Option<&OsString>) -> Vec<OsString> {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    if program.as_os_str().is_empty() {
        return Vec::new();
    }
    let path = path.map_or(
        OsStr::new("/usr/local/bin:/usr/bin:/bin"),
        OsString::as_os_str,
    );
    env::split_paths(path)
        .map(|directory| directory.join(program).into())
        .collect()
}

fn strings(strings: impl IntoIterator<Item = OsString>) -> io::Result<Vec<CString>> {
    let strings = strings.into_iter();
    Ok(strings
        .map(|string| CString::new(string.into_vec()))
        .collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Service, shell, soon};
    use super::super::{Exit, census};
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn what_cannot_run_is_an_error_that_says_why() {
        let with = |change: fn(&mut Launch)| {
            let mut launch = shell("exit 0");
            change(&mut launch);
            launch
        };
        check(
            &with(|it| it.program = "/no/such/program".into()),
            "there is no program /no/such/program",
        );
        check(
            &with(|it| {
                // One that may not be searched would be what is told.
                it.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
                it.program = "no-such-program".into();
            }),
            "there is no program no-such-program",
        );
        check(
            &with(|it| it.program = "/etc/passwd".into()),
            "/etc/passwd cannot be run: Permission denied",
        );
        check(
            &with(|it| it.program = "/etc".into()),
            "/etc cannot be run: Permission denied",
        );
        check(
            &with(|it| it.program = "/bin/sh/x".into()),
            "there is no program /bin/sh/x",
        );
        check(&with(|it| it.program = "".into()), "there is no program");
        check(
            &with(|it| it.directory = Some("/no/such".into())),
            "its working directory /no/such: No such file",
        );
        check(
            &with(|it| it.directory = Some("/etc/passwd".into())),
            "its working directory /etc/passwd: Not a dir",
        );
        check(&with(|it| it.args = vec!["a\0b".into()]), "nul byte");
        check(
            &with(|it| it.env = vec![("A".into(), "\0".into())]),
            "nul byte",
        );
        check(
            &with(|it| it.env = vec![("PATH".into(), "/no/such".into())]).by_name("sh"),
            "there is no program sh",
        );
    }

    #[track_caller]
    fn check(what: &Launch, says: &str) {
        let nowhere = File::open("/dev/null").expect("there is one");
        let error = launch(what, nowhere.as_fd(), nowhere.as_fd()).expect_err("it cannot run");
        let said = error.to_string();
        assert!(
            said.starts_with("cannot start tested: ") && said.contains(says),
            "{said}"
        );
        assert!(
            super::super::strays(what.nonce)
                .expect("readable")
                .is_empty(),
            "{said}"
        );
    }

    /// By a shell: a file that this process writes cannot be run while another test starts a process.
    fn write_program(path: &Path, text: &str) {
        let script = format!("printf '{text}' > '{0}'; chmod +x '{0}'", path.display());
        let mut shell = std::process::Command::new("/bin/sh");
        let done = shell.args(["-c", &script]).status().expect("a shell");
        assert!(done.success(), "{script}");
    }

    #[test]
    fn a_file_without_a_known_format_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("text");
        let command = shell("").by_name(path.to_str().expect("text"));
        write_program(&path, "words");
        check(&command, "cannot be run: Exec format error");
        write_program(&path, r"#!/no/such/interpreter\n");
        check(&command, "interpreter");
    }

    #[tokio::test]
    async fn a_program_is_looked_up_in_the_path_of_the_service() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("only-here");
        write_program(&program, r"#!/bin/sh\npwd; exit 3\n");
        let mut what = shell("").by_name("only-here");
        let path = format!("/no/such:/etc/passwd:{}", directory.path().display());
        what.env = vec![("PATH".into(), path)];
        let mut service = Service::start(what);
        assert_eq!(service.rest(), "/\n");
        assert_eq!(soon(service.process.exited()).await, Exit::Code(3));
    }

    #[test]
    fn it_leads_a_session_without_input_or_inherited_state() {
        let mut service = Service::shell("exec cat /proc/self/status");
        let stat = census::Stat::read(service.process.pid).expect("not reaped yet");
        assert_eq!(
            (stat.session, stat.group),
            (service.process.pid, service.process.pid)
        );
        let said = service.rest();
        assert!(said.contains("\nUmask:\t0022\n"), "{said}");
        for none in ["SigBlk", "SigIgn", "SigCgt"] {
            let none = format!("\n{none}:\t0000000000000000\n");
            assert!(said.contains(&none), "{none} in {said}");
        }
        assert_eq!(
            Service::shell("readlink /proc/$$/fd/0").rest(),
            "/dev/null\n"
        );
    }

    #[test]
    fn it_inherits_no_descriptor_even_if_someone_forgot_to_mark_one() {
        let file = File::open("/etc/passwd").expect("there is one");
        let unmarked = rustix::io::fcntl_dupfd_cloexec(&file, 100).expect("room");
        rustix::io::fcntl_setfd(&unmarked, rustix::io::FdFlags::empty()).expect("open");
        let mut service = Service::shell("ls /proc/$$/fd; readlink /proc/$$/fd/1");
        let said = service.rest();
        let mut lines = said.lines();
        let own: Vec<_> = lines.by_ref().take(3).collect();
        assert_eq!(
            own,
            ["0", "1", "2"],
            "{said}; unmarked: {}",
            unmarked.as_raw_fd()
        );
        assert!(
            lines.next().is_some_and(|line| line.starts_with("pipe:")),
            "{said}"
        );
    }

    #[test]
    fn its_environment_is_the_agents_without_what_is_the_agents_alone() {
        for (name, shared) in [
            ("PATH", true),
            ("LISTENER", true),
            ("NOTIFY_SOCKET_", true),
            ("NOTIFY_SOCKET", false),
            ("WATCHDOG_USEC", false),
            ("WATCHDOG_PID", false),
            ("LISTEN_FDS", false),
            ("LASTWORD_NONCE", false),
        ] {
            assert_eq!(is_shared(OsStr::new(name)), shared, "{name}");
        }
        let mut what = shell("env");
        what.env = vec![
            ("COLOR".into(), "a=b c".into()),
            (NONCE_VARIABLE.into(), "forged".into()),
        ];
        what.notify = Some("/run/notify".into());
        let said = Service::start(what.clone()).rest();
        let has = |line: &str| said.lines().any(|said| said == line);
        assert!(has("COLOR=a=b c"), "{said}");
        assert!(has("NOTIFY_SOCKET=/run/notify"), "{said}");
        assert!(has("LASTWORD_SERVICE=tested"), "{said}");
        assert!(has(&format!("LASTWORD_NONCE={}", what.nonce)), "{said}");
        let path = env::var("PATH").expect("tests have one");
        assert!(has(&format!("PATH={path}")), "{said}");
    }

    #[test]
    fn it_may_open_as_many_files_as_the_agent_was_started_with() {
        let raised = limits::raise().expect("as far as it goes");
        let now = nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        assert_eq!(now, (raised.hard, raised.hard));
        assert_eq!(limits::raise().expect("again"), raised);
        let said = Service::shell("ulimit -Sn; ulimit -Hn").rest();
        assert_eq!(said, format!("{}\n{}\n", raised.soft_before, raised.hard));
    }

    #[test]
    fn it_runs_as_its_user() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("NOT SHOWN: only root starts processes as somebody else");
            return;
        }
        let user = User::find("nobody").expect("every machine has one");
        let mut what =
            shell("id -u; id -g; id -G; echo $HOME $USER; grep CapEff /proc/self/status");
        what.user = Some(user.clone());
        let said = Service::start(what.clone()).rest();
        let home = user.home.display();
        let start = format!("{0}\n{1}\n{1}\n{home} nobody\n", user.uid, user.gid);
        assert_eq!(said, format!("{start}CapEff:\t0000000000000000\n"));
        let dumpable = dumpable_behavior().expect("it is known");
        assert_eq!(dumpable, DumpableBehavior::Dumpable, "the agent itself");
        // What only root may enter is refused as the user.
        let closed = tempfile::tempdir().expect("a directory");
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(closed.path(), owner_only).expect("ours");
        what.directory = Some(closed.path().into());
        check(&what, "Permission denied");
    }
}
