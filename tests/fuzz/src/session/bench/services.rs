//! What comes of questions about services, and of logs that sessions follow.

use super::{AnswerRoute, Bench};
use lastword_agent::core::log::Cursor;
use lastword_agent::core::service::Name;
use lastword_agent::core::service::answer::of_job;
use lastword_agent::core::service::supervisor::{Ask, JobId, Target};
use lastword_agent::core::session::{FollowId, FollowOrder, News, RequestId};
use lastword_protocol::message::service::ServiceRequest;

/// How many lines the edge hands a session at once.
const LINES: u64 = 4;

/// Something asked of the supervisor that is not answered.
pub(super) struct Job {
    id: JobId,
    ask: Ask,
    pub(super) asker: AnswerRoute,
}

/// A log that a session follows.
pub(super) struct Followed {
    pub(super) link: usize,
    id: FollowId,
    name: String,
    at: Cursor,
}

impl Bench {
    /// Everybody who asks from this link and waits for an answer.
    pub(super) fn askers(&mut self, index: usize) -> impl Iterator<Item = &mut AnswerRoute> {
        let preparing = self.preparing.iter_mut();
        let preparing = preparing.flat_map(|it| it.also.iter_mut().chain([&mut it.asker]));
        let askers = preparing.chain(self.jobs.iter_mut().map(|job| &mut job.asker));
        askers.filter(move |asker| matches!(asker, Ok((link, _)) if *link == index))
    }

    pub(super) fn ask_services(&mut self, from: (usize, RequestId), request: &ServiceRequest) {
        let replies = match (Ask::of(request), request) {
            (Some(Ok(ask)), _) => {
                let id = self.services.ask(self.board.now, &ask);
                let asker = Ok(from);
                return self.jobs.push(Job { id, ask, asker });
            }
            (Some(Err(trouble)), _) => of_job(&Ask::Start(Target::All), &Err(trouble)),
            (None, ServiceRequest::Reload) => self.services.reload(self.board.now),
            (None, request) => self.services.look(request),
        };
        self.answer_pages(from, &replies, false);
    }

    /// Hands out the answers of the supervisor; whether there was one.
    pub(super) fn answer_jobs(&mut self) -> bool {
        let answers = self.services.take_answers();
        for (id, answer) in &answers {
            let place = self.jobs.iter().position(|job| job.id == *id);
            let job = self.jobs.remove(place.expect("somebody has asked"));
            let replies = of_job(&job.ask, answer);
            match job.asker {
                Ok(from) => drop(self.answer_pages(from, &replies, false)),
                Err(Some(unanswered)) => unanswered.keep(&replies, false),
                Err(None) => {}
            }
        }
        !answers.is_empty()
    }

    /// Does what sessions have ordered about logs, and hands them lines as they want them; whether
    /// there was anything to do.
    pub(super) fn follow_logs(&mut self) -> bool {
        let orders = self.links.iter_mut().enumerate();
        let mut orders = orders.filter_map(|(link, it)| {
            let order = it.as_mut()?.session.take_follow()?;
            Some((link, order))
        });
        match orders.next() {
            Some((link, FollowOrder::Start { id, name, from })) => {
                let (name, at) = (name.to_string(), from);
                self.followed.push(Followed { link, id, name, at });
                return true;
            }
            Some((link, FollowOrder::Stop(id))) => {
                self.followed.retain(|it| (it.link, it.id) != (link, id));
                return true;
            }
            None => {}
        }
        (0..self.followed.len()).any(|place| self.tell_news(place))
    }

    fn tell_news(&mut self, place: usize) -> bool {
        let followed = &mut self.followed[place];
        let Some(link) = &mut self.links[followed.link] else {
            panic!("a log is followed for nobody");
        };
        if !link.session.wants_lines(followed.id) {
            return false;
        }
        let news = if self.services.has(&followed.name) {
            let name = Name::try_from(followed.name.as_str()).expect("a name");
            let (missed, lines) = self.services.lines(&name, followed.at, LINES);
            let Some(last) = lines.last() else {
                return false;
            };
            followed.at = last.cursor.after(1);
            News::Lines { missed, lines }
        } else {
            News::End
        };
        let (id, now) = (followed.id, self.board.now);
        if news == News::End {
            self.followed.remove(place);
        }
        link.session.followed(now, id, news, &self.board);
        true
    }
}
