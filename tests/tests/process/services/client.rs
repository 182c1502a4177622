//! A JSON-RPC client that was written without us, jsonrpsee's, on a real agent's Unix socket: it
//! is given nothing but lines to send and receive.

use jsonrpsee_core::client::{
    Client, ClientBuilder, ClientT, Error, ReceivedMessage, Subscription, SubscriptionClientT,
    TransportReceiverT, TransportSenderT,
};
use jsonrpsee_core::rpc_params;
use jsonrpsee_core::traits::ToRpcParams;
use lastword_tests::process::{Agent, BOUND, Place};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The client's way to an agent: what it sends, a line each.
struct Sender(OwnedWriteHalf);

impl TransportSenderT for Sender {
    type Error = io::Error;

    async fn send(&mut self, message: String) -> Result<(), io::Error> {
        self.0.write_all((message + "\n").as_bytes()).await
    }
}

/// What it receives.
struct Receiver(Lines<BufReader<OwnedReadHalf>>);

impl TransportReceiverT for Receiver {
    type Error = io::Error;

    async fn receive(&mut self) -> Result<ReceivedMessage, io::Error> {
        let line = self.0.next_line().await?;
        line.map(ReceivedMessage::Text)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Parameters by name.
struct Named(Value);

impl ToRpcParams for Named {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.0).map(Some)
    }
}

async fn connect(agent: &Agent) -> Client {
    let stream = UnixStream::connect(agent.socket()).await;
    let (reader, writer) = stream.expect("a listener").into_split();
    let receiver = Receiver(BufReader::new(reader).lines());
    ClientBuilder::new()
        .request_timeout(BOUND)
        .build_with_tokio(Sender(writer), receiver)
}

async fn call(client: &Client, method: &str, params: Value) -> Value {
    let answer = client.request(method, Named(params.clone())).await;
    answer.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
}

/// A call is answered with this number, and a message with `part` in it.
async fn check_error(client: &Client, method: &str, params: Value, number: i32, part: &str) {
    let answer: Result<Value, Error> = client.request(method, Named(params.clone())).await;
    let Err(Error::Call(error)) = &answer else {
        panic!("{method} {params}: {answer:?}");
    };
    assert_eq!(error.code(), number, "{method} {params}: {error:?}");
    assert!(error.message().contains(part), "{method}: {error:?}");
}

async fn next(notifications: &mut Subscription<Value>) -> Value {
    let next = tokio::time::timeout(BOUND, notifications.next()).await;
    next.expect("one in time")
        .expect("a link")
        .expect("parameters")
}

/// An agent with a service that has said something on both streams, and another.
fn two_services() -> (Place, Agent) {
    let place = Place::with_services();
    let script = "echo out; echo err >&2; exec sleep 1000";
    place.shell("camera", script, "");
    place.shell("radio", "exec sleep 1000", "");
    let agent = place.start();
    agent.wait_for_state("camera", "running");
    agent.wait_for_state("radio", "running");
    agent.wait_for_line("camera", 2);
    (place, agent)
}

#[tokio::test]
async fn a_client_of_another_library_sees_services_and_steers_them() {
    let (place, agent) = two_services();
    let client = connect(&agent).await;
    let list: Vec<Value> = client.request("list", rpc_params![]).await.expect("a list");
    let names: Vec<_> = list.iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["camera", "radio"]);
    let camera = call(&client, "status", json!({"name": "camera"})).await;
    assert_eq!(camera["state"], "running", "{camera}");
    assert_eq!(
        (&camera["port"], &camera["restart_count"]),
        (&json!(0), &json!(0))
    );
    assert!(camera["pid"].is_u64() && camera["uptime_secs"].is_u64());
    let step = &camera["recent_transitions"][0];
    assert_eq!(
        (&step["from"], &step["to"]),
        (&json!("stopped"), &json!("starting"))
    );
    assert!(step["at_unix_ms"].is_u64(), "{camera}");
    let by_position = client.request("status", rpc_params!["camera"]).await;
    let by_position: Value = by_position.expect("a status");
    assert_eq!(by_position["pid"], camera["pid"]);
    let board = call(&client, "status", json!({})).await;
    assert!(board["uptime_ms"].is_u64(), "{board}");

    let one = || json!({"name": "camera"});
    let said = call(&client, "start", one()).await;
    assert_eq!(said, json!({"started": [], "already_running": ["camera"]}));
    let said = call(&client, "restart", one()).await;
    assert_eq!(said, json!({"restarted": ["camera"]}));
    let said = call(&client, "stop", json!({"name": null, "all": true})).await;
    // Both at once: either may be the first.
    assert_eq!(said["stopped"].as_array().map(Vec::len), Some(2), "{said}");
    assert_eq!(said["not_running"], json!([]));
    assert_eq!(place.processes(), super::NOBODY);
    let said = call(&client, "stop", one()).await;
    assert_eq!(said, json!({"stopped": [], "not_running": ["camera"]}));
    let said = call(&client, "start", one()).await;
    assert_eq!(said, json!({"started": ["camera"], "already_running": []}));

    place.shell("new", "exec sleep 1000", "");
    let said = call(&client, "reload", json!({})).await;
    let expected =
        json!({"added": ["new"], "removed": [], "changed": [], "unchanged": ["camera", "radio"]});
    assert_eq!(said, expected);
    let help = call(&client, "help", json!({"command": "logs"})).await;
    assert_eq!(help["methods"][0]["params"][0]["param"], "name", "{help}");
}

#[tokio::test]
async fn a_client_of_another_library_follows_logs() {
    let (_place, agent) = two_services();
    let client = connect(&agent).await;
    let mut lines = client.subscribe_to_method("log").await.expect("a link");
    let mut ends = client.subscribe_to_method("log_end").await.expect("a link");
    for follow in [false, true] {
        let params = json!({"name": "camera", "tail": 2, "follow": follow});
        let begun = call(&client, "logs", params).await;
        let id = &begun["subscription_id"];
        assert!(id.is_u64(), "{begun}");
        let mut said = [next(&mut lines).await, next(&mut lines).await];
        // One FIFO or the other is read first.
        said.sort_by_key(|line| line["stream"].to_string());
        for (line, (stream, text)) in said.iter().zip([("stderr", "err"), ("stdout", "out")]) {
            assert_eq!(line["subscription_id"], *id, "{line}");
            assert_eq!(
                (&line["name"], &line["stream"]),
                (&json!("camera"), &json!(stream))
            );
            assert_eq!(line["line"], text, "{line}");
            assert!(line["ts_unix_ms"].is_u64(), "{line}");
        }
        if !follow {
            assert_eq!(next(&mut ends).await, json!({"subscription_id": id}));
        }
        let cancelled = call(&client, "logs_cancel", json!({"subscription_id": id})).await;
        assert_eq!(cancelled, json!({}));
    }
    // What is followed is told of the service's next life, too.
    let params = json!({"name": "camera", "tail": 0, "follow": true});
    call(&client, "logs", params).await;
    call(&client, "restart", json!({"name": "camera"})).await;
    assert_eq!(next(&mut lines).await["name"], "camera");
}

#[tokio::test]
async fn a_client_of_another_library_knows_the_errors_by_their_numbers() {
    let place = Place::with_services();
    place.shell("one", "exec sleep 1000", "port 18421; autostart #false");
    place.shell("two", "exec sleep 1000", "port 18421; autostart #false");
    place.shell("odd", "exec sleep 1000", "flavour \"sweet\"");
    let rest = "user \"nobody-of-this-name\"; autostart #false";
    place.shell("homeless", "exec sleep 1000", rest);
    let agent = place.start();
    let client = connect(&agent).await;
    let named = |name: &str| json!({"name": name});
    for method in ["status", "start", "stop", "restart", "logs"] {
        check_error(&client, method, named("nobody"), -32_001, "nobody").await;
    }
    check_error(&client, "start", named("two"), -32_002, "18421").await;
    check_error(&client, "start", named("odd"), -32_003, "flavour").await;
    check_error(&client, "reload", json!({}), -32_003, "odd.kdl:4").await;
    check_error(
        &client,
        "start",
        named("homeless"),
        -32_006,
        "nobody-of-this-name",
    )
    .await;
    check_error(&client, "dance", json!({}), -32_601, "dance").await;
    check_error(&client, "start", json!({}), -32_602, "name: missing").await;
    let params = json!({"name": "one", "tail": "all"});
    check_error(&client, "logs", params, -32_602, "tail: bad value \"all\"").await;
    let params = json!({"subscription_id": 7});
    check_error(&client, "logs_cancel", params, -32_602, "no subscription 7").await;
    // And goes on.
    client
        .notification("dance", rpc_params![])
        .await
        .expect("a link");
    assert_eq!(
        call(&client, "list", json!({})).await[0]["name"],
        "homeless"
    );
}
