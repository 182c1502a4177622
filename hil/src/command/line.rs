//! One line of the shell, read here and asked over frames.

use super::Exit;
use super::arguments::Order;
use super::notes::Notes;
use super::report::{self, Reader, Report};
use crate::client::{CallError, Client, GreetError, Unwelcome};
use crate::ladder::{ProofError, ProofOptions, Verdict, power_request, prove};
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::PowerRequest;
use lastword_protocol::refusal::Code;
use lastword_shell::parse::{Action, Script, Step};
use lastword_shell::{Dialect, Rules, commands, parse};
use std::error::Error;
use std::time::Duration;

/// Reads the line, asks, and reports.
pub(super) async fn run(order: &Order, line: &str) -> Exit {
    let (reader, notes) = (Reader::of(order.json), Notes::default());
    // No abbreviations: what is typed here may well be a script.
    let script = match parse(line, Rules::new(commands::ALL, Dialect::Plain)) {
        Ok(script) => script,
        Err(error) => {
            report::parse_error(reader, &notes, &error);
            return Exit::Usage;
        }
    };
    let mut report = Report::new(reader, &script, notes.clone());
    if let Some(reason) = cannot_be_asked(&script, order.wait.is_some()) {
        report.trouble(Code::Mode, reason);
        return Exit::Usage;
    }
    let mut asking = Asking {
        order,
        reader,
        notes,
        report,
        client: None,
    };
    let exit = tokio::select! {
        exit = asking.run(&script) => exit,
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
    };
    asking.leave().await;
    exit
}

/// What makes no sense from here.
fn cannot_be_asked(script: &Script, wait: bool) -> Option<&'static str> {
    let of_a_session = |step: &Step| matches!(step.action, Action::Mode(_) | Action::Logout);
    let power = |step: &Step| step.action.is_power();
    if script.steps.iter().any(of_a_session) {
        Some("mode and logout are for a session: use `lastword console`")
    } else if wait && !script.steps.iter().any(power) {
        Some("--wait goes with a command that reboots or powers off")
    } else {
        None
    }
}

struct Asking<'a> {
    order: &'a Order,
    reader: Reader,
    notes: Notes,
    report: Report,
    client: Option<Client>,
}

/// A step that has no reply: what to say, and how to end.
type Trouble = (Code, String, Exit);

impl Asking<'_> {
    async fn run(&mut self, script: &Script) -> Exit {
        for step in &script.steps {
            let exit = match self.step(step).await {
                Ok(exit) => exit,
                Err((code, detail, exit)) => {
                    self.report.trouble(code, &detail);
                    exit
                }
            };
            if exit != Exit::Done {
                return exit;
            }
        }
        self.report.finish();
        Exit::Done
    }

    async fn step(&mut self, step: &Step) -> Result<Exit, Trouble> {
        let Action::Request(request) = &step.action else {
            return Ok(self.tell(step, &Reply::Done));
        };
        match self.order.wait.zip(power_request(request)) {
            Some((timeout, power)) => self.prove(step, &power, timeout).await,
            None => self.ask(step, request).await,
        }
    }

    async fn ask(&mut self, step: &Step, request: &Request) -> Result<Exit, Trouble> {
        if self.client.is_none() {
            self.client = Some(
                self.connect()
                    .await
                    .map_err(|error| self.not_reached(error))?,
            );
        }
        let Some(client) = self.client.as_mut() else {
            return Ok(Exit::Unreachable);
        };
        let mut reply = client.call(request).await.map_err(|error| lost(&error))?;
        loop {
            let exit = self.tell(step, &reply);
            match (&reply, self.client.as_mut()) {
                (Reply::Items(page), Some(client)) if page.more => {
                    let next = Request::Service(ServiceRequest::More);
                    reply = client.call(&next).await.map_err(|error| lost(&error))?;
                }
                _ => return Ok(exit),
            }
        }
    }

    async fn connect(&self) -> Result<Client, GreetError> {
        let mut client = Client::connect(&self.order.endpoint, &self.order.client).await?;
        client.on_text(self.notes.text_sink(self.order.quiet));
        client.greet(self.order.take_over).await?;
        Ok(client)
    }

    async fn prove(
        &mut self,
        step: &Step,
        power: &PowerRequest,
        timeout: Duration,
    ) -> Result<Exit, Trouble> {
        self.leave().await;
        let mut options = ProofOptions {
            client: self.order.client.clone(),
            take_over: self.order.take_over,
            timeout,
            on_text: self.notes.text_sink(self.order.quiet),
            ..ProofOptions::default()
        };
        if self.reader != Reader::Program {
            options.on_rung = self.notes.rung_sink();
        }
        match prove(&self.order.endpoint, power, options).await {
            Ok(proof) => {
                self.report.proof(step, &proof);
                Ok(match proof.verdict {
                    _ if proof.holds() => Exit::Done,
                    Verdict::Unreachable => Exit::Unreachable,
                    _ => Exit::No,
                })
            }
            Err(ProofError::Greet(error)) => Err(self.not_reached(error)),
            Err(ProofError::Refused(refusal)) => Ok(self.tell(step, &Reply::Refused(refusal))),
            Err(ProofError::Unexpected(reply)) => {
                self.tell(step, &reply);
                Ok(Exit::No)
            }
        }
    }

    fn tell(&mut self, step: &Step, reply: &Reply) -> Exit {
        if self.report.reply(step, reply) {
            Exit::Done
        } else {
            Exit::No
        }
    }

    /// Gives a serial line free for the next client.
    async fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            // It has nothing more to say, so that nothing is lost if it cannot be told.
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, client.goodbye()).await;
        }
    }

    fn not_reached(&self, error: GreetError) -> Trouble {
        match error {
            GreetError::Link(error) => {
                let detail = format!("cannot reach {}: {}", self.order.endpoint, reason(&error));
                (Code::Offline, detail, Exit::Unreachable)
            }
            GreetError::Silent => {
                let detail = format!("no answer from {}", self.order.endpoint);
                (Code::Timeout, detail, Exit::Unreachable)
            }
            GreetError::Unwelcome(unwelcome) => not_welcome(&unwelcome),
            GreetError::TooLong(error) => (Code::Internal, error.to_string(), Exit::No),
        }
    }
}

fn not_welcome(unwelcome: &Unwelcome) -> Trouble {
    match unwelcome {
        Unwelcome::Busy(_) => {
            let detail = format!("{unwelcome}; --take-over takes it");
            (Code::Busy, detail, Exit::No)
        }
        Unwelcome::Version(_) => (Code::NotHere, unwelcome.to_string(), Exit::No),
    }
}

fn lost(error: &CallError) -> Trouble {
    let detail = reason(error);
    match error {
        CallError::Cannot(_) => (Code::Internal, detail, Exit::No),
        CallError::Link(_) => (Code::Offline, detail, Exit::Unreachable),
        CallError::Silent => (Code::Timeout, detail, Exit::Unreachable),
        CallError::Restarted(_) => (Code::Aborted, detail, Exit::Unreachable),
        CallError::Unwelcome(unwelcome) => not_welcome(unwelcome),
        CallError::Unreadable(_) => (Code::NotHere, detail, Exit::No),
    }
}

/// The innermost cause: `the link failed` adds nothing to what the system says.
fn reason(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => reason(cause),
        None => error.to_string(),
    }
}

const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
