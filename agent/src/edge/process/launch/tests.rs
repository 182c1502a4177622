//! What a new process is, and what is said of one that cannot be.

use super::super::testing::{Service, shell, soon};
use super::super::{Exit, NONCE_VARIABLE, procfs};
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
    let stat = procfs::Stat::read(service.process.pid).expect("not reaped yet");
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
    let path = std::env::var("PATH").expect("tests have one");
    assert!(has(&format!("PATH={path}")), "{said}");
}

#[test]
fn the_agents_own_descriptors_stay_as_they_are() {
    let own = || [0, 1, 2].map(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).ok());
    let before = own();
    for directory in [None, Some("/no/such".into())] {
        let mut what = shell("exit 0");
        what.directory = directory;
        let nowhere = File::open("/dev/null").expect("it is there");
        let process = launch(&what, nowhere.as_fd(), nowhere.as_fd());
        assert_eq!(own(), before, "{process:?}");
    }
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
    let mut what = shell("id -u; id -g; id -G; echo $HOME $USER; grep CapEff /proc/self/status");
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
