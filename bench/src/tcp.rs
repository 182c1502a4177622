//! The round trip over TCP: one client, one request under way, beside others in the same run.

use crate::clock;
use crate::cpu::OneCpu;
use crate::figure::{Bar, Figure, Unit};
use crate::peer::{Peer, echo, ergot, hil, postcard_rpc};
use crate::process::{Agent, Server};
use crate::samples::Samples;
use crate::setting::Setting;
use crate::wire::{Ask, FrameClient, LineClient};
use anyhow::{Context, Result};
use lastword_client::client::Client;
use lastword_protocol::ClientId;

/// How much slower the agent may be than the echo.
const MOST_TIMES_ECHO: f64 = 1.25;
/// Rounds whose figures are thrown away.
const WARM_UP_ROUNDS: usize = 5;

/// Measures it.
///
/// # Errors
///
/// If one of the servers does not work.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let _one = OneCpu::hold()?;
    let agent = Agent::start(&setting.agent, false, "")?;
    let servers = [Peer::Echo, Peer::PostcardRpc, Peer::Ergot].map(|peer| {
        let server = Server::start(peer.name());
        server.with_context(|| format!("the server {}", peer.name()))
    });
    let [echo, postcard_rpc, ergot] = servers;
    let (echo, postcard_rpc, ergot) = (echo?, postcard_rpc?, ergot?);
    let rounds = Rounds {
        count: if setting.quick { 40 } else { 200 },
        questions: if setting.quick { 100 } else { 500 },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = agent.address();
        let mut lanes = Lanes {
            agent: Lane::new(FrameClient::greet(address, ClientId(1)).await?),
            echo: Lane::new(FrameClient::assume(echo.address(), echo::NONCE).await?),
            postcard_rpc: Lane::new(postcard_rpc::Client::connect(postcard_rpc.address()).await?),
            ergot: Lane::new(ergot::Client::connect(ergot.address()).await?),
            hil: Lane::new(hil::connect(address).await?),
            plain: Lane::new(LineClient::connect(address, PLAIN[0], PLAIN[1]).await?),
            json: Lane::new(LineClient::connect(address, JSON[0], JSON[1]).await?),
        };
        lanes.run(rounds).await?;
        Ok(lanes.figures())
    })
}

/// What is asked in lines, and what the answer must hold.
const PLAIN: [&str; 2] = ["uptime\n", "ok uptime_ms="];
/// As [`PLAIN`].
const JSON: [&str; 2] = [
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\"}\n",
    "\"result\"",
];

/// How much is asked.
#[derive(Clone, Copy)]
struct Rounds {
    /// How often everyone has a turn.
    count: usize,
    /// How much is asked in one turn.
    questions: usize,
}

/// Everyone who takes turns.
struct Lanes {
    agent: Lane<FrameClient>,
    echo: Lane<FrameClient>,
    postcard_rpc: Lane<postcard_rpc::Client>,
    ergot: Lane<ergot::Client>,
    hil: Lane<Client>,
    plain: Lane<LineClient>,
    json: Lane<LineClient>,
}

/// One who takes turns, and how long the answers took.
struct Lane<A> {
    asker: A,
    samples: Samples,
}

impl<A: Ask> Lane<A> {
    fn new(asker: A) -> Self {
        Self {
            asker,
            samples: Samples::default(),
        }
    }

    async fn turn(&mut self, questions: usize) -> Result<()> {
        for _ in 0..questions {
            let asked = clock::now();
            self.asker.ask().await?;
            self.samples.push(clock::now() - asked);
        }
        Ok(())
    }

    /// The percentile, in microseconds.
    fn micros(&self, hundredths: usize) -> f64 {
        self.samples.percentile(hundredths) / 1_000.0
    }

    fn figures(&self, name: &str, measured: &'static str) -> [Figure; 2] {
        [(50, measured), (99, "the same run")].map(|(hundredths, measured)| {
            let value = self.micros(hundredths);
            Figure::new(
                format!("{name}, p{hundredths}"),
                value,
                Unit::Micros,
                measured,
            )
        })
    }
}

impl Lanes {
    async fn run(&mut self, rounds: Rounds) -> Result<()> {
        for _ in 0..WARM_UP_ROUNDS {
            self.round(rounds.questions).await?;
        }
        self.forget();
        for _ in 0..rounds.count {
            self.round(rounds.questions).await?;
        }
        Ok(())
    }

    /// In turns, so that what else the machine does meets all alike.
    async fn round(&mut self, questions: usize) -> Result<()> {
        self.agent.turn(questions).await?;
        self.echo.turn(questions).await?;
        self.postcard_rpc.turn(questions).await?;
        self.ergot.turn(questions).await?;
        self.hil.turn(questions).await?;
        self.plain.turn(questions).await?;
        self.json.turn(questions).await
    }

    fn forget(&mut self) {
        for samples in [
            &mut self.agent.samples,
            &mut self.echo.samples,
            &mut self.postcard_rpc.samples,
            &mut self.ergot.samples,
            &mut self.hil.samples,
            &mut self.plain.samples,
            &mut self.json.samples,
        ] {
            *samples = Samples::default();
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let times = self.agent.micros(50) / self.echo.micros(50);
        let ratio = Figure::new(
            "`lastwordd` beside the echo, p50",
            times,
            Unit::Times,
            "the first two medians, one divided by the other",
        );
        let mut figures = vec![ratio.with_bar(Bar::AtMost(MOST_TIMES_ECHO))];
        figures.extend(self.agent.figures(
            "`lastwordd`",
            "`uptime` in a greeted session, from before the request is encoded until after its \
             reply is decoded",
        ));
        figures.extend(self.echo.figures(
            "hand-written echo",
            "the same client and the same frames each way, the server nothing but the codec",
        ));
        figures.extend(self.postcard_rpc.figures(
            "postcard-rpc",
            "its own client and server, one endpoint with the same fields",
        ));
        figures.extend(self.ergot.figures(
            "ergot",
            "its own stacks, router to edge, one endpoint with the same fields",
        ));
        figures.extend(self.hil.figures(
            "`lastwordd`, asked with the client library",
            "what a rig and the `lastword` command use, with deadlines and retries",
        ));
        figures.extend(
            self.plain
                .figures("`lastwordd`, plain line", "`uptime` and its `ok` line"),
        );
        figures.extend(
            self.json
                .figures("`lastwordd`, JSON-RPC line", "`uptime` and its result"),
        );
        figures
    }
}
