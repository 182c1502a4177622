//! The one endpoint: how long the board is up, and which boot this is.

use core::convert::Infallible;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use postcard_rpc::header::VarHeader;
use postcard_rpc::server::WireSpawn;
use postcard_rpc::server::impls::embedded_io_async_v0_6::EioWireTx;
use postcard_rpc::{TopicDirection, define_dispatch, endpoints, topics};
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};
use size_board::{Uart, uptime_ms};

/// What is answered: the same fields as lastword's.
#[derive(Serialize, Deserialize, Schema)]
#[expect(unreachable_pub, reason = "the endpoint's public type names it")]
pub struct Uptime {
    uptime_ms: u64,
    boot: [u8; 16],
}

endpoints! {
    list = ENDPOINTS;
    | EndpointTy     | RequestTy | ResponseTy | Path     |
    | ----------     | --------- | ---------- | ----     |
    | UptimeEndpoint | ()        | Uptime     | "uptime" |
}

topics! {
    list = TOPICS_IN;
    direction = TopicDirection::ToServer;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

topics! {
    list = TOPICS_OUT;
    direction = TopicDirection::ToClient;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

type Sender = EioWireTx<NoopRawMutex, Uart>;

define_dispatch! {
    app: Board;
    spawn_fn: spawn;
    tx_impl: Sender;
    spawn_impl: Nobody;
    context: Nothing;
    endpoints: {
        list: ENDPOINTS;
        | EndpointTy     | kind     | handler |
        | ----------     | ----     | ------- |
        | UptimeEndpoint | blocking | uptime  |
    };
    topics_in: {
        list: TOPICS_IN;
        | TopicTy | kind | handler |
        | ------- | ---- | ------- |
    };
    topics_out: {
        list: TOPICS_OUT;
    };
}

/// What handlers are given.
pub(crate) struct Nothing;

/// Who runs tasks: no endpoint here is one.
#[derive(Clone)]
pub(crate) struct Nobody;

impl WireSpawn for Nobody {
    type Error = Infallible;
    type Info = ();

    fn info(&self) -> &() {
        &()
    }
}

fn uptime(_: &mut Nothing, _: VarHeader, (): ()) -> Uptime {
    Uptime {
        uptime_ms: uptime_ms().into(),
        boot: [1; 16],
    }
}
