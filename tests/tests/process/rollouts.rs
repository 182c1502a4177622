//! Generations on a board: moved by the real command, activated, kept and put back by the real agent.

use lastword_agent::edge::failpoint;
use lastword_tests::process::{Agent, Deadline, Place, lastword};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A board that takes generations, and a desk with its key.
struct RolloutBench {
    place: Place,
}

/// A generation on the desk.
#[derive(Clone)]
struct BuiltFile {
    file: String,
    generation: String,
}

impl RolloutBench {
    fn new() -> Self {
        Self::configured("")
    }

    /// A board with more in its block about generations.
    fn configured(more: &str) -> Self {
        let place = Place::new();
        for directory in ["services", "tree"] {
            fs::create_dir(place.path(directory)).expect("a directory");
        }
        let bench = Self { place };
        bench.done(&["gen", "keygen", "release", "--no-password"]);
        bench.done(&["gen", "keygen", "stranger", "--no-password"]);
        let key = fs::read_to_string(bench.path("release.pub")).expect("a key");
        let key = key.lines().nth(1).expect("a key");
        let directory = bench.path("generations");
        let services = bench.path("services");
        let block = format!(
            "services \"{}\"\ngenerations {{ directory \"{}\"; trust \"{key}\"; \
             compatible \"acme,gw-2\"; {more} }}",
            services.display(),
            directory.display()
        );
        bench.place.configure(&bench.place.listeners(), &block);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// Builds a version; its self-test is this script, and its description has this in addition.
    fn build(&self, version: &str, self_test: &str, more: &str) -> BuiltFile {
        self.build_signed(version, self_test, more, "release.key")
    }

    /// Builds a good version with another soak.
    fn build_soaking(&self, version: &str, soak: &str) -> BuiltFile {
        self.build(version, "exit 0", soak)
    }

    fn build_signed(&self, version: &str, self_test: &str, more: &str, key: &str) -> BuiltFile {
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
    fn build_without_services(&self, version: &str, check: &str) -> BuiltFile {
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

    fn run(&self, words: &[&str]) -> Output {
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
    fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words:?}: {error}{said}");
        said.into_owned()
    }

    #[track_caller]
    fn refused(&self, words: &[&str], expected: &str) {
        let output = self.run(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }

    fn push(&self, built: &BuiltFile) -> Value {
        serde_json::from_str(&self.done(&["-q", "gen", "push", &built.file, "--json"]))
            .expect("JSON")
    }

    /// Returns the state of the last rollout; `None` from an agent that has just died.
    fn state(&self) -> Option<String> {
        let output = self.run(&["gen", "status", "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(answer["items"][0]["state"].as_str()?.to_owned())
    }

    /// Returns the generation that the link leads to.
    fn current(&self) -> Option<String> {
        let link = fs::read_link(self.path("generations/current")).ok()?;
        Some(link.file_name()?.to_str()?.to_owned())
    }

    /// Pushes and activates a version, and waits until it is kept.
    fn ship(&self, agent: &Agent, built: &BuiltFile) {
        self.push(built);
        activate(agent, built);
        wait_for(agent, "converged");
        assert_eq!(self.current().as_ref(), Some(&built.generation));
    }
}

fn activate(agent: &Agent, built: &BuiltFile) -> Value {
    agent.call("gen.activate", &json!({"generation": built.generation}))
}

fn status(agent: &Agent) -> Value {
    agent.call("gen.status", &json!({}))
}

/// Waits until the last rollout is in a state; returns it.
#[track_caller]
fn wait_for(agent: &Agent, state: &str) -> Value {
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
fn wait_for_detail(agent: &Agent, detail: &str) -> Value {
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
fn told(agent: &Agent) -> Vec<String> {
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

const KEPT: [&str; 3] = [
    "activation-started",
    "activation-completed 0",
    "soak-completed",
];

#[test]
fn a_version_is_shipped_and_the_next_one_moves_as_a_difference() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    let pushed = bench.push(&first);
    assert_eq!(
        (&pushed["deltas"], &pushed["whole"]),
        (&json!(0), &json!(5))
    );
    let answer = activate(&agent, &first);
    assert_eq!(
        (&answer["target"], &answer["attempts"]),
        (&json!(first.generation), &json!(1))
    );
    wait_for(&agent, "converged");
    assert_eq!(told(&agent), KEPT);
    agent.wait_for_state("gateway", "running");
    let second = bench.build("1.1", "exit 0", "");
    let dry = bench.done(&["-q", "gen", "push", "-n", &second.file, "--json"]);
    let dry: Value = serde_json::from_str(&dry).expect("JSON");
    let pushed = bench.push(&second);
    assert_eq!(
        (&dry["sent_bytes"], &dry["deltas"]),
        (&pushed["sent_bytes"], &pushed["deltas"])
    );
    // The program differs, and everything else is there.
    assert_eq!(
        (&pushed["deltas"], &pushed["whole"]),
        (&json!(1), &json!(0))
    );
    let bytes = |key: &str| pushed[key].as_u64().expect("a number");
    assert!(bytes("sent_bytes") < bytes("whole_bytes"), "{pushed}");
    let again = bench.push(&second);
    assert_eq!((&again["deltas"], &again["whole"]), (&json!(0), &json!(0)));
    activate(&agent, &second);
    wait_for(&agent, "converged");
    assert_eq!(bench.current(), Some(second.generation.clone()));
    // It runs the new program, of the new tree.
    agent.wait_for_state("gateway", "running");
    let listed = agent.call("gen.list", &json!({}));
    let roles: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["role"])
        .collect();
    assert_eq!(roles, ["current", "previous"]);
    // And back, because somebody wants it.
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(first.generation));
    bench.refused(&["gen", "activate", &second.generation], "gen unquarantine");
    bench.done(&["gen", "unquarantine", &second.generation[..4]]);
    bench.ship(&agent, &second);
}

#[test]
fn a_version_that_fails_its_checks_is_put_back() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let good = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &good);
    let bad = bench.build("2.0", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    let status = wait_for(&agent, "reverted");
    assert_eq!(
        (&status["code"], &status["detail"]),
        (&json!(-4), &json!("soak failed: self"))
    );
    let steps = [
        "activation-started",
        "activation-completed 0",
        "activation-failed -4",
        "rollback-completed 0",
    ];
    assert_eq!(told(&agent)[KEPT.len()..], steps);
    assert_eq!(bench.current(), Some(good.generation));
    agent.wait_for_state("gateway", "running");
    // On a board that had none, it is put back to none.
    let empty = RolloutBench::new();
    let agent = empty.place.start();
    let bad = empty.build("2.0", "exit 7", "");
    empty.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    assert_eq!(empty.current(), None);
    assert!(agent.services().is_empty(), "its service is gone, too");
}

#[test]
fn whatever_must_not_be_taken_is_refused_before_anything_is_sent() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    for (built, expected) in [
        (
            bench.build_signed("1.0", "exit 0", "", "stranger.key"),
            "signature mismatch",
        ),
        (
            bench.build("1.1", "exit 0", "compatible \"acme,gw-9\""),
            "the generation is for acme,gw-9",
        ),
        (
            bench.build("1.2", "exit 0", "architecture \"vax\""),
            "the generation is for vax",
        ),
    ] {
        bench.refused(&["-q", "gen", "push", &built.file], expected);
    }
    let listed = bench.done(&["gen", "list", "--json"]);
    assert_eq!(listed.trim(), "{\"items\":[]}");
    let stored = fs::read_dir(bench.path("generations/trees")).expect("a directory");
    assert_eq!(stored.count(), 0);
}

#[test]
fn a_lower_security_version_needs_leave_of_both() {
    for (allows, is_taken) in [("", false), ("allow-older #true;", true)] {
        let bench = RolloutBench::configured(allows);
        let agent = bench.place.start();
        // It is there before the newer one is confirmed.
        let older = bench.build("1.0", "exit 0", "");
        bench.push(&older);
        bench.ship(&agent, &bench.build("2.0", "exit 0", "security-version 2"));
        bench.refused(
            &["gen", "activate", &older.generation],
            "security-version 1, and 2 was confirmed",
        );
        let words = ["gen", "activate", &older.generation, "--allow-older"];
        if is_taken {
            bench.done(&words);
            wait_for(&agent, "converged");
        } else {
            bench.refused(&words, "security-version");
        }
    }
}

#[test]
fn an_incomplete_generation_a_current_one_and_a_second_rollout_are_refused() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.done(&["gen", "push", "-n", &first.file]);
    bench.refused(
        &["gen", "activate", &first.generation],
        "contents of it are missing",
    );
    bench.refused(&["gen", "activate", "0000"], "no generation on the board");
    bench.ship(&agent, &first);
    bench.refused(
        &["gen", "activate", &first.generation],
        "runs this generation already",
    );
    let slow = bench.build("1.1", "exit 0", "").clone();
    bench.push(&slow);
    let manual = bench.build("1.2", "exit 0", "").clone();
    bench.push(&manual);
    bench.done(&["gen", "activate", &slow.generation]);
    bench.refused(&["gen", "activate", &manual.generation], "generation ");
    wait_for(&agent, "converged");
    bench.refused(&["gen", "confirm"], "no generation soaks");
}

#[test]
fn a_local_service_of_the_same_name_is_left_alone() {
    let bench = RolloutBench::new();
    bench.write(
        "services/gateway.kdl",
        "command \"/bin/sleep\"\nargs \"1000\"\n",
        0o644,
    );
    let agent = bench.place.start();
    let pid = agent.wait_for_state("gateway", "running").pid;
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    let status = wait_for(&agent, "failed");
    let detail = status["detail"].as_str().expect("a text");
    assert!(
        detail.starts_with("realise failed: services/gateway.kdl: "),
        "{detail}"
    );
    assert_eq!(agent.service("gateway").pid, pid);
    assert_eq!(bench.current(), None);
}

#[test]
fn before_switch_puts_it_off_and_after_switch_can_fail_it() {
    let bench = RolloutBench::configured(
        "before-switch \"/bin/sh\" \"-c\" \"test -e $0 || { echo 1; exit 75; }\" \"GO\"; after-switch \"/bin/sh\" \"-c\" \"test ! -e $0 || exit 9\" \"STOP\";",
    );
    let config = fs::read_to_string(bench.path("agent.kdl")).expect("a file");
    let (go, stop) = (bench.path("go"), bench.path("stop"));
    let config = config.replace("\"GO\"", &format!("\"{}\"", go.display()));
    let config = config.replace("\"STOP\"", &format!("\"{}\"", stop.display()));
    bench.place.write_config(&config);
    let agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    wait_for_detail(&agent, "before-switch has put it off");
    assert_eq!(bench.current(), None);
    // It can be called off, and ordered again.
    let _ = agent.call("gen.rollback", &json!({}));
    assert_eq!(
        wait_for(&agent, "failed")["detail"],
        "called off by request"
    );
    activate(&agent, &built);
    fs::write(&go, "").expect("a file");
    wait_for(&agent, "converged");
    fs::write(&stop, "").expect("a file");
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    activate(&agent, &second);
    // It fails on the way back, too, which it must not hold up.
    let status = wait_for(&agent, "reverted");
    assert_eq!(status["code"], 9, "{status}");
    assert_eq!(bench.current(), Some(built.generation));
}

/// A system like NixOS, of stand-in programs: a profile, a running system, and exit codes as the real ones have them.
const NIX_LIKE: &str = r#"commands {
    set "/bin/sh" "-c" "cp \"$LASTWORD_TREE/system\" PLACE/profile"
    switch "/bin/sh" "-c" "code=$(cat PLACE/code); [ $code = 100 ] || cp PLACE/profile PLACE/running; exit $code"
    verify "/bin/sh" "-c" "for tree in $LASTWORD_TREES/*; do cmp -s $tree/system PLACE/running && basename $tree; done; true"
    rollback "/bin/sh" "-c" "cp \"$LASTWORD_TREE/system\" PLACE/profile; cp PLACE/profile PLACE/running"
    deferred 100
}"#;

#[test]
fn programs_switch_in_place_of_the_agent_with_the_exit_codes_of_a_nix_like_system() {
    let bench = RolloutBench::configured("/* commands */");
    let config = fs::read_to_string(bench.path("agent.kdl")).expect("a file");
    let place = bench.path("").display().to_string();
    let commands = NIX_LIKE.replace("PLACE", place.trim_end_matches('/'));
    bench
        .place
        .write_config(&config.replace("/* commands */", &commands));
    let check = "check \"none\" { exec \"bin/self-test\"; interval \"100ms\"; }";
    let build = |version: &str| {
        bench.write("tree/system", &format!("system {version}\n"), 0o644);
        bench.build_without_services(version, check)
    };
    let mut agent = bench.place.start();
    bench.write("code", "0", 0o644);
    let [first, second, third] = ["1.0", "1.1", "1.2"].map(build);
    for built in [&first, &second, &third] {
        bench.push(built);
    }
    let running = || fs::read_to_string(bench.path("running")).unwrap_or_default();
    activate(&agent, &first);
    wait_for(&agent, "converged");
    assert_eq!(running(), "system 1.0\n");
    // 4: units have failed, behind the switch.
    bench.write("code", "4", 0o644);
    activate(&agent, &second);
    let status = wait_for(&agent, "reverted");
    assert_eq!(
        (&status["code"], &status["detail"]),
        (&json!(4), &json!("switch failed at phase switch"))
    );
    assert_eq!(running(), "system 1.0\n");
    // 100: the new init takes effect at the next boot.
    bench.write("code", "100", 0o644);
    activate(&agent, &third);
    wait_for(&agent, "deferred");
    assert_eq!(running(), "system 1.0\n");
    agent.kill();
    let agent = bench.place.start();
    wait_for(&agent, "deferred");
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    let methods = agent.call("events", &json!({"topics": ["rollouts"]}));
    assert!(!methods.to_string().contains("symlink"), "{methods}");
    assert_eq!(bench.current(), None, "the agent has moved a link");
}

#[test]
fn in_test_mode_nothing_is_switched() {
    let bench = RolloutBench::new();
    for variable in ["", "1"] {
        let agent = bench
            .place
            .start_with(&[("LASTWORDD_ACTIVATION_TEST_MODE", variable)]);
        let built = bench.build(&format!("1.0{variable}"), "exit 7", "");
        bench.push(&built);
        activate(&agent, &built);
        let status = wait_for(&agent, "soaking");
        assert_eq!(status["test"], "yes");
        assert_eq!(told(&agent), KEPT[..2]);
        assert_eq!(bench.current(), None);
        let _ = agent.call("gen.rollback", &json!({}));
        wait_for(&agent, "reverted");
        assert_eq!(told(&agent)[2..], ["rollback-completed 0"]);
    }
}

#[test]
fn a_component_that_needs_a_reboot_waits_for_it_and_a_reboot_can_be_had() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let component = "reboot-component \"kernel\" \"boot\"";
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    // The same kernel needs none.
    let same = bench.build("1.1", "exit 0", component);
    bench.ship(&agent, &same);
    let other = bench.build("2.0", "exit 0", component);
    bench.push(&other);
    activate(&agent, &other);
    let status = wait_for(&agent, "deferred");
    assert_eq!(status["detail"], "kernel needs a reboot");
    assert_eq!(bench.current(), Some(other.generation.clone()));
    // It is no reboot that the agent starts anew, and the services wait for one.
    let pid = agent.service("gateway").pid;
    agent.kill();
    let agent = bench.place.start();
    let _ = agent.call("svc.reload", &json!({}));
    assert_eq!(agent.service("gateway").pid, pid);
    assert_eq!(
        wait_for(&agent, "deferred")["detail"],
        "kernel needs a reboot"
    );
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(same.generation));
    bench.done(&["gen", "unquarantine", &other.generation]);
    bench.done(&["gen", "activate", &other.generation, "--reboot"]);
    let deadline = Deadline::start();
    let power = loop {
        let events = agent.call("events", &json!({"topics": ["power"]}));
        let last = events
            .as_array()
            .and_then(|it| it.last())
            .cloned()
            .unwrap_or_default();
        if last["step"] == "dry_run" {
            break last;
        }
        deadline.check("a dry run", &events);
    };
    assert_eq!(power["operation"], "graceful_reboot");
}

#[test]
fn a_tree_that_was_changed_is_built_anew_before_it_is_gone_back_to() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let bad = bench.build("2.0", "sleep 0.5; exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "soaking");
    let program = format!("generations/trees/{}/bin/gateway", first.generation);
    fs::remove_file(bench.path(&program)).expect("the program");
    // Nothing has its content any more: it is not gone back to.
    let status = wait_for_detail(&agent, "rollback pipeline error");
    assert_eq!(
        (&status["state"], &status["code"]),
        (&json!("rolling-back"), &json!(-1))
    );
    assert_eq!(bench.current(), Some(bad.generation));
}

#[test]
fn what_was_damaged_on_the_board_is_sent_again() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let tree = format!("generations/trees/{}", first.generation);
    // A file that the next version has, too, and the base of one that differs.
    fs::remove_file(bench.path(&format!("{tree}/share/text"))).expect("a file");
    let program = bench.path(&format!("{tree}/bin/gateway"));
    let mut bytes = fs::read(&program).expect("a program");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&program, bytes).expect("a program");
    let second = bench.build("1.1", "exit 0", "");
    let pushed = bench.push(&second);
    assert_eq!(pushed["whole"], 1, "the base is no base any more: {pushed}");
    activate(&agent, &second);
    let status = wait_for(&agent, "failed");
    let detail = status["detail"].as_str().expect("a text");
    assert!(detail.contains("share/text: its content"), "{detail}");
    let pushed = bench.push(&second);
    assert_eq!(pushed["whole"], 1, "{pushed}");
    bench.ship(&agent, &second);
}

#[test]
fn an_end_that_cannot_be_recorded_is_told_and_recorded_later() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let bad = bench.build("2.0", "sleep 1; exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "soaking");
    // Neither of the two files can be appended to, or replaced.
    let journals = ["state/journal.0", "state/journal.1"].map(|name| bench.path(name));
    for journal in &journals {
        let kept = journal.with_extension("kept");
        if fs::rename(journal, &kept).is_ok() {
            fs::create_dir_all(journal.join("in the way")).expect("a directory");
        }
        fs::create_dir_all(PathBuf::from(format!("{}.new", journal.display())).join("x"))
            .expect("a directory");
    }
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(first.generation.clone()));
    for journal in &journals {
        let _ = fs::remove_dir_all(format!("{}.new", journal.display()));
        let _ = fs::remove_dir_all(journal);
        let _ = fs::rename(journal.with_extension("kept"), journal);
    }
    let mut agent = agent;
    agent.wait_for("recorded now");
    agent.kill();
    let agent = bench.place.start();
    assert_eq!(status(&agent)["state"], "reverted");
    assert_eq!(bench.current(), Some(first.generation));
}

#[test]
fn what_was_tried_in_vain_leaves_the_way_back() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    bench.ship(&agent, &bench.build("1.1", "exit 0", ""));
    let bad = bench.build("1.2", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    bench.done(&["gen", "prune"]);
    bench.done(&["gen", "rollback"]);
    wait_for(&agent, "reverted");
    let deadline = Deadline::start();
    while bench.current().as_ref() != Some(&first.generation) {
        deadline.check("the first version", &status(&agent));
    }
    bench.refused(&["gen", "rollback"], "there is nothing to go back to");
}

#[test]
fn a_hook_that_hangs_before_the_switch_can_be_called_off() {
    let bench = RolloutBench::configured("before-switch \"/bin/sleep\" \"1000\";");
    let agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    let deadline = Deadline::start();
    while !bench.run(&["gen", "rollback"]).status.success() {
        deadline.check("a call off", &status(&agent));
    }
    assert_eq!(
        wait_for(&agent, "failed")["detail"],
        "called off by request"
    );
    assert_eq!(bench.current(), None);
}

#[test]
fn a_version_that_is_interrupted_again_and_again_is_put_back() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let long = bench.build_soaking("1.1", "soak \"1m\"");
    bench.push(&long);
    activate(&agent, &long);
    let begun = wait_for(&agent, "soaking")["soak_left_ms"].as_u64();
    for _ in 0..10 {
        agent.kill();
        agent = bench.place.start();
        let status = status(&agent);
        assert_eq!(status["state"], "soaking", "{status}");
    }
    let left = status(&agent)["soak_left_ms"].as_u64();
    assert!(left < begun, "{left:?} of {begun:?}");
    agent.kill();
    let agent = bench.place.start();
    let status = wait_for(&agent, "reverted");
    assert_eq!(status["detail"], "soak failed: interrupted 11 times");
    assert_eq!(bench.current(), Some(first.generation));
}

#[test]
fn nothing_that_is_ordered_is_pruned() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    activate(&agent, &second);
    bench.done(&["gen", "prune"]);
    wait_for(&agent, "converged");
    bench.done(&["gen", "prune"]);
    let listed = agent.call("gen.list", &json!({}));
    assert_eq!(listed.as_array().expect("a list").len(), 2, "{listed}");
}

#[test]
fn what_a_generation_shares_with_a_pruned_one_stays() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let bad = bench.build("1.1", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    // Its self-test is the tree's that goes.
    let alike = bench.build("1.2", "exit 7", "");
    bench.push(&alike);
    let pruned = bench.done(&["gen", "prune", "--keep", "1"]);
    assert!(pruned.contains(&bad.generation[..8]), "{pruned}");
    activate(&agent, &alike);
    wait_for(&agent, "reverted");
}

#[test]
fn a_pointer_that_somebody_else_moves_is_told() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    fs::remove_file(bench.path("generations/current")).expect("the link");
    let status = status(&agent);
    let detail = status["detail"].as_str().expect("a text");
    assert!(detail.starts_with("but the board runs none"), "{status}");
}

/// Kills the agent at each point of a rollout, again and again, and lets the next one go on.
fn kill_everywhere(self_test: &str, end: &str) {
    for point in failpoint::IN_ROLLOUTS {
        for count in 1..=4 {
            let bench = RolloutBench::new();
            let mut agent = bench.place.start();
            let first = bench.build("1.0", "exit 0", "");
            bench.ship(&agent, &first);
            agent.terminate();
            let second = bench.build("2.0", self_test, "");
            let mut dying = bench.place.start_to_die(&format!("{point}:{count}"));
            dying.wait_for(" ready ");
            bench.push(&second);
            let answer = bench.run(&["gen", "activate", &second.generation]);
            let told = format!("{point}:{count}");
            let deadline = Deadline::start();
            let is_dead = loop {
                if dying.has_exited() {
                    break true;
                }
                if bench.state().as_deref() == Some(end) {
                    break false;
                }
                deadline.check(end, &told);
            };
            if !is_dead {
                // There are no more of these points on the way.
                break;
            }
            let agent = bench.place.start();
            if status(&agent)["target"] == first.generation {
                // It was never recorded, so whoever ordered it has no answer.
                assert!(!answer.status.success(), "{told}");
                activate(&agent, &second);
            }
            let ended = wait_for(&agent, end);
            let expected = if end == "converged" { &second } else { &first };
            assert_eq!(ended["target"], second.generation, "{told}");
            assert_eq!(bench.current(), Some(expected.generation.clone()), "{told}");
            assert!(ended["attempts"].as_u64() <= Some(2), "{told}: {ended}");
            agent.wait_for_state("gateway", "running");
            let deadline = Deadline::start();
            while bench.place.processes().len() != 1 {
                deadline.check("one process", &told);
            }
        }
    }
}

#[test]
fn an_agent_killed_anywhere_in_an_activation_completes_it() {
    kill_everywhere("exit 0", "converged");
}

#[test]
fn an_agent_killed_anywhere_in_a_rollback_completes_that() {
    kill_everywhere("exit 7", "reverted");
}

/// The section of the README whose lines are typed.
const SECTION: &str = "## Ship a new version";

/// Returns the commands of the section, each with the lines that it prints.
fn commands_of_the_readme() -> Vec<(String, Vec<String>)> {
    let readme = include_str!("../../../README.md");
    let section = readme.split(SECTION).nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("the section");
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut is_transcript = false;
    for line in section.lines() {
        match line.strip_prefix("    ") {
            Some(line) if line.starts_with("$ ") => {
                is_transcript = true;
                commands.push((line[2..].to_owned(), Vec::new()));
            }
            Some(line) if is_transcript => {
                let (_, printed) = commands.last_mut().expect("a command");
                printed.push(line.to_owned());
            }
            _ => is_transcript = false,
        }
    }
    commands
}

#[test]
fn the_readme_ships_a_version_and_a_bad_one_puts_itself_back() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../generation");
    std::os::unix::fs::symlink(examples, bench.path("generation")).expect("a link");
    let programs = lastword();
    let programs = programs.parent().expect("a directory");
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let url = format!("unix://{}", bench.path("agent.sock").display());
    let commands = commands_of_the_readme();
    assert!(commands.len() > 12, "{commands:?}");
    for (command, expected) in commands {
        if command.contains("keygen") {
            // The board trusts the key that is there, and no two keys are the same.
            assert_eq!(expected.len(), 3, "{command}");
            continue;
        }
        let mut shell = Command::new("sh");
        shell
            .env_clear()
            .env("PATH", &path)
            .env("HOME", bench.path("home"));
        shell.env("LASTWORD_URL", &url).current_dir(bench.path(""));
        let output = shell
            .args(["-c", &format!("{command} 2>&1")])
            .output()
            .expect("sh");
        let printed = String::from_utf8(output.stdout).expect("text");
        let printed: Vec<_> = printed
            .lines()
            .filter(|it| !it.starts_with("lastword: "))
            .collect();
        assert_eq!(printed, expected, "{command}");
    }
}
