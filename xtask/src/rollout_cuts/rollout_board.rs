//! The virtual board, as far as its generations go.

use super::desk::{BuiltVersion, ReleaseDesk};
use crate::board::linux::{Way, wait_until_up};
use anyhow::{Context, Result, bail, ensure};
use lastword_client::client::{Client, Options};
use lastword_protocol::message::generation::{
    ActivateRequest, GenerationName, GenerationRequest, GenerationRole,
};
use lastword_protocol::message::service::{Item, Logs, ServiceRequest};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Text};
use lastword_virtual::LinuxBoard;
use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest time from a boot to the end of a rollout.
const OVER_LIMIT: Duration = Duration::from_mins(1);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A board with a link to it, if there is one.
pub(super) struct RolloutBoard {
    board: LinuxBoard,
    pub(super) desk: ReleaseDesk,
    client: Option<Client>,
    /// The versions by generation, for what their service writes.
    versions: Vec<BuiltVersion>,
    /// The rollout as it was told last.
    pub(super) seen: RolloutStatus,
}

/// The last rollout, as the board tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RolloutStatus {
    pub(super) target: Option<String>,
    pub(super) state: Option<RolloutState>,
    pub(super) attempts: u8,
    pub(super) code: i32,
    pub(super) detail: String,
}

impl RolloutBoard {
    pub(super) const fn new(board: LinuxBoard, desk: ReleaseDesk) -> Self {
        Self {
            board,
            desk,
            client: None,
            versions: Vec::new(),
            seen: RolloutStatus {
                target: None,
                state: None,
                attempts: 0,
                code: 0,
                detail: String::new(),
            },
        }
    }

    /// Cuts the power, and waits until the board is up again.
    pub(super) async fn cut(&mut self) -> Result<()> {
        self.client = None;
        self.board.power_cut().await?;
        self.board.power_on().await?;
        wait_until_up(&self.board, Way::Tcp).await?;
        Ok(())
    }

    pub(super) async fn stop(self) -> Result<()> {
        Ok(self.board.stop().await?)
    }

    /// Moves a version to the board.
    pub(super) fn push(&mut self, version: &BuiltVersion) -> Result<()> {
        let output = self.try_push(version)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "gen push {}: {said}", version.file);
        self.versions.push(version.clone());
        Ok(())
    }

    /// Types the README's section about generations.
    pub(super) fn type_readme(&self) -> Result<()> {
        self.desk.type_readme(self.address()?);
        println!("outcomes: the README's lines about a new version print what it says");
        Ok(())
    }

    pub(super) fn try_push(&self, version: &BuiltVersion) -> Result<Output> {
        self.desk
            .ask(self.address()?, &["-q", "gen", "push", &version.file])
    }

    fn address(&self) -> Result<SocketAddr> {
        self.board.tcp_address().context("the board has no address")
    }

    /// Orders a version, and watches until its rollout is over.
    pub(super) async fn order_and_watch(&mut self, version: &BuiltVersion) -> Result<()> {
        self.order(version, false).await?;
        self.wait_until_over().await.map(drop)
    }

    pub(super) async fn order(&mut self, version: &BuiltVersion, reboot: bool) -> Result<()> {
        let order = ActivateRequest {
            name: name(version)?,
            allow_older: false,
            reboot,
        };
        self.ask(GenerationRequest::Activate(order)).await.map(drop)
    }

    /// Lets a version in again that was rolled back, if it was.
    pub(super) async fn let_in(&mut self, version: &BuiltVersion) -> Result<()> {
        let request = Request::Generation(GenerationRequest::Unquarantine(name(version)?));
        match self.client().await?.call(&request).await? {
            Reply::Items(_) => Ok(()),
            Reply::Refused(refusal) if refusal.code == Code::Unknown => Ok(()),
            other => bail!("{other:?}"),
        }
    }

    /// The generation that the board runs.
    pub(super) async fn current(&mut self) -> Result<Option<String>> {
        let replies = self.ask(GenerationRequest::List).await?;
        let mut current = None;
        for item in replies.iter().flat_map(items) {
            if let Item::Generation(brief) = item
                && brief.role == GenerationRole::Current
            {
                ensure!(current.is_none(), "two generations are current");
                current = Some(brief.generation.to_string());
            }
        }
        Ok(current)
    }

    pub(super) async fn status(&mut self) -> Result<RolloutStatus> {
        let replies = self.ask(GenerationRequest::Status).await?;
        let rollout = replies.iter().flat_map(items).find_map(|item| match item {
            Item::Rollout(rollout) => Some(RolloutStatus {
                target: Some(rollout.target.to_string()),
                state: Some(rollout.state),
                attempts: rollout.attempts,
                code: rollout.code,
                detail: rollout.detail.to_owned(),
            }),
            _ => None,
        });
        self.seen = rollout.unwrap_or_default();
        Ok(self.seen.clone())
    }

    /// Waits until the last rollout is over; returns it.
    pub(super) async fn wait_until_over(&mut self) -> Result<RolloutStatus> {
        self.wait_for(|status| status.state.is_none_or(RolloutState::is_terminal))
            .await
    }

    pub(super) async fn wait_for(
        &mut self,
        is_there: impl Fn(&RolloutStatus) -> bool,
    ) -> Result<RolloutStatus> {
        let end = Instant::now() + OVER_LIMIT;
        loop {
            let status = self.status().await?;
            if is_there(&status) {
                return Ok(status);
            }
            ensure!(Instant::now() < end, "it stays {status:?}");
            sleep(PAUSE).await;
        }
    }

    /// The boot of the board, over a link of its own.
    pub(super) async fn boot(&mut self) -> Result<BootId> {
        self.client = None;
        wait_until_up(&self.board, Way::Tcp).await?;
        match self.client().await?.call(&Request::Uptime).await? {
            Reply::Uptime(uptime) => Ok(uptime.boot),
            other => bail!("{other:?}"),
        }
    }

    /// Waits until the board has rebooted by itself; returns the boot that it is in.
    pub(super) async fn wait_for_another_boot(&mut self, before: BootId) -> Result<BootId> {
        let end = Instant::now() + OVER_LIMIT;
        loop {
            // On its way down it may break off any answer.
            match self.boot().await {
                Ok(boot) if boot != before => return Ok(boot),
                _ => self.client = None,
            }
            ensure!(
                Instant::now() < end,
                "the board stays up: {:?}",
                self.status().await
            );
            sleep(PAUSE).await;
        }
    }

    /// Checks that the service runs the program of the generation that is current.
    pub(super) async fn check_service(&mut self, current: Option<&str>) -> Result<()> {
        let of_current = self
            .versions
            .iter()
            .find(|it| Some(&*it.generation) == current);
        let version = of_current.context("an unknown generation is current")?;
        let expected = format!("version {}", version.version);
        let request = Request::Service(ServiceRequest::Logs(Logs {
            name: Text::try_from("gateway").unwrap_or_default(),
            from: None,
            lines: 1,
            follow: false,
        }));
        let end = Instant::now() + OVER_LIMIT;
        loop {
            let mut replies = vec![self.client().await?.call(&request).await?];
            let client = self.client().await?;
            let mut reader = client.rest_of(&replies[0]);
            while reader.is_some() {
                replies.extend(client.read_on(&mut reader).await?);
            }
            let line = replies.iter().flat_map(items).find_map(|item| match item {
                Item::Line { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
                _ => None,
            });
            if line.as_ref() == Some(&expected) {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "the service has written {line:?} last, not {expected:?}"
            );
            sleep(PAUSE).await;
        }
    }

    /// Asks; returns all pages of the answer.
    async fn ask(&mut self, request: GenerationRequest) -> Result<Vec<Reply>> {
        let client = self.client().await?;
        let first = client.call(&Request::Generation(request)).await?;
        let mut reader = client.rest_of(&first);
        let mut replies = vec![first];
        while reader.is_some() {
            replies.extend(client.read_on(&mut reader).await?);
        }
        match replies.last() {
            Some(Reply::Items(_)) => Ok(replies),
            other => bail!("{other:?}"),
        }
    }

    async fn client(&mut self) -> Result<&mut Client> {
        if self.client.is_none() {
            let dial = Way::Tcp.to(&self.board);
            let mut client = Client::connect(&dial, &Options::default()).await?;
            client.greet(false).await?;
            self.client = Some(client);
        }
        self.client.as_mut().context("a client was made")
    }
}

fn name(version: &BuiltVersion) -> Result<GenerationName> {
    let name = GenerationName::try_from(&*version.generation);
    name.ok().context("a generation's name fits")
}

fn items(reply: &Reply) -> impl Iterator<Item = Item<'_>> {
    let page = match reply {
        Reply::Items(page) => Some(page),
        _ => None,
    };
    page.into_iter().flat_map(|page| page.items())
}
