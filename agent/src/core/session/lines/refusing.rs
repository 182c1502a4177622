//! The one answer of a session that has no place on the board.

use super::{Lines, say};
use crate::core::session::json;
use crate::core::session::output::Output;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Refusal;
use lastword_shell::{Answer, Dialect, Rules, Script, parse};

impl Lines {
    /// From here on, takes one line, answers it so, and ends.
    pub(in crate::core::session) fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
    }

    /// Says the refusal to a line that is owed no answer: there will be no other.
    pub(in crate::core::session) fn refuse_unanswered(
        &mut self,
        script: &Script,
        out: &mut Output,
    ) {
        let tag = script.tag.as_ref().map_or("", |tag| tag.as_str());
        let tag = tag.trim_start_matches('@');
        let instead = if tag.is_empty() {
            String::new()
        } else {
            format!("err @{tag}")
        };
        self.say_refusal(&instead, out);
    }

    /// Says the refusal to whoever has sent no line that could be read: in the dialect that is
    /// decided, or else as a script is told. `instead`: what would be said of its line otherwise, which
    /// has its tag.
    pub(in crate::core::session) fn say_refusal(&mut self, instead: &str, out: &mut Output) {
        let Some(refusal) = self.refusal.take() else {
            return;
        };
        let dialect = self.input.dialect().unwrap_or(Dialect::Plain);
        if dialect == Dialect::Json {
            return say(out, Some(json::unfit(refusal.code, &refusal.detail)));
        }
        let tag = instead.split_whitespace().nth(1);
        let tag = tag.filter(|word| word.starts_with('@')).unwrap_or_default();
        // Any line with that tag: the answer does not name it.
        if let Ok(script) = parse(&format!("{tag} uptime"), Rules::new(self.table, dialect))
            && let Some(step) = script.steps.first()
        {
            let reply: Reply = Reply::Refused(refusal);
            let mut answer = Answer::new(dialect, script.tag.clone(), 1);
            // Output takes everything.
            let _ = answer.step(out, step, &reply);
            let _ = answer.finish(out);
        }
    }
}
