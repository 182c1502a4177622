//! The climb itself: carries out what the [`Ladder`] says, over any link.

use super::machine::{Action, Event, Ladder, Plan};
use super::proof::{Proof, Rung};
use crate::client::{CallError, Client, GreetError, Options, TextSink, Unwelcome, with_wire_time};
use crate::clock::millis;
use crate::dial::Dial;
use lastword_protocol::identity::Identity;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Backend, Operation, PowerRequest};
use lastword_protocol::refusal::Refusal;
use lastword_protocol::{Instant, Millis, OperationId};
use std::time::Duration;

/// Is told of each rung as it is reached.
pub type RungSink = Box<dyn FnMut(Rung, Millis) + Send>;

/// How to climb.
pub struct ProofOptions {
    /// The client's own options.
    pub client: Options,
    /// Take a serial line from the client that owns it.
    pub take_over: bool,
    /// How long after the request, and the delay it asks for, to give up.
    pub timeout: Duration,
    /// Is told of each rung.
    pub on_rung: RungSink,
    /// Hears the console.
    pub on_text: TextSink,
}

impl Default for ProofOptions {
    /// A minute, and nobody is told.
    fn default() -> Self {
        Self {
            client: Options::default(),
            take_over: false,
            timeout: DEFAULT_TIMEOUT,
            on_rung: Box::new(|_, _| {}),
            on_text: Box::new(|_| {}),
        }
    }
}

/// Why there was nothing to prove.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No board was reached, and nothing was asked.
    #[error(transparent)]
    Greet(#[from] GreetError),
    /// The board said no.
    #[error("the board refuses: {0}")]
    Refused(Refusal),
    /// The board's reply belongs to no power request.
    #[error("the board's reply belongs to no power request: {0:?}")]
    Unexpected(Box<Reply>),
}

/// Asks for a power operation and proves what came of it.
///
/// Greets first, so that the boot before is known; asks with an operation id and that boot id, so
/// that the request acts once at most; after a lost reply asks for the boot id and never sends
/// blindly. Works over a line that stays open through the reboot and over connections that die in
/// silence.
///
/// # Errors
///
/// [`ProofError`] if nothing was asked, or the board said no.
pub async fn prove(
    dial: &dyn Dial,
    request: &PowerRequest,
    options: ProofOptions,
) -> Result<Proof, ProofError> {
    let mut client = Client::connect(dial, &options.client)
        .await
        .map_err(GreetError::Link)?;
    client.on_text(options.on_text);
    let clock = client.clock();
    let begun = clock.now();
    let welcome = client.greet(options.take_over).await?;
    let plan = Plan {
        request: request.clone(),
        id: random_id(),
        timeout: millis(options.timeout),
        is_line: dial.baud().is_some(),
    };
    let mut climb = Climb {
        dial,
        await_close: request.await_close,
        delay: request.delay,
        patience: probe_patience(dial, clock.now().since(begun)),
        ladder: Ladder::new(clock.now(), plan, welcome.identity),
        client,
        on_rung: options.on_rung,
        told: 0,
    };
    climb.run().await?;
    let proof = climb.ladder.proof();
    // A courtesy to the next client: what was to be proven is proven.
    let _ = climb.client.goodbye().await;
    Ok(proof)
}

/// The power request that `request` is; `None` if it is another kind.
#[must_use]
pub fn power_request(request: &Request) -> Option<PowerRequest> {
    match request {
        Request::Power(power) => Some(power.clone()),
        Request::Reboot => Some(PowerRequest::plain(Operation::Reboot)),
        Request::Shutdown => Some(PowerRequest::plain(Operation::Shutdown)),
        _ => None,
    }
}

struct Climb<'a> {
    dial: &'a dyn Dial,
    client: Client,
    ladder: Ladder,
    /// Close the link behind the acknowledgement: the board waits for that.
    await_close: bool,
    /// The time from the acknowledgement to the board's reset.
    delay: Millis,
    /// How long one probe waits for its answer.
    patience: Millis,
    on_rung: RungSink,
    /// How many rungs were told.
    told: usize,
}

impl Climb<'_> {
    async fn run(&mut self) -> Result<(), ProofError> {
        let mut action = Action::Ask;
        while action != Action::Finish {
            let event = self.perform(action).await?;
            action = self.ladder.step(self.client.clock().now(), event);
            for (rung, at) in &self.ladder.rungs()[self.told..] {
                (self.on_rung)(*rung, *at);
                self.told += 1;
            }
        }
        Ok(())
    }

    async fn perform(&mut self, action: Action) -> Result<Event, ProofError> {
        Ok(match action {
            Action::Ask => return self.ask().await,
            Action::Wait(until) => self.wait(until).await,
            Action::Probe => self.probe().await,
            Action::AskUptime => match self.question(&Request::Uptime).await {
                Ok(Reply::Uptime(uptime)) => Event::Measured(uptime.uptime),
                other => uninformed(other),
            },
            Action::AskStatus => match self.question(&Request::PowerStatus).await {
                Ok(Reply::PowerStatus(status)) => Event::Explained(status),
                other => uninformed(other),
            },
            Action::Finish => Event::Waited,
        })
    }

    async fn ask(&mut self) -> Result<Event, ProofError> {
        let reply = self.client.call(&self.ladder.request()).await;
        Ok(match reply {
            Ok(Reply::Initiated(initiated)) => {
                if initiated.backend != Backend::DryRun {
                    let now = self.client.clock().now();
                    self.client.resets_at(now.after(self.delay));
                }
                if self.await_close {
                    self.client.hang_up();
                }
                Event::Accepted(initiated)
            }
            Ok(Reply::AlreadyDone(already)) => Event::AlreadyDone(already),
            Ok(Reply::Refused(refusal)) => return Err(ProofError::Refused(refusal)),
            Ok(other) => return Err(ProofError::Unexpected(Box::new(other))),
            lost @ Err(_) => uninformed(lost),
        })
    }

    /// Waits with open ears: over a line the board announces its new boot by itself.
    async fn wait(&mut self, until: Instant) -> Event {
        if !self.client.is_connected() {
            self.client.clock().sleep_until(until).await;
            return Event::Waited;
        }
        match self.client.listen(until).await {
            Ok(Some(identity)) => seen(identity),
            Ok(None) => Event::Waited,
            Err(_) => Event::Unanswered,
        }
    }

    async fn probe(&mut self) -> Event {
        match self.greet_once().await {
            Ok(identity) => seen(identity),
            Err(GreetError::Unwelcome(Unwelcome::Busy(_) | Unwelcome::Version(_))) => Event::Barred,
            // Full: it will not be for long.
            Err(GreetError::Unwelcome(Unwelcome::Refused(_))) => Event::Unanswered,
            Err(GreetError::Link(_) | GreetError::Silent | GreetError::TooLong(_)) => {
                // Silence on a connection may be its death; on a line it is only silence.
                if self.dial.baud().is_none() {
                    self.client.hang_up();
                }
                Event::Unanswered
            }
        }
    }

    async fn greet_once(&mut self) -> Result<Identity, GreetError> {
        if !self.client.is_connected() {
            let connect = Duration::from_millis(self.patience.0);
            self.client.reconnect(self.dial, connect).await?;
        }
        Ok(self.client.probe(self.patience).await?.identity)
    }

    /// Asks, after a greeting where there is no session.
    async fn question(&mut self, request: &Request) -> Result<Reply, CallError> {
        if !self.client.is_connected() || !self.client.has_session() {
            self.greet_once().await.map_err(|error| match error {
                GreetError::Unwelcome(unwelcome) => CallError::Unwelcome(unwelcome),
                GreetError::Link(error) => CallError::Link(error),
                GreetError::Silent | GreetError::TooLong(_) => CallError::Silent,
            })?;
        }
        self.client.call(request).await
    }
}

fn seen(identity: Identity) -> Event {
    Event::Seen(Box::new(identity))
}

/// What can be learned from anything but the reply that was asked for.
fn uninformed(reply: Result<Reply, CallError>) -> Event {
    match reply {
        Err(CallError::Restarted(identity)) => Event::Seen(identity),
        Err(CallError::Unwelcome(_)) => Event::Barred,
        Ok(_) | Err(_) => Event::Unanswered,
    }
}

/// A few times what the first greeting took, so that a far board is not taken for a silent one.
fn probe_patience(dial: &dyn Dial, greeting: Millis) -> Millis {
    let far = Millis(greeting.0.saturating_mul(4)).clamp(PROBE_PATIENCE, PROBE_PATIENCE_MAX);
    with_wire_time(far, dial.baud())
}

/// An id of the clients' range.
fn random_id() -> OperationId {
    OperationId(rand::random_range(1..=OperationId::CLIENT_MAX))
}

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a probe waits for its answer, at least.
const PROBE_PATIENCE: Millis = Millis(250);
/// How long a probe waits for its answer, at most.
const PROBE_PATIENCE_MAX: Millis = Millis(2_000);
