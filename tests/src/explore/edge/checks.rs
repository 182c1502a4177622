//! What has to hold in every order, and where it is looked at.

use super::world::{Action, World};
use crate::explore::actor::digest;
use crate::socket::Socket;
use lastword_protocol::power::{Evidence, Outcome};

impl World<'_> {
    pub(super) fn check_fire(&self, evidence: Evidence) {
        let last = self.agent.power_status().last.expect("what is fired");
        let acknowledgement = format!("op={}\n", last.id);
        let acknowledged = self.sockets.iter().any(|socket| {
            let heard = socket.heard();
            heard.starts_with("ok initiated") && heard.contains(&acknowledgement)
        });
        let forced = self
            .scenario
            .peers
            .iter()
            .any(|peer| peer.line.contains("--force"));
        assert!(
            acknowledged || (forced && evidence == Evidence::Forced),
            "fired unheard: {self:?}"
        );
        let record = self.disk.text("power.json").unwrap_or_default();
        assert!(
            record.contains("Released") || forced,
            "fired off the record: {self:?}"
        );
    }

    /// An operation that has stood down stays so, whatever happens.
    pub(super) fn note_outcome(&mut self) {
        let mut status = self.agent.power_status();
        if let Some(pending) = &mut status.pending {
            pending.left = None;
        }
        self.status = digest(&format!("{status:?}"));
        let Some(last) = status.last else {
            return;
        };
        let before = self.outcomes.insert(last.id.0, last.outcome);
        let is_over = matches!(before, Some(Outcome::StoodDown(_) | Outcome::FireFailed(_)));
        assert!(
            !is_over || before == Some(last.outcome),
            "came back: {self:?}"
        );
    }

    /// What is on disk is what was decided.
    pub(super) fn check_record(&self) {
        let Some(last) = self.agent.power_status().last else {
            return;
        };
        let record = self.disk.text("power.json").unwrap_or_default();
        let refused = self.scenario.disk_refuses.is_some();
        let written = record.contains(&format!("{}", last.id)) && !record.contains("Staged");
        assert!(written || refused, "not on record: {self:?}");
    }

    /// Who asked and stayed has one answer, whoever else came or went; an agent that ends owes
    /// none.
    pub(super) fn check_answers(&self) {
        for (index, socket) in self.sockets.iter().enumerate() {
            let gone = self.actors[index + 1].is_over() || self.happened(Action::Die(index)) > 0;
            if gone || self.happened(Action::Ask(index)) == 0 {
                continue;
            }
            socket.close_window(false);
            let answers = socket.heard().lines().count();
            assert_eq!(answers, 1, "peer {index} heard {answers} answers: {self:?}");
        }
    }

    /// Who was told that it is called off was told the truth.
    pub(super) fn check_cancelled(&self) {
        let cancelled = |socket: &Socket| socket.heard().contains("ok cancelled");
        if self.sockets.iter().any(cancelled) {
            let stood = |outcome: &Outcome| matches!(outcome, Outcome::StoodDown(_));
            assert!(
                self.outcomes.values().any(stood),
                "cancelled and fired: {self:?}"
            );
        }
    }
}
