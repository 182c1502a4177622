//! Real processes for the tests of this module: each is started by its test, found by its nonce, and
//! gone when the test ends.

use super::command::Launch;
use super::launch::{Way, launch_by};
use super::{Cgroup, Cgroups, Group, Nonce64, Process, strays};
use crate::core::service::service_file::InheritedEnv;
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, PipeReader, Read, pipe};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// What nothing here takes.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// A service that a test has started.
pub(super) struct Service {
    pub(super) process: Arc<Process>,
    pub(super) nonce: Nonce64,
    pub(super) group: Group,
    output: Option<BufReader<PipeReader>>,
}

impl Service {
    /// A shell that runs `script`.
    #[track_caller]
    pub(super) fn shell(script: &str) -> Self {
        Self::start(shell(script))
    }

    #[track_caller]
    pub(super) fn start(what: Launch) -> Self {
        Self::start_by(what, Way::Inside)
    }

    #[track_caller]
    pub(super) fn start_by(what: Launch, way: Way) -> Self {
        let (output, out) = pipe().expect("a pipe");
        let process = launch_by(&what, out.as_fd(), out.as_fd(), way).expect("a shell starts");
        let process = Arc::new(process);
        Self {
            group: Group::of(process.clone(), what.nonce, what.cgroup),
            process,
            nonce: what.nonce,
            output: Some(BufReader::new(output)),
        }
    }

    /// The next line that any of it writes.
    pub(super) async fn line(&mut self) -> String {
        let mut output = self.output.take().expect("read by one");
        let reading = spawn_blocking(move || {
            let mut line = String::new();
            output.read_line(&mut line).map(|_| (line, output))
        });
        let read = timeout(DEADLINE, reading).await.expect("a line in time");
        let (line, output) = read.expect("no panic").expect("a line");
        self.output = Some(output);
        line.trim_end().to_owned()
    }

    /// A process id that it writes.
    pub(super) async fn number(&mut self) -> i32 {
        let line = self.line().await;
        line.parse()
            .unwrap_or_else(|_| panic!("no process id: {line:?}"))
    }

    /// Everything that it writes until nobody can any more.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        let mut output = self.output.take().expect("read by one");
        output.read_to_string(&mut rest).expect("text");
        rest
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(cgroup) = cgroup_of(&self.group) {
            cgroup.kill().expect("the test's own cgroup");
        }
        let _ = self.group.signal(Signal::SIGKILL);
        let _ = self.process.signal(Signal::SIGKILL);
        while let Ok(left) = strays(self.nonce)
            && !left.is_empty()
        {
            for process in left {
                let _ = process.signal(Signal::SIGKILL);
            }
        }
    }
}

fn cgroup_of(group: &Group) -> Option<&Cgroup> {
    group.cgroup.as_ref()
}

/// What starts a shell that runs `script`.
pub(super) fn shell(script: &str) -> Launch {
    Launch {
        name: "tested".into(),
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        inherited: InheritedEnv::All,
        env: Vec::new(),
        directory: None,
        user: None,
        nonce: Nonce64::fresh().expect("random numbers"),
        state: "/nowhere".into(),
        cgroup: None,
        notify: None,
    }
}

impl Launch {
    /// The same, of another program.
    pub(super) fn by_name(mut self, program: &str) -> Self {
        self.program = program.into();
        self
    }
}

/// A cgroup of the test's own, removed with it; `None`, and said so, where this machine has none to
/// give.
pub(super) fn own_cgroup() -> Option<OwnCgroup> {
    let instance = format!(
        "lastword-test-{}",
        Nonce64::fresh().expect("random numbers")
    );
    let Some(cgroups) = Cgroups::discover(&instance) else {
        eprintln!("NOT SHOWN: this process may create no cgroups (version 2, delegated)");
        return None;
    };
    let cgroup = cgroups.service("tested").expect("it may");
    Some(OwnCgroup { cgroups, cgroup })
}

pub(super) struct OwnCgroup {
    cgroups: Cgroups,
    pub(super) cgroup: Cgroup,
}

impl Drop for OwnCgroup {
    fn drop(&mut self) {
        self.cgroup.kill().expect("the test's own");
        while !self.cgroup.is_empty().expect("readable") {
            std::thread::yield_now();
        }
        self.cgroup.remove().expect("empty");
        self.cgroups.remove().expect("empty");
    }
}

/// Waits for what nothing here takes long for.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("in time")
}
