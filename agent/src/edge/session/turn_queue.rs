//! The queue of the sessions that want turn after turn.
//!
//! A session takes its first turn at once, whatever others do. One that wants another right behind it waits in this
//! queue, from which one session at a time has its turn: so whoever asks now and then waits for one turn of those who
//! flood, and not for one of each.

use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

/// The queues of an agent: connections, and the board's own lines, have one each, as they have an executor each.
/// Clones are the same.
#[derive(Clone, Debug)]
pub struct TurnQueues {
    connections: Arc<Semaphore>,
    lines: Arc<Semaphore>,
}

impl Default for TurnQueues {
    fn default() -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self {
            connections: one(),
            lines: one(),
        }
    }
}

impl TurnQueues {
    /// Returns the place of a session on a connection, or on a line.
    pub(super) fn place(&self, is_connected: bool) -> TurnPlace {
        let queue = if is_connected {
            &self.connections
        } else {
            &self.lines
        };
        TurnPlace {
            queue: queue.clone(),
            waiting: None,
            turn: None,
        }
    }
}

/// The place of one session in a queue.
pub(super) struct TurnPlace {
    queue: Arc<Semaphore>,
    waiting: Option<WaitingTurn>,
    turn: Option<OwnedSemaphorePermit>,
}

type WaitingTurn = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

impl TurnPlace {
    /// Waits for a turn, which the session has from then on. Cancel-safe: it keeps its place.
    pub(super) async fn wait(&mut self) {
        let queue = &self.queue;
        let waiting = self.waiting.get_or_insert_with(|| {
            let queue = queue.clone();
            Box::pin(async move {
                // Others may want a first one.
                yield_now().await;
                // It is never closed.
                queue.acquire_owned().await.ok()
            })
        });
        self.turn = waiting.await;
        self.waiting = None;
    }

    /// Returns whether the session has a turn from the queue, and has not used it.
    pub(super) const fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Gives the turn to the next.
    pub(super) fn pass(&mut self) {
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn who_waits_has_its_turn_in_order_and_one_at_a_time() {
        let queues = TurnQueues::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks = (0..5).map(|number| {
            let (mut place, order) = (queues.place(true), order.clone());
            tokio::spawn(async move {
                for _ in 0..3 {
                    place.wait().await;
                    order.lock().unwrap().push(number);
                    yield_now().await;
                    order.lock().unwrap().push(number);
                    place.pass();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap().clone();
        let turns: Vec<i32> = order.chunks(2).map(|turn| turn[0]).collect();
        assert!(order.chunks(2).all(|turn| turn[0] == turn[1]), "{order:?}");
        let mut first = turns[..5].to_vec();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2, 3, 4], "each has one before any has two");
        assert_eq!(turns, turns[..5].repeat(3));
    }

    #[tokio::test]
    async fn connections_and_lines_do_not_wait_for_each_other() {
        let queues = TurnQueues::default();
        let (mut connection, mut line) = (queues.place(true), queues.place(false));
        connection.wait().await;
        line.wait().await;
        assert!(connection.has_turn() && line.has_turn());
    }

    #[tokio::test]
    async fn a_session_that_ends_leaves_its_place() {
        let queues = TurnQueues::default();
        let (mut first, mut second, mut third) =
            (queues.place(true), queues.place(true), queues.place(true));
        first.wait().await;
        tokio::select! {
            biased;
            () = second.wait() => panic!("the first has it"),
            () = async { for _ in 0..10 { yield_now().await } } => {}
        }
        drop(second);
        first.pass();
        third.wait().await;
        assert!(third.has_turn());
    }
}
