//! Requests about services, and their answers.

use super::task::Task;
use crate::core::service::answer::{of_job, refused};
use crate::core::service::supervisor::{Answer, Ask, JobId, Target, Trouble};
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;
use tokio::sync::oneshot;

impl Task {
    /// Has it done, unless nobody can look what runs.
    pub(super) async fn ask(
        &mut self,
        ask: Result<Ask, Trouble>,
        answer: oneshot::Sender<Vec<Reply>>,
    ) {
        self.look_again().await;
        if let Some(error) = self.unlooked() {
            // Whoever asked may be gone.
            return drop(answer.send(refused(Code::Internal, &error.to_string())));
        }
        match ask {
            Ok(ask) => {
                let answer = if ask.starts() {
                    self.memory.stamps().remark(ask.target().clone(), answer)
                } else {
                    answer
                };
                self.last_job += 1;
                let id = JobId(self.last_job);
                self.jobs.insert(id, (ask.clone(), answer));
                let effects = self.supervisor.ask(self.at(), id, &ask);
                self.carry_out(effects).await;
            }
            Err(trouble) => {
                let ask = Ask::Start(Target::All);
                // Whoever asked may be gone.
                let _ = answer.send(of_job(&ask, &Err(trouble)));
            }
        }
    }

    /// Answers what is done.
    pub(super) fn finish(&mut self, id: JobId, answer: &Answer) {
        if let Some((ask, told)) = self.jobs.remove(&id) {
            self.memory.answer(told, of_job(&ask, answer));
        }
    }
}
