//! What a program is told of calls that are wrong, and of methods that there are.

use super::*;
use serde_json::{Value, json};

/// What a session says to these lines.
#[track_caller]
fn says(lines: &str) -> Vec<Value> {
    let mut bench = Bench::new(TCP);
    bench.receive(lines.as_bytes());
    assert!(bench.asked.is_empty(), "{lines:?}");
    let text = bench.text();
    let value = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{lines:?}: {text:?}"));
    text.lines().map(value).collect()
}

/// The only answer to `line` has this id and number.
#[track_caller]
fn check(line: &str, id: &Value, number: i32) -> Value {
    let answers = says(&format!("{line}\n"));
    let [answer] = &answers[..] else {
        panic!("{line}: {answers:?}");
    };
    assert_eq!(
        (&answer["id"], &answer["error"]["code"], &answer["jsonrpc"]),
        (id, &json!(number), &json!("2.0")),
        "{line}: {answer}"
    );
    answer["error"].clone()
}

/// What is told of the wrong parameter of a call.
#[track_caller]
fn check_params(method: &str, params: &Value, param: &str, message: &str) {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let error = check(&call.to_string(), &json!(1), -32_602);
    assert_eq!(error["data"]["param"], param, "{error}");
    assert_eq!(error["message"], message, "{call}");
    let want = error["data"]["want"].as_str().expect("a text");
    assert!(message.ends_with(&format!("; wanted: {want}")), "{error}");
}

#[test]
fn what_is_no_request_has_an_answer_without_an_id() {
    let null = Value::Null;
    check("{\"jsonrpc\": \"2.0\", \"method\"", &null, -32_700);
    check("[1,", &null, -32_700);
    check("[]", &null, -32_600);
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"uptime"}]"#;
    let error = check(batch, &null, -32_600);
    assert!(error["message"].to_string().contains("one request a line"));
    check(
        r#"{"jsonrpc":"2.0","method":1,"params":"x"}"#,
        &null,
        -32_600,
    );
    check(
        r#"{"jsonrpc":"2.0","id":{},"method":"uptime"}"#,
        &null,
        -32_600,
    );
    check(
        r#"{"jsonrpc":"2.0","id":true,"method":"uptime"}"#,
        &null,
        -32_600,
    );
    let long = format!("{{\"jsonrpc\": \"{}\"}}", "x".repeat(300));
    check(&long, &null, -32_700);
}

/// Checks that a call is refused with -32600 or -32602 under this id, for a reason that names
/// `name`; [`says`] checks that nothing runs.
#[track_caller]
fn check_ambiguous(call: &str, id: &Value, name: &str) {
    let answers = says(&format!("{call}\n"));
    let [answer] = &answers[..] else {
        panic!("{call}: {answers:?}");
    };
    assert_eq!(&answer["id"], id, "{call}: {answer}");
    let number = &answer["error"]["code"];
    assert!(*number == -32_600 || *number == -32_602, "{answer}");
    let message = answer["error"]["message"].as_str().expect("a text");
    assert!(message.contains(name), "{call}: {message}");
}

#[test]
fn a_name_given_twice_at_any_level_runs_nothing() {
    let one = json!(1);
    let reboot =
        |rest: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"power.reboot",{rest}}}"#);
    for (rest, name) in [
        (r#""params":{"in":"1h","in":"0ms"}"#, "params.in"),
        (r#""params":{"in":"1h","\u0069n":"0ms"}"#, "params.in"),
        (r#""params":{"in":"1h"},"params":{}"#, "params"),
        (r#""method":"uptime""#, "method"),
        (r#""jsonrpc":"2.0""#, "jsonrpc"),
        (r#""params":{"reason":{"a":1,"a":2}}"#, "params.reason.a"),
        (r#""params":[{"a":1,"a":1}]"#, "params.0.a"),
        (
            r#""params":{"await_close":true,"await-close":false}"#,
            "await",
        ),
        (
            r#""params":{"await-close":false,"await_close":true}"#,
            "await",
        ),
    ] {
        check_ambiguous(&reboot(rest), &one, name);
    }
    // Which of the ids is meant is not known.
    check_ambiguous(&reboot(r#""id":2"#), &Value::Null, "id");
    for method in [
        "list",
        "start",
        "svc.logs",
        "logs_cancel",
        "help",
        "uptime",
        "mode",
    ] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"a","name":"a"}}}}"#
        );
        check_ambiguous(&call, &one, "params.name");
    }
    // Without an id it cannot be told from a request: the answer has none.
    let call = r#"{"jsonrpc":"2.0","method":"reboot","params":{"in":"1h","in":"1h"}}"#;
    check_ambiguous(call, &Value::Null, "params.in");
}

#[test]
fn a_misspelled_member_does_not_run_the_method_without_it() {
    for member in ["param", "Params", "params ", "parameters", "meth"] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"power.reboot","{member}":{{"in":"1h"}}}}"#
        );
        check_ambiguous(&call, &json!(1), member);
    }
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"logs_cancel","params":{"subscription_id":1,"x":2}}"#;
    check_ambiguous(call, &json!(1), "x");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"logs_cancel","params":[1,2]}"#;
    check_ambiguous(call, &json!(1), "subscription_id");
}

#[test]
fn what_can_be_told_of_a_bad_request_is_its_id() {
    check(r#"{"id":"a","method":"uptime"}"#, &json!("a"), -32_600);
    check(
        r#"{"jsonrpc":"1.0","id":7,"method":"uptime"}"#,
        &json!(7),
        -32_600,
    );
    check(r#"{"jsonrpc":"2.0","id":7}"#, &json!(7), -32_600);
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"uptime","params":"now"}"#;
    check(call, &json!(7), -32_600);
    check(
        r#"{"jsonrpc":"2.0","id":null,"method":"dance"}"#,
        &Value::Null,
        -32_601,
    );
}

#[test]
fn a_notification_has_no_answer_whatever_is_wrong_with_it() {
    for call in [
        r#"{"jsonrpc":"2.0","method":"uptime"}"#,
        r#"{"jsonrpc":"2.0","method":"dance"}"#,
        r#"{"jsonrpc":"2.0","method":"svc.status"}"#,
        r#"{"jsonrpc":"2.0","method":"logs_cancel","params":["x"]}"#,
    ] {
        assert_eq!(says(&format!("{call}\n")), Vec::<Value>::new(), "{call}");
    }
}

#[test]
fn a_program_s_later_lines_are_json_too_unless_a_script_would_be_understood() {
    let first = r#"{"jsonrpc":"2.0","id":1,"method":"uptime"}"#;
    for second in ["nonsense", "\"text\"", "7", "a\u{1}b"] {
        let answers = says(&format!("{first}\n{second}\n"));
        let number = &answers[1]["error"]["code"];
        assert!(
            *number == -32_700 || *number == -32_600,
            "{second}: {answers:?}"
        );
        assert_eq!(answers.len(), 2);
    }
    let mut bench = Bench::new(TCP);
    bench.receive(format!("{first}\nmode plain\nnonsense\n").as_bytes());
    let text = bench.text();
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(lines[0], "ok mode=plain");
    assert!(lines[1].starts_with("err 404 unknown"), "{text}");
}

#[test]
fn a_wrong_parameter_is_named_with_what_is_wanted() {
    check_params(
        "power.reboot",
        &json!({"in": "soon"}),
        "in",
        "in: bad value \"soon\"; wanted: a duration: 500ms, 30s, 5m, 2h",
    );
    check_params(
        "logs",
        &json!({"name": "x", "tail": true}),
        "tail",
        "tail: bad value true; wanted: a whole number from 0 to 10000",
    );
    check_params(
        "logs",
        &json!({"name": "x", "tail": [1]}),
        "tail",
        "tail: bad value [1]; wanted: a whole number from 0 to 10000",
    );
    check_params(
        "start",
        &json!({"name": "x", "all": "yes"}),
        "all",
        "all: bad value \"yes\"; wanted: true or false",
    );
    check_params(
        "start",
        &json!({"name": "x", "all": true}),
        "all",
        "all: one argument too many; wanted: either it or a name",
    );
    check_params(
        "mode",
        &json!({"dialect": "latin"}),
        "dialect",
        "dialect: bad value \"latin\"; wanted: one of plain, term, json",
    );
    check_params(
        "logs_cancel",
        &json!({"subscription_id": "1"}),
        "subscription_id",
        "subscription_id: bad value \"1\"; wanted: the number that `logs` or `events.subscribe` has named",
    );
}

#[test]
fn a_missing_or_unknown_parameter_is_named_with_what_is_wanted() {
    for params in [json!({}), json!([]), json!({"name": null})] {
        check_params(
            "start",
            &params,
            "name",
            "name: missing; wanted: the name of a service from svc.list, or \"all\": true",
        );
        check_params(
            "svc.status",
            &params,
            "name",
            "name: missing; wanted: the name of a service from svc.list",
        );
    }
    check_params(
        "logs",
        &json!({"name": "x", "lines": 7}),
        "lines",
        "lines: unknown parameter; wanted: name, tail, from, follow",
    );
    check_params(
        "logs_cancel",
        &json!({}),
        "subscription_id",
        "subscription_id: missing; wanted: the number that `logs` or `events.subscribe` has named",
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"start","params":["a","b"]}"#;
    let error = check(call, &json!(1), -32_602);
    assert_eq!(
        error["message"],
        "takes name by position, the others by name"
    );
}

#[test]
fn help_lists_every_method_with_what_it_takes() {
    let calls = r#"{"jsonrpc":"2.0","id":1,"method":"help"}"#;
    let answers = says(&format!("{calls}\n"));
    let methods = answers[0]["result"]["methods"].as_array().expect("methods");
    let find = |name: &str| {
        let method = methods.iter().find(|it| it["method"] == name);
        method.unwrap_or_else(|| panic!("no {name} in {methods:?}"))
    };
    for command in lastword_shell::commands::ALL.iter() {
        find(&command.path.replace(' ', "."));
    }
    assert_eq!(
        *find("svc.stop"),
        json!({
            "method": "svc.stop",
            "summary": "Stop a service, or all of them.",
            "level": "operate",
            "params": [
                {"param": "name", "want": "the name of a service from svc.list", "required": false},
                {"param": "all", "want": "true or false", "required": false,
                 "summary": "All services, in their order."},
                {"param": "grace", "want": "a duration of at most 1h 0m 0s: 500ms, 30s, 5m",
                 "required": false,
                 "summary": "Kill what is left after this, not after its file's grace."},
            ],
        })
    );
    for short in ["list", "start", "stop", "restart", "reload"] {
        let mut expected = find(&format!("svc.{short}")).clone();
        expected["method"] = json!(short);
        assert_eq!(*find(short), expected);
    }
    let name =
        json!({"param": "name", "want": "the name of a service from svc.list", "required": false});
    assert_eq!(find("status")["params"], json!([name]));
    assert_eq!(find("logs")["params"], find("svc.logs")["params"]);
    let mut names: Vec<_> = methods.iter().map(|it| it["method"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), methods.len(), "each once: {methods:?}");
    assert_eq!(find("logs_cancel")["params"][0]["required"], true);
}

#[test]
fn help_explains_a_group_or_one_method() {
    let help = |topic: &str| {
        let params = json!({"command": topic});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "help", "params": params});
        says(&format!("{call}\n"))[0]["result"]["methods"].clone()
    };
    let one = help("power.cancel");
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    assert_eq!(one[0]["method"], "power.cancel");
    assert_eq!(one, help("power cancel"));
    assert_eq!(help("stop"), help("svc.stop"));
    assert_eq!(help("power").as_array().map(Vec::len), Some(4));
    check_params(
        "help",
        &json!({"command": "dance"}),
        "command",
        "command: unknown \"dance\"; wanted: a command",
    );
}
