//! The forms of the longer events on the wire.

use super::{CheckEvent, RolloutEvent, ServiceEvent, SessionEvent};
use crate::codec::{Field, Writer};
use crate::rollout::RolloutStep;

impl Field for ServiceEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.name.write(out);
        out.byte(self.from as u8);
        out.byte(self.to as u8);
        self.reason.write(out);
    }
}

impl Field for SessionEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.number.write(out);
        self.link.write(out);
        self.peer.write(out);
        self.end.write(out);
    }
}

impl Field for RolloutEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.target.write(out);
        self.step.write(out);
    }
}

impl Field for CheckEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.target.write(out);
        self.soak_left.write(out);
        self.name.write(out);
        self.has_passed.write(out);
        self.failures.write(out);
        self.failures_max.write(out);
        self.detail.write(out);
    }
}

impl Field for RolloutStep<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::ActivationStarted { switch_method } => {
                out.byte(0);
                switch_method.write(out);
            }
            Self::ActivationCompleted { observed } => {
                out.byte(1);
                observed.write(out);
            }
            Self::ActivationDeferred { component } => {
                out.byte(2);
                component.write(out);
            }
            Self::ActivationFailed { code, detail } => {
                out.byte(3);
                code.write(out);
                detail.write(out);
            }
            Self::SoakCompleted => out.byte(4),
            Self::RollbackStarted => out.byte(5),
            Self::RollbackCompleted { reverted_to } => {
                out.byte(6);
                reverted_to.write(out);
            }
            Self::Cancelled => out.byte(7),
        }
    }
}
