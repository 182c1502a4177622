//! Lines by the thousand, faster than boards take them: no line runs that nobody sent.

mod linux;
mod mcu;
mod sim;

use crate::lossy::by_chance;
use anyhow::{Result, bail, ensure};
use lastword_tests::splice::{SpliceCampaign, run_on_fake_port};
use std::time::Duration;

/// The number of lines, if nobody says.
pub(crate) const LINES: u32 = 100_000;

/// The board that the lines are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SpliceTarget {
    /// The agent in simulated time, on a port that marks and counts what it loses.
    Fake,
    /// The simulated microcontroller, on a pseudo-terminal.
    Sim,
    /// Firmware on an emulated Cortex-M3, whose receiver loses input by chance.
    Mcu,
    /// The agent in a virtual board, stopped while megabytes arrive on its serial line.
    Linux,
}

/// The targets that need no virtual board.
pub(crate) const WITHOUT_VM: [SpliceTarget; 2] = [SpliceTarget::Fake, SpliceTarget::Sim];
/// The targets that need a virtual board.
pub(crate) const WITH_VM: [SpliceTarget; 2] = [SpliceTarget::Mcu, SpliceTarget::Linux];

/// The parameters of a campaign.
#[derive(Clone, Copy)]
pub(crate) struct SplicePlan {
    pub(crate) lines: u32,
    pub(crate) seed: u64,
    /// The planted fault: nobody is told what was lost. It has to be found out.
    pub(crate) ignore_marks: bool,
}

/// Sends so many lines to one kind of board, or to each, as `seed` says, or as chance does.
pub(crate) fn run(
    target: Option<SpliceTarget>,
    lines: u32,
    seed: Option<u64>,
    ignore_marks: bool,
) -> Result<()> {
    let plan = SplicePlan {
        lines,
        seed: seed.unwrap_or_else(by_chance),
        ignore_marks,
    };
    let all = [WITHOUT_VM, WITH_VM].concat();
    for target in target.map_or(all, |target| vec![target]) {
        check(target, plan)?;
    }
    Ok(())
}

/// A short form of it, and the planted fault, which has to be found out.
pub(crate) fn run_tests(targets: &[SpliceTarget], seed: u64) -> Result<()> {
    for target in targets {
        let lines = match target {
            SpliceTarget::Linux => linux::SHORT_LINES,
            _ => SHORT_LINES,
        };
        for ignore_marks in [false, true] {
            if ignore_marks && *target == SpliceTarget::Linux {
                continue;
            }
            let plan = SplicePlan {
                lines,
                seed,
                ignore_marks,
            };
            let checked = check(*target, plan);
            ensure!(
                checked.is_ok() != ignore_marks,
                "marks ignored, and nothing found: {target:?}"
            );
            if !ignore_marks {
                checked?;
            }
        }
    }
    Ok(())
}

fn check(target: SpliceTarget, plan: SplicePlan) -> Result<()> {
    let SplicePlan { lines, seed, .. } = plan;
    println!("splice {target:?}: {lines} lines, seed {seed}");
    let campaign = match target {
        SpliceTarget::Fake => run_on_fake_port(lines, seed, plan.ignore_marks),
        SpliceTarget::Sim => wait_for(sim::run(plan))?,
        SpliceTarget::Mcu => {
            crate::board::mcu::build()?;
            wait_for(mcu::run(plan))?
        }
        SpliceTarget::Linux if plan.ignore_marks => {
            bail!("the agent in a virtual board ignores no marks")
        }
        SpliceTarget::Linux => linux::run(plan)?,
    };
    let account = campaign.account();
    for complaint in &account.complaints {
        println!("nobody sent: {complaint}");
    }
    println!("splice {target:?}: {account}");
    ensure!(
        account.holds(),
        "reproduce it with `cargo xtask splice --target {} --lines {lines} --seed {seed}`",
        format!("{target:?}").to_lowercase()
    );
    Ok(())
}

fn wait_for(campaign: impl Future<Output = Result<SpliceCampaign>>) -> Result<SpliceCampaign> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(campaign)
}

const SHORT_LINES: u32 = 3_000;
/// A board on this machine that has said nothing for so long has taken what it takes.
const QUIET: Duration = Duration::from_millis(100);
