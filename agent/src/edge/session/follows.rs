//! Reads the logs that a session follows, as far as it has room for their lines.

use crate::core::session::{FollowId, News, Session};
use crate::edge::failpoint::{Fault, is_planted};
use crate::edge::logs::{Batch, Follower};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The most lines that a session is handed at once.
const LINES: usize = 32;
/// The most content that a session is handed at once, in bytes; the first line may be longer.
const LINE_BYTES: usize = 4 * 1024;

/// A follower's next batch, and the follower.
type Next = Pin<Box<dyn Future<Output = (io::Result<Option<Batch>>, Option<Follower>)> + Send>>;

/// The logs that a session follows.
#[derive(Default)]
pub(super) struct Follows {
    all: Vec<Followed>,
    /// Whether there ever was one.
    used: bool,
}

struct Followed {
    id: FollowId,
    next: Next,
}

impl Follows {
    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether there never was one.
    pub(super) const fn is_unused(&self) -> bool {
        !self.used
    }

    /// Follows one more log.
    pub(super) fn start(&mut self, id: FollowId, follower: io::Result<Follower>) {
        let next: Next = match follower {
            Ok(follower) => read(follower.limited(LINES, LINE_BYTES)),
            // It was there when somebody asked: it has just been removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Box::pin(async { (Ok(None), None) })
            }
            Err(error) => Box::pin(async { (Err(error), None) }),
        };
        self.all.push(Followed { id, next });
        self.used = true;
    }

    pub(super) fn stop(&mut self, id: FollowId) {
        self.all.retain(|followed| followed.id != id);
    }

    /// What comes next of a log that the session takes lines of now; each has its turn. Cancel-safe.
    pub(super) async fn next(&mut self, session: &Session) -> (FollowId, News) {
        poll_fn(|context| self.poll(context, session)).await
    }

    fn poll(&mut self, context: &mut Context<'_>, session: &Session) -> Poll<(FollowId, News)> {
        for index in 0..self.all.len() {
            let followed = &mut self.all[index];
            if !session.wants_lines(followed.id) && !is_planted(Fault::UnboundedAnswer) {
                continue;
            }
            if let Poll::Ready((read_of_it, follower)) = followed.next.as_mut().poll(context) {
                let id = followed.id;
                self.all.remove(index);
                let (news, goes_on) = news(read_of_it);
                if let Some(follower) = follower.filter(|_| goes_on) {
                    let next = read(follower);
                    self.all.push(Followed { id, next });
                }
                return Poll::Ready((id, news));
            }
        }
        Poll::Pending
    }
}

fn read(mut follower: Follower) -> Next {
    Box::pin(async move { (follower.next().await, Some(follower)) })
}

/// What to tell the session, and whether there may be more.
fn news(read: io::Result<Option<Batch>>) -> (News, bool) {
    match read {
        Ok(Some(Batch { missed, lines })) => (News::Lines { missed, lines }, true),
        Ok(None) => (News::End, false),
        Err(error) => (News::Failed(error.to_string()), false),
    }
}
