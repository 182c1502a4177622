//! `--wait` with a command about power: the proof of what it did.

use crate::Exit;
use crate::line::{Asking, is_own, note_taken_back};
use crate::report::Reader;
use crate::trouble::{Trouble, not_reached};
use lastword_client::client::{GreetError, Unwelcome};
use lastword_client::ladder::{ProofError, ProofOptions, Verdict, prove};
use lastword_protocol::message::Reply;
use lastword_protocol::power::PowerRequest;
use lastword_shell::parse::Step;
use std::time::Duration;

impl Asking<'_> {
    /// Asks for an operation, and proves what it did, within a time.
    pub(crate) async fn prove(
        &mut self,
        step: &Step,
        power: &PowerRequest,
        timeout: Duration,
    ) -> Result<Exit, Trouble> {
        self.leave().await;
        let endpoint = &self.order.endpoint;
        let take_over = self.order.take_over;
        let mut proof = prove(endpoint, power, self.proof_options(timeout, take_over)).await;
        if let Err(ProofError::Greet(GreetError::Unwelcome(Unwelcome::Busy(busy)))) = &proof
            && is_own(self.order, busy)
        {
            note_taken_back(&self.notes, busy);
            proof = prove(endpoint, power, self.proof_options(timeout, true)).await;
        }
        match proof {
            Ok(proof) => {
                self.report.proof(step, &proof);
                Ok(match proof.verdict {
                    _ if proof.holds() => Exit::Done,
                    Verdict::Unreachable => Exit::Unreachable,
                    _ => Exit::No,
                })
            }
            Err(ProofError::Greet(error)) => Err(not_reached(&self.order.endpoint, error)),
            Err(ProofError::Refused(refusal)) => Ok(self.tell(step, &Reply::Refused(refusal))),
            Err(ProofError::Unexpected(reply)) => {
                self.tell(step, &reply);
                Ok(Exit::No)
            }
        }
    }

    fn proof_options(&self, timeout: Duration, take_over: bool) -> ProofOptions {
        let mut options = ProofOptions {
            client: self.order.client.clone(),
            take_over,
            timeout,
            on_text: self.notes.text_sink(self.order.quiet),
            ..ProofOptions::default()
        };
        if self.reader != Reader::Program {
            options.on_rung = self.notes.rung_sink();
        }
        options
    }
}
