//! `--wait` with a command about generations: it ends when the rollout does, and its exit code tells how.

use crate::Exit;
use crate::line::Asking;
use crate::report;
use crate::trouble::Trouble;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lastword_protocol::message::generation::{CheckBrief, GenerationRequest, RolloutBrief};
use lastword_protocol::message::service::Item;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{Generation, Millis};
use lastword_shell::parse::Step;
use std::io::{IsTerminal, stderr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// The time for which a board that is lost is looked for: it may reboot.
const RECONNECT: Duration = Duration::from_mins(2);
const STATUS: Request = Request::Generation(GenerationRequest::Status);

/// The end that a rollout is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WantedEnd {
    Converged,
    Reverted,
}

/// The way of a rollout as it is shown meanwhile: one line on a terminal, a note for each state elsewhere.
struct ShownRollout {
    bar: ProgressBar,
    state: Option<RolloutState>,
}

impl Asking<'_> {
    /// Asks, waits until the rollout is over, and reports it; at most so long, if there is a limit.
    pub(crate) async fn wait_for_rollout(
        &mut self,
        step: &Step,
        request: &Request,
        limit: Option<Duration>,
    ) -> Result<Exit, Trouble> {
        let wanted = match request {
            Request::Generation(GenerationRequest::Rollback { .. }) => WantedEnd::Reverted,
            _ => WantedEnd::Converged,
        };
        let reboots = match request {
            Request::Generation(GenerationRequest::Activate(order)) => order.reboot,
            _ => false,
        };
        let end = limit.map(|limit| Instant::now() + limit);
        let mut shown = ShownRollout::new(self.is_for_person());
        let mut replies = self.ask_all(request).await?;
        let Some(target) = rollout(&replies).map(|rollout| rollout.target) else {
            // It is refused, or there was no rollout.
            let told = self.tell_all(step, &replies);
            return Ok(if told == Exit::Done { Exit::No } else { told });
        };
        loop {
            let Some(rollout) = rollout(&replies).filter(|it| it.target == target) else {
                let detail = "another rollout has begun meanwhile";
                return Err((Code::Busy, detail.to_owned(), Exit::No));
            };
            let state = rollout.state;
            if let Some(note) = shown.show(&rollout, &replies) {
                self.note(&note);
            }
            let is_deferred = state == RolloutState::Activating { is_deferred: true } && !reboots;
            if state.is_terminal() || is_deferred {
                drop(shown);
                let told = self.tell_all(step, &replies);
                let is_wanted = match wanted {
                    WantedEnd::Converged => state == RolloutState::Converged,
                    WantedEnd::Reverted => state == RolloutState::Reverted,
                };
                return Ok(if is_wanted { told } else { Exit::No });
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                drop(shown);
                self.tell_all(step, &replies);
                self.note("the rollout is not over; it goes on");
                return Ok(Exit::No);
            }
            sleep(PAUSE).await;
            replies = self.status_of_board().await?;
        }
    }

    /// Asks for the status, and looks for a board that is lost.
    async fn status_of_board(&mut self) -> Result<Vec<Reply>, Trouble> {
        let until = Instant::now() + RECONNECT;
        loop {
            match self.ask_all(&STATUS).await {
                Ok(replies) => return Ok(replies),
                Err(trouble) if until <= Instant::now() => return Err(trouble),
                Err(_) => {
                    self.drop_client();
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Asks; returns all replies of the answer.
    async fn ask_all(&mut self, request: &Request) -> Result<Vec<Reply>, Trouble> {
        let mut replies = vec![self.call(request).await?];
        let mut reader = self.rest_of(&replies[0]);
        while reader.is_some() {
            replies.extend(self.read_on(&mut reader).await?);
        }
        Ok(replies)
    }

    fn tell_all(&mut self, step: &Step, replies: &[Reply]) -> Exit {
        let mut exit = Exit::Done;
        for reply in replies {
            exit = self.tell(step, reply);
        }
        exit
    }
}

impl ShownRollout {
    fn new(is_for_person: bool) -> Self {
        let target = if is_for_person && stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, state: None }
    }

    /// Shows how it is; returns a note where there is no terminal and the state is another.
    fn show(&mut self, rollout: &RolloutBrief<'_>, replies: &[Reply]) -> Option<String> {
        let mut line = rollout.state.word().to_owned();
        if let Some(Millis(left)) = rollout.soak_left {
            line = format!("{line}, {}.{} s left", left / 1_000, left % 1_000 / 100);
        }
        if !rollout.detail.is_empty() {
            line = format!("{line}: {}", rollout.detail);
        }
        for check in checks(replies) {
            let result = match check.has_passed {
                None => "waiting",
                Some(true) => "passed",
                Some(false) => "failed",
            };
            line = format!("{line}; {} {result}", check.name);
        }
        let line = lastword_client::escape::escape(line.as_bytes());
        let is_other = self.state.replace(rollout.state) != Some(rollout.state);
        if self.bar.is_hidden() {
            let generation = first_digits(&rollout.target);
            return is_other.then(|| format!("{generation} {line}"));
        }
        self.bar.set_message(line);
        self.bar.tick();
        None
    }
}

impl Drop for ShownRollout {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn first_digits(generation: &Generation) -> String {
    let mut digits = generation.to_string();
    digits.truncate(8);
    digits
}

fn items(replies: &[Reply]) -> impl Iterator<Item = Item<'_>> {
    replies.iter().flat_map(report::items)
}

fn rollout(replies: &[Reply]) -> Option<RolloutBrief<'_>> {
    items(replies).find_map(|item| match item {
        Item::Rollout(rollout) => Some(rollout),
        _ => None,
    })
}

fn checks(replies: &[Reply]) -> impl Iterator<Item = CheckBrief<'_>> {
    items(replies).filter_map(|item| match item {
        Item::Check(check) => Some(check),
        _ => None,
    })
}
