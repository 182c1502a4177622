//! Events of a board, shown as they come.

use crate::Exit;
use crate::line::Asking;
use crate::report;
use crate::trouble::Trouble;
use lastword_protocol::message::event::{EventTopics, EventsRequest};
use lastword_protocol::message::{Reply, Request};
use lastword_shell::WantedEvents;
use lastword_shell::parse::Step;

impl Asking<'_> {
    /// Lists the latest events of those that a board keeps.
    pub(crate) async fn list_events(
        &mut self,
        step: &Step,
        wanted: &WantedEvents,
    ) -> Result<Exit, Trouble> {
        let request = Request::Events(EventsRequest {
            topics: wanted.topics,
            tail: wanted.tail,
            follow: false,
        });
        self.ask(step, &request).await
    }

    /// Shows events for as long as somebody reads what is shown, also while none come.
    pub(crate) async fn subscribe_for_reader(
        &mut self,
        step: &Step,
        topics: EventTopics,
    ) -> Result<Exit, Trouble> {
        tokio::select! {
            end = self.subscribe(step, topics) => end,
            () = report::nobody_reads() => Ok(Exit::Done),
        }
    }

    async fn subscribe(&mut self, step: &Step, topics: EventTopics) -> Result<Exit, Trouble> {
        let request = Request::Events(EventsRequest {
            topics,
            tail: 0,
            follow: true,
        });
        let reply = self.call(&request).await?;
        let mut reader = self.rest_of(&reply);
        if reader.is_none() {
            return Ok(self.tell(step, &reply));
        }
        while reader.is_some() {
            for reply in self.read_on(&mut reader).await? {
                let Reply::Items(page) = reply else {
                    return Ok(self.tell(step, &reply));
                };
                self.report.events(&page);
                if report::has_failed() {
                    return Ok(Exit::No);
                }
            }
        }
        Ok(Exit::Done)
    }
}
