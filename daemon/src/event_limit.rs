//! How many events of a kind are logged: who can make them happen as often as he likes must not fill a disk
//! with them, or hide others among them.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;

/// The target of events that anybody who reaches a listener can make happen, without a request.
pub const CONNECTION_TARGET: &str = "connection";
/// How long counts last.
const WINDOW: Duration = Duration::from_secs(10);
/// How many events of one kind are logged in a window, if strangers can make them happen.
const CONNECTION_EVENTS_MAX: u64 = 100;
/// How many of any other kind: enough for a line for each of 2,000 services.
const EVENTS_MAX: u64 = 4_000;

/// Counts events by their kind, which is the place in the program that they come from.
#[derive(Debug)]
pub(crate) struct EventLimit {
    kinds: HashMap<Identifier, Count>,
    begun: Instant,
}

#[derive(Debug, Default)]
struct Count {
    /// How many there were in this window.
    events: u64,
    /// How many were left out since one was logged.
    left_out: u64,
}

impl EventLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            kinds: HashMap::new(),
            begun: now,
        }
    }

    /// Counts one more event. Returns how many of its kind were left out before it, if it is to be logged.
    pub(crate) fn note(&mut self, now: Instant, kind: Identifier, target: &str) -> Option<u64> {
        if now.duration_since(self.begun) >= WINDOW {
            self.begun = now;
            self.kinds.values_mut().for_each(|count| count.events = 0);
        }
        let most = if target == CONNECTION_TARGET {
            CONNECTION_EVENTS_MAX
        } else {
            EVENTS_MAX
        };
        let count = self.kinds.entry(kind).or_default();
        count.events += 1;
        if count.events > most {
            count.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut count.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Callsite;
    use tracing::callsite::DefaultCallsite;
    use tracing::metadata::Kind;

    macro_rules! kind {
        ($name:ident) => {
            static $name: DefaultCallsite = {
                static METADATA: tracing::Metadata<'static> = tracing::metadata! {
                    name: stringify!($name),
                    target: "test",
                    level: tracing::Level::INFO,
                    fields: &[],
                    callsite: &$name,
                    kind: Kind::EVENT
                };
                DefaultCallsite::new(&METADATA)
            };
        };
    }
    kind!(ONE);
    kind!(OTHER);

    #[test]
    fn so_many_of_a_kind_are_logged_in_a_window_and_the_next_says_how_many_were_not() {
        #[expect(clippy::disallowed_methods, reason = "a beginning for made-up times")]
        let begun = Instant::now();
        for (target, most) in [
            (CONNECTION_TARGET, CONNECTION_EVENTS_MAX),
            ("services", EVENTS_MAX),
        ] {
            let mut limit = EventLimit::new(begun);
            let one = || ONE.metadata().callsite();
            for _ in 0..most {
                assert_eq!(limit.note(begun, one(), target), Some(0));
            }
            for _ in 0..554 {
                assert_eq!(limit.note(begun + WINDOW / 2, one(), target), None);
            }
            let other = OTHER.metadata().callsite();
            assert_eq!(
                limit.note(begun, other, target),
                Some(0),
                "others are logged"
            );
            assert_eq!(limit.note(begun + WINDOW, one(), target), Some(554));
            assert_eq!(limit.note(begun + WINDOW, one(), target), Some(0));
        }
    }
}
