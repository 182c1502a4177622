//! Files that change while no agent lives.

use lastword_tests::process::{Agent, Place};
use serde_json::{Value, json};

/// Why a service is what it is.
fn reason(agent: &Agent, name: &str) -> String {
    let status = agent.call("status", &json!({"name": name}));
    let steps = status["recent_transitions"].as_array();
    let last = steps.and_then(|steps| steps.last()).expect("a step");
    last["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_file_changed_while_no_agent_lived_restarts_its_service_at_the_next_reload_and_not_before() {
    let place = Place::with_services();
    let names = ["changed", "gentle", "same"];
    for name in names {
        place.shell(name, "exec sleep 1000", "");
    }
    let mut first = place.start();
    let before = names.map(|name| first.wait_for_state(name, "running").pid);
    first.kill();
    place.shell("changed", "exec sleep 2000", "");
    let policy = "restart { policy \"never\" }";
    place.shell("gentle", "exec sleep 1000", policy);
    let agent = place.start();
    let pids = || names.map(|name| agent.wait_for_state(name, "running").pid);
    assert_eq!(pids(), before, "all are adopted");
    let says_so = |name: &&str| reason(&agent, name).contains("its file has changed since");
    let said: Vec<_> = names.into_iter().filter(says_so).collect();
    assert_eq!(said, ["changed"]);
    let warning = "its file has changed since it was started; `svc reload` restarts it";
    assert_eq!(agent.log().matches(warning).count(), 1, "{}", agent.log());
    let plan = |agent: &Agent| -> Value { agent.call("reload", &json!({}))["changed"].clone() };
    assert_eq!(plan(&agent), json!(["changed"]));
    let after = loop {
        let pid = agent.wait_for_state("changed", "running").pid;
        if pid != before[0] {
            break pid;
        }
    };
    assert_eq!(pids(), [after, before[1], before[2]]);
    assert_eq!(plan(&agent), json!([]));
    assert!(!says_so(&"changed"));
    let _ = agent.call("stop", &json!({"all": true}));
}

#[test]
fn a_restart_after_an_edit_says_that_the_file_has_changed_since() {
    let place = Place::with_services();
    place.shell("a", "exec sleep 1000", "");
    place.shell("b", "exec sleep 1000", "");
    let agent = place.start();
    let _ = agent.wait_for_state("a", "running");
    let says = |line: &str| {
        let mut console = agent.unix();
        console.send(format!("{line}\n"));
        console.until("ok\n")
    };
    assert_eq!(says("svc restart a"), "| name=a change=restarted\nok\n");
    place.shell("a", "exec sleep 2000", "");
    let warning = "| name=a change=file_changed detail=\"its file has changed since it was read, and was not \
                   used; `svc reload` reads it\"\n";
    assert_eq!(
        says("svc restart a"),
        format!("| name=a change=restarted\n{warning}ok\n")
    );
    assert_eq!(
        says("svc start a"),
        format!("| name=a change=already_running\n{warning}ok\n")
    );
    let all = says("svc restart --all");
    assert!(
        all.contains("name=b change=restarted") && all.contains(warning),
        "{all}"
    );
    assert!(!all.contains("name=b change=file_changed"), "{all}");
    assert!(says("svc status a").contains(" file=changed"));
    let list = says("svc list");
    assert_eq!(list.matches("file=changed").count(), 1, "{list}");
    place.shell("new", "exec sleep 1000", "");
    let mut console = agent.unix();
    let answer = console.ask("svc start new");
    assert!(
        answer.contains("its file is new; `svc reload` adds it"),
        "{answer}"
    );
    let restarted = agent.call("svc.restart", &json!({"name": "a"}));
    assert_eq!(
        restarted,
        json!({"restarted": ["a"], "file_changed": ["a"]})
    );
    // Clients of process supervisors know no such field.
    let restarted = agent.call("restart", &json!({"name": "a"}));
    assert_eq!(restarted, json!({"restarted": ["a"]}));
    assert_eq!(
        agent.call("svc.status", &json!({"name": "a"}))["file"],
        "changed"
    );
    let _ = agent.call("reload", &json!({}));
    agent.wait_for_state("a", "running");
    assert_eq!(says("svc restart a"), "| name=a change=restarted\nok\n");
    assert!(!says("svc status a").contains("file=changed"));
}
