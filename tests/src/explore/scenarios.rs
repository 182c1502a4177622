//! Who takes part, and what may happen to them.

use super::edge::{Peer, Scenario, Turns};

/// Asks for a reboot, and takes the acknowledgement at some time or never.
const ASKS: Peer = Peer {
    line: "power reboot --op 7\n",
    holds: true,
    dies: false,
};

/// As [`ASKS`], and takes the acknowledgement at once.
const TAKES: Peer = Peer {
    holds: false,
    ..ASKS
};

/// As [`ASKS`], or goes.
const ASKS_OR_GOES: Peer = Peer { dies: true, ..ASKS };

/// Has second thoughts about what anybody asked for.
const CANCELS: Peer = Peer {
    line: "power cancel\n",
    holds: false,
    dies: false,
};

/// Asks for something else.
const ASKS_FOR_ANOTHER: Peer = Peer {
    line: "power shutdown --op 8\n",
    ..ASKS
};

/// As [`ASKS_FOR_ANOTHER`], and takes the acknowledgement at once.
const TAKES_ANOTHER: Peer = Peer {
    holds: false,
    ..ASKS_FOR_ANOTHER
};

const PLAIN: Scenario = Scenario {
    name: "",
    peers: &[],
    turns: Turns::FirstWoken,
    stops: false,
    delays: 0,
    disk_refuses: None,
    fire_fails: None,
};

/// Scenarios whose orders are few: seen to their ends in a second.
pub const FEW: [Scenario; 7] = [
    Scenario {
        name: "a peer asks, and takes the acknowledgement, or goes, or is late",
        peers: &[ASKS_OR_GOES],
        turns: Turns::Any,
        delays: 1,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks with a delay and goes",
        peers: &[Peer {
            line: "power reboot --op 7 --in 1s\n",
            ..ASKS_OR_GOES
        }],
        delays: 2,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks with force, and the agent may be told to end",
        peers: &[Peer {
            line: "power reboot --op 7 --force\n",
            ..ASKS
        }],
        turns: Turns::Any,
        delays: 1,
        stops: true,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels",
        peers: &[ASKS, CANCELS],
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels, and the release cannot be recorded",
        peers: &[ASKS, CANCELS],
        disk_refuses: Some("Released"),
        ..PLAIN
    },
    Scenario {
        name: "two peers ask for the same",
        peers: &[ASKS, ASKS],
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, and firing fails",
        peers: &[ASKS_OR_GOES],
        turns: Turns::Any,
        fire_fails: Some(5),
        ..PLAIN
    },
];

/// Scenarios whose orders are many: for a program that is built to be fast.
pub const MANY: [Scenario; 8] = [
    Scenario {
        name: "two peers ask for different things, and firing fails",
        peers: &[TAKES, TAKES_ANOTHER],
        fire_fails: Some(5),
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels, on any executor",
        peers: &[ASKS, CANCELS],
        turns: Turns::Any,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels, both may go, on any executor",
        peers: &[
            ASKS_OR_GOES,
            Peer {
                dies: true,
                ..CANCELS
            },
        ],
        turns: Turns::Any,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels, both may go or be late",
        peers: &[
            ASKS_OR_GOES,
            Peer {
                dies: true,
                ..CANCELS
            },
        ],
        delays: 1,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks with force and a delay, another cancels",
        peers: &[
            Peer {
                line: "power reboot --op 7 --force --in 1s\n",
                ..ASKS_OR_GOES
            },
            CANCELS,
        ],
        delays: 2,
        ..PLAIN
    },
    Scenario {
        name: "a peer asks, another cancels, and the agent may be told to end",
        peers: &[ASKS_OR_GOES, CANCELS],
        stops: true,
        ..PLAIN
    },
    Scenario {
        name: "two peers ask for the same, both may go",
        peers: &[ASKS_OR_GOES, ASKS_OR_GOES],
        ..PLAIN
    },
    Scenario {
        name: "two peers ask for different things, both may go",
        peers: &[
            ASKS_OR_GOES,
            Peer {
                dies: true,
                ..ASKS_FOR_ANOTHER
            },
        ],
        ..PLAIN
    },
];
