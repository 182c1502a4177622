//! The services of a real agent: what a test describes, what the agent says of them, and what the
//! kernel does.

use super::agent::{Agent, Place};
use super::{BOUND, Deadline};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What the agent says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: String,
    /// Its main process; 0: none.
    pub pid: i32,
    /// How often it was started again.
    pub restarts: u64,
}

/// Lines of a service's log, as the agent shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Their texts.
    pub texts: Vec<String>,
    /// Where to go on.
    pub next: u64,
    /// How many were gone before the first.
    pub missed: u64,
}

impl Place {
    /// A place whose agent has services.
    #[must_use]
    pub fn with_services() -> Self {
        let place = Self::new();
        let directory = place.services();
        fs::create_dir(&directory).expect("a temporary directory");
        let rest = format!("services \"{}\"", directory.display());
        place.configure(&place.listeners(), &rest);
        place
    }

    fn services(&self) -> PathBuf {
        self.path("services")
    }

    /// Describes a service that is a shell script; `rest` is more of its file.
    pub fn shell(&self, name: &str, script: &str, rest: &str) {
        let file = self.services().join(format!("{name}.kdl"));
        let place = self.path("");
        let text = format!(
            "command \"/bin/sh\"\nargs \"-c\" #\"{script}\"#\nworking-dir \"{}\"\n{rest}\n",
            place.display()
        );
        fs::write(file, text).expect("a temporary directory");
    }

    /// Every process of a service here, whatever group or session it is in: by its environment.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        let home = format!("HOME={}", self.path("").display());
        let home = home.trim_end_matches('/');
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| is_of_service(*pid, home)).collect()
    }

    /// Waits until the agent has written down that this process is there.
    pub fn wait_until_written(&self, pid: i32) {
        let deadline = Deadline::start();
        loop {
            let text = fs::read_to_string(self.path("state/state.json")).unwrap_or_default();
            let state: Value = serde_json::from_str(&text).unwrap_or_default();
            let mut components = state["components"].as_array().into_iter().flatten();
            if components.any(|it| it["pid"] == pid) {
                return;
            }
            deadline.check(&format!("process {pid} in state.json"), &state);
        }
    }

    /// All that a service has written, as far as it is kept: the oldest file first.
    #[must_use]
    pub fn logged(&self, name: &str) -> Vec<u8> {
        let logs = self.path("state/logs");
        let mut files = log_files(&logs, name);
        files.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        let read = |(_, path): &(u32, PathBuf)| fs::read(path).expect("a log");
        files.iter().flat_map(read).collect()
    }
}

impl Drop for Place {
    /// Ends what a failed test has left.
    fn drop(&mut self) {
        for pid in self.processes() {
            // Its environment was ours a moment ago.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Agent {
    /// Calls a method and returns its result.
    #[must_use]
    pub fn call(&self, method: &str, params: &Value) -> Value {
        let mut stream = UnixStream::connect(self.socket()).expect("a listener");
        stream.set_read_timeout(Some(BOUND)).expect("a socket");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        writeln!(stream, "{call}").expect("a link");
        let mut answer = String::new();
        let read = BufReader::new(stream).read_line(&mut answer);
        read.unwrap_or_else(|error| panic!("{call}: {error}\n{}", self.log()));
        let answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{call}: {error} of {answer:?}"));
        match answer.get("result") {
            Some(result) => result.clone(),
            None => panic!("{call}: {answer}"),
        }
    }

    /// What it says of its services.
    #[must_use]
    pub fn services(&self) -> Vec<Shown> {
        let list = self.call("list", &json!({}));
        list.as_array().expect("a list").iter().map(shown).collect()
    }

    /// What it says of one.
    #[must_use]
    pub fn service(&self, name: &str) -> Shown {
        shown(&self.call("status", &json!({"name": name})))
    }

    /// Waits until a service is in a state.
    #[expect(clippy::must_use_candidate, reason = "most only want the wait")]
    pub fn wait_for_state(&self, name: &str, state: &str) -> Shown {
        let deadline = Deadline::start();
        loop {
            let shown = self.service(name);
            if shown.state == state {
                return shown;
            }
            deadline.check(state, &shown);
        }
    }

    /// Reads a service's log from a line on, up to so many lines.
    #[must_use]
    pub fn lines(&self, name: &str, from: u64, most: usize) -> Lines {
        let params = json!({"name": name, "from": from, "tail": most});
        let read = self.call("svc.logs", &params);
        let lines = read["lines"].as_array().expect("lines");
        let text = |line: &Value| line["line"].as_str().expect("a text").to_owned();
        Lines {
            texts: lines.iter().map(text).collect(),
            next: read["next"].as_u64().expect("a number"),
            missed: read["missed"].as_u64().expect("a number"),
        }
    }

    /// The number that the next line of a service's log will have.
    #[must_use]
    pub fn next_line(&self, name: &str) -> u64 {
        let read = self.call("svc.logs", &json!({"name": name, "tail": 0}));
        read["next"].as_u64().expect("a number")
    }

    /// Waits until a service has so many lines in its log, ever.
    pub fn wait_for_line(&self, name: &str, number: u64) {
        let deadline = Deadline::start();
        let mut next = self.next_line(name);
        while next < number {
            deadline.check(&format!("line {number} of {name}"), &next);
            next = self.next_line(name);
        }
    }
}

fn shown(object: &Value) -> Shown {
    let text = |key: &str| object[key].as_str().expect("a text").to_owned();
    let pid = object["pid"].as_i64().unwrap_or_default();
    Shown {
        name: text("name"),
        state: text("state"),
        pid: i32::try_from(pid).expect("a process id"),
        restarts: object["restart_count"].as_u64().expect("a number"),
    }
}

/// Whether the environment of a process is that of a service of an agent that lives there.
fn is_of_service(pid: i32, home: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let has = |wanted: &dyn Fn(&[u8]) -> bool| environment.split(|byte| *byte == 0).any(wanted);
    has(&|variable| variable == home.as_bytes())
        && has(&|variable| variable.starts_with(b"LASTWORD_SERVICE="))
}

/// The files of a service's log, with how many came after each.
fn log_files(logs: &Path, name: &str) -> Vec<(u32, PathBuf)> {
    let age = |path: &Path| {
        let rest = path.file_name()?.to_str()?.strip_prefix(name)?;
        match rest.strip_prefix(".log")? {
            "" => Some(0),
            rest => rest.strip_prefix('.')?.parse().ok(),
        }
    };
    let entries = fs::read_dir(logs).expect("a directory of logs").flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter_map(|path| Some((age(&path)?, path))).collect()
}
