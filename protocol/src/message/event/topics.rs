//! Topics: the kinds of events, and sets of them.

use crate::codec::words;
use serde::{Deserialize, Serialize};

/// A kind of events that can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventTopic {
    /// Operations: each phase, and the outcome.
    Power,
    /// Services: each change of state.
    Services,
    /// Sessions: their beginnings and ends.
    Sessions,
    /// Rollouts of generations: each step.
    Rollouts,
    /// Health checks of a generation that soaks: each change of a result.
    Checks,
}

impl EventTopic {
    /// The number of topics.
    pub const COUNT: usize = Self::ALL.len();
    /// Every topic, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Power,
        Self::Services,
        Self::Sessions,
        Self::Rollouts,
        Self::Checks,
    ];
    /// The words for them, in the same order.
    pub const WORDS: &'static [&'static str] =
        &["power", "services", "sessions", "rollouts", "checks"];
}

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventTopics(u8);

impl EventTopics {
    /// No topic.
    pub const NONE: Self = Self(0);
    /// Every topic.
    pub const ALL: Self = Self((1 << EventTopic::COUNT) - 1);

    /// Returns the set with these bits, the first topic's the lowest; `None` if one of them is no
    /// topic's.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// Returns a bit for each topic, the first one's the lowest.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the set with one more topic.
    #[must_use]
    pub const fn with(self, topic: EventTopic) -> Self {
        Self(self.0 | 1 << topic as u8)
    }

    /// Returns the topics of either set.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Returns the topics that are not in the other set.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Returns whether a topic is in the set.
    #[must_use]
    pub const fn contains(self, topic: EventTopic) -> bool {
        self.0 & 1 << topic as u8 != 0
    }

    /// Returns whether there is no topic in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns its topics, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = EventTopic> {
        EventTopic::ALL
            .into_iter()
            .filter(move |topic| self.contains(*topic))
    }
}

words! {
    EventTopic {
        Power = "power",
        Services = "services",
        Sessions = "sessions",
        Rollouts = "rollouts",
        Checks = "checks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_the_topics_that_were_put_in() {
        let power = EventTopics::NONE.with(EventTopic::Power);
        let both = power.with(EventTopic::Sessions);
        assert!(both.iter().eq([EventTopic::Power, EventTopic::Sessions]));
        assert_eq!(both.without(power).bits(), 0b100);
        let all = power.and(both).with(EventTopic::Services);
        let all = all.with(EventTopic::Rollouts).with(EventTopic::Checks);
        assert_eq!((all, all.bits()), (EventTopics::ALL, 0b1_1111));
        assert!(all.iter().eq(EventTopic::ALL));
        assert_eq!(EventTopics::from_bits(0b1_1111), Some(EventTopics::ALL));
        assert_eq!(EventTopics::from_bits(0b10_0000), None);
        assert!(EventTopics::ALL.without(EventTopics::ALL).is_empty());
        let words = EventTopic::ALL.map(EventTopic::word);
        assert_eq!(words, EventTopic::WORDS);
    }
}
