//! A board that takes generations, the desk that builds them, and the words between the two.

use lastword_tests::process::{Agent, Deadline, Place, lastword};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A board that takes generations, and a desk with its key.
pub(super) struct RolloutBench {
    pub(super) place: Place,
}

/// A generation on the desk.
#[derive(Clone)]
pub(super) struct BuiltFile {
    pub(super) file: String,
    pub(super) generation: String,
}

impl RolloutBench {
    pub(super) fn new() -> Self {
        Self::configured("")
    }

    /// A board with more in its block about generations, in which `PLACE` is the directory of this bench.
    pub(super) fn configured(more: &str) -> Self {
        let place = Place::new();
        let directory = place.path("").display().to_string();
        let more = more.replace("PLACE", directory.trim_end_matches('/'));
        for directory in ["services", "tree"] {
            fs::create_dir(place.path(directory)).expect("a directory");
        }
        let bench = Self { place };
        bench.done(&["gen", "keygen", "release", "--no-password"]);
        bench.done(&["gen", "keygen", "stranger", "--no-password"]);
        bench.configure(&more);
        bench
    }

    /// Configures the board, with more in its block about generations. It trusts the first key, unless that says whom.
    pub(super) fn configure(&self, more: &str) {
        let [_, key] = self.key("release");
        let trust = if more.contains("trust ") {
            String::new()
        } else {
            format!("trust \"{key}\";")
        };
        let directory = self.path("generations");
        let services = self.path("services");
        let block = format!(
            "services \"{}\"\ngenerations {{ directory \"{}\"; {trust} \
             compatible \"acme,gw-2\"; {more} }}",
            services.display(),
            directory.display()
        );
        self.place.configure(&self.place.listeners(), &block);
    }

    /// Returns the number of a key, and the key as it is trusted.
    pub(super) fn key(&self, name: &str) -> [String; 2] {
        let file = fs::read_to_string(self.path(&format!("{name}.pub"))).expect("a key");
        let (comment, key) = file.split_once('\n').expect("two lines");
        let number = comment.split(' ').next_back().expect("a number");
        [number.to_owned(), key.trim_end().to_owned()]
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// Builds a version; its self-test is this script, and its description has this in addition.
    pub(super) fn build(&self, version: &str, self_test: &str, more: &str) -> BuiltFile {
        self.build_signed(version, self_test, more, "release.key")
    }

    /// Builds a good version with another soak.
    pub(super) fn build_soaking(&self, version: &str, soak: &str) -> BuiltFile {
        self.build(version, "exit 0", soak)
    }

    pub(super) fn build_signed(
        &self,
        version: &str,
        self_test: &str,
        more: &str,
        key: &str,
    ) -> BuiltFile {
        let description = format!(
            "name \"gateway\"\nversion \"{version}\"\n\
             check \"gateway\" {{ service \"gateway\"; interval \"100ms\"; failures 20; }}\n\
             check \"self\" {{ exec \"bin/self-test\"; interval \"100ms\"; failures 2; }}\n{more}\n"
        );
        let defaults = [
            ("soak", "\"600ms\""),
            ("compatible", "\"acme,gw-2\""),
            ("architecture", "\"any\""),
            ("security-version", "1"),
        ];
        let rest = defaults.iter().filter(|(key, _)| !more.contains(key));
        let rest: Vec<_> = rest.map(|(key, value)| format!("{key} {value}")).collect();
        self.write(
            "tree/generation.kdl",
            &(description + &rest.join("\n")),
            0o644,
        );
        let program = format!("#!/bin/sh\n# {version}\necho {version}\nexec sleep 1000\n");
        self.write("tree/bin/gateway", &program, 0o755);
        self.write(
            "tree/bin/self-test",
            &format!("#!/bin/sh\n{self_test}\n"),
            0o755,
        );
        self.write(
            "tree/services/gateway.kdl",
            "command \"bin/gateway\"\nstop { grace \"0s\"; }\n",
            0o644,
        );
        self.write(
            "tree/boot/kernel",
            &format!("kernel of {}", &version[..1]),
            0o644,
        );
        self.write(
            "tree/share/text",
            &"a text that every version has\n".repeat(3_000),
            0o644,
        );
        let file = format!("{version}.gen");
        let words = ["gen", "build", "tree", "-k", key, "-o", &file, "--json"];
        let built: Value = serde_json::from_str(&self.done(&words)).expect("JSON");
        let generation = built["generation"].as_str().expect("a name").to_owned();
        BuiltFile { file, generation }
    }

    /// Builds a version of the tree as it is, which has no services.
    pub(super) fn build_without_services(&self, version: &str, check: &str) -> BuiltFile {
        let description = format!(
            "name \"system\"\nversion \"{version}\"\ncompatible \"acme,gw-2\"\narchitecture \"any\"\n\
             security-version 1\nsoak \"300ms\"\n{check}\n"
        );
        self.write("tree/generation.kdl", &description, 0o644);
        self.write("tree/bin/self-test", "#!/bin/sh\nexit 0\n", 0o755);
        let file = format!("{version}.gen");
        let words = [
            "gen",
            "build",
            "tree",
            "-k",
            "release.key",
            "-o",
            &file,
            "--json",
        ];
        let built: Value = serde_json::from_str(&self.done(&words)).expect("JSON");
        let generation = built["generation"].as_str().expect("a name").to_owned();
        BuiltFile { file, generation }
    }

    pub(super) fn run(&self, words: &[&str]) -> Output {
        let url = format!("unix://{}", self.path("agent.sock").display());
        let mut command = Command::new(lastword());
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("LASTWORD_URL", url);
        command
            .args(words)
            .current_dir(self.path(""))
            .stdin(Stdio::null());
        command.output().expect("the command runs")
    }

    #[track_caller]
    pub(super) fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words:?}: {error}{said}");
        said.into_owned()
    }

    #[track_caller]
    pub(super) fn refused(&self, words: &[&str], expected: &str) {
        self.failed(words, 1, expected);
    }

    /// Checks the exit code of a command that fails, and what it says.
    #[track_caller]
    pub(super) fn failed(&self, words: &[&str], code: i32, expected: &str) {
        let output = self.run(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }

    pub(super) fn push(&self, built: &BuiltFile) -> Value {
        serde_json::from_str(&self.done(&["-q", "gen", "push", &built.file, "--json"]))
            .expect("JSON")
    }

    /// Returns the state of the last rollout; `None` from an agent that has just died.
    pub(super) fn state(&self) -> Option<String> {
        let output = self.run(&["gen", "status", "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(answer["items"][0]["state"].as_str()?.to_owned())
    }

    /// Returns the generation that the link leads to.
    pub(super) fn current(&self) -> Option<String> {
        let link = fs::read_link(self.path("generations/current")).ok()?;
        Some(link.file_name()?.to_str()?.to_owned())
    }

    /// Sees to it that neither of the journal's two files can be appended to, or replaced.
    pub(super) fn block_journal(&self) {
        for journal in self.journals() {
            let kept = journal.with_extension("kept");
            if fs::rename(&journal, &kept).is_ok() {
                fs::create_dir_all(journal.join("in the way")).expect("a directory");
            }
            fs::create_dir_all(replacement_of(&journal).join("x")).expect("a directory");
        }
    }

    /// Puts it back as it was.
    pub(super) fn unblock_journal(&self) {
        for journal in self.journals() {
            let _ = fs::remove_dir_all(replacement_of(&journal));
            let _ = fs::remove_dir_all(&journal);
            let _ = fs::rename(journal.with_extension("kept"), journal);
        }
    }

    fn journals(&self) -> [PathBuf; 2] {
        ["state/journal.0", "state/journal.1"].map(|name| self.path(name))
    }

    /// Pushes and activates a version, and waits until it is kept.
    pub(super) fn ship(&self, agent: &Agent, built: &BuiltFile) {
        self.push(built);
        activate(agent, built);
        wait_for(agent, "converged");
        assert_eq!(self.current().as_ref(), Some(&built.generation));
    }
}

/// Returns the file that a journal is written to before it takes its place.
fn replacement_of(journal: &Path) -> PathBuf {
    PathBuf::from(format!("{}.new", journal.display()))
}

pub(super) fn activate(agent: &Agent, built: &BuiltFile) -> Value {
    agent.call("gen.activate", &json!({"generation": built.generation}))
}

pub(super) fn status(agent: &Agent) -> Value {
    agent.call("gen.status", &json!({}))
}

/// Waits until the last rollout is in a state; returns it.
#[track_caller]
pub(super) fn wait_for(agent: &Agent, state: &str) -> Value {
    let deadline = Deadline::start();
    loop {
        let status = status(agent);
        if status["state"] == state {
            return status;
        }
        deadline.check(state, &status);
    }
}

/// Waits until the last rollout is described so; returns it.
#[track_caller]
pub(super) fn wait_for_detail(agent: &Agent, detail: &str) -> Value {
    let deadline = Deadline::start();
    loop {
        let status = status(agent);
        if status["detail"]
            .as_str()
            .is_some_and(|it| it.contains(detail))
        {
            return status;
        }
        deadline.check(detail, &status);
    }
}

/// Returns the steps of the rollouts that an agent has told, in their order, with their codes.
pub(super) fn told(agent: &Agent) -> Vec<String> {
    let events = agent.call("events", &json!({"topics": ["rollouts"]}));
    let rows = events.as_array().expect("a list").iter();
    rows.map(|row| {
        let step = row["step"].as_str().unwrap_or_default();
        match row["code"].as_i64() {
            Some(code) => format!("{step} {code}"),
            None => step.to_owned(),
        }
    })
    .collect()
}

pub(super) const KEPT: [&str; 3] = [
    "activation-started",
    "activation-completed 0",
    "soak-completed",
];
