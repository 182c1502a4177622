//! Tasks that have a name, so that a panic tells whose it is.

use std::future::Future;
use tokio::task::JoinHandle;

tokio::task_local! {
    static NAME: &'static str;
}

/// Returns the name of the task that runs on this thread, if it has one.
#[must_use]
pub fn current() -> Option<&'static str> {
    NAME.try_with(|name| *name).ok()
}

/// Gives `work` a name, for as long as it runs.
pub fn named<F: Future>(name: &'static str, work: F) -> impl Future<Output = F::Output> {
    NAME.scope(name, work)
}

/// Starts a task that has a name.
pub fn spawn<F>(name: &'static str, work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(named(name, work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_has_its_name_and_others_have_theirs() {
        assert_eq!(current(), None);
        let outer = spawn("outer", async {
            let inner = spawn("inner", async { current() }).await;
            (current(), inner.expect("no panic"))
        });
        assert_eq!(
            outer.await.expect("no panic"),
            (Some("outer"), Some("inner"))
        );
        assert_eq!(current(), None);
    }
}
