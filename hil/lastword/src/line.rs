//! One line of the shell, read here and asked over frames.

use crate::Exit;
use crate::arguments::Order;
use crate::following::{self, Following};
use crate::notes::Notes;
use crate::report::{self, Reader, Report};
use crate::signals;
use crate::trouble::{Trouble, lost, not_reached, not_welcome};
use lastword_client::client::{Client, GreetError, RoundedSpan, Unwelcome};
use lastword_client::endpoint::Endpoint;
use lastword_client::ladder::power_request;
use lastword_protocol::hello::Busy;
use lastword_protocol::message::generation::GenerationRequest;
use lastword_protocol::message::service::Logs;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::stream::StreamReader;
use lastword_shell::parse::{Action, Script, Step};
use lastword_shell::{Dialect, Rules, commands, parse};
use std::time::Duration;

/// Returns whether all of the line can be asked in typed requests.
pub(crate) fn can_be_asked(line: &str) -> bool {
    let script = parse(line, Rules::new(commands::ALL, Dialect::Plain));
    script.is_ok_and(|script| cannot_be_asked(&script, false).is_none())
}

/// Reads the line, asks, and reports.
pub(crate) async fn run(order: &Order, line: &str) -> Exit {
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
        busy: None,
        following: None,
    };
    let exit = tokio::select! {
        exit = asking.run(&script) => exit,
        exit = signals::end() => exit,
    };
    asking.close_log();
    asking.leave().await;
    exit
}

/// What makes no sense from here.
fn cannot_be_asked(script: &Script, wait: bool) -> Option<&'static str> {
    let follows = |step: &Step| matches!(step.action, Action::Follow(_) | Action::Subscribe(_));
    let before_last = script.steps.len().saturating_sub(1);
    let of_a_session = |step: &Step| {
        let action = &step.action;
        matches!(
            action,
            Action::Mode(_) | Action::Logout | Action::Unsubscribe(_)
        )
    };
    let has_end = |step: &Step| {
        let action = &step.action;
        action.is_power() || matches!(action, Action::Request(request) if can_wait(request))
    };
    if script.steps.iter().any(of_a_session) {
        Some("mode, logout and unsub are for a session: use `lastword console`")
    } else if script.steps.iter().take(before_last).any(follows) {
        Some("what goes on goes last in a line: sub, --follow")
    } else if wait && !script.steps.iter().any(has_end) {
        Some(
            "--wait goes with a command that reboots or powers off, and with gen activate, confirm, rollback or status",
        )
    } else {
        None
    }
}

/// Returns whether there is a rollout to wait for.
const fn can_wait(request: &Request) -> bool {
    let Request::Generation(request) = request else {
        return false;
    };
    matches!(
        request,
        GenerationRequest::Activate(_)
            | GenerationRequest::Confirm
            | GenerationRequest::Rollback { .. }
            | GenerationRequest::Status
    )
}

/// A line that is being asked.
pub(crate) struct Asking<'a> {
    pub(crate) order: &'a Order,
    pub(crate) reader: Reader,
    pub(crate) notes: Notes,
    pub(crate) report: Report,
    client: Option<Client>,
    /// The owner of the line, if that is not the client.
    busy: Option<Busy>,
    following: Option<Following>,
}

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
        let request = match &step.action {
            Action::Request(request) => request,
            Action::Follow(logs) => return self.follow_for_reader(step, logs).await,
            Action::Subscribe(topics) => return self.subscribe_for_reader(step, *topics).await,
            Action::Events(wanted) => return self.list_events(step, wanted).await,
            _ => return Ok(self.tell(step, &Reply::Done)),
        };
        match (self.order.wait, power_request(request)) {
            (Some(timeout), Some(power)) => self.prove(step, &power, timeout).await,
            (Some(_), None) if can_wait(request) => {
                let limit = self.order.timeout;
                self.wait_for_rollout(step, request, limit).await
            }
            _ => self.ask(step, request).await,
        }
    }

    pub(crate) async fn ask(&mut self, step: &Step, request: &Request) -> Result<Exit, Trouble> {
        let reply = self.call(request).await?;
        let mut reader = self.rest_of(&reply);
        // One that only names a stream holds nothing to show.
        let is_opening = matches!(&reply, Reply::Items(page) if page.is_empty() && page.has_more());
        let mut exit = Exit::Done;
        if !is_opening {
            exit = self.tell(step, &reply);
        }
        while reader.is_some() {
            for reply in self.read_on(&mut reader).await? {
                exit = self.tell(step, &reply);
            }
        }
        Ok(exit)
    }

    /// The reader of what a reply does not hold of an answer.
    pub(crate) fn rest_of(&self, reply: &Reply) -> Option<StreamReader> {
        self.client.as_ref().and_then(|it| it.rest_of(reply))
    }

    pub(crate) async fn read_on(
        &mut self,
        reader: &mut Option<StreamReader>,
    ) -> Result<Vec<Reply>, Trouble> {
        match &mut self.client {
            Some(client) => client.read_on(reader).await.map_err(|error| lost(&error)),
            None => Ok(Vec::new()),
        }
    }

    /// Asks, over the link that there is or a new one.
    pub(crate) async fn call(&mut self, request: &Request) -> Result<Reply, Trouble> {
        let client = if let Some(client) = self.client.take() {
            client
        } else {
            let aside = may_ask_aside(request);
            let opened = open_session(self.order, &self.notes, aside).await;
            let (client, busy) =
                opened.map_err(|error| not_reached(&self.order.endpoint, error))?;
            self.busy = busy;
            client
        };
        let client = self.client.insert(client);
        if let Some(busy) = self.busy.as_ref().filter(|_| !may_ask_aside(request)) {
            return Err(not_welcome(&Unwelcome::Busy(busy.clone())));
        }
        client.call(request).await.map_err(|error| lost(&error))
    }

    /// Shows a log for as long as somebody reads what is shown, also while nothing comes. Other commands
    /// are carried out whoever reads their answers.
    async fn follow_for_reader(&mut self, step: &Step, logs: &Logs) -> Result<Exit, Trouble> {
        tokio::select! {
            end = self.follow(step, logs) => end,
            () = report::nobody_reads() => Ok(Exit::Done),
        }
    }

    /// Shows a log until there is no such log any more.
    async fn follow(&mut self, step: &Step, logs: &Logs) -> Result<Exit, Trouble> {
        let mut following = Following::begin(step, logs);
        loop {
            let mut replies = vec![self.call(&following.request()).await?];
            let mut reader = self.rest_of(&replies[0]);
            let refused = loop {
                let dropped = reader.as_ref().map_or(0, StreamReader::dropped);
                if let Some(refused) = self.show(&mut following, dropped, replies) {
                    break Some(refused);
                }
                if reader.is_none() {
                    break None;
                }
                replies = self.read_on(&mut reader).await?;
            };
            match refused {
                Some(reply) if !following.has_begun() => {
                    self.following = None;
                    return Ok(self.tell(step, &reply));
                }
                // It closes the link next, which tells what became of it.
                Some(reply) if is_ending(&reply) => tokio::time::sleep(following::PAUSE).await,
                Some(reply) if !is_unknown(&reply) => {
                    self.following = None;
                    return Ok(self.tell(step, &reply));
                }
                Some(_) | None => {
                    self.notes.line("lastword: the service is gone");
                    self.close_log();
                    return Ok(Exit::Done);
                }
            }
        }
    }

    /// Shows lines of a log, or returns the reply that holds none.
    fn show(
        &mut self,
        following: &mut Following,
        dropped: u64,
        replies: Vec<Reply>,
    ) -> Option<Reply> {
        for reply in replies {
            let Reply::Items(page) = reply else {
                return Some(reply);
            };
            for shown in following.take(&page, dropped) {
                self.report.goes_on(&following.step, &shown);
            }
            if report::has_failed() {
                return Some(Reply::Done);
            }
            // ^C may come at any time; what was shown has its end then.
            self.following = Some(following.clone());
        }
        None
    }

    /// Ends the answer of a log that was followed.
    fn close_log(&mut self) {
        if let Some(following) = self.following.take() {
            self.report.ends(&following.step, &following.last());
        }
    }

    pub(crate) fn tell(&mut self, step: &Step, reply: &Reply) -> Exit {
        if self.report.reply(step, reply) {
            Exit::Done
        } else {
            Exit::No
        }
    }

    pub(crate) fn note(&self, what: &str) {
        self.notes.line(&format!("lastword: {what}"));
    }

    pub(crate) fn is_for_person(&self) -> bool {
        self.reader != Reader::Program && !self.order.quiet
    }

    /// Gives a link up that is lost: the next request opens another.
    pub(crate) fn drop_client(&mut self) {
        self.client = None;
    }

    /// Gives a serial line free for the next client.
    pub(crate) async fn leave(&mut self) {
        leave(self.client.take()).await;
    }
}

/// Returns whether a request is carried out on a line that another client owns.
const fn may_ask_aside(request: &Request) -> bool {
    matches!(request, Request::PowerStatus | Request::PowerCancel(_))
}

fn is_unknown(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(refusal) if refusal.code == Code::Unknown)
}

/// Returns whether the agent ends, and so does what it is asked.
fn is_ending(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(refusal) if refusal.code == Code::Offline)
}

/// Opens a session; or none, if another owns the line, who is returned then, and may be asked `aside`.
pub(crate) async fn open_session(
    order: &Order,
    notes: &Notes,
    aside: bool,
) -> Result<(Client, Option<Busy>), GreetError> {
    let mut client = Client::connect(&order.endpoint, &order.client).await?;
    client.on_text(notes.text_sink(order.quiet));
    match client.greet(order.take_over).await {
        Err(GreetError::Unwelcome(Unwelcome::Busy(busy))) if is_own(order, &busy) => {
            note_taken_back(notes, &busy);
            client.greet(true).await?;
        }
        Err(GreetError::Unwelcome(Unwelcome::Busy(busy))) if aside => {
            let unwelcome = Unwelcome::Busy(busy.clone());
            notes.line(&format!("lastword: {unwelcome}; asking all the same"));
            return Ok((client, Some(busy)));
        }
        greeted => drop(greeted?),
    }
    Ok((client, None))
}

/// Returns whether the line's owner was a client like this one that has ended without a goodbye: this
/// port is locked, so no other uses it now, and the owner has this one's name, USER@HOST.
pub(crate) fn is_own(order: &Order, busy: &Busy) -> bool {
    let is_locked = matches!(order.endpoint, Endpoint::Serial { .. });
    is_locked && !busy.name.is_empty() && busy.name == order.client.name
}

pub(crate) fn note_taken_back(notes: &Notes, busy: &Busy) {
    let (owned, idle) = (RoundedSpan(busy.owned), RoundedSpan(busy.idle));
    notes.line(&format!(
        "lastword: taking the line back from an earlier client of yours, owner for {owned}, idle for {idle}"
    ));
}

/// Gives a serial line free for the next client.
pub(crate) async fn leave(client: Option<Client>) {
    if let Some(client) = client {
        // It has nothing more to say, so that nothing is lost if it cannot be told.
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, client.goodbye()).await;
    }
}

const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
