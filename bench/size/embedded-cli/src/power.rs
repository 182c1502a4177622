//! The commands behind `power`. What help shows comes from the comments.

use crate::Handle;
use core::convert::Infallible;
use embedded_cli::Command;
use size_board::{Job, Operation};
use ufmt::uwriteln;

/// The number of this boot; it would be in retained memory.
const BOOT: u32 = 1;

/// `power …`
#[derive(Command)]
pub(crate) enum Power<'a> {
    /// Show what is staged.
    Status,
    /// Reboot the board.
    Reboot {
        /// stop the services in order first
        #[arg(long)]
        graceful: bool,
        /// go on without proof that the answer left
        #[arg(long)]
        force: bool,
        /// wait so many milliseconds after the answer
        #[arg(long = "in")]
        delay_ms: Option<u32>,
        /// why, for the record
        #[arg(long)]
        reason: Option<&'a str>,
        /// your id for it
        #[arg(long)]
        op: Option<u32>,
        /// the boot this is meant for
        #[arg(long)]
        boot: Option<u32>,
    },
    /// Power the board off.
    Shutdown {
        /// stop the services in order first
        #[arg(long)]
        graceful: bool,
        /// go on without proof that the answer left
        #[arg(long)]
        force: bool,
        /// wait so many milliseconds after the answer
        #[arg(long = "in")]
        delay_ms: Option<u32>,
        /// why, for the record
        #[arg(long)]
        reason: Option<&'a str>,
        /// your id for it
        #[arg(long)]
        op: Option<u32>,
        /// the boot this is meant for
        #[arg(long)]
        boot: Option<u32>,
    },
    /// Call off the staged operation.
    Cancel {
        /// only this one
        id: Option<u32>,
    },
}

impl<'a> Power<'a> {
    /// Runs the command and answers it.
    pub(crate) fn run(self, handle: &mut Handle<'_>, job: &mut Job) -> Result<(), Infallible> {
        match self.order() {
            Ok((operation, order)) => stage(handle, job, operation, &order),
            Err(Self::Cancel { id }) if job.cancel(id) => uwriteln!(handle.writer(), "cancelled"),
            Err(Self::Cancel { .. }) => uwriteln!(handle.writer(), "not staged"),
            Err(_) => status(handle, job),
        }
    }

    /// What is ordered with which options; the command itself if it orders nothing.
    fn order(self) -> Result<(Operation, Order<'a>), Self> {
        match self {
            Self::Reboot {
                graceful,
                force,
                delay_ms,
                reason,
                op,
                boot,
            } => {
                let order = Order {
                    graceful,
                    force,
                    delay_ms,
                    reason,
                    op,
                    boot,
                };
                Ok((Operation::Reboot, order))
            }
            Self::Shutdown {
                graceful,
                force,
                delay_ms,
                reason,
                op,
                boot,
            } => {
                let order = Order {
                    graceful,
                    force,
                    delay_ms,
                    reason,
                    op,
                    boot,
                };
                Ok((Operation::Shutdown, order))
            }
            other => Err(other),
        }
    }
}

/// The options of an operation.
struct Order<'a> {
    graceful: bool,
    force: bool,
    delay_ms: Option<u32>,
    reason: Option<&'a str>,
    op: Option<u32>,
    boot: Option<u32>,
}

fn status(handle: &mut Handle<'_>, job: &Job) -> Result<(), Infallible> {
    let out = handle.writer();
    match job.staged() {
        Some(staged) => {
            let word = staged.operation.word();
            uwriteln!(out, "staged={} op={}", word, staged.id)
        }
        None => uwriteln!(out, "staged=none"),
    }
}

fn stage(
    handle: &mut Handle<'_>,
    job: &mut Job,
    operation: Operation,
    order: &Order<'_>,
) -> Result<(), Infallible> {
    let out = handle.writer();
    if order.boot.is_some_and(|boot| boot != BOOT) {
        return uwriteln!(out, "already done");
    }
    let id = order.op.unwrap_or(1);
    if !job.stage(operation, id, order.delay_ms.unwrap_or(0)) {
        return uwriteln!(out, "busy");
    }
    let reason = order.reason.unwrap_or("none");
    uwriteln!(
        out,
        "initiated op={} graceful={} force={} reason={}",
        id,
        order.graceful,
        order.force,
        reason
    )
}
