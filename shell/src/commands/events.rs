//! The commands about events.

use super::{LOOK, details};
use crate::arguments::{Argument, Arguments, Kind};
use crate::parse::{Action, WantedEvents};
use crate::table::{Command, Positional, Switch};
use lastword_protocol::message::event::{EventTopic, EventTopics};

/// `sub TOPIC…|--all`
pub static SUB: Command = Command {
    path: "sub",
    summary: "Subscribe to events: they come between answers.",
    details: details(
        "From now on. `unsub`, logout and the end of input end it. Who is too slow is told how many \
         events were dropped.",
    ),
    positionals: TOPICS,
    options: &[Switch {
        name: "--all",
        value: None,
        summary: "Every topic.",
    }],
    build: |arguments| Action::Subscribe(topics(arguments)),
    ..LOOK
};

/// `unsub [TOPIC…]`
pub static UNSUB: Command = Command {
    path: "unsub",
    summary: "End subscriptions: to these topics, or all.",
    positionals: TOPICS,
    build: |arguments| Action::Unsubscribe(topics(arguments)),
    ..LOOK
};

/// `events [TOPIC…] [--tail N]`
pub static EVENTS: Command = Command {
    path: "events",
    summary: "List what has happened: the latest events.",
    details: details("The agent keeps some of each topic, and forgets them when it ends."),
    positionals: TOPICS,
    options: &[Switch {
        name: "--tail",
        value: Some(Kind::Integer {
            min: 0,
            max: MOST_EVENTS,
        }),
        summary: "This many events at most (100).",
    }],
    build: |arguments| {
        let tail = arguments.integer(0).map(u16::try_from);
        Action::Events(WantedEvents {
            topics: topics(arguments),
            tail: tail.map_or(EVENTS_SHOWN, |tail| tail.unwrap_or(u16::MAX)),
        })
    },
    ..LOOK
};

const TOPICS: &[Positional] = &[Positional {
    name: "TOPIC",
    kind: Kind::AnyOf(EventTopic::WORDS),
    required: false,
}];

/// The number of events that are listed if nobody says.
const EVENTS_SHOWN: u16 = 100;
/// The most events that may be asked for at once.
const MOST_EVENTS: u64 = 10_000;

/// The topics that are named, or all.
fn topics(arguments: &Arguments<'_>) -> EventTopics {
    match arguments.positionals {
        [Some(Argument::Choices(bits)), _] => EventTopics::from_bits(bits).unwrap_or_default(),
        _ => EventTopics::ALL,
    }
}
